//! What libvirt, the kernel and placement have, where it is not what Nova says.

use super::*;

/// The words of the row of this guest in `smog discover`.
#[track_caller]
fn discovered(name: &str, code: i32) -> (serde_json::Value, Ran) {
    let ran = lab().run(&["discover", "-o", "json"]);
    let all = ran.json();
    let found = all.as_array().and_then(|all| all.iter().find(|guest| guest["name"] == name).cloned());
    let guest = found.unwrap_or_else(|| panic!("{name} is not in:\n{}", ran.out));
    assert_eq!(ran.code, code, "{}", ran.err);
    (guest, ran)
}

/// `virsh destroy` and `virsh undefine` behind Nova's back, and a domain that is of no server.
#[test]
fn what_libvirt_has_stands_beside_what_nova_says() {
    let name = unique("truth-sight");
    let _guests = Guests::named(&[&name]);
    ok(&["boot", &name, "--flavor", "m1.nano", "--network", "none", "--host", "cmp2"]);
    let (guest, _) = discovered(&name, 0);
    let domain = guest["domain"]["name"].as_str().expect("a domain").to_string();
    assert_eq!(
        (&guest["libvirt"]["state"], &guest["libvirt"]["contradiction"]),
        (&"running".into(), &().into())
    );

    // Paused: Nova takes no notice of it for a while.
    ssh("cmp2", &format!("virsh suspend {domain}"));
    let (guest, ran) = discovered(&name, 1);
    assert_eq!(guest["libvirt"]["state"], "paused");
    assert!(
        ran.err.contains(&format!(
            "guest `{name}`: Nova says ACTIVE, but libvirt on cmp2 has its domain paused"
        )),
        "{}",
        ran.err
    );
    let shown = lab().run(&["guest", "show", &name]).expect(1);
    assert!(shown.out.contains("paused") && shown.err.contains("Nova says ACTIVE"), "{shown:?}");
    ssh("cmp2", &format!("virsh resume {domain}"));
    discovered(&name, 0);

    // A domain of no server, on a host that may have no server at all.
    let stranger = unique("truth-stranger");
    let xml = format!(
        "<domain type='qemu'><name>{stranger}</name><memory unit='MiB'>32</memory><os><type arch='x86_64'>hvm</type></os></domain>"
    );
    ssh(
        "cmp1",
        &format!(
            "printf %s \"{xml}\" >/tmp/{stranger}.xml; virsh define /tmp/{stranger}.xml; rm /tmp/{stranger}.xml"
        ),
    );
    let found = lab().run(&["discover"]);
    let listed = lab().run(&["discover", "--strangers", "-o", "json"]);
    ssh("cmp1", &format!("virsh undefine {stranger}"));
    found
        .expect(0)
        .out
        .split_once("domains of no server")
        .expect("a second table")
        .1
        .contains(&stranger)
        .then_some(())
        .expect("the stranger");
    let strangers = listed.json();
    let mine = strangers
        .as_array()
        .and_then(|all| all.iter().find(|one| one["domain"] == *stranger))
        .expect("the stranger");
    assert_eq!(
        (&mine["host"], &mine["state"], &mine["is_nova_s"]),
        (&"cmp1".into(), &"shut off".into(), &false.into())
    );

    // Undefined while Nova says ACTIVE: no domain is named, and each verb says why.
    ssh("cmp2", &format!("virsh destroy {domain}; virsh undefine {domain}"));
    let ran = lab().run(&["discover", "-o", "json"]).expect(1);
    let all = ran.json();
    let guest =
        all.as_array().and_then(|all| all.iter().find(|guest| guest["name"] == *name)).expect("the guest");
    assert_eq!((&guest["domain"], &guest["libvirt"]["state"]), (&().into(), &().into()));
    assert!(ran.err.contains("but libvirt there has no domain"), "{}", ran.err);
    for verb in [&["xml", &name][..], &["pins", &name], &["guest", "threads", &name]] {
        let ran = lab().run(verb).expect(1);
        assert!(ran.err.contains(&format!("guest `{name}`: Nova says")), "{verb:?}: {}", ran.err);
    }
}

/// The source of a resize keeps a domain until it is confirmed: it is never shown as the guest's.
#[test]
fn the_domain_of_a_resized_guest_is_the_one_it_runs_in() {
    let name = unique("truth-size");
    let _guests = Guests::named(&[&name]);
    ok(&["boot", &name, "--flavor", "m1.nano", "--network", "none", "--host", "cmp1"]);
    ok(&["guest", "cold-migrate", &name]);
    for _ in 0..20 {
        let (guest, _) = discovered(&name, 0);
        assert_eq!((&guest["status"], &guest["host"]), (&"VERIFY_RESIZE".into(), &"cmp2".into()));
        assert_eq!(guest["libvirt"]["state"], "running");
        assert_eq!(guest["libvirt"]["elsewhere"][0]["host"], "cmp1");
        assert!(guest["domain"]["id"].is_number(), "a domain that runs has a number");
    }
    let pins = ok(&["pins", &name]);
    assert!(pins.out.contains("on cmp2"), "{}", pins.out);
}

/// A guest that is off has no process: a sentence, not a search for one.
#[test]
fn pins_of_a_guest_that_is_off() {
    let name = unique("truth-off");
    let _guests = Guests::named(&[&name]);
    ok(&["boot", &name, "--flavor", "m1.nano", "--network", "none"]);
    ok(&["guest", "stop", &name]);
    let ran = lab().run(&["pins", &name]).expect(2);
    assert!(ran.err.contains("it is SHUTOFF, so it has no QEMU process"), "{}", ran.err);
    assert!(ran.err.contains(&format!("`smog guest start {name}`")), "{}", ran.err);
}

/// A helper thread that somebody moved counts as much as a vCPU.
#[test]
fn pins_of_a_guest_whose_helper_thread_was_moved() {
    let name = unique("truth-taskset");
    let _guests = Guests::named(&[&name]);
    ok(&["boot", &name, "--ram", "96", "--pin", "--network", "none"]);
    ok(&["pins", &name]);
    let shown = ok(&["guest", "show", &name, "-o", "json"]).json();
    let host = shown["host"].as_str().expect("a host").to_string();
    let threads = ok(&["guest", "threads", &name, "-o", "json"]).json();
    let helper = threads.as_array().and_then(|all| {
        all.iter().find(|one| {
            one["name"] == "call_rcu" || one["name"] == "worker" || one["name"] == "IO mon_iothread"
        })
    });
    let tid = helper.expect("a helper thread")["tid"].to_string();
    let to = if helper.expect("a helper thread")["cpus"].as_str() == Some("0") { 1 } else { 0 };
    ssh(&host, &format!("taskset -pc {to} {tid}"));
    let ran = lab().run(&["pins", &name]).expect(1);
    let row = ran.out.lines().find(|line| line.starts_with("emulator")).expect("a row");
    assert!(row.contains(&format!("(TID {tid}) CPU {to}")) && row.ends_with("NO"), "{row}");
}

/// Nova deletes a guest in mid-migration too, and then the source keeps an allocation for ever.
#[test]
fn no_allocation_is_left_of_a_guest_that_was_deleted_while_it_moved() {
    let name = unique("truth-move");
    let _guests = Guests::named(&[&name]);
    ok(&["boot", &name, "--flavor", "m1.nano", "--network", "none", "--host", "cmp1"]);
    let id = lab::ids(&name).pop().expect("its id");
    let shown = ok(&["guest", "show", &id, "-o", "json"]).json();
    let domain = shown["domain"]["name"].as_str().expect("a domain").to_string();
    ssh("cmp1", &format!("virsh migrate-setspeed {domain} 1 || true"));
    let mut move_it = lab().command(&["migrate", &name, "--to", "cmp2"]).spawn().expect("smog");
    lab::eventually("the move", || {
        ok(&["guest", "list", "-c", "status", "-o", "value", "--name", &name]).out.contains("MIGRATING")
    });
    ok(&["delete", &name]);
    move_it.wait().expect("the move's end");
    for host in ["cmp1", "cmp2"] {
        let held = ok(&["api", "GET", "placement", "/resource_providers"]).json();
        let provider = held["resource_providers"]
            .as_array()
            .and_then(|all| all.iter().find(|one| one["name"] == host))
            .expect("a provider")["uuid"]
            .as_str()
            .expect("an id")
            .to_string();
        let held =
            ok(&["api", "GET", "placement", &format!("/resource_providers/{provider}/allocations")]).json();
        for consumer in held["allocations"].as_object().expect("allocations").keys() {
            assert!(
                ok(&["guest", "list", "-o", "json"]).out.contains(consumer.as_str()),
                "{consumer} holds something of {host}"
            );
        }
    }
}
