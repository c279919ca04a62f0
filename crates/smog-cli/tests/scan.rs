//! `smog scan` needs no cloud: these run anywhere.

use std::path::Path;
use std::process::{Command, Output, Stdio};

const LOG: &str = "\
2026-11-24 10:00:00.100 7 INFO nova.compute [None req-1 u p] begin
2026-11-24 10:00:00.200 7 ERROR nova.compute [None req-1 u p] Failed
2026-11-24 10:00:00.200 7 ERROR nova.compute Traceback (most recent call last):
2026-11-24 10:00:00.200 7 ERROR nova.compute   File \"a.py\", line 1, in f
2026-11-24 10:00:00.200 7 ERROR nova.compute ValueError: x
2026-11-24 10:00:00.200 7 ERROR nova.compute 
2026-11-24 10:00:00.300 7 INFO nova.compute [None req-1 u p] end
";

fn smog(folder: &Path, words: &[&str], stdin: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smog"));
    // No credentials, no configuration: none is asked for.
    command.env_clear().env("HOME", folder).current_dir(folder).arg("scan").args(words).stdin(stdin);
    command.output().expect("smog runs")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("nova.log"), LOG).expect("a log");
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn exceptions_are_told_whole() {
    let folder = folder();
    let output = smog(folder.path(), &["nova.log", "-o", "json"], Stdio::null());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let record: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one record");
    assert_eq!(record["exception"]["name"], "ValueError");
    assert_eq!(record["request_id"], "req-1");
    assert_eq!(record["source"], "nova.log");
    assert_eq!(record["text"].as_str().map(|text| text.lines().count()), Some(5));
    assert!(text(&output.stderr).starts_with("1 exception in 1 log, "), "{}", text(&output.stderr));
}

#[test]
fn every_line_tells_the_same() {
    let folder = folder();
    let told = |words: &[&str]| text(&smog(folder.path(), words, Stdio::null()).stdout);
    assert_eq!(told(&["nova.log", "-o", "json"]), told(&["nova.log", "-o", "json", "--every-line"]));
}

#[test]
fn a_pattern_and_standard_input() {
    let folder = folder();
    let log = std::fs::File::open(folder.path().join("nova.log")).expect("the log");
    let output = smog(folder.path(), &["-", "--grep", "begin|end$", "-o", "value"], log.into());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 2, "{}", text(&output.stdout));
}

#[test]
fn exit_codes_and_errors() {
    let folder = folder();
    let run = |words: &[&str]| {
        let output = smog(folder.path(), words, Stdio::null());
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(run(&["nova.log", "--exit-on-exception", "-q"]), (Some(1), String::new()));
    assert_eq!(run(&["nova.log", "--exit-on-exception", "-q", "--allow", "ValueError"]).0, Some(0));
    let (code, said) = run(&["nova.log", "missing.log"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("error: `missing.log`: no such file"), "{said}");
    let (code, said) = run(&[".", "-q"]);
    assert_eq!((code, said), (Some(0), String::new()));
    let (code, said) = run(&["nova.log", "--grep", "(x"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("unclosed group"), "{said}");
}

/// What was not read or not understood is said, and is not exit code 0.
#[test]
fn what_cannot_be_judged_is_said() {
    let folder = folder();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("a file");
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../smog/tests/data/logs/lab");
    let packed = std::fs::read(logs.join("conductor.log.gz")).expect("a recording");
    write("odd.txt", b"\x1b[31mno log\x07 at all\nreally\n");
    write("binary", b"\x01\x02\x03\x04\x05\x06abc");
    write("torn.log", LOG.lines().take(3).collect::<Vec<_>>().join("\n").as_bytes());
    write("cut.log.gz", &packed[..900]);
    write("empty.log", b"");
    let run = |words: &[&str]| {
        let output = smog(folder.path(), words, Stdio::null());
        (output.status.code(), text(&output.stderr))
    };
    let (code, said) = run(&["odd.txt"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no log form known here; its first line is `no log\\u{7} at all`"), "{said}");
    let (code, said) = run(&["binary"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("it is a binary file"), "{said}");
    let (code, said) = run(&["torn.log"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("1 traceback ends before the line that names the exception"), "{said}");
    let (code, said) = run(&["cut.log.gz", "nova.log"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("could not be read to its end") && said.contains("ValueError"), "{said}");
    assert_eq!(run(&["empty.log"]).0, Some(0));
}

#[test]
fn several_files_are_in_the_order_of_time_and_zones_count() {
    let folder = folder();
    let line = |time: &str, name: &str| format!("2026-11-24 {time} 7 ERROR a.b [-] Failed: {name}: x\n");
    let (a, b) = (
        line("10:00:00.000", "OneError") + &line("10:00:05.000", "ThreeError"),
        line("10:00:03.000", "TwoError"),
    );
    std::fs::write(folder.path().join("a.log"), a).expect("a log");
    std::fs::write(folder.path().join("b.log"), b).expect("a log");
    let output = smog(folder.path(), &["a.log", "b.log", "--zone", "+02:00", "-o", "json"], Stdio::null());
    let records: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    let names: Vec<_> =
        records.iter().map(|record| record["exception"]["name"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, ["OneError", "TwoError", "ThreeError"]);
    assert_eq!(records[0]["time"], "2026-11-24T08:00:00Z");
    let berlin = smog(folder.path(), &["b.log", "--zone", "Europe/Berlin", "-o", "json"], Stdio::null());
    assert!(text(&berlin.stdout).contains("2026-11-24T09:00:03Z"), "{}", text(&berlin.stderr));
    assert_eq!(smog(folder.path(), &["b.log", "--zone", "Nowhere"], Stdio::null()).status.code(), Some(2));
}

/// One that may not be read is said, and keeps nobody from the others.
#[test]
fn what_may_not_be_read_is_exit_code_3() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    let folder = folder();
    let open = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
    };
    open(folder.path(), 0o755);
    for name in ["secret.log", "shut.tar"] {
        std::fs::write(folder.path().join(name), LOG).expect("a log");
        open(&folder.path().join(name), 0o000);
    }
    std::fs::create_dir(folder.path().join("shut")).expect("a folder");
    open(&folder.path().join("shut"), 0o000);
    // To root nothing is shut: the command is somebody else's then. It is copied to where it may be run.
    let is_root = std::fs::read_dir(folder.path().join("shut")).is_ok();
    let program = folder.path().join("smog");
    std::fs::copy(env!("CARGO_BIN_EXE_smog"), &program).expect("a copy");
    open(&program, 0o755);
    for (command, words) in [
        ("scan", &["nova.log", "secret.log", "shut", "shut.tar"][..]),
        ("logs", &["--from", "secret.log", "nova.log", "shut", "shut.tar"]),
        ("scan", &["secret.log", "shut", "shut.tar"]),
        ("logs", &["--from", "shut", "secret.log", "shut.tar", "--host", "cmp1"]),
        ("triage", &["secret.log", "shut", "shut.tar"]),
    ] {
        let mut run = Command::new(&program);
        run.env_clear().env("HOME", folder.path()).current_dir(folder.path()).stdin(Stdio::null());
        if is_root {
            run.uid(NOBODY).gid(NOBODY);
        }
        let output = run.arg(command).args(words).output().expect("smog runs");
        let (out, said) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(3), "{command} {words:?}: {said}");
        for name in ["secret.log", "shut", "shut.tar"] {
            assert!(
                said.contains(&format!("`{name}` was not read: Permission denied")),
                "{command} {words:?}: {said}"
            );
        }
        match words.contains(&"nova.log") {
            true => assert!(out.contains("ValueError"), "{out}"),
            false => assert!(said.contains("nothing was read") && !said.contains("exception"), "{said}"),
        }
    }
    open(&folder.path().join("shut"), 0o755);
}
