//! One case of the page.

use std::fmt::Write as _;

use super::markup::{esc, fill, mark, more};
use super::{THROWN_HEAD, classes, picture, thrown_row};
use crate::testing::inventory::HostLine;
use crate::testing::report::words::{self, class_and_method, seconds};
use crate::testing::{CallLine, CaseReport, Check, LogLine, StackLine};
use crate::trace::{Gap, Phase};

/// So many of the slowest calls are shown.
const CALLS: usize = 5;

/// A case: a line, and all of it below when it is opened. Its parts take the room in the
/// order of their worth, whatever their order on the page.
pub(super) fn case(number: usize, case: &CaseReport, hosts: &[HostLine], room: usize, open: bool) -> String {
    let mut room = room;
    let checks = checks(case, &mut room);
    let thrown = thrown(case, &mut room);
    let traces = traces(case, &mut room);
    let meditations = meditations(case, &mut room);
    let pictures = picture::places(number, &case.places, hosts, &mut room);
    let steps = steps(case, &mut room);
    let calls = calls(case, &mut room);
    let records = records(case, &mut room);
    let (class, method) = class_and_method(&case.name);
    let state = words::state(case);
    let why = words::why(case);
    let said = if why.is_empty() { &case.doc } else { &why };
    let mut text = format!(
        "<details class=\"case {}\"{}><summary><span class=\"word {state}\">{}{state}</span>\
         <span class=\"name\">{}.<b>{}</b></span><span class=\"secs\">{}</span>\
         <span class=\"why\">{}</span></summary>\n<div class=\"body\" id=\"case-{number}\">\n",
        classes(case),
        if open { " open" } else { "" },
        mark(state),
        esc(class),
        esc(method),
        if case.attempts > 0 { seconds(case.seconds) } else { String::new() },
        esc(&short(said)),
    );
    document(&mut text, &case.doc);
    outcome(&mut text, case);
    text.push_str(&[checks, thrown, traces, meditations, steps, records, calls].concat());
    facts(&mut text, case);
    text.push_str(&pictures);
    text.push_str("</div></details>\n");
    text
}

/// What fits a line.
fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(160) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_string(),
    }
}

fn document(text: &mut String, doc: &str) {
    let (first, rest) = doc.split_once('\n').unwrap_or((doc, ""));
    let _ = write!(text, "<p class=\"doc\"><b>{}</b>\n{}</p>\n", esc(first), esc(rest.trim()));
}

fn outcome(text: &mut String, case: &CaseReport) {
    let state = words::state(case);
    if state == "passed" {
        return;
    }
    let _ = write!(text, "<div class=\"note {state}\"><b>{state}</b> {}", esc(&words::why(case)));
    if let Some(likely) = &case.likely {
        let _ = write!(text, "<br><b>likely first cause</b> {}", esc(likely));
    }
    // What it left behind when it passed is its sentence already.
    if state != "leaked" && !case.leaked.is_empty() {
        let _ = write!(text, "<br><b>left behind</b> {}", esc(&case.leaked.join("; ")));
    }
    for (number, earlier) in case.earlier.iter().enumerate() {
        let _ = write!(text, "<br><b>try {}</b> {}", number + 1, esc(&words::sentence(&earlier.outcome)));
    }
    text.push_str("</div>\n");
}

fn checks(case: &CaseReport, room: &mut usize) -> String {
    if case.checks.is_empty() {
        return String::new();
    }
    // Those that do not hold must not be the ones for which there is no room.
    let order = case.failed_checks().chain(case.checks.iter().filter(|check| check.holds));
    let (rows, left) = fill(room, order, check_row);
    format!(
        "<h3>Checks{}</h3><table><tr><th></th><th>what</th><th>found</th><th>expected</th><th>source</th></tr>\
         {rows}</table>{}\n",
        match case.controls {
            0 => String::new(),
            count => format!(" <small>and {}</small>", words::counted(count, "negative control")),
        },
        more(left, "check")
    )
}

fn check_row(check: &Check) -> String {
    let (class, holds) = if check.holds { ("passed", "holds") } else { ("failed", "does not hold") };
    format!(
        "<tr class=\"{}\"><td title=\"{holds}\">{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"source\">{}</td></tr>",
        if check.holds { "" } else { "no" },
        mark(class).trim_end(),
        esc(&check.what),
        esc(&check.found),
        esc(&check.expected),
        esc(&check.source)
    )
}

fn thrown(case: &CaseReport, room: &mut usize) -> String {
    let mut text = String::new();
    if !case.thrown.is_empty() {
        let (rows, left) = fill(room, case.thrown.iter(), thrown_row);
        let _ = writeln!(
            text,
            "<h3>Exceptions</h3><table>{THROWN_HEAD}{rows}</table>{}",
            more(left, "exception")
        );
    }
    if case.allowed > 0 {
        let _ = writeln!(text, "<p class=\"more\">{} allowed by the list</p>", case.allowed);
    }
    text
}

/// Where the time of its guests' actions went: the phases with their bars, and the gaps.
fn traces(case: &CaseReport, room: &mut usize) -> String {
    let mut text = String::new();
    for trace in &case.traces {
        let guest = trace.guest.as_ref().and_then(|guest| guest.name.as_deref()).unwrap_or_default();
        let whole = trace.length_us.max(1) as f64;
        let row = |phase: &Phase| {
            format!(
                "<tr{}><td class=\"secs\">{}</td><td class=\"secs\">{}</td><td>{} {}</td><td>{}</td>\
                 <td class=\"span\"><i style=\"margin-left:{:.1}%;width:{:.1}%\"></i></td></tr>",
                if phase.critical { " class=\"longest\"" } else { "" },
                seconds(phase.at_us as f64 / 1e6),
                seconds(phase.length_us as f64 / 1e6),
                esc(&phase.host),
                esc(&phase.service),
                esc(&phase.name),
                phase.at_us as f64 / whole * 100.0,
                phase.length_us as f64 / whole * 100.0
            )
        };
        let (rows, left) = fill(room, trace.phases.iter(), row);
        let _ = writeln!(
            text,
            "<h3>Trace: {} of {} <small>{}, {} in all, request <code>{}</code></small></h3>\
             <table class=\"trace\"><tr><th>at</th><th>took</th><th>where</th><th>what</th><th></th></tr>{rows}</table>{}",
            esc(&trace.what),
            esc(guest),
            esc(&trace.outcome),
            seconds(trace.length_us as f64 / 1e6),
            esc(&trace.request_id),
            more(left, "phase")
        );
        let gap = |gap: &Gap| {
            let sure = if gap.measured { "" } else { " (inferred)" };
            let (at, length) = (seconds(gap.at_us as f64 / 1e6), seconds(gap.length_us as f64 / 1e6));
            format!(
                "<tr><td class=\"secs\">{at}</td><td class=\"secs\">{length}</td><td>{}{sure}</td></tr>",
                esc(&gap.waited_for)
            )
        };
        let (rows, _) = fill(room, trace.gaps.iter(), gap);
        if !rows.is_empty() {
            let _ = writeln!(
                text,
                "<table class=\"trace\"><tr><th>at</th><th>silent</th><th>nothing was logged, waiting for</th></tr>{rows}</table>"
            );
        }
    }
    text
}

/// What services said of themselves, folded: the unusual and unmoved stacks come first.
fn meditations(case: &CaseReport, room: &mut usize) -> String {
    let mut text = String::new();
    for said in &case.meditations {
        // What stands around the rows takes room as well.
        let Some(left) = room.checked_sub(600) else { break };
        *room = left;
        let row = |line: &StackLine| {
            let moved = match line.still {
                Some(true) => "no",
                Some(false) => "yes",
                None => "",
            };
            let frames: Vec<String> =
                line.frames.iter().map(|frame| format!("<code>{}</code>", esc(frame))).collect();
            format!(
                "<tr{}><td class=\"secs\">{}</td><td>{moved}</td><td>{}{}</td><td class=\"stack\">{}</td></tr>",
                if line.still == Some(true) && !line.idle { " class=\"longest\"" } else { "" },
                line.count,
                esc(&line.waits_in),
                if line.idle { " <small>usual</small>" } else { "" },
                frames.join("<br>")
            )
        };
        let (rows, left) = fill(room, said.stacks.iter(), row);
        let of = match said.pid {
            0 => String::new(),
            pid => format!(", process {pid}"),
        };
        let _ = write!(
            text,
            "<details class=\"records\"><summary><b>Guru Meditation Report</b> of {} on {}{of} <small>{}</small></summary>",
            esc(&said.service),
            esc(&said.host),
            esc(&said.because)
        );
        match &said.missing {
            Some(why) => {
                let _ = write!(text, "<p class=\"more\">no report: {}</p>", esc(why));
            }
            None => {
                let _ = write!(
                    text,
                    "<table><tr><th>threads</th><th>moved in 2 s</th><th>wait in</th><th>stack, the innermost first</th></tr>{rows}</table>{}",
                    more(left + said.more, "stack")
                );
            }
        }
        text.push_str("</details>\n");
    }
    text
}

fn steps(case: &CaseReport, room: &mut usize) -> String {
    if case.steps.is_empty() {
        return String::new();
    }
    let row = |(after, step): &(f64, String)| {
        format!("<tr><td class=\"secs\">{}</td><td>{}</td></tr>", seconds(*after), esc(step))
    };
    let (rows, left) = fill(room, case.steps.iter(), row);
    format!("<h3>Steps</h3><table class=\"steps\">{rows}</table>{}\n", more(left, "step"))
}

fn records(case: &CaseReport, room: &mut usize) -> String {
    if case.records.is_empty() {
        return String::new();
    }
    let row = |record: &LogLine| {
        let at = record.at.map(|at| at.strftime("%H:%M:%S%.3f").to_string()).unwrap_or_default();
        format!(
            "<tr><td class=\"when\">{at}</td><td title=\"{}\">{} {}</td><td>{}</td><td>{}</td></tr>",
            esc(&record.source),
            esc(&record.host),
            esc(record.source.rsplit('/').next().unwrap_or_default()),
            esc(&record.level),
            esc(&record.text)
        )
    };
    let (rows, left) = fill(room, case.records.iter(), row);
    let whole = words::counted(case.record_count, "record");
    format!(
        "<details class=\"records\"><summary><b>Log records</b> <small>the gravest of {whole}; all are in records.log of \
         its folder</small></summary><table><tr><th>when</th><th>log</th><th>level</th><th>text</th></tr>{rows}</table>{}\
         </details>\n",
        more(left, "record")
    )
}

fn calls(case: &CaseReport, room: &mut usize) -> String {
    if case.calls.is_empty() {
        return String::new();
    }
    let mut slowest: Vec<&CallLine> = case.calls.iter().collect();
    slowest.sort_by(|one, other| other.ms.total_cmp(&one.ms));
    let row = |call: &&CallLine| {
        format!(
            "<tr><td class=\"secs\">{:.0} ms</td><td>{} {} <code>{}</code></td><td>{}</td><td><code>{}</code></td></tr>",
            call.ms,
            esc(&call.service),
            esc(&call.method),
            esc(&call.path),
            call.status.map_or("no answer".into(), |status| status.to_string()),
            esc(call.request_id.as_deref().unwrap_or_default())
        )
    };
    let (rows, _) = fill(room, slowest.iter().take(CALLS), row);
    let whole: f64 = case.calls.iter().map(|call| call.ms).sum::<f64>() / 1000.0;
    format!(
        "<h3>Slowest API calls <small>of {}, {} in all</small></h3><table><tr><th>took</th><th>call</th>\
         <th>status</th><th>request</th></tr>{rows}</table>\n",
        case.calls.len(),
        seconds(whole)
    )
}

fn facts(text: &mut String, case: &CaseReport) {
    text.push_str("<h3>Claims and stage</h3><dl>");
    let mut fact = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = write!(text, "<dt>{name}</dt><dd>{}</dd>", esc(value));
        }
    };
    fact("claims", &case.claims);
    fact("hosts", &case.stage.join(", "));
    fact("change", case.change.as_deref().unwrap_or_default());
    fact("tries", &if case.attempts > 1 { case.attempts.to_string() } else { String::new() });
    fact("kept", &case.kept.join(", "));
    fact("folder", &case.folder.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default());
    text.push_str("</dl>\n");
}
