//! The one judge of pinning: where each thread of a guest may run, against what is declared for it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::CpuMap;
use crate::cpuset::Cpuset;
use crate::host::{GuestProcess, Role, Thread};
use crate::libvirt::Domain;

/// A thread of a guest that libvirt places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// One vCPU.
    Vcpu(u32),
    /// The main thread, and every other that is not a vCPU and no I/O thread.
    Emulator,
    /// One I/O thread.
    IoThread(u32),
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Who::Vcpu(number) => write!(f, "vCPU {number}"),
            Who::Emulator => f.write_str("emulator"),
            Who::IoThread(number) => write!(f, "I/O thread {number}"),
        }
    }
}

/// Where one thread may run: as the domain XML declares it, and as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pin {
    /// The thread.
    pub who: Who,
    /// The CPUs declared for it; `None` when nothing is, which the kernel cannot contradict.
    pub declared: Option<Cpuset>,
    /// The element that declares them: `<vcpupin>`, `<emulatorpin>`, `<iothreadpin>`, or
    /// `<vcpu cpuset>`, which holds for every thread without a pin of its own.
    pub element: &'static str,
    /// Its affinity (`Cpus_allowed_list` of `/proc/PID/task/TID/status`); `None` when there is no
    /// such thread.
    pub kernel: Option<Cpuset>,
    /// Of the emulator: other threads of QEMU that are elsewhere than declared.
    pub strays: Vec<Stray>,
    /// Whether both agree.
    pub agrees: bool,
}

/// A thread of QEMU that is not a vCPU and no I/O thread, and is elsewhere than declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stray {
    /// Its id.
    pub tid: u32,
    /// Its name.
    pub name: String,
    /// The CPUs it may run on.
    pub cpus: Cpuset,
}

/// Every thread of a guest that libvirt places, against what is declared for it.
pub fn pins(domain: &Domain, process: &GuestProcess, map: &CpuMap) -> Vec<Pin> {
    let affinity = process.vcpu_affinity();
    let of_all = of_all(domain);
    let vcpus = (0..domain.vcpus.count).map(|vcpu| {
        let own = domain.cputune.vcpu_pins.get(&vcpu);
        pin(Who::Vcpu(vcpu), own, "<vcpupin>", of_all, affinity.get(&vcpu), map)
    });
    let mut all: Vec<Pin> = vcpus.collect();
    all.push(emulator(domain, process, map));
    let affinity = process.iothread_affinity();
    let numbers: BTreeSet<&u32> = domain.cputune.iothread_pins.keys().chain(affinity.keys()).collect();
    for number in numbers {
        let own = domain.cputune.iothread_pins.get(number);
        all.push(pin(Who::IoThread(*number), own, "<iothreadpin>", of_all, affinity.get(number), map));
    }
    all
}

/// `<vcpu cpuset=…>` holds for every thread without a pin of its own, unless libvirt chooses the
/// CPUs itself (`placement='auto'`).
fn of_all(domain: &Domain) -> Option<&Cpuset> {
    domain.vcpus.cpus.as_ref().filter(|_| domain.vcpus.placement.as_deref() != Some("auto"))
}

fn pin(
    who: Who,
    own: Option<&Cpuset>,
    element: &'static str,
    of_all: Option<&Cpuset>,
    kernel: Option<&Cpuset>,
    map: &CpuMap,
) -> Pin {
    let declared = own.or(of_all);
    let agrees = match (declared, kernel) {
        (Some(declared), Some(kernel)) => map.agrees(declared, kernel),
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let element = if own.is_some() || declared.is_none() { element } else { "<vcpu cpuset>" };
    Pin { who, declared: declared.cloned(), element, kernel: kernel.cloned(), strays: Vec::new(), agrees }
}

/// The main thread, and every other that is not a vCPU and no I/O thread: `<emulatorpin>` is for all
/// of them.
fn emulator(domain: &Domain, process: &GuestProcess, map: &CpuMap) -> Pin {
    let own = domain.cputune.emulator_pin.as_ref();
    let kernel = process.emulator_affinity();
    let mut found = pin(Who::Emulator, own, "<emulatorpin>", of_all(domain), kernel, map);
    let Some(declared) = &found.declared else { return found };
    // A worker that an I/O thread started has that thread's CPUs.
    let of_iothreads: Vec<Cpuset> =
        domain.cputune.iothread_pins.values().map(|cpus| map.real(cpus)).collect();
    let is_moved = |thread: &&Thread| {
        thread.role == Role::Other
            && thread.tid != process.pid
            && !is_placed_by_others(thread)
            && !map.agrees(declared, &thread.cpus)
            && !of_iothreads.contains(&thread.cpus)
    };
    let strays = process.threads.iter().filter(is_moved);
    found.strays = strays
        .map(|thread| Stray { tid: thread.tid, name: thread.name.clone(), cpus: thread.cpus.clone() })
        .collect();
    found.agrees &= found.strays.is_empty();
    found
}

/// Threads whose CPUs are not libvirt's: those that QEMU makes to fill the memory of a NUMA node
/// run near it (`TC tc-ram-node0`), and the kernel's own (`kvm-nx-lpage-re`) begin where a vCPU ran.
pub(super) fn is_placed_by_others(thread: &Thread) -> bool {
    thread.name.starts_with("TC ") || thread.name.starts_with("kvm-")
}

/// The vCPUs that have a CPU of the host for themselves, each with it: pinned to one CPU, which is
/// not of the shared set.
pub fn dedicated(domain: &Domain, shared: Option<&Cpuset>) -> Vec<(u32, u32)> {
    let pins = domain.cputune.vcpu_pins.iter().filter(|(_, cpus)| cpus.len() == 1);
    let pins = pins.filter_map(|(vcpu, cpus)| Some((*vcpu, cpus.first()?)));
    pins.filter(|(_, cpu)| !shared.is_some_and(|shared| shared.contains(*cpu))).collect()
}
