//! Pictures of hosts: their CPUs, and on which of them a guest's vCPUs may run.
//!
//! A host is drawn once, as a symbol of the page; each place of a guest uses it and draws
//! only the guest's bars, so that many cases on large hosts stay a small page.

use std::fmt::Write as _;

use super::markup::{esc, fill, more};
use crate::cpuset::Cpuset;
use crate::testing::Place;
use crate::testing::inventory::HostLine;

/// What the letters mean.
pub(super) const LEGEND: &str = "<p class=\"legend\"><span class=\"key d\">D</span> dedicated CPU \
     <span class=\"key s\">S</span> shared CPU <span class=\"key o\">·</span> CPU not for guests \
     <span class=\"key v\">v0</span> vCPU, on the CPUs its thread may run on</p>";

const COLUMNS: usize = 24;
const WIDE: usize = 36;
const HIGH: usize = 46;
const EDGE: usize = 10;
const TITLE: usize = 26;

/// Every host as a symbol to be used.
pub(super) fn symbols(hosts: &[HostLine]) -> String {
    let mut text =
        String::from("<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs>");
    for (number, host) in hosts.iter().enumerate() {
        let (width, height) = size(host);
        let _ = write!(
            text,
            "<g id=\"host-{number}\"><rect class=\"box\" x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"6\"/>\
             <text class=\"host\" x=\"{EDGE}\" y=\"18\">{}</text>",
            width - 1,
            height - 1,
            esc(&title(host))
        );
        for (at, cpu) in host.cpus.iter().enumerate() {
            let (x, y) = corner(at);
            let (class, letter) = kind(host, cpu);
            let _ = write!(
                text,
                "<rect class=\"cpu {class}\" x=\"{}\" y=\"{y}\" width=\"{}\" height=\"22\" rx=\"3\"/>\
                 <text class=\"cpu\" x=\"{}\" y=\"{}\">{cpu}{letter}</text>",
                x + 1,
                WIDE - 2,
                x + WIDE / 2,
                y + 15
            );
        }
        text.push_str("</g>");
    }
    text + "</defs></svg>\n"
}

/// "cmp1 · 2 NUMA nodes, both simulated"
fn title(host: &HostLine) -> String {
    let cells = super::counted(host.cells, "NUMA node");
    let simulated = match (host.simulated_cells as usize, host.cells) {
        (0, _) => String::new(),
        (1, 1) => ", simulated".into(),
        (2, 2) => ", both simulated".into(),
        (some, all) if some == all => ", all simulated".into(),
        (some, _) => format!(", {some} of them simulated"),
    };
    format!("{} · {cells}{simulated}", host.name)
}

fn kind(host: &HostLine, cpu: u32) -> (&'static str, &'static str) {
    if host.dedicated.contains(cpu) {
        ("d", " D")
    } else if host.shared.contains(cpu) {
        ("s", " S")
    } else {
        ("o", " ·")
    }
}

fn rows(host: &HostLine) -> usize {
    host.cpus.len().div_ceil(COLUMNS).max(1)
}

fn size(host: &HostLine) -> (usize, usize) {
    // A host of few CPUs still has a title.
    let letters = title(host).chars().count() * 7;
    let wide = (host.cpus.len().min(COLUMNS) * WIDE).max(letters);
    (wide + 2 * EDGE, TITLE + rows(host) * HIGH + EDGE / 2)
}

fn corner(at: usize) -> (usize, usize) {
    (EDGE + at % COLUMNS * WIDE, TITLE + at / COLUMNS * HIGH)
}

/// A host without guests.
pub(super) fn host_alone(hosts: &[HostLine], number: usize) -> String {
    hosts.get(number).map(|host| svg(host, number, &title(host), "")).unwrap_or_default()
}

fn svg(host: &HostLine, number: usize, label: &str, bars: &str) -> String {
    let (width, height) = size(host);
    format!(
        "<svg class=\"place\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{}\"><use href=\"#host-{number}\"/>{bars}</svg>",
        esc(label)
    )
}

/// Where the guests of a case were, each place once.
pub(super) fn places(case: usize, places: &[Place], hosts: &[HostLine], room: &mut usize) -> String {
    let mut shown: Vec<&Place> = Vec::new();
    for place in places {
        let before = shown.iter().rev().find(|before| before.guest == place.guest);
        if !before.is_some_and(|before| same(before, place)) {
            shown.push(place);
        }
    }
    if shown.is_empty() {
        return String::new();
    }
    let (figures, left) = fill(room, shown.into_iter(), |place| figure(place, hosts));
    let all = more(left, "place");
    format!(
        "<h3 id=\"guests-{case}\">Where its guests ran</h3>{LEGEND}<div class=\"places\">{figures}</div>{all}\n"
    )
}

fn same(one: &Place, other: &Place) -> bool {
    Place { after: 0.0, ..one.clone() } == Place { after: 0.0, ..other.clone() }
}

fn figure(place: &Place, hosts: &[HostLine]) -> String {
    let caption = format!(
        "{} on {} after {}: {}, {}, {}",
        place.guest,
        place.host,
        super::seconds(place.after),
        if place.pinned { "pinned" } else { "not pinned" },
        if place.huge_mib > 0 {
            format!("{} MiB in huge pages", place.huge_mib)
        } else {
            "small pages".into()
        },
        super::counted(place.cells, "guest NUMA node"),
    );
    let threads = threads(&place.vcpus);
    let drawn = hosts.iter().position(|host| host.name == place.host).map(|number| {
        let host = &hosts[number];
        svg(host, number, &format!("{caption}: {threads}"), &bars(host, &place.vcpus))
    });
    format!(
        "<figure><figcaption><b>{}</b>{}<br><small>{}</small></figcaption>{}</figure>",
        esc(&place.guest),
        esc(caption.strip_prefix(&place.guest).unwrap_or_default()),
        esc(&threads),
        drawn.unwrap_or_else(|| "<small>Not a host of this run, so not drawn.</small>".into())
    )
}

/// "v0 on 2, v1 on 3"; those with the same CPUs together: "v0-3 on 0-7".
fn threads(vcpus: &[Cpuset]) -> String {
    let mut groups: Vec<(&Cpuset, Cpuset)> = Vec::new();
    for (vcpu, cpus) in vcpus.iter().enumerate() {
        let vcpu = u32::try_from(vcpu).unwrap_or(u32::MAX);
        match groups.iter_mut().find(|(known, _)| *known == cpus) {
            Some((_, of)) => {
                of.insert(vcpu);
            }
            None => groups.push((cpus, Cpuset::from([vcpu]))),
        }
    }
    groups.iter().map(|(cpus, of)| format!("v{of} on {cpus}")).collect::<Vec<_>>().join(", ")
}

/// A bar below the CPUs for each stretch of them on which the same vCPUs may run.
fn bars(host: &HostLine, vcpus: &[Cpuset]) -> String {
    let on = |cpu: u32| -> Cpuset {
        let of = (0u32..).zip(vcpus).filter(|(_, cpus)| cpus.contains(cpu));
        of.map(|(vcpu, _)| vcpu).collect()
    };
    let cells: Vec<Cpuset> = host.cpus.iter().map(on).collect();
    let mut text = String::new();
    let mut at = 0;
    while at < cells.len() {
        let row_ends = (at / COLUMNS + 1) * COLUMNS;
        let end = (at..cells.len().min(row_ends)).find(|next| cells[*next] != cells[at]);
        let end = end.unwrap_or(cells.len().min(row_ends));
        if !cells[at].is_empty() {
            let (x, y) = corner(at);
            let width = (end - at) * WIDE - 2;
            let label = format!("v{}", cells[at]);
            let label = if label.chars().count() * 7 > width { "v…".into() } else { label };
            let _ = write!(
                text,
                "<rect class=\"vcpu\" x=\"{}\" y=\"{}\" width=\"{width}\" height=\"17\" rx=\"3\"/>\
                 <text class=\"vcpu\" x=\"{}\" y=\"{}\">{label}</text>",
                x + 1,
                y + 24,
                x + 1 + width / 2,
                y + 37
            );
        }
        at = end;
    }
    text
}
