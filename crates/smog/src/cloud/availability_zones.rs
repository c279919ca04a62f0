//! Availability zones, with the hosts in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Call, Cloud, Service};
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// An availability zone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AvailabilityZone {
    /// Its name.
    pub name: String,
    /// Whether servers can go there.
    pub available: bool,
    /// Its hosts, and whether every service on each is enabled and alive
    /// (administrators).
    pub hosts: BTreeMap<String, bool>,
}

impl Show for AvailabilityZone {
    const PLURAL: &'static str = "availability zones";
    const COLUMNS: &'static [Column<AvailabilityZone>] = &[
        Column::new("name", |zone| zone.name.clone()),
        Column::new("state", |zone| if zone.available { "available".into() } else { "not available".into() }),
        Column::new("hosts", |zone| {
            let hosts = zone.hosts.iter().map(|(host, alive)| match alive {
                true => host.clone(),
                false => format!("{host} (down)"),
            });
            hosts.collect::<Vec<_>>().join(", ")
        }),
    ];
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "availabilityZoneInfo")]
    zones: Vec<Wire>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(rename = "zoneName")]
    name: String,
    #[serde(rename = "zoneState")]
    state: State,
    hosts: Option<BTreeMap<String, BTreeMap<String, ServiceState>>>,
}

#[derive(Deserialize)]
struct State {
    available: bool,
}

#[derive(Deserialize)]
struct ServiceState {
    available: bool,
    active: bool,
}

impl From<Wire> for AvailabilityZone {
    fn from(wire: Wire) -> AvailabilityZone {
        let alive = |services: &BTreeMap<String, ServiceState>| {
            services.values().all(|service| service.available && service.active)
        };
        let hosts = wire.hosts.unwrap_or_default();
        AvailabilityZone {
            name: wire.name,
            available: wire.state.available,
            hosts: hosts.iter().map(|(host, services)| (host.clone(), alive(services))).collect(),
        }
    }
}

impl Cloud {
    /// The availability zones; for an administrator with their hosts.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn availability_zones(&self) -> Result<Vec<AvailabilityZone>> {
        let listed = match self.compute(Call::get(Service::Compute, "/os-availability-zone/detail")).await {
            Err(Error::Api { status: 403, .. }) => {
                self.compute(Call::get(Service::Compute, "/os-availability-zone")).await?
            }
            other => other?,
        };
        let zones = listed.read::<Listed>("list of availability zones")?.zones;
        Ok(zones.into_iter().map(AvailabilityZone::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_zones() {
        let text = include_str!("../../tests/data/api/availability-zones-epoxy.json");
        let listed: Listed = serde_json::from_str(text).expect("the recorded zones");
        let zones: Vec<AvailabilityZone> = listed.zones.into_iter().map(AvailabilityZone::from).collect();
        let nova = zones.iter().find(|zone| zone.name == "nova").expect("zone nova");
        assert!(nova.available && nova.hosts["cmp1"] && nova.hosts["cmp2"], "{nova:?}");
    }

    #[test]
    fn a_plain_user_sees_no_hosts() {
        let text = r#"{"availabilityZoneInfo": [{"zoneName": "nova", "zoneState": {"available": true}, "hosts": null}]}"#;
        let listed: Listed = serde_json::from_str(text).expect("zones");
        assert!(AvailabilityZone::from(listed.zones.into_iter().next().expect("one")).hosts.is_empty());
    }
}
