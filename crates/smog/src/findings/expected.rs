//! What can be expected of a guest, from the API down to the kernel: pure functions of what was
//! [`Seen`] of it, each with the wrong states that must turn it red. The suites and cases of one's own
//! assert these.

mod apart;
mod devices;
mod machine;
mod pci;
mod volumes;

pub use apart::{ON_ONE_CPU, ON_ONE_NODE, on_cpus_apart, on_nodes_apart};
pub use devices::{
    A_CONFIG_DRIVE, A_WATCHDOG, AN_RNG, ANONYMOUS_MEMORY, CONFIG_DRIVE, NO_PMU, NO_RESCUE, NO_RNG, NO_TABLET,
    NO_WATCHDOG, ONE_QUEUE, OTHER_FLAVOR, OTHER_VIDEO, SERIAL_IN_FILE, config_drive, config_drives,
    disk_files, has_queues, has_rng, has_tablet, has_video, has_watchdog, mapped_in_file, memory_in_file,
    names_flavor, no_config_drive, no_watchdog, pmu, rescued, serial_on_port, video_models, watchdog,
};
pub use machine::{
    A_DISK, AN_IOMMU, NO_BIOS, NO_IOMMU, NO_REMAPPING, NO_SYSTEM_MANAGEMENT, NO_TOPOLOGY, NO_UEFI, OTHER_CPU,
    bios, boots_cd, cpu_model, iommu, no_iommu, remaps, system_management, uefi, vcpu_topology,
};
pub use pci::{NO_PCI_FUNCTION, NOT_NEAR_DEVICE, cpus_near_device, has_pci_functions};

pub use volumes::{
    A_VOLUME, DISAGREE, IN_A_FILE, OTHER_BUS, PLAIN_DISK, disk_of, encrypted_with_luks, on_network,
    on_virtio_scsi, volumes_agree,
};

use super::pinning::Who;
use super::{Check, Control, Seen};
use crate::cpuset::Cpuset;
use crate::host::{Policy, Thread};
use crate::libvirt::DomainState;
use crate::show;

const XML: &str = "domain XML";
const THREADS: &str = "/proc/PID/task/TID/status, Cpus_allowed_list";
const MAPS: &str = "/proc/PID/numa_maps and smaps";
const PLACEMENT: &str = "placement, GET /allocations/ID";

/// It runs: Nova, libvirt, the kernel and placement agree on what it is.
pub fn runs(seen: &Seen) -> Vec<Check> {
    let flavor = &seen.server.flavor;
    let threads = seen.affinity().len() as u32;
    let booked = seen.booked("VCPU") + seen.booked("PCPU");
    vec![
        Check::eq("status", &seen.server.status, &"ACTIVE".to_string()).from("Nova, GET /servers/ID"),
        Check::that(
            "state of the domain",
            matches!(seen.state(), DomainState::Running | DomainState::Blocked),
            seen.state().to_string(),
            "running",
        )
        .from("libvirt, virsh list"),
        Check::eq("UUID of the domain", &seen.domain().uuid, &seen.server.id).from(XML),
        Check::eq("vCPUs of the domain", &seen.domain().vcpus.count, &flavor.vcpus)
            .from("domain XML, <vcpu>"),
        Check::eq("vCPU threads", &threads, &flavor.vcpus).from("/proc/PID/task/*/comm"),
        Check::eq("memory of the domain in MiB", &(seen.domain().memory_kib / 1024), &flavor.ram_mib)
            .from("domain XML, <memory>"),
        Check::eq("CPUs booked in placement", &booked, &u64::from(flavor.vcpus)).from(PLACEMENT),
        Check::eq("MiB booked in placement", &seen.booked("MEMORY_MB"), &flavor.ram_mib).from(PLACEMENT),
    ]
}

/// Controls of [`runs`].
pub const RUNS: &[Control<Seen>] = &[
    Control::new("a vCPU thread is missing", |mut seen| {
        seen.process_mut().threads.retain(|thread| !is_vcpu(thread));
        seen
    }),
    Control::new("libvirt has it paused", |seen| seen.in_state(DomainState::Paused)),
    Control::new("nothing is booked in placement", Seen::unbooked),
    Control::new("half the memory", |seen| {
        seen.with_xml(|xml| xml.replacen("<memory unit='KiB'>", "<memory unit='KiB'>1", 1))
    }),
];

fn is_vcpu(thread: &Thread) -> bool {
    matches!(thread.role, crate::host::Role::Vcpu(_))
}

/// Each of these vCPUs has a CPU of the host for itself, of the dedicated set, in the
/// domain XML and in the kernel.
pub fn pinned(seen: &Seen, vcpus: &Cpuset, dedicated: &Cpuset) -> Vec<Check> {
    let pins = seen.pins();
    let mut checks = Vec::new();
    let mut used = Cpuset::new();
    for vcpu in vcpus.iter() {
        let found = pins.iter().find(|pin| pin.who == Who::Vcpu(vcpu));
        let pin = found.and_then(|pin| pin.declared.clone()).unwrap_or_default();
        checks.push(
            Check::that(
                format!("pin of vCPU {vcpu}"),
                pin.len() == 1 && pin.is_subset(dedicated) && pin.is_disjoint(&used),
                shown(&pin, "none"),
                format!("one CPU of {dedicated} that no other vCPU has"),
            )
            .from("domain XML, <vcpupin>"),
        );
        used = used.union(&pin);
        let thread = found.and_then(|pin| pin.kernel.clone()).unwrap_or_default();
        let wanted = seen.real(&pin);
        checks.push(
            Check::that(
                format!("affinity of vCPU {vcpu}"),
                !thread.is_empty() && found.is_some_and(|pin| pin.declared.is_some() && pin.agrees),
                shown(&thread, "no such thread"),
                format!("its pin, {}", shown(&wanted, "none")),
            )
            .from(THREADS),
        );
        checks.extend(in_its_group(seen, vcpu, &wanted));
    }
    checks.push(
        Check::eq("PCPU booked in placement", &seen.booked("PCPU"), &(vcpus.len() as u64)).from(PLACEMENT),
    );
    checks
}

/// What the control group of a vCPU's thread leaves to it; nothing where the host has no such
/// groups.
fn in_its_group(seen: &Seen, vcpu: u32, cpus: &Cpuset) -> Option<Check> {
    let group = seen.process().vcpu(vcpu)?.cgroup.as_ref()?;
    let left = group.cpus.clone()?;
    Some(
        Check::that(
            format!("CPUs of the control group of vCPU {vcpu}"),
            left == *cpus,
            shown(&left, "none"),
            shown(cpus, "none"),
        )
        .from("cpuset.cpus.effective of the thread's control group"),
    )
}

/// Controls of [`pinned`].
pub const PINNED: &[Control<Seen>] = &[
    Control::new("a vCPU without its pin", |seen| seen.without_xml_lines("<vcpupin ")),
    Control::new("a vCPU that floats in the kernel", Seen::unpinned_threads),
    Control::new("nothing is booked in placement", Seen::unbooked),
];

/// No vCPU has a CPU for itself: all run on the shared set, and only there.
pub fn floats(seen: &Seen, vcpus: &Cpuset, shared: &Cpuset) -> Vec<Check> {
    let affinity = seen.affinity();
    let mut checks: Vec<Check> = vcpus
        .iter()
        .map(|vcpu| {
            let thread = affinity.get(&vcpu).cloned().unwrap_or_default();
            let inside = thread.is_subset(&seen.real(shared));
            Check::that(
                format!("affinity of vCPU {vcpu}"),
                !thread.is_empty() && inside,
                shown(&thread, "no such thread"),
                format!("within the shared CPUs, {shared}"),
            )
            .from(THREADS)
        })
        .collect();
    checks.push(
        Check::eq("VCPU booked in placement", &seen.booked("VCPU"), &(vcpus.len() as u64)).from(PLACEMENT),
    );
    checks
}

/// Controls of [`floats`].
pub const FLOATS: &[Control<Seen>] = &[
    Control::new("a vCPU thread on every CPU, dedicated ones too", Seen::unpinned_threads),
    Control::new("a vCPU thread is missing", |mut seen| {
        seen.process_mut().threads.retain(|thread| !is_vcpu(thread));
        seen
    }),
    Control::new("nothing is booked in placement", Seen::unbooked),
];

/// No thread of its process, QEMU's own ones neither, may run off the shared CPUs.
pub fn stays_on_shared(seen: &Seen, shared: &Cpuset) -> Vec<Check> {
    let shared = seen.real(shared);
    let off = seen.process().threads.iter().filter(|thread| !thread.cpus.is_subset(&shared));
    let off: Vec<String> = off.map(|thread| format!("{} on {}", thread.name, thread.cpus)).collect();
    vec![
        Check::that(
            "threads that may run off the shared CPUs",
            off.is_empty(),
            if off.is_empty() { "none".to_string() } else { off.join(", ") },
            format!("none; they are {shared}"),
        )
        .from(THREADS),
        Check::eq("vCPU threads", &seen.affinity().len(), &(seen.server.flavor.vcpus as usize))
            .from("/proc/PID/task/*/comm"),
    ]
}

/// Controls of [`stays_on_shared`].
pub const ON_SHARED: &[Control<Seen>] = &[
    Control::new("vCPU threads on every CPU", Seen::unpinned_threads),
    Control::new("a worker on every CPU", |mut seen| {
        let all: Cpuset = (0..64).collect();
        if let Some(thread) = seen.process_mut().threads.iter_mut().rev().find(|thread| !is_vcpu(thread)) {
            thread.cpus = all;
        }
        seen
    }),
];

/// Its memory is in huge pages of this size: declared so, and every KiB of it mapped so.
pub fn in_huge_pages(seen: &Seen, size_kib: u64) -> Vec<Check> {
    let declared: Vec<u64> =
        seen.domain().memory_backing.huge_pages.iter().flatten().filter_map(|pages| pages.size_kib).collect();
    let mapped = mapped_kib(seen, size_kib);
    vec![
        Check::that(
            "page size declared",
            !declared.is_empty() && declared.iter().all(|size| *size == size_kib),
            if declared.is_empty() { "none".into() } else { sizes(&declared) },
            show::kib(size_kib),
        )
        .from("domain XML, <memoryBacking><hugepages><page>"),
        Check::that(
            format!("memory in {} pages", show::kib(size_kib)),
            // A guest that gives free pages back to the host (Nova 34) has fewer at times.
            mapped >= seen.domain().memory_kib || (seen.domain().devices.free_page_reporting && mapped > 0),
            show::kib(mapped),
            format!("all of it, {}", show::kib(seen.domain().memory_kib)),
        )
        .from(MAPS),
    ]
}

/// Controls of [`in_huge_pages`].
pub const IN_HUGE_PAGES: &[Control<Seen>] = &[
    Control::new("no page size declared", |seen| seen.without_xml_lines("<page ")),
    Control::new("declared in huge pages, mapped in small ones", Seen::in_small_pages),
    Control::new("another page size", |seen| {
        seen.with_xml(|xml| xml.replace("<page size='2048'", "<page size='1048576'"))
    }),
];

/// Its memory is in small pages.
pub fn in_small_pages(seen: &Seen) -> Vec<Check> {
    let huge: u64 = seen.process().memory.as_ref().map_or(0, |maps| maps.huge_kib().values().sum());
    vec![
        Check::eq("declared in huge pages", &declares_huge(seen), &false)
            .from("domain XML, <memoryBacking><hugepages>"),
        Check::eq("memory in huge pages in KiB", &huge, &0).from(MAPS),
    ]
}

/// Controls of [`in_small_pages`].
pub const IN_SMALL_PAGES: &[Control<Seen>] = &[
    Control::new("huge pages declared", |seen| {
        seen.with_xml(|xml| {
            xml.replacen(
                "<vcpu ",
                "<memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking><vcpu ",
                1,
            )
        })
    }),
    Control::new("mapped in huge pages all the same", Seen::in_huge_pages),
];

/// Whether the domain asks for huge pages larger than the host's small ones.
fn declares_huge(seen: &Seen) -> bool {
    seen.domain().memory_backing.huge_pages.iter().flatten().any(|pages| pages.size_kib != Some(4))
}

/// How much of the process is in pages of this size, in KiB.
pub fn mapped_kib(seen: &Seen, size_kib: u64) -> u64 {
    seen.process().memory.as_ref().and_then(|maps| maps.huge_kib().get(&size_kib).copied()).unwrap_or(0)
}

/// The guest has these NUMA nodes: vCPUs and MiB of each.
pub fn has_cells(seen: &Seen, cells: &[(Cpuset, u64)]) -> Vec<Check> {
    let found: Vec<(Cpuset, u64)> =
        seen.domain().cells().iter().map(|cell| (cell.cpus.clone(), cell.memory_kib / 1024)).collect();
    let text = |cells: &[(Cpuset, u64)]| match cells.is_empty() {
        true => "none".to_string(),
        false => cells
            .iter()
            .map(|(cpus, mib)| format!("vCPU {cpus} with {mib} MiB"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    let tuned: Vec<u32> = seen
        .domain()
        .numatune
        .iter()
        .flat_map(|tune| &tune.mem_nodes)
        .filter(|node| node.mode.as_deref() == Some("strict") && node.cells.len() == 1)
        .map(|node| node.guest_cell)
        .collect();
    let wanted: Vec<u32> = (0..cells.len() as u32).collect();
    let mut checks = vec![
        Check::that("NUMA nodes of the guest", found == cells, text(&found), text(cells))
            .from("domain XML, <cpu><numa><cell>"),
        Check::eq("NUMA nodes bound to one NUMA node of the host each", &tuned, &wanted)
            .from("domain XML, <numatune><memnode mode='strict'>"),
    ];
    checks.extend(threads_in_their_cells(seen));
    checks
}

/// Each vCPU's thread may run in the host's cell that its own cell's memory is bound to, and
/// nowhere else.
fn threads_in_their_cells(seen: &Seen) -> Vec<Check> {
    let affinity = seen.affinity();
    let mut checks = Vec::new();
    for node in seen.domain().numatune.iter().flat_map(|tune| &tune.mem_nodes) {
        let Some(cell) = seen.domain().cells().iter().find(|cell| cell.id == node.guest_cell) else {
            continue;
        };
        let room = seen.real(&seen.cpus_of_cells(&node.cells));
        for vcpu in cell.cpus.iter() {
            let thread = affinity.get(&vcpu).cloned().unwrap_or_default();
            checks.push(
                Check::that(
                    format!(
                        "affinity of vCPU {vcpu}, whose NUMA node is bound to node {} of the host",
                        node.cells
                    ),
                    !thread.is_empty() && thread.is_subset(&room),
                    shown(&thread, "no such thread"),
                    format!("within {room}"),
                )
                .from(THREADS),
            );
        }
    }
    checks
}

/// The guest's own memory is where its cells are bound to: no page of it is in another cell
/// of the host. Files that QEMU is made of are anywhere.
pub fn memory_in_its_cells(seen: &Seen) -> Vec<Check> {
    let nodes = seen.domain().numatune.iter().flat_map(|tune| &tune.mem_nodes);
    let bound = nodes.fold(Cpuset::new(), |all, node| all.union(&node.cells));
    let by_cell = seen.process().memory.as_ref().map(|maps| maps.bound_by_cell()).unwrap_or_default();
    let sum = |inside: bool| -> u64 {
        by_cell.iter().filter(|(cell, _)| bound.contains(**cell) == inside).map(|(_, kib)| kib).sum()
    };
    vec![
        Check::that("memory in the bound NUMA node", sum(true) > 0, show::kib(sum(true)), "some")
            .from("/proc/PID/numa_maps"),
        Check::eq("memory in other NUMA nodes in KiB", &sum(false), &0).from("/proc/PID/numa_maps"),
    ]
}

/// Controls of [`memory_in_its_cells`].
pub const MEMORY_IN_CELLS: &[Control<Seen>] = &[
    Control::new("pages in another NUMA node", Seen::in_another_cell),
    Control::new("not bound", |seen| seen.without_xml_lines("<memnode ")),
];

/// Controls of [`has_cells`].
pub const HAS_CELLS: &[Control<Seen>] = &[
    Control::new("a NUMA node is missing", |seen| seen.without_xml_lines("<cell id='0'")),
    Control::new("memory not bound", |seen| seen.without_xml_lines("<memnode ")),
    Control::new("threads on CPUs of any NUMA node", Seen::unpinned_threads),
];

/// Its emulator threads run on these CPUs, as declared.
pub fn emulator_on(seen: &Seen, cpus: &Cpuset) -> Vec<Check> {
    let pin = seen.domain().cputune.emulator_pin.clone().unwrap_or_default();
    let thread = seen.process().emulator_affinity().cloned().unwrap_or_default();
    vec![
        Check::eq("pin of the emulator", &pin, cpus).from("domain XML, <emulatorpin>"),
        Check::eq("affinity of the main thread", &thread, &seen.real(cpus)).from(THREADS),
        Check::that(
            "QEMU's other threads",
            seen.pins().iter().all(|pin| pin.who != Who::Emulator || pin.strays.is_empty()),
            strays(seen),
            format!("on CPU {}", seen.real(cpus)),
        )
        .from(THREADS),
    ]
}

/// "worker on CPU 5", or "none elsewhere".
fn strays(seen: &Seen) -> String {
    let pins = seen.pins();
    let strays =
        pins.iter().flat_map(|pin| &pin.strays).map(|one| format!("{} on CPU {}", one.name, one.cpus));
    let strays: Vec<String> = strays.collect();
    if strays.is_empty() { "none elsewhere".to_string() } else { strays.join(", ") }
}

/// Its emulator threads have a dedicated CPU for themselves, which no vCPU of it has, and
/// which is booked in addition to those.
pub fn emulator_apart(seen: &Seen, dedicated: &Cpuset) -> Vec<Check> {
    let pins = seen.domain().pinned_cpus();
    let emulator = seen.process().emulator_affinity().cloned().unwrap_or_default();
    let alone = emulator.len() == 1 && emulator.is_subset(dedicated) && emulator.is_disjoint(&pins);
    let mut checks = vec![
        Check::that(
            "CPU of the emulator",
            alone,
            emulator.to_string(),
            format!("one of {dedicated}, none of {pins}"),
        )
        .from(THREADS),
        Check::eq("PCPU booked in placement", &seen.booked("PCPU"), &u64::from(seen.server.flavor.vcpus + 1))
            .from(PLACEMENT),
    ];
    checks.extend(emulator_on(seen, &emulator).into_iter().take(1));
    checks
}

/// Controls of [`emulator_on`] and [`emulator_apart`].
pub const EMULATOR: &[Control<Seen>] = &[
    Control::new("emulator not pinned", |seen| seen.without_xml_lines("<emulatorpin ")),
    Control::new("emulator floats in the kernel", |mut seen| {
        let pid = seen.process().pid;
        let all: Cpuset = (0..64).collect();
        for thread in seen.process_mut().threads.iter_mut().filter(|thread| thread.tid == pid) {
            thread.cpus = all.clone();
        }
        seen
    }),
];

/// Exactly these vCPUs have a real-time scheduler, declared and in the kernel.
pub fn real_time(seen: &Seen, vcpus: &Cpuset) -> Vec<Check> {
    let declared: Cpuset = seen
        .domain()
        .cputune
        .vcpu_sched
        .iter()
        .flat_map(|sched| sched.vcpus.iter().collect::<Vec<_>>())
        .collect();
    let kernel: Cpuset = seen
        .process()
        .threads
        .iter()
        .filter_map(|thread| match (thread.role, thread.policy) {
            (crate::host::Role::Vcpu(vcpu), Policy::Fifo | Policy::RoundRobin) => Some(vcpu),
            _ => None,
        })
        .collect();
    vec![
        Check::eq("real-time vCPUs declared", &declared, vcpus).from("domain XML, <vcpusched>"),
        Check::eq("vCPU threads under a real-time policy", &kernel, vcpus)
            .from("/proc/PID/task/TID/stat, policy"),
    ]
}

/// Controls of [`real_time`].
pub const REAL_TIME: &[Control<Seen>] = &[
    Control::new("no scheduler declared", |seen| seen.without_xml_lines("<vcpusched ")),
    Control::new("an ordinary policy in the kernel", |mut seen| {
        for thread in &mut seen.process_mut().threads {
            thread.policy = Policy::Other;
        }
        seen
    }),
];

/// A CPU set, or a word where there is none.
fn shown(cpus: &Cpuset, none: &str) -> String {
    if cpus.is_empty() { none.to_string() } else { cpus.to_string() }
}

fn sizes(kib: &[u64]) -> String {
    kib.iter().map(|size| show::kib(*size)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
