//! `<memoryBacking>`: huge pages, locking, where the memory lies.

use roxmltree::Node;
use serde::Serialize;

use super::element::{Flaw, child, child_attr, children, cpuset_attr, needed_number_attr, size_kib};
use crate::cpuset::Cpuset;

/// `<memoryBacking>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MemoryBacking {
    /// `<hugepages>`; `None` when the guest has small pages.
    pub huge_pages: Option<Vec<HugePages>>,
    /// `<locked/>`: the memory cannot be swapped out.
    pub locked: bool,
    /// `<nosharepages/>`: the host does not merge its pages.
    pub no_share_pages: bool,
    /// `<source type=…>`: `file`, `anonymous` or `memfd`.
    pub source: Option<String>,
    /// `<access mode=…>`: `shared` or `private`.
    pub access: Option<String>,
    /// `<allocation mode=…>`: `immediate` or `ondemand`.
    pub allocation: Option<String>,
    /// `<discard/>`: the memory's content is thrown away at the end.
    pub discard: bool,
}

/// `<page>` in `<hugepages>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HugePages {
    /// The size of a page in KiB; `None` when the host's default is meant.
    pub size_kib: Option<u64>,
    /// The guest cells it is for; `None` for all.
    pub guest_cells: Option<Cpuset>,
}

impl MemoryBacking {
    pub(super) fn read(node: Node<'_, '_>) -> Result<MemoryBacking, Flaw> {
        let huge_pages = child(node, "hugepages").map(huge_pages).transpose()?;
        Ok(MemoryBacking {
            huge_pages,
            locked: child(node, "locked").is_some(),
            no_share_pages: child(node, "nosharepages").is_some(),
            source: child_attr(node, "source", "type"),
            access: child_attr(node, "access", "mode"),
            allocation: child_attr(node, "allocation", "mode"),
            discard: child(node, "discard").is_some(),
        })
    }

    /// The size in KiB of the huge pages behind a guest cell, when it has some of a named size.
    pub fn huge_page_kib(&self, guest_cell: u32) -> Option<u64> {
        let pages = self.huge_pages.as_ref()?;
        // The one without a nodeset is for the cells that no other names, wherever it stands.
        let named =
            pages.iter().find(|page| page.guest_cells.as_ref().is_some_and(|of| of.contains(guest_cell)));
        named.or_else(|| pages.iter().find(|page| page.guest_cells.is_none())).and_then(|page| page.size_kib)
    }
}

fn huge_pages(node: Node<'_, '_>) -> Result<Vec<HugePages>, Flaw> {
    let mut pages = Vec::new();
    for page in children(node, "page") {
        let size: u64 = needed_number_attr(page, "size")?;
        pages.push(HugePages {
            size_kib: Some(size_kib(page, size, page.attribute("unit"))?),
            guest_cells: cpuset_attr(page, "nodeset")?,
        });
    }
    if pages.is_empty() {
        pages.push(HugePages { size_kib: None, guest_cells: None });
    }
    Ok(pages)
}
