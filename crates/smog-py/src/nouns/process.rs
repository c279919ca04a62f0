//! The QEMU process behind a guest, as the kernel has it.

use std::collections::{BTreeMap, BTreeSet};

use crate::data::{cpus, cpus_by_number};
use crate::noun::{Noun, cells, line, noun};

noun! {
    /// One thread of a guest's QEMU.
    Thread of smog::host::Thread,
    line |it| line("Thread", it), str |it| it.name.clone(), cells cells;
    /// The thread's id.
    tid: u32 = |it| it.tid;
    /// Its name: "CPU 0/KVM".
    name: String = |it| it.name.clone();
    /// The CPUs it may run on now (`Cpus_allowed_list`).
    cpus: BTreeSet<u32> = |it| cpus(&it.cpus);
    /// The NUMA nodes it may take memory from (`Mems_allowed_list`).
    cells: BTreeSet<u32> = |it| cpus(&it.cells);
    /// The CPU it ran on last.
    last_cpu: Option<u32> = |it| it.last_cpu;
    /// Its real-time priority, 1 to 99; 0 when it is not a real-time thread.
    rt_priority: u32 = |it| it.rt_priority;
}

noun! {
    /// The QEMU process of a guest, as it was when it was looked at.
    GuestProcess of smog::host::GuestProcess,
    line |it| format!("<GuestProcess {} pid {}, {} threads, huge pages {}>", it.name, it.pid, it.threads.len(), smog::show::kib(it.huge_kib)),
    str |it| it.name.clone(),
    cells cells;
    /// The process id.
    pid: u32 = |it| it.pid;
    /// The domain's name.
    name: String = |it| it.name.clone();
    /// The domain's UUID.
    uuid: String = |it| it.uuid.clone();
    /// The words it was started with.
    command_line: Vec<String> = |it| it.command_line.clone();
    /// Resident memory in KiB without huge pages.
    rss_kib: u64 = |it| it.rss_kib;
    /// Huge pages in KiB.
    huge_kib: u64 = |it| it.huge_kib;
    /// The CPUs each vCPU thread may run on: compare with `domain.vcpu_pins`.
    vcpu_affinity: BTreeMap<u32, BTreeSet<u32>> = |it| cpus_by_number(&it.vcpu_affinity());
    /// The CPUs QEMU's main thread may run on.
    emulator_affinity: Option<BTreeSet<u32>> = |it| it.emulator_affinity().map(cpus);
    /// "kvm" or "tcg".
    accelerator: Option<String> = |it| it.accelerator().map(str::to_string);
    /// Its memory in KiB by host NUMA node; none where it was not asked for.
    memory_by_cell_kib: Option<BTreeMap<u32, u64>> = |it| it.memory.as_ref().map(|maps| maps.by_cell());
    /// Its huge pages in KiB by page size (KiB); none where it was not asked for.
    huge_by_size_kib: Option<BTreeMap<u64, u64>> = |it| it.memory.as_ref().map(|maps| maps.huge_kib());
    /// Its threads, the main one first.
    threads: Vec<Thread> = |it| it.threads.iter().cloned().map(Thread::alone).collect();
}
