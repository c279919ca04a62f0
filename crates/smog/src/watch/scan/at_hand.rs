//! The part of a log that is in memory while it is searched.

use std::io::{self, Read};

/// The part of a log that is in memory. Places are counted from the log's beginning.
pub(super) struct Log<R> {
    input: R,
    pub bytes: Vec<u8>,
    /// The place of the first byte in memory, and how many there are.
    pub base: u64,
    filled: usize,
    pub ended: bool,
    pub window: usize,
    block: usize,
    /// After the last line end in memory; after everything when the log has ended.
    pub whole_lines: u64,
}

impl<R: Read> Log<R> {
    pub fn new(input: R, window: usize, block: usize) -> Log<R> {
        // What is kept is moved to the front once in so many blocks.
        let room = 2 * window + 4 * block;
        Log { input, bytes: vec![0; room], base: 0, filled: 0, ended: false, window, block, whole_lines: 0 }
    }

    pub fn end(&self) -> u64 {
        self.base + self.filled as u64
    }

    pub fn at(&self, place: u64) -> usize {
        (place - self.base) as usize
    }

    pub fn part(&self, from: u64, to: u64) -> &[u8] {
        &self.bytes[self.at(from)..self.at(to)]
    }

    /// Read one block more. What stands at `in_use` and a window before it stays in memory.
    pub fn more(&mut self, in_use: u64) -> io::Result<()> {
        if self.bytes.len() - self.filled < self.block {
            let drop = self.at(in_use).saturating_sub(self.window);
            self.bytes.copy_within(drop..self.filled, 0);
            self.base += drop as u64;
            self.filled -= drop;
        }
        let to = (self.filled + self.block).min(self.bytes.len());
        let read = loop {
            match self.input.read(&mut self.bytes[self.filled..to]) {
                Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
                read => break read?,
            }
        };
        let before = self.filled;
        self.filled += read;
        if read == 0 {
            self.ended = true;
            self.whole_lines = self.end();
        } else if let Some(at) = memchr::memrchr(b'\n', &self.bytes[before..self.filled]) {
            self.whole_lines = self.base + (before + at + 1) as u64;
        }
        Ok(())
    }

    /// The line before the one that begins at `place`: where it begins, if that is in memory.
    pub fn line_before(&self, place: u64) -> Option<u64> {
        let end = self.at(place).checked_sub(1)?;
        match memchr::memrchr(b'\n', &self.bytes[..end]) {
            Some(at) => Some(self.base + at as u64 + 1),
            None => (self.base == 0).then_some(0),
        }
    }

    /// Where the line around `place` begins, as far as it is in memory.
    pub fn line_of(&self, place: u64) -> u64 {
        let at = memchr::memrchr(b'\n', &self.bytes[..self.at(place)]);
        at.map_or(self.base, |at| self.base + at as u64 + 1)
    }

    /// After the end of the line at `place`, if it is in memory.
    pub fn line_end(&self, place: u64) -> Option<u64> {
        if place >= self.whole_lines {
            return None;
        }
        let at = memchr::memchr(b'\n', self.part(place, self.whole_lines));
        match at {
            Some(at) => Some(place + at as u64 + 1),
            None => self.ended.then_some(self.whole_lines),
        }
    }
}
