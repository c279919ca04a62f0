use smog::testing::Leftovers;
use smog::wait::{Wait, Waiting};
use smog::{Error, ExitCode};

use crate::output;
use crate::print::confirm::confirmed;
use crate::session::Session;

/// Remove what runs of `smog test` left behind
///
/// Everything a run makes bears its id: projects, users, servers, server groups, images,
/// aggregates, flavors; and flavors that `smog boot` made more than ten minutes ago and that no
/// server has. Nothing else is touched. A run that still goes on loses its
/// guests: name the run with `--run` where others work too. What a run changed on hosts
/// is `smog restore`'s.
#[derive(Debug, clap::Args)]
pub struct CleanArgs {
    /// Only this run's
    #[arg(long, value_name = "ID")]
    run: Option<String>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

pub async fn run(args: CleanArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let mut leftovers = Leftovers::of(cloud).await?;
    if let Some(id) = &args.run {
        leftovers = leftovers.of_named_run(id)?;
    }
    let lines = leftovers.lines();
    if lines.is_empty() {
        session.done("nothing is left behind by any run");
        return Ok(ExitCode::Ok);
    }
    output::text(&(lines.join("\n") + "\n"));
    let runs = leftovers.runs();
    let of = match runs.len() {
        0 => "boots".into(),
        1 => format!("run {}", runs[0]),
        count => format!("{count} runs"),
    };
    if session.dry_run
        || !confirmed(
            &format!("Remove {} of {of}?", smog::show::counted(lines.len() as u64, "resource")),
            args.yes,
        )?
    {
        return Ok(ExitCode::Ok);
    }
    session.begins_work()?;
    session.leaves("some of it was not removed; run `smog clean` again");
    let tell = |waiting: Waiting<'_>| {
        if !session.quiet {
            output::note(&format!("  {}: {}", waiting.what, waiting.last));
        }
    };
    let swept = leftovers.remove(cloud, Wait { tell: &tell, ..Wait::default() }).await;
    for left in &swept.left {
        output::warning(left);
    }
    session.done(&format!("removed {}", swept.removed.len()));
    Ok(if swept.left.is_empty() { ExitCode::Ok } else { ExitCode::Failed })
}
