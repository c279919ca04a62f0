//! Each reason on facts made by hand, in the shape of the lab's (Epoxy): two hosts, and a change to one.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::answer::{HostVerdict, Verdict, sentence};
use super::facts::{Facts, HostFacts, ProviderFacts};
use super::judge::judge;
use super::wanted::{Wanted, WantedFlavor};
use crate::cloud::{
    Aggregate, Allocation, AvailabilityZone, ComputeService, Hypervisor, Inventory, Network, NetworkAgent,
    Provider, Server, ServerGroup, ServerTopology,
};
use crate::findings::NovaConf;
use crate::libvirt::Capabilities;
use crate::oslo::OsloConfig;

const FILTERS: &str = "ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,\
    ServerGroupAntiAffinityFilter,ServerGroupAffinityFilter,DifferentHostFilter,SameHostFilter,\
    NUMATopologyFilter,AggregateInstanceExtraSpecsFilter,AggregateImagePropertiesIsolation,\
    AggregateMultiTenancyIsolation,PciPassthroughFilter,NumInstancesFilter";

fn conf(text: &str) -> NovaConf {
    NovaConf::of(vec![OsloConfig::parse(text.to_string(), "nova.conf").expect("a configuration")])
}

fn service(host: &str) -> ComputeService {
    serde_json::from_value(json!({
        "id": host, "binary": "nova-compute", "host": host, "zone": "nova", "status": "enabled", "state": "up",
    }))
    .expect("a service")
}

fn hypervisor(host: &str) -> Hypervisor {
    serde_json::from_value(json!({
        "id": format!("id-{host}"), "hypervisor_hostname": host, "state": "up", "status": "enabled",
        "hypervisor_type": "QEMU", "hypervisor_version": 10_000_013, "service": {"host": host},
    }))
    .expect("a hypervisor")
}

fn inventory(class: &str, total: u64, ratio: f64, max_unit: u64) -> Inventory {
    Inventory {
        resource_class: class.into(),
        total,
        reserved: 0,
        min_unit: 1,
        max_unit,
        step_size: 1,
        allocation_ratio: ratio,
        used: 0,
    }
}

fn provider(host: &str) -> ProviderFacts {
    let id = format!("id-{host}");
    ProviderFacts {
        provider: Provider {
            id: id.clone(),
            name: host.into(),
            generation: 1,
            parent: None,
            root: Some(id),
            depth: 0,
        },
        inventories: vec![
            inventory("VCPU", 4, 4.0, 4),
            inventory("PCPU", 4, 1.0, 4),
            inventory("MEMORY_MB", 8192, 1.0, 8192),
            inventory("DISK_GB", 16, 1.0, 16),
        ],
        traits: vec!["COMPUTE_NODE".into(), "HW_ARCH_X86_64".into()],
        allocations: vec![],
    }
}

/// Two NUMA nodes of four CPUs: 0 and 1 (4 and 5) are shared, the others dedicated; 256 pages of 2 MiB.
fn machine() -> HostFacts {
    let cpu = |id: u32| format!("<cpu id='{id}' socket_id='0' core_id='{id}' siblings='{id}'/>");
    let cell = |id: u32| {
        let cpus: String = (id * 4..id * 4 + 4).map(cpu).collect();
        format!(
            "<cell id='{id}'><memory unit='KiB'>4194304</memory><pages unit='KiB' size='4'>917504</pages>\
             <pages unit='KiB' size='2048'>256</pages><cpus num='4'>{cpus}</cpus></cell>"
        )
    };
    let xml = format!(
        "<capabilities><host><cpu><arch>x86_64</arch></cpu><topology><cells num='2'>{}{}</cells></topology></host>\
         <guest><os_type>hvm</os_type><arch name='x86_64'><domain type='qemu'/></arch></guest></capabilities>",
        cell(0),
        cell(1)
    );
    HostFacts {
        conf: Ok(conf("[compute]\ncpu_shared_set = 0-1,4-5\ncpu_dedicated_set = 2-3,6-7\n")),
        capabilities: Ok(Capabilities::parse(xml, "test").expect("capabilities")),
        pci: Ok(vec![]),
    }
}

fn agent(host: &str, alive: bool) -> NetworkAgent {
    serde_json::from_value(json!({
        "agent_type": "Open vSwitch agent", "host": host, "alive": alive, "admin_state_up": true,
        "configurations": {"bridge_mappings": {"physnet1": "br-phy"}, "tunnel_types": ["vxlan"]},
    }))
    .expect("an agent")
}

/// A network of a kind, over a physical network.
fn network(kind: Option<&str>, physical: Option<&str>) -> Network {
    serde_json::from_value(json!({
        "id": "n1", "name": "n1", "status": "ACTIVE", "admin_state_up": true,
        "provider:network_type": kind, "provider:physical_network": physical,
    }))
    .expect("a network")
}

fn facts() -> Facts {
    let hosts = ["cmp1", "cmp2"];
    let of = |name: &str| (name.to_string(), machine());
    Facts {
        services: Ok(hosts.map(service).to_vec()),
        hypervisors: Ok(hosts.map(hypervisor).to_vec()),
        aggregates: Ok(vec![]),
        zones: Ok(["nova", "east"]
            .map(|name| AvailabilityZone { name: name.into(), available: true, hosts: BTreeMap::new() })
            .to_vec()),
        providers: Ok(hosts.map(provider).to_vec()),
        candidates: Ok(BTreeSet::from(hosts.map(|host| format!("id-{host}")))),
        left_out: BTreeMap::new(),
        servers: Ok(vec![]),
        topologies: BTreeMap::new(),
        scheduler: Ok(conf(&format!("[filter_scheduler]\nenabled_filters = {FILTERS}\n"))),
        hosts: hosts.map(of).into_iter().collect(),
        limits: Err("not asked".into()),
        agents: Ok(hosts.map(|host| agent(host, true)).to_vec()),
    }
}

fn wanted(specs: &[(&str, &str)]) -> Wanted {
    let extra_specs = specs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    Wanted {
        name: "flavor `f`".into(),
        flavor: WantedFlavor { vcpus: 2, ram_mib: 512, extra_specs, ..WantedFlavor::default() },
        project_id: Some("p1".into()),
        ..Wanted::default()
    }
}

fn judged(wanted: &Wanted, facts: &Facts) -> Vec<HostVerdict> {
    judge(wanted, &wanted.resources(), facts)
}

/// What is said of both hosts at once.
fn said(wanted: &Wanted, facts: &Facts) -> String {
    sentence(&judged(wanted, facts))
}

/// With a change to the providers, after which placement names no host.
fn unnamed(change: impl Fn(&mut ProviderFacts)) -> Facts {
    let mut facts = facts();
    facts.candidates = Ok(BTreeSet::new());
    facts.providers.iter_mut().flatten().for_each(change);
    facts
}

fn server(id: &str, host: &str) -> Server {
    serde_json::from_value(json!({
        "id": id, "name": id, "status": "ACTIVE", "tenant_id": "p1", "user_id": "u", "created": "",
        "OS-EXT-SRV-ATTR:host": host, "flavor": {},
    }))
    .expect("a server")
}

fn aggregate(host: &str, zone: Option<&str>, metadata: &[(&str, &str)]) -> Aggregate {
    Aggregate {
        id: "1".into(),
        name: "fast".into(),
        uuid: Some("u-1".into()),
        availability_zone: zone.map(str::to_string),
        hosts: vec![host.into()],
        metadata: metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
    }
}

#[test]
fn what_placement_is_asked_for() {
    let asks = |wanted: &Wanted| {
        let groups = wanted.resources().groups;
        let of = |(suffix, ask): (&String, &super::wanted::Ask)| {
            let resources = ask.resources.iter().map(|(class, amount)| format!("{class}:{amount}"));
            let traits =
                ask.required.iter().cloned().chain(ask.forbidden.iter().map(|name| format!("!{name}")));
            format!("{suffix}{}", resources.chain(traits).collect::<Vec<_>>().join(","))
        };
        groups.iter().map(of).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(asks(&wanted(&[])), "MEMORY_MB:512,VCPU:2");
    assert_eq!(asks(&wanted(&[("hw:cpu_policy", "dedicated")])), "MEMORY_MB:512,PCPU:2");
    let isolated = wanted(&[
        ("hw:cpu_policy", "mixed"),
        ("hw:cpu_dedicated_mask", "^0"),
        ("hw:emulator_threads_policy", "isolate"),
        ("hw:cpu_thread_policy", "isolate"),
    ]);
    assert_eq!(asks(&isolated), "MEMORY_MB:512,PCPU:2,VCPU:1,!HW_CPU_HYPERTHREADING");
    let custom = wanted(&[
        ("resources:CUSTOM_X", "1"),
        ("resources:VCPU", "0"),
        ("trait:CUSTOM_T", "required"),
        ("trait:CUSTOM_U", "forbidden"),
        ("resources1:VF", "2"),
        ("trait1:CUSTOM_NET", "required"),
    ]);
    assert_eq!(asks(&custom), "CUSTOM_X:1,MEMORY_MB:512,CUSTOM_T,!CUSTOM_U 1VF:2,CUSTOM_NET");
    let mut with_disk = wanted(&[]);
    (with_disk.flavor.disk_gib, with_disk.flavor.swap_mib) = (10, 1025);
    with_disk.image.insert("trait:HW_CPU_X86_AVX2".into(), "required".into());
    with_disk.image.insert("hw_tpm_version".into(), "2.0".into());
    assert_eq!(
        asks(&with_disk),
        "DISK_GB:12,MEMORY_MB:512,VCPU:2,COMPUTE_SECURITY_TPM_2_0,COMPUTE_SECURITY_TPM_TIS,HW_CPU_X86_AVX2"
    );
    with_disk.boots_from_volume = true;
    assert!(asks(&with_disk).starts_with("DISK_GB:2,"), "{}", asks(&with_disk));
}

#[test]
fn both_fit_when_nothing_rules_them_out() {
    assert_eq!(said(&wanted(&[]), &facts()), "cmp1 and cmp2 fit");
    assert_eq!(said(&wanted(&[("hw:cpu_policy", "dedicated")]), &facts()), "cmp1 and cmp2 fit");
    let only = Wanted { host: Some("cmp2".into()), ..wanted(&[]) };
    assert_eq!(said(&only, &facts()), "cmp2 fits");
}

#[test]
fn resources_and_traits() {
    let big = |change: fn(&mut WantedFlavor)| {
        let mut wanted = wanted(&[]);
        change(&mut wanted.flavor);
        said(&wanted, &unnamed(|_| {}))
    };
    assert_eq!(
        big(|flavor| flavor.ram_mib = 9000),
        "cmp1 and cmp2 each have 8192 MiB of memory in all; flavor `f` needs 9000 MiB"
    );
    assert_eq!(
        big(|flavor| flavor.vcpus = 5),
        "cmp1 and cmp2 give at most 4 VCPU to one server; flavor `f` needs 5"
    );
    assert_eq!(
        big(|flavor| flavor.disk_gib = 17),
        "cmp1 and cmp2 each have 16 GiB of disk in all; flavor `f` needs 17 GiB"
    );
    let none = unnamed(|one| one.inventories.retain(|inventory| inventory.resource_class != "PCPU"));
    assert_eq!(
        said(&wanted(&[("hw:cpu_policy", "dedicated")]), &none),
        "cmp1 and cmp2 each have no PCPU (dedicated CPUs); flavor `f` needs 2"
    );
    let used = unnamed(|one| {
        one.inventories[1].used = 3;
        let resources = BTreeMap::from([("PCPU".to_string(), 3)]);
        one.allocations.push(Allocation {
            consumer: "web".into(),
            provider: one.provider.id.clone(),
            resources,
        });
    });
    let found = judged(&wanted(&[("hw:cpu_policy", "dedicated")]), &used);
    assert_eq!(
        found[0].words(),
        "has 1 of 4 PCPU (dedicated CPUs) free; flavor `f` needs 2",
        "what is free, not what there is"
    );
    assert_eq!((found[0].reasons[0].has, found[0].reasons[0].needs), (Some(1), Some(2)));
    assert_eq!(
        found[0].reasons[0].helps,
        ["moving or deleting {web} on cmp1, which holds 3 PCPU (dedicated CPUs)"]
    );
    assert_eq!(
        said(&wanted(&[("trait:CUSTOM_T", "required")]), &unnamed(|_| {})),
        "cmp1 and cmp2 lack the trait CUSTOM_T; flavor `f` requires it"
    );
    assert_eq!(
        said(&wanted(&[("trait:HW_ARCH_X86_64", "forbidden")]), &unnamed(|_| {})),
        "cmp1 and cmp2 have the trait HW_ARCH_X86_64; flavor `f` forbids it"
    );
    // Nothing visible: what it hangs on by placement's own word.
    let mut hidden = unnamed(|_| {});
    hidden.left_out.insert("id-cmp1".into(), vec!["2 VCPU".into()]);
    assert!(judged(&wanted(&[]), &hidden)[0].words().starts_with("does not provide 2 VCPU"));
    assert_eq!(judged(&wanted(&[]), &hidden)[1].verdict, Verdict::RuledOut);
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
fn what_could_not_be_read_never_fits() {
    let verdicts = |facts: &Facts, wanted: &Wanted| {
        judged(wanted, facts).into_iter().map(|one| one.verdict).collect::<Vec<_>>()
    };
    let mut blind = facts();
    blind.candidates = Err("the user's roles do not allow to look".into());
    assert_eq!(verdicts(&blind, &wanted(&[])), [Verdict::Unknown; 2]);
    assert_eq!(said(&wanted(&[]), &blind), "whether cmp1 and cmp2 could take it is not known");
    let mut silent = facts();
    silent.hosts.remove("cmp1");
    assert_eq!(verdicts(&silent, &wanted(&[])), [Verdict::Fits; 2], "nothing is asked of the host itself");
    assert_eq!(verdicts(&silent, &wanted(&[("hw:numa_nodes", "1")])), [Verdict::Fits, Verdict::Unknown]);
    let mut unread = facts();
    unread.scheduler = Err("no answer".into());
    assert_eq!(verdicts(&unread, &wanted(&[])), [Verdict::Unknown; 2], "another filter may be enabled");
    unread.services.iter_mut().flatten().for_each(|one| one.state = "down".into());
    assert_eq!(verdicts(&unread, &wanted(&[])), [Verdict::RuledOut; 2], "the default filters are computed");
    unread.services = facts().services;
    let found = judged(&wanted(&[("aggregate_instance_extra_specs:ssd", "true")]), &unread);
    assert!(found[0].words().contains("if it is enabled: it is in no aggregate with `ssd`"), "{found:#?}");
    let mut narrowed = facts();
    narrowed.scheduler = Ok(conf("[scheduler]\nlimit_tenants_to_placement_aggregate = True\n"));
    assert_eq!(verdicts(&narrowed, &wanted(&[])), [Verdict::Unknown; 2]);
    let mut foreign = facts();
    foreign.scheduler = Ok(conf("[filter_scheduler]\nenabled_filters = ComputeFilter,our.own.RackFilter\n"));
    assert_eq!(verdicts(&foreign, &wanted(&[])), [Verdict::Unknown; 2]);
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
