//! The logs of all hosts since a time, without secrets, one record per line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};

use jiff::Timestamp;

use super::index::IndexHost;
use super::look::Whom;
use crate::cloud::Cloud;
use crate::config::SmogFile;
use crate::error::{Error, Result};
use crate::redact::Redactor;
use crate::watch::{Event, From, LogsWanted, Record};

/// What was read of the logs.
#[derive(Default)]
pub(super) struct HostLogs {
    /// By host.
    pub hosts: BTreeMap<String, OneHost>,
    /// What could not be read.
    pub unread: Vec<(String, String)>,
}

/// The logs of one host: a file without a name, which ends with whoever holds it.
#[derive(Default)]
pub(super) struct OneHost {
    pub index: IndexHost,
    pub file: Option<File>,
}

/// Read them. Two hosts that cannot be read are said, and stop nothing.
pub(super) async fn record(
    cloud: &Cloud,
    smog: &SmogFile,
    whom: &Whom,
    since: Timestamp,
    redactor: &Redactor,
) -> Result<HostLogs> {
    let wanted = LogsWanted {
        hosts: whom.log_hosts.clone(),
        all_services: true,
        from: From::Since(since),
        ..LogsWanted::of_section(&smog.watch)
    };
    let plan = match wanted.plan(cloud).await {
        Ok(plan) => plan,
        Err(why) => {
            let unread = vec![("logs".to_string(), why.to_string())];
            return Ok(HostLogs { unread, ..HostLogs::default() });
        }
    };
    let mut found = HostLogs::default();
    for (host, why) in &plan.left_out {
        found.host(host).index.logs_failed = Some(redactor.text(why));
    }
    for (host, _) in &plan.hosts {
        found.host(host.name());
    }
    let mut writers: BTreeMap<String, BufWriter<File>> = BTreeMap::new();
    let mut watch = plan.watch();
    while let Some(event) = watch.next().await {
        match event {
            Event::Record(record) => {
                let host = record.host.clone();
                let line = line(&record, redactor);
                let writer = match writers.entry(host.clone()) {
                    std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
                    std::collections::btree_map::Entry::Vacant(free) => {
                        free.insert(BufWriter::new(unnamed().map_err(|why| full(&why))?))
                    }
                };
                writeln!(writer, "{line}").map_err(|why| full(&why))?;
                found.host(&host).index.records += 1;
            }
            Event::Up { host, clock_ahead } => found.host(&host).index.clock_ahead = clock_ahead,
            Event::Unreadable { host, path, why } => {
                found.host(&host).index.unread.push((path, redactor.text(&why)));
            }
            Event::Dropped { host, source, .. } => {
                found.host(&host).index.unread.push((source, "bytes of it were lost".into()));
            }
            Event::Failed { host, error } => {
                found.host(&host).index.logs_failed = Some(redactor.text(&error.to_string()));
            }
            Event::Lost { .. } | Event::Back { .. } | Event::CaughtUp => {}
        }
    }
    found.unread.extend(watch.unread().lines().into_iter().map(|line| ("logs".to_string(), line)));
    for (host, writer) in writers {
        let file = writer.into_inner().map_err(|why| full(why.error()))?;
        found.host(&host).file = Some(file);
    }
    Ok(found)
}

/// A record as JSON, without secrets.
pub(super) fn line(record: &Record, redactor: &Redactor) -> String {
    redactor.json(&serde_json::to_value(record).unwrap_or_default()).to_string()
}

impl HostLogs {
    pub(super) fn host(&mut self, name: &str) -> &mut OneHost {
        let new =
            || OneHost { index: IndexHost { name: name.to_string(), ..IndexHost::default() }, file: None };
        self.hosts.entry(name.to_string()).or_insert_with(new)
    }
}

/// A file that has no name and vanishes with its last user. /tmp often is memory.
pub(super) fn unnamed() -> std::io::Result<File> {
    match std::path::Path::new("/var/tmp").is_dir() {
        true => tempfile::tempfile_in("/var/tmp"),
        false => tempfile::tempfile(),
    }
}

pub(super) fn full(why: &std::io::Error) -> Error {
    Error::Invalid {
        what: "a temporary file in /var/tmp".into(),
        why: why.to_string(),
        hint: Some("a recording needs room for the logs there".into()),
    }
}
