//! What the machines really have. Hosts that share a kernel share its CPUs and huge pages,
//! whatever Nova believes.

use super::{ComputeHost, Inventory};
use crate::cpuset::Cpuset;

/// The machines of a cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capacity {
    /// One for each kernel.
    pub machines: Vec<Machine>,
}

/// One kernel, and the compute hosts on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Machine {
    /// Its hosts, by Nova's names.
    pub hosts: Vec<String>,
    /// CPUs for pinned guests of all its hosts that no server of others has; one that several
    /// hosts name counts once.
    pub dedicated: Cpuset,
    /// Those of its hosts whose CPUs for pinned guests are all taken by servers of others.
    pub full: Vec<String>,
    /// Free memory in huge pages of the largest pool, in MiB.
    pub pages_mib: u64,
    /// Memory in MiB that guests can have.
    pub memory_mib: u64,
}

impl Capacity {
    /// Count what an inventory found.
    pub fn of(inventory: &Inventory) -> Capacity {
        let mut machines: Vec<(usize, Machine)> = Vec::new();
        let shared_by = |host: &ComputeHost| {
            let facts = &host.facts;
            let same = inventory.hosts.iter().filter(|other| other.facts.shares_kernel_with(facts));
            same.fold(host.taken.clone(), |all, other| all.union(&other.taken))
        };
        for (at, host) in inventory.hosts.iter().enumerate() {
            let known = machines
                .iter_mut()
                .find(|(first, _)| inventory.hosts[*first].facts.shares_kernel_with(&host.facts));
            let is_full = !host.dedicated.is_empty() && host.free_dedicated().is_empty();
            let full = is_full.then(|| host.name.clone());
            if let Some((_, machine)) = known {
                machine.hosts.push(host.name.clone());
                machine.full.extend(full);
                machine.dedicated = machine.dedicated.union(&host.dedicated).difference(&shared_by(host));
                continue;
            }
            let pools = host.facts.memory.pages.iter().map(|pool| pool.free * pool.size_kib / 1024);
            machines.push((
                at,
                Machine {
                    hosts: vec![host.name.clone()],
                    full: full.into_iter().collect(),
                    dedicated: host.dedicated.difference(&shared_by(host)),
                    pages_mib: pools.max().unwrap_or(0),
                    memory_mib: host.facts.memory.available_kib / 1024,
                },
            ));
        }
        Capacity { machines: machines.into_iter().map(|(_, machine)| machine).collect() }
    }

    /// All hosts, machine after machine.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.machines.iter().flat_map(|machine| machine.hosts.iter().map(String::as_str))
    }
}
