//! A search in big blocks: lines are read only around what a wanted record must hold.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::ops::ControlFlow;

use super::Scan;
use super::at_hand::Log;
use super::wanted::Found;
use crate::watch::assemble::{Assembler, LONGEST_RECORD, MOST_OPEN, Open, goes_on};
use crate::watch::exception::TRACEBACK;
use crate::watch::head::{self, Head, Kind};
use crate::watch::level::Level;
use crate::watch::record::Record;

/// A search under way.
pub(super) struct Search<'a, R, F> {
    scan: &'a Scan,
    pub(super) log: Log<R>,
    on_record: F,
    /// The next hit, and up to where there is no other.
    found: Option<u64>,
    searched: u64,
    /// The lines before `place`, from some line on, are in the assembler.
    assembler: Assembler,
    began: u64,
    place: u64,
    known: Known,
    /// Where records begin that may be wanted and are not complete.
    targets: BTreeSet<u64>,
    /// Where records begin that were reported and could be found again.
    reported: BTreeSet<u64>,
    pub(super) records: u64,
    pub(super) torn: u64,
}

/// What is known of the lines before the one where reading began.
#[derive(Default)]
struct Known {
    /// What these processes had open then does not matter any more.
    pids: BTreeSet<Option<u32>>,
    /// Nor what any had.
    all: bool,
    /// Where records seem to begin which may have begun before.
    unsure: BTreeSet<u64>,
    /// Where records are known to begin.
    sure: BTreeSet<u64>,
}

/// What reading a line came to.
enum Step {
    GoOn,
    /// Reading must begin there instead.
    Again(u64),
}

impl<'a, R: Read, F: FnMut(Record) -> ControlFlow<()>> Search<'a, R, F> {
    /// Of a log of which nothing was read yet; `assembler` knows its form.
    pub(super) fn new(scan: &'a Scan, log: Log<R>, on_record: F, assembler: Assembler) -> Search<'a, R, F> {
        Search {
            scan,
            log,
            on_record,
            found: None,
            searched: 0,
            assembler,
            began: 0,
            place: 0,
            known: Known { all: true, ..Known::default() },
            targets: BTreeSet::new(),
            reported: BTreeSet::new(),
            records: 0,
            torn: 0,
        }
    }

    /// Read to the end, or until no more is wanted.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let mut place = 0;
        loop {
            let is_overlong = self.log.end() - place.max(self.log.whole_lines) > self.log.window as u64;
            let line = match self.hit(place, self.log.whole_lines) {
                Some(hit) => self.log.line_of(hit).max(place),
                // A line longer than what is kept of the log is looked at in any case.
                None if is_overlong => place.max(self.log.whole_lines),
                None if self.log.ended => return Ok(()),
                None => {
                    place = place.max(self.log.whole_lines);
                    self.log.more(place)?;
                    continue;
                }
            };
            if let Some(end) = self.log.line_end(line)
                && !self.may_be_wanted(line, end)
            {
                place = end;
                continue;
            }
            if self.around(line)?.is_break() {
                return Ok(());
            }
            place = self.place;
        }
    }

    /// The first hit at or behind `from`, if it is before `to`.
    fn hit(&mut self, from: u64, to: u64) -> Option<u64> {
        if self.found.is_none_or(|found| found < from) {
            let (start, end) = (self.searched.max(from), self.log.whole_lines);
            if start >= end {
                return None;
            }
            let hit = self.scan.wanted.holds().and_then(|holds| holds.find(self.log.part(start, end)));
            self.found = hit.map(|hit| start + hit.start() as u64);
            self.searched = self.found.unwrap_or(end);
        }
        self.found.filter(|found| *found < to)
    }

    /// Whether a line with a hit can make its record a wanted one.
    fn may_be_wanted(&self, line: u64, end: u64) -> bool {
        let is_grave =
            |head: &Head<'_>, _: &str| head.level >= Some(Level::Error) && head.kind != Kind::Request;
        !self.scan.wanted.is_of_exceptions()
            || memchr::memmem::find(self.log.part(line, end), TRACEBACK.as_bytes()).is_some()
            // A name counts in the first line of an error only.
            || self.with_head(line, is_grave) == Some(true)
    }

    /// Ask the head of a line, and what stands behind it; none if the line has no head.
    fn with_head<T>(&self, line: u64, ask: impl FnOnce(&Head<'_>, &str) -> T) -> Option<T> {
        let end = self.log.line_end(line).unwrap_or(self.log.end());
        let bytes = self.log.part(line, end);
        let bytes = &bytes[..bytes.len().min(LONGEST_RECORD)];
        let text = head::text(without_line_end(bytes));
        let head = head::parse(&text, &self.scan.clock)?;
        Some(ask(&head, &text[head.message..]))
    }

    fn has_head(&self, line: u64) -> bool {
        self.with_head(line, |_, _| ()).is_some()
    }

    /// Read lines, from before the one at `hit` until every record that may be wanted is complete.
    fn around(&mut self, hit: u64) -> io::Result<ControlFlow<()>> {
        let base = self.log.base;
        for places in [&mut self.reported, &mut self.known.sure, &mut self.known.unsure] {
            *places = places.split_off(&base);
        }
        // A line without a head belongs to the last one that has one.
        let mut start = hit;
        while start > self.place
            && !self.has_head(start)
            && let Some(before) = self.log.line_before(start)
        {
            start = before;
        }
        // Where reading stopped it can go on; else nothing before matters.
        if start > self.place {
            self.begin_at(start);
        }
        let mut grown = hit;
        loop {
            match self.line(hit)? {
                None => {
                    let mut ended = vec![];
                    self.assembler.end(&mut ended);
                    return Ok(self.tell(ended));
                }
                Some((Step::Again(start), _)) => {
                    self.begin_at(start);
                    continue;
                }
                Some((Step::GoOn, ended)) => {
                    if self.tell(ended).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            match self.assembler.last() {
                Some(open) if self.targets.contains(&open.first) => grown = self.place,
                // A process that ended with an error writes nothing that completes its record.
                _ if self.place.saturating_sub(grown.max(hit)) > self.log.window as u64 => {
                    let given_up = self.assembler.give_up(&self.targets);
                    if self.tell(given_up).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                _ => {}
            }
            if self.place > hit && self.targets.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    fn begin_at(&mut self, start: u64) {
        self.assembler.begin_at(start);
        self.targets.clear();
        self.known.pids.clear();
        self.known.unsure.clear();
        self.known.all = start == 0;
        (self.began, self.place) = (start, start);
        (self.found, self.searched) = (None, start);
    }

    /// Read one line, and the records that are complete by it; none at the log's end.
    fn line(&mut self, hit: u64) -> io::Result<Option<(Step, Vec<Open>)>> {
        let mut ended = vec![];
        let line = self.place;
        let mut piece = line;
        let end = loop {
            if let Some(end) = self.log.line_end(piece) {
                break end;
            }
            if self.log.ended {
                break self.log.end();
            }
            if self.log.end() - piece > self.log.window as u64 {
                let to = self.log.end();
                self.assembler.take(&self.log.bytes[self.log.at(piece)..self.log.at(to)], &mut ended);
                piece = to;
            }
            self.log.more(piece)?;
        };
        if end == line {
            return Ok(None);
        }
        let is_whole = piece == line;
        if is_whole && let Some(start) = self.before_bare(line) {
            return Ok(Some((Step::Again(start), vec![])));
        }
        let is_hit =
            line >= hit && (!is_whole || self.hit(line, end).is_some() && self.may_be_wanted(line, end));
        let had_open = self.assembler.is_open();
        let bytes = &self.log.bytes[self.log.at(piece)..self.log.at(end)];
        self.assembler.take(bytes, &mut ended);
        if bytes.last() != Some(&b'\n') {
            // The log's last line is complete without its end.
            self.assembler.take(b"\n", &mut ended);
        }
        self.place = end;
        self.learn(line, is_whole, had_open);
        if is_hit
            && let Some((first, start)) = self.assembler.last().map(|open| (open.first, self.beginning(open)))
        {
            // What is no longer in memory is not searched.
            if start < first && self.began >= self.log.base {
                self.known.sure.insert(start);
                return Ok(Some((Step::Again(start.min(self.began)), vec![])));
            }
            self.targets.insert(first);
        }
        Ok(Some((Step::GoOn, ended)))
    }

    /// What the line just read shows about the lines before the first one that was read.
    fn learn(&mut self, line: u64, is_whole: bool, had_open: bool) {
        let Some(open) = self.assembler.last() else {
            // An empty line between records ends all of them.
            self.known.all = true;
            return;
        };
        let (pid, kind, first) = (open.pid, open.kind, open.first);
        let is_known = self.known.all || self.known.pids.contains(&pid) || self.known.sure.contains(&line);
        if first == line && !is_known && matches!(kind, Some(Kind::OsloMore | Kind::EachLine)) {
            self.known.unsure.insert(first);
        }
        match kind {
            _ if is_known => _ = self.known.pids.insert(pid),
            // A line without a head that begins a record ends all others.
            None => self.known.all |= first == line && had_open,
            Some(Kind::EachLine) => {
                let tells = |_: &Head<'_>, message: &str| is_plain(message);
                if is_whole && self.with_head(line, tells) == Some(true) {
                    self.known.pids.insert(pid);
                }
            }
            Some(_) => _ = self.known.pids.insert(pid),
        }
    }

    /// Whether a line without a head, coming next, might go on with a record that began
    /// before reading did: then from where to read instead.
    fn before_bare(&mut self, line: u64) -> Option<u64> {
        let open = self.assembler.last()?;
        let (pid, first) = (open.pid, open.first);
        if open.kind != Some(Kind::EachLine)
            || self.known.all
            || self.known.pids.contains(&pid)
            || self.has_head(line)
        {
            return None;
        }
        let start = self.beginning(open);
        self.known.sure.insert(start);
        if start == first || self.began < self.log.base {
            self.known.pids.insert(pid);
            self.known.unsure.remove(&first);
            return None;
        }
        Some(start.min(self.began))
    }

    /// Where a record began of which only later lines may have been read.
    fn beginning(&self, open: &Open) -> u64 {
        let mut first = open.first;
        if !self.known.unsure.contains(&first) || first < self.log.base {
            return first;
        }
        let mut seen: BTreeSet<Option<u32>> = BTreeSet::new();
        let mut next_has_head = true;
        let mut at = first;
        let mut is_indented =
            self.with_head(first, |_, message| message.starts_with([' ', '\t'])) == Some(true);
        while let Some(line) = self.log.line_before(at) {
            at = line;
            let of_it = self.with_head(line, |head, message| {
                if head.pid != open.pid {
                    seen.insert(head.pid);
                    return None;
                }
                let (is_of_it, ends) = match open.kind {
                    Some(Kind::OsloMore) => (
                        matches!(head.kind, Kind::Oslo | Kind::OsloMore)
                            && head.time == open.time
                            && head.logger.unwrap_or_default() == open.logger,
                        head.kind == Kind::Oslo,
                    ),
                    _ => {
                        let is_over =
                            is_plain(message) && !goes_on(false, message) && next_has_head && !is_indented;
                        (head.kind == Kind::EachLine && head.level == open.level && !is_over, false)
                    }
                };
                Some((is_of_it, ends, message.starts_with([' ', '\t'])))
            });
            next_has_head = of_it.is_some();
            match of_it.flatten() {
                Some((true, ends, indented)) => {
                    first = line;
                    is_indented = indented;
                    seen.clear();
                    if ends {
                        break;
                    }
                }
                Some((false, ..)) => break,
                // So many others wrote since that it counts as complete.
                None if seen.len() >= MOST_OPEN => break,
                None => {}
            }
        }
        first
    }

    /// Report the complete records that are wanted.
    fn tell(&mut self, ended: Vec<Open>) -> ControlFlow<()> {
        for open in ended {
            let first = open.first;
            if !self.targets.remove(&first) || self.reported.contains(&first) {
                continue;
            }
            match self.scan.wanted.judge(&self.assembler, open) {
                Found::Record(record) => {
                    self.reported.insert(first);
                    self.records += 1;
                    (self.on_record)(*record)?;
                }
                Found::Torn => self.torn += 1,
                Found::Nothing => {}
            }
        }
        ControlFlow::Continue(())
    }
}

/// Whether this line of a record alone shows whether a traceback continues after it.
fn is_plain(message: &str) -> bool {
    !message.is_empty() && !message.starts_with([' ', '\t'])
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}
