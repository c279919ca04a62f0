//! Neutron ports: where network cards of servers are plugged in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lookup::{Named, pick};
use super::nic::{FixedAddress, show_addresses};
use super::{Call, Cloud, Service};
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// A port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Port {
    /// UUID.
    pub id: String,
    /// Name; not unique, mostly empty.
    pub name: String,
    /// Its network's id.
    pub network_id: String,
    /// MAC address.
    #[serde(rename(deserialize = "mac_address"))]
    pub mac: String,
    /// "ACTIVE", "DOWN", "BUILD", "N/A".
    pub status: String,
    /// Its addresses.
    #[serde(default)]
    pub fixed_ips: Vec<FixedAddress>,
    /// The id of the server (or router …) that has it; empty for none.
    #[serde(default)]
    pub device_id: String,
    /// "compute:nova", "network:dhcp" …
    #[serde(default)]
    pub device_owner: String,
    /// The ids of its security groups.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// "normal", "direct" (an SR-IOV virtual function), "macvtap" …
    #[serde(rename(deserialize = "binding:vnic_type"), default)]
    pub vnic_type: String,
    /// The host it is bound to (administrators).
    #[serde(rename(deserialize = "binding:host_id"), default)]
    pub host: Option<String>,
    /// "ovs", "hw_veb", "unbound", "binding_failed" … (administrators).
    #[serde(rename(deserialize = "binding:vif_type"), default)]
    pub vif_type: Option<String>,
    /// What the binding needs: `pci_slot` of an SR-IOV function … (administrators).
    #[serde(rename(deserialize = "binding:profile"), default)]
    pub profile: BTreeMap<String, Value>,
    /// The project it belongs to.
    #[serde(default)]
    pub project_id: String,
}

/// What ties a port to a host. While a server moves live, its port has two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortBinding {
    /// The host.
    pub host: String,
    /// "ACTIVE" or "INACTIVE".
    pub status: String,
    /// "ovs", "binding_failed" …
    #[serde(default)]
    pub vif_type: String,
}

/// A port to be made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewPort {
    /// Its name.
    pub name: String,
    /// With this address; neutron chooses one when absent.
    pub fixed_address: Option<String>,
    /// "normal" when absent; "direct" for an SR-IOV virtual function.
    pub vnic_type: Option<String>,
    /// The ids of its security groups; the project's default one when absent.
    pub security_groups: Option<Vec<String>>,
}

impl Named for Port {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Show for Port {
    const PLURAL: &'static str = "ports";
    const COLUMNS: &'static [Column<Port>] = &[
        Column::new("id", |port| port.id.clone()),
        Column::new("name", |port| port.name.clone()),
        Column::new("status", |port| port.status.clone()),
        Column::new("address", |port| show_addresses(&port.fixed_ips)),
        Column::new("mac", |port| port.mac.clone()),
        Column::new("host", |port| port.host.clone().unwrap_or_default()),
        Column::wide("type", |port| port.vnic_type.clone()),
        Column::wide("bound as", |port| port.vif_type.clone().unwrap_or_default()),
        Column::wide("owner", |port| port.device_owner.clone()),
        Column::new("device", |port| port.device_id.clone()),
        Column::wide("network", |port| port.network_id.clone()),
    ];
}

#[derive(Deserialize)]
struct Shown {
    port: Port,
}

impl Cloud {
    /// All ports the user may see.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn ports(&self) -> Result<Vec<Port>> {
        self.list(Call::get(Service::Network, "/ports"), "ports").await
    }

    /// The ports of a server.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn ports_of(&self, server_id: &str) -> Result<Vec<Port>> {
        self.list(Call::get(Service::Network, "/ports").query("device_id", server_id), "ports").await
    }

    /// All bindings of a port (administrators); none where Neutron knows only one of each port.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn port_bindings(&self, port_id: &str) -> Result<Vec<PortBinding>> {
        let call = Call::get(Service::Network, format!("/ports/{port_id}/bindings"));
        match self.list(call, "bindings").await {
            Err(Error::Api { status: 404, .. }) => Ok(Vec::new()),
            other => other,
        }
    }

    /// One port by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub async fn port(&self, asked: &str) -> Result<Port> {
        pick("port", asked, self.ports().await?)
    }

    /// Make a port on a network.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 with the reason when the address is taken.
    pub async fn create_port(&self, network_id: &str, port: &NewPort) -> Result<Port> {
        let mut body = json!({"network_id": network_id, "name": port.name});
        if let Some(address) = &port.fixed_address {
            body["fixed_ips"] = json!([{"ip_address": address}]);
        }
        if let Some(kind) = &port.vnic_type {
            body["binding:vnic_type"] = json!(kind);
        }
        if let Some(groups) = &port.security_groups {
            body["security_groups"] = json!(groups);
        }
        let call = Call::post(Service::Network, "/ports", json!({"port": body}));
        Ok(self.call(call).await?.read::<Shown>("port")?.port)
    }

    /// Delete a port. One that is gone already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn delete_port(&self, id: &str) -> Result<()> {
        self.delete(Service::Network, format!("/ports/{id}")).await
    }
}
