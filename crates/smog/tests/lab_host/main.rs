//! Hosts over SSH, against a lab that is up.
//!
//! `SMOG_LAB_DIR` names the folder with `smog.yml`, `id_lab` and `known_hosts`
//! (`./check` sets it). Without it these tests fail: they are run with the lab only.
#![expect(clippy::expect_used, clippy::disallowed_methods, reason = "tests")]
#![allow(clippy::print_stderr, reason = "a test says how much it looked at")]

mod connection;
mod contents;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use smog::host::{Cmd, Host, SshOptions, Sudo};
use smog::libvirt::{DomainEdit, DomainState, Dump};
use smog::wait::Wait;
use smog::{Error, quote};

/// The access folder of the lab.
fn lab() -> PathBuf {
    let folder = std::env::var_os("SMOG_LAB_DIR").map(PathBuf::from);
    folder.expect("SMOG_LAB_DIR: the folder lab/up names at its end")
}

/// The address of one of the lab's hosts, from the line `- {name: cmp1, host: ADDRESS, …}`.
fn address(lab: &std::path::Path, name: &str) -> String {
    let text = std::fs::read_to_string(lab.join("smog.yml")).expect("smog.yml");
    let line = text.lines().find(|line| line.contains(&format!("name: {name},"))).expect("the host");
    let rest = line.split("host: ").nth(1).expect("its address");
    rest.split([',', '}']).next().expect("a word").trim().to_string()
}

fn options(lab: &std::path::Path, name: &str) -> SshOptions {
    SshOptions {
        user: Some("root".to_string()),
        key_file: Some(lab.join("id_lab")),
        known_hosts_file: Some(lab.join("known_hosts")),
        ..SshOptions::new(address(lab, name))
    }
}

/// A host of the lab, on a connection of its own.
fn host(lab: &std::path::Path, name: &str) -> Host {
    Host::ssh(name, options(lab, name))
}

/// Whether `sleep WORD` runs on the host.
async fn is_running(host: &Host, word: &str) -> bool {
    let cmd = Cmd::new("pgrep").args(["-fx", &format!("sleep {word}")]).any_exit();
    host.run(cmd).await.expect("pgrep").exit.is_ok()
}

async fn gone(host: &Host, word: &str) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if !is_running(host, word).await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

async fn started(host: &Host, word: &str) {
    for _ in 0..500 {
        if is_running(host, word).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("`sleep {word}` did not start");
}
