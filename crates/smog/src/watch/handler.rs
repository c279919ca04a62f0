//! What is done with each record.

use regex::RegexSet;

use super::allow::{AllowList, AllowUse};
use super::record::Record;

/// What a handler says of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing of interest.
    GoOn,
    /// Keep it among the results.
    Keep,
    /// Keep it, and stop watching.
    Stop,
    /// Keep it, stop watching, and call the watch failed for this reason.
    Fail(String),
}

/// Decides about each record. A closure `|record| Verdict` is one.
pub trait Handler: Send {
    /// Look at a record.
    fn record(&mut self, record: &Record) -> Verdict;

    /// The known noise it let pass.
    fn allowed(&self) -> Vec<AllowUse> {
        vec![]
    }
}

impl<F: FnMut(&Record) -> Verdict + Send> Handler for F {
    fn record(&mut self, record: &Record) -> Verdict {
        self(record)
    }
}

/// Keeps records with an exception: the default.
#[derive(Debug, Clone, Default)]
pub struct Exceptions {
    /// Known noise.
    pub allow: AllowList,
    /// Stop at so many; none watches on.
    pub stop_at: Option<usize>,
    /// Call the watch failed when it stops.
    pub fail: bool,
    found: usize,
}

impl Exceptions {
    /// Keep all, watch on.
    pub fn new(allow: AllowList) -> Exceptions {
        Exceptions { allow, ..Exceptions::default() }
    }

    /// Stop at the first one, failed: what the original's `ExceptionHandler` did.
    pub fn first() -> Exceptions {
        Exceptions { stop_at: Some(1), fail: true, ..Exceptions::default() }
    }
}

impl Handler for Exceptions {
    fn record(&mut self, record: &Record) -> Verdict {
        let Some(exception) = &record.exception else { return Verdict::GoOn };
        if self.allow.allows(record) {
            return Verdict::GoOn;
        }
        self.found += 1;
        match self.stop_at {
            Some(most) if self.found >= most && self.fail => {
                Verdict::Fail(format!("{} on host `{}`", exception.name, record.host))
            }
            Some(most) if self.found >= most => Verdict::Stop,
            _ => Verdict::Keep,
        }
    }

    fn allowed(&self) -> Vec<AllowUse> {
        self.allow.uses()
    }
}

/// Keeps what matches any of several patterns.
#[derive(Debug, Clone)]
pub struct Patterns {
    patterns: RegexSet,
    /// Stop when so many matched.
    pub stop_at: Option<usize>,
    /// How often each pattern matched, in their order.
    pub counts: Vec<usize>,
}

impl Patterns {
    /// See [`patterns`](super::patterns).
    pub fn new(patterns: RegexSet) -> Patterns {
        Patterns { counts: vec![0; patterns.len()], patterns, stop_at: None }
    }
}

impl Handler for Patterns {
    fn record(&mut self, record: &Record) -> Verdict {
        let mut is_hit = false;
        for at in self.patterns.matches(&record.text) {
            self.counts[at] += 1;
            is_hit = true;
        }
        match self.stop_at {
            _ if !is_hit => Verdict::GoOn,
            Some(most) if self.counts.iter().sum::<usize>() >= most => Verdict::Stop,
            _ => Verdict::Keep,
        }
    }
}
