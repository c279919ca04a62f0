//! Values of /proc/sys (`--sysctl`), and of any file of /proc and /sys.

use super::super::plan::Draft;
use super::super::state::HostState;
use super::super::wish::{Target, Wish, targeted};
use super::{Look, Preparable, Thing, Want};
use crate::error::{Error, Result};

pub(super) const ROW: Preparable = Preparable {
    name: "sysctl",
    form: "[WHO/]NAME=VALUE",
    example: "vm.swappiness=10",
    help: "A kernel setting: vm.swappiness=10",
    add: |wish, text, _| wish.with_sysctl(text),
    ..Preparable::PLAIN
};

/// A kernel setting by its name.
pub(super) struct Sysctl<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a str,
}

impl Thing for Sysctl<'_> {
    fn name(&self) -> String {
        self.name.into()
    }

    fn look(&self, _: &HostState, _: &Target, look: &mut Look) {
        look.value(&sysctl_path(self.name));
    }

    fn plan(&self, _: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.value(&sysctl_path(self.name), self.value, self.name, false);
        Ok(())
    }

    fn is_of_kernel(&self) -> bool {
        // Network settings are each network namespace's own.
        !self.name.starts_with("net")
    }
}

/// A file of /sys or /proc that takes a value.
pub(super) struct Value<'a> {
    pub(super) path: &'a str,
    pub(super) value: &'a str,
}

impl Thing for Value<'_> {
    fn name(&self) -> String {
        self.path.into()
    }

    fn look(&self, _: &HostState, _: &Target, look: &mut Look) {
        look.value(self.path);
    }

    fn plan(&self, _: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.value(self.path, self.value, self.path, false);
        Ok(())
    }
}

/// The file of a sysctl.
fn sysctl_path(name: &str) -> String {
    // `net.ipv4.conf.eth0/1.x`: with a slash first in the name, dots stay.
    match name.contains('/') {
        true => format!("/proc/sys/{name}"),
        false => format!("/proc/sys/{}", name.replace('.', "/")),
    }
}

impl Wish {
    /// Read what a person wrote after `--sysctl`: `[WHO/]NAME=VALUE`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_sysctl(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let (name, value) = rest.split_once('=').ok_or_else(|| Error::Invalid {
            what: format!("sysctl `{text}`"),
            why: "not of the form NAME=VALUE".into(),
            hint: Some("as in vm.swappiness=10".into()),
        })?;
        let want = Want::Sysctl { name: name.trim().into(), value: value.trim().into() };
        Ok(self.with(target.unwrap_or(Target::Computes), want))
    }
}
