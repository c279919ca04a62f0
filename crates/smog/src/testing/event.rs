//! What a run reports while it goes on.

use std::sync::Arc;
use std::time::Duration;

use super::outcome::CaseReport;
use super::{Case, Inventory, RunId, Stage};

/// What a run reports.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The cloud was looked at; so many cases will run.
    Begun {
        /// The run.
        run: &'a RunId,
        /// The cloud.
        inventory: &'a Inventory,
        /// Cases that will run.
        cases: usize,
    },
    /// Something about the run as a whole: a project is made, hosts are prepared.
    Doing {
        /// A sentence.
        text: &'a str,
    },
    /// A case begins.
    CaseBegun {
        /// The case.
        case: &'a Case,
        /// Its hosts.
        stage: &'a Stage,
        /// 1 for the first try.
        attempt: u32,
    },
    /// What a running case does or waits for.
    CaseState {
        /// The case.
        case: &'a Case,
        /// A sentence: "server `a` to become ACTIVE: BUILD (spawning)".
        text: &'a str,
    },
    /// A try failed and the case is tried again.
    CaseAgain {
        /// How it ended.
        report: &'a CaseReport,
    },
    /// A case has ended and is cleaned up.
    CaseEnded {
        /// How.
        report: &'a CaseReport,
        /// How many have ended, of those that run.
        ended: usize,
    },
    /// Cases that wait, because there is no room; reported when nothing else can begin.
    Waiting {
        /// The first of them.
        case: &'a Case,
        /// For what.
        why: &'a str,
        /// How many wait.
        count: usize,
    },
    /// The run has ended; its leftovers are removed.
    Ended {
        /// How long it took.
        elapsed: Duration,
    },
}

/// The observer. Called from several threads.
pub type OnEvent = Arc<dyn Fn(Event<'_>) + Send + Sync>;
