//! Rules about what placement has booked for servers.

use std::collections::{BTreeMap, BTreeSet};

use super::threads::guest as subject;
use super::{Judge, Proof, Rule};
use crate::cloud::Allocation;
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, Layer, Severity, Subject};

fn resources(allocations: &[&Allocation]) -> String {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (class, amount) in allocations.iter().flat_map(|one| &one.resources) {
        *sums.entry(class).or_default() += amount;
    }
    match sums.is_empty() {
        true => "nothing".into(),
        false => {
            sums.iter().map(|(class, amount)| format!("{class}:{amount}")).collect::<Vec<_>>().join(", ")
        }
    }
}

fn show(guest: &GuestSnapshot) -> String {
    format!("openstack resource provider allocation show {}", guest.server.id)
}

fn unbooked(guest: &GuestSnapshot, cloud: &CloudSnapshot) -> Vec<Finding> {
    if guest.is_between_hosts() || !guest.has_place() {
        return Vec::new();
    }
    let (Some(allocations), Some(providers)) = (&guest.allocations, &guest.host_providers) else {
        return Vec::new();
    };
    if allocations.iter().any(|one| providers.contains(&one.provider)) {
        return Vec::new();
    }
    let elsewhere: Vec<String> = allocations.iter().map(|one| provider_name(cloud, &one.provider)).collect();
    let more = match elsewhere.is_empty() {
        true => String::new(),
        false => format!(", but on {}", elsewhere.join(", ")),
    };
    vec![
        Finding::about(subject(guest), format!("it is on {}, and placement has nothing booked for it there{more}", guest.host()))
            .on(guest.host())
            .saw(Layer::Nova, format!("{} on {}", guest.server.status, guest.host()), format!("GET /servers/{}", guest.server.id))
            .saw(Layer::Placement, resources(&allocations.iter().collect::<Vec<_>>()), format!("GET /allocations/{}", guest.server.id))
            .advice("the scheduler takes its CPUs and memory for free: `nova-manage placement heal_allocations --instance ID` books them again")
            .command(show(guest)),
    ]
}

fn provider_name(cloud: &CloudSnapshot, id: &str) -> String {
    let all = cloud.placement.iter().flat_map(|placement| &placement.providers);
    let found = all.map(|one| &one.provider).find(|provider| provider.id == id);
    found.map_or_else(|| id.to_string(), |provider| provider.name.clone())
}

fn orphan(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let (Some(placement), Some(migrations), true) = (&cloud.placement, &cloud.migrations, cloud.is_whole)
    else {
        return Vec::new();
    };
    let servers: BTreeSet<&str> = guests.iter().map(|guest| guest.server.id.as_str()).collect();
    // Only what a compute holds: other services book for consumers of their own.
    let computes: BTreeSet<&str> = cloud.hypervisors.iter().flatten().map(|one| one.id.as_str()).collect();
    let mut of_consumer: BTreeMap<&str, Vec<&Allocation>> = BTreeMap::new();
    for one in &placement.providers {
        let root = one.provider.root.as_deref().unwrap_or(&one.provider.id);
        if computes.contains(root) {
            for allocation in &one.allocations {
                of_consumer.entry(&allocation.consumer).or_default().push(allocation);
            }
        }
    }
    let mut found = Vec::new();
    for (consumer, held) in of_consumer {
        if servers.contains(consumer) || cloud.unknown.iter().any(|unknown| unknown.what.contains(consumer)) {
            continue;
        }
        let other = cloud.other_servers.get(consumer);
        if other.is_some_and(|status| status != "DELETED") {
            continue;
        }
        let migration = migrations.iter().find(|one| one.uuid.as_deref() == Some(consumer));
        let whose = match migration {
            Some(one) if !one.has_ended() => continue,
            Some(one) => {
                format!("migration {} of server {}, which is over ({})", one.id, one.server_id, one.status)
            }
            None if other.is_some() => "a server that is deleted".to_string(),
            None => "no server and no migration that Nova knows".to_string(),
        };
        let places: BTreeSet<String> = held.iter().map(|one| provider_name(cloud, &one.provider)).collect();
        let places: Vec<String> = places.into_iter().collect();
        found.push(
            Finding::about(
                Subject::named("consumer", consumer),
                format!("{} of {} is booked for {whose}", resources(&held), places.join(", ")),
            )
            .on(places.first().cloned().unwrap_or_default())
            .saw(
                Layer::Placement,
                format!("{} at {}", resources(&held), places.join(", ")),
                format!("GET /allocations/{consumer}"),
            )
            .saw(Layer::Nova, whose, format!("GET /servers/{consumer}"))
            .advice("it takes capacity that nobody uses: delete the allocation")
            .command(format!("openstack resource provider allocation show {consumer}")),
        );
    }
    found
}

fn booked_twice(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let computes: BTreeSet<&str> = cloud.hypervisors.iter().flatten().map(|one| one.id.as_str()).collect();
    let mut roots: BTreeMap<&str, &str> = BTreeMap::new();
    for one in cloud.placement.iter().flat_map(|placement| &placement.providers) {
        let root = one.provider.root.as_deref().unwrap_or(&one.provider.id);
        if computes.contains(root) {
            roots.insert(&one.provider.id, root);
        }
    }
    let at_rest = guests.iter().filter(|guest| !guest.is_between_hosts());
    at_rest.flat_map(|guest| booked_twice_of(guest, cloud, &roots)).collect()
}

fn booked_twice_of(
    guest: &GuestSnapshot,
    cloud: &CloudSnapshot,
    roots: &BTreeMap<&str, &str>,
) -> Vec<Finding> {
    let held = guest.allocations.iter().flatten();
    let roots: BTreeSet<&str> = held.filter_map(|one| roots.get(one.provider.as_str()).copied()).collect();
    if roots.len() < 2 {
        return Vec::new();
    }
    let names: Vec<String> = roots.iter().map(|root| provider_name(cloud, root)).collect();
    let mut found = Finding::about(
        subject(guest),
        format!(
            "placement has it booked on {} hosts ({}), and no move of it is open",
            names.len(),
            names.join(", ")
        ),
    )
    .on(guest.host())
    .saw(Layer::Nova, format!("on {}", guest.host()), format!("GET /servers/{}", guest.server.id));
    for one in guest.allocations.iter().flatten() {
        found = found.saw(
            Layer::Placement,
            format!("{} at {}", resources(&[one]), provider_name(cloud, &one.provider)),
            format!("GET /allocations/{}", guest.server.id),
        );
    }
    vec![
        found
            .advice("a move ended badly: take the part on the host where it is not out of its allocation (openstack resource provider allocation unset --provider ID)")
            .command(show(guest)),
    ]
}

fn booked_otherwise(guest: &GuestSnapshot, cloud: &CloudSnapshot) -> Vec<Finding> {
    let (Some(allocations), Some(providers)) = (&guest.allocations, &guest.host_providers) else {
        return Vec::new();
    };
    let here: Vec<&Allocation> = allocations.iter().filter(|one| providers.contains(&one.provider)).collect();
    if guest.is_between_hosts() || !guest.has_place() || here.is_empty() {
        return Vec::new();
    }
    let flavor = &guest.server.flavor;
    let overridden = |class: &str| flavor.extra_specs.contains_key(&format!("resources:{class}"));
    let spec = |key: &str| flavor.extra_specs.get(key).map(String::as_str);
    let emulator = u64::from(spec("hw:emulator_threads_policy") == Some("isolate"));
    let cpus = u64::from(flavor.vcpus) + emulator;
    let mut wrong = Vec::new();
    let booked_cpus = guest.booked("VCPU") + guest.booked("PCPU");
    if booked_cpus != cpus && !overridden("VCPU") && !overridden("PCPU") {
        wrong.push((format!("{cpus} CPUs"), format!("{booked_cpus} CPUs")));
    }
    if guest.booked("MEMORY_MB") != flavor.ram_mib && !overridden("MEMORY_MB") {
        wrong.push((format!("{} MiB", flavor.ram_mib), format!("{} MiB", guest.booked("MEMORY_MB"))));
    }
    if wrong.is_empty() {
        return Vec::new();
    }
    let join =
        |of: fn(&(String, String)) -> &String| wrong.iter().map(of).cloned().collect::<Vec<_>>().join(", ");
    let (wanted, booked) = (join(|pair| &pair.0), join(|pair| &pair.1));
    vec![
        Finding::about(subject(guest), format!("its flavor has {wanted}, and placement has {booked} booked for it"))
            .on(guest.host())
            .saw(Layer::Nova, format!("flavor `{}`: {wanted}", flavor.name), format!("GET /servers/{}", guest.server.id))
            .saw(Layer::Placement, format!("{} at {}", resources(&here), provider_name(cloud, &here[0].provider)), format!("GET /allocations/{}", guest.server.id))
            .advice("a resize or its revert ended badly: `nova-manage placement heal_allocations --force --instance ID` books it as its flavor says")
            .command(show(guest)),
    ]
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "unbooked",
        severity: Severity::Error,
        about: "A server is on a host, and placement has nothing booked for it there",
        source: "nova-manage placement heal_allocations; LP 1859496",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Placement],
        judge: Judge::AnyGuest(unbooked),
    },
    Rule {
        name: "orphan-allocation",
        severity: Severity::Warning,
        about: "Placement has something booked for no server and no open migration",
        source: "LP 1793569; nova-manage placement audit",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Placement],
        judge: Judge::Cloud(orphan),
    },
    Rule {
        name: "booked-twice",
        severity: Severity::Warning,
        about: "A server is booked on two compute hosts, and no move of it is open",
        source: "LP 1829479, LP 1732976, LP 1825537, LP 1848343, LP 1715182, LP 1712411",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Placement],
        judge: Judge::Cloud(booked_twice),
    },
    Rule {
        name: "booked-otherwise",
        severity: Severity::Error,
        about: "What is booked is not what the server's flavor asks for (CPUs and memory)",
        source: "LP 1790204, LP 1664931",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Placement],
        judge: Judge::AnyGuest(booked_otherwise),
    },
];
