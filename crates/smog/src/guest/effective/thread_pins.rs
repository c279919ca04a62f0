//! The declared CPUs of vCPUs, emulator and I/O threads, against the affinity of every thread.

use std::collections::BTreeSet;

use super::Compared;
use crate::cpuset::Cpuset;
use crate::host::{GuestProcess, Role, Thread};
use crate::libvirt::Domain;

/// At most so many deviating threads are named.
const NAMED: usize = 4;

pub(super) fn rows(domain: &Domain, process: &GuestProcess) -> Vec<Compared> {
    let (pins, affinity) = (domain.vcpu_pins(), process.vcpu_affinity());
    let vcpus =
        (0..domain.vcpus.count).map(|vcpu| row(format!("vCPU {vcpu}"), pins.get(&vcpu), affinity.get(&vcpu)));
    let mut rows: Vec<Compared> = vcpus.collect();
    rows.push(emulator(domain, process));
    let affinity = process.iothread_affinity();
    let numbers: BTreeSet<&u32> = domain.cputune.iothread_pins.keys().chain(affinity.keys()).collect();
    for number in numbers {
        let declared = domain.cputune.iothread_pins.get(number).or_else(|| of_all(domain));
        rows.push(row(format!("I/O thread {number}"), declared, affinity.get(number)));
    }
    rows
}

/// `<vcpu cpuset=…>` holds for every thread without a pin of its own, unless libvirt chooses the
/// CPUs itself (`placement='auto'`).
fn of_all(domain: &Domain) -> Option<&Cpuset> {
    domain.vcpus.cpus.as_ref().filter(|_| domain.vcpus.placement.as_deref() != Some("auto"))
}

fn row(what: String, declared: Option<&Cpuset>, kernel: Option<&Cpuset>) -> Compared {
    let agrees = match (declared, kernel) {
        (Some(declared), Some(kernel)) => declared == kernel,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let text =
        |cpus: Option<&Cpuset>, without: &str| cpus.map_or(without.to_string(), |cpus| format!("CPU {cpus}"));
    Compared { what, declared: text(declared, ""), kernel: text(kernel, "no such thread"), agrees }
}

/// The main thread, and every other that is no vCPU and no I/O thread: `<emulatorpin>` is for all
/// of them.
fn emulator(domain: &Domain, process: &GuestProcess) -> Compared {
    let declared = domain.cputune.emulator_pin.as_ref().or_else(|| of_all(domain));
    let mut row = row("emulator".into(), declared, process.emulator_affinity());
    let Some(declared) = declared else { return row };
    // A worker that an I/O thread started has that thread's CPUs.
    let of_iothreads: Vec<&Cpuset> = domain.cputune.iothread_pins.values().collect();
    let is_moved = |thread: &&Thread| {
        thread.role == Role::Other
            && thread.tid != process.pid
            && !is_placed_by_others(thread)
            && thread.cpus != *declared
            && !of_iothreads.contains(&&thread.cpus)
    };
    let moved: Vec<&Thread> = process.threads.iter().filter(is_moved).collect();
    for thread in moved.iter().take(NAMED) {
        row.kernel += &format!("; {} (TID {}) CPU {}", thread.name, thread.tid, thread.cpus);
    }
    if moved.len() > NAMED {
        row.kernel += &format!("; {} more threads elsewhere", moved.len() - NAMED);
    }
    row.agrees &= moved.is_empty();
    row
}

/// Threads whose CPUs are not libvirt's: those that QEMU makes to fill the memory of a cell run
/// near it (`TC tc-ram-node0`), and the kernel's own (`kvm-nx-lpage-re`) begin where a vCPU ran.
fn is_placed_by_others(thread: &Thread) -> bool {
    thread.name.starts_with("TC ") || thread.name.starts_with("kvm-")
}
