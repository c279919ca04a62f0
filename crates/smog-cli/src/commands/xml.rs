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
    let cloud = session.cloud().await?;
    let xml = match cloud.guest(&args.guest).await {
        Ok(mut guest) => guest.dumpxml().await?,
        // What Nova says was not recorded: what libvirt said may be.
        Err(why @ Error::NotRecorded { .. }) => match cloud.recorded_domain(&args.guest).await? {
            Some((_, seen)) => seen.domain.xml().to_string(),
            None => return Err(why),
        },
        Err(why) => return Err(why),
    };
    output::data(xml.as_bytes());
    if !xml.ends_with('\n') {
        output::text("\n");
    }
    Ok(ExitCode::Ok)
}
