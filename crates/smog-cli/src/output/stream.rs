//! The two streams of this process: the only place that writes to them. A reader that went
//! away, a full disk or a closed terminal is remembered, never a reason to panic.

#![allow(clippy::disallowed_methods, reason = "this is the place that writes")]

use std::io::{ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::io::Interest;
use tokio::net::unix::pipe;
use tokio::sync::Notify;

use super::pager;

/// The reader of standard output went away.
static GONE: AtomicBool = AtomicBool::new(false);
static WENT: Notify = Notify::const_new();
/// Why standard output cannot be written for another reason: the first one.
static FAILED: Mutex<Option<String>> = Mutex::new(None);

/// Write to standard output. After a first failure nothing more is written: half an output
/// with a gap in it would be worse than a short one.
pub fn out(bytes: &[u8]) {
    wrote(|| {
        if let Some(done) = pager::take(bytes) {
            return done;
        }
        let mut to = std::io::stdout();
        to.write_all(bytes).and_then(|()| to.flush())
    });
}

/// The same with styles, which go away where there is no terminal.
pub fn out_styled(text: &str) {
    if pager::is_on() {
        return match out_takes_colours() {
            true => out(text.as_bytes()),
            false => out(anstream::adapter::strip_str(text).to_string().as_bytes()),
        };
    }
    wrote(|| {
        let mut to = anstream::stdout();
        to.write_all(text.as_bytes()).and_then(|()| to.flush())
    });
}

/// Write to standard error, styles as above. Nothing can be done when it is gone.
pub fn err_styled(text: &str) {
    let mut to = anstream::stderr();
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

fn wrote(write: impl FnOnce() -> std::io::Result<()>) {
    if is_gone() || failure().is_some() {
        return;
    }
    match write() {
        Ok(()) => {}
        Err(why) if why.kind() == ErrorKind::BrokenPipe => went(),
        Err(why) => *FAILED.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_string()),
    }
}

/// Whether the reader of standard output went away.
pub fn is_gone() -> bool {
    GONE.load(Ordering::Relaxed)
}

/// Why standard output could not be written, but for a reader that went away.
pub fn failure() -> Option<String> {
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn went() {
    GONE.store(true, Ordering::Relaxed);
    WENT.notify_waiters();
}

/// Returns when the reader of standard output has gone away, also while nothing is written:
/// `smog watch | grep -m1 X` ends with grep, not with the next record.
pub async fn reader_gone() {
    let went_away = WENT.notified();
    tokio::pin!(went_away);
    // From here on it hears, so that nothing is missed between this look and the wait.
    went_away.as_mut().enable();
    if is_gone() {
        return;
    }
    tokio::select! {
        () = went_away => {}
        () = pipe_broken() => went(),
    }
}

/// Returns when the other end of standard output's pipe is closed; never for what is not a pipe.
async fn pipe_broken() {
    // Only its readiness is asked: nothing is written by this, and no mode of the shared
    // description changed.
    let own = std::io::stdout().as_fd().try_clone_to_owned();
    if let Ok(pipe) = own.and_then(pipe::Sender::from_owned_fd_unchecked)
        && pipe.ready(Interest::ERROR).await.is_ok_and(|ready| ready.is_error())
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Whether people look at standard output directly.
pub fn out_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Whether people look at standard error directly.
pub fn err_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether standard output takes colours.
pub fn out_takes_colours() -> bool {
    out_is_terminal() && anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}
