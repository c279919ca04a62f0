//! NUMA nodes and huge pages of a host, from `/sys/devices/system/node` and `/sys/kernel/mm`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cpuset::Cpuset;
use crate::host::dump::Dump;

/// One NUMA node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Its number.
    pub id: u32,
    /// `cpulist`: its online CPUs; empty for a cell of memory only.
    pub cpus: Cpuset,
    /// `MemTotal` of its `meminfo`, in KiB.
    pub memory_kib: u64,
    /// `MemFree` of its `meminfo`, in KiB: what is in no use at all, caches not counted.
    pub free_kib: u64,
    /// `distance`, by cell; 10 is the cell itself.
    pub distances: BTreeMap<u32, u32>,
    /// Its huge pages, by size.
    pub pages: Vec<PagePool>,
}

/// Huge pages of one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PagePool {
    /// The size of a page in KiB: 2048, 1048576.
    pub size_kib: u64,
    /// `nr_hugepages`: pages set aside.
    pub total: u64,
    /// `free_hugepages`.
    pub free: u64,
    /// `resv_hugepages`: free ones that are promised already; the kernel counts them for the whole host only.
    pub reserved: Option<u64>,
    /// `surplus_hugepages`: above `total`, by overcommit.
    pub surplus: u64,
}

/// The memory of the whole host, from `/proc/meminfo`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// `MemTotal` in KiB.
    pub total_kib: u64,
    /// `MemFree` in KiB.
    pub free_kib: u64,
    /// `MemAvailable` in KiB: free, or to be freed without swapping.
    pub available_kib: u64,
    /// `Hugepagesize` in KiB: what "huge page" means when no size is named.
    pub default_huge_page_kib: Option<u64>,
    /// Huge pages of the whole host, by size.
    pub pages: Vec<PagePool>,
    /// The word in brackets of `transparent_hugepage/enabled`: `always`, `madvise` or `never`.
    pub transparent_huge_pages: Option<String>,
}

impl Cell {
    /// The huge pages of one size, when the kernel has that size.
    pub fn pool(&self, size_kib: u64) -> Option<&PagePool> {
        self.pages.iter().find(|pool| pool.size_kib == size_kib)
    }
}

impl Memory {
    /// The huge pages of one size, when the kernel has that size.
    pub fn pool(&self, size_kib: u64) -> Option<&PagePool> {
        self.pages.iter().find(|pool| pool.size_kib == size_kib)
    }
}

const NODE: &str = "/sys/devices/system/node";
const PAGES: &str = "/sys/kernel/mm/hugepages";

/// The files [`cells`] and [`memory`] read, for a shell.
pub(super) const FILES: &str = "/proc/meminfo /sys/devices/system/node/node[0-9]*/meminfo \
    /sys/devices/system/node/node[0-9]*/cpulist /sys/devices/system/node/node[0-9]*/distance \
    /sys/devices/system/node/node[0-9]*/hugepages/*/*_hugepages /sys/devices/system/node/online \
    /sys/kernel/mm/hugepages/*/*_hugepages /sys/kernel/mm/transparent_hugepage/enabled";

/// The cells. A kernel without NUMA has no `node` folder: that is one cell with everything.
pub(super) fn cells(dump: &Dump, online: &Cpuset) -> Vec<Cell> {
    let ids = dump.numbers(NODE, "node");
    if ids.is_empty() {
        let memory = memory(dump);
        return vec![Cell {
            id: 0,
            cpus: online.clone(),
            memory_kib: memory.total_kib,
            free_kib: memory.free_kib,
            distances: BTreeMap::from([(0, 10)]),
            pages: memory.pages,
        }];
    }
    let cell = |id: &u32| {
        let folder = format!("{NODE}/node{id}");
        let meminfo = dump.get(&format!("{folder}/meminfo")).unwrap_or_default();
        // "Node 0 MemTotal:       17393868 kB"
        let kib = |key: &str| {
            let line = meminfo.lines().find(|line| line.split_ascii_whitespace().nth(2) == Some(key));
            line.and_then(|line| line.split_ascii_whitespace().nth(3)?.parse().ok()).unwrap_or(0)
        };
        let distance = dump.get(&format!("{folder}/distance")).unwrap_or_default();
        let distances = distance.split_ascii_whitespace().filter_map(|distance| distance.parse().ok());
        Cell {
            id: *id,
            cpus: dump
                .get(&format!("{folder}/cpulist"))
                .and_then(|text| text.parse().ok())
                .unwrap_or_default(),
            memory_kib: kib("MemTotal:"),
            free_kib: kib("MemFree:"),
            // One number for each online cell, in their order.
            distances: ids.iter().copied().zip(distances).collect(),
            pages: pools(dump, &format!("{folder}/hugepages")),
        }
    };
    ids.iter().map(cell).collect()
}

pub(super) fn memory(dump: &Dump) -> Memory {
    let meminfo = crate::host::threads::fields(dump.get("/proc/meminfo").unwrap_or_default());
    let kib =
        |key: &str| meminfo.get(key).and_then(|value| value.trim_end_matches(" kB").trim().parse().ok());
    let enabled = dump.get("/sys/kernel/mm/transparent_hugepage/enabled");
    let chosen = enabled.and_then(|text| Some(text.split_once('[')?.1.split_once(']')?.0.to_string()));
    Memory {
        total_kib: kib("MemTotal").unwrap_or(0),
        free_kib: kib("MemFree").unwrap_or(0),
        available_kib: kib("MemAvailable").unwrap_or(0),
        default_huge_page_kib: kib("Hugepagesize"),
        pages: pools(dump, PAGES),
        transparent_huge_pages: chosen,
    }
}

fn pools(dump: &Dump, folder: &str) -> Vec<PagePool> {
    let names = dump.names(folder, "hugepages-");
    let mut pools: Vec<PagePool> = names
        .into_iter()
        .filter_map(|name| {
            let size_kib = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
            let number = |file: &str| dump.number(&format!("{folder}/{name}/{file}"));
            Some(PagePool {
                size_kib,
                total: number("nr_hugepages")?,
                free: number("free_hugepages")?,
                reserved: number("resv_hugepages"),
                surplus: number("surplus_hugepages").unwrap_or(0),
            })
        })
        .collect();
    pools.sort_by_key(|pool| pool.size_kib);
    pools
}
