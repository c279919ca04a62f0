//! The logs, read once for two things: what they say about the guest, and the timeline of its last action.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::cloud::{Action, Cloud, Server};
use crate::error::{Error, Result};
use crate::trace::{Collector, Known, Trace};
use crate::watch::{Event, Filter, From, Level, LogsWanted, Record};

/// Logs are read for so long at most.
const LIMIT: Duration = Duration::from_secs(30);

/// At most so many records are kept, the newest.
const RECORDS: usize = 200;

/// A record of an action may be older than Nova's own record of it, which has whole seconds.
const BEFORE: SignedDuration = SignedDuration::from_secs(10);

/// Without a topic, records of so long ago at most are shown.
const BACK: SignedDuration = SignedDuration::from_hours(24);

/// What the logs gave.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Since when records about it were looked for.
    pub since: Timestamp,
    /// The newest records about it.
    pub records: Vec<Record>,
    /// How many there are in all, by host and service, then by level.
    pub counts: BTreeMap<(String, String), BTreeMap<&'static str, usize>>,
    /// How many records about it say nothing of it: calls that only look, polling.
    pub aside: usize,
    /// The newest action, whole.
    pub trace: Option<Trace>,
    /// Hosts and logs that could not be read.
    pub unread: Vec<String>,
}

impl Read {
    /// How many records about it there are.
    pub fn all(&self) -> usize {
        self.counts.values().flat_map(BTreeMap::values).sum()
    }

    fn keep(&mut self, record: Record) {
        if says_nothing(&record) {
            self.aside += 1;
            return;
        }
        let place = (record.host.clone(), record.source.rsplit('/').next().unwrap_or_default().to_string());
        let level = record.level.map_or("no level", Level::name);
        *self.counts.entry(place).or_default().entry(level).or_default() += 1;
        self.records.push(record);
        if self.records.len() > RECORDS * 2 {
            self.records.drain(..RECORDS);
        }
    }
}

/// Warnings and worse about the guest since its newest action began, of a day at most (where logs are
/// asked for: also information and QEMU's own log, of its whole life), and that action, whole.
pub(super) async fn read(
    cloud: &Cloud,
    server: &Server,
    done: Option<&(Vec<Action>, Option<Known>)>,
    is_deep: bool,
) -> Result<Read> {
    let (actions, known) = match done {
        Some((actions, known)) => (actions.as_slice(), known.clone()),
        None => (&[][..], None),
    };
    let begun = match is_deep {
        true => format!("{}Z", server.created.trim_end_matches('Z')).parse().ok(),
        false => actions.first().and_then(Action::began),
    };
    let day_ago = cloud.now() - BACK;
    let since = begun.map_or(day_ago, |begun| begun - BEFORE);
    let since = if is_deep { since } else { since.max(day_ago) };
    let about = About {
        filter: Filter {
            level: Some(if is_deep { Level::Info } else { Level::Warning }),
            requests: actions.iter().map(|action| action.request_id.clone()).collect(),
            guest: Some(server.id.clone()),
            since: Some(since),
            ..Filter::default()
        },
        log_of_qemu: server.instance_name.as_ref().filter(|_| is_deep),
    };
    let is_in_it = known.as_ref().is_none_or(|known| known.window().0 >= since);
    let reading = async {
        match (is_in_it, known) {
            (false, Some(known)) => {
                let (mut read, trace) = tokio::try_join!(
                    look(cloud, (since, None), Some(&about), None),
                    look(cloud, (known.window().0, Some(known.window().1)), None, Some(known))
                )?;
                read.trace = trace.trace;
                Ok(read)
            }
            (_, known) => look(cloud, (since, None), Some(&about), known).await,
        }
    };
    tokio::time::timeout(LIMIT, reading).await.unwrap_or_else(|_| {
        Err(Error::Timeout {
            what: "reading the logs".into(),
            waited: LIMIT,
            last: "they are long".into(),
            request_id: None,
        })
    })
}

/// Calls that only look (this page makes some), the line that uWSGI also writes of each call, and what
/// an agent says in each turn of its loop.
fn says_nothing(record: &Record) -> bool {
    let message = record.message.as_str();
    record.level.is_none_or(|level| level <= Level::Info)
        && (message.starts_with("[pid: ")
            || message.contains("\"GET /")
            || message.starts_with("Agent rpc_loop"))
}

/// Which records are about the guest.
struct About<'a> {
    filter: Filter,
    /// The name of its domain, where QEMU's log of it is wanted too.
    log_of_qemu: Option<&'a String>,
}

impl About<'_> {
    fn wants(&self, record: &Record) -> bool {
        let is_its_log = || {
            self.log_of_qemu.is_some_and(|name| record.source.ends_with(&format!("/libvirt/qemu/{name}.log")))
        };
        self.filter.wants(record) || is_its_log()
    }
}

/// Read the logs of all hosts between two times.
async fn look(
    cloud: &Cloud,
    (since, until): (Timestamp, Option<Timestamp>),
    about: Option<&About<'_>>,
    known: Option<Known>,
) -> Result<Read> {
    let end = known.as_ref().map(|known| known.window().1);
    let mut collector = known.map(Collector::new);
    let wanted = LogsWanted { from: From::Since(since), until, all_services: true, ..LogsWanted::default() };
    let mut watch = wanted.plan(cloud).await?.watch();
    let mut read = Read { since, ..Read::default() };
    while let Some(event) = watch.next().await {
        match event {
            Event::Up { host, clock_ahead } => {
                collector.iter_mut().for_each(|collector| collector.clock(&host, clock_ahead));
            }
            Event::Record(record) => {
                if record.time.is_none_or(|time| end.is_none_or(|end| time <= end)) {
                    collector.iter_mut().for_each(|collector| collector.push(&record));
                }
                if about.is_some_and(|about| about.wants(&record)) {
                    read.keep(*record);
                }
            }
            _ => {}
        }
    }
    let skip = read.records.len().saturating_sub(RECORDS);
    read.records.drain(..skip);
    read.unread = watch.unread().lines();
    read.trace = collector.map(|collector| {
        let mut trace = collector.trace();
        trace.unread = watch.unread().lines();
        trace
    });
    Ok(read)
}
