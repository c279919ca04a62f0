//! What a host is made of.

use std::collections::{BTreeMap, BTreeSet};

use crate::data::cpus;
use crate::noun::{cells, noun};

noun! {
    /// The facts of a host, gathered by one command.
    Facts of smog::host::Facts,
    line |it| format!(
        "<Facts of {}: {}, CPUs {}, {} MiB, {}>",
        it.hostname, it.kernel.release, it.cpus.online, it.memory.total_kib >> 10, smog::show::counted(it.cells.len() as u64, "NUMA node")
    ),
    str |it| it.hostname.clone(),
    cells cells;
    /// The host's own name.
    hostname: String = |it| it.hostname.clone();
    /// "Debian GNU/Linux 13 (trixie)".
    os: Option<String> = |it| it.os.clone();
    /// The kernel's release.
    kernel: String = |it| it.kernel.release.clone();
    /// The kernel's command line.
    kernel_command_line: String = |it| it.kernel.command_line.text.clone();
    /// CPUs that are online.
    cpus_online: BTreeSet<u32> = |it| cpus(&it.cpus.online);
    /// CPUs the scheduler leaves alone (`isolcpus`).
    cpus_isolated: BTreeSet<u32> = |it| cpus(&it.cpus.isolated);
    /// The CPUs of each NUMA node.
    cells: BTreeMap<u32, BTreeSet<u32>> = |it| it.cells.iter().map(|cell| (cell.id, cpus(&cell.cpus))).collect();
    /// The memory of each NUMA node in KiB.
    cell_memory_kib: BTreeMap<u32, u64> = |it| it.cells.iter().map(|cell| (cell.id, cell.memory_kib)).collect();
    /// The free memory of each NUMA node in KiB.
    cell_free_kib: BTreeMap<u32, u64> = |it| it.cells.iter().map(|cell| (cell.id, cell.free_kib)).collect();
    /// Memory in KiB.
    memory_kib: u64 = |it| it.memory.total_kib;
    /// Memory that can be had now, in KiB.
    memory_available_kib: u64 = |it| it.memory.available_kib;
    /// Huge pages of each size (KiB): how many there are, and how many are free.
    huge_pages: BTreeMap<u64, (u64, u64)> = |it| {
        it.memory.pages.iter().map(|pool| (pool.size_kib, (pool.total, pool.free))).collect()
    };
    /// Whether /dev/kvm is there.
    has_kvm: bool = |it| it.has_kvm;
    /// "kvm", "systemd-nspawn" …; none on bare metal.
    virtualization: Option<String> = |it| it.virtualization.clone();
    /// libvirt's version.
    libvirt_version: Option<String> = |it| it.libvirt_version.clone();
    /// QEMU's version.
    qemu_version: Option<String> = |it| it.qemu_version.clone();
}
