//! Options of oslo.config files, and the scheduler's filters.

use super::super::change::OptionEdit;
use super::super::state::reader;
use super::super::wish::{OptionWish, Target};
use super::draft::Draft;
use crate::error::Result;
use crate::host::ServiceRole;
use crate::near::near;
use crate::oslo::OsloConfig;

impl Draft<'_> {
    pub(super) fn option(&mut self, target: &Target, option: &OptionWish) -> Result<()> {
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
    pub(super) fn place_of(&mut self, target: &Target, option: &OptionWish) -> Result<Option<String>> {
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
    pub(super) fn note_overruled(&mut self, option: &OptionWish) -> Result<()> {
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

    pub(super) fn filters(&mut self, wanted: &[String]) -> Result<()> {
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
        if let Some(why) = self.no_such_filter(&missing)? {
            self.plan.cannot(what, why);
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

    /// Why Nova would not start with these filters: a name that none of its filters has.
    /// `available_filters` may name others; a dotted name is a class of somebody else's.
    fn no_such_filter(&self, names: &[&str]) -> Result<Option<String>> {
        let known = &self.state.known_filters;
        if known.is_empty() || self.has_other_filters()? {
            return Ok(None);
        }
        let unknown = names.iter().find(|name| !name.contains('.') && !known.iter().any(|one| one == *name));
        Ok(unknown.map(|name| {
            let near = near(name, known.iter().map(String::as_str));
            let hint = near.first().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("its Nova has no filter called `{name}`{hint}")
        }))
    }

    /// Whether nova.conf makes other filters available than Nova's own.
    fn has_other_filters(&self) -> Result<bool> {
        const OWN: [&str; 2] =
            ["nova.scheduler.filters.all_filters", "nova.scheduler.filters.standard_filters"];
        const NAMES: [(&str, &str); 2] =
            [("filter_scheduler", "available_filters"), ("DEFAULT", "scheduler_available_filters")];
        for path in self.state.configs.get(&ServiceRole::NovaScheduler).into_iter().flatten() {
            let Some(text) = self.text_of(path) else { continue };
            let file = OsloConfig::parse(text, path)?;
            let values = NAMES.iter().flat_map(|(section, key)| file.get_all(section, key));
            if values.into_iter().any(|value| !OWN.contains(&value)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn edit(
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
