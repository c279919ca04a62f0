use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::session::Session;

/// Compare a guest's pins and pages in its domain XML with those in the kernel
///
/// Declared is what libvirt's XML says. Kernel is the affinity of all threads of the QEMU process in
/// /proc, what backs its memory, and the NUMA nodes it is in. Where the XML says nothing, the kernel is free.
#[derive(Debug, clap::Args)]
pub struct PinsArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
}

pub async fn run(args: PinsArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let mut guest = cloud.guest(&args.guest).await?;
    let rows = guest.compare().await?;
    if session.view.is_for_people() {
        let domain = guest.seen.as_ref().map_or("?", |seen| seen.name.as_str());
        let host = guest.server.host.as_deref().unwrap_or("?");
        output::text(&format!("{} ({domain} on {host})\n", guest.name()));
    }
    output::list(&rows, &session.view)?;
    Ok(if rows.iter().all(|row| row.agrees) { ExitCode::Ok } else { ExitCode::Failed })
}
