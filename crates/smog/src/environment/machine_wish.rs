//! What is wanted of a virtual machine that is a host itself (an L1).

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::near::near;

/// What is wanted of an L1's domain on its parent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineWish {
    /// How its CPU is chosen; `None` leaves it.
    pub cpu: Option<MachineCpu>,
    /// So many NUMA nodes, its vCPUs and memory spread evenly; `None` leaves them.
    pub cells: Option<u32>,
}

/// How an L1's CPU is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineCpu {
    /// The parent's CPU as it is; needs KVM.
    HostPassthrough,
    /// The nearest model libvirt knows.
    HostModel,
    /// All the emulator can do; without KVM the nearest to passing the CPU through.
    Maximum,
    /// The model, with vendor and flags, that the parent's libvirt capabilities give.
    Exact,
}

impl MachineCpu {
    /// All there are.
    pub const ALL: [MachineCpu; 4] =
        [MachineCpu::HostPassthrough, MachineCpu::HostModel, MachineCpu::Maximum, MachineCpu::Exact];

    /// As smog.yml writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            MachineCpu::HostPassthrough => "host-passthrough",
            MachineCpu::HostModel => "host-model",
            MachineCpu::Maximum => "maximum",
            MachineCpu::Exact => "exact",
        }
    }

    /// Whether nova.conf's `[libvirt]cpu_mode` has no such word.
    pub(super) fn is_only_of_machines(self) -> bool {
        matches!(self, MachineCpu::Exact | MachineCpu::Maximum)
    }

    /// As libvirt names the mode.
    pub(super) fn mode(self) -> &'static str {
        match self {
            MachineCpu::Exact => "custom",
            other => other.as_str(),
        }
    }
}

impl FromStr for MachineCpu {
    type Err = Error;

    fn from_str(text: &str) -> Result<MachineCpu> {
        let names = || MachineCpu::ALL.iter().map(|one| one.as_str());
        MachineCpu::ALL.into_iter().find(|one| one.as_str() == text).ok_or_else(|| Error::Invalid {
            what: format!("CPU mode `{text}`"),
            why: format!("not one of {}", names().collect::<Vec<_>>().join(", ")),
            hint: near(text, names()).first().map(|near| format!("did you mean `{near}`?").into()),
        })
    }
}

impl MachineWish {
    /// "CPU mode exact, 2 NUMA nodes".
    pub fn words(&self) -> String {
        let cpu = self.cpu.map(|cpu| format!("CPU mode {}", cpu.as_str()));
        let cells = self.cells.map(|cells| crate::show::counted(cells, "NUMA node"));
        [cpu, cells].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}
