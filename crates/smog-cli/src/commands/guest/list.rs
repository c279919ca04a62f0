use smog::cloud::ServerFilter;
use smog::{Error, ExitCode, Guest};

use crate::args::names;
use crate::output::{self, Form};
use crate::session::Session;

/// Guests as Nova knows them; `smog discover` asks the hosts too
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only those on this compute host
    #[arg(long, value_name = "HOST", add = names::hosts())]
    host: Option<String>,
    /// Only those of this status: ACTIVE, ERROR, SHUTOFF …
    #[arg(long, value_name = "STATUS", value_parser = upper)]
    status: Option<String>,
    /// Only those whose name contains this
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Only those with this tag; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only those of the user's own project
    #[arg(long)]
    own: bool,
    /// Those that were deleted, as long as Nova's database keeps them (administrators)
    #[arg(long)]
    deleted: bool,
}

fn upper(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.to_uppercase())
}

pub async fn run(args: ListArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let filter = ServerFilter {
        host: args.host,
        status: args.status,
        name: args.name,
        tags: args.tags,
        own_project: args.own,
        ..ServerFilter::default()
    };
    let mut servers = match args.deleted {
        true => cloud.deleted_servers(&filter).await?,
        false => cloud.servers_matching(&filter).await?,
    };
    // The table does not show them.
    if session.view.form != Form::Table || !session.view.columns.is_empty() {
        cloud.add_faults(&mut servers).await?;
    }
    servers.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    let guests: Vec<Guest> = servers.into_iter().map(|server| Guest::new(cloud, server)).collect();
    output::list(&guests, &session.view)?;
    if !session.quiet && session.view.is_for_people() && is_for_members(&guests) {
        output::note(ONLY_ADMINISTRATORS);
    }
    Ok(ExitCode::Ok)
}

/// What a member of a project without the admin role sees.
const ONLY_ADMINISTRATORS: &str = "note: hosts and pins are left out: Nova shows them to administrators only";

/// Whether Nova left out what it shows to administrators only: a guest's instance name, host.
fn is_for_members(guests: &[Guest]) -> bool {
    let is_hidden = |guest: &Guest| guest.server.instance_name.is_none() && guest.server.host.is_none();
    !guests.is_empty() && guests.iter().all(is_hidden)
}
