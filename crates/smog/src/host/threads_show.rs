//! How a guest's threads, QEMU processes and what fits a cell are shown.

use crate::host::{Fit, GuestProcess, Policy, Role, Thread};
use crate::show::{Column, Show, kib};

impl Show for Thread {
    const PLURAL: &'static str = "threads";
    const COLUMNS: &'static [Column<Thread>] = &[
        Column::new("tid", |thread| thread.tid.to_string()),
        Column::new("thread", |thread| thread.name.clone()),
        Column::new("role", |thread| role(thread.role)),
        Column::new("cpus", |thread| thread.cpus.to_string()),
        Column::new("last cpu", |thread| thread.last_cpu.map(|cpu| cpu.to_string()).unwrap_or_default()),
        Column::new("nodes", |thread| thread.cells.to_string()),
        Column::new("policy", policy),
        Column::wide("cgroup", |thread| {
            thread.cgroup.as_ref().map(|cgroup| cgroup.path.clone()).unwrap_or_default()
        }),
        Column::wide("cgroup cpus", |thread| {
            let cpus = thread.cgroup.as_ref().and_then(|cgroup| cgroup.cpus.as_ref());
            cpus.map(ToString::to_string).unwrap_or_default()
        }),
    ];
}

fn role(role: Role) -> String {
    match role {
        Role::Emulator => "emulator".into(),
        Role::Vcpu(number) => format!("vCPU {number}"),
        Role::IoThread(number) => format!("I/O thread {number}"),
        Role::Other => String::new(),
    }
}

/// "fifo 1" for a real-time thread; nothing for the usual policy.
fn policy(thread: &Thread) -> String {
    match thread.policy {
        Policy::Other => String::new(),
        Policy::Fifo => format!("fifo {}", thread.rt_priority),
        Policy::RoundRobin => format!("rr {}", thread.rt_priority),
        Policy::Batch => "batch".into(),
        Policy::Idle => "idle".into(),
        Policy::Deadline => "deadline".into(),
        Policy::Unknown(number) => format!("policy {number}"),
    }
}

impl Show for GuestProcess {
    const PLURAL: &'static str = "guest processes";
    const COLUMNS: &'static [Column<GuestProcess>] = &[
        Column::new("pid", |process| process.pid.to_string()),
        Column::new("domain", |process| process.name.clone()),
        Column::new("accelerator", |process| process.accelerator().unwrap_or_default().to_string()),
        Column::new("vcpus on", |process| {
            let affinity = process.vcpu_affinity();
            let texts: Vec<String> = affinity.iter().map(|(vcpu, cpus)| format!("{vcpu}:{cpus}")).collect();
            texts.join(" ")
        }),
        Column::new("resident", |process| format!("{} MiB", process.rss_kib >> 10)),
        Column::new("huge pages", |process| match process.huge_kib {
            0 => String::new(),
            huge => kib(huge),
        }),
        Column::wide("uuid", |process| process.uuid.clone()),
    ];
}

impl Show for Fit {
    const PLURAL: &'static str = "NUMA nodes";
    const COLUMNS: &'static [Column<Fit>] = &[
        Column::new("node", |fit| fit.cell.to_string()),
        Column::new("free", |fit| format!("{} MiB", fit.free_mib)),
        Column::new("fits", |fit| format!("{} MiB", fit.fits_mib)),
        Column::new("too much", |fit| format!("{} MiB", fit.too_much_mib)),
    ];
}
