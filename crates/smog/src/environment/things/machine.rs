//! CPU and NUMA nodes of hosts that are guests of the host that is planned: `--cpu-mode` and
//! `--numa-cells`.

use super::super::machine_state::MachineState;
use super::super::machine_wish::{MachineCpu, MachineWish};
use super::super::plan::{Draft, MachineDraft};
use super::super::state::HostState;
use super::super::wish::{Target, Wish, targeted};
use super::{Look, Preparable, Thing, Want};
use crate::cpuset::Cpuset;
use crate::error::{Error, Result};
use crate::libvirt::{Cpu, CpuMode, Domain, DomainEdit, HostCpu};

pub(super) const CPU_MODE: Preparable = Preparable {
    name: "cpu-mode",
    form: "[WHO/]MODE",
    example: "l1/exact",
    help: "CPU mode of computes that are guests, on their parents: host-passthrough, host-model, \
           maximum, exact",
    add: |wish, text, _| wish.with_machine_cpu(text),
    ..Preparable::PLAIN
};

pub(super) const NUMA_CELLS: Preparable = Preparable {
    name: "numa-cells",
    form: "[WHO/]COUNT",
    example: "2",
    help: "NUMA nodes of computes that are guests, on their parents: 2",
    add: |wish, text, _| wish.with_machine_cells(text),
    ..Preparable::PLAIN
};

impl Thing for MachineWish {
    fn name(&self) -> String {
        self.words()
    }

    // The machines of a host are looked at whenever anything is wanted of them.
    fn look(&self, _: &HostState, _: &Target, _: &mut Look) {}

    fn plan(&self, target: &Target, host: &mut Draft<'_>) -> Result<()> {
        for machine in host.state.machines.iter().filter(|machine| machine.is_for(target)) {
            host.machine(machine, self)?;
        }
        Ok(())
    }

    fn is_of_machines(&self) -> bool {
        true
    }
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

impl Wish {
    /// Read what a person wrote after `--cpu-mode`: `[WHO/]MODE`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what there is.
    pub fn with_machine_cpu(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let machine = MachineWish { cpu: Some(rest.trim().parse()?), cells: None };
        Ok(self.with(target.unwrap_or(Target::Computes), Want::Machine(machine)))
    }

    /// Read what a person wrote after `--numa-cells`: `[WHO/]COUNT`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_machine_cells(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let cells = rest.trim().parse().ok().filter(|cells| (1..=64).contains(cells));
        let cells = cells.ok_or_else(|| Error::Invalid {
            what: format!("NUMA nodes `{text}`"),
            why: "not a number from 1 to 64".into(),
            hint: Some("as in 2, or cmp1/2 for one host".into()),
        })?;
        let machine = MachineWish { cpu: None, cells: Some(cells) };
        Ok(self.with(target.unwrap_or(Target::Computes), Want::Machine(machine)))
    }
}

impl Draft<'_> {
    fn machine(&mut self, machine: &MachineState, wish: &MachineWish) -> Result<()> {
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
