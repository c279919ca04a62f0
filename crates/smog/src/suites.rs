//! The bundled suites: white-box cases by feature. Each file ends with a table of its cases.
//!
//! A case asserts what is real (threads, pages, NUMA nodes, placement) as well as what is declared
//! (domain XML), and has assertions that negative controls turn red ([`assertions`]).

mod aggregates;
mod changes;
mod console;
mod devices;
mod evacuate;
mod groups;
mod live_migration;
mod machine;
mod numa;
mod pci;
mod placement;
mod sanity;

use crate::cloud::server_actions as actions;
use crate::cloud::{BootRequest, Flavor, FlavorChoice};
use crate::error::Result;
use crate::findings::expected;
use crate::flavor::FlavorSpec;
use crate::guest::Guest;
use crate::testing::{Case, Check, ComputeHost, Control, Seen, Test};

/// Every bundled case, suite after suite. Each is broken when nothing it checks has a negative
/// control.
pub fn all() -> Vec<Case> {
    let tables = [
        live_migration::CASES,
        evacuate::CASES,
        groups::CASES,
        aggregates::CASES,
        devices::CASES,
        machine::CASES,
        pci::CASES,
        placement::CASES,
    ];
    let all = sanity::CASES.iter().copied().chain(numa::cases()).chain(tables.into_iter().flatten().copied());
    all.map(Case::controlled).collect()
}

/// A guest of a flavor that is there.
fn of(flavor: &Flavor) -> BootRequest {
    BootRequest { flavor: FlavorChoice::Named(flavor.id.clone()), ..BootRequest::default() }
}

/// A small guest: so many vCPUs and MiB, and no disk of its own.
fn small(vcpus: u32, ram_mib: u64) -> FlavorSpec {
    FlavorSpec::new("").vcpus(vcpus).ram_mib(ram_mib).disk_gib(0)
}

/// Boot a flavor with an image of these properties (the suite's own where there are none).
async fn boot_with(t: &mut Test, spec: FlavorSpec, properties: &[(&str, &str)]) -> Result<Guest> {
    let image = if properties.is_empty() { None } else { Some(t.image_with(properties).await?.id) };
    let request = BootRequest { image, flavor: FlavorChoice::Made(Box::new(spec)), ..BootRequest::default() };
    t.boot_request(request).await
}

/// A guest of a flavor on a host.
fn on(flavor: &Flavor, host: &str) -> BootRequest {
    BootRequest { host: Some(host.into()), ..of(flavor) }
}

/// Take every CPU for pinned guests that a host has left: a guest for each NUMA node of it,
/// the largest first, since one that asks for no cells has its CPUs in a single one.
async fn fill_dedicated(t: &mut Test, host: &str) -> Result<()> {
    let cells = t.inventory.host(host).map(ComputeHost::free_dedicated_by_cell).unwrap_or_default();
    for cell in cells {
        let all = t.flavor(small(cell.len() as u32, 96).pinned()).await?;
        t.boot_request(on(&all, host)).await?;
    }
    Ok(())
}

/// A guest boots that differs from a refused one only in what it is refused for: so it is
/// that, and not its size, which the refusal is about. It is gone again afterwards.
async fn boots_without(t: &mut Test, what: &str, spec: FlavorSpec) -> Result<()> {
    t.step(format!("the same guest without {what} boots"));
    let mut guest = t.boot(spec).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, expected::runs, expected::RUNS);
    t.delete(&guest).await
}

/// A guest that is not pinned, on a host that sets CPUs aside for such guests: no thread of it
/// may run elsewhere.
fn check_on_shared(t: &Test, seen: &Seen) {
    let Some(host) = t.inventory.host(seen.host()) else { return };
    if host.facts.cpus.online.is_subset(&host.shared) {
        return t.step(format!("every CPU of {} is for guests that are not pinned", host.name));
    }
    let shared = |seen: &Seen| expected::stays_on_shared(seen, &host.shared);
    t.assert(seen, shared, expected::ON_SHARED);
}

/// Shelve a guest and offload it from its host: nothing of it is left there, nor booked.
async fn shelve_offloaded(t: &Test, guest: &mut Guest, before: &Seen) -> Result<()> {
    t.order_to(guest, &actions::SHELVE).await?;
    guest.refresh().await?;
    if guest.server.status == "SHELVED" {
        t.order_to(guest, &actions::SHELVE_OFFLOAD).await?;
        guest.refresh().await?;
    }
    t.check_eq("status after shelve", &guest.server.status, &"SHELVED_OFFLOADED".to_string());
    check_gone(t, before.host(), &before.domain().name).await?;
    let booked = t.cloud.allocations(&guest.server.id).await?;
    t.check_eq("allocations while offloaded", &booked.len(), &0);
    Ok(())
}

/// A guest's domain is not on this host.
async fn check_gone(t: &Test, host: &str, domain: &str) -> Result<()> {
    let left = t.cloud.host(host).await?.list_domains().await?;
    let names: Vec<String> = left.into_iter().map(|line| line.name).collect();
    let gone = |(domain, names): &(String, Vec<String>)| {
        vec![
            Check::eq(format!("`{domain}` left on {host}"), &names.contains(domain), &false)
                .from("libvirt, virsh list"),
        ]
    };
    let left = Control::new("it is left there", |(domain, mut names): (String, Vec<String>)| {
        names.push(domain.clone());
        (domain, names)
    });
    t.assert(&(domain.to_string(), names), gone, &[left]);
    Ok(())
}

/// Reboot a guest that has booted and hears its power button. One that does not is rebooted
/// hard by Nova after `[libvirt]wait_soft_reboot_seconds`, with new XML: that is another thing.
async fn reboot_softly(t: &Test, guest: &mut Guest, before: &Seen) -> Result<Seen> {
    let begun = std::time::Instant::now();
    t.order_to(guest, &actions::REBOOT).await?;
    let took = begun.elapsed().as_secs();
    t.check("the soft reboot, in s", took < 110, took.to_string(), "less than Nova's 120 to a hard one");
    let after = t.look(guest).await?;
    check_new_process(t, before, &after);
    Ok(after)
}

/// It was really restarted.
fn check_new_process(t: &Test, before: &Seen, after: &Seen) {
    let (old, new) = (before.process().pid, after.process().pid);
    t.check("the process", old != new, new.to_string(), "a new one");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_case_has_a_name_of_its_own_and_a_document() {
        let cases = super::all();
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), cases.len(), "a name is used twice");
        for case in &cases {
            let parts: Vec<&str> = case.name.split('.').collect();
            assert!(parts.len() == 3 && parts[2].starts_with("test_"), "{}", case.name);
            assert!(
                case.doc.contains("Proves: ") && case.doc.contains("Steps: "),
                "{} says too little",
                case.name
            );
            assert!(case.summary().ends_with('.'), "{}", case.name);
        }
    }
}
