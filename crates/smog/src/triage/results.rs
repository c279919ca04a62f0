//! The results of tests that lie among saved logs: subunit v2, JUnit, the output of a job.

mod job_output;
mod junit;
mod subunit;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::LazyLock;

use regex::Regex;

use super::{FailedTest, Tests};
use crate::watch::Saved;

/// The longest file of results that is read, unpacked.
const LONGEST: u64 = 256 << 20;

/// So many requests of a test are kept.
const MOST_REQUESTS: usize = 500;

static REQUEST: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").ok());

/// `nova.exception.NoValidHost: none`, `AssertionError`
static EXCEPTION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^(?:\w+\.)*[A-Z]\w*(?::|$)").ok());

fn names_exception(line: &str) -> bool {
    EXCEPTION.as_ref().is_some_and(|named| named.is_match(line))
}

/// What one file says.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub passed: BTreeSet<String>,
    pub skipped: BTreeSet<String>,
    pub failed: Vec<FailedTest>,
    /// How many passed and were skipped, where only that is said.
    pub counted: (u64, u64),
}

/// All results of a place; none where there are none. What several files say of one test is one
/// result: subunit knows its times best, and the output of the job comes last.
pub(super) fn of_saved(saved: &Saved) -> Option<Tests> {
    let mut files: Vec<(u8, String, Found)> = vec![];
    for (name, input) in saved.open_results() {
        let mut bytes = vec![];
        // A file that is cut short says what it says.
        let _ = input.take(LONGEST).read_to_end(&mut bytes);
        let lower = name.to_lowercase();
        let (rank, found) = if lower.contains(".xml") {
            (1, junit::read(&String::from_utf8_lossy(&bytes)))
        } else if lower.contains("job-output") {
            (2, job_output::read(&String::from_utf8_lossy(&bytes)))
        } else {
            (0, subunit::read(&bytes))
        };
        if let Some(found) = found {
            files.push((rank, name, found));
        }
    }
    files.sort_by_key(|(rank, ..)| *rank);
    (!files.is_empty()).then(|| merged(files))
}

fn merged(files: Vec<(u8, String, Found)>) -> Tests {
    let (mut tests, mut failed) = (Tests::default(), BTreeMap::<String, FailedTest>::new());
    let (mut passed, mut skipped) = (BTreeSet::new(), BTreeSet::new());
    let mut counted = (0, 0);
    for (_, name, found) in files {
        tests.files.push(name);
        for test in found.failed {
            match failed.get_mut(&test.name) {
                None => _ = failed.insert(test.name.clone(), test),
                Some(known) => {
                    if known.message.is_empty() {
                        known.message = test.message;
                    }
                    known.requests.extend(test.requests);
                    known.requests.sort();
                    known.requests.dedup();
                    (known.began, known.ended) = (known.began.or(test.began), known.ended.or(test.ended));
                }
            }
        }
        counted = (counted.0.max(found.counted.0), counted.1.max(found.counted.1));
        passed.extend(found.passed);
        skipped.extend(found.skipped);
    }
    let named =
        |names: &BTreeSet<String>| names.iter().filter(|name| !failed.contains_key(*name)).count() as u64;
    tests.passed = named(&passed).max(counted.0);
    tests.skipped = named(&skipped).max(counted.1);
    tests.failed = failed.into_values().collect();
    tests.failed.sort_by_key(|test| (test.began.is_none(), test.began, test.name.clone()));
    tests
}

/// A test's name without its tags: `a.B.test_c[id-…,smoke]`.
pub(super) fn plain_name(name: &str) -> String {
    match name.split_once("[id-") {
        Some((before, _)) => before.into(),
        None => name.into(),
    }
}

/// The requests that a text names.
pub(super) fn requests_of(text: &str) -> Vec<String> {
    let Some(request) = REQUEST.as_ref() else { return vec![] };
    let found: BTreeSet<&str> = request.find_iter(text).map(|found| found.as_str()).collect();
    found.into_iter().take(MOST_REQUESTS).map(str::to_string).collect()
}

/// The line of a test's output that names its exception: the one that ends a traceback.
pub(super) fn message_of(text: &str) -> String {
    let (mut inside, mut is_code, mut message) = (false, false, "");
    for line in text.lines() {
        let bare = line.trim();
        if bare.contains("Traceback (most recent call last)") {
            inside = true;
        } else if bare.starts_with("File \"") {
            is_code = true;
        } else if inside && !bare.is_empty() && !line.starts_with([' ', '\t']) {
            // stestr prints the code of a frame without its indent.
            if std::mem::take(&mut is_code) && !names_exception(bare) || bare.starts_with(['^', '~']) {
                continue;
            }
            message = line;
            inside = false;
        } else if !bare.is_empty() {
            is_code = false;
        }
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let message = if message.is_empty() { first.trim() } else { message };
    message.chars().take(500).collect()
}
