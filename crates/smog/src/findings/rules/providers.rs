//! Rules about what placement says of hosts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Judge, Proof, Rule};
use crate::cloud::{ComputeService, Hypervisor};
use crate::findings::{
    CloudSnapshot, Finding, GuestSnapshot, HostSnapshot, Layer, ProviderSnapshot, Severity, Subject,
};

/// The hypervisors that libvirt runs.
fn computes(cloud: &CloudSnapshot) -> impl Iterator<Item = &Hypervisor> {
    cloud.hypervisors.iter().flatten().filter(|one| {
        matches!(one.hypervisor_type.to_ascii_uppercase().as_str(), "" | "QEMU" | "KVM" | "LXC" | "PARALLELS")
    })
}

/// Providers by id: looked for once per host, a list would take the square of the hosts.
fn by_id(cloud: &CloudSnapshot) -> BTreeMap<&str, &ProviderSnapshot> {
    let all = cloud.placement.iter().flat_map(|placement| &placement.providers);
    all.map(|one| (one.provider.id.as_str(), one)).collect()
}

fn of_host(name: &str) -> Subject {
    Subject::named("host", name)
}

fn inventory(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let mut found = Vec::new();
    if !cloud.is_whole {
        return found;
    }
    let providers = by_id(cloud);
    for compute in computes(cloud) {
        let name = &compute.service.host;
        let (Some(host), Some(provider)) = (cloud.hosts.get(name), providers.get(compute.id.as_str())) else {
            continue;
        };
        let wrong = inventory_of(host, provider);
        if wrong.is_empty() {
            continue;
        }
        let said: Vec<String> = wrong.iter().map(|(said, ..)| said.clone()).collect();
        let mut finding = Finding::about(of_host(name), said.join("; ")).on(name);
        for (_, placement, host, source) in wrong {
            finding = finding
                .saw(
                    Layer::Placement,
                    placement,
                    format!("GET /resource_providers/{}/inventories", compute.id),
                )
                .saw(Layer::Files, host, source);
        }
        found.push(
            finding
                .advice("nova-compute writes its inventory when it starts and each minute: restart it if it does not, and look at its log")
                .command(format!("openstack resource provider inventory list {}", compute.id)),
        );
    }
    found
}

/// What is wrong: a sentence, what placement has, what the host has, and where that stands.
fn inventory_of(
    host: &HostSnapshot,
    provider: &ProviderSnapshot,
) -> Vec<(String, String, String, &'static str)> {
    let mut wrong = Vec::new();
    let of = |class: &str| provider.inventories.iter().find(|one| one.resource_class == class);
    let total = |class: &str| of(class).map_or(0, |one| one.total);
    for one in provider.inventories.iter().filter(|one| one.reserved >= one.total && one.total > 0) {
        // Nova reserves the whole of a host's disk or PCI devices for reasons of its own.
        if matches!(one.resource_class.as_str(), "VCPU" | "PCPU" | "MEMORY_MB") {
            wrong.push((
                format!("all of its {} is reserved ({} of {})", one.resource_class, one.reserved, one.total),
                format!("reserved {} of {}", one.reserved, one.total),
                "reserved_host_memory_mb, reserved_host_cpus".into(),
                "nova.conf, [DEFAULT]",
            ));
        }
    }
    let Some(machine) = &host.machine else { return wrong };
    // Nova's service has not started with this configuration: another rule says so.
    if let (Some(sets), true) =
        (&machine.sets, provider.inventories.iter().any(|one| one.resource_class == "MEMORY_MB"))
    {
        let dedicated = sets.dedicated.as_ref().map_or(0, |set| set.len() as u64);
        if total("PCPU") != dedicated {
            wrong.push((
                format!("placement has {} PCPU, cpu_dedicated_set has {dedicated} CPUs", total("PCPU")),
                format!("PCPU total {}", total("PCPU")),
                format!(
                    "cpu_dedicated_set = {}",
                    sets.dedicated.as_ref().map_or("(not set)".into(), ToString::to_string)
                ),
                "nova.conf, [compute]",
            ));
        }
        let shared = match (&sets.shared, &sets.dedicated) {
            (Some(shared), _) => Some(shared.len() as u64),
            (None, Some(_)) => Some(0),
            // libvirt's CPUs, which simulated NUMA nodes multiply.
            (None, None) => (machine.cpus.simulated_nodes == 0).then_some(machine.cpus.online.len() as u64),
        };
        let legacy = machine.conf.as_ref().is_some_and(|conf| conf.get("DEFAULT", "vcpu_pin_set").is_some());
        if let Some(shared) = shared.filter(|shared| !legacy && *shared != total("VCPU")) {
            wrong.push((
                format!("placement has {} VCPU, the host has {shared} shared CPUs", total("VCPU")),
                format!("VCPU total {}", total("VCPU")),
                format!("{shared} CPUs in cpu_shared_set, or online where no set is given"),
                "nova.conf, [compute]; /sys/devices/system/cpu/online",
            ));
        }
    }
    let mib = machine.memory_kib >> 10;
    let file_backed =
        machine.conf.as_ref().is_some_and(|conf| conf.get("libvirt", "file_backed_memory").is_some());
    let placed = total("MEMORY_MB");
    if placed > 0 && mib > 0 && !file_backed && placed.abs_diff(mib) > mib / 50 + 64 {
        wrong.push((
            format!("placement has {placed} MiB of memory, the host has {mib} MiB"),
            format!("MEMORY_MB total {placed}"),
            format!("MemTotal {mib} MiB"),
            "/proc/meminfo",
        ));
    }
    wrong
}

fn provider_without_compute(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let (Some(placement), Some(hypervisors), true) = (&cloud.placement, &cloud.hypervisors, cloud.is_whole)
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let ids: BTreeSet<&str> = hypervisors.iter().map(|compute| compute.id.as_str()).collect();
    for one in placement.providers.iter().map(|one| &one.provider) {
        let is_root = one.parent.is_none();
        if !is_root || placement.sharing.contains(&one.id) || ids.contains(one.id.as_str()) {
            continue;
        }
        let namesake = hypervisors
            .iter()
            .find(|compute| compute.hypervisor_hostname == one.name || compute.service.host == one.name);
        let more = namesake
            .map_or(String::new(), |compute| format!("; the compute of that name has {}", compute.id));
        found.push(
            Finding::about(Subject::new("provider", &one.name, &one.id), format!("provider {} is of no compute host that Nova knows{more}", one.id))
                .saw(Layer::Placement, format!("{} ({})", one.name, one.id), "GET /resource_providers")
                .saw(Layer::Nova, "no hypervisor with this id", "GET /os-hypervisors/detail")
                .advice("the host was deleted or renamed: look for allocations that are still on it, then delete the provider")
                .command(format!("openstack resource provider show --allocations {}", one.id)),
        );
    }
    let providers = by_id(cloud);
    let mut on_host: BTreeMap<&str, Vec<&Hypervisor>> = BTreeMap::new();
    for compute in computes(cloud) {
        on_host.entry(&compute.service.host).or_default().push(compute);
    }
    for compute in computes(cloud) {
        let name = &compute.service.host;
        if !providers.contains_key(compute.id.as_str()) {
            found.push(
                Finding::about(of_host(name), format!("its hypervisor {} has no provider in placement: nothing can be scheduled there", compute.id))
                    .on(name)
                    .saw(Layer::Nova, &compute.id, "GET /os-hypervisors/detail")
                    .saw(Layer::Placement, "no provider with this id", "GET /resource_providers")
                    .advice("nova-compute makes it when it starts; its log says why not (often a provider of the same name)")
                    .command(format!("openstack resource provider list --name {}", compute.hypervisor_hostname)),
            );
        }
        let machine = cloud.hosts.get(name).and_then(|host| host.machine.as_ref());
        if let Some(id) =
            machine.and_then(|machine| machine.compute_id.as_ref()).filter(|id| **id != compute.id)
        {
            found.push(
                Finding::about(
                    Subject::new("host", name, format!("{name}:compute_id")),
                    format!("its compute_id is {id}, Nova knows the host as {}", compute.id),
                )
                .on(name)
                .saw(Layer::Files, id, "compute_id in nova-compute's state_path")
                .saw(Layer::Nova, &compute.id, "GET /os-hypervisors/detail")
                .advice("nova-compute refuses to start with it: write back the id that Nova knows")
                .command(format!("{name}# cat /var/lib/nova/compute_id")),
            );
        }
        let twins = on_host.get(name.as_str()).into_iter().flatten();
        for other in twins.filter(|other| compute.id < other.id) {
            found.push(
                Finding::about(
                    Subject::new("host", name, format!("{name}:{}", other.id)),
                    format!("it has two hypervisors, `{}` and `{}`", compute.hypervisor_hostname, other.hypervisor_hostname),
                )
                .on(name)
                .saw(Layer::Nova, format!("{} and {}", compute.id, other.id), "GET /os-hypervisors/detail")
                .advice("the host's name was changed: bring the old name back, or move its guests away and delete the old one")
                .command(format!("{name}# hostname -f")),
            );
        }
    }
    found
}

fn aggregates(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let (Some(placement), Some(aggregates)) = (&cloud.placement, &cloud.aggregates) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let providers = by_id(cloud);
    for aggregate in aggregates {
        let Some(members) = aggregate.uuid.as_ref().and_then(|uuid| placement.aggregates.get(uuid)) else {
            continue;
        };
        let wanted: BTreeSet<&str> = computes(cloud)
            .filter(|compute| aggregate.hosts.contains(&compute.service.host))
            .map(|compute| compute.id.as_str())
            .collect();
        let name =
            |id: &str| providers.get(id).map_or_else(|| id.to_string(), |one| one.provider.name.clone());
        let computes: BTreeSet<&str> = computes(cloud).map(|one| one.id.as_str()).collect();
        let missing: Vec<String> =
            wanted.iter().filter(|id| !members.contains(**id)).map(|id| name(id)).collect();
        let extra =
            members.iter().filter(|id| !wanted.contains(id.as_str()) && computes.contains(id.as_str()));
        let extra: Vec<String> = extra.map(|id| name(id)).collect();
        if missing.is_empty() && extra.is_empty() {
            continue;
        }
        let mut said = Vec::new();
        if !missing.is_empty() {
            said.push(format!("placement lacks {}", missing.join(", ")));
        }
        if !extra.is_empty() {
            said.push(format!("placement has {} too", extra.join(", ")));
        }
        let uuid = aggregate.uuid.clone().unwrap_or_default();
        found.push(
            Finding::about(Subject::new("aggregate", &aggregate.name, &uuid), said.join(", and "))
                .saw(Layer::Nova, format!("hosts {}", aggregate.hosts.join(", ")), format!("GET /os-aggregates/{}", aggregate.id))
                .saw(Layer::Placement, format!("providers {}", members.iter().map(|id| name(id)).collect::<Vec<_>>().join(", ")), format!("GET /resource_providers?member_of={uuid}"))
                .advice("zones, tenant isolation and image caching by aggregate go wrong: `nova-manage placement sync_aggregates` mirrors them")
                .command(format!("openstack resource provider list --member-of {uuid}")),
        );
    }
    found
}

/// Seconds since a moment that Nova wrote ("2026-11-28T07:00:00.000000", UTC).
pub(super) fn seconds_since(moment: &str, now: jiff::Timestamp) -> Option<i64> {
    let text = moment.trim().trim_end_matches('Z').replace(' ', "T");
    let then: jiff::Timestamp = format!("{text}Z").parse().ok()?;
    Some(now.as_second() - then.as_second())
}

fn disabled(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let (Some(placement), Some(services), true) = (&cloud.placement, &cloud.services, cloud.is_whole) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let providers = by_id(cloud);
    let of_compute = services.iter().filter(|service| service.binary == "nova-compute");
    let on_host: BTreeMap<&str, &ComputeService> =
        of_compute.map(|service| (service.host.as_str(), service)).collect();
    for compute in computes(cloud) {
        let Some(service) = on_host.get(compute.service.host.as_str()) else { continue };
        let name = &service.host;
        let (in_nova, in_placement) =
            (service.status == "disabled", placement.disabled.contains(&compute.id));
        let words = |is: bool| if is { "disabled" } else { "enabled" };
        if in_nova != in_placement && providers.contains_key(compute.id.as_str()) {
            found.push(
                Finding::about(of_host(name), format!("nova-compute is {} in Nova and {} in placement", words(in_nova), words(in_placement)))
                    .on(name)
                    .saw(Layer::Nova, format!("nova-compute is {}", service.status), "GET /os-services")
                    .saw(Layer::Placement, format!("{} COMPUTE_STATUS_DISABLED", if in_placement { "has" } else { "lacks" }), format!("GET /resource_providers/{}/traits", compute.id))
                    .advice("nova-compute mirrors it when it starts and when the service is enabled or disabled: do that once more")
                    .command(format!("openstack resource provider trait list {}", compute.id)),
            );
        }
        let reason = service.disabled_reason.as_deref().unwrap_or_default();
        let age = service.updated_at.as_deref().and_then(|at| seconds_since(at, cloud.at));
        let has_domains = cloud.hosts.contains_key(name);
        if in_nova
            && reason.starts_with("AUTO:")
            && service.state == "up"
            && has_domains
            && age.is_some_and(|age| age < 120)
        {
            found.push(
                Finding::about(
                    Subject::new("host", name, format!("{name}:auto")),
                    format!("nova-compute disabled itself ({reason}), and libvirt answers there"),
                )
                .on(name)
                .saw(Layer::Nova, format!("disabled: {reason}"), "GET /os-services")
                .saw(Layer::Libvirt, "it answers", "virsh list --all")
                .advice(
                    "it enables itself when libvirt answers again; if it does not, restart it and enable it",
                )
                .command("openstack compute service list --long".to_string()),
            );
        }
    }
    found
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "inventory",
        severity: Severity::Warning,
        about: "Placement's CPUs and memory of a host are not those that it has and is configured for",
        source: "canonical/prometheus-openstack-exporter#152",
        proof: Proof::Lab,
        layers: &[Layer::Placement, Layer::Kernel, Layer::Files],
        judge: Judge::Cloud(inventory),
    },
    Rule {
        name: "provider",
        severity: Severity::Error,
        about: "A provider without a compute host, a compute host without a provider, or two ids for one host",
        source: "LP 1853009, LP 1817833, LP 1756179",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Placement, Layer::Files],
        judge: Judge::Cloud(provider_without_compute),
    },
    Rule {
        name: "aggregates",
        severity: Severity::Warning,
        about: "Host aggregates are not mirrored in placement",
        source: "nova-manage placement sync_aggregates",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Placement],
        judge: Judge::Cloud(aggregates),
    },
    Rule {
        name: "disabled",
        severity: Severity::Warning,
        about: "A compute service is disabled in Nova or in placement only, or disabled itself although libvirt answers",
        source: "LP 1886418",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Placement, Layer::Libvirt],
        judge: Judge::Cloud(disabled),
    },
];
