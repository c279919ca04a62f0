//! What was thrown while watching: counted by kind, shown at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use smog::show::visible_line;
use smog::watch::{AllowList, AllowUse, Exceptions, Handler, Record, Save, Verdict};

use crate::output;

/// Counts exceptions by type, host and log, with the requests they belong to.
pub struct Thrown {
    exceptions: Exceptions,
    kinds: BTreeMap<(String, String, String), Kind>,
    /// Records that went by.
    pub seen: u64,
}

/// "1 record", "12 records".
pub fn records(count: u64) -> String {
    format!("{count} record{}", if count == 1 { "" } else { "s" })
}

/// "2 exceptions", "no exceptions".
pub fn exceptions(count: u64) -> String {
    match count {
        0 => "no exceptions".into(),
        1 => "1 exception".into(),
        count => format!("{count} exceptions"),
    }
}

/// So many kinds are shown at the end, the most frequent first.
const MOST_KINDS: usize = 12;

#[derive(Default)]
struct Kind {
    times: u64,
    message: String,
    requests: Vec<String>,
}

impl Thrown {
    pub fn new(allow: AllowList) -> Thrown {
        Thrown { exceptions: Exceptions::new(allow), kinds: BTreeMap::new(), seen: 0 }
    }

    /// How many were thrown and are not allowed.
    pub fn count(&self) -> u64 {
        self.kinds.values().map(|kind| kind.times).sum()
    }

    /// Print all of it on standard error.
    pub fn summary(&self, took: Duration, save: Option<&Save>) {
        let seconds = took.as_secs_f64();
        match self.seen {
            // Of nothing, "no exceptions" would sound like good news.
            0 => self.summary_of(&format!("no records, {seconds:.1} s"), save),
            _ => self
                .summary_of(&format!("{} in {}, {seconds:.1} s", self.counted(), records(self.seen)), save),
        }
    }

    /// "2 exceptions", "no exceptions"; those that are allowed do not count.
    pub fn counted(&self) -> String {
        exceptions(self.count())
    }

    /// The same, with this first line.
    pub fn summary_of(&self, first: &str, save: Option<&Save>) {
        output::note(first);
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(_, kind)| std::cmp::Reverse(kind.times));
        for ((name, host, log), kind) in kinds.iter().take(MOST_KINDS) {
            let message = kind.message.lines().next().unwrap_or_default();
            let message: String = message.chars().take(100).collect();
            output::note(&visible_line(&format!("  {} × {name} on {host} in {log}: {message}", kind.times)));
            for request in &kind.requests {
                output::note(&visible_line(&format!("      {request}")));
            }
        }
        if kinds.len() > MOST_KINDS {
            let more: u64 = kinds[MOST_KINDS..].iter().map(|(_, kind)| kind.times).sum();
            output::note(&format!("  {more} × of {} other kinds", kinds.len() - MOST_KINDS));
        }
        for AllowUse { entry, why, times } in self.exceptions.allowed() {
            output::note(&format!("  {times} × allowed: {entry} ({why})"));
        }
        if let Some(save) = save {
            for path in save.paths() {
                output::note(&format!("  saved: {}", path.display()));
            }
        }
    }
}

impl Handler for Thrown {
    fn record(&mut self, record: &Record) -> Verdict {
        let verdict = self.exceptions.record(record);
        if verdict != Verdict::GoOn
            && let Some(exception) = &record.exception
        {
            let key = (exception.name.clone(), record.host.clone(), record.short_source().to_string());
            let kind = self.kinds.entry(key).or_default();
            kind.times += 1;
            kind.message.clone_from(&exception.message);
            if let Some(request) = &record.request_id
                && !kind.requests.contains(request)
                && kind.requests.len() < 5
            {
                kind.requests.push(request.clone());
            }
        }
        verdict
    }
}
