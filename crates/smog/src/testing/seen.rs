//! A guest as all layers have it at one moment: Nova, libvirt, the kernel, placement.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cloud::{Allocation, Cloud, Provider, Server};
use crate::cpuset::Cpuset;
use crate::error::Result;
use crate::findings::pinning::{self, Pin};
use crate::findings::{CpuMap, DomainSnapshot, GuestSnapshot};
use crate::guest::Guest;
use crate::host::{Facts, GuestProcess, HugeMap, Role};
use crate::libvirt::{Domain, DomainState};

/// What was seen of a guest. Assertions are functions of it, so that a wrong one can be
/// put in its place ([`Control`](super::Control)).
#[derive(Debug, Clone)]
pub struct Seen {
    /// What Nova says.
    pub server: Server,
    /// Nova's name of the host.
    pub host: String,
    /// What libvirt was told.
    pub domain: Domain,
    /// Whether libvirt has it running: Nova's status is what Nova last heard.
    pub state: DomainState,
    /// What the kernel does.
    pub process: GuestProcess,
    /// What placement has booked, on any provider: during a move, and after an evacuation
    /// until the lost host is back, there are several.
    pub allocations: Vec<Allocation>,
    /// The providers of its host.
    pub providers: Vec<String>,
    /// The host's kernel: cells, free pages.
    pub facts: Facts,
    /// The CPUs of the host's NUMA nodes, by cell, as libvirt has them.
    pub cells: BTreeMap<u32, Cpuset>,
    /// How the CPUs of the domain XML stand to the kernel's: the same, but where NUMA nodes are
    /// simulated (smog's lab).
    pub cpus: CpuMap,
}

impl Seen {
    /// Look at a guest: one call to Nova, one to placement, its host at once.
    ///
    /// # Errors
    /// As [`Guest::domain`] and [`Cloud::call`].
    pub async fn of(cloud: &Cloud, guest: &mut Guest) -> Result<Seen> {
        guest.refresh().await?;
        let domain = guest.domain().await?;
        let host = guest.host().await?;
        let (process, state, facts, cpus, allocations, providers) = tokio::try_join!(
            host.guest_process(&domain.name),
            host.domain_state(&domain.name),
            host.facts(),
            host.cpu_map(),
            cloud.allocations(&guest.server.id),
            cloud.providers()
        )?;
        let name =
            guest.server.hypervisor_hostname.as_deref().or(guest.server.host.as_deref()).unwrap_or_default();
        let root =
            providers.iter().find(|provider| provider.name == name).map(|provider| provider.id.clone());
        let of_host = |provider: &Provider| root.is_some() && provider.root == root;
        let providers = providers
            .iter()
            .filter(|provider| of_host(provider))
            .map(|provider| provider.id.clone())
            .collect();
        let cells = facts.cells.iter().map(|cell| (cell.id, cell.cpus.clone())).collect();
        Ok(Seen {
            host: guest.server.host.clone().unwrap_or_default(),
            server: guest.server.clone(),
            cells,
            cpus,
            domain,
            state,
            process,
            allocations,
            providers,
            facts,
        })
    }

    /// The CPUs each vCPU thread may run on, by vCPU.
    pub fn affinity(&self) -> BTreeMap<u32, Cpuset> {
        self.process.vcpu_affinity()
    }

    /// What placement has booked of a resource class on its host.
    pub fn booked(&self, class: &str) -> u64 {
        let here = self.allocations.iter().filter(|allocation| self.providers.contains(&allocation.provider));
        here.filter_map(|allocation| allocation.resources.get(class)).sum()
    }

    /// The CPUs that the kernel has for these ([`CpuMap::real`]).
    #[must_use]
    pub fn real(&self, cpus: &Cpuset) -> Cpuset {
        self.cpus.real(cpus)
    }

    /// Where each of its threads may run, against what is declared for it.
    pub fn pins(&self) -> Vec<Pin> {
        pinning::pins(&self.domain, &self.process, &self.cpus)
    }

    /// The same for the rules of [`findings`](crate::findings). What a case does not look at
    /// (Nova's NUMA record, the configuration, moves) is not known in it.
    pub fn snapshot(&self) -> GuestSnapshot {
        GuestSnapshot {
            server: self.server.clone(),
            is_host_known: true,
            domain: Some(DomainSnapshot {
                domain: Arc::new(self.domain.clone()),
                persistent: None,
                state: self.state,
                reason: 0,
            }),
            elsewhere: Vec::new(),
            process: Some(Arc::new(self.process.clone())),
            allocations: Some(self.allocations.clone()),
            host_providers: Some(self.providers.clone()),
            topology: None,
            open_migrations: Vec::new(),
            cpus: self.cpus.clone(),
            sets: None,
        }
    }

    /// The CPUs of these NUMA nodes of its host.
    pub fn cpus_of_cells(&self, cells: &Cpuset) -> Cpuset {
        cells.iter().filter_map(|cell| self.cells.get(&cell)).fold(Cpuset::new(), |all, cpus| all.union(cpus))
    }

    /// The same with other domain XML; what is no domain XML any more leaves it as it was.
    #[must_use]
    pub fn with_xml(self, change: impl Fn(&str) -> String) -> Seen {
        match Domain::parse(change(self.domain.xml()), "a negative control") {
            Ok(domain) => Seen { domain, ..self },
            Err(_) => self,
        }
    }

    /// The same with lines of the domain XML left out that contain `text`.
    #[must_use]
    pub fn without_xml_lines(self, text: &str) -> Seen {
        self.with_xml(|xml| xml.lines().filter(|line| !line.contains(text)).collect::<Vec<_>>().join("\n"))
    }

    /// The same with every vCPU thread allowed on these CPUs.
    #[must_use]
    pub fn with_affinity(mut self, cpus: &Cpuset) -> Seen {
        for thread in &mut self.process.threads {
            if matches!(thread.role, Role::Vcpu(_)) {
                thread.cpus = cpus.clone();
            }
        }
        self
    }

    /// The same with vCPU threads allowed on every CPU of the host.
    #[must_use]
    pub fn unpinned_threads(self) -> Seen {
        // One more than there are, so that it differs on a host with a single CPU too.
        let all = self.facts.cpus.online.iter().chain([self.facts.cpus.online.len() as u32]).collect();
        self.with_affinity(&all)
    }

    /// The same with its memory in small pages.
    #[must_use]
    pub fn in_small_pages(mut self) -> Seen {
        self.process.memory = None;
        self.process.huge_kib = 0;
        self
    }

    /// The same with its memory in huge pages of 2 MiB, whatever was declared.
    #[must_use]
    pub fn in_huge_pages(mut self) -> Seen {
        let kib = self.domain.memory_kib;
        let map = HugeMap { start: 0, size_kib: kib, page_kib: 2048, used_kib: kib, file: None };
        self.process.memory.get_or_insert_default().huge_maps.push(map);
        self
    }

    /// The same with its memory in a NUMA node that the host has not.
    #[must_use]
    pub fn in_another_cell(mut self) -> Seen {
        for map in self.process.memory.iter_mut().flat_map(|maps| &mut maps.numa_maps) {
            map.pages = map.pages.iter().map(|(cell, pages)| (cell + 1000, *pages)).collect();
        }
        self
    }

    /// The same with a QEMU that was told nothing on its command line.
    #[must_use]
    pub fn without_command_line(mut self) -> Seen {
        self.process.command_line.clear();
        self
    }

    /// The same with nothing booked in placement.
    #[must_use]
    pub fn unbooked(self) -> Seen {
        Seen { allocations: Vec::new(), ..self }
    }
}
