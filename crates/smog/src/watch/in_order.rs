//! Records of several logs in the order of time, when all are read one after the other.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;

use jiff::Timestamp;
use tempfile::SpooledTempFile;

use super::record::Record;

/// So many bytes of records stay in memory; more lie in a file that has no name.
const IN_MEMORY: usize = 64 << 20;

/// Takes the records of one log after the other, and gives them back in the order of time. The
/// order of a log is never changed; what has no time stays where its log has it, and logs without
/// any time come last.
#[derive(Debug)]
pub struct InOrder {
    records: SpooledTempFile,
    end: u64,
    places: Vec<Place>,
    /// Where the records of the log under way begin in `places`, and its newest time.
    first: usize,
    newest: Option<Timestamp>,
}

#[derive(Debug)]
struct Place {
    time: Option<Timestamp>,
    at: u64,
    length: usize,
}

impl Default for InOrder {
    fn default() -> InOrder {
        let records = tempfile::spooled_tempfile(IN_MEMORY);
        InOrder { records, end: 0, places: vec![], first: 0, newest: None }
    }
}

impl InOrder {
    /// The next record of a log.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn push(&mut self, record: &Record) -> io::Result<()> {
        let text = serde_json::to_vec(record)?;
        self.records.write_all(&text)?;
        if self.newest.is_none() && record.time.is_some() {
            // What came before the first time was written before it.
            self.places[self.first..].iter_mut().for_each(|place| place.time = record.time);
        }
        self.newest = self.newest.max(record.time);
        self.places.push(Place { time: self.newest, at: self.end, length: text.len() });
        self.end += text.len() as u64;
        Ok(())
    }

    /// What follows is of another log.
    pub fn next_log(&mut self) {
        (self.first, self.newest) = (self.places.len(), None);
    }

    /// All records, the oldest first, or until `tell` breaks off.
    ///
    /// # Errors
    /// When they cannot be read back.
    pub fn each(mut self, mut tell: impl FnMut(Record) -> ControlFlow<()>) -> io::Result<()> {
        self.places.sort_by_key(|place| place.time.unwrap_or(Timestamp::MAX));
        for place in &self.places {
            let mut text = vec![0; place.length];
            self.records.seek(SeekFrom::Start(place.at))?;
            self.records.read_exact(&mut text)?;
            if tell(serde_json::from_slice(&text)?).is_break() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_logs_and_one_without_times() {
        let record = |time: &str, message: &str| Record {
            time: time.parse().ok(),
            message: message.into(),
            ..Record::default()
        };
        let mut order = InOrder::default();
        for (time, message) in [("", "c"), ("", "d")] {
            order.push(&record(time, message)).expect("kept");
        }
        order.next_log();
        for (time, message) in [
            ("", "a0"),
            ("2026-11-24T10:00:01Z", "a1"),
            ("2026-11-24T09:00:00Z", "a2"),
            ("2026-11-24T10:00:05Z", "a3"),
        ] {
            order.push(&record(time, message)).expect("kept");
        }
        order.next_log();
        for (time, message) in [("2026-11-24T10:00:00Z", "b1"), ("2026-11-24T10:00:03Z", "b2")] {
            order.push(&record(time, message)).expect("kept");
        }
        let mut told = vec![];
        let each = order.each(|record| {
            told.push(record.message);
            ControlFlow::Continue(())
        });
        each.expect("read back");
        assert_eq!(told, ["b1", "a0", "a1", "a2", "b2", "a3", "c", "d"]);
    }
}
