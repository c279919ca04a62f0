//! What libvirt says of a guest.

use std::collections::{BTreeMap, BTreeSet};

use crate::data::{cpus, cpus_by_number};
use crate::noun::{Noun, noun};

noun! {
    /// A libvirt domain: its XML read into values, the text kept.
    ///
    /// >>> domain.vcpu_pins
    /// {0: {1}}
    Domain of smog::libvirt::Domain,
    line |it| {
        let pins = if it.is_pinned() {
            let all = it.vcpu_pins().values().fold(smog::Cpuset::new(), |all, cpus| all.union(cpus));
            format!(" pinned to {all}")
        } else {
            String::new()
        };
        let cells = match it.cells().len() { 0 => String::new(), count => format!(", {}", smog::show::counted(count as u64, "NUMA node")) };
        let pages = if it.has_huge_pages() { ", huge pages" } else { "" };
        format!("<Domain {} {}, {} vCPU{pins}, {}{cells}{pages}>", it.name, it.kind, it.vcpus.count, smog::show::kib(it.memory_kib))
    },
    str |it| it.name.clone(),
    cells |it| vec![
        ("name", it.name.clone()),
        ("uuid", it.uuid.clone()),
        ("kind", it.kind.clone()),
        ("vcpus", it.vcpus.count.to_string()),
        ("memory", smog::show::kib(it.memory_kib)),
    ];
    /// "instance-0000002a".
    name: String = |it| it.name.clone();
    /// UUID, which is Nova's server id.
    uuid: String = |it| it.uuid.clone();
    /// libvirt's number while it runs.
    id: Option<u32> = |it| it.id;
    /// "kvm" or "qemu".
    kind: String = |it| it.kind.clone();
    /// Memory in KiB.
    memory_kib: u64 = |it| it.memory_kib;
    /// The number of vCPUs.
    vcpus: u32 = |it| it.vcpus.count;
    /// The machine type: "pc-q35-10.0".
    machine: Option<String> = |it| it.os.machine.clone();
    /// The host CPUs each vCPU is declared to run on; a vCPU that may run anywhere is left out.
    vcpu_pins: BTreeMap<u32, BTreeSet<u32>> = |it| cpus_by_number(&it.vcpu_pins());
    /// The host CPUs of QEMU's own threads, where declared.
    emulator_pin: Option<BTreeSet<u32>> = |it| it.cputune.emulator_pin.as_ref().map(cpus);
    /// Whether every vCPU has one host CPU of its own.
    is_pinned: bool = |it| it.is_pinned();
    /// The guest's NUMA nodes: its vCPUs, by cell.
    cells: BTreeMap<u32, BTreeSet<u32>> = |it| it.cells().iter().map(|cell| (cell.id, cpus(&cell.cpus))).collect();
    /// The memory of each NUMA node in KiB.
    cell_memory_kib: BTreeMap<u32, u64> = |it| it.cells().iter().map(|cell| (cell.id, cell.memory_kib)).collect();
    /// Whether its memory is declared to be in huge pages.
    has_huge_pages: bool = |it| it.has_huge_pages();
    /// Sockets, cores of a socket, threads of a core; none when the XML does not say.
    topology: Option<(u32, u32, u32)> = |it| {
        let topology = it.cpu.as_ref().and_then(|cpu| cpu.topology.as_ref());
        topology.map(|topology| (topology.sockets, topology.cores, topology.threads))
    };
    /// `<cpu mode=…>`: "host-model", "host-passthrough", "custom".
    cpu_mode: Option<String> = |it| it.cpu.as_ref().and_then(|cpu| cpu.mode.clone());
    /// The console log on the host that Nova reads.
    console_log: Option<String> = |it| it.console_log().map(str::to_string);
    => {
        /// The XML it was read from, byte for byte.
        fn xml(&self) -> String {
            self.inner.xml().to_string()
        }

        /// Read a domain's XML.
        #[staticmethod]
        fn parse(py: pyo3::Python<'_>, xml: &str) -> pyo3::PyResult<Domain> {
            let domain = smog::libvirt::Domain::parse(xml, "the text given");
            Ok(Domain::alone(domain.map_err(|error| crate::errors::to_py(py, &error))?))
        }
    }
}
