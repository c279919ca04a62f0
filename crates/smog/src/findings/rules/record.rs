//! Rules about records that should say the same: libvirt's two definitions, Nova's NUMA record.

use super::threads::guest as subject;
use super::{Judge, Proof, Rule};
use crate::cpuset::Cpuset;
use crate::findings::{Finding, GuestSnapshot, Layer, Severity};
use crate::libvirt::Domain;

/// The elements in which the two definitions differ.
fn differing(live: &Domain, persistent: &Domain) -> Vec<&'static str> {
    let mut parts = Vec::new();
    let mut add = |differs: bool, name| {
        if differs {
            parts.push(name)
        }
    };
    add(live.cputune != persistent.cputune, "cputune");
    add(live.vcpus.cpus != persistent.vcpus.cpus || live.vcpus.count != persistent.vcpus.count, "vcpu");
    add(live.iothreads != persistent.iothreads, "iothreads");
    add(live.numatune != persistent.numatune, "numatune");
    add(live.memory_backing != persistent.memory_backing, "memoryBacking");
    add(live.devices.hostdevs != persistent.devices.hostdevs, "hostdev");
    parts
}

fn persistent_differs(guest: &GuestSnapshot) -> Vec<Finding> {
    let Some(found) = &guest.domain else { return Vec::new() };
    let Some(persistent) = found.persistent.as_ref().filter(|_| guest.process.is_some()) else {
        return Vec::new();
    };
    let parts = differing(&found.domain, persistent);
    if parts.is_empty() {
        return Vec::new();
    }
    let pins = |domain: &Domain| {
        let pins = domain.cputune.vcpu_pins.iter().map(|(vcpu, cpus)| format!("{vcpu}:{cpus}"));
        let pins = pins.collect::<Vec<_>>().join(" ");
        if pins.is_empty() { "no vCPU pins".to_string() } else { format!("vCPU pins {pins}") }
    };
    vec![
        Finding::about(
            subject(guest),
            format!("libvirt's definition for its next start differs from the running one in {}", parts.join(", ")),
        )
        .on(guest.host())
        .saw(Layer::Libvirt, format!("running: {}", pins(&found.domain)), "virsh dumpxml")
        .saw(Layer::Libvirt, format!("from its next start: {}", pins(persistent)), "virsh dumpxml --inactive")
        .advice("a soft reboot or a shutdown inside the guest brings up the other definition; a hard reboot by Nova rewrites both")
        .command(format!(
            "{0}# diff <(virsh dumpxml {1}) <(virsh dumpxml --inactive {1})",
            guest.host(),
            guest.domain_name()
        )),
    ]
}

fn topology_record(guest: &GuestSnapshot) -> Vec<Finding> {
    let (Some(topology), Some(found)) = (&guest.topology, &guest.domain) else { return Vec::new() };
    let domain = &found.domain;
    let (mut nova, mut libvirt) = (Vec::new(), Vec::new());
    for (at, node) in topology.nodes.iter().enumerate() {
        for (vcpu, cpu) in &node.pinning {
            let pin = domain.cputune.vcpu_pins.get(vcpu);
            if pin != Some(&[*cpu].into_iter().collect::<Cpuset>()) {
                nova.push(format!("vCPU {vcpu} on CPU {cpu}"));
                let pin = pin.map_or("no pin".to_string(), |cpus| format!("CPU {cpus}"));
                libvirt.push(format!("vCPU {vcpu}: {pin}"));
            }
        }
        let tuned = domain.numatune.iter().flat_map(|tune| &tune.mem_nodes);
        let tuned = tuned.clone().find(|tuned| tuned.guest_cell as usize == at);
        if let (Some(host_node), Some(tuned)) = (node.host_node, tuned)
            && !tuned.cells.contains(host_node)
        {
            nova.push(format!("guest's node {at} on NUMA node {host_node}"));
            libvirt.push(format!("guest's node {at} on NUMA node {}", tuned.cells));
        }
    }
    if nova.is_empty() {
        return Vec::new();
    }
    vec![
        Finding::about(
            subject(guest),
            format!("Nova's record has {}; libvirt has {}", nova.join(", "), libvirt.join(", ")),
        )
        .on(guest.host())
        .saw(Layer::Nova, nova.join(", "), format!("GET /servers/{}/topology", guest.server.id))
        .saw(Layer::Libvirt, libvirt.join(", "), "domain XML, <vcpupin>, <memnode>")
        .advice("Nova gives those CPUs to others, or takes these for free: pin it back as Nova's record says, or migrate it, which rewrites both")
        .command(format!("{}# virsh vcpupin {}", guest.host(), guest.domain_name())),
    ]
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "persistent-differs",
        severity: Severity::Warning,
        about: "The definition that libvirt starts next time has other pins, memory or devices than the running one",
        source: "LP 1890501",
        proof: Proof::Lab,
        layers: &[Layer::Libvirt],
        judge: Judge::Guest(persistent_differs),
    },
    Rule {
        name: "topology-record",
        severity: Severity::Error,
        about: "Nova's NUMA record (GET /servers/ID/topology) is not what libvirt has",
        source: "LP 1953359, LP 2080556, LP 2097359, LP 2153425",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Libvirt],
        judge: Judge::Guest(topology_record),
    },
];
