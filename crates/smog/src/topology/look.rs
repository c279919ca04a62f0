//! Asking: one host, the hosts of a guest, or all.

use serde::Serialize;

use super::of_facts::letter;
use super::{HostFacts, HostPicture};
use crate::cloud::{Cloud, MigrationFilter, Server};
use crate::error::{Error, Result};
use crate::exit::ExitCode;
use crate::findings::{CpuMap, Machine};
use crate::guest::Guest;
use crate::host::Host;
use crate::libvirt::{DomainState, Sighting};

/// What a topology is of.
#[derive(Debug, Clone)]
pub enum Seen {
    /// All compute hosts.
    All,
    /// One host, by its name.
    Host(String),
    /// The host of a guest; while it moves, both.
    Guest(Box<Guest>),
}

/// Hosts with the guests on them, at one moment.
#[derive(Debug, Clone, Serialize)]
pub struct Topology {
    /// The id of the guest it is of, where it is of one.
    pub guest: Option<String>,
    /// What Nova says of that guest: "web-1: ACTIVE on cmp1".
    pub state: Option<String>,
    /// The hosts that answered, by name.
    pub hosts: Vec<HostPicture>,
    /// Hosts that did not answer, a sentence each.
    pub unreached: Vec<String>,
}

impl Topology {
    /// Whether anything is elsewhere than in another look: the time and what memory is free
    /// do not count.
    pub fn differs_from(&self, before: &Topology) -> bool {
        let still = |topology: &Topology| {
            let mut still = topology.clone();
            for host in &mut still.hosts {
                host.at = jiff::Timestamp::UNIX_EPOCH;
                host.nodes.iter_mut().for_each(|node| node.free_kib = 0);
            }
            still
        };
        let (one, other) = (still(self), still(before));
        one.state != other.state || one.hosts != other.hosts || one.unreached != other.unreached
    }

    /// 3 when something could not be read.
    pub fn exit_code(&self) -> ExitCode {
        let is_whole = self.unreached.is_empty() && self.hosts.iter().all(|host| host.unknown.is_empty());
        if is_whole { ExitCode::Ok } else { ExitCode::CouldNotRun }
    }
}

impl Host {
    /// What this host is made of, and which guests sit on which of its CPUs by the kernel's affinity.
    /// All is asked at once; nothing is changed.
    ///
    /// # Errors
    /// As [`Host::facts`]. What else does not answer (libvirt, nova-compute's configuration) is in
    /// [`HostPicture::unknown`].
    pub async fn topology(&self) -> Result<HostPicture> {
        let (facts, machine, domains, processes) =
            tokio::join!(self.facts(), Machine::of(self), self.domains_with_states(), self.guest_processes());
        let facts = facts?;
        let mut unknown = facts.unknown.clone();
        let mut note = |what: &str, why: &Error| unknown.push(format!("{what}: {why}"));
        let (cpus, sets) = match machine {
            Ok(machine) => {
                if machine.sets.is_none() {
                    unknown.push("nova-compute's CPU sets: its configuration was not found".into());
                }
                (machine.cpus, machine.sets)
            }
            Err(why) => {
                note("nova-compute's CPU sets", &why);
                (CpuMap::default(), None)
            }
        };
        let mut note = |what: &str, why: &Error| unknown.push(format!("{what}: {why}"));
        let domains = match domains {
            Ok(found) => {
                found.unreadable.iter().for_each(|why| note("a guest", why));
                found.sightings
            }
            Err(why) => {
                note("the guests", &why);
                Vec::new()
            }
        };
        let processes = processes.unwrap_or_else(|why| {
            note("where threads may run", &why);
            Vec::new()
        });
        // A running domain without a process is Nova's matter; in a recording it is what was not gathered.
        if self.is_recorded() {
            let has_process =
                |seen: &&Sighting| processes.iter().any(|process| process.uuid == seen.domain.uuid);
            let without = domains
                .iter()
                .filter(|seen| matches!(seen.state, DomainState::Running | DomainState::Paused))
                .filter(|seen| !has_process(seen));
            unknown
                .extend(without.map(|seen| {
                    format!("where the threads of `{}` may run: not recorded", seen.domain.name)
                }));
        }
        let picture = HostPicture::of(&HostFacts {
            host: self.name(),
            facts: &facts,
            cpus: &cpus,
            sets: sets.as_ref(),
            domains: &domains,
            processes: &processes,
        });
        Ok(HostPicture { unknown, ..picture })
    }
}

impl Cloud {
    /// What a name is of: a host's, else a guest's.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names of both; those of [`Cloud::guest`].
    pub async fn host_or_guest(&self, name: &str) -> Result<Seen> {
        let near_hosts = match self.host(name).await {
            Ok(host) => return Ok(Seen::Host(host.name().to_string())),
            Err(Error::NotFound { near, .. }) => near,
            Err(why) => return Err(why),
        };
        match self.guest(name).await {
            Ok(guest) => Ok(Seen::Guest(Box::new(guest))),
            Err(Error::NotFound { name, near, .. }) => {
                let near = near_hosts.into_iter().chain(near).collect();
                Err(Error::NotFound { what: "host or guest".into(), name, near })
            }
            Err(why @ Error::NotRecorded { .. }) => match self.recorded_domain(name).await? {
                Some((host, _)) => Ok(Seen::Host(host.name().to_string())),
                None => Err(why),
            },
            Err(why) => Err(why),
        }
    }

    /// The topology of all compute hosts, of one, or of those a guest is on. Hosts are asked at once.
    ///
    /// # Errors
    /// Those of finding the hosts; [`Error::Invalid`] for a guest that is on none. A host that does not
    /// answer is in [`Topology::unreached`].
    pub async fn topology_of(&self, seen: &Seen) -> Result<Topology> {
        let (mut guest, mut state) = (None, None);
        let mut names = match seen {
            Seen::All => match self.hypervisors_without_uptime().await {
                Ok(found) => found.into_iter().map(|hypervisor| hypervisor.service.host).collect(),
                Err(why @ Error::NotRecorded { .. }) => match self.recorded_hosts() {
                    hosts if hosts.is_empty() => return Err(why),
                    hosts => hosts,
                },
                Err(why) => return Err(why),
            },
            Seen::Host(name) => vec![name.clone()],
            Seen::Guest(asked) => {
                let server = self.server_by_id(&asked.server.id).await?;
                let names = self.hosts_of(&server).await?;
                (guest, state) = (Some(server.id.clone()), Some(sentence(&server)));
                names
            }
        };
        names.sort();
        names.dedup();
        let asked = names.iter().map(|name| async move {
            let picture = async { self.host(name).await?.topology().await }.await;
            (name, picture)
        });
        let mut topology = Topology { guest, state, hosts: Vec::new(), unreached: Vec::new() };
        for (name, picture) in futures_util::future::join_all(asked).await {
            match picture {
                Ok(picture) => topology.hosts.push(picture),
                Err(why) => topology.unreached.push(format!("host `{name}`: {why}")),
            }
        }
        give_letters(&mut topology.hosts);
        Ok(topology)
    }

    /// The host Nova names, and the other side of a move that has not ended.
    async fn hosts_of(&self, server: &Server) -> Result<Vec<String>> {
        let mut names: Vec<String> = server.host.iter().cloned().collect();
        if server.task_state.is_some() || server.is_moving() || server.status == "VERIFY_RESIZE" {
            let filter = MigrationFilter { server: Some(server.id.clone()), ..MigrationFilter::default() };
            // Only administrators see them: without, the host that Nova names is shown.
            let moves = self.migrations_matching(&filter).await.unwrap_or_default();
            let open = moves.into_iter().filter(|one| !one.has_ended() || one.status == "finished");
            names.extend(open.flat_map(|one| [one.source_compute, one.dest_compute]).flatten());
        }
        if names.is_empty() {
            return Err(Error::Invalid {
                what: format!("guest `{}`", server.name),
                why: format!("is on no host: it is {}", server.status),
                hint: None,
            });
        }
        Ok(names)
    }
}

/// A guest has one letter on all hosts: while it moves it is on two.
fn give_letters(hosts: &mut [HostPicture]) {
    let guests = hosts.iter().flat_map(|host| &host.guests);
    let names: std::collections::BTreeSet<(String, String)> =
        guests.map(|guest| (guest.name.clone(), guest.id.clone())).collect();
    for guest in hosts.iter_mut().flat_map(|host| &mut host.guests) {
        let of = |name: &(String, String)| name.0 == guest.name && name.1 == guest.id;
        guest.letter = letter(names.iter().position(of).unwrap_or_default());
    }
}

/// "web-1: ACTIVE on cmp1, migrating"
fn sentence(server: &Server) -> String {
    let host = server.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
    let task = server.task_state.as_ref().map(|task| format!(", {task}")).unwrap_or_default();
    format!("{}: {}{host}{task}", server.name, server.status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::GuestPicture;

    fn host(name: &str, guests: &[&str]) -> HostPicture {
        let guest = |name: &&str| GuestPicture {
            letter: "z".into(),
            name: name.to_string(),
            id: format!("id-{name}"),
            domain: String::new(),
            state: "running".into(),
            memory_kib: 0,
            huge_kib: 0,
            vcpus: vec![],
            emulator: None,
            memory_nodes: crate::Cpuset::new(),
        };
        HostPicture {
            host: name.into(),
            at: jiff::Timestamp::UNIX_EPOCH,
            sockets: 1,
            simulated_nodes: 0,
            nodes: vec![],
            offline: crate::Cpuset::new(),
            devices: vec![],
            guests: guests.iter().map(guest).collect(),
            unknown: vec![],
        }
    }

    #[test]
    fn a_guest_has_one_letter_on_all_hosts() {
        let mut hosts = [host("cmp1", &["b", "c"]), host("cmp2", &["a", "b"])];
        give_letters(&mut hosts);
        let letters =
            |host: &HostPicture| host.guests.iter().map(|guest| guest.letter.clone()).collect::<String>();
        assert_eq!((letters(&hosts[0]), letters(&hosts[1])), ("bc".into(), "ab".into()));
    }

    #[test]
    fn what_was_not_read_is_exit_code_3() {
        let of = |unreached: &[&str], unknown: &[&str]| {
            let unknown = unknown.iter().map(ToString::to_string).collect();
            let hosts = vec![HostPicture { unknown, ..host("cmp1", &[]) }];
            let unreached = unreached.iter().map(ToString::to_string).collect();
            Topology { guest: None, state: None, hosts, unreached }.exit_code()
        };
        assert_eq!(of(&[], &[]), ExitCode::Ok);
        assert_eq!((of(&["x"], &[]), of(&[], &["x"])), (ExitCode::CouldNotRun, ExitCode::CouldNotRun));
    }
}
