use std::time::Duration;

use smog::cloud::LiveMigration;
use smog::why_not::WhyNotRequest;
use smog::{Error, ExitCode};

use crate::args::names;
use crate::output::{self, Form};
use crate::print::progress::Progress;
use crate::session::Session;

/// Live-migrate a guest; Nova decides whether disks are copied
#[derive(Debug, clap::Args)]
pub struct MigrateArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
    /// Ask for this compute host instead of the scheduler's choice
    #[arg(long, value_name = "HOST", add = names::hosts())]
    to: Option<String>,
    /// Whether disks are copied (block migration) [default: Nova decides]
    #[arg(long, value_name = "yes|no", value_parser = clap::builder::BoolishValueParser::new())]
    block: Option<bool>,
    /// Stop waiting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
}

pub async fn run(args: MigrateArgs, session: &Session) -> Result<ExitCode, Error> {
    let mut guest = session.cloud().await?.guest(&args.guest).await?;
    let from = guest.server.host.clone().unwrap_or_else(|| "?".into());
    let progress = Progress::begin(format!("migrating {} from {from}", guest.name()), session.quiet);
    session
        .leaves(format!("Nova continues to migrate `{}`; `smog discover` shows where it is", guest.name()));
    let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
    let how = LiveMigration { host: args.to, block: args.block.into() };
    let moved = guest.live_migrate_with(&how, progress.wait(Duration::from_secs(args.timeout), &tell)).await;
    if let Err(why) = moved {
        let asked = WhyNotRequest::of_live_migration(&guest.server.id, &how);
        return Err(guest.cloud().with_why(why, &asked).await);
    }
    let took = progress.end();
    match session.view.form {
        Form::Table | Form::Wide | Form::Value => output::text(&format!(
            "{}: {from} -> {} ({:.1} s)\n",
            guest.name(),
            guest.server.host.as_deref().unwrap_or("?"),
            took.as_secs_f64()
        )),
        form => output::machine(&guest, form)?,
    }
    Ok(ExitCode::Ok)
}
