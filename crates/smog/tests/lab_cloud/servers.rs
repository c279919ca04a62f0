//! Servers: made with every choice, listed, and given orders.

use super::*;

#[tokio::test]
async fn a_server_with_every_choice_and_what_is_asked_of_it() {
    let (cloud, mess) = Mess::begin("full").await;
    let network = cloud.network("private").await.expect("private");
    let key = mess.name("key");
    let (pair, _) = cloud.create_key_pair(&key).await.expect("a key pair");
    let group = cloud.create_security_group(&mess.name("sg"), "").await.expect("a security group");
    let port = NewPort {
        name: mess.name("port"),
        security_groups: Some(vec![group.id.clone()]),
        ..NewPort::default()
    };
    let port = cloud.create_port(&network.id, &port).await.expect("a port");
    let host = cloud.hypervisors().await.expect("hypervisors")[1].service.host.clone();
    let flavor = NewFlavor { ram_mib: 128, swap_mib: 16, ..NewFlavor::from(mess.name("f").as_str()) };
    let flavor = cloud.create_flavor_as(&flavor).await.expect("a flavor");
    let swap = BlockDevice { size_gib: None, format: Some("swap".into()), ..BlockDevice::default() };
    let request = BootRequest {
        flavor: FlavorChoice::Named(flavor.name.clone()),
        host: Some(host.clone()),
        nics: vec![Nic { tag: Some("first".into()), ..Nic::port(&port.name) }, Nic::network("private")],
        block_devices: vec![swap],
        config_drive: true,
        user_data: Some(b"#!/bin/sh\necho smog \xff\n".to_vec()),
        key_pair: Some(key.clone()),
        availability_zone: Some("nova".into()),
        hints: BTreeMap::from([("smog:test".to_string(), json!("1"))]),
        tags: vec!["t-cloud".into(), "two".into()],
        security_groups: vec![group.name.clone()],
        description: Some("every choice".into()),
        metadata: pairs(&[("purpose", "test")]),
        ..BootRequest::from(mess.name("s").as_str())
    };
    let server = mess.boot(request).await.expect("a server");
    assert_eq!(server.host.as_deref(), Some(host.as_str()));
    assert_eq!(
        (server.config_drive.as_str(), server.key_name.as_deref()),
        ("True", Some(pair.name.as_str()))
    );
    assert_eq!(
        (server.description.as_deref(), server.metadata.get("purpose").map(String::as_str)),
        (Some("every choice"), Some("test"))
    );
    assert_eq!(
        (&server.tags[..], &server.security_groups[..]),
        (&["t-cloud".to_string(), "two".to_string()][..], &[group.name.clone()][..])
    );
    assert_eq!(server.availability_zone.as_deref(), Some("nova"));
    let path = format!("/servers/{}", server.id);
    let version = cloud.compute_microversion().await.expect("a microversion");
    let raw = cloud.call(Call::get(Service::Compute, path).at(version)).await.expect("the raw answer");
    let data = raw.body.pointer("/server/OS-EXT-SRV-ATTR:user_data").and_then(|data| data.as_str());
    assert_eq!(data, Some("IyEvYmluL3NoCmVjaG8gc21vZyD/Cg=="));

    // Network cards.
    let cards = cloud.interfaces(&server.id).await.expect("network cards");
    assert!(shown(&cards) == 2 && cards.iter().any(|card| card.port_id == port.id), "{cards:#?}");
    assert!(cards.iter().any(|card| card.tag.as_deref() == Some("first")), "{cards:#?}");
    let second = cards.iter().find(|card| card.port_id != port.id).expect("the second card").port_id.clone();
    cloud.detach_interface(&server.id, &second, mess::PATIENT).await.expect("detached");
    let third = cloud.attach_interface(&server.id, &Nic::network("private")).await.expect("attached");
    assert_eq!(cloud.interfaces(&server.id).await.expect("network cards").len(), 2);
    assert!(cloud.ports_of(&server.id).await.expect("ports").iter().any(|port| port.id == third.port_id));

    // What users write on it.
    let mut all = cloud.set_metadata(&server.id, &pairs(&[("more", "yes")])).await.expect("metadata");
    let boot = all.remove("smog:boot");
    assert!(boot.is_some(), "smog's own mark");
    assert_eq!(all, pairs(&[("more", "yes"), ("purpose", "test")]));
    cloud.unset_metadata(&server.id, &["purpose", "not there"]).await.expect("unset");
    cloud.remove_tag(&server.id, "two").await.expect("a tag less");
    cloud.add_tag(&server.id, "late one").await.expect("a tag more");
    let mut seen = cloud.server(&server.name).await.expect("by name");
    assert_eq!(seen.metadata.remove("smog:boot"), boot);
    assert_eq!(
        (seen.metadata, seen.tags),
        (pairs(&[("more", "yes")]), vec!["late one".to_string(), "t-cloud".to_string()])
    );

    // Lists.
    let tagged =
        ServerFilter { tags: vec!["late one".into()], host: Some(host.clone()), ..ServerFilter::default() };
    let found = cloud.servers_matching(&tagged).await.expect("by tag");
    assert_eq!((found.len(), &found[0].id), (1, &server.id));
    let elsewhere = ServerFilter { status: Some("SHUTOFF".into()), ..tagged };
    assert!(cloud.servers_matching(&elsewhere).await.expect("none is off").is_empty());

    // What Nova and placement say of it.
    let topology = cloud.topology(&server.id).await.expect("its topology");
    assert_eq!(topology.nodes.len(), 0, "a plain server has no NUMA nodes");
    let diagnostics = cloud.diagnostics(&server.id).await.expect("its counters");
    assert_eq!(
        (diagnostics.state.as_str(), diagnostics.nics.len(), diagnostics.config_drive),
        ("running", 2, true)
    );
    let held = cloud.allocations(&server.id).await.expect("what it holds");
    assert_eq!((shown(&held), held[0].resources["MEMORY_MB"]), (1, 128));
    let actions = cloud.actions_with_events(&server.id).await.expect("its actions");
    let names: Vec<&str> = actions.iter().map(|action| action.action.as_str()).collect();
    assert_eq!((shown(&actions), names.last()), (actions.len(), Some(&"create")));
    assert!(
        names.contains(&"attach_interface")
            && actions.iter().all(|action| !action.events.is_empty() || action.failure().is_none())
    );
    assert!(actions.iter().all(|action| action.request_id.starts_with("req-")));
}

#[tokio::test]
async fn lists_of_servers_come_in_pages() {
    let (cloud, mess) = Mess::begin("pages").await;
    let request = |name: &str| BootRequest {
        network: NetworkChoice::None,
        ..BootRequest::from(mess.name(name).as_str())
    };
    tokio::try_join!(mess.boot(request("a")), mess.boot(request("b"))).expect("two servers");
    let filter = ServerFilter {
        name: Some(format!("^{}", mess.name(""))),
        sort_key: Some("display_name".into()),
        ascending: true,
        ..ServerFilter::default()
    };
    let first = cloud.servers_page(&filter, None, 1).await.expect("the first page");
    let second = cloud.servers_page(&filter, first.next.as_deref(), 1).await.expect("the second page");
    let names: Vec<String> =
        first.servers.iter().chain(&second.servers).map(|server| short(&server.name)).collect();
    assert_eq!(names, ["a", "b"]);
    let end = cloud.servers_page(&filter, second.next.as_deref(), 1).await.expect("the end");
    assert!(second.next.is_none() || (end.servers.is_empty() && end.next.is_none()));
}

#[tokio::test]
async fn orders_end_in_the_right_status() {
    let (cloud, mess) = Mess::begin("orders").await;
    let request = BootRequest { network: NetworkChoice::None, ..BootRequest::from(mess.name("s").as_str()) };
    let server = mess.boot(request).await.expect("a server");
    let server = in_a_row(
        &cloud,
        &server,
        &[
            (actions::PAUSE.order(), "PAUSED"),
            (actions::UNPAUSE.order(), "ACTIVE"),
            (actions::SUSPEND.order(), "SUSPENDED"),
        ],
    )
    .await;
    let why = cloud.give(&server, &actions::PAUSE).await.expect_err("pause of a suspended server");
    assert!(refused(why, 409).contains("vm_state suspended"));
    let image = cloud.images().await.expect("images").into_iter().find(|image| {
        image.status == "active" && image.name != "cirros" && image.size.is_some_and(|size| size > 0)
    });
    let image = image.expect("a second image").id;
    let server = in_a_row(
        &cloud,
        &server,
        &[
            (actions::RESUME.order(), "ACTIVE"),
            (actions::REBOOT.with("hard", true), "ACTIVE"),
            (actions::RESCUE.with("image", image.clone()), "RESCUE"),
            (actions::UNRESCUE.order(), "ACTIVE"),
            (actions::REBUILD.with("image", image.clone()), "ACTIVE"),
            (actions::STOP.order(), "SHUTOFF"),
            (actions::START.order(), "ACTIVE"),
        ],
    )
    .await;
    assert_eq!(server.image.as_deref(), Some(image.as_str()), "rebuilt from the other image");

    let locked = actions::LOCK.with("reason", "mine");
    let server = cloud.carry_out(&server, &locked, mess::PATIENT).await.expect("locked");
    assert_eq!((server.locked, server.locked_reason.as_deref()), (true, Some("mine")));
    let server = cloud.carry_out(&server, &actions::UNLOCK, mess::PATIENT).await.expect("unlocked");
    assert!(!server.locked);
    let server = in_a_row(
        &cloud,
        &server,
        &[(actions::RESET_STATE.order(), "ERROR"), (actions::RESET_STATE.with("active", true), "ACTIVE")],
    )
    .await;

    let shelved = cloud.carry_out(&server, &actions::SHELVE, mess::PATIENT).await.expect("shelved");
    assert_eq!((shelved.status.as_str(), &shelved.host), ("SHELVED_OFFLOADED", &None));
    let hosts = cloud.hypervisors().await.expect("hypervisors");
    let other =
        hosts.iter().map(|one| one.service.host.clone()).find(|host| Some(host) != server.host.as_ref());
    let back = actions::UNSHELVE.order().with_if("host", other.clone());
    let version = cloud.compute_microversion().await.expect("a microversion");
    if version >= smog::cloud::Microversion(2, 91) {
        let back = in_a_row(&cloud, &shelved, &[(back, "ACTIVE")]).await;
        assert_eq!(back.host, other);
    } else {
        let why = cloud.give(&shelved, &back).await.expect_err("too old");
        assert!(matches!(why, Error::TooOld { .. }), "{why:?}");
    }
}
