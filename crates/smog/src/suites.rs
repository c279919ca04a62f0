//! The bundled suites: white-box cases by feature. Each file ends with a table of its cases.
//!
//! A case asserts what is so (threads, pages, cells, placement) beside what is declared
//! (domain XML), and each of these assertions has negative controls ([`assertions`]).

mod aggregates;
mod assertions;
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

use crate::cloud::{BootRequest, Flavor, FlavorChoice, Order};
use crate::error::Result;
use crate::flavor::FlavorSpec;
use crate::guest::Guest;
use crate::testing::{Case, Seen, Test};

/// Every bundled case, suite after suite.
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
    sanity::CASES.iter().copied().chain(numa::cases()).chain(tables.into_iter().flatten().copied()).collect()
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

/// Reboot a guest that has booted and hears its power button. One that does not is rebooted
/// hard by Nova after `[libvirt]wait_soft_reboot_seconds`, with new XML: that is another thing.
async fn reboot_softly(t: &Test, guest: &mut Guest, before: &Seen) -> Result<Seen> {
    let begun = std::time::Instant::now();
    t.order_to(guest, &Order::Reboot { hard: false }).await?;
    let took = begun.elapsed().as_secs();
    t.check("the soft reboot, in s", took < 110, took.to_string(), "less than Nova's 120 to a hard one");
    let after = t.look(guest).await?;
    check_new_process(t, before, &after);
    Ok(after)
}

/// It was really started anew.
fn check_new_process(t: &Test, before: &Seen, after: &Seen) {
    let (old, new) = (before.process.pid, after.process.pid);
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
