//! The beginning of a command's output: what login shells, sudo and container engines print
//! before it is not a part of it.
//!
//! The leash writes its mark to both streams before it starts the command. So what comes before
//! the mark was said by those on the way ("Welcome to noisy host", `sudo: unable to resolve host
//! vm`), and is not given to anyone. And when the mark never comes the command was never started:
//! then what was said is the reason, in whatever language.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

/// So much of what is said before a command is kept.
const KEPT: usize = 64 << 10;

/// What was said before a command began, on either stream.
#[derive(Debug, Clone, Default)]
pub(crate) struct Before {
    said: Arc<Mutex<Said>>,
    /// Whether sudo stands between us and the command.
    pub(crate) by_sudo: bool,
}

#[derive(Debug, Default)]
struct Said {
    begun: bool,
    streams: [Vec<u8>; 2],
}

impl Before {
    pub(crate) fn new(by_sudo: bool) -> Before {
        Before { by_sudo, ..Before::default() }
    }

    /// What was said instead of the command's beginning; `None` when it began.
    pub(crate) fn instead(&self) -> Option<String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        (!said.begun).then(|| said.streams.each_ref().map(text).concat())
    }

    fn note(&self, stream: usize, begun: bool, bytes: &[u8]) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.begun |= begun;
        if let Some(all) = said.streams.get_mut(stream) {
            let room = KEPT.saturating_sub(all.len());
            all.extend_from_slice(&bytes[..room.min(bytes.len())]);
        }
    }
}

/// A stream from the mark on.
pub(crate) struct FromMark {
    inner: Pin<Box<dyn AsyncRead + Send>>,
    /// The mark of the beginning; empty when it has come.
    mark: Vec<u8>,
    /// Read and not yet given: behind the mark, or the end of what is still before it.
    held: Vec<u8>,
    before: Before,
    stream: usize,
}

impl FromMark {
    /// Standard output (0) or standard error (1) behind the leash's mark.
    pub(crate) fn behind(
        inner: Pin<Box<dyn AsyncRead + Send>>,
        mark: &str,
        before: &Before,
        stream: usize,
    ) -> Pin<Box<dyn AsyncRead + Send>> {
        let mark = format!("{mark}begin\n").into_bytes();
        Box::pin(FromMark { inner, mark, held: Vec::new(), before: before.clone(), stream })
    }
}

impl AsyncRead for FromMark {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        while !this.mark.is_empty() {
            let mut chunk = [0_u8; 4096];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(this.inner.as_mut().poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                this.before.note(this.stream, false, &std::mem::take(&mut this.held));
                return Poll::Ready(Ok(()));
            }
            this.held.extend_from_slice(chunk.filled());
            if let Some(at) = memchr::memmem::find(&this.held, &this.mark) {
                this.before.note(this.stream, true, &this.held[..at]);
                this.held.drain(..at + this.mark.len());
                this.mark = Vec::new();
            } else {
                // The mark may have come in part.
                let sure = this.held.len().saturating_sub(this.mark.len());
                this.before.note(this.stream, false, &this.held[..sure]);
                this.held.drain(..sure);
            }
        }
        if this.held.is_empty() {
            return this.inner.as_mut().poll_read(cx, buf);
        }
        let count = this.held.len().min(buf.remaining());
        buf.put_slice(&this.held[..count]);
        this.held.drain(..count);
        Poll::Ready(Ok(()))
    }
}

/// The line of what sudo said that is its reason: not a warning, not its lecture.
pub(crate) fn reason_of_sudo(said: &str) -> &str {
    let is_warning = |line: &str| {
        ["unable to resolve host", "unable to send audit message", "unable to get time of day"]
            .iter()
            .any(|warning| line.contains(warning))
    };
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty() && !is_warning(line));
    let refusal = |line: &&str| {
        line.starts_with("sudo: ")
            || line.starts_with("Sorry, ")
            || line.contains(" is not in the sudoers file")
    };
    lines().rfind(refusal).or(lines().next_back()).unwrap_or("it gave no reason")
}

/// What lets sudo do what smog needs.
pub(crate) fn hint_of_sudo(reason: &str) -> &'static str {
    if reason.contains("tty") {
        return "sudoers asks for a terminal there (`requiretty`), and smog has none: add `Defaults:USER !requiretty` \
                to /etc/sudoers.d/, log in as root, or set `sudo: never` for this host in smog.yml";
    }
    if reason.starts_with("Sorry, ") || reason.contains("is not allowed to") {
        return "smog runs `sh` by sudo, so single commands in sudoers are not enough: let the user run everything \
                (`USER ALL=(root) NOPASSWD: ALL` in /etc/sudoers.d/), log in as root, or set `sudo: never` for this host in smog.yml";
    }
    "let the user become root without a password (`USER ALL=(root) NOPASSWD: ALL` in \
     /etc/sudoers.d/), log in as root, or set `sudo: never` for this host in smog.yml"
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::{Before, FromMark, hint_of_sudo, reason_of_sudo};

    async fn read(bytes: &'static [u8]) -> (Vec<u8>, Option<String>) {
        let before = Before::default();
        // Two bytes at a time: the mark comes in pieces.
        let (mut to, from) = tokio::io::duplex(2);
        tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut to, bytes).await });
        let mut out = Vec::new();
        let mut stream = FromMark::behind(Box::pin(from), "m-", &before, 0);
        stream.read_to_end(&mut out).await.expect("reads");
        (out, before.instead())
    }

    #[tokio::test]
    async fn what_comes_before_the_mark_is_no_output() {
        assert_eq!(read(b"Welcome\nm-begin\nout\n").await, (b"out\n".to_vec(), None));
        assert_eq!(read(b"no line endm-begin\n\0m-begin\n").await, (b"\0m-begin\n".to_vec(), None));
        assert_eq!(read(b"m-begin\n").await, (vec![], None));
        let (out, instead) = read(b"This account is not available.\n").await;
        assert_eq!((out.len(), instead.as_deref()), (0, Some("This account is not available.\n")));
    }

    // As sudo 1.9.13 and 1.9.16 say it (run), and as its sources have it.
    #[test]
    fn the_reason_of_sudo_is_not_its_warning() {
        for (said, reason, hint) in [
            (
                "sudo: unable to resolve host vm: Name or service not known\nsudo: a password is required\n",
                "sudo: a password is required",
                "NOPASSWD",
            ),
            (
                "sudo: sorry, you must have a tty to run sudo\n",
                "sudo: sorry, you must have a tty to run sudo",
                "requiretty",
            ),
            (
                "\nWe trust you have received the usual lecture\n\nsudo: a password is required\n",
                "sudo: a password is required",
                "NOPASSWD",
            ),
            (
                "Sorry, user bob is not allowed to execute '/usr/bin/sh' as root on vm.\n",
                "Sorry, user bob is not allowed to execute '/usr/bin/sh' as root on vm.",
                "single commands",
            ),
            ("bob is not in the sudoers file.\n", "bob is not in the sudoers file.", "NOPASSWD"),
            (
                "sudo: il est nécessaire de saisir un mot de passe\n",
                "sudo: il est nécessaire de saisir un mot de passe",
                "NOPASSWD",
            ),
            ("", "it gave no reason", "NOPASSWD"),
        ] {
            assert_eq!(reason_of_sudo(said), reason);
            assert!(hint_of_sudo(reason).contains(hint), "{reason}");
        }
    }
}
