//! A guest's life, and the hosts under it.

use super::*;

#[test]
fn a_guest_s_life() {
    let name = unique("life");
    let _guests = Guests::named(&[&name]);
    ok(&["guest", "boot", &name, "--flavor", "m1.nano", "--tag", "t-one", "--property", "a=b"]);
    let shown = ok(&["guest", "show", &name, "-o", "json"]).json();
    assert_eq!(
        (&shown["status"], &shown["tags"][0], &shown["metadata"]["a"]),
        (&"ACTIVE".into(), &"t-one".into(), &"b".into())
    );
    assert_eq!(shown["domain"]["uuid"], shown["id"]);
    let listed = ok(&["guest", "list", "--tag", "t-one", "-c", "name", "-o", "value"]).out;
    assert_eq!(listed, format!("{name}\n"));

    for (verb, status) in [
        ("pause", "PAUSED"),
        ("unpause", "ACTIVE"),
        ("suspend", "SUSPENDED"),
        ("resume", "ACTIVE"),
        ("stop", "SHUTOFF"),
        ("start", "ACTIVE"),
        ("lock", "ACTIVE"),
        ("unlock", "ACTIVE"),
        ("rescue", "RESCUE"),
        ("unrescue", "ACTIVE"),
        ("shelve", "SHELVED"),
        ("unshelve", "ACTIVE"),
    ] {
        let ran = ok(&["guest", verb, &name]);
        assert!(ran.out.starts_with(&format!("{name}: {status}")), "{verb}: {}", ran.out);
    }
    ok(&["guest", "reboot", "--hard", &name]);
    ok(&["guest", "rebuild", &name, "--image", "smog-guest"]);
    // What a state does not allow is refused with Nova's reason, and changes nothing.
    ok(&["guest", "stop", &name]);
    let refused = lab().run(&["guest", "pause", &name]).expect(1);
    assert!(refused.err.contains("409") && refused.err.contains("vm_state stopped"), "{}", refused.err);
    ok(&["guest", "start", &name]);

    let actions = ok(&["guest", "actions", &name, "-o", "json"]).json();
    let actions = actions.as_array().expect("actions");
    assert!(actions.len() >= 15, "{actions:#?}");
    let create = actions.last().expect("the first action");
    assert_eq!(create["action"], "create");
    let request = create["request_id"].as_str().expect("a request id");
    let host = shown["host"].as_str().expect("a host");
    assert!(ssh(host, &format!("grep -c {request} /var/log/nova/nova-compute.log")).trim() != "0");
}

#[test]
fn resize_and_cold_migration() {
    let name = unique("size");
    let _guests = Guests::named(&[&name]);
    ok(&["boot", &name, "--flavor", "m1.nano", "--network", "none"]);
    let before = ok(&["guest", "show", &name, "-o", "json"]).json();
    let resized = ok(&["guest", "resize", &name, "--flavor", "m1.micro", "--confirm", "-o", "json"]).json();
    assert_eq!((&resized["flavor"]["ram_mib"], &resized["status"]), (&192.into(), &"ACTIVE".into()));
    let moved = ok(&["guest", "cold-migrate", &name]).out;
    assert!(moved.contains("VERIFY_RESIZE") && moved.contains("->"), "{moved}");
    ok(&["guest", "resize-revert", &name]);
    let after = ok(&["guest", "show", &name, "-o", "json"]).json();
    assert_eq!((&after["host"], &after["status"]), (&resized["host"], &"ACTIVE".into()));
    let moves = ok(&["guest", "migrations", &name, "-o", "json"]).json();
    assert!(moves.as_array().is_some_and(|moves| moves.len() == 2), "{moves:#}");
    assert!(before["host"].is_string());
}

#[test]
fn the_guest_s_console_and_address() {
    let name = unique("console");
    let _guests = Guests::named(&[&name]);
    let booted = ok(&["boot", &name, "--flavor", "m1.nano", "-o", "json"]).json();
    let address = booted["addresses"]["private"][0]["addr"].as_str().expect("an address").to_string();
    // What the guest itself sees: its address is the one Nova gave.
    lab::eventually("the guest's lease", || {
        lab().run(&["guest", "console", &name]).out.contains(&format!("lease {address}"))
    });
    let last = ok(&["guest", "console", &name, "-n", "3"]).out;
    assert!(last.lines().count() <= 4, "{last}");
}

#[test]
fn completion_knows_live_names() {
    let home = tempfile::tempdir().expect("a folder");
    let name = unique("tab");
    let _guests = Guests::named(&[&name]);
    ok(&["boot", &name, "--flavor", "m1.nano", "--network", "none"]);
    let shell = lab().with("XDG_CACHE_HOME", home.path().to_str().expect("utf-8"));
    shell.run(&["refresh-names"]).expect(0);
    // As the script of `smog completion bash` asks: the line up to the cursor is one word.
    let complete = |line: &str| {
        let mut command = shell.command(&["--", line]);
        command.env("COMPLETE", "bash");
        String::from_utf8_lossy(&command.output().expect("smog").stdout).into_owned()
    };
    let names = complete("smog xml t-");
    assert!(names.lines().any(|line| line == name), "{names}");
    assert_eq!(complete(&format!("smog migrate {name} --to cmp")), "cmp1\ncmp2\n");
    assert_eq!(complete("smog boot x --flavor m1.n"), "m1.nano\n");
}

#[test]
fn a_dry_run_changes_nothing() {
    let name = unique("dry");
    let told = ok(&["boot", &name, "--dry-run", "--flavor", "m1.nano"]).out;
    assert!(told.contains("would ask compute: POST /servers") && told.contains(&name), "{told}");
    let told = ok(&["flavor", "create", &name, "--dry-run", "--pin"]).out;
    assert!(told.contains("would ask compute: POST /flavors"), "{told}");
    let told = ok(&["service", "disable", "cmp1", "--dry-run"]).out;
    assert!(told.contains("\"status\": \"disabled\""), "{told}");
    let told = ok(&["host", "run", "cmp1", "--dry-run", "--", "touch", "/tmp/dry"]).out;
    assert_eq!(told, "would run on cmp1: touch /tmp/dry\n");
    ssh("cmp1", "test ! -e /tmp/dry");
    assert_eq!(lab::ids(&name), Vec::<String>::new());
    assert!(!ok(&["flavor", "list", "-o", "value", "-c", "name"]).out.contains(&name));
}

#[test]
fn hosts_that_are_virtual_machines_are_switched_on_their_parent() {
    let name = unique("l1");
    let _guests = Guests::named(&[&name]);
    let booted =
        ok(&["boot", &name, "--flavor", "m1.nano", "--network", "none", "--host", "cmp1", "-o", "json"])
            .json();
    let domain = booted["instance_name"].as_str().expect("a domain").to_string();
    // A guest of cmp1 stands for the L1; Nova must not switch it back on meanwhile, so this is quick.
    let folder = tempfile::tempdir().expect("a folder");
    let lab_yml =
        std::fs::read_to_string(std::env::var_os("SMOG_CONFIG").expect("SMOG_CONFIG")).expect("smog.yml");
    let address = lab_yml
        .split("name: cmp1, host: ")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .expect("an address");
    let entry = format!("hosts:\n  l1: {{name: {domain}, host: 192.0.2.1, parent: {address}}}\n");
    let config = folder.path().join("smog.yml");
    std::fs::write(&config, lab_yml.replace("hosts:\n", &entry)).expect("write");
    let config = config.to_str().expect("utf-8");
    let state = ok(&["host", "power", "l1", "state", "--config", config]).out;
    assert_eq!(state, format!("l1: running ({domain} on cmp1)\n"));
    let killed = ok(&["host", "power", "l1", "kill", "--config", config]).out;
    assert!(killed.starts_with("l1: shut off"), "{killed}");
    let on = ok(&["host", "power", "l1", "on", "--config", config]).out;
    assert!(on.starts_with("l1: running"), "{on}");
    let refused = lab().run(&["host", "power", "cmp1", "state"]).expect(2);
    assert!(refused.err.contains("names no `parent`"), "{}", refused.err);
}

#[test]
fn threads_processes_and_any_call() {
    let name = unique("threads");
    let _guests = Guests::named(&[&name]);
    let booted = ok(&["boot", &name, "--ram", "128", "--pin", "--network", "none", "-o", "json"]).json();
    let threads = ok(&["guest", "threads", &name, "-o", "json"]).json();
    let vcpu = threads
        .as_array()
        .expect("threads")
        .iter()
        .find(|thread| thread["name"] == "CPU 0/TCG")
        .expect("a vCPU");
    assert_eq!(vcpu["cpus"], "1", "{vcpu:#}");
    let host = booted["host"].as_str().expect("a host");
    let domain = booted["instance_name"].as_str().expect("a domain");
    assert!(ok(&["host", "processes", host]).out.contains(domain));
    let id = booted["id"].as_str().expect("an id");
    let raw = ok(&["api", "GET", "compute", &format!("/servers/{id}")]).json();
    assert_eq!(raw["server"]["OS-EXT-SRV-ATTR:instance_name"], domain);
    let refused = lab().run(&["api", "GET", "compute", "/servers/no-such-server"]).expect(1);
    assert!(refused.err.contains("404"), "{}", refused.err);
    // The picture has it where the kernel lets it run, also after its vCPU was moved by hand.
    let on = || {
        let found = ok(&["topology", &name, "-o", "json"]).json();
        let seen = &found["hosts"][0];
        assert_eq!((found["guest"].as_str(), seen["host"].as_str()), (Some(id), Some(host)), "{found:#}");
        let guests = seen["guests"].as_array().expect("guests");
        let own = guests.iter().find(|guest| guest["id"] == id).expect("the guest");
        own["vcpus"][0].as_str().expect("CPUs").to_string()
    };
    assert_eq!(on(), "1");
    ssh(host, &format!("virsh -q vcpupin {domain} 0 0 --live"));
    assert_eq!(on(), "0");
    let drawn = ok(&["topology", host, "--ascii"]).out;
    assert!(drawn.contains("NUMA node 0") && drawn.contains("1D") && drawn.contains(&name), "{drawn}");
}

#[test]
fn labels_cards_and_moves() {
    let name = unique("cards");
    let _guests = Guests::named(&[&name]);
    ok(&["boot", &name, "--flavor", "m1.nano"]);
    assert!(ok(&["guest", "set", &name, "purpose=test"]).out.contains("purpose=test\n"));
    assert!(!ok(&["guest", "unset", &name, "purpose"]).out.contains("purpose"));
    lab().run(&["guest", "unset", &name, "purpose"]).expect(2);
    assert_eq!(ok(&["guest", "tag", &name, "one", "two"]).out, "one\ntwo\n");
    assert_eq!(ok(&["guest", "tag", &name, "one", "--remove"]).out, "two\n");

    let card = ok(&["guest", "attach", &name, "--network", "private", "-o", "json"]).json();
    let mac = card["mac"].as_str().expect("a MAC").to_string();
    let cards = ok(&["guest", "cards", &name, "-o", "json"]).json();
    assert_eq!(cards.as_array().map(Vec::len), Some(2), "{cards:#}");
    let wrong = lab().run(&["guest", "detach", &name, "fa:16:3e:00:00:00"]).expect(2);
    assert!(wrong.err.contains("no network interface"), "{}", wrong.err);
    ok(&["guest", "detach", &name, &mac]);
    assert_eq!(ok(&["guest", "cards", &name, "-o", "json"]).json().as_array().map(Vec::len), Some(1));

    let nothing = lab().run(&["guest", "moving", &name, "--abort"]).expect(2);
    assert!(nothing.err.contains("no live migration"), "{}", nothing.err);
    let measured = ok(&["guest", "diagnostics", &name]).json();
    assert_eq!(measured["state"], "running", "{measured:#}");
    let fits = ok(&["host", "fit", "cmp1", "--pages", "2MB", "-o", "json"]).json();
    assert!(fits[0]["fits_mib"].as_u64().is_some_and(|mib| mib > 0), "{fits:#}");
}
