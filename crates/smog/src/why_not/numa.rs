//! Whether a guest's NUMA nodes fit on a host's, as NUMATopologyFilter looks at it. Pure.
//!
//! Nova counts what its own records say: the memory, pages and CPUs of guests with a NUMA record, on the
//! nodes that `GET /servers/ID/topology` names. What else a host's kernel uses is not counted.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Reason;
use super::placement::marked;
use super::wanted::{NodeWish, NumaWish, Wanted};
use crate::cloud::ServerTopology;
use crate::cpuset::Cpuset;
use crate::findings::NovaConf;
use crate::flavor::PageSize;
use crate::libvirt::Capabilities;
use crate::show;

/// One NUMA node of a host, with what Nova's records say is taken of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HostNode {
    pub id: u32,
    /// CPUs for guests without pins.
    pub shared: Cpuset,
    /// CPUs for pinned guests.
    pub dedicated: Cpuset,
    /// Groups of CPUs that are threads of one core.
    pub cores: Vec<Cpuset>,
    pub memory_mib: u64,
    pub memory_used_mib: u64,
    pub shared_used: u64,
    pub pinned: Cpuset,
    /// Pages by size in KiB.
    pub pages: BTreeMap<u64, Pages>,
    /// Who holds dedicated CPUs, and pages of a size other than the smallest: ids of servers.
    pub holders: BTreeMap<String, Held>,
}

/// Pages of one size of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pages {
    pub total: u64,
    pub used: u64,
    pub reserved: u64,
}

/// What a guest holds of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub cpus: u64,
    pub pages: BTreeMap<u64, u64>,
}

impl Pages {
    fn free(self) -> u64 {
        self.total.saturating_sub(self.used + self.reserved)
    }
}

impl HostNode {
    fn free_dedicated(&self) -> Cpuset {
        self.dedicated.difference(&self.pinned)
    }
}

/// How often memory and CPUs may be given (`ram_allocation_ratio`, `cpu_allocation_ratio`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Ratios {
    pub cpu: f64,
    pub ram: f64,
}

/// A host's NUMA nodes, as nova-compute reports them.
pub(super) fn nodes(capabilities: &Capabilities, conf: &NovaConf) -> crate::Result<Vec<HostNode>> {
    let sets = conf.cpu_sets()?;
    let reserved = reserved(&conf.get_all("DEFAULT", "reserved_huge_pages"));
    let node = |cell: &crate::libvirt::CapabilitiesCell| {
        let all = cell.cpuset();
        let shared = match (&sets.shared, &sets.dedicated) {
            (Some(shared), _) => all.intersection(shared),
            (None, Some(_)) => Cpuset::new(),
            (None, None) => all.clone(),
        };
        let dedicated = sets.dedicated.as_ref().map(|set| all.intersection(set)).unwrap_or_default();
        let cores: BTreeSet<Vec<u32>> =
            cell.cpus.iter().map(|cpu| cpu.siblings.iter().collect::<Vec<u32>>()).collect();
        let pages = cell.pages.iter().map(|(size, total)| {
            let reserved = reserved.get(&(cell.id, *size)).copied().unwrap_or(0);
            (*size, Pages { total: *total, used: 0, reserved })
        });
        HostNode {
            id: cell.id,
            shared,
            dedicated,
            cores: cores.into_iter().map(|core| core.into_iter().collect()).collect(),
            memory_mib: cell.memory_kib >> 10,
            pages: pages.collect(),
            ..HostNode::default()
        }
    };
    Ok(capabilities.cells.iter().map(node).collect())
}

/// `reserved_huge_pages = node:0,size:2048,count:64`, by node and size in KiB.
fn reserved(lines: &[String]) -> BTreeMap<(u32, u64), u64> {
    let parse = |line: &String| {
        let pairs: BTreeMap<&str, &str> =
            line.split(',').filter_map(|part| part.trim().split_once(':')).collect();
        let size = match *pairs.get("size")? {
            "2MB" => 2048,
            "1GB" => 1 << 20,
            size => size.parse().ok()?,
        };
        Some(((pairs.get("node")?.parse().ok()?, size), pairs.get("count")?.parse().ok()?))
    };
    lines.iter().filter_map(parse).collect()
}

/// Count what a guest on the host takes, by Nova's record of it.
pub(super) fn take(nodes: &mut [HostNode], server: &str, topology: &ServerTopology) {
    for own in &topology.nodes {
        let Some(node) = nodes.iter_mut().find(|node| Some(node.id) == own.host_node) else { continue };
        node.memory_used_mib += own.memory_mib;
        node.shared_used += (own.vcpus.len() as u64).saturating_sub(own.pinning.len() as u64);
        let held = node.holders.entry(server.to_string()).or_default();
        held.cpus += own.pinning.len() as u64;
        for cpu in own.pinning.values() {
            node.pinned.insert(*cpu);
        }
        if let Some(size) = topology.page_size_kib.filter(|size| *size > 0) {
            let count = (own.memory_mib << 10) / size;
            *held.pages.entry(size).or_default() += count;
            if let Some(pages) = node.pages.get_mut(&size) {
                pages.used += count;
            }
        }
    }
}

/// Why a node of the guest does not fit on a node of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Flaw {
    /// How far Nova came: the largest is the nearest to a fit.
    stage: u8,
    what: String,
    has: u64,
    needs: u64,
    /// "at most 0 of 1 dedicated CPUs free", "… in one NUMA node" follows.
    rest: String,
    wanted: String,
    help: String,
}

/// Why the guest does not fit on the host; none when it does.
pub(super) fn reason(wanted: &Wanted, wish: &NumaWish, host: &[HostNode], ratios: Ratios) -> Option<Reason> {
    const BY: &str = "NUMATopologyFilter";
    let (has, needs) = (host.len() as u64, wish.nodes.len() as u64);
    let nodes =
        |count: u64| if count == 1 { "1 NUMA node".to_string() } else { format!("{count} NUMA nodes") };
    if has < needs {
        let reason = Reason::new(BY, "NUMA nodes", "has", nodes(has)).by_how_much(has, needs);
        return Some(
            reason
                .wanting(format!("{} needs {needs}", wanted.name))
                .helped(format!("a flavor with at most {}", nodes(has))),
        );
    }
    if wish.is_pinned && wish.threads.as_deref() == Some("require") {
        let has_threads = host.iter().flat_map(|node| &node.cores).any(|core| core.len() > 1);
        if !has_threads {
            let reason = Reason::new(BY, "threads", "has", "no CPUs that are threads of one core");
            return Some(reason.wanting(format!("{} requires them", wanted.name)));
        }
    }
    let fits: Vec<Vec<Option<Flaw>>> = wish
        .nodes
        .iter()
        .enumerate()
        .map(|(at, node)| {
            let more = u64::from(wish.isolates_emulator && at == 0);
            host.iter().map(|place| flaw(wish, node, more, place, ratios)).collect()
        })
        .collect();
    let nearest = fits.iter().find_map(|row| match row.iter().all(Option::is_some) {
        true => row.iter().flatten().max_by_key(|flaw| (flaw.stage, flaw.has)),
        false => None,
    });
    if let Some(flaw) = nearest {
        let whose = if needs == 1 { "" } else { " for one of its NUMA nodes" };
        if flaw.stage == 0 {
            let reason =
                Reason::new(BY, &flaw.what, "has", flaw.rest.clone()).by_how_much(flaw.has, flaw.needs);
            return Some(reason.wanting(format!("{} needs them", wanted.name)).helped(flaw.help.clone()));
        }
        return Some(
            Reason::new(BY, &flaw.what, "has", format!("at most {} in one NUMA node", flaw.rest))
                .by_how_much(flaw.has, flaw.needs)
                .wanting(format!("{} needs {} in one{whose}", wanted.name, flaw.wanted))
                .helped(flaw.help.clone()),
        );
    }
    let matched = matching(&fits);
    (matched < fits.len()).then(|| {
        let has = matched as u64;
        Reason::new(BY, "NUMA nodes", "has", format!("{} that can take a node of the guest", nodes(has)))
            .by_how_much(has, needs)
            .wanting(format!("{} needs {needs} at once", wanted.name))
    })
}

/// How many of the guest's nodes find a host node of their own.
fn matching(fits: &[Vec<Option<Flaw>>]) -> usize {
    fn place(at: usize, fits: &[Vec<Option<Flaw>>], seen: &mut [bool], of: &mut [Option<usize>]) -> bool {
        for host in 0..of.len() {
            if fits[at][host].is_some() || std::mem::replace(&mut seen[host], true) {
                continue;
            }
            let is_free = match of[host] {
                None => true,
                Some(other) => place(other, fits, seen, of),
            };
            if is_free {
                of[host] = Some(at);
                return true;
            }
        }
        false
    }
    let count = fits.first().map_or(0, Vec::len);
    let mut of = vec![None; count];
    (0..fits.len()).filter(|at| place(*at, fits, &mut vec![false; count], &mut of)).count()
}

fn flaw(wish: &NumaWish, node: &NodeWish, more: u64, place: &HostNode, ratios: Ratios) -> Option<Flaw> {
    let pages = pages_flaw(wish, node, place);
    if pages.is_some() {
        return pages;
    }
    let dedicated = node.dedicated + more;
    let free = place.free_dedicated();
    if wish.is_pinned && dedicated > 0 {
        let total = place.dedicated.len() as u64;
        let (has, rest, help) = match dedicated > total {
            true => {
                (total, format!("{total} dedicated CPUs"), format!("a flavor with at most {total} of them"))
            }
            false => {
                let free = free.len() as u64;
                (
                    free,
                    format!("{free} of {total} dedicated CPUs free"),
                    freeing_cpus(place, dedicated - free.min(dedicated)),
                )
            }
        };
        let what = "dedicated CPUs".to_string();
        if dedicated > has {
            return Some(Flaw {
                stage: 3,
                what,
                has,
                needs: dedicated,
                rest,
                wanted: dedicated.to_string(),
                help,
            });
        }
    }
    if node.shared > place.shared.len() as u64 {
        let has = place.shared.len() as u64;
        return Some(Flaw {
            stage: 3,
            what: "shared CPUs".into(),
            has,
            needs: node.shared,
            rest: format!("{has} shared CPUs"),
            wanted: node.shared.to_string(),
            help: format!("a flavor with at most {has} vCPUs in a NUMA node"),
        });
    }
    if wish.is_pinned && wish.threads.as_deref() == Some("isolate") {
        let whole =
            place.cores.iter().filter(|core| core.is_disjoint(&place.pinned) && !core.is_disjoint(&free));
        let has = whole.count() as u64;
        if has < dedicated {
            return Some(Flaw {
                stage: 4,
                what: "free cores".into(),
                has,
                needs: dedicated,
                rest: format!("{has} cores free with all of their threads"),
                wanted: dedicated.to_string(),
                help: "a guest less on the cores' other threads".into(),
            });
        }
    }
    let limit = (place.shared.len() as f64 * ratios.cpu) as u64;
    if node.shared > 0 && place.shared_used + node.shared > limit {
        let has = limit.saturating_sub(place.shared_used);
        return Some(Flaw {
            stage: 5,
            what: "shared CPUs".into(),
            has,
            needs: node.shared,
            rest: format!("{has} of {limit} shared CPUs free"),
            wanted: node.shared.to_string(),
            help: "a larger cpu_allocation_ratio, or a guest less".into(),
        });
    }
    let limit = (place.memory_mib as f64 * ratios.ram) as u64;
    if (!wish.is_pinned || node.shared > 0) && place.memory_used_mib + node.memory_mib > limit {
        let has = limit.saturating_sub(place.memory_used_mib);
        return Some(memory(has, limit, node.memory_mib));
    }
    None
}

fn memory(has: u64, total: u64, needs: u64) -> Flaw {
    Flaw {
        stage: 2,
        what: "memory in MiB".into(),
        has,
        needs,
        rest: format!("{has} of {total} MiB of memory free"),
        wanted: format!("{needs} MiB"),
        help: format!("a flavor with at most {has} MiB in a NUMA node"),
    }
}

/// Memory and pages: what is asked for, or the smallest pages of the host.
fn pages_flaw(wish: &NumaWish, node: &NodeWish, place: &HostNode) -> Option<Flaw> {
    let kib = node.memory_mib << 10;
    let smallest = place.pages.keys().next().copied();
    let fits = |size: u64| {
        let free = place.pages.get(&size).map_or(0, |pages| pages.free());
        kib <= free * size && kib.is_multiple_of(size)
    };
    let sizes: Vec<u64> = match wish.pages {
        None => {
            let Some(size) = smallest else {
                let free = place.memory_mib.saturating_sub(place.memory_used_mib);
                let has = if wish.is_pinned { free } else { place.memory_mib };
                return (has < node.memory_mib).then(|| memory(has, place.memory_mib, node.memory_mib));
            };
            let pages = place.pages.get(&size).copied().unwrap_or_default();
            // Without pins more may be given than there is, but not to a single guest.
            let has = if wish.is_pinned { pages.free() * size } else { pages.total * size };
            return (has < kib).then(|| memory(has >> 10, (pages.total * size) >> 10, node.memory_mib));
        }
        Some(PageSize::Small) => smallest.into_iter().collect(),
        Some(PageSize::Large) => place.pages.keys().skip(1).copied().collect(),
        Some(PageSize::Any) => place.pages.keys().copied().collect(),
        Some(PageSize::Kib(size)) => vec![size],
    };
    if sizes.iter().any(|size| fits(*size)) {
        return None;
    }
    // Of several sizes, the one of which there is the most.
    let room = |size: &u64| place.pages.get(size).map_or(0, |pages| pages.free() * size);
    let best = sizes.iter().copied().filter(|size| place.pages.contains_key(size)).max_by_key(room);
    let what = "pages".to_string();
    let Some(size) = best else {
        let size = sizes.first().copied().unwrap_or(0);
        let named =
            if size == 0 { "huge pages".to_string() } else { format!("pages of {}", show::kib(size)) };
        return Some(Flaw {
            stage: 0,
            what,
            has: 0,
            needs: kib.div_ceil(size.max(1)),
            rest: format!("no {named}"),
            wanted: named.clone(),
            help: format!("{named} on a host"),
        });
    };
    let pages = place.pages.get(&size).copied().unwrap_or_default();
    let (free, needs, named) = (pages.free(), kib.div_ceil(size), show::kib(size));
    let taken = pages.total - free;
    let rest = match taken {
        0 => format!("{free} pages of {named}"),
        _ => format!("{free} of {} pages of {named} free", pages.total),
    };
    let (wanted, help) = match kib.is_multiple_of(size) {
        true => (needs.to_string(), freeing_pages(place, size, needs.saturating_sub(free), &named)),
        false => (
            format!("{} MiB, which is no multiple of {named},", node.memory_mib),
            format!("a memory size that is a multiple of {named}"),
        ),
    };
    Some(Flaw { stage: 1, what: format!("{what} of {named}"), has: free, needs, rest, wanted, help })
}

/// The holder of the fewest that are enough.
fn smallest(place: &HostNode, enough: impl Fn(&Held) -> Option<u64>) -> Option<(&String, u64)> {
    let all = place.holders.iter().filter_map(|(id, held)| Some((id, enough(held)?)));
    all.min_by_key(|(_, count)| *count)
}

fn freeing_cpus(place: &HostNode, missing: u64) -> String {
    match smallest(place, |held| Some(held.cpus).filter(|cpus| *cpus >= missing.max(1))) {
        Some((id, cpus)) => {
            format!(
                "moving or deleting {} on NUMA node {}, which holds {cpus} dedicated CPUs",
                marked(id),
                place.id
            )
        }
        None => format!("{missing} more dedicated CPUs free in NUMA node {}", place.id),
    }
}

fn freeing_pages(place: &HostNode, size: u64, missing: u64, named: &str) -> String {
    let held = |held: &Held| held.pages.get(&size).copied().filter(|pages| *pages >= missing.max(1));
    match smallest(place, held) {
        Some((id, pages)) => {
            format!(
                "moving or deleting {} on NUMA node {}, which holds {pages} pages of {named}",
                marked(id),
                place.id
            )
        }
        None => format!("{missing} more pages of {named} in NUMA node {}", place.id),
    }
}
