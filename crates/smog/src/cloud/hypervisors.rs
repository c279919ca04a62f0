//! Hypervisors: the machines Nova runs servers on.

use serde::{Deserialize, Serialize};

use super::{Call, Cloud, Service};
use crate::error::Result;

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
    /// The compute service that runs it.
    pub service: HypervisorService,
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

#[derive(Deserialize)]
struct Listed {
    hypervisors: Vec<Hypervisor>,
}

impl Cloud {
    /// All hypervisors (administrators only).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn hypervisors(&self) -> Result<Vec<Hypervisor>> {
        let version = self.compute_microversion().await?;
        let call = Call::get(Service::Compute, "/os-hypervisors/detail").at(version);
        Ok(self.call(call).await?.read::<Listed>("list of hypervisors")?.hypervisors)
    }
}
