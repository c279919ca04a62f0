//! From bytes to records: which lines belong together.

use jiff::tz::TimeZone;

use super::head::{self, Kind};
use super::level::Level;
use super::record::Record;

/// At most this many bytes of a record are kept; the rest is counted.
pub(super) const LONGEST_RECORD: usize = 1 << 20;

/// Records of so many processes may be under way in one file.
pub(super) const MOST_OPEN: usize = 16;

/// Makes records of the bytes of one log. Memory is bounded: one record of 1 MiB for
/// each process that is writing one, and a line that is not complete.
#[derive(Debug)]
pub struct Assembler {
    host: String,
    source: String,
    zone: TimeZone,
    /// Records that may go on, by the order of their last line.
    open: Vec<Open>,
    /// A line without its end.
    rest: Vec<u8>,
    /// Bytes of that line that were thrown away.
    rest_cut: u64,
    /// The head of the line before, when it continued the record that is last in `open`.
    repeated: head::Repeated,
    /// Where the line that is not complete begins, and where the next bytes do.
    line_at: u64,
    at: u64,
}

/// A record that may go on.
#[derive(Debug)]
pub(super) struct Open {
    /// Where its first line begins.
    pub(super) first: u64,
    pub(super) pid: Option<u32>,
    pub(super) logger: String,
    pub(super) level: Option<Level>,
    pub(super) time: Option<jiff::Timestamp>,
    /// The form of its first line.
    pub(super) kind: Option<Kind>,
    /// Inside a traceback: lines without a head belong to it whatever the log's form.
    in_traceback: bool,
    text: String,
    lines: usize,
    cut: u64,
}

impl Assembler {
    /// For the log `source` of `host`; times without an offset are those of `zone`.
    pub fn new(host: impl Into<String>, source: impl Into<String>, zone: TimeZone) -> Assembler {
        let (host, source) = (host.into(), source.into());
        Assembler {
            host,
            source,
            zone,
            open: vec![],
            rest: vec![],
            rest_cut: 0,
            line_at: 0,
            at: 0,
            repeated: head::Repeated::default(),
        }
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
        let text = String::from_utf8_lossy(bytes);
        // The last record goes on under the same head, as most lines of a traceback do.
        if let Some(message) = self.repeated.message(&text)
            && let Some(open) = self.open.last_mut()
        {
            add(open, &text, message, cut);
            return;
        }
        self.repeated.forget();
        let zone = self.zone.clone();
        let Some(head) = head::parse(&text, &zone) else {
            self.bare(&text, cut, out);
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
            add(&mut open, &text, &text[head.message..], cut);
            self.open.push(open);
            self.repeated.note(&text, &head);
            return;
        }
        // A process writes one record after the other: its last one is complete.
        let (ended, open): (Vec<Open>, Vec<Open>) =
            std::mem::take(&mut self.open).into_iter().partition(|open| open.pid == head.pid);
        self.open = open;
        out.extend(ended);
        let mut open = Open {
            first: self.line_at,
            pid: head.pid,
            logger: logger.to_string(),
            level: head.level,
            time: head.time,
            kind: Some(head.kind),
            in_traceback: false,
            text: String::new(),
            lines: 0,
            cut: 0,
        };
        add(&mut open, &text, &text[head.message..], cut);
        self.begin(open, out);
    }

    /// A line without a head.
    fn bare(&mut self, text: &str, cut: u64, out: &mut Vec<Open>) {
        if let Some(open) = self.open.last_mut() {
            let continues = match open.kind {
                Some(Kind::Oslo | Kind::OsloMore | Kind::Stamped) => true,
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
        if text.is_empty() {
            return;
        }
        let mut open = Open {
            first: self.line_at,
            pid: None,
            logger: String::new(),
            level: None,
            time: None,
            kind: None,
            in_traceback: false,
            text: String::new(),
            lines: 0,
            cut: 0,
        };
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

    /// Read what a complete record tells.
    pub(super) fn record(&self, open: Open) -> Record {
        Record::read(&self.host, &self.source, open.text, open.cut, &self.zone)
    }
}

/// Put a line behind the others, as far as there is room; `message` is the line without its head.
fn add(open: &mut Open, line: &str, message: &str, cut: u64) {
    open.in_traceback = goes_on(open.in_traceback, message);
    open.cut += cut;
    let needed = line.len() + usize::from(open.lines > 0);
    // What was cut stays cut: later lines must not stand where others are missing.
    if open.lines > 0 && (open.cut > cut || open.text.len() + needed > LONGEST_RECORD) {
        open.cut += needed as u64;
        return;
    }
    if open.lines > 0 {
        open.text.push('\n');
    }
    open.lines += 1;
    open.text.push_str(line);
}

/// Whether a traceback goes on behind this line.
pub(super) fn goes_on(inside: bool, message: &str) -> bool {
    if message.starts_with("Traceback (most recent call last)")
        || message.starts_with("During handling of the above exception")
        || message.starts_with("The above exception was the direct cause")
    {
        return true;
    }
    // The line that names the exception ends it, until a chain begins.
    inside && (message.is_empty() || message.starts_with([' ', '\t']))
}

/// The records of a whole log, for tests.
#[cfg(test)]
pub(super) fn records(text: &[u8]) -> Vec<Record> {
    let mut assembler = Assembler::new("cmp1", "/var/log/x.log", TimeZone::UTC);
    let mut out = vec![];
    assembler.push(text, &mut out);
    assembler.finish(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PREFIXED: &str = "\
2026-11-24 10:00:00.100 7 INFO nova.compute [None req-1 u p] begin
2026-11-24 10:00:00.200 7 ERROR nova.compute [None req-1 u p] [instance: ab] Failed: ValueError: x
2026-11-24 10:00:00.200 7 ERROR nova.compute [instance: ab] Traceback (most recent call last):
2026-11-24 10:00:00.200 7 ERROR nova.compute [instance: ab]   File \"a.py\", line 1, in f
2026-11-24 10:00:00.200 7 ERROR nova.compute [instance: ab] ValueError: x
2026-11-24 10:00:00.200 7 ERROR nova.compute [instance: ab] 
2026-11-24 10:00:00.300 7 INFO nova.compute [None req-1 u p] end
";

    #[test]
    fn prefixed_lines_belong_to_the_record_before() {
        let records = records(PREFIXED.as_bytes());
        assert_eq!(records.len(), 3);
        let failed = &records[1];
        assert_eq!(failed.text.lines().count(), 5);
        assert_eq!(failed.request_id.as_deref(), Some("req-1"));
        assert_eq!(failed.instance.as_deref(), Some("ab"));
        let exception = failed.exception.as_ref().expect("its exception");
        assert_eq!((exception.name.as_str(), exception.traceback), ("ValueError", true));
    }

    #[test]
    fn bare_lines_belong_to_the_record_before() {
        let text = "2026-11-24 10:00:00.100 7 ERROR a [-] no\nTraceback (most recent call last):\n  File \"a\", line 1\nKeyError: 'x'\n2026-11-24 10:00:00.200 7 INFO a [-] yes\n";
        let records = records(text.as_bytes());
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].exception.as_ref().map(|found| found.name.as_str()), Some("KeyError"));
    }

    #[test]
    fn two_processes_in_one_file() {
        let text = "\
2026-11-24 10:00:00.200 7 ERROR a [None req-7 u p] seven
2026-11-24 10:00:00.201 8 ERROR a [None req-8 u p] eight
2026-11-24 10:00:00.200 7 ERROR a Traceback (most recent call last):
2026-11-24 10:00:00.201 8 ERROR a Traceback (most recent call last):
2026-11-24 10:00:00.200 7 ERROR a SevenError: 7
2026-11-24 10:00:00.201 8 ERROR a EightError: 8
2026-11-24 10:00:00.300 7 INFO a [-] on
2026-11-24 10:00:00.300 8 INFO a [-] on
";
        let records = records(text.as_bytes());
        let thrown: Vec<_> = records
            .iter()
            .filter_map(|record| Some((record.request_id.clone()?, record.exception.as_ref()?.name.clone())))
            .collect();
        assert_eq!(thrown, [("req-7".into(), "SevenError".into()), ("req-8".into(), "EightError".into())]);
        assert_eq!(records.len(), 4);
    }

    #[test]
    fn two_errors_in_one_millisecond() {
        let head = "2026-11-24 10:00:00.200 7 ERROR a ";
        let lines = [
            "[None req-1 u p] one",
            "Traceback (most recent call last):",
            "  File \"x\", line 1",
            "OneError: 1",
            "[None req-2 u p] two",
            "Traceback (most recent call last):",
            "  File \"x\", line 1",
            "TwoError: 2",
        ];
        let text: String = lines.iter().map(|line| format!("{head}{line}\n")).collect();
        let records = records(text.as_bytes());
        let told: Vec<_> = records
            .iter()
            .filter_map(|record| Some((record.request_id.clone()?, record.exception.as_ref()?.name.clone())))
            .collect();
        assert_eq!(told, [("req-1".into(), "OneError".into()), ("req-2".into(), "TwoError".into())]);
    }

    #[test]
    fn apache_writes_the_time_on_every_line() {
        let head = "[Tue Nov 24 10:31:40.123456 2026] [wsgi:error] [pid 12:tid 13] ";
        let lines = [
            "mod_wsgi: failed",
            "Traceback (most recent call last):",
            "  File \"x\", line 1",
            "KeyError: 1",
            "next",
        ];
        let text: String = lines.iter().map(|line| format!("{head}{line}\n")).collect();
        let records = records(text.as_bytes());
        let counts: Vec<_> = records.iter().map(|record| record.text.lines().count()).collect();
        assert_eq!(counts, [1, 3, 1], "{records:#?}");
        assert_eq!(records[1].exception.as_ref().map(|found| found.name.as_str()), Some("KeyError"));
    }

    #[test]
    fn a_log_without_times_is_a_record_a_line() {
        let records = records(
            b"one\ntwo\nTraceback (most recent call last):\n  File \"x\", line 1\nKeyError: 1\nthree\n",
        );
        let counts: Vec<_> = records.iter().map(|record| record.text.lines().count()).collect();
        assert_eq!(counts, [1, 4, 1], "{records:#?}");
    }

    #[test]
    fn a_line_of_ten_mebibytes_is_cut_and_counted() {
        let mut text = b"2026-11-24 10:00:00.100 7 INFO a [-] ".to_vec();
        text.resize(10 << 20, b'x');
        text.extend(b"\n2026-11-24 10:00:00.100 7 INFO a [-] next\n");
        let records = records(&text);
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].text.len() as u64 + records[0].cut_bytes, 10 << 20);
        assert_eq!(records[0].text.len(), LONGEST_RECORD);
        assert_eq!(records[1].message, "next");
    }

    #[test]
    fn no_bytes_break_it() {
        let records = records(b"\xff\xfe\x00\n2026-11-24 10:00:00.100 7 INFO a [-] \xc3(\n\x00\x00\x002026-11-24 10:00:01.100 7 INFO a [-] b\n");
        assert_eq!(records.len(), 3);
        assert_eq!(records[2].message, "b");
    }

    proptest! {
        /// However the bytes arrive, the records are the same, and no byte of a log is lost.
        #[test]
        fn the_pieces_do_not_matter(cuts in proptest::collection::vec(1_usize..40, 1..60)) {
            let whole = records(PREFIXED.as_bytes());
            let mut assembler = Assembler::new("cmp1", "/var/log/x.log", TimeZone::UTC);
            let (mut out, mut at) = (vec![], 0);
            for cut in cuts {
                let end = (at + cut).min(PREFIXED.len());
                assembler.push(&PREFIXED.as_bytes()[at..end], &mut out);
                at = end;
            }
            assembler.push(&PREFIXED.as_bytes()[at..], &mut out);
            assembler.finish(&mut out);
            let text: String = out.iter().map(|record| format!("{}\n", record.text)).collect();
            prop_assert_eq!(text, PREFIXED);
            prop_assert_eq!(out, whole);
        }

        /// Nothing panics, whatever the bytes.
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            records(&bytes);
        }

        /// Nothing panics, whatever stands in the place of other words in lines of all forms.
        #[test]
        fn any_words(which in 0_usize..8, words in proptest::collection::vec("[\\[\\]A-Za-z0-9:|é� -]{0,12}", 1..8)) {
            let beginnings = ["2026-11-24 10:00:00.200 ", "2026-11-24 10:00:00.200+0000: ", "[pid: 1|", "Nov 24 10:31:40 ",
                "[Tue Nov 24 10:31:40 2026] ", "2026-11-24T10:31:40Z|", "10.0.0.1 - - [24/Nov/2026:10:31:40 ", "Nov "];
            records(format!("{}{}\n", beginnings[which], words.join(" ")).as_bytes());
        }

        /// Nothing panics on mutations of real lines either.
        #[test]
        fn lines_with_bytes_changed(at in 0_usize..500, byte in any::<u8>()) {
            let mut text = PREFIXED.as_bytes().to_vec();
            let at = at % text.len();
            text[at] = byte;
            records(&text);
        }
    }
}
