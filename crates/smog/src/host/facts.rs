//! What a host is: CPUs, cells, pages, kernel, devices, versions. One command gathers it all.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::Result;
use crate::host::dump::Dump;
use crate::host::{
    Batch, Cell, Cmd, Cpus, Host, Kernel, Memory, PciAddress, PciDevice, cells, cpus, kernel, pci,
};

/// What a host was when it was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// `/proc/sys/kernel/hostname`.
    pub hostname: String,
    /// `/proc/sys/kernel/random/boot_id`: another one after each boot. Two
    /// hosts with the same one share a kernel (containers), and so their CPUs
    /// and huge pages: count them once.
    pub boot_id: String,
    /// `/etc/machine-id`.
    pub machine_id: Option<String>,
    /// `PRETTY_NAME` of `/etc/os-release`.
    pub os: Option<String>,
    /// `ID` of `/etc/os-release`: `debian`, `centos`, `rhel`, `ubuntu`.
    pub os_id: Option<String>,
    /// The kernel.
    pub kernel: Kernel,
    /// The CPUs.
    pub cpus: Cpus,
    /// The NUMA cells.
    pub cells: Vec<Cell>,
    /// The memory of the whole host.
    pub memory: Memory,
    /// PCI devices, by address.
    pub pci: Vec<PciDevice>,
    /// Whether there is `/dev/kvm`.
    pub has_kvm: bool,
    /// What the host itself runs on, by `systemd-detect-virt`: `kvm`, `systemd-nspawn` …; `None` on bare metal.
    pub virtualization: Option<String>,
    /// libvirt's version, by `virsh version`; `None` where libvirt does not answer on the machine itself.
    pub libvirt_version: Option<String>,
    /// QEMU's version, by `virsh version`.
    pub qemu_version: Option<String>,
    /// What the lab says about itself; `None` on any other host.
    pub lab: Option<LabMarker>,
    /// When it was asked.
    pub seen_at: jiff::Timestamp,
}

/// `/etc/smog-lab`: this host is a container of smog's lab.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LabMarker {
    /// `simulated_cells=`: so many of the cells above are made up for libvirt;
    /// 0 when the cells are the machine's own.
    pub simulated_cells: u32,
    /// `release=`: the OpenStack release.
    pub release: Option<String>,
    /// All its `key=value` lines.
    pub values: BTreeMap<String, String>,
}

impl Facts {
    /// PCI functions by IOMMU group; a group can only be passed through as a whole.
    pub fn iommu_groups(&self) -> BTreeMap<u32, Vec<PciAddress>> {
        let mut groups: BTreeMap<u32, Vec<PciAddress>> = BTreeMap::new();
        for device in &self.pci {
            if let Some(group) = device.iommu_group {
                groups.entry(group).or_default().push(device.address);
            }
        }
        groups
    }

    /// Whether this and another host share a kernel.
    pub fn shares_kernel_with(&self, other: &Facts) -> bool {
        !self.boot_id.is_empty() && self.boot_id == other.boot_id
    }

    /// The cell with this number.
    pub fn cell(&self, id: u32) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.id == id)
    }
}

impl Host {
    /// What this host is, in one command, on the machine itself even when this is a container on it.
    ///
    /// # Errors
    /// As [`Host::run`]. What the host does not have (no libvirt, no PCI) is empty, not an error.
    pub async fn facts(&self) -> Result<Facts> {
        let files = [
            "/proc/sys/kernel/hostname /proc/sys/kernel/random/boot_id /etc/machine-id /etc/os-release /etc/smog-lab",
            cpus::FILES,
            cells::FILES,
            kernel::FILES,
            pci::FILES,
        ];
        let mut batch = Batch::new();
        // Exit code 2: some of the files are not there, as is usual.
        let dump = batch.add(Cmd::shell(format!("grep -sH '' {}", files.join(" "))).expect([0, 1, 2]));
        let links = batch.add(Cmd::shell(pci::LINKS));
        let machine = batch.add(Cmd::new("uname").arg("-m"));
        let kvm = batch.add(Cmd::new("test").args(["-e", "/dev/kvm"]));
        let virt = batch.add(Cmd::new("systemd-detect-virt"));
        let virsh = batch.add(Cmd::new("virsh").args(["-r", "-c", "qemu:///system", "version", "--daemon"]));
        let answers = self.outside().ask(batch).await?;
        let dump = Dump::parse(&answers.good(dump)?.text());
        let word = |ask| Some(answers.get(ask).text().trim().to_string());
        let versions = answers.get(virsh).text().into_owned();
        let cpus = cpus::cpus(&dump);
        let one = |path: &str| dump.get(path).map(str::trim).filter(|text| !text.is_empty()).map(str::to_string);
        let release = key_values(dump.get("/etc/os-release").unwrap_or_default());
        Ok(Facts {
            hostname: one("/proc/sys/kernel/hostname").unwrap_or_default(),
            boot_id: one("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
            machine_id: one("/etc/machine-id"),
            os: release.get("PRETTY_NAME").cloned(),
            os_id: release.get("ID").cloned(),
            kernel: kernel::kernel(&dump, &answers.get(machine).text()),
            cells: cells::cells(&dump, &cpus.online),
            cpus,
            memory: cells::memory(&dump),
            pci: pci::devices(&dump, &answers.get(links).text()),
            has_kvm: answers.get(kvm).exit.is_ok(),
            virtualization: word(virt).filter(|word| !word.is_empty() && word != "none"),
            libvirt_version: version(&versions, &["Running against daemon: ", "Using library: libvirt "]),
            qemu_version: version(&versions, &["Running hypervisor: QEMU "]),
            lab: dump.get("/etc/smog-lab").map(lab_marker),
            seen_at: jiff::Timestamp::now(),
        })
    }
}

fn version(text: &str, prefixes: &[&str]) -> Option<String> {
    let found = |prefix: &&str| text.lines().find_map(|line| line.trim().strip_prefix(*prefix));
    prefixes.iter().find_map(found).map(str::to_string)
}

fn lab_marker(text: &str) -> LabMarker {
    let values = key_values(text);
    LabMarker {
        simulated_cells: values.get("simulated_cells").and_then(|cells| cells.parse().ok()).unwrap_or(0),
        release: values.get("release").cloned(),
        values,
    }
}

/// `KEY=value` lines; quotes around a value are dropped.
fn key_values(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.trim().split_once('='));
    lines.map(|(key, value)| (key.to_string(), value.trim_matches(['"', '\'']).to_string())).collect()
}
