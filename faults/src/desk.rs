//! The folder one fault happens in: smog's home, its settings, its state.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::command::{Ran, Runs};
use crate::fault::{Disk, Stdio};
use crate::oracle::HOSTS;
use crate::world::World;

pub const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

pub struct Desk {
    folder: tempfile::TempDir,
    smog: PathBuf,
    mounted: Option<PathBuf>,
}

/// What a command that meets the fault has otherwise.
#[derive(Debug, Clone, Default)]
pub struct Odds {
    pub stdio: Option<Stdio>,
    pub clock: Option<i64>,
    pub die_at: Option<u32>,
    pub signal: Option<(crate::fault::Signal, Duration)>,
}

impl Desk {
    /// With settings that lead through these ports (APIs, hosts), and the same without.
    pub fn new(world: &World, apis: &[u16], hosts: &[u16]) -> std::io::Result<Desk> {
        let folder = tempfile::Builder::new().prefix("smog-faults-").tempdir()?;
        let at = |name: &str| folder.path().join(name);
        for name in ["home", "state", "cache", "log", "config"] {
            std::fs::create_dir(at(name))?;
        }
        let oracle = &world.oracle;
        let keystone = format!("http://127.0.0.1:{}/v3", apis.first().copied().unwrap_or(1));
        std::fs::write(at("clouds.yaml"), clouds(world, &keystone))?;
        std::fs::write(
            at("clean-clouds.yaml"),
            clouds(world, &format!("http://{}:5000/v3", oracle.controller)),
        )?;
        let through: String = oracle
            .addresses
            .iter()
            .zip(hosts)
            .map(|(address, port)| {
                format!("Host {address}\n  HostName 127.0.0.1\n  Port {port}\n  HostKeyAlias {address}\n")
            })
            .collect();
        std::fs::write(at("ssh_config"), through)?;
        std::fs::write(at("smog.yml"), settings(world, &folder, true))?;
        std::fs::write(at("clean-smog.yml"), settings(world, &folder, false))?;
        Ok(Desk { folder, smog: world.smog.clone(), mounted: None })
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Give a folder a small disk of its own.
    pub fn small_disk(&mut self, disk: Disk) -> Result<(), String> {
        let name = match disk {
            Disk::State => "state",
            Disk::Cache => "cache",
            Disk::Logs => "log",
            Disk::OnHost => return Ok(()),
        };
        let path = self.at(name);
        let ran =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=512k", "smog-faults"]).arg(&path).output();
        if !ran.is_ok_and(|ran| ran.status.success()) {
            return Err("a small file system cannot be mounted (needs root)".into());
        }
        self.mounted = Some(path);
        Ok(())
    }

    /// Leave no space on it.
    pub fn fill(&self) {
        if let Some(path) = &self.mounted {
            let _ = Command::new("dd")
                .args(["if=/dev/zero", "bs=4096", "status=none"])
                .arg(format!("of={}", path.join("full").display()))
                .output();
        }
    }

    /// Leave space again.
    pub fn unfill(&self) {
        if let Some(path) = &self.mounted {
            let _ = std::fs::remove_file(path.join("full"));
        }
    }

    /// Run smog through the faults.
    pub fn run(&self, words: &[&str], odds: &Odds, deadline: Duration, begun: impl FnOnce(u32)) -> Ran {
        let mut variables = self.variables("");
        if let Some(seconds) = odds.clock {
            variables.push(("LD_PRELOAD".into(), FAKETIME.into()));
            variables.push(("FAKETIME".into(), format!("{seconds:+}")));
            variables.push(("FAKETIME_DONT_FAKE_MONOTONIC".into(), "1".into()));
        }
        if let Some(step) = odds.die_at {
            variables.push(("SMOG_TEST_DIE_AT".into(), step.to_string()));
        }
        let runs = Runs {
            program: self.smog.clone(),
            folder: self.at("home"),
            variables,
            stdio: odds.stdio,
            signal: odds.signal,
            deadline,
        };
        runs.run(words, begun)
    }

    /// Run smog without any fault.
    pub fn clean(&self, words: &[&str]) -> Ran {
        let runs = Runs {
            program: self.smog.clone(),
            folder: self.at("home"),
            variables: self.variables("clean-"),
            stdio: None,
            signal: None,
            deadline: Duration::from_secs(150),
        };
        runs.run(words, |_| {})
    }

    fn variables(&self, prefix: &str) -> Vec<(String, String)> {
        let path = |name: &str| self.at(name).display().to_string();
        let variable = |name: &str, value: String| (name.to_string(), value);
        vec![
            variable("PATH", std::env::var("PATH").unwrap_or_default()),
            variable("HOME", path("home")),
            variable("XDG_STATE_HOME", path("state")),
            variable("XDG_CACHE_HOME", path("cache")),
            variable("XDG_CONFIG_HOME", path("config")),
            variable("OS_CLIENT_CONFIG_FILE", path(&format!("{prefix}clouds.yaml"))),
            variable("OS_CLOUD", "faults".into()),
            variable("SMOG_CONFIG", path(&format!("{prefix}smog.yml"))),
            variable("SMOG_FAULTS_ACCESS", std::env::var("SMOG_CONFIG").unwrap_or_default()),
            // What is cut on the way must be met: no connection of before helps.
            variable("SMOG_SSH__KEEP", "0".into()),
            variable("NO_COLOR", "1".into()),
            variable("RUST_BACKTRACE", "1".into()),
        ]
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(path) = &self.mounted {
            let _ = Command::new("umount").arg("-l").arg(path).status();
        }
    }
}

fn clouds(world: &World, auth_url: &str) -> String {
    format!(
        "clouds:\n  faults:\n    auth:\n      auth_url: {auth_url}\n      username: {}\n      password: {}\n      project_name: {}\n      user_domain_name: Default\n      project_domain_name: Default\n    region_name: RegionOne\n",
        world.user, world.password, world.user
    )
}

fn settings(world: &World, folder: &tempfile::TempDir, relayed: bool) -> String {
    let host = |number: usize| {
        format!("    - {{name: {}, host: {}, user: root}}\n", HOSTS[number], world.oracle.addresses[number])
    };
    let access: &Path = &world.oracle.access;
    let mut text = format!(
        "cloud: faults\nlog_dir: {}\nhosts:\n  controllers:\n{}  computes:\n{}{}ssh:\n  key: {}\n  known_hosts: {}\n",
        folder.path().join("log").display(),
        host(0),
        host(1),
        host(2),
        access.join("id_lab").display(),
        access.join("known_hosts").display()
    );
    if relayed {
        text += &format!("  config: {}\n", folder.path().join("ssh_config").display());
    }
    text
}
