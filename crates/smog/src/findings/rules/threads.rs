//! Rules about threads and CPUs: where they may run, and who else may run there.

use std::collections::{BTreeMap, BTreeSet};

use super::{Judge, Proof, Rule};
use crate::cpuset::Cpuset;
use crate::findings::pinning::{self, Pin, Who};
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, HostSnapshot, Layer, Severity, Subject};
use crate::host::Policy;
use crate::libvirt::Domain;

const THREADS: &str = "/proc/PID/task/TID/status, Cpus_allowed_list";

pub(super) fn guest(guest: &GuestSnapshot) -> Subject {
    Subject::new("guest", &guest.server.name, &guest.server.id)
}

fn pins(guest: &GuestSnapshot) -> Vec<Pin> {
    match (&guest.domain, &guest.process) {
        (Some(found), Some(process)) => pinning::pins(&found.domain, process, &guest.cpus),
        _ => Vec::new(),
    }
}

fn taskset(guest: &GuestSnapshot) -> String {
    let pid = guest.process.as_ref().map_or("PID".to_string(), |process| process.pid.to_string());
    format!("{}# taskset -acp {pid}; virsh vcpupin {}", guest.host(), guest.domain_name())
}

/// The disagreeing pins as one finding.
fn disagree(guest: &GuestSnapshot, wrong: &[Pin], what: &str) -> Vec<Finding> {
    if wrong.is_empty() {
        return Vec::new();
    }
    let text = |cpus: Option<&Cpuset>| cpus.map_or("no CPU".to_string(), |cpus| format!("CPU {cpus}"));
    let said: Vec<String> = wrong
        .iter()
        .map(|pin| match &pin.kernel {
            None => format!("{} has no thread", pin.who),
            Some(kernel) if !guest.cpus.agrees(&pin.declared.clone().unwrap_or_default(), kernel) => {
                format!("{} may run on CPU {kernel}, declared is {}", pin.who, text(pin.declared.as_ref()))
            }
            Some(_) => {
                let strays = pin
                    .strays
                    .iter()
                    .take(4)
                    .map(|one| format!("{} (TID {}) on CPU {}", one.name, one.tid, one.cpus));
                let strays: Vec<String> = strays.collect();
                format!(
                    "{} of QEMU's own threads elsewhere than {}: {}",
                    pin.strays.len(),
                    text(pin.declared.as_ref()),
                    strays.join(", ")
                )
            }
        })
        .collect();
    let mut found =
        Finding::about(self::guest(guest), format!("{what}: {}", said.join("; "))).on(guest.host());
    for pin in wrong {
        found = found
            .saw(
                Layer::Libvirt,
                format!("{}: {}", pin.who, text(pin.declared.as_ref())),
                format!("domain XML, {}", pin.element),
            )
            .saw(Layer::Kernel, format!("{}: {}", pin.who, text(pin.kernel.as_ref())), THREADS);
    }
    vec![
        found
            .advice("someone moved the threads without libvirt, or a control group was changed: set the pins again (virsh vcpupin, emulatorpin), or hard-reboot the guest")
            .command(taskset(guest)),
    ]
}

fn vcpu_affinity(guest: &GuestSnapshot) -> Vec<Finding> {
    let wrong: Vec<Pin> =
        pins(guest).into_iter().filter(|pin| matches!(pin.who, Who::Vcpu(_)) && !pin.agrees).collect();
    disagree(guest, &wrong, "vCPUs do not run where the domain XML says")
}

fn stray_threads(guest: &GuestSnapshot) -> Vec<Finding> {
    let wrong: Vec<Pin> =
        pins(guest).into_iter().filter(|pin| pin.who == Who::Emulator && !pin.agrees).collect();
    disagree(guest, &wrong, "emulator threads do not run where the domain XML says")
}

fn iothread(guest: &GuestSnapshot) -> Vec<Finding> {
    let all = pins(guest);
    let of_io = |pin: &&Pin| matches!(pin.who, Who::IoThread(_));
    let wrong: Vec<Pin> = all.iter().filter(of_io).filter(|pin| !pin.agrees).cloned().collect();
    let mut found = disagree(guest, &wrong, "I/O threads do not run where the domain XML says");
    let Some(domain) = guest.domain.as_ref().map(|found| &found.domain) else { return found };
    let shared = guest.sets.as_ref().and_then(|sets| sets.shared.as_ref());
    if pinning::dedicated(domain, shared).is_empty() {
        return found;
    }
    let free: Vec<&Pin> = all.iter().filter(of_io).filter(|pin| pin.declared.is_none()).collect();
    if !free.is_empty() {
        let names: Vec<String> = free.iter().map(|pin| pin.who.to_string()).collect();
        let kernel = free
            .iter()
            .filter_map(|pin| pin.kernel.clone())
            .fold(Cpuset::new(), |all, cpus| all.union(&cpus));
        found.push(
            Finding::about(
                self::guest(guest),
                format!("it has dedicated CPUs, and {} without a pin: on CPU {kernel}", names.join(", ")),
            )
            .part("no pin")
            .on(guest.host())
            .at_most(Severity::Warning)
            .saw(Layer::Libvirt, "no <iothreadpin>", "domain XML, <cputune>")
            .saw(Layer::Kernel, format!("CPU {kernel}"), THREADS)
            .advice(
                "pin it with virsh iothreadpin, or remove it with virsh iothreaddel: it takes time of vCPUs",
            )
            .command(format!("{}# virsh iothreadinfo {}", guest.host(), guest.domain_name())),
        );
    }
    found
}

/// A domain of a host with a name for it.
struct Runs<'a> {
    uuid: &'a str,
    domain: &'a Domain,
    owned: Vec<(u32, u32)>,
    pins: Vec<Pin>,
}

/// `floats`: guests that Nova gave no dedicated CPU, whatever pins they have.
fn running<'a>(host: &'a HostSnapshot, busy: &BTreeSet<&str>, floats: &BTreeSet<&str>) -> Vec<Runs<'a>> {
    let machine = host.machine.as_ref();
    let map = machine.map(|machine| machine.cpus.clone()).unwrap_or_default();
    let shared = machine.and_then(|machine| machine.sets.as_ref()?.shared.as_ref());
    let found = host.domains.iter().filter(|found| !busy.contains(found.domain.uuid.as_str()));
    found
        .filter_map(|found| {
            let process = host.processes.iter().find(|process| process.uuid == found.domain.uuid)?;
            Some(Runs {
                uuid: &found.domain.uuid,
                domain: &found.domain,
                owned: match floats.contains(found.domain.uuid.as_str()) {
                    true => Vec::new(),
                    false => pinning::dedicated(&found.domain, shared),
                },
                pins: pinning::pins(&found.domain, process, &map),
            })
        })
        .collect()
}

/// The CPUs of `owner` that a thread of `other` may run on: which vCPUs have them, which threads.
fn overlap(owner: &Runs<'_>, other: &Runs<'_>, is_simulated: bool) -> Option<(Cpuset, Vec<u32>, Vec<Who>)> {
    let own: BTreeMap<u32, u32> = owner.owned.iter().map(|(vcpu, cpu)| (*cpu, *vcpu)).collect();
    let cpus: Cpuset = own.keys().copied().collect();
    let (mut both, mut threads) = (Cpuset::new(), Vec::new());
    for pin in &other.pins {
        // With simulated NUMA nodes, several of libvirt's CPUs are one of the kernel's.
        let reach = if is_simulated { pin.declared.as_ref() } else { pin.kernel.as_ref() };
        let strays = pin.strays.iter().filter(|_| !is_simulated).map(|stray| &stray.cpus);
        let reach = reach.into_iter().chain(strays).fold(Cpuset::new(), |all, cpus| all.union(cpus));
        let common = reach.intersection(&cpus);
        if !common.is_empty() {
            both = both.union(&common);
            threads.push(pin.who);
        }
    }
    let vcpus = both.iter().filter_map(|cpu| own.get(&cpu).copied()).collect();
    (!both.is_empty()).then_some((both, vcpus, threads))
}

/// "vCPU 0,2, emulator, I/O thread 1"
fn names(threads: &[Who]) -> String {
    let vcpus: Cpuset =
        threads.iter().filter_map(|who| if let Who::Vcpu(n) = who { Some(*n) } else { None }).collect();
    let mut parts: Vec<String> = Vec::new();
    if !vcpus.is_empty() {
        parts.push(format!("vCPU {vcpus}"));
    }
    parts.extend(threads.iter().filter(|who| !matches!(who, Who::Vcpu(_))).map(Who::to_string));
    parts.join(", ")
}

fn cpu_twice(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let busy: BTreeSet<&str> =
        guests.iter().filter(|guest| guest.is_busy()).map(|guest| guest.server.id.as_str()).collect();
    let is_floating = |guest: &&GuestSnapshot| {
        !matches!(policy(guest), Some("dedicated" | "mixed"))
            && guest.allocations.is_some()
            && guest.booked("PCPU") == 0
    };
    let floats: BTreeSet<&str> =
        guests.iter().filter(is_floating).map(|guest| guest.server.id.as_str()).collect();
    let mut found = Vec::new();
    for host in cloud.hosts.values() {
        let is_simulated = host.machine.as_ref().is_some_and(|machine| machine.cpus.simulated_nodes > 0);
        let all = running(host, &busy, &floats);
        let owners: Vec<&Runs<'_>> = all.iter().filter(|one| !one.owned.is_empty()).collect();
        let mut seen = BTreeSet::new();
        for owner in owners {
            for other in all.iter().filter(|other| other.uuid != owner.uuid) {
                let Some((cpus, vcpus, threads)) = overlap(owner, other, is_simulated) else { continue };
                let pair = BTreeSet::from([owner.uuid, other.uuid]);
                if !seen.insert(pair.clone()) {
                    continue;
                }
                let (owner_name, other_name) =
                    (cloud.guest_name(owner.uuid, host), cloud.guest_name(other.uuid, host));
                let vcpus: Cpuset = vcpus.into_iter().collect();
                let subject = Subject::new(
                    "guests",
                    format!("{owner_name}` and `{other_name}"),
                    pair.into_iter().collect::<Vec<_>>().join("+"),
                );
                found.push(
                    Finding::about(
                        subject,
                        format!(
                            "CPU {cpus} is dedicated to `{owner_name}` (vCPU {vcpus}), and {} of `{other_name}` may run there",
                            names(&threads)
                        ),
                    )
                    .on(&host.name)
                    .saw(Layer::Libvirt, format!("`{owner_name}`: vCPU {vcpus} on CPU {cpus}"), format!("domain XML of {}, <vcpupin>", owner.domain.name))
                    .saw(Layer::Kernel, format!("`{other_name}`: {} on CPU {cpus}", names(&threads)), THREADS)
                    .advice("one of the two was moved by hand, or Nova's record of it is wrong (see topology-record): pin it back, or migrate one of them away")
                    .command(format!("{}# for d in {} {}; do virsh vcpupin $d; virsh emulatorpin $d; virsh iothreadinfo $d; done", host.name, owner.domain.name, other.domain.name)),
                );
            }
        }
    }
    found
}

/// Whether the flavor, or what is booked, says that it has dedicated CPUs: all, some, none.
fn policy(guest: &GuestSnapshot) -> Option<&str> {
    guest.server.flavor.extra_specs.get("hw:cpu_policy").map(String::as_str)
}

fn off_sets(guest: &GuestSnapshot) -> Vec<Finding> {
    let (Some(sets), Some(domain)) = (&guest.sets, guest.domain.as_ref().map(|found| &found.domain)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let off = |what: &str, cpus: &Cpuset, option: &str, set: &Cpuset| {
        Finding::about(
            self::guest(guest),
            format!("{what} on CPU {cpus}, which is not of {option} as {} has it configured now ({set})", guest.host()),
        )
        .on(guest.host())
        .saw(Layer::Libvirt, format!("{what} on CPU {cpus}"), "domain XML, <cputune> and <vcpu>")
        .saw(Layer::Files, format!("{option} = {set}"), "nova.conf, [compute]")
        .advice("the set was changed under a running guest, or the guest was moved by hand: migrate it away, or set the option back")
        .command(format!("{}# virsh vcpupin {}; grep cpu_ /etc/nova/nova.conf", guest.host(), guest.domain_name()))
    };
    let pins = &domain.cputune.vcpu_pins;
    let empty = Cpuset::new();
    let dedicated = sets.dedicated.as_ref().unwrap_or(&empty);
    match policy(guest) {
        Some("dedicated") => {
            let all = pins.values().fold(Cpuset::new(), |all, cpus| all.union(cpus)).difference(dedicated);
            if !all.is_empty() {
                found.push(off("dedicated vCPUs are", &all, "cpu_dedicated_set", dedicated));
            }
        }
        Some("mixed") => {
            let both = sets.shared.as_ref().map_or(dedicated.clone(), |shared| shared.union(dedicated));
            let all = pins.values().fold(Cpuset::new(), |all, cpus| all.union(cpus)).difference(&both);
            if sets.shared.is_some() && !all.is_empty() {
                found.push(off("vCPUs are", &all, "cpu_shared_set or cpu_dedicated_set", &both));
            }
        }
        _ if guest.booked("PCPU") == 0 => {
            let Some(shared) = &sets.shared else { return found };
            let real = guest.cpus.real(shared);
            let threads = guest.process.iter().flat_map(|process| process.vcpu_affinity().into_values());
            let all = threads.fold(Cpuset::new(), |all, cpus| all.union(&cpus)).difference(&real);
            if !all.is_empty() {
                found.push(off("vCPUs without dedicated CPUs may run", &all, "cpu_shared_set", shared).saw(
                    Layer::Kernel,
                    format!("vCPU threads may run on CPU {all}"),
                    THREADS,
                ));
            }
        }
        _ => {}
    }
    found
}

fn realtime(guest: &GuestSnapshot) -> Vec<Finding> {
    let (Some(domain), Some(process)) = (guest.domain.as_ref().map(|found| &found.domain), &guest.process)
    else {
        return Vec::new();
    };
    let declared: BTreeSet<u32> =
        domain.cputune.vcpu_sched.iter().flat_map(|sched| sched.vcpus.iter().collect::<Vec<_>>()).collect();
    let is_real = |vcpu: u32| {
        process.vcpu(vcpu).is_some_and(|thread| matches!(thread.policy, Policy::Fifo | Policy::RoundRobin))
    };
    let vcpus = 0..domain.vcpus.count;
    let wrong: Cpuset = vcpus
        .filter(|vcpu| process.vcpu(*vcpu).is_some() && is_real(*vcpu) != declared.contains(vcpu))
        .collect();
    if wrong.is_empty() {
        return Vec::new();
    }
    let words = |is: bool| if is { "real time" } else { "an ordinary policy" };
    let first = wrong.first().unwrap_or(0);
    vec![
        Finding::about(
            self::guest(guest),
            format!(
                "vCPU {wrong}: declared is {}, the kernel has {}",
                words(declared.contains(&first)),
                words(is_real(first))
            ),
        )
        .on(guest.host())
        .saw(
            Layer::Libvirt,
            format!("vCPU {wrong}: {}", words(declared.contains(&first))),
            "domain XML, <vcpusched>",
        )
        .saw(
            Layer::Kernel,
            format!("vCPU {wrong}: {}", words(is_real(first))),
            "/proc/PID/task/TID/stat, policy",
        )
        .advice("set it back with chrt, or hard-reboot the guest")
        .command(format!("{}# ps -Lo tid,comm,cls,rtprio -p {}", guest.host(), process.pid)),
    ]
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "vcpu-affinity",
        severity: Severity::Error,
        about: "A vCPU's thread may run on other CPUs than its <vcpupin> (or <vcpu cpuset>) says",
        source: "LP 1869804",
        proof: Proof::Lab,
        layers: &[Layer::Libvirt, Layer::Kernel],
        judge: Judge::Guest(vcpu_affinity),
    },
    Rule {
        name: "stray-threads",
        severity: Severity::Error,
        about: "A thread of QEMU that is not a vCPU may run outside <emulatorpin> (or <vcpu cpuset>)",
        source: "LP 1746674, LP 1869804; Red Hat's OVS-DPDK guide",
        proof: Proof::Lab,
        layers: &[Layer::Libvirt, Layer::Kernel],
        judge: Judge::Guest(stray_threads),
    },
    Rule {
        name: "iothread",
        severity: Severity::Error,
        about: "An I/O thread is not where <iothreadpin> says, or a pinned guest has one without a pin",
        source: "LP 2139351, LP 2140537, LP 2152697",
        proof: Proof::Lab,
        layers: &[Layer::Libvirt, Layer::Kernel],
        judge: Judge::Guest(iothread),
    },
    Rule {
        name: "cpu-twice",
        severity: Severity::Error,
        about: "A CPU that is dedicated to a guest is in reach of another guest's threads",
        source: "LP 1879878, LP 1896463, LP 1944759, LP 1953359; risu numa.sh",
        proof: Proof::Lab,
        layers: &[Layer::Libvirt, Layer::Kernel],
        judge: Judge::Cloud(cpu_twice),
    },
    Rule {
        name: "off-sets",
        severity: Severity::Warning,
        about: "Pins outside cpu_dedicated_set, or floating vCPUs outside cpu_shared_set, as configured now",
        source: "LP 1869804; hotsos cpu_pinning",
        proof: Proof::Lab,
        layers: &[Layer::Libvirt, Layer::Kernel, Layer::Files],
        judge: Judge::Guest(off_sets),
    },
    Rule {
        name: "realtime",
        severity: Severity::Warning,
        about: "A vCPU's scheduling policy is not what <vcpusched> says",
        source: "LP 1889257",
        proof: Proof::Lab,
        layers: &[Layer::Libvirt, Layer::Kernel],
        judge: Judge::Guest(realtime),
    },
];
