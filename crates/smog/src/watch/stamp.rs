//! The time at the beginning of a log line.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::clock::Clock;

/// A time as written, and how many bytes it took.
pub(super) struct Stamp {
    pub(super) time: Option<Timestamp>,
    pub(super) length: usize,
}

/// `2026-11-24 10:31:38.222`, also with `T`, with a comma, with `Z`, `+0000` or `+00:00` behind it.
///
/// Without an offset it is the local time of the host.
pub(super) fn iso(text: &str, clock: &Clock) -> Option<Stamp> {
    let bytes = text.as_bytes();
    if bytes.len() < 19 || bytes[4] != b'-' || bytes[7] != b'-' || bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    if bytes[10] != b' ' && bytes[10] != b'T' {
        return None;
    }
    let two = |at: usize| digits(&bytes[at..at + 2]);
    let (year, month, day) = (digits(&bytes[0..4])?, two(5)?, two(8)?);
    let (hour, minute, second) = (two(11)?, two(14)?, two(17)?);
    let mut at = 19;
    let mut nanoseconds = 0;
    if bytes.get(at).is_some_and(|byte| *byte == b'.' || *byte == b',') {
        let fraction = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count().min(9);
        if fraction > 0 {
            nanoseconds = digits(&bytes[at + 1..at + 1 + fraction])? * 10_i32.pow(9 - fraction as u32);
            at += 1 + fraction;
        }
    }
    let mut offset = None;
    match bytes.get(at) {
        Some(b'Z') => {
            offset = Some(Offset::UTC);
            at += 1;
        }
        Some(sign @ (b'+' | b'-')) if bytes.len() >= at + 5 => {
            let colon = usize::from(bytes[at + 3] == b':');
            let minutes = bytes.get(at + 3 + colon..at + 5 + colon).and_then(digits);
            if let (Some(hours), Some(minutes)) = (digits(&bytes[at + 1..at + 3]), minutes) {
                let seconds = (hours * 60 + minutes) * 60;
                offset = Offset::from_seconds(if *sign == b'-' { -seconds } else { seconds }).ok();
                at += 5 + colon;
            }
        }
        _ => {}
    }
    let small = |value: i32| i8::try_from(value).ok();
    let civil = DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        // A leap second is the second before it.
        small(second.min(59))?,
        nanoseconds,
    )
    .ok()?;
    Some(Stamp { time: at_zone(civil, offset, clock), length: at })
}

/// `Tue Nov 24 10:31:40 2026`, with or without a fraction: uWSGI's and Apache's error log.
pub(super) fn ctime(text: &str, clock: &Clock) -> Option<Stamp> {
    let end = text.find(']').unwrap_or(text.len());
    let mut words = text.get(..end)?.split_ascii_whitespace();
    let weekday = words.next()?;
    let (month, day, time_of_day, year) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if weekday.len() != 3 || words.next().is_some() {
        return None;
    }
    let iso_text = format!("{year:0>4}-{:02}-{day:0>2} {time_of_day}", month_number(month)?);
    Some(Stamp { time: iso(&iso_text, clock)?.time, length: end })
}

/// `24/Nov/2026:10:31:40 +0000`: Apache's access log.
pub(super) fn access(text: &str, clock: &Clock) -> Option<Stamp> {
    let end = text.find(']')?;
    let (date, rest) = text.get(..end)?.split_once(':')?;
    let mut parts = date.split('/');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let (time_of_day, offset) = rest.split_once(' ').unwrap_or((rest, ""));
    let iso_text = format!("{year}-{:02}-{day:0>2} {time_of_day}{offset}", month_number(month)?);
    Some(Stamp { time: iso(&iso_text, clock)?.time, length: end })
}

/// `Nov 24 10:31:40`, also with a fraction: syslog's. It names no year: the one that puts it
/// nearest before the latest time there is.
pub(super) fn syslog(text: &str, clock: &Clock) -> Option<Stamp> {
    if text.len() < 15 || !text.as_bytes()[..15].is_ascii() || text.as_bytes()[3] != b' ' {
        return None;
    }
    let month = month_number(&text[..3])?;
    let day = text[4..6].trim();
    let fraction = match text.as_bytes().get(15) {
        Some(b'.') => text.as_bytes()[16..].iter().take_while(|byte| byte.is_ascii_digit()).count().min(9),
        _ => 0,
    };
    let length = if fraction > 0 { 16 + fraction } else { 15 };
    let time_of_day = &text[7..length];
    let latest = clock.latest();
    let year = latest.to_zoned(clock.zone.clone()).year();
    let of_year = |year: i16| iso(&format!("{year}-{month:02}-{day:0>2} {time_of_day}"), clock)?.time;
    let mut time = of_year(year);
    if time.is_none_or(|time| time > latest) {
        time = of_year(year - 1);
    }
    time.map(|time| Stamp { time: Some(time), length })
}

/// The times `journalctl` and syslog put before a line: `Nov 24 10:31:40.123456`, ISO,
/// `Tue 2026-11-24 10:31:40 UTC`, seconds since 1970 (`short-unix`) or since the start
/// (`[ 1234.567890]`, which has no time).
pub(super) fn framing(text: &str, clock: &Clock) -> Option<Stamp> {
    match *text.as_bytes().first()? {
        b'0'..=b'9' => iso(text, clock).or_else(|| unix(text)),
        b'[' => {
            let end = text.find(']').filter(|end| *end < 24)?;
            let (seconds, rest) = text[1..end].trim().split_once('.')?;
            let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            (is_number(seconds) && is_number(rest)).then_some(Stamp { time: None, length: end + 1 })
        }
        b'A'..=b'Z' => syslog(text, clock).or_else(|| {
            let date = text.get(4..).filter(|_| text.as_bytes().get(3) == Some(&b' '))?;
            let stamp = iso(date, clock)?;
            let rest = &date[stamp.length..];
            let name = rest.strip_prefix(' ').and_then(|rest| rest.split(' ').next())?;
            // The zone's short name says no offset but for UTC's own.
            let time = match name {
                "UTC" => iso(date, &TimeZone::UTC.into())?.time,
                _ => stamp.time,
            };
            Some(Stamp { time, length: 4 + stamp.length + 1 + name.len() })
        }),
        _ => None,
    }
}

/// `1795516300.123456`
fn unix(text: &str) -> Option<Stamp> {
    let length = text.find(' ').filter(|length| (16..=20).contains(length))?;
    let (seconds, fraction) = text[..length].split_once('.')?;
    let (seconds, microseconds): (i64, i64) = (seconds.parse().ok()?, fraction.parse().ok()?);
    if fraction.len() != 6 {
        return None;
    }
    let time = Timestamp::from_microsecond(seconds.checked_mul(1_000_000)?.checked_add(microseconds)?).ok();
    Some(Stamp { time, length })
}

/// Of two times of one record, the precise one if both mean the same moment, else the one
/// that is sure.
pub(super) fn surer(sure: Option<Timestamp>, precise: Option<Timestamp>) -> Option<Timestamp> {
    match (sure, precise) {
        (Some(sure), Some(precise)) if !near(sure, precise) => Some(sure),
        (sure, precise) => precise.or(sure),
    }
}

/// Whether two lines may have been written at one go.
pub(super) fn near(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() <= SignedDuration::from_secs(2)
}

fn at_zone(civil: DateTime, offset: Option<Offset>, clock: &Clock) -> Option<Timestamp> {
    match offset {
        Some(offset) => offset.to_timestamp(civil).ok(),
        None => clock.zone.to_timestamp(civil).ok(),
    }
}

fn digits(bytes: &[u8]) -> Option<i32> {
    let mut value: i32 = 0;
    for byte in bytes {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(i32::from(byte - b'0'))?;
    }
    (!bytes.is_empty()).then_some(value)
}

fn month_number(name: &str) -> Option<usize> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    MONTHS.iter().position(|month| *month == name).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(stamp: Option<Stamp>) -> String {
        stamp.and_then(|stamp| stamp.time).map(|time| time.to_string()).unwrap_or_default()
    }

    #[test]
    fn all_forms() {
        let utc = TimeZone::UTC.into();
        assert_eq!(shown(iso("2026-11-24 10:31:38.222 258 INFO", &utc)), "2026-11-24T10:31:38.222Z");
        assert_eq!(shown(iso("2026-11-24 10:31:38,222", &utc)), "2026-11-24T10:31:38.222Z");
        assert_eq!(shown(iso("2026-11-24 10:31:38.222+0200: 1:", &utc)), "2026-11-24T08:31:38.222Z");
        assert_eq!(shown(iso("2026-11-24T10:31:38.222333-01:30 x", &utc)), "2026-11-24T12:01:38.222333Z");
        assert_eq!(shown(ctime("Tue Nov 24 10:31:40 2026] GET", &utc)), "2026-11-24T10:31:40Z");
        assert_eq!(shown(access("24/Nov/2026:10:31:40 +0100] \"GET", &utc)), "2026-11-24T09:31:40Z");
        let then = Clock { latest: "2026-01-02T00:00:00Z".parse().ok(), ..TimeZone::UTC.into() };
        assert_eq!(shown(syslog("Dec 31 23:59:59 cmp1 x", &then)), "2025-12-31T23:59:59Z");
        let fixed = TimeZone::fixed(Offset::from_seconds(3600).expect("an offset")).into();
        assert_eq!(shown(iso("2026-11-24 10:31:38", &fixed)), "2026-11-24T09:31:38Z");
    }

    #[test]
    fn what_is_no_time() {
        for text in ["", "2026-11-24", "2026-13-24 10:31:38", "a024-11-24 10:31:38", "ééééééééééééé"]
        {
            assert!(iso(text, &TimeZone::UTC.into()).is_none_or(|stamp| stamp.time.is_none()), "{text}");
            assert!(syslog(text, &TimeZone::UTC.into()).is_none(), "{text}");
        }
    }
}
