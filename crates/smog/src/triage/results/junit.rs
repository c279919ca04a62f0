//! JUnit's XML, as pytest and many others write it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use roxmltree::{Document, Node, ParsingOptions};

use super::{Found, message_of, requests_of};
use crate::triage::FailedTest;

/// Read a file; none where it is not JUnit.
pub(super) fn read(text: &str) -> Option<Found> {
    let options = ParsingOptions { nodes_limit: 5_000_000, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).ok()?;
    let mut found = Found::default();
    let suites = document.descendants().filter(|node| node.has_tag_name("testsuite"));
    let mut any = false;
    for suite in suites {
        any = true;
        of_suite(suite, &mut found);
    }
    any.then_some(found)
}

fn of_suite(suite: Node<'_, '_>, found: &mut Found) {
    let cases: Vec<Node<'_, '_>> = suite.children().filter(|node| node.has_tag_name("testcase")).collect();
    let begin = suite.attribute("timestamp").and_then(moment);
    let whole = seconds(suite).unwrap_or_default();
    let sum: f64 = cases.iter().filter_map(|case| seconds(*case)).sum();
    // One after the other, if their times add up to the whole's.
    let is_in_turn = whole == 0.0 || (sum - whole).abs() <= 0.2 * whole;
    let mut at = 0.0;
    for case in cases {
        let length = seconds(case).unwrap_or_default();
        let name = match case.attribute("classname").filter(|class| !class.is_empty()) {
            Some(class) => format!("{class}.{}", case.attribute("name").unwrap_or_default()),
            None => case.attribute("name").unwrap_or_default().to_string(),
        };
        let wrong = case.children().find(|node| node.has_tag_name("failure") || node.has_tag_name("error"));
        let after = |offset: f64| {
            begin.and_then(|begin| begin.checked_add(SignedDuration::try_from_secs_f64(offset).ok()?).ok())
        };
        let own = case.attribute("timestamp").and_then(moment);
        let (began, ended) = match own {
            Some(own) => (
                Some(own),
                own.checked_add(SignedDuration::try_from_secs_f64(length).unwrap_or_default()).ok(),
            ),
            None if is_in_turn => (after(at), after(at + length)),
            None => (begin, after(whole)),
        };
        at += length;
        match wrong {
            Some(wrong) => {
                let all: String =
                    case.descendants().filter_map(|node| node.text()).collect::<Vec<_>>().join("\n");
                let message = wrong.attribute("message").map(str::to_string);
                let message =
                    message.filter(|message| says_something(message)).unwrap_or_else(|| message_of(&all));
                let first = message.lines().next().unwrap_or_default().to_string();
                found.failed.push(FailedTest {
                    name,
                    began,
                    ended,
                    message: first,
                    requests: requests_of(&all),
                    exceptions: vec![],
                });
            }
            None if case.children().any(|node| node.has_tag_name("skipped")) => {
                _ = found.skipped.insert(name)
            }
            None => _ = found.passed.insert(name),
        }
    }
}

/// Some writers put the begin of a traceback where the message belongs.
fn says_something(message: &str) -> bool {
    let first = message.lines().next().unwrap_or_default();
    !first.trim().is_empty() && !first.contains("Traceback (most recent call last)")
}

fn seconds(node: Node<'_, '_>) -> Option<f64> {
    node.attribute("time")?.replace(',', "").parse().ok()
}

/// JUnit's times mostly name no zone: UTC.
fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| TimeZone::UTC.to_timestamp(text.parse::<jiff::civil::DateTime>().ok()?).ok())
}
