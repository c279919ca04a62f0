//! Taking back what a journal says, on one host. It may be killed at any point and run again.

use crate::hint::{self, Hint};
use std::collections::BTreeMap;

use serde::Serialize;

use super::apply::{programs, restart_all};
use super::change::{Change, FileChange, UnitState};
use super::decide::{Decision, Now, OnConflict, decide, merged, three_way};
use super::evidence::Evidence;
use super::hostside::HostSide;
use super::image;
use super::journal::{Journal, Mark, Marks, Store};
use super::lock::{Alive, Owner};
use super::machine;
use super::{Options, Tell};
use crate::Cloud;
use crate::error::{Error, Result};
use crate::host::{Batch, Cmd, Host, Machine};

/// What came of one journal.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Restored {
    /// The host.
    pub host: String,
    /// The run that was taken back.
    pub run: String,
    /// What was brought back: paths and units.
    pub back: Vec<String>,
    /// What was left to those who changed it meanwhile (`--keep`).
    pub kept: Vec<String>,
    /// What is not as smog made it, and was not touched. The journal stays for these.
    pub conflicts: Vec<Conflict>,
    /// Why the services that run with the old files again count as ready.
    pub evidence: Vec<Evidence>,
}

/// Something that someone changed since smog did.
#[derive(Debug, Clone, Serialize)]
pub struct Conflict {
    /// The path or the unit.
    pub target: String,
    /// Before, smog's and now, as differences; secrets hidden.
    pub three_way: String,
    /// Whether smog's options alone can be undone in it (`--merge`).
    pub can_merge: bool,
}

/// How to restore.
#[derive(Debug, Clone, Default)]
pub struct RestoreOptions {
    /// Where someone changed something meanwhile.
    pub on_conflict: OnConflict,
    /// Hosts whose lock is broken, whoever holds it.
    pub break_locks: Vec<String>,
}

/// Take the lock, over a dead owner or one that may be broken; says what it did.
pub(super) async fn take_lock(
    side: &HostSide,
    owner: &Owner,
    how: &RestoreOptions,
    options: &Options,
) -> Result<()> {
    let host = side.host.name();
    let breaks = how.break_locks.iter().any(|name| name == host);
    let runs_here = Store::new(&options.journal).runs();
    let in_the_way = |other: Owner| other.in_the_way(host, "restoring", runs_here.contains(&other.run));
    let Err(other) = side.lock(owner, None).await? else { return Ok(()) };
    if !breaks && other.alive(runs_here.contains(&other.run)) != Alive::No {
        return Err(in_the_way(other));
    }
    options.tell(Tell { host, text: &format!("takes over the lock of {}", other.summary()) });
    side.lock(owner, Some(&other.run)).await?.map_err(in_the_way)
}

/// Take back one journal; the lock is held.
pub(super) async fn restore(
    side: &HostSide,
    machines: &[Machine],
    cloud: Option<&Cloud>,
    (journal, marks): (&Journal, &Marks),
    how: &RestoreOptions,
    options: &Options,
) -> Result<Restored> {
    let store = Store::new(&options.journal);
    let (run, host) = (journal.run(), &side.host);
    let mut restored = Restored { host: host.name().into(), run: run.into(), ..Restored::default() };
    let files: Vec<&FileChange> = journal
        .changes
        .iter()
        .filter_map(|change| if let Change::File(file) = change { Some(file) } else { None })
        .collect();
    options.step()?;
    side.sweep(run, &files).await?;

    // Values and files in the opposite order, then units: one that is started again
    // must find its old files.
    let now = look(host, &journal.changes).await?;
    let is_unit = |at: &usize| matches!(journal.changes[*at], Change::Unit(_));
    let (units, others): (Vec<usize>, Vec<usize>) = (0..journal.changes.len()).rev().partition(is_unit);
    let (mut put_back, mut failed) = (false, None);
    let may_run = machines_that_may_run_with_ours(side, machines, journal, options).await?;
    for at in others {
        let step = (at, &journal.changes[at], &now[at]);
        match undo(side, &store, run, step, how, options, &mut restored).await {
            Ok(written) => put_back |= written,
            Err(error) => failed = Some(go_on_after(error, options, host)?),
        }
    }
    if put_back
        || journal.changes.iter().any(|change| matches!(change, Change::File(file) if file.then.is_some()))
    {
        for program in programs(&journal.changes) {
            options.step()?;
            host.run(Cmd::shell(program).time_limit(std::time::Duration::from_secs(300))).await?;
        }
    }
    for at in units {
        let step = (at, &journal.changes[at], &now[at]);
        if let Err(error) = undo(side, &store, run, step, how, options, &mut restored).await {
            failed = Some(go_on_after(error, options, host)?);
        }
    }

    // Services that may run with smog's files: those smog restarted, and those that were started since.
    let names: Vec<&str> = journal.restarts.iter().filter_map(|one| one.place.unit.as_deref()).collect();
    let services = if names.is_empty() { Vec::new() } else { host.services(names).await? };
    // By the host's clock where its copy of the journal is there; else by ours, with room for a difference.
    let since = match side.written_at(run).await? {
        Some(at) => at,
        None => journal.owner.since - jiff::SignedDuration::from_secs(60),
    };
    let may_run_with_ours = |name: &str| {
        let started_since =
            services.iter().any(|one| one.unit == name && one.since.is_none_or(|started| started >= since));
        let was_restarted = marks.restarting.contains(name) && !marks.back.contains(name);
        was_restarted || (put_back && started_since)
    };
    let restarts: Vec<_> =
        journal.restarts.iter().filter(|one| may_run_with_ours(one.name())).cloned().collect();
    restored.evidence = restart_all(host, cloud, &restarts, options, |_| async { Ok(()) }).await?;
    for one in &restarts {
        options.step()?;
        side.mark(run, Mark::Back(one.name())).await?;
        options.step()?;
        store.mark(run, host.name(), Mark::Back(one.name()))?;
    }

    for at in may_run {
        let Change::Domain(domain) = &journal.changes[at] else { continue };
        let mark = domain.mark();
        let is_outstanding = marks.restarting.contains(&mark) && !marks.back.contains(&mark);
        if !restored.back.contains(&domain.domain) && !is_outstanding {
            continue;
        }
        let machine = machine::of(machines, host.name(), domain)?;
        let seen = machine::restart(machine, domain, cloud, options).await?;
        options.tell(Tell { host: &seen.host, text: &seen.summary() });
        restored.evidence.push(seen);
        options.step()?;
        side.mark(run, Mark::Back(&mark)).await?;
        options.step()?;
        store.mark(run, host.name(), Mark::Back(&mark))?;
    }

    if let Some(error) = failed {
        return Err(error);
    }

    // Verified by looking again; only then the journals go, the host's first: while
    // either is there, what it says can be looked up.
    if restored.conflicts.is_empty() {
        options.step()?;
        let now = look(host, &journal.changes).await?;
        for (change, now) in journal.changes.iter().zip(&now) {
            let target = change.target().to_string();
            let is_left = restored.kept.contains(&target);
            if decide(change, now) != Decision::AlreadyBack && !is_left {
                return Err(Error::Fault {
                    what: format!("restoring {target}"),
                    fault: format!("it is not as it was:\n{}", three_way(change, now)),
                    host: Some(host.name().to_string()),
                    request_id: None,
                    hint: Some(
                        Hint::from("something changes it while smog restores; restore it again: ")
                            .and(hint::RESTORE.hint()),
                    ),
                });
            }
        }
        options.step()?;
        side.remove(run).await?;
        options.step()?;
        store.remove(run, host.name())?;
        options.step()?;
    }
    Ok(restored)
}

/// The domain changes whose machines may run with smog's definition, or ought to run and do not.
/// This is noted before their old definitions come back: the run that continues after a crash must know.
async fn machines_that_may_run_with_ours(
    side: &HostSide,
    machines: &[Machine],
    journal: &Journal,
    options: &Options,
) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for (at, change) in journal.changes.iter().enumerate() {
        let Change::Domain(domain) = change else { continue };
        if !domain.was_running || !domain.is_defined() {
            continue;
        }
        let machine = machine::of(machines, side.host.name(), domain)?;
        if machine::was_restarted(machine, domain).await? {
            options.step()?;
            let mark = domain.mark();
            side.mark(journal.run(), Mark::Restarting(&mark)).await?;
            Store::new(&options.journal).mark(journal.run(), side.host.name(), Mark::Restarting(&mark))?;
            found.push(at);
        }
    }
    Ok(found)
}

/// What one step did not allow does not keep the rest from coming back; a lost host does.
fn go_on_after(error: Error, options: &Options, host: &Host) -> Result<Error> {
    match error {
        Error::Fault { .. } | Error::Command { .. } | Error::Config { .. } => {
            options.tell(Tell { host: host.name(), text: &format!("continues after: {error}") });
            Ok(error)
        }
        error => Err(error),
    }
}

/// Take back one step; whether something was written.
async fn undo(
    side: &HostSide,
    store: &Store,
    run: &str,
    (at, change, now): (usize, &Change, &Now),
    how: &RestoreOptions,
    options: &Options,
    restored: &mut Restored,
) -> Result<bool> {
    let target = change.target().to_string();
    let mut into = match change {
        Change::File(file) => file.before.clone(),
        _ => None,
    };
    match (decide(change, now), how.on_conflict) {
        (Decision::AlreadyBack, _) => return Ok(false),
        (Decision::PutBack, _) | (Decision::Conflict, OnConflict::Force) => {}
        (Decision::Conflict, OnConflict::Keep) => {
            restored.kept.push(target);
            side.mark(run, Mark::Undone(at)).await?;
            store.mark(run, side.host.name(), Mark::Undone(at))?;
            return Ok(false);
        }
        (Decision::Conflict, choice) => {
            let merge = match (change, now) {
                (Change::File(file), Now::File(now)) => merged(file, now.as_ref())?,
                _ => None,
            };
            match merge {
                Some(merged) if choice == OnConflict::Merge => {
                    restored.kept.push(target.clone());
                    into = Some(merged);
                }
                merge => {
                    let three_way = three_way(change, now);
                    restored.conflicts.push(Conflict { target, three_way, can_merge: merge.is_some() });
                    return Ok(false);
                }
            }
        }
    }
    options.tell(Tell { host: side.host.name(), text: &format!("restoring {target}") });
    options.step()?;
    let marks = [Mark::Begun(at), Mark::Undone(at)];
    match (change, now) {
        (Change::File(file), Now::File(now)) => {
            side.put(run, &file.path, now.as_ref(), into.as_ref(), marks).await?
        }
        (Change::Value(value), _) => side.set(run, value, &value.before, marks).await?,
        (Change::Unit(unit), _) => side.unit(run, &unit.unit, unit.before, marks).await?,
        (Change::Domain(domain), Now::Domain(Some(now))) => {
            side.define(run, &domain.domain, now, &domain.before, marks).await?
        }
        (Change::File(_) | Change::Domain(_), _) => {}
    }
    options.step()?;
    store.mark(run, side.host.name(), Mark::Undone(at))?;
    restored.back.push(target);
    Ok(true)
}

/// What is there now, for each change; two commands.
pub(super) async fn look(host: &Host, changes: &[Change]) -> Result<Vec<Now>> {
    let mut batch = Batch::new();
    let asks: Vec<_> = changes
        .iter()
        .map(|change| match change {
            Change::File(file) => Some(batch.add(image::look(&file.path))),
            Change::Value(value) => Some(batch.add(Cmd::new("cat").args(["--", &value.path]))),
            Change::Unit(_) | Change::Domain(_) => None,
        })
        .collect();
    let answers = host.ask(batch).await?;
    let units: Vec<&str> = changes
        .iter()
        .filter_map(|change| if let Change::Unit(unit) = change { Some(unit.unit.as_str()) } else { None })
        .collect();
    let services = if units.is_empty() { Vec::new() } else { host.services(units).await? };
    let mut definitions = BTreeMap::new();
    for change in changes {
        let Change::Domain(domain) = change else { continue };
        match host.domain_definition(&domain.domain).await {
            Ok(xml) => definitions.insert(domain.domain.as_str(), xml),
            Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
    }
    let now = changes.iter().zip(asks).map(|(change, ask)| {
        Ok(match (change, ask) {
            (Change::File(file), Some(ask)) => {
                let found = image::read(&file.path, host.name(), answers.good(ask)?)?;
                Now::File(found.map(|(_, image)| image))
            }
            (Change::Value(_), Some(ask)) => {
                let output = answers.get(ask);
                Now::Value(output.exit.is_ok().then(|| output.text().trim().to_string()))
            }
            (Change::Domain(domain), _) => Now::Domain(definitions.remove(domain.domain.as_str())),
            (change, _) => Now::Unit(services.iter().find(|one| one.unit == change.target()).map(|one| {
                UnitState { enabled: one.enabled.starts_with("enabled"), active: one.is_active() }
            })),
        })
    });
    now.collect()
}
