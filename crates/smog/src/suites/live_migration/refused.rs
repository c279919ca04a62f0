//! Live migrations that Nova refuses, and that leave the guest as it was.

use super::{check_moved, host_of, other_than, stays, to};
use crate::cloud::{BlockMigration, BootRequest, LiveMigration};
use crate::error::Result;
use crate::findings::expected::{PINNED, pinned};
use crate::suites::{fill_dedicated, of, on, small};
use crate::testing::Test;

pub(super) async fn no_available(t: &mut Test) -> Result<()> {
    // Only one host has what the flavor asks for.
    let (pair, key) = t.aggregate_pair("home").await?;
    let host = pair.host().to_string();
    let flavor =
        t.flavor(small(1, 96).extra(format!("aggregate_instance_extra_specs:{key}"), "true")).await?;
    let mut guest = t.boot_request(of(&flavor)).await?;
    let how = LiveMigration { host: None, block: BlockMigration::Auto };
    let reason = t.migration_refused("a guest whose flavor fits one host only", &mut guest, &how).await?;
    t.check_no_valid_host(&reason);
    stays(t, &mut guest, &host).await
}

pub(super) async fn to_itself(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let mut guest = t.boot_request(of(&flavor)).await?;
    let host = host_of(&guest);
    let reason = t.migration_refused("the host it is on", &mut guest, &to(&host)).await?;
    t.check_no_valid_host(&reason);
    stays(t, &mut guest, &host).await
}

pub(super) async fn without_shared_storage(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let mut guest = t.boot_request(of(&flavor)).await?;
    let host = host_of(&guest);
    let how = LiveMigration { host: Some(other_than(t, &host)), block: BlockMigration::No };
    t.allow("InvalidSharedStorage");
    t.allow("InvalidSharedStorage_Remote");
    t.allow("MigrationPreCheckError");
    let reason =
        t.migration_refused("no copy of the disk, on hosts that share none", &mut guest, &how).await?;
    t.check_reason(&reason, &["shared storage"], "a sentence about shared storage");
    stays(t, &mut guest, &host).await
}

pub(super) async fn bad_host_numa(t: &mut Test) -> Result<()> {
    // Every CPU for pinned guests of the other host is taken.
    let (here, there) = (t.host(0)?.name.clone(), t.host(1)?.name.clone());
    fill_dedicated(t, &there).await?;
    let one = t.flavor(small(1, 96).pinned()).await?;
    let mut guest = t.boot_request(on(&one, &here)).await?;
    let reason = t.migration_refused("a host without a CPU left for it", &mut guest, &to(&there)).await?;
    t.check_no_valid_host(&reason);
    let seen = t.look(&mut guest).await?;
    t.check_eq("host after the refusal", &seen.host().to_string(), &here);
    let dedicated = t.host(0)?.dedicated.clone();
    t.assert(&seen, |seen| pinned(seen, &[0u32].into_iter().collect(), &dedicated), PINNED);
    Ok(())
}

pub(super) async fn anti_affinity(t: &mut Test) -> Result<()> {
    let group = t.server_group("anti-affinity").await?;
    let flavor = t.flavor(small(1, 96)).await?;
    let member = BootRequest { server_group: Some(group.id.clone()), ..of(&flavor) };
    let first = t.boot_request(member.clone()).await?;
    let mut second = t.boot_request(member).await?;
    let (one, other) = (host_of(&first), host_of(&second));
    t.check("hosts before", one != other, format!("{one} and {other}"), "different");
    let reason = t.migration_refused("the host of the other member", &mut second, &to(&one)).await?;
    t.check_no_valid_host(&reason);
    stays(t, &mut second, &other).await
}

pub(super) async fn overcommitted(t: &mut Test) -> Result<()> {
    // Two guests of more than half of a host's memory each: they do not fit together. Their
    // memory is promised, not used.
    let (here, there) = (t.host(0)?.name.clone(), t.host(1)?.name.clone());
    let provider = t.cloud.provider(&there).await?;
    let inventory = t.cloud.inventories(&provider.id).await?;
    let capacity =
        inventory.iter().find(|line| line.resource_class == "MEMORY_MB").map_or(0, |line| line.capacity());
    let ram = capacity * 11 / 20;
    let used = t.cloud.provider_usages(&provider.id).await?.get("MEMORY_MB").copied().unwrap_or(0);
    if used + ram > capacity {
        return t
            .skip(format!("{there} has {used} of {capacity} MiB booked already: no room for half of it"));
    }
    t.step(format!("{there} may give {capacity} MiB; two guests of {ram} MiB"));
    let flavor = t.flavor(small(1, ram)).await?;
    t.boot_request(on(&flavor, &there)).await?;
    let mut guest = t.boot_request(on(&flavor, &here)).await?;
    let reason = t.migration_refused("a host without memory left for it", &mut guest, &to(&there)).await?;
    t.check_no_valid_host(&reason);
    stays(t, &mut guest, &here).await
}

pub(super) async fn failed_host(t: &mut Test) -> Result<()> {
    let (here, there) = (t.host(0)?.name.clone(), t.host(1)?.name.clone());
    let flavor = t.flavor(small(1, 96)).await?;
    let mut guest = t.boot_request(on(&flavor, &here)).await?;
    t.cut_off(&there).await?;
    t.allow("ComputeServiceUnavailable");
    let reason = t.migration_refused("a host that is down", &mut guest, &to(&there)).await?;
    t.check_no_valid_host(&reason);
    stays(t, &mut guest, &here).await?;
    t.bring_back().await?;
    t.live_migrate(&mut guest, Some(&there)).await?;
    check_moved(t, &mut guest, &here, &there).await.map(drop)
}
