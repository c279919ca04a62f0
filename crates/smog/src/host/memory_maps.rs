//! Where a guest's memory really is: which page size, on which NUMA node.

use std::collections::BTreeMap;

use serde::Serialize;

/// One mapping of a process, a line of `/proc/PID/numa_maps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NumaMap {
    /// The address it begins at.
    pub start: u64,
    /// The memory policy in force: `default`, `bind:0`, `prefer:1`, `interleave:0-1`.
    pub policy: String,
    /// The file behind it, such as `/dev/hugepages/libvirt/qemu/…`.
    pub file: Option<String>,
    /// The size of its pages in KiB: 4, 2048, 1048576.
    pub page_kib: u64,
    /// Pages in memory, by NUMA node.
    pub pages: BTreeMap<u32, u64>,
}

/// One mapping backed by huge pages, from `/proc/PID/smaps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HugeMap {
    /// The address it begins at.
    pub start: u64,
    /// Its length in KiB (`Size`).
    pub size_kib: u64,
    /// The size of its pages in KiB (`KernelPageSize`).
    pub page_kib: u64,
    /// What of it is in memory, in KiB (`Shared_Hugetlb` + `Private_Hugetlb`).
    pub used_kib: u64,
    /// The file behind it.
    pub file: Option<String>,
}

/// The base page is 4 KiB (x86), on other machines 16 or 64; a huge one is above those.
const SMALL_PAGE_KIB: u64 = 64;

/// The memory of a process as the kernel accounts for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MemoryMaps {
    /// All mappings; empty on a kernel without NUMA.
    pub numa_maps: Vec<NumaMap>,
    /// The mappings with huge pages (hugetlb, not the transparent ones).
    pub huge_maps: Vec<HugeMap>,
    /// Transparent huge pages in KiB (`AnonHugePages` and `ShmemPmdMapped`).
    pub transparent_huge_kib: u64,
}

impl MemoryMaps {
    /// Memory in use in KiB, by page size and NUMA node: `{2048: {0: 131072}}` is
    /// 128 MiB in 2 MiB pages on cell 0.
    pub fn by_page_size(&self) -> BTreeMap<u64, BTreeMap<u32, u64>> {
        let mut sums: BTreeMap<u64, BTreeMap<u32, u64>> = BTreeMap::new();
        for map in &self.numa_maps {
            for (cell, pages) in &map.pages {
                *sums.entry(map.page_kib).or_default().entry(*cell).or_default() += pages * map.page_kib;
            }
        }
        sums
    }

    /// Memory in huge pages in KiB, by page size, from `smaps`.
    pub fn huge_kib(&self) -> BTreeMap<u64, u64> {
        let mut sums = BTreeMap::new();
        for map in &self.huge_maps {
            *sums.entry(map.page_kib).or_default() += map.used_kib;
        }
        sums
    }

    /// Memory in use in KiB by NUMA node, all page sizes together.
    pub fn by_cell(&self) -> BTreeMap<u32, u64> {
        sum_by_cell(self.numa_maps.iter())
    }

    /// The same of what is bound to cells (policy `bind:…`) and of no ordinary file: a guest's
    /// own memory and QEMU's heap, not the program and its libraries, which are where whoever
    /// read them first was.
    pub fn bound_by_cell(&self) -> BTreeMap<u32, u64> {
        let is_own = |map: &&NumaMap| map.file.is_none() || map.page_kib > SMALL_PAGE_KIB;
        sum_by_cell(self.numa_maps.iter().filter(|map| map.policy.starts_with("bind")).filter(is_own))
    }
}

fn sum_by_cell<'a>(maps: impl Iterator<Item = &'a NumaMap>) -> BTreeMap<u32, u64> {
    let mut sums = BTreeMap::new();
    for map in maps {
        for (cell, pages) in &map.pages {
            *sums.entry(*cell).or_default() += pages * map.page_kib;
        }
    }
    sums
}

/// The lines of a `numa_maps` file. Lines that cannot be read are left out.
pub fn parse_numa_maps(text: &str) -> Vec<NumaMap> {
    text.lines().filter_map(numa_map).collect()
}

fn numa_map(line: &str) -> Option<NumaMap> {
    let mut words = line.split(' ').peekable();
    let start = u64::from_str_radix(words.next()?, 16).ok()?;
    let mut policy = words.next()?.to_string();
    // Two policies have a blank in their names: `prefer (many):0-1`, `weighted interleave:0-1`.
    if let Some(rest) = words.next_if(|word| word.starts_with("(many)") || word.starts_with("interleave")) {
        policy = format!("{policy} {rest}");
    }
    let mut map = NumaMap { start, policy, file: None, page_kib: 4, pages: BTreeMap::new() };
    for word in words {
        let Some((key, value)) = word.split_once('=') else { continue };
        match key {
            "file" => map.file = Some(unescaped(value)),
            "kernelpagesize_kB" => map.page_kib = value.parse().ok()?,
            _ => {
                if let Some(cell) = key.strip_prefix('N').and_then(|cell| cell.parse().ok()) {
                    map.pages.insert(cell, value.parse().ok()?);
                }
            }
        }
    }
    Some(map)
}

/// The mappings of an `smaps` file that have huge pages, and the sum of the
/// transparent huge pages in KiB.
pub fn parse_smaps(text: &str) -> (Vec<HugeMap>, u64) {
    let (mut maps, mut transparent) = (Vec::<HugeMap>::new(), 0);
    for line in text.lines() {
        if let Some(map) = smaps_head(line) {
            maps.push(map);
            continue;
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        let Some(kib) = value.trim().strip_suffix(" kB").and_then(|kib| kib.parse::<u64>().ok()) else {
            continue;
        };
        let Some(map) = maps.last_mut() else { continue };
        match key {
            "Size" => map.size_kib = kib,
            "KernelPageSize" => map.page_kib = kib,
            "Shared_Hugetlb" | "Private_Hugetlb" => map.used_kib += kib,
            "AnonHugePages" | "ShmemPmdMapped" | "FilePmdMapped" => transparent += kib,
            _ => {}
        }
    }
    maps.retain(|map| map.page_kib > SMALL_PAGE_KIB);
    (maps, transparent)
}

/// `7f0000000000-7f0008000000 rw-s 00000000 00:2f 41  /dev/hugepages/…`
fn smaps_head(line: &str) -> Option<HugeMap> {
    let mut words = line.split_ascii_whitespace();
    let (from, to) = words.next()?.split_once('-')?;
    let start = u64::from_str_radix(from, 16).ok()?;
    u64::from_str_radix(to, 16).ok()?;
    words.next().filter(|flags| flags.len() == 4)?;
    let file = line.find('/').map(|at| line[at..].to_string());
    Some(HugeMap { start, size_kib: 0, page_kib: 0, used_kib: 0, file })
}

/// The kernel writes blanks in names as `\040`.
fn unescaped(name: &str) -> String {
    name.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
}

#[cfg(test)]
mod tests {
    use super::parse_numa_maps;

    /// The names of policies as the kernel's `mpol_to_str` writes them.
    #[test]
    fn policies_with_a_blank_or_flags() {
        let text = "7f00 prefer (many):0-1 anon=4 dirty=4 N0=4 kernelpagesize_kB=4\n\
                    7f10 weighted interleave:0-1 anon=2 N0=1 N1=1 kernelpagesize_kB=4\n\
                    7f20 bind=static:1 anon=1 N1=1 kernelpagesize_kB=4\n\
                    7f30 default heap anon=1 N0=1 kernelpagesize_kB=4\n";
        let maps = parse_numa_maps(text);
        let policies: Vec<&str> = maps.iter().map(|map| map.policy.as_str()).collect();
        assert_eq!(policies, ["prefer (many):0-1", "weighted interleave:0-1", "bind=static:1", "default"]);
        assert_eq!(maps[0].pages[&0], 4);
    }
}
