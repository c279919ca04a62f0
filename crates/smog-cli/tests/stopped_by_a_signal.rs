//! A lab test that is stopped leaves no host changed: its own guards run. It needs no lab.

mod lab;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FOLDER: &str = "SMOG_STOPPED_TEST";

/// Stands for what a lab test takes back.
struct Guard(PathBuf);

impl Drop for Guard {
    fn drop(&mut self) {
        std::fs::write(self.0.join("taken-back"), "").expect("a file");
    }
}

/// Run by the test below, which stops it.
#[test]
fn a_test_under_way() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let _guard = Guard(folder.clone());
    lab::eventually("the end", || {
        std::fs::write(folder.join("under-way"), "").expect("a file");
        false
    });
}

fn wait_for(what: &str, path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_stopped_test_changed_is_taken_back() {
    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "a_test_under_way"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the test");
        wait_for("it begins", &folder.path().join("under-way"));
        let status = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
        assert!(status.success());
        assert!(!child.wait().expect("its end").success(), "{signal}");
        assert!(folder.path().join("taken-back").exists(), "{signal}");
    }
}
