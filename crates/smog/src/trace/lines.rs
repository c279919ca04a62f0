//! A trace as text: a waterfall that fits a width.

use crate::show::counted;
use std::collections::BTreeMap;

use super::mark::cut;
use super::{Phase, Trace};

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// A heading.
    Head,
    /// A line among others.
    Plain,
    /// The longest phase.
    Critical,
    /// Something that failed.
    Bad,
    /// What is good to know.
    Dim,
}

/// A line of text with its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text, without a line end.
    pub text: String,
    /// Its meaning.
    pub weight: Weight,
}

/// The least and the most cells of the bars.
const BAR: (usize, usize) = (12, 40);

/// Fewer columns than these leave no room for bars.
const LEAST_WIDTH: usize = 76;

/// The width where nobody says another.
pub const WIDTH: usize = 100;

/// "1.234", in seconds.
pub(super) fn seconds(us: i64) -> String {
    format!("{:.3}", us as f64 / 1e6)
}

impl Trace {
    /// The trace as lines of at most `width` columns; names of things may be cut.
    pub fn lines(&self, width: usize) -> Vec<Line> {
        let mut lines = Lines(Vec::new());
        self.head(&mut lines);
        if !self.phases.is_empty() {
            self.waterfall(&mut lines, width);
        }
        self.events(&mut lines);
        self.gaps(&mut lines);
        self.locks(&mut lines);
        self.calls(&mut lines);
        for trouble in &self.troubles {
            let place = format!("{} {}", trouble.host, trouble.service);
            lines.push(
                Weight::Bad,
                format!("{}: at {} on {place}: {}", trouble.kind, seconds(trouble.at_us), trouble.text),
            );
        }
        for note in &self.notes {
            lines.push(Weight::Dim, format!("note: {note}"));
        }
        for unread in &self.unread {
            lines.push(Weight::Bad, format!("not read, so what it did there is not known: {unread}"));
        }
        lines.0
    }

    fn head(&self, lines: &mut Lines) {
        let guest = self.guest.as_ref().map(|guest| {
            let name = guest.name.as_deref().unwrap_or("guest");
            let status = guest.status.as_ref().map(|status| format!(", now {status}")).unwrap_or_default();
            format!(" of {name} ({}{status})", guest.id)
        });
        let guest = guest.unwrap_or_default();
        let took = match self.begun {
            Some(_) => format!(", {} s", seconds(self.length_us)),
            None => String::new(),
        };
        lines.push(Weight::Head, format!("{}{guest}: {}{took}", self.what, self.outcome));
        if let Some(fault) = &self.fault {
            lines.push(Weight::Bad, fault.clone());
        }
        let from = self.begun.map(|begun| format!(", begun {} UTC", begun.strftime("%Y-%m-%d %H:%M:%S%.3f")));
        lines.push(Weight::Plain, format!("request {}{}", self.request_id, from.unwrap_or_default()));
        if !self.clocks.is_empty() {
            let most = self.clocks.values().map(|ahead| ahead.abs()).fold(0.0, f64::max);
            if most < 0.5 {
                let text =
                    format!("clocks of {} hosts are within {most:.2} s, as measured now", self.clocks.len());
                lines.push(Weight::Dim, text);
            }
        }
    }

    fn waterfall(&self, lines: &mut Lines, width: usize) {
        let place = |phase: &Phase| format!("{} {}", phase.host, phase.service).trim().to_string();
        let chars = |text: &str| text.chars().count();
        let where_width = self.phases.iter().map(|p| chars(&place(p))).max().unwrap_or(0).clamp(5, 26);
        // Two signs, two numbers of eight, gaps of two.
        let fixed = 2 + 8 + 2 + 8 + 2 + where_width + 2;
        let what_wants = self.phases.iter().map(|phase| chars(&phase.name)).max().unwrap_or(4).max(4);
        let bar = match width >= LEAST_WIDTH {
            true => width.saturating_sub(fixed + what_wants + 2).clamp(BAR.0, BAR.1),
            false => 0,
        };
        let what_width = width.saturating_sub(fixed + if bar > 0 { bar + 2 } else { 0 }).clamp(8, what_wants);
        lines.push(Weight::Plain, String::new());
        lines.push(
            Weight::Dim,
            format!("  {:>8}  {:>8}  {:<where_width$}  {}", "AT", "TOOK", "WHERE", "WHAT")
                .trim_end()
                .to_string(),
        );
        for phase in &self.phases {
            let sign = if phase.critical { "*" } else { " " };
            let text = format!(
                "{sign} {:>8}  {:>8}  {:<where_width$}  {:<what_width$}  {}",
                seconds(phase.at_us),
                seconds(phase.length_us),
                fitted(&place(phase), where_width),
                fitted(&phase.name, what_width),
                self.bar(phase, bar)
            );
            let weight = if phase.critical { Weight::Critical } else { Weight::Plain };
            lines.push(weight, text.trim_end().to_string());
        }
        let sum: i64 = self.phases.iter().map(|phase| phase.length_us).sum();
        let is_whole = if sum == self.length_us { "the whole" } else { "NOT the whole" };
        lines.push(
            Weight::Dim,
            format!("  {:>8}  {:>8}  {is_whole}; * is the longest phase", "", seconds(sum)),
        );
    }

    fn bar(&self, phase: &Phase, cells: usize) -> String {
        if cells == 0 || self.length_us <= 0 {
            return String::new();
        }
        let cell = |us: i64| us as f64 / self.length_us as f64 * cells as f64;
        let start = (cell(phase.at_us) as usize).min(cells - 1);
        let length = cell(phase.length_us).round() as usize;
        let bar = if length == 0 { "▏".to_string() } else { "█".repeat(length.min(cells - start)) };
        " ".repeat(start) + &bar
    }

    fn events(&self, lines: &mut Lines) {
        if self.events.is_empty() {
            return;
        }
        lines.title("Nova's action record (whole seconds)");
        let widest = self.events.iter().map(|event| event.event.chars().count()).max().unwrap_or(0);
        for event in &self.events {
            let time = |at: Option<jiff::Timestamp>| match at {
                Some(at) => at.strftime("%H:%M:%S").to_string(),
                None => "-".into(),
            };
            let result = event.result.as_deref().unwrap_or("under way");
            let weight = if result == "Error" { Weight::Bad } else { Weight::Plain };
            let host = event.host.as_deref().unwrap_or("-");
            let (began, ended) = (time(event.began), time(event.ended));
            lines.push(weight, format!("  {:<widest$}  {host}  {began} to {ended}  {result}", event.event));
        }
    }

    fn gaps(&self, lines: &mut Lines) {
        if self.gaps.is_empty() {
            return;
        }
        lines.title("nothing was logged for more than a second, waiting for");
        for gap in &self.gaps {
            let sure = if gap.measured { "" } else { " (inferred)" };
            let (at, length) = (seconds(gap.at_us), seconds(gap.length_us));
            lines.push(Weight::Plain, format!("  at {at:>8}, {length:>8} s: {}{sure}", gap.waited_for));
            lines.push(Weight::Dim, format!("      after  {}", cut(&gap.before, 100)));
            lines.push(Weight::Dim, format!("      before {}", cut(&gap.after, 100)));
        }
    }

    fn locks(&self, lines: &mut Lines) {
        if self.locks.is_empty() {
            return;
        }
        lines.title("waited for locks");
        for lock in &self.locks {
            let held = lock.held_by.as_ref().map(|by| format!(", held by {by}")).unwrap_or_default();
            let (at, waited) = (seconds(lock.at_us), seconds(lock.waited_us));
            lines.push(
                Weight::Plain,
                format!("  at {at:>8}, {waited:>8} s: `{}` on {}{held}", lock.lock, lock.host),
            );
        }
    }

    /// The calls it led to, a line per service.
    fn calls(&self, lines: &mut Lines) {
        let mut services: BTreeMap<&str, (usize, i64, usize, usize)> = BTreeMap::new();
        for call in &self.calls {
            let (count, us, unknown, refused) = services.entry(&call.service).or_default();
            *count += 1;
            *us += call.length_us.unwrap_or(0);
            *unknown += usize::from(call.length_us.is_none());
            *refused += usize::from(call.status >= 400);
        }
        if services.is_empty() && self.spawned.is_empty() {
            return;
        }
        lines.title("calls of APIs, and the requests they became (all of them with -o json)");
        for (service, (count, us, unknown, refused)) in services {
            let mut text = format!("  {service}: {}, {} s", counted(count, "call"), seconds(us));
            if unknown > 0 {
                text.push_str(&format!(" and {} of unknown length", counted(unknown, "call")));
            }
            if refused > 0 {
                text.push_str(&format!(", {refused} refused"));
            }
            lines.push(Weight::Plain, text);
        }
        // A service whose calls are seen is named above.
        let seen = |id: &str| self.calls.iter().any(|call| call.request_id.as_deref() == Some(id));
        for spawned in self.spawned.iter().filter(|spawned| !seen(&spawned.request_id)) {
            lines.push(
                Weight::Plain,
                format!(
                    "  {}: {} as {}",
                    spawned.services.join(", "),
                    counted(spawned.records, "record"),
                    spawned.request_id
                ),
            );
        }
    }
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines: Vec<String> = self.lines(WIDTH).into_iter().map(|line| line.text).collect();
        f.write_str(&lines.join("\n"))
    }
}

struct Lines(Vec<Line>);

impl Lines {
    fn push(&mut self, weight: Weight, text: String) {
        self.0.push(Line { text, weight });
    }

    fn title(&mut self, text: &str) {
        self.push(Weight::Plain, String::new());
        self.push(Weight::Head, text.to_string());
    }
}

fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width { text.to_string() } else { cut(text, width.saturating_sub(1)) }
}
