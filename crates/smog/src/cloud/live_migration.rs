//! Moving a running server, and following the move.

use crate::hint::{self, Hint};
use serde_json::json;

use super::nic::with_request;
use super::orders::{goes_on, not_known};
use super::{Call, Cloud, Microversion, Migration, Server, Service};
use crate::error::{Error, Result};
use crate::wait::{self, Seen, Wait};

/// Whether a live migration copies the disks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BlockMigration {
    /// Nova finds out whether the hosts share their disks (microversion 2.25).
    #[default]
    Auto,
    /// Copy them.
    Yes,
    /// They are on shared storage.
    No,
}

/// How to live-migrate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveMigration {
    /// To this host, which the scheduler still checks (microversion 2.30); where the
    /// scheduler's choice when absent.
    pub host: Option<String>,
    /// Whether disks are copied.
    pub block: BlockMigration,
}

impl From<Option<bool>> for BlockMigration {
    /// Nova's own choice where nothing is said.
    fn from(said: Option<bool>) -> BlockMigration {
        match said {
            None => BlockMigration::Auto,
            Some(true) => BlockMigration::Yes,
            Some(false) => BlockMigration::No,
        }
    }
}

impl Cloud {
    /// Live-migrate, and wait until Nova calls the move completed.
    ///
    /// Whether disks are copied ("block migration") is Nova's own choice (`auto`,
    /// microversion 2.25). `to` is checked by the scheduler like any other host.
    ///
    /// # Errors
    /// As [`Cloud::live_migrate_with`].
    pub async fn live_migrate(&self, server: &Server, to: Option<&str>, wait: Wait<'_>) -> Result<Server> {
        let how = LiveMigration { host: to.map(str::to_string), ..LiveMigration::default() };
        self.live_migrate_with(server, &how, wait).await
    }

    /// Live-migrate in this way, and wait until Nova calls the move completed.
    ///
    /// A server is ACTIVE again before its migration record is done, so the record
    /// is what is waited for. The state reported meanwhile is like
    /// "running to cmp2, 12 of 128 MiB".
    ///
    /// # Errors
    /// [`Error::Fault`] with Nova's reason, [`Error::Timeout`] (the move may go on),
    /// and whatever refuses the order.
    pub async fn live_migrate_with(
        &self,
        server: &Server,
        how: &LiveMigration,
        wait: Wait<'_>,
    ) -> Result<Server> {
        let before = self.newest_migration(&server.id).await?;
        let what = format!("live migration of server `{}`", server.name);
        let ordered = self.order_live_migration(server, how).await;
        let request_id = ordered.map_err(|why| not_known(why, &what, server))?;
        let moved = self.follow_live_migration(server, before, request_id, wait).await;
        moved.map_err(|why| goes_on(why, "live migration", server))
    }

    /// Order a live migration; returns the request id when Nova has taken it.
    ///
    /// # Errors
    /// 400 or 409 with the reason when the server or a host does not allow it.
    pub async fn order_live_migration(&self, server: &Server, how: &LiveMigration) -> Result<Option<String>> {
        let version = self.needs_compute("live migration", Microversion(2, 30)).await?;
        let block = match how.block {
            BlockMigration::Auto => json!("auto"),
            BlockMigration::Yes => json!(true),
            BlockMigration::No => json!(false),
        };
        let body = json!({"os-migrateLive": {"host": how.host, "block_migration": block}});
        let taken = self.server_action(&server.id, body, version).await;
        taken.map_err(|why| why.about_server(&server.id, &server.name))
    }

    /// Let a live migration end now: the guest is paused or switched to post-copy
    /// (microversion 2.22).
    ///
    /// # Errors
    /// 400 or 409 with the reason when it is not running.
    pub async fn force_complete(&self, server_id: &str, migration_id: u64) -> Result<()> {
        let path = format!("/servers/{server_id}/migrations/{migration_id}/action");
        self.compute(Call::post(Service::Compute, path, json!({"force_complete": null}))).await.map(drop)
    }

    /// Give up a live migration; the server stays where it is (microversion 2.24, also
    /// when it still waits in the queue: 2.65).
    ///
    /// # Errors
    /// 400 or 409 with the reason when it can no longer be aborted.
    pub async fn abort_migration(&self, server_id: &str, migration_id: u64) -> Result<()> {
        let path = format!("/servers/{server_id}/migrations/{migration_id}");
        self.compute(Call::delete(Service::Compute, path)).await.map(drop)
    }

    /// Abort the live migration of a server that is running.
    ///
    /// # Errors
    /// [`Error::Invalid`] when none is; as [`Cloud::abort_migration`].
    pub async fn abort_live_migration(&self, server: &Server) -> Result<()> {
        let id = self.live_migration_of(server).await?;
        self.abort_migration(&server.id, id).await
    }

    /// Force the live migration of a server that is running to complete.
    ///
    /// # Errors
    /// [`Error::Invalid`] when none is; as [`Cloud::force_complete`].
    pub async fn force_complete_live_migration(&self, server: &Server) -> Result<()> {
        let id = self.live_migration_of(server).await?;
        self.force_complete(&server.id, id).await
    }

    async fn live_migration_of(&self, server: &Server) -> Result<u64> {
        let running = match self.running_migrations(&server.id).await {
            Err(why) if refuses_own_answer(&why) => {
                let all = self.migrations(&server.id).await?;
                all.into_iter().find(|one| !one.has_ended()).map(|one| one.id)
            }
            found => found?.first().map(|migration| migration.id),
        };
        running.ok_or_else(|| Error::Invalid {
            what: format!("guest `{}`", server.name),
            why: "no live migration of it is under way".into(),
            hint: Some(hint::GUEST_MIGRATIONS.with(&server.name).and(" lists those that ended")),
        })
    }

    async fn newest_migration(&self, server_id: &str) -> Result<u64> {
        Ok(self.migrations(server_id).await?.first().map_or(0, |migration| migration.id))
    }

    async fn follow_live_migration(
        &self,
        server: &Server,
        before: u64,
        request_id: Option<String>,
        wait: Wait<'_>,
    ) -> Result<Server> {
        let what = format!("live migration of `{}`", server.name);
        let migration =
            wait::until(&what, wait, || self.look_at_move(&server.id, before, request_id.as_deref()))
                .await
                .map_err(|why| with_request(why, request_id.clone()))?;
        if migration.status != "completed" {
            return Err(self.migration_fault(&what, server, &migration, request_id).await);
        }
        self.wait_for_status(&server.id, &server.status, wait).await
    }

    async fn look_at_move(
        &self,
        server_id: &str,
        before: u64,
        request_id: Option<&str>,
    ) -> Result<Seen<Migration>> {
        let newest = self.migrations(server_id).await?.into_iter().find(|migration| migration.id > before);
        if let Some(migration) = newest {
            if migration.has_ended() {
                return Ok(Seen::Done(migration));
            }
            // How far it is; the list is empty a moment before the record is done.
            let running = match self.running_migrations(server_id).await {
                Err(why) if refuses_own_answer(&why) => Vec::new(),
                found => found?,
            };
            let state = match running.iter().find(|running| running.id == migration.id) {
                Some(running) => running.state(),
                None => migration.status,
            };
            return Ok(Seen::NotYet(state));
        }
        // The conductor makes the record before it asks the scheduler; none yet means
        // the order still waits in a queue, unless it failed or the server vanished.
        let server = self.server_by_id(server_id).await?;
        if let Some(request_id) = request_id
            && let Some(fault) = self.failed_order(server_id, request_id).await?
        {
            return Err(Error::Fault {
                what: format!("live migration of `{}`", server.name),
                fault,
                host: server.host,
                request_id: Some(request_id.into()),
                hint: Some("nova-conductor.log on the controller has more under this request id".into()),
            });
        }
        Ok(Seen::NotYet(server.state()))
    }

    async fn failed_order(&self, server_id: &str, request_id: &str) -> Result<Option<String>> {
        let action = self.action_if_recorded(server_id, request_id).await?;
        Ok(action.filter(|action| !action.is_under_way()).and_then(|action| action.failure()))
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
        let reason = action.as_ref().and_then(|action| {
            let failed = action.events.iter().rev().find(|event| event.result.as_deref() == Some("Error"))?;
            failed.details.clone()
        });
        let hint = match migration.status.as_str() {
            "cancelled" => None,
            _ => Some(Hint::from(format!(
                "nova-compute.log on {} has the reason under the request id; the server stays where it was",
                migration.source_compute.as_deref().unwrap_or("the source host")
            ))),
        };
        Error::Fault {
            what: what.into(),
            fault: reason.unwrap_or_else(|| format!("its record says `{}`", migration.status)),
            host: migration.dest_compute.clone().or_else(|| migration.source_compute.clone()),
            request_id,
            hint,
        }
    }
}

/// Nova 34 checks its own answer (`[api]response_validation`), and refuses it with 400 as long as no byte of
/// a disk was copied: "disk_processed_bytes … 0 is less than the minimum of 1".
fn refuses_own_answer(why: &Error) -> bool {
    matches!(why, Error::Api { status: 400, method, message, .. }
        if method == "GET" && message.starts_with("Invalid input for field/attribute"))
}
