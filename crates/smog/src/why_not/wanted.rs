//! What Nova is asked for, in its own terms: resource classes, traits, NUMA nodes, devices. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::Charge;
use crate::cloud::{Network, ServerGroup};
use crate::cpuset::Cpuset;
use crate::flavor::PageSize;

/// What the scheduler is asked to find a host for.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// "flavor `big`".
    pub name: String,
    pub flavor: WantedFlavor,
    /// The image's properties; none for a server that has no image.
    pub image: BTreeMap<String, String>,
    /// The image's disk format.
    pub disk_format: Option<String>,
    pub boots_from_volume: bool,
    /// The project that the server is, or would be, of.
    pub project_id: Option<String>,
    /// Only this host.
    pub host: Option<String>,
    /// The host that a move leaves.
    pub source: Option<String>,
    /// It changes its flavor.
    pub is_resize: bool,
    pub zone: Option<String>,
    pub groups: Vec<ServerGroup>,
    /// Ids of servers, of the scheduler hints of these names.
    pub same_host: Vec<String>,
    pub different_host: Vec<String>,
    /// The networks of its ports.
    pub networks: Vec<Network>,
    /// What it adds to what its project has.
    pub charge: Charge,
    /// The id of the server itself.
    pub guest: Option<String>,
}

/// The flavor, a server's own or one of the list.
#[derive(Debug, Clone, Default)]
pub(super) struct WantedFlavor {
    pub vcpus: u64,
    pub ram_mib: u64,
    pub disk_gib: u64,
    pub ephemeral_gib: u64,
    pub swap_mib: u64,
    pub extra_specs: BTreeMap<String, String>,
}

/// What one request group of placement asks of its provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ask {
    pub resources: BTreeMap<String, u64>,
    pub required: BTreeSet<String>,
    pub forbidden: BTreeSet<String>,
}

/// What placement is asked for: the request groups by suffix, "" for the one without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ResourceWish {
    pub groups: BTreeMap<String, Ask>,
    pub policy: Option<String>,
}

/// The NUMA nodes that a guest shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NumaWish {
    pub nodes: Vec<NodeWish>,
    pub pages: Option<PageSize>,
    /// Whether some of its CPUs are dedicated.
    pub is_pinned: bool,
    /// `hw:cpu_thread_policy`.
    pub threads: Option<String>,
    /// One more dedicated CPU in the first node, for the emulator.
    pub isolates_emulator: bool,
}

/// One NUMA node of a guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct NodeWish {
    pub shared: u64,
    pub dedicated: u64,
    pub memory_mib: u64,
}

impl Wanted {
    /// An extra spec, or the image property that means the same.
    fn either(&self, spec: &str, property: &str) -> Option<&str> {
        let spec = self.flavor.extra_specs.get(spec);
        spec.or_else(|| self.image.get(property)).map(|text| text.trim())
    }

    fn spec(&self, key: &str) -> Option<&str> {
        self.flavor.extra_specs.get(key).map(|text| text.trim())
    }

    fn is_yes(text: Option<&str>) -> bool {
        text.is_some_and(|text| {
            matches!(text.to_ascii_lowercase().as_str(), "true" | "yes" | "1" | "on" | "t")
        })
    }

    /// `hw:cpu_policy`, with "dedicated" for one that asks for PCPU itself.
    fn cpu_policy(&self) -> &str {
        let asks = |(key, _): (&String, &String)| {
            key.split_once(':')
                .is_some_and(|(group, class)| group.starts_with("resources") && class == "PCPU")
        };
        match self.either("hw:cpu_policy", "hw_cpu_policy") {
            Some(policy) => policy,
            None if self.flavor.extra_specs.iter().any(asks) => "dedicated",
            None => "shared",
        }
    }

    fn isolates_emulator(&self) -> bool {
        self.spec("hw:emulator_threads_policy") == Some("isolate")
    }

    /// The guest's CPUs that get a host CPU each.
    fn dedicated(&self) -> Cpuset {
        let all: Cpuset = (0..u32::try_from(self.flavor.vcpus).unwrap_or(0).min(MOST_CPUS)).collect();
        match self.cpu_policy() {
            "dedicated" => all,
            "mixed" => {
                let mask = self.spec("hw:cpu_dedicated_mask");
                let mask = mask.or_else(|| self.either("hw:cpu_realtime_mask", "hw_cpu_realtime_mask"));
                cpus_of_mask(mask.unwrap_or_default(), &all)
            }
            _ => Cpuset::new(),
        }
    }

    /// What placement is asked for, as `nova.scheduler.utils.ResourceRequest` reads a flavor and an
    /// image.
    pub(super) fn resources(&self) -> ResourceWish {
        let mut wish = ResourceWish::default();
        for (key, value) in &self.flavor.extra_specs {
            if key == "group_policy" {
                wish.policy = Some(value.clone());
            }
            let Some((prefix, name)) = key.split_once(':') else { continue };
            if let Some(suffix) = prefix.strip_prefix("resources") {
                if let Ok(amount) = value.trim().parse() {
                    wish.group(suffix).resources.insert(name.to_string(), amount);
                }
            } else if let Some(suffix) = prefix.strip_prefix("trait") {
                match value.trim() {
                    "required" => wish.group(suffix).required.insert(name.to_string()),
                    "forbidden" => wish.group(suffix).forbidden.insert(name.to_string()),
                    _ => false,
                };
            }
        }
        let of_image = self.image.iter().filter(|(_, value)| value.trim() == "required");
        for name in of_image.filter_map(|(key, _)| key.strip_prefix("trait:")) {
            wish.require(name);
        }
        self.cpus_into(&mut wish);
        let is_asked = |class: &str| wish.groups.values().any(|ask| ask.resources.contains_key(class));
        let (has_cpus, has_memory, has_disk) =
            (is_asked("VCPU") || is_asked("PCPU"), is_asked("MEMORY_MB"), is_asked("DISK_GB"));
        let disk = if self.boots_from_volume { 0 } else { self.flavor.disk_gib };
        let disk = disk + self.flavor.ephemeral_gib + self.flavor.swap_mib.div_ceil(1024);
        let own = [
            ("VCPU", self.flavor.vcpus, has_cpus),
            ("MEMORY_MB", self.flavor.ram_mib, has_memory),
            ("DISK_GB", disk, has_disk),
        ];
        for (class, amount, _) in own.into_iter().filter(|(_, _, is_asked)| !is_asked) {
            wish.group("").resources.insert(class.into(), amount);
        }
        self.capabilities_into(&mut wish);
        for ask in wish.groups.values_mut() {
            ask.resources.retain(|_, amount| *amount > 0);
        }
        wish.groups.retain(|_, ask| *ask != Ask::default());
        wish
    }

    fn cpus_into(&self, wish: &mut ResourceWish) {
        let policy = self.either("hw:cpu_policy", "hw_cpu_policy");
        if matches!(policy, Some("dedicated" | "mixed")) {
            let dedicated = self.dedicated().len() as u64;
            let more = u64::from(self.isolates_emulator());
            let group = wish.group("");
            group.resources.insert("PCPU".into(), dedicated + more);
            if policy == Some("mixed") {
                group.resources.insert("VCPU".into(), self.flavor.vcpus.saturating_sub(dedicated));
            }
        }
        match self.either("hw:cpu_thread_policy", "hw_cpu_thread_policy") {
            Some("isolate") => drop(wish.group("").forbidden.insert("HW_CPU_HYPERTHREADING".into())),
            Some("require") => wish.require("HW_CPU_HYPERTHREADING"),
            _ => {}
        }
    }

    /// Extra specs and image properties that become traits or resources.
    fn capabilities_into(&self, wish: &mut ResourceWish) {
        if Self::is_yes(self.either("hw:mem_encryption", "hw_mem_encryption")) {
            wish.group("").resources.insert("MEM_ENCRYPTION_CONTEXT".into(), 1);
        }
        for label in self.spec("hw:pmem").into_iter().flat_map(|text| text.split(',')) {
            let class = format!("CUSTOM_PMEM_NAMESPACE_{}", normal(label));
            *wish.group("").resources.entry(class).or_default() += 1;
        }
        let version = self.either("hw:tpm_version", "hw_tpm_version");
        let model = self.either("hw:tpm_model", "hw_tpm_model");
        if version.is_some() || model.is_some() {
            wish.require(match version {
                Some("1.2") => "COMPUTE_SECURITY_TPM_1_2",
                _ => "COMPUTE_SECURITY_TPM_2_0",
            });
            wish.require(match model {
                Some("tpm-crb") => "COMPUTE_SECURITY_TPM_CRB",
                _ => "COMPUTE_SECURITY_TPM_TIS",
            });
        }
        let asked = [
            (
                self.either("os:secure_boot", "os_secure_boot") == Some("required"),
                "COMPUTE_SECURITY_UEFI_SECURE_BOOT",
            ),
            (
                Self::is_yes(self.image.get("hw_firmware_stateless").map(String::as_str)),
                "COMPUTE_SECURITY_STATELESS_FIRMWARE",
            ),
            (
                Self::is_yes(self.either("hw:virtio_packed_ring", "hw_virtio_packed_ring")),
                "COMPUTE_NET_VIRTIO_PACKED",
            ),
            (
                self.either("hw:pci_numa_affinity_policy", "hw_pci_numa_affinity_policy") == Some("socket"),
                "COMPUTE_SOCKET_PCI_NUMA_AFFINITY",
            ),
            (
                self.either("hw:maxphysaddr_mode", "hw_maxphysaddr_mode") == Some("passthrough"),
                "COMPUTE_ADDRESS_SPACE_PASSTHROUGH",
            ),
            (
                self.either("hw:maxphysaddr_mode", "hw_maxphysaddr_mode") == Some("emulate"),
                "COMPUTE_ADDRESS_SPACE_EMULATED",
            ),
            (self.spec("accel:device_profile").is_some(), "COMPUTE_ACCELERATORS"),
        ];
        for (_, name) in asked.into_iter().filter(|(is, _)| *is) {
            wish.require(name);
        }
    }

    /// The NUMA nodes it asks for; none where Nova keeps no NUMA record of such a guest.
    pub(super) fn numa(&self) -> Option<NumaWish> {
        let count = self.either("hw:numa_nodes", "hw_numa_nodes").and_then(|text| text.parse::<u64>().ok());
        let pages = self.either("hw:mem_page_size", "hw_mem_page_size").and_then(page_size);
        let dedicated = self.dedicated();
        let is_pinned = matches!(self.cpu_policy(), "dedicated" | "mixed");
        if count.is_none() && pages.is_none() && !is_pinned && self.spec("hw:pmem").is_none() {
            return None;
        }
        let count = count.unwrap_or(1).clamp(1, u64::from(MOST_CPUS));
        let vcpus = u32::try_from(self.flavor.vcpus).unwrap_or(0).min(MOST_CPUS);
        let per_node = (vcpus / u32::try_from(count).unwrap_or(1)).max(1);
        let node = |at: u64| {
            let number = u32::try_from(at).unwrap_or(0);
            let cpus = self.either(&format!("hw:numa_cpus.{at}"), &format!("hw_numa_cpus.{at}"));
            let cpus: Cpuset = match cpus.and_then(|text| text.parse().ok()) {
                Some(cpus) => cpus,
                None => (number * per_node..(number + 1) * per_node).filter(|cpu| *cpu < vcpus).collect(),
            };
            let memory = self.either(&format!("hw:numa_mem.{at}"), &format!("hw_numa_mem.{at}"));
            let memory = memory.and_then(|text| text.parse().ok());
            let own = cpus.intersection(&dedicated).len() as u64;
            NodeWish {
                shared: cpus.len() as u64 - own,
                dedicated: own,
                memory_mib: memory.unwrap_or(self.flavor.ram_mib / count),
            }
        };
        Some(NumaWish {
            nodes: (0..count).map(node).collect(),
            pages,
            is_pinned,
            threads: self.either("hw:cpu_thread_policy", "hw_cpu_thread_policy").map(str::to_string),
            isolates_emulator: is_pinned && self.isolates_emulator(),
        })
    }

    /// `pci_passthrough:alias`: the aliases, each with how many.
    pub(super) fn pci_aliases(&self) -> Vec<(String, u64)> {
        aliases(&self.flavor.extra_specs)
    }
}

/// The devices that a flavor's extra specs ask for.
pub(super) fn aliases(extra_specs: &BTreeMap<String, String>) -> Vec<(String, u64)> {
    let text = extra_specs.get("pci_passthrough:alias").map(String::as_str).unwrap_or_default();
    let one = |part: &str| {
        let (name, count) = part.trim().split_once(':').unwrap_or((part.trim(), "1"));
        (!name.is_empty()).then(|| (name.trim().to_string(), count.trim().parse().unwrap_or(1)))
    };
    text.split(',').filter_map(one).collect()
}

impl ResourceWish {
    pub(super) fn group(&mut self, suffix: &str) -> &mut Ask {
        self.groups.entry(suffix.to_string()).or_default()
    }

    pub(super) fn require(&mut self, name: &str) {
        self.group("").required.insert(name.to_string());
    }
}

/// No guest has more.
const MOST_CPUS: u32 = 4096;

/// `2-3`, or all but `^0-1`.
fn cpus_of_mask(mask: &str, all: &Cpuset) -> Cpuset {
    let parse = |text: &str| text.parse::<Cpuset>().unwrap_or_default();
    match mask.strip_prefix('^') {
        Some(rest) => all.difference(&parse(&rest.replace('^', ""))),
        None => parse(mask).intersection(all),
    }
}

/// "large", "any", "small", "2048" (KiB), "2MB", "1GB".
fn page_size(text: &str) -> Option<PageSize> {
    let lower = text.to_ascii_lowercase();
    let number: String = lower.chars().take_while(char::is_ascii_digit).collect();
    let unit = match lower[number.len()..].trim() {
        "" | "kb" | "kib" | "k" => 1,
        "mb" | "mib" | "m" => 1 << 10,
        "gb" | "gib" | "g" => 1 << 20,
        _ => 0,
    };
    match (lower.as_str(), number.parse::<u64>()) {
        ("large", _) => Some(PageSize::Large),
        ("small", _) => Some(PageSize::Small),
        ("any", _) => Some(PageSize::Any),
        (_, Ok(number)) if unit > 0 => Some(PageSize::Kib(number.saturating_mul(unit))),
        _ => None,
    }
}

fn normal(label: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    label.trim().chars().map(letter).collect()
}
