//! The layouts people have, as data: one row each. What a row says was read in the public sources
//! of the project that lays hosts out so; `docs/places.md` says what was also run.

use super::{LayoutKind, ServiceRole};

/// One way to lay out a host.
pub(super) struct Row {
    pub(super) kind: LayoutKind,
    /// Any of these is evidence of it. A container belongs to the layout only if it carries
    /// evidence itself.
    pub(super) evidence: &'static [Evidence],
    /// Evidence that must be there as well, where the first alone is also seen elsewhere.
    pub(super) and: &'static [Evidence],
    pub(super) services: &'static [Known],
    /// How its units begin, where services log to the journal.
    pub(super) journal: Option<&'static str>,
    /// The program that asks libvirt on the host itself.
    pub(super) virsh: &'static str,
}

/// What is seen on a host.
pub(super) enum Evidence {
    /// A unit whose name begins so.
    Unit(&'static str),
    /// A container with this label, whose value begins so.
    Label(&'static str, &'static str),
    /// A container into which something below this folder is mounted.
    Mount(&'static str),
    /// A path that begins so.
    Path(&'static str),
}

/// A service as a layout knows it.
pub(super) struct Known {
    pub(super) role: ServiceRole,
    /// Its units without `.service`, the first that is there.
    pub(super) units: &'static [&'static str],
    /// Its containers, the first that is there.
    pub(super) containers: &'static [&'static str],
    /// Its configuration files in the order they are read, as patterns. A relative one is below
    /// the folder that is mounted into the container at `/var/lib/kolla/config_files`.
    pub(super) config: &'static [&'static str],
    /// Its log files, the first that is there; with none it logs to the journal.
    pub(super) logs: &'static [&'static str],
}

use ServiceRole::{
    Libvirt, NeutronOvsAgent, NeutronServer, NovaApi, NovaCellConductor, NovaCompute, NovaConductor,
    NovaScheduler,
};

const NOVA: &[&str] = &["/etc/nova/nova.conf"];
const OVS: &[&str] = &[
    "/etc/neutron/neutron.conf",
    "/etc/neutron/plugins/ml2/openvswitch_agent.ini",
    "/etc/neutron/plugins/ml2/ml2_conf.ini",
];
const ML2: &[&str] = &["/etc/neutron/neutron.conf", "/etc/neutron/plugins/ml2/ml2_conf.ini"];

/// libvirt on the host itself, wherever its own containers are not.
#[rustfmt::skip]
pub(super) const LIBVIRT: [Known; 2] = [
    // Where both are installed, the modular one is in use only if the other is not.
    Known { role: Libvirt, units: &["libvirtd"], containers: &[],
            config: &["/etc/libvirt/libvirtd.conf", "/etc/libvirt/qemu.conf"], logs: &["/var/log/libvirt/libvirtd.log"] },
    Known { role: Libvirt, units: &["virtqemud"], containers: &[],
            config: &["/etc/libvirt/virtqemud.conf", "/etc/libvirt/qemu.conf"], logs: &["/var/log/libvirt/virtqemud.log"] },
];

/// The units of packages: Debian's, RDO's, and what OpenStack-Ansible names alike.
#[rustfmt::skip]
pub(super) const PACKAGES: [Known; 6] = [
    Known { role: NovaCompute, units: &["openstack-nova-compute", "nova-compute"], containers: &[],
            config: &["/etc/nova/nova.conf", "/etc/nova/nova-compute.conf"], logs: &["/var/log/nova/nova-compute.log"] },
    Known { role: NovaApi, units: &["openstack-nova-api", "nova-api", "nova-api-os-compute"], containers: &[],
            config: NOVA, logs: &["/var/log/nova/nova-api.log", "/var/log/nova/nova-api-os-compute.log"] },
    Known { role: NovaScheduler, units: &["openstack-nova-scheduler", "nova-scheduler"], containers: &[],
            config: NOVA, logs: &["/var/log/nova/nova-scheduler.log"] },
    Known { role: NovaConductor, units: &["openstack-nova-conductor", "nova-conductor"], containers: &[],
            config: NOVA, logs: &["/var/log/nova/nova-conductor.log"] },
    Known { role: NeutronOvsAgent, units: &["neutron-openvswitch-agent"], containers: &[],
            config: OVS, logs: &["/var/log/neutron/neutron-openvswitch-agent.log", "/var/log/neutron/openvswitch-agent.log"] },
    Known { role: NeutronServer, units: &["neutron-server", "neutron-api"], containers: &[],
            config: ML2, logs: &["/var/log/neutron/neutron-server.log", "/var/log/neutron/neutron-api.log", "/var/log/neutron/server.log"] },
];

/// Every layout; of several with evidence the first. Those of containers come before packages,
/// which may be left over or serve as tools; what adds to packages comes before plain packages.
#[rustfmt::skip]
pub(super) const ROWS: [Row; 9] = [
    // edpm-ansible: edpm_nova, edpm_libvirt (libvirt is on the host), edpm_container_manage.
    Row {
        kind: LayoutKind::Edpm,
        evidence: &[Evidence::Label("managed_by", "edpm_ansible"), Evidence::Mount("/var/lib/openstack/config")],
        and: &[],
        services: &[
            // All of the folder becomes nova.conf.d; nova-blank.conf, which is to stay blank, nova.conf as well.
            Known { role: NovaCompute, units: &["edpm_nova_compute"], containers: &["nova_compute"],
                    config: &["/var/lib/openstack/config/nova/[0-9]*.conf", "/var/lib/openstack/config/nova/nova-blank.conf"],
                    logs: &["/var/log/containers/nova/nova-compute.log"] },
            Known { role: NeutronOvsAgent, units: &["edpm_neutron_ovs_agent"], containers: &["neutron_ovs_agent"],
                    config: &["/var/lib/openstack/config/neutron-ovs-agent/*.conf"],
                    logs: &["/var/log/containers/neutron/openvswitch-agent.log"] },
        ],
        journal: Some("edpm_"),
        virsh: "virsh",
    },
    // tripleo-heat-templates, deployment/nova and deployment/neutron; puppet writes the files.
    Row {
        kind: LayoutKind::TripleO,
        evidence: &[
            Evidence::Label("managed_by", "tripleo"), Evidence::Label("config_id", "tripleo_"),
            Evidence::Mount("/var/lib/config-data/puppet-generated"),
        ],
        and: &[],
        services: &[
            Known { role: NovaCompute, units: &["tripleo_nova_compute"], containers: &["nova_compute"],
                    config: &["/var/lib/config-data/puppet-generated/nova_libvirt/etc/nova/nova.conf"],
                    logs: &["/var/log/containers/nova/nova-compute.log"] },
            Known { role: Libvirt, units: &["tripleo_nova_virtqemud", "tripleo_nova_libvirt"],
                    containers: &["nova_virtqemud", "nova_libvirt"],
                    config: &["/var/lib/config-data/puppet-generated/nova_libvirt/etc/libvirt/virtqemud.conf",
                              "/var/lib/config-data/puppet-generated/nova_libvirt/etc/libvirt/libvirtd.conf",
                              "/var/lib/config-data/puppet-generated/nova_libvirt/etc/libvirt/qemu.conf"],
                    logs: &["/var/log/containers/libvirt/virtqemud.log", "/var/log/containers/libvirt/libvirtd.log"] },
            Known { role: NovaApi, units: &["tripleo_nova_api"], containers: &["nova_api"],
                    config: &["/var/lib/config-data/puppet-generated/nova/etc/nova/nova.conf"],
                    logs: &["/var/log/containers/nova/nova-api.log"] },
            Known { role: NovaScheduler, units: &["tripleo_nova_scheduler"], containers: &["nova_scheduler"],
                    config: &["/var/lib/config-data/puppet-generated/nova/etc/nova/nova.conf"],
                    logs: &["/var/log/containers/nova/nova-scheduler.log"] },
            Known { role: NovaConductor, units: &["tripleo_nova_conductor"], containers: &["nova_conductor"],
                    config: &["/var/lib/config-data/puppet-generated/nova/etc/nova/nova.conf"],
                    logs: &["/var/log/containers/nova/nova-conductor.log"] },
            Known { role: NeutronOvsAgent, units: &["tripleo_neutron_ovs_agent"], containers: &["neutron_ovs_agent"],
                    config: &["/var/lib/config-data/puppet-generated/neutron/etc/neutron/neutron.conf",
                              "/var/lib/config-data/puppet-generated/neutron/etc/neutron/plugins/ml2/openvswitch_agent.ini"],
                    logs: &["/var/log/containers/neutron/openvswitch-agent.log"] },
            Known { role: NeutronServer, units: &["tripleo_neutron_api"], containers: &["neutron_api"],
                    config: &["/var/lib/config-data/puppet-generated/neutron/etc/neutron/neutron.conf",
                              "/var/lib/config-data/puppet-generated/neutron/etc/neutron/plugins/ml2/ml2_conf.ini"],
                    logs: &["/var/log/containers/neutron/server.log"] },
        ],
        journal: None,
        virsh: "virsh",
    },
    // kolla-ansible, roles nova, nova-cell and neutron; the folder is `node_config`.
    Row {
        kind: LayoutKind::Kolla,
        evidence: &[Evidence::Label("kolla_version", ""), Evidence::Mount("/etc/kolla")],
        and: &[],
        services: &[
            Known { role: NovaCompute, units: &["kolla-nova_compute-container"], containers: &["nova_compute"],
                    config: &["nova.conf"], logs: &["/var/log/kolla/nova/nova-compute.log"] },
            Known { role: Libvirt, units: &["kolla-nova_libvirt-container"], containers: &["nova_libvirt"],
                    config: &["libvirtd.conf", "qemu.conf"], logs: &["/var/log/kolla/libvirt/libvirtd.log"] },
            Known { role: NovaApi, units: &["kolla-nova_api-container"], containers: &["nova_api"],
                    config: &["nova.conf"], logs: &["/var/log/kolla/nova/nova-api.log", "/var/log/kolla/nova/nova-api-wsgi.log"] },
            Known { role: NovaScheduler, units: &["kolla-nova_scheduler-container"], containers: &["nova_scheduler"],
                    config: &["nova.conf"], logs: &["/var/log/kolla/nova/nova-scheduler.log"] },
            Known { role: NovaConductor, units: &["kolla-nova_conductor-container"], containers: &["nova_conductor"],
                    config: &["nova.conf"], logs: &["/var/log/kolla/nova/nova-conductor.log"] },
            Known { role: NeutronOvsAgent, units: &["kolla-neutron_openvswitch_agent-container"],
                    containers: &["neutron_openvswitch_agent"], config: &["neutron.conf", "openvswitch_agent.ini"],
                    logs: &["/var/log/kolla/neutron/neutron-openvswitch-agent.log"] },
            Known { role: NeutronServer, units: &["kolla-neutron_server-container"], containers: &["neutron_server"],
                    config: &["neutron.conf", "ml2_conf.ini"], logs: &["/var/log/kolla/neutron/neutron-server.log"] },
        ],
        journal: None,
        virsh: "virsh",
    },
    // devstack: lib/nova, lib/neutron; everything logs to the journal.
    Row {
        kind: LayoutKind::Devstack,
        evidence: &[Evidence::Unit("devstack@n-")],
        and: &[],
        services: &[
            Known { role: NovaCompute, units: &["devstack@n-cpu"], containers: &[], config: &["/etc/nova/nova-cpu.conf"], logs: &[] },
            Known { role: NovaApi, units: &["devstack@n-api"], containers: &[], config: NOVA, logs: &[] },
            Known { role: NovaScheduler, units: &["devstack@n-sch"], containers: &[], config: NOVA, logs: &[] },
            Known { role: NovaConductor, units: &["devstack@n-super-cond"], containers: &[], config: NOVA, logs: &[] },
            Known { role: NovaCellConductor, units: &["devstack@n-cond-cell1"], containers: &[], config: &["/etc/nova/nova_cell1.conf"], logs: &[] },
            Known { role: NeutronOvsAgent, units: &["devstack@q-agt", "devstack@neutron-agent"], containers: &[], config: OVS, logs: &[] },
            Known { role: NeutronServer, units: &["devstack@q-svc", "devstack@neutron-api"], containers: &[], config: ML2, logs: &[] },
        ],
        journal: Some("devstack@"),
        virsh: "virsh",
    },
    // snap-openstack-hypervisor: `use_journal`, the snap's own libvirt and virsh.
    Row {
        kind: LayoutKind::Sunbeam,
        evidence: &[Evidence::Unit("snap.openstack-hypervisor.")],
        and: &[],
        services: &[
            Known { role: NovaCompute, units: &["snap.openstack-hypervisor.nova-compute"], containers: &[],
                    config: &["/var/snap/openstack-hypervisor/common/etc/nova/nova.conf",
                              "/var/snap/openstack-hypervisor/common/etc/nova/nova.conf.d/*.conf"], logs: &[] },
            Known { role: Libvirt, units: &["snap.openstack-hypervisor.libvirtd"], containers: &[],
                    config: &["/var/snap/openstack-hypervisor/common/etc/libvirt/libvirtd.conf",
                              "/var/snap/openstack-hypervisor/common/etc/libvirt/qemu.conf"], logs: &[] },
        ],
        journal: Some("snap.openstack-hypervisor."),
        virsh: "openstack-hypervisor.virsh",
    },
    // openstack-ansible-os_nova, os_neutron: programs of a virtual environment, units named as the programs, the journal.
    Row {
        kind: LayoutKind::OpenStackAnsible,
        evidence: &[Evidence::Path("/openstack/venvs/")],
        and: &[Evidence::Unit("nova-"), Evidence::Unit("neutron-")],
        services: &PACKAGES,
        journal: None,
        virsh: "virsh",
    },
    // charm-nova-compute, charm-nova-cloud-controller: Ubuntu's packages, whose files Juju's agent keeps as its charm says.
    Row {
        kind: LayoutKind::Charms,
        evidence: &[Evidence::Unit("jujud-")],
        and: &[Evidence::Unit("nova-"), Evidence::Unit("neutron-")],
        services: &PACKAGES,
        journal: None,
        virsh: "virsh",
    },
    Row { kind: LayoutKind::Rdo, evidence: &[Evidence::Unit("openstack-nova-")], and: &[], services: &PACKAGES, journal: None, virsh: "virsh" },
    Row { kind: LayoutKind::Debian, evidence: &[Evidence::Unit("nova-")], and: &[], services: &PACKAGES, journal: None, virsh: "virsh" },
];
