//! Which records belong to a request: a pure look at each, in any order.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::access::{self, Access, Uwsgi};
use super::mark::{self, Mark};
use super::spans::{self, Held};
use super::{Trace, TracedGuest, phases, steps};
use crate::cloud::Action;
use crate::watch::{Level, Record};

/// A clock that is off by less than this, in seconds, is not corrected: the measurement itself
/// is not better.
const CLOCK_S: f64 = 0.5;

/// What is known of a request before any record is read.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// The request: "req-…".
    pub request_id: String,
    /// The guest it acts on.
    pub guest: Option<TracedGuest>,
    /// Nova's own record of it, with its events.
    pub action: Option<Action>,
    /// Other requests that act on the guest: their records are not this one's.
    pub others: BTreeSet<String>,
    /// When it was asked: what is under way goes on until then.
    pub asked_at: Option<Timestamp>,
    /// What is not known already.
    pub notes: Vec<String>,
}

/// A call of an API on the way of the request.
#[derive(Debug, Clone)]
pub(super) struct Called {
    /// When it was logged, which is at its end.
    pub end: Timestamp,
    pub host: String,
    pub pid: Option<u32>,
    pub service: String,
    pub access: Access,
    pub request_id: Option<String>,
    /// It is the request itself, not one that it led to.
    pub direct: bool,
}

impl Called {
    pub fn start(&self) -> Timestamp {
        let length = SignedDuration::from_micros(self.access.length_us.unwrap_or(0));
        self.end.checked_sub(length).unwrap_or(self.end)
    }
}

/// An exception or a time-out.
#[derive(Debug, Clone)]
pub(super) struct Met {
    pub at: Timestamp,
    pub kind: &'static str,
    pub host: String,
    pub service: String,
    pub text: String,
}

/// Takes records, and makes a [`Trace`] of those that belong to a request.
#[derive(Debug, Default)]
pub struct Collector {
    pub(super) known: Known,
    pub(super) clocks: BTreeMap<String, f64>,
    pub(super) marks: Vec<Mark>,
    pub(super) calls: Vec<Called>,
    pub(super) uwsgi: Vec<Uwsgi>,
    pub(super) held: Vec<Held>,
    pub(super) met: Vec<Met>,
    pub(super) spawned: BTreeMap<String, (BTreeSet<String>, usize)>,
    pub(super) records: usize,
}

impl Collector {
    /// A collector for what is known so far.
    pub fn new(known: Known) -> Collector {
        Collector { known, ..Collector::default() }
    }

    /// A host's clock is ahead of the reader's by so many seconds. Records that come later are
    /// put right by it when it is off by half a second or more.
    pub fn clock(&mut self, host: &str, ahead: f64) {
        self.clocks.insert(host.to_string(), ahead);
    }

    /// Look at a record. One without a time is left out.
    pub fn push(&mut self, record: &Record) {
        let Some(time) = record.time else { return };
        let at = self.corrected(&record.host, time);
        if let Some(access) = access::uwsgi(&record.message) {
            let (host, pid) = (record.host.clone(), record.pid);
            self.uwsgi.push(Uwsgi { host, pid, at, access, taken: false });
            return;
        }
        if let Some(held) = spans::held(record, at) {
            self.held.push(held);
        }
        let request = self.known.request_id.as_str();
        let direct = record.request_id.as_deref() == Some(request);
        let caused = record.global_request_id.as_deref() == Some(request);
        let own = direct || caused;
        if !own && !self.is_of_guest(record) {
            return;
        }
        if own && self.known.guest.is_none() && direct {
            let guest = record.instance.clone().map(|id| TracedGuest { id, ..TracedGuest::default() });
            self.known.guest = guest;
        }
        let mark = Mark::of(record, at, own);
        if let Some(access) = access::access(&record.message) {
            // Others' looks at the guest are not the request's.
            if own {
                self.spawn(record, &mark);
                self.records += 1;
                let (host, pid, service) = (record.host.clone(), record.pid, mark.service);
                let request_id = record.request_id.clone();
                self.calls.push(Called { end: at, host, pid, service, access, request_id, direct });
            }
            return;
        }
        if own {
            self.meet(record, &mark);
            self.spawn(record, &mark);
        } else if !steps::tells_of_guest(&mark) {
            return;
        }
        self.records += 1;
        if mark.service.starts_with("nova") || mark.service == "qemu" {
            self.marks.push(mark);
        }
    }

    /// What the records say.
    pub fn trace(self) -> Trace {
        phases::trace(self)
    }

    fn corrected(&self, host: &str, time: Timestamp) -> Timestamp {
        let ahead = self.clocks.get(host).copied().filter(|ahead| ahead.abs() >= CLOCK_S).unwrap_or(0.0);
        let ahead = SignedDuration::try_from_secs_f64(ahead).unwrap_or_default();
        time.checked_sub(ahead).unwrap_or(time)
    }

    /// About the guest, and of none of the other requests that act on it.
    fn is_of_guest(&self, record: &Record) -> bool {
        let Some(guest) = &self.known.guest else { return false };
        let is_others = record.request_id.as_ref().is_some_and(|id| self.known.others.contains(id));
        let names = || record.instance.as_deref() == Some(&guest.id) || record.text.contains(&guest.id);
        let is_its_log = || {
            let log = guest.domain.as_ref().map(|domain| format!("/libvirt/qemu/{domain}.log"));
            log.is_some_and(|log| record.source.ends_with(&log))
        };
        !is_others && (names() || is_its_log())
    }

    fn spawn(&mut self, record: &Record, mark: &Mark) {
        let Some(id) = &record.request_id else { return };
        if *id != self.known.request_id {
            let (services, records) = self.spawned.entry(id.clone()).or_default();
            services.insert(mark.service.clone());
            *records += 1;
        }
    }

    /// An exception of the request: one that was logged as an error, or with its traceback.
    fn meet(&mut self, record: &Record, mark: &Mark) {
        let is_timeout = record.text.contains("MessagingTimeout")
            || record.message.contains("Timed out waiting for a reply to message ID");
        let thrown = record.exception.as_ref().filter(|e| e.traceback || record.level >= Some(Level::Error));
        let text = match thrown {
            Some(exception) => {
                let message = exception.message.lines().next().unwrap_or_default();
                format!("{}: {message}", exception.name)
            }
            None if is_timeout => mark::without_place(&mark.message).to_string(),
            None => return,
        };
        let kind = if is_timeout { "RPC time-out" } else { "exception" };
        let (at, host, service) = (mark.at, mark.host.clone(), mark.service.clone());
        if self.met.iter().any(|met| met.text == text && met.service == service && met.host == host) {
            return;
        }
        self.met.push(Met { at, kind, host, service, text: mark::cut(&text, 300) });
    }
}
