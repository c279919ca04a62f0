use std::time::Duration;

use smog::{Error, ExitCode};

use crate::names;
use crate::output;
use crate::progress::Progress;
use crate::session::{Session, named_in_full};

/// Delete guests, and the flavors smog made for them
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// The guests: full names or ids
    #[arg(required = true, add = names::guests())]
    guests: Vec<String>,
    /// Give up waiting for each after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
}

pub async fn run(args: DeleteArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    // All names are looked up first: a typo deletes nothing.
    let mut guests = Vec::new();
    for asked in &args.guests {
        let guest = cloud.guest(asked).await?;
        named_in_full(asked, &guest)?;
        guests.push(guest);
    }
    for guest in guests {
        let progress = Progress::begin(format!("deleting {}", guest.name()), session.quiet);
        session.leaves(format!("Nova may go on deleting `{}`", guest.name()));
        let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
        guest.delete(progress.wait(Duration::from_secs(args.timeout), &tell)).await?;
        let took = progress.end();
        if !session.quiet {
            output::text(&format!("{}: deleted ({:.1} s)\n", guest.name(), took.as_secs_f64()));
        }
    }
    Ok(ExitCode::Ok)
}
