//! The frames the far end sends, see `agent.py`.

use serde::Deserialize;

/// One frame: what, of which source, at which byte of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) source: u64,
    pub(super) offset: u64,
    pub(super) payload: Vec<u8>,
}

/// Payload of `H`: the far end's clock.
#[derive(Debug, Deserialize)]
pub(super) struct Hello {
    /// Seconds since 1970 by its clock.
    pub(super) now: f64,
    /// The name of its time zone, when it has one.
    pub(super) zone: String,
    /// What it adds to UTC now, in seconds.
    pub(super) offset: i32,
}

/// Payload of `O`: a source that begins.
#[derive(Debug, Deserialize)]
pub(super) struct Opened {
    /// The path (or command) as it was asked for.
    pub(super) path: String,
    /// Its bytes in hexadecimal, where they are not UTF-8.
    #[serde(default)]
    pub(super) raw: Option<String>,
    pub(super) dev: u64,
    pub(super) ino: u64,
    /// Which of the places to resume at this is.
    pub(super) old: Option<usize>,
    /// Its first bytes, and those before the place, in hexadecimal.
    pub(super) head: String,
    pub(super) tail: String,
    pub(super) why: String,
    /// The number of the source that goes on here: the file was copied and truncated.
    #[serde(default)]
    pub(super) before: Option<u64>,
    /// Nothing was lost between.
    #[serde(default)]
    pub(super) whole: bool,
}

/// Payload of `L`: bytes that are lost.
#[derive(Debug, Deserialize)]
pub(super) struct Lost {
    pub(super) path: String,
    /// How many, when that is known.
    pub(super) bytes: Option<u64>,
    pub(super) why: String,
}

/// Payload of `E`: what cannot be read.
#[derive(Debug, Deserialize)]
pub(super) struct Unreadable {
    pub(super) path: String,
    pub(super) why: String,
    /// It was named, and is not there.
    #[serde(default)]
    pub(super) absent: bool,
}

/// Payload of `F`: what was named, and is there.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    pub(super) path: String,
}

/// The longest payload the far end sends, with room to spare.
const LONGEST: usize = 4 << 20;

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    from: usize,
}

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.from);
        self.from = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame; an error when the stream holds anything else.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, String> {
        let bytes = &self.bytes[self.from..];
        let Some(end) = memchr::memchr(b'\n', &bytes[..bytes.len().min(100)]) else {
            return match bytes.len() {
                0..100 => Ok(None),
                _ => Err(format!("no frame: {}", String::from_utf8_lossy(&bytes[..60]))),
            };
        };
        let line = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let parts = || {
            let mut words = line.split(' ');
            let kind = words.next()?.bytes().next()?;
            let mut number = || words.next()?.parse::<u64>().ok();
            Some((kind, number()?, number()?, usize::try_from(number()?).ok()?))
        };
        let Some((kind, source, offset, length)) = parts().filter(|parts| parts.3 <= LONGEST) else {
            return Err(format!("no frame: {line}"));
        };
        let Some(payload) = bytes.get(end + 1..end + 1 + length) else { return Ok(None) };
        let payload = payload.to_vec();
        self.from += end + 1 + length;
        Ok(Some(Frame { kind, source, offset, payload }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_in_pieces() {
        let text = b"D 3 17 5\nab\ncdC 3 0 0\n";
        let (mut frames, mut seen) = (Frames::default(), vec![]);
        for byte in text {
            frames.push(&[*byte]);
            while let Some(frame) = frames.next().expect("frames") {
                seen.push(frame);
            }
        }
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0], Frame { kind: b'D', source: 3, offset: 17, payload: b"ab\ncd".to_vec() });
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [&b"Traceback (most recent call last)\n"[..], &[b'x'; 200], b"D 1 0 99999999999\n"] {
            let mut frames = Frames::default();
            frames.push(text);
            assert!(frames.next().is_err());
        }
    }
}
