//! `pci`: devices of the host in guests. Runs where hardware is; the assertion itself is
//! proven on recorded and hand-written facts.

use super::small;
use crate::cpuset::Cpuset;
use crate::error::Result;
use crate::flavor::PciNumaPolicy;
use crate::host::{PciAddress, PciDevice};
use crate::libvirt::{Domain, HostdevSource};
use crate::testing::{Case, Check, Claims, Control, Need, Seen, Test};

/// PCI functions of the host that a domain has: passed through, or as a network card.
fn functions(domain: &Domain) -> Vec<PciAddress> {
    let passed = domain.devices.hostdevs.iter().filter_map(|device| match &device.source {
        HostdevSource::Pci(address) => Some(*address),
        _ => None,
    });
    passed.chain(domain.devices.interfaces.iter().filter_map(|card| card.host_pci)).collect()
}

/// The guest has so many functions, each of them one the host has and lets vfio drive.
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

const NO_ALIAS: &str = "no `[pci]alias` could be read as JSON";

/// A host that has an alias, and the alias' name.
fn first_alias(t: &Test) -> Option<(String, String)> {
    t.inventory.hosts.iter().find_map(|host| {
        let alias: serde_json::Value = serde_json::from_str(host.pci_aliases.first()?).ok()?;
        Some((host.name.clone(), alias.get("name")?.as_str()?.to_string()))
    })
}

async fn alias(t: &mut Test) -> Result<()> {
    let Some((host, name)) = first_alias(t) else { return t.skip(NO_ALIAS) };
    t.step(format!("ask for one device of alias `{name}`, which {host} has"));
    let mut guest = t.boot(small(1, 96).pci(name, 1)).await?;
    let seen = t.look(&mut guest).await?;
    let one = |seen: &Seen| has_functions(seen.domain(), &seen.facts.pci, 1);
    let none = Control::new("no device", |seen: Seen| {
        seen.with_xml(|xml| xml.replace("<hostdev ", "<other ").replace("</hostdev>", "</other>"))
    });
    t.assert(&seen, one, &[none]);
    Ok(())
}

/// Whether a guest's CPUs are in the cell of its device.
fn in_cell_of_device(domain: &Domain, devices: &[PciDevice], cpus_of: impl Fn(u32) -> Cpuset) -> Vec<Check> {
    let pins = domain.pinned_cpus();
    functions(domain)
        .into_iter()
        .map(|address| {
            let cell = devices.iter().find(|device| device.address == address).and_then(|device| device.cell);
            let cpus = cell.map(&cpus_of).unwrap_or_default();
            let place = cell.map_or("no cell".to_string(), |cell| format!("cell {cell}"));
            Check::that(
                format!("CPUs of the guest, whose device {address} is in {place}"),
                !pins.is_empty() && pins.is_subset(&cpus),
                pins.to_string(),
                format!("of that cell: {cpus}"),
            )
            .from("domain XML, <vcpupin>; /sys/bus/pci/devices/ADDRESS/numa_node")
        })
        .collect()
}

async fn numa_affinity(t: &mut Test) -> Result<()> {
    let Some((_, name)) = first_alias(t) else { return t.skip(NO_ALIAS) };
    let spec = small(1, 96).pinned().pci(name, 1).pci_numa_policy(PciNumaPolicy::Required);
    let mut guest = t.boot(spec).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(
        &seen,
        |seen| {
            in_cell_of_device(seen.domain(), &seen.facts.pci, |cell| {
                seen.facts.cell(cell).map(|cell| cell.cpus.clone()).unwrap_or_default()
            })
        },
        &[Control::new("not pinned", |seen: Seen| seen.without_xml_lines("<vcpupin "))],
    );
    Ok(())
}

pub(super) const CASES: &[Case] = &[
    Case::new(
        "pci.PCIPassthroughTest.test_alias",
        "A device asked for by its alias is in the guest.\n\
         Steps: boot with pci_passthrough:alias; compare the domain's device with the host's.\n\
         Proves: one function, which vfio drives on the host.",
        |t| Box::pin(alias(t)),
    )
    .needs(&[Need::PciAlias, Need::PciDevices])
    .tags(&["pci", "hardware"]),
    Case::new(
        "pci.SRIOVTest.test_numa_affinity_required",
        "A virtual function and its guest's CPUs are in one cell.\n\
         Steps: a pinned guest with hw:pci_numa_affinity_policy=required; compare cells.\n\
         Proves: the CPUs are those of the device's cell.",
        |t| Box::pin(numa_affinity(t)),
    )
    .needs(&[Need::Sriov, Need::PciAlias, Need::Cells(2), Need::DedicatedCpus(1)])
    .claims(Claims::ONE_GUEST.dedicated(1))
    .tags(&["pci", "numa", "hardware"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    /// Written by hand after libvirt's documents (tests/data/README.md).
    const XML: &str = include_str!("../../tests/data/domain/by-hand-two-cells.xml");

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
        assert!(!holds(far, 1) && !holds(near, 0), "CPUs of the other cell");
        // There the function that vfio drives is the second card's first one.
        assert!(has_functions(&guest_with(near, 1), &devices, 1).iter().all(|check| check.holds));
        assert!(has_functions(&guest_with(far, 0), &devices, 1).iter().any(|check| !check.holds));
    }
}
