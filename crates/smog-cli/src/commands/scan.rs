use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::tz::TimeZone;
use smog::watch::{Allow, AllowList, Assembler, Handler, InOrder, Record, Scan, Scanned, Wanted, unpack};
use smog::{Error, ExitCode};

use crate::output::{self, View};
use crate::record_print::Printer;
use crate::session::Session;
use crate::thrown::Thrown;

/// Find the exceptions in log files that are here, of any size; no cloud is asked
///
/// Each is shown whole, with the lines before and after its traceback that belong to it; those of
/// several files in the order of time. The form of each file is found: what services write, what
/// `journalctl` prints in any of its output modes, syslog, JSON, containers' logs, the output of
/// `grep -H`; also compressed with gzip, xz, zstd or bzip2. A file of no known form ends it with 2,
/// a damaged one with 3, a traceback whose end is missing with 1.
///
/// Examples:
///   smog scan /var/log/nova/nova-compute.log
///   smog scan --grep 'No valid host' *.log -o json
///   smog scan nova-api.log.2.gz screen-n-cpu.txt.xz --zone Europe/Berlin
///   journalctl -u nova-compute -o export | smog scan -
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct ScanArgs {
    /// The files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Instead of exceptions, records with a line that matches this
    #[arg(long, value_name = "REGEX")]
    grep: Option<String>,

    /// The host the files are of, for the output
    #[arg(long, value_name = "HOST", default_value = "-")]
    host: String,

    /// The zone of times that name none: a name such as Europe/Berlin, or +02:00; default: this machine's
    #[arg(long, value_name = "ZONE", value_parser = zone, allow_hyphen_values = true)]
    zone: Option<TimeZone>,

    /// Exit with 1 when there was an exception that is not allowed
    #[arg(long)]
    exit_on_exception: bool,

    /// Read every line instead of searching for what an exception must hold: the same, slower
    #[arg(long, hide = true, conflicts_with = "grep")]
    every_line: bool,

    /// No exception: TYPE; may be given several times
    #[arg(long = "allow", value_name = "TYPE")]
    allow: Vec<String>,
}

pub async fn run(args: ScanArgs, session: &Session) -> Result<ExitCode, Error> {
    let (view, quiet) = (session.view.clone(), session.quiet);
    // On a thread of its own: Ctrl-C ends the command at once, however large the file.
    let scanned = tokio::task::spawn_blocking(move || scan_all(&args, &view, quiet)).await;
    scanned.unwrap_or_else(|why| {
        Err(Error::Invalid { what: "the scan".into(), why: why.to_string(), hint: None })
    })
}

fn scan_all(args: &ScanArgs, view: &View, quiet: bool) -> Result<ExitCode, Error> {
    let wanted = match &args.grep {
        Some(expression) => Wanted::matching(expression)?,
        None => Wanted::exceptions()?,
    };
    let allowed: Result<Vec<Allow>, Error> =
        args.allow.iter().map(|name| Allow::of(Some(name), None, None, Some("--allow"))).collect();
    let mut thrown = Thrown::new(AllowList::new(allowed?));
    let mut printer = Printer::new(view, std::slice::from_ref(&args.host))?;
    let begun = Instant::now();
    // All are opened before the first is read: a wrong name is told at once.
    let opened: Result<Vec<_>, Error> = args.files.iter().map(|path| Ok((path, open(path)?))).collect();
    let opened = opened?;
    let mut tell = |record: Record| {
        thrown.seen += 1;
        printer.record(&record);
        thrown.record(&record);
        match output::is_gone() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    // Of one file each is shown as it is found.
    let mut order = (opened.len() > 1).then(InOrder::default);
    let mut kept = Ok(());
    let mut code = ExitCode::Ok;
    for (path, file) in opened {
        let scan = Scan {
            host: args.host.clone(),
            source: path.display().to_string(),
            zone: args.zone.clone().unwrap_or_else(TimeZone::system),
            wanted: wanted.clone(),
        };
        let take = |record: Record| match &mut order {
            None => tell(record),
            Some(order) => {
                kept = order.push(&record);
                if kept.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            }
        };
        let read = unpack(file).and_then(|text| match args.every_line {
            true => every_line(&scan, text, take),
            false => scan.read(text, take),
        });
        code = worse(code, judged(path, read));
        if let Some(order) = &mut order {
            order.next_log();
        }
    }
    if let Some(order) = order {
        kept = kept.and_then(|()| order.each(tell));
    }
    kept.map_err(|why| Error::Invalid {
        what: "the records under way".into(),
        why: why.to_string(),
        hint: None,
    })?;
    if !quiet {
        thrown.summary(begun.elapsed(), None);
    }
    match thrown.count() {
        1.. if args.exit_on_exception && code == ExitCode::Ok => Ok(ExitCode::Failed),
        _ => Ok(code),
    }
}

/// What came of reading a file; what is wrong with it is said.
fn judged(path: &Path, read: io::Result<Scanned>) -> ExitCode {
    let name = path.display();
    match read {
        Err(why) if why.kind() == io::ErrorKind::InvalidData && is_ours(&why) => {
            output::warning(&format!("`{name}` was not read: {why}"));
            ExitCode::Usage
        }
        Err(why) => {
            output::warning(&format!(
                "`{name}` could not be read to its end: {why}; what is above is from before"
            ));
            ExitCode::CouldNotRun
        }
        Ok(Scanned { recognised: false, first_line: Some(first), .. }) => {
            let first: String = first.chars().take(100).flat_map(char::escape_debug).collect();
            output::warning(&format!("`{name}`: no log form known here; its first line is `{first}`"));
            ExitCode::Usage
        }
        Ok(Scanned { torn: torn @ 1.., .. }) => {
            let what =
                if torn == 1 { "1 traceback ends".to_string() } else { format!("{torn} tracebacks end") };
            output::warning(&format!("`{name}`: {what} before the line that names the exception"));
            ExitCode::Failed
        }
        Ok(_) => ExitCode::Ok,
    }
}

/// Whether it is what [`unpack`] says of a file that is no text.
fn is_ours(why: &io::Error) -> bool {
    why.to_string().starts_with("it is ")
}

fn worse(one: ExitCode, other: ExitCode) -> ExitCode {
    let grave = |code: ExitCode| match code {
        ExitCode::CouldNotRun => 3,
        ExitCode::Usage => 2,
        ExitCode::Failed => 1,
        _ => 0,
    };
    if grave(other) > grave(one) { other } else { one }
}

/// A zone by its name, or an offset from UTC.
fn zone(text: &str) -> Result<TimeZone, String> {
    match text {
        "Z" | "UTC" | "utc" => return Ok(TimeZone::UTC),
        _ if text.starts_with(['+', '-']) => {
            let sign = if text.starts_with('-') { -1 } else { 1 };
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let (hours, minutes) = digits.split_at(2.min(digits.len()));
            let minutes: i32 = if minutes.is_empty() { 0 } else { minutes.parse().unwrap_or(99) };
            if let Ok(hours) = hours.parse::<i32>()
                && hours < 24
                && minutes < 60
                && let Ok(offset) = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60))
            {
                return Ok(TimeZone::fixed(offset));
            }
        }
        _ => {}
    }
    TimeZone::get(text).map_err(|_| "no time zone is called so (Europe/Berlin, UTC, +02:00)".into())
}

/// What [`Scan::read`] is measured against.
fn every_line(
    scan: &Scan,
    mut file: impl Read,
    mut tell: impl FnMut(Record) -> ControlFlow<()>,
) -> io::Result<Scanned> {
    let mut assembler = Assembler::new(&*scan.host, &*scan.source, scan.zone.clone());
    let (mut block, mut records) = (vec![0; 1 << 18], vec![]);
    loop {
        let read = file.read(&mut block)?;
        match read {
            0 => assembler.finish(&mut records),
            _ => assembler.push(&block[..read], &mut records),
        }
        for record in records.drain(..).filter(Record::is_exception) {
            if tell(record).is_break() {
                return Ok(Scanned { recognised: true, ..Scanned::default() });
            }
        }
        if read == 0 {
            return Ok(Scanned { recognised: true, ..Scanned::default() });
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, Error> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|why| unreadable(path, &why))?;
    if file.metadata().is_ok_and(|about| about.is_dir()) {
        return Err(unreadable(path, &io::ErrorKind::IsADirectory.into()));
    }
    Ok(Box::new(file))
}

fn unreadable(path: &Path, why: &io::Error) -> Error {
    let (why, hint) = match why.kind() {
        io::ErrorKind::IsADirectory => ("it is a directory".into(), Some("name the files in it")),
        io::ErrorKind::NotFound => {
            ("no such file".into(), Some("`smog logs` searches the files on the hosts themselves"))
        }
        _ => (why.to_string(), None),
    };
    Error::Invalid { what: format!("`{}`", path.display()), why, hint: hint.map(Into::into) }
}
