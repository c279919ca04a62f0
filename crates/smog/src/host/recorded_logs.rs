//! The logs of one host as a recording keeps them: one record per line, in the order of time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use jiff::Timestamp;

/// Records of one host, as lines of JSON in a file without a name.
#[derive(Debug, Clone)]
pub(crate) struct RecordedLogs {
    /// The lines; none when there are none.
    pub file: Option<Arc<File>>,
    /// What is recorded begins at this time; what was logged before is not in it.
    pub since: Timestamp,
    /// Seconds that the host's clock was ahead.
    pub clock_ahead: f64,
    /// What could not be read, with the reason.
    pub unread: Vec<(String, String)>,
    /// Why nothing of the host was read.
    pub failed: Option<String>,
    /// The recording, for messages.
    pub of: String,
}

impl RecordedLogs {
    /// No record, and nothing missing: what asks is answered at once.
    pub(crate) fn none() -> RecordedLogs {
        RecordedLogs {
            file: None,
            since: Timestamp::MIN,
            clock_ahead: 0.0,
            unread: vec![],
            failed: None,
            of: String::new(),
        }
    }

    /// Its lines, from the first on.
    pub(crate) fn lines(&self) -> impl Iterator<Item = io::Result<String>> + use<> {
        let reader =
            self.file.clone().map(|file| BufReader::with_capacity(256 << 10, At { file, at: 0 }).lines());
        reader.into_iter().flatten()
    }
}

/// Reads a shared file from a place of its own.
struct At {
    file: Arc<File>,
    at: u64,
}

impl Read for At {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(to, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
