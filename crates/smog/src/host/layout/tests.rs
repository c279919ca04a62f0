//! Sights of hosts. What the engines say in `tests/data/host/kolla-*` and `edpm-*` was recorded on the
//! lab's layout `kolla` (podman 5.4.2, on ctl by docker's name); the other sights of kolla and EDPM,
//! and those of RDO, TripleO, OpenStack-Ansible, charms and Sunbeam, are written by hand after the
//! projects' sources.

use super::detect::{Sight, containers, detect};
use super::{LayoutKind, ServiceRole};
use crate::host::{Engine, Host};

fn sight(units: &[&str], podman: &str, paths: &[&str]) -> Sight {
    let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    Sight { units: owned(units), containers: containers(Engine::Podman, podman), paths: owned(paths) }
}

#[test]
fn debian_packages() {
    let layout = detect(&sight(
        &["nova-compute.service", "libvirtd.service", "neutron-openvswitch-agent.service"],
        "",
        &["/etc/nova/nova.conf", "/etc/nova/nova-compute.conf", "/var/log/nova/nova-compute.log"],
    ));
    assert_eq!(layout.kind, LayoutKind::Debian);
    let compute = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
    assert_eq!(compute.unit.as_deref(), Some("nova-compute.service"));
    assert_eq!(compute.config, ["/etc/nova/nova.conf", "/etc/nova/nova-compute.conf"]);
    assert_eq!(compute.log.as_deref(), Some("/var/log/nova/nova-compute.log"));
    assert_eq!(layout.place(ServiceRole::NovaApi), None);
}

#[test]
fn rdo_packages_with_a_modular_libvirt() {
    let layout = detect(&sight(
        &["openstack-nova-compute.service", "virtqemud.service"],
        "",
        &["/etc/nova/nova.conf", "/etc/libvirt/virtqemud.conf"],
    ));
    assert_eq!(layout.kind, LayoutKind::Rdo);
    assert_eq!(
        layout.place(ServiceRole::NovaCompute).expect("nova").unit.as_deref(),
        Some("openstack-nova-compute.service")
    );
    let libvirt = layout.place(ServiceRole::Libvirt).expect("libvirt");
    assert_eq!(libvirt.config, ["/etc/libvirt/virtqemud.conf"]);
}

#[test]
fn devstack_logs_to_the_journal() {
    let layout = detect(&sight(
        &["devstack@n-cpu.service", "devstack@n-api.service", "libvirtd.service"],
        "",
        &["/etc/nova/nova.conf", "/etc/nova/nova-cpu.conf"],
    ));
    assert_eq!(layout.kind, LayoutKind::Devstack);
    let compute = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
    assert_eq!(compute.config, ["/etc/nova/nova-cpu.conf"]);
    assert_eq!(compute.log, None);
    assert!(layout.place(ServiceRole::Libvirt).is_some());
}

#[test]
fn every_service_of_devstack_is_listened_to() {
    let units = [
        "devstack@g-api.service",
        "devstack@keystone.service",
        "devstack@n-api.service",
        "devstack@n-cond-cell1.service",
        "devstack@n-super-cond.service",
        "devstack@placement-api.service",
    ];
    let layout = detect(&sight(&units, "", &["/etc/nova/nova.conf"]));
    let place = |role| layout.place(role).and_then(|place| place.unit.as_deref());
    assert_eq!(place(ServiceRole::NovaConductor), Some("devstack@n-super-cond.service"));
    assert_eq!(place(ServiceRole::NovaCellConductor), Some("devstack@n-cond-cell1.service"));
    assert_eq!(
        layout.other_units,
        ["devstack@g-api.service", "devstack@keystone.service", "devstack@placement-api.service"]
    );
}

/// What an engine of the lab said, and units that are there.
fn recorded(engine: Engine, text: &str, units: &[&str]) -> Sight {
    let mut sight = sight(units, "", &[]);
    sight.containers = containers(engine, text);
    sight.paths.extend(text.lines().filter(|line| line.starts_with('/')).map(str::to_string));
    sight
}

#[test]
fn the_labs_kolla_compute() {
    let text = include_str!("../../../tests/data/host/kolla-cmp1-podman.txt");
    let units = ["kolla-nova_compute-container.service", "kolla-nova_libvirt-container.service"];
    let layout = detect(&recorded(Engine::Podman, text, &units));
    assert_eq!(layout.kind, LayoutKind::Kolla);
    let files = |role| layout.place(role).map(|place| place.config.join(" ")).unwrap_or_default();
    assert_eq!(files(ServiceRole::NovaCompute), "/etc/kolla/nova-compute/nova.conf");
    assert_eq!(
        files(ServiceRole::Libvirt),
        "/etc/kolla/nova-libvirt/libvirtd.conf /etc/kolla/nova-libvirt/qemu.conf"
    );
    assert_eq!(
        files(ServiceRole::NeutronOvsAgent),
        "/etc/kolla/neutron-openvswitch-agent/neutron.conf \
         /etc/kolla/neutron-openvswitch-agent/openvswitch_agent.ini"
    );
    assert!(layout.place(ServiceRole::NovaApi).is_none());
}

#[test]
fn the_labs_kolla_controller_has_docker() {
    let text = include_str!("../../../tests/data/host/kolla-ctl-docker.txt");
    let layout = detect(&recorded(Engine::Docker, text, &[]));
    assert_eq!(layout.kind, LayoutKind::Kolla);
    let scheduler = layout.place(ServiceRole::NovaScheduler).expect("nova-scheduler");
    assert_eq!(scheduler.config, ["/etc/kolla/nova-scheduler/nova.conf"]);
    assert_eq!(scheduler.container.as_ref().map(|one| one.engine), Some(Engine::Docker));
    for role in [ServiceRole::NovaApi, ServiceRole::NovaConductor, ServiceRole::NeutronServer] {
        assert!(layout.place(role).is_some(), "{role:?}");
    }
}

#[test]
fn the_labs_edpm_compute() {
    let text = include_str!("../../../tests/data/host/edpm-cmp2-podman.txt");
    let units = ["edpm_nova_compute.service", "libvirtd.service", "neutron-openvswitch-agent.service"];
    let layout = detect(&recorded(Engine::Podman, text, &units));
    assert_eq!(layout.kind, LayoutKind::Edpm);
    assert!(layout.place(ServiceRole::NovaCompute).expect("nova-compute").container.is_some());
    for role in [ServiceRole::Libvirt, ServiceRole::NeutronOvsAgent] {
        assert!(layout.place(role).expect("on the host").container.is_none(), "{role:?}");
    }
}

/// The container of a service as kolla-ansible makes it.
fn kolla(name: &str) -> String {
    let folder = name.replace('_', "-");
    format!(
        "container {name}|true|kolla_version=20.1.0;managed_by=;config_id=;|/etc/kolla/{folder}>/var/lib/kolla/config_files;/run>/run;"
    )
}

#[test]
fn kolla_runs_virsh_in_its_container() {
    let layout = detect(&sight(
        &["kolla-nova_compute-container.service"],
        &[kolla("nova_compute"), kolla("nova_libvirt")].join("\n"),
        &["/etc/kolla/nova-compute/nova.conf", "/var/log/kolla/nova/nova-compute.log"],
    ));
    assert_eq!(layout.kind, LayoutKind::Kolla);
    let compute = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
    assert_eq!(compute.unit.as_deref(), Some("kolla-nova_compute-container.service"));
    assert_eq!(compute.config, ["/etc/kolla/nova-compute/nova.conf"]);
    assert_eq!(compute.log.as_deref(), Some("/var/log/kolla/nova/nova-compute.log"));
    let virsh = layout.virsh_host(&Host::local("x"));
    assert_eq!(virsh.container().map(|container| container.name.as_str()), Some("nova_libvirt"));
}

#[test]
fn kollas_folder_is_the_one_that_is_mounted() {
    let moved = kolla("nova_compute").replace("/etc/kolla", "/opt/kolla/config");
    let layout = detect(&sight(&[], &moved, &["/opt/kolla/config/nova-compute/nova.conf"]));
    assert_eq!(layout.kind, LayoutKind::Kolla, "by the label");
    let compute = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
    assert_eq!(compute.config, ["/opt/kolla/config/nova-compute/nova.conf"]);
    assert_eq!(compute.unit, None, "Docker starts it by itself");
}

#[test]
fn a_name_alone_makes_no_kolla() {
    let bare = "container nova_compute|true|kolla_version=;managed_by=;config_id=;|/srv/nova>/etc/nova;";
    let layout = detect(&sight(&[], bare, &["/etc/nova/nova.conf"]));
    assert_eq!((layout.kind, layout.places.len()), (LayoutKind::Unknown, 0));
    let layout = detect(&sight(&["nova-compute.service"], bare, &["/etc/nova/nova.conf"]));
    assert_eq!(layout.kind, LayoutKind::Debian);
    let compute = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
    assert_eq!((compute.container.clone(), compute.unit.as_deref()), (None, Some("nova-compute.service")));
    // kolla's own tools on a host of packages do not move Nova into a container.
    let layout = detect(&sight(&["nova-compute.service"], &kolla("kolla_toolbox"), &[]));
    assert_eq!(layout.kind, LayoutKind::Debian);
}

#[test]
fn a_stopped_container_counts_only_with_its_unit() {
    let stopped = kolla("nova_compute").replace("|true|", "|false|");
    assert_eq!(detect(&sight(&[], &stopped, &[])).kind, LayoutKind::Unknown);
    let unit = ["kolla-nova_compute-container.service"];
    assert_eq!(detect(&sight(&unit, &stopped, &[])).kind, LayoutKind::Kolla);
}

#[test]
fn edpm_has_nova_in_a_container_and_libvirt_on_the_host() {
    let podman = "container nova_compute|true|kolla_version=;managed_by=edpm_ansible;config_id=;|\
                  /var/lib/openstack/config/nova>/var/lib/kolla/config_files/src;/dev>/dev;\n\
                  container ovn_controller|true|kolla_version=;managed_by=edpm_ansible;config_id=ovn_controller;|/run>/run;";
    let layout = detect(&sight(
        &["edpm_nova_compute.service", "edpm_ovn_controller.service", "virtqemud.service"],
        podman,
        &[
            "/etc/libvirt/virtqemud.conf",
            "/var/lib/openstack/config/nova/01-nova.conf",
            "/var/lib/openstack/config/nova/02-nova-host-specific.conf",
            "/var/lib/openstack/config/nova/nova-blank.conf",
            "/var/log/containers/nova/nova-compute.log",
        ],
    ));
    assert_eq!(layout.kind, LayoutKind::Edpm);
    let compute = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
    assert_eq!(
        compute.config,
        [
            "/var/lib/openstack/config/nova/01-nova.conf",
            "/var/lib/openstack/config/nova/02-nova-host-specific.conf",
            "/var/lib/openstack/config/nova/nova-blank.conf",
        ],
        "as Nova reads them in nova.conf.d; a new option goes into the first"
    );
    assert_eq!(compute.unit.as_deref(), Some("edpm_nova_compute.service"));
    assert_eq!(compute.log.as_deref(), Some("/var/log/containers/nova/nova-compute.log"));
    let libvirt = layout.place(ServiceRole::Libvirt).expect("libvirt");
    assert_eq!((libvirt.unit.as_deref(), libvirt.container.clone()), (Some("virtqemud.service"), None));
}

// By hand, after tripleo-heat-templates' nova-compute, nova-modular-libvirt and neutron-ovs-agent.
#[test]
fn tripleo_with_a_modular_libvirt() {
    let of = |name: &str, folder: &str| {
        format!(
            "container {name}|true|kolla_version=;managed_by=tripleo_ansible;config_id=tripleo_step4;|\
             /var/lib/config-data/puppet-generated/{folder}>/var/lib/kolla/config_files/src;"
        )
    };
    let podman = [
        of("nova_compute", "nova_libvirt"),
        of("nova_virtqemud", "nova_libvirt"),
        of("neutron_ovs_agent", "neutron"),
    ];
    let nova = "/var/lib/config-data/puppet-generated/nova_libvirt/etc/nova/nova.conf";
    let layout = detect(&sight(
        &["tripleo_nova_compute.service", "tripleo_nova_virtqemud.service"],
        &podman.join("\n"),
        &[nova, "/var/log/containers/nova/nova-compute.log"],
    ));
    assert_eq!(layout.kind, LayoutKind::TripleO);
    let compute = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
    assert_eq!(
        (compute.config.as_slice(), compute.unit.as_deref()),
        (&[nova.to_string()][..], Some("tripleo_nova_compute.service"))
    );
    let libvirt = layout.place(ServiceRole::Libvirt).expect("libvirt");
    assert_eq!(libvirt.container.as_ref().map(|one| one.name.as_str()), Some("nova_virtqemud"));
    assert!(layout.place(ServiceRole::NeutronOvsAgent).is_some());
}

// By hand, after openstack-ansible-os_nova.
#[test]
fn openstack_ansible_logs_to_the_journal() {
    let layout = detect(&sight(
        &["nova-compute.service", "libvirtd.service", "neutron-openvswitch-agent.service"],
        "",
        &["/etc/nova/nova.conf", "/openstack/venvs/nova-31.0.0"],
    ));
    assert_eq!(layout.kind, LayoutKind::OpenStackAnsible);
    let compute = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
    assert_eq!((compute.unit.as_deref(), &compute.log), (Some("nova-compute.service"), &None));
}

// By hand, after charm-nova-compute.
#[test]
fn charms_are_packages_under_jujus_agent() {
    let units = ["jujud-machine-3.service", "nova-compute.service", "libvirtd.service"];
    let layout = detect(&sight(&units, "", &["/etc/nova/nova.conf", "/var/log/nova/nova-compute.log"]));
    assert_eq!(layout.kind, LayoutKind::Charms);
    // Juju manages other machines as well.
    assert_eq!(detect(&sight(&units[..1], "", &[])).kind, LayoutKind::Unknown);
}

// By hand, after snap-openstack-hypervisor.
#[test]
fn sunbeam_has_a_virsh_of_its_own() {
    let nova = "/var/snap/openstack-hypervisor/common/etc/nova/nova.conf";
    let layout = detect(&sight(
        &["snap.openstack-hypervisor.nova-compute.service", "snap.openstack-hypervisor.libvirtd.service"],
        "",
        &[nova],
    ));
    assert_eq!(layout.kind, LayoutKind::Sunbeam);
    assert_eq!(layout.place(ServiceRole::NovaCompute).expect("nova-compute").config, [nova]);
    assert_eq!(layout.virsh(), "openstack-hypervisor.virsh");
    let libvirt = layout.place(ServiceRole::Libvirt).expect("libvirt");
    assert_eq!(libvirt.unit.as_deref(), Some("snap.openstack-hypervisor.libvirtd.service"));
}

#[test]
fn nothing_is_unknown() {
    let layout = detect(&sight(&["ssh.service"], "", &[]));
    assert_eq!((layout.kind, layout.places.len()), (LayoutKind::Unknown, 0));
}
