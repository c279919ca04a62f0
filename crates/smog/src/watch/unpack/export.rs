//! `journalctl -o export` as the lines of `journalctl -o json`.
//!
//! The form is described in systemd's documentation, "Journal Export Formats": `FIELD=value`
//! lines; a field of any bytes is its name, a line end, the length as 64 bits, the bytes and a
//! line end. An empty line ends an entry.

use std::io::{self, BufRead, BufReader, Read};

use serde_json::{Map, Value};

use crate::watch::json_form::EXCEPTIONS;

/// The fields that are read.
const WANTED: &[&str] = &[
    "EXCEPTION_INFO",
    "EXCEPTION_TEXT",
    "MESSAGE",
    "PRIORITY",
    "UNIT",
    "SYSLOG_IDENTIFIER",
    "SYSLOG_PID",
    "_COMM",
    "_HOSTNAME",
    "_PID",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_INVOCATION_ID",
    "__CURSOR",
    "__REALTIME_TIMESTAMP",
];

/// The longest field that is kept.
const LONGEST: u64 = 4 << 20;

/// Whether a file begins like one.
pub(super) fn is_one(begin: &[u8]) -> bool {
    let end = begin.iter().position(|byte| *byte == b'\n').unwrap_or(begin.len());
    let first = &begin[..end];
    first.starts_with(b"__CURSOR=") || first.starts_with(b"__REALTIME_TIMESTAMP=")
}

/// Reads entries, gives lines.
pub(super) struct Export<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    at: usize,
}

impl<R: Read> Export<R> {
    pub fn new(input: R) -> Export<R> {
        Export { input: BufReader::with_capacity(128 << 10, input), line: vec![], at: 0 }
    }

    /// The next entry; none at the end.
    fn entry(&mut self) -> io::Result<Option<Map<String, Value>>> {
        let mut entry = Map::new();
        loop {
            let mut field = vec![];
            self.input.by_ref().take(LONGEST).read_until(b'\n', &mut field)?;
            if field.is_empty() {
                return Ok((!entry.is_empty()).then_some(entry));
            }
            match field.last() {
                Some(b'\n') => field.truncate(field.len() - 1),
                _ if field.len() as u64 == LONGEST => {}
                _ => return Err(cut_off()),
            }
            if field.is_empty() {
                if entry.is_empty() {
                    continue;
                }
                return Ok(Some(entry));
            }
            let (name, value) = match field.iter().position(|byte| *byte == b'=') {
                Some(at) => (String::from_utf8_lossy(&field[..at]).into_owned(), field[at + 1..].to_vec()),
                None => {
                    let mut length = [0; 8];
                    self.input.read_exact(&mut length).map_err(|_| cut_off())?;
                    let length = u64::from_le_bytes(length);
                    let mut value = vec![];
                    self.input.by_ref().take(length.min(LONGEST)).read_to_end(&mut value)?;
                    // The rest of it, and the line end.
                    io::copy(
                        &mut self.input.by_ref().take(length.saturating_sub(LONGEST).saturating_add(1)),
                        &mut io::sink(),
                    )?;
                    (String::from_utf8_lossy(&field).into_owned(), value)
                }
            };
            if WANTED.contains(&name.as_str()) {
                entry.insert(name, Value::String(String::from_utf8_lossy(&value).into_owned()));
            }
        }
    }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the journal's export is cut off within an entry")
}

impl<R: Read> Read for Export<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.at == self.line.len() {
            let Some(entry) = self.entry()? else { return Ok(0) };
            if entry.contains_key("MESSAGE") || EXCEPTIONS.iter().any(|key| entry.contains_key(*key)) {
                (self.at, self.line) = (0, serde_json::to_vec(&entry).map_err(io::Error::other)?);
                self.line.push(b'\n');
            }
        }
        let length = to.len().min(self.line.len() - self.at);
        to[..length].copy_from_slice(&self.line[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}
