//! Finding every guest: one list call to Nova, one command per host.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Guest;
use crate::cloud::{Cloud, Server};
use crate::error::{Error, Result};
use crate::libvirt::Domain;

/// Hosts asked at once.
const AT_ONCE: usize = 32;

/// All guests, and the hosts that could not be asked.
#[derive(Debug)]
pub struct Discovery {
    /// By name.
    pub guests: Vec<Guest>,
    /// Hosts whose guests' domains are unknown, and why.
    pub problems: Vec<HostProblem>,
}

/// A host that could not be asked.
#[derive(Debug, Clone)]
pub struct HostProblem {
    /// The host.
    pub host: String,
    /// Why.
    pub error: Error,
}

impl Cloud {
    /// Every guest the user may see, with its host and its domain.
    ///
    /// One call to Nova (a page of 1000 servers each) and one command per host,
    /// 32 hosts at once. A host that does not answer is told in `problems`; its
    /// guests are listed without a domain. A guest that ends in mid-question simply
    /// has no domain.
    ///
    /// # Errors
    /// As [`Cloud::servers`].
    pub async fn discover(&self) -> Result<Discovery> {
        let mut servers = self.servers().await?;
        servers.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        Ok(self.join(servers).await)
    }

    /// The same for these servers only, by id: one call a server, and one command for each
    /// host they are on. In the order given.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an id there is no server of.
    pub async fn discover_some(&self, ids: &[String]) -> Result<Discovery> {
        let mut servers = Vec::with_capacity(ids.len());
        for id in ids {
            servers.push(self.server_by_id(id).await?);
        }
        Ok(self.join(servers).await)
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

    async fn join(&self, servers: Vec<Server>) -> Discovery {
        let hosts: BTreeSet<String> = servers.iter().filter_map(|server| server.host.clone()).collect();
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked = JoinSet::new();
        for host in hosts {
            let (cloud, places) = (self.clone(), places.clone());
            asked.spawn(async move {
                let _place = places.acquire().await;
                let domains = match cloud.host(&host).await {
                    Ok(host) => host.domains().await,
                    Err(why) => Err(why),
                };
                (host, domains)
            });
        }
        let (mut domains, mut problems): (HashMap<String, Domain>, _) = (HashMap::new(), Vec::new());
        while let Some(joined) = asked.join_next().await {
            match joined {
                Ok((_, Ok(found))) => {
                    domains.extend(found.into_iter().map(|domain| (domain.uuid.clone(), domain)))
                }
                Ok((host, Err(error))) => problems.push(HostProblem { host, error }),
                // A panic in a task is a bug; it must not hide the other hosts.
                Err(why) => problems.push(HostProblem {
                    host: "?".into(),
                    error: Error::Parse {
                        what: "the answer of a host".into(),
                        source_of: "discovery".into(),
                        why: why.to_string(),
                    },
                }),
            }
        }
        problems.sort_by(|one, other| one.host.cmp(&other.host));
        let guests = servers
            .into_iter()
            .map(|server| {
                let seen = domains.remove(&server.id);
                Guest { seen, ..Guest::new(self, server) }
            })
            .collect();
        Discovery { guests, problems }
    }
}
