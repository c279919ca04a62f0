//! A guest as all layers have it at one moment: Nova, libvirt, the kernel, placement.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use super::pinning::{self, Pin};
use super::{CpuMap, DomainSnapshot, GuestSnapshot};
use crate::cloud::{Allocation, Cloud, Provider, Server};
use crate::cpuset::Cpuset;
use crate::error::Result;
use crate::guest::Guest;
use crate::host::{Facts, GuestProcess, HugeMap, Role};
use crate::libvirt::{Domain, DomainState};

/// What was seen of a guest that has a domain and a process: its [`GuestSnapshot`], and the kernel of
/// its host. What is expected of a guest is a function of it, so that a wrong state can be put in its
/// place ([`Control`](super::Control)).
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its domain and its process are there: the constructor takes both.
    guest: GuestSnapshot,
    /// The host's kernel: NUMA nodes, free pages.
    pub facts: Facts,
    /// The CPUs of the host's NUMA nodes, by number, as libvirt has them.
    pub cells: BTreeMap<u32, Cpuset>,
}

/// The rules of [`findings`](crate::findings) judge it as any other snapshot. What a case does not look
/// at (Nova's NUMA record, the configuration, moves) is not known in it.
impl Deref for Seen {
    type Target = GuestSnapshot;

    fn deref(&self) -> &GuestSnapshot {
        &self.guest
    }
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
        let booked = Booked { allocations, providers };
        Ok(Seen::new(guest.server.clone(), domain, state, process, booked, cpus, facts))
    }

    /// What each layer says of a guest.
    pub(super) fn new(
        server: Server,
        domain: Domain,
        state: DomainState,
        process: GuestProcess,
        booked: Booked,
        cpus: CpuMap,
        facts: Facts,
    ) -> Seen {
        let domain = DomainSnapshot { domain: Arc::new(domain), persistent: None, state, reason: 0 };
        let guest = GuestSnapshot {
            server,
            is_host_known: true,
            domain: Some(domain),
            elsewhere: Vec::new(),
            process: Some(Arc::new(process)),
            allocations: Some(booked.allocations),
            host_providers: Some(booked.providers),
            topology: None,
            open_migrations: Vec::new(),
            cpus,
            sets: None,
        };
        let cells = facts.cells.iter().map(|cell| (cell.id, cell.cpus.clone())).collect();
        Seen { guest, facts, cells }
    }

    /// What libvirt was given.
    pub fn domain(&self) -> &Domain {
        &self.on_its_host().domain
    }

    /// Whether libvirt has it running: Nova's status is what Nova last heard.
    pub fn state(&self) -> DomainState {
        self.on_its_host().state
    }

    fn on_its_host(&self) -> &DomainSnapshot {
        match &self.guest.domain {
            Some(domain) => domain,
            None => unreachable!("`Seen::new` puts the domain in, and nothing takes it out"),
        }
    }

    /// What the kernel does.
    pub fn process(&self) -> &GuestProcess {
        match &self.guest.process {
            Some(process) => process,
            None => unreachable!("`Seen::new` puts the process in, and nothing takes it out"),
        }
    }

    /// The same to be changed, for a wrong state.
    pub fn process_mut(&mut self) -> &mut GuestProcess {
        match &mut self.guest.process {
            Some(process) => Arc::make_mut(process),
            None => unreachable!("`Seen::new` puts the process in, and nothing takes it out"),
        }
    }

    /// The CPUs each vCPU thread may run on, by vCPU.
    pub fn affinity(&self) -> BTreeMap<u32, Cpuset> {
        self.process().vcpu_affinity()
    }

    /// The CPUs that the kernel has for these ([`CpuMap::real`]).
    #[must_use]
    pub fn real(&self, cpus: &Cpuset) -> Cpuset {
        self.cpus.real(cpus)
    }

    /// Where each of its threads may run, against what is declared for it.
    pub fn pins(&self) -> Vec<Pin> {
        pinning::pins(self.domain(), self.process(), &self.cpus)
    }

    /// The CPUs of these NUMA nodes of its host.
    pub fn cpus_of_cells(&self, cells: &Cpuset) -> Cpuset {
        cells.iter().filter_map(|cell| self.cells.get(&cell)).fold(Cpuset::new(), |all, cpus| all.union(cpus))
    }

    /// The same with other domain XML; what is not a domain XML any more leaves it as it was.
    #[must_use]
    pub fn with_xml(mut self, change: impl Fn(&str) -> String) -> Seen {
        let changed = Domain::parse(change(self.domain().xml()), "a negative control");
        if let (Ok(domain), Some(found)) = (changed, &mut self.guest.domain) {
            found.domain = Arc::new(domain);
        }
        self
    }

    /// The same in another state of the domain.
    #[must_use]
    pub fn in_state(mut self, state: DomainState) -> Seen {
        if let Some(found) = &mut self.guest.domain {
            found.state = state;
        }
        self
    }

    /// The same with lines of the domain XML left out that contain `text`.
    #[must_use]
    pub fn without_xml_lines(self, text: &str) -> Seen {
        self.with_xml(|xml| xml.lines().filter(|line| !line.contains(text)).collect::<Vec<_>>().join("\n"))
    }

    /// The same with every vCPU thread allowed on these CPUs.
    #[must_use]
    pub fn with_affinity(mut self, cpus: &Cpuset) -> Seen {
        for thread in &mut self.process_mut().threads {
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
        self.process_mut().memory = None;
        self.process_mut().huge_kib = 0;
        self
    }

    /// The same with its memory in huge pages of 2 MiB, whatever was declared.
    #[must_use]
    pub fn in_huge_pages(mut self) -> Seen {
        let kib = self.domain().memory_kib;
        let map = HugeMap { start: 0, size_kib: kib, page_kib: 2048, used_kib: kib, file: None };
        self.process_mut().memory.get_or_insert_default().huge_maps.push(map);
        self
    }

    /// The same with its memory in a NUMA node that the host has not.
    #[must_use]
    pub fn in_another_cell(mut self) -> Seen {
        for map in self.process_mut().memory.iter_mut().flat_map(|maps| &mut maps.numa_maps) {
            map.pages = map.pages.iter().map(|(cell, pages)| (cell + 1000, *pages)).collect();
        }
        self
    }

    /// The same with a QEMU that got nothing on its command line.
    #[must_use]
    pub fn without_command_line(mut self) -> Seen {
        self.process_mut().command_line.clear();
        self
    }

    /// The same with nothing booked in placement.
    #[must_use]
    pub fn unbooked(mut self) -> Seen {
        self.guest.allocations = Some(Vec::new());
        self
    }
}

/// What placement has booked, on any provider (during a move, and after an evacuation until the lost
/// host is back, there are several), and the providers of its host.
pub(super) struct Booked {
    pub allocations: Vec<Allocation>,
    pub providers: Vec<String>,
}
