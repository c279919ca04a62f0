//! Huge pages, of the whole host or of each of its NUMA nodes: `--huge-pages` and `--at-boot`.

use std::str::FromStr;

use super::super::plan::Draft;
use super::super::state::HostState;
use super::super::wish::{Target, Wish, targeted};
use super::{Look, Preparable, Thing, Want};
use crate::error::{Error, Result};
use crate::show::kib;

/// The name of what says more of huge pages.
const AT_BOOT_NAME: &str = "at-boot";

pub(super) const ROW: Preparable = Preparable {
    name: "huge-pages",
    form: "[WHO/]SIZE=COUNT[@NODE]",
    example: "2M=256",
    help: "Minimum number of huge pages: 2M=256, or 1G=2@0 for NUMA node 0",
    add: |wish, text, request| wish.with_pages(text, true, request.has(AT_BOOT_NAME)),
    ..Preparable::PLAIN
};

pub(super) const AT_BOOT: Preparable = Preparable {
    name: AT_BOOT_NAME,
    needs: "huge-pages",
    help: "Reserve the huge pages at each boot as well",
    ..Preparable::PLAIN
};

/// The file smog makes for huge pages at each boot.
const TMPFILES: &str = "/etc/tmpfiles.d/smog-huge-pages.conf";

/// Every `nr_hugepages` of a host.
const PAGES: &str =
    "/sys/kernel/mm/hugepages/*/nr_hugepages /sys/devices/system/node/node*/hugepages/*/nr_hugepages";

/// Huge pages of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagesWish {
    /// The size of a page in KiB; `None` is the host's default size (`Hugepagesize` of
    /// /proc/meminfo).
    pub size_kib: Option<u64>,
    /// The NUMA node they shall be in; over all cells, evenly, when `None`.
    pub cell: Option<u32>,
    /// How many, at least.
    pub count: u64,
    /// Set them aside now.
    pub now: bool,
    /// Set them aside at each boot (a file of systemd-tmpfiles).
    pub at_boot: bool,
}

impl Thing for PagesWish {
    fn name(&self) -> String {
        format!("{} pages", self.size_kib.map_or("huge".into(), kib))
    }

    fn look(&self, _: &HostState, _: &Target, look: &mut Look) {
        look.values(PAGES);
        look.files(self.at_boot.then(|| TMPFILES.to_string()));
    }

    fn plan(&self, _: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.pages(self);
        Ok(())
    }

    fn is_of_kernel(&self) -> bool {
        true
    }
}

impl Wish {
    /// Read what a person wrote after `--huge-pages`: `[WHO/]SIZE=COUNT[@NODE]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_pages(self, text: &str, now: bool, at_boot: bool) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let pages = PagesWish { now, at_boot, ..rest.parse()? };
        Ok(self.with(target.unwrap_or(Target::Computes), Want::Pages(pages)))
    }
}

impl FromStr for PagesWish {
    type Err = Error;

    /// `SIZE=COUNT[@NODE]`: `2M=256`, `1G=2@0`, `2048=64@cell1` (a bare size is in KiB).
    fn from_str(text: &str) -> Result<PagesWish> {
        let parsed = text.split_once('=').and_then(|(size, rest)| {
            let (count, cell) = match rest.split_once('@') {
                Some((count, cell)) => {
                    let cell = cell.trim_start_matches("cell").trim_start_matches("node");
                    (count, Some(cell.parse().ok()?))
                }
                None => (rest, None),
            };
            Some(PagesWish {
                size_kib: Some(size_kib(size)?),
                cell,
                count: count.trim().parse().ok()?,
                now: true,
                at_boot: false,
            })
        });
        parsed.ok_or_else(|| Error::Invalid {
            what: format!("huge pages `{text}`"),
            why: "not of the form SIZE=COUNT or SIZE=COUNT@NODE".into(),
            hint: Some("as in 2M=256, or 1G=2@0 for NUMA node 0".into()),
        })
    }
}

/// `2M`, `2MB`, `2MiB`, `1G`, `2048` and `2048K` (KiB), `16G`.
fn size_kib(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let kib = match &text[digits.len()..] {
        "" | "k" | "kb" | "kib" => number,
        "m" | "mb" | "mib" => number.checked_mul(1 << 10)?,
        "g" | "gb" | "gib" => number.checked_mul(1 << 20)?,
        _ => return None,
    };
    (kib > 0).then_some(kib)
}

impl Draft<'_> {
    fn pages(&mut self, wish: &PagesWish) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let pages = |text: &str| {
            text.parse::<PagesWish>().map(|one| (one.size_kib.unwrap_or(0), one.count, one.cell))
        };
        assert_eq!(pages("2M=256").ok(), Some((2048, 256, None)));
        assert_eq!(pages("1GiB=2@cell1").ok(), Some((1 << 20, 2, Some(1))));
        assert_eq!(pages("2048=1@0").ok(), Some((2048, 1, Some(0))));
        for wrong in ["2M", "2T=1", "0=1", "2M=x", "2M=1@x", "=1"] {
            assert!(pages(wrong).is_err(), "{wrong}");
        }
    }
}
