//! What was done to a server, by which request, on which host.

use serde::{Deserialize, Serialize};

use super::{Call, Cloud, Service};
use crate::error::Result;

/// One order given to a server: "create", "live-migration" …
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// The order.
    pub action: String,
    /// The request that gave it: the id to look for in every log.
    pub request_id: String,
    /// When (UTC, ISO 8601).
    pub start_time: String,
    /// "Error" or a reason when it failed.
    #[serde(default)]
    pub message: Option<String>,
    /// The steps on the way.
    #[serde(default)]
    pub events: Vec<ActionEvent>,
}

/// One step of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionEvent {
    /// "compute__do_build_and_run_instance" …
    pub event: String,
    /// "Success" or "Error"; none while it runs.
    #[serde(default)]
    pub result: Option<String>,
    /// Where it ran (administrators; microversion 2.62).
    #[serde(default)]
    pub host: Option<String>,
    /// Why it failed (microversion 2.84).
    #[serde(default)]
    pub details: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "instanceActions")]
    actions: Vec<Action>,
}

#[derive(Deserialize)]
struct Shown {
    #[serde(rename = "instanceAction")]
    action: Action,
}

impl Cloud {
    /// The server's actions, newest first; the newest with its events.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn actions(&self, server_id: &str) -> Result<Vec<Action>> {
        let version = self.compute_microversion().await?;
        let path = format!("/servers/{server_id}/os-instance-actions");
        let listed: Listed = self.call(Call::get(Service::Compute, path).at(version)).await?.read("server actions")?;
        let mut actions = listed.actions;
        if let Some(newest) = actions.first_mut() {
            *newest = self.action(server_id, &newest.request_id).await?;
        }
        Ok(actions)
    }

    /// One action with its events.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn action(&self, server_id: &str, request_id: &str) -> Result<Action> {
        let version = self.compute_microversion().await?;
        let path = format!("/servers/{server_id}/os-instance-actions/{request_id}");
        let shown: Shown = self.call(Call::get(Service::Compute, path).at(version)).await?.read("server action")?;
        Ok(shown.action)
    }
}
