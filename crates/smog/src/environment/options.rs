//! Who works on hosts, where the journal lies, and who is notified.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::error::Result;

/// Something happens on a host, as passed to the face that shows it.
#[derive(Debug, Clone, Copy)]
pub struct Tell<'a> {
    /// The host.
    pub host: &'a str,
    /// What: "restarts nova-compute.service".
    pub text: &'a str,
}

/// Called for each thing that happens; see [`Options::on_event`].
pub type OnEvent = Arc<dyn Fn(Tell<'_>) + Send + Sync>;

/// Called at each step; see [`Options::at_step`].
pub type AtStep = Arc<dyn Fn(u32) -> Result<()> + Send + Sync>;

/// Who works, where the journal lies, who is notified.
#[derive(Clone)]
pub struct Options {
    /// The folder of journals on this machine.
    pub journal: PathBuf,
    /// The folder on each host for its lock and its copy of the journal.
    pub host_folder: String,
    /// The user, for the lock.
    pub user: String,
    /// What was asked, for the lock; without secrets.
    pub command: String,
    /// How long a service may take to be ready.
    pub timeout: Duration,
    /// Called with what happens.
    pub on_event: Option<OnEvent>,
    /// Called before and after each step that leaves something behind, with the steps'
    /// count: tests end the process there, or let the step fail.
    pub at_step: Option<AtStep>,
    steps: Arc<AtomicU32>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("journal", &self.journal)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Journals in this folder, for this user, who asked this.
    pub fn new(journal: impl Into<PathBuf>, user: impl Into<String>, command: impl Into<String>) -> Options {
        Options {
            journal: journal.into(),
            host_folder: "/var/lib/smog".to_string(),
            user: user.into(),
            command: command.into(),
            timeout: Duration::from_secs(180),
            on_event: None,
            at_step: None,
            steps: Arc::default(),
        }
    }

    pub(super) fn tell(&self, what: Tell<'_>) {
        if let Some(tell) = &self.on_event {
            tell(what);
        }
    }

    pub(super) fn step(&self) -> Result<()> {
        let count = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        match &self.at_step {
            Some(at_step) => at_step(count),
            None => Ok(()),
        }
    }
}
