//! Moving servers between hosts, and following the move.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Call, Cloud, Microversion, Server, Service};
use crate::error::{Error, Result};
use crate::wait::{self, Seen, Wait};

/// One move of a server, as Nova records it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Migration {
    /// Number; grows with time.
    pub id: u64,
    /// "accepted", "preparing", "running", "completed", "error", "failed", "cancelled" …
    pub status: String,
    /// "live-migration", "migration", "resize", "evacuation".
    #[serde(default)]
    pub migration_type: Option<String>,
    /// From where.
    #[serde(default)]
    pub source_compute: Option<String>,
    /// To where, once the scheduler chose.
    #[serde(default)]
    pub dest_compute: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    migrations: Vec<Migration>,
}

impl Cloud {
    /// The server's migrations, newest first (administrators; microversion 2.23 made
    /// them listable by server, 2.59 gave them a UUID).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn migrations(&self, server_id: &str) -> Result<Vec<Migration>> {
        let version = self.compute_microversion().await?;
        let call = Call::get(Service::Compute, "/os-migrations").at(version).query("instance_uuid", server_id);
        let mut found = self.call(call).await?.read::<Listed>("list of migrations")?.migrations;
        found.sort_by_key(|migration| std::cmp::Reverse(migration.id));
        Ok(found)
    }

    /// Live-migrate, and wait until Nova calls the move completed.
    ///
    /// Whether disks are copied ("block migration") is Nova's own choice (`auto`,
    /// microversion 2.25). `to` is checked by the scheduler like any other host.
    /// A server is ACTIVE again before its migration record is done, so the record
    /// is what is waited for.
    ///
    /// # Errors
    /// [`Error::Fault`] with Nova's reason, [`Error::Timeout`] (the move may go on),
    /// and whatever refuses the order.
    pub async fn live_migrate(&self, server: &Server, to: Option<&str>, wait: Wait<'_>) -> Result<Server> {
        let version = self.needs_compute("live migration", Microversion(2, 30)).await?;
        let before = self.migrations(&server.id).await?.first().map_or(0, |migration| migration.id);
        let body = json!({"os-migrateLive": {"host": to, "block_migration": "auto"}});
        let request_id = self.server_action(&server.id, body, version).await?;
        let what = format!("live migration of `{}`", server.name);
        let ended = wait::until(&what, wait, || self.look_at_move(&server.id, before)).await;
        let migration = match ended {
            Err(Error::Timeout { what, waited, last, .. }) => {
                return Err(Error::Timeout { what, waited, last, request_id });
            }
            other => other?,
        };
        if migration.status != "completed" {
            return Err(self.migration_fault(&what, server, &migration, request_id).await);
        }
        self.wait_for_status(&server.id, &server.status, wait).await
    }

    async fn look_at_move(&self, server_id: &str, before: u64) -> Result<Seen<Migration>> {
        let newest = self.migrations(server_id).await?.into_iter().find(|migration| migration.id > before);
        if let Some(migration) = newest {
            let ended = ["completed", "error", "failed", "cancelled"].contains(&migration.status.as_str());
            let place = migration.dest_compute.as_deref().map(|to| format!(" to {to}")).unwrap_or_default();
            return Ok(match ended {
                true => Seen::Done(migration),
                false => Seen::NotYet(format!("{}{place}", migration.status)),
            });
        }
        // The conductor makes the record before it asks the scheduler; none yet
        // means the order still waits in a queue, unless the server vanished.
        let server = self.server_by_id(server_id).await?;
        Ok(Seen::NotYet(server.state()))
    }

    async fn migration_fault(
        &self,
        what: &str,
        server: &Server,
        migration: &Migration,
        request_id: Option<String>,
    ) -> Error {
        let action = match &request_id {
            Some(id) => self.action(&server.id, id).await.ok(),
            None => None,
        };
        let told = action.as_ref().and_then(|action| {
            let failed = action.events.iter().rev().find(|event| event.result.as_deref() == Some("Error"))?;
            failed.details.clone()
        });
        let hint = match migration.status.as_str() {
            "cancelled" => None,
            _ => Some(format!(
                "nova-compute.log on {} has the reason under the request id; the server stays where it was",
                migration.source_compute.as_deref().unwrap_or("the source host")
            )),
        };
        Error::Fault {
            what: what.into(),
            fault: told.unwrap_or_else(|| format!("its record says `{}`", migration.status)),
            host: migration.dest_compute.clone().or_else(|| migration.source_compute.clone()),
            request_id,
            hint,
        }
    }
}
