//! What is there: looked at on each host, in as few commands as can be.

use std::collections::{BTreeMap, BTreeSet};

use super::image::{self, FileImage};
use super::machine_state::{self, MachineState};
use super::place::Place;
use super::storage::{self, StorageState};
use super::wish::{Target, Want, Wish};
use crate::error::Result;
use crate::host::{Batch, Cmd, Facts, Layout, Service, ServiceRole};

/// What was found on the hosts a wish is for.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Each host.
    pub hosts: Vec<HostState>,
}

/// What was found on one host, as far as the wish is concerned.
#[derive(Debug, Clone)]
pub struct HostState {
    /// The host's name.
    pub name: String,
    /// Where its services are.
    pub layout: Layout,
    /// The files each service reads, in that order, `conf.d` folders included.
    pub configs: BTreeMap<ServiceRole, Vec<String>>,
    /// Files by the path they were asked by: the path with links followed, and what is there.
    pub files: BTreeMap<String, (String, Option<FileImage>)>,
    /// Values of /sys and /proc that are there.
    pub values: BTreeMap<String, String>,
    /// Units.
    pub units: BTreeMap<String, Service>,
    /// The filters Nova has on by itself.
    pub default_filters: Vec<String>,
    /// Names of all filters of the host's Nova; empty where it could not be asked.
    pub known_filters: Vec<String>,
    /// The kind of container the host is, by `systemd-detect-virt --container`.
    pub container: Option<String>,
    /// The tool that changes the kernel's command line.
    pub boot_tool: Option<BootTool>,
    /// What there is for a shared folder; looked at only when the wish concerns one.
    pub storage: Option<StorageState>,
    /// What the host is; asked only when the wish concerns its kernel.
    pub facts: Option<Facts>,
    /// Whether it is one of the hosts that were asked for, not only a parent of one.
    pub is_own: bool,
    /// Its guests that are hosts themselves; looked at only when the wish concerns them.
    pub machines: Vec<MachineState>,
    /// Whether it has such guests.
    pub is_parent: bool,
}

/// The file smog makes for huge pages at each boot.
pub(super) const TMPFILES: &str = "/etc/tmpfiles.d/smog-huge-pages.conf";
/// The file smog makes for module parameters.
pub(super) const MODPROBE: &str = "/etc/modprobe.d/smog.conf";
/// The file smog makes for the kernel's command line.
pub(super) const GRUB: &str = "/etc/default/grub.d/smog.cfg";

/// The file grub2-mkconfig reads.
pub(super) const GRUB_DEFAULTS: &str = "/etc/default/grub";
/// The file smog makes where grubby changes the kernel's command line.
pub(super) const KERNEL_WORDS: &str = "/etc/smog-kernel-command-line";
/// The file smog makes for folders it shares.
pub(super) const EXPORTS: &str = "/etc/exports.d/smog.exports";
/// The file of mounts.
pub(super) const FSTAB: &str = "/etc/fstab";

/// What changes the kernel's command line on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootTool {
    /// Debian's, with the folder /etc/default/grub.d.
    UpdateGrub,
    /// Fedora's and Red Hat's: one entry a kernel.
    Grubby,
    /// SUSE's, and older Red Hat's.
    Mkconfig,
}

/// Every `nr_hugepages` of a host.
const PAGES: &str =
    "/sys/kernel/mm/hugepages/*/nr_hugepages /sys/devices/system/node/node*/hugepages/*/nr_hugepages";

/// Nova's own list since 2023.1 (`nova/conf/scheduler.py`), for when it cannot be asked.
const FILTERS: [&str; 5] = [
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
];

impl HostState {
    /// Whether a want with this target is for this host.
    pub fn is_for(&self, target: &Target) -> bool {
        match target {
            Target::All => self.is_own,
            Target::Host(name) => *name == self.name,
            Target::Parents => self.is_parent,
            _ => self.is_own && roles(target).iter().any(|role| self.is_main(*role)),
        }
    }

    /// Whether a service makes the host a compute or a controller.
    fn is_main(&self, role: ServiceRole) -> bool {
        use ServiceRole::{NovaApi, NovaCompute, NovaScheduler};
        matches!(role, NovaApi | NovaCompute | NovaScheduler) && self.layout.place(role).is_some()
    }

    /// A file that was looked at.
    pub fn file(&self, path: &str) -> Option<&FileImage> {
        self.files.get(path).and_then(|(_, image)| image.as_ref())
    }
}

/// The services whose files a target means.
pub(super) fn roles(target: &Target) -> &'static [ServiceRole] {
    use ServiceRole::*;
    match target {
        Target::Computes => &[NovaCompute, Libvirt, NeutronOvsAgent],
        Target::Controllers => &[NovaScheduler, NovaApi, NovaConductor, NeutronServer],
        Target::All | Target::Host(_) | Target::Parents => {
            &[NovaCompute, NovaScheduler, NovaApi, NovaConductor, Libvirt, NeutronOvsAgent, NeutronServer]
        }
    }
}

/// Whether a want concerns the kernel, which hosts may share.
pub(super) fn is_of_kernel(want: &Want) -> bool {
    match want {
        // Network settings are each network namespace's own.
        Want::Sysctl { name, .. } => !name.starts_with("net"),
        Want::Pages(_) | Want::NestedKvm | Want::KernelWord(_) | Want::VirtualFunctions { .. } => true,
        _ => false,
    }
}

/// The file of a sysctl.
pub(super) fn sysctl_path(name: &str) -> String {
    // `net.ipv4.conf.eth0/1.x`: with a slash first in the name, dots stay.
    match name.contains('/') {
        true => format!("/proc/sys/{name}"),
        false => format!("/proc/sys/{}", name.replace('.', "/")),
    }
}

/// A unit's whole name.
pub(super) fn unit_name(unit: &str) -> String {
    if unit.contains('.') { unit.to_string() } else { format!("{unit}.service") }
}

/// The file of a network card's virtual functions.
pub(super) fn vfs_path(interface: &str) -> String {
    format!("/sys/class/net/{interface}/device/sriov_numvfs")
}

/// Look at one host. Three commands, of which two at once; more only for the kernel's facts.
///
/// # Errors
/// As [`Host::run`].
pub(super) async fn look(place: &Place, wish: &Wish) -> Result<HostState> {
    let host = &place.host;
    let (layout, conf_d) = tokio::join!(host.layout(), host.glob("/etc/nova/*.conf.d/*.conf"));
    let (layout, conf_d) = (layout?, conf_d?);
    let configs = layout.places.iter().map(|(role, place)| {
        let mut files = place.config.clone();
        let program = program(*role);
        let extra = conf_d.iter().filter(|path| {
            path.starts_with("/etc/nova/nova.conf.d/")
                || path.starts_with(&format!("/etc/nova/{program}.conf.d/"))
        });
        if !program.is_empty() {
            files.extend(extra.cloned());
        }
        (*role, files)
    });
    let mut state = HostState {
        name: host.name().to_string(),
        configs: configs.collect(),
        layout,
        files: BTreeMap::new(),
        values: BTreeMap::new(),
        units: BTreeMap::new(),
        default_filters: Vec::new(),
        known_filters: Vec::new(),
        container: None,
        boot_tool: None,
        storage: None,
        facts: None,
        is_own: place.is_own,
        machines: Vec::new(),
        is_parent: !place.machines.is_empty(),
    };
    if wish.items.iter().any(|item| matches!(item.want, Want::Machine(_))) {
        for machine in &place.machines {
            state.machines.push(machine_state::look(machine).await?);
        }
    }
    let wants: Vec<_> = wish.items.iter().filter(|item| state.is_for(&item.target)).collect();
    let (mut paths, mut values) = (BTreeSet::new(), BTreeSet::new());
    let mut units: BTreeSet<String> =
        state.layout.places.values().filter_map(|place| place.unit.clone()).collect();
    let mut asks_filters = false;
    for item in &wants {
        match &item.want {
            Want::Option(option) => paths.extend(config_files(&state, &item.target, &option.file)),
            Want::File { path, .. } => {
                paths.insert(path.clone());
            }
            Want::Key { file, .. } => paths.extend(config_files(&state, &item.target, file)),
            Want::Filters(_) => {
                asks_filters = true;
                paths.extend(state.configs.get(&ServiceRole::NovaScheduler).into_iter().flatten().cloned());
            }
            Want::Pages(pages) => {
                values.insert(PAGES.to_string());
                paths.extend(pages.at_boot.then(|| TMPFILES.to_string()));
            }
            Want::Sysctl { name, .. } => {
                values.insert(crate::quote(&sysctl_path(name)));
            }
            Want::Value { path, .. } => {
                values.insert(crate::quote(path));
            }
            Want::VirtualFunctions { interface, .. } => {
                let path = vfs_path(interface);
                values.insert(crate::quote(&path));
                values.insert(crate::quote(&path.replace("numvfs", "totalvfs")));
            }
            Want::NestedKvm => {
                paths.insert(MODPROBE.to_string());
            }
            Want::KernelWord(_) => {
                paths.extend([GRUB, GRUB_DEFAULTS, KERNEL_WORDS].map(str::to_string));
            }
            Want::Unit { unit, .. } => {
                units.insert(unit_name(unit));
            }
            Want::Machine(_) => {}
            Want::SharedInstances(_) => {
                paths.extend([EXPORTS, FSTAB].map(str::to_string));
                units.insert("nfs-server.service".into());
            }
        }
    }
    let of_kernel = wants.iter().any(|item| is_of_kernel(&item.want));
    let mut batch = Batch::new();
    let files: Vec<_> = paths.iter().map(|path| (path.clone(), batch.add(image::look(path)))).collect();
    let list = values.into_iter().collect::<Vec<_>>().join(" ");
    let list = if list.is_empty() { "/dev/null".to_string() } else { list };
    let values = batch.add(Cmd::shell(format!("grep -sH '' {list}; exit 0")));
    let virt = batch.add(Cmd::new("systemd-detect-virt").arg("--container"));
    let grub = batch.add(Cmd::shell(
        "has() { command -v \"$1\" >/dev/null && echo \"$1\"; }\n\
         { [ -d /etc/default/grub.d ] && has update-grub; } || has grubby || has grub2-mkconfig; exit 0",
    ));
    let folder = wants.iter().find_map(|item| match &item.want {
        Want::SharedInstances(shared) => Some(shared.folder.as_str()),
        _ => None,
    });
    let storage = folder.map(|folder| batch.add(storage::look(folder)));
    let filters = asks_filters.then(|| {
        let python = "from nova import conf; print(','.join(conf.CONF.filter_scheduler.enabled_filters))";
        batch.add(Cmd::new("python3").args(["-c", python]))
    });
    let all_filters = asks_filters.then(|| {
        let python = "from nova.scheduler import filters; print(','.join(one.__name__ for one in filters.all_filters()))";
        batch.add(Cmd::new("python3").args(["-c", python]))
    });
    let asked = async {
        match units.is_empty() {
            true => Ok(Vec::new()),
            false => host.services(units.iter().map(String::as_str)).await,
        }
    };
    let facts = async {
        match of_kernel {
            true => host.facts().await.map(Some),
            false => Ok(None),
        }
    };
    let outside = host.outside();
    let (answers, services, facts) = tokio::join!(outside.ask(batch), asked, facts);
    let answers = answers?;
    state.facts = facts?;
    state.units = services?.into_iter().map(|service| (service.unit.clone(), service)).collect();
    for (path, ask) in files {
        let found = image::read(&path, host.name(), answers.good(ask)?)?;
        let (real, image) = match found {
            Some((real, image)) => (real, Some(image)),
            None => (path.clone(), None),
        };
        state.files.insert(path, (real, image));
    }
    for line in answers.get(values).text().lines() {
        if let Some((path, value)) = line.split_once(':') {
            state.values.insert(path.to_string(), value.trim().to_string());
        }
    }
    let word = answers.get(virt).text().trim().to_string();
    state.container = Some(word).filter(|word| !word.is_empty() && word != "none");
    state.boot_tool = match answers.get(grub).text().trim() {
        "update-grub" => Some(BootTool::UpdateGrub),
        "grubby" => Some(BootTool::Grubby),
        "grub2-mkconfig" => Some(BootTool::Mkconfig),
        _ => None,
    };
    if let Some(ask) = storage {
        state.storage = Some(StorageState::parse(&answers.good(ask)?.text()));
    }
    if let Some(ask) = filters {
        let text = answers.get(ask).text().trim().to_string();
        state.default_filters = match answers.get(ask).exit.is_ok() && !text.is_empty() {
            true => text.split(',').map(str::to_string).collect(),
            false => FILTERS.map(str::to_string).to_vec(),
        };
    }
    if let Some(ask) = all_filters
        && answers.get(ask).exit.is_ok()
    {
        let text = answers.get(ask).text();
        // Nova may print warnings first.
        let names = text.trim().lines().last().unwrap_or_default().split(',');
        state.known_filters =
            names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_string).collect();
    }
    Ok(state)
}

/// The files a name means: those of that name the target's services read, with those
/// read beside them, or one file by its path.
pub(super) fn config_files(state: &HostState, target: &Target, file: &str) -> Vec<String> {
    if file.starts_with('/') {
        return vec![file.to_string()];
    }
    match reader(state, target, file) {
        Some(role) => state.configs.get(&role).cloned().unwrap_or_default(),
        None => Vec::new(),
    }
}

/// The service that reads a file of this name.
pub(super) fn reader(state: &HostState, target: &Target, file: &str) -> Option<ServiceRole> {
    let is_called = |path: &String| path.rsplit('/').next() == Some(file);
    // devstack's nova-compute reads nova-cpu.conf, cells nova_cell1.conf: it is their nova.conf.
    let is_main = |role: ServiceRole| file == "nova.conf" && !program(role).is_empty();
    roles(target).iter().copied().find(|role| {
        let files = state.configs.get(role);
        files.is_some_and(|files| files.iter().any(is_called) || (is_main(*role) && !files.is_empty()))
    })
}

/// Nova's program of a role; empty for others.
fn program(role: ServiceRole) -> &'static str {
    match role {
        ServiceRole::NovaCompute => "nova-compute",
        ServiceRole::NovaApi => "nova-api",
        ServiceRole::NovaScheduler => "nova-scheduler",
        ServiceRole::NovaConductor => "nova-conductor",
        _ => "",
    }
}
