//! What a failed job threw.

use std::collections::BTreeMap;

use jiff::Timestamp;
use smog::triage::{By, FailedTest as CoreTest, Group, Triage as Core};

use crate::noun::{Noun, cells, noun};
use crate::table::text_table;

/// Its head, and its exceptions as a table.
fn text(triage: &Core) -> String {
    let mut lines: Vec<String> =
        triage.head().iter().map(|line| smog::show::visible_line(line).into_owned()).collect();
    if !triage.groups.is_empty() {
        let row =
            |group: &Group| cells(group).into_iter().map(|(name, text)| (name.to_string(), text)).collect();
        lines.push(text_table(triage.groups.iter().map(row).collect(), 0));
    }
    lines.join("\n")
}

fn row(triage: &Core) -> Vec<(&'static str, String)> {
    let failed = triage.tests.as_ref().map(|tests| tests.failed.len().to_string());
    vec![
        ("of", triage.of.clone()),
        ("exceptions", triage.exceptions.to_string()),
        ("likely first cause", triage.likely.as_ref().map(|likely| likely.text.clone()).unwrap_or_default()),
        ("failed tests", failed.unwrap_or_default()),
    ]
}

/// Each failed test with the names of what belongs to it.
fn failed(triage: &Core) -> Vec<FailedTest> {
    let tests = triage.tests.iter().flat_map(|tests| &tests.failed);
    tests.map(|test| FailedTest::alone((test.clone(), triage.groups.clone()))).collect()
}

noun! {
    /// Exceptions of one type, thrown at one place.
    ThrownKind of Group,
    line |it| format!("<ThrownKind {} × {} in {}>", it.count, it.short_name(), it.place),
    str |it| it.exception.clone(),
    cells cells;
    /// The type as written: "nova.exception.NoValidHost".
    exception: String = |it| it.exception.clone();
    /// The deepest function of a service's own in the traceback, or the logger.
    place: String = |it| it.place.clone();
    /// What the first one says.
    message: String = |it| it.message.clone();
    /// What led to the first one.
    cause: Option<String> = |it| it.cause.clone();
    /// How often.
    count: u64 = |it| it.count;
    /// How often on each host.
    hosts: BTreeMap<String, u64> = |it| it.hosts.clone();
    /// The logs, at most 20.
    sources: Vec<String> = |it| it.sources.clone();
    /// The first time.
    first: Option<Timestamp> = |it| it.first;
    /// The last time.
    last: Option<Timestamp> = |it| it.last;
    /// Requests they belong to, at most 20.
    requests: Vec<String> = |it| it.requests.clone();
    /// How often a good run has it; `None` without a baseline.
    in_baseline: Option<u64> = |it| it.in_baseline;
    /// Whether a good run has it as well, or all of it is known noise.
    is_noise: bool = |it| it.is_noise();
    /// The first record, whole.
    example: String = |it| it.example.clone();
}

noun! {
    /// A test that failed, as its results among the logs say.
    FailedTest of (CoreTest, Vec<Group>),
    line |it| format!("<FailedTest {}>", it.0.name),
    str |it| it.0.name.clone(),
    cells |it| vec![("name", it.0.name.clone()), ("message", it.0.message.clone())];
    /// Its name.
    name: String = |it| it.0.name.clone();
    /// When it began, where that is known.
    began: Option<Timestamp> = |it| it.0.began;
    /// When it ended, where that is known.
    ended: Option<Timestamp> = |it| it.0.ended;
    /// The last line of its traceback.
    message: String = |it| it.0.message.clone();
    /// Requests that its own output names.
    requests: Vec<String> = |it| it.0.requests.clone();
    /// Exceptions that belong to it: type, how often, and why: "request" (of one of its requests) or
    /// "time" (thrown while it ran).
    exceptions: Vec<(String, u64, String)> = |it| {
        let of = |tie: &smog::triage::Tie| {
            let by = match tie.by {
                By::Request => "request",
                By::Time => "time",
            };
            Some((it.1.get(tie.group)?.exception.clone(), tie.count, by.to_string()))
        };
        it.0.exceptions.iter().filter_map(of).collect()
    };
}

noun! {
    /// What a failed job, or the last hours of a cloud, threw: by kind, by test, and what came first.
    /// `print(triage)` is what the command shows.
    ///
    /// >>> smog.triage("job/").kinds[0].exception
    /// 'nova.exception.NoValidHost'
    Triage of Core,
    line |it| {
        let likely = it.likely.as_ref().map(|likely| format!(", likely first cause: {}", likely.text));
        let (kinds, likely) = (it.groups.len(), likely.unwrap_or_default());
        format!("<Triage of {}: {} exceptions of {kinds} kinds{likely}>", it.of, it.exceptions)
    },
    str text,
    cells row;
    /// What was looked at.
    of: String = |it| it.of.clone();
    /// How many exceptions were thrown.
    count: u64 = |it| it.exceptions;
    /// The hosts of the exceptions.
    hosts: Vec<String> = |it| it.hosts.clone();
    /// The time of the first exception.
    first: Option<Timestamp> = |it| it.first;
    /// The time of the last one.
    last: Option<Timestamp> = |it| it.last;
    /// Exceptions by type and place, the most frequent first, noise last.
    kinds: Vec<ThrownKind> = |it| it.groups.iter().cloned().map(ThrownKind::alone).collect();
    /// The same without noise.
    news: Vec<ThrownKind> = |it| it.news().cloned().map(ThrownKind::alone).collect();
    /// What the likely first cause says; it is a guess, and `likely_why` has its rule.
    likely: Option<String> = |it| it.likely.as_ref().map(|likely| likely.text.clone());
    /// The request of the likely first cause.
    likely_request: Option<String> = |it| it.likely.as_ref().and_then(|likely| likely.request.clone());
    /// Why it is taken for the first cause.
    likely_why: Option<String> = |it| it.likely.as_ref().map(|likely| likely.why.clone());
    /// Tests that failed, as their results among the logs say.
    failed_tests: Vec<FailedTest> = failed;
    /// What was wanted and could not be read.
    unread: Vec<String> = |it| it.unread.clone();
    => {
        /// One page of HTML with all of it, which loads nothing.
        fn html(&self) -> String {
            smog::triage::html(&self.inner)
        }

        /// Raise `smog.Unread` when something that was wanted was not read.
        fn check(&self, py: pyo3::Python<'_>) -> pyo3::PyResult<()> {
            self.inner.check().map_err(|error| crate::errors::to_py(py, &error))
        }
    }
}
