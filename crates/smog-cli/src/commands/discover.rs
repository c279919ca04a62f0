use smog::{Error, ExitCode};

use crate::output;
use crate::session::Session;

/// Every guest you may see: asks Nova once, and each of its hosts once
#[derive(Debug, clap::Args)]
pub struct DiscoverArgs {}

pub async fn run(_: DiscoverArgs, session: &Session) -> Result<ExitCode, Error> {
    let found = session.cloud().await?.discover().await?;
    output::list(&found.guests, &session.view)?;
    for problem in &found.problems {
        let about = format!("the guests on host `{}` are shown without domain", problem.host);
        output::warning_of(&about, &problem.error);
    }
    if found.guests.is_empty() && !session.quiet {
        output::note("no guests; `smog boot NAME` boots one");
    }
    // What could not be asked is not known: a script must not take it for the whole.
    match found.problems.first() {
        Some(problem) => Ok(problem.error.exit_code()),
        None => Ok(ExitCode::Ok),
    }
}
