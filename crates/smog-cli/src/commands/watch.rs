use std::process::Stdio;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use smog::watch::{Event, From, LogQuery, LogSearch, Verdict, problem_text};
use smog::{Error, ExitCode};

use crate::args::log::{LogArgs, Saving, length, moment, resolve};
use crate::output;
use crate::print::exceptions::Thrown;
use crate::print::records::Printer;
use crate::session::Session;

/// Follow the logs of all hosts in time order, with whole tracebacks
///
/// Without a command it goes on until Ctrl-C, `--for` or an exception with
/// `--exit-on-exception`. With a command it runs that and then reports what was
/// thrown meanwhile; the exit code is the command's. A host or a log that was wanted and
/// not read gives 3: no exception there is no news.
///
/// Examples:
///   smog watch --level warning
///   smog watch --guest web-1 --since 10m
///   smog watch --exceptions --exit-on-exception --for 5m --save /tmp/smog
///   smog watch -- smog migrate web-1
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct WatchArgs {
    #[command(flatten)]
    logs: LogArgs,

    /// Begin this far back, or at this time
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,

    /// Begin where this request first shows (at most a day back)
    #[arg(long, value_name = "ID", conflicts_with = "since")]
    since_request: Option<String>,

    /// End after this time
    #[arg(long = "for", value_name = "LENGTH", value_parser = length)]
    for_how_long: Option<Duration>,

    /// Watch while this command runs
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// What a command caused is on its way for so long after its end.
const AFTERMATH: Duration = Duration::from_millis(500);

pub async fn run(args: WatchArgs, session: &Session) -> Result<ExitCode, Error> {
    let mut saving = Saving::new(&args.logs)?;
    let query =
        LogQuery { since: args.since, since_request: args.since_request, follow: true, ..args.logs.query() };
    let begun = Instant::now();
    let LogSearch { filter, allow, plan, from, .. } = resolve(&query, session).await?;
    let mut watch = plan.watch();
    let mut thrown = Thrown::new(allow);
    let mut printer = Printer::new(&session.view, &args.logs.hosts)?;
    // With a command, only what it threw is of interest, unless something else was asked for.
    let prints =
        args.command.is_empty() || filter.exceptions || filter.level.is_some() || filter.patterns.is_some();

    session.ends_itself();
    let interrupt = crate::interrupt::interrupted();
    let nobody_reads = output::reader_gone();
    tokio::pin!(interrupt, nobody_reads);
    let mut end = args.for_how_long.map(|length| tokio::time::Instant::now() + length);
    let mut child: Option<tokio::process::Child> = None;
    let mut code = ExitCode::Ok;
    let mut command_code = None;
    let mut is_over = false;
    loop {
        let event = tokio::select! {
            event = watch.next(), if !is_over => event,
            () = &mut interrupt => { code = ExitCode::Interrupted; break; }
            // `| head`, `| grep -m1`. A command goes on to its end.
            () = &mut nobody_reads, if args.command.is_empty() => break,
            status = async { match &mut child { Some(child) => child.wait().await, None => std::future::pending().await } } => {
                command_code = Some(status.ok().and_then(|status| status.code()).unwrap_or(1));
                child = None;
                end = Some(tokio::time::Instant::now() + AFTERMATH);
                continue;
            }
            () = async { match end { Some(end) => tokio::time::sleep_until(end).await, None => std::future::pending().await } } => break,
        };
        let Some(event) = event else {
            // No host is followed any more. The time that was asked for, and the command, go on.
            is_over = true;
            if end.is_none() && child.is_none() {
                break;
            }
            continue;
        };
        match event {
            Event::Record(record) => {
                let printer = prints.then_some(&mut printer);
                if LogArgs::take(&record, &filter, &mut saving, printer, &mut thrown) == Verdict::Keep
                    && args.logs.exit_on_exception
                    && args.command.is_empty()
                {
                    break;
                }
            }
            Event::CaughtUp => {
                if command_code.is_none() && child.is_none() && !args.command.is_empty() {
                    child = Some(begin(&args.command)?);
                } else if !session.quiet && from == From::End {
                    output::note("watching; press Ctrl-C to stop");
                }
            }
            Event::Back { host } => {
                output::note(&format!("host `{host}` is back: reading continues where it stopped"))
            }
            other => print_event(&other),
        }
    }
    if let Some(child) = &mut child {
        // Ctrl-C reached it as well; it is waited for.
        command_code = child.wait().await.ok().and_then(|status| status.code());
    }
    // Taken before the end: what is ended on purpose is no host that is away.
    let not_read = watch.unread().clone();
    watch.stop().await;
    if !session.quiet {
        thrown.summary(begun.elapsed(), saving.files());
    }
    unread(&not_read.lines(), session.quiet, args.logs.allow_unread);
    if let Some(code) = command_code.filter(|code| *code != 0) {
        // The command's own code, as it would be without smog.
        session.close().await;
        std::process::exit(code);
    }
    let failed = args.logs.exit_on_exception && thrown.count() > 0;
    Ok(match saving.exit_code(not_read.exit_code(failed, args.logs.allow_unread)) {
        // Ctrl-C is the usual end of a watch without an end.
        ExitCode::CouldNotRun if code == ExitCode::Interrupted => code,
        ExitCode::Ok => code,
        other => other,
    })
}

/// Say what was wanted and is not read: no exception there is no news. Exit code 3 is never without a
/// word: also the quiet say it, in one line, unless it is allowed.
pub fn unread(lines: &[String], quiet: bool, is_allowed: bool) {
    let Some(first) = lines.first() else { return };
    if quiet {
        if !is_allowed {
            let more =
                if lines.len() > 1 { format!(" (and {} more)", lines.len() - 1) } else { String::new() };
            let first = first.lines().next().unwrap_or_default();
            output::warning(&format!("not read, so exceptions there are unknown: {first}{more}"));
        }
        return;
    }
    output::note(&format!("not read, so exceptions there are unknown ({}):", lines.len()));
    for line in lines.iter().take(MOST_UNREAD) {
        let line: String = line.lines().next().unwrap_or_default().into();
        output::note(&format!("  {line}"));
    }
    if lines.len() > MOST_UNREAD {
        output::note(&format!("  and {} more", lines.len() - MOST_UNREAD));
    }
}

/// So many hosts and logs that were not read are named at the end.
const MOST_UNREAD: usize = 20;

/// Say what is wrong with the watching itself.
pub fn print_event(event: &Event) {
    if let Some(text) = problem_text(event) {
        output::warning(&text);
    }
}

fn begin(words: &[String]) -> Result<tokio::process::Child, Error> {
    let mut command = tokio::process::Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::inherit());
    command.spawn().map_err(|why| Error::Invalid {
        what: format!("the command `{}`", words[0]),
        why: why.to_string(),
        hint: None,
    })
}
