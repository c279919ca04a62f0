//! A file of a place, wherever its bytes are.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::watch::form::Form;
use crate::watch::scan::first_form;
use crate::watch::unpack::unpack;

/// A file of a place.
#[derive(Debug)]
pub(in crate::watch) struct Entry {
    /// How a person finds it: the path, or an archive's path, a colon and the path in it.
    pub shown: String,
    /// The path from the place on, the place's own name first.
    pub inside: String,
    /// 0 where it is not known.
    pub size: u64,
    pub modified: Option<Timestamp>,
    pub bytes: Bytes,
    /// It is a place itself.
    pub named: bool,
}

/// Where the bytes of a file are.
#[derive(Debug, Clone)]
pub(in crate::watch) enum Bytes {
    File(PathBuf),
    /// Within an archive, or the file to which an archive was unpacked.
    Part {
        file: Arc<File>,
        at: u64,
        length: u64,
    },
    /// Read once only.
    Input(Arc<Mutex<Option<Input>>>),
}

/// Standard input, or what is left of it.
pub(in crate::watch) struct Input(pub Box<dyn Read + Send>);

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Input")
    }
}

impl Bytes {
    pub fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Bytes::File(path) => Box::new(File::open(path)?),
            Bytes::Part { file, at, length } => {
                Box::new(Part { file: Arc::clone(file), at: *at, left: *length })
            }
            Bytes::Input(input) => match input.lock().unwrap_or_else(PoisonError::into_inner).take() {
                Some(input) => input.0,
                None => return Err(io::Error::other("standard input can be read once only")),
            },
        })
    }
}

impl Entry {
    /// The text of a small file; what is longer is cut.
    pub fn text(&self, most: u64) -> io::Result<String> {
        let mut bytes = vec![];
        unpack(self.bytes.open()?)?.take(most).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether the first lines are those of a log.
    pub fn begins_as_log(&self) -> bool {
        let form = self
            .bytes
            .open()
            .and_then(unpack)
            .and_then(|mut text| first_form(&mut text, &TimeZone::UTC.into()));
        form.is_ok_and(|form| form != Form::Unknown)
    }
}

/// A part of a file. Several may be read at once.
struct Part {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Read for Part {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(to.len());
        if room == 0 {
            return Ok(0);
        }
        let read = self.file.read_at(&mut to[..room], self.at)?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is cut short"));
        }
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
