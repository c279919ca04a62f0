//! Host aggregates, and the pair of them that splits a cloud in two.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::images::show_pairs;
use super::lookup::Named;
use super::lookup::pick;
use super::{Call, Cloud, Service};
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// A host aggregate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// Number, as text.
    #[serde(deserialize_with = "number_as_text")]
    pub id: String,
    /// Name; unique.
    pub name: String,
    /// UUID: what placement calls it.
    #[serde(default)]
    pub uuid: Option<String>,
    /// The availability zone it makes, if it makes one.
    #[serde(default)]
    pub availability_zone: Option<String>,
    /// Its compute hosts.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// What flavors' extra specs are compared with.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
}

fn number_as_text<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(u64::deserialize(from)?.to_string())
}

impl Named for Aggregate {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Show for Aggregate {
    const PLURAL: &'static str = "host aggregates";
    const COLUMNS: &'static [Column<Aggregate>] = &[
        Column::new("name", |aggregate| aggregate.name.clone()),
        Column::new("hosts", |aggregate| aggregate.hosts.join(", ")),
        Column::new("metadata", |aggregate| show_pairs(&aggregate.metadata)),
        Column::new("zone", |aggregate| aggregate.availability_zone.clone().unwrap_or_default()),
        Column::new("id", |aggregate| aggregate.id.clone()),
        Column::wide("uuid", |aggregate| aggregate.uuid.clone().unwrap_or_default()),
    ];
}

/// Two aggregates which split the compute hosts: one host bears `key=true`, all others
/// `key=false`, so that a flavor with
/// `aggregate_instance_extra_specs:key=true` goes to the one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AggregatePair {
    /// `NAME_true`, with the one host.
    pub with: Aggregate,
    /// `NAME_false`, with all others.
    pub without: Aggregate,
}

impl AggregatePair {
    /// The one host.
    pub fn host(&self) -> &str {
        self.with.hosts.first().map(String::as_str).unwrap_or_default()
    }
}

#[derive(Deserialize)]
struct Shown {
    aggregate: Aggregate,
}

impl Cloud {
    /// All aggregates (administrators).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn aggregates(&self) -> Result<Vec<Aggregate>> {
        let version = self.compute_microversion().await?;
        self.list(Call::get(Service::Compute, "/os-aggregates").at(version), "aggregates").await
    }

    /// One aggregate by number, name, or an unambiguous beginning of its name.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`].
    pub async fn aggregate(&self, asked: &str) -> Result<Aggregate> {
        pick("aggregate", asked, self.aggregates().await?)
    }

    /// Create an aggregate without hosts; with `zone` it makes an availability zone.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 when the name is taken.
    pub async fn create_aggregate(
        &self,
        name: &str,
        zone: Option<&str>,
        metadata: &BTreeMap<String, String>,
    ) -> Result<Aggregate> {
        let body = json!({"aggregate": {"name": name, "availability_zone": zone}});
        let call = Call::post(Service::Compute, "/os-aggregates", body);
        let made = self.compute(call).await?.read::<Shown>("aggregate")?.aggregate;
        if metadata.is_empty() {
            return Ok(made);
        }
        let pairs = metadata.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
        let set = self.set_aggregate_metadata(&made.id, &pairs).await;
        if set.is_err() {
            // Its own failure must not hide the reason.
            let _ = self.delete_aggregate(&made.id).await;
        }
        set
    }

    /// Set metadata of an aggregate; `None` removes a key.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn set_aggregate_metadata(
        &self,
        id: &str,
        pairs: &BTreeMap<String, Option<String>>,
    ) -> Result<Aggregate> {
        self.aggregate_action(id, json!({"set_metadata": {"metadata": pairs}})).await
    }

    /// Add a compute host to an aggregate.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names; 409 when it is in it already.
    pub async fn add_aggregate_host(&self, id: &str, host: &str) -> Result<Aggregate> {
        let host = self.compute_host_called(host).await?;
        self.aggregate_action(id, json!({"add_host": {"host": host}})).await
    }

    /// Take a compute host out of an aggregate.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 404 when it is not in it.
    pub async fn remove_aggregate_host(&self, id: &str, host: &str) -> Result<Aggregate> {
        self.aggregate_action(id, json!({"remove_host": {"host": host}})).await
    }

    /// Take every host out of an aggregate and delete it. One that is gone already is
    /// fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn delete_aggregate(&self, id: &str) -> Result<()> {
        let shown = self.compute(Call::get(Service::Compute, format!("/os-aggregates/{id}"))).await;
        let aggregate = match shown {
            Err(Error::Api { status: 404, .. }) => return Ok(()),
            other => other?.read::<Shown>("aggregate")?.aggregate,
        };
        for host in &aggregate.hosts {
            self.remove_aggregate_host(id, host).await?;
        }
        self.delete(Service::Compute, format!("/os-aggregates/{id}")).await
    }

    /// Split the compute hosts in two by metadata: `NAME_true` with one host (`host`, or
    /// the first by name), `NAME_false` with all others. When it fails half-way, what was made is removed.
    ///
    /// # Errors
    /// [`Error::Invalid`] on a cloud with fewer than two compute hosts; as
    /// [`Cloud::create_aggregate`].
    pub async fn create_aggregate_pair(
        &self,
        name: &str,
        key: &str,
        host: Option<&str>,
    ) -> Result<AggregatePair> {
        let computes = self.hypervisors_without_uptime().await?;
        let mut hosts: Vec<String> = computes.into_iter().map(|hypervisor| hypervisor.service.host).collect();
        hosts.sort();
        hosts.dedup();
        if hosts.len() < 2 {
            return Err(Error::Invalid {
                what: format!("pair of aggregates `{name}`"),
                why: format!("the cloud has {} compute host, two are needed", hosts.len()),
                hint: None,
            });
        }
        let chosen = match host {
            Some(host) => self.compute_host_called(host).await?,
            None => hosts[0].clone(),
        };
        let (with, without): (Vec<String>, Vec<String>) = hosts.into_iter().partition(|host| *host == chosen);
        let with = self.aggregate_of(&format!("{name}_true"), key, "true", &with).await?;
        match self.aggregate_of(&format!("{name}_false"), key, "false", &without).await {
            Ok(without) => Ok(AggregatePair { with, without }),
            Err(why) => {
                let _ = self.delete_aggregate(&with.id).await;
                Err(why)
            }
        }
    }

    /// Remove both aggregates of a pair.
    ///
    /// # Errors
    /// As [`Cloud::delete_aggregate`].
    pub async fn delete_aggregate_pair(&self, pair: &AggregatePair) -> Result<()> {
        let first = self.delete_aggregate(&pair.with.id).await;
        self.delete_aggregate(&pair.without.id).await?;
        first
    }

    async fn aggregate_of(&self, name: &str, key: &str, value: &str, hosts: &[String]) -> Result<Aggregate> {
        let metadata = BTreeMap::from([(key.to_string(), value.to_string())]);
        let mut aggregate = self.create_aggregate(name, None, &metadata).await?;
        for host in hosts {
            match self.aggregate_action(&aggregate.id, json!({"add_host": {"host": host}})).await {
                Ok(now) => aggregate = now,
                Err(why) => {
                    let _ = self.delete_aggregate(&aggregate.id).await;
                    return Err(why);
                }
            }
        }
        Ok(aggregate)
    }

    async fn aggregate_action(&self, id: &str, body: serde_json::Value) -> Result<Aggregate> {
        let call = Call::post(Service::Compute, format!("/os-aggregates/{id}/action"), body);
        Ok(self.compute(call).await?.read::<Shown>("aggregate")?.aggregate)
    }
}
