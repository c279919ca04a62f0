//! The threads of a guest's QEMU process, as the kernel has them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cpuset::Cpuset;
use crate::host::dump::Dump;

/// What a thread of QEMU does, known from its name (`debug-threads=on`, which libvirt always sets).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The main thread.
    Emulator,
    /// One vCPU: `CPU 0/KVM`, or `CPU 0/TCG` with emulation.
    Vcpu(u32),
    /// One I/O thread of the domain: `IO iothread1`.
    IoThread(u32),
    /// Any other: workers, the monitor's, RCU's.
    Other,
}

/// The scheduling policy of a thread, from `/proc/PID/task/TID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// `SCHED_OTHER`, the usual one.
    Other,
    /// `SCHED_FIFO`, real time.
    Fifo,
    /// `SCHED_RR`, real time.
    RoundRobin,
    /// `SCHED_BATCH`.
    Batch,
    /// `SCHED_IDLE`.
    Idle,
    /// `SCHED_DEADLINE`.
    Deadline,
    /// A number the list above lacks.
    Unknown(u32),
}

/// The control group of a thread, and the CPUs and cells it leaves to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cgroup {
    /// 2, or 1 where the host still has the `cpuset` hierarchy of version 1.
    pub version: u8,
    /// The path below the hierarchy's root, from `/proc/PID/task/TID/cgroup`.
    pub path: String,
    /// `cpuset.cpus.effective` (version 1: `cpuset.cpus`), where the controller is on.
    pub cpus: Option<Cpuset>,
    /// `cpuset.mems.effective` (version 1: `cpuset.mems`): NUMA nodes.
    pub cells: Option<Cpuset>,
}

/// One thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Thread {
    /// The thread's id.
    pub tid: u32,
    /// Its name, at most 15 characters: `CPU 0/KVM`.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// The CPUs it may run on now: `Cpus_allowed_list` of `/proc/PID/task/TID/status`.
    pub cpus: Cpuset,
    /// The NUMA nodes it may take memory from: `Mems_allowed_list`.
    pub cells: Cpuset,
    /// Its scheduling policy.
    pub policy: Policy,
    /// Its real-time priority, 1 to 99; 0 when it is not a real-time thread.
    pub rt_priority: u32,
    /// The CPU it ran on last.
    pub last_cpu: Option<u32>,
    /// Its control group.
    pub cgroup: Option<Cgroup>,
}

impl Role {
    /// The role of a thread by its name.
    pub fn of(name: &str, is_main: bool) -> Role {
        let vcpu = name.strip_prefix("CPU ").and_then(|rest| rest.split('/').next()?.parse().ok());
        let io = name.strip_prefix("IO iothread").and_then(|rest| rest.parse().ok());
        match (vcpu, io, is_main) {
            (Some(vcpu), _, _) => Role::Vcpu(vcpu),
            (_, Some(io), _) => Role::IoThread(io),
            (_, _, true) => Role::Emulator,
            _ => Role::Other,
        }
    }
}

impl Policy {
    fn of(number: u32) -> Policy {
        match number {
            0 => Policy::Other,
            1 => Policy::Fifo,
            2 => Policy::RoundRobin,
            3 => Policy::Batch,
            5 => Policy::Idle,
            6 => Policy::Deadline,
            number => Policy::Unknown(number),
        }
    }
}

/// All threads of a process out of a dump of `/proc/PID/task/*/{status,stat,cgroup}`
/// and of the cpuset files of their groups. A thread that ended under way is left out.
pub(super) fn threads(dump: &Dump, pid: u32) -> Vec<Thread> {
    let folder = format!("/proc/{pid}/task");
    let tids = dump.numbers(&folder, "");
    tids.into_iter().filter_map(|tid| thread(dump, pid, tid)).collect()
}

fn thread(dump: &Dump, pid: u32, tid: u32) -> Option<Thread> {
    let folder = format!("/proc/{pid}/task/{tid}");
    let status = fields(dump.get(&format!("{folder}/status"))?);
    let name = status.get("Name")?.to_string();
    // The name in `stat` stands in parentheses and may hold blanks and parentheses itself.
    let stat = dump.get(&format!("{folder}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let numbers: Vec<&str> = rest.split(' ').collect();
    // proc(5) counts from 1, and `state`, the first one here, is the third.
    let field = |number: usize| numbers.get(number - 3)?.parse::<u32>().ok();
    Some(Thread {
        tid,
        role: Role::of(&name, tid == pid),
        name,
        cpus: status.get("Cpus_allowed_list")?.parse().ok()?,
        cells: status.get("Mems_allowed_list").and_then(|cells| cells.parse().ok()).unwrap_or_default(),
        policy: Policy::of(field(41).unwrap_or(0)),
        rt_priority: field(40).unwrap_or(0),
        last_cpu: field(39),
        cgroup: dump.get(&format!("{folder}/cgroup")).and_then(|text| cgroup(dump, text)),
    })
}

fn cgroup(dump: &Dump, text: &str) -> Option<Cgroup> {
    let mut lines = text.lines().filter_map(|line| {
        let (_, rest) = line.split_once(':')?;
        rest.split_once(':')
    });
    let all: Vec<(&str, &str)> = lines.by_ref().collect();
    let read = |path: String| dump.get(&path).and_then(|text| text.trim().parse().ok());
    let v1 = all.iter().find(|(controllers, _)| controllers.split(',').any(|name| name == "cpuset"));
    if let Some((_, path)) = v1 {
        let folder = format!("/sys/fs/cgroup/cpuset{}", path.trim_end_matches('/'));
        let (cpus, cells) = (read(format!("{folder}/cpuset.cpus")), read(format!("{folder}/cpuset.mems")));
        // A container may see the line of a hierarchy that is not mounted in it.
        if cpus.is_some() {
            return Some(Cgroup { version: 1, path: path.to_string(), cpus, cells });
        }
    }
    let (_, path) = all.iter().find(|(controllers, _)| controllers.is_empty())?;
    let folder = format!("/sys/fs/cgroup{}", path.trim_end_matches('/'));
    Some(Cgroup {
        version: 2,
        path: path.to_string(),
        cpus: read(format!("{folder}/cpuset.cpus.effective")),
        cells: read(format!("{folder}/cpuset.mems.effective")),
    })
}

/// `Key:<blank>value` lines of a `status` file.
pub(super) fn fields(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key, value.trim())).collect()
}
