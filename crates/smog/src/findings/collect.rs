//! Taking a snapshot: all sources at once, each with its time, and what did not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt, stream};
use serde::Serialize;

use super::host_facts::{DomainSnapshot, HostSnapshot, Machine};
use super::snapshot::{CloudSnapshot, Placement, ProviderSnapshot, is_open};
use super::{Unknown, pinning};
use crate::cloud::{
    Aggregate, Allocation, Cloud, ComputeService, Migration, MigrationFilter, Provider, Server,
    ServerTopology,
};
use crate::error::{Error, Result};

/// Hosts asked at once.
const HOSTS_AT_ONCE: usize = 32;

/// Calls to one API at once.
const CALLS_AT_ONCE: usize = 16;

/// At most so many servers that are in no list are asked for one by one.
const LOOKS: usize = 200;

/// How much of a cloud is looked at.
#[derive(Debug, Clone)]
pub enum Scope {
    /// All servers, hosts and providers.
    Cloud,
    /// One server, with its hosts and what it holds; its process with its memory.
    Guest(Box<Server>),
}

/// Something that was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source {
    /// What: "nova servers", "host cmp1: libvirt".
    pub name: String,
    /// How long it took, in seconds.
    #[serde(serialize_with = "as_seconds", rename = "took_s")]
    pub took: Duration,
    /// Whether it answered.
    pub answered: bool,
}

fn as_seconds<S: serde::Serializer>(time: &Duration, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_f64(time.as_secs_f64())
}

/// What was asked so far, by all that ask at once.
#[derive(Default)]
struct Clock(Mutex<Vec<Source>>);

impl Clock {
    async fn time<T>(&self, name: impl Into<String>, ask: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = Instant::now();
        let answer = ask.await;
        let source = Source { name: name.into(), took: begun.elapsed(), answered: answer.is_ok() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(source);
        answer
    }
}

/// What a host said, and what of it did not answer.
struct AskedHost {
    snapshot: Option<HostSnapshot>,
    jobs: BTreeSet<String>,
    unknown: Vec<(String, Error)>,
}

impl CloudSnapshot {
    /// Look at a cloud, or at one guest of it: all sources at once.
    ///
    /// What does not answer is in [`CloudSnapshot::unknown`]. Nothing is changed.
    ///
    /// # Errors
    /// As [`Cloud::servers`]: without the servers there is nothing to judge.
    pub async fn take(cloud: &Cloud, scope: &Scope, stuck_after: Duration) -> Result<CloudSnapshot> {
        // Boxed: its type is too deep for the compilers of those who await it.
        CloudSnapshot::ask(cloud, scope, stuck_after).boxed().await
    }

    async fn ask(cloud: &Cloud, scope: &Scope, stuck_after: Duration) -> Result<CloudSnapshot> {
        let clock = Clock::default();
        let at = jiff::Timestamp::now();
        let asks = Asks { cloud, clock: &clock };
        let whole = matches!(scope, Scope::Cloud);
        let filter = match scope {
            Scope::Cloud => MigrationFilter::default(),
            Scope::Guest(server) => MigrationFilter { server: Some(server.id.clone()), ..Default::default() },
        };
        let servers = async {
            match scope {
                Scope::Cloud => {
                    let servers = clock.time("nova: servers", cloud.servers()).await?;
                    let topologies = asks.topologies(servers.iter().filter(|one| wants_topology(one))).await;
                    Ok::<_, Error>((servers, topologies))
                }
                Scope::Guest(server) => {
                    let server = (**server).clone();
                    let topologies = match server.host {
                        Some(_) => asks.topologies([&server].into_iter()).await,
                        None => Vec::new(),
                    };
                    Ok((vec![server], topologies))
                }
            }
        };
        let migrations = async {
            let ask = cloud.migrations_matching(&filter);
            clock.time("nova: migrations", ask).await
        };
        let hosts = async {
            match scope {
                Scope::Cloud => {
                    let services = clock.time("nova: services", cloud.compute_services()).await;
                    let hosts = match &services {
                        Ok(services) => asks.hosts(hosts_of(services), None).await,
                        Err(_) => Vec::new(),
                    };
                    (services, hosts)
                }
                Scope::Guest(server) => {
                    let services = clock.time("nova: services", cloud.compute_services());
                    let first = server.host.iter().map(|host| (host.clone(), true)).collect();
                    tokio::join!(services, asks.hosts(first, Some(server)))
                }
            }
        };
        let aggregates = async {
            match whole {
                true => Some(asks.aggregates().await),
                false => None,
            }
        };
        let (servers, migrations, (services, hosts), hypervisors, placement, aggregates) = tokio::join!(
            servers,
            migrations,
            hosts,
            clock.time("nova: hypervisors", cloud.hypervisors_without_uptime()),
            asks.placement(scope),
            aggregates
        );
        let (servers, topologies) = servers?;
        let mut snapshot = CloudSnapshot {
            at,
            stuck_after,
            is_whole: whole,
            servers,
            other_servers: BTreeMap::new(),
            services: None,
            hypervisors: None,
            aggregates: None,
            migrations: None,
            placement: None,
            held: BTreeMap::new(),
            topologies: BTreeMap::new(),
            hosts: BTreeMap::new(),
            jobs: BTreeSet::new(),
            unknown: Vec::new(),
            sources: Vec::new(),
        };
        snapshot.services = snapshot.or_unknown("nova's services", "their hosts", services);
        snapshot.hypervisors =
            snapshot.or_unknown("nova's hypervisors", "which host is which provider", hypervisors);
        snapshot.migrations = snapshot.or_unknown("nova's migrations", "moves", migrations);
        match placement {
            Ok((placement, held)) => {
                snapshot.placement = Some(placement);
                snapshot.held = held;
            }
            Err(why) => snapshot.unknowns(&"placement", &"all that is booked", &why),
        }
        if let Some((aggregates, members)) = aggregates
            .and_then(|asked| snapshot.or_unknown("host aggregates", "aggregates in placement", asked))
        {
            snapshot.aggregates = Some(aggregates);
            if let Some(placement) = &mut snapshot.placement {
                placement.aggregates = members;
            }
        }
        snapshot.add_topologies(topologies);
        snapshot.add_hosts(hosts);
        if let Scope::Guest(server) = scope {
            // The other side of a move, once it is known.
            let sides = snapshot.migrations.iter().flatten().filter(|one| is_open(one));
            let sides =
                sides.flat_map(|one| [one.source_compute.clone(), one.dest_compute.clone()]).flatten();
            let more: BTreeMap<String, bool> =
                sides.filter(|side| server.host.as_ref() != Some(side)).map(|side| (side, true)).collect();
            let more = asks.hosts(more, None).await;
            snapshot.add_hosts(more);
        } else {
            asks.add_missing(&mut snapshot).await;
        }
        snapshot.sources = clock.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Hosts answer, or do not, in any order.
        snapshot.unknown.sort_by(|one, other| one.what.cmp(&other.what));
        Ok(snapshot)
    }

    fn or_unknown<T>(&mut self, what: &str, concerns: &str, answer: Result<T>) -> Option<T> {
        answer.map_err(|why| self.unknowns(&what, &concerns, &why)).ok()
    }

    fn unknowns(&mut self, what: &dyn ToString, concerns: &dyn ToString, why: &Error) {
        let (what, concerns) = (what.to_string(), concerns.to_string());
        self.unknown.push(Unknown { what, why: why.to_string(), concerns });
    }

    fn add_topologies(&mut self, asked: Vec<(String, Result<ServerTopology>)>) {
        let mut failed = Vec::new();
        for (id, answer) in asked {
            match answer {
                Ok(topology) => drop(self.topologies.insert(id, topology)),
                // Gone meanwhile.
                Err(Error::Api { status: 404, .. } | Error::NotFound { .. }) => {}
                Err(why) => failed.push(why),
            }
        }
        if let Some(why) = failed.first() {
            let concerns = format!("the NUMA record of {} guests", failed.len());
            self.unknowns(&"nova's topologies", &concerns, why);
        }
    }

    fn add_hosts(&mut self, asked: Vec<(String, AskedHost)>) {
        for (name, asked) in asked {
            let guests = self.servers.iter().filter(|one| one.host.as_ref() == Some(&name)).count();
            let concerns = match guests {
                0 => "this host".to_string(),
                1 => "1 guest on it".to_string(),
                many => format!("{many} guests on it"),
            };
            for (what, why) in &asked.unknown {
                self.unknowns(what, &concerns, why);
            }
            self.jobs.extend(asked.jobs);
            self.hosts.extend(asked.snapshot.map(|snapshot| (name, snapshot)));
        }
    }
}

/// Whether Nova keeps a NUMA record of a server, by its flavor.
fn wants_topology(server: &Server) -> bool {
    const KEYS: [&str; 6] = [
        "hw:cpu_policy",
        "hw:numa_",
        "hw:mem_page_size",
        "hw:cpu_dedicated_mask",
        "hw:pmem",
        "hw:emulator_threads",
    ];
    let mut keys = server.flavor.extra_specs.keys();
    server.host.is_some() && keys.any(|key| KEYS.iter().any(|wanted| key.starts_with(wanted)))
}

/// Every host with a service of Nova's, and whether it is a compute.
fn hosts_of(services: &[ComputeService]) -> BTreeMap<String, bool> {
    let mut hosts = BTreeMap::new();
    for service in services {
        *hosts.entry(service.host.clone()).or_insert(false) |= service.binary == "nova-compute";
    }
    hosts
}

#[derive(Clone, Copy)]
struct Asks<'a> {
    cloud: &'a Cloud,
    clock: &'a Clock,
}

type Members = BTreeMap<String, BTreeSet<String>>;

impl Asks<'_> {
    async fn topologies<'s>(
        self,
        servers: impl Iterator<Item = &'s Server>,
    ) -> Vec<(String, Result<ServerTopology>)> {
        let ids: Vec<String> = servers.map(|server| server.id.clone()).collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let all = async {
            let asks = ids.into_iter().map(|id| async move {
                let answer = self.cloud.topology(&id).await;
                (id, answer)
            });
            let asks: Vec<_> = asks.collect();
            Ok(stream::iter(asks).buffer_unordered(CALLS_AT_ONCE).collect().await)
        };
        self.clock.time("nova: topologies", all).await.unwrap_or_default()
    }

    async fn aggregates(self) -> Result<(Vec<Aggregate>, Members)> {
        let aggregates = self.clock.time("nova: aggregates", self.cloud.aggregates()).await?;
        let mut members = Members::new();
        let uuids: Vec<String> = aggregates.iter().filter_map(|one| one.uuid.clone()).collect();
        if uuids.is_empty() {
            return Ok((aggregates, members));
        }
        let all = async {
            let asks: Vec<_> = uuids
                .into_iter()
                .map(|uuid| async move { (self.cloud.members_of_aggregate(&uuid).await, uuid) })
                .collect();
            Ok::<Vec<_>, Error>(stream::iter(asks).buffer_unordered(CALLS_AT_ONCE).collect().await)
        };
        for (found, uuid) in self.clock.time("placement: aggregates", all).await? {
            members.insert(uuid, found?.into_iter().collect());
        }
        Ok((aggregates, members))
    }

    async fn placement(self, scope: &Scope) -> Result<(Placement, BTreeMap<String, Vec<Allocation>>)> {
        let providers = self.clock.time("placement: providers", self.cloud.providers());
        match scope {
            Scope::Cloud => {
                let named = |name: &'static str| async move {
                    let found = self.cloud.providers_with_trait(name).await?;
                    Ok::<BTreeSet<String>, Error>(found.into_iter().map(|provider| provider.id).collect())
                };
                let details = async {
                    let providers = providers.await?;
                    let all = async {
                        let asks: Vec<_> =
                            providers.into_iter().map(|provider| self.provider(provider)).collect();
                        let found: Vec<Result<Option<ProviderSnapshot>>> =
                            stream::iter(asks).buffered(CALLS_AT_ONCE).collect().await;
                        found.into_iter().collect::<Result<Vec<_>>>()
                    };
                    let found = self.clock.time("placement: inventories, allocations", all).await?;
                    Ok(found.into_iter().flatten().collect())
                };
                let (providers, disabled, sharing) = tokio::try_join!(
                    details,
                    named("COMPUTE_STATUS_DISABLED"),
                    named("MISC_SHARES_VIA_AGGREGATE")
                )?;
                let placement = Placement { providers, disabled, sharing, aggregates: Members::new() };
                Ok((placement, BTreeMap::new()))
            }
            Scope::Guest(server) => {
                let held = self.clock.time("placement: allocations", self.cloud.allocations(&server.id));
                let (providers, held) = tokio::try_join!(providers, held)?;
                let bare = |provider| ProviderSnapshot { provider, inventories: vec![], allocations: vec![] };
                let placement = Placement {
                    providers: providers.into_iter().map(bare).collect(),
                    ..Placement::default()
                };
                Ok((placement, BTreeMap::from([(server.id.clone(), held)])))
            }
        }
    }

    /// `None` for a provider that was deleted meanwhile.
    async fn provider(self, provider: Provider) -> Result<Option<ProviderSnapshot>> {
        let asked = tokio::try_join!(
            self.cloud.bare_inventories(&provider.id),
            self.cloud.provider_allocations(&provider.id)
        );
        match asked {
            Ok((inventories, allocations)) => {
                Ok(Some(ProviderSnapshot { provider, inventories, allocations }))
            }
            Err(Error::Api { status: 404, .. } | Error::NotFound { .. }) => Ok(None),
            Err(why) => Err(why),
        }
    }

    /// Hosts with whether each is a compute; of `guest`, the process with its memory.
    async fn hosts(self, hosts: BTreeMap<String, bool>, guest: Option<&Server>) -> Vec<(String, AskedHost)> {
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
                    AskedHost { snapshot: Some(of_machine(name, Some(machine))), jobs, unknown: vec![] }
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
        let (machine, libvirt, kernel, memory) = tokio::join!(machine, libvirt, kernel, memory);
        let mut unknown = Vec::new();
        let machine = machine.map_err(|why| unknown.push((format!("host `{name}`"), why))).ok();
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
            ..of_machine(name, machine)
        };
        AskedHost { snapshot: Some(snapshot), jobs, unknown }
    }

    /// NUMA records of guests whose domain shows that there is one (an image may ask for it), and
    /// servers that are in no list although a domain or an allocation is of them.
    async fn add_missing(self, snapshot: &mut CloudSnapshot) {
        let has_record = |server: &&Server| {
            let host = server.host.as_ref().and_then(|host| snapshot.hosts.get(host));
            let mut domains = host.iter().flat_map(|host| &host.domains);
            !snapshot.topologies.contains_key(&server.id)
                && domains.any(|found| {
                    found.domain.uuid == server.id
                        && (found.domain.numatune.is_some()
                            || !pinning::dedicated(&found.domain, None).is_empty())
                })
        };
        let late: Vec<&Server> = snapshot.servers.iter().filter(has_record).collect();
        let late = self.topologies(late.into_iter());
        let known: BTreeSet<&String> = snapshot.servers.iter().map(|server| &server.id).collect();
        let of_moves: BTreeSet<&String> =
            snapshot.migrations.iter().flatten().filter_map(|one: &Migration| one.uuid.as_ref()).collect();
        let domains = snapshot.hosts.values().flat_map(|host| &host.domains).map(|found| &found.domain.uuid);
        let consumers = snapshot.placement.iter().flat_map(|placement| &placement.providers);
        let consumers = consumers.flat_map(|one| &one.allocations).map(|one| &one.consumer);
        let missing: BTreeSet<String> = domains
            .chain(consumers)
            .filter(|id| !known.contains(id) && !of_moves.contains(id))
            .take(LOOKS)
            .cloned()
            .collect();
        let asks: Vec<_> =
            missing.into_iter().map(|id| async move { (self.cloud.server_by_id(&id).await, id) }).collect();
        let looks = async {
            if asks.is_empty() {
                return Ok(Vec::new());
            }
            let all =
                async { Ok(stream::iter(asks).buffer_unordered(CALLS_AT_ONCE).collect::<Vec<_>>().await) };
            self.clock.time("nova: servers in no list", all).await
        };
        let (late, looks) = tokio::join!(late, looks);
        snapshot.add_topologies(late);
        for (answer, id) in looks.unwrap_or_default() {
            match answer {
                Ok(server) => drop(snapshot.other_servers.insert(id, server.status)),
                Err(Error::NotFound { .. }) => {}
                Err(why) => snapshot.unknowns(&format!("server {id}"), &"whether Nova knows it", &why),
            }
        }
    }
}

fn of_machine(name: &str, machine: Option<Machine>) -> HostSnapshot {
    HostSnapshot { name: name.to_string(), domains: Vec::new(), processes: Vec::new(), machine }
}
