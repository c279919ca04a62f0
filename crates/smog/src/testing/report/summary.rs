//! The summary at the end of a run, for a terminal.

use std::fmt::Write as _;

use super::words::{self, counted, seconds};
use crate::exit::ExitCode;
use crate::hint::{self, Face};
use crate::testing::{CaseReport, RunReport, Thrown};

/// Failing checks that are shown of a case; its folder has them all.
const CHECKS: usize = 5;

/// Exceptions that are shown of a case, or that belong to no case.
const THROWN: usize = 3;

/// Names that are shown for one reason of skipping.
const NAMES: usize = 3;

/// The summary as plain text. Each entry's first line begins with a word in capitals that a
/// face may colour (SKIPPED, SLOWEST, THROWN, UNREAD, FLAKY, INTERRUPTED, LEAKED, BROKEN, FAILED, KEPT),
/// what belongs to it is indented below; what matters most comes last, since that is what
/// a terminal shows. The last line counts; it begins with PASSED, FAILED, INTERRUPTED,
/// UNREAD (all passed, and logs were not read) or NOTHING (ran). `slowest` is how many of the slowest cases are named.
pub fn summary_text(report: &RunReport, slowest: usize) -> String {
    let mut text = String::new();
    for (why, names) in words::skipped(report) {
        entry(&mut text, "SKIPPED", &format!("{}: {why}", counted(names.len(), "case")));
        below(&mut text, &some(&names, NAMES));
    }
    for case in by_time(report).into_iter().take(slowest) {
        entry(&mut text, "SLOWEST", &format!("{:>8}  {}", seconds(case.seconds), case.name));
    }
    if !report.unattributed.is_empty() {
        let count = report.unattributed.len();
        let belong = if count == 1 { "belongs" } else { "belong" };
        entry(&mut text, "THROWN", &format!("{} {belong} to no case", counted(count, "exception")));
        exceptions(&mut text, &report.unattributed);
    }
    for problem in &report.unread {
        entry(&mut text, "UNREAD", problem);
    }
    for word in ["flaky", "interrupted", "leaked", "broken", "failed"] {
        for case in report.cases.iter().filter(|case| words::state(case) == word) {
            one(&mut text, word, case);
        }
    }
    if report.cases.iter().any(|case| !case.kept.is_empty()) {
        let clean = hint::CLEAN_RUN.words(Face::Command, Some(&report.run.to_string()));
        entry(&mut text, "KEPT", &format!("guests, and what they need; when you have looked: {clean}"));
    }
    for left in &report.leaked {
        entry(&mut text, "LEAKED", &format!("run {}: {left}", report.run));
    }
    text + &last_line(report)
}

fn one(text: &mut String, word: &str, case: &CaseReport) {
    if word == "interrupted" && case.attempts == 0 {
        return;
    }
    let mut facts = vec![seconds(case.seconds)];
    facts.extend(case.stage.iter().cloned());
    if case.attempts > 1 {
        facts.push(format!("{} tries", case.attempts));
    }
    entry(text, &word.to_uppercase(), &format!("{} ({})", case.name, facts.join(", ")));
    if !words::checks_say_it(case) && !words::why(case).is_empty() {
        below(text, &words::why(case));
    }
    let failed: Vec<String> = case.failed_checks().map(ToString::to_string).collect();
    for check in failed.iter().take(CHECKS) {
        below(text, check);
    }
    if failed.len() > CHECKS {
        below(text, &words::and_more(failed.len() - CHECKS, "check"));
    }
    for folder in case.earlier.iter().filter_map(|earlier| earlier.folder.as_ref()) {
        below(text, &format!("folder of an earlier try: {}", folder.display()));
    }
    if !case.is_bad() {
        return;
    }
    if let Some(likely) = &case.likely {
        below(text, &format!("likely cause: {likely}"));
    } else {
        exceptions(text, &case.thrown);
    }
    if word != "leaked" {
        for left in &case.leaked {
            below(text, &format!("left behind: {left}"));
        }
    }
    if let Some(folder) = &case.folder {
        below(text, &format!("folder: {}", folder.display()));
    }
    for guest in &case.kept {
        let show = hint::GUEST_SHOW.words(Face::Command, Some(guest));
        below(text, &format!("kept, look: {show}"));
    }
}

fn last_line(report: &RunReport) -> String {
    let word = match report.exit_code() {
        ExitCode::Ok => "PASSED",
        ExitCode::Interrupted => "INTERRUPTED",
        ExitCode::NothingRan => "NOTHING",
        ExitCode::CouldNotRun => "UNREAD",
        _ => "FAILED",
    };
    let mut counts = Vec::new();
    for outcome in ["passed", "failed", "broken", "skipped", "interrupted"] {
        let count = report.count(outcome);
        let mut flaky = String::new();
        let again = report.cases.iter().filter(|case| case.flaky).count();
        if outcome == "passed" && again > 0 {
            flaky = format!(" ({again} flaky)");
        }
        if count > 0 {
            counts.push(format!("{count} {outcome}{flaky}"));
        }
    }
    let left: usize = report.leaked.len() + report.cases.iter().map(|case| case.leaked.len()).sum::<usize>();
    if left > 0 {
        counts.push(format!("{left} left behind"));
    }
    let ran = if word == "NOTHING" { "ran of " } else { "" };
    let cases = counted(report.cases.len(), "case");
    let counts = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
    let run = format!("(run {})", report.run);
    format!("{word:<8} {ran}{cases} in {}{counts} {run}\n", seconds(report.seconds))
}

fn by_time(report: &RunReport) -> Vec<&CaseReport> {
    let mut cases: Vec<&CaseReport> = report.cases.iter().filter(|case| case.attempts > 0).collect();
    cases.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
    cases
}

fn exceptions(text: &mut String, thrown: &[Thrown]) {
    for one in thrown.iter().take(THROWN) {
        below(text, &format!("threw {one}"));
    }
    if thrown.len() > THROWN {
        below(text, &words::and_more(thrown.len() - THROWN, "exception"));
    }
}

/// "a, b, c and 4 more"
fn some(names: &[&str], most: usize) -> String {
    let shown = names.iter().take(most).copied().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(most) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}

fn entry(text: &mut String, word: &str, rest: &str) {
    let _ = writeln!(text, "{word:<8} {}", indented(rest));
}

fn below(text: &mut String, what: &str) {
    let _ = writeln!(text, "         {}", indented(what));
}

/// Further lines of one sentence stay below it.
fn indented(what: &str) -> String {
    what.trim_end().replace('\n', "\n             ")
}
