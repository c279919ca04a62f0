//! Virtual functions of a network interface: `--vfs`.

use super::super::plan::Draft;
use super::super::state::HostState;
use super::super::wish::{Target, Wish, targeted};
use super::{Look, Preparable, Thing, Want};
use crate::error::{Error, Result};

pub(super) const ROW: Preparable = Preparable {
    name: "vfs",
    form: "[WHO/]INTERFACE=COUNT",
    example: "ens3f0=4",
    help: "Virtual functions of a network interface: ens3f0=4",
    add: |wish, text, _| wish.with_vfs(text),
    ..Preparable::PLAIN
};

/// So many virtual functions of a network interface.
pub(super) struct VirtualFunctions<'a> {
    pub(super) interface: &'a str,
    pub(super) count: u32,
}

impl Thing for VirtualFunctions<'_> {
    fn name(&self) -> String {
        format!("virtual functions of {}", self.interface)
    }

    fn look(&self, _: &HostState, _: &Target, look: &mut Look) {
        let path = path(self.interface);
        look.value(&path.replace("numvfs", "totalvfs"));
        look.value(&path);
    }

    fn plan(&self, _: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.virtual_functions(self.interface, self.count);
        Ok(())
    }

    fn is_of_kernel(&self) -> bool {
        true
    }
}

/// The file of a network card's virtual functions.
fn path(interface: &str) -> String {
    format!("/sys/class/net/{interface}/device/sriov_numvfs")
}

impl Wish {
    /// Read what a person wrote after `--vfs`: `[WHO/]INTERFACE=COUNT`.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the form.
    pub fn with_vfs(self, text: &str) -> Result<Wish> {
        let (target, rest) = targeted(text);
        let parsed = rest.split_once('=').and_then(|(name, count)| {
            let plain = !name.is_empty() && !name.contains(['/', '.']);
            plain.then_some(())?;
            Some(Want::VirtualFunctions { interface: name.into(), count: count.parse().ok()? })
        });
        let want = parsed.ok_or_else(|| Error::Invalid {
            what: format!("virtual functions `{text}`"),
            why: "not of the form INTERFACE=COUNT".into(),
            hint: Some("as in ens3f0=4".into()),
        })?;
        Ok(self.with(target.unwrap_or(Target::Computes), want))
    }
}

impl Draft<'_> {
    fn virtual_functions(&mut self, interface: &str, count: u32) {
        let path = path(interface);
        let most = self
            .state
            .values
            .get(&path.replace("numvfs", "totalvfs"))
            .and_then(|text| text.parse::<u32>().ok());
        let what = format!("have {count} virtual functions of {interface}");
        match most {
            None => self.plan.cannot(what, format!("{interface} has no SR-IOV ({path} is not there)")),
            Some(most) if count > most => {
                self.plan.cannot(what, format!("the interface can have at most {most}"))
            }
            Some(_) => {
                self.value(&path, &count.to_string(), &format!("virtual functions of {interface}"), true)
            }
        }
    }
}
