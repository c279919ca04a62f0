//! Undoing what an audit found, where that is safe and an API has a call for it.

use serde_json::{Value, json};

use super::Finding;
use crate::cloud::{Call, Cloud, Service};
use crate::error::{Error, Result};

/// What undoes one finding: calls of an API only, each shown before it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// What is done, in one sentence.
    pub sentence: String,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    /// Delete the allocation of a consumer.
    Allocation(String),
    /// Mirror an aggregate of Nova's in placement, by its UUID.
    Aggregate(String),
    /// Enable a service that disabled itself, by its host.
    Enable(String),
}

/// The rules that have a fix.
pub(super) const FIXABLE: [&str; 3] = ["orphan-allocation", "aggregates", "disabled"];

impl Fix {
    /// The names of the rules whose findings can be undone safely.
    pub fn rules() -> &'static [&'static str] {
        &FIXABLE
    }

    /// What undoes a finding; `None` where nothing safe does.
    pub fn of(finding: &Finding) -> Option<Fix> {
        let id = finding.subject.id.clone();
        Some(match finding.rule {
            "orphan-allocation" => Fix {
                sentence: format!("delete the allocation of consumer {id} in placement"),
                what: What::Allocation(id),
            },
            "aggregates" => Fix {
                sentence: format!("mirror aggregate `{}` in placement", finding.subject.name),
                what: What::Aggregate(id),
            },
            // Only the part of the rule about services that disabled themselves.
            "disabled" => {
                let host = id.strip_suffix(":auto")?.to_string();
                Fix { sentence: format!("enable nova-compute on {host}"), what: What::Enable(host) }
            }
            _ => return None,
        })
    }
}

impl Cloud {
    /// Undo one finding. Whether it is undone, the next audit says.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn fix(&self, fix: &Fix) -> Result<()> {
        match &fix.what {
            What::Allocation(consumer) => {
                let version = self.placement_microversion().await?;
                let call = Call::delete(Service::Placement, format!("/allocations/{consumer}")).at(version);
                match self.call(call).await {
                    // Somebody else was faster.
                    Err(Error::Api { status: 404, .. }) => Ok(()),
                    other => other.map(drop),
                }
            }
            What::Aggregate(uuid) => self.mirror_aggregate(uuid).await,
            What::Enable(host) => self.enable_compute(host).await,
        }
    }

    async fn enable_compute(&self, host: &str) -> Result<()> {
        let services = self.compute_services().await?;
        let found = services.iter().find(|one| one.binary == "nova-compute" && one.host == host);
        let service = found.ok_or_else(|| Error::NotFound {
            what: "compute service".into(),
            name: host.into(),
            near: Vec::new(),
        })?;
        let version = self.compute_microversion().await?;
        let call =
            Call::put(Service::Compute, format!("/os-services/{}", service.id), json!({"status": "enabled"}));
        self.call(call.at(version)).await.map(drop)
    }

    /// Give each compute's provider the aggregate that Nova has it in, and take it from the others.
    async fn mirror_aggregate(&self, uuid: &str) -> Result<()> {
        let aggregates = self.aggregates().await?;
        let hosts =
            aggregates.iter().find(|one| one.uuid.as_deref() == Some(uuid)).map(|one| one.hosts.clone());
        let hosts = hosts.ok_or_else(|| Error::NotFound {
            what: "aggregate".into(),
            name: uuid.into(),
            near: Vec::new(),
        })?;
        let version = self.placement_microversion().await?;
        for compute in self.hypervisors_without_uptime().await? {
            let path = format!("/resource_providers/{}/aggregates", compute.id);
            let answer = self.call(Call::get(Service::Placement, path.clone()).at(version)).await?;
            let mut has: Value = answer.read("a provider's aggregates")?;
            let Some(list) = has.get_mut("aggregates").and_then(Value::as_array_mut) else { continue };
            let (is_in, belongs) =
                (list.iter().any(|one| one == uuid), hosts.contains(&compute.service.host));
            if is_in == belongs {
                continue;
            }
            match belongs {
                true => list.push(json!(uuid)),
                false => list.retain(|one| one != uuid),
            }
            // The generation in the answer goes back with it: whoever changed it meanwhile wins.
            self.call(Call::put(Service::Placement, path, has).at(version)).await?;
        }
        Ok(())
    }
}
