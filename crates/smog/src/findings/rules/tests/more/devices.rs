//! Ports, networks, devices, volumes and secrets.

use super::*;

/// The recorded guest's own port, network and tap.
fn with_port(cloud: &mut CloudSnapshot, bound_to: &str, network_mtu: u32) {
    let id = cloud.servers[0].id.clone();
    cloud.ports = Some(vec![read::<Port>(json!({
        "id": "b7056ecd-5c6c-4ad7-b079-bf6fbdf6dd3f", "name": "", "network_id": "net", "status": "ACTIVE",
        "mac_address": "fa:16:3e:99:fb:4b", "device_id": id, "device_owner": "compute:nova",
        "binding:host_id": bound_to, "binding:vif_type": "ovs",
    }))]);
    cloud.networks = Some(vec![read::<Network>(json!({
        "id": "net", "name": "private", "status": "ACTIVE", "admin_state_up": true, "mtu": network_mtu,
    }))]);
    details(cloud).interfaces.insert("tapb7056ecd-5c".into(), 1500);
}

fn volume(cloud: &CloudSnapshot, id: &str, is_attached: bool) -> Volume {
    let attachments = if is_attached { vec![json!({"server_id": cloud.servers[0].id})] } else { vec![] };
    let status = if is_attached { "in-use" } else { "available" };
    read(json!({"id": id, "status": status, "attachments": attachments}))
}

fn with_disk_of(xml: &str, id: &str) -> String {
    xml.replace(
        "<target dev='vda' bus='virtio'/>",
        &format!("<target dev='vda' bus='virtio'/><serial>{id}</serial>"),
    )
}

const HOSTDEV: &str = "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' \
                       bus='0x3b' slot='0x02' function='0x1'/></source></hostdev></devices>";

#[test]
fn ports_and_networks() {
    hold(&[
        ("all as it should be", |cloud| with_port(cloud, "cmp1", 1500), &[]),
        ("bound to another host", |cloud| with_port(cloud, "cmp9", 1500), &["port-binding"]),
        (
            "bound to two hosts while it moves",
            |cloud| {
                with_port(cloud, "cmp9", 1500);
                cloud.servers[0].task_state = Some("migrating".into());
                cloud.servers[0].updated = "2026-11-28T06:59:50Z".into();
            },
            &[],
        ),
        (
            "a second binding that is left over",
            |cloud| {
                with_port(cloud, "cmp1", 1500);
                let binding = |host: &str, status: &str| PortBinding {
                    host: host.into(),
                    status: status.into(),
                    vif_type: "ovs".into(),
                };
                let id = cloud.ports.as_ref().expect("ports")[0].id.clone();
                cloud.bindings.insert(id, vec![binding("cmp1", "ACTIVE"), binding("cmp2", "INACTIVE")]);
            },
            &["port-binding"],
        ),
        ("the network's MTU is another than the domain's", |cloud| with_port(cloud, "cmp1", 1450), &["mtu"]),
        (
            "the tap's is less",
            |cloud| {
                with_port(cloud, "cmp1", 1500);
                details(cloud).interfaces.insert("tapb7056ecd-5c".into(), 1400);
            },
            &["mtu"],
        ),
        (
            "a port in the switch of no server",
            |cloud| {
                let port = SwitchPort { name: "tap1".into(), server: Some(NOBODY.into()), port: None };
                details(cloud).switch = Some(vec![port]);
            },
            &["left-over-port"],
        ),
        (
            "the guest's own, and one of no guest",
            |cloud| {
                let own =
                    SwitchPort { name: "tap1".into(), server: Some(cloud.servers[0].id.clone()), port: None };
                details(cloud).switch = Some(vec![own, SwitchPort::default()]);
            },
            &[],
        ),
    ]);
}

#[test]
fn devices_volumes_and_secrets() {
    hold(&[
        (
            "a PCI device that the host has for itself",
            |cloud| {
                details(cloud).pci.insert("0000:3b:02.1".into(), Some("igbvf".into()));
                with_xml(cloud, |xml| xml.replace("</devices>", HOSTDEV));
            },
            &["pci"],
        ),
        (
            "a PCI device that is gone",
            |cloud| with_xml(cloud, |xml| xml.replace("</devices>", HOSTDEV)),
            &["pci"],
        ),
        (
            "a PCI device as it should be",
            |cloud| {
                details(cloud).pci.insert("0000:3b:02.1".into(), Some("vfio-pci".into()));
                with_xml(cloud, |xml| xml.replace("</devices>", HOSTDEV));
            },
            &[],
        ),
        (
            "placement has two booked",
            |cloud| {
                details(cloud).pci.insert("0000:3b:02.1".into(), Some("vfio-pci".into()));
                with_xml(cloud, |xml| xml.replace("</devices>", HOSTDEV));
                let allocations = &mut cloud.placement.as_mut().expect("placement").providers[0].allocations;
                allocations[0].resources.insert("CUSTOM_PCI_8086_1520".into(), 2);
            },
            &["pci"],
        ),
        (
            "Nova has a volume that the domain has not",
            |cloud| cloud.servers[0].volumes = vec![NOBODY.into()],
            &["volume"],
        ),
        (
            "the domain has a volume that Nova has not",
            |cloud| with_xml(cloud, |xml| with_disk_of(xml, NOBODY)),
            &["volume"],
        ),
        (
            "all three have it",
            |cloud| {
                cloud.servers[0].volumes = vec![NOBODY.into()];
                with_xml(cloud, |xml| with_disk_of(xml, NOBODY));
                cloud.volumes = Some(vec![volume(cloud, NOBODY, true)]);
            },
            &[],
        ),
        (
            "Cinder says that it is free",
            |cloud| {
                cloud.servers[0].volumes = vec![NOBODY.into()];
                with_xml(cloud, |xml| with_disk_of(xml, NOBODY));
                cloud.volumes = Some(vec![volume(cloud, NOBODY, false)]);
            },
            &["volume"],
        ),
        (
            "Cinder has it attached to a server that there is not",
            |cloud| {
                let mut volume = volume(cloud, NOBODY, true);
                volume.attachments[0].server_id = NOBODY.into();
                cloud.volumes = Some(vec![volume]);
            },
            &["left-over-attachment"],
        ),
        (
            "a host has it, and no server",
            |cloud| {
                let mut volume = volume(cloud, NOBODY, true);
                volume.attachments[0].server_id = String::new();
                cloud.volumes = Some(vec![volume]);
            },
            &[],
        ),
        (
            "only Cinder says that it is attached",
            |cloud| cloud.volumes = Some(vec![volume(cloud, NOBODY, true)]),
            &["volume"],
        ),
        (
            "the secret of a server that is gone, and those that are needed",
            |cloud| {
                let own = cloud.servers[0].id.clone();
                let secret = |usage: &str, id: &str| Secret {
                    uuid: format!("{usage}-{id}"),
                    usage: usage.into(),
                    id: id.into(),
                };
                host(cloud).libvirt.as_mut().expect("libvirt").secrets =
                    vec![secret("vtpm", NOBODY), secret("vtpm", &own), secret("ceph", "client.nova secret")];
            },
            &["left-over-secret"],
        ),
        (
            "only secrets that are needed",
            |cloud| {
                let (usage, id) = ("vtpm".to_string(), cloud.servers[0].id.clone());
                host(cloud).libvirt.as_mut().expect("libvirt").secrets =
                    vec![Secret { uuid: "s".into(), usage, id }];
            },
            &[],
        ),
    ]);
}
