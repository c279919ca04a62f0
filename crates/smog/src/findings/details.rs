//! What a machine itself says beyond its configuration: clock, kernel, siblings, pages, devices,
//! interfaces, programs. One script.

use std::collections::{BTreeMap, BTreeSet};

use crate::cpuset::Cpuset;

/// What [`DETAILS`] printed. What the machine does not have is empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details {
    /// Between these two numbers lies how far its clock is ahead of the one here, in seconds (negative:
    /// behind); as close as the time that asking took.
    pub clock_ahead_s: Option<(f64, f64)>,
    /// `uname -r`.
    pub kernel: String,
    /// `btime` of `/proc/stat`: when the kernel started, in seconds since 1970. Hosts of Nova that are
    /// containers of one machine have the same.
    pub booted: i64,
    /// The CPUs of each core, where it has several.
    pub siblings: Vec<Cpuset>,
    /// `/sys/devices/system/cpu/isolated`: what `isolcpus=` keeps free of other programs.
    pub isolated: Cpuset,
    /// Network interfaces with their MTU in bytes.
    pub interfaces: BTreeMap<String, u32>,
    /// Interfaces of Open vSwitch; `None` where there is none, or where it does not answer.
    pub switch: Option<Vec<SwitchPort>>,
    /// Huge pages, by NUMA node and size.
    pub pages: Vec<NodePages>,
    /// Processes whose program was replaced since they were started.
    pub replaced: BTreeSet<u32>,
    /// PCI devices with their drivers: "0000:3b:02.1".
    pub pci: BTreeMap<String, Option<String>>,
    /// Threads that are neither the kernel's nor a guest's, by program and CPUs; only where CPUs are
    /// isolated.
    pub programs: Vec<Program>,
    /// Interrupts of devices that have come to isolated CPUs since the kernel started; only where CPUs
    /// are isolated.
    pub interrupts: Vec<Interrupt>,
}

/// An interrupt of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupt {
    /// Its number.
    pub number: u32,
    /// The CPUs that it comes to (`effective_affinity_list`).
    pub cpus: Cpuset,
    /// How often it has come to isolated CPUs.
    pub count: u64,
    /// Whose it is, as `/proc/interrupts` says: "eth0-TxRx-1".
    pub name: String,
}

/// An interface of Open vSwitch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwitchPort {
    /// Its name: "tap1a2b3c4d-5e".
    pub name: String,
    /// The server, by Nova's os-vif (`vm-uuid`) or by libvirt (`vm-id`).
    pub server: Option<String>,
    /// Neutron's port (`iface-id`).
    pub port: Option<String>,
}

/// Huge pages of one size on one NUMA node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodePages {
    /// The node.
    pub node: u32,
    /// The size of a page in KiB.
    pub size_kib: u64,
    /// `nr_hugepages`.
    pub total: u64,
    /// `free_hugepages`.
    pub free: u64,
}

/// A program with threads on the same CPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its process.
    pub pid: u32,
    /// Its name.
    pub name: String,
    /// The CPUs its threads may run on.
    pub cpus: Cpuset,
}

/// Prints sections, each after a line `== NAME`. Nothing here starts a process for each file.
pub(super) const DETAILS: &str = r#"
echo '== now'; date +%s.%N
echo '== kernel'; uname -r; sed -n 's/^btime //p' /proc/stat
echo '== siblings'; cat /sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list 2>/dev/null | sort -u
echo '== isolated'; cat /sys/devices/system/cpu/isolated 2>/dev/null
echo '== interfaces'; grep -sH '' /sys/class/net/*/mtu
echo '== pages'; grep -sH '' /sys/devices/system/node/node[0-9]*/hugepages/*/nr_hugepages /sys/devices/system/node/node[0-9]*/hugepages/*/free_hugepages
echo '== replaced'; find /proc/[0-9]*/exe -maxdepth 0 -lname '*qemu*(deleted)' -printf '%h\n' 2>/dev/null
echo '== pci'; ls -1 /sys/bus/pci/devices 2>/dev/null; find /sys/bus/pci/devices/*/driver -maxdepth 0 -printf '%h %l\n' 2>/dev/null
echo '== switch'; command -v ovs-vsctl >/dev/null && timeout 5 ovs-vsctl --timeout=4 --format=json --columns=name,external_ids list Interface 2>/dev/null
echo; echo '== programs'
grep -q . /sys/devices/system/cpu/isolated 2>/dev/null && grep -sE '^(Name|Tgid|PPid|Cpus_allowed_list):' /proc/[0-9]*/task/[0-9]*/status |
awk -F'\t' '{ split($1, a, ":"); k = a[2]; if (k == "Name") n = $2; if (k == "Tgid") t = $2; if (k == "PPid") p = $2; if (k == "Cpus_allowed_list" && t != 2 && p != 2) print t, $2, n }' | sort -u
echo '== interrupts'
grep -q . /sys/devices/system/cpu/isolated 2>/dev/null && awk -v list="$(cat /sys/devices/system/cpu/isolated)" '
BEGIN { n = split(list, parts, ","); for (i = 1; i <= n; i++) { m = split(parts[i], ends, "-"); for (c = ends[1]; c <= ends[m]; c++) kept[c + 0] = 1 } }
NR == 1 { cpus = NF; for (i = 1; i <= NF; i++) cpu[i + 1] = substr($i, 4) + 0; next }
$1 ~ /^[0-9]+:$/ { count = 0; for (i = 2; i <= cpus + 1; i++) if (cpu[i] in kept) count += $i; if (!count) next
  irq = substr($1, 1, length($1) - 1); at = ""; file = "/proc/irq/" irq "/effective_affinity_list"; getline at < file; close(file)
  if (at == "") { file = "/proc/irq/" irq "/smp_affinity_list"; getline at < file; close(file) }
  if (at != "") print irq, at, count, $NF }' /proc/interrupts
exit 0"#;

impl Details {
    /// Read what [`DETAILS`] printed; the clock is for the caller, who knows when it was asked. `None`
    /// when it is nothing of the kind.
    pub(super) fn parse(text: &str) -> Option<Details> {
        let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut lines = None;
        for line in text.lines() {
            match line.strip_prefix("== ") {
                Some(name) => lines = Some(sections.entry(name).or_default()),
                None => lines.iter_mut().for_each(|lines| lines.push(line)),
            }
        }
        let all = |name: &str| sections.get(name).map(Vec::as_slice).unwrap_or_default();
        let kernel = all("kernel");
        Some(Details {
            clock_ahead_s: None,
            kernel: kernel.first()?.trim().to_string(),
            booted: kernel.get(1)?.trim().parse().ok()?,
            siblings: all("siblings")
                .iter()
                .filter_map(|line| line.trim().parse::<Cpuset>().ok())
                .filter(|cpus| cpus.len() > 1)
                .collect(),
            isolated: all("isolated").first().and_then(|line| line.trim().parse().ok()).unwrap_or_default(),
            interfaces: all("interfaces").iter().filter_map(|line| interface(line)).collect(),
            switch: switch(&all("switch").join("\n")),
            pages: pages(all("pages")),
            replaced: all("replaced")
                .iter()
                .filter_map(|line| line.strip_prefix("/proc/")?.parse().ok())
                .collect(),
            pci: pci(all("pci")),
            programs: all("programs").iter().filter_map(|line| program(line)).collect(),
            interrupts: all("interrupts").iter().filter_map(|line| interrupt(line)).collect(),
        })
    }

    /// The other CPUs of a CPU's core.
    pub fn siblings_of(&self, cpu: u32) -> Cpuset {
        let core = self.siblings.iter().find(|core| core.contains(cpu));
        core.map(|core| core.difference(&[cpu].into_iter().collect())).unwrap_or_default()
    }
}

/// The time in what [`DETAILS`] printed, in seconds since 1970.
pub(super) fn clock(text: &str) -> Option<f64> {
    let mut lines = text.lines().skip_while(|line| *line != "== now");
    lines.nth(1)?.trim().parse().ok()
}

/// `/sys/class/net/tap0/mtu:1500`
fn interface(line: &str) -> Option<(String, u32)> {
    let (path, mtu) = line.rsplit_once(':')?;
    let name = path.strip_prefix("/sys/class/net/")?.strip_suffix("/mtu")?;
    Some((name.to_string(), mtu.parse().ok()?))
}

/// `/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages:512`
fn pages(lines: &[&str]) -> Vec<NodePages> {
    let mut found: BTreeMap<(u32, u64), (u64, u64)> = BTreeMap::new();
    for line in lines {
        let read = || {
            let (path, count) = line.rsplit_once(':')?;
            let (node, rest) =
                path.strip_prefix("/sys/devices/system/node/node")?.split_once("/hugepages/hugepages-")?;
            let (size, file) = rest.split_once("kB/")?;
            let key = (node.parse::<u32>().ok()?, size.parse::<u64>().ok()?);
            Some((key, file, count.trim().parse::<u64>().ok()?))
        };
        if let Some((key, file, count)) = read() {
            let entry = found.entry(key).or_default();
            match file {
                "nr_hugepages" => entry.0 = count,
                _ => entry.1 = count,
            }
        }
    }
    let page = |((node, size_kib), (total, free))| NodePages { node, size_kib, total, free };
    found.into_iter().map(page).collect()
}

fn pci(lines: &[&str]) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    for line in lines {
        match line.strip_prefix("/sys/bus/pci/devices/") {
            None => drop(found.entry(line.trim().to_string()).or_insert(None)),
            Some(rest) => {
                if let Some((address, link)) = rest.split_once(' ') {
                    let driver = link.rsplit('/').next().unwrap_or(link).to_string();
                    found.insert(address.to_string(), Some(driver));
                }
            }
        }
    }
    found
}

/// A table of OVSDB in JSON: `external_ids` is `["map", [[key, value], …]]`.
fn switch(text: &str) -> Option<Vec<SwitchPort>> {
    let table: serde_json::Value = serde_json::from_str(text.trim()).ok()?;
    let port = |row: &serde_json::Value| {
        let ids: BTreeMap<&str, &str> = row
            .get(1)?
            .get(1)?
            .as_array()?
            .iter()
            .filter_map(|pair| Some((pair.get(0)?.as_str()?, pair.get(1)?.as_str()?)))
            .collect();
        let of = |key: &str| ids.get(key).map(|value| value.to_string());
        Some(SwitchPort {
            name: row.get(0)?.as_str()?.to_string(),
            server: of("vm-uuid").or_else(|| of("vm-id")),
            port: of("iface-id"),
        })
    };
    Some(table.get("data")?.as_array()?.iter().filter_map(port).collect())
}

/// `1234 0-3 sshd`
fn program(line: &str) -> Option<Program> {
    let mut words = line.splitn(3, ' ');
    let (pid, cpus, name) = (words.next()?, words.next()?, words.next()?);
    Some(Program { pid: pid.parse().ok()?, name: name.trim().to_string(), cpus: cpus.parse().ok()? })
}

/// `42 3 1017 eth0-TxRx-1`
fn interrupt(line: &str) -> Option<Interrupt> {
    let mut words = line.splitn(4, ' ');
    let (number, cpus, count, name) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let (number, cpus, count) = (number.parse().ok()?, cpus.parse().ok()?, count.parse().ok()?);
    Some(Interrupt { number, cpus, count, name: name.trim().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_says() {
        // By hand, in the form that the commands have on the lab; the switch's row is the lab's own.
        let text = "== now\n1795860000.250000000\n== kernel\n6.18.44\n1795832612\n== siblings\n0,4\n1,5\n2\n\
                    == isolated\n4-5\n== interfaces\n/sys/class/net/lo/mtu:65536\n/sys/class/net/tap1/mtu:1450\n\
                    == pages\n/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages:512\n\
                    /sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages:500\n\
                    == replaced\n/proc/77\n== pci\n0000:00:01.0\n0000:3b:02.1\n\
                    /sys/bus/pci/devices/0000:3b:02.1 ../../../bus/pci/drivers/vfio-pci\n== switch\n\
                    {\"data\":[[\"tap23529cb4-18\",[\"map\",[[\"iface-id\",\"p1\"],[\"vm-uuid\",\"s1\"]]]],\
                    [\"br-int\",[\"map\",[]]]],\"headings\":[\"name\",\"external_ids\"]}\n\n== programs\n12 0-5 my daemon\n\
                    == interrupts\n42 4 1017 eth0-TxRx-1\n";
        let found = Details::parse(text).expect("details");
        assert_eq!(clock(text), Some(1_795_860_000.25));
        assert_eq!((found.kernel.as_str(), found.booted), ("6.18.44", 1_795_832_612));
        assert_eq!((found.siblings_of(4).to_string(), found.siblings_of(2).is_empty()), ("0".into(), true));
        assert_eq!((found.isolated.to_string(), found.interfaces["tap1"]), ("4-5".into(), 1450));
        assert_eq!(found.pages, [NodePages { node: 0, size_kib: 2048, total: 512, free: 500 }]);
        assert!(found.replaced.contains(&77));
        assert_eq!(found.pci["0000:3b:02.1"].as_deref(), Some("vfio-pci"));
        assert_eq!(found.pci["0000:00:01.0"], None);
        let switch = found.switch.expect("a switch");
        assert_eq!((switch[0].server.as_deref(), switch[0].port.as_deref()), (Some("s1"), Some("p1")));
        assert_eq!(switch[1].server, None);
        assert_eq!((found.programs[0].pid, found.programs[0].name.as_str()), (12, "my daemon"));
        let wanted = Interrupt {
            number: 42,
            cpus: "4".parse().expect("a CPU"),
            count: 1017,
            name: "eth0-TxRx-1".into(),
        };
        assert_eq!(found.interrupts, [wanted]);
        assert_eq!(Details::parse(""), None, "no answer is not a machine with nothing");
        assert_eq!(Details::parse("== now\n"), None);
    }
}
