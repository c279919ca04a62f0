//! The QEMU process of a guest: threads, their affinity, control groups and memory, from /proc.
//!
//! This is the kernel's truth, which the domain XML only declares.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cpuset::Cpuset;
use crate::error::{Error, Result};
use crate::host::dump::Dump;
use crate::host::memory_maps::{parse_numa_maps, parse_smaps};
use crate::host::threads::{fields, threads};
use crate::host::{Cmd, Host, MemoryMaps, Role, Thread};

/// The QEMU process of a guest, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuestProcess {
    /// The process id.
    pub pid: u32,
    /// The domain's name (`-name guest=…`): Nova's `instance-0000001f`.
    pub name: String,
    /// The domain's UUID (`-uuid`), which is Nova's server id.
    pub uuid: String,
    /// The words it was started with.
    pub command_line: Vec<String>,
    /// Resident memory in KiB without huge pages (`VmRSS`).
    pub rss_kib: u64,
    /// Huge pages in KiB (`HugetlbPages`).
    pub huge_kib: u64,
    /// Memory locked into RAM in KiB (`VmLck`).
    pub locked_kib: u64,
    /// Its threads, the main one first.
    pub threads: Vec<Thread>,
    /// Where its memory is; only where it was asked for, since the kernel walks all pages for it.
    pub memory: Option<MemoryMaps>,
}

impl GuestProcess {
    /// Out of what the gathering script printed when it was recorded.
    #[cfg(test)]
    pub(crate) fn parse_all(text: &str) -> Vec<GuestProcess> {
        parse(text)
    }

    /// The CPUs each vCPU thread may run on, by vCPU number: compare with the
    /// domain's `vcpupin`. A host with `tcg,thread=single` has one thread for
    /// all vCPUs, and only that one here.
    pub fn vcpu_affinity(&self) -> BTreeMap<u32, Cpuset> {
        let vcpu = |thread: &Thread| match thread.role {
            Role::Vcpu(number) => Some((number, thread.cpus.clone())),
            _ => None,
        };
        self.threads.iter().filter_map(vcpu).collect()
    }

    /// The CPUs each I/O thread may run on, by its number.
    pub fn iothread_affinity(&self) -> BTreeMap<u32, Cpuset> {
        let io = |thread: &Thread| match thread.role {
            Role::IoThread(number) => Some((number, thread.cpus.clone())),
            _ => None,
        };
        self.threads.iter().filter_map(io).collect()
    }

    /// The CPUs the main thread may run on: compare with the domain's `emulatorpin`.
    pub fn emulator_affinity(&self) -> Option<&Cpuset> {
        self.threads.iter().find(|thread| thread.tid == self.pid).map(|thread| &thread.cpus)
    }

    /// The thread of a vCPU.
    pub fn vcpu(&self, number: u32) -> Option<&Thread> {
        self.threads.iter().find(|thread| thread.role == Role::Vcpu(number))
    }

    /// The accelerator QEMU was started with: `kvm` or `tcg`.
    pub fn accelerator(&self) -> Option<&str> {
        let at = self.command_line.iter().position(|word| word == "-accel")?;
        self.command_line.get(at + 1)?.split(',').next()
    }
}

impl Host {
    /// The QEMU process of a guest, by domain name or UUID, with its memory.
    /// One command, on the machine itself even when this is a container on it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no such process runs; otherwise as [`Host::run`].
    pub async fn guest_process(&self, name_or_uuid: &str) -> Result<GuestProcess> {
        let pattern = regex_literal(name_or_uuid);
        let output = self.outside().run(gather(Some(&pattern))).await?;
        let found = parse(&output.text());
        let named = |process: &&GuestProcess| process.name == name_or_uuid || process.uuid == name_or_uuid;
        found.iter().find(named).cloned().ok_or_else(|| Error::NotFound {
            what: format!("QEMU process on host {}", self.name()),
            name: name_or_uuid.to_string(),
            near: Vec::new(),
        })
    }

    /// The QEMU processes of all guests on this host, without their memory. One command.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub async fn guest_processes(&self) -> Result<Vec<GuestProcess>> {
        let output = self.outside().run(gather(None)).await?;
        Ok(parse(&output.text()))
    }
}

/// One command that prints all that [`parse`] reads: for every process a line
/// `== PID`, then `part` lines, each with its text.
fn gather(pattern: Option<&str>) -> Cmd {
    // The argument after -name is `guest=NAME,debug-threads=on`, the one after -uuid the UUID alone.
    let select = match pattern {
        Some(pattern) => format!("^guest={pattern}(,|$)|^{pattern}$"),
        None => "^guest=".to_string(),
    };
    let look = match pattern {
        Some(pattern) => format!("guest process {pattern}"),
        None => "guest processes".to_string(),
    };
    let script = r#"
for f in $(grep -lszE "$1" /proc/[0-9]*/cmdline); do
p=${f#/proc/}; p=${p%/cmdline}
tr '\0' '\n' <$f 2>/dev/null | grep -qxE -e -uuid || continue
echo "== $p"
echo "== command_line"; tr '\0' '\n' <$f
echo "== status"; grep -E '^(VmRSS|VmLck|HugetlbPages):' /proc/$p/status
echo "== files"
grep -sHE '^(Name|Cpus_allowed_list|Mems_allowed_list):' /proc/$p/task/*/status
grep -sH '' /proc/$p/task/*/stat /proc/$p/task/*/cgroup
awk -F: '$2 == "" { print "/sys/fs/cgroup" $3 "/cpuset.cpus.effective"; print "/sys/fs/cgroup" $3 "/cpuset.mems.effective" }
("," $2 ",") ~ /,cpuset,/ { print "/sys/fs/cgroup/cpuset" $3 "/cpuset.cpus"; print "/sys/fs/cgroup/cpuset" $3 "/cpuset.mems" }' \
/proc/$p/task/*/cgroup 2>/dev/null | sed 's://*:/:g' | sort -u | while read -r c; do grep -sH '' "$c"; done
if [ -n "$2" ]; then
echo "== numa_maps"; cat /proc/$p/numa_maps 2>/dev/null
echo "== smaps"; grep -E '^[0-9a-f]+-|^(Size|KernelPageSize|Shared_Hugetlb|Private_Hugetlb|AnonHugePages|ShmemPmdMapped|FilePmdMapped):' /proc/$p/smaps |
awk '/^[0-9a-f]+-/ { head = $0; text = ""; big = 0; next } { text = text "\n" $0 } /^KernelPageSize/ && $2 > 64 { big = 1 } /^(AnonHugePages|ShmemPmdMapped|FilePmdMapped)/ && $2 > 0 { big = 1 } /^Private_Hugetlb/ && big { print head text }'
fi
done
exit 0"#;
    Cmd::shell(script)
        .args([select.as_str(), if pattern.is_some() { "memory" } else { "" }])
        .look(look)
        .repeatable()
}

/// The processes in what [`gather`] printed. One that ended while it was read is left out.
fn parse(text: &str) -> Vec<GuestProcess> {
    let mut processes = Vec::new();
    let mut pid = None;
    let mut parts: BTreeMap<&str, String> = BTreeMap::new();
    let mut part = "";
    for line in text.lines() {
        match line.strip_prefix("== ") {
            Some(head) => match head.parse::<u32>() {
                Ok(number) => {
                    processes.extend(pid.and_then(|pid| process(pid, &parts)));
                    parts.clear();
                    pid = Some(number);
                }
                Err(_) => {
                    part = head;
                    parts.insert(part, String::new());
                }
            },
            None => {
                let text = parts.entry(part).or_default();
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    processes.extend(pid.and_then(|pid| process(pid, &parts)));
    processes
}

fn process(pid: u32, parts: &BTreeMap<&str, String>) -> Option<GuestProcess> {
    let command_line: Vec<String> = parts.get("command_line")?.lines().map(str::to_string).collect();
    let after = |option: &str| {
        let at = command_line.iter().position(|word| word == option)?;
        command_line.get(at + 1).map(String::as_str)
    };
    let name = guest_name(after("-name")?)?;
    let uuid = after("-uuid")?.to_string();
    let status = fields(parts.get("status")?);
    let kib = |key: &str| {
        status.get(key).and_then(|value| value.trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
    };
    let memory = parts.get("numa_maps").map(|text| {
        let (huge_maps, transparent_huge_kib) =
            parse_smaps(parts.get("smaps").map(String::as_str).unwrap_or_default());
        MemoryMaps { numa_maps: parse_numa_maps(text), huge_maps, transparent_huge_kib }
    });
    let threads = threads(&Dump::parse(parts.get("files")?), pid);
    if threads.is_empty() {
        return None;
    }
    Some(GuestProcess {
        pid,
        name,
        uuid,
        rss_kib: kib("VmRSS"),
        huge_kib: kib("HugetlbPages"),
        locked_kib: kib("VmLck"),
        command_line,
        threads,
        memory,
    })
}

/// The name in `guest=NAME,debug-threads=on`; a comma in the name is written twice.
fn guest_name(option: &str) -> Option<String> {
    let rest = option.strip_prefix("guest=")?;
    let mut name = String::new();
    let mut letters = rest.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == ',' && letters.next_if_eq(&',').is_none() {
            break;
        }
        name.push(letter);
    }
    Some(name)
}

/// `text` as an extended regular expression that matches it alone.
fn regex_literal(text: &str) -> String {
    let doubled = text.replace(',', ",,");
    doubled.chars().fold(String::new(), |mut regex, letter| {
        if !(letter.is_alphanumeric() || matches!(letter, '-' | '_' | ' ' | ',')) {
            regex.push('\\');
        }
        regex.push(letter);
        regex
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{guest_name, parse, regex_literal};
    use crate::cpuset::Cpuset;
    use crate::host::{Policy, Role};

    const PINNED: &str = include_str!("../../tests/data/host/epoxy-pinned-process.txt");
    const HUGE_PAGES: &str = include_str!("../../tests/data/host/epoxy-huge-pages-process.txt");
    const BY_HAND: &str = include_str!("../../tests/data/host/by-hand-kvm-process.txt");

    fn set(text: &str) -> Cpuset {
        text.parse().expect("a CPU set")
    }

    #[test]
    fn a_pinned_guest_of_the_lab() {
        let process = &parse(PINNED)[0];
        assert_eq!((process.pid, process.name.as_str()), (367, "instance-00000001"));
        assert_eq!(process.uuid, "58f3b349-c623-47b1-897c-14f8aa011e09");
        assert_eq!(process.accelerator(), Some("tcg"));
        assert_eq!(process.vcpu_affinity(), BTreeMap::from([(0, set("1"))]));
        assert_eq!(process.emulator_affinity(), Some(&set("1")));
        let vcpu = process.vcpu(0).expect("a vCPU");
        assert_eq!((vcpu.policy, vcpu.rt_priority), (Policy::Other, 0));
        let cgroup = vcpu.cgroup.as_ref().expect("a group");
        assert_eq!((cgroup.version, cgroup.path.as_str()), (2, "/system.slice/libvirtd.service"));
        assert_eq!(process.huge_kib, 0);
        assert!(process.memory.as_ref().expect("memory").huge_maps.is_empty());
    }

    #[test]
    fn a_guest_in_huge_pages_of_the_lab() {
        let process = &parse(HUGE_PAGES)[0];
        assert_eq!(process.huge_kib, 131_072);
        let memory = process.memory.as_ref().expect("memory");
        assert_eq!(memory.huge_kib(), BTreeMap::from([(2048, 131_072)]));
        assert_eq!(memory.by_page_size()[&2048], BTreeMap::from([(0, 131_072)]));
        assert!(memory.huge_maps[0].file.as_deref().expect("a file").contains("ram-node0"));
        assert_eq!(memory.transparent_huge_kib, 53_248 + 2_048);
    }

    #[test]
    fn a_kvm_guest_on_two_cells() {
        let process = &parse(BY_HAND)[0];
        assert_eq!(process.name, "odd,name", "a comma in a name is written twice");
        assert_eq!(process.accelerator(), Some("kvm"));
        let pins = ["2", "10", "3", "11"].map(set);
        assert_eq!(process.vcpu_affinity(), (0..).zip(pins).collect());
        assert_eq!(process.iothread_affinity(), BTreeMap::from([(1, set("0"))]));
        assert_eq!(process.emulator_affinity(), Some(&set("0,8")));
        let vcpu = process.vcpu(3).expect("vCPU 3");
        assert_eq!((vcpu.policy, vcpu.rt_priority, vcpu.last_cpu), (Policy::Fifo, 1, Some(11)));
        let cgroup = vcpu.cgroup.as_ref().expect("a group");
        assert_eq!((cgroup.cpus.clone(), cgroup.cells.clone()), (Some(set("11")), Some(set("0-1"))));
        assert!(cgroup.path.ends_with("/vcpu3"));
        assert_eq!(process.threads.last().expect("threads").role, Role::Other);
        assert_eq!(process.locked_kib, 6 << 20);
        let memory = process.memory.as_ref().expect("memory");
        assert_eq!(memory.by_page_size()[&(1 << 20)], BTreeMap::from([(1, 2 << 20)]));
        assert_eq!(memory.by_page_size()[&2048], BTreeMap::from([(0, 2_048_000), (1, 2_146_304)]));
        assert_eq!(memory.by_cell()[&0], 2_048_000 + 28);
        assert_eq!(memory.numa_maps[0].policy, "bind:1");
        assert!(memory.numa_maps[0].file.as_deref().expect("a file").ends_with("Ab c"));
        assert_eq!(memory.huge_kib(), BTreeMap::from([(1 << 20, 2 << 20), (2048, 4 << 20)]));
        assert_eq!(memory.transparent_huge_kib, 2048);
    }

    /// What the suites compare must go red when the kernel says otherwise.
    #[test]
    fn a_thread_that_floats_or_is_gone_shows() {
        let status = "task/4262/status:Cpus_allowed_list:\t3";
        assert!(BY_HAND.contains(status));
        let floats = BY_HAND.replace(status, "task/4262/status:Cpus_allowed_list:\t0-15");
        assert_eq!(parse(&floats)[0].vcpu_affinity()[&2], set("0-15"));
        let gone: String = BY_HAND
            .lines()
            .filter(|line| !line.contains("/task/4262/"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(parse(&gone)[0].vcpu_affinity().keys().copied().collect::<Vec<_>>(), [0, 1, 3]);
        let other_cell = BY_HAND.replace("N1=2 kernelpagesize_kB=1048576", "N0=2 kernelpagesize_kB=1048576");
        let memory = parse(&other_cell)[0].memory.clone().expect("memory");
        assert_eq!(memory.by_page_size()[&(1 << 20)], BTreeMap::from([(0, 2 << 20)]));
    }

    #[test]
    fn several_processes_and_one_that_ended() {
        let both = format!("{PINNED}== 99\n== command_line\n== status\n== files\n{HUGE_PAGES}");
        let pids: Vec<u32> = parse(&both).iter().map(|process| process.pid).collect();
        assert_eq!(pids, [367, 451]);
        assert!(parse("").is_empty());
    }

    #[test]
    fn names_are_taken_apart_and_quoted() {
        assert_eq!(guest_name("guest=a,,b,debug-threads=on").as_deref(), Some("a,b"));
        assert_eq!(guest_name("guest=a").as_deref(), Some("a"));
        assert_eq!(guest_name("a"), None);
        assert_eq!(regex_literal("a.b*(c,"), "a\\.b\\*\\(c,,");
    }
}
