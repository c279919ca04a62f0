//! The part of the page about CPUs and memory: declared by libvirt, done by the kernel.

use super::Line;
use super::page::Page;
use crate::cpuset::Cpuset;
use crate::findings::{compare, pinning};
use crate::host::{Policy, Thread};
use crate::show;

pub(super) fn cpu(page: &Page<'_>) -> Vec<Line> {
    if let Some(lines) = page.without_host("libvirt") {
        return lines;
    }
    let guest = page.guest;
    let Some(found) = &guest.domain else {
        return vec![
            Line::new("libvirt", "no such domain on this host", "virsh list --all")
                .wrong_if(page.has(&["power"])),
        ];
    };
    let domain = &found.domain;
    let mut lines = vec![
        Line::new("domain", format!("{}, {}", domain.name, found.state), "virsh domstate")
            .wrong_if(page.has(&["power"])),
    ];
    let machine = domain.os.machine.as_deref().unwrap_or("no machine type");
    let mode = domain.cpu.as_ref().and_then(|cpu| cpu.mode.clone()).unwrap_or_else(|| "default".into());
    lines.push(Line::new(
        "machine",
        format!("{} {machine}, CPU mode {mode}, {}", domain.kind, show::counted(domain.vcpus.count, "vCPU")),
        "domain XML, <os>, <cpu>, <vcpu>",
    ));
    if let Some(persistent) = &found.persistent {
        let differs = page.has(&["persistent-differs"]);
        let said = if differs { "differs from the running one" } else { "the same" };
        let line = Line::new("next start", said, "virsh dumpxml --inactive").wrong_if(differs);
        lines.push(if differs { line } else { line.deep() });
        let _ = persistent;
    }
    let Some(process) = &guest.process else {
        let runs = !matches!(found.state, crate::libvirt::DomainState::ShutOff);
        lines.push(match page.unknown(&["processes"]) {
            Some(why) => Line::unknown("QEMU", why),
            None => Line::new("QEMU", "no process", "/proc/*/cmdline").wrong_if(runs),
        });
        return lines;
    };
    lines.push(Line::new(
        "QEMU",
        format!(
            "process {}, {}, accelerator {}",
            process.pid,
            show::counted(process.threads.len(), "thread"),
            process.accelerator().unwrap_or("?")
        ),
        format!("/proc/{}/cmdline", process.pid),
    ));
    for pin in pinning::pins(domain, process, &guest.cpus) {
        let declared = pin
            .declared
            .as_ref()
            .map_or("nothing declared".to_string(), |cpus| format!("declared CPU {cpus}"));
        let kernel =
            pin.kernel.as_ref().map_or("no such thread".to_string(), |cpus| format!("runs on CPU {cpus}"));
        let strays: Vec<String> =
            pin.strays.iter().map(|one| format!("{} ({}) on CPU {}", one.name, one.tid, one.cpus)).collect();
        let strays =
            if strays.is_empty() { String::new() } else { format!("; elsewhere: {}", strays.join(", ")) };
        lines.push(
            Line::new(
                pin.who.to_string(),
                format!("{kernel}, {declared}{strays}"),
                format!("domain XML, {}; /proc/{}/task/*/status", pin.element, process.pid),
            )
            .wrong_if(!pin.agrees),
        );
    }
    lines.extend(neighbours(page));
    for thread in &process.threads {
        lines.push(thread_line(thread, process.pid).deep());
    }
    for (key, name) in [("-cpu", "-cpu"), ("-machine", "-machine")] {
        let at = process.command_line.iter().position(|word| word == key);
        if let Some(value) = at.and_then(|at| process.command_line.get(at + 1)) {
            lines.push(Line::new(name, value, format!("/proc/{}/cmdline", process.pid)).deep());
        }
    }
    lines
}

fn thread_line(thread: &Thread, pid: u32) -> Line {
    let policy = match thread.policy {
        Policy::Other => String::new(),
        other => format!(", {other:?} {}", thread.rt_priority).to_lowercase(),
    };
    let last = thread.last_cpu.map(|cpu| format!(", last on {cpu}")).unwrap_or_default();
    let group = thread.cgroup.as_ref().map(|group| format!(", {}", group.path)).unwrap_or_default();
    Line::new(
        format!("thread {}", thread.tid),
        format!("{}: CPU {}{last}{policy}{group}", thread.name, thread.cpus),
        format!("/proc/{pid}/task/{}/status, stat, cgroup", thread.tid),
    )
}

/// Who else may run on the CPUs of its vCPUs.
fn neighbours(page: &Page<'_>) -> Vec<Line> {
    let guest = page.guest;
    let (Some(process), Some(host)) = (&guest.process, page.cloud.hosts.get(guest.host())) else {
        return Vec::new();
    };
    let own = process.vcpu_affinity().into_values().fold(Cpuset::new(), |all, cpus| all.union(&cpus));
    let others = host.processes.iter().filter(|other| other.uuid != guest.server.id);
    let sharing: Vec<String> = others
        .filter_map(|other| {
            let reach = other.threads.iter().fold(Cpuset::new(), |all, thread| all.union(&thread.cpus));
            let both = reach.intersection(&own);
            (!both.is_empty()).then(|| format!("{} (CPU {both})", page.cloud.guest_name(&other.uuid, host)))
        })
        .collect();
    let said = match sharing.is_empty() {
        true => format!("no other guest may run on CPU {own}"),
        false => sharing.join(", "),
    };
    vec![
        Line::new("who else", said, "/proc/*/task/*/status of all QEMU processes")
            .wrong_if(page.has(&["cpu-twice"])),
    ]
}

pub(super) fn memory(page: &Page<'_>) -> Vec<Line> {
    let guest = page.guest;
    // Why not is said once, above.
    let (Some(found), Some(process)) = (&guest.domain, &guest.process) else { return Vec::new() };
    let maps = format!("/proc/{}/numa_maps and smaps", process.pid);
    let mut lines = Vec::new();
    if process.memory.is_none() {
        lines.push(Line::unknown("pages", "its memory maps were not read"));
    } else {
        for row in compare(&found.domain, process, &guest.cpus)
            .into_iter()
            .filter(|row| row.what.starts_with("memory"))
        {
            let declared = if row.declared.is_empty() {
                "nothing declared".to_string()
            } else {
                format!("declared {}", row.declared)
            };
            lines.push(
                Line::new(
                    row.what,
                    format!("{}, {declared}", row.kernel),
                    format!("domain XML, <memoryBacking>, <numatune>; {maps}"),
                )
                .wrong_if(!row.agrees),
            );
        }
    }
    let huge = if process.huge_kib > 0 {
        format!(" and {} in huge pages", show::kib(process.huge_kib))
    } else {
        String::new()
    };
    lines.push(Line::new(
        "resident",
        format!(
            "{}{huge}, of {} that the guest has",
            show::kib(process.rss_kib),
            show::kib(found.domain.memory_kib)
        ),
        format!("/proc/{}/status, VmRSS, HugetlbPages", process.pid),
    ));
    if process.locked_kib > 0 {
        lines.push(Line::new(
            "locked",
            show::kib(process.locked_kib),
            format!("/proc/{}/status, VmLck", process.pid),
        ));
    }
    for (size, nodes) in process.memory.iter().flat_map(|memory| memory.by_page_size()) {
        for (node, kib) in nodes {
            lines.push(
                Line::new(
                    format!("pages of {}", show::kib(size)),
                    format!("{} on NUMA node {node}", show::kib(kib)),
                    &maps,
                )
                .deep(),
            );
        }
    }
    for cell in page.extras.facts.iter().flat_map(|facts| &facts.cells) {
        let pools: Vec<String> = cell
            .pages
            .iter()
            .map(|pool| format!("{} of {} pages of {} free", pool.free, pool.total, show::kib(pool.size_kib)))
            .collect();
        lines.push(
            Line::new(
                format!("host's node {}", cell.id),
                format!(
                    "{} free of {}; {}",
                    show::kib(cell.free_kib),
                    show::kib(cell.memory_kib),
                    pools.join(", ")
                ),
                "/sys/devices/system/node/nodeN",
            )
            .deep(),
        );
    }
    lines
}
