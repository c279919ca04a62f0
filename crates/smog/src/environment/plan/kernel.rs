//! Values of /proc and /sys, nested KVM, virtual functions.

use super::super::change::ValueChange;
use super::super::machine_state::MachineState;
use super::super::state::{MODPROBE, vfs_path};
use super::draft::Draft;
use crate::host::NestedKvm;
use crate::libvirt::Domain;

impl Draft<'_> {
    pub(super) fn value(&mut self, path: &str, wanted: &str, what: &str, by_zero: bool) {
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

    pub(super) fn nested_kvm(&mut self) {
        const WHAT: &str = "turn on nested KVM";
        let Some(facts) = &self.state.facts else { return };
        let module =
            ["kvm_intel", "kvm_amd"].into_iter().find(|name| facts.kernel.modules.contains_key(*name));
        match (facts.kernel.nested_kvm(), module) {
            (NestedKvm::On, _) => {}
            (NestedKvm::NoKvm, _) | (_, None) if self.is_emulating() => self.note(
                "has no KVM (neither kvm_intel nor kvm_amd is loaded): its machines are emulated, and their guests too"
                    .into(),
            ),
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

    /// Whether its machines that are hosts themselves run without KVM anyway.
    fn is_emulating(&self) -> bool {
        let emulated = |machine: &MachineState| {
            machine.running.as_ref().is_some_and(|domain| domain.kind == "qemu")
                || Domain::parse(machine.definition.clone(), "").is_ok_and(|domain| domain.kind == "qemu")
        };
        !self.state.machines.is_empty() && self.state.machines.iter().all(emulated)
    }

    pub(super) fn virtual_functions(&mut self, interface: &str, count: u32) {
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
}

/// The kernel gives `1\t2` for `1 2`.
pub(in crate::environment) fn same_value(one: &str, other: &str) -> bool {
    one.split_ascii_whitespace().eq(other.split_ascii_whitespace())
}
