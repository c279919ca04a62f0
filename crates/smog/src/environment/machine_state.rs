//! What is there of a virtual machine that is a host itself: on its parent, and inside.

use super::change::Restart;
use crate::error::{Error, Result};
use crate::host::{Cmd, Host, Machine, ServiceRole};
use crate::libvirt::{Domain, DomainState, Dump, HostCpu};

/// What was found of one machine.
#[derive(Debug, Clone)]
pub struct MachineState {
    /// The host it is, by smog's name.
    pub host: String,
    /// Its domain on the parent.
    pub domain: String,
    /// Whether it is a compute: nova-compute is there, or smog.yml says so.
    pub is_compute: bool,
    /// The definition it has from its next start, passwords included: not to be shown.
    pub definition: String,
    /// The running one; `None` when it does not run.
    pub running: Option<Domain>,
    /// The CPU modes its emulator has.
    pub cpu_modes: Vec<String>,
    /// The parent's CPU, by libvirt's capabilities.
    pub host_cpu: HostCpu,
    /// Its boot id, where it answers.
    pub boot_id: Option<String>,
    /// Why it does not answer.
    pub silent: Option<String>,
    /// Its nova-compute, if that runs: it is waited for after a restart.
    pub service: Option<Restart>,
}

/// What a machine says from inside.
struct Inside {
    boot_id: String,
    is_compute: bool,
    service: Option<Restart>,
}

/// Look at a machine.
///
/// # Errors
/// As [`Host::domain`]; a machine that does not answer from inside is no error.
pub(super) async fn look(machine: &Machine) -> Result<MachineState> {
    let (parent, name) = (machine.parent.outside(), machine.domain.as_str());
    let (definition, state, inside) =
        tokio::join!(parent.domain_definition(name), parent.domain_state(name), inside(&machine.host));
    let definition = definition?;
    let parsed = Domain::parse(definition.clone(), &format!("host `{}`", parent.name()))?;
    let is_on = !matches!(state?, DomainState::ShutOff | DomainState::Crashed);
    let running = async {
        match is_on {
            true => parent.domain_xml(name, Dump::default()).await.map(Some),
            false => Ok(None),
        }
    };
    let (arch, kind) = (parsed.os.arch.as_deref(), parsed.os.machine.as_deref());
    let (running, modes, capabilities) =
        tokio::join!(running, parent.domain_capabilities(&parsed.kind, arch, kind), parent.capabilities());
    let running = match running? {
        Some(xml) => Some(Domain::parse(xml, &format!("host `{}`", parent.name()))?),
        None => None,
    };
    let (boot_id, silent, is_compute, service) = match inside {
        Ok(inside) => (Some(inside.boot_id), None, inside.is_compute, inside.service),
        Err(why) => (None, Some(why.to_string()), false, None),
    };
    Ok(MachineState {
        host: machine.host.name().to_string(),
        domain: name.to_string(),
        is_compute: is_compute || machine.role.starts_with("compute"),
        definition,
        running,
        cpu_modes: modes?.cpu_modes,
        host_cpu: capabilities?.cpu,
        boot_id,
        silent,
        service,
    })
}

async fn inside(host: &Host) -> Result<Inside> {
    let boot_id = boot_id(host).await?;
    let layout = host.layout().await?;
    let place = layout.place(ServiceRole::NovaCompute).cloned();
    let unit = place.as_ref().and_then(|place| place.unit.clone());
    let runs = match &unit {
        Some(unit) => host.services([unit.as_str()]).await?.iter().any(crate::host::Service::is_active),
        None => false,
    };
    let service =
        place.clone().filter(|_| runs).map(|place| Restart { role: ServiceRole::NovaCompute, place });
    Ok(Inside { boot_id, is_compute: place.is_some(), service })
}

/// The boot id of a host that answers soon.
pub(super) async fn boot_id(host: &Host) -> Result<String> {
    let limit = std::time::Duration::from_secs(20);
    let cmd = Cmd::new("cat").arg("/proc/sys/kernel/random/boot_id").time_limit(limit);
    let id = host.outside().run(cmd.repeatable()).await?.text().trim().to_string();
    match id.is_empty() {
        false => Ok(id),
        true => Err(Error::Parse {
            what: "boot id".into(),
            source_of: format!("host `{}`", host.name()),
            why: "it is empty".into(),
        }),
    }
}
