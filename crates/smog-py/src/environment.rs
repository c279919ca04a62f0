//! Hosts brought into a state, and back.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smog::config::Surroundings;
use smog::environment::{
    self as core, OnConflict, Options, PREPARABLE, Preparable, Restart, RestoreOptions, Tell, Wish,
    WishRequest,
};
use smog::hint::{self, Face};
use smog::{Error, Result};

use crate::enter::{Ctx, enter};
use crate::errors::to_py;
use crate::name_of::NameOf;
use crate::noun::listing;
use crate::session::Session;

/// The desired state of hosts: check it, prepare it, restore what was there.
///
/// As a context manager it is prepared inside and restored outside, also after an error or
/// Ctrl-C. Everything that is changed is journaled on disk first: `smog restore` brings it
/// back after a crash too.
///
/// >>> with cloud.environment("nova.conf:DEFAULT.shutdown_timeout=7", hosts=["cmp1"]):
/// ...     guest = cloud.boot("web")
#[pyclass(frozen, module = "smog")]
pub struct Environment {
    session: Arc<Session>,
    wish: Wish,
    hosts: Vec<String>,
    folder: PathBuf,
    timeout: Duration,
    /// The runs that were prepared here and are not restored.
    runs: Mutex<Vec<String>>,
}

impl Environment {
    /// Nothing is asked yet.
    pub fn new(
        py: Python<'_>,
        session: &Arc<Session>,
        request: WishRequest,
        suite: Option<String>,
        hosts: Vec<String>,
        journal: Option<PathBuf>,
        timeout: f64,
    ) -> PyResult<Environment> {
        let say = |error: Error| to_py(py, &error);
        let session = match suite {
            Some(suite) => Arc::new(session.of_suite(suite).map_err(say)?),
            None => session.clone(),
        };
        let (wish, cannot) = request.resolve(&session.settings().file).map_err(say)?;
        for text in cannot {
            let kind = py.get_type::<pyo3::exceptions::PyUserWarning>();
            let text = std::ffi::CString::new(text.replace('\0', " ")).unwrap_or_default();
            PyErr::warn(py, &kind, &text, 2)?;
        }
        Ok(Environment {
            wish,
            session,
            hosts,
            folder: match journal {
                Some(folder) => folder,
                None => Surroundings::of_process().journal_folder().map_err(say)?,
            },
            timeout: Duration::try_from_secs_f64(timeout).unwrap_or(Duration::MAX),
            runs: Mutex::default(),
        })
    }

    fn options(&self, ctx: &Ctx) -> Options {
        let mut options = options(&self.folder, "Python: smog.Environment", ctx);
        options.timeout = self.timeout;
        options
    }

    /// The core's environment; made again each time, since it belongs to a process.
    async fn core(session: Arc<Session>, hosts: Vec<String>, options: Options) -> Result<core::Environment> {
        core::Environment::of_cloud(&session.cloud().await?, &hosts, options).await
    }
}

#[pymethods]
impl Environment {
    /// What would have to change. Changes nothing; one or two commands per host.
    fn check(&self, py: Python<'_>) -> PyResult<Plan> {
        let (session, hosts, wish) = (self.session.clone(), self.hosts.clone(), self.wish.clone());
        let plan = enter(py, |ctx| {
            let options = self.options(&ctx);
            async move {
                let looked = async { Environment::core(session, hosts, options).await?.check(&wish).await };
                ctx.unless_stopped("nothing was changed", looked).await
            }
        });
        Ok(Plan { plan: plan? })
    }

    /// Change what has to be changed and wait until the services are ready, by evidence.
    /// Returns what was changed.
    ///
    /// Ctrl-C takes back what was changed so far. Raises `ArgumentError` when something
    /// cannot be had here, before anything is changed.
    fn prepare(&self, py: Python<'_>) -> PyResult<Plan> {
        let (session, hosts, wish) = (self.session.clone(), self.hosts.clone(), self.wish.clone());
        let prepared = enter(py, |ctx| {
            let options = self.options(&ctx);
            async move {
                let environment = Environment::core(session, hosts, options).await?;
                let prepared = ctx.unless_stopped("", environment.prepare(&wish)).await;
                match prepared {
                    Err(Error::Interrupted { .. }) => {
                        ctx.tell("interrupted: what was changed is undone");
                        let taken_back = environment.take_back_unfinished().await;
                        Err(Error::Interrupted {
                            left: taken_back.words(&hint::RESTORE.hint().words(Face::Python)),
                        })
                    }
                    other => other,
                }
            }
        })?;
        if let Ok(mut runs) = self.runs.lock() {
            runs.push(prepared.run.clone());
        }
        Ok(Plan { plan: prepared.plan })
    }

    /// Bring back what was, of what was prepared by this object (`all=True`: of everything
    /// outstanding on its hosts; `run="…"`: of this run, which `smog restore --list` names). What
    /// someone else changed meanwhile is left alone and listed in `.conflicts`, unless `on_conflict` is
    /// "keep", "force" or "merge". The locks of the hosts in `break_lock` are broken: first make sure
    /// that no other smog is running there. Raises `NotFound` for a run that is not outstanding.
    #[pyo3(signature = (
        *, all: "bool" = false, run: "str | None" = None, break_lock: "Sequence[str | Host]" = vec![],
        on_conflict: "str" = "stop"
    ) -> "Listing[Restored]")]
    fn restore<'py>(
        &self,
        py: Python<'py>,
        all: bool,
        run: Option<String>,
        break_lock: Vec<NameOf>,
        on_conflict: &str,
    ) -> PyResult<Bound<'py, PyAny>> {
        let break_locks = break_lock.into_iter().map(NameOf::name).collect();
        let how = RestoreOptions { on_conflict: conflict(py, on_conflict)?, break_locks };
        let named = run.clone();
        let runs: Vec<String> = match (run, self.runs.lock()) {
            (Some(run), mut runs) => {
                if let Ok(runs) = &mut runs {
                    runs.retain(|own| *own != run);
                }
                vec![run]
            }
            (None, Ok(mut runs)) if !all => runs.drain(..).rev().collect(),
            _ => vec![],
        };
        if runs.is_empty() && !all {
            return listing::<Restored>(py, RESTORED, vec![]);
        }
        let (session, hosts) = (self.session.clone(), self.hosts.clone());
        let restored = enter(py, |ctx| {
            let options = self.options(&ctx);
            async move {
                let environment = Environment::core(session, hosts, options).await?;
                let listing = environment.outstanding().await;
                if let Some(run) = &named {
                    listing.check_run(run)?;
                }
                let mut all_restored = vec![];
                let chosen: Vec<Option<&str>> = if all && named.is_none() {
                    vec![None]
                } else {
                    runs.iter().map(|run| Some(run.as_str())).collect()
                };
                for run in chosen {
                    // A restore is not interrupted: it may be killed and run again, but half is no answer.
                    let (restored, errors) = environment.restore(&listing, run, &how).await;
                    if let Some(error) = errors.into_iter().next() {
                        return Err(error);
                    }
                    all_restored.extend(restored);
                }
                Ok(all_restored)
            }
        })?;
        listing(py, RESTORED, restored.into_iter().map(Restored::of).collect())
    }

    /// Prepare it.
    fn __enter__<'py>(slf: PyRef<'py, Self>, py: Python<'py>) -> PyResult<PyRef<'py, Self>> {
        slf.prepare(py)?;
        Ok(slf)
    }

    /// Restore what was.
    #[pyo3(signature = (*exception: "object") -> "None")]
    fn __exit__(&self, py: Python<'_>, exception: Bound<'_, PyTuple>) -> PyResult<()> {
        let _ = exception;
        let restored = self.restore(py, false, None, vec![], "stop")?;
        for one in restored.try_iter()? {
            let one = one?;
            let one = one.cast::<Restored>()?.get();
            if let Some((target, three_way)) = one.conflicts.first() {
                let error = Error::Fault {
                    what: format!("restoring {target}"),
                    fault: format!("someone else changed it since:\n{three_way}"),
                    host: Some(one.host.clone()),
                    request_id: None,
                    hint: Some("`restore(all=True, on_conflict=…)` with keep, force or merge decides".into()),
                };
                return Err(to_py(py, &error));
            }
        }
        Ok(())
    }

    fn __repr__(&self) -> String {
        let whose = if self.hosts.is_empty() { "all hosts".to_string() } else { self.hosts.join(", ") };
        let prepared = self.runs.lock().is_ok_and(|runs| !runs.is_empty());
        let state = if prepared { ", prepared" } else { "" };
        format!(
            "<Environment of {whose}: {}{state}>",
            smog::show::counted(self.wish.items.len() as u64, "requirement")
        )
    }
}

/// The table of what can be asked of hosts: the keyword, its form (empty for a switch) and its help.
#[pyfunction]
#[pyo3(signature = () -> "list[tuple[str, str, str]]")]
pub fn _preparable() -> Vec<(String, &'static str, &'static str)> {
    PREPARABLE.iter().map(|row| (row.keyword(), row.form, row.help)).collect()
}

/// Python's keywords as a request: a switch is a truth value, all else a text or a list of them.
pub fn request(
    py: Python<'_>,
    settings: Vec<String>,
    wanted: std::collections::BTreeMap<String, Bound<'_, PyAny>>,
    of_suite: bool,
) -> PyResult<WishRequest> {
    let mut request = WishRequest { of_suite, settings, ..WishRequest::default() };
    for (keyword, value) in wanted {
        let row = Preparable::named(&keyword).map_err(|error| to_py(py, &error))?;
        let texts: Vec<String> = match row.is_switch() {
            true if value.is_truthy()? => vec![String::new()],
            true => vec![],
            false => match value.extract::<String>() {
                Ok(text) => vec![text],
                Err(_) if value.extract::<u32>().is_ok() => vec![value.to_string()],
                Err(_) => value.extract()?,
            },
        };
        for text in texts {
            request.ask(row.name, &text).map_err(|error| to_py(py, &error))?;
        }
    }
    Ok(request)
}

/// What several of [`Restored`] are called.
const RESTORED: &str = "hosts with something to restore";

fn conflict(py: Python<'_>, word: &str) -> PyResult<OnConflict> {
    match word {
        "stop" => Ok(OnConflict::Refuse),
        "keep" => Ok(OnConflict::Keep),
        "force" => Ok(OnConflict::Force),
        "merge" => Ok(OnConflict::Merge),
        other => Err(crate::errors::unusable(
            py,
            &format!("on_conflict {other:?}"),
            "no such way",
            Some("stop, keep, force or merge"),
        )),
    }
}

/// Who works and where the journal lies; `command` stands in the lock.
pub fn options(folder: &Path, command: &str, ctx: &Ctx) -> Options {
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "unknown".into());
    let mut options = Options::new(folder, user, command);
    let ctx = ctx.clone();
    options.on_event =
        Some(Arc::new(move |what: Tell<'_>| ctx.tell(format!("{}: {}", what.host, what.text))));
    options
}

/// The user's environment: this is a face, and may read it.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What has to change, host by host. `str(plan)` is the diff; secrets are hidden.
#[pyclass(frozen, module = "smog")]
pub struct Plan {
    plan: core::Plan,
}

#[pymethods]
impl Plan {
    /// Whether nothing has to change, and everything can be had.
    #[getter]
    fn is_ready(&self) -> bool {
        self.plan.is_ready()
    }

    /// What cannot be had, and why.
    #[getter]
    fn cannot(&self) -> Vec<String> {
        self.plan.cannot()
    }

    /// Each host's part.
    #[getter]
    fn hosts(&self) -> Vec<HostPlan> {
        let part = |host: &core::HostPlan| HostPlan {
            host: host.host.clone(),
            changes: host.changes.iter().map(|change| change.target().to_string()).collect(),
            restarts: host.restarts.iter().map(Restart::name).map(str::to_string).collect(),
            reboot: host.reboot.clone(),
            diff: host.changes.iter().map(|change| change.text(&host.host)).collect(),
        };
        self.plan.hosts.iter().map(part).collect()
    }

    fn __bool__(&self) -> bool {
        self.plan.is_ready()
    }

    fn __str__(&self) -> String {
        self.plan.to_string()
    }

    fn __repr__(&self) -> String {
        let changes: usize = self.plan.hosts.iter().map(|host| host.changes.len()).sum();
        let state = if self.plan.is_ready() { "ready".to_string() } else { format!("{changes} changes") };
        format!("<Plan for {} hosts: {state}>", self.plan.hosts.len())
    }

    fn _repr_html_(&self) -> String {
        format!("<pre>{}</pre>", crate::table::escaped(&self.plan.to_string()))
    }
}

/// What has to change on one host.
#[pyclass(frozen, get_all, module = "smog")]
pub struct HostPlan {
    /// The host.
    host: String,
    /// The paths and units that change.
    changes: Vec<String>,
    /// The services that are restarted.
    restarts: Vec<String>,
    /// Why it must boot again before all of it holds.
    reboot: Vec<String>,
    /// The changes as differences; secrets are hidden.
    diff: String,
}

#[pymethods]
impl HostPlan {
    fn __repr__(&self) -> String {
        format!(
            "<HostPlan {}: {} changes, restarts {}>",
            self.host,
            self.changes.len(),
            self.restarts.join(", ")
        )
    }
}

/// What was brought back on one host.
#[pyclass(frozen, get_all, module = "smog")]
pub struct Restored {
    /// The host.
    host: String,
    /// The run that was taken back.
    run: String,
    /// Paths and units that are as they were.
    back: Vec<String>,
    /// What was left to those who changed it meanwhile.
    kept: Vec<String>,
    /// What was not touched, because someone changed it: path or unit, and the differences.
    conflicts: Vec<(String, String)>,
}

impl Restored {
    fn of(restored: core::Restored) -> Restored {
        Restored {
            host: restored.host,
            run: restored.run,
            back: restored.back,
            kept: restored.kept,
            conflicts: restored.conflicts.into_iter().map(|one| (one.target, one.three_way)).collect(),
        }
    }
}

#[pymethods]
impl Restored {
    fn __repr__(&self) -> String {
        format!("<Restored {}: {} back, {} conflicts>", self.host, self.back.len(), self.conflicts.len())
    }

    fn _row(&self) -> Vec<(&'static str, String)> {
        let conflicts: Vec<&str> = self.conflicts.iter().map(|(target, _)| target.as_str()).collect();
        vec![
            ("host", self.host.clone()),
            ("run", self.run.clone()),
            ("back", self.back.join(", ")),
            ("kept", self.kept.join(", ")),
            ("conflicts", conflicts.join(", ")),
        ]
    }
}
