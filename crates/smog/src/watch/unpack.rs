//! Files as they are found: compressed, in UTF-16, with the line ends of other systems; recognized by
//! their first bytes, never by their names.

use std::io::{self, BufReader, Cursor, Read};

mod export;
mod text;

/// So much is read to recognize what a file is.
const BEGIN: usize = 64 << 10;

/// So many compressions may lie over each other.
const DEEPEST: usize = 3;

type Input = Box<dyn Read + Send>;

/// The text of a file: decompressed (gzip, xz, zstd, bzip2), UTF-16 as UTF-8, single carriage
/// returns as line ends, and `journalctl -o export` as the lines of `-o json`.
///
/// # Errors
/// What reading fails with; [`io::ErrorKind::InvalidData`] when it is not a text, with what it is.
/// A file that is cut short fails where it ends, after what is there was read.
pub fn unpack(input: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let Bare { begin, whole, .. } = bare(input)?;
    plain(&begin, whole)
}

/// A file without its compressions.
pub(super) struct Bare {
    /// What it begins with, at most 64 KiB.
    pub(super) begin: Vec<u8>,
    /// All of it.
    pub(super) whole: Input,
    /// Whether it was compressed.
    pub(super) was_packed: bool,
}

/// Take off the compressions (gzip, xz, zstd, bzip2).
pub(super) fn bare(input: impl Read + Send + 'static) -> io::Result<Bare> {
    let mut input: Input = Box::new(input);
    for depth in 0..DEEPEST {
        let (begin, rest) = look_at(input)?;
        let whole = BufReader::with_capacity(BEGIN, Cursor::new(begin.clone()).chain(rest));
        input = match begin.as_slice() {
            [0x1f, 0x8b, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Box::new(lzma_rust2::XzReader::new(whole, true)),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(Frames { state: State::Between(whole) }),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Box::new(bzip2::bufread::MultiBzDecoder::new(whole)),
            _ => return Ok(Bare { begin, whole: Box::new(whole), was_packed: depth > 0 }),
        };
    }
    Err(invalid("it is compressed again and again"))
}

/// The first bytes, and the rest.
fn look_at(mut input: Input) -> io::Result<(Vec<u8>, Input)> {
    let mut begin = vec![];
    match input.by_ref().take(BEGIN as u64).read_to_end(&mut begin) {
        Ok(_) => Ok((begin, input)),
        // What could be read of a file that is cut short is read first.
        Err(why) if !begin.is_empty() => Ok((begin, Box::new(Fails(Some(why))))),
        Err(why) => Err(why),
    }
}

/// A reader that fails once, then is at its end.
struct Fails(Option<io::Error>);

impl Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn plain(begin: &[u8], whole: impl Read + Send + 'static) -> io::Result<Input> {
    if let Some(order) = text::utf16(begin).or_else(|| text::utf16_without_mark(begin)) {
        return Ok(Box::new(text::Utf16::new(whole, order)));
    }
    if export::is_one(begin) {
        return Ok(Box::new(export::Export::new(whole)));
    }
    if let Some(what) = what_else(begin) {
        return Err(invalid(what));
    }
    if begin.starts_with(b"\xef\xbb\xbf") {
        let mut whole = whole;
        whole.read_exact(&mut [0; 3])?;
        return Ok(Box::new(whole));
    }
    if !begin.contains(&b'\n') && begin.contains(&b'\r') {
        return Ok(Box::new(text::OldMac(whole)));
    }
    Ok(Box::new(whole))
}

/// What a file is that is not a text.
fn what_else(begin: &[u8]) -> Option<&'static str> {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"LPKSHHRH", "it is a file of systemd's journal: `journalctl --file FILE -o export` prints it"),
        (b"PK\x03\x04", "it is a zip archive: unpack it first"),
        (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive: unpack it first"),
        (b"\x04\x22\x4d\x18", "it is compressed with lz4: unpack it first, with `lz4cat`"),
        (b"\x1f\x9d", "it is compressed with compress: unpack it first, with `zcat`"),
        (b"LZIP", "it is compressed with lzip: unpack it first, with `lzip -dc`"),
        (b"\x7fELF", "it is a program"),
        (b"QFI\xfb", "it is a disk image"),
        (b"SQLite format 3", "it is a database of SQLite"),
    ];
    if let Some((_, what)) = KNOWN.iter().find(|(magic, _)| begin.starts_with(magic)) {
        return Some(what);
    }
    if is_tar(begin) {
        return Some("it is a tar archive within another file: unpack it first");
    }
    // After copytruncate a log may begin with a hole of NUL bytes.
    let start = begin.iter().position(|byte| *byte != 0).unwrap_or(begin.len());
    let begin = &begin[start..];
    let odd = begin.iter().filter(|byte| matches!(byte, 0..=6 | 14..=26 | 28..=31 | 127)).count();
    (odd * 20 > begin.len()).then_some("it is a binary file")
}

/// Whether a file begins with the header of a tar archive: with its magic, or (before POSIX) only
/// with a name and the right sum.
pub(super) fn is_tar(begin: &[u8]) -> bool {
    let Some(header) = begin.get(..512) else { return false };
    if &header[257..262] == b"ustar" {
        return true;
    }
    let written = std::str::from_utf8(&header[148..156]).unwrap_or_default();
    let written = u64::from_str_radix(written.trim_matches(['\0', ' ']), 8).ok();
    let sum = header.iter().enumerate();
    let sum = sum.map(|(at, byte)| u64::from(if (148..156).contains(&at) { b' ' } else { *byte }));
    header[0] != 0 && written.is_some_and(|written| written > 0 && written == sum.sum::<u64>())
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// zstd's frames, one after the other.
struct Frames<R: Read> {
    state: State<R>,
}

enum State<R: Read> {
    Between(R),
    In(Box<ruzstd::decoding::StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>),
    Ended,
}

impl<R: io::BufRead> Read for Frames<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Ok(0),
                State::Between(mut input) => {
                    if input.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let decoder = ruzstd::decoding::StreamingDecoder::new(input);
                    self.state = State::In(Box::new(decoder.map_err(io::Error::other)?));
                }
                State::In(mut decoder) => {
                    let read = decoder.read(to)?;
                    if read > 0 || to.is_empty() {
                        self.state = State::In(decoder);
                        return Ok(read);
                    }
                    self.state = State::Between(decoder.into_inner());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
