//! Boot a guest, look at every guest of the cloud, move one, clean up.
//!
//! These are the first two examples of smog's introduction. Run it with the lab:
//!
//! ```sh
//! lab/up
//! eval "$(lab/env)"
//! cargo run --example simple
//! ```

#![allow(clippy::print_stdout, reason = "an example")]

use smog::wait::Wait;

#[tokio::main]
async fn main() -> smog::Result<()> {
    // Who you are comes from OS_* variables, clouds.yaml or smog.yml.
    let cloud = smog::connect().await?;

    // Image `cirros`, the smallest flavor it fits, network `private`. Returns when ACTIVE.
    let mut simple = cloud.boot("simple").await?;

    // Every guest in the deployment: what Nova says, and what libvirt on its host says.
    for guest in cloud.discover().await?.guests {
        println!("{} is {} on {:?}", guest.name(), guest.server.status, guest.server.host);
        if let Some(domain) = &guest.seen {
            println!("{}", domain.xml());
        }
    }

    // Move it. The same object knows the new host afterwards.
    println!("before: {}", simple.host().await?.name());
    simple.live_migrate(None, Wait::default()).await?;
    println!("after:  {}", simple.host().await?.name());

    simple.delete(Wait::default()).await
}
