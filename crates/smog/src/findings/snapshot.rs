//! What is judged: a guest, and a cloud, as all layers have them at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::host_facts::{DomainSnapshot, HostSnapshot};
use super::{BugSeen, CpuMap, CpuSets, Source, Unknown};
use crate::cloud::{
    Aggregate, Allocation, ComputeService, Flavor, Hypervisor, Inventory, Migration, Network, Port,
    PortBinding, Provider, Server, ServerGroup, ServerTopology, Volume,
};
use crate::guest::Elsewhere;
use crate::host::GuestProcess;

/// A guest as all layers have it at one moment. What was not asked, or did not answer, is `None`.
#[derive(Debug, Clone)]
pub struct GuestSnapshot {
    /// What Nova says.
    pub server: Server,
    /// Whether the host that Nova names was asked, and answered.
    pub is_host_known: bool,
    /// What libvirt has on the host that Nova names; `None` when it has no such domain.
    pub domain: Option<DomainSnapshot>,
    /// Domains of its UUID on other hosts.
    pub elsewhere: Vec<Elsewhere>,
    /// Its QEMU process on the host that Nova names.
    pub process: Option<Arc<GuestProcess>>,
    /// What placement has booked for it; `None` when placement could not be asked.
    pub allocations: Option<Vec<Allocation>>,
    /// The providers of its host, the hypervisor's own first; `None` when there is none, or when
    /// placement could not be asked.
    pub host_providers: Option<Vec<String>>,
    /// Nova's own NUMA record; `None` when it was not asked for.
    pub topology: Option<ServerTopology>,
    /// Its moves that have not ended, and evacuations whose source is not back.
    pub open_migrations: Vec<Migration>,
    /// How the CPUs of its host stand to the kernel's.
    pub cpus: CpuMap,
    /// The CPU sets of its host, as configured now; `None` when the configuration is not known.
    pub sets: Option<CpuSets>,
}

impl GuestSnapshot {
    /// "guest `web-1`".
    pub fn name(&self) -> &str {
        &self.server.name
    }

    /// Nova's name of its host; empty without one.
    pub fn host(&self) -> &str {
        self.server.host.as_deref().unwrap_or_default()
    }

    /// The domain's name, as Nova gives it.
    pub fn domain_name(&self) -> &str {
        let seen = self.domain.as_ref().map(|found| found.domain.name.as_str());
        seen.or(self.server.instance_name.as_deref()).unwrap_or("?")
    }

    /// Nova is at work on it, or moves it: its layers differ rightly.
    pub fn is_busy(&self) -> bool {
        self.server.task_state.is_some()
            || self.server.is_moving()
            || matches!(
                self.server.status.as_str(),
                "BUILD" | "REBUILD" | "HARD_REBOOT" | "REBOOT" | "DELETED"
            )
            || self.open_migrations.iter().any(|one| !is_at_rest(one))
    }

    /// It has a place on two hosts rightly: it moves, or waits for the confirmation of a resize.
    pub fn is_between_hosts(&self) -> bool {
        self.is_busy() || self.server.status == "VERIFY_RESIZE" || !self.open_migrations.is_empty()
    }

    /// Whether its server is in a state in which it has a place on a host.
    pub fn has_place(&self) -> bool {
        self.server.host.is_some()
            && !matches!(self.server.status.as_str(), "SHELVED_OFFLOADED" | "BUILD" | "DELETED")
    }

    /// What placement has booked of a resource class on its host.
    pub fn booked(&self, class: &str) -> u64 {
        let here = self.host_providers.iter().flatten().collect::<BTreeSet<_>>();
        let here = self.allocations.iter().flatten().filter(|one| here.contains(&one.provider));
        here.filter_map(|allocation| allocation.resources.get(class))
            .fold(0, |all, one| all.saturating_add(*one))
    }
}

/// A resize that waits for its confirmation, and an evacuation whose source is not back: nothing
/// happens until someone acts.
fn is_at_rest(migration: &Migration) -> bool {
    matches!(migration.status.as_str(), "finished" | "done")
}

/// One resource provider.
#[derive(Debug, Clone)]
pub struct ProviderSnapshot {
    /// The provider.
    pub provider: Provider,
    /// What it has.
    pub inventories: Vec<Inventory>,
    /// Who holds what of it.
    pub allocations: Vec<Allocation>,
}

/// What placement says.
#[derive(Debug, Clone, Default)]
pub struct Placement {
    /// All providers.
    pub providers: Vec<ProviderSnapshot>,
    /// Ids of those with the trait COMPUTE_STATUS_DISABLED.
    pub disabled: BTreeSet<String>,
    /// Ids of those that share what they have with others (MISC_SHARES_VIA_AGGREGATE).
    pub sharing: BTreeSet<String>,
    /// The ids of the providers of each aggregate, by the aggregate's UUID.
    pub aggregates: BTreeMap<String, BTreeSet<String>>,
}

/// A cloud, or the part of it that was asked for, at one moment.
#[derive(Debug, Clone, Default)]
pub struct CloudSnapshot {
    /// When it was looked at.
    pub at: jiff::Timestamp,
    /// How old an unchanged task state or migration must be to count as stuck.
    pub stuck_after: Duration,
    /// Whether all of the cloud was asked for, not one guest of it.
    pub is_whole: bool,
    /// The servers.
    pub servers: Vec<Server>,
    /// The ids of servers that are not in the list (deleted meanwhile or since, or made meanwhile)
    /// and that Nova knows all the same, with their status.
    pub other_servers: BTreeMap<String, String>,
    /// Nova's services; `None` when they could not be asked for.
    pub services: Option<Vec<ComputeService>>,
    /// Hypervisors; `None` when they could not be asked for.
    pub hypervisors: Option<Vec<Hypervisor>>,
    /// Host aggregates; `None` when they were not asked for.
    pub aggregates: Option<Vec<Aggregate>>,
    /// All migrations, newest first; `None` when they could not be asked for.
    pub migrations: Option<Vec<Migration>>,
    /// Placement; `None` when it could not be asked.
    pub placement: Option<Placement>,
    /// What the servers hold, where not all of placement was asked for.
    pub held: BTreeMap<String, Vec<Allocation>>,
    /// Nova's NUMA records, by server.
    pub topologies: BTreeMap<String, ServerTopology>,
    /// Server groups; `None` when they were not asked for.
    pub groups: Option<Vec<ServerGroup>>,
    /// Flavors; `None` when they were not asked for.
    pub flavors: Option<Vec<Flavor>>,
    /// Neutron's ports, of all or of the one guest; `None` when they were not asked for.
    pub ports: Option<Vec<Port>>,
    /// Neutron's networks; `None` when they were not asked for.
    pub networks: Option<Vec<Network>>,
    /// Bindings by port, of the ports of servers that have moved live.
    pub bindings: BTreeMap<String, Vec<PortBinding>>,
    /// Cinder's volumes; `None` where there is no volume service, or when it was not asked.
    pub volumes: Option<Vec<Volume>>,
    /// Known bugs that the logs show.
    pub bugs: Vec<BugSeen>,
    /// The ids of guests of which libvirt has a job under way (a migration, a save).
    pub jobs: BTreeSet<String>,
    /// The hosts that answered, by Nova's name.
    pub hosts: BTreeMap<String, HostSnapshot>,
    /// What could not be looked at.
    pub unknown: Vec<Unknown>,
    /// What was asked, and how long each took.
    pub sources: Vec<Source>,
}

impl CloudSnapshot {
    /// Every guest with what the layers say of it.
    pub fn guests(&self) -> Vec<GuestSnapshot> {
        let mut domains: BTreeMap<&str, Vec<(&str, &DomainSnapshot)>> = BTreeMap::new();
        let mut processes: BTreeMap<(&str, &str), &Arc<GuestProcess>> = BTreeMap::new();
        for host in self.hosts.values() {
            for found in &host.domains {
                domains.entry(&found.domain.uuid).or_default().push((&host.name, found));
            }
            for process in &host.processes {
                processes.insert((&host.name, &process.uuid), process);
            }
        }
        let mut held: BTreeMap<&str, Vec<Allocation>> = BTreeMap::new();
        let all = self.placement.iter().flat_map(|placement| &placement.providers);
        for one in all.flat_map(|provider| &provider.allocations).chain(self.held.values().flatten()) {
            let of_server = held.entry(&one.consumer).or_default();
            if !of_server.contains(one) {
                of_server.push(one.clone());
            }
        }
        let mut migrations: BTreeMap<&str, Vec<&Migration>> = BTreeMap::new();
        for one in self.migrations.iter().flatten() {
            migrations.entry(&one.server_id).or_default().push(one);
        }
        let trees = self.trees();
        // Looked for once per server, the list would take servers times hosts.
        let mut hypervisors: BTreeMap<&str, Vec<&Hypervisor>> = BTreeMap::new();
        for one in self.hypervisors.iter().flatten() {
            hypervisors.entry(&one.service.host).or_default().push(one);
        }
        let guest = |server: &Server| {
            let host = server.host.as_deref().unwrap_or_default();
            let seen = domains.get(server.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            let here = seen.iter().find(|(place, _)| *place == host);
            let elsewhere = seen.iter().filter(|(place, _)| *place != host);
            let own = migrations.get(server.id.as_str()).map(Vec::as_slice).unwrap_or_default();
            let machine = self.hosts.get(host).and_then(|host| host.machine.as_ref());
            let on_host = hypervisors.get(host).map(Vec::as_slice).unwrap_or_default();
            GuestSnapshot {
                is_host_known: self.hosts.contains_key(host),
                domain: here.map(|(_, found)| (*found).clone()),
                elsewhere: elsewhere
                    .map(|(place, found)| Elsewhere {
                        host: (*place).to_string(),
                        domain: found.domain.name.clone(),
                        state: found.state,
                    })
                    .collect(),
                process: processes.get(&(host, server.id.as_str())).map(|process| Arc::clone(process)),
                allocations: self
                    .placement
                    .as_ref()
                    .map(|_| held.get(server.id.as_str()).cloned().unwrap_or_default()),
                host_providers: hypervisor_of(on_host, server).and_then(|id| trees.get(id).cloned()),
                topology: self.topologies.get(&server.id).cloned(),
                open_migrations: own.iter().filter(|one| is_open(one)).map(|one| (*one).clone()).collect(),
                cpus: machine.map(|machine| machine.cpus.clone()).unwrap_or_default(),
                sets: machine.and_then(|machine| machine.sets.clone()),
                server: server.clone(),
            }
        };
        self.servers.iter().map(guest).collect()
    }

    /// The ids of all providers of a tree, by the id of its root, which is the first of them.
    pub(super) fn trees(&self) -> BTreeMap<&str, Vec<String>> {
        let mut trees: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for one in self.placement.iter().flat_map(|placement| &placement.providers) {
            let root = one.provider.root.as_deref().unwrap_or(&one.provider.id);
            let tree = trees.entry(root).or_default();
            match root == one.provider.id {
                true => tree.insert(0, one.provider.id.clone()),
                false => tree.push(one.provider.id.clone()),
            }
        }
        trees
    }

    /// A name for the guest of this UUID on a host: the server's, else what Nova wrote into the
    /// domain, else the domain's.
    pub(crate) fn guest_name(&self, uuid: &str, host: &HostSnapshot) -> String {
        if let Some(server) = self.servers.iter().find(|server| server.id == uuid) {
            return server.name.clone();
        }
        let found = host.domains.iter().find(|found| found.domain.uuid == uuid);
        let nova = found.and_then(|found| found.domain.nova.as_ref()?.name.clone());
        nova.or_else(|| found.map(|found| found.domain.name.clone())).unwrap_or_else(|| uuid.to_string())
    }
}

/// The id of the hypervisor of its host that a server is on, which is its provider's too.
fn hypervisor_of<'a>(on_host: &[&'a Hypervisor], server: &Server) -> Option<&'a str> {
    let is_it = |one: &&&Hypervisor| {
        server.hypervisor_hostname.as_ref().is_none_or(|name| *name == one.hypervisor_hostname)
    };
    on_host.iter().find(is_it).map(|one| one.id.as_str())
}

/// A move that has not ended, or an evacuation whose source has not been cleaned up yet.
pub(super) fn is_open(migration: &Migration) -> bool {
    let is_evacuation = migration.migration_type.as_deref() == Some("evacuation");
    !migration.has_ended() || (is_evacuation && migration.status == "done")
}
