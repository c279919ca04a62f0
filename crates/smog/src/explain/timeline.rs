//! The part of the page about time: the last action with its phases, earlier ones, and records.

use std::collections::BTreeMap;

use super::Line;
use super::extras::LOGS_OF_A_HOST;
use super::page::Page;
use super::records::Read;
use crate::cloud::Action;
use crate::show;
use crate::trace::{Phase, Trace};
use crate::watch::Level;

/// Phases that take less than this part of the whole are only shown where the topic is asked for.
const PART: i64 = 10;

fn seconds(us: i64) -> String {
    format!("{:.3} s", us as f64 / 1e6)
}

/// "create at 2026-11-28 09:09:50 UTC (req-…), failed: no host".
fn words(action: &Action, trace: Option<&Trace>) -> String {
    let began = trace.and_then(|trace| trace.begun).or_else(|| action.began());
    let at =
        began.map_or(action.start_time.clone(), |began| began.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    let took = trace.filter(|trace| trace.length_us > 0).map(|trace| {
        let phases = show::counted(trace.phases.len(), "phase");
        format!(", {} in {phases}", seconds(trace.length_us))
    });
    // Lists of actions have no events, which say whether it is over.
    let is_under_way = trace.is_some_and(|trace| trace.outcome == "under way");
    let end = match (failure(action, trace), is_under_way) {
        (Some(why), _) => format!(", failed: {why}"),
        (None, true) => ", under way".into(),
        (None, false) => String::new(),
    };
    format!("{} at {at}{} ({}){end}", action.action, took.unwrap_or_default(), action.request_id)
}

fn failure(action: &Action, trace: Option<&Trace>) -> Option<String> {
    trace.and_then(|trace| trace.fault.clone()).or_else(|| action.failure())
}

/// What was done to it: the newest whole, then the earlier ones.
pub(super) fn actions(page: &Page<'_>) -> Vec<Line> {
    let Some(actions) = &page.extras.actions else {
        return vec![Line::unknown(
            "actions",
            page.unknown(&["nova: actions"]).unwrap_or_else(|| "they are not shown to this user".into()),
        )];
    };
    let source = format!("GET /servers/{}/os-instance-actions", page.guest.server.id);
    let trace = page.extras.trace.as_ref();
    let mut lines = Vec::new();
    for (at, action) in actions.iter().enumerate() {
        let name = if at == 0 { "last action" } else { "before" };
        let trace = trace.filter(|trace| trace.request_id == action.request_id);
        let line = Line::new(name, words(action, trace), &source).wrong_if(failure(action, trace).is_some());
        lines.push(if at < 2 { line } else { line.deep() });
        lines.extend(trace.into_iter().flat_map(timeline));
    }
    lines
}

/// The phases of an action, and what it met: `smog trace` on the page.
fn timeline(trace: &Trace) -> Vec<Line> {
    let source = match trace.records {
        0 => "Nova's action record".to_string(),
        _ => format!("the logs of all hosts, {}", trace.request_id),
    };
    let at = |us: i64| format!("  at {:.3}", us as f64 / 1e6);
    let phase = |phase: &Phase| {
        let place = format!("{} {}", phase.host, phase.service);
        let slowest = if phase.critical { ", the slowest" } else { "" };
        // What goes before the first step that is known is nobody's.
        let place = match place.trim() {
            "" => String::new(),
            place => format!(" ({place})"),
        };
        let said = format!("{}: {}{place}{slowest}", seconds(phase.length_us), phase.name);
        let line = Line::new(at(phase.at_us), said, &source);
        let is_short = phase.length_us.saturating_mul(PART) < trace.length_us;
        if is_short && !phase.critical { line.deep() } else { line }
    };
    let mut lines: Vec<Line> = trace.phases.iter().map(phase).collect();
    for gap in &trace.gaps {
        let sure = if gap.measured { "" } else { " (inferred)" };
        let said = format!("nothing logged for {}: {}{sure}", seconds(gap.length_us), gap.waited_for);
        lines.push(Line::new(at(gap.at_us), said, &source).deep());
    }
    for lock in &trace.locks {
        let said = format!("waited {} for lock `{}` on {}", seconds(lock.waited_us), lock.lock, lock.host);
        lines.push(Line::new(at(lock.at_us), said, &source).deep());
    }
    for trouble in &trace.troubles {
        let said = format!("{} on {} {}: {}", trouble.kind, trouble.host, trouble.service, trouble.text);
        let line = Line::new(at(trouble.at_us), said, &source).wrong_if(trace.fault.is_some());
        lines.push(if trace.fault.is_some() { line } else { line.deep() });
    }
    for event in &trace.events {
        let result = event.result.as_deref().unwrap_or("under way");
        let host = event.host.as_deref().map(|host| format!(" on {host}")).unwrap_or_default();
        let line = Line::new("  step", format!("{}{host}: {result}", event.event), "Nova's action record");
        lines.push(line.wrong_if(result == "Error").deep());
    }
    lines.extend(trace.notes.iter().map(|note| Line::new("  note", note, &source).deep()));
    lines
}

/// Records about it: how many of each service, and the newest.
pub(super) fn records(page: &Page<'_>, read: &Read) -> Vec<Line> {
    let since = read.since.strftime("%Y-%m-%d %H:%M:%S UTC");
    let mut lines = Vec::new();
    for ((host, log), levels) in &read.counts {
        let counts: Vec<String> =
            levels.iter().map(|(level, count)| format!("{count} {}", level.to_lowercase())).collect();
        let said = format!("{host} {log}: {}", counts.join(", "));
        lines.push(Line::new("records", said, format!("since {since}")).deep());
    }
    if read.aside > 0 {
        let said = format!("{} more, of calls that only look and of polling, are left out", read.aside);
        lines.push(Line::new("records", said, "").deep());
    }
    let left_out = read.all().saturating_sub(read.records.len());
    if left_out > 0 {
        lines.push(Line::new("older", format!("{left_out} older records are left out"), "").deep());
    }
    let actions = page.extras.actions.iter().flatten();
    let actions: BTreeMap<&str, &str> =
        actions.map(|action| (action.request_id.as_str(), action.action.as_str())).collect();
    let from = read.records.len().saturating_sub(3);
    for (at, record) in read.records.iter().enumerate() {
        let time = record.time.map(|time| time.strftime("%H:%M:%S%.3f").to_string()).unwrap_or_default();
        let level = record.level.map_or("-", Level::name).to_lowercase();
        let logger = record.logger.as_deref().unwrap_or_default();
        let action = record.request_id.as_deref().and_then(|id| actions.get(id));
        let action = action.map(|name| format!(" ({name})")).unwrap_or_default();
        let message = record.message.lines().next().unwrap_or_default();
        let line = Line::new(
            level,
            format!("{time} {} {logger}{action}: {message}", record.host),
            format!("{}:{}", record.host, record.source),
        )
        .wrong_if(record.level.is_some_and(|level| level >= Level::Error));
        lines.push(if at >= from { line } else { line.deep() });
    }
    if read.records.is_empty() {
        let place = match page.unknown(&[LOGS_OF_A_HOST]) {
            Some(_) => " in the logs that could be read",
            None => "",
        };
        let said = format!("no warning and no error about it since {since}{place}");
        lines.push(Line::new("logs", said, "the logs of all hosts"));
    }
    lines
}
