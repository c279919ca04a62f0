//! SSH connections that are kept for later commands, against the lab.

mod lab;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lab::{Ran, Smog, lab};

/// Commands with a folder of sockets of their own; none is left at the end.
struct Kept(tempfile::TempDir);

impl Kept {
    fn new() -> Kept {
        Kept(tempfile::tempdir().expect("a folder"))
    }

    fn smog(&self) -> Smog {
        lab().with("XDG_RUNTIME_DIR", self.0.path().to_str().expect("utf-8")).without("SMOG_SSH__KEEP")
    }

    #[track_caller]
    fn says_hello(&self) {
        let ran = self.smog().run(&["host", "run", "cmp1", "--", "echo", "hello"]).expect(0);
        assert_eq!((ran.out.as_str(), ran.err.as_str()), ("hello\n", ""));
    }

    /// The process ids of the masters that have their sockets here.
    fn masters(&self) -> Vec<String> {
        let listed = Command::new("ps").args(["-eo", "pid,args"]).output().expect("ps");
        let folder = self.0.path().display().to_string();
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        let masters = text.lines().filter(|line| line.contains("ssh -M") && line.contains(&folder));
        masters.filter_map(|line| Some(line.split_whitespace().next()?.to_string())).collect()
    }

    #[track_caller]
    fn listed(&self) -> Vec<String> {
        let listed = self.smog().run(&["host", "connections", "-o", "json"]).expect(0).json();
        let rows = listed.as_array().expect("a list").iter();
        rows.map(|row| row["host"].as_str().expect("a host").to_string()).collect()
    }

    /// Wait until no master is left.
    #[track_caller]
    fn ends(&self) {
        let begun = Instant::now();
        while !self.masters().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(60), "masters are left: {:?}", self.masters());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for master in self.masters() {
            signal(&master, "-KILL");
        }
    }
}

fn signal(process: &str, which: &str) {
    let _ = Command::new("kill").args([which, process]).status();
}

#[test]
fn a_connection_is_kept_shared_renewed_and_ended() {
    let kept = Kept::new();
    kept.says_hello();
    let first = kept.masters();
    assert_eq!((first.len(), kept.listed()), (1, vec!["cmp1".to_string()]));
    kept.says_hello();
    assert_eq!(kept.masters(), first, "the second command has the first one's connection");

    // A master that was killed, and one that hangs, as after a reboot of the host.
    signal(&first[0], "-KILL");
    kept.says_hello();
    let second = kept.masters();
    assert!(second.len() == 1 && second != first, "{second:?}");
    signal(&second[0], "-STOP");
    kept.says_hello();
    signal(&second[0], "-KILL");
    assert!(kept.masters().iter().all(|master| *master != second[0]));
    assert_eq!(kept.listed(), ["cmp1"]);

    // The time to connect decides nothing.
    let other = kept.smog().run(&["--set", "ssh.connect_timeout=9", "host", "run", "cmp1", "--", "true"]);
    other.expect(0);
    assert_eq!(kept.masters().len(), 1);

    let unknown: Ran = kept.smog().run(&["host", "disconnect", "cmp7"]).expect(2);
    assert!(unknown.err.contains("`cmp7`") && unknown.err.contains("`cmp1`"), "{}", unknown.err);
    assert_eq!(kept.smog().run(&["host", "disconnect"]).expect(0).out, "cmp1: disconnected\n");
    kept.ends();
    assert!(kept.listed().is_empty());
    assert_eq!(kept.smog().run(&["host", "disconnect"]).expect(0).out, "no connection is kept\n");
}

#[test]
fn many_commands_at_once_share_it_and_it_ends_when_idle() {
    let kept = Kept::new();
    // sshd has ten places on a connection; who finds none makes a connection of its own.
    let spawn = |_| {
        let mut command =
            kept.smog().with("SMOG_SSH__KEEP", "2").command(&["host", "run", "cmp1", "--", "sleep", "3"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("smog")
    };
    let all: Vec<_> = (0..12).map(spawn).collect();
    let mut most = 0;
    for one in all {
        most = most.max(kept.masters().len());
        let ended = one.wait_with_output().expect("smog");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    assert_eq!(most, 1, "masters in the folder");
    kept.ends();

    // Nothing is kept where nobody wants it.
    kept.smog().with("SMOG_SSH__KEEP", "0").run(&["host", "run", "cmp1", "--", "true"]).expect(0);
    assert!(kept.masters().is_empty());
}
