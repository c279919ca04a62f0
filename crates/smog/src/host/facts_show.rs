//! How a host's facts are shown.

use crate::host::{Cell, Facts, PagePool};
use crate::show::{Column, Show, kib};

impl Show for Facts {
    const PLURAL: &'static str = "facts";
    const COLUMNS: &'static [Column<Facts>] = &[
        Column::new("name", |facts| facts.hostname.clone()),
        Column::new("os", |facts| facts.os.clone().unwrap_or_default()),
        Column::new("kernel", |facts| facts.kernel.release.clone()),
        Column::new("runs on", |facts| facts.virtualization.clone().unwrap_or_else(|| "bare metal".into())),
        Column::new("libvirt", |facts| facts.libvirt_version.clone().unwrap_or_default()),
        Column::new("qemu", |facts| facts.qemu_version.clone().unwrap_or_default()),
        Column::new("kvm", |facts| if facts.has_kvm { "/dev/kvm".into() } else { "none".into() }),
        Column::new("cpus", cpus),
        Column::new("isolated", |facts| facts.cpus.isolated.to_string()),
        Column::new("memory", |facts| {
            format!(
                "{} MiB, {} MiB available",
                facts.memory.total_kib >> 10,
                facts.memory.available_kib >> 10
            )
        }),
        Column::new("huge pages", |facts| pools(&facts.memory.pages)),
        Column::new("NUMA nodes", |facts| facts.cells.iter().map(cell).collect::<Vec<_>>().join("\n")),
        Column::new("pci", |facts| match facts.pci.len() {
            0 => String::new(),
            count => format!("{count} devices in {} IOMMU groups", facts.iommu_groups().len()),
        }),
        Column::new("sr-iov", sriov),
        Column::new("lab", lab),
        Column::wide("command line", |facts| facts.kernel.command_line.text.clone()),
        Column::wide("boot id", |facts| facts.boot_id.clone()),
    ];
}

/// "0-3 online, 1 socket, 2 cores of 2 threads"
fn cpus(facts: &Facts) -> String {
    let cores = facts.cpus.cores();
    let threads = cores.iter().map(crate::Cpuset::len).max().unwrap_or(1);
    let sockets = facts.cpus.sockets();
    format!(
        "{} online, {sockets} socket{}, {} core{} of {threads} thread{}",
        facts.cpus.online,
        plural(sockets),
        cores.len(),
        plural(cores.len()),
        plural(threads)
    )
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn pools(pools: &[PagePool]) -> String {
    let texts = pools.iter().filter(|pool| pool.total > 0);
    let texts: Vec<String> = texts
        .map(|pool| format!("{} of {} free, {} each", pool.free, pool.total, kib(pool.size_kib)))
        .collect();
    texts.join("; ")
}

fn cell(cell: &Cell) -> String {
    let mut text = format!(
        "{}: CPUs {}, {} MiB, {} MiB free",
        cell.id,
        cell.cpus,
        cell.memory_kib >> 10,
        cell.free_kib >> 10
    );
    let pages = pools(&cell.pages);
    if !pages.is_empty() {
        text.push_str(&format!(", huge pages {pages}"));
    }
    text
}

fn sriov(facts: &Facts) -> String {
    let able = facts.pci.iter().filter_map(|device| Some((device.address, device.sriov.as_ref()?)));
    let texts: Vec<String> = able
        .map(|(address, sriov)| format!("{address}: {} of {} functions", sriov.enabled, sriov.total))
        .collect();
    texts.join("\n")
}

fn lab(facts: &Facts) -> String {
    let Some(lab) = &facts.lab else { return String::new() };
    let release = lab.release.as_deref().unwrap_or("?");
    match lab.simulated_cells {
        0 => format!("smog's lab, {release}"),
        count => format!("smog's lab, {release}, {count} simulated NUMA nodes"),
    }
}
