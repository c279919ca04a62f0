//! Nova's services: which run where, and whether they take work.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lookup::{Named, pick};
use super::{Call, Cloud, Service};
use crate::error::Result;
use crate::show::{Column, Show};

/// One service of Nova's (microversion 2.53 gave it a UUID).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComputeService {
    /// UUID.
    pub id: String,
    /// "nova-compute", "nova-scheduler", "nova-conductor".
    pub binary: String,
    /// The host it runs on.
    pub host: String,
    /// Its availability zone.
    pub zone: String,
    /// "enabled" or "disabled": whether it takes new work.
    pub status: String,
    /// "up" or "down": whether it has reported lately.
    pub state: String,
    /// Why it is disabled.
    #[serde(default)]
    pub disabled_reason: Option<String>,
    /// Whether someone said that it is down, whatever it reports.
    #[serde(default)]
    pub forced_down: bool,
    /// When it reported last (UTC, ISO 8601).
    #[serde(default)]
    pub updated_at: Option<String>,
}

impl Named for ComputeService {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.host
    }
}

impl Show for ComputeService {
    const PLURAL: &'static str = "services";
    const COLUMNS: &'static [Column<ComputeService>] = &[
        Column::new("host", |service| service.host.clone()),
        Column::new("service", |service| service.binary.clone()),
        Column::new("status", |service| service.status.clone()),
        Column::new("state", |service| match service.forced_down {
            true => format!("{} (forced)", service.state),
            false => service.state.clone(),
        }),
        Column::new("zone", |service| service.zone.clone()),
        Column::new("reason", |service| service.disabled_reason.clone().unwrap_or_default()),
        Column::wide("reported", |service| service.updated_at.clone().unwrap_or_default()),
        Column::wide("id", |service| service.id.clone()),
    ];
}

#[derive(Deserialize)]
struct Shown {
    service: ComputeService,
}

impl Cloud {
    /// All services of Nova's (administrators).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn compute_services(&self) -> Result<Vec<ComputeService>> {
        let version = self.compute_microversion().await?;
        self.list(Call::get(Service::Compute, "/os-services").at(version), "services").await
    }

    /// The nova-compute of a host, by host name, service id, or an unambiguous beginning
    /// of either.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub async fn compute_service(&self, asked: &str) -> Result<ComputeService> {
        let all = self.compute_services().await?.into_iter();
        pick("compute service", asked, all.filter(|service| service.binary == "nova-compute").collect())
    }

    /// Let a service take new work again.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn enable_service(&self, id: &str) -> Result<ComputeService> {
        self.change_service(id, json!({"status": "enabled"})).await
    }

    /// Let a service take no new work, and say why; what it has goes on.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn disable_service(&self, id: &str, reason: Option<&str>) -> Result<ComputeService> {
        let mut change = json!({"status": "disabled"});
        if let Some(reason) = reason {
            change["disabled_reason"] = json!(reason);
        }
        self.change_service(id, change).await
    }

    /// Mark a service as down in Nova (so that its servers can be evacuated), or take
    /// that back.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn force_down(&self, id: &str, down: bool) -> Result<ComputeService> {
        self.change_service(id, json!({"forced_down": down})).await
    }

    async fn change_service(&self, id: &str, change: Value) -> Result<ComputeService> {
        let call = Call::put(Service::Compute, format!("/os-services/{id}"), change);
        Ok(self.compute(call).await?.read::<Shown>("compute service")?.service)
    }
}
