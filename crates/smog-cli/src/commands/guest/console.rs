use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::session::Session;

/// Print the serial console, as Nova reads it from the host
#[derive(Debug, clap::Args)]
pub struct ConsoleArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
    /// Only the last N lines
    #[arg(long, short = 'n', value_name = "COUNT")]
    lines: Option<u32>,
}

pub async fn run(args: ConsoleArgs, session: &Session) -> Result<ExitCode, Error> {
    let guest = session.cloud().await?.guest(&args.guest).await?;
    let text = guest.console(args.lines).await?;
    output::data(text.as_bytes());
    if !text.is_empty() && !text.ends_with('\n') {
        output::text("\n");
    }
    Ok(ExitCode::Ok)
}
