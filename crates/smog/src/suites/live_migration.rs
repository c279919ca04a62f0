//! `live_migration`: guests that move while they run.

mod refused;
mod under_way;

use super::changes::{SERIAL_CONSOLES, SLOW_MIGRATION, TWO_DEDICATED_CPUS};
use super::{check_gone, check_on_shared, console, on, reboot_softly, small};
use crate::cloud::server_actions as actions;
use crate::cloud::{BlockMigration, LiveMigration};
use crate::cpuset::Cpuset;
use crate::error::Result;
use crate::findings::expected::{
    EMULATOR, FLOATS, HAS_CELLS, IN_HUGE_PAGES, PINNED, RUNS, disk_files, emulator_apart, floats, has_cells,
    in_huge_pages, pinned, runs,
};
use crate::flavor::{EmulatorThreads, PageSize};
use crate::guest::Guest;
use crate::libvirt::DomainState;
use crate::testing::{Case, Check, Claims, Control, Need, Seen, Test, minutes};
use refused::{
    anti_affinity, bad_host_numa, failed_host, no_available, overcommitted, to_itself, without_shared_storage,
};
use under_way::{abort, force_complete};

fn host_of(guest: &Guest) -> String {
    guest.server.host.clone().unwrap_or_default()
}

fn to(host: &str) -> LiveMigration {
    LiveMigration { host: Some(host.into()), block: BlockMigration::Auto }
}

/// A host of the cloud that is not this one.
fn other_than(t: &Test, host: &str) -> String {
    let mut names = t.stage.hosts.iter().chain(t.inventory.hosts.iter().map(|host| &host.name));
    names.find(|name| *name != host).cloned().unwrap_or_default()
}

/// The guest is on this host now, whole, and nothing of it is left where it was.
async fn check_moved(t: &Test, guest: &mut Guest, from: &str, to: &str) -> Result<Seen> {
    let seen = t.look(guest).await?;
    t.check_eq("host after the migration", &seen.host().to_string(), &to.to_string());
    t.assert(&seen, runs, RUNS);
    check_gone(t, from, &seen.domain().name).await?;
    Ok(seen)
}

/// It moved, and counts on: the same kernel of the guest, without a new boot.
async fn check_counts_on(t: &Test, guest: &Guest, before: Option<&console::Report>, tick: u64) -> Result<()> {
    let after = console::tick_after(t, guest, tick).await?;
    let text = guest.console(Some(2000)).await?;
    let boots = text.matches("smog-guest report begin").count();
    t.check("the guest's own counter", after > tick, after.to_string(), format!("more than {tick}"));
    t.check("boots of the guest", boots <= 1, boots.to_string(), "no second one");
    let boot = before.and_then(|report| report.get("boot_id")).unwrap_or("?");
    // The console of another host begins empty: what reports there has booted there.
    if let Some(reported) = console::Report::last(&text).as_ref().and_then(|report| report.get("boot_id")) {
        t.check_eq("boot id", &reported.to_string(), &boot.to_string());
    }
    t.step(format!("boot id {boot} counted from {tick} to {after}"));
    Ok(())
}

/// Who chooses where a live migration goes.
enum Chosen {
    ByNova,
    ByName,
}

async fn there_and_counting(t: &mut Test, chosen: Chosen) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let from = t.host(0)?.name.clone();
    let mut guest = t.boot_request(on(&flavor, &from)).await?;
    let reports = console::reports(t).await?;
    let before = if reports {
        Some((console::report(t, &guest).await?, console::tick_after(t, &guest, 0).await?))
    } else {
        None
    };
    let there = other_than(t, &from);
    let target = match chosen {
        Chosen::ByNova => None,
        Chosen::ByName => Some(there.as_str()),
    };
    t.live_migrate(&mut guest, target).await?;
    let now = host_of(&guest);
    t.check("host after the migration", now != from, &now, format!("any but {from}"));
    let seen = check_moved(t, &mut guest, &from, &now).await?;
    check_on_shared(t, &seen);
    if let Some((report, tick)) = before {
        check_counts_on(t, &guest, Some(&report), tick).await?;
    }
    Ok(())
}

async fn auto(t: &mut Test) -> Result<()> {
    there_and_counting(t, Chosen::ByNova).await
}

async fn to_host(t: &mut Test) -> Result<()> {
    there_and_counting(t, Chosen::ByName).await
}

async fn there_and_back(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let from = t.host(0)?.name.clone();
    let mut guest = t.boot_request(on(&flavor, &from)).await?;
    let there = other_than(t, &from);
    t.live_migrate(&mut guest, Some(&there)).await?;
    check_moved(t, &mut guest, &from, &there).await?;
    t.live_migrate(&mut guest, Some(&from)).await?;
    check_moved(t, &mut guest, &there, &from).await.map(drop)
}

/// A refused migration leaves the guest as it was.
async fn stays(t: &Test, guest: &mut Guest, host: &str) -> Result<()> {
    let seen = t.look(guest).await?;
    t.check_eq("host after the refusal", &seen.host().to_string(), &host.to_string());
    t.assert(&seen, runs, RUNS);
    Ok(())
}

async fn block_migration(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let from = t.host(0)?.name.clone();
    let mut guest = t.boot_request(on(&flavor, &from)).await?;
    let there = other_than(t, &from);
    let how = LiveMigration { host: Some(there.clone()), block: BlockMigration::Yes };
    t.step(format!("live-migrate with its disk to {there}"));
    guest.server = t.cloud.live_migrate_with(&guest.server, &how, t.wait()).await?;
    let seen = check_moved(t, &mut guest, &from, &there).await?;
    // The disk came along: it is on the new host, and not on the old one.
    let paths = disk_files(&seen);
    let (old, new) = (t.cloud.host(&from).await?, t.cloud.host(&there).await?);
    for path in &paths {
        t.check_eq(format!("{path} on {there}"), &new.exists(path).await?, &true);
        t.check_eq(format!("{path} on {from}"), &old.exists(path).await?, &false);
    }
    t.check("disks of the domain", !paths.is_empty(), paths.len().to_string(), "one or more files");
    Ok(())
}

async fn paused(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 96)).await?;
    let from = t.host(0)?.name.clone();
    let mut guest = t.boot_request(on(&flavor, &from)).await?;
    t.order_to(&mut guest, &actions::PAUSE).await?;
    let there = other_than(t, &from);
    t.live_migrate(&mut guest, Some(&there)).await?;
    guest.refresh().await?;
    t.check_eq("status", &guest.server.status, &"PAUSED".to_string());
    t.check_eq("host", &host_of(&guest), &there);
    let state = t.cloud.host(&there).await?.domain_state(&guest.server.id).await?;
    t.check_eq("state of the domain", &state, &DomainState::Paused);
    t.order_to(&mut guest, &actions::UNPAUSE).await?;
    check_moved(t, &mut guest, &from, &there).await.map(drop)
}

async fn with_pinning(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 96).pinned()).await?;
    let from = host_of(&guest);
    let one: Cpuset = [0u32].into_iter().collect();
    let there = other_than(t, &from);
    t.live_migrate(&mut guest, Some(&there)).await?;
    let seen = check_moved(t, &mut guest, &from, &there).await?;
    let dedicated = t.inventory.host(&there).map(|host| host.dedicated.clone()).unwrap_or_default();
    t.assert(&seen, |seen| pinned(seen, &one, &dedicated), PINNED);
    if console::reports(t).await? {
        // Its report may stand on the console of the host it left.
        console::tick_after(t, &guest, 0).await?;
    }
    let again = reboot_softly(t, &mut guest, &seen).await?;
    t.assert(&again, |seen| pinned(seen, &one, &dedicated), PINNED);
    t.check_eq("pins after the reboot", &again.domain().vcpu_pins(), &seen.domain().vcpu_pins());
    Ok(())
}

async fn with_huge_pages(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 128).pages(PageSize::Large)).await?;
    let from = host_of(&guest);
    let there = other_than(t, &from);
    t.live_migrate(&mut guest, Some(&there)).await?;
    let seen = check_moved(t, &mut guest, &from, &there).await?;
    t.assert(&seen, |seen| in_huge_pages(seen, 2048), IN_HUGE_PAGES);
    Ok(())
}

async fn numa_aware(t: &mut Test) -> Result<()> {
    let flavor = t.flavor(small(1, 128).numa_nodes(1)).await?;
    let from = t.host(0)?.name.clone();
    let mut guest = t.boot_request(on(&flavor, &from)).await?;
    let there = other_than(t, &from);
    t.live_migrate(&mut guest, Some(&there)).await?;
    let seen = check_moved(t, &mut guest, &from, &there).await?;
    let one: Cpuset = [0u32].into_iter().collect();
    t.assert(&seen, |seen| has_cells(seen, &[(one.clone(), 128)]), HAS_CELLS);
    let shared = t.inventory.host(&there).map(|host| host.shared.clone()).unwrap_or_default();
    t.assert(&seen, |seen| floats(seen, &one, &shared), FLOATS);
    Ok(())
}

/// Works in the guest's memory until it ends, and counts aloud: 16 MiB written again and again.
const WORK: &str = "i=0; while :; do dd if=/dev/zero of=/work bs=1M count=16 2>/dev/null; i=$((i+1)); \
                    [ $((i%10)) = 0 ] && echo work $i; done &";

/// The last "work N" on a console.
fn last_work(console: &str) -> Option<u64> {
    let lines = console.lines().rev().filter_map(|line| line.trim().strip_prefix("work ")?.parse().ok());
    lines.into_iter().next()
}

async fn active(t: &mut Test) -> Result<()> {
    if !console::reports(t).await? {
        return t.skip("the image has no shell on its serial port; the lab's has");
    }
    let flavor = t.flavor(small(1, 160)).await?;
    let from = t.host(0)?.name.clone();
    let mut guest = t.boot_request(on(&flavor, &from)).await?;
    let before = console::report(t, &guest).await?;
    let seen = t.look(&mut guest).await?;
    console::talk(t, &seen, WORK, "^work [0-9]").await?;
    let first = t.console_until(&guest, "that it works", last_work).await?;
    let there = other_than(t, &from);
    t.live_migrate(&mut guest, Some(&there)).await?;
    check_moved(t, &mut guest, &from, &there).await?;
    // The console of the new host begins empty: what counts on there has not started again.
    let more = |text: &str| last_work(text).filter(|work| *work > first);
    let after = t.console_until(&guest, &format!("more work than {first}"), more).await?;
    let went_on = |after: &u64| {
        vec![
            Check::that("its work", *after > first, after.to_string(), format!("more than {first}"))
                .from("the guest's console"),
        ]
    };
    t.assert(&after, went_on, &[Control::new("started again", |_: u64| 0)]);
    let text = guest.console(Some(2000)).await?;
    t.check_eq("boots on the new host", &text.matches("smog-guest report begin").count(), &0);
    t.step(format!("boot id {} worked on from {first} to {after}", before.get("boot_id").unwrap_or("?")));
    Ok(())
}

async fn emulator_threads(t: &mut Test) -> Result<()> {
    let spec = small(1, 96).pinned().emulator_threads(EmulatorThreads::Isolate);
    let mut guest = t.boot(spec).await?;
    let from = host_of(&guest);
    let there = other_than(t, &from);
    t.live_migrate(&mut guest, Some(&there)).await?;
    let seen = t.look(&mut guest).await?;
    t.check_eq("host after the migration", &seen.host().to_string(), &there);
    check_gone(t, &from, &seen.domain().name).await?;
    let dedicated = t.inventory.host(&there).map(|host| host.dedicated.clone()).unwrap_or_default();
    t.assert(&seen, |seen| emulator_apart(seen, &dedicated), EMULATOR);
    Ok(())
}

const TWO: Need = Need::ComputeHosts(2);
const NUMA: Need = Need::Filter("NUMATopologyFilter");

pub(super) const CASES: &[Case] = &[
    Case::new(
        "live_migration.LiveMigrationTest.test_live_migration_auto",
        "A guest moves to the scheduler's choice, and continues to count.\n\
         Why: a status of ACTIVE on another host says nothing of whether the guest still runs.\n\
         Steps: boot; wait for its counter on the console; migrate; wait for a higher count.\n\
         Proves: the same boot of the guest continues elsewhere, and nothing is left behind.",
        |t| Box::pin(auto(t)),
    )
    .needs(&[TWO])
    .claims(Claims::TWO_HOSTS)
    .tags(&["migration"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_live_migration",
        "A guest moves to the host that is named, with its state.\n\
         Steps: boot; wait for its counter; migrate to the other host; wait for a higher count.\n\
         Proves: memory and devices went along: the guest's kernel was not booted again.",
        |t| Box::pin(to_host(t)),
    )
    .needs(&[TWO])
    .claims(Claims::TWO_HOSTS)
    .tags(&["migration"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_there_and_back",
        "A guest moves there and back.\n\
         Steps: migrate to the other host, and back.\n\
         Proves: the first host was left clean enough to take it again.",
        |t| Box::pin(there_and_back(t)),
    )
    .needs(&[TWO])
    .claims(Claims::TWO_HOSTS)
    .tags(&["migration"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_live_migration_no_available",
        "Without a host that fits, a migration is refused and the guest is unharmed.\n\
         Steps: a flavor for the hosts of an aggregate with one host; migrate anywhere.\n\
         Proves: the scheduler is asked again, with the flavor's own specs.",
        |t| Box::pin(no_available(t)),
    )
    .without_network()
    .needs(&[TWO, Need::Filter("AggregateInstanceExtraSpecsFilter")])
    .claims(Claims::TWO_HOSTS)
    .tags(&["migration", "negative"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_to_itself",
        "A migration to the host it is on is refused.\n\
         Steps: name the guest's own host.\n\
         Proves: the guest is left alone.",
        |t| Box::pin(to_itself(t)),
    )
    .without_network()
    .needs(&[TWO])
    .tags(&["migration", "negative"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_without_shared_storage",
        "Without a copy of the disk, hosts that share no storage are refused.\n\
         Steps: block_migration=False between hosts with directories of their own.\n\
         Proves: a guest is never moved away from its disk.",
        |t| Box::pin(without_shared_storage(t)),
    )
    .without_network()
    .needs(&[TWO, Need::LocalStorage])
    .claims(Claims::TWO_HOSTS)
    .tags(&["migration", "negative"]),
    Case::new(
        "live_migration.BlockMigrationTest.test_block_migration",
        "A migration takes the disk along.\n\
         Steps: block_migration=True; look for the disk's file on both hosts.\n\
         Proves: it is on the new host, and not on the old one any more.",
        |t| Box::pin(block_migration(t)),
    )
    .needs(&[TWO, Need::LocalStorage])
    .claims(Claims::TWO_HOSTS)
    .tags(&["migration"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_paused",
        "A paused guest moves and stays paused.\n\
         Steps: pause; migrate; unpause.\n\
         Proves: its state moves with it.",
        |t| Box::pin(paused(t)),
    )
    .without_network()
    .needs(&[TWO])
    .claims(Claims::TWO_HOSTS)
    .tags(&["migration"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_live_migration_active",
        "A busy guest moves, and continues to work.\n\
         Why: memory that is written while it is copied has to be copied again.\n\
         Steps: on its serial port, let it write 16 MiB of its memory again and again, and count;\n\
         migrate meanwhile; wait for a higher count on the other host's console.\n\
         Proves: the work continues where it was, without a second boot.",
        |t| Box::pin(active(t)),
    )
    .without_network()
    .needs(&[TWO])
    .claims(Claims::TWO_HOSTS)
    .under(&SERIAL_CONSOLES)
    .tags(&["migration", "console"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_emulator_threads",
        "Emulator threads with a CPU of their own have one on the target, too.\n\
         Steps: boot pinned with hw:emulator_threads_policy=isolate; migrate; compare <emulatorpin>, the\n\
         main thread and the pins there.\n\
         Proves: the emulator's CPU is claimed on the target, apart from the vCPU's, and applied.",
        |t| Box::pin(emulator_threads(t)),
    )
    .without_network()
    .needs(&[TWO, NUMA, Need::DedicatedCpusOn(2, 2)])
    .claims(Claims::TWO_HOSTS.dedicated(2))
    .under(&TWO_DEDICATED_CPUS)
    .tags(&["migration", "pinning", "emulator"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_live_migration_with_pinning",
        "A pinned guest is pinned on the target, in the kernel, and stays so.\n\
         Steps: boot pinned; migrate; compare pins, dedicated set and threads there; reboot it softly; again.\n\
         Proves: the pins are those of the target host, applied, and kept for the next start.",
        |t| Box::pin(with_pinning(t)),
    )
    .without_network()
    .needs(&[TWO, NUMA, Need::DedicatedCpusOn(1, 2)])
    .claims(Claims::TWO_HOSTS.dedicated(1))
    .tags(&["migration", "pinning"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_with_huge_pages",
        "A guest in huge pages is in huge pages on the target.\n\
         Steps: boot with large pages; migrate; read the memory maps there.\n\
         Proves: pages were reserved on the target and used.",
        |t| Box::pin(with_huge_pages(t)),
    )
    .without_network()
    .needs(&[TWO, NUMA, Need::Pages { size_kib: 2048, mib: 256 }])
    .claims(Claims::TWO_HOSTS.pages_mib(128))
    .tags(&["migration", "pages"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_numa_aware",
        "The NUMA nodes of a guest are bound again on the target.\n\
         Steps: boot with one NUMA node; migrate; compare NUMA nodes, binding and threads.\n\
         Proves: the topology is claimed for the target.",
        |t| Box::pin(numa_aware(t)),
    )
    .without_network()
    .needs(&[TWO, NUMA])
    .claims(Claims::TWO_HOSTS)
    .tags(&["migration", "numa"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_live_migration_bad_host_numa",
        "A host without CPUs left for a pinned guest is refused.\n\
         Steps: fill the other host's dedicated set; migrate a pinned guest there.\n\
         Proves: no CPU is given twice by a migration.",
        |t| Box::pin(bad_host_numa(t)),
    )
    .without_network()
    .needs(&[TWO, NUMA, Need::DedicatedCpusOn(1, 2)])
    .claims(Claims::TWO_HOSTS.all_dedicated())
    .tags(&["migration", "pinning", "negative"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_live_migrate_anti_affinity",
        "The host of another member of an anti-affinity group is refused.\n\
         Steps: two members on two hosts; migrate one to the other.\n\
         Proves: the group holds for migrations too.",
        |t| Box::pin(anti_affinity(t)),
    )
    .without_network()
    .needs(&[TWO, Need::Filter("ServerGroupAntiAffinityFilter")])
    .claims(Claims::TWO_HOSTS)
    .tags(&["migration", "groups", "negative"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_live_migration_overcommitted",
        "A host without memory left is refused.\n\
         Steps: two guests of more than half a host's memory (promised, not used); migrate one to the other.\n\
         Proves: placement is asked before a migration.",
        |t| Box::pin(overcommitted(t)),
    )
    .without_network()
    .needs(&[TWO])
    .claims(Claims::TWO_HOSTS)
    .tags(&["migration", "negative"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_live_migration_failed_host",
        "A host that is down is refused, and taken when it is back.\n\
         Steps: stop nova-compute on the other host; migrate there; bring it back; migrate again.\n\
         Proves: Nova does not begin a migration that cannot end.",
        |t| Box::pin(failed_host(t)),
    )
    .without_network()
    .needs(&[TWO])
    .claims(Claims::ALONE)
    .timeout(minutes(8))
    .tags(&["migration", "negative", "services"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_abort",
        "A migration that runs can be aborted; the guest stays.\n\
         Steps: migrate at 1 MiB/s; abort; look at both hosts.\n\
         Proves: the guest continues to run on its host, and nothing is left on the target.",
        |t| Box::pin(abort(t)),
    )
    .without_network()
    .needs(&[TWO, Need::LocalStorage])
    .claims(Claims::TWO_HOSTS)
    .under(&SLOW_MIGRATION)
    .tags(&["migration"]),
    Case::new(
        "live_migration.LiveMigrationTest.test_force_complete",
        "A migration that does not end can be forced to.\n\
         Steps: migrate at 1 MiB/s; force it to complete; look at both hosts.\n\
         Proves: the guest is on the target, complete.",
        |t| Box::pin(force_complete(t)),
    )
    .without_network()
    .needs(&[TWO, Need::LocalStorage])
    .claims(Claims::TWO_HOSTS)
    .under(&SLOW_MIGRATION)
    .timeout(minutes(6))
    .tags(&["migration"]),
];
