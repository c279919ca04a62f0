//! What a host is: CPUs, cells, pages, kernel, devices, versions. One command gathers it all.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::Result;
use crate::host::dump::Dump;
use crate::host::{
    Answers, Ask, Batch, Cell, Cmd, Cpus, Host, Kernel, Memory, PciAddress, PciDevice, cells, cpus, kernel,
    pci,
};

/// What a host was when it was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// `/proc/sys/kernel/hostname`.
    pub hostname: String,
    /// `/proc/sys/kernel/random/boot_id`: another one after each boot. A
    /// container that systemd-nspawn started has one of its own.
    pub boot_id: String,
    /// When the kernel started, by the host's clock less `/proc/uptime`; the same in all containers of a machine.
    pub kernel_started: Option<jiff::Timestamp>,
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
    /// The NUMA nodes.
    pub cells: Vec<Cell>,
    /// The memory of the whole host.
    pub memory: Memory,
    /// PCI devices, by address.
    pub pci: Vec<PciDevice>,
    /// Whether there is `/dev/kvm`.
    pub has_kvm: bool,
    /// What the host itself runs on, by `systemd-detect-virt`: `kvm`, `systemd-nspawn` …; `None` on bare metal.
    pub virtualization: Option<String>,
    /// libvirt's version, by `virsh version`; `None` where libvirt does not answer.
    pub libvirt_version: Option<String>,
    /// QEMU's version, by `virsh version`.
    pub qemu_version: Option<String>,
    /// What the lab says about itself; `None` on any other host.
    pub lab: Option<LabMarker>,
    /// When it was asked.
    pub seen_at: jiff::Timestamp,
    /// What a recording does not hold of it; empty of a host that was asked itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
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

    /// Whether this and another host share a kernel, as containers of one
    /// machine do, and so its CPUs and huge pages: count those once.
    ///
    /// True when the boot ids are the same, and when release and memory are and
    /// the kernels started within half a second. Two machines that are alike and
    /// were switched on in the same moment would be taken for one.
    pub fn shares_kernel_with(&self, other: &Facts) -> bool {
        if !self.boot_id.is_empty() && self.boot_id == other.boot_id {
            return true;
        }
        let together = match (self.kernel_started, other.kernel_started) {
            (Some(one), Some(two)) => one.duration_since(two).abs() < jiff::SignedDuration::from_millis(500),
            _ => false,
        };
        together
            && self.kernel.release == other.kernel.release
            && self.memory.total_kib == other.memory.total_kib
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
        let dump =
            batch.add(Cmd::shell(format!("grep -sH '' {}", files.join(" "))).expect([0, 1, 2]).look("files"));
        let links = batch.add_dispensable(Cmd::shell(pci::LINKS).look("links of PCI devices"));
        let machine = batch.add_dispensable(Cmd::new("uname").arg("-m"));
        let kvm = batch.add_dispensable(Cmd::new("test").args(["-e", "/dev/kvm"]));
        let clock = Cmd::shell("read -r up rest </proc/uptime; date +%s.%N; echo \"$up\"");
        let clock = batch.add_dispensable(clock.look("clock"));
        let virt = batch.add_dispensable(Cmd::new("systemd-detect-virt"));
        let ask_versions =
            Cmd::new("virsh").args(["-r", "-c", "qemu:///system", "version", "--daemon"]).look("versions");
        let virsh = batch.add_dispensable(ask_versions.clone());
        let answers = self.outside().ask(batch).await?;
        let dump = Dump::parse(&answers.good(dump)?.text());
        let word = |ask| Some(answers.get(ask).text().trim().to_string());
        let mut versions = answers.get(virsh).text().into_owned();
        if versions.is_empty()
            && let Ok(output) = Box::pin(self.outside().virsh_run(ask_versions.repeatable(), None)).await
        {
            // libvirt is in a container.
            versions = output.text().into_owned();
        }
        let cpus = cpus::cpus(&dump);
        let one =
            |path: &str| dump.get(path).map(str::trim).filter(|text| !text.is_empty()).map(str::to_string);
        let release = key_values(dump.get("/etc/os-release").unwrap_or_default());
        Ok(Facts {
            hostname: one("/proc/sys/kernel/hostname").unwrap_or_default(),
            boot_id: one("/proc/sys/kernel/random/boot_id").unwrap_or_default(),
            kernel_started: kernel_started(&answers.get(clock).text()),
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
            unknown: not_recorded(
                &[
                    (links, "PCI devices"),
                    (kvm, "/dev/kvm"),
                    (virt, "what the host runs on"),
                    (virsh, "the versions of libvirt and QEMU"),
                ],
                &answers,
            ),
            seen_at: answers.between().1,
        })
    }
}

/// What a recording does not hold.
fn not_recorded(asked: &[(Ask, &str)], answers: &Answers) -> Vec<String> {
    let missing = asked.iter().filter(|(ask, _)| answers.is_missing(*ask));
    missing.map(|(_, what)| format!("{what}: not recorded")).collect()
}

/// Two lines, both in seconds: the clock, and how long the kernel runs.
fn kernel_started(text: &str) -> Option<jiff::Timestamp> {
    let mut lines = text.lines().map(str::parse::<f64>);
    let (clock, up) = (lines.next()?.ok()?, lines.next()?.ok()?);
    let started = jiff::SignedDuration::try_from_secs_f64(clock - up).ok()?;
    jiff::Timestamp::from_duration(started).ok()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::cpuset::Cpuset;
    use crate::host::dump::Dump;
    use crate::host::{Facts, Host, NestedKvm, PciAddress, Replay, cells, cpus, kernel, pci};

    const DUMP: &str = include_str!("../../tests/data/host/by-hand-two-sockets.dump");
    const LINKS: &str = include_str!("../../tests/data/host/by-hand-two-sockets.links");
    const LAB: &str = include_str!("../../tests/data/host/epoxy-cmp1-facts.json");

    fn set(text: &str) -> Cpuset {
        text.parse().expect("a CPU set")
    }

    fn pci(text: &str) -> PciAddress {
        text.parse().expect("a PCI address")
    }

    #[tokio::test]
    async fn a_compute_of_the_lab() {
        let host = Host::replay("cmp1", Replay::from_json(LAB).expect("a recording"));
        let facts = host.facts().await.expect("facts");
        assert_eq!(facts.hostname, "cmp1");
        assert_eq!((facts.os_id.as_deref(), facts.kernel.machine.as_str()), (Some("debian"), "x86_64"));
        assert_eq!(facts.virtualization.as_deref(), Some("systemd-nspawn"));
        assert_eq!(facts.libvirt_version.as_deref(), Some("11.3.0"));
        assert_eq!(facts.qemu_version.as_deref(), Some("10.0.13"));
        assert!(!facts.has_kvm);
        assert_eq!(facts.cpus.online, set("0-1"));
        assert_eq!(facts.cells.len(), 1);
        let pool = facts.cells[0].pool(2048).expect("2 MiB pages");
        assert_eq!((pool.total, pool.free), (1024, 896));
        assert_eq!(facts.memory.pool(2048).expect("pool").reserved, Some(0));
        assert_eq!(facts.kernel.nested_kvm(), NestedKvm::NoKvm);
        assert!(facts.iommu_groups().is_empty());
        assert_eq!(facts.pci[1].driver.as_deref(), Some("virtio-pci"));
        assert_eq!(facts.lab, None);
        assert_eq!(facts.kernel_started.expect("a time").to_string(), "2026-11-24T05:00:00.25Z");
    }

    #[tokio::test]
    async fn containers_of_one_machine_share_its_kernel() {
        let facts =
            Host::replay("cmp1", Replay::from_json(LAB).expect("a recording")).facts().await.expect("facts");
        let with = |change: fn(&mut Facts)| {
            let mut other = facts.clone();
            change(&mut other);
            facts.shares_kernel_with(&other)
        };
        let later = |milliseconds| {
            move |other: &mut Facts| {
                other.boot_id = "another".to_string();
                let started = other.kernel_started.expect("a time");
                other.kernel_started = Some(started + jiff::SignedDuration::from_millis(milliseconds));
            }
        };
        assert!(with(|_| {}));
        let mut other = facts.clone();
        later(20)(&mut other);
        assert!(facts.shares_kernel_with(&other), "nspawn gives each container a boot id of its own");
        later(5000)(&mut other);
        assert!(!facts.shares_kernel_with(&other));
        assert!(!with(|other| {
            other.boot_id = "another".to_string();
            other.memory.total_kib += 1;
        }));
        assert!(!with(|other| {
            other.boot_id = "another".to_string();
            other.kernel_started = None;
        }));
    }

    #[test]
    fn two_sockets_with_siblings_and_an_offline_cpu() {
        let cpus = cpus::cpus(&Dump::parse(DUMP));
        assert_eq!((cpus.online.clone(), cpus.offline.clone()), (set("0-6"), set("7")));
        assert_eq!((cpus.isolated.clone(), cpus.smt_active), (set("2-6"), Some(true)));
        assert_eq!(cpus.sockets(), 2);
        assert_eq!(cpus.cores(), [set("0,4"), set("1,5"), set("2,6"), set("3")]);
        assert_eq!((cpus.siblings_of(4), cpus.siblings_of(3)), (set("0"), set("")));
        assert_eq!((cpus.list[5].socket, cpus.list[5].core), (Some(1), Some(0)));
    }

    #[test]
    fn two_cells_with_pages_of_two_sizes() {
        let dump = Dump::parse(DUMP);
        let cells = cells::cells(&dump, &set("0-6"));
        assert_eq!(cells.len(), 2);
        assert_eq!((cells[0].cpus.clone(), cells[1].cpus.clone()), (set("0,2,4,6"), set("1,3,5")));
        assert_eq!((cells[1].memory_kib, cells[1].free_kib), (32_921_600, 12_000_000));
        assert_eq!(cells[1].distances, BTreeMap::from([(0, 21), (1, 10)]));
        let free = |cell: usize, size| cells[cell].pool(size).expect("a pool").free;
        assert_eq!((free(0, 1 << 20), free(1, 1 << 20), free(0, 2048), free(1, 2048)), (4, 16, 0, 256));
        let memory = cells::memory(&dump);
        assert_eq!(memory.default_huge_page_kib, Some(1 << 20));
        assert_eq!(memory.pool(1 << 20).expect("a pool").reserved, Some(2));
        assert_eq!(memory.transparent_huge_pages.as_deref(), Some("madvise"));
    }

    #[test]
    fn a_kernel_without_numa_is_one_cell() {
        let text: String =
            DUMP.lines().filter(|line| !line.contains("/node/")).map(|line| format!("{line}\n")).collect();
        let cells = cells::cells(&Dump::parse(&text), &set("0-6"));
        assert_eq!((cells.len(), cells[0].cpus.clone(), cells[0].memory_kib), (1, set("0-6"), 65_843_200));
        assert_eq!(cells[0].pool(2048).expect("a pool").free, 256);
    }

    #[test]
    fn the_command_line_and_nested_kvm() {
        let kernel = kernel::kernel(&Dump::parse(DUMP), "x86_64\n");
        let line = &kernel.command_line;
        assert_eq!(line.get("isolcpus"), Some("managed_irq,domain,2-7"));
        assert_eq!(line.get("hugepages"), Some("512"), "the last one counts");
        assert_eq!(line.get("default-hugepagesz"), Some("1G"), "dashes and underscores are the same");
        assert_eq!(line.get("dyndbg"), Some("file drivers/x +p"), "quotes keep blanks");
        assert_eq!((line.get("ro"), line.get("single")), (Some(""), None));
        assert_eq!(line.parameters.iter().filter(|(name, _)| name == "hugepages").count(), 2);
        assert_eq!(kernel.nested_kvm(), NestedKvm::On);
        assert!(kernel.modules.contains_key("vfio_pci"));
        let off = DUMP.replace("parameters/nested:Y", "parameters/nested:N");
        assert_eq!(kernel::kernel(&Dump::parse(&off), "").nested_kvm(), NestedKvm::Off);
    }

    #[test]
    fn an_sriov_card_and_its_functions() {
        let devices = pci::devices(&Dump::parse(DUMP), LINKS);
        assert_eq!(devices.len(), 6);
        let of =
            |address: &str| devices.iter().find(|device| device.address == pci(address)).expect("a device");
        let card = of("0000:3b:00.0");
        assert_eq!(
            (card.vendor_id.as_str(), card.product_id.as_str(), card.class.as_str()),
            ("8086", "1528", "020000")
        );
        assert_eq!((card.cell, card.driver.as_deref(), card.iommu_group), (Some(0), Some("ixgbe"), Some(28)));
        let sriov = card.sriov.as_ref().expect("SR-IOV");
        assert_eq!((sriov.total, sriov.enabled), (63, 2));
        assert_eq!(sriov.functions, [pci("0000:3b:10.0"), pci("0000:3b:10.2")]);
        let function = of("0000:3b:10.0");
        assert_eq!((function.parent, function.driver.as_deref()), (Some(card.address), Some("vfio-pci")));
        assert_eq!(of("0000:af:00.0").sriov, None, "none possible is none");
        assert_eq!(of("10000:e1:00.0").cell, None, "-1 is not known");
    }
}
