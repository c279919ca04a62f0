//! The flight recorder: the logs of all hosts while cases run, and a case's folder.

mod cut;

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use regex::bytes::Regex;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::outcome::Thrown;
use super::spool::{Part, Spool};
use crate::trace::{Collector, Known, Trace};
use crate::watch::{AllowList, Event, LAST_WORDS, Plan, Record};

pub(super) use cut::Cut;
use cut::{is_log_of, thrown};

/// The logs of all hosts, kept for as long as a running case may ask for them.
pub(super) struct Logs {
    kept: Arc<Mutex<Kept>>,
    reader: Option<Reader>,
}

struct Reader {
    end: oneshot::Sender<()>,
    /// Ends with what was wanted and not read.
    task: JoinHandle<Vec<String>>,
}

struct Kept {
    spool: Spool,
    /// Exceptions that a case has taken for its own, by their place in all that came.
    taken: BTreeSet<u64>,
    unclaimed: Unclaimed,
    /// Seconds each host's clock is ahead of this machine's.
    ahead: HashMap<String, f64>,
    lost: Lost,
}

/// Records that could not be kept.
#[derive(Debug, Clone, Default)]
struct Lost {
    count: u64,
    last: Option<Timestamp>,
    why: String,
}

/// The exceptions that no case has taken for its own and that are not known noise.
struct Unclaimed {
    noise: AllowList,
    thrown: Vec<Thrown>,
    /// How many more there were.
    more: u64,
}

impl Unclaimed {
    fn judge(&mut self, record: &Record) {
        if self.noise.allows(record) {
        } else if self.thrown.len() < MOST_UNCLAIMED {
            self.thrown.push(thrown(record));
        } else {
            self.more += 1;
        }
    }
}

/// So many exceptions that belong to no case are listed; more are counted.
const MOST_UNCLAIMED: usize = 2_000;

/// So many exceptions of a case are listed; its folder has all.
const MOST_THROWN: usize = 2_000;

/// A log line may be stamped a little before the call that it is about was sent: clocks differ.
const SLACK: SignedDuration = SignedDuration::from_millis(500);

/// What is asked of the logs for a case.
pub(super) struct Asked {
    /// When the case began.
    pub begin: Timestamp,
    pub belongs: Belongs,
    pub allow: AllowList,
    /// Exceptions that are its purpose.
    pub purpose: Vec<String>,
    /// Where its records are written.
    pub folder: Option<PathBuf>,
}

/// What belongs to a case.
#[derive(Debug, Clone, Default)]
pub(super) struct Belongs {
    pub requests: BTreeSet<String>,
    pub servers: BTreeSet<String>,
    /// The names of the servers' domains: libvirt has a log for each.
    pub domains: BTreeSet<String>,
    /// The case has the cloud for itself: so everything does that is not, by its record,
    /// of someone else's project.
    pub all: bool,
    /// The project it works in.
    pub project: Option<String>,
}

impl Belongs {
    fn is_not_others(&self, record: &Record) -> bool {
        record.project.is_none() || record.project == self.project
    }

    /// What stands in each line of a record that is the case's; none when any may be.
    fn needles(&self) -> Option<Regex> {
        if self.all {
            return None;
        }
        let logs = self.domains.iter().map(|name| format!("{name}.log"));
        let ids = self.requests.iter().chain(&self.servers).cloned();
        let needles: Vec<String> = ids.chain(logs).map(|id| regex::escape(&id)).collect();
        let pattern = if needles.is_empty() { "[^\\s\\S]".to_string() } else { needles.join("|") };
        // Too many ids for one expression: each record is looked at then.
        Regex::new(&pattern).ok()
    }

    /// Whether the record names a request or a server of the case.
    fn names(&self, record: &Record) -> bool {
        let request = |id: &Option<String>| id.as_ref().is_some_and(|id| self.requests.contains(id));
        request(&record.request_id)
            || request(&record.global_request_id)
            || record.instance.as_ref().is_some_and(|id| self.servers.contains(id))
            || self.servers.iter().any(|id| record.text.contains(id.as_str()))
            || self.domains.iter().any(|name| is_log_of(&record.source, name))
    }
}

impl Logs {
    /// Follow the logs of a plan; returns when what is new from now on is seen, or when the
    /// hosts had their time for it. Records are kept in a folder until the end.
    pub async fn start(plan: Plan, folder: &Path, noise: AllowList) -> Logs {
        let kept = Arc::new(Mutex::new(Kept::new(folder, noise)));
        if plan.hosts.is_empty() && plan.left_out.is_empty() {
            return Logs { kept, reader: None };
        }
        let into = Arc::clone(&kept);
        let (ready, is_ready) = oneshot::channel::<()>();
        let (end, mut ended) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let mut ready = Some(ready);
            let mut watch = plan.watch();
            loop {
                let event = tokio::select! {
                    event = watch.next() => event,
                    _ = &mut ended => break,
                };
                let Some(event) = event else { break };
                let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
                match event {
                    Event::Record(record) => kept.push(&record),
                    Event::CaughtUp => drop(ready.take()),
                    Event::Up { host, clock_ahead } => drop(kept.ahead.insert(host, clock_ahead)),
                    _ => {}
                }
            }
            let unread = watch.unread().lines();
            watch.stop().await;
            unread
        });
        // Signalled by dropping it: also when the watch ends at once.
        let _ = is_ready.await;
        Logs { kept, reader: Some(Reader { end, task }) }
    }

    /// Wait for what was written just now and is on its way.
    pub async fn last_words(&self) {
        if self.reader.is_some() {
            tokio::time::sleep(LAST_WORDS).await;
        }
    }

    /// What the logs say of a case since it began.
    pub async fn cut(&self, asked: Asked) -> Cut {
        let kept = Arc::clone(&self.kept);
        let cut = tokio::task::spawn_blocking(move || cut(&kept, asked)).await;
        cut.unwrap_or_else(|why| Cut {
            lost: Some(format!("they could not be read: {why}")),
            ..Cut::default()
        })
    }

    /// What the logs since a time say of requests.
    pub async fn traces(&self, begin: Timestamp, of: Vec<Known>) -> Vec<Trace> {
        let kept = Arc::clone(&self.kept);
        let traced = tokio::task::spawn_blocking(move || traces(&kept, begin, of));
        // That it cannot be read is reported with the records.
        traced.await.unwrap_or_default()
    }

    /// Write all records since a time into a file.
    pub async fn write_since(&self, begin: Timestamp, file: PathBuf) {
        let kept = Arc::clone(&self.kept);
        let written = tokio::task::spawn_blocking(move || write_since(&kept, begin, &file));
        // What cannot be written is not worth failing a case for.
        let _ = written.await;
    }

    /// Forget what is older than the begin of every case that still runs.
    pub fn forget_before(&self, time: Timestamp) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { spool, taken, unclaimed, .. } = &mut *kept;
        spool.forget_before(time - SLACK, |place, record| {
            if !taken.remove(&place) {
                unclaimed.judge(&record);
            }
        });
    }

    /// End it: the exceptions no case has taken for its own, and what could not be read.
    pub async fn close(self) -> (Vec<Thrown>, Vec<String>) {
        self.last_words().await;
        let mut unread = Vec::new();
        if let Some(reader) = self.reader {
            let _ = reader.end.send(());
            match tokio::time::timeout(Duration::from_secs(20), reader.task).await {
                Ok(Ok(lines)) => unread = lines,
                _ => unread.push("whether all logs were read is not known".into()),
            }
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { spool, taken, unclaimed, lost, .. } = &mut *kept;
        let rest = spool.exceptions(|place, record| {
            if !taken.contains(&place) {
                unclaimed.judge(&record);
            }
        });
        if let Err(why) = rest {
            unread.push(format!("the records that were kept: {why}"));
        }
        if unclaimed.more > 0 {
            let more = unclaimed.more;
            unread.push(format!("{more} more exceptions belong to no case, and are not listed"));
        }
        unread.extend(lost.text());
        (std::mem::take(&mut unclaimed.thrown), unread)
    }
}

fn cut(kept: &Mutex<Kept>, asked: Asked) -> Cut {
    let Asked { begin, belongs, mut allow, purpose, folder } = asked;
    let mut cut = Cut::default();
    let (parts, ahead) = {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        cut.lost = kept.lost.since(begin);
        match kept.spool.parts() {
            Ok(parts) => (parts, kept.ahead.clone()),
            Err(why) => {
                cut.lost = Some(format!("the last records could not be kept: {why}"));
                return cut;
            }
        }
    };
    let needles = belongs.needles();
    let mut file = folder.and_then(|folder| create(&folder.join("records.log")));
    let read = each(&parts, |place, line| {
        if needles.as_ref().is_some_and(|needles| !needles.is_match(line)) {
            return Ok(());
        }
        let record: Record = serde_json::from_slice(line)?;
        // A request or a server is the case's whatever the clock of the host says.
        let is_own = belongs.names(&record)
            || belongs.all && !is_early(&record, begin, &ahead) && belongs.is_not_others(&record);
        if is_own {
            write_record(&mut file, &record);
            cut.take(place, &record, &mut allow, &purpose);
        }
        Ok(())
    });
    if let Err(why) = read {
        cut.lost = Some(format!("they could not be read again: {why}"));
    }
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.taken.extend(cut.taken.drain(..));
    cut
}

fn traces(kept: &Mutex<Kept>, begin: Timestamp, of: Vec<Known>) -> Vec<Trace> {
    let (parts, ahead) = {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.spool.parts().unwrap_or_default(), kept.ahead.clone())
    };
    let mut collectors: Vec<Collector> = of.into_iter().map(Collector::new).collect();
    for collector in &mut collectors {
        ahead.iter().for_each(|(host, ahead)| collector.clock(host, *ahead));
    }
    let _ = each(&parts, |_, line| {
        let record: Record = serde_json::from_slice(line)?;
        if !is_early(&record, begin, &ahead) {
            collectors.iter_mut().for_each(|collector| collector.push(&record));
        }
        Ok(())
    });
    collectors.into_iter().map(Collector::trace).collect()
}

fn write_since(kept: &Mutex<Kept>, begin: Timestamp, path: &Path) {
    let (parts, ahead) = {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.spool.parts().unwrap_or_default(), kept.ahead.clone())
    };
    let mut file = create(path);
    let _ = each(&parts, |_, line| {
        let record: Record = serde_json::from_slice(line)?;
        if !is_early(&record, begin, &ahead) {
            write_record(&mut file, &record);
        }
        Ok(())
    });
}

/// Whether a record was written before a time of this machine's, by its host's clock.
fn is_early(record: &Record, begin: Timestamp, ahead: &HashMap<String, f64>) -> bool {
    let ahead = ahead.get(&record.host).copied().unwrap_or_default();
    let ahead = SignedDuration::try_from_secs_f64(ahead).unwrap_or_default();
    let from = (begin - SLACK).checked_add(ahead).unwrap_or(begin);
    record.time.is_some_and(|time| time < from)
}

fn each(parts: &[Part], mut line: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
    parts.iter().try_for_each(|part| part.lines(&mut line))
}

type Writer = Option<io::BufWriter<std::fs::File>>;

fn create(path: &Path) -> Writer {
    crate::private_file().truncate(true).open(path).ok().map(io::BufWriter::new)
}

/// What cannot be written is not worth failing a case for.
fn write_record(to: &mut Writer, record: &Record) {
    if let Some(file) = to
        && writeln!(file, "{}:{}: {}", record.host, record.source, record.text).is_err()
    {
        *to = None;
    }
}

impl Kept {
    fn new(folder: &Path, noise: AllowList) -> Kept {
        Kept {
            spool: Spool::new(folder.to_path_buf()),
            taken: BTreeSet::new(),
            unclaimed: Unclaimed { noise, thrown: Vec::new(), more: 0 },
            ahead: HashMap::new(),
            lost: Lost::default(),
        }
    }

    fn push(&mut self, record: &Record) {
        if let Err(why) = self.spool.push(record) {
            self.lost.count += 1;
            self.lost.last = Some(Timestamp::now());
            self.lost.why = why.to_string();
        }
    }
}

impl Lost {
    fn text(&self) -> Option<String> {
        (self.count > 0).then(|| format!("{} records could not be kept: {}", self.count, self.why))
    }

    /// The same, when any was lost since.
    fn since(&self, begin: Timestamp) -> Option<String> {
        self.text().filter(|_| self.last >= Some(begin))
    }
}

#[cfg(test)]
mod tests;
