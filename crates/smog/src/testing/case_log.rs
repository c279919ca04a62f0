//! What a case has said and made so far.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::outcome::Place;
use super::{Case, Event, OnEvent};
use crate::environment::Prepared;
use crate::findings::Check;

/// What a case has said and made so far; the runner reads it even when the case was cut off.
pub(super) struct CaseLog {
    case: Case,
    begun: Instant,
    on_event: Option<OnEvent>,
    inner: Mutex<Said>,
    /// Held while hosts are changed or taken back: the clean-up of a case that is cut off
    /// meanwhile waits for it.
    pub changing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
pub(super) struct Said {
    pub steps: Vec<(f64, String)>,
    pub checks: Vec<Check>,
    /// Negative controls that turned an assertion red.
    pub controls: usize,
    pub skipped: Option<String>,
    pub made: Made,
    pub places: Vec<Place>,
    /// The names of its guests' domains, as far as they are there when it ends.
    pub domains: BTreeSet<String>,
    pub allowed: Vec<String>,
    /// Requests that it asked for in another way than by its own cloud.
    pub requests: Vec<String>,
    /// Exceptions that must have been thrown.
    pub expected: Vec<String>,
}

/// What a case has made, by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Made {
    pub servers: Vec<(String, String)>,
    pub flavors: Vec<String>,
    pub aggregates: Vec<String>,
    pub groups: Vec<String>,
    pub images: Vec<String>,
    pub volumes: Vec<String>,
    pub snapshots: Vec<String>,
    /// Names of custom traits, which Nova makes and never takes back.
    pub traits: Vec<String>,
    pub undo: Vec<Undo>,
}

/// What a case did to hosts and services, to be taken back before anything else.
#[derive(Debug, Clone)]
pub(super) enum Undo {
    /// A compute service was forced down, by id and host.
    ForceDown(String, String),
    /// Hosts were changed; the journal knows how they were.
    Restore(Box<Prepared>),
}

impl CaseLog {
    pub fn new(case: Case, on_event: Option<OnEvent>) -> CaseLog {
        CaseLog { case, begun: Instant::now(), on_event, inner: Mutex::default(), changing: Arc::default() }
    }

    /// The log itself; a thread that panicked with it in hand leaves what it wrote.
    pub fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn after(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    pub fn state(&self, text: &str) {
        if let Some(tell) = &self.on_event {
            tell(Event::CaseState { case: &self.case, text });
        }
    }
}
