//! Making a plan true on one host. The order is this file's, read from top to bottom.

use std::time::Duration;

use super::change::{Change, Restart};
use super::evidence::{self, Evidence};
use super::hostside::HostSide;
use super::journal::{Journal, Mark, Store, VERSION};
use super::lock::Owner;
use super::machine;
use super::place::Place;
use super::plan::HostPlan;
use super::{Options, Tell};
use crate::Cloud;
use crate::error::Result;
use crate::host::{Cmd, Host, Machine, ServiceRole};
use crate::wait::Wait;

/// Change one host, and wait until its services are ready with what changed.
///
/// # Errors
/// Whatever stops it; what was changed until then is in the journal, and `restore` takes it back.
pub(super) async fn apply(
    place: &Place,
    cloud: Option<&Cloud>,
    plan: &HostPlan,
    owner: &Owner,
    options: &Options,
) -> Result<Vec<Evidence>> {
    let host = &place.host;
    let side = HostSide::new(host, &options.host_folder);
    let store = Store::new(&options.journal);
    let run = owner.run.as_str();
    let journal = Journal {
        version: VERSION,
        owner: owner.clone(),
        host: host.name().to_string(),
        changes: plan.changes.clone(),
        restarts: plan.restarts.clone(),
    };

    // 1. The lock: nobody else changes this host from here on.
    options.step()?;
    if let Err(other) = side.lock(owner, None).await? {
        let ran_here = store.runs().contains(&other.run);
        return Err(other.in_the_way(host.name(), "preparing", ran_here));
    }
    // 2. The journal, here and there, on both disks, before anything is changed.
    options.step()?;
    let written = async {
        store.write(&journal)?;
        options.step()?;
        side.write(&journal).await
    };
    if let Err(error) = written.await {
        // Nothing was changed: leave nothing behind, if the host can be reached.
        let _ = store.remove(run, host.name());
        let _ = side.remove(run).await;
        let _ = side.leave(run).await;
        return Err(error);
    }
    let made = make_all(&side, &place.machines, cloud, &journal, options).await;
    if made.is_err() {
        // The journal says what there is to take back; the lock would only be in the way.
        let _ = side.unlock(run).await;
    }
    made
}

/// What is done under the lock and with the journal written.
async fn make_all(
    side: &HostSide,
    machines: &[Machine],
    cloud: Option<&Cloud>,
    journal: &Journal,
    options: &Options,
) -> Result<Vec<Evidence>> {
    let store = Store::new(&options.journal);
    let (run, host) = (journal.run(), &side.host);
    let tell = |text: &str| options.tell(Tell { host: host.name(), text });
    // 3. The changes, each between two marks.
    for (at, change) in journal.changes.iter().enumerate() {
        tell(&format!("changes {}", change.target()));
        options.step()?;
        store.mark(run, host.name(), Mark::Begun(at))?;
        options.step()?;
        make(side, run, change, [Mark::Begun(at), Mark::Done(at)]).await?;
        options.step()?;
        store.mark(run, host.name(), Mark::Done(at))?;
    }
    for program in programs(&journal.changes) {
        options.step()?;
        host.run(Cmd::shell(program).time_limit(Duration::from_secs(300))).await?;
    }
    // 4. The services that read what changed, with evidence.
    options.step()?;
    let mut evidence = restart_all(host, cloud, &journal.restarts, options, |unit| {
        let (side, store) = (side.clone(), store.clone());
        async move {
            store.mark(run, host.name(), Mark::Restarting(&unit))?;
            side.mark(run, Mark::Restarting(&unit)).await
        }
    })
    .await?;
    // 5. The machines that get another definition: what ran in them ended with the question.
    for change in &journal.changes {
        let Change::Domain(domain) = change else { continue };
        if domain.was_running {
            options.step()?;
            store.mark(run, host.name(), Mark::Restarting(&domain.mark()))?;
            side.mark(run, Mark::Restarting(&domain.mark())).await?;
            let machine = machine::of(machines, host.name(), domain)?;
            let seen = machine::restart(machine, domain, cloud, options).await?;
            options.tell(Tell { host: &seen.host, text: &seen.summary() });
            evidence.push(seen);
        }
    }
    // 6. Done: the journal stays, the lock goes.
    options.step()?;
    side.mark(run, Mark::Prepared).await?;
    options.step()?;
    store.mark(run, host.name(), Mark::Prepared)?;
    options.step()?;
    side.unlock(run).await?;
    options.step()?;
    Ok(evidence)
}

async fn make(side: &HostSide, run: &str, change: &Change, marks: [Mark<'_>; 2]) -> Result<()> {
    match change {
        Change::File(file) => side.put(run, &file.path, file.before.as_ref(), Some(&file.after), marks).await,
        Change::Value(value) => side.set(run, value, &value.after, marks).await,
        Change::Unit(unit) => side.unit(run, &unit.unit, unit.after, marks).await,
        // Only a restart is missing.
        Change::Domain(domain) if !domain.is_defined() => Ok(()),
        Change::Domain(domain) => {
            side.define(run, &domain.domain, &domain.before, &domain.after, marks).await
        }
    }
}

/// The programs that make others see changed files, each once.
pub(super) fn programs(changes: &[Change]) -> Vec<String> {
    let mut programs: Vec<String> = Vec::new();
    for change in changes {
        if let Change::File(file) = change
            && let Some(program) = &file.then
            && !programs.contains(program)
        {
            programs.push(program.clone());
        }
    }
    programs
}

/// Restart services: libvirt before those that talk to it, the others at once.
pub(super) async fn restart_all<F, M>(
    host: &Host,
    cloud: Option<&Cloud>,
    restarts: &[Restart],
    options: &Options,
    before_each: M,
) -> Result<Vec<Evidence>>
where
    M: Fn(String) -> F,
    F: Future<Output = Result<()>>,
{
    let (first, then): (Vec<&Restart>, Vec<&Restart>) =
        restarts.iter().partition(|restart| restart.role == ServiceRole::Libvirt);
    let mut evidence = Vec::new();
    for group in [first, then] {
        let mut running = tokio::task::JoinSet::new();
        for restart in group {
            before_each(restart.name().to_string()).await?;
            options.step()?;
            let (host, cloud, restart, options) =
                (host.clone(), cloud.cloned(), restart.clone(), options.clone());
            running.spawn(async move {
                options.tell(Tell { host: host.name(), text: &format!("restarts {}", restart.name()) });
                // Each state once, however often it is looked at.
                let said = std::sync::Mutex::new(String::new());
                let tell = |waiting: crate::wait::Waiting<'_>| {
                    if let Ok(mut said) = said.lock()
                        && *said != waiting.last
                    {
                        *said = waiting.last.to_string();
                        let text = format!("{}: {}", restart.name(), waiting.last);
                        options.tell(Tell { host: host.name(), text: &text });
                    }
                };
                let wait = Wait { timeout: options.timeout, every: Duration::from_millis(100), tell: &tell };
                evidence::restart(&host, cloud.as_ref(), &restart, wait).await
            });
        }
        while let Some(ended) = running.join_next().await {
            let seen = ended.unwrap_or_else(|why| {
                Err(crate::Error::Interrupted { left: format!("a restart was given up: {why}") })
            })?;
            options.tell(Tell { host: host.name(), text: &seen.summary() });
            options.step()?;
            evidence.push(seen);
        }
    }
    Ok(evidence)
}
