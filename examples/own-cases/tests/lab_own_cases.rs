//! The example as a person runs it, on the real cloud.

use std::process::Command;

fn run(args: &[&str]) -> (i32, String) {
    let log_dir = tempfile_dir();
    let out = Command::new(env!("CARGO_BIN_EXE_own-cases"))
        .args(args)
        .env("SMOG_LOG_DIR", &log_dir)
        .env("NO_COLOR", "1")
        .output()
        .expect("the example");
    let _ = std::fs::remove_dir_all(&log_dir);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.code().unwrap_or(-1), text)
}

fn tempfile_dir() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("smog-own-cases-{}", std::process::id()))
}

#[test]
fn cases_of_one_s_own_are_listed_and_run_as_smog_s_are() {
    let (code, listed) = run(&["test", "--list", "--long"]);
    assert!(code == 0 && listed.contains("mine.ThreadsTest.test_in_place"), "{listed}");
    assert!(listed.contains("Proves: the kernel does what libvirt declares."), "{listed}");
    let (code, said) = run(&["test"]);
    assert!(code == 0 && said.contains("1 passed"), "{said}");
    let (code, said) = run(&["test", "mine.ThreadsTest.test_in_plaze"]);
    assert!(code == 2 && said.contains("did you mean"), "{said}");
}
