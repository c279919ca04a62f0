//! What must be there for a case, and the sentence that says what is not.

use super::{ComputeHost, Inventory};
use crate::cloud::{Microversion, Service};
use crate::show;

/// Something a case cannot do without. What is missing makes it skipped, never passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// So many compute hosts that are up, enabled and answer smog.
    ComputeHosts(usize),
    /// The compute API at least at this microversion.
    Compute(Microversion),
    /// A service of this type (or an alias of it) in keystone's catalog: "block-storage".
    Service(&'static str),
    /// So many CPUs for pinned guests in one NUMA node of a host (`[compute]cpu_dedicated_set`)
    /// that no server of others has: a pinned guest that asks for no cells needs them so.
    DedicatedCpus(u64),
    /// The same on so many hosts.
    DedicatedCpusOn(u64, usize),
    /// CPUs for unpinned guests on one host (`[compute]cpu_shared_set`).
    SharedCpus(u64),
    /// No CPUs for unpinned guests alone (`[compute]cpu_shared_set`) on any host.
    NoSharedCpus,
    /// So many NUMA nodes on one host; simulated ones count.
    Cells(usize),
    /// At most so many NUMA nodes on every host.
    AtMostCells(usize),
    /// So many MiB of free huge pages of this size (KiB) on one host.
    Pages {
        /// The size of a page in KiB.
        size_kib: u64,
        /// How much in MiB.
        mib: u64,
    },
    /// Huge pages of at least two sizes on one host.
    TwoPageSizes,
    /// CPUs with siblings (SMT) on one host.
    Siblings,
    /// Guests run under KVM rather than emulation (`[libvirt]virt_type`).
    Kvm,
    /// A PCI device or virtual function that Nova passes through (`[pci]device_spec`).
    PciDevices,
    /// An alias of `[pci]` to ask for it by.
    PciAlias,
    /// A network card with virtual functions.
    Sriov,
    /// This filter in `[filter_scheduler]enabled_filters`.
    Filter(&'static str),
    /// Guests have a screen (`[vnc]enabled`): without one Nova gives them no video device.
    Screen,
    /// UEFI firmware for guests on every compute host.
    Uefi,
    /// Processes can lock any amount of memory on every compute host, as real-time guests do.
    LockedMemory,
    /// Files can be mounted on every compute host, as for a vfat config drive.
    LoopDevices,
    /// Instances directories that the computes do *not* share, with the guests' disks in them.
    LocalStorage,
    /// No compute host gives every guest a config drive (`[DEFAULT]force_config_drive`).
    NoForcedConfigDrive,
    /// Hosts with kernels of their own: what the case does to a kernel would hit its neighbours.
    OwnKernels,
}

impl Need {
    /// Whether it depends on the machines alone: no change of their configuration brings it.
    pub fn is_of_machines(&self) -> bool {
        match self {
            Need::ComputeHosts(_)
            | Need::Compute(_)
            | Need::Service(_)
            | Need::Cells(_)
            | Need::AtMostCells(_)
            | Need::Siblings
            | Need::Sriov
            | Need::Uefi
            | Need::LockedMemory
            | Need::LoopDevices
            | Need::OwnKernels => true,
            Need::DedicatedCpus(_)
            | Need::DedicatedCpusOn(_, _)
            | Need::SharedCpus(_)
            | Need::NoSharedCpus
            | Need::Pages { .. }
            | Need::TwoPageSizes
            | Need::Kvm
            | Need::PciDevices
            | Need::PciAlias
            | Need::Filter(_)
            | Need::Screen
            | Need::LocalStorage
            | Need::NoForcedConfigDrive => false,
        }
    }

    /// Why it is not there, or nothing when it is.
    pub fn missing(&self, inventory: &Inventory) -> Option<String> {
        let hosts: Vec<&ComputeHost> = inventory.usable().collect();
        if !matches!(self, Need::Compute(_) | Need::Service(_))
            && let Some(why) = inventory.no_host()
        {
            return Some(why);
        }
        let best = |what: &str, need: u64, have: &dyn Fn(&ComputeHost) -> u64| {
            let (most, at) = hosts
                .iter()
                .map(|host| (have(host), host.name.as_str()))
                .max_by_key(|(have, _)| *have)
                .unwrap_or((0, "no host"));
            (most < need).then(|| format!("needs {need} {what} on one host; the most are {most}, on {at}"))
        };
        match *self {
            Need::ComputeHosts(need) => (hosts.len() < need).then(|| {
                let others = inventory.problems();
                let others = if others.is_empty() { String::new() } else { format!(" ({others})") };
                format!("needs {need} compute hosts; this cloud has {} to use{others}", hosts.len())
            }),
            Need::Compute(need) => (inventory.compute < need)
                .then(|| format!("needs compute microversion {need}; this cloud has {}", inventory.compute)),
            Need::Service(need) => {
                let known = inventory.services.iter().map(String::as_str);
                (!Service::is_among(need, known)).then(|| {
                    let have: Vec<&str> = inventory.services.iter().map(String::as_str).collect();
                    format!("needs service `{need}`; the cloud's catalog has {}", have.join(", "))
                })
            }
            Need::DedicatedCpus(need) => {
                best("free dedicated CPUs (`[compute]cpu_dedicated_set`) in a NUMA node", need, &|host| {
                    host.free_dedicated_in_a_cell() as u64
                })
            }
            Need::DedicatedCpusOn(need, count) => {
                let with = hosts.iter().filter(|host| host.free_dedicated_in_a_cell() as u64 >= need).count();
                (with < count).then(|| {
                    format!("needs {need} free dedicated CPUs on each of {count} hosts; {with} have so many")
                })
            }
            Need::SharedCpus(need) => {
                best("shared CPUs (`[compute]cpu_shared_set`)", need, &|host| host.shared.len() as u64)
            }
            Need::NoSharedCpus => hosts.iter().find(|host| !host.shared.is_empty()).map(|host| {
                format!("is for hosts without `[compute]cpu_shared_set`; {} has {}", host.name, host.shared)
            }),
            Need::Cells(need) => best("NUMA nodes", need as u64, &|host| host.cells as u64),
            Need::AtMostCells(most) => hosts
                .iter()
                .find(|host| host.cells > most)
                .map(|host| format!("is for hosts of {most} NUMA nodes; {} has {}", host.name, host.cells)),
            Need::Pages { size_kib, mib } => {
                best(&format!("MiB of free {} pages", show::kib(size_kib)), mib, &|host| {
                    host.facts.memory.pool(size_kib).map_or(0, |pool| pool.free * size_kib / 1024)
                })
            }
            Need::TwoPageSizes => best("sizes of huge pages", 2, &|host| {
                host.facts.memory.pages.iter().filter(|pool| pool.total > 0).count() as u64
            }),
            Need::Siblings => (!hosts.iter().any(|host| host.has_siblings()))
                .then(|| "needs CPUs with siblings (SMT); no host has them".into()),
            Need::Kvm => (!hosts.iter().any(|host| host.virt_type == "kvm")).then(|| {
                let names: Vec<String> =
                    hosts.iter().map(|host| format!("{}: {}", host.name, host.virt_type)).collect();
                format!("needs `[libvirt]virt_type=kvm` on a host; there is {}", names.join(", "))
            }),
            Need::PciDevices => (!hosts.iter().any(|host| !host.pci_specs.is_empty()))
                .then(|| "needs PCI devices to pass through (`[pci]device_spec`); no host lists any".into()),
            Need::PciAlias => (!hosts.iter().any(|host| !host.pci_aliases.is_empty()))
                .then(|| "needs a PCI alias (`[pci]alias`); no host has one".into()),
            Need::Sriov => (!hosts
                .iter()
                .any(|host| host.facts.pci.iter().any(|device| device.sriov.is_some())))
            .then(|| "needs a network interface with virtual functions (SR-IOV); no host has one".into()),
            Need::Filter(filter) => match &inventory.filters {
                Some(filters) => (!filters.contains(filter)).then(|| {
                    format!(
                        "needs scheduler filter `{filter}`, which is not enabled; preparing hosts enables it"
                    )
                }),
                None => Some(format!(
                    "needs scheduler filter `{filter}`; no host with nova-scheduler answers smog, so \
                     whether it is on is not known"
                )),
            },
            Need::Screen => hosts
                .iter()
                .find(|host| !host.has_screen)
                .map(|host| format!("needs `[vnc]enabled` on every compute host; {} has it off", host.name)),
            Need::Uefi => hosts.iter().find(|host| !host.has_uefi).map(|host| {
                format!("needs UEFI firmware (package ovmf) on every compute host; {} has none", host.name)
            }),
            Need::LockedMemory => hosts.iter().find(|host| !host.locks_memory).map(|host| {
                format!(
                    "needs hosts where a process may lock any amount of memory; {} refuses it (a container?)",
                    host.name
                )
            }),
            Need::LoopDevices => hosts.iter().find(|host| !host.has_loop_devices).map(|host| {
                format!("needs loop devices on every compute host; {} has none (a container?)", host.name)
            }),
            Need::LocalStorage if inventory.shared_storage => {
                Some("is for hosts that do not share their instances directory; these do".into())
            }
            Need::LocalStorage => {
                hosts.iter().find(|host| matches!(host.images_type.as_str(), "rbd" | "sio")).map(|host| {
                    let kind = &host.images_type;
                    format!("is for disks on the hosts; {} has `[libvirt]images_type={kind}`", host.name)
                })
            }
            Need::NoForcedConfigDrive => hosts
                .iter()
                .find(|host| host.forces_config_drive)
                .map(|host| format!("is for hosts without `force_config_drive`; {} has it on", host.name)),
            Need::OwnKernels => inventory.one_kernel().map(|names| {
                format!("needs compute hosts with kernels of their own; {} share one", names.join(" and "))
            }),
        }
    }
}
