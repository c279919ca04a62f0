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
    /// Those of its hosts that have no CPU left for a pinned guest.
    pub full: Vec<String>,
    /// Free memory in huge pages of the largest pool, in MiB.
    pub pages_mib: u64,
    /// Memory in MiB that guests can have.
    pub memory_mib: u64,
}

impl Machine {
    /// What these hosts have, which are on one kernel.
    fn of(hosts: &[&ComputeHost]) -> Machine {
        let all_of = |cpus: fn(&ComputeHost) -> &Cpuset| {
            hosts.iter().fold(Cpuset::new(), |all, host| all.union(cpus(host)))
        };
        let memory = &hosts[0].facts.memory;
        let pools = memory.pages.iter().map(|pool| pool.free * pool.size_kib / 1024);
        Machine {
            hosts: hosts.iter().map(|host| host.name.clone()).collect(),
            dedicated: all_of(|host| &host.dedicated).difference(&all_of(|host| &host.taken)),
            full: hosts.iter().filter(|host| host.is_full()).map(|host| host.name.clone()).collect(),
            pages_mib: pools.max().unwrap_or(0),
            memory_mib: memory.available_kib / 1024,
        }
    }
}

impl Capacity {
    /// Count what an inventory found.
    pub fn of(inventory: &Inventory) -> Capacity {
        let mut machines: Vec<Vec<&ComputeHost>> = Vec::new();
        for host in &inventory.hosts {
            match machines.iter_mut().find(|hosts| hosts[0].facts.shares_kernel_with(&host.facts)) {
                Some(hosts) => hosts.push(host),
                None => machines.push(vec![host]),
            }
        }
        Capacity { machines: machines.iter().map(|hosts| Machine::of(hosts)).collect() }
    }

    /// All hosts, machine after machine.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.machines.iter().flat_map(|machine| machine.hosts.iter().map(String::as_str))
    }
}
