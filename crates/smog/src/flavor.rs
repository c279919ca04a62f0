//! Flavors in terms of what they mean: NUMA nodes, pages, pinning, topology, devices.
//!
//! [`FlavorSpec`] collects wishes in any order and turns them into Nova's extra
//! specs (or image properties). Wishes that contradict each other are refused
//! here with Nova's rule named, instead of later by a server in ERROR.

mod check;
mod spec;
mod words;

pub use spec::{FlavorSpec, NumaCell, Realtime, Topology};
pub use words::{CpuPolicy, EmulatorThreads, PageSize, PciNumaPolicy, ThreadPolicy, WatchdogAction};
