//! Every host smog knows of: those of smog.yml and Nova's hypervisors.

use serde::Serialize;

use super::Cloud;
use super::hosts::is_called;
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// One host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostLine {
    /// The name smog and Nova know it by.
    pub name: String,
    /// The address SSH connects to.
    pub address: String,
    /// Its place in smog.yml (`controllers`, `computes` …); none when only Nova knows it.
    pub role: Option<String>,
    /// The compute service's state: "up" or "down"; none on hosts without one.
    pub state: Option<String>,
    /// "enabled" or "disabled", for servers to be scheduled there.
    pub status: Option<String>,
    /// "QEMU", "KVM" …
    pub hypervisor: Option<String>,
}

/// See [`Cloud::hosts_with_logs`].
pub(crate) struct HostsWithLogs {
    /// Each once.
    pub(crate) names: Vec<String>,
    /// What could not be asked, and why.
    pub(crate) unknown: Option<(String, String)>,
}

impl Cloud {
    /// The names of all hosts of smog.yml, and of those with a nova-compute. Asks Nova's
    /// database only: unlike [`Cloud::host_list`], it answers at once when a nova-compute
    /// is down. When Nova does not answer, those of smog.yml.
    ///
    /// # Errors
    /// As [`Cloud::call`], where smog.yml lists none: then nothing is known of any host.
    pub async fn host_names(&self) -> Result<Vec<String>> {
        let listed = self.0.listed_hosts.iter();
        let mut names: Vec<String> =
            listed.map(|entry| entry.name.clone().unwrap_or_else(|| entry.host.clone())).collect();
        let services = match self.compute_services().await {
            Err(why) if names.is_empty() => return Err(why),
            services => services.unwrap_or_default(),
        };
        for service in services {
            let is_known = names.contains(&service.host) || self.listed(&service.host).is_some();
            if service.binary == "nova-compute" && !is_known {
                names.push(service.host);
            }
        }
        names.dedup();
        Ok(names)
    }

    /// The hosts that have logs of Nova: those of smog.yml and of Nova's services, of
    /// nova-compute or of all. A host is named though Nova has no hypervisor of it.
    pub(crate) async fn hosts_with_logs(&self, all_services: bool) -> HostsWithLogs {
        let listed = self.0.listed_hosts.iter();
        let mut names: Vec<String> =
            listed.map(|entry| entry.name.clone().unwrap_or_else(|| entry.host.clone())).collect();
        let (services, unknown) = match self.compute_services().await {
            Ok(services) => (services, None),
            // Who may not list them is shown no host; smog.yml has those that are wanted.
            Err(Error::Api { status: 403, .. }) => (Vec::new(), None),
            Err(why) => (Vec::new(), Some(("the list of Nova's services".to_string(), why.to_string()))),
        };
        for service in services {
            let is_wanted = all_services || service.binary == "nova-compute";
            if is_wanted && !names.contains(&service.host) && self.listed(&service.host).is_none() {
                names.push(service.host);
            }
        }
        let mut known = std::collections::BTreeSet::new();
        names.retain(|name| known.insert(name.clone()));
        HostsWithLogs { names, unknown }
    }

    /// All hosts of smog.yml and of Nova, each once, also those with a nova-compute that Nova
    /// has no hypervisor of. Two calls to Nova; no host is asked.
    ///
    /// # Errors
    /// As [`Cloud::hypervisors_without_uptime`]; a user who may not list them gets smog.yml's hosts.
    pub async fn host_list(&self) -> Result<Vec<HostLine>> {
        let mut hypervisors = match self.hypervisors_without_uptime().await {
            Err(Error::Api { status: 403, .. }) => vec![],
            other => other?,
        };
        let mut lines: Vec<HostLine> = Vec::new();
        for entry in &self.0.listed_hosts {
            let name = entry.name.as_deref().unwrap_or(&entry.host);
            if lines.iter().any(|line| line.name == name && line.address == entry.host) {
                continue;
            }
            let at = hypervisors.iter().position(|one| is_called(one, name) || is_called(one, &entry.host));
            let hypervisor = at.map(|at| hypervisors.remove(at));
            lines.push(HostLine {
                name: name.to_string(),
                address: entry.host.clone(),
                role: Some(entry.role.clone()),
                state: hypervisor.as_ref().map(|one| one.state.clone()),
                status: hypervisor.as_ref().map(|one| one.status.clone()),
                hypervisor: hypervisor.map(|one| one.hypervisor_type),
            });
        }
        lines.extend(hypervisors.into_iter().map(|one| HostLine {
            name: one.service.host,
            address: one.host_ip.unwrap_or(one.hypervisor_hostname),
            role: None,
            state: Some(one.state),
            status: Some(one.status),
            hypervisor: Some(one.hypervisor_type),
        }));
        let services = match self.compute_services().await {
            Err(Error::Api { status: 403, .. }) => vec![],
            other => other?,
        };
        for service in services.into_iter().filter(|service| service.binary == "nova-compute") {
            let is_known = |line: &HostLine| line.name == service.host;
            if !lines.iter().any(is_known) && self.listed(&service.host).is_none() {
                lines.push(HostLine {
                    name: service.host,
                    address: String::new(),
                    role: None,
                    state: Some(service.state),
                    status: Some(service.status),
                    hypervisor: None,
                });
            }
        }
        Ok(lines)
    }
}

impl Show for HostLine {
    const PLURAL: &'static str = "hosts";
    const COLUMNS: &'static [Column<HostLine>] = &[
        Column::new("name", |host| host.name.clone()),
        Column::new("address", |host| host.address.clone()),
        Column::new("role", |host| host.role.clone().unwrap_or_default()),
        Column::new("state", |host| host.state.clone().unwrap_or_default()),
        Column::new("status", |host| host.status.clone().unwrap_or_default()),
        Column::new("hypervisor", |host| host.hypervisor.clone().unwrap_or_default()),
    ];
}
