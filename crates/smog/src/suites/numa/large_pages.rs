//! `numa.NUMALargePage`: guests whose memory is in huge pages.

use std::collections::BTreeMap;

use super::super::{boots_without, shelve_offloaded};
use super::small;
use crate::cloud::server_actions as actions;
use crate::cloud::{BootRequest, FlavorChoice};
use crate::error::Result;
use crate::findings::expected::{
    IN_HUGE_PAGES, IN_SMALL_PAGES, RUNS, in_huge_pages, in_small_pages, mapped_kib, runs,
};
use crate::flavor::PageSize;
use crate::guest::Guest;
use crate::host::Facts;
use crate::testing::{Case, Check, Claims, Control, Need, Seen, Test, minutes};

const SIZE_KIB: u64 = 2048;

/// Free pages of 2 MiB on a host.
fn free(facts: &Facts) -> u64 {
    facts.memory.pool(SIZE_KIB).map_or(0, |pool| pool.free)
}

/// The same by NUMA node.
fn free_by_cell(facts: &Facts) -> BTreeMap<u32, u64> {
    facts.cells.iter().map(|cell| (cell.id, cell.pool(SIZE_KIB).map_or(0, |pool| pool.free))).collect()
}

fn one_page_less(mut facts: Facts) -> Facts {
    for pool in
        facts.cells.iter_mut().flat_map(|cell| &mut cell.pages).filter(|pool| pool.size_kib == SIZE_KIB)
    {
        pool.free = pool.free.wrapping_sub(1);
    }
    facts
}

/// Look at a guest whose memory must be in 2 MiB pages.
async fn check_huge(t: &Test, guest: &mut Guest) -> Result<Seen> {
    let seen = t.look(guest).await?;
    t.assert(&seen, runs, RUNS);
    t.assert(&seen, |seen| in_huge_pages(seen, SIZE_KIB), IN_HUGE_PAGES);
    Ok(seen)
}

async fn check_small(t: &Test, guest: &mut Guest) -> Result<()> {
    let seen = t.look(guest).await?;
    t.assert(&seen, runs, RUNS);
    t.assert(&seen, in_small_pages, IN_SMALL_PAGES);
    Ok(())
}

/// The introduction's test: aggregates, guests until the pages are gone, one more must fail
/// for want of them, small pages still boot, `any` falls back.
async fn large_pages(t: &mut Test) -> Result<()> {
    let (pair, key) = t.aggregate_pair("pages").await?;
    let host = pair.host().to_string();
    let way = t.host(0)?.host.clone();
    let zone = t.cloud.compute_service(&host).await?.zone;
    let facts = way.facts().await?;
    let (free_before, mut by_cell) = (free(&facts), free_by_cell(&facts));
    // Few guests, so that the test is quick: each takes a good part of a cell, since a guest that
    // asks for no cells has its memory in one.
    let share = if by_cell.len() > 1 { 2 } else { 3 };
    let pages = by_cell.values().max().copied().unwrap_or(0) / share;
    let ram_mib = pages * SIZE_KIB / 1024;
    let room: u64 = by_cell.values().map(|free| free / pages.max(1)).sum();
    t.step(format!("{free_before} pages are free on {host}; each guest takes {pages}, {room} have room"));
    let spec = |pages: PageSize, ram_mib: u64| {
        small(1, ram_mib).pages(pages).extra(format!("aggregate_instance_extra_specs:{key}"), "true")
    };
    let request = |flavor: &crate::cloud::Flavor| BootRequest {
        flavor: FlavorChoice::Named(flavor.id.clone()),
        // The aggregate, not smog, chooses the host.
        availability_zone: Some(zone.clone()),
        ..BootRequest::default()
    };
    let large = t.flavor(spec(PageSize::Large, ram_mib)).await?;
    let mut guests = Vec::new();
    for number in 1..=room {
        let mut guest = t.boot_request(request(&large)).await?;
        t.check_eq(format!("host of guest {number}"), &guest.server.host.clone().unwrap_or_default(), &host);
        let seen = check_huge(t, &mut guest).await?;
        let expected = free_before - number * pages;
        // From Nova 34 on a guest gives pages that it does not use back to its host.
        let gives_back = seen.domain().devices.free_page_reporting;
        match gives_back {
            true => t.check_eq(
                format!("guest {number} leaves at least the pages that it does not have free"),
                &(free(&seen.facts) >= expected),
                &true,
            ),
            false => t.check_eq(format!("free pages after guest {number}"), &free(&seen.facts), &expected),
        };
        if seen.cpus.simulated_nodes == 0 && !gives_back {
            // The cell its memory is bound to has given them, and no other.
            let bound = seen.domain().numatune.iter().flat_map(|tune| &tune.mem_nodes).next();
            let cell = bound.and_then(|node| node.cells.iter().next()).unwrap_or_default();
            by_cell.entry(cell).and_modify(|free| *free = free.saturating_sub(pages));
            let taken = |facts: &Facts| {
                vec![
                    Check::eq(
                        format!("free pages per NUMA node after guest {number}"),
                        &free_by_cell(facts),
                        &by_cell,
                    )
                    .from("/sys/devices/system/node/nodeN/hugepages/*/free_hugepages"),
                ]
            };
            t.assert(&seen.facts, taken, &[Control::new("a page less in a NUMA node", one_page_less)]);
        }
        guests.push(guest);
    }
    let reason = t.refused("one more guest, without pages left", request(&large)).await?;
    t.check_no_valid_host(&reason);
    t.step("a guest of small pages still boots there");
    let small_pages = t.flavor(spec(PageSize::Small, 128)).await?;
    let mut small_guest = t.boot_request(request(&small_pages)).await?;
    t.check_eq("host of the small guest", &small_guest.server.host.clone().unwrap_or_default(), &host);
    check_small(t, &mut small_guest).await?;
    t.step("`any` falls back to small pages");
    let any = t.flavor(spec(PageSize::Any, 128)).await?;
    let mut any_guest = t.boot_request(request(&any)).await?;
    check_small(t, &mut any_guest).await?;
    for guest in &guests {
        t.delete(guest).await?;
    }
    let left = free(&way.facts().await?);
    t.check_eq("free pages when the guests are gone", &left, &free_before);
    Ok(())
}

async fn explicit_size(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 128).pages(PageSize::Kib(SIZE_KIB))).await?;
    let seen = check_huge(t, &mut guest).await?;
    let pages = mapped_kib(&seen, SIZE_KIB) / SIZE_KIB;
    t.check_eq("2 MiB pages of its memory", &pages, &64);
    Ok(())
}

async fn unknown_size(t: &mut Test) -> Result<()> {
    // 1 GiB pages, where no host has any.
    let gib = 1024 * 1024;
    let has =
        t.inventory.hosts.iter().any(|host| host.facts.memory.pool(gib).is_some_and(|pool| pool.total > 0));
    if has {
        return t.skip("a host has 1 GiB pages; this case is for clouds without");
    }
    boots_without(t, "huge pages", small(1, 1024)).await?;
    let spec = small(1, 1024).pages(PageSize::Kib(gib));
    let request = BootRequest { flavor: FlavorChoice::Made(Box::new(spec)), ..BootRequest::default() };
    let reason = t.refused("a page size that no host has", request).await?;
    t.check_no_valid_host(&reason);
    Ok(())
}

async fn not_a_multiple(t: &mut Test) -> Result<()> {
    boots_without(t, "the odd MiB", small(1, 128).pages(PageSize::Kib(SIZE_KIB))).await?;
    // 129 MiB is no multiple of 2 MiB.
    let flavor = t.flavor(small(1, 129)).await?;
    let specs = [("hw:mem_page_size".to_string(), SIZE_KIB.to_string())].into();
    t.cloud.set_extra_specs(&flavor.id, &specs).await?;
    let request = BootRequest { flavor: FlavorChoice::Named(flavor.id), ..BootRequest::default() };
    let reason = t.refused("memory that is not a multiple of the page size", request).await?;
    t.check_no_valid_host(&reason);
    Ok(())
}

async fn resize_large_to_small(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 128).pages(PageSize::Large)).await?;
    check_huge(t, &mut guest).await?;
    t.resize(&mut guest, small(1, 160).pages(PageSize::Small)).await?;
    check_small(t, &mut guest).await?;
    t.resize(&mut guest, small(1, 128).pages(PageSize::Large)).await?;
    check_huge(t, &mut guest).await.map(drop)
}

async fn reboot_keeps(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 128).pages(PageSize::Large)).await?;
    check_huge(t, &mut guest).await?;
    t.order_to(&mut guest, actions::REBOOT.with("hard", true)).await?;
    check_huge(t, &mut guest).await.map(drop)
}

async fn shelve(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 128).pages(PageSize::Large)).await?;
    let before = check_huge(t, &mut guest).await?;
    shelve_offloaded(t, &mut guest, &before).await?;
    t.order_to(&mut guest, &actions::UNSHELVE).await?;
    check_huge(t, &mut guest).await.map(drop)
}

async fn resize_revert(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 128).pages(PageSize::Large)).await?;
    let before = check_huge(t, &mut guest).await?;
    let flavor = t.flavor(small(1, 160).pages(PageSize::Small)).await?;
    t.order_to(&mut guest, actions::RESIZE.with("flavor", flavor.id)).await?;
    // It runs there, and waits for the word that it may stay.
    let between = t.look(&mut guest).await?;
    t.assert(&between, in_small_pages, IN_SMALL_PAGES);
    t.order_to(&mut guest, &actions::REVERT_RESIZE).await?;
    let after = check_huge(t, &mut guest).await?;
    t.check_eq("host after the revert", &after.host(), &before.host());
    Ok(())
}

async fn size_to_size(t: &mut Test) -> Result<()> {
    let mut sizes: Vec<u64> = t
        .host(0)?
        .facts
        .memory
        .pages
        .iter()
        .filter(|pool| pool.total > 0)
        .map(|pool| pool.size_kib)
        .collect();
    sizes.sort_unstable();
    let ram_mib = sizes.last().copied().unwrap_or(SIZE_KIB) / 1024;
    let mut guest = t.boot(small(1, ram_mib.max(128)).pages(PageSize::Kib(sizes[0]))).await?;
    for size in &sizes[1..] {
        t.resize(&mut guest, small(1, ram_mib.max(128)).pages(PageSize::Kib(*size))).await?;
        let seen = t.look(&mut guest).await?;
        t.assert(&seen, |seen| in_huge_pages(seen, *size), &IN_HUGE_PAGES[..2]);
    }
    Ok(())
}

const PAGES: Need = Need::Pages { size_kib: SIZE_KIB, mib: 256 };
const NUMA: Need = Need::Filter("NUMATopologyFilter");

pub(super) const CASES: &[Case] = &[
    Case::new(
        "numa.NUMALargePage.test_large_pages",
        "Huge pages, from the first guest to the last page.\n\
         Why: a guest that asks for huge pages must get them, or be refused; it must never get small ones without notice.\n\
         Steps: split the hosts by an aggregate; boot guests of large pages on the one until its pages\n\
         are gone, and see each in the domain XML, the process's memory maps and the host's free pages;\n\
         one more must be refused; small pages still boot, `any` falls back to them; delete all.\n\
         Proves: scheduler, libvirt and kernel count the same pages, and every page comes back.",
        |t| Box::pin(large_pages(t)),
    )
    .without_network()
    .needs(&[NUMA, PAGES, Need::ComputeHosts(2), Need::Filter("AggregateInstanceExtraSpecsFilter")])
    .claims(Claims::ONE_GUEST.all_pages().memory_mib(1536))
    .timeout(minutes(8))
    .tags(&["pages", "aggregate"]),
    Case::new(
        "numa.NUMALargePage.test_explicit_size",
        "hw:mem_page_size=2048 gives pages of 2 MiB, one for each 2 MiB of memory.\n\
         Steps: boot 128 MiB; count the pages in the process's memory maps.\n\
         Proves: 64 pages, in the kernel and not only in the domain XML.",
        |t| Box::pin(explicit_size(t)),
    )
    .without_network()
    .needs(&[NUMA, PAGES])
    .claims(Claims::ONE_GUEST.pages_mib(128))
    .tags(&["pages"]),
    Case::new(
        "numa.NUMALargePage.test_unknown_size",
        "A page size that no host has is refused.\n\
         Steps: boot a guest of 1 GiB; ask for the same in 1 GiB pages where no host has any.\n\
         Proves: no fall-back to another size.",
        |t| Box::pin(unknown_size(t)),
    )
    .without_network()
    .needs(&[NUMA])
    .claims(Claims::ONE_GUEST.memory_mib(1152))
    .tags(&["pages", "negative"]),
    Case::new(
        "numa.NUMALargePage.test_not_a_multiple",
        "Memory that is not a multiple of the page size is refused.\n\
         Steps: boot 128 MiB in pages of 2 MiB; ask for 129 MiB.\n\
         Proves: the last page is not silently a small one.",
        |t| Box::pin(not_a_multiple(t)),
    )
    .without_network()
    .needs(&[NUMA, PAGES])
    .claims(Claims::ONE_GUEST.pages_mib(128))
    .tags(&["pages", "negative"]),
    Case::new(
        "numa.NUMALargePage.test_resize_large_to_small",
        "A resize changes the pages, both ways.\n\
         Steps: large → small → large by resize; look at the memory maps after each.\n\
         Proves: the new flavor's pages are really used, on whichever host it lands.",
        |t| Box::pin(resize_large_to_small(t)),
    )
    .without_network()
    .needs(&[NUMA, PAGES])
    .claims(Claims::TWO_HOSTS.pages_mib(128))
    .timeout(minutes(8))
    .tags(&["pages", "resize"]),
    Case::new(
        "numa.NUMALargePage.test_reboot_keeps",
        "A hard reboot keeps the pages.\n\
         Steps: boot, reboot hard (the domain is recreated), look at the memory maps.\n\
         Proves: the new process is in huge pages too.",
        |t| Box::pin(reboot_keeps(t)),
    )
    .without_network()
    .needs(&[NUMA, PAGES])
    .claims(Claims::ONE_GUEST.pages_mib(128))
    .tags(&["pages", "reboot"]),
    Case::new(
        "numa.NUMALargePage.test_resize_revert",
        "A resize away from huge pages can be reverted.\n\
         Steps: large → small by resize; look at the memory maps; revert; look.\n\
         Proves: its pages were kept for it, and are used again.",
        |t| Box::pin(resize_revert(t)),
    )
    .without_network()
    .needs(&[NUMA, PAGES])
    .claims(Claims::TWO_HOSTS.pages_mib(128))
    .timeout(minutes(8))
    .tags(&["pages", "resize"]),
    Case::new(
        "numa.NUMALargePage.test_shelve",
        "A guest in huge pages that is shelved comes back in huge pages.\n\
         Steps: shelve and offload; look at host and placement; unshelve; look at the memory maps.\n\
         Proves: nothing is booked meanwhile, and the pages are claimed where it comes back.",
        |t| Box::pin(shelve(t)),
    )
    .without_network()
    .needs(&[NUMA, PAGES])
    .claims(Claims::TWO_HOSTS.pages_mib(128))
    .timeout(minutes(6))
    .tags(&["pages", "shelve"]),
    Case::new(
        "numa.NUMALargePage.test_size_to_size",
        "A resize from one size of huge pages to another.\n\
         Steps: boot in the smallest size a host has, resize to each other.\n\
         Proves: the process is in pages of exactly the size asked for.",
        |t| Box::pin(size_to_size(t)),
    )
    .without_network()
    .needs(&[NUMA, PAGES, Need::TwoPageSizes])
    .claims(Claims::TWO_HOSTS.pages_mib(1024).memory_mib(2048))
    .timeout(minutes(8))
    .tags(&["pages", "resize"]),
];
