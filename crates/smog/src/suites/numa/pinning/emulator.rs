//! Where the emulator threads of a pinned guest run.

use super::{all, check_pinned, dedicated_of, shared_of};
use crate::cloud::{BootRequest, FlavorChoice};
use crate::error::Result;
use crate::findings::expected::{EMULATOR, PINNED, emulator_apart, emulator_on, pinned};
use crate::flavor::EmulatorThreads;
use crate::suites::boots_without;
use crate::suites::numa::small;
use crate::testing::{Seen, Test};

pub(super) async fn emulator_share(t: &mut Test) -> Result<()> {
    let spec = small(1, 96).pinned().emulator_threads(EmulatorThreads::Share);
    let mut guest = t.boot(spec).await?;
    let seen = check_pinned(t, &mut guest).await?;
    let shared = shared_of(t, &seen);
    t.assert(&seen, |seen| emulator_on(seen, &shared), EMULATOR);
    Ok(())
}

pub(super) async fn emulator_share_without_shared(t: &mut Test) -> Result<()> {
    let spec = small(1, 96).pinned().emulator_threads(EmulatorThreads::Share);
    let mut guest = t.boot(spec).await?;
    let seen = check_pinned(t, &mut guest).await?;
    let own = seen.domain().pinned_cpus();
    t.assert(&seen, |seen| emulator_on(seen, &own), EMULATOR);
    Ok(())
}

pub(super) async fn emulator_isolate(t: &mut Test) -> Result<()> {
    let spec = small(1, 96).pinned().emulator_threads(EmulatorThreads::Isolate);
    let mut guest = t.boot(spec).await?;
    let seen = t.look(&mut guest).await?;
    let dedicated = dedicated_of(t, &seen);
    t.assert(&seen, |seen| emulator_apart(seen, &dedicated), EMULATOR);
    let vcpu = |seen: &Seen| pinned(seen, &all(1), &dedicated).into_iter().take(2).collect();
    t.assert(&seen, vcpu, &PINNED[..2]);
    Ok(())
}

pub(super) async fn emulator_isolate_without_room(t: &mut Test) -> Result<()> {
    // Its CPUs, the emulator's among them, are in one cell of the host.
    let most = t.host(0)?.free_dedicated_in_a_cell() as u32;
    boots_without(t, "a CPU for the emulator", small(most, 96).pinned()).await?;
    let spec = small(most, 96).pinned().emulator_threads(EmulatorThreads::Isolate);
    let request = BootRequest { flavor: FlavorChoice::Made(Box::new(spec)), ..BootRequest::default() };
    let reason = t.refused("vCPUs on all CPUs, and one more for the emulator", request).await?;
    t.check_no_valid_host(&reason);
    Ok(())
}
