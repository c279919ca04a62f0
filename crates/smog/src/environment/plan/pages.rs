//! Huge pages, of the whole host or of each of its cells.

use super::super::state::TMPFILES;
use super::super::wish::PagesWish;
use super::draft::Draft;
use crate::show::kib;

impl Draft<'_> {
    pub(super) fn pages(&mut self, wish: &PagesWish) {
        let default = || self.state.facts.as_ref()?.memory.default_huge_page_kib;
        let Some(size_kib) = wish.size_kib.or_else(default) else {
            self.plan.cannot("have huge pages", "its kernel has no default size of huge pages".to_string());
            return;
        };
        let size = kib(size_kib);
        let file = format!("hugepages/hugepages-{size_kib}kB/nr_hugepages");
        let cell_path = |cell: u32| format!("/sys/devices/system/node/node{cell}/{file}");
        let whole = format!("/sys/kernel/mm/{file}");
        let what = format!("have {size} pages");
        if !self.state.values.contains_key(&whole) {
            self.plan.cannot(what, format!("its kernel has no pages of {size} ({whole} is not there)"));
            return;
        }
        // Simulated cells of smog's lab are libvirt's only: the kernel has one.
        let simulated = self
            .state
            .facts
            .as_ref()
            .and_then(|facts| facts.lab.as_ref())
            .is_some_and(|lab| lab.simulated_cells > 0);
        let mut cells: Vec<u32> =
            self.state.facts.iter().flat_map(|facts| &facts.cells).map(|cell| cell.id).collect();
        cells.retain(|cell| !simulated && self.state.values.contains_key(&cell_path(*cell)));
        let wanted: Vec<(String, String, u64)> = match wish.cell {
            Some(cell) if !cells.contains(&cell) => {
                let cells: Vec<String> = cells.iter().map(u32::to_string).collect();
                let why = match cells.is_empty() {
                    true => "its kernel counts pages for the whole host only".to_string(),
                    false => format!("it has no NUMA node {cell} (only {})", cells.join(", ")),
                };
                self.plan.cannot(format!("{what} in NUMA node {cell}"), why);
                return;
            }
            Some(cell) => vec![(cell_path(cell), format!("{size} pages of NUMA node {cell}"), wish.count)],
            None if cells.is_empty() => vec![(whole, format!("{size} pages"), wish.count)],
            None => {
                // Spread here, not by the kernel, so that each cell gets back what it had.
                let share = wish.count / cells.len() as u64;
                let more = (wish.count % cells.len() as u64) as usize;
                let counts = cells.iter().enumerate().map(|(at, cell)| {
                    let count = share + u64::from(at < more);
                    (cell_path(*cell), format!("{size} pages of NUMA node {cell}"), count)
                });
                counts.collect()
            }
        };
        for (path, name, count) in wanted {
            let now: u64 = self.state.values.get(&path).and_then(|now| now.parse().ok()).unwrap_or(0);
            if wish.now && now < count {
                let available =
                    self.state.facts.as_ref().map_or(u64::MAX, |facts| facts.memory.available_kib);
                if (count - now).saturating_mul(size_kib) > available {
                    self.plan.cannot(
                        format!("have {count} {name}"),
                        format!("there are {now}, and only {} of memory is available", mib(available)),
                    );
                    continue;
                }
                self.value(&path, &count.to_string(), &name, false);
            }
            if wish.at_boot {
                self.own_line(TMPFILES, &format!("w {path} - - - - {count}"), None);
            }
        }
    }
}

fn mib(kib: u64) -> String {
    format!("{} MiB", kib >> 10)
}
