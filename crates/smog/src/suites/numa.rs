//! `numa`: guest NUMA nodes, huge pages, pinning, vCPU topology.

mod large_pages;
mod pinning;
mod power;
mod topology;
mod vcpu_topology;

use super::small;
use crate::testing::Case;

/// The cases, class after class.
pub(super) fn cases() -> impl Iterator<Item = Case> {
    let tables = [topology::CASES, large_pages::CASES, pinning::CASES, power::CASES, vcpu_topology::CASES];
    tables.into_iter().flatten().copied()
}
