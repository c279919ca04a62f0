//! The domains of hosts that are guests of the host that is planned.

use super::super::change::{Change, DomainChange};
use super::super::machine_state::MachineState;
use super::super::machine_wish::{MachineCpu, MachineWish};
use super::super::wish::Target;
use super::draft::Draft;
use crate::cpuset::Cpuset;
use crate::error::Result;
use crate::libvirt::{Cpu, CpuMode, Domain, DomainEdit, HostCpu};

/// A domain's definition in the making.
pub(super) struct MachineDraft {
    pub(super) machine: MachineState,
    pub(super) definition: String,
    /// Whether the machine runs with less than its definition has: only a restart is missing.
    pub(super) is_stale: bool,
}

impl MachineState {
    /// Whether a want with this target is for this machine.
    pub fn is_for(&self, target: &Target) -> bool {
        match target {
            Target::All => true,
            Target::Host(name) => *name == self.host,
            Target::Computes => self.is_compute,
            Target::Controllers | Target::Parents => false,
        }
    }
}

impl Draft<'_> {
    pub(super) fn machine(&mut self, machine: &MachineState, wish: &MachineWish) -> Result<()> {
        let what = format!("give `{}` {}", machine.host, wish.words());
        let source = format!("host `{}`", self.state.name);
        let at = self.machines.iter().position(|one| one.machine.domain == machine.domain);
        let text = at.map_or(&machine.definition, |at| &self.machines[at].definition).clone();
        let domain = Domain::parse(text.clone(), &source)?;
        let is_kvm = domain.kind == "kvm";
        let mut edit = DomainEdit::new(text.clone())?;

        if let Some(cpu) = wish.cpu {
            if !machine.cpu_modes.iter().any(|mode| mode == cpu.mode()) {
                self.plan.cannot(what, lacks(cpu, is_kvm, &machine.cpu_modes));
                return Ok(());
            }
            if cpu == MachineCpu::Exact && machine.host_cpu.model.is_none() {
                self.plan.cannot(what, "the capabilities of its libvirt name no CPU model");
                return Ok(());
            }
            if !has_cpu(domain.cpu.as_ref(), cpu, &machine.host_cpu, is_kvm, false) {
                edit = with_cpu(edit, cpu, &machine.host_cpu, is_kvm)?;
            }
        }
        if let Some(count) = wish.cells
            && !has_cells(domain.cpu.as_ref(), count)
        {
            match spread(count, domain.vcpus.count, domain.memory_kib) {
                Some(cells) => edit = edit.numa_cells(&cells)?,
                None => {
                    let why = format!(
                        "it has {} vCPUs and {} MiB, too little for {count} NUMA nodes",
                        domain.vcpus.count,
                        domain.memory_kib >> 10
                    );
                    self.plan.cannot(what, why);
                    return Ok(());
                }
            }
        }
        let running = machine.running.as_ref();
        let is_stale = running.is_some_and(|running| {
            let cpu = running.cpu.as_ref();
            wish.cpu.is_some_and(|wanted| !has_cpu(cpu, wanted, &machine.host_cpu, is_kvm, true))
                || wish.cells.is_some_and(|count| !has_cells(cpu, count))
        });
        let definition = edit.into_xml();
        if definition == text && !is_stale {
            return Ok(());
        }
        if let (true, Some(why)) = (running.is_some(), &machine.silent) {
            let why = format!("whether it comes up again cannot be verified: it does not answer now ({why})");
            self.plan.cannot(what, why);
            return Ok(());
        }
        match at {
            Some(at) => {
                self.machines[at].definition = definition;
                self.machines[at].is_stale |= is_stale;
            }
            None => self.machines.push(MachineDraft { machine: machine.clone(), definition, is_stale }),
        }
        Ok(())
    }
}

impl MachineDraft {
    pub(super) fn change(self) -> Change {
        let machine = self.machine;
        Change::Domain(DomainChange {
            domain: machine.domain,
            host: machine.host,
            before: machine.definition,
            after: self.definition,
            was_running: machine.running.is_some(),
            boot_id: machine.boot_id,
            service: machine.service,
        })
    }
}

/// Why a CPU mode cannot be had, with what could be.
fn lacks(cpu: MachineCpu, is_kvm: bool, modes: &[String]) -> String {
    let nearest = match (is_kvm, modes.iter().any(|mode| mode == "maximum")) {
        (false, true) => "; without KVM, `maximum` comes nearest to it",
        _ => "",
    };
    let emulator = if is_kvm { "its emulator" } else { "its emulator, which runs without KVM (TCG)," };
    format!("{emulator} has no CPU mode {}, only {}{nearest}", cpu.mode(), modes.join(", "))
}

fn with_cpu(edit: DomainEdit, cpu: MachineCpu, host: &HostCpu, is_kvm: bool) -> Result<DomainEdit> {
    match cpu {
        MachineCpu::HostPassthrough => edit.cpu_mode(CpuMode::HostPassthrough),
        MachineCpu::Maximum => edit.cpu_mode(CpuMode::Maximum),
        MachineCpu::HostModel => {
            let edit = edit.cpu_mode(CpuMode::HostModel)?;
            match virtualization(host).filter(|_| is_kvm) {
                Some(flag) => edit.require_feature(flag),
                None => Ok(edit),
            }
        }
        MachineCpu::Exact => {
            // The flags are those of the parent's CPU: an emulator without KVM has its own.
            let flags = if is_kvm { host.features.as_slice() } else { &[] };
            let vendor = host.vendor.as_deref().filter(|_| is_kvm);
            edit.cpu_exact(host.model.as_deref().unwrap_or_default(), vendor, flags)
        }
    }
}

/// libvirt leaves it out of a host's model although the host has it; guests of guests need it.
fn virtualization(host: &HostCpu) -> Option<&'static str> {
    ["vmx", "svm"].into_iter().find(|flag| host.features.iter().any(|feature| feature == flag))
}

/// Whether a CPU is as wanted. libvirt shows a running `host-model` as the model it has become.
fn has_cpu(cpu: Option<&Cpu>, wanted: MachineCpu, host: &HostCpu, is_kvm: bool, running: bool) -> bool {
    let Some(cpu) = cpu else { return false };
    let mode = cpu.mode.as_deref().unwrap_or("custom");
    let requires = |flag: &str| {
        let on = |policy: Option<&str>| matches!(policy, None | Some("require" | "force"));
        cpu.features.iter().any(|feature| feature.name == flag && on(feature.policy.as_deref()))
    };
    match wanted {
        MachineCpu::HostModel if running => mode == "host-model" || mode == "custom",
        MachineCpu::HostModel => {
            mode == wanted.mode() && virtualization(host).is_none_or(|flag| !is_kvm || requires(flag))
        }
        MachineCpu::Exact => {
            let has_flags = running || !is_kvm || host.features.iter().all(|flag| requires(flag));
            mode == "custom"
                && cpu.model == host.model
                && matches!(cpu.match_.as_deref(), None | Some("exact"))
                && has_flags
        }
        MachineCpu::HostPassthrough | MachineCpu::Maximum => mode == wanted.mode(),
    }
}

fn has_cells(cpu: Option<&Cpu>, count: u32) -> bool {
    cpu.is_some_and(|cpu| cpu.cells.len() == count as usize)
}

/// vCPUs in a row and memory in whole MiB (as QEMU takes it) for each cell; what does not
/// divide evenly goes to the first ones. `None` when a cell would have nothing.
fn spread(count: u32, vcpus: u32, memory_kib: u64) -> Option<Vec<(Cpuset, u64)>> {
    let (share, more) = (vcpus.checked_div(count)?, vcpus % count);
    let mib = memory_kib >> 10;
    let (mib_share, mib_more) = (mib / u64::from(count), mib % u64::from(count));
    if share == 0 || mib_share == 0 {
        return None;
    }
    let mut next = 0;
    let cells = (0..count).map(|cell| {
        let cpus = share + u32::from(cell < more);
        let first = next;
        next += cpus;
        let mib = mib_share + u64::from(u64::from(cell) < mib_more);
        // What is no whole MiB stays where the memory begins.
        let kib = (mib << 10) + if cell == 0 { memory_kib & 1023 } else { 0 };
        ((first..next).collect(), kib)
    });
    Some(cells.collect())
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn cells_are_as_even_as_can_be_and_nothing_is_lost() {
        let cells = |count, vcpus, kib| {
            spread(count, vcpus, kib).map(|cells| {
                cells.iter().map(|(cpus, kib)| format!("{cpus}:{kib}")).collect::<Vec<_>>().join(" ")
            })
        };
        assert_eq!(cells(2, 4, 3 << 20).as_deref(), Some("0-1:1572864 2-3:1572864"));
        assert_eq!(cells(2, 5, (3 << 10) + 7).as_deref(), Some("0-2:2055 3-4:1024"));
        assert_eq!(cells(1, 1, 1024).as_deref(), Some("0:1024"));
        assert_eq!(cells(3, 2, 1 << 20), None, "a cell without a CPU");
        assert_eq!(cells(0, 2, 1 << 20), None);
    }
}
