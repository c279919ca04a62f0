//! `numa`: guest NUMA cells, huge pages, pinning, vCPU topology.

mod large_pages;
mod pinning;
mod topology;
mod vcpu_topology;

use crate::flavor::FlavorSpec;
use crate::testing::Case;

/// The cases, class after class.
pub(super) fn cases() -> impl Iterator<Item = Case> {
    let tables = [topology::CASES, large_pages::CASES, pinning::CASES, vcpu_topology::CASES];
    tables.into_iter().flatten().copied()
}

/// A small guest: so many vCPUs and MiB, and no disk of its own.
fn small(vcpus: u32, ram_mib: u64) -> FlavorSpec {
    FlavorSpec::new("").vcpus(vcpus).ram_mib(ram_mib).disk_gib(0)
}
