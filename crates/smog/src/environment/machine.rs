//! Switching a machine that is a host itself off and on, and whether it is up: by evidence.

use std::time::{Duration, Instant};

use super::change::DomainChange;
use super::evidence::{self, Evidence};
use super::machine_state::boot_id;
use super::{Options, Tell};
use crate::Cloud;
use crate::error::{Error, Result};
use crate::host::{Cmd, Machine};
use crate::libvirt::DomainState;
use crate::wait::Wait;

/// A machine that has not obeyed the power button by then is switched off.
const OBEYS_WITHIN: Duration = Duration::from_secs(90);
/// So often the button is pressed meanwhile.
const PRESSED_EVERY: Duration = Duration::from_secs(15);

impl DomainChange {
    /// Its restart, in the marks of a journal.
    pub(super) fn mark(&self) -> String {
        format!("machine {}", self.domain)
    }

    /// Whether the definition changes; else only a restart is missing.
    pub(super) fn is_defined(&self) -> bool {
        self.before != self.after
    }
}

/// The machine a change is about.
///
/// # Errors
/// [`Error::NotFound`] when smog.yml does not list it any more.
pub(super) fn of<'a>(machines: &'a [Machine], parent: &str, change: &DomainChange) -> Result<&'a Machine> {
    let found = machines.iter().find(|one| one.parent.name() == parent && one.domain == change.domain);
    found.ok_or_else(|| Error::NotFound {
        what: format!("host in smog.yml with `parent: {parent}` and `name:`"),
        name: change.domain.clone(),
        near: machines.iter().map(|one| one.domain.clone()).collect(),
    })
}

/// Whether a machine may run with the new definition, or does not run although it did:
/// the same boot as before the change says that it was never switched off.
pub(super) async fn was_restarted(machine: &Machine, change: &DomainChange) -> Result<bool> {
    if !change.was_running || !change.is_defined() {
        return Ok(false);
    }
    if machine.parent.outside().domain_state(&change.domain).await? != DomainState::Running {
        return Ok(true);
    }
    Ok(match boot_id(&machine.host).await {
        Ok(now) => Some(now) != change.boot_id,
        Err(_) => true,
    })
}

/// Switch a machine off and on, and wait until it answers with another boot id and its
/// nova-compute, if it had one, is up.
///
/// # Errors
/// As [`Host::start_domain`](crate::Host::start_domain); [`Error::Timeout`] with what was seen last.
pub(super) async fn restart(
    machine: &Machine,
    change: &DomainChange,
    cloud: Option<&Cloud>,
    options: &Options,
) -> Result<Evidence> {
    let begun = Instant::now();
    let (parent, host) = (machine.parent.outside(), machine.host.outside());
    let name = machine.domain.as_str();
    let tell_text = |text: &str| options.tell(Tell { host: host.name(), text });
    let said = std::sync::Mutex::new(String::new());
    let tell = |waiting: crate::wait::Waiting<'_>| {
        if let Ok(mut said) = said.lock()
            && *said != waiting.last
        {
            *said = waiting.last.to_string();
            tell_text(&format!("waits for {}: {}", waiting.what, waiting.last));
        }
    };
    let wait = Wait { timeout: options.timeout, every: Duration::from_millis(500), tell: &tell };

    tell_text(&format!("restarts (domain {name} on {})", parent.name()));
    let state = parent.domain_state(name).await?;
    let is_on = !matches!(state, DomainState::ShutOff | DomainState::Crashed);
    let old_boot = if is_on { boot_id(&host).await.ok() } else { None };
    let before = match &change.service {
        Some(service) if old_boot.is_some() => evidence::before(&host, service).await.ok(),
        _ => None,
    };
    options.step()?;
    if is_on {
        // One that is still booting does not hear the power button: it is pressed again.
        let deadline = Instant::now() + OBEYS_WITHIN.min(options.timeout);
        let off = loop {
            let limit = Wait { timeout: PRESSED_EVERY, ..wait };
            match parent.shutdown_domain(name, limit).await {
                Err(Error::Timeout { .. }) if Instant::now() < deadline => {}
                ended => break ended,
            }
        };
        match off {
            Ok(()) => {}
            Err(Error::Timeout { .. }) => {
                tell_text("does not obey the power button: it is switched off");
                // What it has not written yet would be lost; one that does not answer has lost it already.
                let _ = host.run(Cmd::new("sync").time_limit(Duration::from_secs(20))).await;
                parent.destroy_domain(name, wait).await?;
            }
            Err(error) => return Err(error),
        }
    }
    host.disconnect().await;
    options.step()?;
    parent.start_domain(name, wait).await?;
    options.step()?;
    let new_boot = host.wait_for_new_boot(old_boot.as_deref().unwrap_or_default(), wait).await?;
    options.step()?;
    let mut answer = match &old_boot {
        Some(old) => format!("boot {} -> {}", short(old), short(&new_boot)),
        None => format!("boot {}", short(&new_boot)),
    };
    let (mut new_pid, mut log_line) = (None, None);
    if let Some(service) = &change.service {
        // Another boot may give the same number to the new process.
        let before = evidence::Before { pid: None, log_bytes: before.map_or(0, |before| before.log_bytes) };
        let ready = evidence::ready(&host, cloud, service, &before, begun, wait).await?;
        (new_pid, log_line) = (ready.new_pid, ready.log_line);
        answer = [Some(answer), ready.answer].into_iter().flatten().collect::<Vec<_>>().join(", ");
    }
    Ok(Evidence {
        host: host.name().to_string(),
        service: format!("machine {name}"),
        old_pid: None,
        new_pid,
        log_line,
        answer: Some(answer),
        took: begun.elapsed(),
    })
}

/// The first part of a boot id.
fn short(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}
