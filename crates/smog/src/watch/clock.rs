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
