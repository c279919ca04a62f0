//! What stands above the table of exceptions, for people.

use jiff::Timestamp;

use super::{By, FailedTest, Group, Likely, Triage};

/// So many failed tests are shown, and so many kinds of exceptions for each.
const MOST_TESTS: usize = 20;
const MOST_TIES: usize = 6;

impl Triage {
    /// The likely first cause, the failed tests and the known bugs, as lines; or that nothing was thrown. The
    /// exceptions themselves are a table ([`Triage::groups`]).
    pub fn head(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(likely) = &self.likely {
            of_likely(likely, &mut lines);
        }
        if let Some(tests) = &self.tests {
            let s = if tests.failed.len() == 1 { "" } else { "s" };
            let (failed, passed, skipped) = (tests.failed.len(), tests.passed, tests.skipped);
            lines.push(format!("{failed} failed test{s}, {passed} passed, {skipped} skipped"));
            tests.failed.iter().take(MOST_TESTS).for_each(|test| of_test(test, &self.groups, &mut lines));
            if failed > MOST_TESTS {
                lines.push(format!("  and {} more (-o json has all)", failed - MOST_TESTS));
            }
            lines.push(String::new());
        }
        let known = self.news().filter_map(|group| Some((group, group.known_bug.as_ref()?)));
        let known: Vec<String> = known
            .map(|(group, known)| format!("  {}: {}; {}", group.short_name(), known.words(), known.advice))
            .collect();
        if !known.is_empty() {
            lines.push("known bugs".into());
            lines.extend(known);
            lines.push(String::new());
        }
        if self.groups.is_empty() {
            let said = match self.unread.is_empty() {
                true => "no exception was logged",
                false => "no exception is in what could be read",
            };
            lines.push(said.into());
        }
        lines
    }
}

fn of_likely(likely: &Likely, lines: &mut Vec<String>) {
    let time = likely.time.map_or("no time".into(), shown_time);
    let request = likely.request.as_ref().map(|id| format!(", request {id}")).unwrap_or_default();
    let log = likely.source.rsplit('/').next().unwrap_or(&likely.source);
    lines.push("likely first cause".into());
    lines.push(format!("  {}", likely.text));
    lines.push(format!("  {time} on {} in {log}{request}", likely.host));
    lines.push(format!("  ({})", likely.why));
    lines.push(String::new());
}

fn of_test(test: &FailedTest, groups: &[Group], lines: &mut Vec<String>) {
    let when = match (test.began, test.ended) {
        (Some(began), Some(ended)) => {
            format!("  {}, {:.1} s", shown_time(began), ended.duration_since(began).as_secs_f64())
        }
        (Some(began), None) => format!("  {}, no end", shown_time(began)),
        _ => String::new(),
    };
    lines.push(format!("  {}{when}", test.name));
    let message: String = test.message.lines().next().unwrap_or_default().chars().take(160).collect();
    if !message.is_empty() {
        lines.push(format!("    {message}"));
    }
    for tie in test.exceptions.iter().take(MOST_TIES) {
        let Some(group) = groups.get(tie.group) else { continue };
        let why = match tie.by {
            By::Request => "of its requests",
            By::Time => "while it ran",
        };
        let noise = if group.is_noise() { ", noise" } else { "" };
        lines.push(format!("    {} × {} in {} ({why}{noise})", tie.count, group.short_name(), group.place));
    }
    if test.exceptions.len() > MOST_TIES {
        lines.push(format!("    and {} more kinds", test.exceptions.len() - MOST_TIES));
    }
}

/// A time as the table of exceptions has it.
fn shown_time(time: Timestamp) -> String {
    time.strftime("%F %T%.3fZ").to_string()
}
