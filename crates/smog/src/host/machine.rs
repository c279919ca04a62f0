//! Hosts that are virtual machines of other hosts: an L1 on its L0.

use crate::config::{ComputesFile, HostEntry, SmogFile};
use crate::host::{Host, SshOptions};

/// A host that is a guest of another host smog reaches too: `parent:` and `name:` of smog.yml.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The host itself, from inside.
    pub host: Host,
    /// The machine it runs on.
    pub parent: Host,
    /// Its libvirt domain there.
    pub domain: String,
    /// Its role in smog.yml: "computes", "compute1".
    pub role: String,
}

impl Machine {
    /// The machines of some entries; `open` makes a host of name, address and user. A
    /// parent that is listed itself is opened by its own entry.
    pub(crate) fn of_entries(
        entries: &[HostEntry],
        listed: &[HostEntry],
        open: impl Fn(&str, &str, Option<&str>) -> Host,
    ) -> Vec<Machine> {
        let mut machines: Vec<Machine> = Vec::new();
        for entry in entries {
            let (Some(parent), Some(domain)) = (&entry.parent, entry.domain()) else { continue };
            if machines.iter().any(|one| one.domain == domain && one.host.name() == domain) {
                continue;
            }
            let listed = listed
                .iter()
                .find(|one| one.name.as_ref() == Some(parent) || one.host == *parent || one.role == *parent);
            let parent = match listed {
                Some(one) => open(one.name.as_deref().unwrap_or(&one.host), &one.host, one.user.as_deref())
                    .of_entry(one),
                None => open(parent, parent, None),
            };
            let host = open(domain, &entry.host, entry.user.as_deref()).of_entry(entry);
            machines.push(Machine { host, parent, domain: domain.into(), role: entry.role.clone() });
        }
        machines
    }

    /// The machines of a smog.yml; nothing is connected yet.
    pub fn of_file(file: &SmogFile) -> Vec<Machine> {
        Machine::of_listed(&file.hosts, file)
    }

    /// The machines of a small `computes:` file, reached as smog.yml says; nothing is connected yet.
    pub fn of_computes(computes: &ComputesFile, file: &SmogFile) -> Vec<Machine> {
        let entries = computes.computes.iter().map(|one| HostEntry {
            role: "computes".into(),
            name: one.name.clone(),
            host: one.host.clone(),
            user: one.user.clone(),
            parent: one.parent.clone(),
            kind: one.kind,
            container: None,
            sudo: None,
        });
        Machine::of_listed(&entries.collect::<Vec<_>>(), file)
    }

    fn of_listed(entries: &[HostEntry], file: &SmogFile) -> Vec<Machine> {
        Machine::of_entries(entries, &file.hosts, |name, address, user| {
            Host::ssh(name, SshOptions::of_section(&file.ssh, address, user))
        })
    }
}
