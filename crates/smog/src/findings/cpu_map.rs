//! Which CPUs the kernel has for those that libvirt names.

use crate::cpuset::Cpuset;
use crate::error::{Error, Result};
use crate::host::{Cmd, Host};

/// How the CPUs of the domain XML stand to the kernel's.
///
/// On every real host they are the same. In smog's lab NUMA nodes may be simulated: libvirt is
/// configured with CPUs that do not exist, and the kernel has another for each (`lab/cells/shim.c`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuMap {
    /// The kernel's online CPUs (`/sys/devices/system/cpu/online`); empty when not known.
    pub online: Cpuset,
    /// How many NUMA nodes are simulated; 0 on every real host.
    pub simulated_nodes: u32,
    /// How many CPUs there really are (`/proc/cpuinfo`), where NUMA nodes are simulated.
    pub real_cpus: Option<u32>,
}

impl CpuMap {
    /// The CPUs that the kernel has for these. Those of a set that are real are what the kernel
    /// takes; of a set without any, each stands for a real one.
    #[must_use]
    pub fn real(&self, cpus: &Cpuset) -> Cpuset {
        let Some(count) = self.real_cpus else { return cpus.clone() };
        let real: Cpuset = cpus.intersection(&(0..count).collect());
        match real.is_empty() {
            true => cpus.iter().map(|cpu| cpu % count.max(1)).collect(),
            false => real,
        }
    }

    /// Whether a thread's affinity is what was declared. CPUs that are offline are in no
    /// thread's affinity once a control group has been changed.
    pub fn agrees(&self, declared: &Cpuset, kernel: &Cpuset) -> bool {
        let wanted = self.real(declared);
        let online = wanted.intersection(&self.online);
        !kernel.is_empty() && (*kernel == wanted || (!online.is_empty() && *kernel == online))
    }
}

impl Host {
    /// How the CPUs that libvirt names stand to the kernel's. One command, on the machine itself.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub async fn cpu_map(&self) -> Result<CpuMap> {
        let cmd = Cmd::shell(CPU_MAP).look("online CPUs").repeatable();
        let output = self.outside().run(cmd).await?;
        parse(&output.text(), self.name())
    }
}

/// The online CPUs, the number of real ones, and what the lab says of itself.
pub(super) const CPU_MAP: &str = "cat /sys/devices/system/cpu/online; grep -c ^processor /proc/cpuinfo; cat /etc/smog-lab 2>/dev/null; exit 0";

/// What [`CPU_MAP`] printed.
pub(super) fn parse(text: &str, host: &str) -> Result<CpuMap> {
    let mut lines = text.lines();
    let wrong = |why: String| Error::Parse {
        what: "online CPUs".into(),
        source_of: format!("/sys/devices/system/cpu/online on {host}"),
        why,
    };
    let online = lines.next().unwrap_or_default().trim();
    let online: Cpuset = online.parse().map_err(|_| wrong(format!("`{online}` is not a CPU set")))?;
    let count = lines.next().unwrap_or_default().trim();
    let count = count.parse().map_err(|_| wrong(format!("`{count}` is not a number of CPUs")))?;
    let simulated = lines.find_map(|line| line.trim().strip_prefix("simulated_cells="));
    let simulated_nodes = simulated.and_then(|nodes| nodes.parse().ok()).unwrap_or(0);
    Ok(CpuMap { online, simulated_nodes, real_cpus: (simulated_nodes > 0).then_some(count) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> Cpuset {
        text.parse().expect("a CPU set")
    }

    #[test]
    fn simulated_cpus_stand_for_real_ones() {
        let map = parse("0-3\n2\nsimulated_cells=2\n", "cmp1").expect("a map");
        assert_eq!(
            (map.real(&set("3")), map.real(&set("2-3")), map.real(&set("1-3"))),
            (set("1"), set("0-1"), set("1"))
        );
        assert!(map.agrees(&set("3"), &set("1")) && !map.agrees(&set("3"), &set("0")));
        let plain = parse("0-1\n2\n", "cmp1").expect("a map");
        assert_eq!(plain.real(&set("3")), set("3"));
        assert!(parse("x\n", "cmp1").is_err() && parse("0\n", "cmp1").is_err());
    }

    #[test]
    fn a_cpu_that_is_offline_is_in_no_affinity() {
        let map = parse("0-6\n7\n", "cmp1").expect("a map");
        assert!(map.agrees(&set("0-7"), &set("0-6")) && map.agrees(&set("0-7"), &set("0-7")));
        assert!(!map.agrees(&set("0-7"), &set("0-5")));
        assert!(!map.agrees(&set("7"), &set("0-6")), "none of them is there");
    }
}
