//! The part of the page about the host, ports and disks.

use super::Line;
use super::page::{Page, bytes};
use crate::libvirt::{DiskSource, Interface};
use crate::show;

pub(super) fn host(page: &Page<'_>) -> Vec<Line> {
    let name = page.guest.host();
    if name.is_empty() || page.guest.server.status == "DELETED" {
        return Vec::new();
    }
    let mut lines = Vec::new();
    let mut services = page.cloud.services.iter().flatten().filter(|one| one.host == name);
    if let Some(service) = services.find(|one| one.binary == "nova-compute") {
        let reason = service.disabled_reason.as_deref().map(|why| format!(" ({why})")).unwrap_or_default();
        let said = format!("{} and {}{reason}", service.state, service.status);
        lines.push(Line::new("nova-compute", said, "GET /os-services").wrong_if(service.state != "up"));
    }
    if let Some(machine) = page.cloud.hosts.get(name).and_then(|host| host.machine.as_ref()) {
        let sets = machine.sets.clone().unwrap_or_default();
        let set = |set: Option<crate::Cpuset>| set.map_or("not set".to_string(), |set| set.to_string());
        lines.push(
            Line::new(
                "CPUs",
                format!(
                    "online {}; dedicated {}, shared {}",
                    machine.cpus.online,
                    set(sets.dedicated),
                    set(sets.shared)
                ),
                "/sys/devices/system/cpu/online; nova.conf, [compute]",
            )
            .wrong_if(page.has(&["off-sets"])),
        );
    }
    if let Some(facts) = &page.extras.facts {
        let version = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".into());
        lines.push(Line::new(
            "runs",
            format!(
                "{}, kernel {}, libvirt {}, QEMU {}",
                version(&facts.os),
                facts.kernel.release,
                version(&facts.libvirt_version),
                version(&facts.qemu_version)
            ),
            "/etc/os-release, uname, virsh version",
        ));
        for cell in &facts.cells {
            let pools: Vec<String> = cell
                .pages
                .iter()
                .filter(|pool| pool.total > 0)
                .map(|pool| {
                    format!("{} of {} pages of {} free", pool.free, pool.total, show::kib(pool.size_kib))
                })
                .collect();
            let pools = if pools.is_empty() { String::new() } else { format!(", {}", pools.join(", ")) };
            lines.push(Line::new(
                format!("NUMA node {}", cell.id),
                format!(
                    "CPU {}, {} MiB free of {} MiB{pools}",
                    cell.cpus,
                    cell.free_kib >> 10,
                    cell.memory_kib >> 10
                ),
                "/sys/devices/system/node",
            ));
        }
    }
    lines
}

/// Ports of Neutron with the interfaces of the domain.
pub(super) fn network(page: &Page<'_>) -> Vec<Line> {
    let server = &page.guest.server;
    if server.status == "DELETED" {
        return Vec::new();
    }
    let Some(ports) = &page.extras.ports else {
        return page.unknown(&["neutron"]).map(|why| Line::unknown("ports", why)).into_iter().collect();
    };
    let interfaces: &[Interface] = page
        .guest
        .domain
        .as_ref()
        .map(|found| found.domain.devices.interfaces.as_slice())
        .unwrap_or_default();
    let mut lines = Vec::new();
    for port in ports {
        let network = page.extras.networks.get(&port.network_id);
        let name = network.map_or(port.network_id.as_str(), |network| network.name.as_str());
        let addresses: Vec<&str> = port.fixed_ips.iter().map(|one| one.ip_address.as_str()).collect();
        let bound = port.host.as_deref().filter(|host| !host.is_empty()).unwrap_or("no host");
        let is_elsewhere = !page.guest.is_between_hosts()
            && server.host.as_deref().is_some_and(|host| host != bound)
            && port.host.is_some();
        let vif = port.vif_type.as_deref().unwrap_or("?");
        lines.push(
            Line::new(
                "port",
                format!("{name} {}, {}, bound to {bound} as {vif}", addresses.join(" "), port.status),
                format!("GET /v2.0/ports/{}", port.id),
            )
            .wrong_if(is_elsewhere || vif == "binding_failed"),
        );
        let interface = interfaces.iter().find(|one| {
            one.port_id.as_ref() == Some(&port.id)
                || one.mac.as_ref().is_some_and(|mac| mac.eq_ignore_ascii_case(&port.mac))
        });
        let Some(interface) = interface else {
            if page.guest.is_host_known && page.guest.process.is_some() {
                lines.push(
                    Line::new(
                        "  interface",
                        "the domain has none with this port or MAC address",
                        "domain XML, <interface>",
                    )
                    .wrong_if(!page.guest.is_busy()),
                );
            }
            continue;
        };
        let target = interface.target.as_deref().unwrap_or("no tap");
        let tap = page.extras.devices.iter().flat_map(|devices| &devices.taps).find(|tap| tap.name == target);
        let mtus = [network.map(|network| network.mtu), interface.mtu, tap.and_then(|tap| tap.mtu)];
        let known: Vec<u32> = mtus.iter().flatten().copied().filter(|mtu| *mtu > 0).collect();
        let differ = known.windows(2).any(|pair| pair[0] != pair[1]);
        let mtu = |mtu: Option<u32>| mtu.map_or("-".to_string(), |mtu| mtu.to_string());
        let state = tap.map_or("", |tap| tap.state.as_str());
        lines.push(
            Line::new(
                "  interface",
                format!(
                    "{target} {state}, {}, MTU {} (network {}, XML {})",
                    interface.model.as_deref().unwrap_or("?"),
                    mtu(mtus[2]),
                    mtu(mtus[0]),
                    mtu(mtus[1])
                ),
                "domain XML, <interface>; /sys/class/net",
            )
            .wrong_if(differ),
        );
    }
    if ports.is_empty() {
        lines.push(Line::new("ports", "none", format!("GET /v2.0/ports?device_id={}", server.id)));
    }
    lines
}

/// Its volumes, as Nova, Cinder and the domain have them: three answers that must agree.
fn volumes(page: &Page<'_>) -> Vec<Line> {
    let guest = page.guest;
    let (server, known) = (&guest.server, page.cloud.volumes.as_deref());
    let disks = guest.domain.as_ref().map(|found| found.domain.devices.disks.as_slice());
    let mut ids: Vec<&str> = server.volumes.iter().map(String::as_str).collect();
    let attached = known.unwrap_or_default().iter().filter(|one| one.is_at(&server.id));
    ids.extend(attached.map(|one| one.id.as_str()));
    ids.sort_unstable();
    ids.dedup();
    let mut lines = Vec::new();
    for id in ids {
        let volume = known.and_then(|all| all.iter().find(|one| one.id == id));
        let name = volume.map_or(id, |volume| volume.label());
        let nova = if server.volumes.iter().any(|one| one == id) { "attached" } else { "not attached" };
        let cinder = match (known, volume) {
            (None, _) => "not asked".to_string(),
            (Some(_), None) => "no such volume".to_string(),
            (Some(_), Some(volume)) => {
                let at = if volume.is_at(&server.id) { "attached" } else { "not attached" };
                format!("{}, {at}", volume.status)
            }
        };
        let domain = match disks.map(|disks| disks.iter().find(|disk| disk.serial.as_deref() == Some(id))) {
            None => "no domain seen".to_string(),
            Some(None) => "no such disk".to_string(),
            Some(Some(disk)) => {
                let cache = disk.cache.as_deref().unwrap_or("default");
                format!("{}, cache {cache}", disk.target.as_deref().unwrap_or("?"))
            }
        };
        let is_wrong = page.findings.iter().any(|one| one.rule == "volume" && one.sentence.contains(id));
        lines.push(
            Line::new(
                "volume",
                format!("{name}: Nova {nova}; Cinder {cinder}; domain {domain}"),
                format!("GET /servers/{}, GET /volumes/{id}, domain XML <serial>", server.id),
            )
            .wrong_if(is_wrong),
        );
    }
    if known.is_none()
        && let Some(why) = page.unknown(&["cinder"])
    {
        lines.push(Line::unknown("volumes", why));
    }
    lines
}

pub(super) fn disks(page: &Page<'_>) -> Vec<Line> {
    let mut lines = volumes(page);
    let Some(found) = &page.guest.domain else { return lines };
    let chains = page.extras.devices.as_ref().map(|devices| devices.disks.as_slice()).unwrap_or_default();
    for disk in &found.domain.devices.disks {
        let target = disk.target.clone().unwrap_or_else(|| disk.device.clone());
        let path = match &disk.source {
            Some(DiskSource::File(path) | DiskSource::Block(path)) => path.clone(),
            Some(DiskSource::Network(protocol, name)) => format!("{protocol}:{name}"),
            Some(DiskSource::Other(kind)) => kind.clone(),
            None => "nothing in it".to_string(),
        };
        let format = disk.format.as_deref().unwrap_or("?");
        lines.push(Line::new(&target, format!("{} {format} {path}", disk.device), "domain XML, <disk>"));
        match chains.iter().find(|(other, _)| *other == path).map(|(_, chain)| chain) {
            Some(Ok(chain)) => {
                let first = chain.first().map_or(0, |file| file.virtual_bytes);
                let taken: u64 = chain.first().map_or(0, |file| file.actual_bytes);
                lines.push(Line::new(
                    "  size",
                    format!("{}, {} taken", bytes(first), bytes(taken)),
                    "qemu-img info",
                ));
                for file in chain.iter().skip(1) {
                    lines.push(Line::new(
                        "  backed by",
                        format!("{} {}", file.format, file.path),
                        "qemu-img info --backing-chain",
                    ));
                }
            }
            Some(Err(why)) => {
                lines.push(Line::new("  chain", why, "qemu-img info --backing-chain").wrong_if(true))
            }
            None => {}
        }
    }
    lines
}
