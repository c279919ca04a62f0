//! The flight recorder: the logs of all hosts while cases run, and a case's folder.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use regex::bytes::Regex;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::check::Check;
use super::outcome::{CallLine, LogLine, Thrown};
use super::spool::{Part, Spool};
use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::host::Host;
use crate::trace::{Collector, Known, Trace};
use crate::watch::{AllowList, Event, LAST_WORDS, Level, Plan, Record};

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

/// So many exceptions of nobody are listed; more are counted.
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
    /// of somebody else's project.
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

/// What the logs say of a case.
#[derive(Debug, Default)]
pub(super) struct Cut {
    /// How many records are its own.
    pub count: usize,
    pub thrown: Vec<Thrown>,
    pub allowed: u64,
    /// The classes of all exceptions of the case and of what caused them, by their last words.
    pub classes: BTreeSet<String>,
    /// Why something of the logs is not known, though it came.
    pub lost: Option<String>,
    /// The gravest, with their times.
    gravest: Vec<(Level, LogLine)>,
    /// Of each log, the last line of QEMU's.
    words: BTreeMap<String, String>,
    crash: Option<String>,
    first_error: Option<(Option<Timestamp>, String)>,
    taken: Vec<u64>,
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
        // Told by dropping it: also when the watch ends at once.
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
        // That it cannot be read is told with the records.
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

/// The last word of an exception's class; what came over RPC bears a suffix.
fn class(name: &str) -> &str {
    let name = name.rsplit('.').next().unwrap_or(name);
    name.strip_suffix("_Remote").unwrap_or(name)
}

fn thrown(record: &Record) -> Thrown {
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
const SHOWN: usize = 40;

/// So many characters of one.
const SHOWN_CHARS: usize = 400;

impl Cut {
    #[cfg(test)]
    pub fn of_classes(names: &[&str]) -> Cut {
        Cut { classes: names.iter().map(|name| name.to_string()).collect(), ..Cut::default() }
    }

    /// A record of the case.
    fn take(&mut self, place: u64, record: &Record, allow: &mut AllowList, purpose: &[String]) {
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

    /// The logs tell of an exception of this class.
    pub fn tells_of(&self, name: &str) -> Check {
        let found: Vec<&str> = self.classes.iter().map(String::as_str).collect();
        let found = if found.is_empty() { "none".to_string() } else { found.join(", ") };
        Check::that("exceptions", self.classes.contains(name), found, name).from("the logs of all hosts")
    }

    /// Warnings and worse are shown, and what services say of a server in the normal course.
    /// Lines of an HTTP server's log for each call are not worth the room.
    fn keep_if_grave(&mut self, record: &Record) {
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
    fn cut_gravest(&mut self) {
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

    /// The end of a guest's QEMU that nobody wanted, and its last words.
    fn look_for_crash(&mut self, record: &Record) {
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

    fn note_error(&mut self, record: &Record) {
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
fn is_log_of(source: &str, domain: &str) -> bool {
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

/// A case's folder.
pub(super) struct Folder(pub PathBuf);

impl Folder {
    /// Make it; a second case of this name in the same second gets a number.
    pub fn make(below: &Path, stamp: &str) -> Result<Folder> {
        let failed = |why: std::io::Error| Error::Invalid {
            what: format!("folder {}", below.display()),
            why: why.to_string(),
            hint: Some("`log_dir` of smog.yml, or `--log-dir`, names another".into()),
        };
        crate::record_folder(below)?;
        for number in 1.. {
            let name = if number == 1 { stamp.to_string() } else { format!("{stamp}-{number}") };
            let path = below.join(name);
            match std::fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Folder(path)),
                Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(why) => return Err(failed(why)),
            }
        }
        unreachable!("numbers do not end")
    }

    /// Write a file of it. What cannot be written is not worth failing a case for.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.0.join(name);
        if let Some(parent) = path.parent() {
            let _ = crate::private_folder(parent);
        }
        let file = crate::private_file().truncate(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(content.as_bytes()));
    }

    pub fn write_calls(&self, calls: &[CallLine]) {
        let lines: Vec<String> = calls.iter().filter_map(|call| serde_json::to_string(call).ok()).collect();
        self.write("calls.jsonl", &(lines.join("\n") + "\n"));
    }

    /// The guests as they are at the moment of failure: domain XML, threads, console.
    pub async fn write_scene(&self, guests: Vec<Guest>, hosts: Vec<Host>) {
        for mut guest in guests {
            let name = guest.name().to_string();
            if guest.refresh().await.is_err() {
                continue;
            }
            if let Ok(text) = serde_json::to_string_pretty(&guest.server) {
                self.write(&format!("servers/{name}.json"), &text);
            }
            if let Ok(actions) = guest_actions(&guest).await {
                self.write(&format!("servers/{name}-actions.json"), &actions);
            }
            if let Ok(xml) = guest.dumpxml().await {
                self.write(&format!("xml/{name}.xml"), &xml);
            }
            if let Ok(process) = guest.process().await
                && let Ok(text) = serde_json::to_string_pretty(&process)
            {
                self.write(&format!("processes/{name}.json"), &text);
            }
            if let Ok(console) = guest.console(Some(200)).await {
                self.write(&format!("consoles/{name}.log"), &console);
            }
        }
        for host in hosts {
            if let Ok(facts) = host.facts().await
                && let Ok(text) = serde_json::to_string_pretty(&facts)
            {
                self.write(&format!("facts/{}.json", host.name()), &text);
            }
        }
    }
}

async fn guest_actions(guest: &Guest) -> Result<String> {
    let actions = guest.cloud().actions_with_events(&guest.server.id).await?;
    serde_json::to_string_pretty(&actions).map_err(|why| Error::Parse {
        what: "actions".into(),
        source_of: guest.name().into(),
        why: why.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::{Allow, Exception};

    fn record(at: i64, request: &str, exception: Option<&str>) -> Record {
        Record {
            host: "cmp1".into(),
            source: "nova-compute.log".into(),
            time: Timestamp::from_second(at).ok(),
            request_id: Some(request.into()),
            exception: exception.map(|name| Exception { name: name.into(), ..Exception::default() }),
            ..Record::default()
        }
    }

    fn logs(records: Vec<Record>) -> Logs {
        logs_with(records, AllowList::default())
    }

    fn logs_with(records: Vec<Record>, noise: AllowList) -> Logs {
        let mut kept = Kept::new(&std::env::temp_dir(), noise);
        records.iter().for_each(|record| kept.push(record));
        assert_eq!(kept.lost.count, 0, "{:?}", kept.lost);
        Logs { kept: Arc::new(Mutex::new(kept)), reader: None }
    }

    impl Logs {
        fn cut_now(&self, begin: Timestamp, belongs: &Belongs, purpose: &[String]) -> Cut {
            let (belongs, purpose) = (belongs.clone(), purpose.to_vec());
            cut(&self.kept, Asked { begin, belongs, allow: AllowList::default(), purpose, folder: None })
        }
    }

    fn belongs(request: &str) -> Belongs {
        Belongs { requests: [request.to_string()].into(), ..Belongs::default() }
    }

    #[tokio::test]
    async fn an_exception_is_blamed_on_the_case_whose_request_it_was() {
        let logs = logs(vec![
            record(100, "req-0", Some("nova.exception.Early")),
            record(200, "req-a", Some("nova.exception.Mine")),
            record(201, "req-b", Some("nova.exception_Remote.Theirs_Remote")),
            record(202, "req-a", None),
            record(203, "req-c", Some("nova.exception.Nobodys")),
        ]);
        let begin = Timestamp::from_second(150).expect("a time");
        let one = logs.cut_now(begin, &belongs("req-a"), &[]);
        assert_eq!(
            one.thrown.iter().map(|thrown| thrown.name.as_str()).collect::<Vec<_>>(),
            ["nova.exception.Mine"]
        );
        assert_eq!(one.count, 2);
        let other = logs.cut_now(begin, &belongs("req-b"), &["Theirs".to_string()]);
        assert_eq!((other.thrown.len(), other.allowed), (0, 1), "its purpose");
        assert!(other.tells_of("Theirs").holds && !other.tells_of("Mine").holds);
        let (rest, _) = logs.close().await;
        let names: Vec<&str> = rest.iter().map(|thrown| thrown.name.as_str()).collect();
        assert_eq!(names, ["nova.exception.Early", "nova.exception.Nobodys"]);
    }

    #[test]
    fn a_request_is_its_own_on_a_host_whose_clock_is_behind_too() {
        let logs = logs(vec![record(100, "req-a", Some("nova.exception.Mine"))]);
        let begin = Timestamp::from_second(150).expect("a time");
        let cut = logs.cut_now(begin, &belongs("req-a"), &[]);
        assert_eq!((cut.thrown.len(), cut.count), (1, 1));
    }

    #[tokio::test]
    async fn what_is_allowed_by_its_logger_is_so_when_it_is_nobodys() {
        let noise =
            Record { logger: Some("ovsdbapp.backend".into()), ..record(200, "req-x", Some("RowNotFound")) };
        let other =
            Record { logger: Some("nova.compute".into()), ..record(200, "req-x", Some("RowNotFound")) };
        let allow = Allow::of(Some("RowNotFound"), Some("ovsdbapp"), None, None).expect("an entry");
        let (left, _) = logs_with(vec![noise, other], AllowList::new([allow])).close().await;
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[tokio::test]
    async fn any_amount_of_known_noise_is_not_unread() {
        let noise = |at| record(at, "req-x", Some("RowNotFound"));
        let allow = Allow::of(Some("RowNotFound"), None, None, None).expect("an entry");
        let folder = tempfile::tempdir().expect("a folder");
        let mut kept = Kept::new(folder.path(), AllowList::new([allow]));
        kept.spool = Spool::of_segments(folder.path().to_path_buf(), 1000);
        (0..2 * MOST_UNCLAIMED as i64).for_each(|at| kept.push(&noise(at)));
        kept.push(&record(10_000, "req-x", Some("nova.exception.Nobodys")));
        let logs = Logs { kept: Arc::new(Mutex::new(kept)), reader: None };
        logs.forget_before(Timestamp::from_second(20_000).expect("a time"));
        let (left, unread) = logs.close().await;
        assert_eq!((left.len(), unread), (1, vec![]));
    }

    #[test]
    fn the_likely_cause_is_the_first_and_not_the_last() {
        let at = |second: i64, name: &str| record(second, "req-a", Some(name));
        let undated = Record { time: None, ..at(0, "nova.exception.Undated") };
        let logs = logs(vec![undated, at(205, "nova.exception.Symptom"), at(201, "nova.exception.Cause")]);
        let begin = Timestamp::from_second(150).expect("a time");
        let cut = logs.cut_now(begin, &belongs("req-a"), &[]);
        assert!(cut.likely().is_some_and(|likely| likely.contains("Cause")), "{:?}", cut.likely());
    }

    #[test]
    fn a_crash_of_the_guest_s_qemu_comes_before_all() {
        // As QEMU 10.0.13 of smog's lab has said it.
        const ASSERTION: &str = "qemu-system-x86_64: system/physmem.c:2671: iotlb_to_section: Assertion \
                                 `section_index < d->map.sections_nb' failed.";
        let said = |domain: &str, text: &str| Record {
            source: format!("/var/log/libvirt/qemu/{domain}.log"),
            request_id: None,
            text: text.into(),
            ..record(201, "", None)
        };
        let end = "2026-11-27 16:23:18.381+0000: shutting down, reason=crashed";
        let logs = logs(vec![
            said("instance-00000069", "qemu-system-x86_64: another guest's"),
            said("instance-00000068", "char device redirected to /dev/pts/0 (label charserial0)"),
            said("instance-00000068", ASSERTION),
            said("instance-00000068", end),
            record(202, "req-a", Some("nova.exception.ConsoleNotAvailable")),
        ]);
        let begin = Timestamp::from_second(150).expect("a time");
        let belongs = Belongs { domains: ["instance-00000068".to_string()].into(), ..belongs("req-a") };
        let cut = logs.cut_now(begin, &belongs, &[]);
        let likely = cut.likely().expect("a cause");
        assert!(
            likely.starts_with("the guest's QEMU crashed: qemu-system-x86_64: system/physmem.c:2671"),
            "{likely}"
        );
        assert!(likely.ends_with("(cmp1 /var/log/libvirt/qemu/instance-00000068.log)"), "{likely}");
        assert_eq!(cut.count, 4, "not the other guest's");
    }

    #[test]
    fn without_an_exception_it_is_the_first_error() {
        let said = |second: i64, level: Level, message: &str| Record {
            level: Some(level),
            message: message.into(),
            ..record(second, "req-a", None)
        };
        let logs = logs(vec![
            said(201, Level::Warning, "odd"),
            said(203, Level::Error, "late"),
            said(202, Level::Error, "[req-0-1] no such cell"),
        ]);
        let begin = Timestamp::from_second(150).expect("a time");
        let mut cut = logs.cut_now(begin, &belongs("req-a"), &[]);
        assert_eq!(cut.likely().as_deref(), Some("no such cell (cmp1 nova-compute.log)"));
        let shown: Vec<String> = cut.shown().into_iter().map(|line| line.text).collect();
        assert_eq!(shown, ["odd", "[req-0-1] no such cell", "late"], "in the order of time");
    }

    #[test]
    fn what_a_report_shows_are_the_gravest_records() {
        let said = |level: Level| Record {
            level: Some(level),
            instance: Some("6d1f".into()),
            ..record(201, "req-a", None)
        };
        let mut records = vec![said(Level::Debug); 3];
        records.push(Record { instance: None, message: "GET /servers".into(), ..said(Level::Info) });
        records.extend(vec![said(Level::Info); 100]);
        records.push(said(Level::Warning));
        let logs = logs(records);
        let begin = Timestamp::from_second(150).expect("a time");
        let mut cut = logs.cut_now(begin, &belongs("req-a"), &[]);
        let shown = cut.shown();
        assert_eq!((shown.len(), cut.count), (SHOWN, 105));
        assert!(shown.iter().any(|line| line.level == "WARNING"));
        assert!(shown.iter().all(|line| line.level != "DEBUG" && line.text != "GET /servers"));
    }

    #[test]
    fn a_case_that_is_alone_answers_for_all() {
        let logs = logs(vec![record(200, "req-x", Some("SomeError"))]);
        let begin = Timestamp::from_second(150).expect("a time");
        let alone = Belongs { all: true, ..Belongs::default() };
        assert_eq!(logs.cut_now(begin, &alone, &[]).thrown.len(), 1);
    }

    #[test]
    fn but_not_for_strangers() {
        let stranger = Record { project: Some("theirs".into()), ..record(200, "req-x", Some("SomeError")) };
        let logs = logs(vec![stranger]);
        let begin = Timestamp::from_second(150).expect("a time");
        let alone = Belongs { all: true, project: Some("ours".into()), ..Belongs::default() };
        assert_eq!(logs.cut_now(begin, &alone, &[]).thrown.len(), 0);
    }

    /// Resident memory of this process, in MiB.
    fn resident_mib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("status");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") / 1024
    }

    #[test]
    fn the_records_of_a_run_do_not_fill_the_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let before = resident_mib();
        let mut kept = Kept::new(folder.path(), AllowList::default());
        let text = "x".repeat(1000);
        for at in 0..250_000 {
            let request = if at % 1000 == 0 { "req-a" } else { "req-b" };
            kept.push(&Record { text: text.clone(), ..record(200 + at / 1000, request, None) });
        }
        let logs = Logs { kept: Arc::new(Mutex::new(kept)), reader: None };
        let begin = Timestamp::from_second(150).expect("a time");
        let cut = logs.cut_now(begin, &belongs("req-a"), &[]);
        let grown = resident_mib().saturating_sub(before);
        assert_eq!((cut.count, cut.lost), (250, None));
        assert!(grown < 100, "{grown} MiB");
    }

    #[test]
    fn records_that_cannot_be_kept_are_no_success() {
        let mut kept = Kept::new(Path::new("/proc/no/such"), AllowList::default());
        kept.push(&record(200, "req-a", Some("nova.exception.Mine")));
        let logs = Logs { kept: Arc::new(Mutex::new(kept)), reader: None };
        let begin = Timestamp::from_second(150).expect("a time");
        let cut = logs.cut_now(begin, &belongs("req-a"), &[]);
        assert!(cut.lost.is_some_and(|lost| lost.starts_with("1 records could not be kept")));
    }
}
