//! A watch as an iterator.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smog::watch::{AllowList, Event, Filter, LogQuery, problem_text};
use smog::{Error, Result};

use crate::enter::enter;
use crate::noun::Noun;
use crate::nouns::Record;
use crate::session::Session;

/// The records of all hosts in the order of time, each with its whole traceback.
///
/// Iterate over it; Ctrl-C, `close()` or the end of a `with` block end it, on the hosts too.
///
/// >>> with cloud.watch(level="warning") as watch:
/// ...     for record in watch:
/// ...         print(record.host, record.message)
#[pyclass(frozen, module = "smog")]
pub struct Watch {
    flow: Arc<tokio::sync::Mutex<Flow>>,
    problems: Arc<Mutex<Vec<String>>>,
    unread: Arc<Mutex<smog::watch::Unread>>,
    allow_unread: bool,
}

struct Flow {
    watch: Option<smog::watch::Watch>,
    filter: Filter,
    allow: AllowList,
    left_s: Option<tokio::time::Instant>,
}

impl Watch {
    /// Begin; returns when what is new from now on is seen.
    pub fn start(
        py: Python<'_>,
        session: &Arc<Session>,
        query: LogQuery,
        duration: Option<f64>,
        allow_unread: bool,
    ) -> PyResult<Watch> {
        let session = session.clone();
        let (flow, problem) = enter(py, |ctx| async move {
            let begun = async {
                let search = super::resolve(&query, &session).await?;
                let problem = super::without_cloud(&search);
                let left_s = duration
                    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                    .map(|length| tokio::time::Instant::now() + length);
                let flow = Flow {
                    watch: Some(search.plan.watch()),
                    filter: search.filter,
                    allow: search.allow,
                    left_s,
                };
                Ok((flow, problem))
            };
            ctx.unless_stopped("nothing was changed", begun).await
        })?;
        let problems = Arc::new(Mutex::new(problem.into_iter().collect()));
        let unread = flow.watch.as_ref().map(|watch| watch.unread().clone()).unwrap_or_default();
        let (flow, unread) = (Arc::new(tokio::sync::Mutex::new(flow)), Arc::new(Mutex::new(unread)));
        Ok(Watch { flow, problems, unread, allow_unread })
    }

    /// The next record that is wanted; none at the end, or after `limit`.
    fn step(&self, py: Python<'_>, limit: Option<Duration>) -> PyResult<Option<Record>> {
        let (flow, problems, unread) = (self.flow.clone(), self.problems.clone(), self.unread.clone());
        let record = enter(py, |ctx| async move {
            let mut flow = flow.lock().await;
            let mut end = flow.left_s;
            if let Some(limit) = limit {
                let limit = tokio::time::Instant::now() + limit;
                end = Some(end.map_or(limit, |end| end.min(limit)));
            }
            let record = next(&mut flow, &problems, end);
            let record = ctx.unless_stopped("the watch continues until it is closed", record).await;
            if let (Some(watch), Ok(mut unread)) = (&flow.watch, unread.lock()) {
                unread.clone_from(watch.unread());
            }
            record
        })?;
        Ok(record.map(Record::alone))
    }
}

async fn next(
    flow: &mut Flow,
    problems: &Mutex<Vec<String>>,
    end: Option<tokio::time::Instant>,
) -> Result<Option<smog::watch::Record>> {
    let Flow { watch, filter, allow, .. } = flow;
    let Some(watch) = watch else { return Ok(None) };
    loop {
        let event = match end {
            None => watch.next().await,
            Some(end) => match tokio::time::timeout_at(end, watch.next()).await {
                Ok(event) => event,
                Err(_) => return Ok(None),
            },
        };
        match event {
            None => return Ok(None),
            Some(Event::Record(record)) => {
                if filter.wants(&record) && !(record.is_exception() && allow.allows(&record)) {
                    return Ok(Some(*record));
                }
            }
            Some(other) => {
                if let (Some(text), Ok(mut problems)) = (problem_text(&other), problems.lock()) {
                    problems.push(text);
                }
            }
        }
    }
}

#[pymethods]
impl Watch {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Record>> {
        self.step(py, None)
    }

    /// The next record, or `None` when none came in `timeout` seconds.
    #[pyo3(signature = (timeout = 1.0))]
    fn next(&self, py: Python<'_>, timeout: f64) -> PyResult<Option<Record>> {
        self.step(py, Some(Duration::try_from_secs_f64(timeout).unwrap_or(Duration::MAX)))
    }

    /// Call `handler(record)` for each record until it returns `"stop"` or the watch ends;
    /// returns how many it was called for.
    #[pyo3(signature = (handler: "Callable[[Record], object]") -> "int")]
    fn run(&self, py: Python<'_>, handler: &Bound<'_, PyAny>) -> PyResult<usize> {
        let mut count = 0;
        while let Some(record) = self.step(py, None)? {
            count += 1;
            let answer = handler.call1((record,))?;
            if answer.extract::<String>().is_ok_and(|word| word == "stop") {
                break;
            }
        }
        Ok(count)
    }

    /// Hosts that were away, files that could not be read, bytes that were lost.
    #[getter]
    fn problems(&self) -> Vec<String> {
        self.problems.lock().map(|problems| problems.clone()).unwrap_or_default()
    }

    /// Hosts and logs that were wanted and are not read, or not yet: while this is not empty,
    /// no exception means nothing.
    #[getter]
    fn unread(&self) -> Vec<String> {
        self.unread.lock().map(|unread| unread.lines()).unwrap_or_default()
    }

    /// Raise `smog.Unread` when something that was wanted is not read.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        let checked = self.unread.lock().map(|unread| unread.check()).unwrap_or(Ok(()));
        checked.map_err(|error| crate::errors::to_py(py, &error))
    }

    /// End it, on the hosts too.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let (flow, unread) = (self.flow.clone(), self.unread.clone());
        enter(py, |_| async move {
            if let Some(watch) = flow.lock().await.watch.take() {
                if let Ok(mut unread) = unread.lock() {
                    unread.clone_from(watch.unread());
                }
                watch.stop().await;
            }
            Ok::<(), Error>(())
        })
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*exception: "object") -> "None")]
    fn __exit__(&self, py: Python<'_>, exception: Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)?;
        if self.allow_unread || super::is_under_way(&exception) { Ok(()) } else { self.check(py) }
    }

    fn __repr__(&self) -> &'static str {
        "<Watch: iterate over it, close() ends it>"
    }
}
