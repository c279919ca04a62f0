//! The assertions on recorded and hand-written guests: what the lab cannot show (control
//! groups with CPU sets, two real cells) is shown here, each red once.

use super::*;
use crate::cloud::{Allocation, Server};
use crate::findings::CpuMap;
use crate::findings::seen::Booked;
use crate::host::{Facts, GuestProcess, Host, Replay};
use crate::libvirt::Domain;

/// Where each is from: tests/data/README.md.
const SERVER: &str = include_str!("../../../tests/data/api/server-pinned-epoxy.json");
const FACTS: &str = include_str!("../../../tests/data/host/epoxy-cmp1-facts.json");
const PINNED_XML: &str = include_str!("../../../tests/data/domain/epoxy-pinned.xml");
const PINNED_PROCESS: &str = include_str!("../../../tests/data/host/epoxy-pinned-process.txt");
const HUGE_XML: &str = include_str!("../../../tests/data/domain/epoxy-huge-pages.xml");
const HUGE_PROCESS: &str = include_str!("../../../tests/data/host/epoxy-huge-pages-process.txt");
const TWO_CELLS_XML: &str = include_str!("../../../tests/data/domain/by-hand-two-cells.xml");
const KVM_PROCESS: &str = include_str!("../../../tests/data/host/by-hand-kvm-process.txt");

fn set(text: &str) -> Cpuset {
    text.parse().expect("a CPU set")
}

async fn facts() -> Facts {
    let host = Host::replay("cmp1", Replay::from_json(FACTS).expect("a recording"));
    host.facts().await.expect("facts")
}

/// A guest as all layers have it, with so many PCPUs booked.
async fn guest(xml: &str, process: &str, pcpus: u64) -> Seen {
    guest_on(CpuMap::default(), xml, process, pcpus).await
}

async fn guest_on(cpus: CpuMap, xml: &str, process: &str, pcpus: u64) -> Seen {
    let server: Server = serde_json::from_str(SERVER).expect("the recorded server");
    let facts = facts().await;
    let booked = Booked {
        allocations: vec![Allocation {
            consumer: "it".into(),
            provider: "cmp1".into(),
            resources: [("PCPU".to_string(), pcpus)].into(),
        }],
        providers: vec!["cmp1".into()],
    };
    let domain = Domain::parse(xml, "a recording").expect("the recorded XML");
    let process = GuestProcess::parse_all(process).remove(0);
    Seen::new(server, domain, DomainState::Running, process, booked, cpus, facts)
}

/// The guest written by hand: two cells, four vCPUs of six, control groups with CPU sets.
async fn on_two_cells() -> Seen {
    let cells = [(0, set("0-7")), (1, set("8-15"))].into();
    let mut seen = guest(TWO_CELLS_XML, KVM_PROCESS, 4).await;
    seen.cells = cells;
    seen
}

fn red(checks: &[Check]) -> Vec<&str> {
    checks.iter().filter(|check| !check.holds).map(|check| check.what.as_str()).collect()
}

/// The assertion holds, and each control turns it red.
fn holds_and_can_fail(seen: &Seen, assertion: impl Fn(&Seen) -> Vec<Check>, controls: &[Control<Seen>]) {
    let checks = assertion(seen);
    assert!(checks.iter().all(|check| check.holds), "{checks:#?}");
    for control in controls {
        let checks = assertion(&(control.spoil)(seen.clone()));
        assert!(!red(&checks).is_empty(), "{} is not noticed", control.what);
    }
}

#[tokio::test]
async fn pins_threads_and_control_groups() {
    let seen = on_two_cells().await;
    let (vcpus, dedicated) = (set("0-3"), set("2-3,10-13"));
    holds_and_can_fail(&seen, |seen| pinned(seen, &vcpus, &dedicated), PINNED);
    let other_group = Control::new("a control group with another CPU", |mut seen: Seen| {
        for thread in seen.process_mut().threads.iter_mut().filter(|thread| is_vcpu(thread)) {
            if let Some(group) = &mut thread.cgroup {
                group.cpus = Some(set("2-3"));
            }
        }
        seen
    });
    let spoiled = (other_group.spoil)(seen.clone());
    let checks = pinned(&spoiled, &vcpus, &dedicated);
    assert_eq!(red(&checks).len(), 4, "{checks:#?}");
    assert!(red(&checks).iter().all(|what| what.starts_with("CPUs of the control group")));
    let outside = pinned(&seen, &vcpus, &set("2-3"));
    assert_eq!(red(&outside), ["pin of vCPU 1", "pin of vCPU 3"], "pins off the dedicated set");
}

#[tokio::test]
async fn a_thread_in_another_cell_than_its_memory_is_seen() {
    let mut seen = on_two_cells().await;
    // vCPUs 0 and 1 are of the cell that is bound to cell 1, with CPUs 8 to 15; they are on 2 and 10.
    let checks = threads_in_their_cells(&seen);
    let wrong = red(&checks);
    assert!(
        wrong.contains(&"affinity of vCPU 0, whose NUMA node is bound to node 1 of the host"),
        "{checks:#?}"
    );
    assert!(
        !wrong.contains(&"affinity of vCPU 1, whose NUMA node is bound to node 1 of the host"),
        "{checks:#?}"
    );
    seen.cells = [(0, set("3,11-13")), (1, set("2,10"))].into();
    let wrong = threads_in_their_cells(&seen);
    assert!(!red(&wrong).iter().any(|what| what.contains("vCPU 0") || what.contains("vCPU 2")), "{wrong:#?}");
}

#[tokio::test]
async fn memory_is_where_its_cell_is_bound_to() {
    let seen = guest(PINNED_XML, PINNED_PROCESS, 1).await;
    holds_and_can_fail(&seen, memory_in_its_cells, MEMORY_IN_CELLS);
    let maps = seen.process().memory.as_ref().expect("its memory");
    let (own, all) = (maps.bound_by_cell()[&0], maps.by_cell()[&0]);
    assert!(own > 0 && own < all, "{own} KiB of {all} KiB: QEMU's own files are left out");
    let huge = guest(HUGE_XML, HUGE_PROCESS, 0).await;
    holds_and_can_fail(&huge, memory_in_its_cells, MEMORY_IN_CELLS);
    holds_and_can_fail(&huge, |seen| in_huge_pages(seen, 2048), IN_HUGE_PAGES);
}

#[tokio::test]
async fn small_pages_and_shared_cpus() {
    let seen = guest(PINNED_XML, PINNED_PROCESS, 1).await;
    holds_and_can_fail(&seen, in_small_pages, IN_SMALL_PAGES);
    // Its one CPU may as well be called shared.
    holds_and_can_fail(&seen, |seen| stays_on_shared(seen, &set("1")), ON_SHARED);
    assert!(!red(&stays_on_shared(&seen, &set("0"))).is_empty());
}

#[tokio::test]
async fn simulated_cpus_stand_for_real_ones() {
    let cpus = CpuMap { simulated_nodes: 2, real_cpus: Some(2), ..CpuMap::default() };
    let seen = guest_on(cpus, PINNED_XML, PINNED_PROCESS, 1).await;
    for (told, real) in [("3", "1"), ("2", "0"), ("0,2", "0"), ("2-3", "0-1"), ("1,2", "1"), ("0-1", "0-1")] {
        assert_eq!(seen.real(&set(told)), set(real), "{told}");
    }
}

#[tokio::test]
async fn what_a_guest_must_not_have() {
    let seen = guest(PINNED_XML, PINNED_PROCESS, 1).await;
    holds_and_can_fail(&seen, no_watchdog, A_WATCHDOG);
    holds_and_can_fail(&seen, no_config_drive, A_CONFIG_DRIVE);
    holds_and_can_fail(&seen, no_iommu, AN_IOMMU);
}

#[tokio::test]
async fn what_must_be_apart() {
    let seen = on_two_cells().await;
    holds_and_can_fail(&seen, on_nodes_apart, ON_ONE_NODE);
    let together = on_cpus_apart(&(seen.clone(), seen.clone()));
    assert_eq!(red(&together), ["CPUs of the two guests"]);
    let elsewhere = guest(PINNED_XML, PINNED_PROCESS, 1).await;
    assert!(red(&on_cpus_apart(&(seen, elsewhere))).is_empty());
}
