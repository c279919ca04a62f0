//! Saved logs, read for `smog logs --from` and `smog scan`.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use smog::watch::{Offline, ReadUp, Record, Saved, Trouble, What};
use smog::{Error, ExitCode};

use crate::output;

/// So many files without a form that is known are named.
const MOST_NAMED: usize = 3;

/// Find what is in the places; `-` is standard input.
pub fn open(offline: &Offline) -> Result<Saved, Error> {
    let reads_input = offline.places.iter().any(|place| place == Path::new("-"));
    let input = reads_input.then(|| Box::new(std::io::stdin()) as Box<dyn Read + Send>);
    offline.open(input)
}

/// Which places are read, and how.
pub fn offline(places: &[PathBuf], hosts: &[String], zone: Option<TimeZone>) -> Offline {
    Offline { places: places.to_vec(), hosts: hosts.to_vec(), zone, host: None }
}

/// Do blocking work on a thread of its own: Ctrl-C ends the command at once.
pub async fn apart(
    work: impl FnOnce() -> Result<ExitCode, Error> + Send + 'static,
) -> Result<ExitCode, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|why| {
        Err(Error::Invalid { what: "reading the logs".into(), why: why.to_string(), hint: None })
    })
}

/// Continue as long as the output is read.
pub fn while_read(mut tell: impl FnMut(Record)) -> impl FnMut(Record) -> ControlFlow<()> {
    move |record| {
        tell(record);
        if output::is_gone() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Say what could not be read or judged.
pub fn troubles(up: &ReadUp, quiet: bool) {
    let (mut formless, mut torn) = (vec![], vec![]);
    for trouble in &up.troubles {
        match (&trouble.what, trouble.named) {
            (What::NoForm(_), false) => formless.push(trouble),
            (What::Torn(_), false) => torn.push(trouble),
            _ => output::warning(&trouble.text()),
        }
    }
    if quiet {
        return;
    }
    some(&formless, "files of no log form known here: their exceptions are known only by their tracebacks");
    some(&torn, "logs with a traceback that ends before the line that names the exception");
}

fn some(troubles: &[&Trouble], what: &str) {
    if troubles.is_empty() {
        return;
    }
    output::note(&format!("{} {what}:", troubles.len()));
    for trouble in troubles.iter().take(MOST_NAMED) {
        output::note(&format!("  {}", trouble.path));
    }
    if troubles.len() > MOST_NAMED {
        output::note(&format!("  and {} more", troubles.len() - MOST_NAMED));
    }
}

/// "35 logs, 1024.0 MiB, 3.1 s"; none where nothing could be read.
pub fn read_words(up: &ReadUp, took: Duration) -> Option<String> {
    if up.sources == 0 {
        return None;
    }
    let s = if up.sources == 1 { "" } else { "s" };
    let mebibytes = up.bytes as f64 / f64::from(1 << 20);
    let size = match up.bytes {
        ..10_240 => format!("{} bytes", up.bytes),
        10_240..1_048_576 => format!("{} KiB", up.bytes >> 10),
        _ => format!("{mebibytes:.1} MiB"),
    };
    Some(format!("{} log{s}, {size}, {:.1} s", up.sources, took.as_secs_f64()))
}

/// Said where nothing could be read: "no exceptions" would be a lie.
pub const NOTHING_READ: &str = "nothing was read";
