//! Who is where on a host: NUMA nodes, cores with their threads, pages, devices, and the guests whose
//! threads may run there, as data ([`HostPicture`]), as text ([`lines`]) and as a page ([`html`]).
//!
//! A picture is a pure function of facts ([`HostPicture::of`]); affinities are the kernel's.

mod draw;
mod html;
mod look;
mod of_facts;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;

pub use self::draw::{Drawing, Piece, TextLine, Tone, lines};
pub use self::html::{fragment, html};
pub use self::look::{Seen, Topology};
pub use self::of_facts::HostFacts;
use crate::cpuset::Cpuset;
use crate::host::PagePool;

/// A host with the guests on it, at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HostPicture {
    /// The host, as Nova or smog.yml names it.
    pub host: String,
    /// When it was looked at.
    pub at: Timestamp,
    /// Sockets with an online CPU.
    pub sockets: usize,
    /// How many of the NUMA nodes that libvirt knows are made up in smog's lab; 0 on any other host.
    pub simulated_nodes: u32,
    /// The kernel's NUMA nodes, by number.
    pub nodes: Vec<NodePicture>,
    /// CPUs that are not online (`/sys/devices/system/cpu/offline`).
    pub offline: Cpuset,
    /// Devices whose NUMA node the firmware does not say.
    pub devices: Vec<DevicePicture>,
    /// The guests, by name.
    pub guests: Vec<GuestPicture>,
    /// What could not be read, a sentence each.
    pub unknown: Vec<String>,
}

/// A NUMA node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodePicture {
    /// Its number.
    pub id: u32,
    /// Its memory in KiB.
    pub memory_kib: u64,
    /// What is in no use at all, in KiB.
    pub free_kib: u64,
    /// Its huge pages, by size.
    pub pages: Vec<PagePool>,
    /// Its cores, by their lowest CPU.
    pub cores: Vec<CorePicture>,
    /// Devices that are nearest to it.
    pub devices: Vec<DevicePicture>,
}

/// A core with its threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CorePicture {
    /// The socket it is in.
    pub socket: Option<u32>,
    /// Its online threads: CPUs that are siblings of each other.
    pub cpus: Vec<CpuPicture>,
}

/// A CPU as the kernel counts them: a thread of a core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CpuPicture {
    /// Its number.
    pub id: u32,
    /// What Nova may use it for.
    pub role: CpuRole,
    /// It is taken from the kernel's scheduler (`isolcpus=`).
    pub isolated: bool,
    /// The guests whose vCPUs may run on it.
    pub guests: Vec<Sitting>,
}

/// What Nova may use a CPU for, by `[compute]cpu_dedicated_set` and `cpu_shared_set`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CpuRole {
    /// For vCPUs that have a CPU of their own.
    Dedicated,
    /// For vCPUs that float.
    Shared,
    /// For no guest.
    Host,
    /// The configuration could not be read.
    Unknown,
}

impl CpuRole {
    /// "dedicated", "shared", "host", "unknown".
    pub fn word(self) -> &'static str {
        match self {
            CpuRole::Dedicated => "dedicated",
            CpuRole::Shared => "shared",
            CpuRole::Host => "host",
            CpuRole::Unknown => "unknown",
        }
    }
}

/// vCPUs of a guest that may run on a CPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sitting {
    /// Which of [`HostPicture::guests`].
    pub guest: usize,
    /// The vCPUs.
    pub vcpus: Cpuset,
}

/// A guest on a host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GuestPicture {
    /// What stands for it in the picture: "a".
    pub letter: String,
    /// The server's name, as Nova wrote it into the domain; else the domain's.
    pub name: String,
    /// The server's id.
    pub id: String,
    /// libvirt's name of it.
    pub domain: String,
    /// libvirt's state: "running".
    pub state: String,
    /// Its memory in KiB.
    pub memory_kib: u64,
    /// How much of it is in huge pages, in KiB.
    pub huge_kib: u64,
    /// The CPUs each vCPU's thread may run on, by vCPU; empty without a process.
    pub vcpus: Vec<Cpuset>,
    /// The CPUs of its emulator thread.
    pub emulator: Option<Cpuset>,
    /// NUMA nodes its threads may take memory from.
    pub memory_nodes: Cpuset,
}

impl GuestPicture {
    /// Whether every vCPU has one CPU, and no two the same.
    pub fn is_pinned(&self) -> bool {
        let all: Cpuset = self.vcpus.iter().filter_map(Cpuset::first).collect();
        !self.vcpus.is_empty()
            && self.vcpus.iter().all(|cpus| cpus.len() == 1)
            && all.len() == self.vcpus.len()
    }
}

/// A device near a NUMA node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DevicePicture {
    /// Its PCI address.
    pub address: String,
    /// "network", "NVMe", "GPU", "accelerator".
    pub kind: String,
    /// Its driver.
    pub driver: Option<String>,
    /// Virtual functions it has, and can have.
    pub functions: Option<(u32, u32)>,
}

impl std::fmt::Display for DevicePicture {
    /// "0000:3b:00.0 network (ixgbe, 2 of 63 VFs)"
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let functions = self.functions.map(|(has, most)| format!("{has} of {most} VFs"));
        let words: Vec<String> = self.driver.iter().cloned().chain(functions).collect();
        match words.is_empty() {
            true => write!(f, "{} {}", self.address, self.kind),
            false => write!(f, "{} {} ({})", self.address, self.kind, words.join(", ")),
        }
    }
}
