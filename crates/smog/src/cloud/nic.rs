//! Network cards of servers: asked for, attached, detached.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Call, Cloud, Service};
use crate::error::{Error, Result};
use crate::show::{Column, Show};
use crate::wait::{self, Seen, Wait};

/// A network card to be made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Nic {
    /// On this network, by name or id; Nova makes the port.
    pub network: Option<String>,
    /// With this address, of version 4 or 6.
    pub fixed_address: Option<String>,
    /// With this existing port, by name or id, instead.
    pub port: Option<String>,
    /// A tag the guest sees in its metadata.
    pub tag: Option<String>,
}

impl Nic {
    /// On a network, by name or id.
    pub fn network(asked: impl Into<String>) -> Nic {
        Nic { network: Some(asked.into()), ..Nic::default() }
    }

    /// With an existing port, by name or id.
    pub fn port(asked: impl Into<String>) -> Nic {
        Nic { port: Some(asked.into()), ..Nic::default() }
    }

    /// With this address.
    pub fn with_address(mut self, address: impl Into<String>) -> Nic {
        self.fixed_address = Some(address.into());
        self
    }
}

/// A network card a server has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    /// Its port's id.
    pub port_id: String,
    /// The network's id.
    #[serde(rename(deserialize = "net_id"))]
    pub network_id: String,
    /// "ACTIVE", "DOWN" …
    #[serde(rename(deserialize = "port_state"))]
    pub status: String,
    /// MAC address.
    #[serde(rename(deserialize = "mac_addr"))]
    pub mac: String,
    /// Its addresses.
    #[serde(default)]
    pub fixed_ips: Vec<FixedAddress>,
    /// Its tag (microversion 2.70).
    #[serde(default)]
    pub tag: Option<String>,
}

/// An address of a port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FixedAddress {
    /// The address.
    pub ip_address: String,
    /// The subnet's id.
    pub subnet_id: String,
}

impl Show for Interface {
    const PLURAL: &'static str = "interfaces";
    const COLUMNS: &'static [Column<Interface>] = &[
        Column::new("port", |nic| nic.port_id.clone()),
        Column::new("status", |nic| nic.status.clone()),
        Column::new("mac", |nic| nic.mac.clone()),
        Column::new("address", |nic| show_addresses(&nic.fixed_ips)),
        Column::new("tag", |nic| nic.tag.clone().unwrap_or_default()),
        Column::new("network", |nic| nic.network_id.clone()),
    ];
}

/// "192.168.5.7, fd00::7"
pub(super) fn show_addresses(addresses: &[FixedAddress]) -> String {
    addresses.iter().map(|fixed| fixed.ip_address.clone()).collect::<Vec<_>>().join(", ")
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "interfaceAttachments")]
    interfaces: Vec<Interface>,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(rename = "interfaceAttachment")]
    interface: Interface,
}

impl Cloud {
    /// One interface of a server: by its port's id, its MAC or one of its addresses.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near MACs.
    pub async fn interface(&self, server_id: &str, asked: &str) -> Result<Interface> {
        let all = self.interfaces(server_id).await?;
        let is_meant = |one: &&Interface| {
            let has_address = one.fixed_ips.iter().any(|fixed| fixed.ip_address == asked);
            one.port_id == asked || one.mac == asked || has_address
        };
        all.iter().find(is_meant).cloned().ok_or_else(|| Error::NotFound {
            what: "network interface".into(),
            name: asked.into(),
            near: crate::near::near(asked, all.iter().map(|one| one.mac.as_str())),
        })
    }

    /// The server's network cards.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn interfaces(&self, server_id: &str) -> Result<Vec<Interface>> {
        let call = Call::get(Service::Compute, format!("/servers/{server_id}/os-interface"));
        Ok(self.compute(call).await?.read::<Listed>("list of interfaces")?.interfaces)
    }

    /// Give a server one more network card; returns when it has it.
    ///
    /// # Errors
    /// [`Error::Invalid`] when neither a network nor a port is named; unknown names; 409
    /// with the reason when the server's state does not allow it.
    pub async fn attach_interface(&self, server_id: &str, nic: &Nic) -> Result<Interface> {
        let mut body = json!({});
        if let Some(port) = &nic.port {
            body["port_id"] = json!(self.port(port).await?.id);
        } else {
            body["net_id"] = json!(self.network(self.network_asked(nic)?).await?.id);
            if let Some(address) = &nic.fixed_address {
                body["fixed_ips"] = json!([{"ip_address": address}]);
            }
        }
        if let Some(tag) = &nic.tag {
            body["tag"] = json!(tag);
        }
        let path = format!("/servers/{server_id}/os-interface");
        let call = Call::post(Service::Compute, path, json!({"interfaceAttachment": body}));
        Ok(self.compute(call).await?.read::<Shown>("interface")?.interface)
    }

    /// Take a network card away, and wait until the server has it no more. Nova deletes
    /// a port it has made.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::Timeout`].
    pub async fn detach_interface(&self, server_id: &str, port_id: &str, wait: Wait<'_>) -> Result<()> {
        let path = format!("/servers/{server_id}/os-interface/{port_id}");
        let request_id = self.compute(Call::delete(Service::Compute, path)).await?.request_id;
        let what = format!("port `{port_id}` to be detached");
        wait::until(&what, wait, || async {
            let left = self.interfaces(server_id).await?;
            Ok(match left.iter().find(|nic| nic.port_id == port_id) {
                Some(nic) => Seen::NotYet(format!("still there ({})", nic.status)),
                None => Seen::Done(()),
            })
        })
        .await
        .map_err(|why| with_request(why, request_id))
    }

    /// The `networks` of a boot request.
    pub(super) async fn networks_body(&self, nics: &[Nic]) -> Result<Value> {
        let mut networks = Vec::new();
        for nic in nics {
            let mut network = json!({});
            if let Some(port) = &nic.port {
                network["port"] = json!(self.port(port).await?.id);
            } else {
                network["uuid"] = json!(self.network(self.network_asked(nic)?).await?.id);
                if let Some(address) = &nic.fixed_address {
                    network["fixed_ip"] = json!(address);
                }
            }
            if let Some(tag) = &nic.tag {
                network["tag"] = json!(tag);
            }
            networks.push(network);
        }
        Ok(Value::Array(networks))
    }

    fn network_asked<'a>(&self, nic: &'a Nic) -> Result<&'a str> {
        nic.network.as_deref().ok_or_else(|| Error::Invalid {
            what: "network interface".into(),
            why: "it has neither a network nor a port".into(),
            hint: None,
        })
    }
}

/// A timeout with the request that should have caused the change.
pub(super) fn with_request(why: Error, request: Option<String>) -> Error {
    match why {
        Error::Timeout { what, waited, last, request_id: None } => {
            Error::Timeout { what, waited, last, request_id: request }
        }
        other => other,
    }
}
