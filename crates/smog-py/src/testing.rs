//! The bundled suites: which cases there are, and running them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::prelude::*;
use smog::config::Surroundings;
use smog::hint::Face;
use smog::testing::{
    CaseReport as Report, Event, Isolation, RunRequest, Runner, Selection, Stop, report, select,
};
use smog::{Error, suites};

use crate::cloud::Cloud;
use crate::enter::{Ctx, enter};
use crate::environment::options;
use crate::errors::unusable;
use crate::noun::listing;

/// A bundled case, as `smog test --list` shows it.
#[pyclass(frozen, get_all, module = "smog")]
pub struct Case {
    /// "suite.Class.test_name".
    name: String,
    /// What it does, why, its steps and what it proves.
    doc: String,
    /// Words to choose it by.
    tags: Vec<String>,
    /// What hosts are changed to for it, if they are.
    change: Option<String>,
    /// It is cancelled after so many seconds.
    timeout_s: f64,
}

#[pymethods]
impl Case {
    fn __repr__(&self) -> String {
        format!("<Case {}>", self.name)
    }

    fn __str__(&self) -> &str {
        &self.name
    }

    fn _row(&self) -> Vec<(&'static str, String)> {
        let what = self.doc.lines().next().unwrap_or_default().to_string();
        vec![("case", self.name.clone()), ("what", what), ("change", self.change.clone().unwrap_or_default())]
    }
}

/// All bundled cases, or those of some patterns: a suite, a class, a test, a glob. Nothing is asked.
///
/// >>> smog.cases("numa")
#[pyfunction]
#[pyo3(signature = (*patterns: "str") -> "Listing[Case]")]
pub fn cases<'py>(py: Python<'py>, patterns: Vec<String>) -> PyResult<Bound<'py, PyAny>> {
    let chosen = chosen(py, patterns)?;
    let made = chosen.iter().map(|case| Case {
        name: case.name.to_string(),
        doc: case.doc.to_string(),
        tags: case.tags.iter().map(ToString::to_string).collect(),
        change: case.change.map(|change| change.name.to_string()),
        timeout_s: case.timeout.as_secs_f64(),
    });
    listing(py, "cases", made.collect())
}

fn chosen(py: Python<'_>, patterns: Vec<String>) -> PyResult<Vec<smog::testing::Case>> {
    let selection = Selection { patterns, ..Selection::default() };
    select(&suites::all(), &selection).map_err(|error| crate::errors::to_py(py, &error))
}

/// How a case ended, and everything that is reported about it.
#[pyclass(frozen, module = "smog")]
pub struct CaseReport {
    report: Report,
}

#[pymethods]
impl CaseReport {
    /// "suite.Class.test_name".
    #[getter]
    fn name(&self) -> &str {
        &self.report.name
    }

    /// "passed", "failed", "skipped", "broken" or "interrupted".
    #[getter]
    fn outcome(&self) -> &'static str {
        self.report.outcome.word()
    }

    /// The sentence that goes with it: why it failed, or cannot run here.
    #[getter]
    fn why(&self) -> &str {
        self.report.outcome.why()
    }

    /// It failed, and passed when tried again.
    #[getter]
    fn flaky(&self) -> bool {
        self.report.flaky
    }

    /// How long it took, with its clean-up, in seconds.
    #[getter]
    fn seconds(&self) -> f64 {
        self.report.seconds
    }

    /// What it made and could not remove.
    #[getter]
    fn leaked(&self) -> Vec<String> {
        self.report.leaked.clone()
    }

    /// Its folder with records, domain XML and facts.
    #[getter]
    fn folder(&self) -> Option<PathBuf> {
        self.report.folder.clone()
    }

    /// The checks: (what, found, expected, whether it holds).
    #[getter]
    fn checks(&self) -> Vec<(String, String, String, bool)> {
        let checks = self.report.checks.iter();
        checks.map(|one| (one.what.clone(), one.found.clone(), one.expected.clone(), one.holds)).collect()
    }

    /// Everything as plain data.
    #[pyo3(signature = () -> "dict[str, Any]")]
    fn to_dict(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        crate::data::plain(py, &self.report)
    }

    /// Why, the table of what does not hold, what the services threw, where to look.
    fn __str__(&self) -> String {
        let report = &self.report;
        let mut lines = vec![format!("{}: {} {}", report.name, report.outcome.word(), report.outcome.why())];
        let failed: Vec<Vec<(String, String)>> = report
            .failed_checks()
            .map(|check| {
                vec![
                    ("check".into(), check.what.clone()),
                    ("found".into(), check.found.clone()),
                    ("expected".into(), check.expected.clone()),
                    ("from".into(), check.source.clone()),
                ]
            })
            .collect();
        if !failed.is_empty() {
            lines.push(crate::table::text_table(failed, 0));
        }
        lines.extend(report.thrown.iter().map(|thrown| format!("thrown: {thrown}")));
        lines.extend(report.likely.iter().map(|cause| format!("likely cause: {cause}")));
        lines.extend(report.leaked.iter().map(|what| format!("LEAK {what}")));
        lines.extend(report.folder.iter().map(|folder| format!("details: {}", folder.display())));
        lines.join("\n")
    }

    fn __repr__(&self) -> String {
        let why = self.report.outcome.why().lines().next().unwrap_or_default();
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        format!(
            "<CaseReport {} {} in {:.1} s{why}>",
            self.report.name,
            self.report.outcome.word(),
            self.report.seconds
        )
    }

    fn _row(&self) -> Vec<(&'static str, String)> {
        vec![
            ("case", self.report.name.clone()),
            ("outcome", self.report.outcome.word().to_string()),
            ("seconds", format!("{:.1}", self.report.seconds)),
            ("why", self.report.outcome.why().lines().next().unwrap_or_default().to_string()),
        ]
    }
}

/// Run bundled cases on a cloud, as `smog test` does, and wait for all of them.
///
/// They work in a project of their own, which is removed afterwards with all that is in it.
/// `words` is an expression ("pinning and not resize"), `failed` takes what failed in the last run, and
/// `partition` a part of all: (1, 4). With `prepare`, hosts are changed for the cases that need it, and restored. Ctrl-C cuts cases
/// off and cleans up. A case that fails raises nothing: look at the reports. A log that was not
/// read raises `smog.Unread` at the end, unless `allow_unread`.
///
/// >>> smog.run_cases(cloud, "numa.NUMALargePage", jobs=2)
#[pyfunction]
#[pyo3(signature = (
    cloud: "Cloud", *patterns: "str", words: "str | None" = None, tags: "Sequence[str]" = vec![],
    failed: "bool" = false, partition: "tuple[int, int] | None" = None, jobs: "int" = 4, prepare: "bool" = false,
    keep: "bool" = false, retries: "int" = 0, repeat: "int" = 1, max_fail: "int | None" = None, watch: "bool" = true,
    allow: "Sequence[str]" = vec![], isolation: "str" = "run", timeout: "float | None" = None,
    log_dir: "str | os.PathLike[str] | None" = None, allow_unread: "bool" = false
) -> "Listing[CaseReport]")]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn run_cases<'py>(
    py: Python<'py>,
    cloud: &Bound<'py, Cloud>,
    patterns: Vec<String>,
    words: Option<String>,
    tags: Vec<String>,
    failed: bool,
    partition: Option<(usize, usize)>,
    jobs: usize,
    prepare: bool,
    keep: bool,
    retries: u32,
    repeat: usize,
    max_fail: Option<usize>,
    watch: bool,
    allow: Vec<String>,
    isolation: &str,
    timeout: Option<f64>,
    log_dir: Option<PathBuf>,
    allow_unread: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let session = cloud.get().session();
    let isolation = match isolation {
        "run" => Isolation::Run,
        "case" => Isolation::Case,
        "none" => Isolation::None,
        other => {
            return Err(unusable(
                py,
                &format!("isolation `{other}`"),
                "no such way",
                Some("run, case or none"),
            ));
        }
    };
    let settings = session.settings().clone();
    let request = RunRequest {
        patterns,
        words,
        tags,
        failed,
        partition,
        jobs,
        isolation,
        keep,
        retries,
        repeat,
        max_fail,
        timeout: timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        prepare,
        watch,
        allow,
        allow_unread,
        log_dir,
        face: Face::Python,
        ..RunRequest::default()
    };
    let plan = request
        .resolve(&suites::all(), &settings.file, &Surroundings::of_process())
        .map_err(|error| crate::errors::to_py(py, &error))?;
    let folder = Surroundings::of_process().journal_folder();
    let folder = folder.map_err(|error| crate::errors::to_py(py, &error))?;
    let environment = options(&folder, "Python: smog.run_cases", &Ctx::default());
    let ended = enter(py, |ctx| async move {
        let options = request.options(&plan, &settings.file, environment)?;
        let stop = Stop::default();
        let told = ctx.clone();
        let runner = Runner {
            cloud: session.cloud().await?,
            surroundings: session.surroundings().clone(),
            settings,
            options,
            on_event: Some(Arc::new(move |event| tell(&told, event))),
            stop: stop.clone(),
        };
        let cases = plan.repeated(request.repeat);
        let run = runner.run(&cases);
        tokio::pin!(run);
        let mut ended = tokio::select! {
            ended = &mut run => ended?,
            () = ctx.stopped() => {
                stop.stop();
                run.await?
            }
        };
        ended.allow_unread = allow_unread;
        report::store(&ended, &plan.log_dir)?;
        if ended.interrupted {
            let left = match ended.leaked.len() {
                0 => "cases were cut off and cleaned up".to_string(),
                _ => format!("left behind: {}", ended.leaked.join(", ")),
            };
            return Err(Error::Interrupted { left });
        }
        if !ended.unread.is_empty() && !allow_unread {
            return Err(Error::Unread { lines: ended.unread });
        }
        Ok(ended.cases)
    })?;
    listing(py, "cases", ended.into_iter().map(|report| CaseReport { report }).collect())
}

/// What is done now, in a line.
fn tell(ctx: &Ctx, event: Event<'_>) {
    match event {
        Event::Doing { text } => ctx.tell(text),
        Event::CaseBegun { case, .. } => ctx.tell(case.name),
        Event::CaseState { case, text } => ctx.tell(format!("{}: {text}", case.method())),
        Event::Waiting { why, count, .. } => ctx.tell(format!("{count} cases wait: {why}")),
        _ => {}
    }
}
