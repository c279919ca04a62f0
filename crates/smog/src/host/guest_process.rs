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
    Cmd::shell(script).args([select.as_str(), if pattern.is_some() { "memory" } else { "" }]).repeatable()
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
