//! `pci`: devices of the host in guests. Runs where hardware is; its assertions are
//! proven on recorded and hand-written facts.

use super::small;
use crate::error::Result;
use crate::findings::expected::{NO_PCI_FUNCTION, NOT_NEAR_DEVICE, cpus_near_device, has_pci_functions};
use crate::flavor::PciNumaPolicy;
use crate::testing::{Case, Claims, Need, Test};

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
    t.assert(&seen, |seen| has_pci_functions(seen, 1), NO_PCI_FUNCTION);
    Ok(())
}

async fn numa_affinity(t: &mut Test) -> Result<()> {
    let Some((_, name)) = first_alias(t) else { return t.skip(NO_ALIAS) };
    let spec = small(1, 96).pinned().pci(name, 1).pci_numa_policy(PciNumaPolicy::Required);
    let mut guest = t.boot(spec).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, cpus_near_device, NOT_NEAR_DEVICE);
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
        "A virtual function and its guest's CPUs are in one NUMA node.\n\
         Steps: a pinned guest with hw:pci_numa_affinity_policy=required; compare NUMA nodes.\n\
         Proves: the CPUs are those of the device's NUMA node.",
        |t| Box::pin(numa_affinity(t)),
    )
    .needs(&[Need::Sriov, Need::PciAlias, Need::Cells(2), Need::DedicatedCpus(1)])
    .claims(Claims::ONE_GUEST.dedicated(1))
    .tags(&["pci", "numa", "hardware"]),
];
