//! Groups, services, zones, aggregates, and the limits of a project.

use super::*;

#[test]
fn groups() {
    let mut nova = Asked::default();
    let (apart, together) = (unique("why-apart"), unique("why-together"));
    let guests = [unique("why-g1"), unique("why-g2"), unique("why-g3")];
    for (name, policy) in [(&apart, "anti-affinity"), (&together, "affinity")] {
        smog(&["server-group", "create", name, "--policy", policy]);
    }
    let _groups = undo(|| {
        for name in [&apart, &together] {
            lab().run(&["server-group", "delete", name]);
        }
    });
    let _guests = Guests::named(&[&guests[0], &guests[1], &guests[2]]);
    let boot = |name: &str, host: &str, group: &str| {
        smog(&[
            "boot",
            name,
            "-q",
            "--network",
            "none",
            "--flavor",
            "m1.nano",
            "--host",
            host,
            "--group",
            group,
        ]);
    };
    boot(&guests[0], "cmp1", &apart);
    fits("the other host", &["--flavor", "m1.nano", "--group", &apart]);
    boot(&guests[1], "cmp2", &apart);
    let row = Row {
        reason: "anti-affinity group",
        by: "ServerGroupAntiAffinityFilter",
        what: "server group",
        said: "1 member of the anti-affinity group",
    };
    row.shown(&mut nova, &["--flavor", "m1.nano", "--group", &apart]);
    boot(&guests[2], "cmp1", &together);
    let row = Row {
        reason: "affinity group",
        by: "ServerGroupAffinityFilter",
        what: "server group",
        said: "no member of the affinity group",
    };
    row.shown(&mut nova, &["--flavor", "m1.nano", "--group", &together, "--host", "cmp2"]);
    boots("the members' host", &["--flavor", "m1.nano", "--group", &together]);
    let row = Row {
        reason: "hint",
        by: "DifferentHostFilter",
        what: "different_host",
        said: "a guest of the hint `different_host`",
    };
    let id = |name: &str| {
        lab().run(&["guest", "show", name, "-o", "json"]).json()["id"].as_str().expect("an id").to_string()
    };
    let hints = [format!("different_host={}", id(&guests[1])), format!("different_host={}", id(&guests[2]))];
    row.shown(&mut nova, &["--flavor", "m1.nano", "--hint", &hints[0], "--hint", &hints[1]]);
    nova.settle();
}

#[test]
fn services_zones_and_aggregates() {
    let mut nova = Asked::default();
    // Services.
    let enable = undo(|| {
        for host in ["cmp1", "cmp2"] {
            lab().run(&["service", "enable", host, "-q"]);
        }
    });
    smog(&["service", "disable", "cmp1", "--reason", "why-not"]);
    fits("the other host", &["--flavor", "m1.nano"]);
    smog(&["service", "disable", "cmp2", "--reason", "why-not"]);
    // nova-compute sets the trait in the course of the call.
    let row =
        Row { reason: "disabled service", by: "placement", what: "service", said: "are disabled (why-not)" };
    row.shown(&mut nova, &["--flavor", "m1.nano"]);
    nova.settle();
    drop(enable);
    let up = undo(|| {
        for host in ["cmp1", "cmp2"] {
            lab().run(&["service", "force-down", host, "--undo", "-q"]);
        }
    });
    for host in ["cmp1", "cmp2"] {
        smog(&["service", "force-down", host]);
    }
    let row =
        Row { reason: "service that is down", by: "ComputeFilter", what: "service", said: "are forced down" };
    row.shown(&mut nova, &["--flavor", "m1.nano"]);
    nova.settle();
    drop(up);
    eventually("both to be up", || lab().run(&["why-not", "--flavor", "m1.nano"]).code == 0);

    // Zones.
    let row = Row {
        reason: "zone that is not there",
        by: "nova-api",
        what: "availability zone",
        said: "no availability zone called `nosuch`",
    };
    row.is_said(&["--flavor", "m1.nano", "--zone", "nosuch"]);
    let refused = lab().run(&[
        "boot",
        &unique("why-zone"),
        "-q",
        "--network",
        "none",
        "--flavor",
        "m1.nano",
        "--zone",
        "nosuch",
    ]);
    assert!(refused.code == 1 && refused.err.contains("zone"), "{}", refused.err);
    let aggregate = unique("why-agg");
    smog(&["aggregate", "create", &aggregate, "--zone", &aggregate]);
    let _aggregate = undo(|| drop(lab().run(&["aggregate", "delete", &aggregate, "-q"])));
    // Nova lets no host change its zone while it has guests.
    let add = |host: &&str| lab().run(&["aggregate", "add-host", &aggregate, host]).code == 0;
    let host = ["cmp2", "cmp1"].into_iter().find(add).expect("a host without guests");
    let other = if host == "cmp2" { "cmp1" } else { "cmp2" };
    boots("the zone's host", &["--flavor", "m1.nano", "--zone", &aggregate]);
    let row = Row {
        reason: "zone of another host",
        by: "placement",
        what: "availability zone",
        said: "is not in the availability zone",
    };
    row.shown(&mut nova, &["--flavor", "m1.nano", "--zone", &aggregate, "--host", other]);

    // Extra specs of aggregates.
    let specs = unique("why-specs");
    let _flavor = flavor(&specs, &["--extra", "aggregate_instance_extra_specs:why_not=yes"]);
    let row = Row {
        reason: "aggregate's extra specs",
        by: "AggregateInstanceExtraSpecsFilter",
        what: "aggregate why_not",
        said: "are in no aggregate with `why_not`",
    };
    row.shown(&mut nova, &["--flavor", &specs]);
    nova.settle();
    smog(&["aggregate", "set", &aggregate, "why_not=yes"]);
    boots("an aggregate has them", &["--flavor", &specs]);

    // Isolation of projects, and of images.
    smog(&["aggregate", "set", &aggregate, "filter_tenant_id=0123456789abcdef0123456789abcdef"]);
    let row = Row {
        reason: "isolated project",
        by: "AggregateMultiTenancyIsolation",
        what: "project",
        said: "which is for other projects",
    };
    row.shown(&mut nova, &["--flavor", "m1.nano", "--host", host]);
    nova.settle();
    smog(&["aggregate", "unset", &aggregate, "filter_tenant_id"]);
    fits("no isolation", &["--flavor", "m1.nano", "--host", host]);
}

/// Before the scheduler: the limits of the project; after it: whether Neutron binds the port.
#[test]
fn limits_of_the_project_and_networks() {
    let refused = |args: &[&str]| {
        let (ran, answer) = answer(args);
        assert_eq!(ran.code, 1, "{answer:#}");
        answer
    };
    smog(&["quota", "set", "admin", "cores=0", "-q"]);
    let limit = undo(|| drop(lab().run(&["quota", "set", "admin", "cores=none", "-q"])));
    let found = refused(&["--flavor", "m1.nano"]);
    assert_eq!((&found["refused"][0]["limit"], &found["refused"][0]["needs"]), (&"cores".into(), &1.into()));
    let sentence = found["sentence"].as_str().expect("a sentence");
    assert!(
        sentence.starts_with("Nova refuses it before it looks for a host: the project has "),
        "{sentence}"
    );
    let name = unique("why-limit");
    let ran = lab().run(&["boot", &name, "-q", "--network", "none", "--flavor", "m1.nano"]);
    assert!(ran.code == 1 && ran.err.contains("Quota exceeded for cores"), "{}", ran.err);
    drop(limit);
    fits("no limit", &["--flavor", "m1.nano"]);

    let network = unique("why-net");
    let made = api(&[
        "POST",
        "network",
        "/networks",
        "--body",
        &format!(
            r#"{{"network": {{"name": "{network}", "provider:network_type": "flat", "provider:physical_network": "nowhere"}}}}"#
        ),
    ]);
    let made: Value = serde_json::from_str(&made).expect("a network");
    let id = made["network"]["id"].as_str().expect("an id").to_string();
    let _network = undo(|| drop(lab().run(&["api", "-q", "DELETE", "network", &format!("/networks/{id}")])));
    let subnet = format!(
        r#"{{"subnet": {{"network_id": "{id}", "ip_version": 4, "cidr": "10.250.0.0/24", "enable_dhcp": false}}}}"#
    );
    api(&["POST", "network", "/subnets", "--body", &subnet]);
    let row = Row {
        reason: "physical network",
        by: "neutron",
        what: "port binding",
        said: "its agent lacks the physical network `nowhere`",
    };
    row.is_said(&["--flavor", "m1.nano", "--network", &network]);
    fits("a network that is reached", &["--flavor", "m1.nano", "--network", "private"]);
}
