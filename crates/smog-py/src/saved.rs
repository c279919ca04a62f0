//! Logs that were saved, read as the hosts' own are. No cloud is asked.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smog::config::Surroundings;
use smog::watch::{AllowList, Filter, LogQuery, Offline, ReadUp, Saved, Trouble};
use smog::{Error, Result};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::enter::enter;
use crate::errors::{to_py, unusable};
use crate::noun::Noun;
use crate::nouns::{Record, Trace, Triage};

/// So many records are handed over at once, and so many such heaps wait.
const HEAP: usize = 256;
const HEAPS: usize = 4;

/// One place, or several.
#[derive(FromPyObject)]
pub enum Places {
    /// A folder, an archive or a file.
    One(PathBuf),
    /// Several.
    Many(Vec<PathBuf>),
}

impl Places {
    /// Find the logs in them.
    pub fn open(&self, hosts: &[String], zone: Option<TimeZone>) -> Result<Saved> {
        Offline { places: self.list(), hosts: hosts.to_vec(), zone, host: None }.open(None)
    }

    fn list(&self) -> Vec<PathBuf> {
        match self {
            Places::One(place) => vec![place.clone()],
            Places::Many(places) => places.clone(),
        }
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.list().iter().map(|place| place.display().to_string()).collect();
        names.join(", ")
    }
}

/// Work that reads files, on a thread of its own.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|why| {
        Err(Error::Invalid { what: "reading the logs".into(), why: why.to_string(), hint: None })
    })
}

fn zone_of(py: Python<'_>, name: Option<&str>) -> PyResult<Option<TimeZone>> {
    let Some(name) = name else { return Ok(None) };
    let zone = smog::watch::zone(name).ok_or_else(|| {
        unusable(
            py,
            &format!("time zone `{name}`"),
            "no time zone is called so",
            Some("Europe/Berlin, UTC, +02:00"),
        )
    })?;
    Ok(Some(zone))
}

/// What the reading thread says.
enum Said {
    Records(Vec<smog::watch::Record>),
    End(Result<ReadUp>),
}

/// Records of saved logs in the order of time, each with its whole traceback: iterate over it.
///
/// >>> with smog.logs("job/", level="warning") as logs:
/// ...     for record in logs:
/// ...         print(record.host, record.message)
#[pyclass(frozen, module = "smog")]
pub struct SavedLogs {
    flow: Arc<tokio::sync::Mutex<Flow>>,
    end: Arc<Mutex<Option<ReadUp>>>,
    hosts: Vec<String>,
    of: String,
    allow_unread: bool,
}

struct Flow {
    said: Option<Receiver<Said>>,
    heap: std::vec::IntoIter<smog::watch::Record>,
}

/// The reading thread's work.
fn read(saved: &Saved, filter: &Filter, allow: &mut AllowList, to: &Sender<Said>) {
    let mut heap = Vec::with_capacity(HEAP);
    let up = saved.read(filter, |record| {
        if record.is_exception() && allow.allows(&record) {
            return ControlFlow::Continue(());
        }
        heap.push(record);
        if heap.len() < HEAP {
            return ControlFlow::Continue(());
        }
        // The iterating thread may have ended.
        match to.blocking_send(Said::Records(std::mem::take(&mut heap))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    if to.blocking_send(Said::Records(heap)).is_ok() {
        let _ = to.blocking_send(Said::End(up));
    }
}

/// The next record; none at the end.
async fn next(flow: &mut Flow, end: &Mutex<Option<ReadUp>>) -> Result<Option<smog::watch::Record>> {
    loop {
        if let Some(record) = flow.heap.next() {
            return Ok(Some(record));
        }
        let Some(said) = &mut flow.said else { return Ok(None) };
        match said.recv().await {
            Some(Said::Records(heap)) => flow.heap = heap.into_iter(),
            Some(Said::End(up)) => {
                flow.said = None;
                let up = up?;
                if let Ok(mut end) = end.lock() {
                    *end = Some(up);
                }
            }
            None => {
                flow.said = None;
                return Err(Error::Invalid {
                    what: "reading the logs".into(),
                    why: "the thread that reads them ended".into(),
                    hint: None,
                });
            }
        }
    }
}

impl SavedLogs {
    fn up<T>(&self, look: impl FnOnce(Option<&ReadUp>) -> T) -> T {
        match self.end.lock() {
            Ok(end) => look(end.as_ref()),
            Err(_) => look(None),
        }
    }
}

#[pymethods]
impl SavedLogs {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Record>> {
        // What is in hand needs no runtime.
        if let Ok(mut flow) = self.flow.try_lock()
            && let Some(record) = flow.heap.next()
        {
            return Ok(Some(Record::alone(record)));
        }
        let (flow, end) = (self.flow.clone(), self.end.clone());
        let record = enter(py, |ctx| async move {
            let mut flow = flow.lock().await;
            ctx.unless_stopped("nothing was changed", next(&mut flow, &end)).await
        })?;
        Ok(record.map(Record::alone))
    }

    /// The hosts, as far as the places say them.
    #[getter]
    fn hosts(&self) -> Vec<String> {
        self.hosts.clone()
    }

    /// What could not be read or judged. Known at the end.
    #[getter]
    fn problems(&self) -> Vec<String> {
        self.up(|up| up.map(|up| up.troubles.iter().map(Trouble::text).collect()).unwrap_or_default())
    }

    /// What was wanted and not read: while this is not empty, no exception means nothing. Known at
    /// the end.
    #[getter]
    fn unread(&self) -> Vec<String> {
        self.up(|up| up.map(ReadUp::unread).unwrap_or_default())
    }

    /// How many bytes of text were read. Known at the end.
    #[getter]
    fn bytes(&self) -> u64 {
        self.up(|up| up.map_or(0, |up| up.bytes))
    }

    /// Raise `smog.Unread` when something that was wanted was not read.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        let lines = self.unread();
        if lines.is_empty() { Ok(()) } else { Err(to_py(py, &Error::Unread { lines })) }
    }

    /// End it before its end.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let flow = self.flow.clone();
        enter(py, |_| async move {
            let mut flow = flow.lock().await;
            flow.said = None;
            flow.heap = vec![].into_iter();
            Ok(())
        })
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*exception: "object") -> "None")]
    fn __exit__(&self, py: Python<'_>, exception: Bound<'_, PyTuple>) -> PyResult<()> {
        self.close(py)?;
        if self.allow_unread || crate::watch::is_under_way(&exception) { Ok(()) } else { self.check(py) }
    }

    fn __repr__(&self) -> String {
        format!("<SavedLogs of {}: iterate over it>", self.of)
    }
}

/// Saved logs: the records of a folder, a tar archive, a sosreport, a must-gather, the folder of a CI
/// job or a file (also several, also compressed) in the order of time. No cloud is asked.
///
/// Records are chosen as `Cloud.watch` chooses them; `guest` is a UUID, or a name where the logs have
/// it. Hosts are known by the folders; `zone` ("Europe/Berlin", "+02:00") is that of times whose place
/// names none. What was wanted and not read raises `smog.Unread` at the end of a `with` block, unless
/// `allow_unread`; `logs.unread` lists it at the end.
///
/// >>> for record in smog.logs("sosreport-cmp2.tar.xz", exceptions=True):
/// ...     print(record.host, record.exception)
#[pyfunction]
#[pyo3(signature = (
    from_: "str | os.PathLike[str] | Sequence[str | os.PathLike[str]]", *, hosts: "Sequence[str]" = vec![],
    level: "str | None" = None, grep: "Sequence[str]" = vec![], requests: "Sequence[str]" = vec![],
    guest: "str | None" = None, exceptions: "bool" = false, since: "datetime | None" = None,
    until: "datetime | None" = None, zone: "str | None" = None, allow: "Sequence[str]" = vec![],
    allow_unread: "bool" = false
) -> "SavedLogs")]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn logs(
    py: Python<'_>,
    from_: Places,
    hosts: Vec<String>,
    level: Option<String>,
    grep: Vec<String>,
    requests: Vec<String>,
    guest: Option<String>,
    exceptions: bool,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    zone: Option<&str>,
    allow: Vec<String>,
    allow_unread: bool,
) -> PyResult<SavedLogs> {
    let zone = zone_of(py, zone)?;
    let level = level.map(|word| word.parse()).transpose().map_err(|error| to_py(py, &error))?;
    let query =
        LogQuery { level, patterns: grep, requests, exceptions, since, until, allow, ..LogQuery::default() };
    let of = from_.names();
    let (saved, filter, mut allow) = enter(py, |ctx| async move {
        let open = blocking(move || {
            let mut filter = query.filter_of_records()?;
            let allow = query.allow_list(&Surroundings::of_process().smog_file()?.watch)?;
            let saved = from_.open(&hosts, zone)?;
            if let Some(asked) = guest {
                saved.only_guest(&mut filter, &asked)?;
            }
            Ok((saved, filter, allow))
        });
        ctx.unless_stopped("nothing was changed", open).await
    })?;
    let (to, said) = channel(HEAPS);
    let hosts = saved.hosts();
    std::thread::spawn(move || read(&saved, &filter, &mut allow, &to));
    let flow = Flow { said: Some(said), heap: vec![].into_iter() };
    let (flow, end) = (Arc::new(tokio::sync::Mutex::new(flow)), Arc::default());
    Ok(SavedLogs { flow, end, hosts, of, allow_unread })
}

/// What a failed job threw, by type and place, the tests that failed with what belongs to each, and
/// the likely first cause: from saved logs, as `smog.logs` takes them. What `baseline`, the logs of a
/// good run, has as well is noise. What was wanted and not read raises `smog.Unread`, unless
/// `allow_unread`; `triage.unread` lists it then. `cloud.triage()` is of the hosts themselves.
///
/// >>> print(smog.triage("job/", baseline="good-job/"))
#[pyfunction]
#[pyo3(signature = (
    from_: "str | os.PathLike[str] | Sequence[str | os.PathLike[str]]", *,
    baseline: "str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None" = None,
    hosts: "Sequence[str]" = vec![], since: "datetime | None" = None, until: "datetime | None" = None,
    zone: "str | None" = None, allow_unread: "bool" = false
) -> "Triage")]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn triage(
    py: Python<'_>,
    from_: Places,
    baseline: Option<Places>,
    hosts: Vec<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    zone: Option<&str>,
    allow_unread: bool,
) -> PyResult<Triage> {
    let zone = zone_of(py, zone)?;
    let triage = enter(py, |ctx| async move {
        let judge = blocking(move || {
            let saved = from_.open(&hosts, zone.clone())?;
            let good = baseline.as_ref().map(|places| places.open(&[], zone)).transpose()?;
            let filter = Filter { since, until, ..Filter::default() };
            let (triage, up) =
                smog::triage::Triage::of_saved(&saved, good.as_ref(), &filter, &from_.names())?;
            let baseline = baseline.as_ref().map(Places::names);
            Ok(smog::triage::Triage { baseline, unread: up.unread(), ..triage })
        });
        ctx.unless_stopped("nothing was changed", judge).await
    })?;
    if !allow_unread {
        triage.check().map_err(|error| to_py(py, &error))?;
    }
    Ok(Triage::alone(triage))
}

/// One request, whole, from saved logs, as `smog.logs` takes them: `of` is a request ("req-…"), or a
/// guest (its UUID, or its name where the logs have it) with an `action`. `cloud.trace()` asks the
/// hosts themselves.
///
/// >>> print(smog.trace("req-e58f9672-0e0c-4390-9811-01920e26b346", from_="job/"))
#[pyfunction]
#[pyo3(signature = (
    of: "str", action: "str | None" = None, *,
    from_: "str | os.PathLike[str] | Sequence[str | os.PathLike[str]]", hosts: "Sequence[str]" = vec![],
    zone: "str | None" = None
) -> "Trace")]
pub fn trace(
    py: Python<'_>,
    of: String,
    action: Option<String>,
    from_: Places,
    hosts: Vec<String>,
    zone: Option<&str>,
) -> PyResult<Trace> {
    let zone = zone_of(py, zone)?;
    let trace = enter(py, |ctx| async move {
        let look = blocking(move || {
            let saved = from_.open(&hosts, zone)?;
            Ok(smog::trace::Trace::of_saved(&saved, &of, action.as_deref())?.0)
        });
        ctx.unless_stopped("nothing was changed", look).await
    })?;
    Ok(Trace::alone(trace))
}
