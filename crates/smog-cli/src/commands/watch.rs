use std::process::Stdio;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use smog::watch::{Event, From, Save, Verdict, problem_text};
use smog::{Error, ExitCode};

use crate::log_args::{LogArgs, beginning_of, length, moment};
use crate::output;
use crate::record_print::Printer;
use crate::session::Session;
use crate::thrown::Thrown;

/// Follow every host's logs at once, in the order of time, exceptions whole
///
/// Without a command it goes on until Ctrl-C, `--for` or an exception with
/// `--exit-on-exception`. With a command it runs that and then tells what was
/// thrown meanwhile; the exit code is the command's.
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
    let (filter, _) = args.logs.filter(session).await?;
    let mut save = args.logs.save.as_deref().map(Save::into).transpose()?;
    let from = match (&args.since, &args.since_request) {
        (Some(time), _) => From::Since(*time),
        (None, Some(request)) => From::Since(beginning_of(request, &args.logs, session).await?),
        (None, None) => From::End,
    };
    let begun = Instant::now();
    session.ends_itself();
    let mut watch = args.logs.start(session, from, None, true).await?;
    let mut thrown = Thrown::new(args.logs.allow_list(session)?);
    let mut printer = Printer::new(&session.view, &args.logs.hosts)?;
    // With a command, only what it threw is of interest, unless something else was asked for.
    let prints =
        args.command.is_empty() || filter.exceptions || filter.level.is_some() || filter.patterns.is_some();

    let interrupt = crate::interrupted();
    let nobody_reads = output::reader_gone();
    tokio::pin!(interrupt, nobody_reads);
    let mut end = args.for_how_long.map(|length| tokio::time::Instant::now() + length);
    let mut child: Option<tokio::process::Child> = None;
    let mut code = ExitCode::Ok;
    let mut command_code = None;
    loop {
        let event = tokio::select! {
            event = watch.next() => event,
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
        let Some(event) = event else { break };
        match event {
            Event::Record(record) => {
                let printer = prints.then_some(&mut printer);
                if LogArgs::take(&record, &filter, &mut save, printer, &mut thrown)? == Verdict::Keep
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
                    output::note("watching; Ctrl-C ends it");
                }
            }
            Event::Back { host } => {
                output::note(&format!("host `{host}` is back: reading goes on where it stopped"))
            }
            other => told(&other),
        }
    }
    if let Some(child) = &mut child {
        // Ctrl-C reached it as well; it is waited for.
        command_code = child.wait().await.ok().and_then(|status| status.code());
    }
    watch.stop().await;
    if !session.quiet {
        thrown.summary(begun.elapsed(), save.as_ref());
    }
    if let Some(code) = command_code.filter(|code| *code != 0) {
        // The command's own code, as it would be without smog.
        session.close().await;
        std::process::exit(code);
    }
    match thrown.count() {
        0 => Ok(code),
        _ if args.logs.exit_on_exception => Ok(ExitCode::Failed),
        _ => Ok(code),
    }
}

/// Say what is wrong with the watching itself.
pub fn told(event: &Event) {
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
