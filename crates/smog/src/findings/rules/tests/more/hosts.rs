//! Server groups, and hosts that are compared with each other.

use super::*;

/// The guest and a second one in a group, on one host.
fn in_group(cloud: &mut CloudSnapshot, policy: &str, rules: serde_json::Value) {
    let mut other = cloud.servers[0].clone();
    (other.id, other.name) = (NOBODY.into(), "other".into());
    other.flavor.extra_specs.clear();
    let members = [cloud.servers[0].id.clone(), NOBODY.into()];
    let mut allocation = cloud.placement.as_ref().expect("placement").providers[0].allocations[0].clone();
    allocation.consumer = NOBODY.into();
    cloud.placement.as_mut().expect("placement").providers[0].allocations.push(allocation);
    // Off, so that libvirt needs no domain of it.
    other.status = "SHUTOFF".into();
    let xml = XML.replace(&cloud.servers[0].id, NOBODY);
    let found =
        DomainSnapshot { domain: domain(&xml), persistent: None, state: DomainState::ShutOff, reason: 1 };
    host(cloud).domains.push(found);
    cloud.servers.push(other);
    cloud.groups = Some(vec![read::<ServerGroup>(json!({
        "id": "g", "name": "group", "policy": policy, "rules": rules, "members": members,
    }))]);
}

#[test]
fn server_groups() {
    hold(&[
        ("two on one host", |cloud| in_group(cloud, "anti-affinity", json!({})), &["group-broken"]),
        ("two may be", |cloud| in_group(cloud, "anti-affinity", json!({"max_server_per_host": 2})), &[]),
        ("only if possible", |cloud| in_group(cloud, "soft-anti-affinity", json!({})), &[]),
        ("they shall be together, and are", |cloud| in_group(cloud, "affinity", json!({})), &[]),
    ]);
    let mut apart = cloud();
    in_group(&mut apart, "affinity", json!({}));
    apart.servers[1].host = Some("cmp2".into());
    let guests = apart.guests();
    let found = rule("group-broken").expect("the rule").of_cloud(&apart, &guests);
    assert_eq!(found.len(), 1);
    assert!(found[0].sentence.contains("cmp1 and cmp2"), "{}", found[0].sentence);
}

fn flavor(cloud: &mut CloudSnapshot, key: &str) {
    cloud.flavors = Some(vec![read::<Flavor>(json!({
        "id": "1", "name": "big", "vcpus": 1, "ram": 1, "disk": 1, "extra_specs": {key: "1"},
    }))]);
}

#[test]
fn hosts_beside_each_other() {
    hold(&[
        ("two hosts that are well", |cloud| second_host(cloud, |_| {}), &[]),
        (
            "clocks three seconds apart",
            |cloud| {
                details(cloud).clock_ahead_s = Some((-0.2, 0.1));
                second_host(cloud, |other| {
                    let details = other.machine.as_mut().expect("a machine").details.as_mut();
                    details.expect("details").clock_ahead_s = Some((3.0, 3.4));
                });
            },
            &["clock"],
        ),
        (
            "clocks that may be the same",
            |cloud| {
                details(cloud).clock_ahead_s = Some((-2.0, 1.0));
                second_host(cloud, |other| {
                    let details = other.machine.as_mut().expect("a machine").details.as_mut();
                    details.expect("details").clock_ahead_s = Some((1.5, 5.0));
                });
            },
            &[],
        ),
        (
            "another kernel",
            |cloud| {
                second_host(cloud, |other| {
                    let details = other.machine.as_mut().expect("a machine").details.as_mut();
                    details.expect("details").kernel = "6.12".into();
                });
            },
            &["versions"],
        ),
        (
            "the same host UUID",
            |cloud| {
                second_host(cloud, |other| {
                    other.libvirt.as_mut().expect("libvirt").host_uuid = Some("cmp1-uuid".into());
                });
            },
            &["host-uuid"],
        ),
        (
            "most memory is in pages that nobody uses",
            |cloud| {
                let pages = NodePages { node: 0, size_kib: 1 << 20, total: 22, free: 22 };
                details(cloud).pages = vec![pages];
            },
            &["huge-pages"],
        ),
        (
            "pages on one node only",
            |cloud| {
                let pages = NodePages { node: 0, size_kib: 2048, total: 512, free: 512 };
                details(cloud).pages = vec![pages, NodePages { node: 1, total: 0, free: 0, ..pages }];
            },
            &["huge-pages"],
        ),
        (
            "pages that others have taken",
            |cloud| {
                details(cloud).pages = vec![NodePages { node: 0, size_kib: 2048, total: 512, free: 412 }];
            },
            &["huge-pages"],
        ),
        (
            "pages that others have taken, which Nova knows",
            |cloud| {
                details(cloud).pages = vec![NodePages { node: 0, size_kib: 2048, total: 512, free: 412 }];
                machine_of(cloud).conf = conf(
                    "[DEFAULT]\nreserved_huge_pages = node:0,size:2048,count:100\n[service_user]\nsend_service_user_token = true\n",
                );
            },
            &[],
        ),
        (
            "pages that guests of another host on the same kernel have",
            |cloud| {
                let pages = vec![NodePages { node: 0, size_kib: 2048, total: 512, free: 412 }];
                details(cloud).pages.clone_from(&pages);
                process(cloud).huge_kib = 100 << 10;
                let mut guest = process(cloud).clone();
                guest.uuid = "outside Nova".into();
                second_host(cloud, |other| {
                    other.machine.as_mut().expect("a machine").details.as_mut().expect("details").booted = 1;
                    other.processes = vec![Arc::new(guest.clone())];
                });
            },
            &[],
        ),
        (
            "a flavor that needs a filter",
            |cloud| {
                flavor(cloud, "hw:numa_nodes");
                machine_of(cloud).scheduler = conf("[filter_scheduler]\nenabled_filters = ComputeFilter\n");
            },
            &["filters"],
        ),
        (
            "a filter that is on by none",
            |cloud| {
                flavor(cloud, "pci_passthrough:alias");
                machine_of(cloud).scheduler = conf("[DEFAULT]\n");
            },
            &["filters"],
        ),
        (
            "a key without a scope, and two filters that claim it",
            |cloud| {
                flavor(cloud, "ssd");
                machine_of(cloud).scheduler = conf(
                    "[filter_scheduler]\nenabled_filters = ComputeCapabilitiesFilter, AggregateInstanceExtraSpecsFilter\n",
                );
            },
            &["filters"],
        ),
        (
            "a key with its scope",
            |cloud| {
                flavor(cloud, "aggregate_instance_extra_specs:ssd");
                machine_of(cloud).scheduler = conf(
                    "[filter_scheduler]\nenabled_filters = ComputeCapabilitiesFilter, AggregateInstanceExtraSpecsFilter\n",
                );
            },
            &[],
        ),
        (
            "a known bug in the logs",
            |cloud| {
                let bug = KnownBugs::bundled().all()[0].clone();
                let seen = BugSeen {
                    bug,
                    host: "cmp1".into(),
                    source: "nova-compute.log".into(),
                    count: 2,
                    first: None,
                    last: None,
                    line: "a line".into(),
                };
                cloud.bugs = vec![seen.clone(), BugSeen { host: "cmp2".into(), ..seen }];
            },
            &["known-bug"],
        ),
    ]);
}

#[test]
fn a_baseline_keeps_two_findings_about_one_host_apart() {
    let mut cloud = cloud();
    let sets = CpuSets { dedicated: Some(set("0-2")), shared: Some(set("0")) };
    machine_of(&mut cloud).sets = Some(sets);
    let only = AuditRequest { rules: vec!["cpu-sets".into()], ..AuditRequest::default() };
    let findings = only.resolve().expect("a selection").judge(&cloud);
    assert_eq!(findings.len(), 3, "{findings:#?}");
    let known = Baseline::parse(&json!({"findings": [findings[0]]}).to_string(), "it").expect("a baseline");
    let new: Vec<bool> = findings.iter().map(|found| !known.knows(found)).collect();
    assert_eq!(new, [false, true, true]);
    // What was written before findings had parts still holds for those without.
    let old = json!({"findings": [{"rule": "unbooked", "subject": {"kind": "guest", "id": "1"}}]});
    assert_eq!(
        Baseline::parse(&old.to_string(), "it").expect("a baseline").unused(&[]),
        ["unbooked guest 1"]
    );
}
