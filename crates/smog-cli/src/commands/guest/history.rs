use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::session::Session;

/// List the actions on a guest, newest first. Their request ids are those of the logs. A guest that
/// was deleted is found as long as Nova's database keeps it
#[derive(Debug, clap::Args)]
pub struct ActionsArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
}

pub async fn actions(args: ActionsArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guest = cloud.guest_even_deleted(&args.guest).await?;
    output::list(&cloud.actions_with_events(&guest.server.id).await?, &session.view)?;
    Ok(ExitCode::Ok)
}

/// List a guest's migrations, newest first
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

/// Show a running live migration, abort it or force it to complete
#[derive(Debug, clap::Args)]
pub struct MovingArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
    /// Abort it: the guest stays on its host
    #[arg(long, conflicts_with = "complete")]
    abort: bool,
    /// Force completion: the guest is paused until its memory is copied
    #[arg(long)]
    complete: bool,
}

pub async fn moving(args: MovingArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guest = cloud.guest(&args.guest).await?;
    match (args.abort, args.complete) {
        (true, _) => cloud.abort_live_migration(&guest.server).await?,
        (_, true) => cloud.force_complete_live_migration(&guest.server).await?,
        _ => {}
    }
    output::list(&cloud.running_migrations(&guest.server.id).await?, &session.view)?;
    Ok(ExitCode::Ok)
}
