//! The rule about what a server's own flavor and image ask for and its domain does not have.

use super::threads::guest as subject;
use super::{Judge, Proof, Rule};
use crate::findings::{Finding, GuestSnapshot, Layer, Severity};
use crate::libvirt::Domain;

/// The flavor and the image are those inside the server, as they were when it was made or resized: what
/// became of either since never reaches it. Where Nova does not show the image's properties (before
/// microversion 2.98, and for a server that boots from a volume), only the flavor is looked at.
fn not_as_ordered(guest: &GuestSnapshot) -> Vec<Finding> {
    let Some(domain) = guest.domain.as_ref().map(|found| &found.domain) else { return Vec::new() };
    if guest.server.status == "ERROR" || !guest.has_place() {
        return Vec::new();
    }
    let flavor = &guest.server.flavor;
    let mut wrong: Vec<Wrong> = Vec::new();
    let by_flavor = format!("flavor `{}`", flavor.name);
    let mut push = |by: &str, asked: String, has: String| {
        wrong.push(Wrong { by: by.to_string(), asked, has });
    };
    if flavor.vcpus > 0 && domain.vcpus.count != flavor.vcpus {
        push(&by_flavor, format!("{} vCPUs", flavor.vcpus), format!("{} vCPUs", domain.vcpus.count));
    }
    if flavor.ram_mib > 0 && domain.memory_kib != flavor.ram_mib << 10 {
        push(&by_flavor, format!("{} MiB", flavor.ram_mib), format!("{} MiB", domain.memory_kib >> 10));
    }
    let of_image = asked_by_image(guest);
    for (key, value) in &flavor.extra_specs {
        let overruled = of_image.iter().any(|asked| asked.overrules == Some(key.as_str()));
        if let Some(has) = lacks(domain, key, value).filter(|_| !overruled) {
            push(&by_flavor, format!("{key}={value}"), has);
        }
    }
    for asked in &of_image {
        let has = match asked.as_spec {
            Some(spec) => lacks(domain, spec, asked.value),
            None => lacks_of_image(domain, asked.name, asked.value),
        };
        if let Some(has) = has {
            push("image", format!("{}={}", asked.name, asked.value), has);
        }
    }
    if wrong.is_empty() {
        return Vec::new();
    }
    let said: Vec<String> = wrong.iter().map(|one| format!("{} (it has {})", one.asked, one.has)).collect();
    let is_image = |one: &Wrong| one.by == "image";
    let who = match (wrong.iter().any(is_image), wrong.iter().all(is_image)) {
        (_, true) => "its image asks for",
        (true, false) => "its flavor and image ask for",
        (false, false) => "its flavor asks for",
    };
    let mut found = Finding::about(subject(guest), format!("{who} {}", said.join("; "))).on(guest.host());
    for one in wrong {
        found = found
            .saw(
                Layer::Nova,
                format!("{}: {}", one.by, one.asked),
                format!("GET /servers/{}", guest.server.id),
            )
            .saw(Layer::Libvirt, one.has, "domain XML");
    }
    vec![
        found
            .advice("someone redefined the domain, or a start failed halfway: a hard reboot by Nova writes it again as it was ordered")
            .command(format!("{}# virsh dumpxml {}", guest.host(), guest.domain_name())),
    ]
}

/// Something that was asked for, and what the domain has instead.
struct Wrong {
    /// "flavor `big`", or "image".
    by: String,
    asked: String,
    has: String,
}

/// A property of the image that is judged.
struct OfImage<'a> {
    name: &'a str,
    value: &'a str,
    /// The extra spec that means the same.
    as_spec: Option<&'static str>,
    /// The extra spec whose value in the flavor does not count then.
    overrules: Option<&'a str>,
}

/// Image properties with the extra spec that means the same.
const SPECS: [(&str, &str); 9] = [
    ("hw_cpu_policy", "hw:cpu_policy"),
    ("hw_emulator_threads_policy", "hw:emulator_threads_policy"),
    ("hw_mem_page_size", "hw:mem_page_size"),
    ("hw_numa_nodes", "hw:numa_nodes"),
    ("hw_watchdog_action", "hw:watchdog_action"),
    ("hw_viommu_model", "hw:viommu_model"),
    ("hw_tpm_version", "hw:tpm_version"),
    ("hw_pmu", "hw:pmu"),
    ("img_hide_hypervisor_id", "hw:hide_hypervisor_id"),
];

/// Image properties that have no extra spec, or whose spec is not judged.
const OWN: [&str; 6] = [
    "hw_machine_type",
    "hw_firmware_type",
    "hw_disk_bus",
    "hw_vif_model",
    "hw_rng_model",
    "hw_qemu_guest_agent",
];

/// What the image asks for and the flavor does not say otherwise. A flavor goes before an image, but in
/// the watchdog's action, and where it leaves the page size open.
fn asked_by_image(guest: &GuestSnapshot) -> Vec<OfImage<'_>> {
    let specs = &guest.server.flavor.extra_specs;
    // A rescued guest has the devices of the image that it is rescued with.
    let properties = guest.server.image_properties.iter().flatten();
    properties
        .filter(|_| guest.server.status != "RESCUE")
        .filter_map(|(name, value)| {
            if OWN.contains(&name.as_str()) {
                let is_refused = name == "hw_rng_model"
                    && specs.get("hw_rng:allowed").is_some_and(|allowed| !is_on(allowed));
                if is_refused {
                    return None;
                }
                return Some(OfImage { name, value, as_spec: None, overrules: None });
            }
            let (_, spec) = SPECS.iter().find(|(property, _)| property == name)?;
            let overrules = match (specs.get(*spec).map(String::as_str), *spec) {
                (None, _) => None,
                (Some(_), "hw:watchdog_action") | (Some("any" | "large"), "hw:mem_page_size") => Some(*spec),
                (Some(_), _) => return None,
            };
            Some(OfImage { name, value, as_spec: Some(spec), overrules })
        })
        .collect()
}

/// As [`lacks`], for properties that only an image has.
fn lacks_of_image(domain: &Domain, name: &str, value: &str) -> Option<String> {
    let unless = |is_so: bool, instead: String| (!is_so).then_some(instead);
    let devices = &domain.devices;
    match name {
        "hw_machine_type" => {
            let machine = domain.os.machine.as_deref()?;
            // "q35" and "pc" are QEMU's names for the newest of a kind, which libvirt writes out.
            let is_of_kind = match value {
                "q35" => machine.contains("q35"),
                "pc" => machine.contains("i440fx") || machine == "pc",
                "virt" => machine.starts_with("virt"),
                other => machine == other || !other.contains('-'),
            };
            unless(is_of_kind, format!("machine type {machine}"))
        }
        "hw_firmware_type" if value == "uefi" => {
            unless(domain.os.loader.is_some(), "no UEFI <loader>".into())
        }
        "hw_firmware_type" if value == "bios" => unless(domain.os.loader.is_none(), "a UEFI <loader>".into()),
        "hw_disk_bus" => {
            // Volumes keep the bus that they were attached with.
            let mut disks =
                devices.disks.iter().filter(|disk| disk.device == "disk" && disk.serial.is_none());
            let other = disks.find_map(|disk| disk.bus.as_deref().filter(|bus| *bus != value));
            other.map(|bus| format!("a disk on bus {bus}"))
        }
        "hw_vif_model" => {
            // What is passed through has no model.
            let mut models = devices.interfaces.iter().filter_map(|one| one.model.as_deref());
            models.find(|model| *model != value).map(|model| format!("an interface of model {model}"))
        }
        "hw_rng_model" => unless(!devices.rngs.is_empty(), "no <rng>".into()),
        "hw_qemu_guest_agent" if is_on(value) => {
            unless(domain.xml().contains("org.qemu.guest_agent"), "no channel for the guest agent".into())
        }
        _ => None,
    }
}

/// Nova writes the machine type of a guest into its own record when it starts it (Wallaby and later), so
/// that another default does not change the guest's hardware. One that was started before has none.
fn machine_type(guest: &GuestSnapshot) -> Vec<Finding> {
    let (Some(properties), Some(found)) = (&guest.server.image_properties, &guest.domain) else {
        return Vec::new();
    };
    if !guest.has_place() || guest.server.status == "ERROR" || properties.contains_key("hw_machine_type") {
        return Vec::new();
    }
    let machine = found.domain.os.machine.as_deref().unwrap_or("none");
    vec![
        Finding::about(
            subject(guest),
            format!("Nova has no machine type recorded for it, and it runs as {machine}: another default would change its hardware at the next hard reboot"),
        )
        .on(guest.host())
        .saw(Layer::Nova, "no hw_machine_type", format!("GET /servers/{}, image.properties", guest.server.id))
        .saw(Layer::Libvirt, machine, "domain XML, <os><type machine>")
        .advice("before [libvirt]hw_machine_type is changed: `nova-manage libvirt update_machine_type ID TYPE`, or a restart of nova-compute, which records what its guests have")
        .command(format!("nova-manage libvirt get_machine_type {}", guest.server.id)),
    ]
}

fn is_on(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "1" | "on")
}

/// What the domain has instead; `None` when it has what is asked for, and for keys that leave no mark in it.
fn lacks(domain: &Domain, key: &str, value: &str) -> Option<String> {
    let unless = |is_so: bool, instead: &str| (!is_so).then(|| instead.to_string());
    let is_on = || is_on(value);
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

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "not-as-ordered",
        severity: Severity::Error,
        about: "The domain lacks what the server's own flavor or image asks for: CPUs, memory, pages, devices, machine type",
        source: "LP 2078999, LP 1763766",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Libvirt],
        judge: Judge::Guest(not_as_ordered),
    },
    Rule {
        name: "machine-type",
        severity: Severity::Note,
        about: "Nova has recorded no machine type for a server, so that another default would change its hardware",
        source: "nova-manage libvirt list_unset_machine_type",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Libvirt],
        judge: Judge::Guest(machine_type),
    },
];

#[cfg(test)]
mod tests {
    use super::page_kib;

    #[test]
    fn sizes_of_pages_as_flavors_write_them() {
        let sizes = ["2MB", "2048", "1GB", "1G", "4KB", "large"].map(page_kib);
        assert_eq!(sizes, [Some(2048), Some(2048), Some(1 << 20), Some(1 << 20), Some(4), None]);
    }
}
