//! Rules about ports, taps and the switch.

use std::collections::{BTreeMap, BTreeSet};

use super::threads::guest as subject;
use super::{Judge, Proof, Rule, by_id};
use crate::cloud::{Network, Port};
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, Layer, Severity, Subject};

fn by_server(cloud: &CloudSnapshot) -> BTreeMap<&str, Vec<&Port>> {
    let mut ports: BTreeMap<&str, Vec<&Port>> = BTreeMap::new();
    for port in cloud.ports.iter().flatten().filter(|port| port.device_owner.starts_with("compute:")) {
        ports.entry(&port.device_id).or_default().push(port);
    }
    ports
}

fn port_binding(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let ports = by_server(cloud);
    let mut found = Vec::new();
    let at_rest = |guest: &&GuestSnapshot| {
        !guest.is_between_hosts() && guest.has_place() && guest.server.status != "ERROR"
    };
    for guest in guests.iter().filter(at_rest) {
        for port in ports.get(guest.server.id.as_str()).into_iter().flatten() {
            let host = guest.host();
            let bound = port.host.as_deref().unwrap_or_default();
            let kind = port.vif_type.as_deref().unwrap_or_default();
            let mut wrong = Vec::new();
            if !bound.is_empty() && bound != host {
                wrong
                    .push(("host", format!("its port {} is bound to {bound}, and it is on {host}", port.id)));
            }
            if matches!(kind, "binding_failed" | "unbound") {
                wrong.push(("failed", format!("its port {} is not bound: {kind}", port.id)));
            }
            let inactive = cloud.bindings.get(&port.id).into_iter().flatten();
            let inactive: Vec<&str> = inactive
                .filter(|binding| binding.status == "INACTIVE")
                .map(|binding| binding.host.as_str())
                .collect();
            if !inactive.is_empty() {
                wrong.push((
                    "second",
                    format!(
                        "its port {} has a second binding, on {}, and no move of it is open",
                        port.id,
                        inactive.join(", ")
                    ),
                ));
            }
            for (part, sentence) in wrong {
                found.push(
                    Finding::about(subject(guest), sentence)
                        .part(format!("{} {part}", port.id))
                        .on(host)
                        .saw(Layer::Nova, format!("on {host}"), format!("GET /servers/{}", guest.server.id))
                        .saw(Layer::Neutron, format!("bound to {bound} as {kind}"), format!("GET /ports/{}/bindings", port.id))
                        .advice("a migration ended badly: delete the binding that is left over (DELETE /ports/ID/bindings/HOST), or hard-reboot the guest, which binds its port again; the next migration fails until then")
                        .command(format!("openstack port show {} -c binding_host_id -c binding_vif_type", port.id)),
                );
            }
        }
    }
    found
}

fn mtu(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let networks: BTreeMap<&str, &Network> =
        cloud.networks.iter().flatten().map(|network| (network.id.as_str(), network)).collect();
    let ports = by_server(cloud);
    let mut found = Vec::new();
    for guest in guests.iter().filter(|guest| !guest.is_busy() && guest.process.is_some()) {
        let Some(domain) = guest.domain.as_ref().map(|found| &found.domain) else { continue };
        let details = cloud.hosts.get(guest.host()).and_then(|host| host.machine.as_ref()?.details.as_ref());
        for card in &domain.devices.interfaces {
            let mut of_guest = ports.get(guest.server.id.as_str()).into_iter().flatten();
            let port = of_guest.find(|port| {
                card.port_id.as_ref() == Some(&port.id)
                    || card.mac.as_ref().is_some_and(|mac| mac.eq_ignore_ascii_case(&port.mac))
            });
            let Some(network) = port.and_then(|port| networks.get(port.network_id.as_str())) else {
                continue;
            };
            let tap = card.target.as_ref().and_then(|name| Some((name, *details?.interfaces.get(name)?)));
            let (wanted, mut wrong) = (network.mtu, Vec::new());
            if let Some(xml) = card.mtu.filter(|mtu| wanted > 0 && *mtu != wanted) {
                wrong.push(format!("its domain has {xml}"));
            }
            // A tap that takes more than the network does no harm.
            if let Some((name, mtu)) = tap.filter(|(_, mtu)| *mtu < wanted) {
                wrong.push(format!("{name} has {mtu}"));
            }
            if wrong.is_empty() {
                continue;
            }
            let mut finding = Finding::about(
                subject(guest),
                format!("network `{}` has an MTU of {wanted}, and {}", network.name, wrong.join(", ")),
            )
            .part(port.map(|port| port.id.clone()).unwrap_or_default())
            .on(guest.host())
            .saw(
                Layer::Neutron,
                format!("MTU {wanted}"),
                format!("GET /networks/{}", network.id),
            );
            if let Some(mtu) = card.mtu {
                finding = finding.saw(Layer::Libvirt, format!("MTU {mtu}"), "domain XML, <interface><mtu>");
            }
            if let Some((name, mtu)) = tap {
                finding = finding.saw(
                    Layer::Kernel,
                    format!("{name}: MTU {mtu}"),
                    format!("/sys/class/net/{name}/mtu"),
                );
            }
            let name = tap.map_or("TAP", |(name, _)| name);
            found.push(
                finding
                    .advice("large packets are lost: the network's MTU was changed under a running guest, or the tap's by hand; a hard reboot gives it the network's")
                    .command(format!("{}# ip link show {name}; virsh domiflist {}", guest.host(), guest.domain_name())),
            );
        }
    }
    found
}

fn left_over_port(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    if !cloud.is_whole {
        return Vec::new();
    }
    let guests = by_id(guests);
    let mut found = Vec::new();
    for host in cloud.hosts.values() {
        let details = host.machine.as_ref().and_then(|machine| machine.details.as_ref());
        let domains: BTreeSet<&str> = host.domains.iter().map(|one| one.domain.uuid.as_str()).collect();
        for port in details.and_then(|details| details.switch.as_ref()).into_iter().flatten() {
            let Some(server) = port.server.as_deref() else { continue };
            let guest = guests.get(server);
            let is_unsure = guest.is_some_and(|guest| guest.is_between_hosts())
                || cloud.other_servers.get(server).is_some_and(|status| status != "DELETED");
            if domains.contains(server) || is_unsure {
                continue;
            }
            let whose = match guest {
                Some(guest) => format!(
                    "of `{}`, which has no domain here (Nova: {} on {})",
                    guest.server.name,
                    guest.server.status,
                    guest.server.host.as_deref().unwrap_or("no host")
                ),
                None => format!("of server {server}, which Nova does not know"),
            };
            found.push(
                Finding::about(Subject::new("switch port", format!("{}:{}", host.name, port.name), format!("{}:{}", host.name, port.name)), format!("Open vSwitch has {} {whose}", port.name))
                    .on(&host.name)
                    .saw(Layer::Files, format!("server {server}, port {}", port.port.as_deref().unwrap_or("?")), "ovs-vsctl list Interface, external_ids")
                    .saw(Layer::Libvirt, "no such domain", "virsh list --all")
                    .advice("Neutron's agent may wire it instead of the port on the right host: once it is clear that no guest uses it, ovs-vsctl del-port")
                    .command(format!("{}# ovs-vsctl --columns=name,external_ids list Interface {}", host.name, port.name)),
            );
        }
    }
    found
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "port-binding",
        severity: Severity::Warning,
        about: "A server's port is bound to another host, not bound, or has a second binding although nothing moves",
        source: "LP 1949808, LP 1960412",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Neutron],
        judge: Judge::Cloud(port_binding),
    },
    Rule {
        name: "mtu",
        severity: Severity::Warning,
        about: "A network's MTU is not the one in the domain XML, or more than the tap's",
        source: "LP 2080531",
        proof: Proof::Lab,
        layers: &[Layer::Neutron, Layer::Libvirt, Layer::Kernel],
        judge: Judge::Cloud(mtu),
    },
    Rule {
        name: "left-over-port",
        severity: Severity::Warning,
        about: "A guest's port is in Open vSwitch of a host where that guest is not",
        source: "osops orphaned_ports",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Libvirt, Layer::Files],
        judge: Judge::Cloud(left_over_port),
    },
];
