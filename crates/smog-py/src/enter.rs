//! The one door from Python into the asynchronous core: the interpreter is released
//! while the work runs, signals are looked at every tick, and an interrupted work is
//! asked to clean up before the interrupt is raised.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use smog::wait::{Wait, Waiting};
use smog::{Error, Result};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::errors::to_py;

/// Signals are looked at this often.
const TICK: Duration = Duration::from_millis(100);

/// What takes shorter is not worth a line of progress.
const QUIET: Duration = Duration::from_millis(700);

thread_local! {
    /// The stop button of the thread, for calls that no signal reaches (`smog.aio`).
    static BUTTON: RefCell<Option<CancellationToken>> = const { RefCell::new(None) };
    /// How long the core worked on the thread's last call.
    static CORE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// How long the core itself worked on the last call of this thread, in seconds: the rest of
/// the call's time is Python's. For benchmarks.
#[pyfunction]
pub fn core_seconds() -> f64 {
    CORE.get().as_secs_f64()
}

/// What a work is given: the request to stop, and who is notified of its progress.
#[derive(Clone, Default)]
pub struct Ctx {
    stop: CancellationToken,
    last: Arc<Mutex<Option<String>>>,
}

impl Ctx {
    /// Say how far it is; shown on a terminal or in a notebook.
    pub fn tell(&self, text: impl Into<String>) {
        if let Ok(mut last) = self.last.lock() {
            *last = Some(text.into());
        }
    }

    /// Reports the state of a wait.
    pub fn teller(&self) -> impl Fn(Waiting<'_>) + Send + Sync + use<> {
        let ctx = self.clone();
        move |waiting: Waiting<'_>| ctx.tell(format!("{}: {}", waiting.what, waiting.last))
    }

    /// Do it unless the caller wants to stop; `left` says what goes on then.
    pub async fn unless_stopped<T>(
        &self,
        left: impl Into<String>,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::select! {
            done = work => done,
            () = self.stop.cancelled() => Err(Error::Interrupted { left: left.into() }),
        }
    }

    /// Resolves when the caller wants to stop.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

/// How to wait: so many seconds, with reports to `tell`.
pub fn wait(seconds: f64, tell: &(dyn Fn(Waiting<'_>) + Send + Sync)) -> Wait<'_> {
    let timeout = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
    Wait { timeout, every: Duration::from_millis(500), tell }
}

/// The threads of this process. A forked child has none of its parent's, so it gets its own.
pub fn runtime() -> PyResult<&'static Runtime> {
    static RUNTIMES: Mutex<Vec<(u32, &'static Runtime)>> = Mutex::new(Vec::new());
    let pid = std::process::id();
    let broken = |why: String| PyRuntimeError::new_err(format!("no threads for smog: {why}"));
    let mut known = RUNTIMES.lock().map_err(|why| broken(why.to_string()))?;
    if let Some((_, runtime)) = known.iter().find(|(of, _)| *of == pid) {
        return Ok(runtime);
    }
    let made = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("smog").build();
    let runtime: &'static Runtime = Box::leak(Box::new(made.map_err(|why| broken(why.to_string()))?));
    known.push((pid, runtime));
    Ok(runtime)
}

/// Run a work to its end with the interpreter released.
///
/// The first Ctrl-C asks the work to stop and waits for its clean-up, the second one
/// gives it up. In a thread with a stop button ([`Stop`]) the button counts as the first.
pub fn enter<T, F>(py: Python<'_>, work: impl FnOnce(Ctx) -> F) -> PyResult<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    enter_or_undo(py, work, |_: T| async { None })
}

/// The same for a work that makes something: when it is done just as the interrupt comes, the
/// caller never gets it in hand, so it is undone. `undo` says what is left.
pub fn enter_or_undo<T, F, U>(
    py: Python<'_>,
    work: impl FnOnce(Ctx) -> F,
    undo: impl FnOnce(T) -> U,
) -> PyResult<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
    U: Future<Output = Option<Error>> + Send + 'static,
{
    let runtime = runtime()?;
    let button = BUTTON.with_borrow(Clone::clone);
    let ctx = Ctx { stop: button.unwrap_or_default(), ..Ctx::default() };
    let work = work(ctx.clone());
    let mut task = runtime.spawn(async move {
        let begun = Instant::now();
        (work.await, begun.elapsed())
    });
    let mut interrupt: Option<PyErr> = None;
    let begun = Instant::now();
    let mut shown = false;
    loop {
        let tick = py.detach(|| runtime.block_on(async { timeout(TICK, &mut task).await }));
        match tick {
            Ok(ended) => {
                if shown && let Err(signal) = show(py, None, begun) {
                    interrupt.get_or_insert(signal);
                }
                let (ended, took) = ended.map_err(|panic| PyRuntimeError::new_err(panic.to_string()))?;
                CORE.set(took);
                // A signal of the last tick counts too: Python would raise it with the result lost.
                if interrupt.is_none() {
                    interrupt = py.check_signals().err();
                }
                return match (interrupt, ended) {
                    (None, ended) => ended.map_err(|error| to_py(py, &error)),
                    (Some(signal), Err(error)) => Err(with_note(py, signal, Some(error))),
                    (Some(signal), Ok(made)) => {
                        let undone = runtime.spawn(undo(made));
                        let left = py.detach(|| runtime.block_on(undone)).ok().flatten();
                        Err(with_note(py, signal, left))
                    }
                };
            }
            Err(_) => {
                let text = match begun.elapsed() > QUIET {
                    true => ctx.last.lock().ok().and_then(|last| last.clone()),
                    false => None,
                };
                // Showing runs Python, so that a signal may be raised there as well.
                let looked = match text {
                    Some(text) => {
                        shown = true;
                        show(py, Some(text), begun).and_then(|()| py.check_signals())
                    }
                    None => py.check_signals(),
                };
                if let Err(signal) = looked {
                    if interrupt.is_some() {
                        task.abort();
                        return Err(with_note(py, signal, None));
                    }
                    ctx.stop.cancel();
                    interrupt = Some(signal);
                }
            }
        }
    }
}

fn show(py: Python<'_>, text: Option<String>, begun: Instant) -> PyResult<()> {
    let display = py.import("smog.display")?;
    display.getattr("_progress")?.call1((
        text.map(|text| smog::show::visible_line(&text).into_owned()),
        begun.elapsed().as_secs_f64(),
    ))?;
    Ok(())
}

/// The interrupt, with what is left behind as its note.
fn with_note(py: Python<'_>, signal: PyErr, error: Option<Error>) -> PyErr {
    let left = match error {
        Some(Error::Interrupted { left }) => left,
        Some(other) => other.to_string(),
        None => return signal,
    };
    // Notes came with Python 3.11; before it the interrupt goes without.
    let _ = signal.value(py).call_method1("add_note", (left,));
    signal
}

/// A stop button for calls made in another thread, where no signal arrives.
///
/// Inside `with stop:` every call of the thread watches the button; `press()`, from any
/// thread, is to it what Ctrl-C is to the main one: it cleans up and raises
/// `smog.errors.Interrupted`.
#[pyclass(frozen, module = "smog")]
pub struct Stop(CancellationToken);

#[pymethods]
impl Stop {
    #[new]
    fn new() -> Stop {
        Stop(CancellationToken::new())
    }

    /// Ask the call under way, and all later ones, to stop.
    fn press(&self) {
        self.0.cancel();
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        BUTTON.set(Some(slf.0.clone()));
        slf
    }

    #[pyo3(signature = (*exception: "object") -> "None")]
    fn __exit__(&self, exception: Bound<'_, pyo3::types::PyTuple>) {
        let _ = exception;
        BUTTON.set(None);
    }
}
