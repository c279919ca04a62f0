//! A libvirt domain, read from its XML.

use std::collections::BTreeMap;

use roxmltree::Node;
use serde::Serialize;

use super::element::{
    Flaw, attr, child, child_text, children, cpuset_attr, descend, flag_attr, number_attr, number_text, read,
    size_text_kib,
};
use super::{Cpu, CpuTune, Devices, GuestCell, MemoryBacking, NovaMetadata, NumaTune};
use crate::cpuset::{Cpuset, HIGHEST};
use crate::error::Result;

/// A domain as libvirt declares it. What the kernel really does is in
/// [`GuestProcess`](crate::host::GuestProcess).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Domain {
    #[serde(skip)]
    xml: String,
    /// `<name>`: Nova's `instance-0000001f`.
    pub name: String,
    /// `<uuid>`: Nova's server id.
    pub uuid: String,
    /// `id=`: libvirt's number while it runs.
    pub id: Option<u32>,
    /// `type=`: `kvm`, or `qemu` for emulation.
    pub kind: String,
    /// `<memory>`, the most it can have, in KiB.
    pub memory_kib: u64,
    /// `<currentMemory>` in KiB.
    pub current_memory_kib: u64,
    /// `<vcpu>`.
    pub vcpus: Vcpus,
    /// `<iothreads>`: how many I/O threads.
    pub iothreads: u32,
    /// `<os>`.
    pub os: Os,
    /// `<cpu>`.
    pub cpu: Option<Cpu>,
    /// `<cputune>`.
    pub cputune: CpuTune,
    /// `<numatune>`.
    pub numatune: Option<NumaTune>,
    /// `<memoryBacking>`.
    pub memory_backing: MemoryBacking,
    /// `<features>`.
    pub features: Features,
    /// `<clock>`.
    pub clock: Option<Clock>,
    /// `<devices>`.
    pub devices: Devices,
    /// `<launchSecurity>`: memory encryption.
    pub launch_security: Option<LaunchSecurity>,
    /// Nova's element in `<metadata>`; `None` for a domain that Nova did not make.
    pub nova: Option<NovaMetadata>,
}

/// `<vcpu>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vcpus {
    /// The most it can have.
    pub count: u32,
    /// `current=`: those that are plugged in now.
    pub current: u32,
    /// `placement=`: `static` or `auto`.
    pub placement: Option<String>,
    /// `cpuset=`: the host CPUs of all vCPUs without a pin of their own.
    pub cpus: Option<Cpuset>,
}

/// `<os>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Os {
    /// `<type>`: `hvm`.
    pub kind: Option<String>,
    /// `<type arch=…>`: `x86_64`.
    pub arch: Option<String>,
    /// `<type machine=…>`: `pc-q35-9.2`.
    pub machine: Option<String>,
    /// `<loader>`: the firmware's path, with UEFI.
    pub loader: Option<String>,
    /// `<nvram>`: where the firmware keeps its variables on the host, with UEFI.
    pub nvram: Option<String>,
    /// `<loader secure=…>`: secure boot.
    pub secure_boot: bool,
    /// `<boot dev=…>`, in order.
    pub boot: Vec<String>,
}

/// `<features>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Features {
    /// `<acpi/>`.
    pub acpi: bool,
    /// `<apic/>`.
    pub apic: bool,
    /// `<smm>`, which secure boot needs.
    pub smm: bool,
    /// `<kvm><hidden>`: the guest cannot see that it runs on KVM.
    pub kvm_hidden: bool,
    /// `<pmu>`: performance counters; `None` leaves it to the hypervisor.
    pub pmu: Option<bool>,
    /// `<vmcoreinfo>`.
    pub vmcoreinfo: bool,
    /// `<hyperv>`: enlightenments by name, and whether they are on.
    pub hyperv: BTreeMap<String, bool>,
    /// `<ioapic driver=…>`: `kvm` or `qemu`.
    pub ioapic: Option<String>,
}

/// `<clock>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// `utc`, `localtime`, `timezone` or `variable`.
    pub offset: String,
    /// `<timer>`s.
    pub timers: Vec<Timer>,
}

/// `<timer>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timer {
    /// `rtc`, `pit`, `hpet`, `kvmclock`, `hypervclock`, `tsc`.
    pub name: String,
    /// `present=`; `None` leaves it to the hypervisor.
    pub present: Option<bool>,
    /// `tickpolicy=`: `delay`, `catchup`, `merge`, `discard`.
    pub tick_policy: Option<String>,
}

/// `<launchSecurity>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaunchSecurity {
    /// `sev`, `sev-snp`, `s390-pv`, `tdx`.
    pub kind: String,
    /// `<policy>`, a number in hexadecimal as libvirt writes it.
    pub policy: Option<String>,
}

impl Domain {
    /// Read a domain's XML. `source_of` says for errors where it is from: "host `cmp1`".
    ///
    /// # Errors
    /// [`Error::Parse`](crate::Error::Parse) with line and column.
    pub fn parse(xml: impl Into<String>, source_of: &str) -> Result<Domain> {
        let xml = xml.into();
        let domain = read("domain XML", source_of, &xml, "domain", domain)?;
        Ok(Domain { xml, ..domain })
    }

    /// The text it was read from, byte for byte.
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// The host CPUs each vCPU is declared to run on: its `<vcpupin>`, else
    /// `<vcpu cpuset=…>`. A vCPU without either is left out: it may run anywhere.
    pub fn vcpu_pins(&self) -> BTreeMap<u32, Cpuset> {
        let mut pins = BTreeMap::new();
        for vcpu in 0..self.vcpus.count {
            let pin = self.cputune.vcpu_pins.get(&vcpu).or(self.vcpus.cpus.as_ref());
            if let Some(cpus) = pin {
                pins.insert(vcpu, cpus.clone());
            }
        }
        pins
    }

    /// The host CPUs that any vCPU is declared to run on.
    pub fn pinned_cpus(&self) -> Cpuset {
        self.vcpu_pins().into_values().fold(Cpuset::new(), |all, cpus| all.union(&cpus))
    }

    /// Whether every vCPU has one host CPU of its own, as with `hw:cpu_policy=dedicated`.
    pub fn is_pinned(&self) -> bool {
        let pins = &self.cputune.vcpu_pins;
        let all = (0..self.vcpus.count).all(|vcpu| pins.get(&vcpu).is_some_and(|cpus| cpus.len() == 1));
        let different: std::collections::BTreeSet<_> = pins.values().collect();
        self.vcpus.count > 0 && all && different.len() == pins.len()
    }

    /// The guest's NUMA nodes; none when it has no NUMA topology.
    pub fn cells(&self) -> &[GuestCell] {
        self.cpu.as_ref().map(|cpu| cpu.cells.as_slice()).unwrap_or_default()
    }

    /// Whether its memory is declared to be in huge pages.
    pub fn has_huge_pages(&self) -> bool {
        self.memory_backing.huge_pages.is_some()
    }

    /// The console log on the host that Nova reads.
    pub fn console_log(&self) -> Option<&str> {
        self.devices.serials.iter().chain(&self.devices.consoles).find_map(|port| match port.kind.as_str() {
            "file" => port.path.as_deref(),
            _ => port.log.as_deref(),
        })
    }
}

fn domain(node: Node<'_, '_>) -> std::result::Result<Domain, Flaw> {
    let needed = |name: &str| {
        child_text(node, name).ok_or_else(|| Flaw::new(node, format!("<domain> lacks <{name}>")))
    };
    let memory = child(node, "memory").ok_or_else(|| Flaw::new(node, "<domain> lacks <memory>"))?;
    let memory_kib = size_text_kib(memory)?;
    let current_memory_kib = child(node, "currentMemory").map(size_text_kib).transpose()?;
    Ok(Domain {
        // The caller fills it in; two copies of the text would only cost memory.
        xml: String::new(),
        name: needed("name")?,
        uuid: needed("uuid")?,
        id: number_attr(node, "id")?,
        kind: attr(node, "type").unwrap_or_default(),
        memory_kib,
        current_memory_kib: current_memory_kib.unwrap_or(memory_kib),
        vcpus: vcpus(node)?,
        iothreads: child(node, "iothreads").map(number_text).transpose()?.flatten().unwrap_or(0),
        os: child(node, "os").map(os).unwrap_or_default(),
        cpu: child(node, "cpu").map(Cpu::read).transpose()?,
        cputune: child(node, "cputune").map(CpuTune::read).transpose()?.unwrap_or_default(),
        numatune: child(node, "numatune").map(NumaTune::read).transpose()?,
        memory_backing: child(node, "memoryBacking")
            .map(MemoryBacking::read)
            .transpose()?
            .unwrap_or_default(),
        features: child(node, "features").map(features).unwrap_or_default(),
        clock: child(node, "clock").map(clock),
        devices: child(node, "devices").map(Devices::read).transpose()?.unwrap_or_default(),
        launch_security: child(node, "launchSecurity").map(|node| LaunchSecurity {
            kind: attr(node, "type").unwrap_or_default(),
            policy: child_text(node, "policy"),
        }),
        nova: child(node, "metadata").map(NovaMetadata::read).transpose()?.flatten(),
    })
}

fn vcpus(domain: Node<'_, '_>) -> std::result::Result<Vcpus, Flaw> {
    let Some(node) = child(domain, "vcpu") else {
        // libvirt's own default.
        return Ok(Vcpus { count: 1, current: 1, placement: None, cpus: None });
    };
    let count = number_text(node)?.ok_or_else(|| Flaw::new(node, "<vcpu> is empty"))?;
    // They are counted one by one: a number out of nowhere would take minutes. libvirt's own limit is a
    // quarter of this (`VIR_DOMAIN_CPUMASK_LEN`).
    if count > HIGHEST {
        return Err(Flaw::new(node, format!("<vcpu> is `{count}`, more than any domain can have")));
    }
    Ok(Vcpus {
        count,
        current: number_attr(node, "current")?.unwrap_or(count),
        placement: attr(node, "placement"),
        cpus: cpuset_attr(node, "cpuset")?,
    })
}

fn os(node: Node<'_, '_>) -> Os {
    let kind = child(node, "type");
    let loader = child(node, "loader");
    Os {
        kind: child_text(node, "type"),
        arch: kind.and_then(|kind| attr(kind, "arch")),
        machine: kind.and_then(|kind| attr(kind, "machine")),
        loader: child_text(node, "loader"),
        nvram: child_text(node, "nvram"),
        secure_boot: loader.and_then(|loader| flag_attr(loader, "secure")).unwrap_or(false),
        boot: children(node, "boot").filter_map(|boot| attr(boot, "dev")).collect(),
    }
}

fn features(node: Node<'_, '_>) -> Features {
    let state = |path: &[&str]| descend(node, path).map(|node| flag_attr(node, "state").unwrap_or(true));
    let hyperv = child(node, "hyperv").into_iter().flat_map(|hyperv| hyperv.children());
    Features {
        acpi: child(node, "acpi").is_some(),
        apic: child(node, "apic").is_some(),
        smm: state(&["smm"]).unwrap_or(false),
        kvm_hidden: state(&["kvm", "hidden"]).unwrap_or(false),
        pmu: state(&["pmu"]),
        vmcoreinfo: state(&["vmcoreinfo"]).unwrap_or(false),
        hyperv: hyperv
            .filter(Node::is_element)
            .map(|node| (node.tag_name().name().to_string(), flag_attr(node, "state").unwrap_or(true)))
            .collect(),
        ioapic: child(node, "ioapic").and_then(|node| attr(node, "driver")),
    }
}

fn clock(node: Node<'_, '_>) -> Clock {
    let timer = |node| Timer {
        name: attr(node, "name").unwrap_or_default(),
        present: flag_attr(node, "present"),
        tick_policy: attr(node, "tickpolicy"),
    };
    Clock {
        offset: attr(node, "offset").unwrap_or_default(),
        timers: children(node, "timer").map(timer).collect(),
    }
}
