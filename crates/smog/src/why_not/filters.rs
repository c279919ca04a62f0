//! The scheduler's filters, computed from what smog can read. Pure.

use std::collections::BTreeSet;

use super::aggregate_filters::{aggregate_image, aggregate_specs, tenants};
use super::answer::Reason;
use super::facts::{Asked, Facts, HostPart};
use super::numa::{self, Ratios};
use super::pci_filter::pci;
use super::spec_match::matches;
use super::wanted::Wanted;
use crate::cloud::ServerGroup;

/// What a check comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    Passes,
    Out(Reason),
    /// What cannot be known, and why.
    Unknown(String),
}

use Look::{Out, Passes, Unknown};

/// The filters of a scheduler whose configuration names none (`[filter_scheduler]enabled_filters`).
pub(super) const DEFAULT: [&str; 5] = [
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
];

/// Those that smog computes, beyond the default ones.
pub(super) const OTHERS: [&str; 8] = [
    "DifferentHostFilter",
    "SameHostFilter",
    "NUMATopologyFilter",
    "AggregateInstanceExtraSpecsFilter",
    "AggregateImagePropertiesIsolation",
    "AggregateMultiTenancyIsolation",
    "PciPassthroughFilter",
    "NumInstancesFilter",
];

/// What a filter is asked about.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub wanted: &'a Wanted,
    pub facts: &'a Facts,
    pub host: &'a str,
}

/// Ask a filter about a host; `None` for one that smog does not know.
pub(super) fn ask(filter: &str, question: Question<'_>) -> Option<Look> {
    Some(match filter {
        "ComputeFilter" => service(question),
        "ComputeCapabilitiesFilter" => capabilities(question),
        "ImagePropertiesFilter" => image(question),
        "ServerGroupAntiAffinityFilter" => groups(question, "anti-affinity", apart),
        "ServerGroupAffinityFilter" => groups(question, "affinity", together),
        "DifferentHostFilter" => hint(question, &question.wanted.different_host, false),
        "SameHostFilter" => hint(question, &question.wanted.same_host, true),
        "NUMATopologyFilter" => topology(question),
        "AggregateInstanceExtraSpecsFilter" => aggregate_specs(question),
        "AggregateImagePropertiesIsolation" => aggregate_image(question),
        "AggregateMultiTenancyIsolation" => tenants(question),
        "PciPassthroughFilter" => pci(question),
        "NumInstancesFilter" => instances(question),
        "AllHostsFilter" | "RetryFilter" | "AvailabilityZoneFilter" => Passes,
        _ => return None,
    })
}

fn service(Question { facts, host, .. }: Question<'_>) -> Look {
    let services = match &facts.services {
        Ok(services) => services,
        Err(why) => return Unknown(format!("Nova's services: {why}")),
    };
    let Some(one) = services.iter().find(|one| one.binary == "nova-compute" && one.host == host) else {
        return Out(Reason::new("ComputeFilter", "service", "has", "no nova-compute service"));
    };
    if one.status != "enabled" {
        return Out(disabled("ComputeFilter", one.disabled_reason.as_deref(), host));
    }
    match (one.state.as_str(), one.forced_down) {
        ("up", _) => Passes,
        (_, true) => Out(Reason::new("ComputeFilter", "service", "is", "forced down")
            .helped(format!("`force down` taken back from {host}"))),
        (state, false) => {
            let last = one.updated_at.as_deref().map(|at| format!(": it last reported at {at}"));
            Out(Reason::new("ComputeFilter", "service", "is", format!("{state}{}", last.unwrap_or_default()))
                .helped(format!("a running nova-compute on {host}")))
        }
    }
}

/// A service that takes no new guests.
pub(super) fn disabled(by: &str, reason: Option<&str>, host: &str) -> Reason {
    let (rest, help) = match reason.filter(|reason| !reason.is_empty()) {
        Some(reason) if reason.starts_with("AUTO:") => (
            format!("disabled by nova-compute itself ({reason})"),
            format!("what nova-compute on {host} complains about is fixed: then it enables itself"),
        ),
        Some(reason) => (format!("disabled ({reason})"), format!("the compute service on {host} enabled")),
        None => ("disabled".to_string(), format!("the compute service on {host} enabled")),
    };
    Reason::new(by, "service", "is", rest).helped(help)
}

/// Keys without a namespace that are attributes of a host in the scheduler.
const ATTRIBUTES: [&str; 16] = [
    "host",
    "nodename",
    "uuid",
    "hypervisor_type",
    "hypervisor_version",
    "hypervisor_hostname",
    "cpu_info",
    "vcpus_total",
    "vcpus_used",
    "free_ram_mb",
    "total_usable_ram_mb",
    "free_disk_mb",
    "disk_mb_used",
    "num_instances",
    "num_io_ops",
    "host_ip",
];

fn capabilities(Question { wanted, facts, host }: Question<'_>) -> Look {
    let mut unknown = None;
    for (key, needs) in &wanted.flavor.extra_specs {
        let capability = match key.split_once(':') {
            None if ATTRIBUTES.contains(&key.as_str()) => key.as_str(),
            Some(("capabilities", capability)) => capability,
            _ => continue,
        };
        let out = |has: String| {
            Out(Reason::new("ComputeCapabilitiesFilter", capability, "has", has)
                .wanting(format!("{} wants {capability} `{needs}`", wanted.name))
                .helped(format!("a flavor without `{key}`, or a host with it")))
        };
        let has = match capability {
            "hypervisor_type" | "hypervisor_version" | "hypervisor_hostname" | "host" => {
                let found = match &facts.hypervisors {
                    Ok(all) => all.iter().find(|one| one.service.host == host),
                    Err(why) => return Unknown(format!("hypervisors: {why}")),
                };
                found.map(|one| match capability {
                    "hypervisor_type" => one.hypervisor_type.clone(),
                    "hypervisor_version" => one.hypervisor_version.to_string(),
                    "host" => host.to_string(),
                    _ => one.hypervisor_hostname.clone(),
                })
            }
            "cpu_info:arch" | "cpu_info:model" | "cpu_info:vendor" => {
                match facts.of_host(host, HostPart::Capabilities) {
                    Ok(part) => part.capabilities.as_ref().ok().and_then(|found| match capability {
                        "cpu_info:arch" => found.cpu.arch.clone(),
                        "cpu_info:model" => found.cpu.model.clone(),
                        _ => found.cpu.vendor.clone(),
                    }),
                    Err(why) => return Unknown(why),
                }
            }
            other => {
                let first = other.split(':').next().unwrap_or(other);
                let is_counted = first.starts_with("num_") || first == "io_workload";
                if !ATTRIBUTES.contains(&first) && !is_counted {
                    return out(format!("no capability `{other}`"));
                }
                unknown
                    .get_or_insert_with(|| format!("smog does not know the capability `{other}` of a host"));
                continue;
            }
        };
        match has {
            Some(has) if matches(&has, needs) => {}
            Some(has) => return out(format!("{capability} `{has}`")),
            None => return out(format!("no capability `{capability}`")),
        }
    }
    unknown.map_or(Passes, Unknown)
}

/// The name that libvirt and Nova use of an architecture.
fn architecture(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "amd64" | "x64" | "x86-64" => "x86_64".into(),
        "i386" | "i486" | "i586" | "x86" | "x86_32" => "i686".into(),
        "arm64" => "aarch64".into(),
        "ppc64el" => "ppc64le".into(),
        other => other.into(),
    }
}

fn image(Question { wanted, facts, host }: Question<'_>) -> Look {
    let property = |names: [&str; 2]| names.into_iter().find_map(|name| wanted.image.get(name));
    let arch = property(["hw_architecture", "architecture"]).map(|text| architecture(text));
    let kind = property(["img_hv_type", "hypervisor_type"]).map(|text| text.to_ascii_lowercase());
    let mode = property(["hw_vm_mode", "vm_mode"]).map(|text| text.to_ascii_lowercase());
    if arch.is_none() && kind.is_none() && mode.is_none() {
        return Passes;
    }
    let found = match facts.of_host(host, HostPart::Capabilities) {
        Ok(part) => &part.capabilities,
        Err(why) => return Unknown(why),
    };
    let Ok(found) = found else { return Unknown(format!("libvirt's capabilities of {host}")) };
    let is = |one: &&crate::libvirt::GuestMachines| {
        arch.as_ref().is_none_or(|arch| *arch == one.arch)
            && kind.as_ref().is_none_or(|kind| one.kinds.contains(kind))
    };
    let runs = found.guests.iter().any(|one| is(&one)) && mode.as_ref().is_none_or(|mode| mode == "hvm");
    if runs {
        return match property(["img_hv_requested_version", "hypervisor_version_requires"]) {
            Some(version) => {
                Unknown(format!("smog does not compare the hypervisor's version with `{version}`"))
            }
            None => Passes,
        };
    }
    let asked: Vec<String> = [("architecture", &arch), ("hypervisor", &kind), ("mode", &mode)]
        .into_iter()
        .filter_map(|(what, value)| Some(format!("{what} `{}`", value.as_ref()?)))
        .collect();
    let asked = asked.join(" and ");
    let kinds: BTreeSet<&str> = found.guests.iter().flat_map(|one| &one.kinds).map(String::as_str).collect();
    let kinds = kinds.into_iter().collect::<Vec<_>>().join(" and ");
    Out(Reason::new(
        "ImagePropertiesFilter",
        "image properties",
        "runs",
        format!("no guests of {asked} (libvirt offers {kinds})"),
    )
    .wanting("the image's properties ask for them")
    .helped(format!("an image without these properties ({asked})")))
}

/// The ids of the servers on a host.
fn servers_on<'a>(facts: &'a Facts, host: &str) -> Asked<BTreeSet<&'a str>> {
    match &facts.servers {
        Ok(all) => {
            let here = all.iter().filter(|one| one.host.as_deref() == Some(host));
            Ok(here.map(|one| one.id.as_str()).collect())
        }
        Err(why) => Err(format!("the servers on {host}: {why}")),
    }
}

fn groups(
    question: Question<'_>,
    policy: &str,
    check: fn(Question<'_>, &ServerGroup, &BTreeSet<&str>) -> Option<Reason>,
) -> Look {
    let Question { wanted, facts, host } = question;
    let groups: Vec<&ServerGroup> = wanted.groups.iter().filter(|group| group.policy == policy).collect();
    if groups.is_empty() {
        return Passes;
    }
    let here = match servers_on(facts, host) {
        Ok(here) => here,
        Err(why) => return Unknown(why),
    };
    groups.into_iter().find_map(|group| check(question, group, &here)).map_or(Passes, Out)
}

/// The members of a group but the server itself.
fn members<'a>(wanted: &Wanted, group: &'a ServerGroup) -> Vec<&'a str> {
    let others = group.members.iter().filter(|id| Some(*id) != wanted.guest.as_ref());
    others.map(String::as_str).collect()
}

fn apart(question: Question<'_>, group: &ServerGroup, here: &BTreeSet<&str>) -> Option<Reason> {
    let members = members(question.wanted, group);
    let there: Vec<&&str> = members.iter().filter(|id| here.contains(*id)).collect();
    let most = group.rules.get("max_server_per_host");
    let most = most.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok())).unwrap_or(1);
    let count = there.len() as u64;
    (count >= most).then(|| {
        let names: Vec<String> = there.iter().map(|id| super::placement::marked(id)).collect();
        let rest = format!("{} of the anti-affinity group `{}`", count_of(count, "member"), group.name);
        Reason::new("ServerGroupAntiAffinityFilter", "server group", "has", rest)
            .by_how_much(count, most)
            .wanting(format!("at most {most} may be on one host"))
            .helped(format!(
                "moving or deleting {} on {}, or one more host",
                names.join(" or "),
                question.host
            ))
    })
}

fn together(question: Question<'_>, group: &ServerGroup, here: &BTreeSet<&str>) -> Option<Reason> {
    let members = members(question.wanted, group);
    let servers = question.facts.servers.as_ref().ok()?;
    let hosts: BTreeSet<&str> = servers
        .iter()
        .filter(|one| members.contains(&one.id.as_str()))
        .filter_map(|one| one.host.as_deref())
        .collect();
    let is_here = members.iter().any(|id| here.contains(id));
    (!hosts.is_empty() && !is_here).then(|| {
        let hosts = hosts.into_iter().collect::<Vec<_>>().join(", ");
        let rest = format!("no member of the affinity group `{}`", group.name);
        Reason::new("ServerGroupAffinityFilter", "server group", "has", rest)
            .wanting(format!("its members are on {hosts}"))
            .helped(format!("room on {hosts}"))
    })
}

fn count_of(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn hint(Question { facts, host, .. }: Question<'_>, ids: &[String], same: bool) -> Look {
    if ids.is_empty() {
        return Passes;
    }
    let here = match servers_on(facts, host) {
        Ok(here) => here,
        Err(why) => return Unknown(why),
    };
    let there: Vec<&String> = ids.iter().filter(|id| here.contains(id.as_str())).collect();
    match (same, there.first()) {
        (true, None) => Out(Reason::new(
            "SameHostFilter",
            "same_host",
            "has",
            "none of the guests of the hint `same_host`",
        )),
        (false, Some(id)) => {
            let rest = format!("{}, a guest of the hint `different_host`", super::placement::marked(id));
            Out(Reason::new("DifferentHostFilter", "different_host", "has", rest))
        }
        _ => Passes,
    }
}

fn topology(Question { wanted, facts, host }: Question<'_>) -> Look {
    let Some(wish) = wanted.numa() else { return Passes };
    let part = match facts.of_host(host, HostPart::Both) {
        Ok(part) => part,
        Err(why) => return Unknown(why),
    };
    let (Ok(capabilities), Ok(conf)) = (&part.capabilities, &part.conf) else {
        return Unknown(format!("the NUMA nodes of {host}"));
    };
    let mut nodes = match numa::nodes(capabilities, conf) {
        Ok(nodes) => nodes,
        Err(why) => return Unknown(why.to_string()),
    };
    let here = match servers_on(facts, host) {
        Ok(here) => here,
        Err(why) => return Unknown(why),
    };
    for id in here.iter().filter(|id| Some(**id) != wanted.guest.as_deref()) {
        match facts.topologies.get(*id) {
            Some(Ok(topology)) => numa::take(&mut nodes, id, topology),
            Some(Err(why)) => return Unknown(format!("Nova's NUMA record of guest {id} on {host}: {why}")),
            None => {}
        }
    }
    let ratio = |class: &str, default: f64| facts.ratio(host, class).unwrap_or(default);
    let ratios = Ratios { cpu: ratio("VCPU", 1.0), ram: ratio("MEMORY_MB", 1.0) };
    numa::reason(wanted, &wish, &nodes, ratios).map_or(Passes, Out)
}

fn instances(Question { facts, host, .. }: Question<'_>) -> Look {
    let most = match &facts.scheduler {
        Ok(conf) => conf.get("filter_scheduler", "max_instances_per_host").and_then(|text| text.parse().ok()),
        Err(why) => return Unknown(format!("max_instances_per_host: {why}")),
    };
    let most: u64 = most.unwrap_or(50);
    let count = match servers_on(facts, host) {
        Ok(here) => here.len() as u64,
        Err(why) => return Unknown(why),
    };
    if count < most {
        return Passes;
    }
    Out(Reason::new("NumInstancesFilter", "guests", "has", count_of(count, "guest"))
        .by_how_much(count, most)
        .wanting(format!("max_instances_per_host is {most}"))
        .helped(format!("a guest less on {host}")))
}
