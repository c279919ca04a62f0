//! PCI devices of a host, from `/sys/bus/pci/devices`: what SR-IOV and passthrough need to know.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::host::PciAddress;
use crate::host::dump::Dump;

/// One PCI function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PciDevice {
    /// Its address.
    pub address: PciAddress,
    /// Four hexadecimal digits, as Nova's `vendor_id` wants them: `8086`.
    pub vendor_id: String,
    /// Four hexadecimal digits, as Nova's `product_id` wants them: `10ed`.
    pub product_id: String,
    /// Class, subclass and interface, six hexadecimal digits: `020000` is Ethernet.
    pub class: String,
    /// The driver that has it: `ixgbe`, `vfio-pci`.
    pub driver: Option<String>,
    /// Its NUMA node; `None` when the firmware does not say (-1).
    pub cell: Option<u32>,
    /// Its IOMMU group; `None` without an IOMMU.
    pub iommu_group: Option<u32>,
    /// SR-IOV, when it is a physical function that has it.
    pub sriov: Option<Sriov>,
    /// The physical function it belongs to, when it is a virtual one.
    pub parent: Option<PciAddress>,
}

/// The virtual functions of a physical one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sriov {
    /// `sriov_totalvfs`: how many it can have.
    pub total: u32,
    /// `sriov_numvfs`: how many it has.
    pub enabled: u32,
    /// Their addresses, by their number.
    pub functions: Vec<PciAddress>,
}

const DEVICES: &str = "/sys/bus/pci/devices";

/// The files [`devices`] reads, for a shell.
pub(super) const FILES: &str = "/sys/bus/pci/devices/*/vendor /sys/bus/pci/devices/*/device \
    /sys/bus/pci/devices/*/class /sys/bus/pci/devices/*/numa_node /sys/bus/pci/devices/*/sriov_totalvfs \
    /sys/bus/pci/devices/*/sriov_numvfs";

/// A script that prints the links [`devices`] reads: `PATH TARGET`.
pub(super) const LINKS: &str = "find /sys/bus/pci/devices/*/ -maxdepth 1 -type l \\( -name driver -o -name physfn \
    -o -name iommu_group -o -name 'virtfn*' \\) -printf '%p %l\\n' 2>/dev/null || true";

/// The devices, by address.
pub(super) fn devices(dump: &Dump, links: &str) -> Vec<PciDevice> {
    // Both names are the last part of their path: of the link, and of what it points to.
    let links: BTreeMap<String, &str> = links
        .lines()
        .filter_map(|line| {
            let (path, target) = line.split_once(' ')?;
            Some((path.replace("//", "/"), target.rsplit('/').next()?))
        })
        .collect();
    let mut devices: Vec<PciDevice> =
        dump.names(DEVICES, "").into_iter().filter_map(|name| device(dump, &links, name)).collect();
    devices.sort_by_key(|device| device.address);
    devices
}

fn device(dump: &Dump, links: &BTreeMap<String, &str>, name: &str) -> Option<PciDevice> {
    let folder = format!("{DEVICES}/{name}");
    let hex =
        |file: &str| Some(dump.get(&format!("{folder}/{file}"))?.trim().trim_start_matches("0x").to_string());
    let link = |name: &str| links.get(&format!("{folder}/{name}")).copied();
    let total = dump.number(&format!("{folder}/sriov_totalvfs"));
    let sriov = total.filter(|total| *total > 0).map(|total| {
        let prefix = format!("{folder}/virtfn");
        let mut functions: Vec<(u32, PciAddress)> = links
            .range(prefix.clone()..)
            .take_while(|(path, _)| path.starts_with(&prefix))
            .filter_map(|(path, target)| Some((path[prefix.len()..].parse().ok()?, target.parse().ok()?)))
            .collect();
        functions.sort_unstable();
        Sriov {
            total,
            enabled: dump.number(&format!("{folder}/sriov_numvfs")).unwrap_or(0),
            functions: functions.into_iter().map(|(_, address)| address).collect(),
        }
    });
    Some(PciDevice {
        address: name.parse().ok()?,
        vendor_id: hex("vendor")?,
        product_id: hex("device")?,
        class: hex("class").unwrap_or_default(),
        driver: link("driver").map(str::to_string),
        // -1, which is not a u32, stands for "not known".
        cell: dump.number(&format!("{folder}/numa_node")),
        iommu_group: link("iommu_group").and_then(|group| group.parse().ok()),
        sriov,
        parent: link("physfn").and_then(|parent| parent.parse().ok()),
    })
}

/// The devices of a machine that QEMU's emulated SR-IOV cards were in (tests/data/README.md).
#[cfg(test)]
pub(crate) fn recorded_igb() -> Vec<PciDevice> {
    let dump = Dump::parse(include_str!("../../tests/data/host/igb-two-cells.dump"));
    devices(&dump, include_str!("../../tests/data/host/igb-two-cells.links"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_cards_and_their_functions() {
        let devices = recorded_igb();
        let of = |address: &str| {
            let address: PciAddress = address.parse().expect("an address");
            devices.iter().find(|device| device.address == address).expect("a device")
        };
        let card = of("0000:81:00.0");
        assert_eq!((card.vendor_id.as_str(), card.product_id.as_str(), card.cell), ("8086", "10c9", Some(1)));
        let sriov = card.sriov.as_ref().expect("SR-IOV");
        assert_eq!((sriov.total, sriov.enabled), (7, 2));
        assert_eq!(sriov.functions, [of("0000:81:10.0").address, of("0000:81:10.2").address]);
        let function = of("0000:81:10.0");
        assert_eq!((function.parent, function.driver.as_deref()), (Some(card.address), Some("vfio-pci")));
        assert_eq!((function.cell, function.iommu_group), (Some(1), Some(10)));
        assert_eq!((of("0000:41:10.2").cell, of("0000:00:1f.2").cell), (Some(0), None));
    }
}
