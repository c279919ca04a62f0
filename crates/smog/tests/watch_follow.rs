//! Following real files on this machine: rotation, truncation, a lost far end, no line lost
//! or doubled.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use smog::host::{Cmd, Host};
use smog::watch::{Event, Exceptions, From, Record, Sources, Verdict, Watch, Watchers};

/// A log that is written to and followed.
struct Log {
    folder: tempfile::TempDir,
    written: usize,
}

impl Log {
    fn new() -> Log {
        Log { folder: tempfile::tempdir().expect("a folder"), written: 0 }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("nova.log")
    }

    fn line(&mut self) -> String {
        self.written += 1;
        let number = self.written;
        format!(
            "2026-11-24 10:00:{:02}.{:03} 7 INFO a [-] line {number:06}\n",
            number / 1000 % 60,
            number % 1000
        )
    }

    /// Append lines, as a writer that opens the path anew.
    fn write(&mut self, count: usize) {
        let mut file = append(&self.path());
        for _ in 0..count {
            let line = self.line();
            file.write_all(line.as_bytes()).expect("written");
        }
    }

    fn write_to(&mut self, file: &mut File, count: usize) {
        for _ in 0..count {
            let line = self.line();
            file.write_all(line.as_bytes()).expect("written");
        }
    }

    fn run(&self, program: &str, args: &[&str]) {
        let status = std::process::Command::new(program).args(args).current_dir(self.folder.path()).status();
        assert!(status.expect("started").success(), "{program} {args:?}");
    }

    fn sources(&self, from: From) -> Sources {
        let pattern = self.folder.path().join("*.log").display().to_string();
        Sources { from, ..Sources::files([pattern]) }
    }
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("opened")
}

/// What a watch told until all lines up to `last` were seen (or nothing came any more).
async fn lines(watch: &mut Watch, last: usize) -> (Vec<usize>, Vec<Event>) {
    let (mut seen, mut events) = (vec![], vec![]);
    let mut is_done = false;
    while !is_done {
        match tokio::time::timeout(Duration::from_secs(20), watch.next()).await {
            Ok(Some(Event::Record(record))) => {
                seen.extend(number(&record));
                is_done = number(&record) == Some(last);
            }
            Ok(Some(event)) => events.push(event),
            Ok(None) | Err(_) => break,
        }
    }
    (seen, events)
}

fn number(record: &Record) -> Option<usize> {
    record.message.strip_prefix("line ")?.parse().ok()
}

async fn caught_up(watch: &mut Watch) {
    let up = async {
        loop {
            match watch.next().await {
                Some(Event::CaughtUp) => return,
                Some(_) => {}
                None => panic!("the watch ended"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), up).await.expect("caught up");
}

/// The processes below this one that run the far end.
fn far_ends() -> Vec<i32> {
    let mut parents: BTreeMap<i32, i32> = BTreeMap::new();
    let mut watchers = vec![];
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        parents.insert(id, parent.unwrap_or(0));
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_python = words.split(|byte| *byte == 0).next().is_some_and(|word| word.ends_with(b"python3"));
        if is_python && words.windows(12).any(|window| window == b"smog's watch") {
            watchers.push(id);
        }
    }
    let own = std::process::id() as i32;
    let is_below = |mut id: i32| {
        for _ in 0..20 {
            if id == own {
                return true;
            }
            id = parents.get(&id).copied().unwrap_or(0);
        }
        false
    };
    watchers.retain(|id| is_below(*id));
    watchers
}

fn kill_far_end() {
    let ids = far_ends();
    assert_eq!(ids.len(), 1, "one far end runs");
    let status = std::process::Command::new("kill").args(["-9", &ids[0].to_string()]).status();
    assert!(status.expect("kill").success());
}

fn all_up_to(last: usize) -> Vec<usize> {
    (1..=last).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_by_renaming_loses_and_doubles_nothing() {
    let mut log = Log::new();
    log.write(3);
    let mut watch = Watch::start([(Host::local("here"), log.sources(From::Start))]);
    caught_up_after(&mut watch, 3).await;
    // The writer holds the old file open for a while, as a service does until it is told.
    let mut old = append(&log.path());
    log.run("mv", &["nova.log", "nova.log.1"]);
    log.write_to(&mut old, 3);
    log.write(2);
    let (mut seen, _) = lines(&mut watch, 8).await;
    log.write_to(&mut old, 1);
    log.write(1);
    let (more, _) = lines(&mut watch, 10).await;
    seen.extend(more);
    if !seen.contains(&9) {
        seen.extend(lines(&mut watch, 9).await.0);
    }
    seen.sort_unstable();
    assert_eq!(seen, (4..=10).collect::<Vec<_>>());
    watch.stop().await;
    assert_eq!(far_ends(), Vec::<i32>::new(), "nothing is left running");
}

/// Until the first lines are told.
async fn caught_up_after(watch: &mut Watch, last: usize) {
    let (seen, _) = lines(watch, last).await;
    assert_eq!(seen, all_up_to(last));
    caught_up(watch).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copying_and_truncating_loses_and_doubles_nothing() {
    let mut log = Log::new();
    log.write(3);
    let mut watch = Watch::start([(Host::local("here"), log.sources(From::Start))]);
    caught_up_after(&mut watch, 3).await;
    for round in 0..3 {
        log.run("cp", &["nova.log", &format!("nova.log.{}", round + 1)]);
        File::create(log.path()).expect("truncated");
        // At once longer than it was: by its length alone nobody would notice.
        let from = log.written;
        log.write(10);
        let (seen, _) = lines(&mut watch, from + 10).await;
        assert_eq!(seen, (from + 1..=from + 10).collect::<Vec<_>>(), "round {round}");
    }
    watch.stop().await;
}

/// The lines of one record, with one behind it.
const RECORD: [&str; 6] = [
    "2026-11-24 10:00:00.200 7 ERROR a.b [None req-1 u p] Failed: ValueError: x\n",
    "2026-11-24 10:00:00.200 7 ERROR a.b Traceback (most recent call last):\n",
    "2026-11-24 10:00:00.200 7 ERROR a.b   File \"a.py\", line 1, in f\n",
    "2026-11-24 10:00:00.200 7 ERROR a.b     g()\n",
    "2026-11-24 10:00:00.200 7 ERROR a.b ValueError: x\n",
    "2026-11-24 10:00:00.900 7 INFO a.b [-] line 000001\n",
];

/// The exceptions of a watch, up to the line behind them.
async fn thrown(watch: &mut Watch) -> Vec<(usize, Option<String>)> {
    let mut found = vec![];
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(10), watch.next()).await {
        let Event::Record(record) = event else { continue };
        if number(&record) == Some(1) {
            break;
        }
        if record.is_exception() {
            found.push((record.text.lines().count(), record.request_id.clone()));
        }
    }
    found
}

/// A traceback whose writer is in its midst when logrotate copies and truncates: it is one, whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_traceback_over_a_copied_and_truncated_file_is_one() {
    // Where the truncation falls, and whether it is noticed that something was written before it.
    for (cut, seen) in [(2, true), (3, true), (4, true), (3, false), (1, false)] {
        let log = Log::new();
        append(&log.path()).write_all(b"2026-11-24 10:00:00.000 7 INFO a.b [-] begin\n").expect("written");
        let mut watch = Watch::start([(Host::local("here"), log.sources(From::Start))]);
        caught_up(&mut watch).await;
        let far_end = far_ends().pop().expect("a far end");
        if !seen {
            // It sees neither the lines before nor the truncation, until both have happened.
            log.run("kill", &["-STOP", &far_end.to_string()]);
        }
        append(&log.path()).write_all(RECORD[..cut].concat().as_bytes()).expect("written");
        if seen {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        log.run("cp", &["nova.log", "nova.log.1"]);
        File::create(log.path()).expect("truncated");
        append(&log.path()).write_all(RECORD[cut..].concat().as_bytes()).expect("written");
        if !seen {
            log.run("kill", &["-CONT", &far_end.to_string()]);
        }
        assert_eq!(thrown(&mut watch).await, [(5, Some("req-1".to_string()))], "cut {cut}, seen {seen}");
        watch.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_far_end_goes_on_at_the_byte() {
    let mut log = Log::new();
    log.write(3);
    let mut watch = Watch::start([(Host::local("here"), log.sources(From::Start))]);
    caught_up_after(&mut watch, 3).await;
    // In the middle of a line.
    let line = log.line();
    append(&log.path()).write_all(&line.as_bytes()[..20]).expect("half a line");
    tokio::time::sleep(Duration::from_millis(150)).await;
    kill_far_end();
    append(&log.path()).write_all(&line.as_bytes()[20..]).expect("the other half");
    log.write(2);
    let (seen, events) = lines(&mut watch, 6).await;
    assert_eq!(seen, [4, 5, 6]);
    assert!(events.iter().any(|event| matches!(event, Event::Lost { .. })), "{events:?}");
    assert!(events.iter().any(|event| matches!(event, Event::Back { .. })), "{events:?}");
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotated_and_compressed_while_nobody_looked() {
    let mut log = Log::new();
    log.write(50);
    let mut watch = Watch::start([(Host::local("here"), log.sources(From::Start))]);
    caught_up_after(&mut watch, 50).await;
    kill_far_end();
    // Two rotations and gzip happen before it is back; a new log appears beside it as well.
    log.write(5);
    log.run("mv", &["nova.log", "nova.log.1"]);
    log.write(5);
    log.run("gzip", &["nova.log.1"]);
    log.run("mv", &["nova.log.1.gz", "nova.log.2.gz"]);
    log.run("mv", &["nova.log", "nova.log.1"]);
    log.write(5);
    let (mut seen, events) = lines(&mut watch, 65).await;
    seen.sort_unstable();
    assert_eq!(seen, (51..=65).collect::<Vec<_>>(), "{events:?}");
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_empty_at_first_is_known_when_it_was_compressed() {
    let mut log = Log::new();
    File::create(log.path()).expect("made");
    let mut watch = Watch::start([(Host::local("here"), log.sources(From::Start))]);
    caught_up(&mut watch).await;
    log.write(5);
    assert_eq!(lines(&mut watch, 5).await.0, all_up_to(5));
    // As logrotate does it: the compressed file is younger than the log, for a while at least.
    log.run("mv", &["nova.log", "nova.log.1"]);
    log.run("sh", &["-c", "gzip -c nova.log.1 > nova.log.1.gz && rm nova.log.1"]);
    log.write(5);
    assert_eq!(lines(&mut watch, 10).await.0, (6..=10).collect::<Vec<_>>());
    kill_far_end();
    log.run("mv", &["nova.log.1.gz", "nova.log.2.gz"]);
    log.run("sh", &["-c", "mv nova.log nova.log.1 && gzip -c nova.log.1 > nova.log.1.gz && rm nova.log.1"]);
    log.write(5);
    assert_eq!(lines(&mut watch, 15).await.0, (11..=15).collect::<Vec<_>>());
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_is_said() {
    let mut log = Log::new();
    log.write(5);
    let mut watch = Watch::start([(Host::local("here"), log.sources(From::Start))]);
    caught_up_after(&mut watch, 5).await;
    kill_far_end();
    std::fs::remove_file(log.path()).expect("removed");
    log.write(1);
    let (seen, events) = lines(&mut watch, 6).await;
    assert_eq!(seen, [6]);
    assert!(events.iter().any(|event| matches!(event, Event::Dropped { bytes: None, .. })), "{events:?}");
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_is_found_in_rotated_and_compressed_parts() {
    let mut log = Log::new();
    let local = |text: &str| {
        let zone = jiff::tz::TimeZone::system();
        zone.to_timestamp(text.parse().expect("a time")).expect("a time")
    };
    log.write(2000);
    log.run("gzip", &["nova.log"]);
    log.run("mv", &["nova.log.gz", "nova.log.2.gz"]);
    log.write(2000);
    log.run("mv", &["nova.log", "nova.log.1"]);
    log.write(2000);
    let search = async |since: &str, until: Option<&str>| {
        let mut sources = log.sources(From::Since(local(since)));
        sources.follow = false;
        sources.until = until.map(&local);
        let mut watch = Watch::start([(Host::local("here"), sources)]);
        let mut seen = vec![];
        while let Some(event) = watch.next().await {
            match event {
                Event::Record(record) => seen.extend(number(&record)),
                Event::Up { .. } | Event::CaughtUp => {}
                other => panic!("{other:?}"),
            }
        }
        seen
    };
    // Line N was written at second N / 1000. A part is entered by a whole second.
    let all = search("2026-11-24T09:00:00", None).await;
    assert!(all == all_up_to(6000), "{} of 6000 lines", all.len());
    let late = search("2026-11-24T10:00:03", None).await;
    assert!(late == (3000..=6000).collect::<Vec<_>>(), "{} lines from {:?}", late.len(), late.first());
    let some = search("2026-11-24T10:00:03", Some("2026-11-24T10:00:05")).await;
    assert_eq!((some.first(), some.last()), (Some(&3000), Some(&5000)));
    assert_eq!(search("2026-11-24T11:00:00", None).await, Vec::<usize>::new());
    // A part so short that halving it finds nothing: begun before the time, with one line behind it.
    let short = log.folder.path().join("short.log");
    let text = "2026-11-24 10:00:01.000 7 INFO a [-] line 100001\n2026-11-24 10:00:09.000 7 INFO a [-] line 100002\n";
    std::fs::write(&short, text).expect("written");
    assert_eq!(search("2026-11-24T10:00:08", None).await, [100_002]);
    std::fs::remove_file(&short).expect("removed");
    // The place is in the first lines of the last part, which begins with line 4001.
    let early = search("2026-11-24T10:00:04.020", None).await;
    assert!(early == (4020..=6000).collect::<Vec<_>>(), "{} lines from {:?}", early.len(), early.first());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_loses_nothing_and_needs_no_memory() {
    let mut log = Log::new();
    log.write(60_000);
    let mut watch = Watch::start([(Host::local("here"), log.sources(From::Start))]);
    // The log has been opened; on a busy machine that takes a while.
    let mut seen = Vec::new();
    let mut read_on = async |most: usize| {
        while seen.len() < most
            && let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(20), watch.next()).await
        {
            if let Event::Record(record) = event {
                seen.extend(number(&record));
            }
        }
    };
    read_on(1).await;
    // While this reader sleeps, the writer goes on and the file is rotated.
    tokio::time::sleep(Duration::from_millis(600)).await;
    log.run("mv", &["nova.log", "nova.log.1"]);
    log.write(60_000);
    read_on(120_000).await;
    seen.sort_unstable();
    assert_eq!(seen.len(), 120_000);
    assert!(seen == all_up_to(120_000));
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_files_are_told_in_the_order_of_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut texts = [String::new(), String::new()];
    for number in 0..4000 {
        // In blocks, so that the order of arrival is not the order of time.
        let which = usize::from(number / 100 % 2 == 1);
        texts[which] += &format!(
            "2026-11-24 10:{:02}:{:02}.000 {which} INFO a [-] line {:06}\n",
            number / 60 % 60,
            number % 60,
            number + 1
        );
    }
    for (at, text) in texts.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{at}.log")), text).expect("written");
    }
    let files = [folder.path().join("*.log").display().to_string()];
    let sources = Sources { from: From::Start, follow: false, ..Sources::files(files) };
    let mut watch = Watch::start([(Host::local("here"), sources)]);
    let (seen, _) = lines(&mut watch, 4001).await;
    assert_eq!(seen.len(), 4000);
    assert!(seen[..3600].is_sorted(), "{:?}", seen.iter().take(300).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_does_not_turn_a_log_round() {
    let folder = tempfile::tempdir().expect("a folder");
    let minutes = [10, 11, 59, 12, 13, 14, 5, 15];
    let line = |at: usize, minute: &u32| {
        format!("2026-11-24 10:{minute:02}:00.000 7 INFO a [-] line {:06}\n", at + 1)
    };
    let text: String = minutes.iter().enumerate().map(|(at, minute)| line(at, minute)).collect();
    std::fs::write(folder.path().join("a.log"), text).expect("written");
    let files = [folder.path().join("a.log").display().to_string()];
    let sources = Sources { from: From::Start, follow: false, ..Sources::files(files) };
    let mut watch = Watch::start([(Host::local("here"), sources)]);
    assert_eq!(lines(&mut watch, 8).await.0, all_up_to(8));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_by_name_stops_at_the_first_exception() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nova-compute.log");
    File::create(&path).expect("made");
    let saved = folder.path().join("saved.txt");
    let mut watchers = Watchers::default();
    let command = format!("tail -f {}/nova-*", folder.path().display());
    let log = Box::new(File::create(&saved).expect("made"));
    let first = Box::new(Exceptions::first());
    watchers.monitor("logwatcher", Host::local("here"), &command, first, Some(log)).await.expect("started");
    let again = Box::new(|_: &Record| Verdict::GoOn);
    let why = watchers.monitor("logwatcher", Host::local("here"), &command, again, None).await;
    assert!(why.expect_err("taken").to_string().contains("logwatcher"));

    let text = "2026-11-24 10:00:00.100 7 ERROR nova [None req-1 u p] no\nTraceback (most recent call last):\n  File \"a\", line 1\nnova.exception.NoValidHost: none\n";
    append(&path)
        .write_all(format!("2026-11-24 10:00:00.000 7 INFO nova [-] before\n{text}").as_bytes())
        .expect("written");
    let stopped = async {
        while watchers.watcher("logwatcher").expect("it").is_running() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), stopped).await.expect("stopped");
    let watched = watchers.close("logwatcher").await.expect("closed");
    assert!(watched.stopped);
    assert_eq!(watched.failed.as_deref(), Some("nova.exception.NoValidHost on host `here`"));
    assert_eq!((watched.kept.len(), watched.seen), (1, 2));
    assert_eq!(watched.kept[0].text, text.trim_end());
    assert_eq!(watched.kept[0].request_id.as_deref(), Some("req-1"));
    assert!(std::fs::read_to_string(&saved).expect("saved").ends_with(text));
    assert!(watchers.close("logwatcher").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_s_output_is_watched_and_its_end_told() {
    let cmd = Cmd::shell("echo 'one'; echo 'two'; printf 'three'; exit 3");
    let sources = Sources { commands: vec![cmd], follow: false, ..Sources::default() };
    let mut watch = Watch::start([(Host::local("here"), sources)]);
    let (mut texts, mut problems) = (vec![], vec![]);
    while let Some(event) = watch.next().await {
        match event {
            Event::Record(record) => texts.push(record.text),
            Event::Unreadable { why, .. } => problems.push(why),
            _ => {}
        }
    }
    assert_eq!(texts, ["one", "two", "three"]);
    assert_eq!(problems, ["ended with exit code 3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_said_and_the_rest_goes_on() {
    let mut log = Log::new();
    log.write(2);
    let mut sources = log.sources(From::Start);
    sources.files.push("/proc/1/mem".into());
    sources.files.push(log.folder.path().join("not-yet.txt").display().to_string());
    let mut watch = Watch::start([(Host::local("here"), sources)]);
    let (seen, events) = lines(&mut watch, 2).await;
    assert_eq!(seen, [1, 2]);
    let unreadable: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Unreadable { path, .. } => Some(path.as_str()),
            _ => None,
        })
        .collect();
    assert!(unreadable.iter().any(|path| path.ends_with("not-yet.txt")), "{events:?}");
    // It comes later, and is read from its beginning.
    std::fs::write(log.folder.path().join("not-yet.txt"), log.line()).expect("written");
    assert_eq!(lines(&mut watch, 3).await.0, [3]);
    watch.stop().await;
}
