//! Deleting servers whole: their moves end first.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Cloud, RunningMigration, Server};
use crate::error::{Error, Result};
use crate::wait::{self, Seen, Wait};

/// How long the record of a move may stay open after the server is idle again. A record that
/// stays longer will never be closed: its compute service died.
const RECORD_CLOSES: Duration = Duration::from_secs(10);

impl Server {
    /// Whether it is on its way to another host or size (live migration, cold migration, resize),
    /// or back. A resize that waits for its confirmation is none.
    pub fn is_moving(&self) -> bool {
        let task = self.task_state.as_deref().unwrap_or_default();
        matches!(self.status.as_str(), "MIGRATING" | "RESIZE" | "REVERT_RESIZE")
            || task == "migrating"
            || task.starts_with("resize_")
    }
}

impl Cloud {
    /// End the moves of a server, delete it, and wait until it is gone.
    ///
    /// # Errors
    /// As [`Cloud::end_migrations`], [`Cloud::delete_server`] and [`Cloud::wait_until_gone`].
    pub async fn delete_server_and_wait(&self, server: &Server, wait: Wait<'_>) -> Result<()> {
        self.end_migrations(&server.id, wait).await?;
        self.delete_server(&server.id).await.map_err(|why| why.about_server(&server.id, &server.name))?;
        self.wait_until_gone(&server.id, wait).await
    }

    /// End the moves of a server that is to be deleted. A live migration is aborted where that is
    /// still possible; where it is not, and for a resize or a cold migration, this waits for the
    /// end. Nova also deletes a server that moves, but then the allocation of the move can stay in
    /// placement for ever.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::Timeout`] when a move does not end.
    pub async fn end_migrations(&self, server_id: &str, wait: Wait<'_>) -> Result<()> {
        let aborted = Mutex::new(BTreeSet::new());
        let idle_since = Mutex::new(None);
        let what = format!(
            "the move of server `{server_id}` to end (deleted before, it would leave an allocation in placement)"
        );
        wait::until(&what, wait, || async {
            let server = match self.server_by_id(server_id).await {
                Err(Error::NotFound { .. }) => return Ok(Seen::Done(())),
                other => other?,
            };
            let records = self.migrations_under_way(server_id).await?;
            for record in &records {
                let is_new = !aborted.lock().unwrap_or_else(PoisonError::into_inner).contains(&record.id);
                if is_new && self.is_abort_taken(server_id, record.id).await? {
                    aborted.lock().unwrap_or_else(PoisonError::into_inner).insert(record.id);
                }
            }
            if server.is_moving() {
                *idle_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
                let state = records.first().map_or_else(|| server.state(), RunningMigration::state);
                return Ok(Seen::NotYet(state));
            }
            let mut since = idle_since.lock().unwrap_or_else(PoisonError::into_inner);
            let since = *since.get_or_insert_with(Instant::now);
            Ok(match records.first() {
                Some(record) if since.elapsed() < RECORD_CLOSES => Seen::NotYet(record.state()),
                _ => Seen::Done(()),
            })
        })
        .await
    }

    /// Whether Nova took the order to abort; it refuses what has not begun, or cannot stop any more.
    async fn is_abort_taken(&self, server_id: &str, migration_id: u64) -> Result<bool> {
        match self.abort_migration(server_id, migration_id).await {
            Ok(()) => Ok(true),
            Err(Error::NotFound { .. } | Error::Api { status: 400 | 403 | 404 | 409, .. }) => Ok(false),
            Err(why) => Err(why),
        }
    }

    /// Nothing for a server that is gone, and for users who may not see migrations.
    async fn migrations_under_way(&self, server_id: &str) -> Result<Vec<RunningMigration>> {
        match self.running_migrations(server_id).await {
            Err(Error::NotFound { .. } | Error::Api { status: 403 | 404, .. }) => Ok(Vec::new()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_and_what_does_not() {
        let mut server: Server =
            serde_json::from_str(include_str!("../../tests/data/api/server-pinned-epoxy.json"))
                .expect("the recorded server");
        for (status, task, moves) in [
            ("ACTIVE", None, false),
            ("MIGRATING", Some("migrating"), true),
            ("RESIZE", Some("resize_prep"), true),
            ("RESIZE", Some("resize_finish"), true),
            ("REVERT_RESIZE", Some("resize_reverting"), true),
            ("SHUTOFF", Some("resize_migrating"), true),
            ("VERIFY_RESIZE", None, false),
            ("ACTIVE", Some("rebooting"), false),
            ("ERROR", None, false),
        ] {
            server.status = status.into();
            server.task_state = task.map(str::to_string);
            assert_eq!(server.is_moving(), moves, "{status} {task:?}");
        }
    }
}
