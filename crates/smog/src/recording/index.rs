//! What a recording is of, and what is in it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RecordRequest;
use crate::cloud::Cloud;
use crate::config::{HostEntry, LabSection, SimulatedCells, SmogFile};
use crate::redact;

/// The form of the file that this smog writes and reads.
pub(super) const FORMAT: u32 = 1;

/// What every index says it is.
pub(super) const KIND: &str = "smog recording";

/// The table of contents of a recording.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Index {
    /// "smog recording".
    pub kind: String,
    /// The form of the file.
    pub format: u32,
    /// The smog that recorded.
    pub smog: String,
    /// The cloud's name, as who recorded it calls it.
    pub cloud: String,
    /// Keystone's URL.
    pub auth_url: String,
    /// When recording began (UTC).
    pub begun: Timestamp,
    /// When it ended: the time it is for a replay.
    pub at: Timestamp,
    /// Logs are recorded from this time on.
    pub logs_since: Timestamp,
    /// The guests that were named; empty: all.
    pub guests: Vec<String>,
    /// The hosts that were named; empty: all.
    pub only_hosts: Vec<String>,
    /// The hosts that were asked.
    pub hosts: Vec<IndexHost>,
    /// How many calls of APIs it holds.
    pub calls: usize,
    /// What was wanted and could not be read, with the reason.
    pub unread: Vec<String>,
    /// Of smog.yml: which hosts there are, and which logs.
    pub(super) smog_yml: KeptFile,
    /// Who looked, and the catalog.
    pub(super) login: Value,
}

/// One host of a recording.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct IndexHost {
    /// Its name.
    pub name: String,
    /// How many commands' answers it has.
    pub commands: usize,
    /// How many log records.
    pub records: u64,
    /// Seconds its clock was ahead.
    pub clock_ahead: f64,
    /// Why its logs were not read.
    pub logs_failed: Option<String>,
    /// Logs that could not be read, with the reason.
    pub unread: Vec<(String, String)>,
}

/// What is kept of smog.yml.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct KeptFile {
    #[serde(default)]
    hosts: Vec<KeptHost>,
    #[serde(default)]
    logs: Vec<String>,
    #[serde(default)]
    leave_out: Vec<String>,
    #[serde(default)]
    lab: Option<KeptLab>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct KeptHost {
    role: String,
    name: Option<String>,
    host: String,
    container: Option<String>,
    sudo: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct KeptLab {
    release: String,
    simulated_cells: u32,
}

impl KeptFile {
    fn of(file: &SmogFile) -> KeptFile {
        let host = |entry: &HostEntry| KeptHost {
            role: entry.role.clone(),
            name: entry.name.clone(),
            host: entry.host.clone(),
            container: entry.container.clone(),
            sudo: entry.sudo.clone(),
        };
        let cells = |cells: SimulatedCells| match cells {
            SimulatedCells::Flag(flag) => u32::from(flag),
            SimulatedCells::Count(count) => count,
        };
        let lab = |lab: &LabSection| KeptLab {
            release: lab.release.clone(),
            simulated_cells: cells(lab.simulated_cells),
        };
        KeptFile {
            hosts: file.hosts.iter().map(host).collect(),
            logs: file.watch.logs.clone(),
            leave_out: file.watch.leave_out.clone(),
            lab: file.lab.as_ref().map(lab),
        }
    }

    /// As a smog.yml.
    pub(super) fn file(&self) -> SmogFile {
        let mut file = SmogFile::default();
        let entry = |host: &KeptHost| HostEntry {
            role: host.role.clone(),
            name: host.name.clone(),
            host: host.host.clone(),
            user: None,
            parent: None,
            kind: None,
            container: host.container.clone(),
            sudo: host.sudo.clone(),
        };
        file.hosts = self.hosts.iter().map(entry).collect();
        file.watch.logs.clone_from(&self.logs);
        file.watch.leave_out.clone_from(&self.leave_out);
        file.lab = self.lab.as_ref().map(|lab| LabSection {
            release: lab.release.clone(),
            simulated_cells: match lab.simulated_cells {
                0 => SimulatedCells::Flag(false),
                count => SimulatedCells::Count(count),
            },
        });
        file
    }
}

impl Index {
    pub(super) fn of(
        cloud: &Cloud,
        file: &SmogFile,
        request: &RecordRequest,
        begun: Timestamp,
        logs_since: Timestamp,
    ) -> Index {
        Index {
            kind: KIND.into(),
            format: FORMAT,
            smog: env!("CARGO_PKG_VERSION").into(),
            cloud: cloud.name().to_string(),
            auth_url: redact::text(cloud.auth_url()),
            begun,
            at: Timestamp::now(),
            logs_since,
            guests: request.guests.clone(),
            only_hosts: request.hosts.clone(),
            hosts: vec![],
            calls: 0,
            unread: vec![],
            smog_yml: KeptFile::of(file),
            login: cloud.taped_login(),
        }
    }

    /// Of what others gathered of these hosts.
    pub(super) fn of_saved(place: &str, hosts: &[&str], at: Timestamp) -> Index {
        let kept = |name: &&str| KeptHost {
            role: "hosts".into(),
            name: Some(name.to_string()),
            host: name.to_string(),
            container: None,
            sudo: None,
        };
        Index {
            kind: KIND.into(),
            format: FORMAT,
            smog: env!("CARGO_PKG_VERSION").into(),
            cloud: place.into(),
            auth_url: "http://not-recorded.invalid".into(),
            begun: at,
            at,
            logs_since: at,
            guests: vec![],
            only_hosts: vec![],
            hosts: vec![],
            calls: 0,
            unread: vec![],
            smog_yml: KeptFile { hosts: hosts.iter().map(kept).collect(), ..KeptFile::default() },
            login: serde_json::json!({ "roles": [{ "name": "admin" }], "catalog": [] }),
        }
    }

    /// "a recording of cloud `x`, made 2026-11-28 18:00:00 UTC".
    pub fn words(&self) -> String {
        format!("a recording of cloud `{}`, made {}", self.cloud, self.at.strftime("%Y-%m-%d %H:%M:%S UTC"))
    }

    /// All records of logs.
    pub fn records(&self) -> u64 {
        self.hosts.iter().map(|host| host.records).sum()
    }

    /// All commands' answers.
    pub fn commands(&self) -> usize {
        self.hosts.iter().map(|host| host.commands).sum()
    }
}
