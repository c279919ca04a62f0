//! Subunit v2, as stestr and tempest keep it.
//!
//! The form is described in the README of <https://github.com/testing-cabal/subunit>.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Found, message_of, plain_name, requests_of};
use crate::triage::FailedTest;

/// So much of a test's attachments is kept, in bytes.
const LONGEST: usize = 1 << 20;

/// What is known of a test that runs.
#[derive(Default)]
struct Running {
    began: Option<Timestamp>,
    text: String,
}

/// Read a stream; none where there is no packet in it. What is no packet is passed over.
pub(super) fn read(bytes: &[u8]) -> Option<Found> {
    let (mut found, mut running, mut any) = (Found::default(), HashMap::<String, Running>::new(), false);
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(0xb3, rest) {
        rest = &rest[at..];
        match Packet::read(rest) {
            Some((packet, length)) => {
                any = true;
                rest = &rest[length..];
                packet.take(&mut found, &mut running);
            }
            None => rest = &rest[1..],
        }
    }
    // A job that timed out ends in the middle of a test.
    for (name, test) in running {
        if test.began.is_some() {
            found.failed.push(FailedTest {
                name,
                began: test.began,
                message: "it has no end: the results stop while it runs".into(),
                requests: requests_of(&test.text),
                ..FailedTest::default()
            });
        }
    }
    any.then_some(found)
}

struct Packet<'a> {
    test: &'a str,
    time: Option<Timestamp>,
    status: u16,
    file: Option<(&'a str, &'a [u8])>,
}

impl<'a> Packet<'a> {
    /// The packet at the beginning of these bytes, and its length.
    fn read(bytes: &'a [u8]) -> Option<(Packet<'a>, usize)> {
        let flags = u16::from_be_bytes([*bytes.get(1)?, *bytes.get(2)?]);
        if flags & 0xf000 != 0x2000 {
            return None;
        }
        let mut at = 3;
        let length = number(bytes, &mut at)?;
        let packet = bytes.get(..length).filter(|packet| packet.len() >= at + 4)?;
        let (content, sum) = packet.split_at(length - 4);
        if crc32fast::hash(content).to_be_bytes().as_slice() != sum {
            return None;
        }
        let mut one = Packet { test: "", time: None, status: flags & 7, file: None };
        if flags & 0x0200 != 0 {
            let second = u32::from_be_bytes(content.get(at..at + 4)?.try_into().ok()?);
            at += 4;
            let nanosecond = i32::try_from(number(content, &mut at)?).ok()?;
            one.time = Timestamp::new(second.into(), nanosecond).ok();
        }
        if flags & 0x0800 != 0 {
            one.test = text(content, &mut at)?;
        }
        if flags & 0x0080 != 0 {
            for _ in 0..number(content, &mut at)? {
                text(content, &mut at)?;
            }
        }
        if flags & 0x0020 != 0 {
            text(content, &mut at)?;
        }
        if flags & 0x0040 != 0 {
            let name = text(content, &mut at)?;
            let size = number(content, &mut at)?;
            one.file = Some((name, content.get(at..at.checked_add(size)?)?));
        }
        Some((one, length))
    }

    fn take(self, found: &mut Found, running: &mut HashMap<String, Running>) {
        if self.test.is_empty() {
            return;
        }
        let name = plain_name(self.test);
        let test = running.entry(name.clone()).or_default();
        if let Some((_, bytes)) = self.file {
            let room = LONGEST.saturating_sub(test.text.len()).min(bytes.len());
            test.text.push_str(&String::from_utf8_lossy(&bytes[..room]));
        }
        match self.status {
            2 => test.began = test.began.or(self.time),
            // Success, an unexpected success, a skip, a failure, an expected failure.
            3 | 7 => _ = found.passed.insert(name.clone()),
            5 => _ = found.skipped.insert(name.clone()),
            4 | 6 => {
                found.failed.push(FailedTest {
                    name: name.clone(),
                    began: test.began,
                    ended: self.time,
                    message: message_of(&test.text),
                    requests: requests_of(&test.text),
                    exceptions: vec![],
                });
            }
            _ => return,
        }
        if self.status != 2 {
            running.remove(&name);
        }
    }
}

/// A number whose first two bits say how many bytes it has.
fn number(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let first = *bytes.get(*at)?;
    let more = usize::from(first >> 6);
    let rest = bytes.get(*at + 1..=*at + more)?;
    *at += 1 + more;
    Some(rest.iter().fold(usize::from(first & 0x3f), |value, byte| value << 8 | usize::from(*byte)))
}

fn text<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a str> {
    let length = number(bytes, at)?;
    let text = std::str::from_utf8(bytes.get(*at..at.checked_add(length)?)?).ok()?;
    *at += length;
    Some(text)
}
