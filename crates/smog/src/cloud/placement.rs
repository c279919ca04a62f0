//! Placement: who provides what, who holds what, who could take more.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lookup::{Named, pick};
use super::{Answer, Call, Cloud, Microversion, Service};
use crate::error::Result;
use crate::show::{Column, Show};

/// A resource provider: a compute host, or something inside one (a NUMA node, a PCI
/// device, a virtual function's parent).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provider {
    /// UUID; of a compute host the hypervisor's.
    #[serde(rename(deserialize = "uuid"))]
    pub id: String,
    /// Name; unique.
    pub name: String,
    /// Grows with each change.
    pub generation: u64,
    /// The provider it is part of.
    #[serde(rename(deserialize = "parent_provider_uuid"), default)]
    pub parent: Option<String>,
    /// The topmost provider of its tree.
    #[serde(rename(deserialize = "root_provider_uuid"), default)]
    pub root: Option<String>,
    /// How deep it is in its tree; 0 at the top. Filled in by [`Cloud::providers`].
    #[serde(skip_deserializing)]
    pub depth: usize,
}

/// How much of one resource class a provider has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// "VCPU", "PCPU", "MEMORY_MB" (in MiB), "DISK_GB" (in GiB) …
    #[serde(default)]
    pub resource_class: String,
    /// What there is.
    pub total: u64,
    /// What is kept back.
    pub reserved: u64,
    /// The least one request may take.
    pub min_unit: u64,
    /// The most one request may take.
    pub max_unit: u64,
    /// Requests take multiples of this.
    pub step_size: u64,
    /// How often each unit may be given.
    pub allocation_ratio: f64,
    /// What is taken.
    #[serde(default)]
    pub used: u64,
}

impl Inventory {
    /// What can be taken in all: (total - reserved) × ratio.
    pub fn capacity(&self) -> u64 {
        (self.total.saturating_sub(self.reserved) as f64 * self.allocation_ratio) as u64
    }

    /// What is left.
    pub fn free(&self) -> u64 {
        self.capacity().saturating_sub(self.used)
    }
}

/// What a consumer (a server, or a migration for its server's old host) holds at a provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Allocation {
    /// The consumer: a server's or migration's UUID.
    pub consumer: String,
    /// The provider's id.
    pub provider: String,
    /// How much of which resource class.
    pub resources: BTreeMap<String, u64>,
}

/// What to ask candidates for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CandidateQuery {
    /// How much of which resource class.
    pub resources: BTreeMap<String, u64>,
    /// Traits that must be there, or with `!` before them must not.
    pub traits: Vec<String>,
    /// At most so many.
    pub limit: Option<u32>,
    /// Further parameters, such as numbered groups: `("resources_PMEM", "…")`.
    pub more: Vec<(String, String)>,
}

/// One way to satisfy a [`CandidateQuery`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// What would be taken, by provider id.
    pub resources: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Named for Provider {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Show for Provider {
    const PLURAL: &'static str = "resource providers";
    const COLUMNS: &'static [Column<Provider>] = &[
        Column::new("name", |provider| format!("{}{}", "  ".repeat(provider.depth), provider.name)),
        Column::new("id", |provider| provider.id.clone()),
        Column::wide("generation", |provider| provider.generation.to_string()),
        Column::wide("parent", |provider| provider.parent.clone().unwrap_or_default()),
    ];
}

impl Show for Inventory {
    const PLURAL: &'static str = "inventories";
    const COLUMNS: &'static [Column<Inventory>] = &[
        Column::new("resource", |inventory| inventory.resource_class.clone()),
        Column::new("used", |inventory| inventory.used.to_string()),
        Column::new("capacity", |inventory| inventory.capacity().to_string()),
        Column::new("total", |inventory| inventory.total.to_string()),
        Column::new("reserved", |inventory| inventory.reserved.to_string()),
        Column::new("ratio", |inventory| inventory.allocation_ratio.to_string()),
        Column::wide("min", |inventory| inventory.min_unit.to_string()),
        Column::wide("max", |inventory| inventory.max_unit.to_string()),
        Column::wide("step", |inventory| inventory.step_size.to_string()),
    ];
}

impl Show for Allocation {
    const PLURAL: &'static str = "allocations";
    const COLUMNS: &'static [Column<Allocation>] = &[
        Column::new("consumer", |allocation| allocation.consumer.clone()),
        Column::new("provider", |allocation| allocation.provider.clone()),
        Column::new("resources", |allocation| show_resources(&allocation.resources)),
    ];
}

impl Show for Candidate {
    const PLURAL: &'static str = "allocation candidates";
    const COLUMNS: &'static [Column<Candidate>] = &[Column::new("takes", |candidate| {
        let parts = candidate
            .resources
            .iter()
            .map(|(provider, resources)| format!("{} at {provider}", show_resources(resources)));
        parts.collect::<Vec<_>>().join("; ")
    })];
}

pub(super) fn show_resources(resources: &BTreeMap<String, u64>) -> String {
    resources.iter().map(|(class, amount)| format!("{class}:{amount}")).collect::<Vec<_>>().join(", ")
}

/// The newest microversion of placement whose answers smog knows (Zed and later).
const NEWEST_KNOWN: Microversion = Microversion(1, 39);

#[derive(Deserialize)]
struct Document {
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    max_version: String,
}

#[derive(Deserialize)]
struct Inventories {
    inventories: BTreeMap<String, Inventory>,
}

#[derive(Deserialize)]
struct Usages {
    usages: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
pub(super) struct Traits {
    pub(super) traits: Vec<String>,
}

#[derive(Deserialize)]
struct Allocations {
    allocations: BTreeMap<String, Resources>,
}

#[derive(Deserialize)]
struct Resources {
    resources: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Candidates {
    allocation_requests: Vec<Allocations>,
}

impl Cloud {
    /// The placement microversion smog speaks with this cloud: the newest both know.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn placement_microversion(&self) -> Result<Microversion> {
        let ask = || async {
            let document: Document =
                self.call(Call::get(Service::Placement, "/")).await?.read("API version document")?;
            let newest: Result<Vec<Microversion>> =
                document.versions.iter().map(|version| version.max_version.parse()).collect();
            Ok(newest?.into_iter().max().unwrap_or(Microversion(1, 0)).min(NEWEST_KNOWN))
        };
        self.0.placement_version.get_or_try_init(ask).await.copied()
    }

    pub(super) async fn placement(&self, call: Call) -> Result<Answer> {
        let version = self.placement_microversion().await?;
        self.call(call.at(version)).await
    }

    /// All resource providers (administrators), each tree in order: a provider, then
    /// what is inside it.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn providers(&self) -> Result<Vec<Provider>> {
        let version = self.placement_microversion().await?;
        let call = Call::get(Service::Placement, "/resource_providers").at(version);
        Ok(in_trees(self.list(call, "resource_providers").await?))
    }

    /// One provider by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub async fn provider(&self, asked: &str) -> Result<Provider> {
        pick("resource provider", asked, self.providers().await?)
    }

    /// What a provider has, with what is taken of it.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn inventories(&self, provider_id: &str) -> Result<Vec<Inventory>> {
        let path = format!("/resource_providers/{provider_id}/inventories");
        let listed: Inventories =
            self.placement(Call::get(Service::Placement, path)).await?.read("inventories")?;
        let used = self.provider_usages(provider_id).await?;
        let with_use = listed.inventories.into_iter().map(|(class, inventory)| Inventory {
            used: used.get(&class).copied().unwrap_or(0),
            resource_class: class,
            ..inventory
        });
        Ok(with_use.collect())
    }

    /// What a provider has, without what is taken of it: one call, `used` is 0.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn bare_inventories(&self, provider_id: &str) -> Result<Vec<Inventory>> {
        let path = format!("/resource_providers/{provider_id}/inventories");
        let listed: Inventories =
            self.placement(Call::get(Service::Placement, path)).await?.read("inventories")?;
        let named = |(resource_class, inventory)| Inventory { resource_class, ..inventory };
        Ok(listed.inventories.into_iter().map(named).collect())
    }

    /// The ids of the providers that are members of an aggregate, by its UUID.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn members_of_aggregate(&self, uuid: &str) -> Result<Vec<String>> {
        let version = self.placement_microversion().await?;
        let call = Call::get(Service::Placement, "/resource_providers").at(version).query("member_of", uuid);
        let found: Vec<Provider> = self.list(call, "resource_providers").await?;
        Ok(found.into_iter().map(|provider| provider.id).collect())
    }

    /// What is taken of a provider, by resource class.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn provider_usages(&self, provider_id: &str) -> Result<BTreeMap<String, u64>> {
        let path = format!("/resource_providers/{provider_id}/usages");
        Ok(self.placement(Call::get(Service::Placement, path)).await?.read::<Usages>("usages")?.usages)
    }

    /// What a provider can do: its traits, sorted.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn provider_traits(&self, provider_id: &str) -> Result<Vec<String>> {
        let path = format!("/resource_providers/{provider_id}/traits");
        let mut traits =
            self.placement(Call::get(Service::Placement, path)).await?.read::<Traits>("traits")?.traits;
        traits.sort();
        Ok(traits)
    }

    /// Who holds something at a provider.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn provider_allocations(&self, provider_id: &str) -> Result<Vec<Allocation>> {
        let path = format!("/resource_providers/{provider_id}/allocations");
        let listed: Allocations =
            self.placement(Call::get(Service::Placement, path)).await?.read("allocations")?;
        let allocation = |(consumer, held): (String, Resources)| Allocation {
            consumer,
            provider: provider_id.to_string(),
            resources: held.resources,
        };
        Ok(listed.allocations.into_iter().map(allocation).collect())
    }

    /// What a server (or a migration, by its UUID) holds; nothing for one that placement
    /// does not know.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn allocations(&self, consumer_id: &str) -> Result<Vec<Allocation>> {
        let path = format!("/allocations/{consumer_id}");
        let listed: Allocations =
            self.placement(Call::get(Service::Placement, path)).await?.read("allocations")?;
        let allocation = |(provider, held): (String, Resources)| Allocation {
            consumer: consumer_id.to_string(),
            provider,
            resources: held.resources,
        };
        Ok(listed.allocations.into_iter().map(allocation).collect())
    }

    /// The ways to satisfy a request for resources: where placement would let it go,
    /// before Nova's filters have their say.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 400 with the reason for an unknown resource class or trait.
    pub async fn allocation_candidates(&self, query: &CandidateQuery) -> Result<Vec<Candidate>> {
        let wanted = query.resources.iter().map(|(class, amount)| format!("{class}:{amount}"));
        let mut call = Call::get(Service::Placement, "/allocation_candidates");
        if !query.resources.is_empty() {
            call = call.query("resources", wanted.collect::<Vec<_>>().join(","));
        }
        if !query.traits.is_empty() {
            call = call.query("required", query.traits.join(","));
        }
        if let Some(limit) = query.limit {
            call = call.query("limit", limit.to_string());
        }
        call.query.extend(query.more.iter().cloned());
        let found: Candidates = self.placement(call).await?.read("allocation candidates")?;
        let candidate = |request: Allocations| Candidate {
            resources: request.allocations.into_iter().map(|(id, held)| (id, held.resources)).collect(),
        };
        Ok(found.allocation_requests.into_iter().map(candidate).collect())
    }
}

/// Each provider after its parent, with its depth; trees and siblings by name.
fn in_trees(mut providers: Vec<Provider>) -> Vec<Provider> {
    providers.sort_by(|one, other| other.name.cmp(&one.name));
    let known: Vec<String> = providers.iter().map(|provider| provider.id.clone()).collect();
    let is_top = |provider: &Provider| !provider.parent.as_ref().is_some_and(|parent| known.contains(parent));
    let (mut next, mut rest): (Vec<Provider>, Vec<Provider>) = providers.into_iter().partition(is_top);
    let mut ordered = Vec::new();
    while let Some(provider) = next.pop() {
        let (inside, others): (Vec<Provider>, Vec<Provider>) =
            rest.into_iter().partition(|other| other.parent.as_ref() == Some(&provider.id));
        next.extend(inside.into_iter().map(|inner| Provider { depth: provider.depth + 1, ..inner }));
        rest = others;
        ordered.push(provider);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(id: &str, parent: Option<&str>) -> Provider {
        Provider {
            id: id.into(),
            name: id.into(),
            generation: 1,
            parent: parent.map(str::to_string),
            root: None,
            depth: 0,
        }
    }

    #[test]
    fn trees_are_in_order() {
        let found = in_trees(vec![
            provider("b-cell1", Some("b")),
            provider("b", None),
            provider("a", None),
            provider("b-cell0", Some("b")),
            provider("b-cell0-gpu", Some("b-cell0")),
            provider("lost", Some("gone")),
        ]);
        let names: Vec<(&str, usize)> =
            found.iter().map(|provider| (provider.name.as_str(), provider.depth)).collect();
        let wanted = [("a", 0), ("b", 0), ("b-cell0", 1), ("b-cell0-gpu", 2), ("b-cell1", 1), ("lost", 0)];
        assert_eq!(names, wanted);
    }

    #[test]
    fn recorded_inventories_have_a_capacity() {
        let text = include_str!("../../tests/data/api/inventories-epoxy.json");
        let found: Inventories = serde_json::from_str(text).expect("the recorded inventories");
        let vcpu = &found.inventories["VCPU"];
        assert_eq!((vcpu.total, vcpu.capacity()), (1, 16));
        let memory = Inventory { used: 1000, ..found.inventories["MEMORY_MB"].clone() };
        assert_eq!((memory.capacity(), memory.free()), (21_338, 20_338));
    }
}
