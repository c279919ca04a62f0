//! Nova's rules, applied before Nova does: `numa_get_constraints` and its neighbours in
//! `nova/virt/hardware.py` (read in Nova 31, 2025.1).

use super::{CpuPolicy, EmulatorThreads, FlavorSpec, PageSize};
use crate::cpuset::{Cpuset, HIGHEST};
use crate::error::{Error, Result};
use crate::hint::{self, Hint};

impl FlavorSpec {
    /// Whether Nova would take these wishes together.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the rule and the name Nova gives to its own error.
    pub fn check(&self) -> Result<()> {
        if self.vcpus == 0 || self.ram_mib == 0 {
            return refuse(
                "flavor",
                "it needs at least one vCPU and 1 MiB of memory",
                "the flavor API's schema",
            );
        }
        if self.vcpus > HIGHEST {
            let why = format!("{} vCPUs are more than any domain can have", self.vcpus);
            return refuse("flavor", &why, "none: no host fits");
        }
        self.check_policies()?;
        self.check_realtime()?;
        self.check_cells()?;
        self.check_pages()?;
        self.check_topology()
    }

    fn check_policies(&self) -> Result<()> {
        let pins = matches!(self.cpu_policy, Some(CpuPolicy::Dedicated | CpuPolicy::Mixed));
        if let Some(policy) = self.thread_policy
            && !pins
        {
            return refuse(
                &format!("hw:cpu_thread_policy={policy}"),
                "a thread policy needs pinned vCPUs: `hw:cpu_policy=dedicated` or `mixed`",
                "CPUThreadPolicyConfigurationInvalid",
            );
        }
        if self.emulator_threads == Some(EmulatorThreads::Isolate) && !pins {
            return refuse(
                "hw:emulator_threads_policy=isolate",
                "isolated emulator threads need pinned vCPUs: `hw:cpu_policy=dedicated` or `mixed`",
                "BadRequirementEmulatorThreadsPolicy",
            );
        }
        match (self.cpu_policy, &self.dedicated_cpus) {
            (Some(CpuPolicy::Mixed), mask) => {
                match (mask.is_some(), self.realtime.is_some()) {
                    (true, false) | (false, true) => {}
                    _ => {
                        return refuse(
                            "hw:cpu_policy=mixed",
                            "the mixed policy needs `hw:cpu_dedicated_mask` or real-time vCPUs, and not both",
                            "RequiredMixedOrRealtimeCPUMask",
                        );
                    }
                }
                if let Some(mask) = mask {
                    self.check_dedicated(mask)?;
                }
                Ok(())
            }
            (_, Some(_)) => refuse(
                "hw:cpu_dedicated_mask",
                "a dedicated mask needs `hw:cpu_policy=mixed`",
                "RequiredMixedInstancePolicy",
            ),
            (_, None) => Ok(()),
        }
    }

    fn check_dedicated(&self, mask: &Cpuset) -> Result<()> {
        let all = self.all_vcpus();
        if mask.is_empty() || !mask.is_subset(&all) || *mask == all {
            return refuse(
                &format!("hw:cpu_dedicated_mask={mask}"),
                &format!(
                    "of the vCPUs {all} at least one must be in the mask, one outside, and no other in it"
                ),
                "InvalidMixedInstanceDedicatedMask",
            );
        }
        Ok(())
    }

    fn check_realtime(&self) -> Result<()> {
        let Some(realtime) = &self.realtime else { return Ok(()) };
        if !matches!(self.cpu_policy, Some(CpuPolicy::Dedicated | CpuPolicy::Mixed)) {
            return refuse(
                "hw:cpu_realtime=yes",
                "real-time vCPUs need `hw:cpu_policy=dedicated` or `mixed`",
                "RealtimeConfigurationInvalid",
            );
        }
        let all = self.all_vcpus();
        let cpus = realtime.cpus.as_ref().unwrap_or(&all);
        let rule = "RealtimeMaskNotFoundOrInvalid";
        let what = format!("hw:cpu_realtime_mask={cpus}");
        if cpus.is_empty() || !cpus.is_subset(&all) {
            return refuse(&what, &format!("the mask must hold some of the vCPUs {all} and no other"), rule);
        }
        if *cpus == all && self.emulator_threads.is_none() {
            return refuse(
                &what,
                "one vCPU at least must not be real-time, unless `hw:emulator_threads_policy` gives the emulator's \
                 threads a place of their own",
                rule,
            );
        }
        if self.cpu_policy == Some(CpuPolicy::Mixed) && *cpus == all {
            return refuse(&what, "the mixed policy needs a vCPU that is not real-time", rule);
        }
        Ok(())
    }

    fn check_cells(&self) -> Result<()> {
        let nodes = self.cells();
        if self.numa_nodes == Some(0) {
            return refuse(
                "hw:numa_nodes=0",
                "a NUMA topology has at least one node",
                "InvalidNUMANodesNumber",
            );
        }
        if nodes > self.vcpus {
            return refuse(
                &format!("hw:numa_nodes={nodes}"),
                &format!("each NUMA node needs a vCPU, and the flavor has {}", self.vcpus),
                "ImageNUMATopologyAsymmetric",
            );
        }
        if self.numa_cells.is_empty() {
            if let Some(nodes) = self.numa_nodes
                && !(self.vcpus.is_multiple_of(nodes) && self.ram_mib.is_multiple_of(u64::from(nodes)))
            {
                return refuse(
                    &format!("hw:numa_nodes={nodes}"),
                    &format!(
                        "{} vCPUs and {} MiB do not divide evenly by {nodes}; name what each NUMA node has (`hw:numa_cpus.N`, `hw:numa_mem.N`)",
                        self.vcpus, self.ram_mib
                    ),
                    "ImageNUMATopologyAsymmetric",
                );
            }
            return Ok(());
        }
        if nodes as usize != self.numa_cells.len() {
            return refuse(
                &format!("hw:numa_nodes={nodes}"),
                &format!(
                    "{} NUMA nodes have CPUs and memory of their own: all must, or none",
                    self.numa_cells.len()
                ),
                "ImageNUMATopologyIncomplete",
            );
        }
        let (all, mut seen, mut memory) = (self.all_vcpus(), Cpuset::new(), 0_u64);
        for (number, cell) in self.numa_cells.iter().enumerate() {
            let what = format!("hw:numa_cpus.{number}={}", cell.cpus);
            if !cell.cpus.is_subset(&all) {
                return refuse(&what, &format!("the vCPUs are {all}"), "ImageNUMATopologyCPUOutOfRange");
            }
            let twice = cell.cpus.intersection(&seen);
            if !twice.is_empty() {
                let why = format!("vCPU {twice} is in another NUMA node already");
                return refuse(&what, &why, "ImageNUMATopologyCPUDuplicates");
            }
            if cell.ram_mib == 0 {
                let what = format!("hw:numa_mem.{number}=0");
                return refuse(&what, "each NUMA node needs memory", "ImageNUMATopologyIncomplete");
            }
            seen = seen.union(&cell.cpus);
            memory += cell.ram_mib;
        }
        let left = all.difference(&seen);
        if !left.is_empty() {
            let why = format!("vCPU {left} is in no NUMA node");
            return refuse("hw:numa_cpus.N", &why, "ImageNUMATopologyCPUsUnassigned");
        }
        if memory != self.ram_mib {
            let why =
                format!("the NUMA nodes have {memory} MiB together, the flavor has {} MiB", self.ram_mib);
            return refuse("hw:numa_mem.N", &why, "ImageNUMATopologyMemoryOutOfRange");
        }
        Ok(())
    }

    fn check_pages(&self) -> Result<()> {
        if self.locked_memory && self.pages.is_none() {
            return refuse(
                "hw:locked_memory=true",
                "locked memory needs `hw:mem_page_size`",
                "LockMemoryForbidden",
            );
        }
        let Some(PageSize::Kib(size)) = self.pages else { return Ok(()) };
        if !size.is_power_of_two() || size < 4 {
            return refuse(
                &format!("hw:mem_page_size={size}"),
                "no machine has pages of this size (in KiB)",
                "MemoryPageSizeInvalid",
            );
        }
        let nodes = u64::from(self.cells().max(1));
        let cells: Vec<u64> = match self.numa_cells.as_slice() {
            [] => vec![self.ram_mib / nodes],
            cells => cells.iter().map(|cell| cell.ram_mib).collect(),
        };
        if let Some(mib) = cells.into_iter().find(|mib| !(mib * 1024).is_multiple_of(size)) {
            return refuse(
                &format!("hw:mem_page_size={size}"),
                &format!(
                    "a NUMA node of {mib} MiB is not a multiple of the page size ({size} KiB), so no host fits"
                ),
                "MemoryPageSizeNotSupported",
            );
        }
        Ok(())
    }

    fn check_topology(&self) -> Result<()> {
        let topology = &self.topology;
        let parts = [
            ("sockets", topology.sockets, topology.max_sockets),
            ("cores", topology.cores, topology.max_cores),
            ("threads", topology.threads, topology.max_threads),
        ];
        let (mut wished, mut most, mut open) = (1_u64, 1_u64, false);
        for (name, number, max) in parts {
            if number == Some(0) || max == Some(0) {
                return refuse(
                    &format!("hw:cpu_{name}=0"),
                    "there is at least one of each",
                    "the flavor API's validation of extra specs",
                );
            }
            if let (Some(number), Some(max)) = (number, max)
                && number > max
            {
                return refuse(
                    &format!("hw:cpu_{name}={number}"),
                    &format!("`hw:cpu_max_{name}` allows {max}"),
                    "ImageVCPUTopologyRangeExceeded",
                );
            }
            wished *= u64::from(number.unwrap_or(1));
            open |= number.is_none();
            most = most.saturating_mul(u64::from(max.unwrap_or(65_536)));
        }
        let vcpus = u64::from(self.vcpus);
        if most < vcpus {
            return refuse(
                "hw:cpu_max_sockets, hw:cpu_max_cores, hw:cpu_max_threads",
                &format!("together they allow {most} vCPUs, the flavor has {vcpus}"),
                "ImageVCPULimitsRangeImpossible",
            );
        }
        // Nova would not refuse this but quietly give another topology.
        if !vcpus.is_multiple_of(wished) || (!open && wished != vcpus) {
            return refuse(
                "hw:cpu_sockets, hw:cpu_cores, hw:cpu_threads",
                &format!("{wished} (their product) does not make {vcpus} vCPUs"),
                "none: it ignores the request",
            );
        }
        Ok(())
    }

    fn all_vcpus(&self) -> Cpuset {
        (0..self.vcpus).collect()
    }
}

fn refuse(what: &str, why: &str, rule: &str) -> Result<()> {
    Err(Error::Invalid {
        what: what.to_string(),
        why: why.to_string(),
        hint: Some(
            Hint::from(format!("Nova's rule: {rule}; "))
                .and(hint::FLAVOR_EXTRA.hint())
                .and(" asks Nova for what smog refuses"),
        ),
    })
}

#[cfg(test)]
mod tests {
    use crate::cpuset::Cpuset;
    use crate::error::Error;
    use crate::flavor::{CpuPolicy, EmulatorThreads, FlavorSpec, PageSize, ThreadPolicy, Topology};

    fn four() -> FlavorSpec {
        FlavorSpec::new("f").vcpus(4).ram_mib(1024)
    }

    #[track_caller]
    fn refused(spec: FlavorSpec, rule: &str) {
        let error = spec.extra_specs().expect_err(rule);
        assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
        assert!(error.hint().expect("hint").contains(rule), "{error}: {:?}", error.hint());
    }

    #[track_caller]
    fn fine(spec: FlavorSpec) {
        spec.extra_specs().expect("is fine");
    }

    // Each rule was read in Nova 31 (2025.1), nova/virt/hardware.py.

    #[test]
    fn thread_and_emulator_policies_need_pinning() {
        refused(FlavorSpec::new("many").vcpus(u32::MAX).ram_mib(64).pinned(), "no host fits");
        refused(four().thread_policy(ThreadPolicy::Require), "CPUThreadPolicyConfigurationInvalid");
        refused(
            four().cpu_policy(CpuPolicy::Shared).thread_policy(ThreadPolicy::Prefer),
            "CPUThreadPolicyConfigurationInvalid",
        );
        refused(four().emulator_threads(EmulatorThreads::Isolate), "BadRequirementEmulatorThreadsPolicy");
        fine(four().thread_policy(ThreadPolicy::Require).emulator_threads(EmulatorThreads::Isolate).pinned());
        fine(four().mixed([0, 1]).thread_policy(ThreadPolicy::Isolate));
        fine(four().emulator_threads(EmulatorThreads::Share));
    }

    #[test]
    fn the_mixed_policy_needs_one_mask() {
        refused(four().cpu_policy(CpuPolicy::Mixed), "RequiredMixedOrRealtimeCPUMask");
        refused(four().mixed([0]).realtime([1]), "RequiredMixedOrRealtimeCPUMask");
        refused(four().mixed([0, 1, 2, 3]), "InvalidMixedInstanceDedicatedMask");
        refused(four().mixed([4]), "InvalidMixedInstanceDedicatedMask");
        refused(four().mixed(Cpuset::new()), "InvalidMixedInstanceDedicatedMask");
        refused(four().mixed([0]).pinned(), "RequiredMixedInstancePolicy");
        fine(four().mixed([0]));
        fine(four().cpu_policy(CpuPolicy::Mixed).realtime([2, 3]));
    }

    #[test]
    fn realtime_leaves_a_vcpu_to_the_kernel() {
        refused(four().realtime([1]), "RealtimeConfigurationInvalid");
        refused(four().pinned().realtime_all(), "RealtimeMaskNotFoundOrInvalid");
        refused(four().pinned().realtime([0, 1, 2, 3]), "RealtimeMaskNotFoundOrInvalid");
        refused(four().pinned().realtime([7]), "RealtimeMaskNotFoundOrInvalid");
        fine(four().pinned().realtime_all().emulator_threads(EmulatorThreads::Share));
        fine(four().pinned().realtime([2, 3]));
    }

    #[test]
    fn cells_have_every_vcpu_once_and_all_the_memory() {
        refused(four().numa_nodes(0), "InvalidNUMANodesNumber");
        refused(four().numa_nodes(3), "ImageNUMATopologyAsymmetric");
        refused(four().numa_nodes(8), "ImageNUMATopologyAsymmetric");
        refused(four().numa_nodes(2).numa_cell([0, 1, 2, 3], 1024), "ImageNUMATopologyIncomplete");
        refused(four().numa_cell([0, 1], 512).numa_cell([1, 2, 3], 512), "ImageNUMATopologyCPUDuplicates");
        refused(four().numa_cell([0, 1], 512).numa_cell([2, 3, 4], 512), "ImageNUMATopologyCPUOutOfRange");
        refused(four().numa_cell([0, 1], 512).numa_cell([3], 512), "ImageNUMATopologyCPUsUnassigned");
        refused(four().numa_cell([0, 1], 512).numa_cell([2, 3], 256), "ImageNUMATopologyMemoryOutOfRange");
        fine(four().numa_nodes(2));
        fine(four().numa_cell([0], 256).numa_cell([1, 2, 3], 768));
    }

    #[test]
    fn pages_divide_the_memory_of_each_cell() {
        refused(four().pages(PageSize::Kib(1 << 20)).numa_nodes(2), "MemoryPageSizeNotSupported");
        refused(four().pages(PageSize::Kib(3000)), "MemoryPageSizeInvalid");
        refused(four().locked_memory(), "LockMemoryForbidden");
        fine(four().pages(PageSize::Kib(1 << 20)));
        fine(four().pages(PageSize::Kib(2048)).numa_nodes(2).locked_memory());
        fine(four().pages(PageSize::Large));
    }

    #[test]
    fn a_topology_makes_the_vcpus() {
        let topology = |sockets, cores, threads| Topology { sockets, cores, threads, ..Topology::default() };
        refused(four().topology(topology(Some(3), None, None)), "ignores the request");
        refused(four().topology(topology(Some(1), Some(2), Some(1))), "ignores the request");
        refused(
            four().topology(Topology { sockets: Some(4), max_sockets: Some(2), ..Topology::default() }),
            "ImageVCPUTopologyRangeExceeded",
        );
        refused(
            four().topology(Topology {
                max_sockets: Some(1),
                max_cores: Some(1),
                max_threads: Some(2),
                ..Topology::default()
            }),
            "ImageVCPULimitsRangeImpossible",
        );
        refused(four().topology(topology(None, Some(0), None)), "validation");
        fine(four().topology(topology(Some(1), None, None)));
        fine(four().topology(topology(Some(2), Some(1), Some(2))));
    }

    #[test]
    fn an_extra_passes_unchecked() {
        let specs = four().extra("hw:cpu_policy", "nonsense").extra_specs().expect("not looked at");
        assert_eq!(specs["hw:cpu_policy"], "nonsense");
    }
}
