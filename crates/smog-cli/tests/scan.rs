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
    assert!(text(&output.stderr).starts_with("1 exception in 1 records"), "{}", text(&output.stderr));
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
    let (code, said) = run(&["."]);
    assert_eq!(code, Some(2));
    assert!(said.contains("error: `.`: it is a directory"), "{said}");
    let (code, said) = run(&["nova.log", "--grep", "(x"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("unclosed group"), "{said}");
}
