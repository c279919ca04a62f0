//! Following real files on this machine: rotation, truncation, a lost far end, no line lost
//! or doubled.

mod rotation;
mod streams;

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

    /// Append lines, as a writer that opens the path again.
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

fn all_up_to(last: usize) -> Vec<usize> {
    (1..=last).collect()
}
