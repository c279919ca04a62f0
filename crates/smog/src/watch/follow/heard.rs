//! What the far end says: its frames, one after the other.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use tokio::time::Instant;

use super::generation::{Generation, Reader};
use super::{Follower, JOURNAL, Message, NO_LOG, QUIET, QUIET_IN_LINE, QUIET_JOURNAL, Unwanted};
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::watch::assemble::Assembler;
use crate::watch::frame::{Found, Frame, Hello, Lost, Opened, Unreadable};
use crate::watch::journal::Journal;
use crate::watch::record::Record;

/// Bytes of a file's beginning by which it is known, as at the far end.
const HEAD: usize = 256;

/// Bytes kept of what was read last, to find the place again.
const TAIL: usize = 64;

impl Follower {
    pub(super) async fn frame(
        &mut self,
        frame: Frame,
        resumed: &mut [Option<Generation>],
    ) -> Result<std::result::Result<(), Unwanted>> {
        match frame.kind {
            b'H' => {
                let hello: Hello = self.read(&frame)?;
                self.zone = zone(&hello);
                let message =
                    if self.was_up { Message::Back } else { Message::Up { clock_ahead: ahead(hello.now) } };
                self.was_up = true;
                return Ok(self.send(message).await);
            }
            b'O' => {
                let opened: Opened = self.read(&frame)?;
                self.read_any = true;
                if (self.unreadable.remove(&opened.path) || self.unreadable.remove(NO_LOG))
                    && self.send(Message::Readable { path: opened.path.clone() }).await.is_err()
                {
                    return Ok(Err(Unwanted));
                }
                let (source, records) = self.open(frame.source, frame.offset, opened, resumed);
                if !records.is_empty()
                    && let Err(unwanted) = self.tell_records(source, records, None).await
                {
                    return Ok(Err(unwanted));
                }
                return Ok(self.send(Message::Begun { source }).await);
            }
            b'D' => return self.data(frame).await,
            b'C' => {
                if let Some(generation) = self.generations.get_mut(&frame.source) {
                    let quiet = match generation.reader {
                        Reader::Text(_) => QUIET,
                        Reader::Journal(_) => QUIET_JOURNAL,
                    };
                    generation.quiet = Some(Instant::now() + quiet);
                    let (open, source) = (generation.reader.is_open(), generation.id);
                    if !open {
                        generation.quiet = None;
                        return Ok(self.send(Message::CaughtUp { source }).await);
                    }
                }
            }
            b'R' => {
                if let Some(mut generation) = self.generations.remove(&frame.source) {
                    let mut records = vec![];
                    generation.reader.finish(&mut records);
                    let source = generation.id;
                    if let Err(unwanted) = self.tell_records(source, records, None).await {
                        return Ok(Err(unwanted));
                    }
                    return Ok(self.send(Message::CaughtUp { source }).await);
                }
            }
            b'A' if !self.all_caught_up => {
                self.all_caught_up = true;
                if !self.read_any && self.unreadable.is_empty() {
                    let why = "none is in the usual places".to_string();
                    self.unreadable.insert(NO_LOG.into());
                    let message = Message::Unreadable { path: NO_LOG.into(), why, absent: false };
                    if self.send(message).await.is_err() {
                        return Ok(Err(Unwanted));
                    }
                }
                // What is open then is reported when no more follows.
                if self.quiet_all().await.is_err() {
                    return Ok(Err(Unwanted));
                }
                return Ok(self.send(Message::AllCaughtUp).await);
            }
            b'L' => {
                let lost: Lost = self.read(&frame)?;
                let message = Message::Dropped { source: lost.path, bytes: lost.bytes, why: lost.why };
                return Ok(self.send(message).await);
            }
            b'E' => {
                let Unreadable { path, why, absent } = self.read(&frame)?;
                self.unreadable.insert(path.clone());
                return Ok(self.send(Message::Unreadable { path, why, absent }).await);
            }
            b'F' => {
                let Found { path } = self.read(&frame)?;
                return Ok(self.send(Message::Readable { path }).await);
            }
            _ => {}
        }
        Ok(Ok(()))
    }

    /// A source begins, or goes on: its number for the face, and records that are complete by it.
    pub(super) fn open(
        &mut self,
        number: u64,
        offset: u64,
        opened: Opened,
        resumed: &mut [Option<Generation>],
    ) -> (u64, Vec<Record>) {
        let mut records = vec![];
        // Whatever was known of the path until now is an earlier generation.
        let is_current = opened.why != "older";
        if is_current && opened.ino != 0 {
            for one in self.generations.values_mut().filter(|one| one.path == opened.path) {
                one.live = false;
            }
        }
        let resumed = opened.old.and_then(|at| resumed.get_mut(at)).and_then(Option::take);
        let truncated = opened.before.and_then(|number| self.generations.remove(&number));
        let generation = match (resumed, truncated) {
            // Copied and truncated: the writer goes on, perhaps in the midst of a record.
            (_, Some(mut old)) => {
                if !opened.whole {
                    // The end of a line is missing.
                    old.reader.end_line(&mut records);
                }
                Generation {
                    dev: opened.dev,
                    ino: opened.ino,
                    offset,
                    head: opened.head,
                    tail: unhex(&opened.tail),
                    live: is_current,
                    quiet: Some(Instant::now() + QUIET_IN_LINE),
                    ..old
                }
            }
            (Some(mut old), None) => {
                old.dev = opened.dev;
                old.ino = opened.ino;
                if let Reader::Journal(journal) = &mut old.reader {
                    journal.again();
                }
                old
            }
            (None, None) => {
                self.next_id += 1;
                let reader = match opened.path == JOURNAL && opened.ino == 0 {
                    true => {
                        let formats = self.sources.formats.of_log(JOURNAL);
                        Reader::Journal(Box::new(Journal::new(self.host.name(), self.zone.clone(), formats)))
                    }
                    false => {
                        let assembler =
                            Assembler::new(self.host.name(), opened.path.clone(), self.zone.clone());
                        let formats = self.sources.formats.of_log(&opened.path);
                        Reader::Text(Box::new(assembler.with_formats(formats)))
                    }
                };
                Generation {
                    id: self.next_id,
                    path: opened.path,
                    raw: opened.raw,
                    dev: opened.dev,
                    ino: opened.ino,
                    offset,
                    head: opened.head,
                    tail: unhex(&opened.tail),
                    live: is_current,
                    reader,
                    at: None,
                    quiet: None,
                    waited: false,
                }
            }
        };
        let id = generation.id;
        self.generations.insert(number, generation);
        (id, records)
    }

    async fn data(&mut self, frame: Frame) -> Result<std::result::Result<(), Unwanted>> {
        let Some(behind) = frame.offset.checked_add(frame.payload.len() as u64) else {
            return Err(self.no_frame(&format!("byte {} of a source", frame.offset)));
        };
        let Some(generation) = self.generations.get_mut(&frame.source) else { return Ok(Ok(())) };
        let mut records = vec![];
        generation.reader.push(&frame.payload, &mut records);
        generation.offset = behind;
        // A file that was empty when it was opened is known by its first bytes from now on.
        if frame.offset.checked_mul(2) == Some(generation.head.len() as u64)
            && generation.head.len() < 2 * HEAD
        {
            let room = HEAD - generation.head.len() / 2;
            generation.head += &hex(&frame.payload[..frame.payload.len().min(room)]);
        }
        let keep = TAIL.saturating_sub(frame.payload.len()).min(generation.tail.len());
        generation.tail.drain(..generation.tail.len() - keep);
        let from = frame.payload.len().saturating_sub(TAIL);
        generation.tail.extend_from_slice(&frame.payload[from..]);
        (generation.quiet, generation.waited) = (None, false);
        generation.at = records.iter().filter_map(|record| record.time).max().max(generation.at);
        let (source, at) = (generation.id, generation.at);
        if let Reader::Journal(journal) = &mut generation.reader {
            for (bytes, why) in journal.lost() {
                if self.send(Message::Dropped { source: JOURNAL.into(), bytes, why }).await.is_err() {
                    return Ok(Err(Unwanted));
                }
            }
        }
        if records.is_empty() {
            return Ok(Ok(()));
        }
        Ok(self.tell_records(source, records, at).await)
    }

    fn read<'a, T: serde::Deserialize<'a>>(&self, frame: &'a Frame) -> Result<T> {
        serde_json::from_slice(&frame.payload).map_err(|why| self.no_frame(&crate::json_words(&why)))
    }

    pub(super) fn no_frame(&self, why: &str) -> Error {
        Error::Parse {
            what: "a frame".into(),
            source_of: format!("the watching end on host `{}`", self.host.name()),
            why: why.into(),
        }
    }
}

/// The host's zone: by its name where this machine knows it, so that summer time is right.
fn zone(hello: &Hello) -> TimeZone {
    let named = TimeZone::get(&hello.zone).ok().filter(|_| !hello.zone.is_empty());
    named.or_else(|| Offset::from_seconds(hello.offset).ok().map(TimeZone::fixed)).unwrap_or(TimeZone::UTC)
}

fn ahead(now: f64) -> f64 {
    now - Timestamp::now().as_millisecond() as f64 / 1000.0
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().collect();
    let pairs = digits.chunks_exact(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}
