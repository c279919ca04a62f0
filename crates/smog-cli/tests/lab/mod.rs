//! Running the `smog` command against the lab, and leaving the lab as it was.

#![allow(dead_code, reason = "each test file uses its own part")]

mod stopped;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a command printed and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// It must have ended with this exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why} in:\n{}", self.out))
    }
}

/// The `smog` command with the lab's surroundings.
pub struct Smog {
    variables: Vec<(String, Option<String>)>,
}

/// Only the lab's own variables reach the command: neither the developer's cloud nor
/// their token cache.
pub fn lab() -> Smog {
    for name in ["OS_CLIENT_CONFIG_FILE", "OS_CLOUD", "SMOG_CONFIG"] {
        assert!(std::env::var_os(name).is_some(), "{name} is not set: lab/up, then eval \"$(lab/env)\"");
    }
    Smog { variables: vec![] }
}

impl Smog {
    pub fn with(mut self, name: &str, value: &str) -> Smog {
        self.variables.push((name.into(), Some(value.into())));
        self
    }

    pub fn without(mut self, name: &str) -> Smog {
        self.variables.push((name.into(), None));
        self
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smog"));
        command.args(args).stdin(Stdio::null()).env("NO_COLOR", "1");
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Ran {
        let output = finished(&mut self.command(args));
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Run a command to its end. A signal that came meanwhile ends the test behind it; what takes things
/// back then is out of reach of a signal to the whole group.
#[track_caller]
fn finished(command: &mut Command) -> std::process::Output {
    stopped::look();
    if std::thread::panicking() {
        command.process_group(0);
    }
    let output = command.output().expect("a command that can be started");
    stopped::end_if_so();
    output
}

/// Guests of a test, deleted at its end, also when it fails.
pub struct Guests(Vec<String>);

impl Guests {
    pub fn named(names: &[&str]) -> Guests {
        Guests(names.iter().map(|name| name.to_string()).collect())
    }
}

impl Drop for Guests {
    fn drop(&mut self) {
        for name in &self.0 {
            for id in ids(name) {
                lab().run(&["delete", "-q", &id]);
            }
        }
    }
}

/// The ids of all servers of this name.
pub fn ids(name: &str) -> Vec<String> {
    let found = lab().run(&["discover", "-q", "-o", "json"]);
    let guests: serde_json::Value = serde_json::from_str(&found.out).unwrap_or_default();
    let guests = guests.as_array().cloned().unwrap_or_default();
    guests
        .iter()
        .filter(|guest| guest["name"] == name)
        .filter_map(|guest| Some(guest["id"].as_str()?.to_string()))
        .collect()
}

/// A name no other test run has.
pub fn unique(name: &str) -> String {
    format!("t-{}-{name}", std::process::id())
}

/// Run something on a host of the lab by plain ssh, not by smog.
#[track_caller]
pub fn ssh(host: &str, script: &str) -> String {
    let config = std::env::var_os("SMOG_CONFIG").expect("SMOG_CONFIG");
    let config = PathBuf::from(config).with_file_name("ssh_config");
    let output = finished(Command::new("ssh").arg("-F").arg(config).args([host, script]));
    assert!(output.status.success(), "ssh {host} {script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The names of all flavors smog made and did not delete.
pub fn own_flavors() -> Vec<String> {
    let listed = ssh("ctl", &format!("{ADMIN} openstack flavor list --all -f value -c Name"));
    listed.lines().filter(|name| name.starts_with("smog-")).map(str::to_string).collect()
}

/// The openstack client inside the controller, as the lab's administrator.
pub const ADMIN: &str = "OS_AUTH_URL=http://ctl:5000/v3 OS_USERNAME=admin OS_PASSWORD=lab OS_PROJECT_NAME=admin \
                         OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default OS_REGION_NAME=RegionOne";

/// Free 2 MiB pages of the kernel all lab hosts share.
pub fn free_pages() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").expect("/proc/meminfo");
    let line = text.lines().find_map(|line| line.strip_prefix("HugePages_Free:")).expect("HugePages_Free");
    line.trim().parse().expect("a number")
}

/// Wait until `condition` holds.
#[track_caller]
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    stopped::look();
    while !condition() {
        stopped::end_if_so();
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not happen within 60 s");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Takes something back, also when the test fails.
pub struct Undo<'a>(Box<dyn Fn() + 'a>);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// What takes it back.
#[must_use]
pub fn undo<'a>(how: impl Fn() + 'a) -> Undo<'a> {
    Undo(Box::new(how))
}
