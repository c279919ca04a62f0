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
use smog::testing::{Case, Check, Claims, Control, Need, Seen, Test};

/// An assertion is a function of what was seen, so that a wrong state can be put in its place.
fn has_memory(seen: &Seen) -> Vec<Check> {
    let mib = seen.domain.memory_kib / 1024;
    vec![Check::eq("memory of the domain in MiB", &mib, &96).from("domain XML, <memory>")]
}

async fn has_the_flavor_s_memory(t: &mut Test) -> Result<()> {
    // Removed after the case, whatever happens in it.
    let mut guest = t.boot(FlavorSpec::new("").vcpus(1).ram_mib(96).disk_gib(0)).await?;
    let seen = t.look(&mut guest).await?;
    // The control must turn the assertion red, or the case fails.
    let more = Control::new("more memory", |seen: Seen| {
        seen.with_xml(|xml| xml.replacen("<memory unit='KiB'>", "<memory unit='KiB'>1", 1))
    });
    t.assert(&seen, has_memory, &[more]);
    Ok(())
}

const CASES: &[Case] = &[Case::new(
    "mine.MemoryTest.test_flavor",
    "A guest has the memory of its flavor.\n\
     Steps: boot; read the domain XML.\n\
     Proves: libvirt was told what the flavor says.",
    |t| Box::pin(has_the_flavor_s_memory(t)),
)
.needs(&[Need::ComputeHosts(1)])
.claims(Claims::ONE_GUEST)];

fn main() -> std::process::ExitCode {
    smog_cli::main_with(CASES.to_vec())
}
