//! `smog hypervisor …`

use clap::Subcommand;
use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::session::Session;

/// Hypervisors, as Nova knows them
#[derive(Debug, clap::Args)]
pub struct HypervisorArgs {
    #[command(subcommand)]
    verb: HypervisorVerb,
}

#[derive(Debug, Subcommand)]
enum HypervisorVerb {
    /// List hypervisors
    #[command(visible_alias = "ls")]
    List,
    /// Show a hypervisor with its servers
    Show {
        /// The hypervisor: name of its host, its own name, or id
        #[arg(add = names::hosts())]
        hypervisor: String,
    },
    /// List availability zones with their hosts
    Zones,
}

pub async fn run(args: HypervisorArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    match args.verb {
        HypervisorVerb::List => output::list(&cloud.hypervisors().await?, &session.view)?,
        HypervisorVerb::Show { hypervisor } => {
            output::show(&cloud.hypervisor(&hypervisor).await?, &session.view)?
        }
        HypervisorVerb::Zones => output::list(&cloud.availability_zones().await?, &session.view)?,
    }
    Ok(ExitCode::Ok)
}
