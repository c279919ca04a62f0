//! What becomes of a preparation that was interrupted: the same for every face.

use super::{Environment, RestoreOptions};

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakenBack {
    /// Nothing had been changed.
    Nothing,
    /// All is as it was.
    All,
    /// Not all is as it was, for this reason: restoring goes on.
    Partly(String),
}

impl TakenBack {
    /// The same as a sentence; `restore` is how a person goes on restoring.
    pub fn words(&self, restore: &str) -> String {
        match self {
            TakenBack::Nothing => "nothing was changed".into(),
            TakenBack::All => "the changes were undone".into(),
            TakenBack::Partly(why) => format!("not all is as it was ({why}): {restore}"),
        }
    }
}

impl Environment {
    /// Take back what a preparation of this process that did not come to its end has changed. The
    /// preparation must not be at work any more.
    pub async fn take_back_unfinished(&self) -> TakenBack {
        let listing = self.outstanding().await;
        let own = std::process::id();
        let is_unfinished =
            |one: &&super::Outstanding| one.here && one.journal.owner.pid == own && !one.marks.prepared;
        let mut runs: Vec<&str> =
            listing.journals.iter().filter(is_unfinished).map(|one| one.journal.run()).collect();
        runs.dedup();
        let hosts = listing.locks.iter().filter(|(_, owner)| owner.pid == own);
        let how = RestoreOptions {
            break_locks: hosts.map(|(host, _)| host.name().to_string()).collect(),
            ..RestoreOptions::default()
        };
        if runs.is_empty() {
            // What could not be read may be what was changed.
            return match listing.errors.first() {
                Some(error) => TakenBack::Partly(error.to_string()),
                None => TakenBack::Nothing,
            };
        }
        for run in runs {
            let (restored, errors) = self.restore(&listing, Some(run), &how).await;
            let conflicts = restored.iter().flat_map(|one| &one.conflicts);
            if let Some(conflict) = conflicts.into_iter().next() {
                return TakenBack::Partly(format!("someone else changed {} since", conflict.target));
            }
            if let Some(error) = errors.first() {
                return TakenBack::Partly(error.to_string());
            }
        }
        TakenBack::All
    }
}
