//! Rules about memory and CPUs as the kernel has them.

use super::threads::guest as subject;
use super::{Judge, Proof, Rule};
use crate::cpuset::Cpuset;
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, Layer, Severity, compare};

fn pinned_offline(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let mut found = Vec::new();
    for guest in guests.iter().filter(|guest| !guest.is_busy()) {
        let machine = cloud.hosts.get(guest.host()).and_then(|host| host.machine.as_ref());
        let (Some(machine), Some(domain)) = (machine, guest.domain.as_ref().map(|found| &found.domain))
        else {
            continue;
        };
        let off = |cpus: &&Cpuset| cpus.intersection(&machine.cpus.online).is_empty();
        if guest.process.is_none() || machine.cpus.simulated_nodes > 0 || machine.cpus.online.is_empty() {
            continue;
        }
        let lost: Cpuset = domain
            .cputune
            .vcpu_pins
            .values()
            .filter(off)
            .flat_map(|cpus| cpus.iter().collect::<Vec<_>>())
            .collect();
        if !lost.is_empty() {
            found.push(
                Finding::about(subject(guest), format!("it is pinned to CPU {lost}, which is offline"))
                    .on(guest.host())
                    .saw(Layer::Libvirt, format!("vCPUs on CPU {lost}"), "domain XML, <vcpupin>")
                    .saw(Layer::Kernel, format!("offline: {}", machine.offline), "/sys/devices/system/cpu/offline")
                    .advice("bring the CPU online again (echo 1 > /sys/devices/system/cpu/cpuN/online); with [libvirt]cpu_power_management Nova should have done it")
                    .command(format!("{}# cat /sys/devices/system/cpu/offline", guest.host())),
            );
        }
    }
    found
}

/// The row "memory" (or "memory of node") of the comparison, where the process was read with its memory.
fn memory(guest: &GuestSnapshot, wanted: fn(&str) -> bool, what: &str) -> Vec<Finding> {
    let (Some(found), Some(process)) = (&guest.domain, &guest.process) else { return Vec::new() };
    if process.memory.is_none() {
        return Vec::new();
    }
    let rows = compare(&found.domain, process, &guest.cpus);
    let wrong: Vec<_> = rows.into_iter().filter(|row| !row.agrees && wanted(&row.what)).collect();
    if wrong.is_empty() {
        return Vec::new();
    }
    let said: Vec<String> = wrong
        .iter()
        .map(|row| {
            let declared = if row.declared.is_empty() { "nothing" } else { &row.declared };
            format!("{}: declared is {declared}, the kernel has {}", row.what, row.kernel)
        })
        .collect();
    let mut finding = Finding::about(subject(guest), format!("{what}: {}", said.join("; "))).on(guest.host());
    for row in wrong {
        finding = finding
            .saw(
                Layer::Libvirt,
                format!("{}: {}", row.what, row.declared),
                "domain XML, <memoryBacking>, <numatune>",
            )
            .saw(Layer::Kernel, format!("{}: {}", row.what, row.kernel), "/proc/PID/numa_maps and smaps");
    }
    vec![finding.advice("a hard reboot makes QEMU allocate its memory again").command(format!(
        "{}# numastat -p {}",
        guest.host(),
        process.pid
    ))]
}

fn pages(guest: &GuestSnapshot) -> Vec<Finding> {
    memory(guest, |what| what == "memory", "its memory is not in the pages that are declared")
}

fn memory_elsewhere(guest: &GuestSnapshot) -> Vec<Finding> {
    memory(
        guest,
        |what| what != "memory" && what.starts_with("memory"),
        "its memory is on other NUMA nodes than declared",
    )
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "pinned-cpu-offline",
        severity: Severity::Error,
        about: "A guest is pinned to a CPU that is offline",
        source: "LP 2056612, LP 2077228",
        proof: Proof::Recording,
        layers: &[Layer::Libvirt, Layer::Kernel],
        judge: Judge::Cloud(pinned_offline),
    },
    Rule {
        name: "pages",
        severity: Severity::Error,
        about: "Memory is not in pages of the declared size (only in `explain`)",
        source: "LP 1811886",
        proof: Proof::Recording,
        layers: &[Layer::Libvirt, Layer::Kernel],
        judge: Judge::Guest(pages),
    },
    Rule {
        name: "memory-elsewhere",
        severity: Severity::Error,
        about: "Memory is on NUMA nodes that <numatune> does not name (only in `explain`)",
        source: "LP 1289064, LP 1893221",
        proof: Proof::Recording,
        layers: &[Layer::Libvirt, Layer::Kernel],
        judge: Judge::Guest(memory_elsewhere),
    },
];
