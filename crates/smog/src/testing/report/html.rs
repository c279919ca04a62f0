//! One page of HTML that has everything in it: no script, nothing to load.

mod case;
mod markup;
mod picture;
mod timeline;

use std::fmt::Write as _;

use self::markup::{esc, mark};
use super::words::{self, counted, seconds};
use crate::testing::{CaseReport, RunReport, Thrown};

/// Bytes that the cases of a page may take together, so that a browser opens it at once and
/// a CI keeps it. What does not fit is counted in the page and stands in the JSON.
const ROOM: usize = 1_800_000;

/// How a case can stand, in the order the page offers them.
const STATES: [&str; 7] = ["passed", "failed", "broken", "leaked", "flaky", "skipped", "interrupted"];

/// The run as one self-contained page, for dark and light: summary, a time line of what ran
/// where, and each case with its document, checks, steps, exceptions, slowest calls and a
/// picture of where its guests ran. Times are in seconds after the begin of the run or case.
/// The page stays below 3 MB for some hundred cases.
pub fn html(report: &RunReport) -> String {
    let mut page = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    let title = format!("{} · run {} on {}", verdict(report).1, report.run, report.cloud);
    let _ = write!(
        page,
        "<meta name=\"viewport\" content=\"width=device-width\"><title>{}</title>\n<style>{}</style></head>\n<body>\n",
        esc(&title),
        include_str!("html/style.css"),
    );
    filters(&mut page, report);
    page.push_str(&picture::symbols(&report.hosts));
    page.push_str("<main>\n");
    header(&mut page, report);
    page.push_str(&timeline::timeline(report));
    hosts(&mut page, report);
    beside(&mut page, report);
    page.push_str("<h2>Cases</h2>\n");
    let room = ROOM / report.cases.len().max(1);
    let bad = report.cases.iter().filter(|case| case.is_bad()).count();
    for (number, case) in report.cases.iter().enumerate() {
        let open = case.is_bad() && bad <= OPEN;
        page.push_str(&case::case(number, case, &report.hosts, room, open));
    }
    page.push_str("</main></body></html>\n");
    page
}

/// Bad cases are open at first while they are not more than this.
const OPEN: usize = 8;

/// A class and words for the whole.
fn verdict(report: &RunReport) -> (&'static str, &'static str) {
    use crate::exit::ExitCode;
    match report.exit_code() {
        ExitCode::Ok => ("passed", "passed"),
        ExitCode::Interrupted => ("interrupted", "interrupted"),
        ExitCode::NothingRan => ("skipped", "nothing ran"),
        ExitCode::CouldNotRun => ("failed", "passed, but logs were not read"),
        _ => ("failed", "failed"),
    }
}

/// What is shown is chosen without a script: by these, which stand before the rest.
fn filters(page: &mut String, report: &RunReport) {
    for name in std::iter::once("all").chain(["bad"]).chain(STATES).filter(|name| offered(report, name)) {
        let checked = if name == "all" { " checked" } else { "" };
        let _ = writeln!(
            page,
            "<input class=\"filter\" type=\"radio\" name=\"show\" id=\"show-{name}\" aria-label=\"show {name}\"{checked}>"
        );
    }
}

fn offered(report: &RunReport, name: &str) -> bool {
    name == "all" || count(report, name) > 0
}

fn count(report: &RunReport, name: &str) -> usize {
    match name {
        "all" => report.cases.len(),
        "bad" => report.cases.iter().filter(|case| case.is_bad()).count(),
        state => words::standing(report, state),
    }
}

fn header(page: &mut String, report: &RunReport) {
    let (class, word) = verdict(report);
    let work: f64 = report.cases.iter().map(|case| case.seconds).sum();
    let _ = writeln!(
        page,
        "<header><h1><span class=\"word {class}\">{}{word}</span> run {} <small>on {}</small></h1>",
        mark(class),
        esc(&report.run.0),
        esc(&report.cloud)
    );
    let _ = writeln!(
        page,
        "<p class=\"facts\">began {} · took {} · {} of work, at most {} at once · {}</p>",
        esc(&report.began.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
        seconds(report.seconds),
        seconds(work),
        counted(report.jobs, "case"),
        counted(report.hosts.len(), "host")
    );
    page.push_str("<p class=\"chips\">");
    for name in std::iter::once("all").chain(["bad"]).chain(STATES).filter(|name| offered(report, name)) {
        let words = if name == "bad" { "to look at" } else { name };
        let _ = write!(
            page,
            "<label for=\"show-{name}\" class=\"chip {name}\">{}{words} <b>{}</b></label>",
            mark(name),
            count(report, name)
        );
    }
    page.push_str("</p></header>\n");
}

fn hosts(page: &mut String, report: &RunReport) {
    if report.hosts.is_empty() {
        return;
    }
    page.push_str("<details class=\"hosts\"><summary>Hosts</summary>");
    page.push_str(picture::LEGEND);
    for number in 0..report.hosts.len() {
        page.push_str(&picture::host_alone(&report.hosts, number));
    }
    page.push_str("</details>\n");
}

/// What belongs to no one case: leftovers of the run, exceptions, reasons of skipping.
fn beside(page: &mut String, report: &RunReport) {
    if !report.leaked.is_empty() {
        page.push_str("<section class=\"note leaked\"><b>Left behind by the run</b><ul>");
        for left in &report.leaked {
            let _ = write!(page, "<li>{}</li>", esc(left));
        }
        page.push_str("</ul></section>\n");
    }
    if !report.unread.is_empty() {
        page.push_str("<section class=\"note leaked\"><b>Logs that were not read</b>, or only in part: what was thrown there is not known<ul>");
        for log in &report.unread {
            let _ = write!(page, "<li>{}</li>", esc(log));
        }
        page.push_str("</ul></section>\n");
    }
    if !report.unattributed.is_empty() {
        let count = counted(report.unattributed.len(), "exception");
        let _ = write!(page, "<details class=\"note\"><summary>{count} of no case</summary>");
        let shown: String = report.unattributed.iter().take(UNATTRIBUTED).map(thrown_row).collect();
        let _ = write!(page, "<table>{THROWN_HEAD}{shown}</table>");
        if let Some(more @ 1..) = report.unattributed.len().checked_sub(UNATTRIBUTED) {
            let _ = write!(page, "<p class=\"more\">{}</p>", words::and_more(more, "exception"));
        }
        page.push_str("</details>\n");
    }
    let reasons = words::skipped(report);
    if !reasons.is_empty() {
        let _ = write!(page, "<details class=\"note\"><summary>Why {} skipped</summary><ul>", were(&reasons));
        for (why, names) in reasons {
            let _ = write!(page, "<li><b>{}</b> {}</li>", names.len(), esc(why));
        }
        page.push_str("</ul></details>\n");
    }
}

/// Exceptions of no case that are shown.
const UNATTRIBUTED: usize = 100;

fn were(reasons: &[(&str, Vec<&str>)]) -> String {
    match reasons.iter().map(|(_, names)| names.len()).sum() {
        1 => "1 case was".into(),
        count => format!("{count} cases were"),
    }
}

const THROWN_HEAD: &str =
    "<tr><th>when</th><th>exception</th><th>first cause</th><th>log</th><th>request</th></tr>";

fn thrown_row(thrown: &Thrown) -> String {
    let at = thrown.at.map(|at| at.strftime("%H:%M:%S%.3f").to_string()).unwrap_or_default();
    format!(
        "<tr><td class=\"when\">{}</td><td><b>{}</b> {}</td><td>{}</td><td>{} {}</td><td><code>{}</code></td></tr>",
        esc(&at),
        esc(&thrown.name),
        esc(&thrown.message),
        esc(thrown.cause.as_deref().unwrap_or_default()),
        esc(&thrown.host),
        esc(&thrown.source),
        esc(thrown.request_id.as_deref().unwrap_or_default())
    )
}

/// The class names of a case: how it stands, and whether it is to be looked at.
fn classes(case: &CaseReport) -> String {
    format!("{}{}", words::state(case), if case.is_bad() { " bad" } else { "" })
}
