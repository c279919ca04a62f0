//! The recorder, with records written by hand.

use super::cut::SHOWN;
use super::*;
use crate::watch::{Allow, Exception, Level};

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
    let other = Record { logger: Some("nova.compute".into()), ..record(200, "req-x", Some("RowNotFound")) };
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
