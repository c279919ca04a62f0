//! Records of several logs in the order of time, when each log is read by itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tempfile::SpooledTempFile;

use super::record::Record;

/// So many bytes of records stay in memory; more lie in a file that has no name.
const IN_MEMORY: usize = 16 << 20;

/// So much of a log's records is written, and later read, at a time.
const PIECE: usize = 64 << 10;

/// Where big files that are not kept belong: /tmp often is memory.
const BIG: &str = "/var/tmp";

/// Takes the records of logs, several threads at once, and gives them back in the order of time.
/// The order of a log is never changed; what has no time stays where its log has it, and logs
/// without any time come last. Memory grows with the number of logs, not with their records.
#[derive(Debug)]
pub struct InOrder {
    spool: Mutex<Spool>,
}

#[derive(Debug)]
struct Spool {
    file: SpooledTempFile,
    end: u64,
    logs: Vec<Kept>,
}

/// The records of a log that was read.
#[derive(Debug)]
struct Kept {
    number: usize,
    /// The first time in it.
    first: Option<Timestamp>,
    pieces: Vec<(u64, usize)>,
}

/// The records of one log, in its order.
#[derive(Debug)]
pub struct Run<'a> {
    to: &'a InOrder,
    kept: Kept,
    piece: Vec<u8>,
}

impl Default for InOrder {
    fn default() -> InOrder {
        let file = match Path::new(BIG).is_dir() {
            true => tempfile::spooled_tempfile_in(IN_MEMORY, BIG),
            false => tempfile::spooled_tempfile(IN_MEMORY),
        };
        InOrder { spool: Mutex::new(Spool { file, end: 0, logs: vec![] }) }
    }
}

impl InOrder {
    /// The records of a log. Of records of the same time, those of the log with the lower
    /// number come first.
    pub fn log(&self, number: usize) -> Run<'_> {
        Run { to: self, kept: Kept { number, first: None, pieces: vec![] }, piece: vec![] }
    }

    fn spool(&self) -> MutexGuard<'_, Spool> {
        self.spool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All records, the oldest first, or until `tell` breaks off.
    ///
    /// # Errors
    /// When they cannot be read back.
    pub fn each(self, mut tell: impl FnMut(Record) -> ControlFlow<()>) -> io::Result<()> {
        let spool = self.spool.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut file = spool.file;
        let mut logs: Vec<Reading> = spool.logs.into_iter().map(Reading::of).collect();
        logs.sort_by_key(|log| log.number);
        let late = |time: Option<Timestamp>| time.unwrap_or(Timestamp::MAX);
        let mut next: BinaryHeap<_> =
            logs.iter().enumerate().map(|(at, log)| Reverse((late(log.newest), at))).collect();
        while let Some(Reverse((_, at))) = next.pop() {
            let log = &mut logs[at];
            let Some(record) = log.next(&mut file)? else { continue };
            if tell(record).is_break() {
                break;
            }
            if let Some(time) = log.peek(&mut file)? {
                next.push(Reverse((late(time), at)));
            }
        }
        Ok(())
    }
}

impl Run<'_> {
    /// The next record of the log.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn push(&mut self, record: &Record) -> io::Result<()> {
        let at = self.piece.len();
        self.piece.extend([0; 4]);
        serde_json::to_writer(&mut self.piece, record)?;
        let length = u32::try_from(self.piece.len() - at - 4).map_err(io::Error::other)?;
        self.piece[at..at + 4].copy_from_slice(&length.to_le_bytes());
        self.kept.first = self.kept.first.or(record.time);
        if self.piece.len() >= PIECE { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let mut spool = self.to.spool();
        let at = spool.end;
        spool.file.write_all(&self.piece)?;
        spool.end += self.piece.len() as u64;
        self.kept.pieces.push((at, self.piece.len()));
        self.piece.clear();
        Ok(())
    }

    /// There are no more.
    ///
    /// # Errors
    /// When there is no room for the last ones.
    pub fn end(mut self) -> io::Result<()> {
        self.write()?;
        self.to.spool().logs.push(self.kept);
        Ok(())
    }
}

/// A log whose records are read back.
struct Reading {
    number: usize,
    newest: Option<Timestamp>,
    pieces: std::vec::IntoIter<(u64, usize)>,
    piece: Vec<u8>,
    at: usize,
    ahead: Option<Record>,
}

impl Reading {
    fn of(kept: Kept) -> Reading {
        Reading {
            number: kept.number,
            // What came before the first time was written before it.
            newest: kept.first,
            pieces: kept.pieces.into_iter(),
            piece: vec![],
            at: 0,
            ahead: None,
        }
    }

    /// The time at which the next record is reported; none at the end.
    fn peek(&mut self, file: &mut SpooledTempFile) -> io::Result<Option<Option<Timestamp>>> {
        self.ahead = self.next(file)?;
        Ok(self.ahead.as_ref().map(|_| self.newest))
    }

    fn next(&mut self, file: &mut SpooledTempFile) -> io::Result<Option<Record>> {
        if let Some(record) = self.ahead.take() {
            return Ok(Some(record));
        }
        if self.at == self.piece.len() {
            // What was read is given back: a log that has ended takes no memory.
            self.piece = vec![];
            let Some((at, length)) = self.pieces.next() else { return Ok(None) };
            self.piece.resize(length, 0);
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(&mut self.piece)?;
            self.at = 0;
        }
        let short = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (length, rest) = self.piece[self.at..].split_first_chunk().ok_or_else(short)?;
        let length = u32::from_le_bytes(*length) as usize;
        let record: Record = serde_json::from_slice(rest.get(..length).ok_or_else(short)?)?;
        self.at += 4 + length;
        self.newest = self.newest.max(record.time);
        Ok(Some(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(time: &str, message: &str) -> Record {
        Record { time: time.parse().ok(), message: message.into(), ..Record::default() }
    }

    fn read(logs: &[(usize, &[(&str, &str)])]) -> Vec<String> {
        let order = InOrder::default();
        for (number, records) in logs {
            let mut run = order.log(*number);
            for (time, message) in *records {
                run.push(&record(time, message)).expect("kept");
            }
            run.end().expect("kept");
        }
        let mut messages = vec![];
        let each = order.each(|record| {
            messages.push(record.message);
            ControlFlow::Continue(())
        });
        each.expect("read back");
        messages
    }

    #[test]
    fn two_logs_and_one_without_times() {
        let all = read(&[
            (0, &[("", "c"), ("", "d")]),
            (
                1,
                &[
                    ("", "a0"),
                    ("2026-11-24T10:00:01Z", "a1"),
                    ("2026-11-24T09:00:00Z", "a2"),
                    ("2026-11-24T10:00:05Z", "a3"),
                ],
            ),
            (2, &[("2026-11-24T10:00:00Z", "b1"), ("2026-11-24T10:00:03Z", "b2")]),
        ]);
        assert_eq!(all, ["b1", "a0", "a1", "a2", "b2", "a3", "c", "d"]);
    }

    #[test]
    fn of_one_time_the_first_log_is_first_however_they_were_read() {
        let time = "2026-11-24T10:00:01Z";
        assert_eq!(read(&[(1, &[(time, "b")]), (0, &[(time, "a")])]), ["a", "b"]);
    }

    #[test]
    fn more_than_a_piece() {
        let long = "x".repeat(PIECE / 3);
        let times: Vec<String> = (0..20).map(|second| format!("2026-11-24T10:00:{second:02}Z")).collect();
        let of = |odd: usize| -> Vec<(&str, &str)> {
            times.iter().skip(odd).step_by(2).map(|time| (time.as_str(), long.as_str())).collect()
        };
        assert_eq!(read(&[(0, &of(0)), (1, &of(1))]).len(), 20);
    }
}
