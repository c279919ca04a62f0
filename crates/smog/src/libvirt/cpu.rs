//! `<cpu>` of a domain: what the guest sees as its CPU and its NUMA nodes.

use roxmltree::Node;
use serde::Serialize;

use super::element::{
    Flaw, attr, child, child_attr, child_text, children, cpuset_attr, needed_number_attr, number_attr,
    size_kib,
};
use crate::cpuset::{Cpuset, HIGHEST};

/// `<cpu>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cpu {
    /// `custom`, `host-model`, `host-passthrough` or `maximum`; absent when only a topology is set.
    pub mode: Option<String>,
    /// `exact`, `minimum` or `strict`.
    #[serde(rename = "match")]
    pub match_: Option<String>,
    /// How libvirt verifies it: `none`, `partial`, `full`.
    pub check: Option<String>,
    /// Whether `host-passthrough` may migrate.
    pub migratable: Option<String>,
    /// `<model>`, such as `EPYC`.
    pub model: Option<String>,
    /// `<model fallback=…>`: `allow` or `forbid`.
    pub fallback: Option<String>,
    /// `<vendor>`.
    pub vendor: Option<String>,
    /// `<topology>`.
    pub topology: Option<CpuTopology>,
    /// `<feature>`s, in the order of the XML.
    pub features: Vec<CpuFeature>,
    /// `<numa><cell>`: the guest's NUMA nodes.
    pub cells: Vec<GuestCell>,
}

/// `<topology>`: how the vCPUs look to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CpuTopology {
    /// Sockets.
    pub sockets: u32,
    /// Dies in a socket; 1 before libvirt 6.1.
    pub dies: u32,
    /// Clusters in a die; 1 before libvirt 10.1.
    pub clusters: u32,
    /// Cores in a cluster.
    pub cores: u32,
    /// Threads of a core.
    pub threads: u32,
}

/// `<feature>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CpuFeature {
    /// The flag's name, such as `vmx`.
    pub name: String,
    /// `force`, `require`, `optional`, `disable` or `forbid`.
    pub policy: Option<String>,
}

/// One NUMA node as the guest sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuestCell {
    /// Its number.
    pub id: u32,
    /// Its vCPUs; empty for a cell of memory only.
    pub cpus: Cpuset,
    /// Its memory in KiB.
    pub memory_kib: u64,
    /// `memAccess`: `shared` or `private`; Nova writes `shared` for huge pages.
    pub mem_access: Option<String>,
    /// `<distances>` to other cells, `(cell, distance)`.
    pub distances: Vec<(u32, u32)>,
}

impl CpuTopology {
    /// The number of vCPUs it describes; at most 65,535, which reading it checks.
    pub fn vcpus(&self) -> u32 {
        self.product().unwrap_or(HIGHEST)
    }

    fn product(&self) -> Option<u32> {
        let parts = [self.dies, self.clusters, self.cores, self.threads];
        parts.into_iter().try_fold(self.sockets, u32::checked_mul).filter(|vcpus| *vcpus <= HIGHEST)
    }
}

impl Cpu {
    pub(super) fn read(node: Node<'_, '_>) -> Result<Cpu, Flaw> {
        let mut features = Vec::new();
        for feature in children(node, "feature") {
            let Some(name) = attr(feature, "name") else {
                return Err(Flaw::new(feature, "<feature> lacks `name`"));
            };
            features.push(CpuFeature { name, policy: attr(feature, "policy") });
        }
        let cells = match child(node, "numa") {
            Some(numa) => cells(numa)?,
            None => Vec::new(),
        };
        Ok(Cpu {
            mode: attr(node, "mode"),
            match_: attr(node, "match"),
            check: attr(node, "check"),
            migratable: attr(node, "migratable"),
            model: child_text(node, "model"),
            fallback: child_attr(node, "model", "fallback"),
            vendor: child_text(node, "vendor"),
            topology: child(node, "topology").map(topology).transpose()?,
            features,
            cells,
        })
    }
}

pub(super) fn topology(node: Node<'_, '_>) -> Result<CpuTopology, Flaw> {
    let topology = CpuTopology {
        sockets: needed_number_attr(node, "sockets")?,
        dies: number_attr(node, "dies")?.unwrap_or(1),
        clusters: number_attr(node, "clusters")?.unwrap_or(1),
        cores: needed_number_attr(node, "cores")?,
        threads: needed_number_attr(node, "threads")?,
    };
    match topology.product() {
        Some(_) => Ok(topology),
        None => Err(Flaw::new(node, "<topology> describes more vCPUs than any domain can have")),
    }
}

fn cells(numa: Node<'_, '_>) -> Result<Vec<GuestCell>, Flaw> {
    let mut cells: Vec<GuestCell> = Vec::new();
    for node in children(numa, "cell") {
        // Old libvirt left the ids to the order.
        let next = u32::try_from(cells.len()).unwrap_or(u32::MAX);
        let memory: u64 = needed_number_attr(node, "memory")?;
        let mut distances = Vec::new();
        if let Some(list) = child(node, "distances") {
            for sibling in children(list, "sibling") {
                distances.push((needed_number_attr(sibling, "id")?, needed_number_attr(sibling, "value")?));
            }
        }
        cells.push(GuestCell {
            id: number_attr(node, "id")?.unwrap_or(next),
            cpus: cpuset_attr(node, "cpus")?.unwrap_or_default(),
            memory_kib: size_kib(node, memory, node.attribute("unit"))?,
            mem_access: attr(node, "memAccess"),
            distances,
        });
    }
    Ok(cells)
}
