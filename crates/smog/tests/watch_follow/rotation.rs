//! Files that are renamed, truncated, compressed or gone, and a far end that is lost.

use super::*;

fn kill_far_end() {
    let ids = far_ends();
    assert_eq!(ids.len(), 1, "one far end runs");
    let status = std::process::Command::new("kill").args(["-9", &ids[0].to_string()]).status();
    assert!(status.expect("kill").success());
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
