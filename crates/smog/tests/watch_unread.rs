//! What is wanted and not read is known at the end: names that are not UTF-8, files and units
//! that are not there, folders that cannot be listed, broken parts.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use smog::host::Host;
use smog::watch::{Event, Exceptions, From, Sources, Watch, Watcher};

const LINE: &str = "2026-11-24 10:00:00.000 7 INFO a [-] ";

/// Read to the end, or for so long; the messages, and what is not read.
async fn read(mut watch: Watch, at_most: Duration) -> (Vec<String>, Vec<String>) {
    let mut messages = vec![];
    let end = tokio::time::Instant::now() + at_most;
    while let Ok(Some(event)) = tokio::time::timeout_at(end, watch.next()).await {
        if let Event::Record(record) = event {
            messages.push(record.message);
        }
    }
    let unread = watch.unread().lines();
    watch.stop().await;
    (messages, unread)
}

fn search(sources: Sources) -> Watch {
    Watch::start([(Host::local("here"), Sources { follow: false, from: From::Start, ..sources })])
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_no_utf_8_blinds_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let strange = folder.path().join(OsStr::from_bytes(b"nova-\xff\xfe.log"));
    std::fs::write(&strange, format!("{LINE}strange\n")).expect("written");
    std::fs::write(folder.path().join("plain.log"), format!("{LINE}plain\n")).expect("written");
    let glob = folder.path().join("*.log").display().to_string();
    let (mut messages, unread) = read(search(Sources::files([glob.clone()])), LONG).await;
    messages.sort();
    assert_eq!((messages, unread), (vec!["plain".to_string(), "strange".into()], vec![]));

    // Followed too, over its rotation.
    let mut watch =
        Watch::start([(Host::local("here"), Sources { from: From::Start, ..Sources::files([glob]) })]);
    let mut sources = vec![];
    while let Ok(Some(event)) = tokio::time::timeout(LONG, watch.next()).await {
        match event {
            Event::Record(record) => sources.push(record.short_source().to_string()),
            Event::CaughtUp => break,
            _ => {}
        }
    }
    sources.sort();
    assert_eq!(sources, ["nova-\\xff\\xfe.log", "plain.log"]);
    std::fs::rename(&strange, folder.path().join(OsStr::from_bytes(b"nova-\xff\xfe.log.1")))
        .expect("renamed");
    std::fs::write(&strange, format!("{LINE}more\n")).expect("written");
    let next = async {
        loop {
            match watch.next().await {
                Some(Event::Record(record)) => return record.message,
                Some(_) => {}
                None => panic!("the watch ended"),
            }
        }
    };
    assert_eq!(tokio::time::timeout(LONG, next).await.expect("more is told"), "more");
    watch.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_named_and_is_not_there_is_unread() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("there.log"), format!("{LINE}one\n")).expect("written");
    for (name, is_read) in [("there.log", true), ("gone.log", false), ("gone-*.log", false), ("t*.log", true)]
    {
        let (_, unread) = read(search(Sources::files([path(name)])), LONG).await;
        assert_eq!(unread.is_empty(), is_read, "{name}: {unread:?}");
        assert!(unread.iter().all(|line| line.contains(name)), "{unread:?}");
    }
    // What is there and is no log, such as a folder, is not read either.
    let (_, unread) = read(search(Sources::files([folder.path().display().to_string()])), LONG).await;
    assert!(unread.len() == 1 && unread[0].contains("not a regular file"), "{unread:?}");
    // The same as a usual place need not be there; but without any log there is nothing to see.
    let places = vec![path("gone-*.log"), path("there.log")];
    let (messages, unread) = read(search(Sources { places, ..Sources::default() }), LONG).await;
    assert_eq!((messages.len(), unread), (1, vec![]));
    let (_, unread) =
        read(search(Sources { places: vec![path("gone-*.log")], ..Sources::default() }), LONG).await;
    assert_eq!(unread, ["any log on host `here`: none is in the usual places"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_comes_while_it_is_watched_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("late.log");
    let mut watch = Watch::start([(Host::local("here"), Sources::files([path.display().to_string()]))]);
    while let Some(event) = watch.next().await {
        if matches!(event, Event::CaughtUp) {
            break;
        }
    }
    assert_eq!(watch.unread().lines().len(), 1);
    std::fs::write(&path, format!("{LINE}late\n")).expect("written");
    let (messages, unread) = read(watch, Duration::from_secs(4)).await;
    assert_eq!((messages, unread), (vec!["late".to_string()], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_that_is_not_there_is_unread() {
    let mut sources = Sources { units: vec!["smog-no-such-unit".into()], ..Sources::default() };
    sources.from = From::Since(Timestamp::now() - SignedDuration::from_secs(10));
    let (_, unread) = read(search(sources), LONG).await;
    let has_systemd = Path::new("/run/systemd/system").exists();
    assert!(!has_systemd || unread.iter().any(|line| line.contains("smog-no-such-unit")), "{unread:?}");
    assert!(!unread.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compressed_part_that_is_broken_is_unread() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("x.log");
    std::fs::write(&log, format!("{LINE}new\n")).expect("written");
    // A right beginning, and nonsense behind it.
    let broken: Vec<u8> =
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".iter().copied().chain([0xff; 300]).collect();
    std::fs::write(folder.path().join("x.log.1.gz"), broken).expect("written");
    let since = From::Since(Timestamp::from_second(0).expect("a time"));
    let sources = Sources { from: since, follow: false, ..Sources::files([log.display().to_string()]) };
    let (messages, unread) = read(Watch::start([(Host::local("here"), sources)]), LONG).await;
    assert_eq!(messages, ["new"]);
    assert!(unread.len() == 1 && unread[0].contains("x.log.1.gz"), "{unread:?}");
}

/// The far end as the user nobody: what it says of what it cannot read.
fn as_nobody(ask: &str) -> String {
    let mut command = Command::new("python3");
    command.args(["-c", include_str!("../src/watch/agent.py")]).stdin(Stdio::piped()).stdout(Stdio::piped());
    if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        command.uid(65534).gid(65534);
    }
    let mut child = command.spawn().expect("python3");
    child.stdin.take().expect("stdin").write_all(ask.as_bytes()).expect("asked");
    String::from_utf8_lossy(&child.wait_with_output().expect("its end").stdout).into_owned()
}

#[test]
fn a_folder_and_a_file_that_may_not_be_read_are_said() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
    };
    mode(folder.path(), 0o755);
    let (closed, secret) = (folder.path().join("closed"), folder.path().join("secret.log"));
    std::fs::create_dir(&closed).expect("made");
    std::fs::write(closed.join("x.log"), "x").expect("written");
    std::fs::write(&secret, "x").expect("written");
    mode(&closed, 0o000);
    mode(&secret, 0o000);
    let top = folder.path().display();
    let ask = format!(
        r#"{{"files": ["{top}/closed/*.log", "{top}/*.log", "{top}/closed/*/y.log"], "named": [], "from": "start", "since": null, "until": null, "follow": false, "older": false, "resume": [], "again": false, "commands": []}}"#
    );
    let said = as_nobody(&ask);
    mode(&closed, 0o755);
    let told: Vec<&str> = said.lines().filter(|line| line.contains("Permission denied")).collect();
    assert!(told.iter().any(|line| line.contains("/closed\"")), "{said}");
    assert!(told.iter().any(|line| line.contains("/secret.log")), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_says_what_it_did_not_read() {
    let sources = Sources::files(["/no/such/folder/x.log"]);
    let hosts = [(Host::local("here"), sources)];
    let watcher = Watcher::start("w", hosts, Box::new(Exceptions::default()), None).await;
    let watched = watcher.close().await;
    assert!(watched.kept.is_empty() && watched.unread.len() == 1, "{watched:?}");
    let why = watched.check().expect_err("it is not there").to_string();
    assert!(why.contains("/no/such/folder/x.log on host `here`"), "{why}");
}
