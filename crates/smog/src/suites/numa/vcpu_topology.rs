//! `numa.NUMAVCPUTopologyTest`: sockets, cores and threads as the guest sees them.

use super::super::changes::TWO_SHARED_CPUS;
use super::super::console;
use super::small;
use crate::cloud::{BootRequest, FlavorChoice};
use crate::error::Result;
use crate::findings::expected::{NO_TOPOLOGY, RUNS, runs, vcpu_topology};
use crate::flavor::Topology;
use crate::testing::{Case, Check, Need, Test};

/// Boot this topology; it must be in the domain XML, and the guest must see it.
async fn check_topology(t: &mut Test, vcpus: u32, asked: Topology, wanted: (u32, u32, u32)) -> Result<()> {
    let mut guest = t.boot(small(vcpus, 96).topology(asked)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, runs, RUNS);
    t.assert(&seen, |seen| vcpu_topology(seen, wanted), NO_TOPOLOGY);
    if console::reports(t).await? {
        let report = console::report(t, &guest).await?;
        let (sockets, cores, threads) = wanted;
        if threads > 1 {
            // Whether threads look like threads or like cores is the CPU model's (AMD's topoext).
            let part = |part| report.part("topology", part).unwrap_or(0);
            let of_a_socket = part("cores") * part("threads");
            t.check_eq("CPUs of a socket the guest sees", &of_a_socket, &u64::from(cores * threads));
            t.check_eq("sockets the guest sees", &part("sockets"), &u64::from(sockets));
            return Ok(());
        }
        for (part, wanted) in [("sockets", sockets), ("cores", cores), ("threads", threads)] {
            t.add(
                Check::eq(
                    format!("{part} the guest sees"),
                    &report.part("topology", part),
                    &Some(u64::from(wanted)),
                )
                .from("the guest's console"),
            );
        }
    }
    Ok(())
}

async fn two_sockets(t: &mut Test) -> Result<()> {
    let asked = Topology { sockets: Some(2), cores: Some(1), threads: Some(1), ..Topology::default() };
    check_topology(t, 2, asked, (2, 1, 1)).await
}

async fn two_cores_per_socket(t: &mut Test) -> Result<()> {
    let asked = Topology { sockets: Some(1), cores: Some(2), threads: Some(1), ..Topology::default() };
    check_topology(t, 2, asked, (1, 2, 1)).await
}

async fn all_three(t: &mut Test) -> Result<()> {
    // Threads of a guest need siblings of the host only when it is pinned.
    let asked = Topology { sockets: Some(2), cores: Some(2), threads: Some(1), ..Topology::default() };
    check_topology(t, 4, asked, (2, 2, 1)).await
}

async fn two_threads(t: &mut Test) -> Result<()> {
    let asked = Topology { sockets: Some(1), cores: Some(1), threads: Some(2), ..Topology::default() };
    check_topology(t, 2, asked, (1, 1, 2)).await
}

async fn max_sockets(t: &mut Test) -> Result<()> {
    let asked = Topology { max_sockets: Some(1), ..Topology::default() };
    check_topology(t, 2, asked, (1, 2, 1)).await
}

async fn impossible(t: &mut Test) -> Result<()> {
    // Sockets, cores and threads are wishes; only their maxima can make a guest impossible.
    let flavor = t.flavor(small(2, 96)).await?;
    let specs = [("hw:cpu_max_sockets", "1"), ("hw:cpu_max_cores", "1"), ("hw:cpu_max_threads", "1")];
    let specs = specs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    t.cloud.set_extra_specs(&flavor.id, &specs).await?;
    t.expect_exception("ImageVCPULimitsRangeImpossible");
    for exception in ["BuildAbortException", "RescheduledException", "MaxRetriesExceeded"] {
        t.allow(exception);
    }
    let request = BootRequest { flavor: FlavorChoice::Named(flavor.id), ..BootRequest::default() };
    let reason = t.refused("2 vCPUs where 1 × 1 × 1 is the most", request).await?;
    // Each host in turn refuses it; the last word is the scheduler's, the first one in the logs.
    let words = ["CPU", "Exhausted all hosts"];
    t.check_reason(&reason, &words, "the limits of vCPUs, or that every host has refused");
    Ok(())
}

pub(super) const CASES: &[Case] = &[
    Case::new(
        "numa.NUMAVCPUTopologyTest.test_two_sockets",
        "Two sockets of one core.\n\
         Steps: hw:cpu_sockets=2; compare the domain XML and what the guest's kernel sees.\n\
         Proves: licences that are counted per socket can be observed.",
        |t| Box::pin(two_sockets(t)),
    )
    .without_network()
    .needs(&[Need::SharedCpus(2)])
    .under(&TWO_SHARED_CPUS)
    .tags(&["topology"]),
    Case::new(
        "numa.NUMAVCPUTopologyTest.test_two_cores_per_sockets",
        "One socket of two cores.\n\
         Steps: hw:cpu_cores=2; compare the domain XML and what the guest's kernel sees.\n\
         Proves: cores are made instead of Nova's usual sockets.",
        |t| Box::pin(two_cores_per_socket(t)),
    )
    .without_network()
    .needs(&[Need::SharedCpus(2)])
    .under(&TWO_SHARED_CPUS)
    .tags(&["topology"]),
    Case::new(
        "numa.NUMAVCPUTopologyTest.test_two_threads_per_core",
        "One core of two threads.\n\
         Steps: hw:cpu_threads=2; compare the domain XML and what the guest's kernel sees, which takes\n\
         threads for cores when its CPU model does not report them.\n\
         Proves: a guest that is not pinned has threads whether or not the host has siblings.",
        |t| Box::pin(two_threads(t)),
    )
    .without_network()
    .needs(&[Need::SharedCpus(2)])
    .under(&TWO_SHARED_CPUS)
    .tags(&["topology", "smt"]),
    Case::new(
        "numa.NUMAVCPUTopologyTest.test_sockets_and_cores",
        "Two sockets of two cores.\n\
         Steps: 4 vCPUs with both counts; compare.\n\
         Proves: the product is the number of vCPUs.",
        |t| Box::pin(all_three(t)),
    )
    .without_network()
    .needs(&[Need::SharedCpus(4)])
    .tags(&["topology"]),
    Case::new(
        "numa.NUMAVCPUTopologyTest.test_max_sockets",
        "A maximum of sockets makes cores of the rest.\n\
         Steps: 2 vCPUs with hw:cpu_max_sockets=1; compare.\n\
         Proves: Nova chooses a topology within the maximum.",
        |t| Box::pin(max_sockets(t)),
    )
    .without_network()
    .needs(&[Need::SharedCpus(2)])
    .under(&TWO_SHARED_CPUS)
    .tags(&["topology"]),
    Case::new(
        "numa.NUMAVCPUTopologyTest.test_impossible",
        "Maxima that do not make the vCPUs are refused.\n\
         Steps: 2 vCPUs with at most one socket of one core of one thread.\n\
         Proves: each host refuses it for that (ImageVCPULimitsRangeImpossible in its log), and Nova does\n\
         not boot something else.",
        |t| Box::pin(impossible(t)),
    )
    .without_network()
    .needs(&[Need::SharedCpus(2)])
    .under(&TWO_SHARED_CPUS)
    .tags(&["topology", "negative"]),
];
