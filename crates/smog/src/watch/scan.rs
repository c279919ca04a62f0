//! Finding records in a log of any size: big blocks are searched for what a wanted record
//! must hold, and only around such places lines are read.
//!
//! What is found is what an [`Assembler`] makes of the whole log, as long as the lines of
//! a record stand within [`WINDOW`] of each other.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::ops::ControlFlow;

use jiff::tz::TimeZone;
use regex::bytes::{Regex, RegexBuilder};

use super::assemble::{Assembler, LONGEST_RECORD, MOST_OPEN, Open, goes_on};
use super::exception::{NAME_ENDS, TRACEBACK};
use super::filter::wrong_pattern;
use super::head::{self, Head, Kind};
use super::level::Level;
use super::record::Record;
use crate::error::Result;

/// So much of a log is at hand behind the place being read, to find where a record began.
const WINDOW: usize = 2 << 20;

/// So much is read and searched at a time.
const BLOCK: usize = 256 << 10;

/// Which records of a log are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What a line of each of them holds.
    holds: Regex,
    exceptions: bool,
}

impl Wanted {
    /// Those that tell of an exception.
    ///
    /// # Errors
    /// None in practice: the expression is smog's own.
    pub fn exceptions() -> Result<Wanted> {
        let mut literals = vec![regex::escape(TRACEBACK)];
        literals.extend(NAME_ENDS.iter().map(|end| (*end).to_string()));
        Ok(Wanted { exceptions: true, ..Wanted::matching(&literals.join("|"))? })
    }

    /// Those with a match of a regular expression within one of their lines.
    ///
    /// # Errors
    /// [`Error::Invalid`] that shows where the expression is wrong.
    pub fn matching(expression: &str) -> Result<Wanted> {
        let holds =
            RegexBuilder::new(expression).multi_line(true).build().map_err(|why| wrong_pattern(&why))?;
        Ok(Wanted { holds, exceptions: false })
    }
}

/// A search in one log.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The host in the records.
    pub host: String,
    /// The log's name in the records.
    pub source: String,
    /// Times without an offset are those of this zone.
    pub zone: TimeZone,
    /// Which records are told.
    pub wanted: Wanted,
}

/// How much was read and found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes of the log.
    pub bytes: u64,
    /// Records told.
    pub records: u64,
}

impl Scan {
    /// Read a log to its end, or until `on_record` breaks off; memory does not grow with it.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn read(
        &self,
        input: impl Read,
        on_record: impl FnMut(Record) -> ControlFlow<()>,
    ) -> io::Result<Scanned> {
        self.read_sized(input, on_record, WINDOW, BLOCK)
    }

    fn read_sized(
        &self,
        input: impl Read,
        on_record: impl FnMut(Record) -> ControlFlow<()>,
        window: usize,
        block: usize,
    ) -> io::Result<Scanned> {
        let assembler = Assembler::new(&*self.host, &*self.source, self.zone.clone());
        let mut search = Search {
            scan: self,
            log: Log::new(input, window, block),
            on_record,
            found: None,
            searched: 0,
            assembler,
            began: 0,
            place: 0,
            known: Known { all: true, ..Known::default() },
            targets: BTreeSet::new(),
            told: BTreeSet::new(),
            records: 0,
        };
        search.run()?;
        Ok(Scanned { bytes: search.log.end(), records: search.records })
    }
}

/// The part of a log that is at hand. Places are counted from the log's beginning.
struct Log<R> {
    input: R,
    bytes: Vec<u8>,
    /// The place of the first byte at hand, and how many there are.
    base: u64,
    filled: usize,
    ended: bool,
    window: usize,
    block: usize,
    /// Behind the last line end at hand; behind everything when the log has ended.
    whole_lines: u64,
}

impl<R: Read> Log<R> {
    fn new(input: R, window: usize, block: usize) -> Log<R> {
        // What is kept is moved to the front once in so many blocks.
        let room = 2 * window + 4 * block;
        Log { input, bytes: vec![0; room], base: 0, filled: 0, ended: false, window, block, whole_lines: 0 }
    }

    fn end(&self) -> u64 {
        self.base + self.filled as u64
    }

    fn at(&self, place: u64) -> usize {
        (place - self.base) as usize
    }

    fn part(&self, from: u64, to: u64) -> &[u8] {
        &self.bytes[self.at(from)..self.at(to)]
    }

    /// Read one block more. What stands at `in_use` and a window before it stays at hand.
    fn more(&mut self, in_use: u64) -> io::Result<()> {
        if self.bytes.len() - self.filled < self.block {
            let drop = self.at(in_use).saturating_sub(self.window);
            self.bytes.copy_within(drop..self.filled, 0);
            self.base += drop as u64;
            self.filled -= drop;
        }
        let to = (self.filled + self.block).min(self.bytes.len());
        let read = loop {
            match self.input.read(&mut self.bytes[self.filled..to]) {
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        let before = self.filled;
        self.filled += read;
        if read == 0 {
            self.ended = true;
            self.whole_lines = self.end();
        } else if let Some(at) = memchr::memrchr(b'\n', &self.bytes[before..self.filled]) {
            self.whole_lines = self.base + (before + at + 1) as u64;
        }
        Ok(())
    }

    /// The line before the one that begins at `place`: where it begins, if that is at hand.
    fn line_before(&self, place: u64) -> Option<u64> {
        let end = self.at(place).checked_sub(1)?;
        match memchr::memrchr(b'\n', &self.bytes[..end]) {
            Some(at) => Some(self.base + at as u64 + 1),
            None => (self.base == 0).then_some(0),
        }
    }

    /// Where the line around `place` begins, as far as it is at hand.
    fn line_of(&self, place: u64) -> u64 {
        let at = memchr::memrchr(b'\n', &self.bytes[..self.at(place)]);
        at.map_or(self.base, |at| self.base + at as u64 + 1)
    }

    /// Behind the end of the line at `place`, if it is at hand.
    fn line_end(&self, place: u64) -> Option<u64> {
        if place >= self.whole_lines {
            return None;
        }
        let at = memchr::memchr(b'\n', self.part(place, self.whole_lines));
        match at {
            Some(at) => Some(place + at as u64 + 1),
            None => self.ended.then_some(self.whole_lines),
        }
    }
}

/// A search under way.
struct Search<'a, R, F> {
    scan: &'a Scan,
    log: Log<R>,
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
    /// Where records begin that were told and could be met again.
    told: BTreeSet<u64>,
    records: u64,
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

impl<R: Read, F: FnMut(Record) -> ControlFlow<()>> Search<'_, R, F> {
    fn run(&mut self) -> io::Result<()> {
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
            let hit = self.scan.wanted.holds.find(self.log.part(start, end));
            self.found = hit.map(|hit| start + hit.start() as u64);
            self.searched = self.found.unwrap_or(end);
        }
        self.found.filter(|found| *found < to)
    }

    /// Whether a line with a hit can make its record a wanted one.
    fn may_be_wanted(&self, line: u64, end: u64) -> bool {
        let is_grave =
            |head: &Head<'_>, _: &str| head.level >= Some(Level::Error) && head.kind != Kind::Request;
        !self.scan.wanted.exceptions
            || memchr::memmem::find(self.log.part(line, end), TRACEBACK.as_bytes()).is_some()
            // A name counts in the first line of an error only.
            || self.with_head(line, is_grave) == Some(true)
    }

    /// Ask the head of a line, and what stands behind it; none if the line has no head.
    fn with_head<T>(&self, line: u64, ask: impl FnOnce(&Head<'_>, &str) -> T) -> Option<T> {
        let end = self.log.line_end(line).unwrap_or(self.log.end());
        let bytes = self.log.part(line, end);
        let bytes = &bytes[..bytes.len().min(LONGEST_RECORD)];
        let text = String::from_utf8_lossy(without_line_end(bytes));
        let head = head::parse(&text, &self.scan.zone)?;
        Some(ask(&head, &text[head.message..]))
    }

    fn has_head(&self, line: u64) -> bool {
        self.with_head(line, |_, _| ()).is_some()
    }

    /// Read lines, from before the one at `hit` until every record that may be wanted is complete.
    fn around(&mut self, hit: u64) -> io::Result<ControlFlow<()>> {
        let base = self.log.base;
        for places in [&mut self.told, &mut self.known.sure, &mut self.known.unsure] {
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
            // Farther back than what is at hand is not looked.
            if start < first && self.began >= self.log.base {
                self.known.sure.insert(start);
                return Ok(Some((Step::Again(start.min(self.began)), vec![])));
            }
            self.targets.insert(first);
        }
        Ok(Some((Step::GoOn, ended)))
    }

    /// What the line just read tells of the lines before the first one that was read.
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
                // So many others wrote since that it was given up as complete.
                None if seen.len() >= MOST_OPEN => break,
                None => {}
            }
        }
        first
    }

    /// Tell the wanted ones of complete records.
    fn tell(&mut self, ended: Vec<Open>) -> ControlFlow<()> {
        for open in ended {
            let first = open.first;
            if !self.targets.remove(&first) || self.told.contains(&first) {
                continue;
            }
            let record = self.assembler.record(open);
            let is_wanted = match self.scan.wanted.exceptions {
                true => record.is_exception(),
                false => self.scan.wanted.holds.is_match(record.text.as_bytes()),
            };
            if is_wanted {
                self.told.insert(first);
                self.records += 1;
                (self.on_record)(record)?;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Whether this line of a record tells by itself whether a traceback goes on behind it.
fn is_plain(message: &str) -> bool {
    !message.is_empty() && !message.starts_with([' ', '\t'])
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scan(wanted: Wanted) -> Scan {
        Scan { host: "cmp1".into(), source: "/var/log/x.log".into(), zone: TimeZone::UTC, wanted }
    }

    fn found(scan: &Scan, log: &[u8], window: usize, block: usize) -> Vec<Record> {
        let mut out = vec![];
        let told = |record| {
            out.push(record);
            ControlFlow::Continue(())
        };
        let scanned = scan.read_sized(log, told, window, block).expect("a slice can be read");
        assert_eq!((scanned.bytes, scanned.records), (log.len() as u64, out.len() as u64));
        out
    }

    /// What the whole log tells, line by line.
    fn all(log: &[u8]) -> Vec<Record> {
        let mut assembler = Assembler::new("cmp1", "/var/log/x.log", TimeZone::UTC);
        let mut out = vec![];
        assembler.push(log, &mut out);
        assembler.finish(&mut out);
        out
    }

    fn exceptions(log: &[u8]) -> Vec<Record> {
        all(log).into_iter().filter(Record::is_exception).collect()
    }

    const MESSAGES: &[&str] = &[
        "begin",
        "",
        " indented",
        "  File \"a.py\", line 1, in f",
        "Traceback (most recent call last):",
        "Failed: Traceback (most recent call last):",
        "ValueError: x",
        "nova.exception.NoValidHost: No valid host",
        "Timeout",
        "During handling of the above exception, another exception occurred:",
        "it was a KeyError: 'x' again",
        "Error",
    ];

    /// One line in any of the forms, of few processes and times, so that many belong together.
    fn line(pids: u32) -> impl Strategy<Value = Vec<u8>> {
        let parts = (0..10_u8, 0..pids, 0..2_u8, 0..3_usize, 0..MESSAGES.len(), 0..24_u8);
        parts.prop_map(|(form, pid, second, level, message, odd)| {
            let message = MESSAGES[message];
            let level = ["INFO", "ERROR", "error"][level];
            let time = format!("2026-11-24 10:00:0{second}.200");
            let mut line = match form {
                0..=1 => format!("{time} {pid} {level} a.b [None req-{pid} u p] {message}"),
                2..=4 => format!("{time} {pid} {level} a.b {message}"),
                5 => format!("[Tue Nov 24 10:00:0{second} 2026] [wsgi:{level}] [pid {pid}:tid 1] {message}"),
                6 => format!("{time}+00:00 [{level}] <0.1.0> {message}"),
                7 => format!("{time}+0000: {pid}: {level} : virThing:1 : {message}"),
                8 => format!("{time}Z|00001|vlog|{}|{message}", ["INFO", "ERR", "EMER"][second as usize]),
                _ => message.to_string(),
            }
            .into_bytes();
            match odd {
                0 => line.insert(0, 0),
                1 => line.push(0xff),
                2 => line.push(b'\r'),
                3 => line.extend([b'x'; 300]),
                4 => line.clear(),
                5 if !line.is_empty() => {
                    let at = line.len() / 2;
                    line[at] = 0xc3;
                }
                _ => {}
            }
            line
        })
    }

    fn log() -> impl Strategy<Value = Vec<u8>> {
        let lines = prop_oneof![
            proptest::collection::vec(line(2), 0..60),
            proptest::collection::vec(line(4), 0..120),
            proptest::collection::vec(line(24), 0..200)
        ];
        (lines, any::<bool>()).prop_map(|(lines, ends)| {
            let mut log = lines.join(&b'\n');
            if ends {
                log.push(b'\n');
            }
            log
        })
    }

    #[test]
    fn a_record_is_told_with_its_first_and_last_line() {
        let log = b"\
2026-11-24 10:00:00.100 7 INFO a [-] begin
2026-11-24 10:00:00.200 7 ERROR a [None req-7 u p] seven
2026-11-24 10:00:00.201 8 INFO a [None req-8 u p] it was no Timeout: 8
2026-11-24 10:00:00.200 7 ERROR a Traceback (most recent call last):
2026-11-24 10:00:00.202 8 INFO a [-] on
2026-11-24 10:00:00.200 7 ERROR a SevenError: 7
2026-11-24 10:00:00.300 7 INFO a [-] on
";
        let found = found(&scan(Wanted::exceptions().expect("a pattern")), log, WINDOW, BLOCK);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].request_id.as_deref(), Some("req-7"));
        assert_eq!(found[0].text.lines().count(), 3);
    }

    #[test]
    fn a_line_longer_than_what_is_kept_of_a_log() {
        let mut log = b"2026-11-24 10:00:00.200 7 ERROR a [None req-7 u p] KeyError: ".to_vec();
        log.resize(3 * WINDOW, b'x');
        log.extend(b"\n2026-11-24 10:00:00.200 7 ERROR a Traceback (most recent call last):\n");
        log.extend(
            b"2026-11-24 10:00:00.300 7 ERROR a [-] ValueError: y\n2026-11-24 10:00:00.300 7 INFO a [-] ",
        );
        log.resize(6 * WINDOW, b'x');
        log.extend(b" KeyError: z");
        let found = found(&scan(Wanted::exceptions().expect("a pattern")), &log, WINDOW, BLOCK);
        assert_eq!(found, exceptions(&log));
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn a_process_that_ended_with_an_error_is_not_waited_for() {
        let mut log = b"2026-11-24 10:00:00.200 7 ERROR a [-] KeyError: x\n".to_vec();
        log.extend(b"2026-11-24 10:00:00.300 8 INFO a [-] on\n".repeat(1000));
        let mut left = None;
        let counted = std::cell::Cell::new(0);
        let input = Counted { rest: &log, read: &counted };
        let told = |record: Record| {
            left = Some((record.message, counted.get()));
            ControlFlow::Continue(())
        };
        scan(Wanted::exceptions().expect("a pattern"))
            .read_sized(input, told, 1000, 100)
            .expect("it can be read");
        let (message, read) = left.expect("one record");
        assert_eq!(message, "KeyError: x");
        assert!(read < 2000, "told after {read} bytes of {}", log.len());
    }

    struct Counted<'a> {
        rest: &'a [u8],
        read: &'a std::cell::Cell<usize>,
    }

    impl Read for Counted<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let read = self.rest.read(to)?;
            self.read.set(self.read.get() + read);
            Ok(read)
        }
    }

    #[test]
    fn it_stops_when_told_to() {
        let log = b"2026-11-24 10:00:00.200 7 ERROR a [-] KeyError: 1\n".repeat(9);
        let told = |_| ControlFlow::Break(());
        let scan = scan(Wanted::exceptions().expect("a pattern"));
        assert_eq!(scan.read(&log[..], told).expect("a slice can be read").records, 1);
    }

    #[test]
    fn a_wrong_pattern_is_shown() {
        let why = Wanted::matching("(x").expect_err("unclosed").to_string();
        assert!(why.contains("unclosed group"), "{why}");
    }

    proptest! {
        /// However small the blocks, it tells what the whole log tells.
        #[test]
        fn the_same_as_line_by_line(log in log(), block in prop_oneof![1_usize..80, Just(4096)]) {
            let scan = scan(Wanted::exceptions()?);
            prop_assert_eq!(found(&scan, &log, 64 << 10, block), exceptions(&log));
        }

        /// The same for a pattern, as long as a match is within a line.
        #[test]
        fn a_pattern_tells_the_same_as_line_by_line(log in log(), block in 1_usize..80) {
            let scan = scan(Wanted::matching("KeyError|^  File")?);
            let mut expected = all(&log);
            expected.retain(|record| record.text.contains("KeyError") || record.text.lines().any(|line| line.starts_with("  File")));
            prop_assert_eq!(found(&scan, &log, 64 << 10, block), expected);
        }

        /// With less at hand than a record needs it still ends, and reads everything.
        #[test]
        fn no_window_breaks_it(log in log(), window in 1_usize..400, block in 1_usize..80) {
            found(&scan(Wanted::exceptions()?), &log, window, block);
        }

        /// Nor do any bytes.
        #[test]
        fn any_bytes(log in proptest::collection::vec(any::<u8>(), 0..300), block in 1_usize..80) {
            let scan = scan(Wanted::exceptions()?);
            prop_assert_eq!(found(&scan, &log, 64 << 10, block), exceptions(&log));
        }
    }
}
