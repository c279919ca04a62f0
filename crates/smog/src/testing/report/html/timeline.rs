//! The time line: which case ran when, on which host, and how many at once.

use std::fmt::Write as _;

use super::markup::{esc, sign};
use crate::testing::report::words::{self, class_and_method, seconds};
use crate::testing::{CaseReport, RunReport};

const LEFT: f64 = 120.0;
const WIDTH: f64 = 1000.0;
const LANE: f64 = 20.0;
const GAP: f64 = 10.0;
const TOP: f64 = 24.0;

/// More bars than these are not drawn: the page would be long to load and nothing to read.
const BARS: usize = 4000;

/// A case's stretch of time, in seconds after the begin of the run.
struct Bar<'a> {
    number: usize,
    case: &'a CaseReport,
    from: f64,
    to: f64,
}

/// One host with its bars in lanes; those of a lane do not overlap.
struct Group<'a> {
    name: &'a str,
    lanes: Vec<Vec<&'a Bar<'a>>>,
}

/// The time line as SVG, or nothing where nothing ran.
pub(super) fn timeline(report: &RunReport) -> String {
    let mut bars: Vec<Bar<'_>> =
        report.cases.iter().enumerate().filter_map(|(n, c)| bar(report, n, c)).collect();
    if bars.is_empty() {
        return String::new();
    }
    bars.sort_by(|one, other| one.from.total_cmp(&other.from));
    let end = bars.iter().map(|bar| bar.to).fold(report.seconds, f64::max).max(0.1);
    let scale = |at: f64| LEFT + at / end * (WIDTH - LEFT - 10.0);
    let groups = groups(report, &bars);
    let lanes: usize = groups.iter().map(|group| group.lanes.len()).sum();
    let changes = changes(&bars);
    let height = TOP + (lanes + changes.len()) as f64 * LANE + (groups.len() + 1) as f64 * GAP;

    let mut text = format!(
        "<h2>Time line <small>up to {} at once</small></h2>\n<div class=\"scroll\"><svg class=\"time\" viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-label=\"cases by host over time\">",
        words::counted(at_once(&bars), "case")
    );
    axis(&mut text, end, height, &scale);
    let mut y = TOP;
    for (name, from, to) in &changes {
        let _ = write!(
            text,
            "<rect class=\"change\" x=\"{:.1}\" y=\"{y}\" width=\"{:.1}\" height=\"16\"/>\
             <text class=\"small\" x=\"{:.1}\" y=\"{}\">{}</text>\
             <text class=\"lane\" x=\"0\" y=\"{}\">change</text>",
            scale(*from),
            scale(*to) - scale(*from),
            scale(*from) + 4.0,
            y + 12.0,
            esc(&clipped(name, scale(*to) - scale(*from))),
            y + 12.0
        );
        y += LANE;
    }
    let mut drawn = 0;
    for group in &groups {
        y += GAP / 2.0;
        let _ = write!(
            text,
            "<line class=\"between\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\"/>\
             <text class=\"lane\" x=\"0\" y=\"{}\">{}</text>",
            y + GAP / 2.0 + 12.0,
            esc(&clipped(group.name, LEFT))
        );
        y += GAP / 2.0;
        for lane in &group.lanes {
            for bar in lane.iter().take(BARS.saturating_sub(drawn)) {
                draw(&mut text, bar, y, &scale);
            }
            drawn += lane.len();
            y += LANE;
        }
    }
    text.push_str("</svg></div>\n");
    if drawn > BARS {
        let _ = writeln!(text, "<p class=\"more\">{} bars are not drawn</p>", drawn - BARS);
    }
    text
}

fn bar<'a>(report: &RunReport, number: usize, case: &'a CaseReport) -> Option<Bar<'a>> {
    let from = case.began.duration_since(report.began).as_secs_f64().max(0.0);
    (case.attempts > 0).then_some(Bar { number, case, from, to: from + case.seconds.max(0.0) })
}

fn groups<'a>(report: &'a RunReport, bars: &'a [Bar<'a>]) -> Vec<Group<'a>> {
    let mut names: Vec<&str> = report.hosts.iter().map(|host| host.name.as_str()).collect();
    for host in bars.iter().flat_map(|bar| &bar.case.stage) {
        if !names.contains(&host.as_str()) {
            names.push(host);
        }
    }
    let lanes_of = |of: &dyn Fn(&Bar<'_>) -> bool| lanes(bars.iter().filter(|bar| of(bar)));
    let mut groups: Vec<Group<'a>> = names
        .into_iter()
        .map(|name| Group { name, lanes: lanes_of(&|bar| bar.case.stage.iter().any(|host| host == name)) })
        .collect();
    groups.push(Group { name: "no host", lanes: lanes_of(&|bar| bar.case.stage.is_empty()) });
    groups.retain(|group| !group.lanes.is_empty());
    groups
}

/// Each bar in the first lane that is free by then.
fn lanes<'a>(bars: impl Iterator<Item = &'a Bar<'a>>) -> Vec<Vec<&'a Bar<'a>>> {
    let mut lanes: Vec<Vec<&Bar<'_>>> = Vec::new();
    for bar in bars {
        let free = lanes.iter_mut().find(|lane| lane.last().is_none_or(|last| last.to <= bar.from));
        match free {
            Some(lane) => lane.push(bar),
            None => lanes.push(vec![bar]),
        }
    }
    lanes
}

/// The most that ran at one moment.
fn at_once(bars: &[Bar<'_>]) -> usize {
    let during = |at: f64| bars.iter().filter(|bar| bar.from <= at && at < bar.to).count();
    bars.iter().map(|bar| during(bar.from)).max().unwrap_or_default().max(1)
}

/// Each change of configuration, from its first case to the end of its last.
fn changes<'a>(bars: &[Bar<'a>]) -> Vec<(&'a str, f64, f64)> {
    let mut changes: Vec<(&str, f64, f64)> = Vec::new();
    for bar in bars {
        let Some(name) = bar.case.change.as_deref() else { continue };
        match changes.iter_mut().find(|(known, _, _)| *known == name) {
            Some((_, _, to)) => *to = to.max(bar.to),
            None => changes.push((name, bar.from, bar.to)),
        }
    }
    changes
}

fn draw(text: &mut String, bar: &Bar<'_>, y: f64, scale: &impl Fn(f64) -> f64) {
    let case = bar.case;
    let state = words::state(case);
    let (x, width) = (scale(bar.from), (scale(bar.to) - scale(bar.from)).max(3.0));
    let (_, method) = class_and_method(&case.name);
    let method = method.strip_prefix("test_").unwrap_or(method);
    let label = format!("{} {method} · {}", sign(state), case.claims);
    let change = case.change.as_ref().map(|change| format!("\nunder: {change}")).unwrap_or_default();
    let _ = write!(
        text,
        "<a href=\"#case-{}\"><rect class=\"bar {state}\" x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"17\" rx=\"2\">\
         <title>{}: {state}\n{} after {}, on {}\nclaims: {}{}</title></rect>",
        bar.number,
        esc(&case.name),
        seconds(case.seconds),
        seconds(bar.from),
        esc(&case.stage.join(", ")),
        esc(&case.claims),
        esc(&change)
    );
    let label = clipped(&label, width);
    if !label.is_empty() {
        let _ = write!(
            text,
            "<text class=\"bar\" x=\"{:.1}\" y=\"{}\">{}</text>",
            x + 4.0,
            y + 12.5,
            esc(&label)
        );
    }
    text.push_str("</a>");
}

/// As much of a text as fits, at some 6 units a letter.
fn clipped(text: &str, width: f64) -> String {
    let fit = ((width - 8.0) / 6.0).max(0.0) as usize;
    if text.chars().count() <= fit {
        return text.to_string();
    }
    match fit {
        // A letter or two say nothing; the sign does.
        ..6 => text.chars().take(fit.min(1)).collect(),
        fit => text.chars().take(fit - 1).chain(['…']).collect(),
    }
}

fn axis(text: &mut String, end: f64, height: f64, scale: &impl Fn(f64) -> f64) {
    const STEPS: [f64; 13] = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
    let step = STEPS.into_iter().find(|step| end / step <= 10.0).unwrap_or(end / 10.0);
    let mut at = 0.0;
    while at <= end {
        let x = scale(at);
        let _ = write!(
            text,
            "<line class=\"tick\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"16\" y2=\"{height}\"/>\
             <text class=\"tick\" x=\"{x:.1}\" y=\"11\">{}</text>",
            clock(at)
        );
        at += step;
    }
}

/// "0.5 s", "90 s", "5 min"
fn clock(at: f64) -> String {
    match at {
        at if at >= 120.0 && at % 60.0 == 0.0 => format!("{} min", at / 60.0),
        at if at.fract() < 0.001 => format!("{at:.0} s"),
        at => format!("{at:.1} s"),
    }
}
