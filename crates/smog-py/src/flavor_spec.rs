//! Flavors in terms of what they mean.

use std::collections::BTreeMap;
use std::str::FromStr;

use pyo3::prelude::*;
use smog::flavor::{self, Topology};

use crate::data::CpusAsked;
use crate::errors::to_py;

/// What a flavor shall be. Every step can be taken in any order, returns a new spec, and
/// overrules an earlier one of its kind. Wishes that contradict each other are refused with
/// Nova's rule, before Nova is asked.
///
/// >>> FlavorSpec("lp", vcpus=4, ram_mib=1024).numa_nodes(2).pages("large").pinned().extra_specs()
/// {'hw:cpu_policy': 'dedicated', 'hw:mem_page_size': 'large', 'hw:numa_nodes': '2'}
#[pyclass(frozen, module = "smog")]
#[derive(Clone)]
pub struct FlavorSpec {
    /// The core's.
    pub spec: flavor::FlavorSpec,
}

impl FlavorSpec {
    fn with(&self, step: impl FnOnce(flavor::FlavorSpec) -> flavor::FlavorSpec) -> FlavorSpec {
        FlavorSpec { spec: step(self.spec.clone()) }
    }
}

/// One of the words of an extra spec.
fn word<T: FromStr<Err = smog::Error>>(py: Python<'_>, text: &str) -> PyResult<T> {
    text.parse().map_err(|error| to_py(py, &error))
}

/// A size of pages: a word, or a number of KiB.
#[derive(FromPyObject)]
enum Pages {
    Kib(u64),
    Word(String),
}

#[pymethods]
impl FlavorSpec {
    /// One vCPU, 128 MiB and a disk as large as the image, unless said otherwise.
    #[new]
    #[pyo3(signature = (name = String::from("smog"), *, vcpus = 1, ram_mib = 128, disk_gib = 0))]
    fn new(name: String, vcpus: u32, ram_mib: u64, disk_gib: u64) -> FlavorSpec {
        FlavorSpec { spec: flavor::FlavorSpec::new(name).vcpus(vcpus).ram_mib(ram_mib).disk_gib(disk_gib) }
    }

    /// The flavor's name.
    #[getter]
    fn name(&self) -> String {
        self.spec.name.clone()
    }

    /// The number of vCPUs.
    #[getter]
    fn vcpus(&self) -> u32 {
        self.spec.vcpus
    }

    /// The memory in MiB.
    #[getter]
    fn ram_mib(&self) -> u64 {
        self.spec.ram_mib
    }

    /// The root disk in GiB; 0 is the image's own size.
    #[getter]
    fn disk_gib(&self) -> u64 {
        self.spec.disk_gib
    }

    /// So many NUMA nodes, CPUs and memory divided evenly by Nova. Nova has no memory policy
    /// any more (`hw:numa_policy` of early releases): a guest's cell has its memory strictly
    /// from one cell of the host.
    fn numa_nodes(&self, nodes: u32) -> FlavorSpec {
        self.with(|spec| spec.numa_nodes(nodes))
    }

    /// One more NUMA node with these vCPUs ("0-1", 0 or [0, 1]) and this memory in MiB.
    #[pyo3(signature = (cpus: "str | int | Iterable[int]", ram_mib: "int") -> "FlavorSpec")]
    fn numa_cell(&self, cpus: CpusAsked, ram_mib: u64) -> FlavorSpec {
        self.with(|spec| spec.numa_cell(cpus.set(), ram_mib))
    }

    /// The pages behind the memory: "small", "large", "any", "2MB", or a number of KiB.
    #[pyo3(signature = (size: "str | int") -> "FlavorSpec")]
    fn pages(&self, py: Python<'_>, size: Pages) -> PyResult<FlavorSpec> {
        let text = match size {
            Pages::Kib(kib) => kib.to_string(),
            Pages::Word(text) => text,
        };
        let size = word(py, &text)?;
        Ok(self.with(|spec| spec.pages(size)))
    }

    /// Each vCPU has a host CPU of its own (`hw:cpu_policy=dedicated`).
    fn pinned(&self) -> FlavorSpec {
        self.with(flavor::FlavorSpec::pinned)
    }

    /// `hw:cpu_policy`: "shared", "dedicated".
    fn cpu_policy(&self, py: Python<'_>, policy: &str) -> PyResult<FlavorSpec> {
        let policy = word(py, policy)?;
        Ok(self.with(|spec| spec.cpu_policy(policy)))
    }

    /// These vCPUs have a host CPU of their own, the others float.
    #[pyo3(signature = (dedicated: "str | int | Iterable[int]") -> "FlavorSpec")]
    fn mixed(&self, dedicated: CpusAsked) -> FlavorSpec {
        self.with(|spec| spec.mixed(dedicated.set()))
    }

    /// How pinned vCPUs are laid on cores with several threads: "prefer", "isolate", "require".
    fn thread_policy(&self, py: Python<'_>, policy: &str) -> PyResult<FlavorSpec> {
        let policy = word(py, policy)?;
        Ok(self.with(|spec| spec.thread_policy(policy)))
    }

    /// Where QEMU's own threads run: "share" or "isolate".
    fn emulator_threads(&self, py: Python<'_>, policy: &str) -> PyResult<FlavorSpec> {
        let policy = word(py, policy)?;
        Ok(self.with(|spec| spec.emulator_threads(policy)))
    }

    /// These vCPUs are real-time, or all of them (which needs `emulator_threads`).
    #[pyo3(signature = (cpus: "str | int | Iterable[int] | None" = None) -> "FlavorSpec")]
    fn realtime(&self, cpus: Option<CpusAsked>) -> FlavorSpec {
        match cpus {
            None => self.with(flavor::FlavorSpec::realtime_all),
            Some(cpus) => self.with(|spec| spec.realtime(cpus.set())),
        }
    }

    /// How the vCPUs look to the guest: wished, and the most that is allowed.
    #[pyo3(signature = (*, sockets = None, cores = None, threads = None, max_sockets = None, max_cores = None, max_threads = None))]
    fn topology(
        &self,
        sockets: Option<u32>,
        cores: Option<u32>,
        threads: Option<u32>,
        max_sockets: Option<u32>,
        max_cores: Option<u32>,
        max_threads: Option<u32>,
    ) -> FlavorSpec {
        let topology = Topology { sockets, cores, threads, max_sockets, max_cores, max_threads };
        self.with(|spec| spec.topology(topology))
    }

    /// So many devices of an alias of nova.conf; once more adds another alias.
    #[pyo3(signature = (alias, count = 1))]
    fn pci(&self, alias: &str, count: u32) -> FlavorSpec {
        self.with(|spec| spec.pci(alias, count))
    }

    /// How near the devices must be: "required", "legacy", "preferred", "socket".
    fn pci_numa_policy(&self, py: Python<'_>, policy: &str) -> PyResult<FlavorSpec> {
        let policy = word(py, policy)?;
        Ok(self.with(|spec| spec.pci_numa_policy(policy)))
    }

    /// What the watchdog does: "disabled", "none", "pause", "poweroff", "reset".
    fn watchdog(&self, py: Python<'_>, action: &str) -> PyResult<FlavorSpec> {
        let action = word(py, action)?;
        Ok(self.with(|spec| spec.watchdog(action)))
    }

    /// Nothing of the memory is swapped out.
    fn locked_memory(&self) -> FlavorSpec {
        self.with(flavor::FlavorSpec::locked_memory)
    }

    /// The memory is encrypted (AMD SEV).
    fn memory_encryption(&self) -> FlavorSpec {
        self.with(flavor::FlavorSpec::memory_encryption)
    }

    /// Any other extra spec, not looked at; it overrules what the other steps would write.
    fn extra(&self, key: &str, value: &str) -> FlavorSpec {
        self.with(|spec| spec.extra(key, value))
    }

    /// The extra specs of a flavor. Raises `ArgumentError` with Nova's rule when the wishes
    /// contradict each other.
    fn extra_specs(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        self.spec.extra_specs().map_err(|error| to_py(py, &error))
    }

    /// The same without a check: for tests that want to see Nova refuse.
    fn extra_specs_unchecked(&self) -> BTreeMap<String, String> {
        self.spec.extra_specs_unchecked()
    }

    /// The same wishes as properties of an image. Raises `ArgumentError` for what Nova takes
    /// from flavors only.
    fn image_properties(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
        self.spec.image_properties().map_err(|error| to_py(py, &error))
    }

    fn __repr__(&self) -> String {
        let spec = &self.spec;
        let specs: Vec<String> =
            spec.extra_specs_unchecked().iter().map(|(key, value)| format!(", {key}={value}")).collect();
        format!("<FlavorSpec {}, {} vCPU, {} MiB{}>", spec.name, spec.vcpus, spec.ram_mib, specs.concat())
    }
}
