//! The rule about what a server's own flavor asks for and its domain does not have.

use super::threads::guest as subject;
use super::{Judge, Proof, Rule};
use crate::findings::{Finding, GuestSnapshot, Layer, Severity};
use crate::libvirt::Domain;

/// The flavor is the one inside the server, as it was when the server was made or resized. Image
/// properties are not looked at: where an image says the same, it says no other.
fn not_as_ordered(guest: &GuestSnapshot) -> Vec<Finding> {
    let Some(domain) = guest.domain.as_ref().map(|found| &found.domain) else { return Vec::new() };
    if guest.server.status == "ERROR" || !guest.has_place() {
        return Vec::new();
    }
    let flavor = &guest.server.flavor;
    let mut wrong: Vec<(String, String)> = Vec::new();
    if flavor.vcpus > 0 && domain.vcpus.count != flavor.vcpus {
        wrong.push((format!("{} vCPUs", flavor.vcpus), format!("{} vCPUs", domain.vcpus.count)));
    }
    if flavor.ram_mib > 0 && domain.memory_kib != flavor.ram_mib << 10 {
        wrong.push((format!("{} MiB", flavor.ram_mib), format!("{} MiB", domain.memory_kib >> 10)));
    }
    for (key, value) in &flavor.extra_specs {
        if let Some(has) = lacks(domain, key, value) {
            wrong.push((format!("{key}={value}"), has));
        }
    }
    if wrong.is_empty() {
        return Vec::new();
    }
    let said: Vec<String> = wrong.iter().map(|(asked, has)| format!("{asked} (it has {has})")).collect();
    let mut found =
        Finding::about(subject(guest), format!("its flavor asks for {}", said.join("; "))).on(guest.host());
    for (asked, has) in wrong {
        found = found
            .saw(
                Layer::Nova,
                format!("flavor `{}`: {asked}", flavor.name),
                format!("GET /servers/{}", guest.server.id),
            )
            .saw(Layer::Libvirt, has, "domain XML");
    }
    vec![
        found
            .advice("someone redefined the domain, or a start failed halfway: a hard reboot by Nova writes it again as it was ordered")
            .command(format!("{}# virsh dumpxml {}", guest.host(), guest.domain_name())),
    ]
}

/// What the domain has instead; `None` when it has what is asked for, and for keys that leave no mark in it.
fn lacks(domain: &Domain, key: &str, value: &str) -> Option<String> {
    let unless = |is_so: bool, instead: &str| (!is_so).then(|| instead.to_string());
    let is_on = || matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "1" | "on");
    match (key, value) {
        ("hw:cpu_policy", "dedicated") => {
            let is_pinned = (0..domain.vcpus.count)
                .all(|vcpu| domain.cputune.vcpu_pins.get(&vcpu).is_some_and(|cpus| cpus.len() == 1));
            unless(is_pinned, "vCPUs that are not pinned to one CPU each")
        }
        ("hw:emulator_threads_policy", "isolate") => {
            unless(domain.cputune.emulator_pin.is_some(), "no <emulatorpin>")
        }
        ("hw:mem_page_size", "any") => None,
        ("hw:mem_page_size", "small") => unless(!domain.has_huge_pages(), "huge pages"),
        ("hw:mem_page_size", size) => {
            let has = (0..domain.cells().len().max(1) as u32)
                .map(|cell| domain.memory_backing.huge_page_kib(cell))
                .collect::<Option<Vec<u64>>>();
            match (page_kib(size), has) {
                (_, None) if !domain.has_huge_pages() => {
                    // A size that is the small pages' own needs none.
                    unless(page_kib(size).is_some_and(|kib| kib < 64), "small pages")
                }
                (Some(asked), Some(has)) => {
                    has.iter().find(|kib| **kib != asked).map(|kib| format!("pages of {kib} KiB"))
                }
                _ => None,
            }
        }
        ("hw:numa_nodes", count) => {
            let count: usize = count.parse().ok()?;
            unless(domain.cells().len() == count, &format!("{} NUMA nodes", domain.cells().len()))
        }
        ("hw:watchdog_action", action) if action != "disabled" => {
            unless(domain.devices.watchdog.is_some(), "no <watchdog>")
        }
        ("hw:viommu_model", _) => unless(domain.devices.iommu.is_some(), "no <iommu>"),
        ("hw:tpm_version", _) => unless(domain.devices.tpm.is_some(), "no <tpm>"),
        ("hw:pmu", _) => unless(domain.features.pmu == Some(is_on()), "another <pmu>"),
        ("hw:hide_hypervisor_id", _) if is_on() => {
            unless(domain.features.kvm_hidden || domain.kind == "qemu", "no <kvm><hidden>")
        }
        _ => None,
    }
}

/// "2MB", "2M", "2048", "1GB" in KiB; `None` for "large".
fn page_kib(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_uppercase();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().ok()?;
    match text[digits.len()..].trim() {
        "" | "K" | "KB" | "KIB" => Some(number),
        "M" | "MB" | "MIB" => Some(number << 10),
        "G" | "GB" | "GIB" => Some(number << 20),
        _ => None,
    }
}

pub(super) const RULES: &[Rule] = &[Rule {
    name: "not-as-ordered",
    severity: Severity::Error,
    about: "The domain lacks what the server's own flavor asks for: CPUs, memory, pinning, pages, NUMA nodes, devices",
    source: "LP 2078999, LP 1763766",
    proof: Proof::Lab,
    layers: &[Layer::Nova, Layer::Libvirt],
    judge: Judge::Guest(not_as_ordered),
}];

#[cfg(test)]
mod tests {
    use super::page_kib;

    #[test]
    fn sizes_of_pages_as_flavors_write_them() {
        let sizes = ["2MB", "2048", "1GB", "1G", "4KB", "large"].map(page_kib);
        assert_eq!(sizes, [Some(2048), Some(2048), Some(1 << 20), Some(1 << 20), Some(4), None]);
    }
}
