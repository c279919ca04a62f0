//! What the logs have of one case.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::outcome::{LogLine, Thrown};
use super::MOST_THROWN;
use crate::findings::Check;
use crate::watch::{AllowList, Level, Record};

/// What the logs say of a case.
#[derive(Debug, Default)]
pub(in crate::testing) struct Cut {
    /// How many records are its own.
    pub count: usize,
    pub thrown: Vec<Thrown>,
    pub allowed: u64,
    /// The classes of all exceptions of the case and of what caused them, by their last words.
    pub classes: BTreeSet<String>,
    /// Why something of the logs is not known, though it came.
    pub lost: Option<String>,
    /// The gravest, with their times.
    pub(super) gravest: Vec<(Level, LogLine)>,
    /// Of each log, the last line of QEMU's.
    pub(super) words: BTreeMap<String, String>,
    pub(super) crash: Option<String>,
    pub(super) first_error: Option<(Option<Timestamp>, String)>,
    pub(super) taken: Vec<u64>,
}

/// The last word of an exception's class; what came over RPC bears a suffix.
pub(super) fn class(name: &str) -> &str {
    let name = name.rsplit('.').next().unwrap_or(name);
    name.strip_suffix("_Remote").unwrap_or(name)
}

pub(super) fn thrown(record: &Record) -> Thrown {
    let exception = record.exception.clone().unwrap_or_default();
    let cause = (!exception.causes.is_empty()).then(|| {
        let (name, message) = exception.root();
        format!("{name}: {message}")
    });
    Thrown {
        at: record.time,
        host: record.host.clone(),
        source: record.source.clone(),
        request_id: record.request_id.clone(),
        name: exception.name,
        message: exception.message,
        cause,
    }
}

/// So many records stand in a report.
pub(super) const SHOWN: usize = 40;

/// So many characters of one.
const SHOWN_CHARS: usize = 400;

impl Cut {
    #[cfg(test)]
    pub fn of_classes(names: &[&str]) -> Cut {
        Cut { classes: names.iter().map(|name| name.to_string()).collect(), ..Cut::default() }
    }

    /// A record of the case.
    pub(super) fn take(&mut self, place: u64, record: &Record, allow: &mut AllowList, purpose: &[String]) {
        self.count += 1;
        self.look_for_crash(record);
        self.keep_if_grave(record);
        let Some(exception) = &record.exception else {
            if record.level.is_some_and(|level| level >= Level::Error) {
                self.note_error(record);
            }
            return;
        };
        self.taken.push(place);
        let name = class(&exception.name);
        self.classes.extend(exception.causes.iter().map(|cause| class(&cause.name).to_string()));
        self.classes.insert(name.to_string());
        if purpose.iter().any(|purpose| purpose == name) || allow.allows(record) {
            self.allowed += 1;
        } else if self.thrown.len() < MOST_THROWN {
            self.thrown.push(thrown(record));
        }
    }

    /// The logs have an exception of this class.
    pub fn tells_of(&self, name: &str) -> Check {
        let found: Vec<&str> = self.classes.iter().map(String::as_str).collect();
        let found = if found.is_empty() { "none".to_string() } else { found.join(", ") };
        Check::that("exceptions", self.classes.contains(name), found, name).from("the logs of all hosts")
    }

    /// Warnings and worse are shown, and what services say of a server in the normal course.
    /// Lines of an HTTP server's log for each call are not worth the room.
    pub(super) fn keep_if_grave(&mut self, record: &Record) {
        let Some(level) = record.level else { return };
        if !(level > Level::Info || level == Level::Info && record.instance.is_some()) {
            return;
        }
        self.gravest.push((level, log_line(record)));
        if self.gravest.len() > 50 * SHOWN {
            self.cut_gravest();
        }
    }

    /// Of equals the first stay: the sort keeps their order.
    pub(super) fn cut_gravest(&mut self) {
        self.gravest.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
        self.gravest.truncate(SHOWN);
    }

    /// The records that a report shows: the gravest, in the order of time.
    pub fn shown(&mut self) -> Vec<LogLine> {
        self.cut_gravest();
        let mut lines: Vec<LogLine> = self.gravest.iter().map(|(_, line)| line.clone()).collect();
        lines.sort_by_key(|line| line.at);
        lines
    }

    /// The unexpected end of a guest's QEMU, with its last messages.
    pub(super) fn look_for_crash(&mut self, record: &Record) {
        if self.crash.is_some() {
            return;
        }
        if record.text.contains("shutting down, reason=crashed") {
            let words = self.words.get(&record.source).map(|words| format!(": {words}")).unwrap_or_default();
            self.crash = Some(format!("the guest's QEMU crashed{words} ({} {})", record.host, record.source));
        } else if record.text.contains("qemu") {
            self.words.insert(record.source.clone(), cut_to(record.text.trim(), 160));
        }
    }

    pub(super) fn note_error(&mut self, record: &Record) {
        let key = |time: Option<Timestamp>| (time.is_none(), time);
        if self.first_error.as_ref().is_none_or(|(first, _)| key(record.time) < key(*first)) {
            let text = format!("{} ({} {})", first_words(&record.message), record.host, record.source);
            self.first_error = Some((record.time, text));
        }
    }

    /// The likely first cause of a failure: a guest's QEMU that crashed; else the earliest
    /// exception, by its root; where none was thrown, the earliest error that was logged.
    pub fn likely(&self) -> Option<String> {
        if self.crash.is_some() {
            return self.crash.clone();
        }
        // What has no time cannot be the first of those that have.
        let first = self.thrown.iter().min_by_key(|thrown| (thrown.at.is_none(), thrown.at));
        let Some(first) = first else { return self.first_error.as_ref().map(|(_, text)| text.clone()) };
        // A cause that says the same says nothing.
        Some(match first.cause.as_ref().filter(|cause| !cause.contains(first.message.trim())) {
            Some(cause) => format!("{cause}, which became {first}"),
            None => first.to_string(),
        })
    }
}

/// `/var/log/libvirt/qemu/instance-0000002a.log` is of that domain.
pub(super) fn is_log_of(source: &str, domain: &str) -> bool {
    source.rsplit('/').next().and_then(|file| file.strip_suffix(".log")) == Some(domain)
}

fn log_line(record: &Record) -> LogLine {
    LogLine {
        at: record.time,
        host: record.host.clone(),
        source: record.source.clone(),
        level: record.level.map(|level| level.to_string()).unwrap_or_default(),
        text: short(&record.message),
    }
}

/// The beginning of a message, without the request that stands before it.
fn first_words(message: &str) -> String {
    let words = message.strip_prefix("[req-").and_then(|rest| rest.split_once("] "));
    cut_to(words.map_or(message, |(_, words)| words), 160)
}

fn short(text: &str) -> String {
    cut_to(text, SHOWN_CHARS)
}

fn cut_to(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_string(),
    }
}
