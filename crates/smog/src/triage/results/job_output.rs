//! `job-output.txt`: what Zuul keeps of a job's console, `TIME | NODE | LINE`.

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::{Found, message_of, plain_name, requests_of};
use crate::triage::FailedTest;

/// `{1} tempest.api.x.test_y [8.123456s] ... FAILED`, `{0} tempest.api.x.test_z ... SKIPPED: why`
static STESTR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?:\{\d+\} )?([\w.]+(?: \([\w.]+\))?(?:\[[^\]]*\])?)(?: \[([\d.]+)s\])? \.\.\. (\w+)").ok()
});

/// `FAILED tests/test_a.py::test_b - AssertionError: x`
static PYTEST: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(FAILED|ERROR) (\S+::\S.*?)(?: - (.*))?$").ok());

/// `2 failed, 2 passed, 1 skipped, 1 error in 0.06s`, the last line of pytest, mostly between `=`
static SUMMARY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^=* ?((?:\d+ [a-z]+, )*\d+ [a-z]+) in [\d.]+s\b").ok());

/// So much of the output below a failed test is looked at.
const LONGEST: usize = 256 << 10;

/// Read a file; none where no test is in it.
pub(super) fn read(text: &str) -> Option<Found> {
    let (stestr, pytest, summary) = (STESTR.as_ref()?, PYTEST.as_ref()?, SUMMARY.as_ref()?);
    let mut found = Found::default();
    // The test whose output may follow.
    let mut below: Option<String> = None;
    for line in text.lines() {
        let (time, line) = split(line);
        let trimmed = line.trim_end();
        if let Some(test) = stestr.captures(trimmed) {
            finish(&mut found, &mut below);
            let name = plain_name(&test[1]);
            match &test[3] {
                "ok" => _ = found.passed.insert(name),
                "SKIPPED" => _ = found.skipped.insert(name),
                "FAILED" => {
                    let length = test
                        .get(2)
                        .and_then(|length| length.as_str().parse().ok())
                        .and_then(|length| SignedDuration::try_from_secs_f64(length).ok());
                    let began = time.zip(length).and_then(|(time, length)| time.checked_sub(length).ok());
                    found.failed.push(FailedTest { name, began, ended: time, ..FailedTest::default() });
                    below = Some(String::new());
                }
                _ => {}
            }
        } else if let Some(test) = pytest.captures(trimmed) {
            finish(&mut found, &mut below);
            let message = test.get(3).map(|message| message.as_str().to_string()).unwrap_or_default();
            found.failed.push(FailedTest { name: test[2].into(), message, ..FailedTest::default() });
        } else if let Some(line) = summary.captures(trimmed) {
            let counts: HashMap<&str, u64> = line[1]
                .split(", ")
                .filter_map(|part| part.split_once(' '))
                .filter_map(|(count, what)| Some((what, count.parse().ok()?)))
                .collect();
            let of = |what: &[&str]| what.iter().filter_map(|what| counts.get(what)).sum::<u64>();
            if of(&["passed", "failed", "error", "errors", "skipped"]) > 0 {
                found.counted = (of(&["passed", "xpassed"]), of(&["skipped", "xfailed"]));
            }
        } else if let Some(below) = &mut below
            && below.len() + trimmed.len() < LONGEST
        {
            // Captured output is indented by four.
            below.push_str(trimmed.strip_prefix("    ").unwrap_or(trimmed));
            below.push('\n');
        }
    }
    finish(&mut found, &mut below);
    let any = !(found.failed.is_empty() && found.passed.is_empty() && found.skipped.is_empty())
        || found.counted != (0, 0);
    any.then_some(found)
}

/// What stood below the last failed test is its output.
fn finish(found: &mut Found, below: &mut Option<String>) {
    let Some(text) = below.take() else { return };
    if let Some(test) = found.failed.last_mut() {
        test.requests = requests_of(&text);
        if text.contains("Traceback (most recent call last)") {
            test.message = message_of(&text);
        }
    }
}

/// The time before the first bar, and what stands behind the second.
fn split(line: &str) -> (Option<Timestamp>, &str) {
    let Some((time, rest)) = line.split_once(" | ") else { return (None, line) };
    let civil: Option<jiff::civil::DateTime> = time.trim().parse().ok();
    let Some(civil) = civil else { return (None, line) };
    let rest = rest.split_once("| ").map_or("", |(_, rest)| rest);
    (TimeZone::UTC.to_timestamp(civil).ok(), rest)
}
