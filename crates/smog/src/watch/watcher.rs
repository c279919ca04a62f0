//! A watch in the background with a name: start it, do something, close it, read what it saw.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::allow::AllowUse;
use super::handler::{Handler, Verdict};
use super::merge::{Event, Watch};
use super::record::Record;
use super::sources::Sources;
use crate::error::{Error, Result};
use crate::host::Host;

/// At most so many records are kept; more are counted.
const MOST_KEPT: usize = 10_000;

/// What a watcher saw.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Watched {
    /// The watcher's name.
    pub name: String,
    /// The records the handler kept, in the order of time.
    pub kept: Vec<Record>,
    /// How many more it would have kept.
    pub kept_too_many: u64,
    /// How many records went by.
    pub seen: u64,
    /// Why the handler called it failed.
    pub failed: Option<String>,
    /// Whether the handler stopped it.
    pub stopped: bool,
    /// The known noise that was let pass.
    pub allowed: Vec<AllowUse>,
    /// Hosts that were away, files that could not be read, bytes that were lost.
    pub problems: Vec<String>,
    /// What was wanted and was not read, or is not yet: without it, nothing found means nothing.
    pub unread: Vec<String>,
}

impl Watched {
    /// Whether everything that was wanted was read.
    ///
    /// # Errors
    /// [`Error::Unread`] that names what was not.
    pub fn check(&self) -> Result<()> {
        match self.unread.is_empty() {
            true => Ok(()),
            false => Err(Error::Unread { lines: self.unread.clone() }),
        }
    }
}

/// A watch that goes on in the background until it is closed or its handler stops it.
#[derive(Debug)]
pub struct Watcher {
    name: String,
    so_far: Arc<Mutex<Watched>>,
    close: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Watcher {
    /// Watch the sources of hosts with a handler; all that comes is also written to `log`.
    /// Returns when all hosts answered and what is new from now on is seen, or when the
    /// hosts had five seconds for it. Must be called inside a tokio runtime.
    pub async fn start(
        name: impl Into<String>,
        hosts: impl IntoIterator<Item = (Host, Sources)>,
        handler: Box<dyn Handler>,
        log: Option<Box<dyn Write + Send>>,
    ) -> Watcher {
        Watcher::of(name, Watch::start(hosts), handler, log).await
    }

    /// The same for a watch that has begun.
    pub async fn of(
        name: impl Into<String>,
        watch: Watch,
        handler: Box<dyn Handler>,
        log: Option<Box<dyn Write + Send>>,
    ) -> Watcher {
        let name = name.into();
        let so_far = Arc::new(Mutex::new(Watched { name: name.clone(), ..Watched::default() }));
        let (close, closed) = oneshot::channel();
        let (ready, is_ready) = oneshot::channel();
        let task = tokio::spawn(run(watch, handler, log, so_far.clone(), closed, ready));
        let _ = is_ready.await;
        Watcher { name, so_far, close: Some(close), task }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it still watches.
    pub fn is_running(&self) -> bool {
        !self.task.is_finished()
    }

    /// What it saw so far.
    pub fn so_far(&self) -> Watched {
        self.so_far.lock().map(|watched| watched.clone()).unwrap_or_default()
    }

    /// Wait until its handler stops it; what it saw.
    pub async fn wait(mut self) -> Watched {
        let _ = (&mut self.task).await;
        self.so_far()
    }

    /// End it, on the hosts too; what it saw. What was written before this call is seen.
    pub async fn close(mut self) -> Watched {
        if let Some(close) = self.close.take() {
            let _ = close.send(());
        }
        let _ = (&mut self.task).await;
        self.so_far()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // The task's Watch is dropped with it, which ends everything on the hosts.
        if self.close.is_some() {
            self.task.abort();
        }
    }
}

/// What was written just before the end is on its way for so long.
pub(crate) const LAST_WORDS: std::time::Duration = std::time::Duration::from_millis(300);

async fn run(
    mut watch: Watch,
    mut handler: Box<dyn Handler>,
    mut log: Option<Box<dyn Write + Send>>,
    so_far: Arc<Mutex<Watched>>,
    closed: oneshot::Receiver<()>,
    ready: oneshot::Sender<()>,
) {
    let (mut ready, mut unwritten) = (Some(ready), None);
    let end = async {
        let _ = closed.await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::pin!(end);
    loop {
        let event = tokio::select! {
            event = watch.next() => event,
            () = &mut end => None,
        };
        let Some(event) = event else { break };
        match event {
            Event::Record(record) => {
                if let Some(to) = &mut log
                    && let Err(why) =
                        to.write_all(format!("{}\n", record.text).as_bytes()).and_then(|()| to.flush())
                {
                    let text = format!("the log cannot be written: {why}");
                    problem(&so_far, text.clone());
                    (log, unwritten) = (None, Some(text));
                }
                let verdict = handler.record(&record);
                if note(&so_far, *record, verdict) {
                    break;
                }
                if let Ok(mut watched) = so_far.lock() {
                    watched.allowed = handler.allowed();
                }
                continue;
            }
            Event::CaughtUp => {
                if let Some(ready) = ready.take() {
                    let _ = ready.send(());
                }
            }
            other => {
                if let Some(text) = problem_text(&other) {
                    problem(&so_far, text);
                }
            }
        }
        if let Ok(mut watched) = so_far.lock() {
            watched.unread = watch.unread().lines();
        }
    }
    if let Ok(mut watched) = so_far.lock() {
        watched.allowed = handler.allowed();
        watched.unread = watch.unread().lines();
        watched.unread.extend(unwritten);
    }
    watch.stop().await;
}

fn problem(so_far: &Mutex<Watched>, text: String) {
    if let Ok(mut watched) = so_far.lock()
        && watched.problems.len() < 1000
    {
        watched.problems.push(text);
    }
}

/// Whether that was the end.
fn note(so_far: &Mutex<Watched>, record: Record, verdict: Verdict) -> bool {
    let Ok(mut watched) = so_far.lock() else { return true };
    watched.seen += 1;
    if verdict == Verdict::GoOn {
        return false;
    }
    if watched.kept.len() < MOST_KEPT {
        watched.kept.push(record);
    } else {
        watched.kept_too_many += 1;
    }
    match verdict {
        Verdict::GoOn | Verdict::Keep => return false,
        Verdict::Stop => {}
        Verdict::Fail(why) => watched.failed = Some(why),
    }
    watched.stopped = true;
    true
}

/// What an event says of trouble, for people; none for the others.
pub fn problem_text(event: &Event) -> Option<String> {
    match event {
        Event::Lost { host, why } => Some(format!("host `{host}` is away: {why}")),
        Event::Dropped { host, source, bytes, why } => {
            let bytes = bytes.map_or("an unknown number of".to_string(), |bytes| bytes.to_string());
            Some(format!("{bytes} bytes of {source} on host `{host}` are lost: {why}"))
        }
        Event::Unreadable { host, path, why } => {
            Some(format!("{path} on host `{host}` cannot be read: {why}"))
        }
        Event::Failed { host, error } => Some(format!("host `{host}` is not watched: {error}")),
        Event::Up { host, clock_ahead } if clock_ahead.abs() > 2.0 => Some(format!(
            "the clock of host `{host}` is {:.1} s {} this machine's: records of different hosts may be out of \
             order, and the times asked for are those of this machine",
            clock_ahead.abs(),
            if *clock_ahead > 0.0 { "ahead of" } else { "behind" }
        )),
        Event::Record(_) | Event::Up { .. } | Event::Back { .. } | Event::CaughtUp => None,
    }
}

/// Several watchers by name.
#[derive(Debug, Default)]
pub struct Watchers {
    running: BTreeMap<String, Watcher>,
}

impl Watchers {
    /// Watch a command (or `tail -f FILES`) on a host, as the original's `monitor`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the name is taken.
    pub async fn monitor(
        &mut self,
        name: &str,
        host: Host,
        command: &str,
        handler: Box<dyn Handler>,
        log: Option<Box<dyn Write + Send>>,
    ) -> Result<()> {
        if self.running.contains_key(name) {
            return Err(Error::Invalid {
                what: format!("the watcher `{name}`"),
                why: "there is one of this name".into(),
                hint: Some("close it first, or take another name".into()),
            });
        }
        let watcher = Watcher::start(name, [(host, Sources::command(command))], handler, log).await;
        self.running.insert(name.into(), watcher);
        Ok(())
    }

    /// The names of the watchers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.running.keys().map(String::as_str)
    }

    /// The watcher of a name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn watcher(&self, name: &str) -> Result<&Watcher> {
        self.running.get(name).ok_or_else(|| self.unknown(name))
    }

    /// Close one; what it saw.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn close(&mut self, name: &str) -> Result<Watched> {
        match self.running.remove(name) {
            Some(watcher) => Ok(watcher.close().await),
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> Error {
        Error::NotFound { what: "watcher".into(), name: name.into(), near: crate::near(name, self.names()) }
    }
}
