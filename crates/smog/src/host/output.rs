//! What a command on a host gave back.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Exit {
    /// The exit code. A command that a signal ended has 128 + the signal's number, as in any shell.
    pub code: i32,
}

/// What a command wrote, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Standard output, byte for byte.
    #[serde(serialize_with = "as_text")]
    pub stdout: Vec<u8>,
    /// Standard error, byte for byte.
    #[serde(serialize_with = "as_text")]
    pub stderr: Vec<u8>,
    /// How it ended.
    pub exit: Exit,
    /// From the request to the end, the way to the host and back included.
    #[serde(serialize_with = "as_seconds", rename = "elapsed_s")]
    pub elapsed: Duration,
}

impl Exit {
    /// Exit code 0.
    pub const OK: Exit = Exit { code: 0 };

    /// Whether the code is 0.
    pub fn is_ok(self) -> bool {
        self.code == 0
    }

    /// The signal that ended it, when the code says so.
    pub fn signal(self) -> Option<i32> {
        (129..=192).contains(&self.code).then(|| self.code - 128)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.signal() {
            Some(signal) => write!(f, "exit code {} (signal {signal})", self.code),
            None => write!(f, "exit code {}", self.code),
        }
    }
}

impl Output {
    /// An output with exit code 0, for replays.
    pub fn of(stdout: impl Into<Vec<u8>>) -> Output {
        Output { stdout: stdout.into(), stderr: Vec::new(), exit: Exit::OK, elapsed: Duration::ZERO }
    }

    /// Standard output as text; bytes that are not UTF-8 become `�`.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Standard error as text.
    pub fn error_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }
}

/// The end of what a command wrote, for an error: at most so many lines, and none of them endless.
pub(crate) fn tail(bytes: &[u8]) -> String {
    const BYTES: usize = 64 << 10;
    const LINES: usize = 40;
    const LETTERS: usize = 400;
    let end = &bytes[bytes.len().saturating_sub(BYTES)..];
    let text = String::from_utf8_lossy(end);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let lines = &lines[lines.len().saturating_sub(LINES)..];
    let cut = lines.iter().map(|line| match line.char_indices().nth(LETTERS) {
        Some((at, _)) => format!("{}…{}", &line[..at], if line.ends_with('\n') { "\n" } else { "" }),
        None => (*line).to_string(),
    });
    cut.collect()
}

fn as_text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(bytes))
}

fn as_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::tail;

    #[test]
    fn an_error_shows_the_end_of_what_was_written() {
        assert_eq!(tail(b"why\n"), "why\n");
        assert_eq!(tail(b"no line end"), "no line end");
        let endless = tail(&vec![b'x'; 18 << 20]);
        assert!(endless.chars().count() == 401 && endless.ends_with('…'), "{}", endless.len());
        let many = tail("line\n".repeat(1_000_000).as_bytes());
        assert_eq!(many.lines().count(), 40);
    }
}
