//! `smog check`, `prepare` and `restore` against the lab: hosts come back to the byte,
//! whatever happens on the way.

#[path = "../lab/mod.rs"]
mod lab;

mod interrupted;
mod restored;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use lab::{Ran, Smog, lab, ssh, unique};

/// The `smog` command with a journal folder of its own.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Desk {
        Desk(tempfile::tempdir().expect("a folder"))
    }

    fn smog(&self) -> Smog {
        lab().with("XDG_STATE_HOME", self.0.path().to_str().expect("utf-8"))
    }

    #[track_caller]
    fn run(&self, args: &[&str]) -> Ran {
        self.smog().run(args)
    }
}

/// Whatever a test does, the hosts are restored at its end.
impl Drop for Desk {
    fn drop(&mut self) {
        self.smog().run(&["restore", "--yes", "--force", "-q"]);
    }
}

/// Everything a restore must bring back, as text: a sum, mode and owner of every file of
/// /etc, its links, page counts, sysctls, states of units, and what lies in smog's folder.
fn fingerprint(host: &str) -> String {
    ssh(
        host,
        "cd /etc && find . -type f -print0 | sort -z | xargs -0 sha256sum; \
         find . -printf '%p %y %m %u %g %l\\n' | sort; \
         grep -H '' /sys/kernel/mm/hugepages/*/nr_hugepages /sys/devices/system/node/node*/hugepages/*/nr_hugepages \
         /proc/sys/vm/swappiness; \
         for u in smog-test nova-compute neutron-openvswitch-agent libvirtd; do \
         echo $u $(systemctl is-enabled $u 2>/dev/null) $(systemctl is-active $u); done; \
         ls -A /var/lib/smog 2>&1; true",
    )
}

/// The first lines in which two fingerprints differ.
fn difference(before: &str, after: &str) -> String {
    let only = |one: &str, other: &str, sign: &str| {
        let lines = one.lines().filter(|line| !other.lines().any(|two| two == *line)).take(10);
        lines.map(|line| format!("{sign}{line}\n")).collect::<String>()
    };
    only(before, after, "-") + &only(after, before, "+")
}

#[track_caller]
fn same(host: &str, before: &str, when: &str) {
    let after = fingerprint(host);
    assert!(before == after, "{host}, {when}:\n{}", difference(before, &after));
}

/// A unit of the test's own, which starts and stops at once.
struct TestUnit;

impl TestUnit {
    fn new() -> TestUnit {
        ssh(
            "cmp2",
            "printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' \
             >/etc/systemd/system/smog-test.service; systemctl daemon-reload; systemctl enable -q --now smog-test",
        );
        TestUnit
    }
}

impl Drop for TestUnit {
    fn drop(&mut self) {
        ssh(
            "cmp2",
            "systemctl disable -q --now smog-test; rm -f /etc/systemd/system/smog-test.service; systemctl daemon-reload",
        );
    }
}

/// A file on cmp2 that is removed at the test's end.
struct Remove(&'static str);

impl Drop for Remove {
    fn drop(&mut self) {
        ssh("cmp2", &format!("rm -f {}", self.0));
    }
}

fn number(host: &str, path: &str) -> u64 {
    ssh(host, &format!("cat {path}")).trim().parse().expect("a number")
}

const PAGES: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
