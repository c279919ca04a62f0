//! Long output on a terminal goes to a pager, as with git and jj: what fits the screen is printed as it
//! is, what does not is piped to the pager from then on.

#![allow(clippy::disallowed_methods, reason = "the pager is a process with the terminal as its output")]

use std::io::{Result, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use unicode_width::UnicodeWidthStr;

use super::stream;

/// How output is shown.
enum Paging {
    /// At once.
    Off,
    /// Kept, while it fits the screen.
    Kept { bytes: Vec<u8>, lines: usize },
    /// By the pager.
    Open { child: Child, input: ChildStdin },
}

static PAGING: Mutex<Paging> = Mutex::new(Paging::Off);

/// Page what is printed from now on, where a terminal shows it and there is a pager.
pub fn begin_paging() {
    if stream::out_is_terminal() && size().is_some() && pager().is_some() {
        *PAGING.lock().unwrap_or_else(PoisonError::into_inner) = Paging::Kept { bytes: vec![], lines: 0 };
    }
}

/// Show what was kept, or wait until the person has left the pager; whether there was one.
pub fn end_paging() -> bool {
    let paging = std::mem::replace(&mut *PAGING.lock().unwrap_or_else(PoisonError::into_inner), Paging::Off);
    match paging {
        Paging::Off => false,
        Paging::Kept { bytes, .. } => {
            stream::out(&bytes);
            false
        }
        Paging::Open { mut child, input } => {
            drop(input);
            let _ = child.wait();
            true
        }
    }
}

/// Print these bytes as the pager wants them; nothing when output is not paged.
pub(super) fn take(new: &[u8]) -> Option<Result<()>> {
    let mut paging = PAGING.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut *paging {
        Paging::Off => None,
        Paging::Open { input, .. } => Some(input.write_all(new)),
        Paging::Kept { bytes, lines } => {
            bytes.extend_from_slice(new);
            let (columns, rows) = size()?;
            *lines +=
                new.split_inclusive(|byte| *byte == b'\n').map(|line| height(line, columns)).sum::<usize>();
            // The prompt has a line too.
            if *lines < rows {
                return Some(Ok(()));
            }
            let bytes = std::mem::take(bytes);
            *paging = pager().and_then(|line| open(&line)).unwrap_or(Paging::Off);
            match &mut *paging {
                Paging::Open { input, .. } => Some(input.write_all(&bytes)),
                _ => {
                    let mut to = std::io::stdout();
                    Some(to.write_all(&bytes).and_then(|()| to.flush()))
                }
            }
        }
    }
}

/// Whether output is paged or may be.
pub(super) fn is_on() -> bool {
    !matches!(*PAGING.lock().unwrap_or_else(PoisonError::into_inner), Paging::Off)
}

/// How many lines of the terminal a line takes.
fn height(line: &[u8], columns: usize) -> usize {
    let text = String::from_utf8_lossy(line);
    let width = anstream::adapter::strip_str(&text).to_string().trim_end().width();
    width.div_ceil(columns).max(1)
}

fn open(line: &str) -> Option<Paging> {
    let mut command = Command::new("sh");
    command.args(["-c", line]).stdin(Stdio::piped());
    // Quit when it fits, show colours, leave the text on the screen: as git does.
    for (name, value) in [("LESS", "FRX"), ("LV", "-c")] {
        if std::env::var_os(name).is_none() {
            command.env(name, value);
        }
    }
    let mut child = command.spawn().ok()?;
    let input = child.stdin.take()?;
    Some(Paging::Open { child, input })
}

/// The pager's command line: of SMOG_PAGER, of PAGER, or `less` where it is installed.
fn pager() -> Option<String> {
    let given = ["SMOG_PAGER", "PAGER"].into_iter().find_map(|name| std::env::var(name).ok());
    match given {
        Some(line) if ["", "cat"].contains(&line.trim()) => None,
        Some(line) => Some(line),
        None => {
            let path = std::env::var_os("PATH")?;
            let is_there = std::env::split_paths(&path).any(|folder| folder.join("less").is_file());
            is_there.then(|| "less".to_string())
        }
    }
}

/// The terminal's columns and rows.
fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    let (columns, rows) = (usize::from(size.ws_col), usize::from(size.ws_row));
    (columns > 0 && rows > 0).then_some((columns, rows))
}
