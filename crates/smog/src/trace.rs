//! One request, whole: from the API through conductor and scheduler to the compute, as a row of
//! phases whose lengths add up to the whole, with what it waited for.
//!
//! [`Collector`] takes records from anywhere (live, a test's recorder, files) and is pure; what
//! Nova's own action record says is in [`Known`]. [`Cloud::trace`](crate::Cloud::trace) and
//! [`Guest::trace`](crate::Guest::trace) read both from a live cloud.

mod access;
mod collect;
mod gaps;
mod lines;
mod live;
mod mark;
mod phases;
mod saved;
mod spans;
mod steps;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use collect::{Collector, Known};
pub use lines::{Line, Weight};
pub use live::TraceWanted;

use crate::show::{Column, Show};

/// A gap between two records that is longer than this is explained, in microseconds.
pub const GAP_US: i64 = 1_000_000;

/// What became of one request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// What was asked for: "create", "live-migration", or the API call.
    pub what: String,
    /// The request: "req-…".
    pub request_id: String,
    /// The guest it acted on, where that is known.
    pub guest: Option<TracedGuest>,
    /// "success", "error", "under way", or "unknown" where neither Nova's action record nor a
    /// status of the API says it.
    pub outcome: String,
    /// Why it failed, as Nova's action record has it.
    pub fault: Option<String>,
    /// When it began (UTC).
    pub begun: Option<Timestamp>,
    /// How long all of it took, in microseconds: the sum of the phases.
    pub length_us: i64,
    /// What it did, one after the other and without holes.
    pub phases: Vec<Phase>,
    /// The steps that Nova's action record has, in whole seconds.
    pub events: Vec<TracedEvent>,
    /// Times of more than a second in which no record was written.
    pub gaps: Vec<Gap>,
    /// Calls of APIs it led to, as the services logged them.
    pub calls: Vec<ApiCall>,
    /// Requests of other services it led to, by their global request id.
    pub spawned: Vec<Spawned>,
    /// Locks of oslo.concurrency it waited for, 10 ms or longer.
    pub locks: Vec<LockWait>,
    /// Exceptions and RPC time-outs it met.
    pub troubles: Vec<Trouble>,
    /// Seconds each host's clock is ahead of the reader's, as measured now.
    pub clocks: BTreeMap<String, f64>,
    /// How many records belong to it.
    pub records: usize,
    /// What is not known, or not sure.
    pub notes: Vec<String>,
    /// Hosts and logs that were wanted and not read: what stands there is missing here.
    #[serde(default)]
    pub unread: Vec<String>,
}

/// The guest of a trace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedGuest {
    /// Its UUID.
    pub id: String,
    /// Its name, where it is known.
    pub name: Option<String>,
    /// Its status now: "ACTIVE", "ERROR", "DELETED".
    pub status: Option<String>,
    /// The name of its domain: "instance-0000002a".
    pub domain: Option<String>,
}

/// A part of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// When it began, in microseconds after the begin of the whole.
    pub at_us: i64,
    /// How long it took, in microseconds.
    pub length_us: i64,
    /// The host that wrote the record it begins with.
    pub host: String,
    /// The service that wrote it: "nova-compute".
    pub service: String,
    /// What it does then.
    pub name: String,
    /// It is the longest.
    pub critical: bool,
}

/// A step of Nova's action record. Nova keeps whole seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracedEvent {
    /// "compute__do_build_and_run_instance" …
    pub event: String,
    /// Where it ran.
    pub host: Option<String>,
    /// When it began (UTC).
    pub began: Option<Timestamp>,
    /// When it ended; none while it runs.
    pub ended: Option<Timestamp>,
    /// "Success" or "Error"; none while it runs.
    pub result: Option<String>,
}

/// A time in which nothing was logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When it began, in microseconds after the begin of the whole.
    pub at_us: i64,
    /// How long it was, in microseconds.
    pub length_us: i64,
    /// What was waited for.
    pub waited_for: String,
    /// Whether a log says so (a measured wait, a call, a command); else it is inferred from the
    /// records before and after.
    pub measured: bool,
    /// The record before it, with its place.
    pub before: String,
    /// The record after it, with its place.
    pub after: String,
}

/// A call of an API, as the service that answered logged it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiCall {
    /// When it began, in microseconds after the begin of the whole; when it ended, where its
    /// length is not known.
    pub at_us: i64,
    /// How long it took, in microseconds; none where the service does not log it.
    pub length_us: Option<i64>,
    /// The service that answered.
    pub service: String,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// HTTP status.
    pub status: u16,
    /// The service's own request id.
    pub request_id: Option<String>,
    /// Who called: an address.
    pub client: String,
    /// Bytes of the answer.
    pub bytes: Option<u64>,
}

/// A request of another service that this one led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawned {
    /// Its id.
    pub request_id: String,
    /// Which services wrote records of it.
    pub services: Vec<String>,
    /// How many records.
    pub records: usize,
}

/// A wait for a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockWait {
    /// When it got the lock, in microseconds after the begin of the whole.
    pub at_us: i64,
    /// How long it waited, in microseconds.
    pub waited_us: i64,
    /// The lock.
    pub lock: String,
    /// The function that wanted it.
    pub by: String,
    /// Who had it, where that was logged.
    pub held_by: Option<String>,
    /// Where.
    pub host: String,
}

/// An exception or a time-out on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// When, in microseconds after the begin of the whole.
    pub at_us: i64,
    /// "RPC time-out", or "exception".
    pub kind: String,
    /// Where.
    pub host: String,
    /// The service.
    pub service: String,
    /// What was logged.
    pub text: String,
}

impl Trace {
    /// The longest phase.
    pub fn critical(&self) -> Option<&Phase> {
        self.phases.iter().find(|phase| phase.critical)
    }
}

impl Show for Phase {
    const PLURAL: &'static str = "phases";
    const COLUMNS: &'static [Column<Phase>] = &[
        Column::new("at", |phase| lines::seconds(phase.at_us)),
        Column::new("took", |phase| lines::seconds(phase.length_us)),
        Column::new("host", |phase| phase.host.clone()),
        Column::new("service", |phase| phase.service.clone()),
        Column::new("what", |phase| phase.name.clone()),
        Column::new("critical", |phase| if phase.critical { "yes".into() } else { String::new() }),
    ];
}
