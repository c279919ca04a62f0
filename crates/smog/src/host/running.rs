//! A command that runs while its lines are read: `tail -F`, `virsh event --loop`, `journalctl -f`.

use std::collections::VecDeque;
use std::pin::Pin;

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;

use crate::error::{Error, Result};
use crate::host::begin::Before;
use crate::host::channel::{Channel, Ended};
use crate::host::leash;
use crate::host::output::tail;
use crate::host::run::{DEATH, SILENCE};
use crate::host::{Cmd, Exit, Host, Output};

/// A line longer than this is given in pieces, so that a stream without line ends cannot eat the memory.
const LONGEST_LINE: usize = 1 << 20;

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// One line of a running command, without its line end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Where it came from.
    pub stream: Stream,
    /// Its text; bytes that are not UTF-8 become `�`.
    pub text: String,
}

/// A command under way on a host.
///
/// Dropping it ends the command on the host (TERM, after three seconds KILL),
/// also under sudo and in containers. [`stop`](Running::stop) does the same
/// and waits for the end.
pub struct Running {
    host: Host,
    cmd: Cmd,
    /// Open as long as the command shall run.
    stdin: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    out: Source,
    err: Source,
    lines: VecDeque<Line>,
    /// What stands before the exit code in standard error.
    mark: String,
    before: Option<Before>,
    ended: Pin<Box<dyn Future<Output = Ended> + Send>>,
    end: Option<Ended>,
    last_errors: VecDeque<String>,
    /// Whether the last of them has not met its line end yet.
    open_line: bool,
    _slot: Option<OwnedSemaphorePermit>,
}

/// Bytes of a line of standard error after which no more of it is kept for the judgement.
const KEPT_LINE: usize = 4096;

/// How the streams are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Both as lines.
    Lines,
    /// Standard output as bytes, standard error as lines.
    Bytes,
    /// Both as bytes.
    Pieces,
}

/// One of the two streams, with the beginning of a line that is not complete.
struct Source {
    stream: Stream,
    reader: Option<Pin<Box<dyn AsyncRead + Send>>>,
    rest: Vec<u8>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({} on {})", self.cmd.line(), self.host.name())
    }
}

impl Host {
    /// Start a command and read its lines while it runs. There is no time
    /// limit. Of one host at most five such commands run at once (an SSH
    /// connection has ten places): follow several files with one `tail -F`.
    ///
    /// # Errors
    /// As [`run`](Host::run) where the connection is concerned; what is wrong
    /// with the command shows at its end. [`Error::Invalid`] for a sixth.
    pub async fn spawn(&self, cmd: Cmd) -> Result<Running> {
        self.start(&cmd, true).await
    }

    pub(super) async fn start(&self, cmd: &Cmd, long: bool) -> Result<Running> {
        let channel = self.open(cmd, long).await?;
        let Channel { mut stdin, stdout, stderr, mark, before, ended, _slot } = channel;
        if !cmd.stdin.is_empty() {
            use tokio::io::AsyncWriteExt;
            // A command that ended before it took its input reports that by its exit code.
            let _ = stdin.write_all(&cmd.stdin).await;
            let _ = stdin.flush().await;
        }
        Ok(Running {
            host: self.clone(),
            cmd: cmd.clone(),
            stdin: Some(stdin),
            out: Source { stream: Stream::Out, reader: Some(stdout), rest: Vec::new() },
            err: Source { stream: Stream::Err, reader: Some(stderr), rest: Vec::new() },
            lines: VecDeque::new(),
            mark,
            before,
            ended,
            end: None,
            last_errors: VecDeque::new(),
            open_line: false,
            _slot,
        })
    }
}

impl Running {
    /// The host it runs on.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The next line of either stream, in the order of arrival; `None` after the
    /// last one. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the connection is lost.
    pub async fn next_line(&mut self) -> Result<Option<Line>> {
        loop {
            if let Some(line) = self.lines.pop_front() {
                if line.stream == Stream::Err {
                    self.remember(line.text.clone());
                }
                return Ok(Some(line));
            }
            if !self.read_on(How::Lines).await? {
                return Ok(None);
            }
        }
    }

    /// The next bytes of either stream, as they come; `None` at the end. Dropping the future
    /// loses nothing.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the connection is lost.
    pub(crate) async fn next_piece(&mut self) -> Result<Option<(Stream, Vec<u8>)>> {
        loop {
            if !self.out.rest.is_empty() {
                return Ok(Some((Stream::Out, std::mem::take(&mut self.out.rest))));
            }
            let more = self.err.reader.is_some();
            let held = if more && self.end.is_none() { leash::held(&self.err.rest, &self.mark) } else { 0 };
            if self.err.rest.len() > held {
                let sure = self.err.rest.len() - held;
                let piece: Vec<u8> = self.err.rest.drain(..sure).collect();
                self.remember_piece(&piece);
                return Ok(Some((Stream::Err, piece)));
            }
            if !self.read_on(How::Pieces).await? {
                return Ok(None);
            }
        }
    }

    /// The next bytes of standard output, as they come; `None` at the end. Lines of
    /// standard error are kept for [`wait`](Running::wait)'s judgement. Dropping the
    /// future loses nothing.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the connection is lost.
    pub(crate) async fn next_bytes(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if !self.out.rest.is_empty() {
                return Ok(Some(std::mem::take(&mut self.out.rest)));
            }
            if !self.read_on(How::Bytes).await? {
                return Ok(None);
            }
            for line in std::mem::take(&mut self.lines) {
                self.remember(line.text);
            }
        }
    }

    /// Read once from either stream: lines go into `lines`, bytes stay in the stream's `rest`.
    /// False when there is nothing more.
    async fn read_on(&mut self, how: How) -> Result<bool> {
        let open = self.out.reader.is_some() || self.err.reader.is_some();
        match &self.end {
            Some(Ended::Lost(why)) if !open => return Err(self.host.lost(&self.cmd, why)),
            Some(Ended::Exited(_)) if !open => return Ok(false),
            _ => {}
        }
        tokio::select! {
            lines = self.out.read_as(how == How::Lines), if self.out.reader.is_some() => self.lines.extend(lines),
            lines = self.err.read_as(how != How::Pieces), if self.err.reader.is_some() => {
                if how == How::Pieces
                    && let Some((code, range)) = leash::end(&self.err.rest, &self.mark)
                {
                    self.err.rest.drain(range);
                    self.end = Some(Ended::Exited(Exit { code }));
                }
                for line in lines {
                    let line = self.without_mark(line);
                    self.lines.extend(line);
                }
            }
            end = &mut self.ended, if !open && self.end.is_none() => self.end = Some(end),
            // A daemon it left behind may hold the streams open.
            () = tokio::time::sleep(SILENCE), if self.end.is_some() => {
                self.out.reader = None;
                self.err.reader = None;
            }
        }
        Ok(true)
    }

    /// A piece of standard error. A program may write one line in several pieces
    /// (util-linux does): the first line of a piece continues a line that has not ended.
    fn remember_piece(&mut self, piece: &[u8]) {
        for line in tail(piece).split_inclusive('\n') {
            match self.last_errors.back_mut().filter(|last| self.open_line && last.len() < KEPT_LINE) {
                Some(last) => last.push_str(line.trim_end_matches('\n')),
                None => self.remember(line.trim_end_matches('\n').to_string()),
            }
            self.open_line = !line.ends_with('\n');
        }
    }

    fn remember(&mut self, error_line: String) {
        if self.last_errors.len() == 20 {
            self.last_errors.pop_front();
        }
        self.last_errors.push_back(error_line);
    }

    /// A line of standard error; when it carries the mark of the end, that is noted and cut off.
    fn without_mark(&mut self, line: Line) -> Option<Line> {
        let bytes = format!("{}\n", line.text).into_bytes();
        let Some((code, range)) = leash::end(&bytes, &self.mark) else { return Some(line) };
        self.end = Some(Ended::Exited(Exit { code }));
        let text = line.text[..range.start].to_string();
        (!text.is_empty()).then_some(Line { text, ..line })
    }

    /// Read on to the end, without the lines.
    ///
    /// # Errors
    /// [`Error::Missing`] and the like when it could not start; the exit code is
    /// not judged otherwise. [`Error::Unreachable`] when the connection is lost.
    pub async fn wait(mut self) -> Result<Exit> {
        while self.next_line().await?.is_some() {}
        self.exit()
    }

    /// End it, and wait until it is gone.
    ///
    /// # Errors
    /// [`Error::Command`] when it is not gone after some seconds (KILL included);
    /// [`Error::Unreachable`] when the connection is lost.
    pub async fn stop(mut self) -> Result<Exit> {
        self.stdin = None;
        let gone = async {
            while self.next_line().await?.is_some() {}
            Ok::<_, Error>(())
        };
        match tokio::time::timeout(DEATH, gone).await {
            Ok(result) => result?,
            Err(_) => {
                return Err(Error::Command {
                    host: self.host.name().to_string(),
                    command: self.cmd.line(),
                    exit: "no end, though it was killed".to_string(),
                    stderr: String::new(),
                });
            }
        }
        match self.end {
            Some(Ended::Exited(exit)) => Ok(exit),
            _ => self.exit(),
        }
    }

    fn exit(self) -> Result<Exit> {
        match self.end {
            Some(Ended::Exited(exit)) => {
                self.host.begun(&self.cmd, exit, self.before.as_ref())?;
                let stderr = self.last_errors.into_iter().collect::<Vec<_>>().join("\n").into_bytes();
                let output = Output { stdout: Vec::new(), stderr, exit, elapsed: std::time::Duration::ZERO };
                self.host.is_good(&self.cmd.any_exit(), &output).map(|()| exit)
            }
            Some(Ended::Lost(why)) => Err(self.host.lost(&self.cmd, &why)),
            None => Err(self.host.lost(&self.cmd, "its exit status was not received")),
        }
    }
}

impl Source {
    /// Read once: lines, or bytes that stay in `rest`.
    async fn read_as(&mut self, lines: bool) -> Vec<Line> {
        if lines {
            return self.read().await;
        }
        self.read_bytes().await;
        vec![]
    }

    /// Read once, into `rest`.
    async fn read_bytes(&mut self) {
        let Some(reader) = &mut self.reader else { return };
        self.rest.reserve(64 << 10);
        if !reader.read_buf(&mut self.rest).await.is_ok_and(|count| count > 0) {
            self.reader = None;
        }
    }

    /// Read once; the lines that are complete then.
    async fn read(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        let Some(reader) = &mut self.reader else { return lines };
        let at = self.rest.len();
        let more = reader.read_buf(&mut self.rest).await.is_ok_and(|count| count > 0);
        let mut from = 0;
        while let Some(length) = self.rest[from.max(at)..].iter().position(|byte| *byte == b'\n') {
            let end = from.max(at) + length;
            lines.push(line(self.stream, &self.rest[from..end]));
            from = end + 1;
        }
        self.rest.drain(..from);
        if self.rest.len() >= LONGEST_LINE || (!more && !self.rest.is_empty()) {
            lines.push(line(self.stream, &self.rest));
            self.rest.clear();
        }
        if !more {
            self.reader = None;
        }
        lines
    }
}

fn line(stream: Stream, bytes: &[u8]) -> Line {
    Line { stream, text: String::from_utf8_lossy(bytes).into_owned() }
}
