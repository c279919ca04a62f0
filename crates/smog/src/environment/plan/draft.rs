//! A plan in the making: file changes gather edits of several wants.

use std::collections::BTreeMap;

use super::super::change::{Change, DomainChange, FileChange, OptionEdit, Restart, UnitChange, ValueChange};
use super::super::image::FileImage;
use super::super::machine_state::MachineState;
use super::super::state::HostState;
use super::HostPlan;
use crate::host::ServiceRole;

/// A plan in the making: file changes gather edits of several wants.
pub(in crate::environment) struct Draft<'a> {
    pub(in crate::environment) state: &'a HostState,
    /// What was found on all hosts.
    pub(in crate::environment) others: &'a [HostState],
    pub(in crate::environment) plan: HostPlan,
    /// By real path.
    pub(in crate::environment) files: BTreeMap<String, FileDraft>,
    pub(in crate::environment) values: Vec<ValueChange>,
    pub(in crate::environment) units: Vec<UnitChange>,
    pub(in crate::environment) machines: Vec<MachineDraft>,
}

pub(in crate::environment) struct FileDraft {
    pub(in crate::environment) before: Option<FileImage>,
    pub(in crate::environment) text: String,
    pub(in crate::environment) edits: Vec<OptionEdit>,
    pub(in crate::environment) then: Option<String>,
    /// The services that read the changed part; empty: all that read the file.
    pub(in crate::environment) only: Vec<&'static [ServiceRole]>,
}

impl<'a> Draft<'a> {
    pub(in crate::environment) fn of(state: &'a HostState, others: &'a [HostState]) -> Draft<'a> {
        Draft {
            state,
            others,
            plan: HostPlan { host: state.name.clone(), ..HostPlan::default() },
            files: BTreeMap::new(),
            values: Vec::new(),
            units: Vec::new(),
            machines: Vec::new(),
        }
    }

    /// A file's text as it will be so far; `None` when there is no such file.
    pub(in crate::environment) fn text_of(&self, path: &str) -> Option<String> {
        let (real, image) = self.state.files.get(path)?;
        if let Some(draft) = self.files.get(real) {
            return Some(draft.text.clone());
        }
        String::from_utf8(image.as_ref()?.bytes.clone()).ok()
    }

    /// Why a file's text is not to be had.
    pub(in crate::environment) fn no_text(&self, path: &str) -> String {
        match self.state.file(path) {
            Some(_) => format!("{path} is not UTF-8 text"),
            None => format!("there is no {path}"),
        }
    }

    pub(in crate::environment) fn draft(&mut self, path: &str) -> &mut FileDraft {
        let (real, image) = self.state.files.get(path).cloned().unwrap_or((path.to_string(), None));
        self.files.entry(real).or_insert_with(|| FileDraft {
            text: String::new(),
            before: image,
            edits: Vec::new(),
            then: None,
            only: Vec::new(),
        })
    }

    pub(in crate::environment) fn note(&mut self, note: String) {
        if !self.plan.notes.contains(&note) {
            self.plan.notes.push(note);
        }
    }

    /// Values first (what fails most easily fails before anything else was changed),
    /// then files, units and domains; services are restarted after all of it, machines last.
    pub(in crate::environment) fn finish(mut self) -> HostPlan {
        let mut restarts: Vec<Restart> = Vec::new();
        let stopping: Vec<&str> =
            self.units.iter().filter(|unit| !unit.after.active).map(|unit| unit.unit.as_str()).collect();
        for (real, draft) in &self.files {
            for (role, files) in &self.state.configs {
                let reads =
                    files.iter().any(|path| self.state.files.get(path).is_some_and(|(path, _)| path == real));
                let is_meant = draft.only.iter().any(|only| only.is_empty() || only.contains(role));
                let Some(place) = self.state.layout.place(*role).filter(|_| reads && is_meant) else {
                    continue;
                };
                let unit = place.unit.as_deref().unwrap_or_default();
                // A container with a unit is started and stopped by it; one without was seen to run.
                let runs = match self.state.units.get(unit) {
                    Some(known) => known.is_active(),
                    None => place.container.is_some(),
                };
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

/// A domain's definition in the making.
pub(in crate::environment) struct MachineDraft {
    pub(in crate::environment) machine: MachineState,
    pub(in crate::environment) definition: String,
    /// Whether the machine runs with less than its definition has: only a restart is missing.
    pub(in crate::environment) is_stale: bool,
}

impl MachineDraft {
    pub(in crate::environment) fn change(self) -> Change {
        let machine = self.machine;
        Change::Domain(DomainChange {
            domain: machine.domain,
            host: machine.host,
            before: machine.definition,
            after: self.definition,
            was_running: machine.running.is_some(),
            boot_id: machine.boot_id,
            service: machine.service,
        })
    }
}
