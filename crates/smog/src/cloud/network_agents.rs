//! Neutron's agents on hosts: who binds ports there, and to which networks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Call, Cloud, Service};
use crate::error::Result;

/// An agent of Neutron's (`GET /v2.0/agents`; administrators).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NetworkAgent {
    /// "Open vSwitch agent", "DHCP agent", "OVN Controller agent" …
    #[serde(rename(deserialize = "agent_type"))]
    pub kind: String,
    /// Its host, as Neutron names it.
    pub host: String,
    /// Whether it reported within the last 75 seconds (`agent_down_time`).
    #[serde(default)]
    pub alive: bool,
    /// Whether it is switched on.
    #[serde(default = "yes")]
    pub admin_state_up: bool,
    /// The physical networks that it reaches (`bridge_mappings`, or `physical_interface_mappings`).
    #[serde(rename(deserialize = "configurations"), deserialize_with = "reaches", default)]
    pub reaches: Reaches,
}

/// What an agent reaches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaches {
    /// Physical networks, for networks of the kinds "flat" and "vlan".
    pub physical_networks: BTreeSet<String>,
    /// Kinds of tunnels: "vxlan", "gre".
    pub tunnels: BTreeSet<String>,
}

fn yes() -> bool {
    true
}

fn reaches<'de, D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Reaches, D::Error> {
    let found = Value::deserialize(from)?;
    let mappings =
        ["bridge_mappings", "physical_interface_mappings", "interface_mappings", "device_mappings"];
    let mappings = mappings.iter().filter_map(|key| found.get(key)?.as_object());
    let tunnels = found.get("tunnel_types").and_then(Value::as_array);
    let tunnels = tunnels.into_iter().flatten().filter_map(Value::as_str);
    Ok(Reaches {
        physical_networks: mappings.flat_map(|map| map.keys().cloned()).collect(),
        tunnels: tunnels.map(str::to_string).collect(),
    })
}

impl Cloud {
    /// Neutron's agents, of all hosts.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 403 for users who are no administrators.
    pub async fn network_agents(&self) -> Result<Vec<NetworkAgent>> {
        #[derive(Deserialize)]
        struct List {
            agents: Vec<NetworkAgent>,
        }
        Ok(self.call(Call::get(Service::Network, "/agents")).await?.read::<List>("network agents")?.agents)
    }
}
