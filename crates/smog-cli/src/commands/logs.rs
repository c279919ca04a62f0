use std::path::PathBuf;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smog::watch::{Event, LogQuery, LogSearch};
use smog::{Error, ExitCode};

use crate::args::log::{LogArgs, Saving, moment, resolve, zone};
use crate::commands::watch::{print_event, unread};
use crate::print::exceptions::{Thrown, records};
use crate::print::records::Printer;
use crate::saved_logs::{self, apart};
use crate::session::Session;

/// Search the logs of all hosts in time order, rotated files included
///
/// Without `--since` it looks back one hour; for a guest to its creation, for a
/// request one day. Only that part of each file is read.
///
/// With `--from` no cloud is asked: logs that were saved are read in the same way, from a folder, a
/// tar archive (also .gz, .xz, .bz2, .zst), a sosreport, a must-gather, the folder of a CI job, a
/// file, or standard input (`-`). Hosts are known by the folders, zones by what a sosreport says;
/// a record that is both in a log and in a journal is shown once.
///
/// Examples:
///   smog logs --guest web-1
///   smog logs --request req-e78fdbcb-d5df-48e3-9c5c-df4d648aef7b
///   smog logs --exceptions --since 1d -o json
///   smog logs --from sosreport-*.tar.xz --level warning
///   smog logs --from job/ --request req-e78fdbcb-d5df-48e3-9c5c-df4d648aef7b
///   ssh cmp1 journalctl -u nova-compute -o export | smog logs --from - --exceptions
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct LogsArgs {
    #[command(flatten)]
    logs: LogArgs,

    /// Read saved logs instead of the hosts': folders, archives or files; `-` is standard input
    #[arg(long, value_name = "PLACE", num_args = 1.., conflicts_with_all = ["files", "units"])]
    from: Vec<PathBuf>,

    /// With --from, the zone of times that name none: Europe/Berlin, +02:00; default: what the place says, else UTC
    #[arg(long, value_name = "ZONE", value_parser = zone, allow_hyphen_values = true, requires = "from")]
    zone: Option<TimeZone>,

    /// Begin this far back, or at this time
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,

    /// End this far back, or at this time
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Timestamp>,
}

pub async fn run(mut args: LogsArgs, session: &Session) -> Result<ExitCode, Error> {
    args.from.extend(session.saved_logs());
    if !args.from.is_empty() {
        return saved(args, session).await;
    }
    let mut saving = Saving::new(&args.logs)?;
    let begun = Instant::now();
    let query = LogQuery { since: args.since, until: args.until, ..args.logs.query() };
    let LogSearch { filter, allow, plan, .. } = resolve(&query, session).await?;
    let mut watch = plan.watch();
    let mut thrown = Thrown::new(allow);
    let mut printer = Printer::new(&session.view, &args.logs.hosts)?;
    while let Some(event) = watch.next().await {
        match event {
            Event::Record(record) => {
                LogArgs::take(&record, &filter, &mut saving, Some(&mut printer), &mut thrown);
            }
            other => print_event(&other),
        }
    }
    if !session.quiet {
        thrown.summary(begun.elapsed(), saving.files());
    }
    unread(&watch.unread().lines(), session.quiet, args.logs.allow_unread);
    let failed = args.logs.exit_on_exception && thrown.count() > 0;
    Ok(saving.exit_code(watch.unread().exit_code(failed, args.logs.allow_unread)))
}

/// Logs that were saved.
async fn saved(args: LogsArgs, session: &Session) -> Result<ExitCode, Error> {
    let query = LogQuery { since: args.since, until: args.until, ..args.logs.query() };
    let mut filter = query.filter_of_records()?;
    let mut saving = Saving::new(&args.logs)?;
    let mut thrown = Thrown::new(query.allow_list(&session.watch_section_of_user()?)?);
    let (view, quiet) = (session.view.clone(), session.quiet);
    apart(move || {
        let begun = Instant::now();
        let offline = saved_logs::offline(&args.from, &args.logs.hosts, args.zone.clone());
        let saved = saved_logs::open(&offline)?;
        if let Some(asked) = &args.logs.guest {
            saved.only_guest(&mut filter, asked)?;
        }
        let mut printer = Printer::new(&view, &saved.hosts())?;
        let mut tell = saved_logs::while_read(|record| {
            LogArgs::take_wanted(&record, &mut saving, Some(&mut printer), &mut thrown);
        });
        let up = saved.read(&filter, &mut tell)?;
        drop(tell);
        saved_logs::troubles(&up, quiet);
        if !quiet {
            let first = match saved_logs::read_words(&up, begun.elapsed()) {
                Some(read) if up.records == 0 => format!("no record matches; {read}"),
                Some(read) => format!("{} in {}; {read}", thrown.counted(), records(up.records)),
                None => saved_logs::NOTHING_READ.into(),
            };
            thrown.summary_of(&first, saving.files());
        }
        let failed = args.logs.exit_on_exception && thrown.count() > 0;
        Ok(saving.exit_code(up.exit_code(failed, args.logs.allow_unread)))
    })
    .await
}
