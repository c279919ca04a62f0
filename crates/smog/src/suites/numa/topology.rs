//! `numa.NUMATopologyTest`: NUMA nodes of guests.

use super::super::changes::TWO_SHARED_CPUS;
use super::super::{boots_without, console};
use super::small;
use crate::cloud::BootRequest;
use crate::cpuset::Cpuset;
use crate::error::Result;
use crate::findings::expected::{
    HAS_CELLS, MEMORY_IN_CELLS, ON_ONE_NODE, RUNS, has_cells, memory_in_its_cells, on_nodes_apart, runs,
};
use crate::flavor::FlavorSpec;
use crate::guest::Guest;
use crate::testing::{Case, Claims, Need, Test, minutes};

/// Look at a guest with these cells on all layers, and at what it sees itself.
async fn check_cells(t: &Test, guest: &mut Guest, cells: &[(Cpuset, u64)]) -> Result<()> {
    let seen = t.look(guest).await?;
    t.assert(&seen, runs, RUNS);
    t.assert(&seen, |seen| has_cells(seen, cells), HAS_CELLS);
    if console::reports(t).await? {
        let report = console::report(t, guest).await?;
        for check in console::guest_sees(&report, cells.len(), seen.server.flavor.vcpus) {
            t.add(check);
        }
    }
    Ok(())
}

fn cell(vcpus: &[u32], mib: u64) -> (Cpuset, u64) {
    (vcpus.iter().copied().collect(), mib)
}

/// As many vCPUs for one cell as a host has CPUs for them, and at most two: Nova gives each
/// vCPU of a cell a CPU of the host that no other vCPU of this guest has.
fn vcpus_of_a_cell(t: &Test) -> u32 {
    let hosts = t.inventory.hosts.iter();
    let cells = hosts.flat_map(|host| host.capabilities.cells.iter().map(|cell| (cell, &host.shared)));
    let most = cells.map(|(cell, shared)| cell.cpuset().intersection(shared).len()).max();
    most.unwrap_or(1).clamp(1, 2) as u32
}

async fn simple(t: &mut Test) -> Result<()> {
    let vcpus = vcpus_of_a_cell(t);
    let mut guest = t.boot(small(vcpus, 128).numa_nodes(1)).await?;
    check_cells(t, &mut guest, &[((0..vcpus).collect(), 128)]).await
}

async fn simple_w_image(t: &mut Test) -> Result<()> {
    let image = t.image_with(&[("hw_numa_nodes", "1")]).await?;
    let vcpus = vcpus_of_a_cell(t);
    let flavor = t.flavor(small(vcpus, 128)).await?;
    let request = BootRequest {
        image: Some(image.id),
        flavor: crate::cloud::FlavorChoice::Named(flavor.id),
        ..BootRequest::default()
    };
    let mut guest = t.boot_request(request).await?;
    check_cells(t, &mut guest, &[((0..vcpus).collect(), 128)]).await
}

fn made(spec: FlavorSpec) -> BootRequest {
    BootRequest { flavor: crate::cloud::FlavorChoice::Made(Box::new(spec)), ..BootRequest::default() }
}

async fn too_many_nodes(t: &mut Test) -> Result<()> {
    let most = t.inventory.hosts.iter().map(|host| host.cells).max().unwrap_or(1) as u32;
    let cells = most + 1;
    if !t.inventory.hosts.iter().any(|host| host.shared.len() as u32 >= cells) {
        // Placement would refuse the vCPUs, whatever their cells.
        return t.skip(format!("no host has {cells} shared CPUs, a vCPU for each NUMA node requested"));
    }
    t.step(format!("request {cells} NUMA nodes; the hosts have at most {most}"));
    let spec = || small(cells, 128 * u64::from(cells));
    boots_without(t, "cells", spec()).await?;
    let what = "a guest with more NUMA nodes than any host";
    let reason = t.refused(what, made(spec().numa_nodes(cells))).await?;
    t.check_no_valid_host(&reason);
    Ok(())
}

async fn mem_strict(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(1, 128).numa_nodes(1)).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, |seen| has_cells(seen, &[cell(&[0], 128)]), HAS_CELLS);
    if seen.cpus.simulated_nodes == 0 {
        t.assert(&seen, memory_in_its_cells, MEMORY_IN_CELLS);
    }
    Ok(())
}

async fn mem_too_large(t: &mut Test) -> Result<()> {
    let most = t
        .inventory
        .hosts
        .iter()
        .flat_map(|host| &host.capabilities.cells)
        .map(|cell| cell.memory_kib / 1024)
        .max()
        .unwrap_or(0);
    let ram = most + 1024;
    t.step(format!("request a NUMA node of {ram} MiB; the largest of the hosts has {most} MiB"));
    // Its memory is promised and not used: nothing runs in it but a small kernel.
    boots_without(t, "a cell", small(1, ram)).await?;
    let reason =
        t.refused("a NUMA node larger than any of the hosts", made(small(1, ram).numa_nodes(1))).await?;
    t.check_no_valid_host(&reason);
    Ok(())
}

async fn extra_nodes(t: &mut Test) -> Result<()> {
    // CPUs and memory for two cells, of which the guest has one. smog's own builder
    // refuses such a flavor; Nova is asked anyway.
    let flavor = t.flavor(small(2, 128)).await?;
    let specs = [
        ("hw:numa_nodes", "1"),
        ("hw:numa_cpus.0", "0"),
        ("hw:numa_mem.0", "64"),
        ("hw:numa_cpus.1", "1"),
        ("hw:numa_mem.1", "64"),
    ];
    let specs = specs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    t.cloud.set_extra_specs(&flavor.id, &specs).await?;
    let request =
        BootRequest { flavor: crate::cloud::FlavorChoice::Named(flavor.id), ..BootRequest::default() };
    let reason = t.refused("a NUMA node more than the guest has", request).await?;
    t.check_reason(&reason, &["NUMA"], "a sentence about the guest's NUMA nodes");
    Ok(())
}

async fn split_node(t: &mut Test) -> Result<()> {
    let mut guest = t.boot(small(2, 256).numa_nodes(2)).await?;
    check_cells(t, &mut guest, &[cell(&[0], 128), cell(&[1], 128)]).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, on_nodes_apart, ON_ONE_NODE);
    Ok(())
}

async fn asymmetric(t: &mut Test) -> Result<()> {
    let spec = small(2, 320)
        .numa_nodes(2)
        .numa_cell([0u32].into_iter().collect::<Cpuset>(), 192)
        .numa_cell([1u32].into_iter().collect::<Cpuset>(), 128);
    let mut guest = t.boot(spec).await?;
    check_cells(t, &mut guest, &[cell(&[0], 192), cell(&[1], 128)]).await
}

const NUMA: Need = Need::Filter("NUMATopologyFilter");

pub(super) const CASES: &[Case] = &[
    Case::new(
        "numa.NUMATopologyTest.test_simple",
        "A guest of one NUMA node gets it.\n\
         Why: a NUMA node is the base of pinning, huge pages and PCI affinity.\n\
         Steps: boot with hw:numa_nodes=1; read its domain XML, its threads and its console.\n\
         Proves: the domain has one NUMA node bound to one NUMA node of the host, and the guest sees it.",
        |t| Box::pin(simple(t)),
    )
    .without_network()
    .needs(&[NUMA])
    .tags(&["numa"]),
    Case::new(
        "numa.NUMATopologyTest.test_simple_w_image",
        "The image may ask for NUMA nodes as a flavor does.\n\
         Steps: make an image with hw_numa_nodes=1, boot it with a plain flavor, look at all layers.\n\
         Proves: the property of the image reaches libvirt and the guest.",
        |t| Box::pin(simple_w_image(t)),
    )
    .without_network()
    .needs(&[NUMA])
    .tags(&["numa", "image"]),
    Case::new(
        "numa.NUMATopologyTest.test_too_many_nodes",
        "A guest with more NUMA nodes than any host has is refused.\n\
         Steps: count the NUMA nodes of the hosts; boot a guest of one vCPU more; ask for as many NUMA nodes.\n\
         Proves: NUMATopologyFilter rules every host out, for the NUMA nodes and not for the size, and the\n\
         guest is not squeezed in.",
        |t| Box::pin(too_many_nodes(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::SharedCpus(2)])
    .claims(Claims::ONE_GUEST.memory_mib(384))
    .under(&TWO_SHARED_CPUS)
    .tags(&["numa", "negative"]),
    Case::new(
        "numa.NUMATopologyTest.test_mem_strict",
        "The memory of a guest's NUMA node stays in its NUMA node of the host.\n\
         Steps: boot with one NUMA node; read where the kernel has the pages (numa_maps).\n\
         Proves: <memnode mode='strict'> is declared, and no page is in another NUMA node.",
        |t| Box::pin(mem_strict(t)),
    )
    .without_network()
    .needs(&[NUMA])
    .tags(&["numa"]),
    Case::new(
        "numa.NUMATopologyTest.test_mem_too_large",
        "A NUMA node larger than any of the hosts is refused.\n\
         Steps: take the largest NUMA node of all hosts; boot a guest 1 GiB larger without NUMA nodes; ask for it\n\
         in one node. With one node per host, placement would refuse it before nodes are looked at.\n\
         Proves: the guest's memory is not spread over NUMA nodes without notice.",
        |t| Box::pin(mem_too_large(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::Cells(2)])
    .tags(&["numa", "negative"]),
    Case::new(
        "numa.NUMATopologyTest.test_extra_nodes",
        "CPUs and memory for a NUMA node that the guest does not have are refused.\n\
         Steps: hw:numa_nodes=1 with hw:numa_cpus.1 and hw:numa_mem.1; boot.\n\
         Proves: Nova's API names the contradiction instead of ignoring it.",
        |t| Box::pin(extra_nodes(t)),
    )
    .without_network()
    .needs(&[NUMA])
    .tags(&["numa", "negative"]),
    Case::new(
        "numa.NUMATopologyTest.test_split_node",
        "A guest of two NUMA nodes is on two NUMA nodes of the host.\n\
         Steps: boot with hw:numa_nodes=2; look at all layers and the console.\n\
         Proves: vCPUs and memory are halved, and each half is bound to a NUMA node of its own.",
        |t| Box::pin(split_node(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::Cells(2)])
    .claims(Claims::ONE_GUEST.memory_mib(256))
    .tags(&["numa"]),
    Case::new(
        "numa.NUMATopologyTest.test_asymmetric",
        "NUMA nodes of different sizes are made as the flavor says.\n\
         Steps: hw:numa_cpus.N and hw:numa_mem.N with 192 MiB and 128 MiB.\n\
         Proves: libvirt and the guest have exactly these NUMA nodes.",
        |t| Box::pin(asymmetric(t)),
    )
    .without_network()
    .needs(&[NUMA, Need::Cells(2)])
    .claims(Claims::ONE_GUEST.memory_mib(320))
    .timeout(minutes(6))
    .tags(&["numa"]),
];
