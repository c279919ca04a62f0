use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use smog::watch::{Event, From};
use smog::{Error, ExitCode};

use crate::commands::watch::{told, unread};
use crate::log_args::{LogArgs, Saving, moment};
use crate::record_print::Printer;
use crate::session::Session;
use crate::thrown::Thrown;

/// Search the logs of every host, in the order of time, rotated parts included
///
/// Without `--since` it looks back one hour; for a guest to its creation, for a
/// request one day. Only that part of each file is read.
///
/// Examples:
///   smog logs --guest web-1
///   smog logs --request req-e78fdbcb-d5df-48e3-9c5c-df4d648aef7b
///   smog logs --exceptions --since 1d -o json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct LogsArgs {
    #[command(flatten)]
    logs: LogArgs,

    /// Begin this far back, or at this time
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,

    /// End this far back, or at this time
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Timestamp>,
}

pub async fn run(args: LogsArgs, session: &Session) -> Result<ExitCode, Error> {
    let (mut filter, guest) = args.logs.filter(session).await?;
    let created = guest.and_then(|guest| guest.server.created.parse::<Timestamp>().ok());
    let ago = |hours| Timestamp::now() - SignedDuration::from_hours(hours);
    let since = args.since.unwrap_or_else(|| match created {
        // The request that created it came a moment before.
        Some(created) => created - SignedDuration::from_secs(10),
        None if !args.logs.requests.is_empty() => ago(24),
        None => ago(1),
    });
    if args.until.is_some_and(|until| until < since) {
        return Err(Error::Invalid {
            what: "--until".into(),
            why: "it is before the beginning".into(),
            hint: Some("`--since` names the beginning".into()),
        });
    }
    filter.since = Some(since);
    filter.until = args.until;
    let mut saving = Saving::new(&args.logs)?;
    let begun = Instant::now();
    let mut watch = args.logs.start(session, From::Since(since), args.until, false).await?;
    let mut thrown = Thrown::new(args.logs.allow_list(session)?);
    let mut printer = Printer::new(&session.view, &args.logs.hosts)?;
    while let Some(event) = watch.next().await {
        match event {
            Event::Record(record) => {
                LogArgs::take(&record, &filter, &mut saving, Some(&mut printer), &mut thrown);
            }
            other => told(&other),
        }
    }
    if !session.quiet {
        thrown.summary(begun.elapsed(), saving.files());
    }
    unread(watch.unread(), session.quiet);
    let failed = args.logs.exit_on_exception && thrown.count() > 0;
    Ok(saving.exit_code(watch.unread().exit_code(failed, args.logs.allow_unread)))
}
