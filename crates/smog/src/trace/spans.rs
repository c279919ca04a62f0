//! Stretches of time that records measure: waits for locks, commands, helpers, calls, copies.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::access::micros;
use super::collect::Called;
use super::mark::{Mark, cut, without_place};
use crate::watch::Record;

/// A stretch of time with what it was for.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
    pub name: String,
}

/// A lock that was held, by anybody.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub host: String,
    pub lock: String,
    pub by: String,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// A lock that was waited for.
#[derive(Debug, Clone)]
pub(super) struct Waited {
    pub at: Timestamp,
    pub us: i64,
    pub lock: String,
    pub by: String,
    pub host: String,
}

/// A wait that is shorter is not worth a word, in microseconds.
const WAIT_US: i64 = 10_000;

/// oslo.concurrency's lines (at DEBUG): `Lock "x" acquired by "f" :: waited 0.001s`.
static ACQUIRED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^Lock "(.+?)" acquired by "(.+?)" :: waited ([\d.]+)s"#).ok());

/// `Lock "x" "released" by "f" :: held 0.262s`.
static RELEASED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^Lock "(.+?)" "?released"? by "(.+?)" :: held ([\d.]+)s"#).ok());

/// `CMD "qemu-img …" returned: 0 in 0.146s`.
static COMMAND: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?s)^CMD "(.+)" returned: \S+ in ([\d.]+)s"#).ok());

/// `Instance event wait completed in 3 seconds for network-vif-plugged`.
static EVENT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^Instance event wait completed in (\d+) seconds for (\S+)").ok());

/// `Took 6.87 seconds for pre_live_migration on destination host cmp1.`
static PRE_LIVE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^Took ([\d.]+) seconds for pre_live_migration on destination host (\S+)").ok()
});

/// `Instance shutdown successfully after 5 seconds.`
static SHUTDOWN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^Instance shutdown successfully after (\d+) seconds").ok());

/// The lock that a record says was held; 50 ms or longer.
pub(super) fn held(record: &Record, at: Timestamp) -> Option<Held> {
    if record.logger.as_deref() != Some("oslo_concurrency.lockutils") {
        return None;
    }
    let found = RELEASED.as_ref()?.captures(&record.message)?;
    let us = micros(found[3].parse().ok()?);
    (us >= 50_000).then(|| Held {
        host: record.host.clone(),
        lock: found[1].to_string(),
        by: found[2].to_string(),
        from: before(at, us),
        to: at,
    })
}

fn before(at: Timestamp, us: i64) -> Timestamp {
    at.checked_sub(SignedDuration::from_micros(us)).unwrap_or(at)
}

/// The waits for locks.
pub(super) fn waits(marks: &[Mark]) -> Vec<Waited> {
    let waits = marks.iter().filter(|mark| mark.own).filter_map(|mark| {
        let found = ACQUIRED.as_ref()?.captures(&mark.message)?;
        let us = micros(found[3].parse().ok()?);
        (us >= WAIT_US).then(|| Waited {
            at: mark.at,
            us,
            lock: found[1].to_string(),
            by: found[2].to_string(),
            host: mark.host.clone(),
        })
    });
    waits.collect()
}

/// Who had a lock while it was waited for.
pub(super) fn holder<'a>(waited: &Waited, held: &'a [Held]) -> Option<&'a Held> {
    let from = before(waited.at, waited.us);
    let those = held.iter().filter(|held| held.host == waited.host && held.lock == waited.lock);
    those.filter(|held| held.from < waited.at && held.to > from).max_by_key(|held| held.to)
}

/// All stretches that are measured, but for the request's own API call.
pub(super) fn spans(marks: &[Mark], calls: &[Called], waits: &[Waited], held: &[Held]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for waited in waits {
        let by =
            holder(waited, held).map(|held| format!(", held by `{}`", short(&held.by))).unwrap_or_default();
        let name = format!("lock `{}`{by}", waited.lock);
        spans.push(Span { from: before(waited.at, waited.us), to: waited.at, name });
    }
    for mark in marks.iter().filter(|mark| mark.own) {
        spans.extend(of_mark(mark));
    }
    spans.extend(pairs(marks));
    for call in calls.iter().filter(|call| !(call.direct && call.service == "nova-api")) {
        if call.access.length_us.is_some() {
            let name = match call.access.path.contains("/file") && call.service.starts_with("glance") {
                true => format!("the image download ({} {})", call.access.method, call.access.path),
                false => format!("{}: {} {}", call.service, call.access.method, cut(&call.access.path, 80)),
            };
            spans.push(Span { from: call.start(), to: call.end, name });
        }
    }
    spans
}

/// What one record measures.
fn of_mark(mark: &Mark) -> Option<Span> {
    let message = mark.message.as_str();
    let (us, name) = if let Some(found) = COMMAND.as_ref()?.captures(message) {
        (micros(found[2].parse().ok()?), format!("the command `{}`", program(&found[1])))
    } else if let Some(found) = EVENT.as_ref()?.captures(message) {
        (micros(found[1].parse().ok()?), format!("the event {} of neutron", &found[2]))
    } else if let Some(found) = PRE_LIVE.as_ref()?.captures(message) {
        (
            micros(found[1].parse().ok()?),
            format!("RPC: pre_live_migration on {}", found[2].trim_end_matches('.')),
        )
    } else if let Some(found) = SHUTDOWN.as_ref()?.captures(message) {
        (micros(found[1].parse().ok()?), "the guest to shut down".to_string())
    } else {
        return None;
    };
    (us > 0).then(|| Span { from: before(mark.at, us), to: mark.at, name })
}

/// The words of a command that say what it is: not the limits it runs under.
fn program(command: &str) -> String {
    let command = command.split_once(" -- ").map_or(command, |(_, inner)| inner);
    let command = command.trim_start_matches("env LC_ALL=C LANG=C ");
    cut(command, 80)
}

/// The last words of a function's long name.
fn short(function: &str) -> &str {
    let start = function.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
    &function[start..]
}

/// What two records measure together: a helper of oslo.privsep, the copy of a guest's memory.
fn pairs(marks: &[Mark]) -> Vec<Span> {
    const PAIRS: &[(&str, &str, &str)] = &[
        ("Running privsep helper", "Spawned new privsep daemon", "the start of a privsep helper"),
        (
            "Starting monitoring of live migration",
            "Migration operation has completed",
            "the copy of the guest's memory",
        ),
        ("Migration running for", "Migration operation has completed", "the copy of the guest's memory"),
        (
            "Snapshot extracted, beginning image upload",
            "Snapshot image upload complete",
            "the upload of the image to glance",
        ),
    ];
    let mut spans = Vec::new();
    for (begin, end, name) in PAIRS {
        let mut begun: Option<&Mark> = None;
        for mark in marks {
            if mark.message.starts_with(begin) {
                begun = begun.or(Some(mark));
            } else if mark.message.starts_with(end)
                && let Some(first) = begun.take()
            {
                let context = first.message.split("'--privsep_context', '").nth(1);
                let context = context.and_then(|rest| rest.split('\'').next());
                let name = match context {
                    Some(context) => format!("{name} ({context})"),
                    None => name.to_string(),
                };
                spans.push(Span { from: first.at, to: mark.at, name });
            }
        }
    }
    spans
}

/// A record's first words, for people.
pub(super) fn words(mark: &Mark) -> String {
    cut(without_place(&mark.message).lines().next().unwrap_or_default(), 100)
}
