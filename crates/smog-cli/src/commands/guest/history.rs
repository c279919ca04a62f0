use smog::{Error, ExitCode};

use crate::names;
use crate::output;
use crate::session::Session;

/// What was done to a guest, newest first: the request ids are those of the logs
#[derive(Debug, clap::Args)]
pub struct ActionsArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
}

pub async fn actions(args: ActionsArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guest = cloud.guest(&args.guest).await?;
    output::list(&cloud.actions_with_events(&guest.server.id).await?, &session.view)?;
    Ok(ExitCode::Ok)
}

/// A guest's moves between hosts, newest first
#[derive(Debug, clap::Args)]
pub struct MigrationsArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
}

pub async fn migrations(args: MigrationsArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guest = cloud.guest(&args.guest).await?;
    output::list(&cloud.migrations(&guest.server.id).await?, &session.view)?;
    Ok(ExitCode::Ok)
}
