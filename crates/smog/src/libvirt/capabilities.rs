//! `virsh capabilities`: what libvirt knows of the host.

use roxmltree::Node;
use serde::Serialize;

use super::CpuTopology;
use super::cpu::topology;
use super::element::{
    Flaw, attr, child, child_text, children, cpuset_attr, descend, needed_number_attr, number_attr,
    number_text, read, size_kib, size_text_kib, text,
};
use crate::cpuset::Cpuset;
use crate::error::Result;

/// `<capabilities>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    #[serde(skip)]
    xml: String,
    /// `<host><uuid>`: must differ between the hosts of a cloud, or nothing migrates.
    pub host_uuid: Option<String>,
    /// `<host><cpu>`.
    pub cpu: HostCpu,
    /// `<iommu support=…>`.
    pub iommu: Option<bool>,
    /// `<topology><cells>`: the host's NUMA nodes.
    pub cells: Vec<CapabilitiesCell>,
    /// `<guest>`: what can be run, by architecture.
    pub guests: Vec<GuestMachines>,
}

/// `<host><cpu>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HostCpu {
    /// `x86_64`.
    pub arch: Option<String>,
    /// The nearest model libvirt knows: `Cascadelake-Server-noTSX`.
    pub model: Option<String>,
    /// `Intel`, `AMD`.
    pub vendor: Option<String>,
    /// Sockets (of each cell), cores and threads.
    pub topology: Option<CpuTopology>,
    /// Flags beyond the model's.
    pub features: Vec<String>,
    /// The page sizes the CPU has, in KiB.
    pub page_sizes_kib: Vec<u64>,
}

/// `<cell>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CapabilitiesCell {
    /// Its number.
    pub id: u32,
    /// Its memory in KiB.
    pub memory_kib: u64,
    /// Pages by size in KiB: `(2048, 1024)` is 1024 pages of 2 MiB. Totals, not what is free.
    pub pages: Vec<(u64, u64)>,
    /// Distances to all cells: `(cell, distance)`.
    pub distances: Vec<(u32, u32)>,
    /// Its CPUs.
    pub cpus: Vec<CapabilitiesCpu>,
}

/// `<cpu>` of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CapabilitiesCpu {
    /// Its number.
    pub id: u32,
    /// Its socket; `None` while it is offline.
    pub socket: Option<u32>,
    /// Its die in the socket.
    pub die: Option<u32>,
    /// Its core in the die.
    pub core: Option<u32>,
    /// The threads of its core, itself included.
    pub siblings: Cpuset,
}

/// `<guest>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuestMachines {
    /// `x86_64`.
    pub arch: String,
    /// The path of QEMU.
    pub emulator: Option<String>,
    /// Machine types: `pc-q35-10.0`, and their aliases such as `q35`.
    pub machines: Vec<String>,
    /// `qemu`, and `kvm` where it is possible.
    pub kinds: Vec<String>,
}

impl Capabilities {
    /// Read what `virsh capabilities` printed.
    ///
    /// # Errors
    /// [`Error::Parse`](crate::Error::Parse) with line and column.
    pub fn parse(xml: impl Into<String>, source_of: &str) -> Result<Capabilities> {
        let xml = xml.into();
        let capabilities = read("capabilities XML", source_of, &xml, "capabilities", capabilities)?;
        Ok(Capabilities { xml, ..capabilities })
    }

    /// The text it was read from, byte for byte.
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// Whether guests of the host's architecture can run with KVM.
    pub fn has_kvm(&self) -> bool {
        let own = |guest: &&GuestMachines| Some(&guest.arch) == self.cpu.arch.as_ref();
        self.guests.iter().filter(own).any(|guest| guest.kinds.iter().any(|kind| kind == "kvm"))
    }
}

impl CapabilitiesCell {
    /// All its CPUs as a set.
    pub fn cpuset(&self) -> Cpuset {
        self.cpus.iter().map(|cpu| cpu.id).collect()
    }
}

fn capabilities(node: Node<'_, '_>) -> std::result::Result<Capabilities, Flaw> {
    let host = child(node, "host").ok_or_else(|| Flaw::new(node, "<capabilities> lacks <host>"))?;
    let mut cells = Vec::new();
    if let Some(list) = descend(host, &["topology", "cells"]) {
        for node in children(list, "cell") {
            cells.push(cell(node)?);
        }
    }
    Ok(Capabilities {
        xml: String::new(),
        host_uuid: child_text(host, "uuid"),
        cpu: child(host, "cpu").map(cpu).transpose()?.unwrap_or_default(),
        iommu: child(host, "iommu").map(|iommu| iommu.attribute("support") == Some("yes")),
        cells,
        guests: children(node, "guest").filter_map(guest).collect(),
    })
}

fn cpu(node: Node<'_, '_>) -> std::result::Result<HostCpu, Flaw> {
    let mut page_sizes_kib = Vec::new();
    for pages in children(node, "pages") {
        let size = needed_number_attr(pages, "size")?;
        page_sizes_kib.push(size_kib(pages, size, pages.attribute("unit"))?);
    }
    Ok(HostCpu {
        arch: child_text(node, "arch"),
        model: child_text(node, "model"),
        vendor: child_text(node, "vendor"),
        topology: child(node, "topology").map(topology).transpose()?,
        features: children(node, "feature").filter_map(|feature| attr(feature, "name")).collect(),
        page_sizes_kib,
    })
}

fn cell(node: Node<'_, '_>) -> std::result::Result<CapabilitiesCell, Flaw> {
    let (mut pages, mut distances, mut cpus) = (Vec::new(), Vec::new(), Vec::new());
    for page in children(node, "pages") {
        let size = needed_number_attr(page, "size")?;
        pages.push((size_kib(page, size, page.attribute("unit"))?, number_text(page)?.unwrap_or(0)));
    }
    for sibling in child(node, "distances").into_iter().flat_map(|list| children(list, "sibling")) {
        distances.push((needed_number_attr(sibling, "id")?, needed_number_attr(sibling, "value")?));
    }
    for cpu in child(node, "cpus").into_iter().flat_map(|list| children(list, "cpu")) {
        let id = needed_number_attr(cpu, "id")?;
        cpus.push(CapabilitiesCpu {
            id,
            socket: number_attr(cpu, "socket_id")?,
            die: number_attr(cpu, "die_id")?,
            core: number_attr(cpu, "core_id")?,
            siblings: cpuset_attr(cpu, "siblings")?.unwrap_or_else(|| Cpuset::from([id])),
        });
    }
    Ok(CapabilitiesCell {
        id: needed_number_attr(node, "id")?,
        memory_kib: child(node, "memory").map(size_text_kib).transpose()?.unwrap_or(0),
        pages,
        distances,
        cpus,
    })
}

fn guest(node: Node<'_, '_>) -> Option<GuestMachines> {
    let arch = child(node, "arch")?;
    let kinds = children(arch, "domain").filter_map(|kind| attr(kind, "type")).collect();
    let mut machines: Vec<String> = Vec::new();
    for machine in arch.descendants().filter(|node| node.has_tag_name("machine")).filter_map(text) {
        if !machines.contains(&machine) {
            machines.push(machine);
        }
    }
    Some(GuestMachines { arch: attr(arch, "name")?, emulator: child_text(arch, "emulator"), machines, kinds })
}
