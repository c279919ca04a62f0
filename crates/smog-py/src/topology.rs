//! Hosts, cells and CPUs with the guests on them, as text and as a picture.

use std::collections::{BTreeMap, BTreeSet};

use pyo3::prelude::*;
use smog::{Cloud, Result};

use crate::table::escaped;

/// Hosts with their NUMA nodes and CPUs, and which guest is pinned where.
///
/// `print(cloud.topology())` shows it as text; a notebook shows it as a picture.
#[pyclass(frozen, module = "smog")]
pub struct Topology {
    hosts: Vec<HostPicture>,
}

struct HostPicture {
    name: String,
    /// Its cells: number, CPUs, memory in MiB.
    cells: Vec<(u32, Vec<u32>, u64)>,
    /// Guests by the CPU they are pinned to.
    pinned: BTreeMap<u32, Vec<String>>,
    /// Guests that float.
    floating: Vec<String>,
    /// Why it could not be asked.
    problem: Option<String>,
}

/// Ask Nova once, and each host that has a hypervisor.
pub async fn look(cloud: &Cloud) -> Result<Topology> {
    let found = cloud.discover().await?;
    let names: BTreeSet<String> = cloud
        .hypervisors_without_uptime()
        .await?
        .into_iter()
        .map(|hypervisor| hypervisor.service.host)
        .collect();
    let mut hosts = vec![];
    for name in names {
        let mut picture = HostPicture {
            name: name.clone(),
            cells: vec![],
            pinned: BTreeMap::new(),
            floating: vec![],
            problem: None,
        };
        let facts = match cloud.host(&name).await {
            Ok(host) => host.facts().await,
            Err(why) => Err(why),
        };
        match facts {
            Ok(facts) => {
                picture.cells = facts
                    .cells
                    .iter()
                    .map(|cell| (cell.id, cell.cpus.iter().collect(), cell.memory_kib >> 10))
                    .collect();
            }
            Err(why) => picture.problem = Some(why.to_string()),
        }
        for guest in found.guests.iter().filter(|guest| guest.server.host.as_deref() == Some(name.as_str())) {
            match &guest.seen {
                Some(domain) if domain.is_pinned() => {
                    for cpu in domain.vcpu_pins().values().flat_map(smog::Cpuset::iter) {
                        picture.pinned.entry(cpu).or_default().push(guest.server.name.clone());
                    }
                }
                _ => picture.floating.push(guest.server.name.clone()),
            }
        }
        hosts.push(picture);
    }
    Ok(Topology { hosts })
}

impl HostPicture {
    fn guest_of(&self, cpu: u32) -> String {
        self.pinned.get(&cpu).map(|guests| guests.join("+")).unwrap_or_default()
    }
}

#[pymethods]
impl Topology {
    /// The hosts' names.
    #[getter]
    fn hosts(&self) -> Vec<String> {
        self.hosts.iter().map(|host| host.name.clone()).collect()
    }

    fn __str__(&self) -> String {
        let mut lines = vec![];
        for host in &self.hosts {
            lines.push(match &host.problem {
                Some(why) => format!("{}: not asked: {why}", host.name),
                None => host.name.clone(),
            });
            for (cell, cpus, memory_mib) in &host.cells {
                let cpus: Vec<String> = cpus
                    .iter()
                    .map(|cpu| match host.guest_of(*cpu) {
                        guest if guest.is_empty() => cpu.to_string(),
                        guest => format!("{cpu}={guest}"),
                    })
                    .collect();
                lines.push(format!("  node {cell}: CPUs {}; {memory_mib} MiB", cpus.join(" ")));
            }
            if !host.floating.is_empty() {
                lines.push(format!("  floating: {}", host.floating.join(", ")));
            }
        }
        lines.join("\n")
    }

    fn __repr__(&self) -> String {
        self.__str__()
    }

    fn _repr_svg_(&self) -> String {
        const CELL: usize = 84;
        let mut parts = vec![];
        let (mut top, mut wide) = (8, 320);
        for host in &self.hosts {
            parts.push(format!(
                "<text x=\"8\" y=\"{}\" font-weight=\"bold\">{}</text>",
                top + 14,
                escaped(&host.name)
            ));
            let note = match &host.problem {
                Some(why) => format!("not asked: {why}"),
                None if host.floating.is_empty() => String::new(),
                None => format!("floating: {}", host.floating.join(", ")),
            };
            parts.push(format!("<text x=\"120\" y=\"{}\">{}</text>", top + 14, escaped(&note)));
            top += 24;
            for (cell, cpus, memory_mib) in &host.cells {
                let width = (cpus.len().max(3) * CELL) + 8;
                wide = wide.max(width + 16);
                parts.push(format!(
                    "<rect x=\"8\" y=\"{top}\" width=\"{width}\" height=\"66\" rx=\"4\" fill=\"none\" stroke=\"#888\"/>\
                     <text x=\"16\" y=\"{}\">node {cell}, {memory_mib} MiB</text>",
                    top + 16
                ));
                for (place, cpu) in cpus.iter().enumerate() {
                    let (x, guest) = (16 + place * CELL, host.guest_of(*cpu));
                    let fill = if guest.is_empty() { "none" } else { "#4a90d9" };
                    parts.push(format!(
                        "<rect x=\"{x}\" y=\"{}\" width=\"{}\" height=\"34\" rx=\"3\" fill=\"{fill}\" stroke=\"#888\"/>\
                         <text x=\"{}\" y=\"{}\">{cpu}</text><text x=\"{}\" y=\"{}\">{}</text>",
                        top + 24,
                        CELL - 8,
                        x + 4,
                        top + 37,
                        x + 4,
                        top + 52,
                        escaped(&guest.chars().take(11).collect::<String>())
                    ));
                }
                top += 74;
            }
            top += 8;
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{top}\" font-family=\"sans-serif\" \
             font-size=\"11\" fill=\"currentColor\">{}</svg>",
            parts.concat()
        )
    }
}
