//! Live migrations that are aborted or forced to complete.

use super::{check_moved, other_than, stays, to};
use crate::error::Result;
use crate::guest::Guest;
use crate::suites::{check_gone, on, small};
use crate::testing::Test;
use crate::wait;

/// Order a migration that takes long, and wait until it runs; its number.
pub(super) async fn begin_slow(t: &Test, guest: &Guest, there: &str) -> Result<u64> {
    t.step(format!("order a slow migration to {there}"));
    t.cloud.order_live_migration(&guest.server, &to(there)).await?;
    wait::until("the migration to run", t.wait(), || async {
        let running = t.cloud.running_migrations(&guest.server.id).await?;
        Ok(match running.iter().find(|migration| migration.status == "running") {
            // Nova calls it running before libvirt has begun, and there is nothing to abort yet.
            Some(migration) if migration.memory_total_bytes.is_some_and(|bytes| bytes > 0) => {
                wait::Seen::Done(migration.id)
            }
            Some(_) => wait::Seen::NotYet("libvirt has not begun".into()),
            None => wait::Seen::NotYet(running.first().map_or("not begun".into(), |it| it.status.clone())),
        })
    })
    .await
}

/// Wait for the end of a guest's newest migration; how it ended.
pub(super) async fn end_of(t: &Test, guest: &Guest) -> Result<String> {
    wait::until("the migration to end", t.wait(), || async {
        let newest = t.cloud.migrations(&guest.server.id).await?.into_iter().next();
        Ok(match newest {
            Some(migration) if migration.has_ended() => wait::Seen::Done(migration.status),
            Some(migration) => wait::Seen::NotYet(migration.status),
            None => wait::Seen::NotYet("none".into()),
        })
    })
    .await
}

pub(super) async fn abort(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let here = t.host(0)?.name.clone();
    let mut guest = t.boot_request(on(&flavor, &here)).await?;
    let there = other_than(t, &here);
    let migration = begin_slow(t, &guest, &there).await?;
    t.step("abort it");
    t.allow("libvirtError");
    t.cloud.abort_migration(&guest.server.id, migration).await?;
    let ended = end_of(t, &guest).await?;
    // Nova looks twice per second; when libvirt has ended the job in between, it says "failed".
    t.check(
        "how the migration ended",
        matches!(ended.as_str(), "cancelled" | "failed"),
        &ended,
        "cancelled, or failed",
    );
    guest.server = t.cloud.wait_for_status(&guest.server.id, "ACTIVE", t.wait()).await?;
    stays(t, &mut guest, &here).await?;
    check_gone(t, &there, &guest.server.instance_name.clone().unwrap_or_default()).await
}

pub(super) async fn force_complete(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let here = t.host(0)?.name.clone();
    let mut guest = t.boot_request(on(&flavor, &here)).await?;
    let there = other_than(t, &here);
    let migration = begin_slow(t, &guest, &there).await?;
    t.step("force it to complete");
    t.cloud.force_complete(&guest.server.id, migration).await?;
    // It is paused now; what is left of it need not crawl. One that has ended already has no speed.
    t.cloud.host(&here).await?.set_migration_speed(&guest.server.id, 1000).await?;
    let ended = end_of(t, &guest).await?;
    t.check_eq("how the migration ended", &ended, &"completed".to_string());
    guest.server = t.cloud.wait_for_status(&guest.server.id, "ACTIVE", t.wait()).await?;
    check_moved(t, &mut guest, &here, &there).await.map(drop)
}
