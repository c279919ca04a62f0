//! How times are read that do not say everything.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// How the times of a log are read that name no zone, or no year.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Times without an offset are those of this zone.
    pub zone: TimeZone,
    /// Times without a year are of the last one in which they are not after this; none: now.
    pub latest: Option<Timestamp>,
}

impl Clock {
    /// After this time nothing of the log was written; clocks that are not quite right are allowed for.
    pub(super) fn latest(&self) -> Timestamp {
        self.latest.unwrap_or_else(Timestamp::now) + SignedDuration::from_hours(24)
    }
}

impl From<TimeZone> for Clock {
    fn from(zone: TimeZone) -> Clock {
        Clock { zone, latest: None }
    }
}

/// A zone by its name ("Europe/Berlin", "UTC"), or an offset from UTC ("+02:00").
pub fn zone(text: &str) -> Option<TimeZone> {
    match text {
        "Z" | "UTC" | "utc" => return Some(TimeZone::UTC),
        _ if text.starts_with(['+', '-']) => {
            let sign = if text.starts_with('-') { -1 } else { 1 };
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let (hours, minutes) = digits.split_at(2.min(digits.len()));
            let minutes: i32 = if minutes.is_empty() { 0 } else { minutes.parse().ok()? };
            let hours: i32 = hours.parse().ok()?;
            if hours >= 24 || minutes >= 60 {
                return None;
            }
            let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
            return Some(TimeZone::fixed(offset));
        }
        _ => {}
    }
    TimeZone::get(text).ok()
}
