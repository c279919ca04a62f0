//! `smog service …`

use clap::Subcommand;
use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::session::Session;

/// Nova's services
#[derive(Debug, clap::Args)]
pub struct ServiceArgs {
    #[command(subcommand)]
    verb: ServiceVerb,
}

#[derive(Debug, Subcommand)]
enum ServiceVerb {
    /// List services
    #[command(visible_alias = "ls")]
    List,
    /// Enable a compute service: servers are scheduled to its host
    Enable(One),
    /// Disable a compute service: no more servers are scheduled to its host
    Disable(DisableArgs),
    /// Force a compute service down before an evacuation (--undo: up again)
    ForceDown(ForceDownArgs),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The compute host
    #[arg(add = names::hosts())]
    host: String,
}

#[derive(Debug, clap::Args)]
struct DisableArgs {
    #[command(flatten)]
    one: One,
    /// The reason, shown in the list of services
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, clap::Args)]
struct ForceDownArgs {
    #[command(flatten)]
    one: One,
    /// Undo it: the service's heartbeat decides again
    #[arg(long)]
    undo: bool,
}

pub async fn run(args: ServiceArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let changed = match args.verb {
        ServiceVerb::List => {
            output::list(&cloud.compute_services().await?, &session.view)?;
            return Ok(ExitCode::Ok);
        }
        ServiceVerb::Enable(args) => {
            cloud.enable_service(&cloud.compute_service(&args.host).await?.id).await?
        }
        ServiceVerb::Disable(args) => {
            let service = cloud.compute_service(&args.one.host).await?;
            cloud.disable_service(&service.id, args.reason.as_deref()).await?
        }
        ServiceVerb::ForceDown(args) => {
            let service = cloud.compute_service(&args.one.host).await?;
            cloud.force_down(&service.id, !args.undo).await?
        }
    };
    output::show(&changed, &session.view)?;
    Ok(ExitCode::Ok)
}
