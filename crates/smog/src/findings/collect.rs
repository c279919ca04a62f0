//! Taking a snapshot: all sources at once, each with its time, and what did not answer.

mod apis;
mod hosts;
mod more;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde::Serialize;

use self::apis::{Asks, hosts_of, wants_topology};
use super::Unknown;
use super::host_facts::HostSnapshot;
use super::snapshot::{CloudSnapshot, is_open};
use crate::cloud::{Cloud, MigrationFilter, Server, ServerTopology};
use crate::error::{Error, Result};

/// Hosts asked at once.
const HOSTS_AT_ONCE: usize = 32;

/// Calls to one API at once.
const CALLS_AT_ONCE: usize = 16;

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
        let at = cloud.now();
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
        let (servers, migrations, (services, hosts), hypervisors, placement, aggregates, more) = tokio::join!(
            servers,
            migrations,
            hosts,
            clock.time("nova: hypervisors", cloud.hypervisors_without_uptime()),
            asks.placement(scope),
            aggregates,
            asks.more(scope)
        );
        let (servers, topologies) = servers?;
        let mut snapshot =
            CloudSnapshot { at, stuck_after, is_whole: whole, servers, ..CloudSnapshot::default() };
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
        snapshot.add_more(more);
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
        asks.add_bindings(&mut snapshot).await;
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
