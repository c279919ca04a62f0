use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use smog::recording::{Index, RecordRequest, TellFn};
use smog::show::counted;
use smog::{Error, ExitCode};

use crate::args::log::length;
use crate::args::names;
use crate::output::{self, Form};
use crate::print::progress::Progress;
use crate::session::Session;

/// Record what smog can read of a cloud in one file, to look at later or elsewhere
///
/// smog runs its own looks (discover, explain of each guest, audit, topology, why-not and their lists) and
/// keeps what the APIs and the hosts answered, and the logs of all hosts. Nothing is changed.
/// Passwords, tokens, keys and user data are removed before anything is written. The file can be
/// read by its owner only; what was recorded answers `smog --replay FILE COMMAND`, without a network.
///
/// Examples:
///   smog record cloud.tar.xz
///   smog record web.tar.xz --guest web --since 1d
///   smog --replay cloud.tar.xz explain web
///   smog --replay cloud.tar.xz logs --level warning
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct RecordArgs {
    /// The file to write; one that is there is replaced
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only this guest, also one that was deleted; may be given several times
    #[arg(long = "guest", value_name = "GUEST", add = names::guests())]
    guests: Vec<String>,
    /// Only this host, and the guests on it; may be given several times
    #[arg(long = "host", value_name = "HOST", add = names::hosts())]
    hosts: Vec<String>,
    /// How far back logs are recorded
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "1h")]
    since: Duration,
    /// Do not exit with 3 when a host or log could not be read
    #[arg(long)]
    allow_unread: bool,
}

pub async fn run(args: RecordArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let begun = Instant::now();
    session.leaves(format!("{} was not written", args.file.display()));
    let progress = Arc::new(Mutex::new(Progress::begin("recording", session.quiet)));
    let shown = Arc::clone(&progress);
    let tell = TellFn::new(move |text| {
        if let Ok(progress) = shown.lock() {
            progress.state(text);
        }
    });
    let request = RecordRequest {
        guests: args.guests.clone(),
        hosts: args.hosts.clone(),
        since: Some(args.since),
        tell: Some(tell),
    };
    let index = cloud.record(&session.smog_file()?, &request, &args.file).await;
    drop(request);
    if let Some(progress) = Arc::into_inner(progress).and_then(|progress| progress.into_inner().ok()) {
        progress.end();
    }
    let index = index?;
    match session.view.form {
        Form::Json | Form::Yaml => output::machine(&index, session.view.form)?,
        _ => session.done(&summary(&index, &args.file, begun)),
    }
    if !session.quiet {
        index.unread.iter().for_each(|line| output::warning(&format!("not recorded: {line}")));
    }
    Ok(match index.unread.is_empty() || args.allow_unread {
        true => ExitCode::Ok,
        false => ExitCode::CouldNotRun,
    })
}

fn summary(index: &Index, file: &std::path::Path, begun: Instant) -> String {
    let size = std::fs::metadata(file).map_or(0, |about| about.len());
    format!(
        "{}: {}, {} of {}, {} since {} ({} KiB, {:.1} s)",
        file.display(),
        counted(index.calls, "API answer"),
        counted(index.commands(), "command"),
        counted(index.hosts.len(), "host"),
        counted(usize::try_from(index.records()).unwrap_or(usize::MAX), "log record"),
        index.logs_since.strftime("%Y-%m-%d %H:%M:%S UTC"),
        size.div_ceil(1024),
        begun.elapsed().as_secs_f64()
    )
}
