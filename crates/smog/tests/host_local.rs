//! Commands, files and running commands on this machine: no lab is needed.
#![expect(clippy::expect_used, reason = "tests")]

use std::time::{Duration, Instant};

use smog::host::{Cmd, Exit, FileKind, Host, Line, Stream, Sudo};
use smog::{Error, quote};

fn host() -> Host {
    Host::local("here").with_sudo(Sudo::Never)
}

/// Whether a process with this word in its command line is there.
fn is_running(word: &str) -> bool {
    let entries = std::fs::read_dir("/proc").expect("/proc");
    entries.filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok()).any(|line| {
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.first() == Some(&"sleep".as_bytes()) && words.get(1) == Some(&word.as_bytes())
    })
}

async fn gone(word: &str) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        if !is_running(word) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

async fn started(word: &str) {
    for _ in 0..250 {
        if is_running(word) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("`sleep {word}` did not start");
}

#[tokio::test]
async fn output_exit_code_and_environment() {
    let cmd = Cmd::shell("echo out; echo err >&2; echo \"$LC_ALL $A\"; exit 3").env("A", "b c").expect([3]);
    let output = host().run(cmd).await.expect("runs");
    assert_eq!(output.text(), "out\nC b c\n");
    assert_eq!(output.error_text(), "err\n");
    assert_eq!(output.exit, Exit { code: 3 });
}

#[tokio::test]
async fn arguments_arrive_as_they_are() {
    let words = ["a b", "$HOME", "'", "\"", "\\", "", "*", "\n", "-n", "é"];
    let output = host().run(Cmd::new("printf").arg("%s\\0").args(words)).await.expect("runs");
    assert_eq!(output.text().split_terminator('\0').collect::<Vec<_>>(), words);
}

#[tokio::test]
async fn standard_input_is_whole_or_nothing() {
    let bytes: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let output = host().run(Cmd::new("cat").stdin(bytes.clone())).await.expect("runs");
    assert!(output.stdout == bytes);
    let none = host().run(Cmd::new("cat")).await.expect("runs");
    assert_eq!(none.stdout, b"", "without any, it is at its end");
    let unread = host().run(Cmd::new("true").stdin(bytes)).await.expect("runs");
    assert!(unread.exit.is_ok());
}

#[tokio::test]
async fn another_exit_code_is_an_error_with_what_it_said() {
    let error = host().run(Cmd::shell("echo the reason >&2; exit 7")).await.expect_err("fails");
    let text = error.to_string();
    assert!(text.contains("on host `here` ended with exit code 7") && text.contains("the reason"), "{text}");
    let killed = host().run(Cmd::shell("kill -9 $$")).await.expect_err("is killed").to_string();
    assert!(killed.contains("signal 9"), "{killed}");
    let own = host().run(Cmd::shell("exit 255")).await.expect_err("fails").to_string();
    assert!(own.contains("exit code 255"), "{own}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_missing() {
    for cmd in [Cmd::new("virshx"), Cmd::shell("virshx list"), Cmd::new("env").args(["virshx"])] {
        let error = host().run(cmd).await.expect_err("is missing");
        assert!(matches!(&error, Error::Missing { program, .. } if program == "virshx"), "{error:?}");
    }
    let fine = host().run(Cmd::shell("exit 127").any_exit()).await;
    assert!(fine.is_ok() || matches!(fine, Err(Error::Missing { .. })));
}

#[tokio::test]
async fn the_time_limit_ends_the_command_too() {
    let begun = Instant::now();
    let cmd = Cmd::shell("echo so far >&2; sleep 47110 & sleep 47111").time_limit(Duration::from_secs(2));
    let text = host().run(cmd).await.expect_err("is too slow").to_string();
    assert!(text.contains("no end within 2 s") && text.contains("so far"), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(gone("47110").await && gone("47111").await, "the whole group is gone");
}

#[tokio::test]
async fn one_that_ignores_term_is_killed() {
    let begun = Instant::now();
    let cmd = Cmd::shell("trap '' TERM; sleep 47112; sleep 47113").time_limit(Duration::from_secs(2));
    host().run(cmd).await.expect_err("is too slow");
    assert!(gone("47112").await && gone("47113").await);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_dropped_run_ends_the_command() {
    let host = host();
    let run = host.run(Cmd::new("sleep").arg("47114"));
    assert!(tokio::time::timeout(Duration::from_millis(300), run).await.is_err());
    assert!(gone("47114").await);
}

#[tokio::test]
async fn a_daemon_left_behind_does_not_hold_the_answer() {
    let begun = Instant::now();
    let output = host().run(Cmd::shell("sleep 45 & echo started")).await.expect("runs");
    assert_eq!(output.text(), "started\n");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn lines_come_while_it_runs() {
    let mut times = Vec::new();
    let begun = Instant::now();
    let script = "echo one; sleep 3; echo two >&2; printf last";
    let output =
        host().run_lines(Cmd::shell(script), |line| times.push((line.clone(), begun.elapsed()))).await;
    let output = output.expect("runs");
    let line = |stream, text: &str| Line { stream, text: text.to_string() };
    assert_eq!(times[0].0, line(Stream::Out, "one"));
    assert!(times[0].1 < begun.elapsed() - Duration::from_secs(1), "{:?}", times[0]);
    let rest: Vec<Line> = times[1..].iter().map(|(line, _)| line.clone()).collect();
    assert!(rest.contains(&line(Stream::Err, "two")) && rest.contains(&line(Stream::Out, "last")));
    assert_eq!(output.text(), "one\nlast\n");
    let host = host();
    let slow = host.run_lines(Cmd::shell("echo a; sleep 47115").time_limit(Duration::from_secs(2)), |_| {});
    assert!(slow.await.expect_err("is too slow").to_string().contains("no end within"));
    assert!(gone("47115").await);
}

#[tokio::test]
async fn spawn_stop_wait_and_drop() {
    let mut running = host().spawn(Cmd::shell("echo ready; sleep 47116")).await.expect("starts");
    let line = running.next_line().await.expect("a line").expect("one");
    assert_eq!(line.text, "ready");
    started("47116").await;
    let exit = running.stop().await.expect("stops");
    assert_eq!(exit.signal(), Some(15));
    assert!(!is_running("47116"), "stop has waited for the end");

    let running = host().spawn(Cmd::new("sleep").arg("47117")).await.expect("starts");
    started("47117").await;
    drop(running);
    assert!(gone("47117").await);

    let running = host().spawn(Cmd::shell("echo a; exit 5")).await.expect("starts");
    assert_eq!(running.wait().await.expect("ends"), Exit { code: 5 });
    let running = host().spawn(Cmd::new("virshx")).await.expect("starts");
    assert!(matches!(running.wait().await, Err(Error::Missing { .. })));
}

#[tokio::test]
async fn next_line_loses_nothing_when_it_is_dropped() {
    let script = "for i in $(seq 200); do echo $i; done; sleep 0.2; seq 201 400";
    let mut running = host().spawn(Cmd::shell(script)).await.expect("starts");
    let mut seen = Vec::new();
    loop {
        match tokio::time::timeout(Duration::from_micros(300), running.next_line()).await {
            Err(_) => {}
            Ok(Ok(Some(line))) => seen.push(line.text.parse::<u32>().expect("a number")),
            Ok(Ok(None)) => break,
            Ok(Err(error)) => panic!("{error}"),
        }
    }
    assert_eq!(seen, (1..=400).collect::<Vec<_>>());
}

#[tokio::test]
async fn output_without_end_ends_with_a_sentence() {
    let begun = Instant::now();
    for cmd in [Cmd::shell("exec yes smog"), Cmd::shell("exec yes smog >&2")] {
        let error = host().run(cmd.output_limit(4 << 20)).await.expect_err("never ends");
        let text = error.to_string();
        assert!(text.contains("on host `here`") && text.contains("more than 4 MiB of output"), "{text}");
        assert!(text.len() < 20_000, "{}", text.len());
    }
    let lines = host();
    let lines = lines.run_lines(Cmd::new("yes").output_limit(10_000), |_| {});
    assert!(lines.await.expect_err("never ends").to_string().contains("more than 10000 bytes"));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let within =
        host().run(Cmd::new("head").args(["-c", "1000000", "/dev/zero"]).output_limit(1_000_000)).await;
    assert_eq!(within.expect("is within its limit").stdout.len(), 1_000_000);
}

#[tokio::test]
async fn much_standard_error_takes_as_long_as_much_standard_output() {
    let time = async |cmd: Cmd| {
        let begun = Instant::now();
        let output = host().run(cmd).await.expect("runs");
        assert_eq!(output.stdout.len() + output.stderr.len(), 32 << 20);
        begun.elapsed()
    };
    let out = time(Cmd::shell("exec head -c 33554432 /dev/zero")).await;
    let err = time(Cmd::shell("exec head -c 33554432 /dev/zero >&2")).await;
    // It was 21 s in a release build and more than a minute in this one.
    assert!(err < out * 5 + Duration::from_secs(2), "{err:?} against {out:?}");
    let long = host().run(Cmd::shell("head -c 18000000 /dev/zero | tr '\\0' x >&2; exit 3")).await;
    let text = long.expect_err("fails").to_string();
    assert!(text.len() < 2000 && text.contains("exit code 3"), "{}", text.len());
}

#[tokio::test]
async fn pieces_come_while_it_runs_byte_for_byte() {
    let begun = Instant::now();
    let (mut out, mut err, mut first) = (Vec::new(), Vec::new(), None);
    let script = "printf 'a\\0b'; printf 'smog-' >&2; sleep 2; printf 'no line end' >&2; head -c 100000000 /dev/zero; exit 4";
    let here = host();
    let exit = here.run_pieces(Cmd::shell(script).any_exit(), |stream, bytes| {
        first.get_or_insert_with(|| begun.elapsed());
        match stream {
            Stream::Out if out.len() < 3 => out.extend_from_slice(bytes),
            Stream::Out => {}
            Stream::Err => err.extend_from_slice(bytes),
        }
    });
    assert_eq!(exit.await.expect("runs"), Exit { code: 4 });
    assert!(out.starts_with(b"a\0b"), "{:?}", &out[..3]);
    assert_eq!(String::from_utf8_lossy(&err), "smog-no line end");
    assert!(first.is_some_and(|first| first + Duration::from_secs(1) < begun.elapsed()), "{first:?}");
    let missing = host().run_pieces(Cmd::new("virshx").any_exit(), |_, _| {}).await;
    assert!(matches!(missing, Err(Error::Missing { .. })), "{missing:?}");
    let slow = here.run_pieces(Cmd::new("sleep").arg("47118").time_limit(Duration::from_secs(1)), |_, _| {});
    assert!(slow.await.expect_err("is too slow").to_string().contains("(it was killed)"));
}

#[tokio::test]
async fn many_at_once() {
    let host = host();
    let tasks: Vec<_> = (0..40)
        .map(|number| {
            let host = host.clone();
            tokio::spawn(async move { host.run(Cmd::new("echo").arg(number.to_string())).await })
        })
        .collect();
    for (number, task) in tasks.into_iter().enumerate() {
        let output = task.await.expect("no panic").expect("runs");
        assert_eq!(output.text().trim(), number.to_string());
    }
}

#[tokio::test]
async fn files_are_replaced_whole_with_owner_and_mode() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let host = host();

    let new = path("it's new");
    assert_eq!(host.stat(&new).await.expect("looks"), None);
    assert!(matches!(host.read_file(&new).await, Err(Error::NotFound { .. })));
    let bytes = b"\0\xff no line end".to_vec();
    host.write_file(&new, bytes.clone()).await.expect("writes");
    assert_eq!(host.read_file(&new).await.expect("reads"), bytes);
    assert_eq!(host.stat(&new).await.expect("looks").expect("is there").mode, 0o644);

    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o4750)).expect("chmod");
    let before = std::fs::metadata(&new).expect("metadata");
    host.write_file(&new, "two\n").await.expect("writes");
    let after = std::fs::metadata(&new).expect("metadata");
    assert_eq!((after.mode(), after.uid(), after.gid()), (before.mode(), before.uid(), before.gid()));
    assert_ne!(after.ino(), before.ino(), "another file took its place");
    host.write_file_with_mode(&new, "", 0o600).await.expect("writes");
    let stat = host.stat(&new).await.expect("looks").expect("is there");
    assert_eq!((stat.mode, stat.size_bytes, stat.kind), (0o600, 0, FileKind::File));

    let link = path("link");
    std::os::unix::fs::symlink(&new, &link).expect("a link");
    host.write_file(&link, "through\n").await.expect("writes");
    assert_eq!(host.stat(&link).await.expect("looks").expect("is there").kind, FileKind::Link);
    assert_eq!(host.read_text(&new).await.expect("reads"), "through\n");

    // A link of somebody else's leads only to their own files.
    if before.uid() == 0 {
        let nobody = |link: &str| std::os::unix::fs::lchown(link, Some(65_534), Some(65_534)).expect("chown");
        let theirs = path("theirs");
        std::os::unix::fs::symlink(&new, &theirs).expect("a link");
        nobody(&theirs);
        let error = host.write_file(&theirs, "x").await.expect_err("is refused");
        assert!(error.to_string().contains("by a link of user 65534"), "{error}");
        assert_eq!(host.read_text(&new).await.expect("reads"), "through\n");
        std::os::unix::fs::chown(&new, Some(65_534), None).expect("chown");
        host.write_file(&theirs, "through\n").await.expect("their own file");
        std::fs::remove_file(&theirs).expect("removes");
    }

    let error = host.write_file(&path("no/such/folder"), "x").await.expect_err("has no folder");
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    let error = host.write_file(&folder.path().display().to_string(), "x").await.expect_err("is a folder");
    assert!(error.to_string().contains("is a folder"), "{error}");

    let found = host.glob(&path("*e*")).await.expect("looks");
    assert_eq!(found, std::slice::from_ref(&new), "no temporary file is left");
    assert_eq!(host.glob(&path("[x]*")).await.expect("looks"), Vec::<String>::new());
    host.remove_file(&new).await.expect("removes");
    host.remove_file(&new).await.expect("is gone already");
    assert!(!host.exists(&new).await.expect("looks"));
    assert!(host.exists(&link).await.expect("looks"), "a link to nothing is there");
    assert!(quote(&new).starts_with('\''));
}

#[tokio::test]
async fn this_machine_has_facts_and_knows_no_such_package() {
    let facts = host().facts().await.expect("facts");
    assert!(!facts.boot_id.is_empty() && !facts.cpus.online.is_empty() && !facts.cells.is_empty());
    assert!(facts.memory.total_kib > 0);
    assert!(host().packages(["no-such-package"]).await.expect("asks").is_empty());
    let error = host().guest_process("no-such-guest").await.expect_err("is not there");
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}
