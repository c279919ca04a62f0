//! What the APIs are asked.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

use super::super::pinning;
use super::super::snapshot::{CloudSnapshot, Placement, ProviderSnapshot};
use super::{CALLS_AT_ONCE, Clock, Scope};
use crate::cloud::{
    Aggregate, Allocation, Cloud, ComputeService, Migration, Provider, Server, ServerTopology,
};
use crate::error::{Error, Result};

/// At most so many servers that are in no list are asked for one by one.
const LOOKS: usize = 200;

/// Whether Nova keeps a NUMA record of a server, by its flavor.
pub(super) fn wants_topology(server: &Server) -> bool {
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
pub(super) fn hosts_of(services: &[ComputeService]) -> BTreeMap<String, bool> {
    let mut hosts = BTreeMap::new();
    for service in services {
        *hosts.entry(service.host.clone()).or_insert(false) |= service.binary == "nova-compute";
    }
    hosts
}

/// Who asks, with the clock for it.
#[derive(Clone, Copy)]
pub(super) struct Asks<'a> {
    pub(super) cloud: &'a Cloud,
    pub(super) clock: &'a Clock,
}

type Members = BTreeMap<String, BTreeSet<String>>;

impl Asks<'_> {
    pub(super) async fn topologies<'s>(
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

    pub(super) async fn aggregates(self) -> Result<(Vec<Aggregate>, Members)> {
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

    pub(super) async fn placement(
        self,
        scope: &Scope,
    ) -> Result<(Placement, BTreeMap<String, Vec<Allocation>>)> {
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

    /// NUMA records of guests whose domain shows that there is one (an image may ask for it), and
    /// servers that are in no list although a domain or an allocation is of them.
    pub(super) async fn add_missing(self, snapshot: &mut CloudSnapshot) {
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
