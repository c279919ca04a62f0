//! Quotas of projects and what is used of them: Nova's and neutron's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Call, Cloud, Service};
use crate::error::{Error, Result};
use crate::near::near;
use crate::show::{Column, Show};

/// How much of something a project may have, and has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quota {
    /// "compute" or "network".
    pub service: String,
    /// "instances", "cores", "ram" (in MiB), "network", "port" …
    pub resource: String,
    /// The most it may have; none for no limit.
    pub limit: Option<u64>,
    /// What it has.
    pub used: u64,
    /// What is promised to requests under way.
    pub reserved: u64,
}

impl Show for Quota {
    const PLURAL: &'static str = "quotas";
    const COLUMNS: &'static [Column<Quota>] = &[
        Column::new("resource", |quota| quota.resource.clone()),
        Column::new("used", |quota| quota.used.to_string()),
        Column::new("limit", |quota| quota.limit.map_or("none".into(), |limit| limit.to_string())),
        Column::wide("reserved", |quota| quota.reserved.to_string()),
        Column::wide("service", |quota| quota.service.clone()),
    ];
}

/// A limit that holds for the user's own requests, and what is used of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Limit {
    /// "instances", "cores", "ram" (in MiB), "server metadata" …
    pub name: String,
    /// The most; none for no limit.
    pub limit: Option<u64>,
    /// What is used, where Nova counts it.
    pub used: Option<u64>,
}

impl Show for Limit {
    const PLURAL: &'static str = "limits";
    const COLUMNS: &'static [Column<Limit>] = &[
        Column::new("limit", |limit| limit.name.clone()),
        Column::new("used", |limit| limit.used.map(|used| used.to_string()).unwrap_or_default()),
        Column::new("most", |limit| limit.limit.map_or("none".into(), |most| most.to_string())),
    ];
}

#[derive(Deserialize)]
struct Detail {
    limit: i64,
    /// Nova's word.
    #[serde(default)]
    in_use: u64,
    /// Neutron's word.
    #[serde(default)]
    used: u64,
    #[serde(default)]
    reserved: u64,
}

/// Names of limits, Nova's keys for the most and for what is used.
const LIMITS: &[(&str, &str, Option<&str>)] = &[
    ("instances", "maxTotalInstances", Some("totalInstancesUsed")),
    ("cores", "maxTotalCores", Some("totalCoresUsed")),
    ("ram", "maxTotalRAMSize", Some("totalRAMUsed")),
    ("server groups", "maxServerGroups", Some("totalServerGroupsUsed")),
    ("server group members", "maxServerGroupMembers", None),
    ("server metadata", "maxServerMeta", None),
    ("key pairs", "maxTotalKeypairs", None),
];

impl Cloud {
    /// A project's id by name or id; the own one when none is named.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Invalid`] when the credentials name no project.
    pub async fn project_id(&self, asked: Option<&str>) -> Result<String> {
        match asked {
            Some(asked) => Ok(self.project(asked).await?.id),
            None => self.own_project_id().ok_or_else(|| Error::Invalid {
                what: "project".into(),
                why: "the credentials name none".into(),
                hint: Some("name one".into()),
            }),
        }
    }

    /// Set several quotas of a project, by resource; `None` is no limit. A wrong name sets nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names; as [`Cloud::set_quota`].
    pub async fn set_quotas(&self, project_id: &str, limits: &[(String, Option<u64>)]) -> Result<()> {
        let known = self.quotas(project_id).await?;
        let mut steps = Vec::new();
        for (resource, limit) in limits {
            let quota = known.iter().find(|quota| quota.resource == *resource).ok_or_else(|| {
                let near = near(resource, known.iter().map(|quota| quota.resource.as_str()));
                Error::NotFound { what: "quota".into(), name: resource.clone(), near }
            })?;
            let service = if quota.service == "network" { Service::Network } else { Service::Compute };
            steps.push((service, resource, limit));
        }
        for (service, resource, limit) in steps {
            self.set_quota(project_id, service, resource, *limit).await?;
        }
        Ok(())
    }

    /// A project's quotas with what is used of them, Nova's and neutron's.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn quotas(&self, project_id: &str) -> Result<Vec<Quota>> {
        let compute = Call::get(Service::Compute, format!("/os-quota-sets/{project_id}/detail"));
        let network = Call::get(Service::Network, format!("/quotas/{project_id}/details.json"));
        let (compute, network) = tokio::try_join!(self.compute(compute), self.call(network))?;
        let mut all = read("compute", compute.body.get("quota_set"))?;
        all.extend(read("network", network.body.get("quota"))?);
        Ok(all)
    }

    /// Set one of a project's quotas; no limit for `None`.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 400 for a resource the service does not know.
    pub async fn set_quota(
        &self,
        project_id: &str,
        service: Service,
        resource: &str,
        limit: Option<u64>,
    ) -> Result<()> {
        let limit = limit.map_or(json!(-1), |limit| json!(limit));
        match service {
            Service::Network => {
                let body = json!({"quota": {resource: limit}});
                self.call(Call::put(Service::Network, format!("/quotas/{project_id}"), body)).await.map(drop)
            }
            _ => {
                // `force` takes a limit below what is used, as neutron does.
                let body = json!({"quota_set": {resource: limit, "force": true}});
                let path = format!("/os-quota-sets/{project_id}");
                self.compute(Call::put(Service::Compute, path, body)).await.map(drop)
            }
        }
    }

    /// Reset a project's quotas to the defaults.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn reset_quotas(&self, project_id: &str) -> Result<()> {
        self.delete(Service::Compute, format!("/os-quota-sets/{project_id}")).await?;
        self.delete(Service::Network, format!("/quotas/{project_id}")).await
    }

    /// The limits Nova puts on the user's own project, or on another (administrators).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn limits(&self, project_id: Option<&str>) -> Result<Vec<Limit>> {
        let mut call = Call::get(Service::Compute, "/limits");
        if let Some(project) = project_id {
            call = call.query("tenant_id", project);
        }
        let body = self.compute(call).await?.body;
        let absolute = &body["limits"]["absolute"];
        let known = LIMITS.iter().filter_map(|(name, most, used)| {
            let limit = absolute.get(most)?.as_i64()?;
            let used = used.and_then(|key| absolute.get(key)?.as_u64());
            Some(Limit { name: (*name).into(), limit: u64::try_from(limit).ok(), used })
        });
        let known: Vec<Limit> = known.collect();
        match known.is_empty() {
            true => Err(unreadable("compute", "limits", "there is none of Nova's limits in it".into())),
            false => Ok(known),
        }
    }
}

/// `{"cores": {"limit": 20, "in_use": 1, "reserved": 0}, "id": "…"}`; -1 is no limit.
fn read(service: &str, quotas: Option<&Value>) -> Result<Vec<Quota>> {
    let wrong = |why: String| unreadable(service, "quotas", why);
    let Some(quotas) = quotas.and_then(Value::as_object) else {
        return Err(wrong("there are none in it".into()));
    };
    let mut sorted: BTreeMap<&String, Detail> = BTreeMap::new();
    // The answer has the project's id as well.
    for (resource, detail) in quotas.iter().filter(|(name, _)| *name != "id") {
        let read = serde_json::from_value(detail.clone());
        sorted.insert(
            resource,
            read.map_err(|why| wrong(format!("`{resource}`: {}", crate::json_words(&why))))?,
        );
    }
    let quota = |(resource, detail): (&String, Detail)| Quota {
        service: service.into(),
        resource: resource.clone(),
        limit: u64::try_from(detail.limit).ok(),
        used: detail.in_use.max(detail.used),
        reserved: detail.reserved,
    };
    Ok(sorted.into_iter().map(quota).collect())
}

fn unreadable(service: &str, what: &str, why: String) -> Error {
    Error::Parse { what: what.into(), source_of: format!("the {service} service"), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_quotas() {
        let text = include_str!("../../tests/data/api/quotas-epoxy.json");
        let body: Value = serde_json::from_str(text).expect("json");
        let compute = read("compute", body.get("quota_set")).expect("quotas");
        let cores = compute.iter().find(|quota| quota.resource == "cores").expect("cores");
        assert_eq!((cores.limit, cores.used), (Some(20), 6));
        let network = read("network", body.get("quota")).expect("quotas");
        let pools = network.iter().find(|quota| quota.resource == "subnetpool").expect("subnet pools");
        assert_eq!((pools.limit, pools.used), (None, 0));
        let networks = network.iter().find(|quota| quota.resource == "network").expect("networks");
        assert_eq!((networks.limit, networks.used), (Some(100), 2));
    }
}
