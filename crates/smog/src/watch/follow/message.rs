//! What one host's follower reports.

use jiff::Timestamp;

use crate::error::Result;
use crate::watch::record::Record;

/// What one host's follower reports.
#[derive(Debug)]
pub(in crate::watch) enum Message {
    /// Connected for the first time; how far the host's clock is ahead.
    Up { clock_ahead: f64 },
    /// The connection is lost, or could not be made yet.
    Lost(String),
    /// Connected again.
    Back,
    /// Records of a source, in its order. `at` is how far its times have come.
    Records { source: u64, records: Vec<Record>, at: Option<Timestamp> },
    /// A source has begun: it is behind until it says otherwise.
    Begun { source: u64 },
    /// Everything of a source so far is reported, or the source has ended.
    CaughtUp { source: u64 },
    /// Everything of the host is reported once.
    AllCaughtUp,
    /// Bytes that are lost.
    Dropped { source: String, bytes: Option<u64>, why: String },
    /// A file that cannot be read; `absent` when it was named and is not there.
    Unreadable { path: String, why: String, absent: bool },
    /// What was named is there, or what could not be read is read now.
    Readable { path: String },
    /// The end, by an error or because everything was read.
    Ended(Result<()>),
}
