//! From bytes to records: which lines belong together.

mod framed;
mod open;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use self::open::add;
pub(super) use self::open::{Open, goes_on};
use super::clock::Clock;
use super::form::{Form, Line};
use super::formats::Formats;
use super::head::{self, Kind};
use super::json_form::Outer;
use super::record::{How, Record};

/// At most this many bytes of a record are kept; the rest is counted.
pub(super) const LONGEST_RECORD: usize = 1 << 20;

/// Records of so many processes may be under way in one file.
pub(super) const MOST_OPEN: usize = 16;

/// Makes records of the bytes of one log, whatever its form: the services' own, syslog's, the
/// journal's as text or JSON, containers'. The first lines decide the form, which is then kept.
/// Memory is bounded: one record of 1.25 MiB for each process that is writing one, and a line that
/// is not complete.
#[derive(Debug)]
pub struct Assembler {
    host: String,
    source: String,
    clock: Clock,
    /// Records that may go on, by the order of their last line.
    open: Vec<Open>,
    /// A line without its end.
    rest: Vec<u8>,
    /// Bytes of that line that were thrown away.
    rest_cut: u64,
    /// The head of the line before, when it continued the record that is last in `open`.
    repeated: head::Repeated,
    form: Form,
    /// The services' own format strings, where they are not the usual ones.
    formats: Option<Arc<Formats>>,
    /// What a line says of its host counts.
    own_hosts: bool,
    /// Pieces of a line whose last piece has not come (containers' engines cut long lines).
    pieces: String,
    /// Entries whose message was left out when they were written.
    without_message: u64,
    /// Where the line that is not complete begins, and where the next bytes do.
    line_at: u64,
    at: u64,
}

impl Assembler {
    /// For the log `source` of `host`; what its times do not say is as `clock` has it.
    pub fn new(host: impl Into<String>, source: impl Into<String>, clock: impl Into<Clock>) -> Assembler {
        let (host, source) = (host.into(), source.into());
        Assembler {
            host,
            source,
            clock: clock.into(),
            open: vec![],
            rest: vec![],
            rest_cut: 0,
            line_at: 0,
            at: 0,
            repeated: head::Repeated::default(),
            form: Form::default(),
            formats: None,
            own_hosts: false,
            pieces: String::new(),
            without_message: 0,
        }
    }

    /// Lines may have these forms of a deployment's own.
    pub(super) fn with_formats(mut self, formats: Option<Arc<Formats>>) -> Assembler {
        self.formats = formats;
        self
    }

    /// The host that a line names (syslog's, the journal's) is the record's; the one given is for
    /// lines that name none.
    pub(super) fn with_own_hosts(mut self, own_hosts: bool) -> Assembler {
        self.own_hosts = own_hosts;
        self
    }

    /// With its form known.
    pub(super) fn with_form(mut self, form: Form) -> Assembler {
        self.form = form;
        self
    }

    /// The form, as far as it is known.
    pub(super) fn form(&self) -> &Form {
        &self.form
    }

    /// How many entries there were whose message was left out when they were written.
    pub(super) fn without_message(&self) -> u64 {
        self.without_message
    }

    /// The next bytes stand there in the log, and begin a line; nothing is known of those before.
    pub(super) fn begin_at(&mut self, at: u64) {
        self.open.clear();
        self.repeated.forget();
        self.rest.clear();
        (self.rest_cut, self.line_at, self.at) = (0, at, at);
    }

    /// Take more bytes; records that are complete by them go to `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Record>) {
        let mut ended = vec![];
        self.take(bytes, &mut ended);
        out.extend(ended.into_iter().map(|open| self.record(open)));
    }

    /// [`Assembler::push`], with nothing read from the records yet.
    pub(super) fn take(&mut self, bytes: &[u8], out: &mut Vec<Open>) {
        let mut from = 0;
        while let Some(length) = memchr::memchr(b'\n', &bytes[from..]) {
            let end = from + length;
            if self.rest.is_empty() && self.rest_cut == 0 {
                self.line(&bytes[from..end], 0, out);
            } else {
                self.keep(&bytes[from..end]);
                let line = std::mem::take(&mut self.rest);
                let cut = std::mem::take(&mut self.rest_cut);
                self.line(&line, cut, out);
            }
            from = end + 1;
            self.line_at = self.at + from as u64;
        }
        self.keep(&bytes[from..]);
        self.at += bytes.len() as u64;
    }

    /// Nothing more came for a while: what is open is complete, except a line without its end.
    pub fn quiet(&mut self, out: &mut Vec<Record>) {
        self.repeated.forget();
        for open in std::mem::take(&mut self.open) {
            out.push(self.record(open));
        }
    }

    /// [`Assembler::quiet`], but a record that cannot be whole yet stays: a traceback whose last
    /// line has not come, or the head of one.
    pub(super) fn quiet_but_begun(&mut self, out: &mut Vec<Record>) {
        for open in std::mem::take(&mut self.open) {
            match open.is_begun() {
                true => self.open.push(open),
                false => out.push(self.record(open)),
            }
        }
    }

    /// There is nothing more: also a last line without its end is one.
    pub fn finish(&mut self, out: &mut Vec<Record>) {
        let mut ended = vec![];
        self.end(&mut ended);
        out.extend(ended.into_iter().map(|open| self.record(open)));
    }

    /// [`Assembler::finish`], with nothing read from the records yet.
    pub(super) fn end(&mut self, out: &mut Vec<Open>) {
        if !self.rest.is_empty() {
            let line = std::mem::take(&mut self.rest);
            let cut = std::mem::take(&mut self.rest_cut);
            self.line(&line, cut, out);
        }
        self.repeated.forget();
        out.append(&mut self.open);
    }

    /// Take out the records that begin at these places: nothing more is expected of them.
    pub(super) fn give_up(&mut self, firsts: &std::collections::BTreeSet<u64>) -> Vec<Open> {
        self.repeated.forget();
        self.open.extract_if(.., |open| firsts.contains(&open.first)).collect()
    }

    /// The record the last complete line belongs to, unless that line was empty and between records.
    pub(super) fn last(&self) -> Option<&Open> {
        self.open.last()
    }

    /// Whether a record may still go on.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether a line began whose end has not come.
    pub fn is_in_line(&self) -> bool {
        !self.rest.is_empty()
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST_RECORD.saturating_sub(self.rest.len()).min(bytes.len());
        self.rest.extend_from_slice(&bytes[..room]);
        self.rest_cut += (bytes.len() - room) as u64;
    }

    fn line(&mut self, bytes: &[u8], cut: u64, out: &mut Vec<Open>) {
        let room = bytes.len().min(LONGEST_RECORD);
        let cut = cut + (bytes.len() - room) as u64;
        let bytes = bytes[..room].strip_suffix(b"\r").unwrap_or(&bytes[..room]);
        let mut text = head::text(bytes);
        if let Some(formats) = &self.formats
            && let Cow::Owned(own) = formats.translated(&text, &self.clock)
        {
            text = Cow::Owned(own);
        }
        if self.form.is_native() {
            self.native(&text, cut, out);
            return;
        }
        let line = self.form.line(&text, &self.clock);
        match line {
            Line::Native => self.native(&text, cut, out),
            Line::Framed(lines) => {
                // An escaped record is one of several lines; its further ones may have heads.
                let mut lines = lines.split('\n');
                self.framed(lines.next().unwrap_or_default(), None, false, cut, out);
                for line in lines {
                    self.framed(line, None, true, 0, out);
                }
            }
            Line::Part(piece) => {
                let room = LONGEST_RECORD.saturating_sub(self.pieces.len()).min(piece.len());
                self.pieces.push_str(&piece[..piece.floor_char_boundary(room)]);
            }
            Line::Entry(outer, last) => {
                let mut message = std::mem::take(&mut self.pieces);
                message.push_str(&last);
                self.entry(&outer, &message, out);
            }
            Line::Whole(text) => {
                let mut lines = text.split('\n');
                self.framed(lines.next().unwrap_or_default(), None, false, cut, out);
                for line in lines {
                    if let Some(open) = self.open.last_mut() {
                        add(open, line, line, 0);
                    }
                }
                out.extend(self.open.pop());
            }
        }
    }

    /// An entry whose envelope says where it comes from; records that are complete by it go to `out`.
    pub(super) fn entry(&mut self, outer: &Outer, message: &str, out: &mut Vec<Open>) {
        self.without_message += u64::from(outer.is_without_message);
        let message = message.trim_end_matches('\n');
        if message.is_empty() && outer.is_without_message {
            return;
        }
        let message = match &self.formats {
            Some(formats) => formats.translated(message, &self.clock),
            None => Cow::Borrowed(message),
        };
        let mut lines = message.split('\n');
        self.framed(lines.next().unwrap_or_default(), Some(outer), false, 0, out);
        for line in lines {
            self.framed(line, Some(outer), true, 0, out);
        }
    }

    /// A line of a log in the services' own form.
    fn native(&mut self, text: &str, cut: u64, out: &mut Vec<Open>) {
        // The last record goes on under the same head, as most lines of a traceback do.
        if let Some(message) = self.repeated.message(text)
            && let Some(open) = self.open.last_mut()
        {
            add(open, text, message, cut);
            return;
        }
        self.repeated.forget();
        let clock = self.clock.clone();
        let Some(head) = head::parse(text, &clock) else {
            self.bare(text, cut, out);
            return;
        };
        let logger = head.logger.unwrap_or_default();
        let continues = |open: &Open| match head.kind {
            // Each further line of a record has the time, process and logger of its first.
            Kind::OsloMore => {
                open.pid == head.pid
                    && open.logger == logger
                    && open.time == head.time
                    && matches!(open.kind, Some(Kind::Oslo | Kind::OsloMore))
            }
            // These write every line with a head: a traceback goes on over them.
            Kind::EachLine => {
                let message = &text[head.message..];
                open.kind == Some(Kind::EachLine)
                    && open.pid == head.pid
                    && open.level == head.level
                    && (open.in_traceback || message.starts_with([' ', '\t']))
            }
            _ => false,
        };
        if let Some(at) = self.open.iter().rposition(continues) {
            let mut open = self.open.remove(at);
            add(&mut open, text, &text[head.message..], cut);
            self.open.push(open);
            self.repeated.note(text, &head);
            return;
        }
        // A process writes one record after the other: its last one is complete.
        out.extend(self.open.extract_if(.., |open| open.pid == head.pid));
        let mut open = Open { logger: logger.to_string(), ..Open::at(self.line_at) };
        (open.pid, open.level, open.time, open.kind) = (head.pid, head.level, head.time, Some(head.kind));
        add(&mut open, text, &text[head.message..], cut);
        self.begin(open, out);
    }

    /// A line without a head.
    fn bare(&mut self, text: &str, cut: u64, out: &mut Vec<Open>) {
        if let Some(open) = self.open.last_mut() {
            let continues = match open.kind {
                Some(Kind::Oslo | Kind::OsloMore | Kind::Stamped | Kind::Dated) => true,
                // A line of these is complete; so is one of a log without times.
                Some(Kind::Request | Kind::EachLine) | None => {
                    open.in_traceback || text.starts_with([' ', '\t']) || text.starts_with("Traceback (most")
                }
            };
            if continues {
                add(open, text, text, cut);
                return;
            }
        }
        out.append(&mut self.open);
        // A hole of NUL bytes is as empty as an empty line.
        if text.trim_start_matches('\0').is_empty() {
            return;
        }
        let mut open = Open::at(self.line_at);
        add(&mut open, text, text, cut);
        self.begin(open, out);
    }

    fn begin(&mut self, open: Open, out: &mut Vec<Open>) {
        self.open.push(open);
        if self.open.len() > MOST_OPEN {
            let oldest = self.open.remove(0);
            out.push(oldest);
        }
    }

    /// Parse a complete record.
    pub(super) fn record(&self, mut open: Open) -> Record {
        let how = if self.form.is_native() { How::Native } else { How::Framed };
        if !open.tail.is_empty() {
            open.text.push_str(&open.tail);
        }
        let (outer, named) = open.around.map_or((None, None), |around| (around.outer, around.host));
        let host = named.filter(|_| self.own_hosts).unwrap_or_else(|| self.host.clone());
        let source = outer.as_ref().and_then(|outer| outer.source.as_deref()).unwrap_or(&self.source);
        let mut record = Record::read(&host, source, open.text, open.cut, &self.clock, how);
        if let Some(outer) = outer {
            record.put_into(&outer);
        }
        record
    }
}

/// The records of a whole log, for tests.
#[cfg(test)]
pub(super) fn records(text: &[u8]) -> Vec<Record> {
    let mut assembler = Assembler::new("cmp1", "/var/log/x.log", jiff::tz::TimeZone::UTC);
    let mut out = vec![];
    assembler.push(text, &mut out);
    assembler.finish(&mut out);
    out
}
