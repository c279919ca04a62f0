//! The wishes, and how they are written for Nova.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{CpuPolicy, EmulatorThreads, PageSize, PciNumaPolicy, ThreadPolicy, WatchdogAction};
use crate::cpuset::Cpuset;
use crate::error::{Error, Result};

/// What a flavor shall be. Every step can be taken in any order and overrules
/// an earlier one of its kind.
///
/// ```
/// use smog::flavor::{FlavorSpec, PageSize};
///
/// let spec = FlavorSpec::new("lp").vcpus(4).ram_mib(1024).numa_nodes(2).pages(PageSize::Large).pinned();
/// let extra_specs = spec.extra_specs()?;
/// assert_eq!(extra_specs["hw:numa_nodes"], "2");
/// assert_eq!(extra_specs["hw:cpu_policy"], "dedicated");
///
/// let refused = FlavorSpec::new("odd").vcpus(3).numa_nodes(2).extra_specs().unwrap_err();
/// assert!(refused.to_string().contains("3 vCPUs"));
/// # Ok::<(), smog::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlavorSpec {
    /// The flavor's name.
    pub name: String,
    /// The number of vCPUs; 1 unless set.
    pub vcpus: u32,
    /// The memory in MiB; 128 unless set.
    pub ram_mib: u64,
    /// The root disk in GiB; 0, the image's own size, unless set.
    pub disk_gib: u64,
    /// `hw:numa_nodes`.
    pub numa_nodes: Option<u32>,
    /// `hw:numa_cpus.N` and `hw:numa_mem.N`, in the order of the cells; empty: Nova divides evenly.
    pub numa_cells: Vec<NumaCell>,
    /// `hw:mem_page_size`.
    pub pages: Option<PageSize>,
    /// `hw:cpu_policy`.
    pub cpu_policy: Option<CpuPolicy>,
    /// `hw:cpu_dedicated_mask`: the vCPUs with a host CPU of their own under the mixed policy.
    pub dedicated_cpus: Option<Cpuset>,
    /// `hw:cpu_thread_policy`.
    pub thread_policy: Option<ThreadPolicy>,
    /// `hw:emulator_threads_policy`.
    pub emulator_threads: Option<EmulatorThreads>,
    /// `hw:cpu_realtime` and its mask.
    pub realtime: Option<Realtime>,
    /// `hw:cpu_sockets` and its like.
    pub topology: Topology,
    /// `pci_passthrough:alias`: alias and how many, in order.
    pub pci: Vec<(String, u32)>,
    /// `hw:pci_numa_affinity_policy`.
    pub pci_numa_policy: Option<PciNumaPolicy>,
    /// `hw:watchdog_action`.
    pub watchdog: Option<WatchdogAction>,
    /// `hw:locked_memory`: nothing of the memory is swapped out.
    pub locked_memory: bool,
    /// `hw:mem_encryption`: AMD SEV; the image must boot with UEFI on a q35 machine.
    pub memory_encryption: bool,
    /// Anything else, as it is.
    pub extra: BTreeMap<String, String>,
}

/// One NUMA node of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NumaCell {
    /// `hw:numa_cpus.N`: its vCPUs.
    pub cpus: Cpuset,
    /// `hw:numa_mem.N` in MiB.
    pub ram_mib: u64,
}

/// Real-time vCPUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Realtime {
    /// `hw:cpu_realtime_mask`: the vCPUs that are real-time; `None` for all,
    /// which needs an emulator threads policy.
    pub cpus: Option<Cpuset>,
}

/// How the vCPUs look to the guest: what is wished, and the most that is allowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// `hw:cpu_sockets`.
    pub sockets: Option<u32>,
    /// `hw:cpu_cores`, of a socket.
    pub cores: Option<u32>,
    /// `hw:cpu_threads`, of a core.
    pub threads: Option<u32>,
    /// `hw:cpu_max_sockets`, the name Nova's driver reads; its API, from microversion 2.86 on,
    /// takes only `hw:max_cpu_sockets`, which nothing reads. smog sets it below 2.86.
    pub max_sockets: Option<u32>,
    /// `hw:cpu_max_cores`.
    pub max_cores: Option<u32>,
    /// `hw:cpu_max_threads`.
    pub max_threads: Option<u32>,
}

impl FlavorSpec {
    /// One vCPU, 128 MiB, no wishes.
    pub fn new(name: impl Into<String>) -> FlavorSpec {
        FlavorSpec {
            name: name.into(),
            vcpus: 1,
            ram_mib: 128,
            disk_gib: 0,
            numa_nodes: None,
            numa_cells: Vec::new(),
            pages: None,
            cpu_policy: None,
            dedicated_cpus: None,
            thread_policy: None,
            emulator_threads: None,
            realtime: None,
            topology: Topology::default(),
            pci: Vec::new(),
            pci_numa_policy: None,
            watchdog: None,
            locked_memory: false,
            memory_encryption: false,
            extra: BTreeMap::new(),
        }
    }

    /// The number of vCPUs.
    pub fn vcpus(mut self, vcpus: u32) -> FlavorSpec {
        self.vcpus = vcpus;
        self
    }

    /// The memory in MiB.
    pub fn ram_mib(mut self, ram_mib: u64) -> FlavorSpec {
        self.ram_mib = ram_mib;
        self
    }

    /// The root disk in GiB; 0 is the image's own size.
    pub fn disk_gib(mut self, disk_gib: u64) -> FlavorSpec {
        self.disk_gib = disk_gib;
        self
    }

    /// So many NUMA nodes, CPUs and memory divided evenly by Nova. Each comes
    /// from another cell of the host.
    ///
    /// Nova has no memory policy any more (`hw:numa_policy` of early releases):
    /// a guest's cell has its memory strictly from one cell of the host.
    pub fn numa_nodes(mut self, nodes: u32) -> FlavorSpec {
        self.numa_nodes = Some(nodes);
        self
    }

    /// One more NUMA node with these vCPUs and this memory. Cells need not be
    /// alike; together they must have every vCPU once, and all of the memory.
    pub fn numa_cell(mut self, cpus: impl Into<Cpuset>, ram_mib: u64) -> FlavorSpec {
        self.numa_cells.push(NumaCell { cpus: cpus.into(), ram_mib });
        self
    }

    /// The pages behind the memory.
    pub fn pages(mut self, pages: PageSize) -> FlavorSpec {
        self.pages = Some(pages);
        self
    }

    /// Each vCPU has a host CPU of its own.
    pub fn pinned(self) -> FlavorSpec {
        self.cpu_policy(CpuPolicy::Dedicated)
    }

    /// Which of the policies; `Mixed` wants [`mixed`](FlavorSpec::mixed).
    pub fn cpu_policy(mut self, policy: CpuPolicy) -> FlavorSpec {
        self.cpu_policy = Some(policy);
        self
    }

    /// These vCPUs have a host CPU of their own, the others float.
    pub fn mixed(mut self, dedicated: impl Into<Cpuset>) -> FlavorSpec {
        self.dedicated_cpus = Some(dedicated.into());
        self.cpu_policy(CpuPolicy::Mixed)
    }

    /// How pinned vCPUs are laid on cores with several threads.
    pub fn thread_policy(mut self, policy: ThreadPolicy) -> FlavorSpec {
        self.thread_policy = Some(policy);
        self
    }

    /// Where QEMU's own threads run.
    pub fn emulator_threads(mut self, policy: EmulatorThreads) -> FlavorSpec {
        self.emulator_threads = Some(policy);
        self
    }

    /// These vCPUs are real-time; one at least must not be, unless the emulator threads have a place of their own.
    pub fn realtime(mut self, cpus: impl Into<Cpuset>) -> FlavorSpec {
        self.realtime = Some(Realtime { cpus: Some(cpus.into()) });
        self
    }

    /// All vCPUs are real-time; needs [`emulator_threads`](FlavorSpec::emulator_threads).
    pub fn realtime_all(mut self) -> FlavorSpec {
        self.realtime = Some(Realtime { cpus: None });
        self
    }

    /// How the vCPUs look to the guest.
    pub fn topology(mut self, topology: Topology) -> FlavorSpec {
        self.topology = topology;
        self
    }

    /// So many devices of an alias of nova.conf's `[pci] alias`; once more adds another alias.
    pub fn pci(mut self, alias: impl Into<String>, count: u32) -> FlavorSpec {
        self.pci.push((alias.into(), count));
        self
    }

    /// How near the devices must be.
    pub fn pci_numa_policy(mut self, policy: PciNumaPolicy) -> FlavorSpec {
        self.pci_numa_policy = Some(policy);
        self
    }

    /// What the watchdog does.
    pub fn watchdog(mut self, action: WatchdogAction) -> FlavorSpec {
        self.watchdog = Some(action);
        self
    }

    /// Nothing of the memory is swapped out; since Xena (2021).
    pub fn locked_memory(mut self) -> FlavorSpec {
        self.locked_memory = true;
        self
    }

    /// The memory is encrypted (AMD SEV).
    pub fn memory_encryption(mut self) -> FlavorSpec {
        self.memory_encryption = true;
        self
    }

    /// Any other extra spec, not looked at. It overrules what the other steps
    /// would write, so a test can ask Nova for what smog would refuse.
    pub fn extra(mut self, key: impl Into<String>, value: impl Into<String>) -> FlavorSpec {
        self.extra.insert(key.into(), value.into());
        self
    }

    /// The extra specs of a flavor.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the wishes contradict each other, with Nova's rule.
    pub fn extra_specs(&self) -> Result<BTreeMap<String, String>> {
        self.check()?;
        Ok(self.extra_specs_unchecked())
    }

    /// The same without a check: for tests that want to see Nova refuse.
    pub fn extra_specs_unchecked(&self) -> BTreeMap<String, String> {
        let mut specs = BTreeMap::new();
        let mut set =
            |key: &str, value: Option<String>| specs.extend(value.map(|value| (key.to_string(), value)));
        self.shared_words(&mut |word, value| set(&format!("hw:{word}"), value));
        let topology = &self.topology;
        for (word, value) in [
            ("hw:cpu_max_sockets", topology.max_sockets),
            ("hw:cpu_max_cores", topology.max_cores),
            ("hw:cpu_max_threads", topology.max_threads),
        ] {
            set(word, value.map(|value| value.to_string()));
        }
        let mask = self.dedicated_cpus.as_ref().filter(|_| self.cpu_policy == Some(CpuPolicy::Mixed));
        set("hw:cpu_dedicated_mask", mask.map(|mask| mask.to_string()));
        set("hw:emulator_threads_policy", self.emulator_threads.map(|policy| policy.to_string()));
        set("hw:cpu_realtime", self.realtime.as_ref().map(|_| "yes".to_string()));
        let pci: Vec<String> = self.pci.iter().map(|(alias, count)| format!("{alias}:{count}")).collect();
        set("pci_passthrough:alias", (!pci.is_empty()).then(|| pci.join(",")));
        specs.extend(self.extra.clone());
        specs
    }

    /// The same wishes as properties of an image. Page sizes of an image count
    /// only where the flavor says `large` or `any`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when they contradict each other, or when Nova takes
    /// one from flavors only: the dedicated mask, the emulator threads policy,
    /// real-time, PCI aliases.
    pub fn image_properties(&self) -> Result<BTreeMap<String, String>> {
        self.check()?;
        let flavor_only = [
            (self.dedicated_cpus.is_some(), "hw:cpu_dedicated_mask"),
            (self.emulator_threads.is_some(), "hw:emulator_threads_policy"),
            (self.realtime.is_some(), "hw:cpu_realtime"),
            (!self.pci.is_empty(), "pci_passthrough:alias"),
        ];
        if let Some((_, key)) = flavor_only.iter().find(|(wished, _)| *wished) {
            return Err(Error::Invalid {
                what: format!("image property for `{key}`"),
                why: "Nova reads it from flavors only".to_string(),
                hint: Some("use `extra_specs`, and boot with a flavor that has them".to_string().into()),
            });
        }
        let mut properties = BTreeMap::new();
        let mut set =
            |key: &str, value: Option<String>| properties.extend(value.map(|value| (key.to_string(), value)));
        self.shared_words(&mut |word, value| set(&format!("hw_{word}"), value));
        let topology = &self.topology;
        for (word, value) in [
            // The words of an image are in another order than a flavor's.
            ("hw_cpu_max_sockets", topology.max_sockets),
            ("hw_cpu_max_cores", topology.max_cores),
            ("hw_cpu_max_threads", topology.max_threads),
        ] {
            set(word, value.map(|value| value.to_string()));
        }
        properties
            .extend(self.extra.iter().map(|(key, value)| (key.replacen("hw:", "hw_", 1), value.clone())));
        Ok(properties)
    }

    /// How many NUMA nodes the guest will have: those named, or one where
    /// pinning or a page size implies it, or none.
    pub fn cells(&self) -> u32 {
        let named = u32::try_from(self.numa_cells.len()).unwrap_or(u32::MAX);
        let implied =
            self.pages.is_some() || matches!(self.cpu_policy, Some(CpuPolicy::Dedicated | CpuPolicy::Mixed));
        match (self.numa_nodes, named) {
            (Some(nodes), _) => nodes,
            (None, 0) => u32::from(implied),
            (None, named) => named,
        }
    }

    /// What flavors and images spell alike but for `hw:` and `hw_`.
    fn shared_words(&self, set: &mut dyn FnMut(&str, Option<String>)) {
        let nodes = self.numa_nodes.or((!self.numa_cells.is_empty()).then(|| self.cells()));
        set("numa_nodes", nodes.map(|nodes| nodes.to_string()));
        for (number, cell) in self.numa_cells.iter().enumerate() {
            set(&format!("numa_cpus.{number}"), Some(cell.cpus.to_string()));
            set(&format!("numa_mem.{number}"), Some(cell.ram_mib.to_string()));
        }
        set("mem_page_size", self.pages.map(|pages| pages.to_string()));
        set("cpu_policy", self.cpu_policy.map(|policy| policy.to_string()));
        set("cpu_thread_policy", self.thread_policy.map(|policy| policy.to_string()));
        let mask = self.realtime.as_ref().and_then(|realtime| realtime.cpus.as_ref());
        set("cpu_realtime_mask", mask.map(|mask| mask.to_string()));
        set("cpu_sockets", self.topology.sockets.map(|number| number.to_string()));
        set("cpu_cores", self.topology.cores.map(|number| number.to_string()));
        set("cpu_threads", self.topology.threads.map(|number| number.to_string()));
        set("pci_numa_affinity_policy", self.pci_numa_policy.map(|policy| policy.to_string()));
        set("watchdog_action", self.watchdog.map(|action| action.to_string()));
        set("locked_memory", self.locked_memory.then(|| "true".to_string()));
        set("mem_encryption", self.memory_encryption.then(|| "true".to_string()));
    }
}

#[cfg(test)]
mod tests {
    use super::{FlavorSpec, Topology};
    use crate::cpuset::Cpuset;
    use crate::flavor::{PageSize, ThreadPolicy, WatchdogAction};

    #[test]
    fn all_words_of_a_flavor() {
        let spec = FlavorSpec::new("all")
            .vcpus(4)
            .ram_mib(1024)
            .numa_cell([0], 256)
            .numa_cell([1, 2, 3], 768)
            .pages("2MB".parse().expect("size"))
            .pinned()
            .thread_policy(ThreadPolicy::Isolate)
            .realtime([2, 3])
            .topology(Topology { sockets: Some(2), max_sockets: Some(2), ..Topology::default() })
            .pci("gpu", 1)
            .pci("nic", 2)
            .watchdog(WatchdogAction::Reset)
            .extra("quota:cpu_shares", "64");
        let specs = spec.extra_specs().expect("fine");
        let text: Vec<String> = specs.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            text,
            [
                "hw:cpu_max_sockets=2",
                "hw:cpu_policy=dedicated",
                "hw:cpu_realtime=yes",
                "hw:cpu_realtime_mask=2-3",
                "hw:cpu_sockets=2",
                "hw:cpu_thread_policy=isolate",
                "hw:mem_page_size=2048",
                "hw:numa_cpus.0=0",
                "hw:numa_cpus.1=1-3",
                "hw:numa_mem.0=256",
                "hw:numa_mem.1=768",
                "hw:numa_nodes=2",
                "hw:watchdog_action=reset",
                "pci_passthrough:alias=gpu:1,nic:2",
                "quota:cpu_shares=64",
            ]
        );
    }

    #[test]
    fn steps_compose_in_any_order() {
        let one = FlavorSpec::new("x").pinned().numa_nodes(2).vcpus(2).ram_mib(256).pages(PageSize::Large);
        let other = FlavorSpec::new("x").pages(PageSize::Large).ram_mib(256).vcpus(2).numa_nodes(2).pinned();
        assert_eq!(one, other);
    }

    #[test]
    fn images_spell_the_maxima_otherwise_and_lack_some() {
        let topology = Topology { cores: Some(2), max_cores: Some(4), ..Topology::default() };
        let spec = FlavorSpec::new("i").vcpus(2).ram_mib(256).topology(topology).numa_nodes(2);
        let properties = spec.image_properties().expect("fine");
        assert_eq!(properties["hw_cpu_max_cores"], "4");
        assert_eq!(properties["hw_numa_nodes"], "2");
        let refused = spec.mixed(Cpuset::from([0])).image_properties().expect_err("flavor only");
        assert!(refused.to_string().contains("flavors only"), "{refused}");
    }

    #[test]
    fn cells_are_implied_by_pinning_and_pages() {
        assert_eq!(FlavorSpec::new("a").cells(), 0);
        assert_eq!(FlavorSpec::new("a").pinned().cells(), 1);
        assert_eq!(FlavorSpec::new("a").pages(PageSize::Small).cells(), 1);
        assert_eq!(FlavorSpec::new("a").numa_nodes(3).cells(), 3);
    }

    #[test]
    fn page_sizes_as_nova_reads_them() {
        for (text, size) in [
            ("large", PageSize::Large),
            ("any", PageSize::Any),
            ("2048", PageSize::Kib(2048)),
            ("2MB", PageSize::Kib(2048)),
            ("1GiB", PageSize::Kib(1 << 20)),
            ("4K", PageSize::Kib(4)),
        ] {
            assert_eq!(text.parse::<PageSize>().expect(text), size);
        }
        for text in ["", "huge", "-1", "2XB", "0", "MB"] {
            assert!(text.parse::<PageSize>().is_err(), "{text}");
        }
    }
}
