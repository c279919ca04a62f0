//! Subunit v2, the stream that stestr and OpenStack's CI read.
//!
//! A stream is packets: a signature, flags, length, what the flags announce, and a CRC-32.
//! The form is described in the README of <https://github.com/testing-cabal/subunit>.

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use super::words;
use crate::testing::{CaseReport, RunReport};

/// The run as a subunit v2 stream.
///
/// A case is `inprogress` at its begin and `success`, `skip` or `fail` at its end (broken,
/// leaked and interrupted cases are `fail`; a case that was interrupted before it began is
/// `skip`). Skipped cases carry the attachment `reason`; failed ones `traceback`, which says
/// what does not hold and what threw; every case that ran carries `document`, the story of
/// it. A flaky pass has the tag `flaky`. What is left of the run is a failing test `run.leaks`.
pub fn subunit(report: &RunReport) -> Vec<u8> {
    let mut stream = Vec::new();
    for case in &report.cases {
        write_case(&mut stream, case);
    }
    if !report.leaked.is_empty() {
        let at = ended(report.began, report.seconds);
        let left = report.leaked.join("\n");
        Packet::about("run.leaks").status(IN_PROGRESS, at).write(&mut stream);
        attach(&mut stream, "run.leaks", "traceback", &left);
        Packet::about("run.leaks").status(FAIL, at).write(&mut stream);
    }
    stream
}

fn write_case(stream: &mut Vec<u8>, case: &CaseReport) {
    let name = case.name.as_str();
    let at = ended(case.began, case.seconds);
    let state = words::state(case);
    let end = match state {
        "passed" | "flaky" => SUCCESS,
        "skipped" => SKIP,
        "interrupted" if case.attempts == 0 => SKIP,
        _ => FAIL,
    };
    Packet::about(name).status(IN_PROGRESS, case.began).write(stream);
    if case.attempts > 0 {
        attach(stream, name, "document", &words::story(case));
    }
    match end {
        SKIP => attach(stream, name, "reason", &words::why(case)),
        FAIL => attach(stream, name, "traceback", &format!("{state}: {}", words::wrong(case))),
        _ => {}
    }
    let tags: &[&str] = if state == "flaky" { &["flaky"] } else { &[] };
    Packet { tags, ..Packet::about(name).status(end, at) }.write(stream);
}

/// An attachment, in as many packets as it needs; its last one ends it. They have no time: a
/// reader of the Python library takes the time of the last one for the case's begin.
fn attach(stream: &mut Vec<u8>, name: &str, file: &str, text: &str) {
    let mut parts = text.as_bytes().chunks(PART).peekable();
    if parts.peek().is_none() {
        return;
    }
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        Packet { file: Some((file, part, last)), ..Packet::about(name) }.write(stream);
    }
}

/// Bytes of an attachment in one packet; a packet may have 4 MiB.
const PART: usize = 1 << 20;

const SIGNATURE: u8 = 0xb3;
const VERSION: u16 = 0x2000;
const HAS_TEST: u16 = 0x0800;
const HAS_TIME: u16 = 0x0200;
const RUNNABLE: u16 = 0x0100;
const HAS_TAGS: u16 = 0x0080;
const HAS_FILE: u16 = 0x0040;
const HAS_MIME: u16 = 0x0020;
const LAST_PART: u16 = 0x0010;
const IN_PROGRESS: u16 = 2;
const SUCCESS: u16 = 3;
const SKIP: u16 = 5;
const FAIL: u16 = 6;
const TEXT: &str = "text/plain;charset=utf8";

struct Packet<'a> {
    test: &'a str,
    at: Option<Timestamp>,
    status: u16,
    tags: &'a [&'a str],
    /// Name, bytes, and whether these are the last.
    file: Option<(&'a str, &'a [u8], bool)>,
}

impl<'a> Packet<'a> {
    fn about(test: &'a str) -> Packet<'a> {
        Packet { test, at: None, status: 0, tags: &[], file: None }
    }

    fn status(self, status: u16, at: Timestamp) -> Packet<'a> {
        Packet { status, at: Some(at), ..self }
    }

    /// Fields follow in the order of the format, not of the flags.
    fn write(&self, stream: &mut Vec<u8>) {
        let mut flags = VERSION | HAS_TEST | RUNNABLE | self.status;
        let mut body = Vec::new();
        if let Some(at) = self.at {
            flags |= HAS_TIME;
            body.extend(u32::try_from(at.as_second()).unwrap_or_default().to_be_bytes());
            // Whole microseconds: the format has nanoseconds, its Python readers have not.
            number(&mut body, u32::try_from(at.subsec_microsecond()).unwrap_or_default() * 1000);
        }
        text(&mut body, self.test);
        if !self.tags.is_empty() {
            flags |= HAS_TAGS;
            number(&mut body, size(self.tags.len()));
            for tag in self.tags {
                text(&mut body, tag);
            }
        }
        if let Some((name, bytes, last)) = self.file {
            flags |= HAS_MIME | HAS_FILE | if last { LAST_PART } else { 0 };
            text(&mut body, TEXT);
            text(&mut body, name);
            number(&mut body, size(bytes.len()));
            body.extend(bytes);
        }
        // The length counts itself, in as few bytes as it then needs, and the checksum.
        let fixed = 1 + 2 + body.len() + 4;
        let own = match fixed {
            0..=62 => 1,
            63..=16_381 => 2,
            _ => 3,
        };
        let from = stream.len();
        stream.push(SIGNATURE);
        stream.extend(flags.to_be_bytes());
        number(stream, size(fixed + own));
        stream.extend(body);
        let sum = crc32fast::hash(&stream[from..]);
        stream.extend(sum.to_be_bytes());
    }
}

/// A number whose first two bits say how many bytes it has.
fn number(into: &mut Vec<u8>, value: u32) {
    match value {
        0..0x40 => into.extend(&value.to_be_bytes()[3..]),
        0x40..0x4000 => into.extend(&(value | 0x4000).to_be_bytes()[2..]),
        0x4000..0x0040_0000 => into.extend(&(value | 0x0080_0000).to_be_bytes()[1..]),
        _ => into.extend((value | 0xc000_0000).to_be_bytes()),
    }
}

/// Nothing is written here that is longer than a part of an attachment.
fn size(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn text(into: &mut Vec<u8>, text: &str) {
    number(into, size(text.len()));
    into.extend(text.as_bytes());
}

fn ended(began: Timestamp, seconds: f64) -> Timestamp {
    let after = SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
    began.checked_add(after).unwrap_or(began)
}
