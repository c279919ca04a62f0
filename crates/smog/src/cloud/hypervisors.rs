//! Hypervisors: the machines Nova runs servers on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lookup::{Named, pick};
use super::{Call, Cloud, Microversion, Service};
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// One hypervisor (microversion 2.53 and later).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hypervisor {
    /// UUID; also the resource provider's UUID in placement.
    pub id: String,
    /// Its own name, often the long host name.
    pub hypervisor_hostname: String,
    /// The address Nova knows (`[DEFAULT]my_ip`).
    #[serde(default)]
    pub host_ip: Option<String>,
    /// "up" or "down".
    pub state: String,
    /// "enabled" or "disabled".
    pub status: String,
    /// "QEMU", "KVM" …
    pub hypervisor_type: String,
    /// QEMU's version as a number: 10000013 is 10.0.13.
    #[serde(default)]
    pub hypervisor_version: u64,
    /// The compute service that runs it.
    pub service: HypervisorService,
    /// What `uptime` said there, when Nova could ask (microversion 2.88).
    #[serde(default)]
    pub uptime: Option<String>,
    /// Its servers; filled in by [`Cloud::hypervisors_with_servers`].
    #[serde(default)]
    pub servers: Vec<HypervisorServer>,
}

/// The compute service of a hypervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HypervisorService {
    /// The service's host, as servers name it (`[DEFAULT]host`).
    pub host: String,
    /// Why it is disabled.
    #[serde(default)]
    pub disabled_reason: Option<String>,
}

/// A server on a hypervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HypervisorServer {
    /// The server's id.
    #[serde(rename(deserialize = "uuid"))]
    pub id: String,
    /// Its libvirt domain: "instance-0000002a".
    #[serde(rename(deserialize = "name"))]
    pub instance_name: String,
}

impl Hypervisor {
    /// "10.0.13"; empty when Nova names none.
    pub fn version(&self) -> String {
        match self.hypervisor_version {
            0 => String::new(),
            number => format!("{}.{}.{}", number / 1_000_000, number / 1000 % 1000, number % 1000),
        }
    }
}

impl Named for Hypervisor {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.hypervisor_hostname
    }
}

impl Show for Hypervisor {
    const PLURAL: &'static str = "hypervisors";
    const COLUMNS: &'static [Column<Hypervisor>] = &[
        Column::new("name", |hypervisor| hypervisor.hypervisor_hostname.clone()),
        Column::new("state", |hypervisor| hypervisor.state.clone()),
        Column::new("status", |hypervisor| hypervisor.status.clone()),
        Column::new("type", |hypervisor| format!("{} {}", hypervisor.hypervisor_type, hypervisor.version())),
        Column::new("address", |hypervisor| hypervisor.host_ip.clone().unwrap_or_default()),
        Column::wide("host", |hypervisor| hypervisor.service.host.clone()),
        Column::wide("uptime", |hypervisor| {
            hypervisor.uptime.as_deref().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
        }),
        Column::wide("servers", |hypervisor| {
            let names = hypervisor.servers.iter().map(|server| server.instance_name.clone());
            names.collect::<Vec<_>>().join(", ")
        }),
        Column::wide("id", |hypervisor| hypervisor.id.clone()),
    ];
}

impl Cloud {
    /// All hypervisors (administrators only). Nova asks every compute for its uptime; where one does
    /// not answer, and Nova gives no list for it, the list is that without uptimes.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn hypervisors(&self) -> Result<Vec<Hypervisor>> {
        let version = self.compute_microversion().await?;
        let call = Call::get(Service::Compute, "/os-hypervisors/detail").at(version);
        match self.list(call, "hypervisors").await {
            Err(Error::Api { status: 500, .. }) if version >= Microversion(2, 88) => {
                self.hypervisors_without_uptime().await
            }
            other => other,
        }
    }

    /// The same without what `uptime` says on each, which Nova asks every compute for.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn hypervisors_without_uptime(&self) -> Result<Vec<Hypervisor>> {
        // From 2.88 on the list has it.
        let version = self.compute_microversion().await?.min(Microversion(2, 87));
        self.list(Call::get(Service::Compute, "/os-hypervisors/detail").at(version), "hypervisors").await
    }

    /// All hypervisors, each with its servers (administrators only).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn hypervisors_with_servers(&self) -> Result<Vec<Hypervisor>> {
        let version = self.compute_microversion().await?;
        let call = Call::get(Service::Compute, "/os-hypervisors/detail").at(version);
        self.list(call.query("with_servers", "true"), "hypervisors").await
    }

    /// How many vCPUs nova-compute counts as used, by its host (administrators only). It
    /// counts again after each request and at `update_resources_interval`, so what has just
    /// left a host may still be in it. Nova reports this up to microversion 2.87 only.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn vcpus_used(&self) -> Result<BTreeMap<String, u64>> {
        #[derive(Deserialize)]
        struct Used {
            vcpus_used: u64,
            service: HypervisorService,
        }
        let version = self.compute_microversion().await?.min(Microversion(2, 87));
        let call = Call::get(Service::Compute, "/os-hypervisors/detail").at(version);
        let all: Vec<Used> = self.list(call, "hypervisors").await?;
        Ok(all.into_iter().map(|used| (used.service.host, used.vcpus_used)).collect())
    }

    /// One hypervisor, with its servers, by its name or id, its service's host, or an
    /// unambiguous beginning.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub async fn hypervisor(&self, asked: &str) -> Result<Hypervisor> {
        let all = self.hypervisors_with_servers().await?;
        match all.iter().find(|hypervisor| hypervisor.service.host == asked) {
            Some(found) => Ok(found.clone()),
            None => pick("hypervisor", asked, all),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_hypervisors() {
        let text = include_str!("../../tests/data/api/hypervisors-epoxy.json");
        let mut body: serde_json::Value = serde_json::from_str(text).expect("json");
        let found: Vec<Hypervisor> = serde_json::from_value(body["hypervisors"].take()).expect("hypervisors");
        let names: Vec<&str> = found.iter().map(|hypervisor| hypervisor.service.host.as_str()).collect();
        assert_eq!(names, ["cmp1", "cmp2"]);
        assert_eq!(found[0].version(), "10.0.13");
        assert!(found.iter().any(|hypervisor| !hypervisor.servers.is_empty()));
    }
}
