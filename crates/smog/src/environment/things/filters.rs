//! Scheduler filters: `--filters`.

use super::super::change::OptionEdit;
use super::super::plan::Draft;
use super::super::state::HostState;
use super::super::wish::{Target, Wish};
use super::{Look, Preparable, Thing, Want};
use crate::error::Result;
use crate::host::{Cmd, Output, ServiceRole};
use crate::near::near;
use crate::oslo::OsloConfig;

pub(super) const ROW: Preparable = Preparable {
    name: "filters",
    form: "FILTER",
    is_list: true,
    example: "NUMATopologyFilter",
    help: "Scheduler filters that must be enabled",
    add: |wish, text, _| Ok(wish.with_filters([text])),
    ..Preparable::PLAIN
};

/// Nova's own list since 2023.1 (`nova/conf/scheduler.py`), for when it cannot be asked.
const FILTERS: [&str; 5] = [
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
];

/// Names of filters that shall be on.
pub(super) struct Filters<'a>(pub(super) &'a [String]);

impl Thing for Filters<'_> {
    fn name(&self) -> String {
        format!("scheduler filters {}", self.0.join(", "))
    }

    fn look(&self, host: &HostState, _: &Target, look: &mut Look) {
        look.files(host.configs.get(&ServiceRole::NovaScheduler).into_iter().flatten().cloned());
        let python = "from nova import conf; print(','.join(conf.CONF.filter_scheduler.enabled_filters))";
        look.ask(Cmd::new("python3").args(["-c", python]).any_exit(), default_filters);
        let python = "from nova.scheduler import filters; print(','.join(one.__name__ for one in filters.all_filters()))";
        look.ask(Cmd::new("python3").args(["-c", python]).any_exit(), known_filters);
    }

    fn plan(&self, _: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.filters(self.0)
    }
}

fn default_filters(host: &mut HostState, output: &Output) {
    let text = output.text().trim().to_string();
    host.default_filters = match output.exit.is_ok() && !text.is_empty() {
        true => text.split(',').map(str::to_string).collect(),
        false => FILTERS.map(str::to_string).to_vec(),
    };
}

fn known_filters(host: &mut HostState, output: &Output) {
    if output.exit.is_ok() {
        let text = output.text();
        // Nova may print warnings first.
        let names = text.trim().lines().last().unwrap_or_default().split(',');
        host.known_filters =
            names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_string).collect();
    }
}

impl Wish {
    /// Scheduler filters that shall be on, in addition to those that are wanted already.
    #[must_use]
    pub fn with_filters<F: Into<String>>(mut self, filters: impl IntoIterator<Item = F>) -> Wish {
        let filters: Vec<String> = filters.into_iter().map(Into::into).collect();
        if filters.is_empty() {
            return self;
        }
        // One want for all of them: it is one line of nova.conf.
        let before = self.items.iter_mut().find_map(|item| match &mut item.want {
            Want::Filters(before) if item.target == Target::Controllers => Some(before),
            _ => None,
        });
        match before {
            Some(before) => {
                before.extend(filters);
                self
            }
            None => self.with(Target::Controllers, Want::Filters(filters)),
        }
    }
}

impl Draft<'_> {
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
        if let Some(why) = self.no_such_filter(&missing)? {
            self.plan.cannot(what, why);
            return Ok(());
        }
        let glue = if list.contains(", ") { ", " } else { "," };
        let new: Vec<&str> =
            list.split(',').map(str::trim).filter(|name| !name.is_empty()).chain(missing).collect();
        let new = new.join(glue);
        self.edit(&path, &[ServiceRole::NovaScheduler], |file| {
            let before = file.get_all(section, key).into_iter().map(str::to_string).collect();
            let edited = file.set(section, key, &new)?;
            let after = edited.get_all(section, key).into_iter().map(str::to_string).collect();
            Ok((edited, OptionEdit { section: section.into(), key: key.into(), before, after }))
        })
    }

    /// Why Nova would not start with these filters: a name that none of its filters has.
    /// `available_filters` may name others; a dotted name is a class from elsewhere.
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
}
