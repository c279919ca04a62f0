//! What was done to a server, by which request, on which host.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Call, Cloud, Service};
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// One order given to a server: "create", "live-migration" …
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// The order.
    pub action: String,
    /// The request that gave it: the id to look for in every log.
    pub request_id: String,
    /// When (UTC, ISO 8601).
    pub start_time: String,
    /// The id of the user who gave it.
    #[serde(default)]
    pub user_id: Option<String>,
    /// "Error" or a reason when it failed.
    #[serde(default)]
    pub message: Option<String>,
    /// When it was changed last (UTC, ISO 8601; microversion 2.58).
    #[serde(default)]
    pub updated_at: Option<String>,
    /// The steps on the way.
    #[serde(default)]
    pub events: Vec<ActionEvent>,
}

/// Who locked a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LockedBy {
    /// The user's id.
    pub user_id: String,
    /// The user's name, where it could be looked up.
    pub user: Option<String>,
    /// When (UTC, ISO 8601).
    pub at: String,
    /// The request that did it.
    pub request_id: String,
}

/// One step of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionEvent {
    /// "compute__do_build_and_run_instance" …
    pub event: String,
    /// "Success" or "Error"; none while it runs.
    #[serde(default)]
    pub result: Option<String>,
    /// When it began (UTC, ISO 8601), in whole seconds.
    #[serde(default)]
    pub start_time: Option<String>,
    /// When it ended, likewise; none while it runs.
    #[serde(default)]
    pub finish_time: Option<String>,
    /// Where it ran (administrators; microversion 2.62).
    #[serde(default)]
    pub host: Option<String>,
    /// Why it failed (microversion 2.84).
    #[serde(default)]
    pub details: Option<String>,
}

/// A time as Nova writes it: UTC, without saying so.
fn utc(text: &str) -> Option<Timestamp> {
    let civil: jiff::civil::DateTime = text.trim_end_matches('Z').parse().ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

impl ActionEvent {
    /// When it began, in whole seconds.
    pub fn began(&self) -> Option<Timestamp> {
        utc(self.start_time.as_deref()?)
    }

    /// When it ended, in whole seconds; none while it runs.
    pub fn ended(&self) -> Option<Timestamp> {
        utc(self.finish_time.as_deref()?)
    }
}

impl Action {
    /// When the order was given, in whole seconds.
    pub fn began(&self) -> Option<Timestamp> {
        utc(&self.start_time)
    }

    /// When something of it was changed last, in whole seconds.
    pub fn changed(&self) -> Option<Timestamp> {
        let updated = self.updated_at.as_deref().and_then(utc);
        updated.into_iter().chain(self.events.iter().filter_map(ActionEvent::ended)).max()
    }

    /// Whether a step of it has not ended yet.
    pub fn is_under_way(&self) -> bool {
        self.events.iter().any(|event| event.result.is_none())
    }

    /// Why it failed: the last failed step's own reason, else the action's; none when
    /// it did not fail.
    pub fn failure(&self) -> Option<String> {
        let failed = self.events.iter().rev().find(|event| event.result.as_deref() == Some("Error"));
        if failed.is_none() && self.message.is_none() {
            return None;
        }
        let reason = failed.and_then(|event| event.details.clone()).or_else(|| self.message.clone());
        let reason = reason.unwrap_or_else(|| "Nova gives no reason".into());
        Some(reason.trim().trim_end_matches('.').to_string())
    }
}

impl Show for Action {
    const PLURAL: &'static str = "actions";
    const COLUMNS: &'static [Column<Action>] = &[
        Column::new("action", |action| action.action.clone()),
        Column::new("start", |action| action.start_time.clone()),
        Column::new("result", |action| match action.failure() {
            Some(why) => why,
            None if action.is_under_way() => "under way".into(),
            None => String::new(),
        }),
        Column::new("request", |action| action.request_id.clone()),
        Column::wide("steps", |action| {
            let steps = action.events.iter().map(|event| match &event.host {
                Some(host) => format!("{} on {host}", event.event),
                None => event.event.clone(),
            });
            steps.collect::<Vec<_>>().join(", ")
        }),
    ];
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
        let listed: Listed =
            self.call(Call::get(Service::Compute, path).at(version)).await?.read("server actions")?;
        let mut actions = listed.actions;
        if let Some(newest) = actions.first_mut() {
            *newest = self.action(server_id, &newest.request_id).await?;
        }
        Ok(actions)
    }

    /// The server's actions with all their events, newest first: one request each.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn actions_with_events(&self, server_id: &str) -> Result<Vec<Action>> {
        let mut actions = self.actions(server_id).await?;
        for action in actions.iter_mut().skip(1) {
            *action = self.action(server_id, &action.request_id).await?;
        }
        Ok(actions)
    }

    /// Who locked a server, and when; `None` when Nova has no record of it, or does not show it.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn who_locked(&self, server_id: &str) -> Result<Option<LockedBy>> {
        let actions = match self.actions(server_id).await {
            Err(Error::Api { status: 403 | 404, .. }) => return Ok(None),
            other => other?,
        };
        let Some(lock) = actions.into_iter().find(|action| action.action == "lock") else { return Ok(None) };
        let Some(user_id) = lock.user_id else { return Ok(None) };
        // Only administrators may look up the names of others.
        let user = match self.users().await {
            Ok(users) => users.into_iter().find(|user| user.id == user_id).map(|user| user.name),
            Err(_) => None,
        };
        Ok(Some(LockedBy { user_id, user, at: lock.start_time, request_id: lock.request_id }))
    }

    /// One action with its events.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn action(&self, server_id: &str, request_id: &str) -> Result<Action> {
        let version = self.compute_microversion().await?;
        let path = format!("/servers/{server_id}/os-instance-actions/{request_id}");
        let shown: Shown =
            self.call(Call::get(Service::Compute, path).at(version)).await?.read("server action")?;
        Ok(shown.action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_resize_says() {
        let text = include_str!("../../tests/data/api/action-resize-failed-epoxy.json");
        let shown: Shown = serde_json::from_str(text).expect("the recorded action");
        let action = shown.action;
        assert!(!action.is_under_way());
        let why = action.failure().expect("it failed");
        assert!(why.contains("No valid host was found"), "{why}");
    }
}
