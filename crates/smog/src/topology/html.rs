//! A picture as HTML: one page with everything in it, or a part of one for a notebook. No script, nothing
//! to load. Colours are from a palette that people with red-green colour blindness can distinguish, and every
//! colour has a letter.

use std::fmt::Write as _;

use super::draw::{counted, guest_words, size};
use super::{CorePicture, CpuPicture, CpuRole, HostPicture, NodePicture, Topology};
use crate::show::{Escaped, kib};

const STYLE: &str = include_str!("html/style.css");

/// One page that has everything in it, for dark and light.
pub fn html(topology: &Topology) -> String {
    let hosts: Vec<&str> = topology.hosts.iter().map(|host| host.host.as_str()).collect();
    let title = topology.state.clone().unwrap_or_else(|| hosts.join(", "));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>Topology: {}</title>\n\
         <style>:root{{color-scheme:light dark}}body{{margin:0;background:#fff}}\
         @media (prefers-color-scheme:dark){{body{{background:#14171a}}}}</style></head>\n<body>\n{}</body></html>\n",
        Escaped(&title),
        fragment(topology)
    )
}

/// The same without the page around it: its style reaches nothing else.
pub fn fragment(topology: &Topology) -> String {
    let mut text = format!("<style>{STYLE}</style>\n<div class=\"smog-topology\">\n");
    if let Some(state) = &topology.state {
        let _ = writeln!(text, "<p class=\"state\">{}</p>", Escaped(state));
    }
    for host in &topology.hosts {
        host_section(&mut text, host, topology.guest.as_deref());
    }
    for why in &topology.unreached {
        let _ = writeln!(text, "<p class=\"bad\">not reached: {}</p>", Escaped(why));
    }
    text.push_str("</div>\n");
    text
}

fn host_section(text: &mut String, host: &HostPicture, chosen: Option<&str>) {
    let cores: usize = host.nodes.iter().map(|node| node.cores.len()).sum();
    let cpus: usize = host.nodes.iter().flat_map(|node| &node.cores).map(|core| core.cpus.len()).sum();
    let simulated = match host.simulated_nodes {
        0 => String::new(),
        count => format!(" ({count} simulated for libvirt)"),
    };
    let _ = writeln!(
        text,
        "<section><h2>{} <small>{}, {}, {}, {}{simulated} · <span class=\"when\">{}</span></small></h2>",
        Escaped(&host.host),
        counted(host.sockets, "socket"),
        counted(cores, "core"),
        counted(cpus, "CPU"),
        counted(host.nodes.len(), "NUMA node"),
        host.at.strftime("%Y-%m-%d %H:%M:%S UTC"),
    );
    legend(text, host);
    text.push_str("<div class=\"nodes\">\n");
    for node in &host.nodes {
        node_card(text, host, node, chosen);
    }
    text.push_str("</div>\n");
    if !host.offline.is_empty() {
        let _ = writeln!(text, "<p><span class=\"cpu x\">x</span> offline CPUs: {}</p>", host.offline);
    }
    for device in &host.devices {
        let _ =
            writeln!(text, "<p class=\"dim\">on an unknown NUMA node: {}</p>", Escaped(&device.to_string()));
    }
    if !host.guests.is_empty() {
        text.push_str("<ul class=\"guests\">\n");
        for guest in &host.guests {
            let is_chosen = chosen == Some(guest.id.as_str());
            let words = guest_words(guest);
            let _ = writeln!(
                text,
                "<li{}><b class=\"tag\">{}</b><span><b>{}</b><br>{}</span></li>",
                if is_chosen { " class=\"chosen\"" } else { "" },
                Escaped(&guest.letter),
                Escaped(&words[0]),
                Escaped(&words[1..].join("; "))
            );
        }
        text.push_str("</ul>\n");
    } else if host.unknown.is_empty() {
        text.push_str("<p class=\"dim\">no guest</p>\n");
    }
    for why in &host.unknown {
        let _ = writeln!(text, "<p class=\"bad\">unknown: {}</p>", Escaped(why));
    }
    text.push_str("</section>\n");
}

fn legend(text: &mut String, host: &HostPicture) {
    let cpus = || host.nodes.iter().flat_map(|node| &node.cores).flat_map(|core| &core.cpus);
    text.push_str("<p class=\"legend\">");
    for role in [CpuRole::Dedicated, CpuRole::Shared, CpuRole::Host, CpuRole::Unknown] {
        if cpus().any(|cpu| cpu.role == role) {
            let (class, mark, what) = role_words(role);
            let _ = write!(text, "<span><span class=\"cpu {class}\">{mark}</span> {what}</span>");
        }
    }
    if cpus().any(|cpu| cpu.isolated) {
        text.push_str("<span><span class=\"cpu o i\">i</span> isolated</span>");
    }
    if host.nodes.iter().flat_map(|node| &node.cores).any(|core| core.cpus.len() > 1) {
        text.push_str("<span><span class=\"core key\"></span> a core with its threads</span>");
    }
    text.push_str("</p>\n");
}

fn role_words(role: CpuRole) -> (&'static str, &'static str, &'static str) {
    match role {
        CpuRole::Dedicated => ("d", "D", "dedicated"),
        CpuRole::Shared => ("s", "S", "shared"),
        CpuRole::Host => ("o", "·", "not for guests"),
        CpuRole::Unknown => ("u", "?", "Nova's CPU sets are unknown"),
    }
}

fn node_card(text: &mut String, host: &HostPicture, node: &NodePicture, chosen: Option<&str>) {
    let mut sockets: Vec<u32> = node.cores.iter().filter_map(|core| core.socket).collect();
    sockets.dedup();
    let sockets: Vec<String> = sockets.iter().map(u32::to_string).collect();
    let socket = match host.sockets > 1 && !sockets.is_empty() {
        true => format!(" <small>socket {}</small>", sockets.join(", ")),
        false => String::new(),
    };
    let _ = writeln!(text, "<article><h3>NUMA node {}{socket}</h3>", node.id);
    meter(
        text,
        "memory",
        node.memory_kib.saturating_sub(node.free_kib),
        node.memory_kib,
        &format!("{} free of {}", size(node.free_kib), size(node.memory_kib)),
    );
    for pool in node.pages.iter().filter(|pool| pool.total > 0) {
        let said = format!("{} of {} free", pool.free, pool.total);
        meter(
            text,
            &format!("{} pages", kib(pool.size_kib)),
            pool.total.saturating_sub(pool.free),
            pool.total,
            &said,
        );
    }
    text.push_str("<div class=\"cores\">");
    for core in &node.cores {
        core_box(text, host, core, chosen);
    }
    text.push_str("</div>\n");
    if node.cores.is_empty() {
        text.push_str("<p class=\"dim\">no CPU: memory only</p>\n");
    }
    if !node.devices.is_empty() {
        text.push_str("<ul class=\"devices\">");
        for device in &node.devices {
            let _ = write!(text, "<li>{}</li>", Escaped(&device.to_string()));
        }
        text.push_str("</ul>\n");
    }
    text.push_str("</article>\n");
}

/// How much of something is in use.
fn meter(text: &mut String, what: &str, used: u64, of: u64, said: &str) {
    let part = if of == 0 { 0.0 } else { used as f64 / of as f64 * 100.0 };
    let _ = writeln!(
        text,
        "<div class=\"meter\"><span>{what}</span><i><b style=\"width:{part:.1}%\"></b></i><span>{said}</span></div>"
    );
}

fn core_box(text: &mut String, host: &HostPicture, core: &CorePicture, chosen: Option<&str>) {
    text.push_str("<div class=\"core\">");
    for cpu in &core.cpus {
        cpu_box(text, host, cpu, chosen);
    }
    text.push_str("</div>");
}

/// So many guests are named in a CPU; more are counted.
const NAMED: usize = 3;

fn cpu_box(text: &mut String, host: &HostPicture, cpu: &CpuPicture, chosen: Option<&str>) {
    let (class, mark, what) = role_words(cpu.role);
    let isolated = if cpu.isolated { ", isolated" } else { "" };
    let of: Vec<String> = cpu
        .guests
        .iter()
        .map(|sitting| format!("vCPU {} of {}", sitting.vcpus, host.guests[sitting.guest].name))
        .collect();
    let who = if of.is_empty() { String::new() } else { format!(": {}", of.join(", ")) };
    let _ = write!(
        text,
        "<span class=\"cpu {class}{}\" title=\"CPU {} {what}{isolated}{}\">{}<sup>{mark}{}</sup><span class=\"on\">",
        if cpu.isolated { " i" } else { "" },
        cpu.id,
        Escaped(&who),
        cpu.id,
        if cpu.isolated { "i" } else { "" },
    );
    for sitting in cpu.guests.iter().take(NAMED) {
        let guest = &host.guests[sitting.guest];
        let vcpu = match (sitting.vcpus.len(), sitting.vcpus.first()) {
            (1, Some(vcpu)) => vcpu.to_string(),
            _ => String::new(),
        };
        let is_chosen = chosen == Some(guest.id.as_str());
        let _ = write!(
            text,
            "<b class=\"tag{}\">{}{vcpu}</b>",
            if is_chosen { " me" } else { "" },
            Escaped(&guest.letter)
        );
    }
    if cpu.guests.len() > NAMED {
        let _ = write!(text, "<b class=\"tag\">+{}</b>", cpu.guests.len() - NAMED);
    }
    text.push_str("</span></span>");
}
