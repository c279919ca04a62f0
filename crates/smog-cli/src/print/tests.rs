//! A run of tests as it goes on: a line for each begin and end, and on a terminal what
//! each running case waits for.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use smog::show::visible_line;
use smog::testing::{CaseReport, Event};

use crate::output::{self, Painted};

pub struct Printer {
    quiet: bool,
    bars: Option<MultiProgress>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    running: HashMap<&'static str, ProgressBar>,
    all: usize,
    last_doing: String,
}

impl Printer {
    pub fn new(quiet: bool) -> Printer {
        let on_terminal = output::err_is_terminal() && !quiet;
        Printer { quiet, bars: on_terminal.then(MultiProgress::new), inner: Mutex::default() }
    }

    /// A line that stays, above the moving ones.
    fn line(&self, text: Painted) {
        let text = text.line_end();
        let print = || output::painted(&text);
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }

    /// Something to know, on standard error.
    pub fn note(&self, text: &str) {
        let print = || output::note(text);
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }

    pub fn end(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.clear();
        }
    }

    pub fn tell(&self, event: Event<'_>) {
        let Ok(mut inner) = self.inner.lock() else { return };
        match event {
            Event::Begun { run, inventory, cases } => {
                inner.all = cases;
                let hosts: Vec<&str> = inventory.hosts.iter().map(|host| host.name.as_str()).collect();
                let kernel = match inventory.one_kernel() {
                    Some(names) => {
                        format!("; {} share a kernel, so its CPUs and pages count once", names.join(" and "))
                    }
                    None => String::new(),
                };
                if !self.quiet {
                    self.line(
                        Painted::default()
                            .plain(&format!("run {run}: {cases} cases on {}{kernel}", hosts.join(", "))),
                    );
                }
            }
            Event::Doing { text } => {
                if !self.quiet && inner.last_doing != text {
                    self.note(&format!("  {text}"));
                    inner.last_doing = text.to_string();
                }
            }
            Event::CaseBegun { case, stage, attempt } => {
                if let Some(bars) = &self.bars {
                    let bar = bars.add(ProgressBar::new_spinner());
                    if let Ok(style) =
                        ProgressStyle::with_template("  {spinner} {prefix} {elapsed:.dim} {wide_msg}")
                    {
                        bar.set_style(style);
                    }
                    bar.set_prefix(case.method());
                    bar.enable_steady_tick(Duration::from_millis(150));
                    inner.running.insert(case.name, bar);
                }
                if !self.quiet && attempt == 1 {
                    let mut text = format!("  {}  [{}]", case.name, stage.hosts.join(", "));
                    for line in case.doc.lines() {
                        text.push_str(&format!("\n         {line}"));
                    }
                    self.line(word("RUN").plain(&text));
                }
            }
            Event::CaseState { case, text } => {
                if let Some(bar) = inner.running.get(case.name) {
                    bar.set_message(visible_line(text).into_owned());
                }
            }
            Event::CaseAgain { report } => {
                self.remove(&mut inner, report);
                self.line(word("AGAIN").plain(&format!("  {}: {}", report.name, report.outcome.why())));
            }
            Event::CaseEnded { report, ended } => {
                self.remove(&mut inner, report);
                self.ended(report, ended, inner.all);
            }
            Event::Waiting { .. } | Event::Ended { .. } | _ => {}
        }
    }

    fn remove(&self, inner: &mut Inner, report: &CaseReport) {
        if let Some(name) = inner.running.keys().find(|name| **name == report.name).copied()
            && let Some(bar) = inner.running.remove(name)
            && let Some(bars) = &self.bars
        {
            bar.finish_and_clear();
            bars.remove(&bar);
        }
    }

    fn ended(&self, report: &CaseReport, ended: usize, all: usize) {
        let state = match () {
            () if !report.leaked.is_empty() => "LEAK",
            () if report.flaky => "FLAKY",
            () => match report.outcome.word() {
                "passed" => "PASS",
                "failed" => "FAIL",
                "skipped" => "SKIP",
                "broken" => "BROKEN",
                _ => "CUT",
            },
        };
        let took = match report.attempts {
            0 => String::new(),
            _ => format!(" [{:6.1} s] ({ended}/{all})", report.seconds),
        };
        let why = report.outcome.why();
        let why = if why.is_empty() { String::new() } else { format!("\n         {why}") };
        self.line(word(state).plain(&format!(" {took} {}{why}", report.name)));
    }
}

/// An outcome in a column of its own, coloured on a terminal.
fn word(state: &str) -> Painted {
    Painted::default().in_style(style_of(state), &format!("{state:>7}"))
}

fn style_of(state: &str) -> anstyle::Style {
    match state {
        "PASS" | "PASSED" => anstyle::AnsiColor::Green.on_default(),
        "FAIL" | "BROKEN" | "LEAK" | "FAILED" | "LEAKED" | "NOTHING" => {
            anstyle::AnsiColor::Red.on_default().bold()
        }
        "SKIP" | "FLAKY" | "AGAIN" | "CUT" | "SKIPPED" | "THROWN" | "UNREAD" | "INTERRUPTED" | "KEPT" => {
            anstyle::AnsiColor::Yellow.on_default()
        }
        _ => anstyle::Style::new().bold(),
    }
}

/// The summary with the first word of each line that begins with an outcome coloured.
pub fn coloured(summary: &str) -> Painted {
    let words = [
        "FAILED",
        "BROKEN",
        "FLAKY",
        "LEAKED",
        "SKIPPED",
        "SLOWEST",
        "THROWN",
        "UNREAD",
        "KEPT",
        "INTERRUPTED",
        "PASSED",
        "NOTHING",
    ];
    summary.lines().fold(Painted::default(), |text, line| {
        let text = match words.iter().find(|word| line.starts_with(**word)) {
            Some(first) => text.in_style(style_of(first), first).plain(&line[first.len()..]),
            None => text.plain(line),
        };
        text.line_end()
    })
}
