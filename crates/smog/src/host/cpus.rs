//! The CPUs of a host, from `/sys/devices/system/cpu`.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::cpuset::Cpuset;
use crate::host::dump::Dump;

/// The CPUs of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cpus {
    /// `online`.
    pub online: Cpuset,
    /// `offline`, and possible ones that are not there.
    pub offline: Cpuset,
    /// `isolated`: taken from the scheduler by `isolcpus=`.
    pub isolated: Cpuset,
    /// `nohz_full`: without the timer's tick.
    pub nohz_full: Cpuset,
    /// `smt/active`: whether cores have more than one thread in use.
    pub smt_active: Option<bool>,
    /// Each online CPU and its place.
    pub list: Vec<CpuPlace>,
}

/// One online CPU (a thread of a core) and its place: `cpuN/topology`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CpuPlace {
    /// Its number.
    pub id: u32,
    /// `physical_package_id`.
    pub socket: Option<u32>,
    /// `die_id`.
    pub die: Option<u32>,
    /// `core_id`, which starts at 0 in every socket.
    pub core: Option<u32>,
    /// `thread_siblings_list`: the threads of its core, itself included.
    pub siblings: Cpuset,
}

impl Cpus {
    /// The threads of each core, cores by their lowest thread: `[0,4] [1,5] …` with SMT.
    pub fn cores(&self) -> Vec<Cpuset> {
        let cores: BTreeSet<&Cpuset> = self.list.iter().map(|cpu| &cpu.siblings).collect();
        cores.into_iter().cloned().collect()
    }

    /// The other threads of a CPU's core.
    pub fn siblings_of(&self, cpu: u32) -> Cpuset {
        let place = self.list.iter().find(|place| place.id == cpu);
        place.map(|place| place.siblings.difference(&Cpuset::from([cpu]))).unwrap_or_default()
    }

    /// The number of sockets with an online CPU.
    pub fn sockets(&self) -> usize {
        self.list.iter().filter_map(|cpu| cpu.socket).collect::<BTreeSet<_>>().len()
    }
}

const CPU: &str = "/sys/devices/system/cpu";

/// The files [`cpus`] reads, for a shell.
pub(super) const FILES: &str = "/sys/devices/system/cpu/online /sys/devices/system/cpu/offline \
    /sys/devices/system/cpu/isolated /sys/devices/system/cpu/nohz_full /sys/devices/system/cpu/smt/active \
    /sys/devices/system/cpu/cpu[0-9]*/topology/physical_package_id \
    /sys/devices/system/cpu/cpu[0-9]*/topology/die_id /sys/devices/system/cpu/cpu[0-9]*/topology/core_id \
    /sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list";

pub(super) fn cpus(dump: &Dump) -> Cpus {
    let set = |name: &str| dump.get(&format!("{CPU}/{name}")).and_then(|text| text.parse().ok());
    let online: Option<Cpuset> = set("online");
    let ids = dump.numbers(CPU, "cpu");
    let online = online.unwrap_or_else(|| ids.iter().copied().collect());
    let list = ids.into_iter().filter(|id| online.contains(*id)).map(|id| {
        let file = |name: &str| format!("{CPU}/cpu{id}/topology/{name}");
        let siblings = dump.get(&file("thread_siblings_list")).and_then(|text| text.parse().ok());
        CpuPlace {
            id,
            socket: dump.number(&file("physical_package_id")),
            die: dump.number(&file("die_id")),
            core: dump.number(&file("core_id")),
            siblings: siblings.unwrap_or_else(|| Cpuset::from([id])),
        }
    });
    Cpus {
        list: list.collect(),
        offline: set("offline").unwrap_or_default(),
        isolated: set("isolated").unwrap_or_default(),
        nohz_full: set("nohz_full").unwrap_or_default(),
        smt_active: dump.number::<u32>(&format!("{CPU}/smt/active")).map(|active| active == 1),
        online,
    }
}
