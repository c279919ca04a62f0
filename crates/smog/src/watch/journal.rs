//! Entries of systemd's journal as records.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::assemble::Assembler;
use super::form::Form;
use super::formats::Formats;
use super::json_form::journal_entry;
use super::record::Record;

/// Reads `journalctl -o json`, a line an entry, and remembers how far it came. The entries that
/// are lines of one record are joined, by unit, process, invocation and time.
#[derive(Debug)]
pub(super) struct Journal {
    assembler: Assembler,
    rest: Vec<u8>,
    /// Quiet was met once, and what had begun was not whole.
    waited: bool,
    /// The rest of an entry that is too long is thrown away, up to the line's end.
    is_too_long: bool,
    /// Bytes of entries that were too long, not reported yet.
    too_long: u64,
    /// Of the entries without a message, so many are reported.
    reported: u64,
    /// The cursor of the last entry: `journalctl --after-cursor` goes on behind it.
    pub(super) cursor: Option<String>,
}

/// The longest entry that is read; longer ones are thrown away and counted.
const LONGEST: usize = 4 << 20;

impl Journal {
    /// For the journal of `host`; times that services write without an offset are those of `zone`.
    pub(super) fn new(host: &str, zone: TimeZone, formats: Option<Arc<Formats>>) -> Journal {
        let assembler = Assembler::new(host, "journal", zone).with_form(Form::Json).with_formats(formats);
        Journal {
            assembler,
            rest: vec![],
            waited: false,
            is_too_long: false,
            too_long: 0,
            reported: 0,
            cursor: None,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<Record>) {
        self.waited = false;
        self.rest.extend_from_slice(bytes);
        let (mut from, mut ended) = (0, vec![]);
        while let Some(length) = memchr::memchr(b'\n', &self.rest[from..]) {
            let line = &self.rest[from..from + length];
            if std::mem::take(&mut self.is_too_long) {
                self.too_long += length as u64;
                from += length + 1;
                continue;
            }
            // What is no entry is a message of journalctl itself.
            if let Ok(Value::Object(object)) = serde_json::from_slice(line)
                && let Some((outer, message)) = journal_entry(&object)
            {
                self.assembler.entry(&outer, &message, &mut ended);
                let cursor = object.get("__CURSOR").and_then(Value::as_str);
                self.cursor = cursor.map(str::to_string).or(self.cursor.take());
            }
            from += length + 1;
        }
        self.rest.drain(..from);
        if self.rest.len() > LONGEST {
            self.is_too_long = true;
            self.too_long += self.rest.len() as u64;
            self.rest.clear();
        }
        out.extend(ended.into_iter().map(|open| self.assembler.record(open)));
    }

    /// What was lost since this was asked last: how many bytes, where that is known, and why.
    pub(super) fn lost(&mut self) -> Vec<(Option<u64>, String)> {
        let mut lost = vec![];
        if !self.is_too_long && self.too_long > 0 {
            let why = format!("an entry of the journal is longer than {} MiB", LONGEST >> 20);
            lost.push((Some(std::mem::take(&mut self.too_long)), why));
        }
        let without = self.assembler.without_message();
        if without > self.reported {
            self.reported = without;
            lost.push((None, "journalctl has left out the message of an entry".into()));
        }
        lost
    }

    /// Nothing more came for a while: what is open is complete. The lines of a traceback are
    /// entries of their own, and on a busy host some come late: what has only begun is complete
    /// when quiet is met again without anything between.
    pub(super) fn quiet(&mut self, out: &mut Vec<Record>) {
        match self.waited {
            true => self.assembler.quiet(out),
            false => self.assembler.quiet_but_begun(out),
        }
        self.waited = true;
        out.sort_by_key(|record| record.time);
    }

    /// There is nothing more.
    pub(super) fn finish(&mut self, out: &mut Vec<Record>) {
        self.waited = true;
        self.quiet(out);
    }

    /// Whether a record may still go on.
    pub(super) fn is_open(&self) -> bool {
        self.assembler.is_open()
    }

    /// After a lost connection the half line comes again whole.
    pub(super) fn again(&mut self) {
        self.is_too_long = false;
        self.rest.clear();
    }
}

/// The words that follow units' journal.
pub(super) fn words(
    units: &[String],
    cursor: Option<&str>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    follow: bool,
) -> Vec<String> {
    let mut words: Vec<String> =
        ["journalctl", "--output=json", "--no-pager", "--all"].map(str::to_string).to_vec();
    match (cursor, since) {
        (Some(cursor), _) => words.push(format!("--after-cursor={cursor}")),
        (None, Some(since)) => words.push(format!("--since=@{}", since.as_second())),
        (None, None) if follow => words.push("--lines=0".into()),
        (None, None) => {}
    }
    if let Some(until) = until {
        words.push(format!("--until=@{}", until.as_second() + 1));
    }
    if follow {
        words.push("--follow".into());
    }
    words.extend(units.iter().map(|unit| format!("--unit={unit}")));
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Level;

    #[test]
    fn an_entry_of_systemd_and_one_of_devstack() {
        let mut journal = Journal::new("cmp1", TimeZone::UTC, None);
        let mut out = vec![];
        let one = r#"{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1795516300000000","MESSAGE":"x.service: Failed","PRIORITY":"3","_PID":"1","SYSLOG_IDENTIFIER":"systemd","UNIT":"x.service"}"#;
        let two = r#"{"__CURSOR":"c2","__REALTIME_TIMESTAMP":"1795516301000000","MESSAGE":"ERROR nova.compute [None req-1 a b] Failed\nERROR nova.compute Traceback (most recent call last):\nERROR nova.compute KeyError: 1","PRIORITY":"6","_PID":"7"}"#;
        let all = format!("{one}\n{two}\n");
        let (first, second) = all.split_at(100);
        journal.push(first.as_bytes(), &mut out);
        journal.push(second.as_bytes(), &mut out);
        journal.quiet(&mut out);
        assert_eq!(out.len(), 2);
        assert_eq!(
            (out[0].level, out[0].pid, out[0].source.as_str()),
            (Some(Level::Error), Some(1), "journal:x.service")
        );
        assert_eq!(out[1].request_id.as_deref(), Some("req-1"));
        assert_eq!(out[1].level, Some(Level::Error));
        assert_eq!(journal.cursor.as_deref(), Some("c2"));
        assert!(words(&[], Some("c2"), None, None, true).contains(&"--after-cursor=c2".to_string()));
    }

    fn entry(second: u32, message: &str) -> String {
        format!(
            "{{\"__REALTIME_TIMESTAMP\":\"17962585289{second:02}000\",\"_PID\":\"1477\",\"_HOSTNAME\":\"cmp1\",\
             \"_SYSTEMD_UNIT\":\"nova-compute.service\",\"SYSLOG_IDENTIFIER\":\"nova-compute\",\
             \"PRIORITY\":\"6\",\"MESSAGE\":{}}}\n",
            serde_json::json!(message)
        )
    }

    /// Entries as the lab's nova-compute left them, with a pause behind the first.
    #[test]
    fn a_pause_in_a_traceback_does_not_tear_it() {
        let lines = [
            "Exception ignored in: <function _after_fork at 0x7f6b94b1ab60>",
            "Traceback (most recent call last):",
            "  File \"/usr/lib/python3.13/threading.py\", line 1573, in _after_fork",
            "    current = _MainThread()",
            "AssertionError: ",
        ];
        for pause in 1..lines.len() {
            let mut journal = Journal::new("cmp1", TimeZone::UTC, None);
            let mut records = vec![];
            for (at, line) in lines.iter().enumerate() {
                if at == pause {
                    journal.quiet(&mut records);
                }
                journal.push(entry(at as u32, line).as_bytes(), &mut records);
            }
            journal.quiet(&mut records);
            let texts: Vec<&str> = records.iter().map(|record| record.text.as_str()).collect();
            assert_eq!(texts, [lines.join("\n")], "pause before line {pause}");
        }
    }

    #[test]
    fn what_only_begun_is_told_at_the_second_quiet() {
        let mut journal = Journal::new("cmp1", TimeZone::UTC, None);
        let mut records = vec![];
        journal.push(entry(1, "Exception ignored in: <function x>").as_bytes(), &mut records);
        journal.quiet(&mut records);
        assert!(records.is_empty() && journal.is_open());
        journal.quiet(&mut records);
        assert_eq!((records.len(), journal.is_open()), (1, false));
    }

    /// An entry as `journalctl -o json` without `--all` writes one whose message is long, and one
    /// that no watch can hold.
    #[test]
    fn what_is_lost_of_a_journal_is_said() {
        let mut journal = Journal::new("cmp1", TimeZone::UTC, None);
        let mut records = vec![];
        let null = entry(1, "x").replace("\"MESSAGE\":\"x\"", "\"MESSAGE\":null");
        journal.push(null.as_bytes(), &mut records);
        assert_eq!(journal.lost().len(), 1);
        assert!(journal.lost().is_empty(), "it is reported once");
        let long = entry(2, &"x".repeat(LONGEST + (2 << 20)));
        for piece in long.as_bytes().chunks(1 << 20) {
            journal.push(piece, &mut records);
        }
        journal.push(entry(3, "short").as_bytes(), &mut records);
        let lost = journal.lost();
        assert_eq!(lost[0].0, Some(long.len() as u64 - 1), "{lost:?}");
        assert!(lost[0].1.contains("longer than 4 MiB"), "{lost:?}");
        journal.quiet(&mut records);
        let texts: Vec<&str> = records.iter().map(|record| record.text.as_str()).collect();
        assert_eq!(texts, ["short"]);
    }
}
