//! What is known of the cloud when a host is looked for: all sources at once, each with its limit in time.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::candidates::{candidates, left_out};
use super::limits::Charge;
use super::placement::SHARES;
use super::wanted::{ResourceWish, Wanted};
use crate::cloud::{
    Aggregate, Allocation, AvailabilityZone, Cloud, ComputeService, Hypervisor, Inventory, Limit,
    NetworkAgent, Provider, Server, ServerTopology,
};
use crate::error::{Error, Result};
use crate::findings::NovaConf;
use crate::host::{Host, PciDevice, ServiceRole};
use crate::libvirt::Capabilities;

/// What was asked for, or why there is no answer.
pub(super) type Asked<T> = std::result::Result<T, String>;

/// Why there is no answer to what the question does not need.
pub(super) const NOT_ASKED: &str = "not asked";

/// Why there is no answer to what only administrators may ask.
pub(super) const ROLES: &str = "the user's roles do not allow to look";

/// A source that takes longer is given up.
const LIMIT: Duration = Duration::from_secs(6);

/// Calls to one API, or hosts, at once.
pub(super) const AT_ONCE: usize = 16;

/// A resource provider with all that placement knows of it.
#[derive(Debug, Clone)]
pub(super) struct ProviderFacts {
    pub provider: Provider,
    pub inventories: Vec<Inventory>,
    pub traits: Vec<String>,
    pub allocations: Vec<Allocation>,
}

impl ProviderFacts {
    /// The id of the topmost provider of its tree.
    pub fn root(&self) -> &str {
        self.provider.root.as_deref().unwrap_or(&self.provider.id)
    }
}

/// What a host says, as far as the question needs it.
#[derive(Debug, Clone)]
pub(super) struct HostFacts {
    pub conf: Asked<NovaConf>,
    pub capabilities: Asked<Capabilities>,
    pub pci: Asked<Vec<PciDevice>>,
}

/// A part of what a host says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HostPart {
    Conf,
    Capabilities,
    Both,
}

/// All of it.
pub(super) struct Facts {
    pub services: Asked<Vec<ComputeService>>,
    pub hypervisors: Asked<Vec<Hypervisor>>,
    pub aggregates: Asked<Vec<Aggregate>>,
    pub zones: Asked<Vec<AvailabilityZone>>,
    pub providers: Asked<Vec<ProviderFacts>>,
    /// The ids of the providers, of any depth, that placement would take from.
    pub candidates: Asked<BTreeSet<String>>,
    /// By the id of the root provider: what of the question placement's answer hangs on.
    pub left_out: BTreeMap<String, Vec<String>>,
    pub servers: Asked<Vec<Server>>,
    pub topologies: BTreeMap<String, Asked<ServerTopology>>,
    /// The scheduler's configuration.
    pub scheduler: Asked<NovaConf>,
    pub hosts: BTreeMap<String, HostFacts>,
    /// The limits of the project, where the request adds to what it has.
    pub limits: Asked<Vec<Limit>>,
    /// Neutron's agents, where networks are asked for.
    pub agents: Asked<Vec<NetworkAgent>>,
}

impl Facts {
    /// The compute hosts that are judged.
    pub fn computes(&self, wanted: &Wanted) -> Vec<String> {
        let of_hypervisors = self.hypervisors.iter().flatten().map(|one| one.service.host.clone());
        let services = self.services.iter().flatten().filter(|one| one.binary == "nova-compute");
        let all: BTreeSet<String> = of_hypervisors.chain(services.map(|one| one.host.clone())).collect();
        all.into_iter().filter(|host| wanted.host.as_ref().is_none_or(|only| only == host)).collect()
    }

    /// The id of a host's root provider.
    pub fn root_of(&self, host: &str) -> Option<&str> {
        self.hypervisors.iter().flatten().find(|one| one.service.host == host).map(|one| one.id.as_str())
    }

    /// The providers of a host.
    pub fn tree(&self, host: &str) -> Vec<&ProviderFacts> {
        let Some(root) = self.root_of(host) else { return Vec::new() };
        self.providers.iter().flatten().filter(|one| one.root() == root).collect()
    }

    /// How often a host gives each unit of a class.
    pub fn ratio(&self, host: &str, class: &str) -> Option<f64> {
        let tree = self.tree(host);
        let found = tree.iter().flat_map(|one| &one.inventories).find(|one| one.resource_class == class);
        found.map(|one| one.allocation_ratio)
    }

    /// A part of what a host says, or why it is not known.
    pub fn of_host(&self, host: &str, part: HostPart) -> Asked<&HostFacts> {
        let Some(found) = self.hosts.get(host) else { return Err(format!("host `{host}` was not asked")) };
        let conf =
            || found.conf.as_ref().map(|_| ()).map_err(|why| format!("the nova.conf of {host}: {why}"));
        let capabilities =
            || found.capabilities.as_ref().map(|_| ()).map_err(|why| format!("libvirt on {host}: {why}"));
        match part {
            HostPart::Conf => conf()?,
            HostPart::Capabilities => capabilities()?,
            HostPart::Both => conf().and_then(|()| capabilities())?,
        }
        Ok(found)
    }
}

/// Ask, and not for longer than it is worth.
pub(super) async fn ask<T>(question: impl Future<Output = Result<T>>) -> Asked<T> {
    match tokio::time::timeout(LIMIT, question).await {
        Ok(answer) => answer.map_err(|why| short(&why)),
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

fn short(why: &Error) -> String {
    match why {
        Error::Api { status: 403, .. } => ROLES.into(),
        other => other.to_string().lines().next().unwrap_or_default().to_string(),
    }
}

/// Gather what the question needs.
pub(super) async fn gather(cloud: &Cloud, wanted: &Wanted, wish: &ResourceWish) -> Facts {
    let limits = async {
        match wanted.charge == Charge::default() {
            true => Err(NOT_ASKED.into()),
            false => ask(cloud.limits(wanted.charge.project_id.as_deref())).await,
        }
    };
    let agents = async {
        match wanted.networks.is_empty() {
            true => Err(NOT_ASKED.into()),
            false => ask(cloud.network_agents()).await,
        }
    };
    let (services, hypervisors, aggregates, zones, providers, limits, agents) = tokio::join!(
        async {
            let services = ask(cloud.compute_services()).await;
            let scheduler = scheduler(cloud, &services).await;
            (services, scheduler)
        },
        ask(cloud.hypervisors_without_uptime()),
        ask(cloud.aggregates()),
        ask(cloud.availability_zones()),
        ask(cloud.providers()),
        limits,
        agents
    );
    let (services, scheduler) = services;
    let mut facts = Facts {
        services,
        hypervisors,
        aggregates,
        zones,
        providers: Err(NOT_ASKED.into()),
        candidates: Err(NOT_ASKED.into()),
        left_out: BTreeMap::new(),
        servers: Err(NOT_ASKED.into()),
        topologies: BTreeMap::new(),
        scheduler,
        hosts: BTreeMap::new(),
        limits,
        agents,
    };
    let (details, candidates, servers) = tokio::join!(
        async {
            match providers {
                Ok(providers) => details(cloud, &facts, wanted, providers).await,
                Err(why) => Err(why),
            }
        },
        ask(candidates(cloud, wanted, wish, &facts, None)),
        async {
            match needs_servers(wanted, &facts.scheduler) {
                true => ask(cloud.servers()).await,
                false => Err(NOT_ASKED.into()),
            }
        },
    );
    (facts.providers, facts.candidates, facts.servers) = (details, candidates, servers);
    let named = facts.candidates.clone();
    let (in_question, others): (Vec<String>, Vec<String>) =
        facts.computes(wanted).into_iter().partition(|host| match &named {
            Ok(named) => facts.tree(host).iter().any(|one| named.contains(&one.provider.id)),
            Err(_) => true,
        });
    let left_out = left_out(cloud, wanted, wish, &facts, &others);
    let topologies = topologies(cloud, wanted, &facts, &in_question);
    let hosts = hosts(cloud, wanted, &in_question);
    let (left_out, topologies, hosts) = tokio::join!(left_out, topologies, hosts);
    (facts.left_out, facts.topologies, facts.hosts) = (left_out, topologies, hosts);
    facts
}

/// Whether the question is about other guests, too.
fn needs_servers(wanted: &Wanted, scheduler: &Asked<NovaConf>) -> bool {
    let is_counting = scheduler.as_ref().is_ok_and(|conf| {
        conf.get("filter_scheduler", "enabled_filters").is_some_and(|text| text.contains("NumInstances"))
    });
    is_counting
        || wanted.numa().is_some()
        || !wanted.groups.is_empty()
        || !wanted.same_host.is_empty()
        || !wanted.different_host.is_empty()
        || !wanted.pci_aliases().is_empty()
}

async fn scheduler(cloud: &Cloud, services: &Asked<Vec<ComputeService>>) -> Asked<NovaConf> {
    let services = services.as_ref().map_err(Clone::clone)?;
    let hosts: Vec<&str> = services
        .iter()
        .filter(|one| one.binary == "nova-scheduler" && one.state == "up")
        .map(|one| one.host.as_str())
        .collect();
    let Some(name) = hosts.first() else { return Err("no nova-scheduler is up".into()) };
    ask(async {
        let host = cloud.host(name).await?;
        conf(&host, &[ServiceRole::NovaScheduler, ServiceRole::NovaApi, ServiceRole::NovaConductor]).await
    })
    .await
    .map_err(|why| format!("the scheduler's configuration on {name}: {why}"))
}

/// The configuration of the first of these services that is there.
async fn conf(host: &Host, roles: &[ServiceRole]) -> Result<NovaConf> {
    let layout = host.layout().await?;
    let place = roles.iter().find_map(|role| layout.place(*role));
    let files = place.map(|place| place.config.clone()).unwrap_or_default();
    if files.is_empty() {
        return Err(Error::NotFound {
            what: format!("configuration of Nova on host `{}`", host.name()),
            name: "nova.conf".into(),
            near: vec![],
        });
    }
    NovaConf::read(&host.outside(), &files).await
}

/// The providers of the hosts in question, and those that share with others.
async fn details(
    cloud: &Cloud,
    facts: &Facts,
    wanted: &Wanted,
    providers: Vec<Provider>,
) -> Asked<Vec<ProviderFacts>> {
    let sharing = match cloud.providers_with_trait(SHARES).await {
        Ok(sharing) => sharing.into_iter().map(|one| one.id).collect::<BTreeSet<_>>(),
        Err(why) => return Err(short(&why)),
    };
    let computes = facts.computes(wanted);
    let roots: BTreeSet<&str> = computes.iter().filter_map(|host| facts.root_of(host)).collect();
    let asks: Vec<_> = providers
        .into_iter()
        .filter(|one| roots.contains(one.root.as_deref().unwrap_or(&one.id)) || sharing.contains(&one.id))
        .map(|provider| async move {
            let (inventories, traits, allocations) = tokio::try_join!(
                cloud.bare_inventories(&provider.id),
                cloud.provider_traits(&provider.id),
                cloud.provider_allocations(&provider.id)
            )?;
            let used = |class: &str| allocations.iter().filter_map(|one| one.resources.get(class)).sum();
            let inventories = inventories
                .into_iter()
                .map(|one| Inventory { used: used(&one.resource_class), ..one })
                .collect();
            Ok(ProviderFacts { provider, inventories, traits, allocations })
        })
        .collect();
    let all = async {
        let found: Vec<Result<ProviderFacts>> = stream::iter(asks).buffered(AT_ONCE).collect().await;
        found.into_iter().collect::<Result<Vec<_>>>()
    };
    ask(all).await
}

/// Extra specs, and image properties, by which Nova keeps a NUMA record of a guest.
const NUMA_KEYS: [&str; 8] = [
    "hw:cpu_policy",
    "hw:numa_",
    "hw:mem_page_size",
    "hw:pmem",
    "resources:PCPU",
    "hw_cpu_policy",
    "hw_numa_",
    "hw_mem_page_size",
];

/// Nova's NUMA records of the guests on these hosts.
async fn topologies(
    cloud: &Cloud,
    wanted: &Wanted,
    facts: &Facts,
    hosts: &[String],
) -> BTreeMap<String, Asked<ServerTopology>> {
    if wanted.numa().is_none() {
        return BTreeMap::new();
    }
    let is_one = |key: &String| NUMA_KEYS.iter().any(|wanted| key.starts_with(wanted));
    // An image may ask for it, too. Which ones do is not known without the list: then all are asked.
    let images: Asked<BTreeSet<String>> = ask(async {
        let all = cloud.images().await?;
        Ok(all.into_iter().filter(|one| one.properties.keys().any(is_one)).map(|one| one.id).collect())
    })
    .await;
    let may_have = |server: &&Server| {
        server.host.as_ref().is_some_and(|host| hosts.contains(host))
            && (server.flavor.extra_specs.keys().any(is_one)
                || server.image.as_ref().is_some_and(|id| images.as_ref().is_ok_and(|all| all.contains(id)))
                || images.is_err())
    };
    let asks: Vec<_> = facts
        .servers
        .iter()
        .flatten()
        .filter(may_have)
        .map(|server| async move { (server.id.clone(), ask(cloud.topology(&server.id)).await) })
        .collect();
    stream::iter(asks).buffer_unordered(AT_ONCE).collect().await
}

/// What the hosts say, where the question needs it.
async fn hosts(cloud: &Cloud, wanted: &Wanted, hosts: &[String]) -> BTreeMap<String, HostFacts> {
    let is_of_image = |key: &String| {
        matches!(
            key.as_str(),
            "hw_architecture" | "architecture" | "img_hv_type" | "hypervisor_type" | "hw_vm_mode" | "vm_mode"
        )
    };
    let has_numa = wanted.numa().is_some();
    let has_pci = !wanted.pci_aliases().is_empty();
    let needs_libvirt = has_numa
        || wanted.image.keys().any(is_of_image)
        || wanted.flavor.extra_specs.keys().any(|key| key.starts_with("capabilities:cpu_info"));
    if !needs_libvirt && !has_pci {
        return BTreeMap::new();
    }
    let asks: Vec<_> = hosts
        .iter()
        .map(|name| async move {
            let host = match ask(cloud.host(name)).await {
                Ok(host) => host,
                Err(why) => {
                    let none =
                        HostFacts { conf: Err(why.clone()), capabilities: Err(why.clone()), pci: Err(why) };
                    return (name.clone(), none);
                }
            };
            let capabilities = async {
                match needs_libvirt {
                    true => ask(host.capabilities()).await,
                    false => Err(NOT_ASKED.into()),
                }
            };
            let pci = async {
                match has_pci {
                    true => ask(async { Ok(host.facts().await?.pci) }).await,
                    false => Err(NOT_ASKED.into()),
                }
            };
            let conf = async {
                match has_numa || has_pci {
                    true => ask(conf(&host, &[ServiceRole::NovaCompute])).await,
                    false => Err(NOT_ASKED.into()),
                }
            };
            let (conf, capabilities, pci) = tokio::join!(conf, capabilities, pci);
            (name.clone(), HostFacts { conf, capabilities, pci })
        })
        .collect();
    stream::iter(asks).buffer_unordered(AT_ONCE).collect().await
}
