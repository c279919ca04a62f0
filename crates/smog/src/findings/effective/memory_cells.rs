//! The declared NUMA nodes of a guest's memory (`<numatune>`), against `/proc/PID/numa_maps`.

use std::collections::BTreeMap;

use super::Compared;
use crate::cpuset::Cpuset;
use crate::host::{MemoryMaps, NumaMap};
use crate::libvirt::Domain;
use crate::show;

/// A row for each guest cell whose memory can be distinguished from the rest, and one for the whole guest;
/// none where nothing is declared.
pub(super) fn rows(domain: &Domain, memory: Option<&MemoryMaps>) -> Vec<Compared> {
    let Some(tune) = &domain.numatune else { return Vec::new() };
    let empty = MemoryMaps::default();
    let memory = memory.unwrap_or(&empty);
    let mut rows = Vec::new();
    for node in &tune.mem_nodes {
        let maps: Vec<&NumaMap> =
            memory.numa_maps.iter().filter(|map| is_of_cell(map, node.guest_cell)).collect();
        if !maps.is_empty() {
            let mode = node.mode.as_deref().or(tune.mode.as_deref());
            let what = format!("memory of NUMA node {}", node.guest_cell);
            rows.push(row(what, &node.cells, mode, &pages_of(&maps)));
        }
    }
    if let Some(cells) = tune.cells.as_ref().filter(|_| tune.placement.as_deref() != Some("auto")) {
        rows.push(row("memory nodes".into(), cells, tune.mode.as_deref(), &own_pages(memory)));
    }
    rows
}

/// QEMU names the file of a guest cell's memory `…ram-node0…`.
fn is_of_cell(map: &NumaMap, cell: u32) -> bool {
    let name = format!("ram-node{cell}");
    map.file.as_deref().is_some_and(|file| {
        file.match_indices(&name)
            .any(|(at, _)| !file[at + name.len()..].starts_with(|next: char| next.is_ascii_digit()))
    })
}

/// Pages by cell, of each page size in KiB.
type Pages = BTreeMap<u64, BTreeMap<u32, u64>>;

fn pages_of(maps: &[&NumaMap]) -> Pages {
    let mut pages = Pages::new();
    for map in maps {
        for (cell, count) in map.pages.iter().filter(|(_, count)| **count > 0) {
            *pages.entry(map.page_kib).or_default().entry(*cell).or_default() += count;
        }
    }
    pages
}

/// What the process has for itself: where some of it is bound to cells only that, since without
/// control groups libvirt binds all of it.
fn own_pages(memory: &MemoryMaps) -> Pages {
    let own: Vec<&NumaMap> =
        memory.numa_maps.iter().filter(|map| map.file.is_none() || map.page_kib > 64).collect();
    let bound: Vec<&NumaMap> = own.iter().copied().filter(|map| map.policy.starts_with("bind")).collect();
    pages_of(if bound.is_empty() { &own } else { &bound })
}

fn row(what: String, declared: &Cpuset, mode: Option<&str>, pages: &Pages) -> Compared {
    let found: Cpuset = pages.values().flat_map(BTreeMap::keys).copied().collect();
    // libvirt's default is strict. What is preferred or interleaved may be elsewhere as well.
    let is_strict = matches!(mode, None | Some("strict" | "restrictive"));
    // A kernel without NUMA has no numa_maps, and cell 0 only.
    let agrees = match found.is_empty() {
        true => declared.contains(0),
        false => !is_strict || found.difference(declared).is_empty(),
    };
    let kernel = match (found.is_empty(), agrees) {
        (true, _) => "no NUMA".into(),
        (false, true) => format!("node {found}"),
        (false, false) => {
            pages.iter().map(|(size, pages)| spread(*size, pages)).collect::<Vec<_>>().join("; ")
        }
    };
    let mode = mode.filter(|_| !is_strict).map(|mode| format!(" ({mode})")).unwrap_or_default();
    Compared { what, declared: format!("node {declared}{mode}"), kernel, agrees }
}

/// "1000 of 2048 pages of 2 MiB on node 0, 1048 on node 1"
fn spread(size_kib: u64, pages: &BTreeMap<u32, u64>) -> String {
    let all: u64 = pages.values().fold(0, |all, pages| all.saturating_add(*pages));
    let parts: Vec<String> = pages.iter().map(|(cell, count)| format!("{count} on node {cell}")).collect();
    match parts.split_first() {
        Some((first, rest)) => {
            let count = first.split(' ').next().unwrap_or_default();
            let place = first.split_once(' ').map_or("", |(_, place)| place);
            let rest: String = rest.iter().map(|part| format!(", {part}")).collect();
            format!("{count} of {all} pages of {} {place}{rest}", show::kib(size_kib))
        }
        None => String::new(),
    }
}
