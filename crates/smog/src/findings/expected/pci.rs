//! PCI devices of the host that a guest has.

use crate::cpuset::Cpuset;
use crate::findings::{Check, Control, Seen};
use crate::host::{PciAddress, PciDevice};
use crate::libvirt::{Domain, HostdevSource};

/// The guest has so many PCI functions, each of them one that its host has and lets vfio drive.
pub fn has_pci_functions(seen: &Seen, count: usize) -> Vec<Check> {
    has_functions(seen.domain(), &seen.facts.pci, count)
}

/// Controls of [`has_pci_functions`].
pub const NO_PCI_FUNCTION: &[Control<Seen>] = &[Control::new("no device", |seen| {
    seen.with_xml(|xml| xml.replace("<hostdev ", "<other ").replace("</hostdev>", "</other>"))
})];

/// The guest is pinned to CPUs of the NUMA node that its PCI functions are in.
pub fn cpus_near_device(seen: &Seen) -> Vec<Check> {
    in_cell_of_device(seen.domain(), &seen.facts.pci, |cell| {
        seen.facts.cell(cell).map(|cell| cell.cpus.clone()).unwrap_or_default()
    })
}

/// Controls of [`cpus_near_device`].
pub const NOT_NEAR_DEVICE: &[Control<Seen>] =
    &[Control::new("not pinned", |seen| seen.without_xml_lines("<vcpupin "))];

/// PCI functions of the host that a domain has: passed through, or as a network interface.
fn functions(domain: &Domain) -> Vec<PciAddress> {
    let passed = domain.devices.hostdevs.iter().filter_map(|device| match &device.source {
        HostdevSource::Pci(address) => Some(*address),
        _ => None,
    });
    passed.chain(domain.devices.interfaces.iter().filter_map(|interface| interface.host_pci)).collect()
}

/// A domain has so many functions, each of them one the host has and lets vfio drive.
fn has_functions(domain: &Domain, host: &[PciDevice], count: usize) -> Vec<Check> {
    let found = functions(domain);
    let mut checks =
        vec![Check::eq("PCI functions of the guest", &found.len(), &count).from("domain XML, <hostdev>")];
    for address in found {
        let device = host.iter().find(|device| device.address == address);
        let driver = device.and_then(|device| device.driver.clone()).unwrap_or_else(|| "none".into());
        checks.push(
            Check::that(format!("driver of {address} on the host"), driver == "vfio-pci", driver, "vfio-pci")
                .from("/sys/bus/pci/devices/ADDRESS/driver"),
        );
    }
    checks
}

/// Whether a domain's CPUs are in the NUMA node of its device.
fn in_cell_of_device(domain: &Domain, devices: &[PciDevice], cpus_of: impl Fn(u32) -> Cpuset) -> Vec<Check> {
    let pins = domain.pinned_cpus();
    functions(domain)
        .into_iter()
        .map(|address| {
            let cell = devices.iter().find(|device| device.address == address).and_then(|device| device.cell);
            let cpus = cell.map(&cpus_of).unwrap_or_default();
            let place = cell.map_or("no NUMA node".to_string(), |cell| format!("NUMA node {cell}"));
            Check::that(
                format!("CPUs of the guest, whose device {address} is in {place}"),
                !pins.is_empty() && pins.is_subset(&cpus),
                pins.to_string(),
                format!("of that NUMA node: {cpus}"),
            )
            .from("domain XML, <vcpupin>; /sys/bus/pci/devices/ADDRESS/numa_node")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    /// Written by hand after libvirt's documents (tests/data/README.md).
    const XML: &str = include_str!("../../../tests/data/domain/by-hand-two-cells.xml");

    fn device(address: PciAddress, driver: &str, cell: u32) -> PciDevice {
        PciDevice {
            address,
            vendor_id: "8086".into(),
            product_id: "10ca".into(),
            class: "020000".into(),
            driver: Some(driver.into()),
            cell: Some(cell),
            iommu_group: Some(1),
            sriov: None,
            parent: None,
        }
    }

    #[test]
    fn functions_are_found_and_must_be_vfio_s() {
        let domain = Domain::parse(XML, "by hand").expect("the hand-written XML");
        let found = functions(&domain);
        assert!(!found.is_empty());
        let good: Vec<PciDevice> = found.iter().map(|address| device(*address, "vfio-pci", 0)).collect();
        assert!(has_functions(&domain, &good, found.len()).iter().all(|check| check.holds));
        let bad: Vec<PciDevice> = found.iter().map(|address| device(*address, "igb", 0)).collect();
        assert!(
            has_functions(&domain, &bad, found.len()).iter().any(|check| !check.holds),
            "the host's own driver"
        );
        assert!(
            has_functions(&domain, &good, found.len() + 1).iter().any(|check| !check.holds),
            "one is missing"
        );
    }

    /// The hand-written guest with one function and one CPU for all of its vCPUs.
    fn guest_with(function: &str, cpu: u32) -> Domain {
        let mut xml = XML.replacen("bus='0x3b' slot='0x02' function='0x1'", function, 1);
        let device = xml.find("<hostdev mode='subsystem' type='pci'").expect("a device passed through");
        let end = xml[device..].find("</hostdev>").expect("its end") + device + "</hostdev>".len();
        xml.replace_range(device..end, "");
        for pin in ["2", "10", "3", "11", "12", "13"] {
            xml = xml.replace(&format!("' cpuset='{pin}'/>"), &format!("' cpuset='{cpu}'/>"));
        }
        Domain::parse(xml, "by hand").expect("the hand-written XML")
    }

    #[test]
    fn a_function_of_a_card_in_another_cell_is_seen() {
        // Recorded: two cards, the one at 41:00.0 in cell 0 (CPU 0), that at 81:00.0 in cell 1 (CPU 1).
        let devices = crate::host::recorded_igb();
        let cpus_of = |cell| [cell].into_iter().collect();
        let holds = |function: &str, cpu| {
            let checks = in_cell_of_device(&guest_with(function, cpu), &devices, cpus_of);
            checks.len() == 1 && checks[0].holds
        };
        let (near, far) = ("bus='0x81' slot='0x10' function='0x0'", "bus='0x41' slot='0x10' function='0x0'");
        assert!(holds(near, 1) && holds(far, 0));
        assert!(!holds(far, 1) && !holds(near, 0), "CPUs of the other NUMA node");
        // There the function that vfio drives is the second card's first one.
        assert!(has_functions(&guest_with(near, 1), &devices, 1).iter().all(|check| check.holds));
        assert!(has_functions(&guest_with(far, 0), &devices, 1).iter().any(|check| !check.holds));
    }
}
