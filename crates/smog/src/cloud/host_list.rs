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

impl Cloud {
    /// The names of all hosts of smog.yml, and of those with a nova-compute. Asks Nova's
    /// database only: unlike [`Cloud::host_list`], it answers at once when a nova-compute
    /// is down. When Nova does not answer, those of smog.yml.
    pub async fn host_names(&self) -> Vec<String> {
        let listed = self.0.listed_hosts.iter();
        let mut names: Vec<String> =
            listed.map(|entry| entry.name.clone().unwrap_or_else(|| entry.host.clone())).collect();
        for service in self.compute_services().await.unwrap_or_default() {
            let is_known = names.contains(&service.host) || self.listed(&service.host).is_some();
            if service.binary == "nova-compute" && !is_known {
                names.push(service.host);
            }
        }
        names.dedup();
        names
    }

    /// All hosts of smog.yml and of Nova, each once. One call to Nova; no host is asked.
    ///
    /// # Errors
    /// As [`Cloud::hypervisors`]; a user who may not list them gets smog.yml's hosts.
    pub async fn host_list(&self) -> Result<Vec<HostLine>> {
        let mut hypervisors = match self.hypervisors().await {
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
        Ok(lines)
    }
}

impl Show for HostLine {
    const COLUMNS: &'static [Column<HostLine>] = &[
        Column::new("name", |host| host.name.clone()),
        Column::new("address", |host| host.address.clone()),
        Column::new("role", |host| host.role.clone().unwrap_or_default()),
        Column::new("state", |host| host.state.clone().unwrap_or_default()),
        Column::new("status", |host| host.status.clone().unwrap_or_default()),
        Column::new("hypervisor", |host| host.hypervisor.clone().unwrap_or_default()),
    ];
}
