//! What is there: looked at on each host, in as few commands as can be.

use std::collections::{BTreeMap, BTreeSet};

use super::image::{self, FileImage};
use super::machine_state::{self, MachineState};
use super::place::Place;
use super::storage::StorageState;
use super::things::Look;
use super::wish::{Target, Wish};
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

/// What changes the kernel's command line on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootTool {
    /// Debian's, with the folder /etc/default/grub.d.
    UpdateGrub,
    /// Fedora's and Red Hat's: one entry per kernel.
    Grubby,
    /// SUSE's, and older Red Hat's.
    Mkconfig,
}

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
        Target::Controllers => &[NovaScheduler, NovaApi, NovaConductor, NovaCellConductor, NeutronServer],
        Target::All | Target::Host(_) | Target::Parents => &[
            NovaCompute,
            NovaScheduler,
            NovaApi,
            NovaConductor,
            NovaCellConductor,
            Libvirt,
            NeutronOvsAgent,
            NeutronServer,
        ],
    }
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
    if wish.items.iter().any(|item| item.want.with(|thing| thing.is_of_machines())) {
        for machine in &place.machines {
            state.machines.push(machine_state::look(machine).await?);
        }
    }
    let wants: Vec<_> = wish.items.iter().filter(|item| state.is_for(&item.target)).collect();
    let mut look = Look::default();
    state.layout.places.values().filter_map(|place| place.unit.clone()).for_each(|unit| look.unit(unit));
    for item in &wants {
        item.want.with(|thing| thing.look(&state, &item.target, &mut look));
    }
    let Look { paths, values, units, commands } = look;
    let of_kernel = wants.iter().any(|item| item.want.with(|thing| thing.is_of_kernel()));
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
    let commands: Vec<_> = commands.into_iter().map(|(cmd, read)| (batch.add(cmd), read)).collect();
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
    for (ask, read) in commands {
        read(&mut state, answers.good(ask)?);
    }
    Ok(state)
}

/// The files a name means: those of that name the target's services read, with those
/// read with them, or one file by its path.
pub(super) fn config_files(state: &HostState, target: &Target, file: &str) -> Vec<String> {
    if file.starts_with('/') {
        return vec![file.to_string()];
    }
    let readers = readers(state, target, file).into_iter();
    let mut files: Vec<String> =
        readers.flat_map(|role| state.configs.get(&role).cloned().unwrap_or_default()).collect();
    let mut known = BTreeSet::new();
    files.retain(|path| known.insert(path.clone()));
    files
}

/// The services that read a file of this name: all the same one, or each one of its own.
pub(super) fn readers(state: &HostState, target: &Target, file: &str) -> Vec<ServiceRole> {
    let is_called = |path: &String| path.rsplit('/').next() == Some(file);
    // devstack's nova-compute reads nova-cpu.conf, cells nova_cell1.conf: it is their nova.conf.
    let is_main = |role: ServiceRole| file == "nova.conf" && !program(role).is_empty();
    let reads = |role: &ServiceRole| {
        let files = state.configs.get(role);
        files.is_some_and(|files| files.iter().any(is_called) || (is_main(*role) && !files.is_empty()))
    };
    roles(target).iter().copied().filter(reads).collect()
}

/// Nova's program of a role; empty for others.
fn program(role: ServiceRole) -> &'static str {
    match role {
        ServiceRole::NovaCompute => "nova-compute",
        ServiceRole::NovaApi => "nova-api",
        ServiceRole::NovaScheduler => "nova-scheduler",
        ServiceRole::NovaConductor | ServiceRole::NovaCellConductor => "nova-conductor",
        _ => "",
    }
}
