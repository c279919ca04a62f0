//! The scheduler's filters.

use super::*;

fn server(id: &str, host: &str) -> Server {
    serde_json::from_value(json!({
        "id": id, "name": id, "status": "ACTIVE", "tenant_id": "p1", "user_id": "u", "created": "",
        "OS-EXT-SRV-ATTR:host": host, "flavor": {},
    }))
    .expect("a server")
}

#[test]
fn services() {
    let with = |change: fn(&mut ComputeService)| {
        let mut facts = facts();
        facts.services.iter_mut().flatten().take(1).for_each(change);
        let found = judged(&wanted(&[]), &facts);
        assert_eq!((found[0].host.as_str(), found[0].verdict), ("cmp2", Verdict::Fits));
        found[1].words()
    };
    assert_eq!(with(|one| one.status = "disabled".into()), "is disabled");
    let auto = with(|one| {
        one.status = "disabled".into();
        one.disabled_reason = Some("AUTO: Connection to libvirt lost".into());
    });
    assert_eq!(auto, "is disabled by nova-compute itself (AUTO: Connection to libvirt lost)");
    assert_eq!(with(|one| (one.state, one.forced_down) = ("down".into(), true)), "is forced down");
    assert_eq!(with(|one| one.state = "down".into()), "is down");
    let mut disabled = unnamed(|one| one.traits.push("COMPUTE_STATUS_DISABLED".into()));
    disabled.services.iter_mut().flatten().for_each(|one| one.status = "disabled".into());
    assert_eq!(said(&wanted(&[]), &disabled), "cmp1 and cmp2 are disabled");
    assert_eq!(judged(&wanted(&[]), &disabled)[0].reasons.len(), 1, "it is said once");
}

#[test]
fn zones_and_aggregates() {
    let mut zoned = facts();
    zoned.aggregates =
        Ok(vec![aggregate("cmp2", Some("east"), &[("ssd", "true"), ("filter_tenant_id", "p2")])]);
    zoned.candidates = Ok(BTreeSet::from(["id-cmp2".to_string()]));
    let found = judged(&Wanted { zone: Some("east".into()), ..wanted(&[]) }, &zoned);
    let words = |host: &str| found.iter().find(|one| one.host == host).expect("a host").words();
    assert_eq!(words("cmp1"), "is not in the availability zone `east`; cmp2 is in it");
    assert_eq!(
        words("cmp2"),
        "is in the aggregate `fast`, which is for other projects; the server is of project p1"
    );
    zoned.candidates = facts().candidates;
    let own =
        Wanted { project_id: Some("p2".into()), ..wanted(&[("aggregate_instance_extra_specs:ssd", "true")]) };
    let found = judged(&own, &zoned);
    assert_eq!((found[0].host.as_str(), found[0].verdict), ("cmp2", Verdict::Fits));
    assert_eq!(found[1].words(), "is in no aggregate with `ssd`; flavor `f` wants ssd=true");
    let other = wanted(&[("aggregate_instance_extra_specs:ssd", "false")]);
    assert!(
        !judged(&Wanted { project_id: Some("p2".into()), ..other }, &zoned)
            .iter()
            .any(|one| one.verdict == Verdict::Fits)
    );
    let mut windows = own.clone();
    windows.flavor.extra_specs.clear();
    windows.image.insert("ssd".into(), "false".into());
    assert_eq!(
        judged(&windows, &zoned)[1].words(),
        "is in an aggregate for images with ssd=true; the image has ssd=false"
    );
}

#[test]
fn groups_and_hints() {
    let mut crowded = facts();
    crowded.servers = Ok(vec![server("a", "cmp1"), server("b", "cmp2")]);
    let group = |policy: &str, members: &[&str]| ServerGroup {
        id: "g".into(),
        name: "g".into(),
        policy: policy.into(),
        rules: BTreeMap::new(),
        members: members.iter().map(ToString::to_string).collect(),
        project_id: "p1".into(),
    };
    let with = |group| said(&Wanted { groups: vec![group], ..wanted(&[]) }, &crowded);
    assert_eq!(with(group("anti-affinity", &["a"])), "cmp2 fits");
    assert_eq!(
        with(group("anti-affinity", &["a", "b"])),
        "cmp1 and cmp2 each have 1 member of the anti-affinity group `g`; at most 1 may be on one host"
    );
    let mut two = group("anti-affinity", &["a", "b"]);
    two.rules.insert("max_server_per_host".into(), json!("2"));
    assert_eq!(with(two), "cmp1 and cmp2 fit");
    assert_eq!(with(group("affinity", &["b"])), "cmp2 fits");
    assert_eq!(with(group("affinity", &[])), "cmp1 and cmp2 fit");
    let same = Wanted { same_host: vec!["a".into()], ..wanted(&[]) };
    assert_eq!(said(&same, &crowded), "cmp1 fits");
    let apart = Wanted { different_host: vec!["a".into()], ..wanted(&[]) };
    assert_eq!(said(&apart, &crowded), "cmp2 fits");
    let moved = Wanted { source: Some("cmp1".into()), ..wanted(&[]) };
    assert_eq!(judged(&moved, &crowded)[1].words(), "is the host that the guest leaves");
    let away = sentence(&judged(
        &Wanted { source: Some("cmp1".into()), ..wanted(&[]) },
        &unnamed(|one| {
            if one.provider.name == "cmp2" {
                one.inventories.clear();
            }
        }),
    ));
    assert!(
        away.starts_with("cmp2 has no ") && away.ends_with("cmp1 is the host that the guest leaves"),
        "{away}"
    );
}

#[test]
fn numa_nodes_pages_and_cpus() {
    let with = |specs: &[(&str, &str)], vcpus, ram_mib| {
        let mut wanted = wanted(specs);
        (wanted.flavor.vcpus, wanted.flavor.ram_mib) = (vcpus, ram_mib);
        said(&wanted, &facts())
    };
    assert_eq!(
        with(&[("hw:numa_nodes", "4")], 4, 512),
        "cmp1 and cmp2 each have 2 NUMA nodes; flavor `f` needs 4"
    );
    assert_eq!(with(&[("hw:numa_nodes", "2")], 4, 512), "cmp1 and cmp2 fit");
    assert_eq!(
        with(&[("hw:cpu_policy", "dedicated")], 3, 512),
        "cmp1 and cmp2 each have at most 2 dedicated CPUs in one NUMA node; flavor `f` needs 3 in one"
    );
    assert_eq!(with(&[("hw:cpu_policy", "dedicated"), ("hw:numa_nodes", "2")], 4, 512), "cmp1 and cmp2 fit");
    assert_eq!(
        with(&[("hw:mem_page_size", "2MB")], 1, 1024),
        "cmp1 and cmp2 each have at most 256 pages of 2 MiB in one NUMA node; flavor `f` needs 512 in one"
    );
    assert_eq!(with(&[("hw:mem_page_size", "large")], 1, 512), "cmp1 and cmp2 fit");
    assert_eq!(
        with(&[("hw:mem_page_size", "1GB")], 1, 1024),
        "cmp1 and cmp2 each have no pages of 1 GiB; flavor `f` needs them"
    );
    assert_eq!(
        with(&[("hw:numa_nodes", "1")], 1, 4096),
        "cmp1 and cmp2 each have at most 3584 of 3584 MiB of memory free in one NUMA node; flavor `f` needs 4096 MiB in one"
    );
    assert_eq!(
        with(&[("hw:cpu_policy", "dedicated"), ("hw:cpu_thread_policy", "require")], 2, 512),
        "cmp1 and cmp2 have no CPUs that are threads of one core; flavor `f` requires them"
    );
}

#[test]
fn what_other_guests_hold_of_a_node() {
    let topology: ServerTopology = serde_json::from_value(json!({
        "pagesize_kb": 2048,
        "nodes": [{"host_node": 0, "memory_mb": 256, "vcpu_set": [0], "siblings": [], "cpu_pinning": {"0": 2}},
                  {"host_node": 1, "memory_mb": 128, "vcpu_set": [1], "siblings": [], "cpu_pinning": {"1": 6}}],
    }))
    .expect("a topology");
    let mut busy = facts();
    busy.servers = Ok(vec![server("a", "cmp1"), server("b", "cmp2")]);
    busy.topologies = ["a", "b"].map(|id| (id.to_string(), Ok(topology.clone()))).into_iter().collect();
    let pinned = wanted(&[("hw:cpu_policy", "dedicated")]);
    let found = judged(&pinned, &busy);
    assert_eq!(
        found[0].words(),
        "has at most 1 of 2 dedicated CPUs free in one NUMA node; flavor `f` needs 2 in one"
    );
    let mut paged = wanted(&[("hw:mem_page_size", "2048")]);
    paged.flavor.ram_mib = 500;
    let found = judged(&paged, &busy);
    assert_eq!(
        found[0].words(),
        "has at most 192 of 256 pages of 2 MiB free in one NUMA node; flavor `f` needs 250 in one"
    );
    assert_eq!(
        found[0].reasons[0].helps,
        ["moving or deleting {a} on NUMA node 1, which holds 64 pages of 2 MiB"]
    );
    // The guest itself is not in its own way, and what is not known fits nowhere.
    let own = Wanted { guest: Some("a".into()), ..pinned.clone() };
    assert_eq!(judged(&own, &busy)[0].verdict, Verdict::Fits);
    busy.topologies.insert("b".into(), Err("no answer".into()));
    let found = judged(&pinned, &busy);
    assert_eq!((found[1].host.as_str(), found[1].verdict), ("cmp2", Verdict::Unknown), "{found:#?}");
}

#[test]
fn images_capabilities_devices_and_counts() {
    let mut kvm = wanted(&[]);
    kvm.image.insert("img_hv_type".into(), "kvm".into());
    assert_eq!(
        said(&kvm, &facts()),
        "cmp1 and cmp2 run no guests of hypervisor `kvm` (libvirt offers qemu); the image's properties ask for them"
    );
    let mut arch = wanted(&[]);
    arch.image.insert("architecture".into(), "amd64".into());
    assert_eq!(said(&arch, &facts()), "cmp1 and cmp2 fit");
    arch.image.insert("architecture".into(), "sparc".into());
    assert!(said(&arch, &facts()).contains("architecture `sparc`"));
    assert_eq!(
        said(&wanted(&[("capabilities:hypervisor_type", "s== VMware")]), &facts()),
        "cmp1 and cmp2 have hypervisor_type `QEMU`; flavor `f` wants hypervisor_type `s== VMware`"
    );
    assert_eq!(
        said(&wanted(&[("capabilities:hypervisor_version", ">= 8000000")]), &facts()),
        "cmp1 and cmp2 fit"
    );
    assert_eq!(
        judged(&wanted(&[("capabilities:free_ram_mb", ">= 1")]), &facts())[0].verdict,
        Verdict::Unknown
    );
    let device = wanted(&[("pci_passthrough:alias", "nic:2")]);
    assert!(said(&device, &facts()).contains("no PCI alias `nic`"), "{}", said(&device, &facts()));
    let mut defined = facts();
    let text = format!(
        "[filter_scheduler]\nenabled_filters = {FILTERS}\n[pci]\nalias = {{\"name\": \"nic\", \"vendor_id\": \"8086\"}}\n"
    );
    defined.scheduler = Ok(conf(&text));
    assert!(said(&device, &defined).contains("no `[pci]device_spec`"), "{}", said(&device, &defined));
    let mut crowded = facts();
    crowded.scheduler =
        Ok(conf("[filter_scheduler]\nenabled_filters = NumInstancesFilter\nmax_instances_per_host = 1\n"));
    crowded.servers = Ok(vec![server("a", "cmp1"), server("b", "cmp2")]);
    assert_eq!(said(&wanted(&[]), &crowded), "cmp1 and cmp2 each have 1 guest; max_instances_per_host is 1");
}

#[test]
fn networks() {
    let said = |network: Network, change: fn(&mut Facts)| {
        let (mut facts, mut wanted) = (facts(), wanted(&[]));
        change(&mut facts);
        wanted.networks = vec![network];
        let hosts = judge(&wanted, &wanted.resources(), &facts);
        let cmp1 = hosts.into_iter().find(|host| host.host == "cmp1").expect("cmp1");
        (cmp1.verdict, cmp1.words())
    };
    let flat = |name: &'static str| network(Some("flat"), Some(name));
    let fits = (Verdict::Fits, String::new());
    let out = |words: &str| (Verdict::RuledOut, words.to_string());
    assert_eq!(said(flat("physnet1"), |_| ()), fits);
    assert_eq!(said(network(Some("vxlan"), None), |_| ()), fits);
    assert_eq!(
        said(flat("other"), |_| ()),
        out("does not reach network `n1`: its agent lacks the physical network `other`")
    );
    assert_eq!(
        said(network(Some("gre"), None), |_| ()),
        out("does not reach network `n1`: its agent lacks gre tunnels")
    );
    assert_eq!(
        said(flat("physnet1"), |facts| facts.agents = Ok(vec![agent("cmp1", false)])),
        out("has only a network agent that is down (Open vSwitch agent)")
    );
    assert_eq!(
        said(flat("physnet1"), |facts| facts.agents = Ok(vec![agent("cmp2", true)])),
        out("has no agent of Neutron's that binds ports")
    );
    // What is not shown is unknown, and never fits.
    assert_eq!(said(network(None, None), |_| ()).0, Verdict::Unknown);
    assert_eq!(said(flat("physnet1"), |facts| facts.agents = Err("no answer".into())).0, Verdict::Unknown);
}
