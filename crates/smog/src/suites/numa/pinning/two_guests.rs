//! Pinned guests that share a host.

use super::check_pinned;
use crate::cloud::{BootRequest, FlavorChoice};
use crate::error::Result;
use crate::findings::expected::{ON_ONE_CPU, on_cpus_apart};
use crate::suites::numa::small;
use crate::testing::{Check, Control, Seen, Test};

pub(super) async fn two_guests(t: &mut Test) -> Result<()> {
    let mut pins = Vec::new();
    for _ in 0..2 {
        let mut guest = t.boot(small(1, 96).pinned()).await?;
        let seen = check_pinned(t, &mut guest).await?;
        pins.push(seen);
    }
    if let (Some(other), Some(one)) = (pins.pop(), pins.pop()) {
        t.assert(&(one, other), on_cpus_apart, ON_ONE_CPU);
    }
    Ok(())
}

pub(super) async fn collocation(t: &mut Test) -> Result<()> {
    let (here, there) = (t.host(0)?.name.clone(), t.host(1)?.name.clone());
    let flavor = t.flavor(small(1, 96).pinned()).await?;
    let on = |host: &str| BootRequest {
        flavor: FlavorChoice::Named(flavor.id.clone()),
        host: Some(host.into()),
        ..BootRequest::default()
    };
    let mut stays = t.boot_request(on(&here)).await?;
    let mut moves = t.boot_request(on(&there)).await?;
    let (one, other) = (check_pinned(t, &mut stays).await?, check_pinned(t, &mut moves).await?);
    let (one, other) = (one.domain().pinned_cpus(), other.domain().pinned_cpus());
    t.step(format!("before: CPU {one} on {here}, CPU {other} on {there}"));
    if one.is_disjoint(&other) {
        return t.skip("the two hosts gave different CPUs, so that nothing has to be pinned again");
    }
    t.live_migrate(&mut moves, Some(&here)).await?;
    let after = check_pinned(t, &mut moves).await?;
    let beside = check_pinned(t, &mut stays).await?;
    let apart = |both: &(Seen, Seen)| {
        let mut checks = on_cpus_apart(both);
        checks.push(Check::eq("host of both", &both.0.host(), &both.1.host()).from("Nova, GET /servers/ID"));
        checks
    };
    let control =
        Control::new("pins as they were on the other host", |(one, _): (Seen, Seen)| (one.clone(), one));
    t.assert(&(beside, after), apart, &[control]);
    Ok(())
}
