//! What is followed of a file: what its path was until it was rotated.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::watch::assemble::Assembler;
use crate::watch::journal::Journal;
use crate::watch::record::Record;

/// One generation of a file, or a command.
#[derive(Debug)]
pub(super) struct Generation {
    /// Its number for the face, the same over connections.
    pub(super) id: u64,
    pub(super) path: String,
    /// The path's bytes in hexadecimal, where they are not UTF-8.
    pub(super) raw: Option<String>,
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) offset: u64,
    /// The beginning of the file: identifies it after it was renamed or copied.
    pub(super) head: String,
    pub(super) tail: Vec<u8>,
    /// It is what the path is now, not an earlier generation.
    pub(super) live: bool,
    pub(super) reader: Reader,
    pub(super) at: Option<Timestamp>,
    /// When its open records are complete.
    pub(super) quiet: Option<Instant>,
    /// What has only begun was waited for already.
    pub(super) waited: bool,
}

#[derive(Debug)]
pub(super) enum Reader {
    Text(Box<Assembler>),
    Journal(Box<Journal>),
}

impl Reader {
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<Record>) {
        match self {
            Reader::Text(assembler) => assembler.push(bytes, out),
            Reader::Journal(journal) => journal.push(bytes, out),
        }
    }

    /// The end of a line that has begun is missing.
    pub(super) fn end_line(&mut self, out: &mut Vec<Record>) {
        match self {
            Reader::Text(assembler) if assembler.is_in_line() => assembler.push(b"\n", out),
            Reader::Text(_) | Reader::Journal(_) => {}
        }
    }

    pub(super) fn finish(&mut self, out: &mut Vec<Record>) {
        match self {
            Reader::Text(assembler) => assembler.finish(out),
            Reader::Journal(journal) => journal.finish(out),
        }
    }

    /// Whether a record, or a line, may still go on.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Reader::Text(assembler) => assembler.is_open() || assembler.is_in_line(),
            Reader::Journal(journal) => journal.is_open(),
        }
    }
}
