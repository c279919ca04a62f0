//! `evacuate`: guests of a host that is gone are started elsewhere.
//!
//! They have no port: the agent of Neutron still runs on the host that is cut off, and reports
//! now and then that the moved port is up there. Nova then misses the news of the other host.

use serde_json::json;

use super::{fill_dedicated, on, small};
use crate::cloud::server_actions as actions;
use crate::cloud::{BootRequest, Call, Service};
use crate::error::{Error, Result};
use crate::findings::expected::{PINNED, RUNS, pinned, runs};
use crate::guest::Guest;
use crate::testing::{Case, Claims, Need, Test, minutes};

/// The host is down: the processes of its guests ended, its service stopped, and forced down in Nova.
pub(super) async fn lose(t: &mut Test, host: &str, guests: &[&Guest]) -> Result<()> {
    t.cut_off(host).await?;
    let way = t.cloud.host(host).await?;
    for guest in guests {
        match way.destroy_domain(&guest.server.id, t.wait()).await {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

/// The host comes back and gives up what was evacuated.
pub(super) async fn check_gives_up(t: &Test, host: &str, guest: &Guest) -> Result<()> {
    t.bring_back().await?;
    let way = t.cloud.host(host).await?;
    let name = guest.server.instance_name.clone().unwrap_or_default();
    let what = format!("{host} to give `{name}` up");
    let gone = crate::wait::until(&what, t.wait(), || async {
        let there = way.list_domains().await?.into_iter().any(|line| line.name == name);
        Ok(if there {
            crate::wait::Seen::NotYet("still defined".into())
        } else {
            crate::wait::Seen::Done(())
        })
    });
    gone.await?;
    t.check(format!("domains left on {host}"), true, "none", "none");
    Ok(())
}

async fn active(t: &mut Test) -> Result<()> {
    let here = t.host(0)?.name.clone();
    let flavor = t.flavor(small(1, 96)).await?;
    let mut guest = t.boot_request(on(&flavor, &here)).await?;
    lose(t, &here, &[&guest]).await?;
    t.order_to(&mut guest, &actions::EVACUATE).await?;
    guest.refresh().await?;
    let now = guest.server.host.clone().unwrap_or_default();
    t.check("host after the evacuation", now != here, &now, format!("any but {here}"));
    if guest.server.status == "SHUTOFF" {
        // From microversion 2.95 on, an evacuated server is stopped.
        t.order_to(&mut guest, &actions::START).await?;
    }
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, runs, RUNS);
    check_gives_up(t, &here, &guest).await
}

async fn passive(t: &mut Test) -> Result<()> {
    let (here, there) = (t.host(0)?.name.clone(), t.host(1)?.name.clone());
    let flavor = t.flavor(small(1, 96)).await?;
    let mut guest = t.boot_request(on(&flavor, &here)).await?;
    t.order_to(&mut guest, &actions::STOP).await?;
    lose(t, &here, &[]).await?;
    t.order_to(&mut guest, actions::EVACUATE.with("host", there.clone())).await?;
    guest.refresh().await?;
    t.check_eq("host after the evacuation", &guest.server.host.clone().unwrap_or_default(), &there);
    t.check_eq("status", &guest.server.status, &"SHUTOFF".to_string());
    t.order_to(&mut guest, &actions::START).await?;
    let seen = t.look(&mut guest).await?;
    t.assert(&seen, runs, RUNS);
    check_gives_up(t, &here, &guest).await
}

/// Evacuate where it must be refused; Nova's reason.
async fn refused(t: &Test, what: &str, guest: &mut Guest, to: Option<&str>) -> Result<String> {
    t.step(format!("evacuate `{}`, which must be refused", guest.name()));
    t.allow("NoValidHost");
    let order = actions::EVACUATE.order().with_if("host", to);
    match guest.carry_out(&order, t.wait()).await {
        Ok(()) => {
            t.check(what, false, "it is evacuated", "Nova refuses it");
            Ok(String::new())
        }
        Err(Error::Fault { fault, .. }) => Ok(fault),
        Err(Error::Api { status, message, .. }) if status < 500 => Ok(message),
        Err(why) => Err(why),
    }
}

async fn bad_host(t: &mut Test) -> Result<()> {
    let here = t.host(0)?.name.clone();
    let flavor = t.flavor(small(1, 96)).await?;
    let mut guest = t.boot_request(on(&flavor, &here)).await?;
    let reason = refused(t, "a guest whose host is up", &mut guest, None).await?;
    t.check_reason(&reason, &["in use", "state"], "its host is still in use");
    let nowhere = t.fresh_name("nowhere");
    t.step(format!("evacuate `{}` to {nowhere}, without smog's own check", guest.name()));
    let call = Call::post(
        Service::Compute,
        format!("/servers/{}/action", guest.server.id),
        json!({"evacuate": {"host": nowhere}}),
    );
    let reason = match t.cloud.call(call.at(t.cloud.compute_microversion().await?)).await {
        Ok(_) => String::new(),
        Err(Error::Api { status, message, .. }) if status < 500 => message,
        Err(why) => return Err(why),
    };
    t.check_reason(&reason, &[&nowhere], "there is no such host");
    let seen = t.look(&mut guest).await?;
    t.check_eq("host after the refusal", &seen.host().to_string(), &here);
    t.assert(&seen, runs, RUNS);
    Ok(())
}

async fn bad_affinity(t: &mut Test) -> Result<()> {
    let (here, there) = (t.host(0)?.name.clone(), t.host(1)?.name.clone());
    let group = t.server_group("anti-affinity").await?;
    let flavor = t.flavor(small(1, 96)).await?;
    let member = |host: &str| BootRequest { server_group: Some(group.id.clone()), ..on(&flavor, host) };
    let mut guest = t.boot_request(member(&here)).await?;
    t.boot_request(member(&there)).await?;
    lose(t, &here, &[&guest]).await?;
    let reason = refused(t, "the host of another member", &mut guest, Some(&there)).await?;
    t.check_no_valid_host(&reason);
    t.bring_back().await?;
    Ok(())
}

async fn bad_numa(t: &mut Test) -> Result<()> {
    let (here, there) = (t.host(0)?.name.clone(), t.host(1)?.name.clone());
    fill_dedicated(t, &there).await?;
    let one = t.flavor(small(1, 96).pinned()).await?;
    let mut guest = t.boot_request(on(&one, &here)).await?;
    lose(t, &here, &[&guest]).await?;
    let reason = refused(t, "a host without a CPU left for it", &mut guest, Some(&there)).await?;
    t.check_no_valid_host(&reason);
    t.bring_back().await?;
    Ok(())
}

async fn with_pinning(t: &mut Test) -> Result<()> {
    let (here, there) = (t.host(0)?.name.clone(), t.host(1)?.name.clone());
    let flavor = t.flavor(small(1, 96).pinned()).await?;
    let mut guest = t.boot_request(on(&flavor, &here)).await?;
    lose(t, &here, &[&guest]).await?;
    t.order_to(&mut guest, actions::EVACUATE.with("host", there.clone())).await?;
    guest.refresh().await?;
    if guest.server.status == "SHUTOFF" {
        t.order_to(&mut guest, &actions::START).await?;
    }
    let seen = t.look(&mut guest).await?;
    t.check_eq("host after the evacuation", &seen.host().to_string(), &there);
    let dedicated = t.host(1)?.dedicated.clone();
    t.assert(&seen, |seen| pinned(seen, &[0u32].into_iter().collect(), &dedicated), PINNED);
    check_gives_up(t, &here, &guest).await
}

const TWO: Need = Need::ComputeHosts(2);
const NUMA: Need = Need::Filter("NUMATopologyFilter");

pub(super) const CASES: &[Case] = &[
    Case::new(
        "evacuate.EvacuateTest.test_evacuate_active",
        "A running guest is evacuated to another host.\n\
         Why: evacuation is the only way to get a guest back when its host is lost.\n\
         Steps: end the guest's process, stop nova-compute, force it down; evacuate; bring the host back.\n\
         Proves: the guest runs elsewhere, and its old host removes it when it is back.",
        |t| Box::pin(active(t)),
    )
    .without_network()
    .needs(&[TWO])
    .claims(Claims::ALONE)
    .timeout(minutes(8))
    .tags(&["evacuate", "services"]),
    Case::new(
        "evacuate.EvacuateTest.test_evacuate_passive",
        "A stopped guest is evacuated, and stays stopped.\n\
         Steps: stop it; cut its host off; evacuate to the other host by name; start it there.\n\
         Proves: its status is kept, and it can be started.",
        |t| Box::pin(passive(t)),
    )
    .without_network()
    .needs(&[TWO])
    .claims(Claims::ALONE)
    .timeout(minutes(8))
    .tags(&["evacuate", "services"]),
    Case::new(
        "evacuate.EvacuateTest.test_evacuate_bad_host",
        "A guest whose host is up is not evacuated, nor one to a host that is not there.\n\
         Steps: evacuate without losing the host; evacuate to a host that does not exist.\n\
         Proves: both are refused, and it continues to run: two guests on one disk would destroy it.",
        |t| Box::pin(bad_host(t)),
    )
    .without_network()
    .needs(&[TWO])
    .claims(Claims::TWO_HOSTS)
    .tags(&["evacuate", "negative"]),
    Case::new(
        "evacuate.EvacuateTest.test_evacuate_bad_affinity",
        "A group's policy holds for evacuations.\n\
         Steps: two members of an anti-affinity group on two hosts; lose one; evacuate.\n\
         Proves: it is refused, and the members are not put on one host.",
        |t| Box::pin(bad_affinity(t)),
    )
    .without_network()
    .needs(&[TWO, Need::Filter("ServerGroupAntiAffinityFilter")])
    .claims(Claims::ALONE)
    .timeout(minutes(8))
    .tags(&["evacuate", "groups", "negative", "services"]),
    Case::new(
        "evacuate.EvacuateTest.test_evacuate_bad_numa",
        "A host without CPUs left for a pinned guest is refused.\n\
         Steps: fill the other host's dedicated set; lose the guest's host; evacuate.\n\
         Proves: no CPU is given twice by an evacuation.",
        |t| Box::pin(bad_numa(t)),
    )
    .without_network()
    .needs(&[TWO, NUMA, Need::DedicatedCpusOn(1, 2)])
    .claims(Claims::ALONE.all_dedicated())
    .timeout(minutes(8))
    .tags(&["evacuate", "pinning", "negative", "services"]),
    Case::new(
        "evacuate.EvacuateTest.test_evacuate_with_pinning",
        "A pinned guest is pinned on the host that it is evacuated to.\n\
         Steps: lose the host of a pinned guest; evacuate; compare pins and threads.\n\
         Proves: CPUs are claimed on the new host, and applied.",
        |t| Box::pin(with_pinning(t)),
    )
    .without_network()
    .needs(&[TWO, NUMA, Need::DedicatedCpusOn(1, 2)])
    .claims(Claims::ALONE.all_dedicated())
    .timeout(minutes(8))
    .tags(&["evacuate", "pinning", "services"]),
];
