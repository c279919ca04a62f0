//! The page: what is known, line by line.

use super::extras::Extras;
use super::{Line, Section, Topic, places, threads, timeline};
use crate::cloud::Fault;
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot};
use crate::show;

/// All sections, in order.
pub(super) fn sections(
    guest: &GuestSnapshot,
    cloud: &CloudSnapshot,
    extras: &Extras,
    findings: &[Finding],
) -> Vec<Section> {
    let page = Page { guest, cloud, extras, findings };
    Topic::ALL
        .into_iter()
        .map(|topic| {
            let lines = match topic {
                Topic::Server => server(&page),
                Topic::Placement => placement(&page),
                Topic::Cpu => threads::cpu(&page),
                Topic::Memory => threads::memory(&page),
                Topic::Host => places::host(&page),
                Topic::Network => places::network(&page),
                Topic::Disk => places::disks(&page),
                Topic::Logs => logs(&page),
            };
            Section { topic, lines }
        })
        .collect()
}

/// All that a page is made of.
pub(super) struct Page<'a> {
    pub guest: &'a GuestSnapshot,
    pub cloud: &'a CloudSnapshot,
    pub extras: &'a Extras,
    pub findings: &'a [Finding],
}

impl Page<'_> {
    /// Whether one of these rules found something.
    pub(super) fn has(&self, rules: &[&str]) -> bool {
        self.findings.iter().any(|found| rules.contains(&found.rule))
    }

    /// Why something is unknown whose name has one of these words.
    pub(super) fn unknown(&self, words: &[&str]) -> Option<String> {
        let found = self.cloud.unknown.iter().find(|one| words.iter().any(|word| one.what.contains(word)));
        found.map(|one| one.why.clone())
    }

    /// A line for the host's part of the page where the host says nothing: why not. `None` when it does.
    pub(super) fn without_host(&self, what: &str) -> Option<Vec<Line>> {
        let guest = self.guest;
        let server = &guest.server;
        let source = format!("GET /servers/{}", server.id);
        let host = match &server.host {
            None if server.status == "SHELVED_OFFLOADED" => {
                return Some(vec![Line::new(what, "none: it is shelved, and on no host", source)]);
            }
            None if server.status == "DELETED" => {
                return Some(vec![Line::new(what, "none: it is deleted", source)]);
            }
            None => return Some(vec![Line::new(what, "none: Nova names no host for it", source)]),
            Some(host) => host,
        };
        if server.status == "DELETED" {
            return Some(vec![Line::new(what, format!("none: it is deleted; it was on {host}"), source)]);
        }
        if !guest.is_host_known {
            let why = self.unknown(&[&format!("`{host}`")]).unwrap_or_else(|| "it was not asked".into());
            return Some(vec![Line::unknown(what, format!("host `{host}`: {why}"))]);
        }
        None
    }
}

/// The first cause in a traceback: the last line of its first part.
fn first_cause(details: &str) -> Option<String> {
    let is_error = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        !line.starts_with(' ')
            && line.contains(": ")
            && !name.contains(' ')
            && name.chars().next().is_some_and(char::is_alphabetic)
            && !name.starts_with("Traceback")
    };
    details.lines().find(is_error).map(|line| line.trim().to_string())
}

fn fault(fault: &Fault, source: &str) -> Vec<Line> {
    let mut lines = vec![Line::new("fault", fault.words(), source).wrong_if(true)];
    let cause = fault.details.as_deref().and_then(first_cause);
    if let Some(cause) = cause.filter(|cause| !fault.message.contains(cause.as_str())) {
        lines.push(Line::new("first cause", cause, source).wrong_if(true));
    }
    lines
}

fn server(page: &Page<'_>) -> Vec<Line> {
    let server = &page.guest.server;
    let source = format!("GET /servers/{}", server.id);
    let power = match server.power_state {
        1 => "power state running",
        3 => "power state paused",
        4 => "power state shut down",
        6 => "power state crashed",
        7 => "power state suspended",
        _ => "no power state",
    };
    let mut lines = vec![
        Line::new("status", format!("{}, {power}", server.state()), &source)
            .wrong_if(page.has(&["power", "stuck-task"]) || server.status == "ERROR"),
    ];
    lines.extend(server.fault.iter().flat_map(|one| fault(one, &source)));
    if let Some(host) = &server.host {
        let other: Vec<&str> = page.guest.elsewhere.iter().map(|one| one.host.as_str()).collect();
        let other = if other.is_empty() {
            String::new()
        } else {
            format!("; a domain of it also on {}", other.join(", "))
        };
        lines.push(Line::new("host", format!("{host}{other}"), &source).wrong_if(page.has(&["twin"])));
    }
    let flavor = &server.flavor;
    let specs: Vec<String> = flavor.extra_specs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let specs = if specs.is_empty() { String::new() } else { format!("; {}", specs.join(" ")) };
    lines.push(Line::new(
        "flavor",
        format!(
            "{}: {}, {} MiB, {} GiB{specs}",
            flavor.name,
            show::counted(flavor.vcpus, "vCPU"),
            flavor.ram_mib,
            flavor.disk_gib
        ),
        &source,
    ));
    match (&server.image, &page.extras.image) {
        (Some(id), name) => lines.push(Line::new(
            "image",
            name.clone().unwrap_or_else(|| id.clone()),
            format!("GET /v2/images/{id}"),
        )),
        (None, _) => lines.push(Line::new("image", "none: it boots from a volume", &source)),
    }
    lines.push(Line::new("created", &server.created, &source).deep());
    lines.push(Line::new("changed", &server.updated, &source).deep());
    if server.locked {
        lines.push(Line::new("lock", server.lock_words(), &source));
    }
    for one in &page.guest.open_migrations {
        let (from, to) =
            (one.source_compute.as_deref().unwrap_or("?"), one.dest_compute.as_deref().unwrap_or("?"));
        let what = one.migration_type.as_deref().unwrap_or("move");
        lines.push(
            Line::new(
                "move",
                format!("{what} {} from {from} to {to}: {}", one.id, one.status),
                "GET /os-migrations",
            )
            .wrong_if(page.has(&["stuck-migration"])),
        );
    }
    lines.extend(timeline::actions(page));
    lines.extend(record(page));
    lines
}

/// Nova's own NUMA record.
fn record(page: &Page<'_>) -> Vec<Line> {
    let source = format!("GET /servers/{}/topology", page.guest.server.id);
    let Some(topology) = &page.guest.topology else { return Vec::new() };
    let mut lines = Vec::new();
    for (at, node) in topology.nodes.iter().enumerate() {
        let place = node.host_node.map(|host| format!(" on NUMA node {host}")).unwrap_or_default();
        let pins: Vec<String> =
            node.pinning.iter().map(|(vcpu, cpu)| format!("vCPU {vcpu} on CPU {cpu}")).collect();
        let pins = if pins.is_empty() { "no pins".to_string() } else { pins.join(", ") };
        lines.push(
            Line::new("NUMA record", format!("node {at}{place}: {} MiB, {pins}", node.memory_mib), &source)
                .wrong_if(page.has(&["topology-record"])),
        );
    }
    if topology.nodes.is_empty() {
        lines.push(Line::new("NUMA record", "none: its vCPUs float", &source).deep());
    }
    lines
}

fn placement(page: &Page<'_>) -> Vec<Line> {
    let guest = page.guest;
    if guest.server.status == "DELETED" {
        return Vec::new();
    }
    let Some(allocations) = &guest.allocations else {
        return vec![Line::unknown(
            "booked",
            page.unknown(&["placement"]).unwrap_or_else(|| "it was not asked".into()),
        )];
    };
    let source = format!("GET /allocations/{}", guest.server.id);
    let all = page.cloud.placement.iter().flat_map(|placement| &placement.providers);
    let names: Vec<(&str, &str)> =
        all.map(|one| (one.provider.id.as_str(), one.provider.name.as_str())).collect();
    let name = |id: &str| {
        names.iter().find(|(other, _)| *other == id).map_or(id.to_string(), |(_, name)| (*name).to_string())
    };
    let wrong = page.has(&["unbooked", "booked-twice", "booked-otherwise"]);
    let mut lines: Vec<Line> = allocations
        .iter()
        .map(|one| {
            let resources = one.resources.iter().map(|(class, amount)| format!("{class}:{amount}"));
            let text = format!("{} at {}", resources.collect::<Vec<_>>().join(", "), name(&one.provider));
            Line::new("booked", text, &source).wrong_if(wrong)
        })
        .collect();
    if allocations.is_empty() {
        lines.push(Line::new("booked", "nothing", &source).wrong_if(wrong));
    }
    let flavor = &guest.server.flavor;
    lines.push(Line::new(
        "its flavor asks",
        format!("{}, MEMORY_MB:{}", show::counted(flavor.vcpus, "CPU"), flavor.ram_mib),
        format!("GET /servers/{}", guest.server.id),
    ));
    for one in page.extras.inventories.iter().flatten() {
        lines.push(
            Line::new(
                "provider has",
                format!("{}: {} of {} used", one.resource_class, one.used, one.capacity()),
                "GET /resource_providers/ID/inventories and usages",
            )
            .deep(),
        );
    }
    if let Some(traits) = &page.extras.traits {
        lines.push(Line::new("traits", traits.join(" "), "GET /resource_providers/ID/traits").deep());
    }
    lines
}

fn logs(page: &Page<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(console) = &page.extras.console {
        let last: Vec<&str> = console.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let from = last.len().saturating_sub(3);
        for (at, line) in last.iter().enumerate() {
            let line = Line::new("console", *line, "POST /servers/ID/action os-getConsoleOutput");
            lines.push(if at >= from { line } else { line.deep() });
        }
        if last.is_empty() {
            lines.push(Line::new(
                "console",
                "nothing written yet",
                "POST /servers/ID/action os-getConsoleOutput",
            ));
        }
    } else if let Some(why) = page.unknown(&["nova: console"]) {
        lines.push(Line::unknown("console", why));
    }
    let Some(read) = &page.extras.logs else {
        lines.extend(page.unknown(&["logs"]).map(|why| Line::unknown("logs", why)));
        return lines;
    };
    lines.extend(timeline::records(page, read));
    lines
}

/// A size in bytes, as people say it.
pub(super) fn bytes(bytes: u64) -> String {
    show::kib(bytes >> 10)
}

#[cfg(test)]
mod tests {
    use super::first_cause;

    #[test]
    fn the_first_cause_is_that_of_the_first_traceback() {
        let details = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    raise X\n\
                       libvirt.libvirtError: internal error: QEMU is gone\n\nDuring handling of the above \
                       exception, another exception occurred:\n\nTraceback (most recent call last):\n  \
                       File \"b.py\", line 2\nnova.exception.NovaException: it failed\n";
        assert_eq!(
            first_cause(details).as_deref(),
            Some("libvirt.libvirtError: internal error: QEMU is gone")
        );
        assert_eq!(first_cause("no traceback here"), None);
    }
}
