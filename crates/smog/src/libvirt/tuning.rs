//! `<cputune>` and `<numatune>`: where the vCPUs may run and where the memory comes from.

use std::collections::BTreeMap;

use roxmltree::Node;
use serde::Serialize;

use super::element::{
    Flaw, attr, child, children, cpuset_attr, needed_number_attr, number_attr, number_text,
};
use crate::cpuset::Cpuset;

/// `<cputune>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CpuTune {
    /// `<vcpupin>`: the host CPUs each vCPU may run on, by vCPU number.
    pub vcpu_pins: BTreeMap<u32, Cpuset>,
    /// `<emulatorpin>`: the host CPUs of the emulator threads.
    pub emulator_pin: Option<Cpuset>,
    /// `<iothreadpin>`: the host CPUs of each I/O thread, by its number.
    pub iothread_pins: BTreeMap<u32, Cpuset>,
    /// `<vcpusched>`: real-time scheduling.
    pub vcpu_sched: Vec<VcpuSched>,
    /// `<shares>`: the weight against other guests.
    pub shares: Option<u64>,
    /// `<period>` in microseconds.
    pub period_us: Option<u64>,
    /// `<quota>` in microseconds of each period; negative for none.
    pub quota_us: Option<i64>,
}

/// `<vcpusched>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VcpuSched {
    /// The vCPUs it is for.
    pub vcpus: Cpuset,
    /// `fifo`, `rr`, `batch` or `idle`.
    pub scheduler: String,
    /// The real-time priority.
    pub priority: Option<u32>,
}

/// `<numatune>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NumaTune {
    /// `<memory mode=…>`: `strict`, `preferred`, `interleave` or `restrictive`.
    pub mode: Option<String>,
    /// `<memory nodeset=…>`: host cells for the whole guest.
    pub cells: Option<Cpuset>,
    /// `<memory placement=…>`: `static` or `auto`.
    pub placement: Option<String>,
    /// `<memnode>`: host cells for single guest cells.
    pub mem_nodes: Vec<MemNode>,
}

/// `<memnode>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemNode {
    /// The guest's cell.
    pub guest_cell: u32,
    /// As in [`NumaTune::mode`].
    pub mode: Option<String>,
    /// The host's cells its memory comes from.
    pub cells: Cpuset,
}

impl CpuTune {
    pub(super) fn read(node: Node<'_, '_>) -> Result<CpuTune, Flaw> {
        let needed = |node: Node<'_, '_>, name: &str| {
            cpuset_attr(node, name)?
                .ok_or_else(|| Flaw::new(node, format!("<{}> lacks `{name}`", node.tag_name().name())))
        };
        let mut tune = CpuTune::default();
        for pin in children(node, "vcpupin") {
            tune.vcpu_pins.insert(needed_number_attr(pin, "vcpu")?, needed(pin, "cpuset")?);
        }
        for pin in children(node, "iothreadpin") {
            tune.iothread_pins.insert(needed_number_attr(pin, "iothread")?, needed(pin, "cpuset")?);
        }
        for sched in children(node, "vcpusched") {
            tune.vcpu_sched.push(VcpuSched {
                vcpus: needed(sched, "vcpus")?,
                scheduler: attr(sched, "scheduler").unwrap_or_default(),
                priority: number_attr(sched, "priority")?,
            });
        }
        tune.emulator_pin = child(node, "emulatorpin").map(|pin| needed(pin, "cpuset")).transpose()?;
        tune.shares = child(node, "shares").map(number_text).transpose()?.flatten();
        tune.period_us = child(node, "period").map(number_text).transpose()?.flatten();
        tune.quota_us = child(node, "quota").map(number_text).transpose()?.flatten();
        Ok(tune)
    }
}

impl NumaTune {
    pub(super) fn read(node: Node<'_, '_>) -> Result<NumaTune, Flaw> {
        let memory = child(node, "memory");
        let mut mem_nodes = Vec::new();
        for node in children(node, "memnode") {
            mem_nodes.push(MemNode {
                guest_cell: needed_number_attr(node, "cellid")?,
                mode: attr(node, "mode"),
                cells: cpuset_attr(node, "nodeset")?.unwrap_or_default(),
            });
        }
        Ok(NumaTune {
            mode: memory.and_then(|memory| attr(memory, "mode")),
            cells: memory.map(|memory| cpuset_attr(memory, "nodeset")).transpose()?.flatten(),
            placement: memory.and_then(|memory| attr(memory, "placement")),
            mem_nodes,
        })
    }
}
