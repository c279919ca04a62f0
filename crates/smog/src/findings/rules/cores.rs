//! Rules about cores: siblings of dedicated CPUs, other programs there, programs that were replaced.

use std::collections::{BTreeMap, BTreeSet};

use super::threads::guest as subject;
use super::{Judge, Proof, Rule};
use crate::cpuset::Cpuset;
use crate::findings::{
    CloudSnapshot, Details, Finding, GuestSnapshot, HostSnapshot, Interrupt, Layer, Machine, Severity,
    Subject,
};

const SIBLINGS: &str = "/sys/devices/system/cpu/cpuN/topology/thread_siblings_list";

/// The CPUs that a guest's domain has pinned to one each.
fn pinned(guest: &GuestSnapshot) -> Cpuset {
    let domain = guest.domain.as_ref().filter(|_| guest.process.is_some()).map(|found| &found.domain);
    let pins = domain.iter().flat_map(|domain| domain.cputune.vcpu_pins.values());
    pins.filter(|cpus| cpus.len() == 1).filter_map(Cpuset::first).collect()
}

fn sibling_used(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let mut of_host: BTreeMap<&str, Vec<(&GuestSnapshot, Cpuset)>> = BTreeMap::new();
    for guest in guests.iter().filter(|guest| !guest.is_busy()) {
        of_host.entry(guest.host()).or_default().push((guest, pinned(guest)));
    }
    let mut found = Vec::new();
    for (name, on_host) in of_host {
        let machine = cloud.hosts.get(name).and_then(|host| host.machine.as_ref());
        let Some((machine, details)) = machine.and_then(|machine| Some((machine, machine.details.as_ref()?)))
        else {
            continue;
        };
        // CPUs that are simulated have no cores.
        if machine.cpus.simulated_nodes > 0 {
            continue;
        }
        // Who has each CPU; with the lists of others it would be looked up once for each pair of guests.
        let mut owners: BTreeMap<u32, &str> = BTreeMap::new();
        for (guest, cpus) in &on_host {
            owners.extend(cpus.iter().map(|cpu| (cpu, guest.server.name.as_str())));
        }
        for (guest, cpus) in &on_host {
            let policy = guest.server.flavor.extra_specs.get("hw:cpu_thread_policy").map(String::as_str);
            let siblings = cpus.iter().flat_map(|cpu| details.siblings_of(cpu).iter().collect::<Vec<_>>());
            let siblings: Cpuset = siblings.collect();
            let (sentence, advice) = match policy {
                Some("isolate") => {
                    let used: Vec<(u32, &str)> =
                        siblings.iter().filter_map(|cpu| Some((cpu, *owners.get(&cpu)?))).collect();
                    let names: BTreeSet<&str> = used.iter().map(|(_, owner)| *owner).collect();
                    let cpus: Cpuset = used.iter().map(|(cpu, _)| *cpu).collect();
                    if used.is_empty() {
                        continue;
                    }
                    let names: Vec<String> = names.iter().map(|owner| format!("`{owner}`")).collect();
                    (
                        format!(
                            "its flavor wants whole cores (isolate), and CPU {cpus}, the siblings of its own, are of {}",
                            names.join(", ")
                        ),
                        "migrate one of them away: Nova lost count of the cores, or someone pinned by hand",
                    )
                }
                Some("require") => {
                    let alone: Cpuset =
                        cpus.iter().filter(|cpu| details.siblings_of(*cpu).is_empty()).collect();
                    if alone.is_empty() {
                        continue;
                    }
                    (
                        format!("its flavor wants CPUs with siblings (require), and CPU {alone} has none"),
                        "SMT was switched off, or siblings are offline: switch it on again, or migrate it to a host that has it",
                    )
                }
                _ => continue,
            };
            found.push(
                Finding::about(subject(guest), sentence)
                    .on(name)
                    .saw(Layer::Libvirt, format!("vCPUs on CPU {cpus}"), "domain XML, <vcpupin>")
                    .saw(Layer::Kernel, format!("their siblings: CPU {siblings}"), SIBLINGS)
                    .advice(advice)
                    .command(format!("{name}# lscpu -e=CPU,CORE; virsh vcpupin {}", guest.domain_name())),
            );
        }
    }
    found
}

/// What a host is said to keep free for guests: CPUs that are isolated and dedicated.
fn kept(machine: &Machine, details: &Details) -> (Cpuset, Cpuset) {
    let dedicated = machine.sets.as_ref().and_then(|sets| sets.dedicated.clone()).unwrap_or_default();
    (details.isolated.intersection(&dedicated), dedicated)
}

/// The first five, and how many more.
fn some(names: BTreeSet<&str>) -> String {
    let more = names.len().saturating_sub(5);
    let said = names.into_iter().take(5).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{said} and {more} more") } else { said }
}

/// Interrupts of devices that have come to CPUs that are isolated and dedicated, and still may. Those of
/// devices that are passed through are the guests' own; one that never came there (the queue that a disk
/// has for that CPU) does no harm.
fn interrupts(host: &HostSnapshot) -> Option<Finding> {
    let machine = host.machine.as_ref()?;
    let details = machine.details.as_ref()?;
    let (kept, dedicated) = kept(machine, details);
    let inside: Vec<&Interrupt> = details
        .interrupts
        .iter()
        .filter(|one| one.count > 0 && !one.name.starts_with("vfio"))
        .filter(|one| !one.cpus.intersection(&kept).is_empty())
        .collect();
    let cpus = inside.iter().fold(Cpuset::new(), |all, one| all.union(&one.cpus)).intersection(&kept);
    if inside.is_empty() {
        return None;
    }
    let said = some(inside.iter().map(|one| one.name.as_str()).collect());
    Some(
        Finding::about(Subject::named("host", &host.name), format!("interrupts of {said} come to CPU {cpus}, which are isolated and dedicated to guests"))
            .part("interrupts")
            .on(&host.name)
            .at_most(Severity::Note)
            .saw(Layer::Kernel, format!("isolated: CPU {}", details.isolated), "/sys/devices/system/cpu/isolated")
            .saw(Layer::Files, format!("cpu_dedicated_set = {dedicated}"), "nova.conf, [compute]")
            .saw(Layer::Kernel, format!("{said}: CPU {cpus}"), "/proc/interrupts; /proc/irq/N/effective_affinity_list")
            .advice("give them other CPUs: IRQBALANCE_BANNED_CPULIST for irqbalance, or /proc/irq/N/smp_affinity_list")
            .command(format!("{}# grep -H . /proc/irq/*/effective_affinity_list", host.name)),
    )
}

/// Programs on CPUs that the kernel's command line keeps free and that guests have for themselves. Where
/// no CPU is isolated every program may run everywhere, and nothing was promised.
fn intruder(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let mut found = Vec::new();
    for host in cloud.hosts.values() {
        let details = host.machine.as_ref().and_then(|machine| Some((machine, machine.details.as_ref()?)));
        let Some((machine, details)) = details else { continue };
        found.extend(interrupts(host));
        let (kept, dedicated) = kept(machine, details);
        let guests: BTreeSet<u32> = host.processes.iter().map(|process| process.pid).collect();
        let inside = details.programs.iter().filter(|one| !guests.contains(&one.pid));
        let inside: Vec<_> = inside.filter(|one| !one.cpus.intersection(&kept).is_empty()).collect();
        if inside.is_empty() {
            continue;
        }
        let names: BTreeSet<&str> = inside.iter().map(|one| one.name.as_str()).collect();
        let cpus = inside.iter().fold(Cpuset::new(), |all, one| all.union(&one.cpus)).intersection(&kept);
        let said = some(names);
        found.push(
            Finding::about(Subject::named("host", &host.name), format!("{said} may run on CPU {cpus}, which are isolated and dedicated to guests"))
                .on(&host.name)
                .saw(Layer::Kernel, format!("isolated: CPU {}", details.isolated), "/sys/devices/system/cpu/isolated")
                .saw(Layer::Files, format!("cpu_dedicated_set = {dedicated}"), "nova.conf, [compute]")
                .saw(Layer::Kernel, format!("{said}: CPU {cpus}"), "/proc/PID/task/TID/status, Cpus_allowed_list")
                .advice("give those services other CPUs (CPUAffinity= of their units): they take time of guests that were promised whole CPUs")
                .command(format!("{}# ps -eLo psr,pid,comm --sort psr", host.name)),
        );
    }
    found
}

fn old_qemu(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let mut found = Vec::new();
    for guest in guests.iter().filter(|guest| !guest.is_busy()) {
        let details = cloud.hosts.get(guest.host()).and_then(|host| host.machine.as_ref()?.details.as_ref());
        let (Some(details), Some(process)) = (details, &guest.process) else { continue };
        if details.replaced.contains(&process.pid) {
            found.push(
                Finding::about(
                    subject(guest),
                    "it runs a QEMU that was replaced by an upgrade since it was started",
                )
                .on(guest.host())
                .saw(Layer::Kernel, "its program is deleted", "/proc/PID/exe")
                .advice("what the upgrade repaired holds for it only after a hard reboot or a migration")
                .command(format!("{}# ls -l /proc/{}/exe", guest.host(), process.pid)),
            );
        }
    }
    found
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "sibling-used",
        severity: Severity::Warning,
        about: "isolate: another guest is on a sibling of its CPUs; require: its CPUs have no siblings",
        source: "LP 1889633",
        proof: Proof::Recording,
        layers: &[Layer::Nova, Layer::Libvirt, Layer::Kernel],
        judge: Judge::Cloud(sibling_used),
    },
    Rule {
        name: "intruder",
        severity: Severity::Warning,
        about: "A program that is no guest may run, or interrupts come, on CPUs that are isolated and dedicated to guests",
        source: "hotsos, risu numa.sh, tripleo's NFV role",
        proof: Proof::Recording,
        layers: &[Layer::Kernel, Layer::Files],
        judge: Judge::Cloud(intruder),
    },
    Rule {
        name: "old-qemu",
        severity: Severity::Note,
        about: "A guest runs a QEMU that was replaced since it was started",
        source: "needrestart",
        proof: Proof::Lab,
        layers: &[Layer::Kernel],
        judge: Judge::Cloud(old_qemu),
    },
];
