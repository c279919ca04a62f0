//! JSON lines: the run for programs. The keys stay as they are; new ones may come.

use jiff::Timestamp;
use serde::Serialize;

use super::words;
use crate::testing::inventory::HostLine;
use crate::testing::{CallLine, CaseReport, Check, LogLine, Meditation, Outcome, Place, RunReport, Thrown};
use crate::trace::Trace;

/// The run as JSON, one object per line; `type` says which.
///
/// - First `run`: `format` (1), `run`, `cloud`, `began` (RFC 3339), `seconds`, `jobs`, and
///   `hosts` with their `cpus`, `dedicated`, `shared` (lists as "0-3,8"), `cells` and
///   `simulated_cells` (counts).
/// - A `case` each, in the order they were asked for: `name`, `suite`, `doc`, `outcome`
///   ("passed", "failed", "skipped", "broken", "interrupted"), `state` (the outcome, or
///   "flaky" or "leaked" where it passed and is so), `why`, `likely`, `attempts` (a number;
///   0 when it never began), `earlier` (how earlier tries ended: `outcome`, `why`), `began`,
///   `seconds`, `claims`, `stage` (hosts), `change`, `checks` (`what`, `found`, `expected`,
///   `source`, `holds`), `controls` (how many negative controls turned a check red), `steps` (`after_seconds`, `text`), `thrown` (`at`, `host`, `source`,
///   `request_id`, `name`, `message`, `cause`), `allowed` (a number of exceptions),
///   `records` (the gravest: `at`, `host`, `source`, `level`, `text`), `record_count`, `calls`
///   (`at`, `service`, `method`, `path`, `status`, `request_id`, `ms` in milliseconds),
///   `traces` (as `smog trace -o json`; microseconds), `meditations` (Guru Meditation Reports in
///   short: `host`, `service`, `pid`, `because`, `missing`, `more`, `stacks` with `count`, `waits_in`,
///   `idle`, `still`, `frames`),
///   `places` (`after_seconds`, `guest`, `host`, `vcpus` as CPU lists by vCPU, `pinned`,
///   `huge_mib` in MiB, `cells`), `leaked`, `kept`, `folder`.
/// - Last the `summary`: `run`, `cases`, `seconds`, numbers of cases by outcome (`passed`,
///   `failed`, `broken`, `skipped`, `interrupted`), of those `flaky` and `leaked`,
///   `unattributed` (exceptions, as `thrown`), `left_behind` (what is left of the run
///   itself), `exit_code`.
pub fn json_lines(report: &RunReport) -> String {
    let mut lines = vec![line(&Run::of(report))];
    lines.extend(report.cases.iter().map(|case| line(&Case::of(case))));
    lines.push(line(&Summary::of(report)));
    lines.join("\n") + "\n"
}

fn line(of: &impl Serialize) -> String {
    // What is written has string keys only and no type that refuses, so this cannot fail.
    serde_json::to_string(of).unwrap_or_else(|_| "{}".into())
}

#[derive(Serialize)]
struct Run<'a> {
    r#type: &'static str,
    format: u32,
    run: &'a str,
    cloud: &'a str,
    began: Timestamp,
    seconds: f64,
    jobs: usize,
    hosts: &'a [HostLine],
}

impl Run<'_> {
    fn of(report: &RunReport) -> Run<'_> {
        Run {
            r#type: "run",
            format: 1,
            run: &report.run.0,
            cloud: &report.cloud,
            began: report.began,
            seconds: report.seconds,
            jobs: report.jobs,
            hosts: &report.hosts,
        }
    }
}

#[derive(Serialize)]
struct Case<'a> {
    r#type: &'static str,
    name: &'a str,
    suite: &'a str,
    doc: &'a str,
    outcome: &'static str,
    state: &'static str,
    why: String,
    likely: Option<&'a str>,
    attempts: u32,
    earlier: Vec<&'a Outcome>,
    began: Timestamp,
    seconds: f64,
    claims: &'a str,
    stage: &'a [String],
    change: Option<&'a str>,
    checks: &'a [Check],
    controls: usize,
    steps: Vec<Step<'a>>,
    thrown: &'a [Thrown],
    allowed: u64,
    records: &'a [LogLine],
    record_count: usize,
    calls: &'a [CallLine],
    traces: &'a [Trace],
    meditations: &'a [Meditation],
    places: Vec<Where<'a>>,
    leaked: &'a [String],
    kept: &'a [String],
    folder: Option<String>,
}

#[derive(Serialize)]
struct Step<'a> {
    after_seconds: f64,
    text: &'a str,
}

#[derive(Serialize)]
struct Where<'a> {
    after_seconds: f64,
    guest: &'a str,
    host: &'a str,
    vcpus: Vec<String>,
    pinned: bool,
    huge_mib: u64,
    cells: usize,
}

impl Case<'_> {
    fn of(case: &CaseReport) -> Case<'_> {
        Case {
            r#type: "case",
            name: &case.name,
            suite: case.suite(),
            doc: &case.doc,
            outcome: case.outcome.word(),
            state: words::state(case),
            why: words::why(case),
            likely: case.likely.as_deref(),
            attempts: case.attempts,
            earlier: case.earlier.iter().map(|earlier| &earlier.outcome).collect(),
            began: case.began,
            seconds: case.seconds,
            claims: &case.claims,
            stage: &case.stage,
            change: case.change.as_deref(),
            checks: &case.checks,
            controls: case.controls,
            steps: case.steps.iter().map(|(after, text)| Step { after_seconds: *after, text }).collect(),
            thrown: &case.thrown,
            allowed: case.allowed,
            records: &case.records,
            record_count: case.record_count,
            calls: &case.calls,
            traces: &case.traces,
            meditations: &case.meditations,
            places: case.places.iter().map(place).collect(),
            leaked: &case.leaked,
            kept: &case.kept,
            folder: case.folder.as_ref().map(|folder| folder.display().to_string()),
        }
    }
}

fn place(place: &Place) -> Where<'_> {
    Where {
        after_seconds: place.after,
        guest: &place.guest,
        host: &place.host,
        vcpus: place.vcpus.iter().map(ToString::to_string).collect(),
        pinned: place.pinned,
        huge_mib: place.huge_mib,
        cells: place.cells,
    }
}

#[derive(Serialize)]
struct Summary<'a> {
    r#type: &'static str,
    run: &'a str,
    cases: usize,
    seconds: f64,
    passed: usize,
    failed: usize,
    broken: usize,
    skipped: usize,
    interrupted: usize,
    flaky: usize,
    leaked: usize,
    unattributed: &'a [Thrown],
    unread: &'a [String],
    left_behind: &'a [String],
    exit_code: u8,
}

impl Summary<'_> {
    fn of(report: &RunReport) -> Summary<'_> {
        Summary {
            r#type: "summary",
            run: &report.run.0,
            cases: report.cases.len(),
            seconds: report.seconds,
            passed: report.count("passed"),
            failed: report.count("failed"),
            broken: report.count("broken"),
            skipped: report.count("skipped"),
            interrupted: report.count("interrupted"),
            flaky: report.cases.iter().filter(|case| case.flaky).count(),
            leaked: report.cases.iter().filter(|case| !case.leaked.is_empty()).count(),
            unattributed: &report.unattributed,
            unread: &report.unread,
            left_behind: &report.leaked,
            exit_code: report.exit_code().into(),
        }
    }
}
