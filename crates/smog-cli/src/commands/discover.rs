use smog::{Error, ExitCode};

use crate::output;
use crate::session::Session;

/// List every guest you may see, with its domain; asks Nova, and each compute host once
///
/// What libvirt has on the host that Nova names stands next to Nova's status. A guest whose domain
/// is missing, or in another state than Nova says, and a domain of Nova's that has no server, are
/// warned of, and the exit code is 1; 3 when a host could not be asked.
#[derive(Debug, clap::Args)]
pub struct DiscoverArgs {
    /// Only the domains on compute hosts that belong to no server
    #[arg(long)]
    strangers: bool,
}

pub async fn run(args: DiscoverArgs, session: &Session) -> Result<ExitCode, Error> {
    let found = session.cloud().await?.discover().await?;
    let is_plain = session.view.is_for_people() && session.view.columns.is_empty();
    match args.strangers {
        true => output::list(&found.strangers, &session.view)?,
        // What to do about none is said below.
        false if found.guests.is_empty() && session.view.is_for_people() => {}
        false => output::list(&found.guests, &session.view)?,
    }
    if !args.strangers && is_plain && !found.strangers.is_empty() {
        output::text("\ndomains of no server\n");
        output::list(&found.strangers, &session.view)?;
    }
    for problem in &found.problems {
        let about = format!("the guests on host `{}` are shown without domain", problem.host);
        output::warning_of(&about, &problem.error);
    }
    for said in found.contradictions() {
        output::warning(&said);
    }
    if let Some(hidden) = found.hidden.as_ref().filter(|_| !session.quiet) {
        output::note(&format!("note: {hidden}"));
    }
    if found.guests.is_empty() && !args.strangers && !session.quiet {
        output::note("no guests; `smog boot NAME` boots one");
    }
    Ok(found.exit_code())
}
