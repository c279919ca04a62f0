//! Cases of your own, in a command like `smog` itself.
//!
//! ```sh
//! lab/up
//! eval "$(lab/env)"
//! cargo run -p own-cases -- test
//! cargo run -p own-cases -- test --list --long
//! ```

use smog::Result;
use smog::flavor::FlavorSpec;
use smog::testing::{Case, Check, Claims, Control, Need, Seen, Test, no_findings};

/// An assertion is a function of what was seen, so that a wrong state can be put in its place.
/// The rules of `smog audit` are such functions already: here, that every thread of the guest runs
/// where its domain XML says.
fn threads_are_in_place(seen: &Seen) -> Vec<Check> {
    no_findings(seen, &["vcpu-affinity", "stray-threads", "iothread"])
}

async fn threads_stay_in_place(t: &mut Test) -> Result<()> {
    // Removed after the case, whatever happens in it.
    let mut guest = t.boot(FlavorSpec::new("").vcpus(1).ram_mib(96).disk_gib(0).pinned()).await?;
    let seen = t.look(&mut guest).await?;
    // The control must turn the assertion red, or the case fails.
    let floats = Control::new("a vCPU that floats in the kernel", Seen::unpinned_threads);
    t.assert(&seen, threads_are_in_place, &[floats]);
    Ok(())
}

const CASES: &[Case] = &[Case::new(
    "mine.ThreadsTest.test_in_place",
    "Every thread of a pinned guest runs where its domain XML says.\n\
     Steps: boot; compare the pins with the affinity of all threads.\n\
     Proves: the kernel does what libvirt declares.",
    |t| Box::pin(threads_stay_in_place(t)),
)
.needs(&[Need::ComputeHosts(1), Need::DedicatedCpus(1)])
.claims(Claims::ONE_GUEST.dedicated(1))];

fn main() -> std::process::ExitCode {
    smog_cli::main_with(CASES.to_vec())
}
