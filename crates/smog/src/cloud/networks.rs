//! Neutron networks and their subnets.

use crate::hint::{self, Hint};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::lookup::{Named, pick};
use super::{Call, Cloud, Service};
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// A network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Network {
    /// UUID.
    pub id: String,
    /// Name; not unique.
    pub name: String,
    /// "ACTIVE", "DOWN" …
    pub status: String,
    /// Whether it is switched on.
    pub admin_state_up: bool,
    /// Whether every project may use it.
    #[serde(default)]
    pub shared: bool,
    /// Whether it leads outside.
    #[serde(rename(deserialize = "router:external"), default)]
    pub external: bool,
    /// Its subnets' ids.
    #[serde(default)]
    pub subnets: Vec<String>,
    /// Largest packet in bytes.
    #[serde(default)]
    pub mtu: u32,
    /// "vlan", "vxlan", "flat" … (administrators).
    #[serde(rename(deserialize = "provider:network_type"), default)]
    pub kind: Option<String>,
    /// The physical network it runs over (administrators).
    #[serde(rename(deserialize = "provider:physical_network"), default)]
    pub physical_network: Option<String>,
    /// VLAN or tunnel number (administrators).
    #[serde(rename(deserialize = "provider:segmentation_id"), default)]
    pub segment: Option<u32>,
    /// The project it belongs to.
    #[serde(default)]
    pub project_id: String,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Subnet {
    /// UUID.
    pub id: String,
    /// Name; not unique, may be empty.
    pub name: String,
    /// Its network's id.
    pub network_id: String,
    /// "192.168.5.0/24".
    pub cidr: String,
    /// 4 or 6.
    pub ip_version: u8,
    /// The router's address.
    #[serde(default)]
    pub gateway_ip: Option<String>,
    /// Whether its guests get their addresses by DHCP.
    pub enable_dhcp: bool,
    /// The addresses ports get.
    #[serde(default)]
    pub allocation_pools: Vec<AddressPool>,
    /// The project it belongs to.
    #[serde(default)]
    pub project_id: String,
}

/// A range of addresses, both ends included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AddressPool {
    /// The first.
    pub start: String,
    /// The last.
    pub end: String,
}

/// A subnet to be made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewSubnet {
    /// Its name.
    pub name: String,
    /// "192.168.5.0/24".
    pub cidr: String,
    /// The router's address; none for a subnet without one.
    pub gateway_ip: Option<String>,
    /// Whether its guests get their addresses by DHCP.
    pub enable_dhcp: bool,
}

impl Named for Network {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Subnet {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Show for Network {
    const PLURAL: &'static str = "networks";
    const COLUMNS: &'static [Column<Network>] = &[
        Column::new("name", |network| network.name.clone()),
        Column::new("status", |network| network.status.clone()),
        Column::new("type", |network| match (&network.kind, network.segment) {
            (Some(kind), Some(segment)) => format!("{kind} {segment}"),
            (kind, _) => kind.clone().unwrap_or_default(),
        }),
        Column::new("shared", |network| if network.shared { "shared".into() } else { String::new() }),
        Column::new("subnets", |network| network.subnets.len().to_string()),
        Column::wide("over", |network| network.physical_network.clone().unwrap_or_default()),
        Column::wide("mtu", |network| network.mtu.to_string()),
        Column::new("id", |network| network.id.clone()),
        Column::wide("project", |network| network.project_id.clone()),
    ];
}

impl Show for Subnet {
    const PLURAL: &'static str = "subnets";
    const COLUMNS: &'static [Column<Subnet>] = &[
        Column::new("name", |subnet| subnet.name.clone()),
        Column::new("cidr", |subnet| subnet.cidr.clone()),
        Column::new("gateway", |subnet| subnet.gateway_ip.clone().unwrap_or_default()),
        Column::new("dhcp", |subnet| if subnet.enable_dhcp { "dhcp".into() } else { String::new() }),
        Column::new("network", |subnet| subnet.network_id.clone()),
        Column::new("id", |subnet| subnet.id.clone()),
        Column::wide("pools", |subnet| {
            let pools = subnet.allocation_pools.iter().map(|pool| format!("{}-{}", pool.start, pool.end));
            pools.collect::<Vec<_>>().join(", ")
        }),
        Column::wide("project", |subnet| subnet.project_id.clone()),
    ];
}

#[derive(Deserialize)]
struct OneNetwork {
    network: Network,
}

#[derive(Deserialize)]
struct OneSubnet {
    subnet: Subnet,
}

impl Cloud {
    /// All networks the user may see.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn networks(&self) -> Result<Vec<Network>> {
        self.list(Call::get(Service::Network, "/networks"), "networks").await
    }

    /// One network by id, name, or an unambiguous beginning of either, that a server
    /// can be put on.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`], [`Error::Invalid`]
    /// for one that is down or has no subnet.
    pub async fn network(&self, asked: &str) -> Result<Network> {
        let network = self.any_network(asked).await?;
        let unusable = |why: &str| Error::Invalid {
            what: format!("network `{}`", network.name),
            why: why.into(),
            hint: Some(
                Hint::from("choose another with ")
                    .and(hint::NETWORK.hint())
                    .and(", or none with ")
                    .and(hint::NO_NETWORK.hint()),
            ),
        };
        if !network.admin_state_up || network.status != "ACTIVE" {
            return Err(unusable(&format!("it is {}, not ACTIVE", network.status)));
        }
        if network.subnets.is_empty() {
            return Err(unusable("it has no subnet, so Nova cannot give a server an address"));
        }
        Ok(network)
    }

    /// One network by id, name, or an unambiguous beginning of either, usable or not.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`].
    pub async fn any_network(&self, asked: &str) -> Result<Network> {
        pick("network", asked, self.networks().await?)
    }

    /// Make a network for the user's project.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn create_network(&self, name: &str) -> Result<Network> {
        let call = Call::post(Service::Network, "/networks", json!({"network": {"name": name}}));
        Ok(self.call(call).await?.read::<OneNetwork>("network")?.network)
    }

    /// Delete a network with its subnets. One that is gone already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 with the reason when a port is left on it.
    pub async fn delete_network(&self, id: &str) -> Result<()> {
        self.delete(Service::Network, format!("/networks/{id}")).await
    }

    /// All subnets the user may see.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn subnets(&self) -> Result<Vec<Subnet>> {
        self.list(Call::get(Service::Network, "/subnets"), "subnets").await
    }

    /// One subnet by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`].
    pub async fn subnet(&self, asked: &str) -> Result<Subnet> {
        pick("subnet", asked, self.subnets().await?)
    }

    /// Make a subnet on a network.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 400 with the reason when it overlaps another.
    pub async fn create_subnet(&self, network_id: &str, subnet: &NewSubnet) -> Result<Subnet> {
        let body = json!({"subnet": {
            "network_id": network_id,
            "name": subnet.name,
            "cidr": subnet.cidr,
            "ip_version": if subnet.cidr.contains(':') { 6 } else { 4 },
            "gateway_ip": subnet.gateway_ip,
            "enable_dhcp": subnet.enable_dhcp,
        }});
        let call = Call::post(Service::Network, "/subnets", body);
        Ok(self.call(call).await?.read::<OneSubnet>("subnet")?.subnet)
    }

    /// Delete a subnet. One that is gone already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 with the reason when a port has an address of it.
    pub async fn delete_subnet(&self, id: &str) -> Result<()> {
        self.delete(Service::Network, format!("/subnets/{id}")).await
    }
}
