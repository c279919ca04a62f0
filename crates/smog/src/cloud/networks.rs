//! Neutron networks.

use serde::{Deserialize, Serialize};

use super::lookup::{Named, pick};
use super::{Call, Cloud, Service};
use crate::error::{Error, Result};

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
    /// Its subnets' ids.
    #[serde(default)]
    pub subnets: Vec<String>,
    /// "vlan", "vxlan", "flat" … (administrators).
    #[serde(rename(deserialize = "provider:network_type"), default)]
    pub kind: Option<String>,
}

impl Named for Network {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

#[derive(Deserialize)]
struct Listed {
    networks: Vec<Network>,
}

impl Cloud {
    /// All networks the user may see.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn networks(&self) -> Result<Vec<Network>> {
        Ok(self.call(Call::get(Service::Network, "/networks")).await?.read::<Listed>("list of networks")?.networks)
    }

    /// One network by id, name, or an unambiguous beginning of either, that a server
    /// can be put on.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`], [`Error::Invalid`]
    /// for one that is down or has no subnet.
    pub async fn network(&self, asked: &str) -> Result<Network> {
        let network = pick("network", asked, self.networks().await?)?;
        let unusable = |why: &str| Error::Invalid {
            what: format!("network `{}`", network.name),
            why: why.into(),
            hint: Some("choose another with `--network`, or `--network none`".into()),
        };
        if !network.admin_state_up || network.status != "ACTIVE" {
            return Err(unusable(&format!("it is {}, not ACTIVE", network.status)));
        }
        if network.subnets.is_empty() {
            return Err(unusable("it has no subnet, so Nova cannot give a server an address"));
        }
        Ok(network)
    }
}
