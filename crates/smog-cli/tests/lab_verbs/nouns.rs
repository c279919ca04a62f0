//! The other nouns.

use super::*;

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
