//! `groups`: server groups, hard and soft.

use super::small;
use crate::cloud::{BootRequest, Flavor, FlavorChoice, ServerGroup};
use crate::error::Result;
use crate::testing::{Case, Check, Claims, Control, Need, Test};

fn member(flavor: &Flavor, group: &ServerGroup) -> BootRequest {
    BootRequest {
        flavor: FlavorChoice::Named(flavor.id.clone()),
        server_group: Some(group.id.clone()),
        ..BootRequest::default()
    }
}

/// Boot so many members of a new group; the hosts they are on, and the group.
async fn members(t: &mut Test, policy: &str, count: usize) -> Result<(Vec<String>, ServerGroup, Flavor)> {
    let group = t.server_group(policy).await?;
    let flavor = t.flavor(small(1, 96)).await?;
    let mut hosts = Vec::new();
    for _ in 0..count {
        let mut guest = t.boot_request(member(&flavor, &group)).await?;
        // Its domain is read on that host: Nova's word alone is not enough.
        hosts.push(t.look(&mut guest).await?.host().to_string());
    }
    Ok((hosts, group, flavor))
}

/// Whether the hosts are all the same, or all different.
fn together(hosts: &[String]) -> Vec<Check> {
    let same = hosts.windows(2).all(|pair| pair[0] == pair[1]) && !hosts.is_empty();
    vec![Check::that("hosts", same, hosts.join(" and "), "one and the same").from("Nova, GET /servers/ID")]
}

fn apart(hosts: &[String]) -> Vec<Check> {
    let mut names = hosts.to_vec();
    names.sort();
    names.dedup();
    let all = names.len() == hosts.len() && !hosts.is_empty();
    vec![Check::that("hosts", all, hosts.join(" and "), "all different").from("Nova, GET /servers/ID")]
}

const TOGETHER: &[Control<Vec<String>>] = &[Control::new("one on another host", |mut hosts: Vec<String>| {
    hosts.push("elsewhere".into());
    hosts
})];

const APART: &[Control<Vec<String>>] = &[Control::new("two on one host", |mut hosts: Vec<String>| {
    hosts.extend(hosts.first().cloned());
    hosts
})];

async fn affinity(t: &mut Test) -> Result<()> {
    let (hosts, group, _) = members(t, "affinity", 2).await?;
    t.assert(&hosts, |hosts| together(hosts), TOGETHER);
    let members = t.cloud.server_group(&group.id).await?.members.len();
    t.check_eq("members of the group", &members, &2);
    Ok(())
}

async fn anti_affinity(t: &mut Test) -> Result<()> {
    let (hosts, group, flavor) = members(t, "anti-affinity", 2).await?;
    t.assert(&hosts, |hosts| apart(hosts), APART);
    if t.inventory.hosts.len() > 2 {
        return Ok(());
    }
    let reason = t.refused("a third member, with two hosts", member(&flavor, &group)).await?;
    t.check_no_valid_host(&reason);
    Ok(())
}

/// Let a soft policy weigh more than all else on every host: by itself it weighs as much as
/// free memory does, and the two may just cancel each other.
async fn weigh_most(t: &mut Test, multiplier: &str) -> Result<()> {
    let name = t.fresh_name("weights");
    t.step(format!("make aggregate `{name}` ({multiplier}=1000)"));
    let hosts: Vec<String> = t.inventory.hosts.iter().map(|host| host.name.clone()).collect();
    t.aggregate(&name, &[(multiplier, "1000")], &hosts).await.map(drop)
}

async fn soft_affinity(t: &mut Test) -> Result<()> {
    weigh_most(t, "soft_affinity_weight_multiplier").await?;
    let (hosts, _, _) = members(t, "soft-affinity", 2).await?;
    t.assert(&hosts, |hosts| together(hosts), TOGETHER);
    Ok(())
}

async fn soft_anti_affinity(t: &mut Test) -> Result<()> {
    weigh_most(t, "soft_anti_affinity_weight_multiplier").await?;
    let count = t.inventory.hosts.len() + 1;
    let (hosts, _, _) = members(t, "soft-anti-affinity", count).await?;
    t.assert(&hosts[..count - 1].to_vec(), |hosts| apart(hosts), APART);
    t.check("one member more than hosts", hosts.len() == count, hosts.join(", "), "it boots nevertheless");
    Ok(())
}

const TWO: Need = Need::ComputeHosts(2);
const FEW: Claims = Claims::TWO_HOSTS.memory_mib(384);

pub(super) const CASES: &[Case] = &[
    Case::new(
        "groups.ServerGroupTest.test_affinity",
        "Members of an affinity group are on one host.\n\
         Steps: boot two members; compare hosts.\n\
         Proves: ServerGroupAffinityFilter keeps them together.",
        |t| Box::pin(affinity(t)),
    )
    .without_network()
    .needs(&[TWO, Need::Filter("ServerGroupAffinityFilter")])
    .claims(FEW)
    .tags(&["groups"]),
    Case::new(
        "groups.ServerGroupTest.test_anti_affinity",
        "Members of an anti-affinity group are on different hosts, or refused.\n\
         Steps: boot two members; with two hosts a third must be refused.\n\
         Proves: ServerGroupAntiAffinityFilter never puts two together.",
        |t| Box::pin(anti_affinity(t)),
    )
    .without_network()
    .needs(&[TWO, Need::Filter("ServerGroupAntiAffinityFilter")])
    .claims(FEW)
    .tags(&["groups"]),
    Case::new(
        "groups.ServerGroupTest.test_soft_affinity",
        "Members of a soft-affinity group are together where there is room.\n\
         Steps: let the policy weigh most (an aggregate's soft_affinity_weight_multiplier); boot two\n\
         members on hosts with room; compare.\n\
         Proves: the weigher prefers the host of the first.",
        |t| Box::pin(soft_affinity(t)),
    )
    .without_network()
    .needs(&[TWO])
    .claims(FEW)
    .tags(&["groups"]),
    Case::new(
        "groups.ServerGroupTest.test_soft_anti_affinity",
        "Members of a soft-anti-affinity group spread, and boot when they cannot.\n\
         Steps: let the policy weigh most (an aggregate's soft_anti_affinity_weight_multiplier); boot\n\
         one member more than there are hosts.\n\
         Proves: each of the first is on a host of its own; the last one boots all the same.",
        |t| Box::pin(soft_anti_affinity(t)),
    )
    .without_network()
    .needs(&[TWO])
    .claims(FEW)
    .tags(&["groups"]),
];
