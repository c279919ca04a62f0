//! Rules about devices: PCI functions and volumes, as Nova, placement, libvirt and the host have them.

use std::collections::{BTreeMap, BTreeSet};

use super::threads::guest as subject;
use super::{Judge, Proof, Rule};
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, HostSnapshot, Layer, Severity, Subject};
use crate::libvirt::{Domain, HostdevSource};

/// The PCI functions that a domain has of the host.
fn functions(domain: &Domain) -> BTreeSet<String> {
    let hostdevs = domain.devices.hostdevs.iter().filter_map(|one| match &one.source {
        HostdevSource::Pci(address) => Some(address.to_string()),
        _ => None,
    });
    hostdevs
        .chain(domain.devices.interfaces.iter().filter_map(|one| Some(one.host_pci?.to_string())))
        .collect()
}

fn pci(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let busy: BTreeSet<&str> =
        guests.iter().filter(|guest| guest.is_busy()).map(|guest| guest.server.id.as_str()).collect();
    let mut found: Vec<Finding> =
        cloud.hosts.values().flat_map(|host| pci_of_host(cloud, host, &busy)).collect();
    for guest in guests.iter().filter(|guest| !guest.is_between_hosts()) {
        let here: BTreeSet<&String> = guest.host_providers.iter().flatten().collect();
        let booked: u64 = guest
            .allocations
            .iter()
            .flatten()
            .filter(|one| here.contains(&one.provider))
            .flat_map(|one| &one.resources)
            .filter(|(class, _)| class.starts_with("CUSTOM_PCI_"))
            .map(|(_, amount)| *amount)
            .sum();
        let (Some(domain), true) = (guest.domain.as_ref().map(|found| &found.domain), booked > 0) else {
            continue;
        };
        let has = domain.devices.hostdevs.iter().filter(|one| matches!(one.source, HostdevSource::Pci(_)));
        let has = has.count() as u64;
        if has != booked {
            found.push(
                Finding::about(subject(guest), format!("placement has {booked} PCI devices booked for it, its domain has {has}"))
                    .part("booked")
                    .on(guest.host())
                    .at_most(Severity::Warning)
                    .saw(Layer::Placement, format!("{booked} of CUSTOM_PCI_…"), format!("GET /allocations/{}", guest.server.id))
                    .saw(Layer::Libvirt, format!("{has} PCI devices"), "domain XML, <hostdev>")
                    .advice("a move ended badly: look which device is free on the host, and move the server once more")
                    .command(format!("openstack resource provider allocation show {}", guest.server.id)),
            );
        }
    }
    found
}

fn pci_of_host(cloud: &CloudSnapshot, host: &HostSnapshot, busy: &BTreeSet<&str>) -> Vec<Finding> {
    let known =
        host.machine.as_ref().and_then(|machine| machine.details.as_ref()).map(|details| &details.pci);
    let running: BTreeSet<&str> = host.processes.iter().map(|process| process.uuid.as_str()).collect();
    let mut users: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for one in &host.domains {
        let uuid = one.domain.uuid.as_str();
        if running.contains(uuid) && !busy.contains(uuid) {
            functions(&one.domain).into_iter().for_each(|at| users.entry(at).or_default().push(uuid));
        }
    }
    let mut found = Vec::new();
    let is_bound = |driver: &Option<String>| driver.as_deref().is_some_and(|driver| driver.contains("vfio"));
    for (address, of) in users {
        let at = known.map(|known| known.get(&address));
        if of.len() == 1 && at.is_none_or(|at| at.is_some_and(is_bound)) {
            continue;
        }
        let names: Vec<String> =
            of.iter().map(|uuid| format!("`{}`", cloud.guest_name(uuid, host))).collect();
        let about = |sentence: String, part: &str| {
            Finding::about(
                Subject::new(
                    "device",
                    format!("{}:{address}", host.name),
                    format!("{}:{address}", host.name),
                ),
                sentence,
            )
            .part(part)
            .on(&host.name)
            .saw(Layer::Libvirt, format!("{} of {}", address, names.join(", ")), "domain XML, <hostdev>")
            .command(format!("{}# lspci -ks {address}", host.name))
        };
        if of.len() > 1 {
            found.push(
                about(format!("{} have the same device", names.join(" and ")), "twice")
                    .advice("only one of them works: detach it from one, or migrate that one away"),
            );
        }
        match at {
            Some(None) => found.push(
                about(format!("{} has it, and the host has no such device", names.join(" and ")), "missing")
                    .saw(Layer::Kernel, "it is not there", format!("/sys/bus/pci/devices/{address}"))
                    .advice("the device or its virtual functions were taken away under a running guest: bring them back, and hard-reboot the guest"),
            ),
            Some(Some(driver)) if !is_bound(driver) => {
                let driver = driver.as_deref().unwrap_or("no driver");
                found.push(
                    about(format!("{} has it, and the host has it with {driver}", names.join(" and ")), "driver")
                        .saw(Layer::Kernel, driver, format!("/sys/bus/pci/devices/{address}/driver"))
                        .advice("someone gave it back to the host under a running guest: hard-reboot the guest, which takes it again"),
                );
            }
            _ => {}
        }
    }
    found
}

fn volumes(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut in_cinder: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut of_server: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for volume in cloud.volumes.iter().flatten() {
        let servers = volume.attachments.iter().map(|one| one.server_id.as_str());
        let servers: BTreeSet<&str> = servers.collect();
        if volume.status == "in-use" {
            for server in &servers {
                of_server.entry(server).or_default().insert(&volume.id);
            }
        }
        in_cinder.insert(&volume.id, servers);
    }
    for guest in guests.iter().filter(|guest| !guest.is_between_hosts() && guest.server.status != "ERROR") {
        let server = &guest.server;
        let nova: BTreeSet<&str> = server.volumes.iter().map(String::as_str).collect();
        let mut wrong = Vec::new();
        if let (Some(domain), Some(_)) = (guest.domain.as_ref().map(|found| &found.domain), &guest.process) {
            let serials: BTreeSet<&str> =
                domain.devices.disks.iter().filter_map(|disk| disk.serial.as_deref()).collect();
            for id in nova.difference(&serials) {
                wrong.push((
                    *id,
                    Layer::Libvirt,
                    "Nova has volume {} attached, and its domain has no such disk",
                ));
            }
            for id in serials.difference(&nova).filter(|id| is_uuid(id)) {
                wrong.push((
                    *id,
                    Layer::Libvirt,
                    "its domain has the disk of volume {}, which Nova does not have attached",
                ));
            }
        }
        if cloud.volumes.is_some() {
            let is_in =
                |id: &str| in_cinder.get(id).is_some_and(|servers| servers.contains(server.id.as_str()));
            for id in nova.iter().filter(|id| !is_in(id)) {
                wrong.push((*id, Layer::Cinder, "Nova has volume {} attached, and Cinder does not say so"));
            }
            let empty = BTreeSet::new();
            for id in of_server.get(server.id.as_str()).unwrap_or(&empty).difference(&nova) {
                wrong.push((*id, Layer::Cinder, "Cinder has volume {} attached to it, and Nova does not"));
            }
        }
        for (id, layer, sentence) in wrong {
            let source = match layer {
                Layer::Cinder => "GET /volumes/detail",
                _ => "domain XML, <disk><serial>",
            };
            found.push(
                Finding::about(subject(guest), sentence.replace("{}", id))
                    .part(format!("{} {id}", layer.name()))
                    .on(guest.host())
                    .saw(Layer::Nova, format!("volumes: {}", list(&nova)), format!("GET /servers/{}/os-volume_attachments", server.id))
                    .saw(layer, "another answer", source)
                    .advice("an attach or detach ended halfway: look who uses the volume before anything is detached, then detach it by Nova, or reset its state in Cinder")
                    .command(format!("openstack volume show {id}; openstack server volume list {}", server.id)),
            );
        }
    }
    found
}

fn list(ids: &BTreeSet<&str>) -> String {
    match ids.is_empty() {
        true => "none".into(),
        false => ids.iter().copied().collect::<Vec<_>>().join(", "),
    }
}

pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "pci",
        severity: Severity::Error,
        about: "A PCI device is with two guests, not on the host, or not what placement has booked",
        source: "LP 1860555, LP 1899541, LP 1983753, LP 2098496, LP 2115905",
        proof: Proof::Recording,
        layers: &[Layer::Placement, Layer::Libvirt, Layer::Kernel],
        judge: Judge::Cloud(pci),
    },
    Rule {
        name: "volume",
        severity: Severity::Error,
        about: "Nova, the domain and (where there is a volume service) Cinder differ in which volumes a server has",
        source: "LP 2019078, LP 2088066",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Cinder, Layer::Libvirt],
        judge: Judge::Cloud(volumes),
    },
];
