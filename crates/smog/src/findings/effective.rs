//! What libvirt declares of a guest, compared with what the kernel does: pins of vCPUs, I/O
//! threads and the emulator against the affinity of every thread, page sizes and memory cells
//! against the process's memory maps.

mod memory_cells;

use crate::hint;
use serde::Serialize;

use super::CpuMap;
use super::pinning::{Pin, pins};
use crate::cloud::Cloud;
use crate::cpuset::Cpuset;
use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::host::{GuestProcess, Host, MemoryMaps};
use crate::libvirt::Domain;
use crate::show::{self, Column, Show};

/// One thing declared in the domain XML, and the same thing as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// "vCPU 0", "emulator" (every thread that is not a vCPU and no I/O thread), "I/O thread 1",
    /// "memory", "memory nodes", "memory of NUMA node 0".
    pub what: String,
    /// What the domain XML says (`<vcpupin>`, `<emulatorpin>`, `<iothreadpin>`, `<hugepages>`,
    /// `<numatune>`);
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
    /// As [`Guest::domain`]; [`Error::Invalid`] when the guest is off, so that it has no QEMU
    /// process; [`Error::Mismatch`] when it has none although Nova says that it runs.
    pub async fn compare(&mut self) -> Result<Vec<Compared>> {
        let (domain, process) = self.domain_and_process().await?;
        let map = self.host().await?.cpu_map().await?;
        Ok(compare(&domain, &process, &map))
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
        let process = match self.host().await?.guest_process(&domain.name).await {
            Err(Error::NotFound { .. }) => return Err(self.without_process().await),
            other => other?,
        };
        Ok((domain, process))
    }

    /// Why there is no QEMU process: it is off, as Nova says, or Nova is wrong.
    async fn without_process(&mut self) -> Error {
        if let Err(why) = self.look().await {
            return why;
        }
        let (name, state) = (self.name().to_string(), self.server.state());
        let what = format!("guest `{name}`");
        match self.contradiction() {
            Some(why) => Error::Mismatch {
                what,
                why: format!("{why}; no QEMU process of it runs there"),
                hint: Some(hint::DISCOVER.hint().and(" shows every such guest")),
            },
            None => Error::Invalid {
                what,
                why: format!(
                    "it is {state}, so it has no QEMU process: there are no threads and pages to look at"
                ),
                hint: match self.server.status.as_str() {
                    "SHUTOFF" => Some(hint::GUEST_START.with(&name)),
                    "SUSPENDED" => Some(hint::GUEST_RESUME.with(&name)),
                    _ => None,
                },
            },
        }
    }
}

impl Cloud {
    /// [`Guest::compare`] of a domain in a recording without Nova's answers, such as a sosreport; none
    /// where no host of it has such a domain. The memory is compared where its maps were recorded.
    ///
    /// # Errors
    /// As [`Host::guest_process`].
    pub async fn recorded_pins(&self, asked: &str) -> Result<Option<(Host, Domain, Vec<Compared>)>> {
        let Some((host, seen)) = self.recorded_domain(asked).await? else { return Ok(None) };
        let process = host.guest_process(&seen.domain.name).await?;
        let map = host.cpu_map().await?;
        let mut rows = compare(&seen.domain, &process, &map);
        if process.memory.is_none() {
            rows.retain(|row| !row.what.starts_with("memory"));
        }
        Ok(Some((host, seen.domain, rows)))
    }
}

/// The comparison itself, on facts in hand.
pub fn compare(domain: &Domain, process: &GuestProcess, map: &CpuMap) -> Vec<Compared> {
    let mut rows: Vec<Compared> = pins(domain, process, map).iter().map(|pin| row(pin, map)).collect();
    rows.push(memory(domain, process.memory.as_ref()));
    // The kernel has none of the simulated NUMA nodes.
    if map.simulated_nodes == 0 {
        rows.extend(memory_cells::rows(domain, process.memory.as_ref()));
    }
    rows
}

/// At most so many threads that are elsewhere are named.
const NAMED: usize = 4;

fn row(pin: &Pin, map: &CpuMap) -> Compared {
    let declared = pin.declared.as_ref().map_or(String::new(), |cpus| {
        let real = map.real(cpus);
        match real == *cpus {
            true => format!("CPU {cpus}"),
            false => format!("CPU {cpus} (simulated, really {real})"),
        }
    });
    let text = |cpus: &Cpuset| format!("CPU {cpus}");
    let mut kernel = pin.kernel.as_ref().map_or("no such thread".to_string(), text);
    for stray in pin.strays.iter().take(NAMED) {
        kernel += &format!("; {} (TID {}) CPU {}", stray.name, stray.tid, stray.cpus);
    }
    if pin.strays.len() > NAMED {
        kernel += &format!("; {} more threads elsewhere", pin.strays.len() - NAMED);
    }
    Compared { what: pin.who.to_string(), declared, kernel, agrees: pin.agrees }
}

fn memory(domain: &Domain, maps: Option<&MemoryMaps>) -> Compared {
    let huge = maps.map(MemoryMaps::huge_kib).unwrap_or_default();
    let sizes: Vec<Option<u64>> =
        domain.memory_backing.huge_pages.iter().flatten().map(|pages| pages.size_kib).collect();
    let kernel: Vec<String> = huge
        .iter()
        .map(|(size, amount)| format!("{} in {} pages", show::kib(*amount), show::kib(*size)))
        .collect();
    // A guest that gives free pages back to the host has at least some, and all of these sizes.
    let gives_back = domain.devices.free_page_reporting;
    let is_enough = |found: u64| found >= domain.memory_kib || (gives_back && found > 0);
    let agrees = match &domain.memory_backing.huge_pages {
        None => huge.is_empty(),
        // `<hugepages/>` without a size means whatever the host's default is.
        Some(_) if sizes.is_empty() || sizes.contains(&None) => is_enough(huge.values().sum()),
        Some(_) => {
            let of_declared_sizes = huge.iter().filter(|(size, _)| sizes.contains(&Some(**size)));
            is_enough(of_declared_sizes.map(|(_, amount)| *amount).sum())
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
    let given_back = match agrees && !declared.is_empty() && huge.values().sum::<u64>() < domain.memory_kib {
        true => ", the rest given back",
        false => "",
    };
    Compared {
        what: "memory".into(),
        declared,
        kernel: if kernel.is_empty() { "small pages".into() } else { kernel.join(", ") + given_back },
        agrees,
    }
}

impl Show for Compared {
    const PLURAL: &'static str = "comparisons";
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
        compare(&domain, &process, &CpuMap::default())
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
        // A guest that gives free pages back (Nova 34) has fewer of them; none is not some.
        let more = HUGE.replace(">131072</memory>", ">262144</memory>");
        assert_ne!(more, HUGE);
        assert_eq!(wrong(&more, HUGE_PROCESS), ["memory"]);
        let balloon = more.replace("<memballoon ", "<memballoon freePageReporting='on' ");
        assert_ne!(balloon, more);
        assert_eq!(wrong(&balloon, HUGE_PROCESS), Vec::<String>::new());
        let row = rows(&balloon, HUGE_PROCESS).into_iter().find(|row| row.what == "memory").expect("a row");
        assert_eq!(row.kernel, "128 MiB in 2 MiB pages, the rest given back");
        let none = declared.replace("<memballoon ", "<memballoon freePageReporting='on' ");
        assert_ne!(none, declared);
        assert_eq!(wrong(&none, PINNED_PROCESS), ["memory"]);
        let no_thread = PINNED_PROCESS.replace("CPU 0/TCG", "worker");
        assert_ne!(no_thread, PINNED_PROCESS);
        assert_eq!(wrong(PINNED, &no_thread), ["vCPU 0"]);
    }

    const KVM: &str = include_str!("../../tests/data/host/by-hand-kvm-process.txt");

    /// A domain whose pins are those of the process that was written by hand.
    fn kvm_domain(numatune: &str) -> String {
        format!(
            "<domain type='kvm'><name>odd</name><uuid>u</uuid><memory unit='KiB'>6291456</memory>\
             <vcpu>4</vcpu><iothreads>1</iothreads><cputune><vcpupin vcpu='0' cpuset='2'/>\
             <vcpupin vcpu='1' cpuset='10'/><vcpupin vcpu='2' cpuset='3'/><vcpupin vcpu='3' cpuset='11'/>\
             <emulatorpin cpuset='0,8'/><iothreadpin iothread='1' cpuset='0'/></cputune>\
             <memoryBacking><hugepages><page size='1' unit='G' nodeset='0'/>\
             <page size='2048' unit='KiB' nodeset='1'/></hugepages></memoryBacking>{numatune}</domain>"
        )
    }

    fn wrong(xml: &str, process: &str) -> Vec<String> {
        rows(xml, process).into_iter().filter(|row| !row.agrees).map(|row| row.what).collect()
    }

    /// Every thread counts, not only the main one.
    #[test]
    fn a_thread_that_somebody_moved_disagrees() {
        let xml = kvm_domain("");
        assert_eq!(wrong(&xml, KVM), Vec::<String>::new(), "{:#?}", rows(&xml, KVM));
        let move_to = |tid: u32, from: &str, to: &str| {
            let line = |cpus: &str| format!("task/{tid}/status:Cpus_allowed_list:\t{cpus}");
            assert!(KVM.contains(&line(from)), "{tid} on {from}");
            KVM.replace(&line(from), &line(to))
        };
        let worker = move_to(4290, "0,8", "5");
        assert_eq!(wrong(&xml, &worker), ["emulator"]);
        let row = rows(&xml, &worker).into_iter().find(|row| row.what == "emulator").expect("a row");
        assert_eq!(row.kernel, "CPU 0,8; worker (TID 4290) CPU 5");
        // A worker that an I/O thread started has that thread's CPUs, and one that shrank has fewer.
        assert_eq!(wrong(&xml, &move_to(4290, "0,8", "0")), Vec::<String>::new());
        assert_eq!(wrong(&xml, &move_to(4290, "0,8", "8")), ["emulator"]);
        assert_eq!(wrong(&xml, &move_to(4242, "0,8", "0-15")), ["emulator"]);
        assert_eq!(wrong(&xml, &move_to(4250, "0", "5")), ["I/O thread 1"]);
        // Without pins, nothing is declared that could disagree, unless vCPUs as a whole have CPUs.
        let free = xml.replace("<emulatorpin cpuset='0,8'/><iothreadpin iothread='1' cpuset='0'/>", "");
        assert_eq!(wrong(&free, &worker), Vec::<String>::new());
        let all = free.replace("<vcpu>4", "<vcpu cpuset='0,8'>4");
        assert_eq!(wrong(&all, &worker), ["emulator", "I/O thread 1"]);
        // What QEMU itself places elsewhere is no disagreement.
        let context = worker.replace("Name:\tworker", "Name:\tTC tc-ram-node0");
        assert_eq!(wrong(&xml, &context), Vec::<String>::new());
    }

    #[test]
    fn memory_of_another_cell_than_declared_disagrees() {
        let tune = |inside: &str| kvm_domain(&format!("<numatune>{inside}</numatune>"));
        let one = "<memory mode='strict' nodeset='0-1'/><memnode cellid='0' mode='strict' nodeset='1'/>";
        let right = rows(&tune(one), KVM);
        assert!(right.iter().all(|row| row.agrees), "{right:#?}");
        let row = right.iter().find(|row| row.what == "memory of NUMA node 0").expect("a row");
        assert_eq!((row.declared.as_str(), row.kernel.as_str()), ("node 1", "node 1"));
        assert_eq!(wrong(&tune(&one.replace("nodeset='1'", "nodeset='0'")), KVM), ["memory of NUMA node 0"]);
        // The second cell's memory is on both cells of the host.
        let second = "<memnode cellid='1' mode='strict' nodeset='0'/>";
        assert_eq!(wrong(&tune(second), KVM), ["memory of NUMA node 1"]);
        let row = rows(&tune(second), KVM).into_iter().find(|row| row.what == "memory of NUMA node 1");
        assert_eq!(row.expect("a row").kernel, "1000 of 2048 pages of 2 MiB on node 0, 1048 on node 1");
        // What is only preferred may be elsewhere.
        assert_eq!(wrong(&tune(&second.replace("strict", "preferred")), KVM), Vec::<String>::new());
        // The whole guest.
        assert_eq!(wrong(&tune("<memory mode='strict' nodeset='0'/>"), KVM), ["memory nodes"]);
        assert_eq!(
            wrong(&tune("<memory nodeset='1'/>"), KVM),
            Vec::<String>::new(),
            "bound memory is on node 1"
        );
        let moved = PINNED_PROCESS.replace(" N0=", " N1=");
        assert_eq!(wrong(PINNED, &moved), ["memory nodes"]);
        // A kernel without NUMA has node 0 only.
        let without: String = PINNED_PROCESS
            .lines()
            .filter(|line| !line.contains(" bind:"))
            .map(|line| format!("{line}\n"))
            .collect();
        assert_eq!(wrong(PINNED, &without), Vec::<String>::new());
    }
}
