//! What the hosts are asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use super::super::host_facts::{DomainSnapshot, HostSnapshot, Machine};
use super::apis::Asks;
use super::{AskedHost, HOSTS_AT_ONCE};
use crate::cloud::Server;
use crate::error::Error;

impl Asks<'_> {
    /// Hosts with whether each is a compute; of `guest`, the process with its memory.
    pub(super) async fn hosts(
        self,
        hosts: BTreeMap<String, bool>,
        guest: Option<&Server>,
    ) -> Vec<(String, AskedHost)> {
        let asks: Vec<_> = hosts
            .into_iter()
            .map(|(name, is_compute)| async move {
                let asked = self.host(&name, is_compute, guest).await;
                (name, asked)
            })
            .collect();
        stream::iter(asks).buffer_unordered(HOSTS_AT_ONCE).collect().await
    }

    async fn host(self, name: &str, is_compute: bool, guest: Option<&Server>) -> AskedHost {
        let (snapshot, jobs) = (None, BTreeSet::new());
        let host = match self.cloud.host(name).await {
            Ok(host) => host,
            // A controller that smog.yml does not name is nothing that was asked for.
            Err(Error::NotFound { .. } | Error::Config { .. }) if !is_compute => {
                return AskedHost { snapshot, jobs, unknown: Vec::new() };
            }
            Err(why) => return AskedHost { snapshot, jobs, unknown: vec![(format!("host `{name}`"), why)] },
        };
        let time = |what: &str| format!("host {name}: {what}");
        let machine = self.clock.time(time("machine and services"), Machine::of(&host));
        if !is_compute {
            return match machine.await {
                Ok(machine) => {
                    let unknown = without_details(name, Some(&machine)).into_iter().collect();
                    AskedHost { snapshot: Some(of_machine(name, Some(machine))), jobs, unknown }
                }
                Err(why) => AskedHost { snapshot, jobs, unknown: vec![(format!("host `{name}`"), why)] },
            };
        }
        let libvirt = self.clock.time(time("libvirt"), host.domains_in_full());
        let kernel = self.clock.time(time("qemu processes"), host.guest_processes());
        let memory = async {
            match guest {
                Some(server) => {
                    let ask = host.guest_process(&server.id);
                    self.clock.time(time("memory of the guest"), ask).await.ok()
                }
                None => None,
            }
        };
        let daemon = self.clock.time(time("libvirt itself"), host.libvirt_daemon());
        let (machine, libvirt, kernel, memory, daemon) =
            tokio::join!(machine, libvirt, kernel, memory, daemon);
        let mut unknown = Vec::new();
        let machine = machine.map_err(|why| unknown.push((format!("host `{name}`"), why))).ok();
        unknown.extend(without_details(name, machine.as_ref()));
        let (found, jobs) = match libvirt {
            Ok((found, unreadable)) => {
                unknown.extend(unreadable.into_iter().map(|why| (format!("a domain on `{name}`"), why)));
                let jobs =
                    found.iter().filter(|one| one.has_job).map(|one| one.domain.uuid.clone()).collect();
                (found, jobs)
            }
            Err(why) => {
                // One way that is broken is one line.
                if unknown.is_empty() {
                    unknown.push((format!("libvirt on `{name}`"), why));
                }
                return AskedHost { snapshot, jobs, unknown };
            }
        };
        let daemon = daemon.map_err(|why| unknown.push((format!("libvirt itself on `{name}`"), why))).ok();
        let mut processes = match kernel {
            Ok(processes) => processes,
            Err(why) => {
                unknown.push((format!("the processes of `{name}`"), why));
                Vec::new()
            }
        };
        if let Some(process) = memory {
            processes.retain(|other| other.uuid != process.uuid);
            processes.push(process);
        }
        let domains = found.into_iter().map(|one| DomainSnapshot {
            domain: Arc::new(one.domain),
            persistent: one.persistent.map(Arc::new),
            state: one.state,
            reason: one.reason,
        });
        let snapshot = HostSnapshot {
            domains: domains.collect(),
            processes: processes.into_iter().map(Arc::new).collect(),
            libvirt: daemon,
            ..of_machine(name, machine)
        };
        AskedHost { snapshot: Some(snapshot), jobs, unknown }
    }
}

fn of_machine(name: &str, machine: Option<Machine>) -> HostSnapshot {
    HostSnapshot {
        name: name.to_string(),
        domains: Vec::new(),
        processes: Vec::new(),
        machine,
        libvirt: None,
    }
}

/// What to say of a machine that answered, but not to the script that gathers its details.
fn without_details(name: &str, machine: Option<&Machine>) -> Option<(String, Error)> {
    let why = Error::Parse {
        what: "details of the machine".into(),
        source_of: format!("host `{name}`"),
        why: "it printed none".into(),
    };
    machine.filter(|machine| machine.details.is_none()).map(|_| (format!("details of `{name}`"), why))
}
