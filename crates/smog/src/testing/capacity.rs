//! What the machines really have. Hosts that share a kernel share its CPUs and huge pages,
//! whatever Nova believes.

use super::Inventory;
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
    /// CPUs for pinned guests of all its hosts; one that several hosts name counts once.
    pub dedicated: Cpuset,
    /// Free memory in huge pages of the largest pool, in MiB.
    pub pages_mib: u64,
    /// Memory in MiB that guests can have.
    pub memory_mib: u64,
}

impl Capacity {
    /// Count what an inventory found.
    pub fn of(inventory: &Inventory) -> Capacity {
        let mut machines: Vec<(usize, Machine)> = Vec::new();
        for (at, host) in inventory.hosts.iter().enumerate() {
            let known = machines
                .iter_mut()
                .find(|(first, _)| inventory.hosts[*first].facts.shares_kernel_with(&host.facts));
            if let Some((_, machine)) = known {
                machine.hosts.push(host.name.clone());
                machine.dedicated = machine.dedicated.union(&host.dedicated);
                continue;
            }
            let pools = host.facts.memory.pages.iter().map(|pool| pool.free * pool.size_kib / 1024);
            machines.push((
                at,
                Machine {
                    hosts: vec![host.name.clone()],
                    dedicated: host.dedicated.clone(),
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
