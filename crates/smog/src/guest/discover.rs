//! Finding every guest: two list calls to Nova, one command per host.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Elsewhere, Guest, Stranger};
use crate::cloud::{Cloud, Server};
use crate::error::{Error, Result};
use crate::exit::ExitCode;
use crate::libvirt::{HostDomains, Sighting};
use crate::show::{Column, Show};

/// Hosts asked at once.
const AT_ONCE: usize = 32;

/// Servers asked for by id at once.
const LOOKS_AT_ONCE: usize = 8;

/// All guests, the domains that belong to no server, and the hosts that could not be asked.
#[derive(Debug)]
pub struct Discovery {
    /// By name.
    pub guests: Vec<Guest>,
    /// Domains that belong to no server, by host and name; only for administrators, who see
    /// every server.
    pub strangers: Vec<Stranger>,
    /// Hosts whose guests' domains are unknown, and why.
    pub problems: Vec<HostProblem>,
    /// What the user may not see, one sentence; `None` for an administrator.
    pub hidden: Option<String>,
}

/// A host that could not be asked.
#[derive(Debug, Clone)]
pub struct HostProblem {
    /// The host.
    pub host: String,
    /// Why.
    pub error: Error,
}

impl Show for HostProblem {
    const PLURAL: &'static str = "problems";
    const COLUMNS: &'static [Column<HostProblem>] = &[
        Column::new("host", |problem| problem.host.clone()),
        Column::new("problem", |problem| problem.error.to_string()),
    ];
}

impl Discovery {
    /// What libvirt says that contradicts Nova: a sentence for each guest, and for each domain of
    /// Nova's that has no server.
    pub fn contradictions(&self) -> Vec<String> {
        let guests = self.guests.iter().filter_map(|guest| {
            guest.contradiction().map(|said| format!("guest `{}`: {said}", guest.name()))
        });
        let strangers = self.strangers.iter().filter(|stranger| stranger.is_nova_s);
        guests.chain(strangers.map(Stranger::sentence)).collect()
    }

    /// The exit code of a command that shows it: a host that could not be asked goes before a
    /// contradiction.
    pub fn exit_code(&self) -> ExitCode {
        match self.problems.first() {
            Some(problem) => problem.error.exit_code(),
            None if self.contradictions().is_empty() => ExitCode::Ok,
            None => ExitCode::Failed,
        }
    }
}

/// What the hosts answered.
#[derive(Default)]
struct Answers {
    /// The hosts that answered.
    hosts: BTreeSet<String>,
    /// The domains of each UUID, with their hosts.
    domains: BTreeMap<String, Vec<(String, Sighting)>>,
    problems: Vec<HostProblem>,
}

impl Cloud {
    /// Every guest the user may see, with its host and its domain, and the domains that belong
    /// to no server.
    ///
    /// Two calls to Nova (servers, a page of 1000 each, and hypervisors) and one command per
    /// host, 32 hosts at once; also hosts without a server are asked. A guest has the domain of
    /// the host that Nova names. A host that does not answer is named in `problems`; its guests
    /// are listed without a domain. What contradicts Nova is looked at twice, so that something
    /// which changes at this moment is not a contradiction.
    ///
    /// # Errors
    /// As [`Cloud::servers`].
    pub async fn discover(&self) -> Result<Discovery> {
        let (servers, computes) = tokio::join!(self.servers(), self.compute_host_names());
        let (mut servers, computes) = (servers?, computes?);
        self.add_faults(&mut servers).await?;
        servers.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        let mut hosts: BTreeSet<String> = servers.iter().filter_map(|server| server.host.clone()).collect();
        let hidden = (computes.is_none() && hosts.is_empty() && !self.is_admin()).then(|| {
            "hosts, domains and pins are left out: only administrators may see them, and only the \
             guests of your own project are listed"
                .to_string()
        });
        hosts.extend(computes.into_iter().flatten());
        let known: BTreeSet<String> = servers.iter().map(|server| server.id.clone()).collect();
        let mut answers = self.ask_hosts(hosts).await;
        let mut discovery = self.join(servers, &mut answers).await;
        discovery.hidden = hidden;
        // Who does not see every server cannot know which domains have none.
        if self.is_admin() {
            answers.domains.retain(|uuid, _| !known.contains(uuid));
            self.add_strangers(answers.domains, &mut discovery).await;
        }
        Ok(discovery)
    }

    /// The same for these servers only, by id: one call per server, and one command for each
    /// host they are on or move from or to. In the order given.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an id there is no server of.
    pub async fn discover_some(&self, ids: &[String]) -> Result<Discovery> {
        let mut servers = Vec::with_capacity(ids.len());
        let mut hosts = BTreeSet::new();
        for id in ids {
            let server = self.server_by_id(id).await?;
            hosts.extend(server.host.clone());
            hosts.extend(self.other_sides(&server).await?);
            servers.push(server);
        }
        let mut answers = self.ask_hosts(hosts).await;
        Ok(self.join(servers, &mut answers).await)
    }

    /// One guest by id, name, or an unambiguous beginning of either. Only Nova is
    /// asked; the domain is read when asked for.
    ///
    /// # Errors
    /// As [`Cloud::server`].
    pub async fn guest(&self, asked: &str) -> Result<Guest> {
        let server = self.server(asked).await.map_err(|why| match why {
            Error::NotFound { name, near, .. } => Error::NotFound { what: "guest".into(), name, near },
            Error::Ambiguous { name, ids, .. } => Error::Ambiguous { what: "guest".into(), name, ids },
            other => other,
        })?;
        Ok(Guest::new(self, server))
    }

    /// The hosts of Nova's hypervisors with libvirt; `None` for a user who may not see them.
    async fn compute_host_names(&self) -> Result<Option<BTreeSet<String>>> {
        let hypervisors = match self.hypervisors_without_uptime().await {
            Ok(found) => found,
            Err(Error::Api { status: 403, .. }) => return Ok(None),
            Err(why) => return Err(why),
        };
        let with_libvirt = hypervisors.into_iter().filter(|one| {
            matches!(
                one.hypervisor_type.to_ascii_uppercase().as_str(),
                "" | "QEMU" | "KVM" | "LXC" | "PARALLELS"
            )
        });
        Ok(Some(with_libvirt.map(|one| one.service.host).collect()))
    }

    async fn ask_hosts(&self, hosts: BTreeSet<String>) -> Answers {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked = JoinSet::new();
        for name in hosts {
            let (cloud, places) = (self.clone(), places.clone());
            asked.spawn(async move {
                let _place = places.acquire().await;
                // One that does not answer holds up the others no longer than `connect_timeout`.
                let found = async {
                    let host = cloud.host(&name).await?;
                    host.connect().await?;
                    host.domains_with_states().await
                };
                let found = found.await;
                (name, found)
            });
        }
        let mut answers = Answers::default();
        while let Some(joined) = asked.join_next().await {
            match joined {
                Ok((host, Ok(HostDomains { sightings, unreadable }))) => {
                    for found in sightings {
                        answers
                            .domains
                            .entry(found.domain.uuid.clone())
                            .or_default()
                            .push((host.clone(), found));
                    }
                    let problem = |error| HostProblem { host: host.clone(), error };
                    answers.problems.extend(unreadable.into_iter().map(problem));
                    answers.hosts.insert(host);
                }
                Ok((host, Err(error))) => answers.problems.push(HostProblem { host, error }),
                // A panic in a task is a bug; it must not hide the other hosts.
                Err(why) => answers.problems.push(HostProblem {
                    host: "?".into(),
                    error: Error::Parse {
                        what: "the answer of a host".into(),
                        source_of: "discovery".into(),
                        why: why.to_string(),
                    },
                }),
            }
        }
        answers.problems.sort_by(|one, other| one.host.cmp(&other.host));
        answers
    }

    /// The servers with the domains of the answers, which lose them.
    async fn join(&self, servers: Vec<Server>, answers: &mut Answers) -> Discovery {
        let mut guests: Vec<Guest> = servers.into_iter().map(|server| self.joined(server, answers)).collect();
        let doubtful: Vec<usize> =
            (0..guests.len()).filter(|at| guests[*at].contradiction().is_some()).collect();
        if !doubtful.is_empty() {
            let looks: Vec<_> = doubtful
                .iter()
                .map(|at| {
                    let (cloud, id) = (self.clone(), guests[*at].server.id.clone());
                    async move { cloud.server_by_id(&id).await }
                })
                .collect();
            let now: Vec<Result<Server>> = stream::iter(looks).buffered(LOOKS_AT_ONCE).collect().await;
            let hosts = doubtful.iter().flat_map(|at| {
                let guest = &guests[*at];
                let others = guest.sight.elsewhere.iter().map(|other| other.host.clone());
                guest.server.host.clone().into_iter().chain(others).collect::<Vec<_>>()
            });
            let mut again = self.ask_hosts(hosts.collect()).await;
            let mut gone = BTreeSet::new();
            for (at, now) in doubtful.into_iter().zip(now) {
                match now {
                    Ok(server) => guests[at] = self.joined(server, &mut again),
                    Err(Error::NotFound { .. }) => drop(gone.insert(guests[at].server.id.clone())),
                    // What was seen first stays.
                    Err(_) => {}
                }
            }
            guests.retain(|guest| !gone.contains(&guest.server.id));
        }
        let problems = std::mem::take(&mut answers.problems);
        Discovery { guests, strangers: Vec::new(), problems, hidden: None }
    }

    fn joined(&self, server: Server, answers: &mut Answers) -> Guest {
        let mut guest = Guest::new(self, server);
        guest.sight.is_known = guest.server.host.as_ref().is_some_and(|host| answers.hosts.contains(host));
        for (host, found) in answers.domains.remove(&guest.server.id).unwrap_or_default() {
            if Some(&host) == guest.server.host.as_ref() {
                guest.sight.state = Some(found.state);
                guest.seen = Some(found.domain);
            } else {
                let (domain, state) = (found.domain.name, found.state);
                guest.sight.elsewhere.push(Elsewhere { host, domain, state });
            }
        }
        guest.sight.elsewhere.sort_by(|one, other| one.host.cmp(&other.host));
        guest
    }

    /// Those of the domains whose server Nova does not know at this moment either.
    async fn add_strangers(
        &self,
        domains: BTreeMap<String, Vec<(String, Sighting)>>,
        discovery: &mut Discovery,
    ) {
        let looks: Vec<_> = domains
            .into_iter()
            .map(|(uuid, found)| {
                let cloud = self.clone();
                async move { (found, cloud.server_by_id(&uuid).await) }
            })
            .collect();
        let looked: Vec<_> = stream::iter(looks).buffered(LOOKS_AT_ONCE).collect().await;
        for (found, server) in looked {
            match server {
                // Made after the list was; the next look shows it.
                Ok(server) if server.status != "DELETED" => {}
                Ok(_) | Err(Error::NotFound { .. }) => {
                    let strangers =
                        found.into_iter().map(|(host, found)| Stranger::of(host, &found.domain, found.state));
                    discovery.strangers.extend(strangers);
                }
                Err(error) => {
                    let host = found.into_iter().next().map_or_else(String::new, |(host, _)| host);
                    discovery.problems.push(HostProblem { host, error });
                }
            }
        }
        discovery.strangers.sort_by(|one, other| (&one.host, &one.domain).cmp(&(&other.host, &other.domain)));
    }
}
