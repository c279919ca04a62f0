//! Server groups: servers that shall be together, or apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lookup::{Named, pick};
use super::{Call, Cloud, Service};
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// A server group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerGroup {
    /// UUID.
    pub id: String,
    /// Name; not unique.
    pub name: String,
    /// "affinity", "anti-affinity", "soft-affinity" or "soft-anti-affinity".
    #[serde(deserialize_with = "text_or_none", default)]
    pub policy: String,
    /// "max_server_per_host" of anti-affinity groups.
    #[serde(default)]
    pub rules: BTreeMap<String, Value>,
    /// The ids of its servers.
    #[serde(default)]
    pub members: Vec<String>,
    /// The project it belongs to.
    #[serde(default)]
    pub project_id: String,
}

pub(super) fn text_or_none<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

impl Named for ServerGroup {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Show for ServerGroup {
    const PLURAL: &'static str = "server groups";
    const COLUMNS: &'static [Column<ServerGroup>] = &[
        Column::new("name", |group| group.name.clone()),
        Column::new("policy", |group| group.policy.clone()),
        Column::new("rules", |group| {
            group.rules.iter().map(|(rule, value)| format!("{rule}={value}")).collect::<Vec<_>>().join(", ")
        }),
        Column::new("members", |group| group.members.len().to_string()),
        Column::new("id", |group| group.id.clone()),
        Column::wide("project", |group| group.project_id.clone()),
    ];
}

#[derive(Deserialize)]
struct Shown {
    server_group: ServerGroup,
}

impl Cloud {
    /// All server groups: of every project for an administrator.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn server_groups(&self) -> Result<Vec<ServerGroup>> {
        let version = self.compute_microversion().await?;
        // Nova gives at most its limit (1000) and knows no marker here.
        let call = Call::get(Service::Compute, "/os-server-groups").at(version);
        match self.list(call.clone().query("all_projects", "true"), "server_groups").await {
            // Nova's default policy lets only administrators look across projects.
            Err(Error::Api { status: 403, .. }) => self.list(call, "server_groups").await,
            other => other,
        }
    }

    /// One server group by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`].
    pub async fn server_group(&self, asked: &str) -> Result<ServerGroup> {
        pick("server group", asked, self.server_groups().await?)
    }

    /// Create a server group. `max_per_host` is how many servers of an anti-affinity
    /// group may share a host.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::TooOld`] before microversion 2.64.
    pub async fn create_server_group(
        &self,
        name: &str,
        policy: &str,
        max_per_host: Option<u32>,
    ) -> Result<ServerGroup> {
        self.needs_compute("a server group's policy", super::Microversion(2, 64)).await?;
        let mut group = json!({"name": name, "policy": policy});
        if let Some(count) = max_per_host {
            group["rules"] = json!({"max_server_per_host": count});
        }
        let call = Call::post(Service::Compute, "/os-server-groups", json!({"server_group": group}));
        Ok(self.compute(call).await?.read::<Shown>("server group")?.server_group)
    }

    /// Delete a server group; its servers stay. One that is gone already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn delete_server_group(&self, id: &str) -> Result<()> {
        self.delete(Service::Compute, format!("/os-server-groups/{id}")).await
    }
}
