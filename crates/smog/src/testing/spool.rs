//! The records of a run on disk: as many as the disk holds, in little memory.
//!
//! They lie in unlinked files, a JSON line each, and are found again by reading: a case asks
//! for its own once or twice. What no running case can ask for is given back to the disk.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::watch::Record;

/// A file is left for the next one at this size.
const SEGMENT: u64 = 8 << 20;

/// So many bytes wait in memory before they are written.
const PENDING: usize = 64 << 10;

/// Records in the order of their arrival.
#[derive(Debug)]
pub(super) struct Spool {
    folder: PathBuf,
    segments: VecDeque<Segment>,
    pending: Vec<u8>,
    segment_size: u64,
}

#[derive(Debug)]
struct Segment {
    file: Arc<File>,
    /// Where its first byte is in all that came: a record's place is its number.
    base: u64,
    /// How much of it is written.
    written: u64,
    /// The time of its newest record.
    newest: Option<Timestamp>,
    /// The places of records that have an exception.
    exceptions: Vec<u64>,
}

/// What was in the spool at one moment, to be read while more comes.
#[derive(Debug, Clone)]
pub(super) struct Part {
    file: Arc<File>,
    base: u64,
    length: u64,
}

impl Spool {
    /// In unlinked files of this folder.
    pub fn new(folder: PathBuf) -> Spool {
        Spool { folder, segments: VecDeque::new(), pending: Vec::new(), segment_size: SEGMENT }
    }

    #[cfg(test)]
    pub fn of_segments(folder: PathBuf, segment_size: u64) -> Spool {
        Spool { segment_size, ..Spool::new(folder) }
    }

    /// Keep a record.
    ///
    /// # Errors
    /// Where the folder cannot be written, or its disk is full: the record is not kept then.
    pub fn push(&mut self, record: &Record) -> io::Result<()> {
        let is_full = self
            .segments
            .back()
            .is_none_or(|segment| segment.written + self.pending.len() as u64 >= self.segment_size);
        if is_full {
            self.flush()?;
            let base = self.segments.back().map_or(0, |segment| segment.base + segment.written);
            if !self.folder.is_dir() {
                crate::private_folder(&self.folder).map_err(|why| io::Error::other(why.to_string()))?;
            }
            let file = Arc::new(tempfile::tempfile_in(&self.folder)?);
            self.segments.push_back(Segment { file, base, written: 0, newest: None, exceptions: Vec::new() });
        }
        let Some(segment) = self.segments.back_mut() else { return Ok(()) };
        let place = segment.base + segment.written + self.pending.len() as u64;
        let before = self.pending.len();
        serde_json::to_writer(&mut self.pending, record)?;
        self.pending.push(b'\n');
        if self.pending.len() >= PENDING
            && let Err(why) = self.flush()
        {
            // The others may find room later.
            self.pending.truncate(before);
            return Err(why);
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.newest = segment.newest.max(Some(record.time.unwrap_or_else(Timestamp::now)));
            if record.exception.is_some() {
                segment.exceptions.push(place);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(segment) = self.segments.back_mut() else { return Ok(()) };
        if !self.pending.is_empty() {
            // Whole or not at all: after an error the next one writes over it.
            segment.file.write_all_at(&self.pending, segment.written)?;
            segment.written += self.pending.len() as u64;
            self.pending.clear();
        }
        Ok(())
    }

    /// All that is kept, the oldest first.
    ///
    /// # Errors
    /// Where what waits in memory cannot be written.
    pub fn parts(&mut self) -> io::Result<Vec<Part>> {
        self.flush()?;
        Ok(self.segments.iter().map(Segment::part).collect())
    }

    /// Free what holds nothing as new as `time`, and report each of its exceptions.
    pub fn forget_before(&mut self, time: Timestamp, mut take: impl FnMut(u64, Record)) {
        while self.segments.len() > 1 && self.segments[0].newest.is_none_or(|newest| newest < time) {
            if let Some(segment) = self.segments.pop_front() {
                segment.exceptions(&mut take);
            }
        }
    }

    /// Report each exception that is still kept.
    ///
    /// # Errors
    /// As [`Spool::parts`].
    pub fn exceptions(&mut self, mut take: impl FnMut(u64, Record)) -> io::Result<()> {
        self.flush()?;
        self.segments.iter().for_each(|segment| segment.exceptions(&mut take));
        Ok(())
    }
}

impl Segment {
    fn part(&self) -> Part {
        Part { file: Arc::clone(&self.file), base: self.base, length: self.written }
    }

    fn exceptions(&self, take: &mut impl FnMut(u64, Record)) {
        for place in &self.exceptions {
            let mut line = Vec::new();
            let part = self.part();
            let mut from = BufReader::new(part.read_from(place - self.base));
            if from.read_until(b'\n', &mut line).is_ok()
                && let Ok(record) = serde_json::from_slice(&line)
            {
                take(*place, record);
            }
        }
    }
}

impl Part {
    fn read_from(&self, at: u64) -> ReadAt<'_> {
        ReadAt { part: self, at }
    }

    /// Each line with its place, until `each` fails.
    ///
    /// # Errors
    /// Its own, and those of `each`.
    pub fn lines(&self, mut each: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut from = BufReader::with_capacity(256 << 10, self.read_from(0));
        let (mut line, mut at) = (Vec::new(), 0);
        loop {
            line.clear();
            let length = from.read_until(b'\n', &mut line)?;
            if length == 0 {
                return Ok(());
            }
            each(self.base + at, &line)?;
            at += length as u64;
        }
    }
}

/// Reads a file at a place of its own: others read it meanwhile.
struct ReadAt<'a> {
    part: &'a Part,
    at: u64,
}

impl Read for ReadAt<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.part.length.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let most = most.min(into.len());
        let count = self.part.file.read_at(&mut into[..most], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::Exception;

    fn record(at: i64, text: &str, is_exception: bool) -> Record {
        Record {
            time: Timestamp::from_second(at).ok(),
            text: text.into(),
            exception: is_exception.then(Exception::default),
            ..Record::default()
        }
    }

    fn texts(spool: &mut Spool) -> Vec<String> {
        let mut texts = Vec::new();
        for part in spool.parts().expect("parts") {
            part.lines(|_, line| {
                texts.push(serde_json::from_slice::<Record>(line).expect("a record").text);
                Ok(())
            })
            .expect("read");
        }
        texts
    }

    #[test]
    fn what_is_put_in_comes_out_and_what_is_old_is_given_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spool = Spool::of_segments(folder.path().join("new"), 2_000);
        for at in 0..100 {
            spool.push(&record(at, &format!("line {at}\nsecond"), at % 10 == 0)).expect("kept");
        }
        let all: Vec<String> = (0..100).map(|at| format!("line {at}\nsecond")).collect();
        assert_eq!(texts(&mut spool), all);
        let mut thrown = Vec::new();
        let time = Timestamp::from_second(50).expect("a time");
        spool.forget_before(time, |_, record| thrown.push(record.text));
        let left = texts(&mut spool);
        assert!(left.len() < 60 && left.len() >= 50, "{}", left.len());
        assert_eq!(left, all[100 - left.len()..]);
        spool.exceptions(|_, record| thrown.push(record.text)).expect("read");
        assert_eq!(thrown, (0..10).map(|at| format!("line {}\nsecond", at * 10)).collect::<Vec<_>>());
        assert!(std::fs::read_dir(folder.path().join("new")).expect("the folder").next().is_none());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let mut spool = Spool::new("/proc/no/such".into());
        assert!(spool.push(&record(1, "x", false)).is_err());
    }
}
