//! Encodings and line ends of other systems.

use std::io::{self, Read};

/// The order of a UTF-16 unit's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// The order, if a file begins with UTF-16's mark.
pub(super) fn utf16(begin: &[u8]) -> Option<Order> {
    match begin {
        [0xff, 0xfe, ..] => Some(Order::Little),
        [0xfe, 0xff, ..] => Some(Order::Big),
        _ => None,
    }
}

/// The order of UTF-16 without a mark, where each of its first units is a character of ASCII.
pub(super) fn utf16_without_mark(begin: &[u8]) -> Option<Order> {
    let begin = &begin[..begin.len().min(64) / 2 * 2];
    let is_text = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    let all = |low: usize| begin.chunks_exact(2).all(|unit| is_text(unit[low]) && unit[1 - low] == 0);
    match begin.len() {
        0..16 => None,
        _ if all(0) => Some(Order::Little),
        _ if all(1) => Some(Order::Big),
        _ => None,
    }
}

/// UTF-16 as UTF-8, without the mark.
pub(super) struct Utf16<R> {
    input: R,
    order: Order,
    /// A half unit, and the first half of a pair.
    half: Option<u8>,
    high: Option<u16>,
    ready: Vec<u8>,
    at: usize,
    ended: bool,
}

impl<R> Utf16<R> {
    pub fn new(input: R, order: Order) -> Utf16<R> {
        Utf16 { input, order, half: None, high: None, ready: vec![], at: 0, ended: false }
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut units = vec![];
        for byte in bytes {
            match (self.half.take(), self.order) {
                (None, _) => self.half = Some(*byte),
                (Some(first), Order::Little) => units.push(u16::from_le_bytes([first, *byte])),
                (Some(first), Order::Big) => units.push(u16::from_be_bytes([first, *byte])),
            }
        }
        let high = self.high.take();
        if let Some(last) = units.last().filter(|unit| (0xd800..0xdc00).contains(*unit)) {
            self.high = Some(*last);
            units.pop();
        }
        let all = high.into_iter().chain(units);
        for decoded in char::decode_utf16(all) {
            let decoded = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
            if decoded != '\u{feff}' {
                self.ready.extend(decoded.encode_utf8(&mut [0; 4]).bytes());
            }
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() && !self.ended {
            (self.at, self.ready) = (0, vec![]);
            let mut block = [0; 16 << 10];
            let read = self.input.read(&mut block)?;
            self.ended = read == 0;
            self.take(&block[..read]);
        }
        let length = to.len().min(self.ready.len() - self.at);
        to[..length].copy_from_slice(&self.ready[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// Carriage returns as line ends.
pub(super) struct OldMac<R>(pub R);

impl<R: Read> Read for OldMac<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(to)?;
        to[..read].iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        Ok(read)
    }
}
