//! Entries of systemd's journal as records.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::assemble::Assembler;
use super::level::Level;
use super::record::Record;

/// Reads `journalctl -o json`, a line an entry, and remembers how far it came.
#[derive(Debug, Default)]
pub(super) struct Journal {
    host: String,
    rest: Vec<u8>,
    /// The cursor of the last entry: `journalctl --after-cursor` goes on behind it.
    pub(super) cursor: Option<String>,
}

/// The longest entry that is read; longer ones are thrown away and counted.
const LONGEST: usize = 4 << 20;

impl Journal {
    pub(super) fn new(host: &str) -> Journal {
        Journal { host: host.into(), ..Journal::default() }
    }

    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<Record>) {
        self.rest.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(length) = memchr::memchr(b'\n', &self.rest[from..]) {
            let line = &self.rest[from..from + length];
            if let Some((record, cursor)) = entry(&self.host, line) {
                out.push(record);
                self.cursor = cursor.or(self.cursor.take());
            }
            from += length + 1;
        }
        self.rest.drain(..from);
        if self.rest.len() > LONGEST {
            self.rest.clear();
        }
    }

    /// After a lost connection the half line comes again whole.
    pub(super) fn again(&mut self) {
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

/// One entry; none for what is no entry (a message of journalctl itself).
fn entry(host: &str, line: &[u8]) -> Option<(Record, Option<String>)> {
    let value: Value = serde_json::from_slice(line).ok()?;
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_string);
    let message = match value.get("MESSAGE")? {
        Value::String(text) => text.clone(),
        // What is no UTF-8 comes as a list of bytes.
        Value::Array(bytes) => {
            let bytes: Vec<u8> = bytes
                .iter()
                .filter_map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok()))
                .collect();
            String::from_utf8_lossy(&bytes).into_owned()
        }
        _ => String::new(),
    };
    let unit = text("UNIT").or_else(|| text("_SYSTEMD_UNIT")).unwrap_or_else(|| "journal".into());
    // devstack's services log oslo's form into the journal: it is read like a file's.
    let mut found = vec![];
    let mut assembler = Assembler::new(host, format!("journal:{unit}"), TimeZone::UTC);
    assembler.push(message.as_bytes(), &mut found);
    assembler.finish(&mut found);
    let mut record = match found.len() {
        1 => found.remove(0),
        _ => Record::read(host, &format!("journal:{unit}"), message, 0, &TimeZone::UTC),
    };
    let microseconds = text("__REALTIME_TIMESTAMP").and_then(|text| text.parse::<i64>().ok());
    record.time = record.time.or(microseconds.and_then(|time| Timestamp::from_microsecond(time).ok()));
    record.pid = record.pid.or(text("_PID").and_then(|pid| pid.parse().ok()));
    let priority = text("PRIORITY").and_then(|text| text.parse().ok()).map(Level::of_priority);
    record.level = record.level.or(priority);
    record.logger = record.logger.or_else(|| text("SYSLOG_IDENTIFIER"));
    Some((record, text("__CURSOR")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_systemd_and_one_of_devstack() {
        let mut journal = Journal::new("cmp1");
        let mut out = vec![];
        let one = r#"{"__CURSOR":"c1","__REALTIME_TIMESTAMP":"1795516300000000","MESSAGE":"x.service: Failed","PRIORITY":"3","_PID":"1","SYSLOG_IDENTIFIER":"systemd","UNIT":"x.service"}"#;
        let two = r#"{"__CURSOR":"c2","__REALTIME_TIMESTAMP":"1795516301000000","MESSAGE":"ERROR nova.compute [None req-1 a b] Failed\nERROR nova.compute Traceback (most recent call last):\nERROR nova.compute KeyError: 1","PRIORITY":"6","_PID":"7"}"#;
        let all = format!("{one}\n{two}\n");
        let (first, second) = all.split_at(100);
        journal.push(first.as_bytes(), &mut out);
        journal.push(second.as_bytes(), &mut out);
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
}
