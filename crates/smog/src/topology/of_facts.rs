//! A picture of what a host said.

use std::collections::BTreeMap;

use super::{
    CorePicture, CpuPicture, CpuRole, DevicePicture, GuestPicture, HostPicture, NodePicture, Sitting,
};
use crate::cpuset::Cpuset;
use crate::findings::{CpuMap, CpuSets};
use crate::host::{Facts, GuestProcess, PciDevice, Role};
use crate::libvirt::Sighting;

/// What a host said of itself.
#[derive(Debug)]
pub struct HostFacts<'a> {
    /// Its name.
    pub host: &'a str,
    /// CPUs, nodes, pages, devices.
    pub facts: &'a Facts,
    /// How libvirt's CPUs stand to the kernel's.
    pub cpus: &'a CpuMap,
    /// Nova's CPU sets; `None` where the configuration could not be read.
    pub sets: Option<&'a CpuSets>,
    /// libvirt's domains.
    pub domains: &'a [Sighting],
    /// The QEMU processes of guests.
    pub processes: &'a [GuestProcess],
}

impl HostPicture {
    /// The picture of a host. Nothing is asked.
    pub fn of(host: &HostFacts<'_>) -> HostPicture {
        let facts = host.facts;
        let guests = guests(host);
        let roles = Roles::of(host);
        let cpu = |id: u32| CpuPicture {
            id,
            role: roles.of_cpu(id),
            isolated: facts.cpus.isolated.contains(id),
            guests: sitting(&guests, id),
        };
        let cores = facts.cpus.cores();
        let mut unplaced = Vec::new();
        let mut devices: BTreeMap<u32, Vec<DevicePicture>> = BTreeMap::new();
        for device in facts.pci.iter().filter_map(|device| Some((device.cell, picture(device)?))) {
            match device {
                (Some(cell), device) => devices.entry(cell).or_default().push(device),
                // Where there is one node, it is that one.
                (None, device) => match facts.cells.as_slice() {
                    [only] => devices.entry(only.id).or_default().push(device),
                    _ => unplaced.push(device),
                },
            }
        }
        let nodes = facts.cells.iter().map(|cell| {
            let of_cell =
                cores.iter().map(|core| core.intersection(&cell.cpus)).filter(|core| !core.is_empty());
            NodePicture {
                id: cell.id,
                memory_kib: cell.memory_kib,
                free_kib: cell.free_kib,
                pages: cell.pages.clone(),
                cores: of_cell
                    .map(|core| CorePicture {
                        socket: core.first().and_then(|cpu| socket(facts, cpu)),
                        cpus: core.iter().map(cpu).collect(),
                    })
                    .collect(),
                devices: devices.remove(&cell.id).unwrap_or_default(),
            }
        });
        HostPicture {
            host: host.host.to_string(),
            at: facts.seen_at,
            sockets: facts.cpus.sockets(),
            simulated_nodes: host.cpus.simulated_nodes,
            nodes: nodes.collect(),
            offline: facts.cpus.offline.clone(),
            devices: unplaced,
            guests,
            unknown: Vec::new(),
        }
    }
}

fn socket(facts: &Facts, cpu: u32) -> Option<u32> {
    facts.cpus.list.iter().find(|place| place.id == cpu).and_then(|place| place.socket)
}

/// Which CPUs Nova may use for what, as the kernel counts them.
struct Roles {
    sets: Option<(Option<Cpuset>, Option<Cpuset>)>,
}

impl Roles {
    fn of(host: &HostFacts<'_>) -> Roles {
        let real = |set: &Option<Cpuset>| set.as_ref().map(|set| host.cpus.real(set));
        Roles { sets: host.sets.map(|sets| (real(&sets.dedicated), real(&sets.shared))) }
    }

    fn of_cpu(&self, cpu: u32) -> CpuRole {
        let is_in = |set: &Option<Cpuset>| set.as_ref().is_some_and(|set| set.contains(cpu));
        match &self.sets {
            None => CpuRole::Unknown,
            Some((dedicated, _)) if is_in(dedicated) => CpuRole::Dedicated,
            Some((_, shared)) if is_in(shared) => CpuRole::Shared,
            // Nova gives all CPUs to guests that float where neither is set.
            Some((None, None)) => CpuRole::Shared,
            Some(_) => CpuRole::Host,
        }
    }
}

fn guests(host: &HostFacts<'_>) -> Vec<GuestPicture> {
    let mut guests: Vec<GuestPicture> = host
        .domains
        .iter()
        .map(|seen| {
            let domain = &seen.domain;
            let process = host.processes.iter().find(|process| process.uuid == domain.uuid);
            let affinity = process.map(GuestProcess::vcpu_affinity).unwrap_or_default();
            let vcpus = affinity.last_key_value().map_or(0, |(last, _)| last + 1);
            let threads = process.iter().flat_map(|process| &process.threads);
            let of_guest = threads.filter(|thread| matches!(thread.role, Role::Vcpu(_) | Role::Emulator));
            GuestPicture {
                letter: String::new(),
                name: domain
                    .nova
                    .as_ref()
                    .and_then(|nova| nova.name.clone())
                    .unwrap_or_else(|| domain.name.clone()),
                id: domain.uuid.clone(),
                domain: domain.name.clone(),
                state: seen.state.to_string(),
                memory_kib: domain.memory_kib,
                huge_kib: process.map_or(0, |process| process.huge_kib),
                vcpus: (0..vcpus).map(|vcpu| affinity.get(&vcpu).cloned().unwrap_or_default()).collect(),
                emulator: process.and_then(|process| process.emulator_affinity().cloned()),
                memory_nodes: of_guest.fold(Cpuset::new(), |all, thread| all.union(&thread.cells)),
            }
        })
        .collect();
    guests.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    for (at, guest) in guests.iter_mut().enumerate() {
        guest.letter = letter(at);
    }
    guests
}

/// a … z, A … Z, aa, ab …
pub(super) fn letter(at: usize) -> String {
    const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let one = |at: usize| char::from(LETTERS[at % 52]);
    match at {
        0..52 => one(at).to_string(),
        _ => format!("{}{}", one((at - 52) / 52), one(at)),
    }
}

fn sitting(guests: &[GuestPicture], cpu: u32) -> Vec<Sitting> {
    let of = |(at, guest): (usize, &GuestPicture)| {
        let vcpus: Cpuset = (0_u32..)
            .zip(&guest.vcpus)
            .filter(|(_, cpus)| cpus.contains(cpu))
            .map(|(vcpu, _)| vcpu)
            .collect();
        (!vcpus.is_empty()).then_some(Sitting { guest: at, vcpus })
    };
    guests.iter().enumerate().filter_map(of).collect()
}

/// A device that one looks for near a guest; bridges and the chipset's own are none.
fn picture(device: &PciDevice) -> Option<DevicePicture> {
    let kind = match device.class.get(..4)? {
        "0108" => "NVMe",
        class if class.starts_with("02") => "network",
        class if class.starts_with("03") => "GPU",
        class if class.starts_with("12") => "accelerator",
        _ if device.sriov.is_some() || device.driver.as_deref() == Some("vfio-pci") => "device",
        _ => return None,
    };
    // Virtual functions are counted at their physical one.
    if device.parent.is_some() {
        return None;
    }
    Some(DevicePicture {
        address: device.address.to_string(),
        kind: kind.into(),
        driver: device.driver.clone(),
        functions: device.sriov.as_ref().map(|sriov| (sriov.enabled, sriov.total)),
    })
}
