//! `smog logs --from` needs no cloud: these run anywhere.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn smog(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smog"));
    command.env_clear().env("HOME", folder).env("TZ", "UTC").current_dir(folder).stdin(Stdio::null());
    command.arg("logs").args(words).output().expect("smog runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn line(time: &str, level: &str, request: &str, message: &str) -> String {
    format!("2026-11-24 {time} 7 {level} nova.compute.manager [None {request} u p - - - -] {message}\n")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |path: &str, bytes: String| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a log");
    };
    put(
        "job/controller/logs/nova-api.log",
        line("10:00:01.000", "INFO", "req-1", "POST") + &line("10:00:03.000", "INFO", "req-1", "done"),
    );
    put(
        "job/compute1/logs/nova-compute.log",
        line("10:00:02.000", "ERROR", "req-1", "nova.exception.NoValidHost: none")
            + &line("10:00:02.500", "WARNING", "req-2", "slow"),
    );
    folder
}

#[test]
fn a_job_is_read_as_hosts_are() {
    let folder = folder();
    let output = smog(folder.path(), &["--from", "job", "--request", "req-1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown: Vec<String> = text(&output.stdout)
        .lines()
        .map(|line| line.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        shown,
        [
            "2026-11-24 10:00:01.000 controller nova-api INFO POST",
            "2026-11-24 10:00:02.000 compute1 nova-compute ERROR nova.exception.NoValidHost: none [req-1]",
            "2026-11-24 10:00:03.000 controller nova-api INFO done",
        ]
    );
    let said = text(&output.stderr);
    assert!(said.starts_with("1 exception in 3 records; 2 logs, "), "{said}");
    assert!(said.contains("1 × nova.exception.NoValidHost on compute1 in nova-compute.log: none"), "{said}");
    let json = smog(
        folder.path(),
        &["--from", "job", "--level", "warning", "--host", "compute1", "-o", "json", "-q"],
    );
    let records: Vec<serde_json::Value> =
        text(&json.stdout).lines().map(|line| serde_json::from_str(line).expect("a record")).collect();
    assert_eq!(records.len(), 2);
    assert_eq!(records[1]["host"], "compute1");
}

#[test]
fn exit_codes_and_errors() {
    let folder = folder();
    let run = |words: &[&str]| {
        let output = smog(folder.path(), words);
        (output.status.code(), text(&output.stderr))
    };
    assert_eq!(run(&["--from", "job", "-q", "--exit-on-exception"]).0, Some(1));
    assert_eq!(run(&["--from", "job", "-q", "--exit-on-exception", "--allow", "NoValidHost"]).0, Some(0));
    for (words, said) in [
        (&["--from", "missing"][..], "error: `missing`: no such file"),
        (&["--from", "job", "--host", "nobody"], "nobody"),
        (&["--from", "job", "--file", "/x"], "cannot be used with"),
        (&["--zone", "UTC"], "--from"),
        (
            &["--from", "job", "--since", "2026-11-24 10:00", "--until", "2026-11-24 09:00"],
            "before the beginning",
        ),
        (&["--from", "job", "--guest", "nobody"], "guest in these logs"),
    ] {
        let (code, output) = run(words);
        assert_eq!(code, Some(2), "{output}");
        assert!(output.contains(said), "{output}");
    }
    std::fs::create_dir(folder.path().join("empty")).expect("a folder");
    let (code, said) = run(&["--from", "empty"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("`empty`: it contains no log"), "{said}");
}

/// Exit code 3 is never without a word: a host that does not answer is named, even with `-q`.
#[test]
fn even_the_quiet_are_told_what_was_not_read() {
    let folder = folder();
    let hosts = "hosts: {computes: [{name: away, host: 127.0.0.1, user: nobody-of-this-name}]}\n";
    std::fs::write(folder.path().join("smog.yml"), hosts).expect("a file");
    let run = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smog"));
        command.env_clear().env("HOME", folder.path()).current_dir(folder.path()).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in [
            ("OS_AUTH_URL", "http://127.0.0.1:1/v3"),
            ("OS_USERNAME", "u"),
            ("OS_PASSWORD", "p"),
            ("OS_PROJECT_NAME", "p"),
        ] {
            command.env(name, value);
        }
        let output =
            command.args(["logs", "--file", "/var/log/x.log", "-q"]).args(words).output().expect("smog");
        (output.status.code(), text(&output.stderr))
    };
    let (code, said) = run(&[]);
    assert_eq!(code, Some(3), "{said}");
    let line = said.lines().find(|line| line.contains("not read, so exceptions there are unknown: "));
    assert!(line.is_some_and(|line| line.contains("`away`")), "{said}");
    let (code, said) = run(&["--allow-unread"]);
    assert_eq!((code, said.contains("exceptions there are unknown")), (Some(0), false), "{said}");
}
