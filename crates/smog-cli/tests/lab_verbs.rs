//! Every verb the lab can do, as a person types it.

mod lab;

use lab::{Guests, Ran, lab, ssh, unique};

/// Deletes something by a command at the test's end, also when it fails.
struct Undo(Vec<String>);

impl Undo {
    fn by(args: &[&str]) -> Undo {
        Undo(args.iter().map(|arg| arg.to_string()).collect())
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        let args: Vec<&str> = self.0.iter().map(String::as_str).collect();
        lab().run(&args);
    }
}

#[track_caller]
fn ok(args: &[&str]) -> Ran {
    lab().run(args).expect(0)
}

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
fn flavors() {
    let name = unique("flavor");
    let _undo = Undo::by(&["flavor", "delete", &name]);
    let specs = ok(&[
        "flavor",
        "create",
        &name,
        "--ram",
        "512",
        "--vcpus",
        "4",
        "--pages",
        "large",
        "--pin",
        "--numa",
        "2",
        "--specs-only",
    ])
    .out;
    assert_eq!(specs, "hw:cpu_policy=dedicated\nhw:mem_page_size=large\nhw:numa_nodes=2\n");
    ok(&["flavor", "create", &name, "--ram", "512", "--pages", "2MB", "--pin", "--thread-policy", "prefer"]);
    let shown = ok(&["flavor", "show", &name, "-o", "json"]).json();
    assert_eq!(shown["extra_specs"]["hw:mem_page_size"], "2048");
    assert_eq!(shown["extra_specs"]["hw:cpu_thread_policy"], "prefer");
    ok(&["flavor", "set", &name, "hw:watchdog_action=pause"]);
    ok(&["flavor", "unset", &name, "hw:cpu_thread_policy"]);
    let shown = ok(&["flavor", "show", &name, "-o", "json"]).json();
    assert_eq!(shown["extra_specs"]["hw:watchdog_action"], "pause");
    assert_eq!(shown["extra_specs"]["hw:cpu_thread_policy"], serde_json::Value::Null);
    // Contradictions are refused before Nova sees them.
    for wrong in [
        &["--thread-policy", "isolate"][..],
        &["--vcpus", "2", "--numa", "3"],
        &["--mixed", "0-1", "--vcpus", "2"],
        &["--pages", "1GB", "--ram", "512"],
    ] {
        let args: Vec<&str> = ["flavor", "create", "never-made"].iter().chain(wrong).copied().collect();
        let refused = lab().run(&args).expect(2);
        assert!(refused.err.contains("Nova's rule") || refused.err.contains("hint: "), "{}", refused.err);
    }
    assert!(!ok(&["flavor", "list", "-o", "value", "-c", "name"]).out.contains("never-made"));
}

#[test]
fn images() {
    let name = unique("image");
    let _undo = Undo::by(&["image", "delete", &name]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("disk.raw");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    std::fs::write(&file, &bytes).expect("write");
    let sum = std::process::Command::new("sha256sum").arg(&file).output().expect("sha256sum").stdout;
    let sum = String::from_utf8_lossy(&sum).split_whitespace().next().expect("digits").to_string();
    let url = format!("file://{}", file.display());

    // A file that is not what it should be is not uploaded.
    let wrong = format!("sha256:{}", "0".repeat(64));
    let refused = lab().run(&["image", "fetch", &url, "--checksum", &wrong, "--name", &name]);
    assert!(refused.code != 0 && refused.err.contains("sha256"), "{}", refused.err);
    assert!(!ok(&["image", "list", "-o", "value", "-c", "name"]).out.contains(&name));

    let fetched = ok(&[
        "image",
        "fetch",
        &url,
        "--checksum",
        &format!("sha256:{sum}"),
        "--name",
        &name,
        "--property",
        "os_distro=windows",
        "-o",
        "json",
    ])
    .json();
    assert_eq!((&fetched["status"], &fetched["size"]), (&"active".into(), &3_000_000.into()));
    ok(&["image", "set", &name, "hw_cpu_policy=dedicated"]);
    ok(&["image", "unset", &name, "os_distro"]);
    let shown = ok(&["image", "show", &name, "-o", "json"]).json();
    assert_eq!(shown["properties"]["hw_cpu_policy"], "dedicated");
    assert_eq!(shown["properties"]["os_distro"], serde_json::Value::Null);
    let copy = folder.path().join("copy.raw");
    ok(&["image", "download", &name, copy.to_str().expect("utf-8")]);
    assert_eq!(std::fs::read(&copy).expect("the copy"), bytes);
}

#[test]
fn groups_and_aggregates_place_guests() {
    let (one, two, three) = (unique("apart-1"), unique("apart-2"), unique("apart-3"));
    let group = unique("group");
    let _undo_group = Undo::by(&["server-group", "delete", &group]);
    let _guests = Guests::named(&[&one, &two, &three]);
    ok(&["server-group", "create", &group, "--policy", "anti-affinity"]);
    let boot = |name: &str| {
        lab().run(&[
            "boot",
            name,
            "--flavor",
            "m1.nano",
            "--network",
            "none",
            "--group",
            &group,
            "-o",
            "json",
        ])
    };
    let hosts: Vec<_> = [&one, &two].map(|name| boot(name).expect(0).json()["host"].clone()).into();
    assert_ne!(hosts[0], hosts[1], "anti-affinity");
    // Two computes: a third guest has no place, and smog says why.
    let third = boot(&three).expect(1);
    assert!(third.err.contains("No valid host"), "{}", third.err);
    assert_eq!(
        ok(&["server-group", "show", &group, "-o", "json"]).json()["members"].as_array().map(Vec::len),
        Some(3)
    );

    let aggregate = unique("aggregate");
    let _undo_aggregate = Undo::by(&["aggregate", "delete", &aggregate]);
    ok(&["aggregate", "create", &aggregate, "--property", "pinned=true"]);
    ok(&["aggregate", "add-host", &aggregate, "cmp2"]);
    ok(&["aggregate", "set", &aggregate, "ssd=yes"]);
    ok(&["aggregate", "unset", &aggregate, "ssd"]);
    let shown = ok(&["aggregate", "show", &aggregate, "-o", "json"]).json();
    assert_eq!((&shown["hosts"][0], &shown["metadata"]["pinned"]), (&"cmp2".into(), &"true".into()));
    assert_eq!(shown["metadata"]["ssd"], serde_json::Value::Null);
    let wrong = lab().run(&["aggregate", "add-host", &aggregate, "cmp3"]).expect(2);
    assert!(wrong.err.contains("did you mean"), "{}", wrong.err);
    ok(&["aggregate", "remove-host", &aggregate, "cmp2"]);
}

#[test]
fn services_and_hypervisors() {
    let _undo = Undo::by(&["service", "enable", "cmp2"]);
    let off = ok(&["service", "disable", "cmp2", "--reason", "a test of smog", "-o", "json"]).json();
    assert_eq!((&off["status"], &off["disabled_reason"]), (&"disabled".into(), &"a test of smog".into()));
    // Nothing is scheduled there now.
    let name = unique("elsewhere");
    let _guests = Guests::named(&[&name]);
    let booted = ok(&["boot", &name, "--flavor", "m1.nano", "--network", "none", "-o", "json"]).json();
    assert_eq!(booted["host"], "cmp1");
    ok(&["service", "enable", "cmp2"]);
    let hosts = ok(&["hypervisor", "list", "-o", "json"]).json();
    assert_eq!(hosts.as_array().map(Vec::len), Some(2));
    let shown = ok(&["host", "show", "cmp1", "-o", "json"]).json();
    assert_eq!(shown["hostname"], "cmp1");
    let listed = ok(&["host", "list", "-o", "value", "-c", "name", "-c", "state"]).out;
    assert!(listed.contains("cmp1\tup") && listed.contains("ctl\t"), "{listed}");
}

#[test]
fn placement_knows_what_a_guest_holds() {
    let name = unique("holds");
    let _guests = Guests::named(&[&name]);
    ok(&["boot", &name, "--ram", "128", "--pin", "--network", "none"]);
    let held = ok(&["placement", "allocations", &name]).out;
    assert!(held.contains("PCPU:1") && held.contains("MEMORY_MB:128"), "{held}");
    let host =
        ok(&["guest", "show", &name, "-o", "json"]).json()["host"].as_str().expect("a host").to_string();
    let inventory = ok(&["placement", "inventory", &host, "-o", "json"]).json();
    let pcpu = inventory
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["class"] == "PCPU" || one["resource_class"] == "PCPU");
    assert!(pcpu.is_some_and(|pcpu| pcpu["used"] == 1), "{inventory:#}");
    assert!(ok(&["placement", "providers"]).out.contains("cmp2"));
    assert!(ok(&["placement", "traits", &host]).out.contains("COMPUTE_"));
    let topology = ok(&["guest", "topology", &name, "-o", "json"]).json();
    assert!(topology.as_array().is_some_and(|nodes| !nodes.is_empty()), "{topology:#}");
}

#[test]
fn projects_quotas_keys_networks_and_security_groups() {
    let project = unique("project");
    let _undo_project = Undo::by(&["project", "delete", &project]);
    ok(&["project", "create", &project, "--description", "a test of smog"]);
    ok(&["quota", "set", &project, "instances=3", "port=7"]);
    let quotas = ok(&["quota", "show", &project, "-o", "value", "-c", "resource", "-c", "limit"]).out;
    assert!(quotas.contains("instances\t3\n") && quotas.contains("port\t7\n"), "{quotas}");
    let wrong = lab().run(&["quota", "set", &project, "instances=5", "instnces=4"]).expect(2);
    assert!(wrong.err.contains("did you mean `instances`"), "{}", wrong.err);
    let quotas = ok(&["quota", "show", &project, "-o", "value", "-c", "resource", "-c", "limit"]).out;
    assert!(quotas.contains("instances\t3\n"), "a typo sets nothing: {quotas}");
    ok(&["quota", "reset", &project]);

    let key = unique("key");
    let _undo_key = Undo::by(&["keypair", "delete", &key]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("id");
    let path = file.to_str().expect("utf-8");
    let made = ok(&["keypair", "create", &key, "--private-key", path]);
    assert!(!made.out.contains("PRIVATE"), "{}", made.out);
    assert!(std::fs::read_to_string(&file).expect("the key").contains("PRIVATE KEY"));
    // Never overwritten.
    lab().run(&["keypair", "create", "another", "--private-key", path]).expect(2);

    let network = unique("net");
    let _undo_network = Undo::by(&["network", "delete", &network]);
    ok(&["network", "create", &network, "--cidr", "192.168.91.0/24"]);
    assert!(ok(&["network", "subnets"]).out.contains("192.168.91.0/24"));
    let name = unique("nics");
    let _guests = Guests::named(&[&name]);
    let booted = ok(&[
        "boot",
        &name,
        "--flavor",
        "m1.nano",
        "--network",
        "private",
        "--network",
        &format!("{network}=192.168.91.77"),
        "-o",
        "json",
    ])
    .json();
    assert_eq!(booted["addresses"][&network][0]["addr"], "192.168.91.77");
    assert!(booted["addresses"]["private"][0]["addr"].is_string());
    ok(&["delete", &name]);

    let group = unique("sg");
    let _undo_group = Undo::by(&["security-group", "delete", &group]);
    ok(&["security-group", "create", &group]);
    let rule =
        ok(&["security-group", "add-rule", &group, "--protocol", "tcp", "--ports", "22", "-o", "json"])
            .json();
    let rules = ok(&["security-group", "rules", &group, "-o", "json"]).json();
    assert!(
        rules.as_array().is_some_and(|rules| rules.iter().any(|one| one["id"] == rule["id"])),
        "{rules:#}"
    );
    ok(&["security-group", "remove-rule", rule["id"].as_str().expect("an id")]);
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
