use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::tz::TimeZone;
use smog::watch::{Allow, AllowList, Assembler, Handler, Record, Scan, Wanted};
use smog::{Error, ExitCode};

use crate::output::{self, View};
use crate::record_print::Printer;
use crate::session::Session;
use crate::thrown::Thrown;

/// Find the exceptions in log files that are here, of any size; no cloud is asked
///
/// Each is told whole, with the lines before and after its traceback that belong to it.
///
/// Examples:
///   smog scan /var/log/nova/nova-compute.log
///   smog scan --grep 'No valid host' *.log -o json
///   zcat nova-api.log.2.gz | smog scan -
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
    for (path, file) in opened? {
        let scan = Scan {
            host: args.host.clone(),
            source: path.display().to_string(),
            zone: TimeZone::system(),
            wanted: wanted.clone(),
        };
        let mut tell = |record: Record| {
            thrown.seen += 1;
            printer.record(&record);
            thrown.record(&record);
            match output::is_gone() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let read = match args.every_line {
            true => every_line(&scan, file, tell),
            false => scan.read(file, &mut tell).map(drop),
        };
        read.map_err(|why| unreadable(path, &why))?;
    }
    if !quiet {
        thrown.summary(begun.elapsed(), None);
    }
    match thrown.count() {
        1.. if args.exit_on_exception => Ok(ExitCode::Failed),
        _ => Ok(ExitCode::Ok),
    }
}

/// What [`Scan::read`] is measured against.
fn every_line(
    scan: &Scan,
    mut file: Box<dyn Read>,
    mut tell: impl FnMut(Record) -> ControlFlow<()>,
) -> io::Result<()> {
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
                return Ok(());
            }
        }
        if read == 0 {
            return Ok(());
        }
    }
}

fn open(path: &Path) -> Result<Box<dyn Read>, Error> {
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
