//! `<devices>` of a domain: those that Nova sets and tests look at.

use roxmltree::Node;
use serde::Serialize;

use super::element::{
    Flaw, attr, child, child_attr, child_text, children, descend, flag_attr, needed_number_attr, number_attr,
};
use crate::host::PciAddress;

/// `<devices>`. What is not typed here is in the domain's XML.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Devices {
    /// `<emulator>`: the path of QEMU.
    pub emulator: Option<String>,
    /// `<disk>`s.
    pub disks: Vec<Disk>,
    /// `<interface>`s.
    pub interfaces: Vec<Interface>,
    /// `<hostdev>`s: devices of the host passed through.
    pub hostdevs: Vec<Hostdev>,
    /// `<serial>` ports; Nova's console log is the first one's.
    pub serials: Vec<Serial>,
    /// `<console>`s. On x86 the first is the first serial port again; on s390x, which has no serial
    /// ports, Nova's console log is the first one's.
    pub consoles: Vec<Serial>,
    /// `<video>` cards.
    pub videos: Vec<Video>,
    /// The first `<watchdog>`.
    pub watchdog: Option<Watchdog>,
    /// All `<watchdog>`s; libvirt allows several since 9.1.
    pub watchdogs: Vec<Watchdog>,
    /// `<rng>`s.
    pub rngs: Vec<Rng>,
    /// The first `<tpm>`.
    pub tpm: Option<Tpm>,
    /// All `<tpm>`s; on ppc64 a `spapr-tpm-proxy` may exist next to another.
    pub tpms: Vec<Tpm>,
    /// `<memballoon model=…>`: `virtio` or `none`.
    pub memballoon: Option<String>,
    /// `<memballoon freePageReporting='on'>`, as Nova sets it from 34 on: the guest gives pages that
    /// it does not use back to the host, huge ones as well.
    pub free_page_reporting: bool,
    /// `<iommu>`: the guest's own IOMMU.
    pub iommu: Option<Iommu>,
}

/// `<disk>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// `disk`, `cdrom`, `floppy` or `lun`.
    pub device: String,
    /// Where its content is.
    pub source: Option<DiskSource>,
    /// The format: `qcow2`, `raw`.
    pub format: Option<String>,
    /// The cache mode: `none`, `writeback` …
    pub cache: Option<String>,
    /// Its name in the guest: `vda`.
    pub target: Option<String>,
    /// The bus: `virtio`, `scsi`, `sata`, `usb`.
    pub bus: Option<String>,
    /// Whether the guest cannot write to it.
    pub read_only: bool,
    /// The volume id Nova writes to `<serial>`.
    pub serial: Option<String>,
}

/// `<source>` of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskSource {
    /// A file of the host.
    File(String),
    /// A block device of the host.
    Block(String),
    /// A network volume: protocol and name, such as `rbd` and `vms/UUID_disk`.
    Network(String, String),
    /// Something else; the kind.
    Other(String),
}

/// `<interface>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// `bridge`, `ethernet`, `vhostuser`, `hostdev`, `direct` …
    pub kind: String,
    /// `<mac address=…>`.
    pub mac: Option<String>,
    /// `<source>`: the bridge, the device, the socket's path, or the network.
    pub source: Option<String>,
    /// `<target dev=…>`: the tap device on the host.
    pub target: Option<String>,
    /// `<model type=…>`: `virtio`.
    pub model: Option<String>,
    /// `<mtu size=…>` in bytes.
    pub mtu: Option<u32>,
    /// `<virtualport><parameters interfaceid=…>`: Neutron's port id, with Open vSwitch.
    pub port_id: Option<String>,
    /// The host's PCI function, for `kind='hostdev'` (SR-IOV).
    pub host_pci: Option<PciAddress>,
    /// `<vlan><tag id=…>` of an SR-IOV port.
    pub vlan: Option<u32>,
    /// `<driver queues=…>`: multiqueue.
    pub queues: Option<u32>,
}

/// `<hostdev>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hostdev {
    /// Whether libvirt binds and unbinds the device itself.
    pub managed: bool,
    /// The device of the host.
    pub source: HostdevSource,
}

/// `<source>` of a hostdev.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HostdevSource {
    /// A PCI function.
    Pci(PciAddress),
    /// A mediated device (vGPU), by its UUID.
    Mdev(String),
    /// Something else; the kind.
    Other(String),
}

/// `<serial>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Serial {
    /// `pty`, `file`, `tcp`, `unix` …
    pub kind: String,
    /// `<source path=…>`: the pty or file.
    pub path: Option<String>,
    /// `<log file=…>`: the console log on the host.
    pub log: Option<String>,
    /// `<source host=… service=…>` of a `tcp` port: address and port number on the host
    /// (Nova's `[serial_console]`).
    pub address: Option<(String, u16)>,
}

/// `<video>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Video {
    /// `virtio`, `qxl`, `vga`, `cirrus`, `none` …
    pub model: String,
    /// Video memory in KiB.
    pub vram_kib: Option<u64>,
}

/// `<iommu>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Iommu {
    /// `intel`, `virtio`, `smmuv3` (Nova's `hw:viommu_model`).
    pub model: String,
    /// `<driver intremap=…>`: whether it remaps interrupts.
    pub intremap: Option<bool>,
}

/// `<watchdog>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Watchdog {
    /// `i6300esb`, `itco` …
    pub model: String,
    /// `reset`, `poweroff`, `pause`, `none` …
    pub action: Option<String>,
}

/// `<rng>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rng {
    /// `virtio`.
    pub model: String,
    /// `<backend>`: `/dev/urandom`.
    pub backend: Option<String>,
    /// `<rate bytes=…>` of each period.
    pub rate_bytes: Option<u64>,
    /// `<rate period=…>` in milliseconds.
    pub rate_period_ms: Option<u64>,
}

/// `<tpm>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tpm {
    /// `tpm-tis`, `tpm-crb`, `tpm-spapr` or `spapr-tpm-proxy`; empty where it is left to libvirt.
    pub model: String,
    /// `<backend type=…>`: `emulator`, `passthrough` or `external`.
    pub backend: Option<String>,
    /// `<backend version=…>`: `1.2` or `2.0`.
    pub version: Option<String>,
}

impl Devices {
    pub(super) fn read(node: Node<'_, '_>) -> Result<Devices, Flaw> {
        let watchdog =
            |node| Watchdog { model: attr(node, "model").unwrap_or_default(), action: attr(node, "action") };
        let watchdogs: Vec<Watchdog> = children(node, "watchdog").map(watchdog).collect();
        let tpm = |node| Tpm {
            model: attr(node, "model").unwrap_or_default(),
            backend: child_attr(node, "backend", "type"),
            version: child_attr(node, "backend", "version"),
        };
        let tpms: Vec<Tpm> = children(node, "tpm").map(tpm).collect();
        let serial = |node| Serial {
            kind: attr(node, "type").unwrap_or_default(),
            path: child_attr(node, "source", "path"),
            log: child_attr(node, "log", "file"),
            address: child(node, "source")
                .and_then(|source| Some((attr(source, "host")?, attr(source, "service")?.parse().ok()?))),
        };
        let iommu = child(node, "iommu").map(|node| Iommu {
            model: attr(node, "model").unwrap_or_default(),
            intremap: child(node, "driver").and_then(|driver| flag_attr(driver, "intremap")),
        });
        Ok(Devices {
            emulator: child_text(node, "emulator"),
            disks: children(node, "disk").map(disk).collect(),
            interfaces: children(node, "interface").map(interface).collect::<Result<_, _>>()?,
            hostdevs: children(node, "hostdev").map(hostdev).collect::<Result<_, _>>()?,
            serials: children(node, "serial").map(serial).collect(),
            consoles: children(node, "console").map(serial).collect(),
            videos: children(node, "video").map(video).collect::<Result<_, _>>()?,
            watchdog: watchdogs.first().cloned(),
            watchdogs,
            rngs: children(node, "rng").map(rng).collect::<Result<_, _>>()?,
            tpm: tpms.first().cloned(),
            tpms,
            memballoon: child_attr(node, "memballoon", "model"),
            free_page_reporting: child_attr(node, "memballoon", "freePageReporting").as_deref() == Some("on"),
            iommu,
        })
    }
}

fn disk(node: Node<'_, '_>) -> Disk {
    let kind = attr(node, "type").unwrap_or_default();
    let source = child(node, "source").map(|source| match kind.as_str() {
        "file" => DiskSource::File(attr(source, "file").unwrap_or_default()),
        "block" => DiskSource::Block(attr(source, "dev").unwrap_or_default()),
        "network" => DiskSource::Network(
            attr(source, "protocol").unwrap_or_default(),
            attr(source, "name").unwrap_or_default(),
        ),
        _ => DiskSource::Other(kind.clone()),
    });
    Disk {
        device: attr(node, "device").unwrap_or_else(|| "disk".to_string()),
        source,
        format: child_attr(node, "driver", "type"),
        cache: child_attr(node, "driver", "cache"),
        target: child_attr(node, "target", "dev"),
        bus: child_attr(node, "target", "bus"),
        read_only: child(node, "readonly").is_some(),
        serial: child_text(node, "serial"),
    }
}

fn interface(node: Node<'_, '_>) -> Result<Interface, Flaw> {
    let source = child(node, "source");
    let names = ["bridge", "dev", "network", "path"];
    let parameters = descend(node, &["virtualport", "parameters"]);
    Ok(Interface {
        kind: attr(node, "type").unwrap_or_default(),
        mac: child_attr(node, "mac", "address"),
        source: source.and_then(|source| names.iter().find_map(|name| attr(source, name))),
        target: child_attr(node, "target", "dev"),
        model: child_attr(node, "model", "type"),
        mtu: child(node, "mtu").map(|mtu| number_attr(mtu, "size")).transpose()?.flatten(),
        port_id: parameters.and_then(|parameters| attr(parameters, "interfaceid")),
        host_pci: source.and_then(|source| child(source, "address")).map(pci_address).transpose()?.flatten(),
        vlan: descend(node, &["vlan", "tag"]).map(|tag| number_attr(tag, "id")).transpose()?.flatten(),
        queues: child(node, "driver").map(|driver| number_attr(driver, "queues")).transpose()?.flatten(),
    })
}

fn hostdev(node: Node<'_, '_>) -> Result<Hostdev, Flaw> {
    let kind = attr(node, "type").unwrap_or_default();
    let address = descend(node, &["source", "address"]);
    let source = match (kind.as_str(), address) {
        ("pci", Some(address)) => match pci_address(address)? {
            Some(address) => HostdevSource::Pci(address),
            None => HostdevSource::Other(kind),
        },
        ("mdev", Some(address)) => HostdevSource::Mdev(attr(address, "uuid").unwrap_or_default()),
        _ => HostdevSource::Other(kind),
    };
    Ok(Hostdev { managed: flag_attr(node, "managed").unwrap_or(false), source })
}

/// `<address domain='0x0000' bus='0x3b' slot='0x02' function='0x1'/>`; nothing when it has no bus.
fn pci_address(node: Node<'_, '_>) -> Result<Option<PciAddress>, Flaw> {
    if node.attribute("bus").is_none() {
        return Ok(None);
    }
    Ok(Some(PciAddress {
        domain: number_attr(node, "domain")?.unwrap_or(0),
        bus: needed_number_attr(node, "bus")?,
        slot: needed_number_attr(node, "slot")?,
        function: number_attr(node, "function")?.unwrap_or(0),
    }))
}

fn video(node: Node<'_, '_>) -> Result<Video, Flaw> {
    let model = child(node, "model");
    Ok(Video {
        model: model.and_then(|model| attr(model, "type")).unwrap_or_default(),
        vram_kib: model.map(|model| number_attr(model, "vram")).transpose()?.flatten(),
    })
}

fn rng(node: Node<'_, '_>) -> Result<Rng, Flaw> {
    let rate = child(node, "rate");
    Ok(Rng {
        model: attr(node, "model").unwrap_or_default(),
        backend: child_text(node, "backend"),
        rate_bytes: rate.map(|rate| number_attr(rate, "bytes")).transpose()?.flatten(),
        rate_period_ms: rate.map(|rate| number_attr(rate, "period")).transpose()?.flatten(),
    })
}
