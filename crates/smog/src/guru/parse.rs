//! A report as text, read into sections, stacks and configuration. In a journal its empty lines
//! are missing; in a file they are there.

use std::collections::BTreeMap;

use super::{Frame, Guru, Kind, Stacks, waits};
use crate::config::{is_secret, without_passwords};
use crate::error::{Error, Result};

/// The title of the whole.
pub(super) const TITLE: &str = "Guru Meditation";

/// The last of the sections that every service writes.
pub(super) const LAST: &str = "Configuration";

/// What stands in place of a secret.
const MASK: &str = "***";

/// Read a report. Of several the last one counts; what stands before it is left out.
///
/// # Errors
/// [`Error::Parse`] when there is none.
pub fn parse(text: &str) -> Result<Guru> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let Some(begin) = lines.iter().rposition(|line| title(line) == Some(TITLE)) else {
        return Err(Error::Parse {
            what: "Guru Meditation Report".into(),
            source_of: "what was read".into(),
            why: "it has no title of one".into(),
        });
    };
    let mut guru = Guru::default();
    let mut stacks: Vec<(Kind, Vec<Frame>)> = Vec::new();
    let mut kept = vec![lines[begin].to_string()];
    let mut section = "";
    let mut part = String::new();
    for line in &lines[begin + 1..] {
        if let Some(name) = title(line) {
            section = name;
            if !["Package", "Threads", "Green Threads", "Processes", LAST].contains(&name) {
                guru.other_sections.push(name.to_string());
            }
            kept.push((*line).to_string());
            continue;
        }
        let is_rule = line.len() > 20 && (line.chars().all(|c| c == '=') || line.chars().all(|c| c == '|'));
        if line.is_empty() || is_rule {
            kept.push((*line).to_string());
            continue;
        }
        match section {
            "Package" => package(&mut guru, line),
            "Threads" => stack_line(&mut stacks, Kind::Thread, line),
            "Green Threads" => stack_line(&mut stacks, Kind::Green, line),
            "Processes" => guru.processes.push(line.trim().to_string()),
            LAST => {
                let line = masked(line);
                configuration(&mut guru.configuration, &mut part, &line);
                kept.push(line);
                continue;
            }
            _ => {}
        }
        kept.push((*line).to_string());
    }
    guru.stacks = grouped(stacks);
    guru.text = kept.join("\n") + "\n";
    Ok(guru)
}

/// Whether a text holds a report to its last usual section.
pub(super) fn is_whole(text: &str) -> bool {
    let begin = text.lines().position(|line| title(line) == Some(TITLE));
    begin.is_some_and(|begin| text.lines().skip(begin).any(|line| title(line) == Some(LAST)))
}

/// `====     Threads     ====`
fn title(line: &str) -> Option<&str> {
    let inner = line.trim_end().strip_prefix("==== ")?.strip_suffix(" ====")?;
    Some(inner.trim()).filter(|title| !title.is_empty())
}

fn package(guru: &mut Guru, line: &str) {
    // A service without a version of its own says "None".
    match line.split_once(" = ").filter(|(_, value)| value.trim() != "None") {
        Some(("product", value)) => guru.product = value.trim().into(),
        Some(("version", value)) => guru.version = value.trim().into(),
        _ => {}
    }
}

fn stack_line(stacks: &mut Vec<(Kind, Vec<Frame>)>, kind: Kind, line: &str) {
    // `------      Thread #1404      ------`: the next stack.
    if line.starts_with("------ ") && line.ends_with(" ------") {
        stacks.push((kind, Vec::new()));
        return;
    }
    let Some((_, frames)) = stacks.last_mut() else { return };
    if let Some(code) = line.trim_start().strip_prefix('`') {
        if let Some(frame) = frames.last_mut() {
            frame.code = code.trim_end_matches('`').to_string();
        }
        return;
    }
    // `/usr/lib/python3/dist-packages/nova/service.py:686 in wait`
    let Some((place, function)) = line.rsplit_once(" in ") else { return };
    let Some((file, number)) = place.rsplit_once(':') else { return };
    let Ok(number) = number.parse() else { return };
    let (file, function) = (file.trim().to_string(), function.trim().to_string());
    frames.push(Frame { file, line: number, function, code: String::new() });
}

fn configuration(of: &mut BTreeMap<String, BTreeMap<String, String>>, part: &mut String, line: &str) {
    if !line.starts_with(' ') {
        *part = line.trim_end_matches(':').to_string();
        of.entry(part.clone()).or_default();
        return;
    }
    let section = of.entry(part.clone()).or_default();
    match line.trim().split_once(" =") {
        Some((key, value)) => drop(section.insert(key.trim().to_string(), value.trim().to_string())),
        // An item of a list, below its key.
        None => {
            if let Some((_, value)) = section.iter_mut().next_back() {
                let gap = if value.is_empty() { "" } else { ", " };
                value.push_str(&format!("{gap}{}", line.trim()));
            }
        }
    }
}

/// oslo.reports masks what its options call secret; what is secret by its name, or is the
/// password of a URL, is masked here.
fn masked(line: &str) -> String {
    if let Some((key, value)) = line.split_once(" = ")
        && is_secret(key.trim())
        && !matches!(value.trim(), "" | "None" | "True" | "False" | MASK)
        && value.trim().parse::<f64>().is_err()
    {
        return format!("{key} = {MASK}");
    }
    without_passwords(line)
}

fn grouped(stacks: Vec<(Kind, Vec<Frame>)>) -> Vec<Stacks> {
    let mut groups: BTreeMap<(Kind, Vec<Frame>), usize> = BTreeMap::new();
    for stack in stacks {
        *groups.entry(stack).or_default() += 1;
    }
    let mut groups: Vec<Stacks> = groups
        .into_iter()
        .map(|((kind, frames), count)| {
            let wait = waits::of(&frames);
            Stacks { kind, count, waits_in: wait.what, idle: wait.idle, own: waits::own(&frames), frames }
        })
        .collect();
    groups.sort_by(|one, other| {
        (one.idle, one.kind, &one.waits_in, other.count).cmp(&(
            other.idle,
            other.kind,
            &other.waits_in,
            one.count,
        ))
    });
    groups
}
