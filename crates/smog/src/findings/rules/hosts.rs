//! Rules that compare hosts with each other: clocks, versions, identities, huge pages.

use std::collections::{BTreeMap, BTreeSet};

use super::{Judge, Proof, Rule};
use crate::findings::{
    CloudSnapshot, Details, Finding, GuestSnapshot, HostSnapshot, Layer, NodePages, Severity, Subject,
};

/// Clocks that differ by more than this are apart, in seconds.
const APART_S: f64 = 1.0;

fn details(host: &HostSnapshot) -> Option<&Details> {
    host.machine.as_ref()?.details.as_ref()
}

/// The clocks are compared with each other, not with the one here.
fn clock(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let mut clocks: Vec<(&str, f64, f64)> = cloud
        .hosts
        .values()
        .filter_map(|host| details(host)?.clock_ahead_s.map(|(from, to)| (host.name.as_str(), from, to)))
        .collect();
    clocks.sort_by(|one, other| (one.1 + one.2).total_cmp(&(other.1 + other.2)));
    let Some((usual, from, to)) = clocks.get(clocks.len().saturating_sub(1) / 2).copied() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, least, most) in clocks {
        let (ahead, behind) = (least - to, from - most);
        if ahead <= APART_S && behind <= APART_S {
            continue;
        }
        let said = if ahead > behind {
            format!("{ahead:.1} s or more ahead")
        } else {
            format!("{behind:.1} s or more behind")
        };
        found.push(
            Finding::about(Subject::named("host", name), format!("its clock is {said} of {usual}'s"))
                .on(name)
                .saw(Layer::Kernel, format!("{least:.1} to {most:.1} s ahead of the clock here"), "date")
                .saw(Layer::Kernel, format!("{usual}: {from:.1} to {to:.1} s"), "date")
                .advice("services look down or up wrongly, tokens expire early, logs are in the wrong order: let chrony (or ntpd) set it")
                .command(format!("{name}# chronyc tracking; timedatectl")),
        );
    }
    found
}

fn versions(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let mut of: BTreeMap<&str, BTreeMap<String, BTreeSet<&str>>> = BTreeMap::new();
    let mut note = |what: &'static str, version: String, host| {
        of.entry(what).or_default().entry(version).or_default().insert(host);
    };
    if !cloud.is_whole {
        return Vec::new();
    }
    for one in cloud.hypervisors.iter().flatten().filter(|one| !one.version().is_empty()) {
        note("QEMU", one.version(), one.service.host.as_str());
    }
    for host in cloud.hosts.values() {
        let Some(daemon) = &host.libvirt else { continue };
        if let Some(version) = &daemon.version {
            note("libvirt", version.clone(), host.name.as_str());
        }
        if let Some(details) = details(host) {
            note("kernel", details.kernel.clone(), host.name.as_str());
        }
    }
    let mut found = Vec::new();
    for (what, versions) in of.into_iter().filter(|(_, versions)| versions.len() > 1) {
        let said: Vec<String> = versions
            .iter()
            .map(|(version, hosts)| {
                let first: Vec<&str> = hosts.iter().take(3).copied().collect();
                let more =
                    if hosts.len() > 3 { format!(" and {} more", hosts.len() - 3) } else { String::new() };
                format!("{version} on {}{more}", first.join(", "))
            })
            .collect();
        found.push(
            Finding::about(Subject::named("versions of", what), format!("compute hosts differ: {}", said.join("; ")))
                .saw(if what == "kernel" { Layer::Kernel } else { Layer::Libvirt }, said.join("; "), "uname -r, virsh version, GET /os-hypervisors/detail")
                .advice("guests may migrate one way only: finish the upgrade, or keep such hosts in an aggregate of their own")
                .command("openstack hypervisor list --long".to_string()),
        );
    }
    found
}

fn host_uuid(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let mut of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for host in cloud.hosts.values() {
        if let Some(uuid) = host.libvirt.as_ref().and_then(|daemon| daemon.host_uuid.as_deref()) {
            of.entry(uuid).or_default().push(&host.name);
        }
    }
    let mut found = Vec::new();
    for (uuid, hosts) in of.into_iter().filter(|(_, hosts)| hosts.len() > 1) {
        found.push(
            Finding::about(Subject::named("libvirt's host", uuid), format!("{} have the same host UUID: no guest can migrate between them", hosts.join(" and ")))
                .on(hosts[0])
                .saw(Layer::Libvirt, format!("{}: {uuid}", hosts.join(", ")), "virsh capabilities, <host><uuid>")
                .advice("the hosts were cloned, or their firmware gives both the same: set another host_uuid in libvirtd.conf (virtqemud.conf), and restart libvirt")
                .command(format!("{}# virsh capabilities | grep -m1 uuid; grep host_uuid /etc/libvirt/*.conf", hosts[0])),
        );
    }
    found
}

/// The memory in huge pages that is taken, in KiB.
fn taken_kib(details: &Details) -> u64 {
    details.pages.iter().map(|pool| pool.total.saturating_sub(pool.free) * pool.size_kib).sum()
}

/// Huge pages in KiB that guests on these hosts have been promised and have given back for now, so that
/// they count as free: `freePageReporting`, which Nova sets from 34 on (`LibvirtConfigMemoryBalloon`).
fn given_back_kib(hosts: &[&HostSnapshot], guests: &[GuestSnapshot]) -> u64 {
    let here = guests.iter().filter(|guest| hosts.iter().any(|host| host.name == guest.host()));
    let of = |guest: &GuestSnapshot| {
        let (domain, process) = (&guest.domain.as_ref()?.domain, guest.process.as_ref()?);
        let gives = domain.devices.free_page_reporting && domain.has_huge_pages();
        gives.then(|| domain.memory_kib.saturating_sub(process.huge_kib))
    };
    here.filter_map(of).sum()
}

fn huge_pages(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    // Containers of one machine have its pages together.
    let mut kernels: BTreeMap<(i64, u64), Vec<&HostSnapshot>> = BTreeMap::new();
    for host in cloud.hosts.values() {
        if let (Some(details), Some(machine)) = (details(host), &host.machine) {
            kernels.entry((details.booted, machine.memory_kib)).or_default().push(host);
        }
    }
    let mut found = Vec::new();
    for ((_, memory_kib), hosts) in kernels {
        let computes = hosts.iter().copied().filter(|host| host.libvirt.is_some());
        let Some((host, details)) = computes.clone().find_map(|host| Some((host, details(host)?))) else {
            continue;
        };
        let about = |sentence: String, part: &str| {
            Finding::about(Subject::named("host", &host.name), sentence)
                .part(part)
                .on(&host.name)
                .at_most(Severity::Note)
                .saw(Layer::Kernel, pools(&details.pages), "/sys/devices/system/node/nodeN/hugepages")
                .command(format!(
                    "{}# grep . /sys/devices/system/node/node*/hugepages/*/*_hugepages",
                    host.name
                ))
        };
        let total: u64 = details.pages.iter().map(|pool| pool.total * pool.size_kib).sum();
        // What guests have given back is theirs when they want it again.
        let free = total.saturating_sub(taken_kib(details)).saturating_sub(given_back_kib(&hosts, guests));
        if memory_kib > 0 && total * 10 > memory_kib * 8 && free * 10 > total * 8 {
            found.push(
                about(
                    format!("{} of {} MiB are in huge pages, and {} MiB of those are free", total >> 10, memory_kib >> 10, free >> 10),
                    "free",
                )
                .advice("guests without huge pages, and the host itself, have only the rest: fewer pages, or flavors that use them"),
            );
        }
        let sizes: BTreeSet<u64> = details.pages.iter().map(|pool| pool.size_kib).collect();
        for size in sizes {
            let counts: Vec<u64> =
                details.pages.iter().filter(|pool| pool.size_kib == size).map(|pool| pool.total).collect();
            let (least, most) =
                (counts.iter().min().copied().unwrap_or(0), counts.iter().max().copied().unwrap_or(0));
            if most > 2 * least {
                found.push(
                    about(format!("pages of {size} KiB are uneven: {least} on one NUMA node, {most} on another"), &format!("uneven {size}"))
                        .advice("a guest that fits one node fits no other: reserve them on each node (smog prepare --huge-pages SIZE=COUNT@NODE)"),
                );
            }
        }
        let of_guests: u64 =
            hosts.iter().flat_map(|host| &host.processes).map(|process| process.huge_kib).sum();
        let is_said = computes.clone().any(|host| {
            host.machine
                .as_ref()
                .and_then(|machine| machine.conf.as_ref())
                .is_some_and(|conf| !conf.get_all("DEFAULT", "reserved_huge_pages").is_empty())
        });
        let other = taken_kib(details).saturating_sub(of_guests);
        // A guest that is starting has taken pages that its process does not show yet.
        if other > 64 << 10 && !is_said && !cloud.servers.iter().any(|server| server.task_state.is_some()) {
            found.push(
                about(format!("{} MiB of huge pages are taken by others than guests, and reserved_huge_pages is not set", other >> 10), "others")
                    .at_most(Severity::Warning)
                    .saw(Layer::Kernel, format!("guests have {} MiB", of_guests >> 10), "/proc/PID/status, HugetlbPages")
                    .advice("Nova takes those pages for free, and a guest that is placed there fails to start: set [DEFAULT]reserved_huge_pages to what Open vSwitch or others take"),
            );
        }
    }
    found
}

/// "node 0: 12 of 512 pages of 2048 KiB free"
fn pools(pages: &[NodePages]) -> String {
    let all: Vec<String> = pages
        .iter()
        .filter(|pool| pool.total > 0)
        .map(|pool| {
            format!("node {}: {} of {} pages of {} KiB free", pool.node, pool.free, pool.total, pool.size_kib)
        })
        .collect();
    if all.is_empty() { "none".into() } else { all.join("; ") }
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "clock",
        severity: Severity::Warning,
        about: "The clocks of two hosts are more than a second apart",
        source: "risu chronyd",
        proof: Proof::Recording,
        layers: &[Layer::Kernel],
        judge: Judge::Cloud(clock),
    },
    Rule {
        name: "versions",
        severity: Severity::Note,
        about: "Compute hosts have different versions of QEMU, libvirt or the kernel",
        source: "hotsos mixed_releases",
        proof: Proof::Recording,
        layers: &[Layer::Nova, Layer::Libvirt, Layer::Kernel],
        judge: Judge::Cloud(versions),
    },
    Rule {
        name: "host-uuid",
        severity: Severity::Error,
        about: "Two hosts have the same UUID in libvirt",
        source: "ursula#1851",
        proof: Proof::Lab,
        layers: &[Layer::Libvirt],
        judge: Judge::Cloud(host_uuid),
    },
    Rule {
        name: "huge-pages",
        severity: Severity::Warning,
        about: "Huge pages that nobody uses, that are uneven, or that others than guests have taken",
        source: "hotsos memory; install_yamls#938",
        proof: Proof::Lab,
        layers: &[Layer::Kernel, Layer::Files],
        judge: Judge::Cloud(huge_pages),
    },
];
