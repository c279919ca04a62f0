//! A plan in the making: file changes gather edits of several wants.

use std::collections::BTreeMap;

use super::super::change::{Change, FileChange, OptionEdit, Restart, UnitChange, ValueChange};
use super::super::image::FileImage;
use super::super::state::{HostState, sysctl_path};
use super::super::wish::{Target, Want};
use super::HostPlan;
use super::machines::MachineDraft;
use crate::error::Result;
use crate::host::ServiceRole;

/// A plan in the making: file changes gather edits of several wants.
pub(super) struct Draft<'a> {
    pub(super) state: &'a HostState,
    pub(super) plan: HostPlan,
    /// By real path.
    pub(super) files: BTreeMap<String, FileDraft>,
    pub(super) values: Vec<ValueChange>,
    pub(super) units: Vec<UnitChange>,
    pub(super) machines: Vec<MachineDraft>,
}

pub(super) struct FileDraft {
    pub(super) before: Option<FileImage>,
    pub(super) text: String,
    pub(super) edits: Vec<OptionEdit>,
    pub(super) then: Option<String>,
    /// The services that read the changed part; `None`: all that read the file.
    pub(super) only: Vec<Option<ServiceRole>>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(state: &'a HostState) -> Draft<'a> {
        Draft {
            state,
            plan: HostPlan { host: state.name.clone(), ..HostPlan::default() },
            files: BTreeMap::new(),
            values: Vec::new(),
            units: Vec::new(),
            machines: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, target: &Target, want: &Want) -> Result<()> {
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
            Want::File { path, text } => self.file(path, text),
            Want::Unit { unit, enabled, active } => self.unit(unit, *enabled, *active),
            // Planned with what was found on the server: see `plan`.
            Want::SharedInstances(_) => {}
            Want::Machine(wish) => {
                for machine in self.state.machines.iter().filter(|machine| machine.is_for(target)) {
                    self.machine(machine, wish)?;
                }
            }
        }
        Ok(())
    }

    /// A file's text as it will be so far; `None` when there is no such file.
    pub(super) fn text_of(&self, path: &str) -> Option<String> {
        let (real, image) = self.state.files.get(path)?;
        if let Some(draft) = self.files.get(real) {
            return Some(draft.text.clone());
        }
        String::from_utf8(image.as_ref()?.bytes.clone()).ok()
    }

    /// Why a file's text is not to be had.
    pub(super) fn no_text(&self, path: &str) -> String {
        match self.state.file(path) {
            Some(_) => format!("{path} is no UTF-8 text"),
            None => format!("there is no {path}"),
        }
    }

    pub(super) fn draft(&mut self, path: &str) -> &mut FileDraft {
        let (real, image) = self.state.files.get(path).cloned().unwrap_or((path.to_string(), None));
        self.files.entry(real).or_insert_with(|| FileDraft {
            text: String::new(),
            before: image,
            edits: Vec::new(),
            then: None,
            only: Vec::new(),
        })
    }

    pub(super) fn note(&mut self, note: String) {
        if !self.plan.notes.contains(&note) {
            self.plan.notes.push(note);
        }
    }

    /// Values first (what fails most easily fails before anything else was changed),
    /// then files, units and domains; services are restarted after all of it, machines last.
    pub(super) fn finish(mut self) -> HostPlan {
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
        let units = self.units.into_iter().map(Change::Unit);
        let machines = self.machines.into_iter().map(MachineDraft::change);
        self.plan.changes = values.chain(files).chain(units).chain(machines).collect();
        self.plan
    }
}
