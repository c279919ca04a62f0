//! What is outstanding: journals here and on hosts, locks, and which of it a restore is about.

use crate::hint::{self, Hint};
use std::collections::BTreeSet;

use super::Environment;
use super::change::Change;
use super::hostside::HostSide;
use super::journal::{Journal, Marks, Store};
use super::lock::{Alive, Owner};
use super::place::on_each;
use crate::error::{Error, Result};
use crate::host::{Host, Machine};

/// What is prepared and not restored.
#[derive(Debug, Clone)]
pub struct Outstanding {
    /// The host.
    pub host: Host,
    /// What was there.
    pub journal: Journal,
    /// How far it came.
    pub marks: Marks,
    /// Whether the journal lies on this machine.
    pub here: bool,
    /// Whether it lies on the host.
    pub there: bool,
}

/// All that is outstanding, the newest first on each host.
#[derive(Debug, Default)]
pub struct Listing {
    /// Journals.
    pub journals: Vec<Outstanding>,
    /// Locks: a smog at work, or one that died.
    pub locks: Vec<(Host, Owner)>,
    /// Hosts that could not be asked and journals that could not be read.
    pub errors: Vec<Error>,
    /// Hosts that do not answer because their own restart is outstanding on their parents:
    /// restoring brings them up, and asks them then.
    pub down: Vec<Host>,
    /// The runs that have a journal on this machine.
    pub runs_here: BTreeSet<String>,
}

impl Listing {
    /// Whether the owner of a lock is at work still.
    pub fn alive(&self, owner: &Owner) -> Alive {
        owner.alive(self.runs_here.contains(&owner.run))
    }

    /// Refuse the name of a run of which nothing is outstanding. Where something could not be read, it may be there.
    ///
    /// # Errors
    /// [`Error::NotFound`] with the runs that are outstanding.
    pub fn check_run(&self, run: &str) -> Result<()> {
        let runs: BTreeSet<&str> = self
            .journals
            .iter()
            .map(|one| one.journal.run())
            .chain(self.locks.iter().map(|(_, lock)| lock.run.as_str()))
            .collect();
        if runs.contains(run) || !self.errors.is_empty() {
            return Ok(());
        }
        let near = runs.into_iter().map(str::to_string).collect();
        Err(Error::NotFound { what: "outstanding run".into(), name: run.to_string(), near })
    }
}

impl Environment {
    /// The runs that have a journal on this machine. A run without one has changed nothing from here.
    pub fn runs_here(&self) -> BTreeSet<String> {
        Store::new(&self.options.journal).runs()
    }

    /// All that is outstanding: journals here and on the hosts, and locks.
    pub async fn outstanding(&self) -> Listing {
        let (local, unread) = Store::new(&self.options.journal).all();
        let mut listing = Listing { errors: unread, runs_here: self.runs_here(), ..Listing::default() };
        // A host that is no longer known is not passed over in silence.
        let hosts: Vec<Host> = self.places().into_iter().map(|place| place.host).collect();
        let unknown = local
            .iter()
            .filter(|(journal, _)| self.all && !hosts.iter().any(|host| host.name() == journal.host));
        listing.errors.extend(unknown.map(|(journal, _)| Error::NotFound {
            what: format!("host (of run {})", journal.run()),
            name: journal.host.clone(),
            near: Vec::new(),
        }));
        let folder = self.options.host_folder.clone();
        let found = on_each(&hosts, move |host| {
            let side = HostSide::new(&host, &folder);
            async move { side.found().await }
        });
        let mut silent: Vec<(Host, Error)> = Vec::new();
        for (host, found) in found.await {
            let own: Vec<&(Journal, Marks)> =
                local.iter().filter(|(journal, _)| journal.host == host.name()).collect();
            let mut journals: Vec<Outstanding> = own
                .into_iter()
                .map(|(journal, marks)| Outstanding {
                    host: host.clone(),
                    journal: journal.clone(),
                    marks: marks.clone(),
                    here: true,
                    there: false,
                })
                .collect();
            match found {
                Ok(found) => {
                    listing.errors.extend(found.unread);
                    listing.locks.extend(found.lock.map(|lock| (host.clone(), lock)));
                    for (journal, marks) in found.journals {
                        match journals.iter_mut().find(|one| one.journal.run() == journal.run()) {
                            Some(one) => {
                                one.marks = std::mem::take(&mut one.marks).and(marks);
                                one.there = true;
                            }
                            None => {
                                let host = host.clone();
                                journals.push(Outstanding { host, journal, marks, here: false, there: true });
                            }
                        }
                    }
                }
                Err(error) => silent.push((host.clone(), error)),
            }
            // What was made last is taken back first.
            journals.sort_by_key(|one| {
                std::cmp::Reverse((one.journal.owner.since, one.journal.run().to_string()))
            });
            listing.journals.extend(journals);
        }
        for (host, error) in silent {
            let is_restarted = |machine: &Machine| {
                let journals = listing.journals.iter().filter(|one| one.host.name() == machine.parent.name());
                machine.host.name() == host.name()
                    && journals.flat_map(|one| &one.journal.changes).any(
                        |change| matches!(change, Change::Domain(domain) if domain.domain == machine.domain),
                    )
            };
            match self.machines.iter().any(is_restarted) {
                true => listing.down.push(host),
                false => listing.errors.push(error),
            }
        }
        listing
    }
}

/// A run that is newer than a chosen one, is not chosen itself, and changed the same things.
pub(super) fn newer_in_the_way(all: &[(Journal, Marks)], chosen: &[(Journal, Marks)]) -> Option<String> {
    for (at, (newer, _)) in all.iter().enumerate() {
        if chosen.iter().any(|(one, _)| one.run() == newer.run()) {
            continue;
        }
        let older =
            all[at + 1..].iter().filter(|(one, _)| chosen.iter().any(|(other, _)| other.run() == one.run()));
        let touches = |one: &Journal| {
            one.changes
                .iter()
                .any(|change| newer.changes.iter().any(|other| other.target() == change.target()))
        };
        if older.map(|(one, _)| one).any(touches) {
            return Some(newer.run().to_string());
        }
    }
    None
}

/// The journals that are taken back on each of these hosts; a run below a newer one that
/// changed the same things is refused.
pub(super) fn chosen_work<'a>(
    listing: &Listing,
    hosts: impl IntoIterator<Item = &'a Host>,
    run: Option<&str>,
    errors: &mut Vec<Error>,
) -> Vec<(Host, Vec<(Journal, Marks)>)> {
    let mut work = Vec::new();
    for host in hosts {
        let of_host = listing.journals.iter().filter(|one| one.host.name() == host.name());
        let all: Vec<(Journal, Marks)> =
            of_host.map(|one| (one.journal.clone(), one.marks.clone())).collect();
        let chosen: Vec<_> =
            all.iter().filter(|(journal, _)| run.is_none_or(|run| journal.run() == run)).cloned().collect();
        if let Some(newer) = newer_in_the_way(&all, &chosen) {
            errors.push(Error::Invalid {
                what: format!("run {} on host `{}`", run.unwrap_or_default(), host.name()),
                why: format!("run {newer} changed the same things later"),
                hint: Some(Hint::from("restore that first: ").and(hint::RESTORE_RUN.with(&newer))),
            });
            continue;
        }
        let has_lock = listing
            .locks
            .iter()
            .any(|(locked, owner)| locked.name() == host.name() && run.is_none_or(|run| owner.run == run));
        if !chosen.is_empty() || has_lock {
            work.push((host.clone(), chosen));
        }
    }
    work
}
