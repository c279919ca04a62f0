//! How a deployment is laid out on a host: found by looking, never by asking which one it is.

mod detect;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::host::{Batch, Cmd, Container, Engine, Host};
use detect::Sight;

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
    /// kolla-ansible: containers with kolla's label or files of /etc/kolla, `kolla-nova_compute-container.service`.
    Kolla,
    /// RHOSO's data plane (EDPM): the container nova_compute of `edpm_nova_compute.service`, libvirt on the host.
    Edpm,
    /// TripleO and RHOSP 13 to 17: containers, files that puppet wrote, `tripleo_nova_compute.service`.
    TripleO,
    /// OpenStack-Ansible: virtual environments below /openstack/venvs, `nova-compute.service`.
    #[serde(rename = "openstack-ansible")]
    OpenStackAnsible,
    /// Ubuntu's packages under Juju's charms.
    Charms,
    /// Sunbeam: the snap openstack-hypervisor, with a libvirt and a virsh of its own.
    Sunbeam,
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
    /// nova-conductor; where a cell has one of its own, the super conductor.
    NovaConductor,
    /// nova-conductor of a cell, where it is another service than the super conductor.
    NovaCellConductor,
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
    /// Units of further services of the deployment, where these log to the journal only: devstack's
    /// keystone, glance, placement, the conductor of a cell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_units: Vec<String>,
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

    /// The program that asks libvirt: `virsh`, or that of a snap.
    pub fn virsh(&self) -> &'static str {
        detect::virsh(self.kind)
    }
}

/// All containers of an engine: name, whether it runs, the labels that are evidence, the mounts; then
/// the files that are mounted for kolla's start script.
const LOOK: &str = r#"ids=$("$1" ps -aq 2>/dev/null) || exit 0
[ -n "$ids" ] || exit 0
label() { printf '%s={{index .Config.Labels "%s"}};' "$1" "$1"; }
seen=$("$1" container inspect --format "container {{.Name}}|{{.State.Running}}|$(label kolla_version)$(label managed_by)$(label config_id)|{{range .Mounts}}{{.Source}}>{{.Destination}};{{end}}" $ids)
echo "$seen"
echo "$seen" | tr '|;' '

' | sed -n 's,>/var/lib/kolla/config_files/*$,,p' | sort -u |
while read -r d; do ls -1d "$d"/*.conf "$d"/*.ini 2>/dev/null; done
exit 0"#;

/// Where configuration and logs may be; a path that is not there is not listed.
const PATHS: &str = "ls -1d /etc/nova/*.conf /etc/neutron/*.conf /etc/neutron/plugins/ml2/*.ini /etc/libvirt/*.conf \
     /var/lib/openstack/config/*/*.conf /var/lib/config-data/puppet-generated/*/etc/*/*.conf \
     /var/lib/config-data/puppet-generated/neutron/etc/neutron/plugins/ml2/*.ini \
     /var/snap/openstack-hypervisor/common/etc/*/*.conf /var/snap/openstack-hypervisor/common/etc/nova/nova.conf.d/*.conf \
     /openstack/venvs/* /var/log/nova/*.log /var/log/neutron/*.log /var/log/kolla/*/*.log \
     /var/log/containers/*/*.log /var/log/libvirt/*.log 2>/dev/null; exit 0";

impl Host {
    /// Look how the deployment is laid out here. One command.
    ///
    /// # Errors
    /// As [`Host::run`]; that nothing is found is [`LayoutKind::Unknown`].
    pub async fn layout(&self) -> Result<Layout> {
        let mut batch = Batch::new();
        let patterns = [
            "nova*",
            "openstack-nova*",
            "devstack@*",
            "libvirtd*",
            "virtqemud*",
            "neutron*",
            "kolla*",
            "edpm_*",
            "tripleo_*",
            "snap.openstack-hypervisor.*",
            "jujud-*",
        ];
        let list = ["list-unit-files", "--no-legend", "--plain", "--no-pager", "--type=service"];
        let units = batch.add_dispensable(Cmd::new("systemctl").args(list).args(patterns).look("units"));
        // devstack's are instances of a template, which only show when they are loaded.
        let list = ["list-units", "--all", "--no-legend", "--plain", "--no-pager", "--type=service"];
        let loaded =
            batch.add_dispensable(Cmd::new("systemctl").args(list).args(patterns).look("loaded units"));
        let podman = batch.add_dispensable(Cmd::shell(LOOK).arg("podman").look("containers of podman"));
        let docker = batch.add_dispensable(Cmd::shell(LOOK).arg("docker").look("containers of docker"));
        let paths = batch.add(Cmd::shell(PATHS).look("configuration and logs"));
        let answers = self.outside().ask(batch).await?;
        let text = |ask| answers.get(ask).text().into_owned();
        // A unit that is masked, or disabled and down, is only installed.
        let in_use = |ask, column: usize, words: &[&str], wanted: bool| {
            let text = text(ask);
            let names = text.lines().filter_map(|line| {
                let fields: Vec<&str> = line.split_ascii_whitespace().collect();
                let word = fields.get(column)?;
                (words.contains(word) == wanted).then(|| fields[0].to_string())
            });
            names.collect::<Vec<_>>()
        };
        let enabled = in_use(units, 1, &["masked", "disabled", "masked-runtime"], false);
        let up = in_use(loaded, 2, &["active", "activating", "reloading", "failed"], true);
        let mut sight = Sight { units: enabled.into_iter().chain(up).collect(), ..Sight::default() };
        for (engine, ask) in [(Engine::Docker, docker), (Engine::Podman, podman)] {
            let text = text(ask);
            sight.containers.extend(detect::containers(engine, &text));
            sight.paths.extend(text.lines().filter(|line| line.starts_with('/')).map(str::to_string));
        }
        sight.paths.extend(text(paths).lines().map(|line| line.trim().to_string()));
        Ok(detect::detect(&sight))
    }
}
