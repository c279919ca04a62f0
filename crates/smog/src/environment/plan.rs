//! What has to change so that what is there becomes what is wanted. Pure: a function of both.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::change::{Change, FileChange, OptionEdit, Restart, UnitChange, UnitState, ValueChange};
use super::image::FileImage;
use super::plain;
use super::state::{
    GRUB, HostState, MODPROBE, State, TMPFILES, is_of_kernel, reader, sysctl_path, unit_name, vfs_path,
};
use super::wish::{OptionWish, PagesWish, Target, Want, Wish};
use crate::error::Result;
use crate::host::{NestedKvm, ServiceRole};
use crate::oslo::OsloConfig;
use crate::show::kib;

/// The changes of all hosts.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Each host, also those with nothing to do.
    pub hosts: Vec<HostPlan>,
    /// Wants that are for no host at all, with the reason.
    pub nowhere: Vec<String>,
}

/// The changes of one host, in the order they are made.
#[derive(Debug, Clone, Default)]
pub struct HostPlan {
    /// The host.
    pub host: String,
    /// What changes.
    pub changes: Vec<Change>,
    /// The services that must read their configuration again.
    pub restarts: Vec<Restart>,
    /// Why the host must boot again before all of it holds.
    pub reboot: Vec<String>,
    /// What cannot be had here, and why.
    pub cannot: Vec<Cannot>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Something that cannot be had on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cannot {
    /// What was wanted.
    pub what: String,
    /// Why not.
    pub why: String,
}

impl Plan {
    /// Whether there is nothing to change (and nothing that cannot be had).
    pub fn is_ready(&self) -> bool {
        self.nowhere.is_empty() && self.hosts.iter().all(HostPlan::is_ready)
    }

    /// Whether there is anything to change.
    pub fn has_changes(&self) -> bool {
        self.hosts.iter().any(|host| !host.changes.is_empty())
    }

    /// Everything that cannot be had: "cmp1: …, because …".
    pub fn cannot(&self) -> Vec<String> {
        let of_hosts = self.hosts.iter().flat_map(|host| {
            host.cannot
                .iter()
                .map(|one| format!("{}: cannot {} here, because {}", host.host, one.what, one.why))
        });
        self.nowhere.iter().cloned().chain(of_hosts).collect()
    }
}

impl HostPlan {
    /// Whether there is nothing to change here, nothing to boot for, and nothing that cannot be had.
    pub fn is_ready(&self) -> bool {
        self.changes.is_empty() && self.cannot.is_empty() && self.reboot.is_empty()
    }

    fn cannot(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let cannot = Cannot { what: what.into(), why: why.into() };
        if !self.cannot.contains(&cannot) {
            self.cannot.push(cannot);
        }
    }
}

/// For people: diffs, values, restarts, reboots, what cannot be had. Secrets are hidden.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for host in &self.hosts {
            for change in &host.changes {
                write!(f, "{}", change.text(&host.host))?;
            }
            for note in &host.notes {
                writeln!(f, "{}: note: {note}", host.host)?;
            }
            if !host.restarts.is_empty() {
                let names: Vec<&str> = host.restarts.iter().map(Restart::name).collect();
                writeln!(f, "{}: restarts {}", host.host, names.join(", "))?;
            }
            for why in &host.reboot {
                writeln!(f, "{}: takes effect after a reboot of the host: {why}", host.host)?;
            }
        }
        for cannot in self.cannot() {
            writeln!(f, "{cannot}")?;
        }
        Ok(())
    }
}

/// What has to change.
///
/// # Errors
/// [`Error::Config`](crate::Error::Config) for a file oslo.config could not read either;
/// [`Error::Invalid`](crate::Error::Invalid) for a value a line cannot hold.
pub fn plan(state: &State, wish: &Wish) -> Result<Plan> {
    let mut hosts: Vec<Draft<'_>> = state.hosts.iter().map(Draft::of).collect();
    let mut nowhere = Vec::new();
    for item in &wish.items {
        let mut is_for_any = false;
        for (at, draft) in hosts.iter_mut().enumerate() {
            if !draft.state.is_for(&item.target) {
                continue;
            }
            is_for_any = true;
            let twin = is_of_kernel(&item.want).then(|| twin_before(state, &item.target, at)).flatten();
            match twin {
                Some(name) => {
                    let note =
                        format!("shares its kernel with {name}: pages and kernel settings are counted there");
                    if !draft.plan.notes.contains(&note) {
                        draft.plan.notes.push(note);
                    }
                }
                None => draft.add(&item.target, &item.want)?,
            }
        }
        if !is_for_any {
            nowhere.push(format!(
                "{}: no host here {}",
                name_of(&item.want),
                match &item.target {
                    Target::Host(name) => format!("is called `{name}`"),
                    Target::Computes => "runs nova-compute".into(),
                    Target::Controllers => "runs nova-scheduler or nova-api".into(),
                    Target::All => "is known".to_string(),
                }
            ));
        }
    }
    Ok(Plan { hosts: hosts.into_iter().map(Draft::finish).collect(), nowhere })
}

/// An earlier host that shares this one's kernel and gets the same want.
fn twin_before<'a>(state: &'a State, target: &Target, at: usize) -> Option<&'a str> {
    let own = state.hosts[at].facts.as_ref()?;
    let before = state.hosts[..at].iter().filter(|host| host.is_for(target));
    before
        .filter(|host| host.facts.as_ref().is_some_and(|facts| facts.shares_kernel_with(own)))
        .map(|host| host.name.as_str())
        .next()
}

fn name_of(want: &Want) -> String {
    match want {
        Want::Option(option) => format!("{}:{}.{}", option.file, option.section, option.key),
        Want::Filters(filters) => format!("scheduler filters {}", filters.join(", ")),
        Want::Pages(pages) => format!("{} pages", kib(pages.size_kib)),
        Want::Sysctl { name, .. } => name.clone(),
        Want::Value { path, .. } => path.clone(),
        Want::NestedKvm => "nested KVM".into(),
        Want::KernelWord(word) => format!("kernel parameter {word}"),
        Want::VirtualFunctions { interface, .. } => format!("virtual functions of {interface}"),
        Want::Key { file, key, .. } => format!("{file}:{key}"),
        Want::Unit { unit, .. } => unit.clone(),
    }
}

/// A plan in the making: file changes gather edits of several wants.
struct Draft<'a> {
    state: &'a HostState,
    plan: HostPlan,
    /// By real path.
    files: BTreeMap<String, FileDraft>,
    values: Vec<ValueChange>,
    units: Vec<UnitChange>,
}

struct FileDraft {
    before: Option<FileImage>,
    text: String,
    edits: Vec<OptionEdit>,
    then: Option<String>,
    /// The services that read the changed part; `None`: all that read the file.
    only: Vec<Option<ServiceRole>>,
}

impl<'a> Draft<'a> {
    fn of(state: &'a HostState) -> Draft<'a> {
        Draft {
            state,
            plan: HostPlan { host: state.name.clone(), ..HostPlan::default() },
            files: BTreeMap::new(),
            values: Vec::new(),
            units: Vec::new(),
        }
    }

    fn add(&mut self, target: &Target, want: &Want) -> Result<()> {
        match want {
            Want::Option(option) => self.option(target, option)?,
            Want::Filters(filters) => self.filters(filters)?,
            Want::Pages(pages) => self.pages(pages),
            Want::Sysctl { name, value } => self.value(&sysctl_path(name), value, name, false),
            Want::Value { path, value } => self.value(path, value, path, false),
            Want::NestedKvm => self.nested_kvm(),
            Want::KernelWord(word) => self.kernel_word(word),
            Want::VirtualFunctions { interface, count } => self.virtual_functions(interface, *count),
            Want::Key { file, key, value } => self.key(target, file, key, value),
            Want::Unit { unit, enabled, active } => self.unit(unit, *enabled, *active),
        }
        Ok(())
    }

    // Files of oslo.config.

    fn option(&mut self, target: &Target, option: &OptionWish) -> Result<()> {
        let what = format!("set [{}]{}", option.section, option.key);
        let Some(path) = self.place_of(target, option)? else {
            self.plan.cannot(what, format!("no service here reads a file called {}", option.file));
            return Ok(());
        };
        if self.text_of(&path).is_none() {
            self.plan.cannot(what, self.no_text(&path));
            return Ok(());
        }
        let only = owner_of(&option.section);
        let (section, key) = (option.section.clone(), option.key.clone());
        let values: Vec<&str> = option.values.iter().map(String::as_str).collect();
        self.edit(&path, only, |file| {
            let before: Vec<String> = file.get_all(&section, &key).into_iter().map(str::to_string).collect();
            let edited = match values.as_slice() {
                [value] => file.set(&section, &key, value)?,
                values => file.set_all(&section, &key, values)?,
            };
            let after: Vec<String> = edited.get_all(&section, &key).into_iter().map(str::to_string).collect();
            Ok((edited, OptionEdit { section, key, before, after }))
        })
    }

    /// The file in which an option has to be set so that it counts.
    fn place_of(&mut self, target: &Target, option: &OptionWish) -> Result<Option<String>> {
        if option.file.starts_with('/') {
            self.note_overruled(option)?;
            return Ok(Some(option.file.clone()));
        }
        let Some(role) = reader(self.state, target, &option.file) else { return Ok(None) };
        let files = self.state.configs.get(&role).cloned().unwrap_or_default();
        let named = files.iter().find(|path| path.rsplit('/').next() == Some(&option.file)).cloned();
        let main = files.first().cloned();
        // Another file than the service's first was named: that one is meant.
        if named.is_some() && named != main {
            return Ok(named);
        }
        for path in files.iter().rev() {
            let is_set = match self.text_of(path) {
                Some(text) => {
                    !OsloConfig::parse(text, path)?.get_all(&option.section, &option.key).is_empty()
                }
                None => false,
            };
            if is_set {
                if Some(path) != main.as_ref() {
                    self.note(format!(
                        "{path} is read after {} and sets [{}]{}: it is changed there",
                        option.file, option.section, option.key
                    ));
                }
                return Ok(Some(path.clone()));
            }
        }
        Ok(main)
    }

    /// Say when a file that is read later sets the option too.
    fn note_overruled(&mut self, option: &OptionWish) -> Result<()> {
        let lists: Vec<Vec<String>> = self.state.configs.values().cloned().collect();
        for files in lists {
            let Some(at) = files.iter().position(|path| *path == option.file) else { continue };
            for path in &files[at + 1..] {
                let Some(text) = self.text_of(path) else { continue };
                if OsloConfig::parse(text, path)?.get(&option.section, &option.key).is_some() {
                    self.note(format!(
                        "{path} is read later and overrules [{}]{}",
                        option.section, option.key
                    ));
                }
            }
        }
        Ok(())
    }

    fn filters(&mut self, wanted: &[String]) -> Result<()> {
        let what = format!("turn on {}", wanted.join(", "));
        let files = self.state.configs.get(&ServiceRole::NovaScheduler).cloned().unwrap_or_default();
        if files.is_empty() {
            if self.state.layout.place(ServiceRole::NovaApi).is_some() {
                self.note("has no nova-scheduler: the filters are another controller's".into());
            }
            return Ok(());
        }
        // The name before Ocata counts where it is the only one that is set.
        const NAMES: [(&str, &str); 2] =
            [("filter_scheduler", "enabled_filters"), ("DEFAULT", "scheduler_default_filters")];
        let mut found = None;
        'search: for (section, key) in NAMES {
            for path in files.iter().rev() {
                let Some(text) = self.text_of(path) else { continue };
                if let Some(list) = OsloConfig::parse(text, path)?.get(section, key) {
                    found = Some((path.clone(), section, key, list.to_string()));
                    break 'search;
                }
            }
        }
        let (path, section, key, list) = found.unwrap_or_else(|| {
            let list = self.state.default_filters.join(",");
            (files[0].clone(), NAMES[0].0, NAMES[0].1, list)
        });
        if self.text_of(&path).is_none() {
            self.plan.cannot(what, self.no_text(&path));
            return Ok(());
        }
        let is_on = |name: &str| {
            list.split(',').map(str::trim).any(|on| on == name || on.rsplit('.').next() == Some(name))
        };
        let missing: Vec<&str> = wanted.iter().map(String::as_str).filter(|name| !is_on(name)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let glue = if list.contains(", ") { ", " } else { "," };
        let new: Vec<&str> =
            list.split(',').map(str::trim).filter(|name| !name.is_empty()).chain(missing).collect();
        let new = new.join(glue);
        self.edit(&path, Some(ServiceRole::NovaScheduler), |file| {
            let before = file.get_all(section, key).into_iter().map(str::to_string).collect();
            let edited = file.set(section, key, &new)?;
            let after = edited.get_all(section, key).into_iter().map(str::to_string).collect();
            Ok((edited, OptionEdit { section: section.into(), key: key.into(), before, after }))
        })
    }

    fn edit(
        &mut self,
        path: &str,
        only: Option<ServiceRole>,
        how: impl FnOnce(&OsloConfig) -> Result<(OsloConfig, OptionEdit)>,
    ) -> Result<()> {
        let text = self.text_of(path).unwrap_or_default();
        let (edited, edit) = how(&OsloConfig::parse(text.clone(), &format!("{}:{path}", self.state.name))?)?;
        if edited.text() != text {
            let draft = self.draft(path);
            draft.text = edited.text().to_string();
            draft.edits.push(edit);
            draft.only.push(only);
        }
        Ok(())
    }

    // Other files.

    fn key(&mut self, target: &Target, file: &str, key: &str, value: &str) {
        let path = match file.starts_with('/') {
            true => Some(file.to_string()),
            false => reader(self.state, target, file).and_then(|role| {
                let files = self.state.configs.get(&role)?;
                files.iter().find(|path| path.rsplit('/').next() == Some(file)).cloned()
            }),
        };
        let text = path.as_ref().and_then(|path| Some((path.clone(), self.text_of(path)?)));
        match text {
            Some((path, text)) => {
                let edited = plain::set(&text, key, value);
                self.replace(&path, &text, edited, None);
            }
            None => self.plan.cannot(format!("set {key}"), format!("there is no {file}")),
        }
    }

    /// A line in a file of smog's own.
    fn own_line(&mut self, path: &str, line: &str, then: Option<&str>) {
        let text = self.text_of(path).unwrap_or_default();
        if !text.lines().any(|other| other == line) {
            let head = if text.is_empty() { "# Made by smog; `smog restore` takes it away.\n" } else { "" };
            self.replace(path, &text, format!("{text}{head}{line}\n"), then);
        }
    }

    fn replace(&mut self, path: &str, text: &str, edited: String, then: Option<&str>) {
        if edited != text {
            let draft = self.draft(path);
            draft.text = edited;
            draft.only.push(None);
            draft.then = then.map(str::to_string);
        }
    }

    // The kernel.

    fn value(&mut self, path: &str, wanted: &str, what: &str, by_zero: bool) {
        let now = self.values.iter().find(|change| change.path == path).map(|change| change.after.clone());
        match now.or_else(|| self.state.values.get(path).cloned()) {
            None => self.plan.cannot(format!("set {what}"), format!("there is no {path}")),
            Some(now) if same_value(&now, wanted) => {}
            Some(now) => {
                self.values.retain(|change| change.path != path);
                let before = self.state.values.get(path).cloned().unwrap_or(now);
                let (path, after, what) = (path.to_string(), wanted.to_string(), what.to_string());
                self.values.push(ValueChange { path, before, after, what, by_zero });
            }
        }
    }

    fn pages(&mut self, wish: &PagesWish) {
        let size = kib(wish.size_kib);
        let file = format!("hugepages/hugepages-{}kB/nr_hugepages", wish.size_kib);
        let cell_path = |cell: u32| format!("/sys/devices/system/node/node{cell}/{file}");
        let whole = format!("/sys/kernel/mm/{file}");
        let what = format!("have {size} pages");
        if !self.state.values.contains_key(&whole) {
            self.plan.cannot(what, format!("its kernel has no pages of {size} ({whole} is not there)"));
            return;
        }
        // Simulated cells of smog's lab are libvirt's only: the kernel has one.
        let simulated = self
            .state
            .facts
            .as_ref()
            .and_then(|facts| facts.lab.as_ref())
            .is_some_and(|lab| lab.simulated_cells > 0);
        let mut cells: Vec<u32> =
            self.state.facts.iter().flat_map(|facts| &facts.cells).map(|cell| cell.id).collect();
        cells.retain(|cell| !simulated && self.state.values.contains_key(&cell_path(*cell)));
        let wanted: Vec<(String, String, u64)> = match wish.cell {
            Some(cell) if !cells.contains(&cell) => {
                let cells: Vec<String> = cells.iter().map(u32::to_string).collect();
                let why = match cells.is_empty() {
                    true => "its kernel counts pages for the whole host only".to_string(),
                    false => format!("it has no NUMA cell {cell} (only {})", cells.join(", ")),
                };
                self.plan.cannot(format!("{what} in cell {cell}"), why);
                return;
            }
            Some(cell) => vec![(cell_path(cell), format!("{size} pages of cell {cell}"), wish.count)],
            None if cells.is_empty() => vec![(whole, format!("{size} pages"), wish.count)],
            None => {
                // Spread here, not by the kernel, so that each cell gets back what it had.
                let share = wish.count / cells.len() as u64;
                let more = (wish.count % cells.len() as u64) as usize;
                let counts = cells.iter().enumerate().map(|(at, cell)| {
                    let count = share + u64::from(at < more);
                    (cell_path(*cell), format!("{size} pages of cell {cell}"), count)
                });
                counts.collect()
            }
        };
        for (path, name, count) in wanted {
            let now: u64 = self.state.values.get(&path).and_then(|now| now.parse().ok()).unwrap_or(0);
            if wish.now && now < count {
                let available =
                    self.state.facts.as_ref().map_or(u64::MAX, |facts| facts.memory.available_kib);
                if (count - now).saturating_mul(wish.size_kib) > available {
                    self.plan.cannot(
                        format!("have {count} {name}"),
                        format!("there are {now}, and only {} of memory is available", mib(available)),
                    );
                    continue;
                }
                self.value(&path, &count.to_string(), &name, false);
            }
            if wish.at_boot {
                self.own_line(TMPFILES, &format!("w {path} - - - - {count}"), None);
            }
        }
    }

    fn nested_kvm(&mut self) {
        const WHAT: &str = "turn on nested KVM";
        let Some(facts) = &self.state.facts else { return };
        let module =
            ["kvm_intel", "kvm_amd"].into_iter().find(|name| facts.kernel.modules.contains_key(*name));
        match (facts.kernel.nested_kvm(), module) {
            (NestedKvm::On, _) => {}
            (NestedKvm::NoKvm, _) | (_, None) => {
                self.plan.cannot(WHAT, "its kernel has neither kvm_intel nor kvm_amd loaded");
            }
            (NestedKvm::Off, Some(_)) if self.state.container.is_some() => {
                let kind = self.state.container.clone().unwrap_or_default();
                self.plan.cannot(WHAT, format!("it is a container ({kind}): modules are its parent's"));
            }
            (NestedKvm::Off, Some(module)) => {
                self.own_line(MODPROBE, &format!("options {module} nested=1"), None);
                self.plan
                    .reboot
                    .push(format!("parameter nested of {module} is read when the module is loaded"));
            }
        }
    }

    fn kernel_word(&mut self, word: &str) {
        let what = format!("add `{word}` to the kernel's command line");
        let has = self.state.facts.as_ref().is_some_and(|facts| {
            facts.kernel.command_line.text.split_ascii_whitespace().any(|other| other == word)
        });
        if has {
            return;
        }
        if let Some(kind) = &self.state.container {
            self.plan.cannot(what, format!("it is a container ({kind}) and has no boot loader of its own"));
        } else if !self.state.has_update_grub {
            self.plan.cannot(
                what,
                "it has no update-grub with /etc/default/grub.d, the one way smog knows so far",
            );
        } else if word.contains(['"', '\'', '$', '`', '\\', '\n']) {
            self.plan.cannot(what, "it has letters a shell would read otherwise");
        } else {
            let line = format!("GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX {word}\"");
            self.own_line(GRUB, &line, Some("update-grub"));
            self.plan.reboot.push(format!("`{word}` on the kernel's command line"));
        }
    }

    fn virtual_functions(&mut self, interface: &str, count: u32) {
        let path = vfs_path(interface);
        let most = self
            .state
            .values
            .get(&path.replace("numvfs", "totalvfs"))
            .and_then(|text| text.parse::<u32>().ok());
        let what = format!("have {count} virtual functions of {interface}");
        match most {
            None => self.plan.cannot(what, format!("{interface} has no SR-IOV ({path} is not there)")),
            Some(most) if count > most => self.plan.cannot(what, format!("the card can have {most} at most")),
            Some(_) => {
                self.value(&path, &count.to_string(), &format!("virtual functions of {interface}"), true)
            }
        }
    }

    fn unit(&mut self, unit: &str, enabled: Option<bool>, active: Option<bool>) {
        let full = unit_name(unit);
        let Some(service) = self.state.units.get(&full) else {
            self.plan.cannot(format!("change {full}"), "there is no such unit");
            return;
        };
        let before =
            UnitState { enabled: service.enabled.starts_with("enabled"), active: service.is_active() };
        if enabled.is_some_and(|wanted| wanted != before.enabled)
            && !matches!(service.enabled.as_str(), "enabled" | "disabled")
        {
            let why = format!("it is {}, which `systemctl enable` does not change", service.enabled);
            self.plan.cannot(format!("enable or disable {full}"), why);
            return;
        }
        let after =
            UnitState { enabled: enabled.unwrap_or(before.enabled), active: active.unwrap_or(before.active) };
        if before != after {
            self.units.push(UnitChange { unit: full, before, after });
        }
    }

    // The whole.

    /// A file's text as it will be so far; `None` when there is no such file.
    fn text_of(&self, path: &str) -> Option<String> {
        let (real, image) = self.state.files.get(path)?;
        if let Some(draft) = self.files.get(real) {
            return Some(draft.text.clone());
        }
        String::from_utf8(image.as_ref()?.bytes.clone()).ok()
    }

    /// Why a file's text is not to be had.
    fn no_text(&self, path: &str) -> String {
        match self.state.file(path) {
            Some(_) => format!("{path} is no UTF-8 text"),
            None => format!("there is no {path}"),
        }
    }

    fn draft(&mut self, path: &str) -> &mut FileDraft {
        let (real, image) = self.state.files.get(path).cloned().unwrap_or((path.to_string(), None));
        self.files.entry(real).or_insert_with(|| FileDraft {
            text: String::new(),
            before: image,
            edits: Vec::new(),
            then: None,
            only: Vec::new(),
        })
    }

    fn note(&mut self, note: String) {
        if !self.plan.notes.contains(&note) {
            self.plan.notes.push(note);
        }
    }

    /// Values first (what fails most easily fails before anything else was changed),
    /// then files, then units; services are restarted after all of it.
    fn finish(mut self) -> HostPlan {
        let mut restarts: Vec<Restart> = Vec::new();
        let stopping: Vec<&str> =
            self.units.iter().filter(|unit| !unit.after.active).map(|unit| unit.unit.as_str()).collect();
        for (real, draft) in &self.files {
            for (role, files) in &self.state.configs {
                let reads =
                    files.iter().any(|path| self.state.files.get(path).is_some_and(|(path, _)| path == real));
                let is_meant = draft.only.iter().any(|only| only.is_none_or(|only| only == *role));
                let Some(place) = self.state.layout.place(*role).filter(|_| reads && is_meant) else {
                    continue;
                };
                let unit = place.unit.as_deref().unwrap_or_default();
                let runs = place.container.is_some()
                    || self.state.units.get(unit).is_some_and(crate::host::Service::is_active);
                if runs && !stopping.contains(&unit) && !restarts.iter().any(|one| one.role == *role) {
                    restarts.push(Restart { role: *role, place: place.clone() });
                }
            }
        }
        // nova-compute takes itself out of service until it has libvirt back: up to a minute.
        if restarts.iter().any(|one| one.role == ServiceRole::Libvirt)
            && !restarts.iter().any(|one| one.role == ServiceRole::NovaCompute)
            && let Some(place) = self.state.layout.place(ServiceRole::NovaCompute)
        {
            restarts.push(Restart { role: ServiceRole::NovaCompute, place: place.clone() });
        }
        restarts.sort_by_key(|one| (one.role != ServiceRole::Libvirt, one.role));
        self.plan.restarts = restarts;
        let files = self.files.into_iter().map(|(path, draft)| {
            let after = match &draft.before {
                Some(before) => FileImage { bytes: draft.text.into_bytes(), ..before.clone() },
                None => FileImage::new(draft.text),
            };
            Change::File(FileChange {
                path,
                before: draft.before,
                after,
                edits: draft.edits,
                then: draft.then,
            })
        });
        let values = self.values.into_iter().map(Change::Value);
        self.plan.changes = values.chain(files).chain(self.units.into_iter().map(Change::Unit)).collect();
        self.plan
    }
}

/// The one service a section is for; `None` for the sections several read.
fn owner_of(section: &str) -> Option<ServiceRole> {
    match section {
        "filter_scheduler" | "scheduler" => Some(ServiceRole::NovaScheduler),
        "libvirt" => Some(ServiceRole::NovaCompute),
        "conductor" => Some(ServiceRole::NovaConductor),
        _ => None,
    }
}

/// The kernel gives `1\t2` for `1 2`.
pub(super) fn same_value(one: &str, other: &str) -> bool {
    one.split_ascii_whitespace().eq(other.split_ascii_whitespace())
}

fn mib(kib: u64) -> String {
    format!("{} MiB", kib >> 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{ActiveState, Layout, LayoutKind, Service, ServicePlace};

    const NOVA: &str = "[DEFAULT]\ndebug = false\n[libvirt]\nvirt_type = qemu\n[placement]\npassword = p\n";

    /// A compute whose nova-compute.conf says the virt_type too, as Debian's does.
    fn compute() -> HostState {
        let (nova, own) = ("/etc/nova/nova.conf".to_string(), "/etc/nova/nova-compute.conf".to_string());
        let place = |unit: &str, config: &[&String]| ServicePlace {
            unit: Some(unit.to_string()),
            config: config.iter().map(|path| path.to_string()).collect(),
            ..ServicePlace::default()
        };
        let libvirtd = "/etc/libvirt/libvirtd.conf".to_string();
        let places = BTreeMap::from([
            (ServiceRole::NovaCompute, place("nova-compute.service", &[&nova, &own])),
            (ServiceRole::Libvirt, place("libvirtd.service", &[&libvirtd])),
        ]);
        let unit = |name: &str| {
            let service = Service {
                unit: name.to_string(),
                active: ActiveState::Active,
                sub: "running".into(),
                main_pid: Some(7),
                since: None,
                enabled: "enabled".into(),
                restarts: 0,
            };
            (name.to_string(), service)
        };
        let file = |path: &String, text: &str| (path.clone(), (path.clone(), Some(FileImage::new(text))));
        HostState {
            name: "cmp1".into(),
            configs: places.iter().map(|(role, place)| (*role, place.config.clone())).collect(),
            layout: Layout { kind: LayoutKind::Debian, places },
            files: BTreeMap::from([
                file(&nova, NOVA),
                file(&own, "[libvirt]\nvirt_type = qemu\n"),
                file(&libvirtd, "#listen_tls = 0\n"),
            ]),
            values: BTreeMap::from([("/proc/sys/vm/swappiness".to_string(), "60".to_string())]),
            units: BTreeMap::from([unit("nova-compute.service"), unit("libvirtd.service")]),
            default_filters: vec!["ComputeFilter".into()],
            container: Some("systemd-nspawn".into()),
            has_update_grub: false,
            facts: None,
        }
    }

    fn controller() -> HostState {
        let nova = "/etc/nova/nova.conf".to_string();
        let mut state = compute();
        state.name = "ctl".into();
        let place = |unit: &str| ServicePlace {
            unit: Some(unit.to_string()),
            config: vec![nova.clone()],
            ..ServicePlace::default()
        };
        state.layout.places = BTreeMap::from([
            (ServiceRole::NovaApi, place("nova-api.service")),
            (ServiceRole::NovaScheduler, place("nova-scheduler.service")),
        ]);
        state.configs =
            state.layout.places.iter().map(|(role, place)| (*role, place.config.clone())).collect();
        let mut units = state.units.clone();
        for (at, name) in ["nova-api.service", "nova-scheduler.service"].into_iter().enumerate() {
            let mut unit = units.values().nth(at).expect("a unit").clone();
            unit.unit = name.to_string();
            units.insert(name.to_string(), unit);
        }
        state.units = units;
        state
    }

    fn planned(wish: &Wish) -> Plan {
        plan(&State { hosts: vec![compute(), controller()] }, wish).expect("a plan")
    }

    /// The text a file will have.
    fn text(plan: &HostPlan, path: &str) -> String {
        let file = plan.changes.iter().find_map(|change| match change {
            Change::File(file) if file.path == path => Some(file.after.bytes.clone()),
            _ => None,
        });
        String::from_utf8(file.unwrap_or_default()).expect("text")
    }

    fn setting(text: &str) -> Wish {
        Wish::new().with_setting(text).expect("a setting")
    }

    #[test]
    fn an_option_is_changed_where_it_counts() {
        let plan = planned(&setting("nova.conf:libvirt.virt_type=kvm"));
        let host = &plan.hosts[0];
        assert_eq!(host.changes.len(), 1);
        assert_eq!(text(host, "/etc/nova/nova-compute.conf"), "[libvirt]\nvirt_type = kvm\n");
        assert_eq!(host.restarts.iter().map(Restart::name).collect::<Vec<_>>(), ["nova-compute.service"]);
        assert!(host.notes[0].contains("read after nova.conf"), "{:?}", host.notes);
        assert!(plan.hosts[1].is_ready(), "not of the controller");

        let plan = planned(&setting("nova.conf:DEFAULT.debug=true"));
        assert!(text(&plan.hosts[0], "/etc/nova/nova.conf").contains("debug = true"));
        // The named file and no other, and what overrules it is said.
        let plan = planned(&setting("cmp1//etc/nova/nova.conf:libvirt.virt_type=kvm"));
        assert!(text(&plan.hosts[0], "/etc/nova/nova.conf").contains("virt_type = kvm"));
        assert!(plan.hosts[0].notes[0].contains("overrules"), "{:?}", plan.hosts[0].notes);
    }

    #[test]
    fn what_is_so_already_changes_nothing() {
        let wish =
            setting("nova.conf:libvirt.virt_type=qemu").with_sysctl("vm.swappiness=60").expect("a sysctl");
        let plan = planned(&wish);
        assert!(plan.is_ready() && !plan.has_changes(), "{plan}");
    }

    #[test]
    fn missing_filters_are_added_to_the_list_that_counts() {
        let wish = Wish::new().with_filters(["ComputeFilter", "NUMATopologyFilter"]);
        let plan = planned(&wish);
        let ctl = &plan.hosts[1];
        assert!(
            text(ctl, "/etc/nova/nova.conf")
                .ends_with("[filter_scheduler]\nenabled_filters = ComputeFilter,NUMATopologyFilter\n")
        );
        // nova-api reads the file too, but not this section.
        assert_eq!(ctl.restarts.iter().map(Restart::name).collect::<Vec<_>>(), ["nova-scheduler.service"]);
        assert!(plan.hosts[0].is_ready());
        let mut old = controller();
        let image = FileImage::new("[DEFAULT]\nscheduler_default_filters = RamFilter, ComputeFilter\n");
        old.files.insert("/etc/nova/nova.conf".into(), ("/etc/nova/nova.conf".into(), Some(image)));
        let plan = super::plan(&State { hosts: vec![old] }, &wish).expect("a plan");
        let new = text(&plan.hosts[0], "/etc/nova/nova.conf");
        assert_eq!(
            new,
            "[DEFAULT]\nscheduler_default_filters = RamFilter, ComputeFilter, NUMATopologyFilter\n"
        );
    }

    #[test]
    fn libvirt_is_restarted_before_nova_compute() {
        let plan = planned(&setting("libvirtd.conf:listen_tls=1"));
        let names: Vec<&str> = plan.hosts[0].restarts.iter().map(Restart::name).collect();
        assert_eq!(names, ["libvirtd.service", "nova-compute.service"]);
        assert_eq!(text(&plan.hosts[0], "/etc/libvirt/libvirtd.conf"), "#listen_tls = 0\nlisten_tls = 1\n");
    }

    #[test]
    fn what_cannot_be_had_is_said() {
        let wish = Wish::new()
            .with(Target::Computes, Want::KernelWord("intel_iommu=on".into()))
            .with(Target::Host("cmp9".into()), Want::NestedKvm)
            .with_setting("nope.conf:a.b=c")
            .and_then(|wish| wish.with_sysctl("vm.nope=1"))
            .and_then(|wish| wish.with_service("nope=disabled"))
            .expect("a wish");
        let plan = planned(&wish);
        assert!(!plan.is_ready() && !plan.has_changes());
        let said = plan.cannot().join("\n");
        for part in [
            "no host here is called `cmp9`",
            "because it is a container (systemd-nspawn)",
            "because no service here reads a file called nope.conf",
            "because there is no /proc/sys/vm/nope",
            "because there is no such unit",
        ] {
            assert!(said.contains(part), "{part} in:\n{said}");
        }
    }

    #[test]
    fn the_plan_shows_no_secret() {
        let shown = planned(&setting("nova.conf:placement.password=hunter2")).to_string();
        assert!(
            shown.contains("+password = (hidden)") && !shown.contains("hunter2") && !shown.contains("= p\n"),
            "{shown}"
        );
        assert!(
            !format!("{:?}", planned(&setting("nova.conf:DEFAULT.debug=true")).hosts[0].changes[0])
                .contains("password")
        );
    }

    #[test]
    fn a_unit_that_shall_stop_is_not_restarted() {
        let wish =
            setting("nova.conf:DEFAULT.debug=true").with_service("nova-compute=inactive").expect("a wish");
        let plan = planned(&wish);
        assert!(plan.hosts[0].restarts.is_empty(), "{plan}");
        assert!(
            matches!(plan.hosts[0].changes.last(), Some(Change::Unit(unit)) if unit.before.enabled && !unit.after.active)
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_with_its_line() {
        let mut state = compute();
        let broken = FileImage::new("[DEFAULT]\nnonsense\n");
        state.files.insert("/etc/nova/nova.conf".into(), ("/etc/nova/nova.conf".into(), Some(broken)));
        let error = super::plan(&State { hosts: vec![state] }, &setting("nova.conf:DEFAULT.debug=true"));
        let text = error.expect_err("is broken").to_string();
        assert!(text.contains("/etc/nova/nova.conf:2"), "{text}");
    }
}
