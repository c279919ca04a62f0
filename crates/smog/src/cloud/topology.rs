//! What Nova itself says of a running server: its NUMA topology and its counters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Call, Cloud, Microversion, Service};
use crate::error::Result;
use crate::show::{self, Column, Show};

/// A server's NUMA topology as Nova placed it (microversion 2.78). Servers without one
/// have no nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerTopology {
    /// The guest's NUMA nodes, in order.
    pub nodes: Vec<TopologyNode>,
    /// The size of its memory pages in KiB; none when it has no say.
    #[serde(rename(deserialize = "pagesize_kb"), default)]
    pub page_size_kib: Option<u64>,
}

/// One NUMA node of a guest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopologyNode {
    /// The host's cell it is on (administrators).
    #[serde(default)]
    pub host_node: Option<u32>,
    /// Its memory in MiB.
    #[serde(rename(deserialize = "memory_mb"))]
    pub memory_mib: u64,
    /// Its vCPUs.
    #[serde(rename(deserialize = "vcpu_set"), default)]
    pub vcpus: Vec<u32>,
    /// Groups of vCPUs that are threads of one core.
    #[serde(default)]
    pub siblings: Vec<Vec<u32>>,
    /// The host's CPU of each pinned vCPU (administrators).
    #[serde(rename(deserialize = "cpu_pinning"), default)]
    pub pinning: BTreeMap<u32, u32>,
}

impl Show for TopologyNode {
    const PLURAL: &'static str = "NUMA nodes";
    const COLUMNS: &'static [Column<TopologyNode>] = &[
        Column::new("vcpus", |node| numbers(&node.vcpus)),
        Column::new("memory", |node| show::kib(node.memory_mib << 10)),
        Column::new("host cell", |node| node.host_node.map(|cell| cell.to_string()).unwrap_or_default()),
        Column::new("pinned to", |node| {
            let pins = node.pinning.iter().map(|(vcpu, cpu)| format!("{vcpu}:{cpu}"));
            pins.collect::<Vec<_>>().join(", ")
        }),
        Column::new("siblings", |node| {
            node.siblings.iter().map(|cores| numbers(cores)).collect::<Vec<_>>().join("; ")
        }),
    ];
}

fn numbers(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// A running server's counters, as its driver has them (microversion 2.48). What the
/// driver does not know is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnostics {
    /// "running", "paused" …
    pub state: String,
    /// "libvirt".
    pub driver: String,
    /// "qemu", "kvm".
    #[serde(default)]
    pub hypervisor: Option<String>,
    /// Since when it runs, in seconds.
    #[serde(rename(deserialize = "uptime"), default)]
    pub uptime_seconds: Option<u64>,
    /// Whether it has a config drive.
    #[serde(default)]
    pub config_drive: bool,
    /// Virtual CPUs.
    #[serde(rename(deserialize = "cpu_details"), default)]
    pub cpus: Vec<CpuDiagnostics>,
    /// Disks.
    #[serde(rename(deserialize = "disk_details"), default)]
    pub disks: Vec<DiskDiagnostics>,
    /// Network cards.
    #[serde(rename(deserialize = "nic_details"), default)]
    pub nics: Vec<NicDiagnostics>,
    /// Memory.
    #[serde(rename(deserialize = "memory_details"), default)]
    pub memory: MemoryDiagnostics,
}

/// One virtual CPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CpuDiagnostics {
    /// Its number.
    #[serde(default)]
    pub id: Option<u32>,
    /// The time it ran, in nanoseconds.
    #[serde(rename(deserialize = "time"), default)]
    pub time_ns: Option<u64>,
}

/// One disk; -1 where the driver does not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiskDiagnostics {
    /// Bytes read.
    #[serde(default)]
    pub read_bytes: Option<i64>,
    /// Reads.
    #[serde(default)]
    pub read_requests: Option<i64>,
    /// Bytes written.
    #[serde(default)]
    pub write_bytes: Option<i64>,
    /// Writes.
    #[serde(default)]
    pub write_requests: Option<i64>,
    /// Errors.
    #[serde(default)]
    pub errors_count: Option<i64>,
}

/// One network card.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NicDiagnostics {
    /// Its MAC address.
    #[serde(rename(deserialize = "mac_address"), default)]
    pub mac: Option<String>,
    /// Bytes received.
    #[serde(rename(deserialize = "rx_octets"), default)]
    pub received_bytes: Option<i64>,
    /// Bytes sent.
    #[serde(rename(deserialize = "tx_octets"), default)]
    pub sent_bytes: Option<i64>,
}

/// Memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MemoryDiagnostics {
    /// What it may use, in MiB.
    #[serde(rename(deserialize = "maximum"), default)]
    pub maximum_mib: Option<u64>,
    /// What it uses, in MiB.
    #[serde(rename(deserialize = "used"), default)]
    pub used_mib: Option<u64>,
}

impl Cloud {
    /// The server's NUMA topology as Nova placed it.
    ///
    /// # Errors
    /// [`Error::TooOld`](crate::Error::TooOld) before microversion 2.78; as [`Cloud::call`].
    pub async fn topology(&self, server_id: &str) -> Result<ServerTopology> {
        self.needs_compute("the topology of a server", Microversion(2, 78)).await?;
        let call = Call::get(Service::Compute, format!("/servers/{server_id}/topology"));
        self.compute(call).await?.read("server topology")
    }

    /// The running server's counters.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 with the reason when it does not run.
    pub async fn diagnostics(&self, server_id: &str) -> Result<Diagnostics> {
        let call = Call::get(Service::Compute, format!("/servers/{server_id}/diagnostics"));
        self.compute(call).await?.read("server diagnostics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_topology() {
        let text = include_str!("../../tests/data/api/topology-pinned-epoxy.json");
        let topology: ServerTopology = serde_json::from_str(text).expect("the recorded topology");
        assert_eq!(topology.page_size_kib, None);
        let node = &topology.nodes[0];
        assert_eq!((node.host_node, node.memory_mib, &node.vcpus[..]), (Some(0), 128, &[0][..]));
        assert_eq!(node.pinning, BTreeMap::from([(0, 1)]));
        // A plain user sees neither pins nor cells.
        let plain: TopologyNode =
            serde_json::from_str(r#"{"vcpu_set": [0, 1], "siblings": [[0, 1]], "memory_mb": 64}"#)
                .expect("a node");
        assert_eq!((plain.host_node, plain.pinning.len()), (None, 0));
    }

    #[test]
    fn recorded_diagnostics() {
        let text = include_str!("../../tests/data/api/diagnostics-epoxy.json");
        let diagnostics: Diagnostics = serde_json::from_str(text).expect("the recorded diagnostics");
        assert_eq!((diagnostics.state.as_str(), diagnostics.cpus.len()), ("running", 1));
        assert_eq!((diagnostics.disks.len(), diagnostics.disks[0].errors_count), (2, Some(-1)));
    }
}
