//! Pins after a resize, a shelving, a reboot and a rebuild.

use super::{all, check_floats, check_pinned, dedicated_of};
use crate::cloud::server_actions as actions;
use crate::error::Result;
use crate::findings::expected::{PINNED, pinned};
use crate::suites::numa::small;
use crate::suites::{check_new_process, shelve_offloaded};
use crate::testing::Test;

pub(super) async fn resize_revert(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96).pinned()).await?;
    let before = check_pinned(t, &mut guest).await?;
    let flavor = t.flavor(small(1, 112).pinned()).await?;
    t.order_to(&mut guest, actions::RESIZE.with("flavor", flavor.id)).await?;
    // It runs there, and waits for the word that it may stay.
    let between = t.look(&mut guest).await?;
    let dedicated = dedicated_of(t, &between);
    t.assert(&between, |seen| pinned(seen, &all(1), &dedicated), PINNED);
    t.order_to(&mut guest, &actions::REVERT_RESIZE).await?;
    let after = check_pinned(t, &mut guest).await?;
    t.check_eq("host after the revert", &after.host(), &before.host());
    t.check_eq("pins after the revert", &after.domain().vcpu_pins(), &before.domain().vcpu_pins());
    Ok(())
}

pub(super) async fn shelve(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96).pinned()).await?;
    let before = check_pinned(t, &mut guest).await?;
    shelve_offloaded(t, &mut guest, &before).await?;
    t.order_to(&mut guest, &actions::UNSHELVE).await?;
    check_pinned(t, &mut guest).await.map(drop)
}

pub(super) async fn resize_pinned_to_unpinned(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96).pinned()).await?;
    check_pinned(t, &mut guest).await?;
    t.resize(&mut guest, small(1, 112)).await?;
    check_floats(t, &mut guest).await.map(drop)
}

pub(super) async fn resize_unpinned_to_pinned(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96)).await?;
    check_floats(t, &mut guest).await?;
    t.resize(&mut guest, small(1, 112).pinned()).await?;
    check_pinned(t, &mut guest).await.map(drop)
}

pub(super) async fn reboot(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96).pinned()).await?;
    let before = check_pinned(t, &mut guest).await?;
    t.order_to(&mut guest, actions::REBOOT.with("hard", true)).await?;
    let after = check_pinned(t, &mut guest).await?;
    t.check_eq("pins after the reboot", &after.domain().vcpu_pins(), &before.domain().vcpu_pins());
    check_new_process(t, &before, &after);
    Ok(())
}

pub(super) async fn rebuild(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96).pinned()).await?;
    let before = check_pinned(t, &mut guest).await?;
    let image = t.image().await?;
    t.order_to(&mut guest, actions::REBUILD.with("image", image.id)).await?;
    let after = check_pinned(t, &mut guest).await?;
    t.check_eq("pins after the rebuild", &after.domain().vcpu_pins(), &before.domain().vcpu_pins());
    t.check_eq("host after the rebuild", &after.host(), &before.host());
    Ok(())
}
