//! What rules a host out in placement, by inventories and traits. Pure.

use std::collections::BTreeSet;

use super::answer::Reason;
use super::facts::ProviderFacts;
use super::wanted::{Ask, ResourceWish, Wanted};
use crate::cloud::Inventory;

/// The trait by which nova-compute marks the provider of a disabled service.
pub(super) const DISABLED: &str = "COMPUTE_STATUS_DISABLED";

/// The trait of a provider that gives of what it has to the hosts of its aggregates.
pub(super) const SHARES: &str = "MISC_SHARES_VIA_AGGREGATE";

/// Why placement does not name this host: what its providers lack. `shared` are those that give to others.
pub(super) fn reasons(
    wanted: &Wanted,
    wish: &ResourceWish,
    tree: &[&ProviderFacts],
    shared: &[&ProviderFacts],
) -> Vec<Reason> {
    let mut found = Vec::new();
    for ask in wish.groups.values() {
        for (class, amount) in &ask.resources {
            // What another provider shares may do; placement itself has the last word.
            if shared.iter().any(|one| inventory(one, class).is_some()) {
                continue;
            }
            found.extend(lacking(wanted, class, *amount, tree));
        }
    }
    for ask in wish.groups.values() {
        found.extend(traits(wanted, ask, tree));
    }
    found
}

fn inventory<'a>(provider: &'a ProviderFacts, class: &str) -> Option<&'a Inventory> {
    provider.inventories.iter().find(|one| one.resource_class == class)
}

/// What the best provider of a tree lacks of a resource class.
fn lacking(wanted: &Wanted, class: &str, amount: u64, tree: &[&ProviderFacts]) -> Option<Reason> {
    let all: Vec<(&ProviderFacts, &Inventory)> =
        tree.iter().filter_map(|one| Some((*one, inventory(one, class)?))).collect();
    let needs = format!("{} needs {}", wanted.name, bare(class, amount));
    let reason = |verb, rest, has| {
        Reason::new("placement", class, verb, rest).wanting(needs.clone()).by_how_much(has, amount)
    };
    let can = |one: &Inventory| {
        one.free() >= amount
            && amount <= one.max_unit
            && amount >= one.min_unit
            && amount.is_multiple_of(one.step_size.max(1))
    };
    if all.iter().any(|(_, one)| can(one)) {
        return None;
    }
    let Some((provider, best)) = all.into_iter().max_by_key(|(_, one)| (one.max_unit >= amount, one.free()))
    else {
        return Some(reason("has", format!("no {}", words(class)), 0).helped(without(class)));
    };
    let capacity = best.capacity();
    Some(if amount > capacity {
        let rest = format!("{} in all", counted(class, capacity));
        reason("has", rest, capacity).helped(format!("a flavor with at most {}", counted(class, capacity)))
    } else if amount > best.max_unit {
        let rest = format!("at most {} to one server", counted(class, best.max_unit));
        let most = counted(class, best.max_unit);
        reason("gives", rest, best.max_unit).helped(format!("a flavor with at most {most}"))
    } else if best.free() < amount {
        let rest = format!("{} of {} free", best.free(), counted(class, capacity));
        reason("has", rest, best.free()).helped(freeing(provider, class, amount - best.free()))
    } else {
        let rest = format!(
            "{} only from {} on, and in steps of {}",
            words(class),
            counted(class, best.min_unit),
            best.step_size
        );
        reason("gives", rest, best.free())
    })
}

fn without(class: &str) -> String {
    match class {
        "PCPU" => "dedicated CPUs on a host: `[compute]cpu_dedicated_set` in its nova.conf".into(),
        class if class.starts_with("CUSTOM_") => {
            format!("an inventory of {class} on a host, for example in nova-compute's provider.yaml")
        }
        class => format!("a host that provides {class}"),
    }
}

/// The smallest holder whose end gives enough; a `{consumer}` is replaced by its name.
fn freeing(provider: &ProviderFacts, class: &str, missing: u64) -> String {
    let held = |one: &crate::cloud::Allocation| one.resources.get(class).copied().unwrap_or(0);
    let enough = provider.allocations.iter().filter(|one| held(one) >= missing);
    match enough.min_by_key(|one| held(one)) {
        Some(one) => format!(
            "moving or deleting {} on {}, which holds {}",
            marked(&one.consumer),
            provider.provider.name,
            counted(class, held(one))
        ),
        None => format!("{} more free on {}", counted(class, missing), provider.provider.name),
    }
}

/// A consumer in a sentence, until its name is put there.
pub(super) fn marked(consumer: &str) -> String {
    format!("{{{consumer}}}")
}

fn traits(wanted: &Wanted, ask: &Ask, tree: &[&ProviderFacts]) -> Vec<Reason> {
    let has: BTreeSet<&str> = tree.iter().flat_map(|one| &one.traits).map(String::as_str).collect();
    let missing = ask.required.iter().filter(|name| !has.contains(name.as_str())).map(|name| {
        Reason::new("placement", &format!("trait {name}"), "lacks", format!("the trait {name}"))
            .wanting(format!("{} requires it", wanted.name))
            .helped(format!("the trait {name} on a host's provider"))
    });
    let forbidden = ask.forbidden.iter().filter(|name| has.contains(name.as_str()));
    let forbidden = forbidden.map(|name| {
        Reason::new("placement", &format!("trait {name}"), "has", format!("the trait {name}"))
            .wanting(format!("{} forbids it", wanted.name))
            .helped(format!("a host without the trait {name}"))
    });
    missing.chain(forbidden).collect()
}

/// "PCPU (dedicated CPUs)", "memory", "disk".
fn words(class: &str) -> String {
    match class {
        "PCPU" => "PCPU (dedicated CPUs)".into(),
        "MEMORY_MB" => "memory".into(),
        "DISK_GB" => "disk".into(),
        class => class.into(),
    }
}

/// "1 PCPU (dedicated CPUs)", "512 MiB of memory".
pub(super) fn counted(class: &str, amount: u64) -> String {
    match class {
        "MEMORY_MB" => format!("{amount} MiB of memory"),
        "DISK_GB" => format!("{amount} GiB of disk"),
        class => format!("{amount} {}", words(class)),
    }
}

/// The same where its kind was said before.
fn bare(class: &str, amount: u64) -> String {
    match class {
        "MEMORY_MB" => format!("{amount} MiB"),
        "DISK_GB" => format!("{amount} GiB"),
        _ => amount.to_string(),
    }
}
