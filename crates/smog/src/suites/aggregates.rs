//! `aggregates`: hosts chosen by what an administrator says of them.

use super::{of, on, small};
use crate::error::Result;
use crate::testing::{Case, Check, Claims, Control, Need, Test, minutes};

async fn extra_spec(t: &mut Test) -> Result<()> {
    let (pair, key) = t.aggregate_pair("split").await?;
    for (value, hosts) in [("true", &pair.with.hosts), ("false", &pair.without.hosts)] {
        let spec = small(1, 96).extra(format!("aggregate_instance_extra_specs:{key}"), value);
        let flavor = t.flavor(spec).await?;
        let mut guest = t.boot_request(of(&flavor)).await?;
        // Its domain is read on that host: Nova's word alone is not enough.
        let host = t.look(&mut guest).await?.host().to_string();
        let belongs = |host: &String| {
            let what = format!("host of a guest that wants {value}");
            let wanted = format!("one of {}", hosts.join(", "));
            vec![Check::that(what, hosts.contains(host), host, wanted).from("Nova, GET /servers/ID")]
        };
        t.assert(&host, belongs, &[Control::new("another host", |_: String| "elsewhere".to_string())]);
    }
    Ok(())
}

async fn no_such_value(t: &mut Test) -> Result<()> {
    let (_, key) = t.aggregate_pair("split").await?;
    let spec = small(1, 96).extra(format!("aggregate_instance_extra_specs:{key}"), "perhaps");
    let flavor = t.flavor(spec).await?;
    let reason = t.refused("a value that no aggregate has", of(&flavor)).await?;
    t.check_no_valid_host(&reason);
    Ok(())
}

async fn isolation(t: &mut Test) -> Result<()> {
    // The first host is for a project that is not there; the guest must not land on it.
    let name = t.fresh_name("isolated");
    let host = t.stage.hosts.first().cloned().unwrap_or_default();
    let nobody = "00000000000000000000000000000000";
    t.step(format!("keep {host} for a project that is not there"));
    t.aggregate(&name, &[("filter_tenant_id", nobody)], std::slice::from_ref(&host)).await?;
    let flavor = t.flavor(small(1, 96)).await?;
    for number in 1..=2 {
        let guest = t.boot_request(of(&flavor)).await?;
        let found = guest.server.host.clone().unwrap_or_default();
        t.check(format!("host of guest {number}"), found != host, &found, format!("any but {host}"));
    }
    let reason = t.refused("the isolated host, asked for by name", on(&flavor, &host)).await?;
    t.check_no_valid_host(&reason);
    Ok(())
}

pub(super) const CASES: &[Case] = &[
    Case::new(
        "aggregates.AggregateTest.test_extra_spec",
        "A flavor's aggregate spec chooses the hosts.\n\
         Steps: split the hosts by true and false; boot one guest for each value.\n\
         Proves: AggregateInstanceExtraSpecsFilter lets each only where it belongs.",
        |t| Box::pin(extra_spec(t)),
    )
    .without_network()
    .needs(&[Need::ComputeHosts(2), Need::Filter("AggregateInstanceExtraSpecsFilter")])
    .claims(Claims::TWO_HOSTS)
    .tags(&["aggregate"]),
    Case::new(
        "aggregates.AggregateTest.test_no_such_value",
        "A value that no aggregate has is refused.\n\
         Steps: ask for `perhaps`.\n\
         Proves: hosts without the value are not used instead.",
        |t| Box::pin(no_such_value(t)),
    )
    .without_network()
    .needs(&[Need::ComputeHosts(2), Need::Filter("AggregateInstanceExtraSpecsFilter")])
    .tags(&["aggregate", "negative"]),
    Case::new(
        "aggregates.AggregateTest.test_isolation",
        "A host kept for one project takes no guests of others.\n\
         Steps: filter_tenant_id of no project on one host; boot two guests; ask for the host by name.\n\
         Proves: AggregateMultiTenancyIsolation keeps the host free. Others are kept off it meanwhile,\n\
         so the case has the cloud alone.",
        |t| Box::pin(isolation(t)),
    )
    .without_network()
    .needs(&[Need::ComputeHosts(2), Need::Filter("AggregateMultiTenancyIsolation")])
    .claims(Claims::ALONE)
    .timeout(minutes(6))
    .tags(&["aggregate"]),
];
