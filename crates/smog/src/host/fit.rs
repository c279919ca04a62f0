//! How much memory a guest may have to fit a cell of a host, or surely not to fit any.

use serde::Serialize;

use crate::flavor::PageSize;
use crate::host::Cell;

/// What fits a cell. (`determine_fit` of the first smog.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// The host's cell.
    pub cell: u32,
    /// What is free in it, in MiB, of the pages asked for.
    pub free_mib: u64,
    /// The largest power of two that is free, in MiB; 0 when nothing is.
    pub fits_mib: u64,
    /// A power of two above all the cell could ever have, in MiB.
    pub too_much_mib: u64,
}

/// What fits each cell, with these pages behind the memory. `reserved_mib` is
/// kept free in each cell (nova.conf's `reserved_host_memory_mb` and
/// `reserved_huge_pages` are not known here).
///
/// With [`PageSize::Large`] the huge pages of all sizes count together, as the
/// size that Nova takes depends on the host.
pub fn fits(cells: &[Cell], pages: PageSize, reserved_mib: u64) -> Vec<Fit> {
    cells.iter().map(|cell| fit(cell, pages, reserved_mib)).collect()
}

fn fit(cell: &Cell, pages: PageSize, reserved_mib: u64) -> Fit {
    let huge = |wanted: Option<u64>| {
        let pools = cell.pages.iter().filter(|pool| wanted.is_none_or(|size| size == pool.size_kib));
        pools.fold((0, 0), |(free, total), pool| {
            (free + pool.free * pool.size_kib, total + pool.total * pool.size_kib)
        })
    };
    let (free_kib, total_kib) = match pages {
        PageSize::Large => huge(None),
        // A size that is not a huge page of this host is its base page.
        PageSize::Kib(size) if size > 64 => huge(Some(size)),
        PageSize::Kib(_) | PageSize::Small | PageSize::Any => {
            let (_, in_huge) = huge(None);
            (cell.free_kib, cell.memory_kib.saturating_sub(in_huge))
        }
    };
    let free_mib = (free_kib / 1024).saturating_sub(reserved_mib);
    let fits_mib = if free_mib == 0 { 0 } else { 1 << free_mib.ilog2() };
    Fit { cell: cell.id, free_mib, fits_mib, too_much_mib: (total_kib / 1024).max(1).next_power_of_two() * 2 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::fits;
    use crate::cpuset::Cpuset;
    use crate::flavor::PageSize;
    use crate::host::{Cell, PagePool};

    fn cell() -> Cell {
        let pool = |size_kib, total, free| PagePool { size_kib, total, free, reserved: None, surplus: 0 };
        Cell {
            id: 1,
            cpus: Cpuset::from([0, 1]),
            memory_kib: 16 << 20,
            free_kib: 5000 << 10,
            distances: BTreeMap::new(),
            pages: vec![pool(2048, 1024, 300), pool(1 << 20, 2, 1)],
        }
    }

    #[test]
    fn small_pages_are_the_free_memory() {
        let fit = fits(&[cell()], PageSize::Small, 512)[0];
        assert_eq!((fit.cell, fit.free_mib, fit.fits_mib), (1, 4488, 4096));
        assert_eq!(fit.too_much_mib, 32768, "12 GiB are not in huge pages");
    }

    #[test]
    fn huge_pages_are_counted_by_size() {
        let fit = fits(&[cell()], PageSize::Kib(2048), 0)[0];
        assert_eq!((fit.free_mib, fit.fits_mib, fit.too_much_mib), (600, 512, 4096));
        assert_eq!(fits(&[cell()], PageSize::Large, 0)[0].free_mib, 1624);
        assert_eq!(fits(&[cell()], PageSize::Kib(16 << 20), 0)[0].fits_mib, 0);
    }
}
