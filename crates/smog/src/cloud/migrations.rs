//! The moves of servers between hosts, as Nova records them.

use serde::{Deserialize, Serialize};

use super::{Call, Cloud, Service};
use crate::error::Result;
use crate::show::{Column, Show};

/// One move of a server.
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
    /// The server's id.
    #[serde(rename(deserialize = "instance_uuid"), default)]
    pub server_id: String,
    /// From where.
    #[serde(default)]
    pub source_compute: Option<String>,
    /// To where, once the scheduler chose.
    #[serde(default)]
    pub dest_compute: Option<String>,
    /// UUID: what allocations of the move are held under (microversion 2.59).
    #[serde(default)]
    pub uuid: Option<String>,
    /// When it began (UTC, ISO 8601).
    #[serde(default)]
    pub created_at: String,
    /// When its record changed last (UTC, ISO 8601).
    #[serde(default)]
    pub updated_at: Option<String>,
}

impl Migration {
    /// Whether nothing more will happen to it.
    pub fn has_ended(&self) -> bool {
        ["completed", "confirmed", "reverted", "done", "error", "failed", "cancelled"]
            .contains(&self.status.as_str())
    }
}

impl Show for Migration {
    const PLURAL: &'static str = "migrations";
    const COLUMNS: &'static [Column<Migration>] = &[
        Column::new("id", |migration| migration.id.to_string()),
        Column::new("type", |migration| migration.migration_type.clone().unwrap_or_default()),
        Column::new("status", |migration| migration.status.clone()),
        Column::new("from", |migration| migration.source_compute.clone().unwrap_or_default()),
        Column::new("to", |migration| migration.dest_compute.clone().unwrap_or_default()),
        Column::new("server", |migration| migration.server_id.clone()),
        Column::new("begun", |migration| migration.created_at.clone()),
        Column::wide("changed", |migration| migration.updated_at.clone().unwrap_or_default()),
        Column::wide("uuid", |migration| migration.uuid.clone().unwrap_or_default()),
    ];
}

/// A live migration under way, with how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningMigration {
    /// Number.
    pub id: u64,
    /// "preparing", "running", "post-migrating" …
    pub status: String,
    /// From where.
    #[serde(default)]
    pub source_compute: Option<String>,
    /// To where.
    #[serde(default)]
    pub dest_compute: Option<String>,
    /// Memory to be moved, in bytes.
    #[serde(default)]
    pub memory_total_bytes: Option<u64>,
    /// Memory moved; grows beyond the total when pages are sent again.
    #[serde(default)]
    pub memory_processed_bytes: Option<u64>,
    /// Memory left, in bytes.
    #[serde(default)]
    pub memory_remaining_bytes: Option<u64>,
    /// Disks to be copied, in bytes.
    #[serde(default)]
    pub disk_total_bytes: Option<u64>,
    /// Disks copied, in bytes.
    #[serde(default)]
    pub disk_processed_bytes: Option<u64>,
    /// Disks left, in bytes.
    #[serde(default)]
    pub disk_remaining_bytes: Option<u64>,
}

impl RunningMigration {
    /// "running to cmp2, 12 of 128 MiB": memory and disks together.
    pub fn state(&self) -> String {
        const MIB: u64 = 1 << 20;
        let place = self.dest_compute.as_deref().map(|to| format!(" to {to}")).unwrap_or_default();
        let sum = |memory: Option<u64>, disk: Option<u64>| memory.unwrap_or(0) + disk.unwrap_or(0);
        let total = sum(self.memory_total_bytes, self.disk_total_bytes);
        if total == 0 {
            // QEMU has not counted yet.
            return format!("{}{place}", self.status);
        }
        let left = sum(self.memory_remaining_bytes, self.disk_remaining_bytes);
        let done = total.saturating_sub(left);
        format!("{}{place}, {} of {} MiB", self.status, done / MIB, total.div_ceil(MIB))
    }
}

impl Show for RunningMigration {
    const PLURAL: &'static str = "running live migrations";
    const COLUMNS: &'static [Column<RunningMigration>] = &[
        Column::new("id", |migration| migration.id.to_string()),
        Column::new("state", RunningMigration::state),
        Column::new("from", |migration| migration.source_compute.clone().unwrap_or_default()),
        Column::new("to", |migration| migration.dest_compute.clone().unwrap_or_default()),
    ];
}

/// Which migrations to list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MigrationFilter {
    /// From or to this compute host.
    pub host: Option<String>,
    /// "running", "completed" …
    pub status: Option<String>,
    /// "live-migration", "migration", "resize", "evacuation".
    pub kind: Option<String>,
    /// The server's id.
    pub server: Option<String>,
}

impl Cloud {
    /// The server's migrations, newest first (administrators).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn migrations(&self, server_id: &str) -> Result<Vec<Migration>> {
        let filter = MigrationFilter { server: Some(server_id.into()), ..MigrationFilter::default() };
        self.migrations_matching(&filter).await
    }

    /// Migrations of all servers that match, newest first (administrators).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn migrations_matching(&self, filter: &MigrationFilter) -> Result<Vec<Migration>> {
        let named = [
            ("host", &filter.host),
            ("status", &filter.status),
            ("migration_type", &filter.kind),
            ("instance_uuid", &filter.server),
        ];
        let call = Call::get(Service::Compute, "/os-migrations").at(self.compute_microversion().await?);
        let call = named.into_iter().fold(call, |call, (key, value)| match value {
            Some(value) => call.query(key, value),
            None => call,
        });
        let mut found: Vec<Migration> = self.list(call, "migrations").await?;
        found.sort_by_key(|migration| std::cmp::Reverse(migration.id));
        Ok(found)
    }

    /// The server's live migrations under way, with how far they are (administrators).
    /// Nova's compute service writes the numbers down every five seconds.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn running_migrations(&self, server_id: &str) -> Result<Vec<RunningMigration>> {
        let version = self.compute_microversion().await?;
        self.list(
            Call::get(Service::Compute, format!("/servers/{server_id}/migrations")).at(version),
            "migrations",
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_migrations() {
        let text = include_str!("../../tests/data/api/migrations-epoxy.json");
        let mut body: serde_json::Value = serde_json::from_str(text).expect("json");
        let found: Vec<Migration> = serde_json::from_value(body["migrations"].take()).expect("migrations");
        assert!(found.iter().all(Migration::has_ended), "{found:#?}");
        let moved = found.iter().find(|one| one.migration_type.as_deref() == Some("live-migration"));
        assert_eq!(moved.map(|one| one.status.as_str()), Some("completed"));
        assert!(moved.is_some_and(|one| one.uuid.is_some() && one.server_id.len() == 36));
    }

    #[test]
    fn a_recorded_live_migration_says_how_far_it_is() {
        let text = include_str!("../../tests/data/api/running-migration-epoxy.json");
        let mut migration: RunningMigration = serde_json::from_str(text).expect("the recorded migration");
        let state = migration.state();
        assert!(state.starts_with("running to cmp") && state.ends_with(" MiB"), "{state}");
        migration.memory_total_bytes = Some(128 << 20);
        migration.memory_remaining_bytes = Some(116 << 20);
        migration.dest_compute = Some("cmp2".into());
        (migration.disk_total_bytes, migration.disk_remaining_bytes) = (Some(0), Some(0));
        assert_eq!(migration.state(), "running to cmp2, 12 of 128 MiB");
        (migration.memory_total_bytes, migration.disk_total_bytes) = (None, None);
        assert_eq!(migration.state(), "running to cmp2");
    }
}
