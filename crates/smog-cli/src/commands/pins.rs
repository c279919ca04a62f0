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
    let (name, domain, host, rows) = match cloud.guest(&args.guest).await {
        Ok(mut guest) => {
            let rows = guest.compare().await?;
            let domain = guest.seen.as_ref().map_or("?", |seen| seen.name.as_str()).to_string();
            (guest.name().to_string(), domain, guest.server.host.clone().unwrap_or_else(|| "?".into()), rows)
        }
        // What Nova says was not recorded: what libvirt and the kernel said may be.
        Err(why @ Error::NotRecorded { .. }) => match cloud.recorded_pins(&args.guest).await? {
            Some((host, domain, rows)) => (args.guest.clone(), domain.name, host.name().to_string(), rows),
            None => return Err(why),
        },
        Err(why) => return Err(why),
    };
    if session.view.is_for_people() {
        output::text(&format!("{name} ({domain} on {host})\n"));
    }
    output::list(&rows, &session.view)?;
    Ok(if rows.iter().all(|row| row.agrees) { ExitCode::Ok } else { ExitCode::Failed })
}
