//! Notes for the page of a CI job, in the words of the CI.

use std::fmt::Write as _;

use super::words;
use crate::testing::{CaseReport, RunReport};

/// Whose words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    /// Workflow commands of GitHub actions: `::error title=…::…`.
    GitHub,
    /// Collapsed sections of a GitLab job's log.
    GitLab,
}

/// What a CI job should print so that its page shows what went wrong.
///
/// GitHub: an `error` for each case that is bad and for what is left of the run, a `warning`
/// for each flaky one and for exceptions that belong to no case, one `notice` for all skipped. (GitHub shows
/// ten of a kind for a step; the rest stands in the log.) GitLab: a collapsed section for each
/// bad or flaky case with its story; what GitLab shows in a merge request it takes from
/// the JUnit file ([`junit`]), and its code-quality report is about lines of files, which a
/// case has not.
///
/// [`junit`]: super::junit
pub fn annotations(report: &RunReport, flavor: Flavor) -> String {
    match flavor {
        Flavor::GitHub => github(report),
        Flavor::GitLab => gitlab(report),
    }
}

fn github(report: &RunReport) -> String {
    let mut text = String::new();
    let mut say = |level: &str, title: &str, message: &str| {
        let _ = writeln!(text, "::{level} title={}::{}", property(title), data(message));
    };
    for case in report.cases.iter().filter(|case| case.is_bad()) {
        say("error", &format!("{} {}", words::state(case), case.name), &words::wrong(case));
    }
    if !report.leaked.is_empty() {
        say("error", &format!("run {} left something behind", report.run), &report.leaked.join("\n"));
    }
    for case in report.cases.iter().filter(|case| words::state(case) == "flaky") {
        say("warning", &format!("flaky {}", case.name), &words::why(case));
    }
    if !report.unattributed.is_empty() {
        let thrown: Vec<String> = report.unattributed.iter().map(ToString::to_string).collect();
        say("warning", "exceptions that belong to no case", &thrown.join("\n"));
    }
    let skipped: Vec<String> = words::skipped(report)
        .into_iter()
        .map(|(why, names)| format!("{}: {why}", words::counted(names.len(), "case")))
        .collect();
    if !skipped.is_empty() {
        say("notice", "skipped", &skipped.join("\n"));
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn gitlab(report: &RunReport) -> String {
    let mut text = String::new();
    for (number, case) in report.cases.iter().enumerate() {
        if case.is_bad() || case.flaky {
            section(&mut text, number, case);
        }
    }
    if !report.leaked.is_empty() {
        let _ = writeln!(text, "LEAKED run {}: {}", report.run, report.leaked.join("; "));
    }
    text
}

/// The marks are GitLab's; `\x1b[0K` in them is part of the mark. A section lasts as long as
/// the case did, and GitLab shows that next to its title.
fn section(text: &mut String, number: usize, case: &CaseReport) {
    let begin = case.began.as_second();
    let end = begin + case.seconds.round() as i64;
    let title = format!("{} {}", words::state(case).to_uppercase(), case.name);
    let _ = write!(
        text,
        "\x1b[0Ksection_start:{begin}:smog_case_{number}[collapsed=true]\r\x1b[0K{title}\n{}\
         \x1b[0Ksection_end:{end}:smog_case_{number}\r\x1b[0K\n",
        // A carriage return or an escape in what a service said could end the section.
        words::story(case).replace(['\r', '\x1b'], " "),
    );
}
