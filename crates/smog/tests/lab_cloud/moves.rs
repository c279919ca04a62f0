//! Servers that move to another host.

use super::*;

#[tokio::test]
async fn resizes_and_cold_migrations_are_confirmed_or_reverted() {
    let (cloud, mess) = Mess::begin("resize").await;
    let request = BootRequest { network: NetworkChoice::None, ..BootRequest::from(mess.name("s").as_str()) };
    let server = mess.boot(request).await.expect("a server");
    let flavor =
        |name: &str, ram_mib: u64| NewFlavor { ram_mib, ..NewFlavor::from(mess.name(name).as_str()) };
    let more = cloud.create_flavor_as(&flavor("more", 160)).await.expect("a flavor");
    let memory = cloud.providers().await.expect("providers");
    let memory = cloud.inventories(&memory[0].id).await.expect("inventories");
    let memory = memory.iter().find(|one| one.resource_class == "MEMORY_MB").expect("memory").total;
    let huge = cloud.create_flavor_as(&flavor("huge", memory + 1024)).await.expect("a flavor");

    // No host can take it: the server is well and ACTIVE, and the reason is told.
    let order = actions::RESIZE.with("flavor", huge.name);
    let why = cloud.carry_out(&server, &order, mess::PATIENT).await.expect_err("no host can take it");
    match &why {
        Error::Fault { fault, request_id: Some(request), hint: Some(_), .. } => {
            assert!(fault.contains("No valid host") && request.starts_with("req-"), "{why:?}");
        }
        other => panic!("{other:?}"),
    }

    let resize = actions::RESIZE.with("flavor", more.name.clone());
    let resized = in_a_row(
        &cloud,
        &server,
        &[(resize.clone(), "VERIFY_RESIZE"), (actions::REVERT_RESIZE.order(), "ACTIVE")],
    )
    .await;
    assert_eq!(
        (resized.flavor.name, resized.host.clone()),
        (server.flavor.name.clone(), server.host.clone())
    );
    let resized =
        in_a_row(&cloud, &server, &[(resize, "VERIFY_RESIZE"), (actions::CONFIRM_RESIZE.order(), "ACTIVE")])
            .await;
    assert_eq!((resized.flavor.name.as_str(), resized.flavor.ram_mib), (more.name.as_str(), 160));

    let hosts = cloud.hypervisors().await.expect("hypervisors");
    let other =
        hosts.iter().map(|one| one.service.host.clone()).find(|host| Some(host) != resized.host.as_ref());
    let migrate = actions::COLD_MIGRATE.order().with_if("host", other.clone());
    let moved = in_a_row(
        &cloud,
        &resized,
        &[(migrate, "VERIFY_RESIZE"), (actions::CONFIRM_RESIZE.order(), "ACTIVE")],
    )
    .await;
    assert_eq!(moved.host, other);
    let kinds: Vec<_> = cloud.migrations(&server.id).await.expect("its moves");
    let kinds: Vec<_> =
        kinds.iter().map(|one| (one.migration_type.as_deref().unwrap_or(""), one.status.as_str())).collect();
    assert_eq!(
        kinds,
        [("migration", "confirmed"), ("resize", "confirmed"), ("resize", "reverted"), ("resize", "error")]
    );
    let unknown = cloud.give(&moved, actions::COLD_MIGRATE.with("host", "nohost")).await;
    assert!(matches!(unknown, Err(Error::NotFound { .. })), "{unknown:?}");
}

/// Let migrations away from the server's host crawl at 1 MiB/s, so that there is time to watch
/// one. libvirt forgets it with the domain.
async fn slow(cloud: &Cloud, server: &Server) -> Result<()> {
    let host = cloud.host(server.host.as_deref().unwrap_or_default()).await?;
    host.run(Cmd::new("virsh").args(["migrate-setspeed", &server.id, "1"])).await.map(drop)
}

#[tokio::test]
async fn live_migrations_are_followed_ended_early_and_given_up() {
    let (cloud, mess) = Mess::begin("live").await;
    let request = BootRequest { network: NetworkChoice::None, ..BootRequest::from(mess.name("s").as_str()) };
    let server = mess.boot(request).await.expect("a server");
    let from = server.host.clone();

    // Given up.
    slow(&cloud, &server).await.expect("a slow migration");
    let how = LiveMigration { block: BlockMigration::Yes, ..LiveMigration::default() };
    let states = Mutex::new(Vec::new());
    let tell =
        |waiting: smog::wait::Waiting<'_>| states.lock().expect("states").push(waiting.last.to_string());
    let wait = Wait { tell: &tell, ..mess::PATIENT };
    let give_up = async {
        let running = mess::running_migration(&cloud, &server.id).await;
        assert_eq!(shown(std::slice::from_ref(&running)), 1);
        cloud.abort_migration(&server.id, running.id).await.expect("given up");
    };
    let (ended, ()) = tokio::join!(cloud.live_migrate_with(&server, &how, wait), give_up);
    let why = ended.expect_err("it was given up");
    assert!(matches!(&why, Error::Fault { fault, .. } if !fault.is_empty()), "{why:?}");
    let states = states.into_inner().expect("states");
    assert!(states.iter().any(|state| state.contains(" of ") && state.ends_with(" MiB")), "{states:#?}");
    let server = cloud.wait_for_status(&server.id, "ACTIVE", mess::PATIENT).await.expect("still there");
    assert_eq!(server.host, from);

    // Ended early: the guest is paused for the rest of it.
    slow(&cloud, &server).await.expect("a slow migration");
    let end_early = async {
        let running = mess::running_migration(&cloud, &server.id).await;
        cloud.force_complete(&server.id, running.id).await.expect("told to end");
        let host = cloud.host(server.host.as_deref().unwrap_or_default()).await.expect("its host");
        // The crawl was for us only: let the rest go fast.
        host.run(Cmd::new("virsh").args(["migrate-setspeed", &server.id, "1000"])).await.expect("fast again");
    };
    let (ended, ()) = tokio::join!(cloud.live_migrate(&server, None, mess::PATIENT), end_early);
    let server = ended.expect("it has moved");
    assert_ne!(server.host, from);

    // Back to where it was, on its own; disks cannot be shared here, and Nova says so.
    let server = cloud.live_migrate(&server, from.as_deref(), mess::PATIENT).await.expect("back");
    assert_eq!(server.host, from);
    let shared = LiveMigration { block: BlockMigration::No, ..LiveMigration::default() };
    let why = cloud.live_migrate_with(&server, &shared, mess::PATIENT).await.expect_err("nothing is shared");
    let text = why.to_string();
    assert!(text.contains("shared storage") || text.contains("No valid host"), "{text}");
    let there = cloud.live_migrate(&server, from.as_deref(), mess::PATIENT).await.expect_err("it is there");
    assert!(matches!(there, Error::Api { status: 400, .. } | Error::Fault { .. }), "{there:?}");
}

#[tokio::test]
async fn a_server_is_evacuated_from_a_host_said_to_be_down() {
    let (cloud, mess) = Mess::begin("evac").await;
    let request = BootRequest { network: NetworkChoice::None, ..BootRequest::from(mess.name("s").as_str()) };
    let server = mess.boot(request).await.expect("a server");
    let host = server.host.clone().expect("its host");
    let early = cloud.give(&server, &actions::EVACUATE).await.expect_err("its host is up");
    let why = match early {
        Error::Api { status: 400 | 409, message, .. } => message,
        other => panic!("{other:?}"),
    };
    assert!(why.contains("is still in use") || why.contains("is not down"), "{why}");

    let service = cloud.compute_service(&host).await.expect("its service");
    mess.will_restore(&service);
    let disabled = cloud.disable_service(&service.id, Some("t-cloud")).await.expect("disabled");
    assert_eq!(
        (disabled.status.as_str(), disabled.disabled_reason.as_deref()),
        ("disabled", Some("t-cloud"))
    );
    let down = cloud.force_down(&service.id, true).await.expect("said to be down");
    assert!(down.forced_down && down.state == "down", "{down:?}");
    // Its domain must not run twice.
    let machine = cloud.host(&host).await.expect("the host");
    machine.run(Cmd::new("virsh").args(["destroy", &server.id])).await.expect("powered off");
    let moved = cloud.carry_out(&server, &actions::EVACUATE, mess::PATIENT).await.expect("evacuated");
    assert_ne!(moved.host, server.host);
    let record = &cloud.migrations(&server.id).await.expect("its moves")[0];
    assert_eq!(record.migration_type.as_deref(), Some("evacuation"));
    // 2.95 and later leave it off; older ones start it.
    assert!(["ACTIVE", "SHUTOFF"].contains(&moved.status.as_str()), "{}", moved.status);

    mess.restore().await;
    let back = cloud.compute_service(&host).await.expect("its service");
    assert_eq!((back.status.as_str(), back.state.as_str(), back.forced_down), ("enabled", "up", false));
    assert!(server_count(&cloud, &mess).await == 1);
}
