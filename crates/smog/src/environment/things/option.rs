//! Options of oslo.config files: `--set FILE:SECTION.KEY=VALUE`.

use std::str::FromStr;

use super::super::change::OptionEdit;
use super::super::plan::Draft;
use super::super::state::{HostState, config_files, readers};
use super::super::wish::{Target, Wish, targeted};
use super::{Look, Thing, Want};
use crate::error::{Error, Result};
use crate::host::ServiceRole;
use crate::oslo::OsloConfig;

/// An option of an oslo.config file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionWish {
    /// A name (`nova.conf`: the files the service reads under that name, wherever
    /// they are) or an absolute path (that file and no other).
    pub file: String,
    /// The section.
    pub section: String,
    /// The option.
    pub key: String,
    /// Its values, one for a single-valued option; none removes it.
    pub values: Vec<String>,
}

impl Thing for OptionWish {
    fn name(&self) -> String {
        format!("{}:{}.{}", self.file, self.section, self.key)
    }

    fn look(&self, host: &HostState, target: &Target, look: &mut Look) {
        look.files(config_files(host, target, &self.file));
    }

    fn plan(&self, target: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.option(target, self)
    }
}

impl Wish {
    /// An option, of the hosts its section is for: `[filter_scheduler]` and the like of
    /// controllers, everything else of computes.
    #[must_use]
    pub fn with_option(self, option: OptionWish) -> Wish {
        const OF_CONTROLLERS: [&str; 5] = ["filter_scheduler", "scheduler", "api", "conductor", "metrics"];
        let target = match OF_CONTROLLERS.contains(&option.section.as_str()) {
            true => Target::Controllers,
            false => Target::Computes,
        };
        self.with(target, Want::Option(option))
    }

    /// Read what a person wrote after `--set`: `[WHO/]FILE:[SECTION.]KEY=VALUE`, where
    /// WHO is a host, `computes`, `controllers` or `all`. Without a section the file has
    /// none, as libvirtd.conf. `KEY=` without a value removes an oslo.config option.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_setting(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let (name, value) = rest.split_once('=').ok_or_else(|| no_setting(text))?;
        let (file, name) = name.split_once(':').ok_or_else(|| no_setting(text))?;
        if file.is_empty() || name.is_empty() {
            return Err(no_setting(text));
        }
        if name.contains('.') {
            let option: OptionWish = rest.parse()?;
            return Ok(match target {
                Some(target) => self.with(target, Want::Option(option)),
                None => self.with_option(option),
            });
        }
        let key = Want::Key { file: file.into(), key: name.into(), value: value.into() };
        Ok(self.with(target.unwrap_or(Target::Computes), key))
    }
}

impl FromStr for OptionWish {
    type Err = Error;

    /// `FILE:SECTION.KEY=VALUE`.
    fn from_str(text: &str) -> Result<OptionWish> {
        let parsed = text.split_once('=').and_then(|(name, value)| {
            let (file, name) = name.split_once(':')?;
            let (section, key) = name.rsplit_once('.')?;
            let value = value.trim();
            let values = if value.is_empty() { vec![] } else { vec![value.to_string()] };
            let option = OptionWish {
                file: file.trim().to_string(),
                section: section.trim().to_string(),
                key: key.trim().to_string(),
                values,
            };
            let whole = ![&option.file, &option.section, &option.key].iter().any(|part| part.is_empty());
            whole.then_some(option)
        });
        parsed.ok_or_else(|| no_setting(text))
    }
}

fn no_setting(text: &str) -> Error {
    Error::Invalid {
        what: format!("setting `{}`", text.split('=').next().unwrap_or_default()),
        why: "not of the form FILE:SECTION.KEY=VALUE".into(),
        hint: Some(
            "as in nova.conf:libvirt.virt_type=kvm, cmp1/nova.conf:compute.cpu_shared_set=0-1 for one host, \
             or libvirtd.conf:listen_tls=0 for a file without sections"
                .into(),
        ),
    }
}

impl Draft<'_> {
    fn option(&mut self, target: &Target, option: &OptionWish) -> Result<()> {
        let what = format!("set [{}]{}", option.section, option.key);
        let paths = self.places_of(target, option)?;
        if paths.is_empty() {
            self.plan.cannot(what, format!("no service here reads a file called {}", option.file));
            return Ok(());
        }
        for path in paths {
            match self.text_of(&path) {
                Some(_) => self.option_in(&path, option)?,
                None => self.plan.cannot(what.clone(), self.no_text(&path)),
            }
        }
        Ok(())
    }

    fn option_in(&mut self, path: &str, option: &OptionWish) -> Result<()> {
        let only = owners_of(&option.section);
        let (section, key) = (option.section.clone(), option.key.clone());
        let values: Vec<&str> = option.values.iter().map(String::as_str).collect();
        self.edit(path, only, |file| {
            let before: Vec<String> = file.get_all(&section, &key).into_iter().map(str::to_string).collect();
            let edited = match values.as_slice() {
                [value] => file.set(&section, &key, value)?,
                values => file.set_all(&section, &key, values)?,
            };
            let after: Vec<String> = edited.get_all(&section, &key).into_iter().map(str::to_string).collect();
            Ok((edited, OptionEdit { section, key, before, after }))
        })
    }

    /// The files in which an option has to be set so that it counts: one, where the services share
    /// it; else that of each service which reads the section.
    fn places_of(&mut self, target: &Target, option: &OptionWish) -> Result<Vec<String>> {
        if option.file.starts_with('/') {
            self.note_overruled(option)?;
            return Ok(vec![option.file.clone()]);
        }
        let all = readers(self.state, target, &option.file);
        let owners = owners_of(&option.section);
        let owning: Vec<ServiceRole> = all.iter().copied().filter(|role| owners.contains(role)).collect();
        let mut paths = Vec::new();
        for role in if owning.is_empty() { all } else { owning } {
            let path = self.place_of(role, option)?;
            paths.extend(path.filter(|path| !paths.contains(path)));
        }
        Ok(paths)
    }

    /// The file of a service in which an option has to be set so that it counts.
    fn place_of(&mut self, role: ServiceRole, option: &OptionWish) -> Result<Option<String>> {
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

    pub(super) fn edit(
        &mut self,
        path: &str,
        only: &'static [ServiceRole],
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

/// The services a section is for; none for the sections several read.
fn owners_of(section: &str) -> &'static [ServiceRole] {
    match section {
        "filter_scheduler" | "scheduler" => &[ServiceRole::NovaScheduler],
        "libvirt" => &[ServiceRole::NovaCompute],
        "conductor" => &[ServiceRole::NovaConductor, ServiceRole::NovaCellConductor],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_say_for_whom_they_are() {
        let wish = Wish::new()
            .with_setting("nova.conf:libvirt.virt_type=kvm")
            .and_then(|wish| wish.with_setting("cmp1/nova.conf:DEFAULT.debug=true"))
            .and_then(|wish| wish.with_setting("nova.conf:filter_scheduler.weight=1.5"))
            .and_then(|wish| wish.with_setting("all//etc/x.conf:a.url=rabbit://u:p@h:1/"))
            .and_then(|wish| wish.with_setting("/etc/x.conf:a.b=c/d"))
            .and_then(|wish| wish.with_setting("libvirtd.conf:listen_tls=0"))
            .expect("settings");
        let targets: Vec<&Target> = wish.items.iter().map(|item| &item.target).collect();
        assert_eq!(
            targets,
            [
                &Target::Computes,
                &Target::Host("cmp1".into()),
                &Target::Controllers,
                &Target::All,
                &Target::Computes,
                &Target::Computes
            ]
        );
        let Want::Option(option) = &wish.items[3].want else { panic!("an option") };
        assert_eq!((option.file.as_str(), option.values[0].as_str()), ("/etc/x.conf", "rabbit://u:p@h:1/"));
        assert!(matches!(&wish.items[5].want, Want::Key { key, .. } if key == "listen_tls"));
        for wrong in ["nova.conf", "nova.conf:x", ":a.b=c", "nova.conf:.b=c", "=", ""] {
            assert!(Wish::new().with_setting(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_option_given_again_has_several_values() {
        let wish = Wish::new()
            .with_setting("nova.conf:pci.alias={\"name\": \"a\"}")
            .and_then(|wish| wish.with_setting("nova.conf:pci.alias={\"name\": \"b\"}"))
            .expect("settings");
        assert_eq!(wish.items.len(), 1);
        let Want::Option(option) = &wish.items[0].want else { panic!("an option") };
        assert_eq!(option.values.len(), 2);
    }
}
