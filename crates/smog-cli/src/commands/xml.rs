use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::session::Session;

/// Print a guest's domain XML as libvirt on its host has it now
#[derive(Debug, clap::Args)]
pub struct XmlArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
}

pub async fn run(args: XmlArgs, session: &Session) -> Result<ExitCode, Error> {
    let mut guest = session.cloud().await?.guest(&args.guest).await?;
    let xml = guest.dumpxml().await?;
    output::data(xml.as_bytes());
    if !xml.ends_with('\n') {
        output::text("\n");
    }
    Ok(ExitCode::Ok)
}
