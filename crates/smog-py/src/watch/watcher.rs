//! A watch in the background.

use std::io::Write;
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smog::Error;
use smog::watch::{Exceptions, Filter, Handler, LogQuery, Sources, Verdict};

use super::handler::{Callable, File, Raised};
use crate::enter::enter;
use crate::errors::unusable;
use crate::host::Host;
use crate::noun::Noun;
use crate::nouns::Record;
use crate::session::Session;

/// A watch in the background: start it, do something, close it, read what it saw.
///
/// >>> with cloud.monitor() as watcher:
/// ...     guest.live_migrate()
/// >>> watcher.seen.kept
#[pyclass(frozen, module = "smog")]
pub struct Watcher {
    name: String,
    running: Mutex<Option<smog::watch::Watcher>>,
    last: Mutex<smog::watch::Watched>,
    raised: Raised,
    allow_unread: bool,
}

impl Watcher {
    /// Begin; returns when what is written from now on is seen.
    #[expect(clippy::too_many_arguments, reason = "one call, of what Python's keywords are")]
    pub fn start(
        py: Python<'_>,
        session: &Arc<Session>,
        name: String,
        query: LogQuery,
        handler: Option<Py<PyAny>>,
        stop_at: Option<usize>,
        log: Option<Py<PyAny>>,
        allow_unread: bool,
    ) -> PyResult<Watcher> {
        let (handler, raised) = callable(py, handler)?;
        let session = session.clone();
        let title = name.clone();
        let running = enter(py, |ctx| async move {
            let begun = async {
                let search = super::resolve(&query, &session).await?;
                let handler = match handler {
                    Some(call) => call,
                    None => exceptions(Exceptions::new(search.allow), stop_at),
                };
                let watch = search.plan.watch();
                Ok(smog::watch::Watcher::of(title, watch, wanted(search.filter, handler), file(log)).await)
            };
            ctx.unless_stopped("nothing was changed", begun).await
        })?;
        Ok(Watcher { name, running: Mutex::new(Some(running)), last: Mutex::default(), raised, allow_unread })
    }

    /// Watch a command on one host.
    pub fn of_host(
        py: Python<'_>,
        host: Host,
        name: String,
        command: String,
        handler: Option<Py<PyAny>>,
        stop_at: Option<usize>,
        log: Option<Py<PyAny>>,
    ) -> PyResult<Watcher> {
        let (handler, raised) = callable(py, handler)?;
        let title = name.clone();
        let running = enter(py, |ctx| async move {
            let begun = async {
                let handler = handler.unwrap_or_else(|| exceptions(Exceptions::default(), stop_at));
                let sources = [(host.core().await?, Sources::command(&command))];
                Ok(smog::watch::Watcher::start(title, sources, handler, file(log)).await)
            };
            ctx.unless_stopped("nothing was changed", begun).await
        })?;
        Ok(Watcher {
            name,
            running: Mutex::new(Some(running)),
            last: Mutex::default(),
            raised,
            allow_unread: false,
        })
    }

    fn now(&self) -> smog::watch::Watched {
        if let Ok(running) = self.running.lock()
            && let Some(watcher) = &*running
        {
            return watcher.so_far();
        }
        self.last.lock().map(|last| last.clone()).unwrap_or_default()
    }

    fn end(&self, py: Python<'_>, at_once: bool) -> PyResult<Watched> {
        let taken = self.running.lock().ok().and_then(|mut running| running.take());
        if let Some(watcher) = taken {
            let watched = enter(py, |ctx| async move {
                if at_once {
                    return Ok(watcher.close().await);
                }
                let mut watcher = Some(watcher);
                // A watcher that is interrupted is closed, and what it saw is kept.
                loop {
                    if watcher.as_ref().is_none_or(|one| !one.is_running()) {
                        break;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(std::time::Duration::from_millis(50)) => {}
                        () = ctx.stopped() => break,
                    }
                }
                match watcher.take() {
                    Some(one) => Ok(one.close().await),
                    None => Err(Error::Interrupted { left: String::new() }),
                }
            })?;
            if let Ok(mut last) = self.last.lock() {
                *last = watched;
            }
        }
        if let Some(error) = self.raised.lock().ok().and_then(|mut raised| raised.take()) {
            return Err(error);
        }
        Ok(Watched { inner: self.now() })
    }
}

/// The callable as a handler, and where what it raises is kept.
fn callable(py: Python<'_>, handler: Option<Py<PyAny>>) -> PyResult<(Option<Box<dyn Handler>>, Raised)> {
    let raised = Raised::default();
    let Some(call) = handler else { return Ok((None, raised)) };
    if !call.bind(py).is_callable() {
        return Err(unusable(py, "the handler", "it cannot be called", Some("a function of one record")));
    }
    Ok((Some(Box::new(Callable { call, raised: raised.clone() })), raised))
}

fn exceptions(mut exceptions: Exceptions, stop_at: Option<usize>) -> Box<dyn Handler> {
    exceptions.stop_at = stop_at;
    Box::new(exceptions)
}

/// The handler, for records of a filter only.
fn wanted(filter: Filter, mut handler: Box<dyn Handler>) -> Box<dyn Handler> {
    Box::new(move |record: &smog::watch::Record| match filter.wants(record) {
        true => handler.record(record),
        false => Verdict::GoOn,
    })
}

fn file(log: Option<Py<PyAny>>) -> Option<Box<dyn Write + Send>> {
    log.map(|file| Box::new(File(file)) as Box<dyn Write + Send>)
}

#[pymethods]
impl Host {
    /// Watch a command's output in the background (`tail -f FILES` is understood as these
    /// files, through rotations and lost connections); see `Cloud.monitor`.
    ///
    /// >>> watcher = host.monitor("tail -f /var/log/nova/*.log", stop_at=1)
    #[pyo3(signature = (
        command: "str", handler: "Callable[[Record], object] | None" = None, *, name: "str" = "watch".to_string(),
        stop_at: "int | None" = None, log: "SupportsWrite | None" = None
    ) -> "Watcher")]
    fn monitor(
        &self,
        py: Python<'_>,
        command: String,
        handler: Option<Py<PyAny>>,
        name: String,
        stop_at: Option<usize>,
        log: Option<Py<PyAny>>,
    ) -> PyResult<Watcher> {
        Watcher::of_host(py, self.clone(), name, command, handler, stop_at, log)
    }
}

#[pymethods]
impl Watcher {
    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    /// Whether it still watches.
    #[getter]
    fn is_running(&self) -> bool {
        self.running
            .lock()
            .is_ok_and(|running| running.as_ref().is_some_and(smog::watch::Watcher::is_running))
    }

    /// What it saw so far.
    #[getter]
    fn seen(&self) -> Watched {
        Watched { inner: self.now() }
    }

    /// Wait until its handler stops it; what it saw.
    fn wait(&self, py: Python<'_>) -> PyResult<Watched> {
        self.end(py, false)
    }

    /// End it, on the hosts too; what it saw. An exception its handler raised is raised here.
    fn close(&self, py: Python<'_>) -> PyResult<Watched> {
        self.end(py, true)
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*exception: "object") -> "None")]
    fn __exit__(&self, py: Python<'_>, exception: Bound<'_, PyTuple>) -> PyResult<()> {
        let watched = self.end(py, true)?;
        match self.allow_unread || super::is_under_way(&exception) {
            true => Ok(()),
            false => watched.check(py),
        }
    }

    fn __repr__(&self) -> String {
        let now = self.now();
        let state = if self.is_running() { "watching" } else { "ended" };
        format!("<Watcher {} {state}: {} of {} records kept>", self.name, now.kept.len(), now.seen)
    }
}

/// What a watcher saw.
#[pyclass(frozen, module = "smog")]
pub struct Watched {
    inner: smog::watch::Watched,
}

#[pymethods]
impl Watched {
    /// The records its handler kept, in the order of time.
    #[getter]
    fn kept(&self) -> Vec<Record> {
        self.inner.kept.iter().cloned().map(Record::alone).collect()
    }

    /// How many records went by.
    #[getter]
    fn count(&self) -> u64 {
        self.inner.seen
    }

    /// Why its handler called it failed.
    #[getter]
    fn failed(&self) -> Option<String> {
        self.inner.failed.clone()
    }

    /// Whether its handler stopped it.
    #[getter]
    fn stopped(&self) -> bool {
        self.inner.stopped
    }

    /// Hosts that were away, files that could not be read, bytes that were lost.
    #[getter]
    fn problems(&self) -> Vec<String> {
        self.inner.problems.clone()
    }

    /// Known noise that was let pass: what it was, and how often.
    #[getter]
    fn allowed(&self) -> Vec<(String, u64)> {
        self.inner.allowed.iter().map(|one| (one.entry.clone(), one.times)).collect()
    }

    /// Hosts and logs that were wanted and were not read: while this is not empty, nothing kept
    /// means nothing.
    #[getter]
    fn unread(&self) -> Vec<String> {
        self.inner.unread.clone()
    }

    /// Raise `smog.Unread` when something that was wanted was not read. The end of a `with`
    /// block does so too, but for `allow_unread=True`.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        self.inner.check().map_err(|error| crate::errors::to_py(py, &error))
    }

    /// Everything as plain data.
    #[pyo3(signature = () -> "dict[str, Any]")]
    fn to_dict(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        crate::data::plain(py, &self.inner)
    }

    fn __repr__(&self) -> String {
        let failed = self.inner.failed.as_ref().map(|why| format!(", failed: {why}")).unwrap_or_default();
        let unread = match self.inner.unread.len() {
            0 => String::new(),
            count => format!(", {count} not read"),
        };
        format!(
            "<Watched {}: {} records, {} kept{failed}{unread}>",
            self.inner.name,
            self.inner.seen,
            self.inner.kept.len()
        )
    }
}
