use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use jiff::tz::TimeZone;
use smog::watch::{Allow, AllowList, Filter, Handler, Offline, Wanted};
use smog::{Error, ExitCode};

use crate::args::log::zone;
use crate::output::View;
use crate::print::exceptions::{Thrown, records};
use crate::print::records::Printer;
use crate::saved_logs::{self, apart};
use crate::session::Session;

/// Find exceptions in local log files of any size; no cloud is needed
///
/// Each is shown whole, with the lines before and after its traceback that belong to it; those of
/// several files in the order of time. The form of each file is found: what services write, what
/// `journalctl` prints in any of its output modes, syslog, JSON, containers' logs, the output of
/// `grep -H`; also compressed with gzip, xz, zstd or bzip2. A folder or a tar archive is searched
/// with all that is in it (`smog logs --from` shows more of them than exceptions). A file of no
/// known form ends it with 2, one that is damaged or may not be read with 3 (the others are read all the
/// same), a traceback whose end is missing with 1.
///
/// Examples:
///   smog scan /var/log/nova/nova-compute.log
///   smog scan --grep 'No valid host' *.log -o json
///   smog scan nova-api.log.2.gz screen-n-cpu.txt.xz --zone Europe/Berlin
///   smog scan sosreport-cmp1-2026-11-24.tar.xz
///   journalctl -u nova-compute -o export | smog scan -
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct ScanArgs {
    /// The files, folders or tar archives; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Find records that match this regular expression instead of exceptions
    #[arg(long, value_name = "REGEX")]
    grep: Option<String>,

    /// The host the files are of, for the output; default: what the files and their folders say
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// The zone of times that name none: a name such as Europe/Berlin, or +02:00; default: this machine's
    #[arg(long, value_name = "ZONE", value_parser = zone, allow_hyphen_values = true)]
    zone: Option<TimeZone>,

    /// Exit with 1 when there was an exception that is not allowed
    #[arg(long)]
    exit_on_exception: bool,

    /// Parse every line; the same result, slower
    #[arg(long, hide = true, conflicts_with = "grep")]
    every_line: bool,

    /// Ignore this known exception: TYPE; may be given several times
    #[arg(long = "allow", value_name = "TYPE")]
    allow: Vec<String>,
}

pub async fn run(args: ScanArgs, session: &Session) -> Result<ExitCode, Error> {
    let (view, quiet) = (session.view.clone(), session.quiet);
    apart(move || scan_all(&args, &view, quiet)).await
}

fn scan_all(args: &ScanArgs, view: &View, quiet: bool) -> Result<ExitCode, Error> {
    let wanted = match &args.grep {
        Some(expression) => Wanted::matching(expression)?,
        None if args.every_line => Wanted::all(),
        None => Wanted::exceptions()?,
    };
    let filter = Filter { exceptions: args.grep.is_none(), ..Filter::default() };
    let allowed: Result<Vec<Allow>, Error> =
        args.allow.iter().map(|name| Allow::of(Some(name), None, None, Some("--allow"))).collect();
    let mut thrown = Thrown::new(AllowList::new(allowed?));
    let begun = Instant::now();
    // A name that does not exist is an error before anything is read; a file that may not be read is
    // reported, and the others are read.
    let offline = Offline {
        places: args.files.clone(),
        zone: Some(args.zone.clone().unwrap_or_else(TimeZone::system)),
        host: args.host.clone(),
        ..Offline::default()
    };
    let saved = saved_logs::open(&offline)?;
    let mut printer = Printer::new(view, &saved.hosts())?;
    let mut tell = saved_logs::while_read(|record| {
        thrown.seen += 1;
        printer.record(&record);
        thrown.record(&record);
    });
    let up = saved.search(&wanted, &filter, |record| -> ControlFlow<()> { tell(record) })?;
    drop(tell);
    saved_logs::troubles(&up, quiet);
    if !quiet {
        let read = saved_logs::read_words(&up, begun.elapsed());
        let first = match (read, &args.grep) {
            (None, _) => saved_logs::NOTHING_READ.into(),
            (Some(read), None) => format!("{} in {read}", thrown.counted()),
            (Some(read), Some(_)) => {
                format!("{} with a match, {} in {read}", records(up.records), thrown.counted())
            }
        };
        thrown.summary_of(&first, None);
    }
    Ok(up.exit_code(args.exit_on_exception && thrown.count() > 0, false))
}
