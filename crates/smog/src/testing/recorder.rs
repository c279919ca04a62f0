//! The flight recorder: the logs of all hosts while cases run, and a case's folder.

use std::collections::{BTreeSet, VecDeque};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;

use super::check::Check;
use super::outcome::{CallLine, LogLine, Thrown};
use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::host::Host;
use crate::watch::{AllowList, Event, LAST_WORDS, Level, Record, Sources, Watch};

/// The logs of all hosts, kept for as long as a running case may ask for them.
pub(super) struct Logs {
    kept: Arc<Mutex<Kept>>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Kept {
    records: VecDeque<Record>,
    /// Exceptions that a case has taken for its own, by their place in all that came.
    first: u64,
    taken: BTreeSet<u64>,
    unclaimed: Vec<Record>,
    problems: BTreeSet<String>,
}

/// At most so many records are kept; a case that runs for hours at debug level loses its
/// oldest ones, not the machine its memory.
const MOST: usize = 400_000;

/// A log line may be stamped a little before the call that it is about was sent: clocks differ.
const SLACK: SignedDuration = SignedDuration::from_millis(500);

/// What belongs to a case.
#[derive(Debug, Default)]
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
    pub own: Vec<Record>,
    pub all: Vec<Record>,
    pub thrown: Vec<Thrown>,
    pub allowed: u64,
    /// The classes of all exceptions of the case and of what caused them, by their last words.
    pub classes: BTreeSet<String>,
}

impl Logs {
    /// Follow the logs of these hosts; returns when what is new from now on is seen, or when
    /// the hosts had their time for it. `problems` tells of hosts that smog has no way to.
    pub async fn start(hosts: Vec<(Host, Sources)>, problems: BTreeSet<String>) -> Logs {
        let kept = Arc::new(Mutex::new(Kept { problems, ..Kept::default() }));
        if hosts.is_empty() {
            return Logs { kept, reader: None };
        }
        let into = Arc::clone(&kept);
        let (ready, is_ready) = tokio::sync::oneshot::channel::<()>();
        let reader = tokio::spawn(async move {
            let mut ready = Some(ready);
            let mut watch = Watch::start(hosts);
            while let Some(event) = watch.next().await {
                let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
                match event {
                    Event::Record(record) => {
                        kept.records.push_back(*record);
                        if kept.records.len() > MOST {
                            kept.forget_first();
                        }
                    }
                    Event::CaughtUp => drop(ready.take()),
                    other => kept.problems.extend(crate::watch::problem_text(&other)),
                }
            }
        });
        // Told by dropping it: also when the watch ends at once.
        let _ = is_ready.await;
        Logs { kept, reader: Some(reader) }
    }

    /// Wait for what was written just now and is on its way.
    pub async fn last_words(&self) {
        if self.reader.is_some() {
            tokio::time::sleep(LAST_WORDS).await;
        }
    }

    /// The records since `begin`, and which of them are a case's.
    pub fn cut(&self, begin: Timestamp, belongs: &Belongs, allow: &mut AllowList, purpose: &[String]) -> Cut {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let from = begin - SLACK;
        let mut cut = Cut::default();
        let mut taken = Vec::new();
        for (at, record) in kept.records.iter().enumerate() {
            let is_early = record.time.is_some_and(|time| time < from);
            if !is_early {
                cut.all.push(record.clone());
            }
            // A request or a server is the case's whatever the clock of the host says.
            if !(belongs.names(record) || belongs.all && !is_early && belongs.is_not_others(record)) {
                continue;
            }
            cut.own.push(record.clone());
            let Some(exception) = &record.exception else { continue };
            taken.push(kept.first + at as u64);
            let name = class(&exception.name);
            cut.classes.extend(exception.causes.iter().map(|cause| class(&cause.name).to_string()));
            cut.classes.insert(name.to_string());
            if purpose.iter().any(|purpose| purpose == name) || allow.allows(record) {
                cut.allowed += 1;
            } else {
                cut.thrown.push(thrown(record));
            }
        }
        kept.taken.extend(taken);
        cut
    }

    /// Forget what is older than the begin of every case that still runs.
    pub fn forget_before(&self, time: Timestamp) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.records.front().is_some_and(|record| record.time.is_none_or(|at| at < time - SLACK)) {
            kept.forget_first();
        }
    }

    /// End it: the exceptions no case has taken for its own, and what could not be read.
    pub async fn close(self, allow: &mut AllowList) -> (Vec<Thrown>, Vec<String>) {
        self.last_words().await;
        if let Some(reader) = self.reader {
            // Dropping the watch ends the far ends.
            reader.abort();
            let _ = tokio::time::timeout(Duration::from_secs(5), reader).await;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while !kept.records.is_empty() {
            kept.forget_first();
        }
        let unclaimed = std::mem::take(&mut kept.unclaimed);
        let thrown = unclaimed.iter().filter(|record| !allow.allows(record)).map(thrown).collect();
        (thrown, kept.problems.iter().cloned().collect())
    }
}

impl Kept {
    fn forget_first(&mut self) {
        let place = self.first;
        self.first += 1;
        if let Some(record) = self.records.pop_front()
            && record.exception.is_some()
            && !self.taken.remove(&place)
        {
            self.unclaimed.push(record);
        }
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
    /// The logs tell of an exception of this class.
    pub fn tells_of(&self, name: &str) -> Check {
        let found: Vec<&str> = self.classes.iter().map(String::as_str).collect();
        let found = if found.is_empty() { "none".to_string() } else { found.join(", ") };
        Check::that("exceptions", self.classes.contains(name), found, name).from("the logs of all hosts")
    }

    /// The records that a report shows: warnings and worse, and what services say of a server
    /// in the normal course; the gravest, in the order of time. Lines of an HTTP server's log
    /// for each call are not worth the room.
    pub fn shown(&self) -> Vec<LogLine> {
        let level = |record: &&Record| std::cmp::Reverse(record.level.unwrap_or(Level::Debug));
        let is_worth = |record: &&Record| match record.level {
            Some(Level::Info) => record.instance.is_some(),
            Some(level) => level > Level::Info,
            None => false,
        };
        let mut gravest: Vec<&Record> = self.own.iter().filter(is_worth).collect();
        gravest.sort_by_key(level);
        gravest.truncate(SHOWN);
        gravest.sort_by_key(|record| record.time);
        gravest.into_iter().map(log_line).collect()
    }

    /// The end of a guest's QEMU that nobody wanted, and its last words.
    fn crash(&self) -> Option<String> {
        let at = self.own.iter().position(|record| record.text.contains("shutting down, reason=crashed"))?;
        let end = &self.own[at];
        let before = self.own[..at].iter().rev().filter(|record| record.source == end.source);
        let words = before.map(|record| record.text.trim()).find(|text| text.contains("qemu"));
        let words = words.map(|words| format!(": {}", cut_to(words, 160))).unwrap_or_default();
        Some(format!("the guest's QEMU crashed{words} ({} {})", end.host, end.source))
    }

    /// The likely first cause of a failure: a guest's QEMU that crashed; else the earliest
    /// exception, by its root; where none was thrown, the earliest error that was logged.
    pub fn likely(&self) -> Option<String> {
        if let Some(crash) = self.crash() {
            return Some(crash);
        }
        // What has no time cannot be the first of those that have.
        let first = self.thrown.iter().min_by_key(|thrown| (thrown.at.is_none(), thrown.at));
        let Some(first) = first else {
            let errors = self.own.iter().filter(|record| {
                record.exception.is_none() && record.level.is_some_and(|level| level >= Level::Error)
            });
            let error = errors.min_by_key(|record| (record.time.is_none(), record.time))?;
            return Some(format!("{} ({} {})", first_words(&error.message), error.host, error.source));
        };
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

    pub fn write_records(&self, name: &str, records: &[Record]) {
        let mut text = String::new();
        for record in records {
            text.push_str(&format!("{}:{}: {}\n", record.host, record.source, record.text));
        }
        self.write(name, &text);
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
        let kept = Kept { records: records.into(), ..Kept::default() };
        Logs { kept: Arc::new(Mutex::new(kept)), reader: None }
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
        let mut allow = AllowList::default();
        let one = logs.cut(begin, &belongs("req-a"), &mut allow, &[]);
        assert_eq!(
            one.thrown.iter().map(|thrown| thrown.name.as_str()).collect::<Vec<_>>(),
            ["nova.exception.Mine"]
        );
        assert_eq!((one.own.len(), one.all.len()), (2, 4));
        let other = logs.cut(begin, &belongs("req-b"), &mut allow, &["Theirs".to_string()]);
        assert_eq!((other.thrown.len(), other.allowed), (0, 1), "its purpose");
        assert!(other.tells_of("Theirs").holds && !other.tells_of("Mine").holds);
        let (rest, _) = logs.close(&mut allow).await;
        let names: Vec<&str> = rest.iter().map(|thrown| thrown.name.as_str()).collect();
        assert_eq!(names, ["nova.exception.Early", "nova.exception.Nobodys"]);
    }

    #[test]
    fn a_request_is_its_own_on_a_host_whose_clock_is_behind_too() {
        let logs = logs(vec![record(100, "req-a", Some("nova.exception.Mine"))]);
        let begin = Timestamp::from_second(150).expect("a time");
        let cut = logs.cut(begin, &belongs("req-a"), &mut AllowList::default(), &[]);
        assert_eq!((cut.thrown.len(), cut.all.len()), (1, 0));
    }

    #[tokio::test]
    async fn what_is_allowed_by_its_logger_is_so_when_it_is_nobodys() {
        let noise =
            Record { logger: Some("ovsdbapp.backend".into()), ..record(200, "req-x", Some("RowNotFound")) };
        let other =
            Record { logger: Some("nova.compute".into()), ..record(200, "req-x", Some("RowNotFound")) };
        let allow = Allow::of(Some("RowNotFound"), Some("ovsdbapp"), None, None).expect("an entry");
        let (left, _) = logs(vec![noise, other]).close(&mut AllowList::new([allow])).await;
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn the_likely_cause_is_the_first_and_not_the_last() {
        let at = |second: i64, name: &str| record(second, "req-a", Some(name));
        let undated = Record { time: None, ..at(0, "nova.exception.Undated") };
        let logs = logs(vec![undated, at(205, "nova.exception.Symptom"), at(201, "nova.exception.Cause")]);
        let begin = Timestamp::from_second(150).expect("a time");
        let cut = logs.cut(begin, &belongs("req-a"), &mut AllowList::default(), &[]);
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
        let cut = logs.cut(begin, &belongs, &mut AllowList::default(), &[]);
        let likely = cut.likely().expect("a cause");
        assert!(
            likely.starts_with("the guest's QEMU crashed: qemu-system-x86_64: system/physmem.c:2671"),
            "{likely}"
        );
        assert!(likely.ends_with("(cmp1 /var/log/libvirt/qemu/instance-00000068.log)"), "{likely}");
        assert_eq!(cut.own.len(), 4, "not the other guest's");
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
        let cut = logs.cut(begin, &belongs("req-a"), &mut AllowList::default(), &[]);
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
        let cut = logs.cut(begin, &belongs("req-a"), &mut AllowList::default(), &[]);
        let shown = cut.shown();
        assert_eq!((shown.len(), cut.own.len()), (SHOWN, 105));
        assert!(shown.iter().any(|line| line.level == "WARNING"));
        assert!(shown.iter().all(|line| line.level != "DEBUG" && line.text != "GET /servers"));
    }

    #[test]
    fn a_case_that_is_alone_answers_for_all() {
        let logs = logs(vec![record(200, "req-x", Some("SomeError"))]);
        let begin = Timestamp::from_second(150).expect("a time");
        let alone = Belongs { all: true, ..Belongs::default() };
        assert_eq!(logs.cut(begin, &alone, &mut AllowList::default(), &[]).thrown.len(), 1);
    }

    #[test]
    fn but_not_for_strangers() {
        let stranger = Record { project: Some("theirs".into()), ..record(200, "req-x", Some("SomeError")) };
        let logs = logs(vec![stranger]);
        let begin = Timestamp::from_second(150).expect("a time");
        let alone = Belongs { all: true, project: Some("ours".into()), ..Belongs::default() };
        assert_eq!(logs.cut(begin, &alone, &mut AllowList::default(), &[]).thrown.len(), 0);
    }
}
