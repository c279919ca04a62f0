//! The beginning of a log, by which its form is known.

use std::io::{self, Cursor, Read};

use crate::watch::clock::Clock;

use crate::watch::form::Form;
use crate::watch::head;

/// So far it is looked for a line that says the form.
const LONGEST: usize = 64 << 10;

/// What was read of a log until its form was known.
pub(super) struct Begin {
    pub form: Form,
    pub bytes: Cursor<Vec<u8>>,
    /// The first line that is not empty.
    pub first_line: Option<String>,
}

impl Begin {
    /// Read pieces of at most `block` bytes until a line says the form.
    pub fn read(input: &mut impl Read, clock: &Clock, block: usize) -> io::Result<Begin> {
        let (mut bytes, mut form, mut first_line) = (vec![], Form::Unknown, None);
        let mut line = 0;
        while form == Form::Unknown && bytes.len() < LONGEST {
            let before = bytes.len();
            let ended = input.by_ref().take(block.min(LONGEST) as u64).read_to_end(&mut bytes)? == 0;
            debug_assert!(ended || bytes.len() > before);
            while form == Form::Unknown && line < bytes.len() {
                let end = match memchr::memchr(b'\n', &bytes[line..]) {
                    Some(length) => line + length,
                    None if ended => bytes.len(),
                    None => break,
                };
                let text = head::text(bytes[line..end].strip_suffix(b"\r").unwrap_or(&bytes[line..end]));
                first_line = first_line.or_else(|| first_words(&text));
                form.line(&text, clock);
                line = end + 1;
            }
            if ended {
                break;
            }
        }
        if first_line.is_none() && line < bytes.len() {
            first_line = first_words(&head::text(&bytes[line..]));
        }
        Ok(Begin { form, bytes: Cursor::new(bytes), first_line })
    }
}

/// The beginning of a line; none of one in which nothing is to be seen.
pub(super) fn first_words(text: &str) -> Option<String> {
    let text = text.trim_start_matches(|c: char| c == '\0' || c.is_whitespace());
    (!text.is_empty()).then(|| text[..text.floor_char_boundary(200)].to_string())
}

/// A reader that ends where it fails, and keeps the error.
pub(super) struct ToError<R> {
    input: R,
    pub error: Option<io::Error>,
}

impl<R> ToError<R> {
    pub fn new(input: R) -> ToError<R> {
        ToError { input, error: None }
    }
}

impl<R: Read> Read for ToError<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.error.is_some() {
            return Ok(0);
        }
        match self.input.read(to) {
            Err(why) if why.kind() == io::ErrorKind::Interrupted => Err(why),
            Err(why) => {
                self.error = Some(why);
                Ok(0)
            }
            read => read,
        }
    }
}
