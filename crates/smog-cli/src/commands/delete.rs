use std::time::Duration;

use smog::guest::Deleted;
use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::print::progress::Progress;
use crate::print::several::summed_up;
use crate::session::Session;

/// Delete guests, and the flavors smog made for them
#[derive(Debug, clap::Args)]
pub struct DeleteArgs {
    /// The guests: full names or ids
    #[arg(required = true, add = names::guests())]
    guests: Vec<String>,
    /// Stop waiting for each guest after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
}

pub async fn run(args: DeleteArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guests = match cloud.guests_in_full(&args.guests).await {
        Ok(guests) => guests,
        Err(mut unknown) => {
            let last = unknown.pop();
            unknown.iter().for_each(output::error);
            return last.map_or(Ok(ExitCode::NothingRan), Err);
        }
    };
    let (count, first) = (guests.len(), args.guests.first().cloned().unwrap_or_default());
    let what = if count == 1 { first } else { format!("{count} guests") };
    let progress = Progress::begin(format!("deleting {what}"), session.quiet);
    session.leaves(format!("Nova may continue to delete `{}`", args.guests.join("`, `")));
    let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
    // Each is reported as it ends, and failures at the end.
    let report = |one: &Deleted| {
        if one.ended.is_ok() && !session.quiet {
            let line = format!("{}: deleted ({:.1} s)\n", one.guest.name(), one.took.as_secs_f64());
            progress.above(|| output::text(&line));
        }
    };
    let wait = progress.wait(Duration::from_secs(args.timeout), &tell);
    let all = cloud.delete_guests(guests, wait, &report).await;
    progress.end();
    let count = all.len();
    let failed = all.into_iter().filter_map(|one| Some((one.guest.name().to_string(), one.ended.err()?)));
    summed_up(failed.collect(), count)
}
