//! How a deployment is laid out on a host: found by looking, never by asking which one it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::host::{Batch, Cmd, Container, Engine, Host};

/// Who laid it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayoutKind {
    /// Packages of Debian or Ubuntu: `nova-compute.service`.
    Debian,
    /// Packages of RDO (CentOS, RHEL): `openstack-nova-compute.service`.
    Rdo,
    /// devstack: `devstack@n-cpu.service`.
    Devstack,
    /// kolla-ansible: containers such as `nova_compute`.
    Kolla,
    /// None of these.
    Unknown,
}

/// A service of OpenStack, or one it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceRole {
    /// nova-compute.
    NovaCompute,
    /// nova-api.
    NovaApi,
    /// nova-scheduler.
    NovaScheduler,
    /// nova-conductor (with cells: the super conductor's and the cell's are both listed under this role on devstack's first).
    NovaConductor,
    /// libvirtd, or virtqemud where libvirt is modular.
    Libvirt,
    /// The Open vSwitch agent of neutron.
    NeutronOvsAgent,
    /// The API of neutron.
    NeutronServer,
}

/// Where one service is on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServicePlace {
    /// The systemd unit that starts and stops it.
    pub unit: Option<String>,
    /// The container it runs in.
    pub container: Option<Container>,
    /// Its configuration files on the machine itself, in the order they are read.
    pub config: Vec<String>,
    /// Its log file on the machine itself; `None` when it logs to the journal (of `unit`).
    pub log: Option<String>,
}

/// Where the services are on a host. Overrides are put into `places`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Who laid it out.
    pub kind: LayoutKind,
    /// The services found.
    pub places: BTreeMap<ServiceRole, ServicePlace>,
    /// Units of further services of the deployment, which log to the journal only: devstack's
    /// keystone, glance, placement, the conductor of a cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_units: Vec<String>,
}

/// What was looked at on a host.
struct Sight {
    units: BTreeSet<String>,
    containers: BTreeMap<String, Engine>,
    paths: BTreeSet<String>,
}

impl Layout {
    /// Where a service is.
    pub fn place(&self, role: ServiceRole) -> Option<&ServicePlace> {
        self.places.get(&role)
    }

    /// The host on which `virsh` answers: the inside of libvirt's container when it is in one.
    pub fn virsh_host(&self, host: &Host) -> Host {
        match self.place(ServiceRole::Libvirt).and_then(|place| place.container.clone()) {
            Some(container) => host.inside(container),
            None => host.clone(),
        }
    }
}

impl Host {
    /// Look how the deployment is laid out here. One command.
    ///
    /// # Errors
    /// As [`Host::run`]; that nothing is found is [`LayoutKind::Unknown`].
    pub async fn layout(&self) -> Result<Layout> {
        let mut batch = Batch::new();
        let patterns =
            ["nova*", "openstack-nova*", "devstack@*", "libvirtd*", "virtqemud*", "neutron*", "kolla*"];
        let list = ["list-unit-files", "--no-legend", "--plain", "--no-pager", "--type=service"];
        let units = batch.add(Cmd::new("systemctl").args(list).args(patterns));
        // devstack's are instances of a template, which only show when they are loaded.
        let list = ["list-units", "--all", "--no-legend", "--plain", "--no-pager", "--type=service"];
        let loaded = batch.add(Cmd::new("systemctl").args(list).args(patterns));
        let podman = batch.add(Cmd::new("podman").args(["ps", "--format", "{{.Names}}"]));
        let docker = batch.add(Cmd::new("docker").args(["ps", "--format", "{{.Names}}"]));
        let paths = batch.add(Cmd::shell(
            "ls -1d /etc/nova/*.conf /etc/neutron/*.conf /etc/neutron/plugins/ml2/*.ini /etc/libvirt/*.conf \
             /etc/kolla/*/*.conf /etc/kolla/*/*.ini /var/log/nova/*.log /var/log/neutron/*.log \
             /var/log/kolla/*/*.log /var/log/libvirt/*.log 2>/dev/null; exit 0",
        ));
        let answers = self.outside().ask(batch).await?;
        let first = |ask| {
            let text = answers.get(ask).text().into_owned();
            text.lines()
                .filter_map(|line| line.split_ascii_whitespace().next().map(str::to_string))
                .collect::<Vec<_>>()
        };
        let mut containers = BTreeMap::new();
        containers.extend(first(docker).into_iter().map(|name| (name, Engine::Docker)));
        containers.extend(first(podman).into_iter().map(|name| (name, Engine::Podman)));
        // A unit that is masked, or disabled and down, is only installed.
        let in_use = |ask, column: usize, words: &[&str], wanted: bool| {
            let text = answers.get(ask).text().into_owned();
            let names = text.lines().filter_map(|line| {
                let fields: Vec<&str> = line.split_ascii_whitespace().collect();
                let word = fields.get(column)?;
                (words.contains(word) == wanted).then(|| fields[0].to_string())
            });
            names.collect::<Vec<_>>()
        };
        let enabled = in_use(units, 1, &["masked", "disabled", "masked-runtime"], false);
        let up = in_use(loaded, 2, &["active", "activating", "reloading", "failed"], true);
        let sight = Sight {
            units: enabled.into_iter().chain(up).collect(),
            containers,
            paths: first(paths).into_iter().collect(),
        };
        Ok(detect(&sight))
    }
}

/// What a service is called where.
struct Names {
    role: ServiceRole,
    /// Debian's unit.
    debian: &'static str,
    /// RDO's unit.
    rdo: &'static str,
    /// devstack's instances of `devstack@`, the first that is there.
    devstack: &'static [&'static str],
    /// kolla's container.
    container: &'static str,
    /// The log file below /var/log, or below /var/log/kolla.
    log: &'static str,
}

#[rustfmt::skip]
const NAMES: [Names; 7] = [
    Names { role: ServiceRole::NovaCompute, debian: "nova-compute", rdo: "openstack-nova-compute",
            devstack: &["n-cpu"], container: "nova_compute", log: "nova/nova-compute" },
    Names { role: ServiceRole::NovaApi, debian: "nova-api", rdo: "openstack-nova-api",
            devstack: &["n-api"], container: "nova_api", log: "nova/nova-api" },
    Names { role: ServiceRole::NovaScheduler, debian: "nova-scheduler", rdo: "openstack-nova-scheduler",
            devstack: &["n-sch"], container: "nova_scheduler", log: "nova/nova-scheduler" },
    Names { role: ServiceRole::NovaConductor, debian: "nova-conductor", rdo: "openstack-nova-conductor",
            devstack: &["n-super-cond", "n-cond-cell1"], container: "nova_conductor", log: "nova/nova-conductor" },
    Names { role: ServiceRole::Libvirt, debian: "libvirtd", rdo: "virtqemud",
            devstack: &[], container: "nova_libvirt", log: "libvirt/libvirtd" },
    Names { role: ServiceRole::NeutronOvsAgent, debian: "neutron-openvswitch-agent", rdo: "neutron-openvswitch-agent",
            devstack: &["q-agt", "neutron-agent"], container: "neutron_openvswitch_agent",
            log: "neutron/neutron-openvswitch-agent" },
    Names { role: ServiceRole::NeutronServer, debian: "neutron-api", rdo: "neutron-server",
            devstack: &["q-svc", "neutron-api"], container: "neutron_server", log: "neutron/neutron-server" },
];

fn detect(sight: &Sight) -> Layout {
    let any_unit = |prefix: &str| sight.units.iter().any(|unit| unit.starts_with(prefix));
    let kind = if sight.containers.keys().any(|name| name.starts_with("nova_")) {
        LayoutKind::Kolla
    } else if any_unit("devstack@n-") {
        LayoutKind::Devstack
    } else if any_unit("openstack-nova-") {
        LayoutKind::Rdo
    } else if any_unit("nova-") {
        LayoutKind::Debian
    } else {
        LayoutKind::Unknown
    };
    let mut places = BTreeMap::new();
    for Names { role, debian, rdo, devstack, container, log } in NAMES {
        let place = match kind {
            LayoutKind::Kolla => in_container(sight, role, container, log),
            LayoutKind::Devstack => {
                let names = devstack.iter().map(|name| format!("devstack@{name}.service"));
                let unit = names.into_iter().find(|unit| sight.units.contains(unit));
                by_unit(sight, role, unit.or_else(|| daemon(sight, role)), None)
            }
            LayoutKind::Debian | LayoutKind::Rdo | LayoutKind::Unknown => {
                let names = [format!("{rdo}.service"), format!("{debian}.service")];
                let unit = names.into_iter().find(|unit| sight.units.contains(unit));
                by_unit(sight, role, daemon(sight, role).or(unit), Some(log))
            }
        };
        places.extend(place.map(|place| (role, place)));
    }
    let taken: BTreeSet<&String> = places.values().filter_map(|place| place.unit.as_ref()).collect();
    let is_other = |unit: &&String| kind == LayoutKind::Devstack && unit.starts_with("devstack@");
    let others = sight.units.iter().filter(is_other).filter(|unit| !taken.contains(unit));
    let other_units = others.cloned().collect();
    Layout { kind, places, other_units }
}

/// libvirt's unit: a distribution ships the monolithic daemon, the modular one,
/// or both; where both are there, the modular one is in use only if the other is not.
fn daemon(sight: &Sight, role: ServiceRole) -> Option<String> {
    let names = ["libvirtd.service", "virtqemud.service"];
    names
        .iter()
        .find(|name| role == ServiceRole::Libvirt && sight.units.contains(**name))
        .map(|name| name.to_string())
}

fn by_unit(
    sight: &Sight,
    role: ServiceRole,
    unit: Option<String>,
    log: Option<&str>,
) -> Option<ServicePlace> {
    let unit = unit?;
    let candidates: &[&str] = match role {
        ServiceRole::NovaCompute if unit.starts_with("devstack@") => &["/etc/nova/nova-cpu.conf"],
        ServiceRole::NovaCompute => &["/etc/nova/nova.conf", "/etc/nova/nova-compute.conf"],
        ServiceRole::NovaConductor if unit.ends_with("-cell1.service") => &["/etc/nova/nova_cell1.conf"],
        ServiceRole::NovaApi | ServiceRole::NovaScheduler | ServiceRole::NovaConductor => {
            &["/etc/nova/nova.conf"]
        }
        ServiceRole::Libvirt if unit.starts_with("virtqemud") => {
            &["/etc/libvirt/virtqemud.conf", "/etc/libvirt/qemu.conf"]
        }
        ServiceRole::Libvirt => &["/etc/libvirt/libvirtd.conf", "/etc/libvirt/qemu.conf"],
        ServiceRole::NeutronOvsAgent => &[
            "/etc/neutron/neutron.conf",
            "/etc/neutron/plugins/ml2/openvswitch_agent.ini",
            "/etc/neutron/plugins/ml2/ml2_conf.ini",
        ],
        ServiceRole::NeutronServer => &["/etc/neutron/neutron.conf", "/etc/neutron/plugins/ml2/ml2_conf.ini"],
    };
    let log = log.map(|log| format!("/var/log/{log}.log")).filter(|log| sight.paths.contains(log));
    Some(ServicePlace { unit: Some(unit), container: None, config: there(sight, candidates), log })
}

fn in_container(sight: &Sight, role: ServiceRole, name: &str, log: &str) -> Option<ServicePlace> {
    // Newer deployments (TripleO) have libvirt's modular daemon in a container of its own.
    let names: &[&str] = if role == ServiceRole::Libvirt { &[name, "nova_virtqemud"] } else { &[name] };
    let name = *names.iter().find(|name| sight.containers.contains_key(**name))?;
    let engine = *sight.containers.get(name)?;
    let folder = format!("/etc/kolla/{}", name.replace('_', "-"));
    let files: &[&str] = match role {
        ServiceRole::Libvirt => &["libvirtd.conf", "qemu.conf"],
        ServiceRole::NeutronOvsAgent => &["neutron.conf", "openvswitch_agent.ini"],
        ServiceRole::NeutronServer => &["neutron.conf", "ml2_conf.ini"],
        _ => &["nova.conf"],
    };
    let paths: Vec<String> = files.iter().map(|file| format!("{folder}/{file}")).collect();
    let unit = format!("kolla-{name}-container.service");
    Some(ServicePlace {
        unit: sight.units.contains(&unit).then_some(unit),
        container: Some(Container { engine, name: name.to_string() }),
        config: there(sight, &paths.iter().map(String::as_str).collect::<Vec<_>>()),
        log: Some(format!("/var/log/kolla/{log}.log")).filter(|log| sight.paths.contains(log)),
    })
}

fn there(sight: &Sight, candidates: &[&str]) -> Vec<String> {
    candidates.iter().filter(|path| sight.paths.contains(**path)).map(|path| path.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sight(units: &[&str], containers: &[(&str, Engine)], paths: &[&str]) -> Sight {
        let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        Sight {
            units: owned(units),
            containers: containers.iter().map(|(name, engine)| (name.to_string(), *engine)).collect(),
            paths: owned(paths),
        }
    }

    #[test]
    fn debian_packages() {
        let layout = detect(&sight(
            &["nova-compute.service", "libvirtd.service", "neutron-openvswitch-agent.service"],
            &[],
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
            &[],
            &["/etc/nova/nova.conf", "/etc/libvirt/virtqemud.conf"],
        ));
        assert_eq!(layout.kind, LayoutKind::Rdo);
        assert_eq!(
            layout.place(ServiceRole::NovaCompute).expect("nova").unit.as_deref(),
            Some("openstack-nova-compute.service")
        );
        assert_eq!(
            layout.place(ServiceRole::Libvirt).expect("libvirt").config,
            ["/etc/libvirt/virtqemud.conf"]
        );
    }

    #[test]
    fn devstack_logs_to_the_journal() {
        let layout = detect(&sight(
            &["devstack@n-cpu.service", "devstack@n-api.service", "libvirtd.service"],
            &[],
            &["/etc/nova/nova.conf", "/etc/nova/nova-cpu.conf"],
        ));
        assert_eq!(layout.kind, LayoutKind::Devstack);
        let compute = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
        assert_eq!(
            (compute.config.as_slice(), &compute.log),
            (&["/etc/nova/nova-cpu.conf".to_string()][..], &None)
        );
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
        let layout = detect(&sight(&units, &[], &["/etc/nova/nova.conf"]));
        let place = |role| layout.place(role).and_then(|place| place.unit.as_deref());
        assert_eq!(place(ServiceRole::NovaConductor), Some("devstack@n-super-cond.service"));
        assert_eq!(
            layout.other_units,
            [
                "devstack@g-api.service",
                "devstack@keystone.service",
                "devstack@n-cond-cell1.service",
                "devstack@placement-api.service"
            ]
        );
    }

    #[test]
    fn kolla_runs_virsh_in_its_container() {
        let layout = detect(&sight(
            &["kolla-nova_compute-container.service"],
            &[("nova_compute", Engine::Podman), ("nova_libvirt", Engine::Podman)],
            &["/etc/kolla/nova-compute/nova.conf", "/var/log/kolla/nova/nova-compute.log"],
        ));
        assert_eq!(layout.kind, LayoutKind::Kolla);
        let compute = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
        assert_eq!(compute.unit.as_deref(), Some("kolla-nova_compute-container.service"));
        assert_eq!(compute.config, ["/etc/kolla/nova-compute/nova.conf"]);
        let virsh = layout.virsh_host(&Host::local("x"));
        assert_eq!(virsh.container().map(|container| container.name.as_str()), Some("nova_libvirt"));
    }

    #[test]
    fn nothing_is_unknown() {
        let layout = detect(&sight(&["ssh.service"], &[], &[]));
        assert_eq!((layout.kind, layout.places.len()), (LayoutKind::Unknown, 0));
    }
}
