//! Nested KVM: `--nested`.

use super::super::machine_state::MachineState;
use super::super::plan::Draft;
use super::super::state::HostState;
use super::super::wish::Target;
use super::{Look, Preparable, Thing, Want};
use crate::error::Result;
use crate::libvirt::Domain;

pub(super) const ROW: Preparable = Preparable {
    name: "nested",
    help: "Nested KVM on the computes",
    add: |wish, _, _| Ok(wish.with(Target::Computes, Want::NestedKvm)),
    ..Preparable::PLAIN
};

/// The file smog makes for module parameters.
const MODPROBE: &str = "/etc/modprobe.d/smog.conf";

/// Parameter `nested` of kvm_intel or kvm_amd.
pub(super) struct NestedKvm;

impl Thing for NestedKvm {
    fn name(&self) -> String {
        "nested KVM".into()
    }

    fn look(&self, _: &HostState, _: &Target, look: &mut Look) {
        look.files([MODPROBE.to_string()]);
    }

    fn plan(&self, _: &Target, host: &mut Draft<'_>) -> Result<()> {
        host.nested_kvm();
        Ok(())
    }

    fn is_of_kernel(&self) -> bool {
        true
    }
}

impl Draft<'_> {
    fn nested_kvm(&mut self) {
        use crate::host::NestedKvm;
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
}
