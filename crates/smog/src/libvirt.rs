//! What libvirt says: typed domain XML and capabilities, asked by `virsh` through a host.
//!
//! The types here are read from the XML; the text they were read from stays
//! with them ([`Domain::xml`]), so nothing that smog does not know is lost.

mod capabilities;
mod cpu;
mod daemon;
mod devices;
mod domain;
mod domain_capabilities;
mod edit;
mod element;
mod memory_backing;
mod migration;
mod nova_metadata;
mod power;
mod tuning;
mod virsh;

pub use capabilities::{Capabilities, CapabilitiesCell, CapabilitiesCpu, GuestMachines, HostCpu};
pub use cpu::{Cpu, CpuFeature, CpuTopology, GuestCell};
pub use daemon::{Daemon, Secret};
pub use devices::{
    Devices, Disk, DiskSource, Hostdev, HostdevSource, Interface, Rng, Serial, Tpm, Video, Watchdog,
};
pub use domain::{Clock, Domain, Features, LaunchSecurity, Os, Timer, Vcpus};
pub use domain_capabilities::DomainCapabilities;
pub use edit::{CpuMode, DomainEdit};
pub use memory_backing::{HugePages, MemoryBacking};
pub use nova_metadata::{NovaFlavor, NovaMetadata, NovaOwner, NovaPort};
pub use power::DomainState;
pub use tuning::{CpuTune, MemNode, NumaTune, VcpuSched};
pub(crate) use virsh::NOT_RECORDED;
pub use virsh::{DiskFile, DomainLine, Dump, FullSighting, GuestDevices, HostDomains, Sighting, Tap};
