//! What libvirt declares of a guest beside what the kernel really does: vCPU pins
//! against thread affinity, page size against the process's memory maps.

use serde::Serialize;

use super::Guest;
use crate::cpuset::Cpuset;
use crate::error::Result;
use crate::host::{GuestProcess, MemoryMaps};
use crate::libvirt::Domain;
use crate::show::{self, Column, Show};

/// One thing declared in the domain XML, and the same thing as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// "vCPU 0", "emulator", "memory".
    pub what: String,
    /// What the domain XML says (`<vcpupin>`, `<emulatorpin>`, `<hugepages>`);
    /// empty when it says nothing, which the kernel cannot contradict.
    pub declared: String,
    /// What `/proc/PID/task/TID/status` (`Cpus_allowed_list`), `/proc/PID/numa_maps`
    /// and `/proc/PID/smaps` say.
    pub kernel: String,
    /// Whether the two agree.
    pub agrees: bool,
}

impl Guest {
    /// Compare what is declared with what is so, on the host the guest is on now.
    ///
    /// # Errors
    /// As [`Guest::domain`]; [`Error::NotFound`](crate::Error::NotFound) when the guest
    /// has no QEMU process (it is shut off).
    pub async fn compare(&mut self) -> Result<Vec<Compared>> {
        let (domain, process) = self.domain_and_process().await?;
        Ok(compare(&domain, &process))
    }

    /// The QEMU process of the guest, with its threads and memory maps.
    ///
    /// # Errors
    /// As [`Guest::compare`].
    pub async fn process(&mut self) -> Result<GuestProcess> {
        Ok(self.domain_and_process().await?.1)
    }

    /// Whether its memory is declared to be in huge pages (`<hugepages>`) *and* is:
    /// every KiB of it, in the declared size. Reading only the XML, as one might,
    /// would say nothing of the second.
    ///
    /// # Errors
    /// As [`Guest::compare`].
    pub async fn verify_huge_pages(&mut self) -> Result<bool> {
        let (domain, process) = self.domain_and_process().await?;
        Ok(domain.has_huge_pages() && memory(&domain, process.memory.as_ref()).agrees)
    }

    async fn domain_and_process(&mut self) -> Result<(Domain, GuestProcess)> {
        let domain = self.domain().await?;
        let process = self.host().await?.guest_process(&domain.name).await?;
        Ok((domain, process))
    }
}

/// The comparison itself, on facts in hand.
pub(crate) fn compare(domain: &Domain, process: &GuestProcess) -> Vec<Compared> {
    let (pins, affinity) = (domain.vcpu_pins(), process.vcpu_affinity());
    let vcpus = (0..domain.vcpus.count)
        .map(|vcpu| cpus(format!("vCPU {vcpu}"), pins.get(&vcpu), affinity.get(&vcpu)));
    let emulator = cpus("emulator".into(), domain.cputune.emulator_pin.as_ref(), process.emulator_affinity());
    vcpus.chain([emulator, memory(domain, process.memory.as_ref())]).collect()
}

fn cpus(what: String, declared: Option<&Cpuset>, kernel: Option<&Cpuset>) -> Compared {
    let agrees = match (declared, kernel) {
        (Some(declared), Some(kernel)) => declared == kernel,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let text =
        |cpus: Option<&Cpuset>, without: &str| cpus.map_or(without.to_string(), |cpus| format!("CPU {cpus}"));
    Compared { what, declared: text(declared, ""), kernel: text(kernel, "no such thread"), agrees }
}

fn memory(domain: &Domain, maps: Option<&MemoryMaps>) -> Compared {
    let huge = maps.map(MemoryMaps::huge_kib).unwrap_or_default();
    let sizes: Vec<Option<u64>> =
        domain.memory_backing.huge_pages.iter().flatten().map(|pages| pages.size_kib).collect();
    let kernel: Vec<String> = huge
        .iter()
        .map(|(size, amount)| format!("{} in {} pages", show::kib(*amount), show::kib(*size)))
        .collect();
    let agrees = match &domain.memory_backing.huge_pages {
        None => huge.is_empty(),
        // `<hugepages/>` without a size means whatever the host's default is.
        Some(_) if sizes.is_empty() || sizes.contains(&None) => {
            huge.values().sum::<u64>() >= domain.memory_kib
        }
        Some(_) => {
            let of_declared_sizes = huge.iter().filter(|(size, _)| sizes.contains(&Some(**size)));
            of_declared_sizes.map(|(_, amount)| *amount).sum::<u64>() >= domain.memory_kib
        }
    };
    let declared = match &domain.memory_backing.huge_pages {
        None => String::new(),
        Some(_) => {
            let named: Vec<String> = sizes.iter().map(|size| size.map_or("huge".into(), show::kib)).collect();
            format!(
                "{} in {} pages",
                show::kib(domain.memory_kib),
                if named.is_empty() { "huge".into() } else { named.join(" and ") }
            )
        }
    };
    Compared {
        what: "memory".into(),
        declared,
        kernel: if kernel.is_empty() { "small pages".into() } else { kernel.join(", ") },
        agrees,
    }
}

impl Show for Compared {
    const COLUMNS: &'static [Column<Compared>] = &[
        Column::new("what", |row| row.what.clone()),
        Column::new("declared", |row| row.declared.clone()),
        Column::new("kernel", |row| row.kernel.clone()),
        Column::new("agrees", |row| if row.agrees { "yes".into() } else { "NO".into() }),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from the lab (see tests/data/README.md).
    const PINNED: &str = include_str!("../../tests/data/domain/epoxy-pinned.xml");
    const PINNED_PROCESS: &str = include_str!("../../tests/data/host/epoxy-pinned-process.txt");
    const HUGE: &str = include_str!("../../tests/data/domain/epoxy-huge-pages.xml");
    const HUGE_PROCESS: &str = include_str!("../../tests/data/host/epoxy-huge-pages-process.txt");

    fn rows(xml: &str, process: &str) -> Vec<Compared> {
        let domain = Domain::parse(xml, "a recording").expect("the recorded XML");
        let process = GuestProcess::parse_all(process).into_iter().next().expect("the recorded process");
        compare(&domain, &process)
    }

    #[test]
    fn the_recorded_guests_agree() {
        for (xml, process) in [(PINNED, PINNED_PROCESS), (HUGE, HUGE_PROCESS)] {
            let rows = rows(xml, process);
            assert!(rows.iter().all(|row| row.agrees), "{rows:#?}");
        }
        let pinned = rows(PINNED, PINNED_PROCESS);
        assert_eq!((pinned[0].declared.as_str(), pinned[0].kernel.as_str()), ("CPU 1", "CPU 1"));
    }

    /// Each mutation must turn exactly its own row.
    #[test]
    fn and_what_is_changed_disagrees() {
        let wrong = |xml: &str, process: &str| -> Vec<String> {
            rows(xml, process).into_iter().filter(|row| !row.agrees).map(|row| row.what).collect()
        };
        let other_pin = PINNED.replace("<vcpupin vcpu='0' cpuset='1'/>", "<vcpupin vcpu='0' cpuset='0'/>");
        assert_ne!(other_pin, PINNED);
        assert_eq!(wrong(&other_pin, PINNED_PROCESS), ["vCPU 0"]);
        let other_emulator = PINNED.replace("<emulatorpin cpuset='1'/>", "<emulatorpin cpuset='0'/>");
        assert_ne!(other_emulator, PINNED);
        assert_eq!(wrong(&other_emulator, PINNED_PROCESS), ["emulator"]);
        // Declared in huge pages, while the process has small ones; and the other way round.
        let declared = PINNED.replace("</currentMemory>", "</currentMemory><memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking>");
        assert_eq!(wrong(&declared, PINNED_PROCESS), ["memory"]);
        let larger = HUGE.replace("<page size='2048' unit='KiB'", "<page size='1048576' unit='KiB'");
        assert_ne!(larger, HUGE);
        assert_eq!(wrong(&larger, HUGE_PROCESS), ["memory"]);
        let no_thread = PINNED_PROCESS.replace("CPU 0/TCG", "worker");
        assert_ne!(no_thread, PINNED_PROCESS);
        assert_eq!(wrong(PINNED, &no_thread), ["vCPU 0"]);
    }
}
