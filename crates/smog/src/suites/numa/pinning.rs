//! `numa.NUMAVCPUPinningTest`: guests whose vCPUs have CPUs for themselves.

mod emulator;
mod moves;
mod two_guests;

use super::super::changes::TWO_DEDICATED_CPUS;
use super::super::console;
use super::small;
use crate::cloud::{BootRequest, FlavorChoice};
use crate::cpuset::Cpuset;
use crate::error::Result;
use crate::findings::expected::{FLOATS, PINNED, REAL_TIME, RUNS, floats, pinned, real_time, runs};
use crate::flavor::{FlavorSpec, ThreadPolicy};
use crate::guest::Guest;
use crate::testing::{Case, Claims, Need, Seen, Test, minutes};
use emulator::{
    emulator_isolate, emulator_isolate_without_room, emulator_share, emulator_share_without_shared,
};
use moves::{reboot, rebuild, resize_pinned_to_unpinned, resize_revert, resize_unpinned_to_pinned, shelve};
use two_guests::{collocation, two_guests};

/// The vCPUs 0 to count - 1.
fn all(count: u32) -> Cpuset {
    (0..count).collect()
}

/// `[compute]cpu_dedicated_set` of the host a guest is on.
fn dedicated_of(t: &Test, seen: &Seen) -> Cpuset {
    t.inventory.host(seen.host()).map(|host| host.dedicated.clone()).unwrap_or_default()
}

fn shared_of(t: &Test, seen: &Seen) -> Cpuset {
    t.inventory.host(seen.host()).map(|host| host.shared.clone()).unwrap_or_default()
}

/// Look at a guest all of whose vCPUs must be pinned.
async fn check_pinned(t: &Test, guest: &mut Guest) -> Result<Seen> {
    let seen = t.look(guest).await?;
    t.assert(&seen, runs, RUNS);
    let dedicated = dedicated_of(t, &seen);
    let vcpus = all(seen.server.flavor.vcpus);
    t.assert(&seen, |seen| pinned(seen, &vcpus, &dedicated), PINNED);
    Ok(seen)
}

/// Look at a guest none of whose vCPUs may be pinned.
async fn check_floats(t: &Test, guest: &mut Guest) -> Result<Seen> {
    let seen = t.look(guest).await?;
    t.assert(&seen, runs, RUNS);
    let shared = shared_of(t, &seen);
    let vcpus = all(seen.server.flavor.vcpus);
    t.assert(&seen, |seen| floats(seen, &vcpus, &shared), FLOATS);
    Ok(seen)
}

async fn simple(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96).pinned()).await?;
    check_pinned(t, &mut guest).await.map(drop)
}

async fn until_full(t: &mut Test) -> Result<()> {
    let host = t.host(0)?.name.clone();
    let mut left = t.host(0)?.free_dedicated_by_cell();
    let room: usize = left.iter().map(Cpuset::len).sum();
    t.step(format!("{host} has {room} CPUs for pinned guests"));
    // Few guests, also where a host has many CPUs; each has its CPUs in one cell.
    let most = room.div_ceil(4);
    let mut used = Cpuset::new();
    let mut number = 0;
    while let Some(largest @ 1..) = left.iter().map(Cpuset::len).max() {
        number += 1;
        let mut guest = t.boot(small(largest.min(most) as u32, 96).pinned()).await?;
        let seen = check_pinned(t, &mut guest).await?;
        let pins = seen.domain().pinned_cpus();
        if pins.is_empty() {
            return Ok(());
        }
        t.check(
            format!("CPUs of guest {number}"),
            pins.is_disjoint(&used),
            pins.to_string(),
            format!("none of {used}, which others have"),
        );
        left = left.iter().map(|cell| cell.difference(&pins)).collect();
        used = used.union(&pins);
    }
    let one =
        BootRequest { flavor: FlavorChoice::Made(Box::new(small(1, 96).pinned())), ..BootRequest::default() };
    let reason = t.refused("one more pinned guest", one).await?;
    t.check_no_valid_host(&reason);
    Ok(())
}

/// A pinned guest's CPUs and their siblings.
fn with_siblings(seen: &Seen) -> (Cpuset, Cpuset) {
    let pins = seen.domain().pinned_cpus();
    let siblings = pins.iter().fold(Cpuset::new(), |all, cpu| all.union(&seen.facts.cpus.siblings_of(cpu)));
    (pins, siblings)
}

async fn threads_prefer(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96).pinned().thread_policy(ThreadPolicy::Prefer)).await?;
    check_pinned(t, &mut guest).await.map(drop)
}

async fn threads_isolate(t: &mut Test) -> Result<()> {
    let host = t.host(0)?;
    if host.has_siblings() {
        // Such a host says of its PCPUs in placement that they may have siblings in use, and the
        // guest asks for hosts that say they cannot (Nova's HW_CPU_HYPERTHREADING).
        t.step(format!("{} has CPUs with siblings: Nova refuses the policy there", host.name));
        let spec = small(1, 96).pinned().thread_policy(ThreadPolicy::Isolate);
        let request = BootRequest { flavor: FlavorChoice::Made(Box::new(spec)), ..BootRequest::default() };
        let reason = t.refused("`isolate` on a host whose CPUs have siblings", request).await?;
        t.check_no_valid_host(&reason);
        return Ok(());
    }
    let mut guest = t.boot(small(1, 96).pinned().thread_policy(ThreadPolicy::Isolate)).await?;
    let seen = check_pinned(t, &mut guest).await?;
    // Nobody else may have a sibling of its CPUs.
    let (pins, siblings) = with_siblings(&seen);
    let others = siblings.difference(&pins);
    let host = guest.host().await?;
    let mut taken = Cpuset::new();
    for other in host.domains().await? {
        if other.uuid != guest.server.id {
            taken = taken.union(&other.pinned_cpus());
        }
    }
    t.check(
        "siblings of its CPUs that others have",
        taken.is_disjoint(&others),
        taken.intersection(&others).to_string(),
        "none",
    );
    Ok(())
}

async fn threads_require(t: &mut Test) -> Result<()> {
    let spec = small(2, 96).pinned().thread_policy(ThreadPolicy::Require);
    let mut guest = t.boot(spec).await?;
    let seen = check_pinned(t, &mut guest).await?;
    let (pins, siblings) = with_siblings(&seen);
    t.check("its CPUs", pins == siblings, pins.to_string(), format!("siblings of one core: {siblings}"));
    Ok(())
}

async fn threads_require_without_siblings(t: &mut Test) -> Result<()> {
    if t.inventory.hosts.iter().any(|host| host.has_siblings()) {
        return t.skip("a host has CPUs with siblings; this case is for clouds without");
    }
    let spec = small(1, 96).pinned().thread_policy(ThreadPolicy::Require);
    let request = BootRequest { flavor: FlavorChoice::Made(Box::new(spec)), ..BootRequest::default() };
    let reason = t.refused("siblings that no host has", request).await?;
    t.check_no_valid_host(&reason);
    Ok(())
}

async fn mixed(t: &mut Test) -> Result<()> {
    let one: Cpuset = [1u32].into_iter().collect();
    let mut guest = t.boot(small(2, 96).mixed(one.clone())).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, runs, RUNS);
    let (dedicated, shared) = (dedicated_of(t, &seen), shared_of(t, &seen));
    t.assert(&seen, |seen| pinned(seen, &one, &dedicated), PINNED);
    t.assert(&seen, |seen| floats(seen, &all(1), &shared), FLOATS);
    Ok(())
}

async fn two_vcpus(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(2, 96).pinned()).await?;
    let seen = check_pinned(t, &mut guest).await?;
    if console::reports(t).await? {
        let report = console::report(t, &guest).await?;
        for check in console::guest_sees(&report, seen.domain().cells().len(), 2) {
            t.add(check);
        }
    }
    Ok(())
}

async fn realtime(t: &mut Test) -> Result<()> {
    // vCPU 0 stays an ordinary one, for the guest's housekeeping.
    let one: Cpuset = [1u32].into_iter().collect();
    let spec = FlavorSpec { cpu_policy: None, ..small(2, 96) }.pinned().realtime(one.clone());
    let mut guest = t.boot(spec).await?;
    let seen = check_pinned(t, &mut guest).await?;
    t.assert(&seen, |seen| real_time(seen, &one), REAL_TIME);
    Ok(())
}

const NUMA: Need = Need::Filter("NUMATopologyFilter");
const PINNED_GUEST: Claims = Claims::ONE_GUEST.dedicated(1);

pub(super) const CASES: &[Case] = &[
    Case::new(
        "numa.NUMAVCPUPinningTest.test_simple_vcpu_pinning",
        "A vCPU of a pinned guest has a CPU for itself.\n\
         Why: the XML only declares it; what counts is where the thread may run.\n\
         Steps: boot with hw:cpu_policy=dedicated; compare the pin with the dedicated set, with the\n\
         affinity of the thread, and with placement's PCPU.\n\
         Proves: one CPU of cpu_dedicated_set, in the domain XML and in the kernel.",
        |t| Box::pin(simple(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1)])
    .claims(PINNED_GUEST)
    .tags(&["pinning"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_two_vcpus",
        "Each vCPU of a pinned guest has a CPU of its own.\n\
         Steps: boot two vCPUs with hw:cpu_policy=dedicated; compare pins, threads and placement.\n\
         Proves: two different CPUs of cpu_dedicated_set, and the guest sees two.",
        |t| Box::pin(two_vcpus(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(2)])
    .claims(Claims::ONE_GUEST.dedicated(2))
    .under(&TWO_DEDICATED_CPUS)
    .tags(&["pinning"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_resize_revert",
        "A resize of a pinned guest can be reverted.\n\
         Steps: pinned → pinned with more memory by resize; look at pins and threads; revert; look.\n\
         Proves: it is pinned on either host, and has its first CPUs again afterwards.",
        |t| Box::pin(resize_revert(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::ComputeHosts(2), Need::DedicatedCpusOn(1, 2)])
    .claims(Claims::TWO_HOSTS.dedicated(1))
    .timeout(minutes(8))
    .tags(&["pinning", "resize"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_shelve",
        "A pinned guest that is shelved frees its CPUs, and is pinned again when it is unshelved.\n\
         Steps: shelve and offload; look at host and placement; unshelve; look at pins and threads.\n\
         Proves: no CPU is booked meanwhile, and it is pinned where it comes back.",
        |t| Box::pin(shelve(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1)])
    .claims(Claims::TWO_HOSTS.dedicated(1))
    .timeout(minutes(6))
    .tags(&["pinning", "shelve"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_until_full",
        "A host takes as many pinned vCPUs as it has CPUs for them, and no more.\n\
         Steps: boot pinned guests on one host until its dedicated set is used up; one more.\n\
         Proves: no CPU is given twice, and the last guest is refused instead of sharing one.",
        |t| Box::pin(until_full(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1)])
    .claims(Claims::ONE_GUEST.all_dedicated().memory_mib(384))
    .timeout(minutes(8))
    .tags(&["pinning"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_threads_prefer",
        "Thread policy `prefer` pins on any host.\n\
         Steps: hw:cpu_thread_policy=prefer; look at pins and threads.\n\
         Proves: the policy does not need siblings.",
        |t| Box::pin(threads_prefer(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1)])
    .claims(PINNED_GUEST)
    .tags(&["pinning", "smt"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_threads_isolate",
        "Thread policy `isolate` keeps others off the siblings.\n\
         Steps: hw:cpu_thread_policy=isolate; look at pins, threads, and the pins of all other domains.\n\
         Proves: no other guest has a sibling of its CPUs (trivially so without SMT).",
        |t| Box::pin(threads_isolate(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1)])
    .claims(PINNED_GUEST)
    .tags(&["pinning", "smt"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_threads_require",
        "Thread policy `require` gives siblings of one core.\n\
         Steps: two vCPUs with hw:cpu_thread_policy=require; compare pins with the host's siblings.\n\
         Proves: both vCPUs are on one core.",
        |t| Box::pin(threads_require(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::Siblings, Need::DedicatedCpus(2)])
    .claims(Claims::ONE_GUEST.dedicated(2))
    .tags(&["pinning", "smt"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_threads_require_without_siblings",
        "Thread policy `require` is refused where no CPU has siblings.\n\
         Steps: hw:cpu_thread_policy=require on hosts without SMT.\n\
         Proves: the guest is not pinned to cores it did not ask for.",
        |t| Box::pin(threads_require_without_siblings(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1)])
    .claims(PINNED_GUEST)
    .tags(&["pinning", "smt", "negative"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_emulator_share",
        "Emulator threads on the shared CPUs, away from the vCPUs.\n\
         Steps: hw:emulator_threads_policy=share; compare <emulatorpin> and the main thread with cpu_shared_set.\n\
         Proves: QEMU's own work does not disturb the vCPU.",
        |t| Box::pin(emulator_share(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1), Need::SharedCpus(1)])
    .claims(PINNED_GUEST)
    .tags(&["pinning", "emulator"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_emulator_share_without_shared_cpus",
        "Emulator threads on the guest's own CPUs where no CPU is shared.\n\
         Steps: hw:emulator_threads_policy=share on hosts without cpu_shared_set; compare <emulatorpin> and the main thread with the pins.\n\
         Proves: QEMU's own work stays off the CPUs of other pinned guests.",
        |t| Box::pin(emulator_share_without_shared(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1), Need::NoSharedCpus])
    .claims(PINNED_GUEST)
    .under(&TWO_DEDICATED_CPUS)
    .tags(&["pinning", "emulator"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_emulator_isolate",
        "Emulator threads on a CPU of their own.\n\
         Steps: hw:emulator_threads_policy=isolate; look at the main thread's affinity.\n\
         Proves: one more dedicated CPU is taken, for the emulator alone.",
        |t| Box::pin(emulator_isolate(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(2)])
    .claims(Claims::ONE_GUEST.dedicated(2))
    .under(&TWO_DEDICATED_CPUS)
    .tags(&["pinning", "emulator"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_emulator_isolate_without_room",
        "A CPU for the emulator is part of what a guest asks for.\n\
         Steps: boot a guest with as many pinned vCPUs as a host has CPUs in a NUMA node; delete it; ask for\n\
         the same with isolated emulator threads.\n\
         Proves: refused, because one CPU is missing.",
        |t| Box::pin(emulator_isolate_without_room(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1)])
    .claims(Claims::ONE_GUEST.all_dedicated())
    .tags(&["pinning", "emulator", "negative"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_mixed",
        "A guest of pinned and unpinned vCPUs.\n\
         Steps: hw:cpu_policy=mixed with vCPU 1 dedicated; look at both threads.\n\
         Proves: vCPU 1 has one CPU of the dedicated set, vCPU 0 only shared ones; placement has one of each.",
        |t| Box::pin(mixed(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1), Need::SharedCpus(1)])
    .claims(PINNED_GUEST)
    .tags(&["pinning"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_resize_pinned_to_unpinned",
        "A resize gives the CPU back.\n\
         Steps: pinned → unpinned by resize; look at threads and placement.\n\
         Proves: the thread runs on the shared CPUs only.",
        |t| Box::pin(resize_pinned_to_unpinned(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1), Need::SharedCpus(1)])
    .claims(Claims::TWO_HOSTS.dedicated(1))
    .timeout(minutes(8))
    .tags(&["pinning", "resize"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_resize_unpinned_to_pinned",
        "A resize pins.\n\
         Steps: unpinned → pinned by resize; look at threads and placement.\n\
         Proves: the thread has one CPU of the dedicated set.",
        |t| Box::pin(resize_unpinned_to_pinned(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1), Need::SharedCpus(1)])
    .claims(Claims::TWO_HOSTS.dedicated(1))
    .timeout(minutes(8))
    .tags(&["pinning", "resize"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_reboot",
        "A hard reboot keeps the pins.\n\
         Steps: reboot hard; compare the pins and the threads of the new process.\n\
         Proves: the recreated domain has the same CPUs.",
        |t| Box::pin(reboot(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1)])
    .claims(PINNED_GUEST)
    .tags(&["pinning", "reboot"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_rebuild",
        "A rebuild keeps the pins and the host.\n\
         Steps: rebuild from the same image; compare.\n\
         Proves: a claim is not made twice, nor lost.",
        |t| Box::pin(rebuild(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(1)])
    .claims(PINNED_GUEST)
    .timeout(minutes(6))
    .tags(&["pinning", "rebuild"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_realtime",
        "Real-time vCPUs have a real-time scheduler.\n\
         Steps: hw:cpu_realtime=yes with mask ^0; read the policy of each vCPU thread.\n\
         Proves: vCPU 1 runs under SCHED_FIFO, vCPU 0 does not.",
        |t| Box::pin(realtime(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(2), Need::LockedMemory])
    .claims(Claims::ONE_GUEST.dedicated(2))
    .under(&TWO_DEDICATED_CPUS)
    .tags(&["pinning", "realtime"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_two_guests",
        "Two pinned guests on one host have different CPUs.\n\
         Steps: boot two on one host; compare the affinity of their threads.\n\
         Proves: none in common, in the kernel.",
        |t| Box::pin(two_guests(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::DedicatedCpus(2)])
    .claims(Claims::ONE_GUEST.dedicated(2))
    .under(&TWO_DEDICATED_CPUS)
    .tags(&["pinning"]),
    Case::new(
        "numa.NUMAVCPUPinningTest.test_collocation_by_migration",
        "Two pinned guests that a live migration brings together.\n\
         Why: on hosts that are alike, both have the same CPU before; one must be pinned again.\n\
         Steps: one guest on each host; live-migrate one to the other; compare threads.\n\
         Proves: the pins are made for the target host, and really applied there.",
        |t| Box::pin(collocation(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::ComputeHosts(2), Need::DedicatedCpusOn(2, 2)])
    .claims(Claims::TWO_HOSTS.dedicated(2))
    .under(&TWO_DEDICATED_CPUS)
    .timeout(minutes(8))
    .tags(&["pinning", "migration"]),
];
