//! `smog why-not` against Nova itself: each reason is made real on the lab, and what the command says is
//! what Nova does. Each reason has its twin: the same question with the reason taken away, which fits.
//!
//! Whoever runs it must be alone on the lab: services are disabled under it, and placement is changed.

mod lab;

use lab::{Guests, Ran, Undo, eventually, lab, ssh, undo, unique};
use serde_json::Value;

/// Run, and it must succeed.
#[track_caller]
fn smog(args: &[&str]) -> String {
    lab().run(args).expect(0).out
}

/// Call an API.
#[track_caller]
fn api(args: &[&str]) -> String {
    smog(&[&["api", "-q"], args].concat())
}

/// A flavor, deleted at the end.
#[track_caller]
fn flavor(name: &str, args: &[&str]) -> Undo<'static> {
    let sizes = ["--vcpus", "1", "--ram", "96", "--disk", "0"];
    let sizes = sizes.chunks(2).filter(|pair| !args.contains(&pair[0])).flatten();
    let given: Vec<&str> = sizes.chain(args).copied().collect();
    smog(&[&["flavor", "create", name, "-q"], given.as_slice()].concat());
    let name = name.to_string();
    undo(move || drop(lab().run(&["flavor", "delete", &name, "-q"])))
}

/// What the command answers.
#[track_caller]
fn answer(args: &[&str]) -> (Ran, Value) {
    let ran = lab().run(&[&["why-not", "-o", "json"], args].concat());
    assert!(ran.code == 0 || ran.code == 1, "{}\n{}", ran.out, ran.err);
    let answer = ran.json();
    (ran, answer)
}

/// No host fits, and the first reason on every one is this. The server that Nova is asked for fails.
struct Row<'a> {
    reason: &'a str,
    /// Who rules it out, and by what.
    by: &'a str,
    what: &'a str,
    /// Part of the sentence.
    said: &'a str,
}

impl Row<'_> {
    #[track_caller]
    fn is_said(&self, args: &[&str]) {
        let (ran, answer) = answer(args);
        assert_eq!(ran.code, 1, "{}: {answer:#}", self.reason);
        for host in answer["hosts"].as_array().expect("hosts") {
            let first = &host["reasons"][0];
            let wanted = (self.by, self.what);
            assert_eq!(
                (first["by"].as_str(), first["what"].as_str()),
                (Some(wanted.0), Some(wanted.1)),
                "{}: {answer:#}",
                self.reason
            );
        }
        let sentence = answer["sentence"].as_str().expect("a sentence");
        assert!(sentence.contains(self.said), "{}: {sentence}", self.reason);
    }

    /// Both what the command says and, once `nova` has settled, what Nova does.
    #[track_caller]
    fn shown(&self, nova: &mut Asked, args: &[&str]) {
        self.is_said(args);
        nova.ask(self.reason, args);
    }
}

/// Servers that Nova is asked for and must find no host for: all at once, as each takes its time.
#[derive(Default)]
struct Asked(Vec<(String, String)>);

impl Asked {
    #[track_caller]
    fn ask(&mut self, reason: &str, args: &[&str]) {
        let name = unique(&format!("why-no-{}", self.0.len()));
        smog(&[&["boot", &name, "-q", "--no-wait", "--network", "none"], args].concat());
        self.0.push((name, reason.to_string()));
    }

    /// Wait until Nova has said no to all of them, and delete them.
    #[track_caller]
    fn settle(&mut self) {
        let asked = std::mem::take(&mut self.0);
        let names: Vec<&str> = asked.iter().map(|(name, _)| name.as_str()).collect();
        let servers = || lab().run(&["guest", "list", "-o", "json"]).expect(0).json();
        let status = |all: &Value, name: &str| {
            let one = all.as_array().and_then(|all| all.iter().find(|one| one["name"] == name));
            one.map(|one| one["status"].as_str().unwrap_or_default().to_string()).unwrap_or_default()
        };
        let begun = std::time::Instant::now();
        let left = loop {
            let all = servers();
            let open: Vec<_> = asked.iter().filter(|(name, _)| status(&all, name) == "BUILD").collect();
            if open.is_empty() || begun.elapsed().as_secs() > 90 {
                break asked
                    .iter()
                    .filter(|(name, _)| status(&all, name) != "ERROR")
                    .map(|(name, reason)| format!("{reason}: {}", status(&all, name)))
                    .collect::<Vec<_>>();
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        };
        lab().run(&[&["delete", "-q"], names.as_slice()].concat());
        assert!(left.is_empty(), "Nova found a host, or said nothing: {left:?}");
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        for (name, _) in &self.0 {
            lab().run(&["delete", "-q", name]);
        }
    }
}

/// A host fits.
#[track_caller]
fn fits(what: &str, args: &[&str]) {
    let (ran, answer) = answer(args);
    assert_eq!(ran.code, 0, "{what}: {answer:#}");
}

/// A host fits, and Nova finds it.
#[track_caller]
fn boots(what: &str, args: &[&str]) {
    fits(what, args);
    let name = unique("why-yes");
    let _guest = Guests::named(&[&name]);
    let ran = lab().run(&[&["boot", &name, "-q", "--network", "none"], args].concat());
    assert_eq!(ran.code, 0, "{what}: {}", ran.err);
}

const NUMA: &str = "NUMATopologyFilter";

#[test]
fn what_a_flavor_asks_for() {
    let two = |name: &'static str, wrong: &[&str], right: &[&str]| {
        let (no, yes) = (unique(&format!("{name}-no")), unique(&format!("{name}-yes")));
        let flavors = (flavor(&no, wrong), flavor(&yes, right));
        (no, yes, flavors)
    };
    let rows = [
        (
            two("vcpu", &["--vcpus", "2"], &[]),
            Row { reason: "VCPU", by: "placement", what: "VCPU", said: "at most 1 VCPU to one server" },
        ),
        (
            two("memory", &["--ram", "30000"], &[]),
            Row { reason: "MEMORY_MB", by: "placement", what: "MEMORY_MB", said: "MiB of memory in all" },
        ),
        (
            two("disk", &["--disk", "17"], &["--disk", "1"]),
            Row { reason: "DISK_GB", by: "placement", what: "DISK_GB", said: "16 GiB of disk in all" },
        ),
        (
            two("pcpu", &["--vcpus", "2", "--pin"], &["--pin"]),
            Row { reason: "PCPU", by: "placement", what: "PCPU", said: "1 PCPU (dedicated CPUs) in all" },
        ),
        (
            two(
                "class",
                &["--extra", "resources:CUSTOM_WHY_NOT=1"],
                &["--extra", "resources:CUSTOM_WHY_NOT=0"],
            ),
            Row {
                reason: "resource class",
                by: "placement",
                what: "CUSTOM_WHY_NOT",
                said: "no CUSTOM_WHY_NOT",
            },
        ),
        (
            two(
                "trait",
                &["--extra", "trait:HW_CPU_X86_3DNOW=required"],
                &["--extra", "trait:HW_CPU_X86_SSE2=required"],
            ),
            Row {
                reason: "required trait",
                by: "placement",
                what: "trait HW_CPU_X86_3DNOW",
                said: "lack the trait HW_CPU_X86_3DNOW",
            },
        ),
        (
            two(
                "forbidden",
                &["--extra", "trait:HW_CPU_X86_SSE2=forbidden"],
                &["--extra", "trait:HW_CPU_X86_3DNOW=forbidden"],
            ),
            Row {
                reason: "forbidden trait",
                by: "placement",
                what: "trait HW_CPU_X86_SSE2",
                said: "have the trait HW_CPU_X86_SSE2",
            },
        ),
        (
            two("pages", &["--ram", "2048", "--pages", "2048"], &["--pages", "2048"]),
            Row { reason: "pages of a size", by: NUMA, what: "pages of 2 MiB", said: "needs 1024 in one" },
        ),
        (
            two("size", &["--ram", "1024", "--pages", "1048576"], &["--pages", "small"]),
            Row {
                reason: "a page size that has no pages",
                by: NUMA,
                what: "pages of 1 GiB",
                said: "pages of 1 GiB",
            },
        ),
        (
            two(
                "ability",
                &["--extra", "capabilities:hypervisor_type=VMware"],
                &["--extra", "capabilities:hypervisor_type=QEMU"],
            ),
            Row {
                reason: "capability",
                by: "ComputeCapabilitiesFilter",
                what: "hypervisor_type",
                said: "have hypervisor_type `QEMU`",
            },
        ),
    ];
    // The resource class must exist, or Nova refuses the flavor's boot for another reason.
    api(&["PUT", "placement", "/resource_classes/CUSTOM_WHY_NOT", "--microversion", "1.7"]);
    let _class = undo(|| {
        drop(lab().run(&[
            "api",
            "-q",
            "DELETE",
            "placement",
            "/resource_classes/CUSTOM_WHY_NOT",
            "--microversion",
            "1.7",
        ]))
    });
    let mut nova = Asked::default();
    for ((no, yes, _flavors), row) in &rows {
        row.shown(&mut nova, &["--flavor", no]);
        fits(row.reason, &["--flavor", yes]);
    }
    nova.settle();
}

#[test]
fn what_is_taken_by_a_guest() {
    let mut nova = Asked::default();
    let (pinned, guests) = (unique("why-pin"), [unique("why-a"), unique("why-b")]);
    let _flavor = flavor(&pinned, &["--pin"]);
    let _guests = Guests::named(&[&guests[0], &guests[1]]);
    for (guest, host) in guests.iter().zip(["cmp1", "cmp2"]) {
        smog(&["boot", guest, "-q", "--network", "none", "--flavor", &pinned, "--host", host]);
    }
    let row = Row {
        reason: "dedicated CPUs in use",
        by: "placement",
        what: "PCPU",
        said: "0 of 1 PCPU (dedicated CPUs) free",
    };
    row.shown(&mut nova, &["--flavor", &pinned]);
    nova.settle();
    let (_, answer) = answer(&["--flavor", &pinned]);
    let helps = answer["helps"].to_string();
    assert!(helps.contains(&format!("moving or deleting guest `{}`", guests[0])), "{helps}");
    smog(&["delete", "-q", &guests[0]]);
    eventually("its CPU to be free", || lab().run(&["why-not", "--flavor", &pinned]).code == 0);
    boots("a dedicated CPU is free", &["--flavor", &pinned]);
}

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

#[test]
fn images() {
    let mut nova = Asked::default();
    let image = unique("why-image");
    let id = lab().run(&["image", "list", "-o", "json"]).expect(0).json();
    let cirros =
        id.as_array().expect("images").iter().find(|one| one["name"] == "cirros").expect("cirros").clone();
    assert_eq!(cirros["status"], "active");
    let file = std::env::temp_dir().join(&image);
    std::fs::write(&file, vec![0_u8; 1 << 20]).expect("a file");
    let _file = undo(|| drop(std::fs::remove_file(&file)));
    smog(&["image", "upload", &file.to_string_lossy(), "--name", &image, "--disk-format", "raw", "-q"]);
    let _image = undo(|| drop(lab().run(&["image", "delete", &image, "-q"])));
    let row = |what, said| Row { reason: what, by: "ImagePropertiesFilter", what: "image properties", said };
    let ask = ["--flavor", "m1.nano", "--image", &image];
    smog(&["image", "set", &image, "hypervisor_type=kvm"]);
    row("hypervisor of the image", "run no guests of hypervisor `kvm`").shown(&mut nova, &ask);
    nova.settle();
    smog(&["image", "unset", &image, "hypervisor_type"]);
    smog(&["image", "set", &image, "hw_architecture=ia64"]);
    row("architecture of the image", "run no guests of architecture `ia64`").shown(&mut nova, &ask);
    nova.settle();
    smog(&["image", "set", &image, "hw_architecture=x86_64"]);
    boots("an architecture that is there", &ask);
}

#[test]
fn guests_that_are_there() {
    let (guest, big) = (unique("why-move"), unique("why-big"));
    let _flavor = flavor(&big, &["--ram", "30000"]);
    let _guests = Guests::named(&[&guest]);
    smog(&["boot", &guest, "-q", "--network", "none", "--flavor", "m1.nano", "--host", "cmp1"]);
    let (_, there) = answer(&[&guest]);
    assert_eq!(there["sentence"], "cmp2 fits", "{there:#}");
    let ran = lab().run(&["guest", "resize", &guest, "--flavor", &big]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("MiB of memory in all") && ran.err.contains("needs 30000 MiB"), "{}", ran.err);
    let nameless = lab().run(&["why-not", &guest]).expect(2);
    assert!(nameless.err.contains("does not record to which flavor"), "{}", nameless.err);
    let (ran, resized) = answer(&[&guest, "--flavor", &big]);
    assert_eq!(ran.code, 1, "{resized:#}");
    assert_eq!(resized["scheduler_log"]["placement_had_none"], true, "{resized:#}");
    // A request by its id, and what the scheduler logged of it.
    let pages = unique("why-req");
    let _pages = flavor(&pages, &["--ram", "2048", "--pages", "2048"]);
    let failed = unique("why-failed");
    let _failed = Guests::named(&[&failed]);
    let ran = lab().run(&["boot", &failed, "-q", "--network", "none", "--flavor", &pages]).expect(1);
    let request =
        ran.err.split("(request ").nth(1).and_then(|rest| rest.split(')').next()).expect("a request");
    let (_, by_request) = answer(&[request]);
    assert_eq!(by_request["scheduler_log"]["filter"], NUMA, "{by_request:#}");
    assert_eq!(by_request["hosts"][0]["reasons"][0]["by"], NUMA);
    // The other host is disabled: a live migration has nowhere to go.
    let _enable = undo(|| drop(lab().run(&["service", "enable", "cmp2", "-q"])));
    smog(&["service", "disable", "cmp2", "--reason", "why-not"]);
    let ran = lab().run(&["migrate", &guest]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("cmp2 is disabled (why-not)"), "{}", ran.err);
}

#[test]
fn numa_nodes_of_a_host_with_one() {
    let mut nova = Asked::default();
    // Two vCPUs are only given to one guest where a host has two shared CPUs.
    let hosts = ["--host", "cmp1", "--host", "cmp2"];
    let prepared = lab().run(
        &[
            &[
                "prepare",
                "--yes",
                "--set",
                "nova.conf:compute.cpu_shared_set=0-1",
                "--set",
                "nova.conf:compute.cpu_dedicated_set=",
            ],
            &hosts[..],
        ]
        .concat(),
    );
    let restore = undo(|| drop(lab().run(&["restore", "--yes"])));
    assert_eq!(prepared.code, 0, "{}{}", prepared.out, prepared.err);
    let (no, yes) = (unique("why-two"), unique("why-one"));
    let _flavors =
        (flavor(&no, &["--vcpus", "2", "--numa", "2"]), flavor(&yes, &["--vcpus", "2", "--numa", "1"]));
    eventually("both CPUs in placement", || lab().run(&["why-not", "--flavor", &yes]).code == 0);
    let row = Row { reason: "NUMA nodes", by: NUMA, what: "NUMA nodes", said: "each have 1 NUMA node" };
    row.shown(&mut nova, &["--flavor", &no]);
    nova.settle();
    boots("one NUMA node", &["--flavor", &yes]);
    drop(restore);
    let left = ssh("cmp1", "grep -c '^cpu_dedicated_set = 1' /etc/nova/nova.conf");
    assert_eq!(left.trim(), "1");
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
