//! The cloud that cases run on, as it is: its compute hosts, down to their kernels.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::cloud::{Cloud, Microversion};
use crate::cpuset::Cpuset;
use crate::error::Result;
use crate::findings::{CpuSets, NovaConf, is_remote};
use crate::host::{Facts, Host, ServiceRole};
use crate::libvirt::{Capabilities, Domain};

/// What there is.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// Every compute host Nova knows.
    pub hosts: Vec<ComputeHost>,
    /// Hosts of Nova that cannot be used, and why.
    pub unusable: Vec<(String, String)>,
    /// The newest compute microversion.
    pub compute: Microversion,
    /// The types of all services in keystone's catalog.
    pub services: BTreeSet<String>,
    /// `[filter_scheduler]enabled_filters`; `None` where no scheduler's host answers.
    pub filters: Option<BTreeSet<String>>,
    /// Whether the computes share their instances directory.
    pub shared_storage: bool,
}

/// One compute host that is up, enabled, and answers.
#[derive(Debug, Clone)]
pub struct ComputeHost {
    /// Nova's name of it.
    pub name: String,
    /// The way to it.
    pub host: Host,
    /// What its kernel says.
    pub facts: Facts,
    /// `[compute]cpu_dedicated_set`.
    pub dedicated: Cpuset,
    /// Those of them that domains which were there before are pinned to: other people's servers.
    pub taken: Cpuset,
    /// How many domains there are: other people's servers, before cases have any.
    pub domains: usize,
    /// `[compute]cpu_shared_set`; where it is not set: none with a dedicated set, else all
    /// that are online.
    pub shared: Cpuset,
    /// NUMA nodes as libvirt (and so Nova) sees them.
    pub cells: usize,
    /// `[libvirt]virt_type`.
    pub virt_type: String,
    /// How often nova-compute counts again what its guests take (`update_resources_interval`):
    /// until then, CPUs of pinned guests that moved may still be booked in its own count.
    pub counts_every: std::time::Duration,
    /// How long after its start nova-compute may wait before it counts for the first time
    /// (`periodic_fuzzy_delay`).
    pub first_count_after: std::time::Duration,
    /// A process may lock any amount of memory, which libvirt needs for real-time guests;
    /// containers without CAP_SYS_RESOURCE cannot.
    pub locks_memory: bool,
    /// Files can be mounted (loop devices), as nova-compute does to make a vfat config drive.
    pub has_loop_devices: bool,
    /// There is a description of UEFI firmware, as libvirt and Nova read them
    /// (`/usr/share/qemu/firmware`).
    pub has_uefi: bool,
    /// `[vnc]enabled`, which is on where it is not set.
    pub has_screen: bool,
    /// `[libvirt]images_type`: where disks of guests are; "default" where it is not set.
    pub images_type: String,
    /// `[DEFAULT]force_config_drive`: every guest has one.
    pub forces_config_drive: bool,
    /// `[DEFAULT]state_path`: nova-compute's own folder.
    pub state_path: String,
    /// Each `[pci]device_spec` (or `passthrough_whitelist`).
    pub pci_specs: Vec<String>,
    /// Each `[pci]alias`.
    pub pci_aliases: Vec<String>,
    /// What libvirt can do there.
    pub capabilities: Capabilities,
    /// Cells that are made up for libvirt (smog's lab); 0 on every real host.
    pub simulated_cells: u32,
    /// The device number and inode of the instances directory's file system and path.
    instances: String,
}

impl ComputeHost {
    /// Its CPUs for pinned guests that no server of others has.
    pub fn free_dedicated(&self) -> Cpuset {
        self.dedicated.difference(&self.taken)
    }

    /// The same by NUMA node, the largest number of CPUs first: a pinned guest that asks for no
    /// cells has all of its CPUs in one cell of the host.
    pub fn free_dedicated_by_cell(&self) -> Vec<Cpuset> {
        let free = self.free_dedicated();
        let cells = self.capabilities.cells.iter().map(|cell| cell.cpuset().intersection(&free));
        let mut cells: Vec<Cpuset> = cells.filter(|cell| !cell.is_empty()).collect();
        cells.sort_by_key(|cell| std::cmp::Reverse(cell.len()));
        cells
    }

    /// How many of them the cell has that has most.
    pub fn free_dedicated_in_a_cell(&self) -> usize {
        self.free_dedicated_by_cell().first().map_or(0, Cpuset::len)
    }

    /// It has no CPU left for a pinned guest: servers of others have them all, or there is none.
    pub fn is_full(&self) -> bool {
        self.free_dedicated().is_empty()
    }

    /// Whether its CPUs have siblings.
    pub fn has_siblings(&self) -> bool {
        let mut cpus = self.capabilities.cells.iter().flat_map(|cell| &cell.cpus);
        cpus.any(|cpu| cpu.siblings.len() > 1)
    }
}

/// A line of the inventory for reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct HostLine {
    /// Nova's name of it.
    pub name: String,
    /// All its CPUs.
    pub cpus: Cpuset,
    /// CPUs for pinned guests.
    pub dedicated: Cpuset,
    /// CPUs for unpinned guests.
    pub shared: Cpuset,
    /// NUMA nodes, and how many of them are simulated.
    pub cells: usize,
    /// Simulated cells.
    pub simulated_cells: u32,
}

impl From<&ComputeHost> for HostLine {
    fn from(host: &ComputeHost) -> HostLine {
        HostLine {
            name: host.name.clone(),
            cpus: host.facts.cpus.online.clone(),
            dedicated: host.dedicated.clone(),
            shared: host.shared.clone(),
            cells: host.cells,
            simulated_cells: host.simulated_cells,
        }
    }
}

impl Inventory {
    /// Look at every compute host, at once.
    ///
    /// # Errors
    /// As [`Cloud::call`]. A host that does not answer is listed as unusable.
    pub async fn look(cloud: &Cloud) -> Result<Inventory> {
        let compute = cloud.compute_microversion().await?;
        let nova = cloud.compute_services().await?;
        let mut hosts = Vec::new();
        let mut unusable = Vec::new();
        let mut looks = tokio::task::JoinSet::new();
        for service in nova.iter().filter(|service| service.binary == "nova-compute") {
            if service.state != "up" || service.status != "enabled" {
                let why = format!("nova-compute is {} and {}", service.state, service.status);
                unusable.push((service.host.clone(), why));
                continue;
            }
            let (cloud, name) = (cloud.clone(), service.host.clone());
            looks.spawn(async move {
                let looked = look_at(&cloud, &name).await;
                (name, looked)
            });
        }
        while let Some(looked) = looks.join_next().await {
            match looked {
                Ok((_, Ok(host))) => hosts.push(host),
                Ok((name, Err(why))) => unusable.push((name, why.to_string())),
                Err(why) => unusable.push(("a host".into(), why.to_string())),
            }
        }
        hosts.sort_by(|one, other| one.name.cmp(&other.name));
        unusable.sort();
        let filters = scheduler_filters(cloud, &nova).await;
        let shared_storage =
            hosts.len() > 1 && hosts.windows(2).all(|pair| pair[0].instances == pair[1].instances);
        let services = cloud.service_types().await?;
        Ok(Inventory { hosts, unusable, compute, services, filters, shared_storage })
    }

    /// The hosts cases may use.
    pub fn usable(&self) -> impl Iterator<Item = &ComputeHost> {
        self.hosts.iter()
    }

    /// A host by Nova's name.
    pub fn host(&self, name: &str) -> Option<&ComputeHost> {
        self.hosts.iter().find(|host| host.name == name)
    }

    /// Why hosts cannot be used, one sentence.
    pub fn problems(&self) -> String {
        let said: Vec<String> = self.unusable.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        said.join("; ")
    }

    /// Why no host at all can be used, or nothing when one can.
    pub fn no_host(&self) -> Option<String> {
        let why = match self.unusable.is_empty() {
            true => "the cloud has none".to_string(),
            false => self.problems(),
        };
        self.hosts.is_empty().then(|| format!("no compute host can be used: {why}"))
    }

    /// The names of hosts that share a kernel, when any do.
    pub fn one_kernel(&self) -> Option<Vec<String>> {
        self.hosts.iter().enumerate().find_map(|(at, one)| {
            let others =
                self.hosts[at + 1..].iter().filter(|other| other.facts.shares_kernel_with(&one.facts));
            let names: Vec<String> =
                std::iter::once(one).chain(others).map(|host| host.name.clone()).collect();
            (names.len() > 1).then_some(names)
        })
    }
}

async fn look_at(cloud: &Cloud, name: &str) -> Result<ComputeHost> {
    let host = cloud.host(name).await?;
    let (facts, layout) = tokio::try_join!(host.facts(), host.layout())?;
    let files = layout.place(ServiceRole::NovaCompute).map(|place| place.config.clone()).unwrap_or_default();
    let conf = NovaConf::read(&host.outside(), &files).await?;
    let (capabilities, domains) = tokio::try_join!(host.capabilities(), host.domains())?;
    let CpuSets { dedicated, shared } = conf.cpu_sets()?;
    let shared = match shared {
        Some(shared) => shared,
        // Nova: with a dedicated set alone, a host has no CPUs for others.
        None if dedicated.is_some() => Cpuset::new(),
        None => facts.cpus.online.clone(),
    };
    let state_path = conf.get("DEFAULT", "state_path").unwrap_or("/var/lib/nova");
    let instances = conf.get("DEFAULT", "instances_path").unwrap_or("$state_path/instances");
    let instances = instances.replace("$state_path", state_path);
    let source = crate::host::Cmd::new("findmnt").args(["-no", "SOURCE,FSTYPE", "-T", &instances]).any_exit();
    let unlimited = crate::host::Cmd::shell("ulimit -l unlimited").any_exit();
    let locks_memory = host.outside().run(unlimited).await?.exit.is_ok();
    let free_loop = crate::host::Cmd::shell("[ -e \"$(losetup --find)\" ]").any_exit();
    let has_loop_devices = host.outside().run(free_loop).await?.exit.is_ok();
    let firmware =
        "cat /etc/qemu/firmware/*.json /usr/share/qemu/firmware/*.json 2>/dev/null | grep -q '\"uefi\"'";
    let has_uefi = host.run(crate::host::Cmd::shell(firmware).any_exit()).await?.exit.is_ok();
    let mounted = host.outside().run(source).await?.text().trim().to_string();
    let is_remote = is_remote(&mounted);
    let mut pci_specs = conf.get_all("pci", "device_spec");
    pci_specs.extend(conf.get_all("pci", "passthrough_whitelist"));
    Ok(ComputeHost {
        name: name.to_string(),
        cells: capabilities.cells.len(),
        simulated_cells: facts.lab.as_ref().map_or(0, |lab| lab.simulated_cells),
        virt_type: conf.get("libvirt", "virt_type").unwrap_or("kvm").to_string(),
        locks_memory,
        has_loop_devices,
        has_uefi,
        // 0 is Nova's own default, and stands for oslo.service's of a minute.
        counts_every: seconds(&conf, "update_resources_interval")
            .filter(|every| !every.is_zero())
            .unwrap_or(MINUTE),
        first_count_after: seconds(&conf, "periodic_fuzzy_delay").unwrap_or(MINUTE),
        has_screen: is_on(&conf, "vnc", "enabled", true),
        images_type: conf.get("libvirt", "images_type").unwrap_or("default").to_string(),
        forces_config_drive: is_on(&conf, "DEFAULT", "force_config_drive", false),
        state_path: state_path.to_string(),
        pci_specs,
        pci_aliases: conf.get_all("pci", "alias"),
        domains: domains.len(),
        taken: pins(&domains).intersection(&dedicated.clone().unwrap_or_default()),
        dedicated: dedicated.unwrap_or_default(),
        shared,
        instances: if is_remote { mounted } else { format!("{name}:{instances}") },
        capabilities,
        facts,
        host,
    })
}

/// The CPUs that these domains have for themselves.
fn pins(domains: &[Domain]) -> Cpuset {
    let pinned = domains.iter().filter(|domain| domain.is_pinned());
    pinned.fold(Cpuset::new(), |all, domain| all.union(&domain.pinned_cpus()))
}

const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

/// An option that is on or off, in any of the words oslo.config takes for it.
fn is_on(conf: &NovaConf, section: &str, key: &str, default: bool) -> bool {
    match conf.get(section, key).map(str::to_ascii_lowercase).as_deref() {
        Some("true" | "1" | "yes" | "on") => true,
        Some("false" | "0" | "no" | "off") => false,
        _ => default,
    }
}

/// An option of `[DEFAULT]` that is a number of seconds.
fn seconds(conf: &NovaConf, key: &str) -> Option<std::time::Duration> {
    conf.get("DEFAULT", key)?.parse().ok().map(std::time::Duration::from_secs)
}

/// The filters of the last scheduler whose host answers.
async fn scheduler_filters(
    cloud: &Cloud,
    services: &[crate::cloud::ComputeService],
) -> Option<BTreeSet<String>> {
    let mut names: Vec<&str> = services
        .iter()
        .filter(|service| service.binary == "nova-scheduler")
        .map(|service| service.host.as_str())
        .collect();
    names.dedup();
    let mut filters = None;
    for name in names {
        let Ok(host) = cloud.host(name).await else { continue };
        let Ok(layout) = host.layout().await else { continue };
        let files =
            layout.place(ServiceRole::NovaScheduler).map(|place| place.config.clone()).unwrap_or_default();
        let Ok(conf) = NovaConf::read(&host.outside(), &files).await else { continue };
        let listed = conf
            .get("filter_scheduler", "enabled_filters")
            .or_else(|| conf.get("DEFAULT", "scheduler_default_filters"));
        filters = Some(listed.map_or_else(default_filters, |listed| {
            listed.split(',').map(|filter| filter.trim().to_string()).collect()
        }));
    }
    filters
}

/// Nova's own list, where the option is not set (`[filter_scheduler]enabled_filters`).
fn default_filters() -> BTreeSet<String> {
    [
        "ComputeFilter",
        "ComputeCapabilitiesFilter",
        "ImagePropertiesFilter",
        "ServerGroupAntiAffinityFilter",
        "ServerGroupAffinityFilter",
    ]
    .map(str::to_string)
    .into()
}
