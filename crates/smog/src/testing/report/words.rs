//! What every report says in the same words: how a case stands, and its story as plain text.

use std::fmt::Write as _;

pub(super) use crate::show::counted;
use crate::testing::{CaseReport, Outcome, RunReport};

/// One word for the state of a case. In addition to its outcome it marks those that passed and left
/// something behind ("leaked") and those that passed only when tried again ("flaky").
pub(super) fn state(case: &CaseReport) -> &'static str {
    match &case.outcome {
        Outcome::Passed if !case.leaked.is_empty() => "leaked",
        Outcome::Passed if case.flaky => "flaky",
        outcome => outcome.word(),
    }
}

/// The sentence that goes with [`state`]; empty for what passed.
pub(super) fn why(case: &CaseReport) -> String {
    match state(case) {
        "leaked" => format!("left behind: {}", case.leaked.join("; ")),
        "flaky" => {
            let first = case.earlier.first().map_or("failed before", |first| first.outcome.why());
            format!("passed at try {}; before: {first}", case.attempts)
        }
        "interrupted" if case.attempts == 0 => "the run was interrupted before it began".into(),
        "interrupted" => "the run was interrupted".into(),
        _ => case.outcome.why().to_string(),
    }
}

/// "numa.NUMALargePage" and "test_large_pages".
pub(super) fn class_and_method(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

/// "12.3 s"
pub(super) fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

/// "… and 1 more check", "… and 3 more checks"
pub(super) fn and_more(left: usize, what: &str) -> String {
    format!("… and {left} more {what}{}", if left == 1 { "" } else { "s" })
}

/// How many cases stand so.
pub(super) fn standing(report: &RunReport, word: &str) -> usize {
    report.cases.iter().filter(|case| state(case) == word).count()
}

/// Reasons of skipped cases, the most frequent first, each with the names it goes for.
pub(super) fn skipped(report: &RunReport) -> Vec<(&str, Vec<&str>)> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for case in &report.cases {
        let Outcome::Skipped(why) = &case.outcome else { continue };
        match reasons.iter_mut().find(|(known, _)| known == why) {
            Some((_, names)) => names.push(&case.name),
            None => reasons.push((why, vec![&case.name])),
        }
    }
    reasons.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    reasons
}

/// The story of a case, as plain text: what it is, how it ended and why, and what it did.
pub(super) fn story(case: &CaseReport) -> String {
    let mut text = String::new();
    let mut line = |what: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{what}");
    };
    line(format_args!("{}\n", case.doc.trim_end()));
    line(format_args!("outcome: {}", ended(case)));
    for (number, earlier) in case.earlier.iter().enumerate() {
        line(format_args!("try {}: {}", number + 1, sentence(&earlier.outcome)));
        if let Some(folder) = &earlier.folder {
            line(format_args!("       folder: {}", folder.display()));
        }
    }
    if let Some(likely) = &case.likely {
        line(format_args!("likely first cause: {likely}"));
    }
    line(format_args!("claims: {}", case.claims));
    if !case.stage.is_empty() {
        line(format_args!("hosts: {}", case.stage.join(", ")));
    }
    if let Some(change) = &case.change {
        line(format_args!("under: {change}"));
    }
    if let Some(folder) = &case.folder {
        line(format_args!("folder: {}", folder.display()));
    }
    let steps = case.steps.iter().map(|(after, step)| format!("{after:7.1} s  {step}"));
    list(&mut line, "steps", steps);
    let mark = |holds: bool| if holds { "  ok" } else { "  NO" };
    let checks = case.checks.iter().map(|check| format!("{}  {check}", mark(check.holds)));
    list(&mut line, &checks_title(case), checks);
    list(&mut line, "exceptions", case.thrown.iter().map(|thrown| format!("  {thrown}")));
    list(&mut line, "left behind", case.leaked.iter().map(|left| format!("  {left}")));
    list(&mut line, "kept", case.kept.iter().map(|kept| format!("  {kept}")));
    text
}

/// "checks", and how many negative controls turned one of them red.
fn checks_title(case: &CaseReport) -> String {
    match case.controls {
        0 => "checks".into(),
        count => format!("checks, and {}", counted(count, "negative control")),
    }
}

/// What went wrong, as plain text: checks that do not hold, exceptions, what is left.
pub(super) fn wrong(case: &CaseReport) -> String {
    let mut lines: Vec<String> = Vec::new();
    if !why(case).is_empty() && !checks_say_it(case) {
        lines.push(why(case));
    }
    lines.extend(case.failed_checks().map(|check| format!("NO  {check}")));
    lines.extend(case.likely.iter().map(|likely| format!("likely first cause: {likely}")));
    lines.extend(case.thrown.iter().map(|thrown| format!("threw {thrown}")));
    if state(case) != "leaked" {
        lines.extend(case.leaked.iter().map(|left| format!("left behind: {left}")));
    }
    lines.extend(case.folder.iter().map(|folder| format!("folder: {}", folder.display())));
    lines.join("\n")
}

/// Whether its sentence is but the first of its checks that do not hold.
pub(super) fn checks_say_it(case: &CaseReport) -> bool {
    matches!(case.outcome, Outcome::Failed(_)) && case.failed_checks().next().is_some()
}

/// "failed: affinity of vCPU 0: …"
pub(super) fn sentence(outcome: &Outcome) -> String {
    match outcome.why() {
        "" => outcome.word().to_string(),
        why => format!("{}: {why}", outcome.word()),
    }
}

fn ended(case: &CaseReport) -> String {
    match why(case) {
        why if why.is_empty() => state(case).to_string(),
        why => format!("{}: {why}", state(case)),
    }
}

fn list(
    line: &mut impl FnMut(std::fmt::Arguments<'_>),
    title: &str,
    mut entries: impl Iterator<Item = String>,
) {
    let Some(first) = entries.next() else { return };
    line(format_args!("\n{title}\n{first}"));
    for entry in entries {
        line(format_args!("{entry}"));
    }
}
