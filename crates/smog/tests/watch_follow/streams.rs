//! Several files and commands in one stream, slow readers, and watchers with a name.

use super::*;

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
