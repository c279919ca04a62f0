//! JUnit XML, as Jenkins, GitLab and GitHub actions read it.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use jiff::Timestamp;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::words;
use crate::error::{Error, Result};
use crate::testing::{CaseReport, Outcome, RunReport};

/// The run as JUnit XML: a test suite for each suite, a test case for each case.
///
/// A case that failed is a `failure`, a broken or interrupted one an `error`, one that passed
/// and left something behind an `error` of type "leaked". A flaky pass carries a `flakyFailure`
/// for each earlier try. A skipped case says why. What is left of the run itself is a failing
/// test case `run.leaks`. Each case's `system-out` has its document, steps, checks and folder.
/// GitLab shows this file as it is (`artifacts:reports:junit`). Times are in seconds.
///
/// # Errors
/// [`Error::Invalid`] where the XML cannot be written.
pub fn junit(report: &RunReport) -> Result<String> {
    let mut xml = Report::new(format!("smog {} on {}", report.run, report.cloud));
    xml.set_timestamp(time(report.began)).set_time(duration(report.seconds));
    let mut suites: Vec<TestSuite> = Vec::new();
    for case in &report.cases {
        let at = suites.iter().position(|suite| suite.name.as_str() == case.suite());
        let at = at.unwrap_or_else(|| {
            suites.push(TestSuite::new(case.suite()));
            suites.len() - 1
        });
        suites[at].add_test_case(test_case(case));
    }
    xml.add_test_suites(suites);
    if !report.leaked.is_empty() {
        let mut suite = TestSuite::new("run");
        suite.add_test_case(leaks(report));
        xml.add_test_suite(suite);
    }
    xml.to_string().map_err(|why| Error::Invalid {
        what: "JUnit report".into(),
        why: why.to_string(),
        hint: None,
    })
}

fn test_case(case: &CaseReport) -> TestCase {
    let (class, method) = words::class_and_method(&case.name);
    let mut test = TestCase::new(method, status(case));
    test.set_classname(class).set_time(duration(case.seconds)).set_system_out(words::story(case));
    test.set_assertions(case.checks.len());
    if case.attempts > 0 {
        test.set_timestamp(time(case.began));
    }
    test
}

fn status(case: &CaseReport) -> TestCaseStatus {
    let state = words::state(case);
    let mut status = match state {
        "passed" | "flaky" => TestCaseStatus::success(),
        "skipped" => TestCaseStatus::skipped(),
        "interrupted" if case.attempts == 0 => TestCaseStatus::skipped(),
        "failed" => TestCaseStatus::non_success(NonSuccessKind::Failure),
        _ => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    match status {
        TestCaseStatus::Success { .. } => {}
        TestCaseStatus::Skipped { .. } => {
            status.set_message(words::why(case));
        }
        TestCaseStatus::NonSuccess { .. } => {
            status.set_message(words::why(case)).set_type(state).set_description(words::wrong(case));
        }
    }
    if !matches!(status, TestCaseStatus::Skipped { .. }) {
        status.add_reruns(case.earlier.iter().map(|earlier| rerun(&earlier.outcome)));
    }
    status
}

fn rerun(earlier: &Outcome) -> TestRerun {
    let kind = match earlier {
        Outcome::Failed(_) => NonSuccessKind::Failure,
        _ => NonSuccessKind::Error,
    };
    let mut rerun = TestRerun::new(kind);
    rerun.set_message(earlier.why()).set_type(earlier.word());
    rerun
}

fn leaks(report: &RunReport) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("leaked").set_message(format!("left behind: {}", report.leaked.join("; ")));
    status.set_description(report.leaked.join("\n"));
    let mut test = TestCase::new("leaks", status);
    test.set_classname("run");
    test
}

fn time(at: Timestamp) -> DateTime<Utc> {
    SystemTime::from(at).into()
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
