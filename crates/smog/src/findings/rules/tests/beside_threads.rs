//! Faults of devices, networks, volumes, groups, hosts and logs: all of them hand-written states on top
//! of the recorded guest.

use serde_json::json;

use super::*;
use crate::cloud::{Flavor, Network, Port, PortBinding, ServerGroup, Volume};
use crate::libvirt::Secret;
use crate::oslo::OsloConfig;

const NOBODY: &str = "5309aaaa-0000-4000-8000-00000000eeee";

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).expect("what an API says")
}

fn details(cloud: &mut CloudSnapshot) -> &mut Details {
    machine_of(cloud).details.as_mut().expect("details")
}

fn machine_of(cloud: &mut CloudSnapshot) -> &mut Machine {
    host(cloud).machine.as_mut().expect("a machine")
}

fn conf(text: &str) -> Option<NovaConf> {
    Some(NovaConf::of(vec![OsloConfig::parse(text.to_string(), "nova.conf").expect("a file")]))
}

/// The recorded guest's own port, network and tap.
fn with_port(cloud: &mut CloudSnapshot, bound_to: &str, network_mtu: u32) {
    let id = cloud.servers[0].id.clone();
    cloud.ports = Some(vec![read::<Port>(json!({
        "id": "b7056ecd-5c6c-4ad7-b079-bf6fbdf6dd3f", "name": "", "network_id": "net", "status": "ACTIVE",
        "mac_address": "fa:16:3e:99:fb:4b", "device_id": id, "device_owner": "compute:nova",
        "binding:host_id": bound_to, "binding:vif_type": "ovs",
    }))]);
    cloud.networks = Some(vec![read::<Network>(json!({
        "id": "net", "name": "private", "status": "ACTIVE", "admin_state_up": true, "mtu": network_mtu,
    }))]);
    details(cloud).interfaces.insert("tapb7056ecd-5c".into(), 1500);
}

fn second_host(cloud: &mut CloudSnapshot, change: impl Fn(&mut HostSnapshot)) {
    let mut other = host(cloud).clone();
    (other.name, other.domains, other.processes) = ("cmp2".into(), vec![], vec![]);
    let machine = other.machine.as_mut().expect("a machine");
    machine.details.as_mut().expect("details").booted = 2;
    other.libvirt.as_mut().expect("libvirt").host_uuid = Some("cmp2-uuid".into());
    change(&mut other);
    cloud.hosts.insert("cmp2".into(), other);
}

fn with_specs(cloud: &mut CloudSnapshot, specs: &[(&str, &str)]) {
    let own = &mut cloud.servers[0].flavor.extra_specs;
    own.extend(specs.iter().map(|(key, value)| (key.to_string(), value.to_string())));
}

fn volume(cloud: &CloudSnapshot, id: &str, is_attached: bool) -> Volume {
    let attachments = if is_attached { vec![json!({"server_id": cloud.servers[0].id})] } else { vec![] };
    let status = if is_attached { "in-use" } else { "available" };
    read(json!({"id": id, "status": status, "attachments": attachments}))
}

fn with_disk_of(xml: &str, id: &str) -> String {
    xml.replace(
        "<target dev='vda' bus='virtio'/>",
        &format!("<target dev='vda' bus='virtio'/><serial>{id}</serial>"),
    )
}

const HOSTDEV: &str = "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' \
                       bus='0x3b' slot='0x02' function='0x1'/></source></hostdev></devices>";

type Fault = (&'static str, fn(&mut CloudSnapshot), &'static [&'static str]);

fn hold(faults: &[Fault]) {
    let mut wrong = Vec::new();
    for (what, fault, rules) in faults {
        let mut cloud = cloud();
        fault(&mut cloud);
        if fired(&cloud) != *rules {
            wrong.push(format!("{what}: {:?} instead of {rules:?}", fired(&cloud)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn cores_and_orders() {
    hold(&[
        (
            "isolate, and its sibling is another guest's",
            |cloud| {
                with_specs(cloud, &[("hw:cpu_thread_policy", "isolate")]);
                details(cloud).siblings = vec![set("0-1")];
                let mut other = cloud.servers[0].clone();
                (other.id, other.name) = (NOBODY.into(), "other".into());
                other.flavor.extra_specs.remove("hw:cpu_thread_policy");
                let xml = XML.replace(&cloud.servers[0].id, NOBODY).replace("cpuset='1'", "cpuset='0'");
                let mut process = (*host(cloud).processes[0]).clone();
                process.uuid = NOBODY.into();
                process.threads.iter_mut().for_each(|thread| thread.cpus = set("0"));
                host(cloud).processes.push(Arc::new(process));
                let found = DomainSnapshot {
                    domain: domain(&xml),
                    persistent: None,
                    state: DomainState::Running,
                    reason: 1,
                };
                host(cloud).domains.push(found);
                let mut allocation =
                    cloud.placement.as_ref().expect("placement").providers[0].allocations[0].clone();
                allocation.consumer = NOBODY.into();
                cloud.placement.as_mut().expect("placement").providers[0].allocations.push(allocation);
                machine_of(cloud).sets = Some(CpuSets { dedicated: Some(set("0-1")), shared: None });
                machine_of(cloud).cpus.online = set("0-2");
                cloud.servers.push(other);
            },
            &["sibling-used"],
        ),
        (
            "isolate, and its sibling is free",
            |cloud| {
                with_specs(cloud, &[("hw:cpu_thread_policy", "isolate")]);
                details(cloud).siblings = vec![set("0-1")];
            },
            &[],
        ),
        (
            "require, without siblings",
            |cloud| with_specs(cloud, &[("hw:cpu_thread_policy", "require")]),
            &["sibling-used"],
        ),
        (
            "require, with siblings",
            |cloud| {
                with_specs(cloud, &[("hw:cpu_thread_policy", "require")]);
                details(cloud).siblings = vec![set("0-1")];
            },
            &[],
        ),
        (
            "a daemon on an isolated CPU",
            |cloud| {
                details(cloud).isolated = set("1");
                details(cloud).programs = vec![Program { pid: 7, name: "daemon".into(), cpus: set("0-1") }];
            },
            &["intruder"],
        ),
        (
            "interrupts of a network card on an isolated CPU",
            |cloud| {
                details(cloud).isolated = set("1");
                details(cloud).interrupts = vec![interrupt("1", 12, "eth0-TxRx-1")];
            },
            &["intruder"],
        ),
        (
            "interrupts elsewhere, none so far, of a device passed through; and where nothing is isolated",
            |cloud| {
                details(cloud).isolated = set("1");
                details(cloud).interrupts = vec![
                    interrupt("0", 12, "eth0-TxRx-0"),
                    interrupt("1", 0, "nvme0q2"),
                    interrupt("1", 12, "vfio-msix[0](0000:3b:02.1)"),
                ];
            },
            &[],
        ),
        (
            "interrupts, and nothing is isolated",
            |cloud| details(cloud).interrupts = vec![interrupt("1", 12, "eth0-TxRx-1")],
            &[],
        ),
        (
            "a daemon, and nothing is isolated; the guest itself on an isolated CPU",
            |cloud| {
                let pid = process(cloud).pid;
                details(cloud).programs = vec![
                    Program { pid: 7, name: "daemon".into(), cpus: set("0") },
                    Program { pid, name: "qemu".into(), cpus: set("1") },
                ];
                details(cloud).isolated = set("1");
            },
            &[],
        ),
        (
            "QEMU was upgraded",
            |cloud| {
                let pid = process(cloud).pid;
                details(cloud).replaced.insert(pid);
            },
            &["old-qemu"],
        ),
        (
            "a flavor with a watchdog, a vIOMMU and two NUMA nodes, and a domain without",
            |cloud| {
                let specs =
                    [("hw:watchdog_action", "reset"), ("hw:viommu_model", "auto"), ("hw:numa_nodes", "2")];
                with_specs(cloud, &specs);
            },
            &["not-as-ordered"],
        ),
        (
            "a flavor with huge pages, and a domain without",
            |cloud| with_specs(cloud, &[("hw:mem_page_size", "large")]),
            &["not-as-ordered"],
        ),
        (
            "what leaves no mark, and what is off",
            |cloud| {
                with_specs(
                    cloud,
                    &[
                        ("hw:mem_page_size", "small"),
                        ("hw:watchdog_action", "disabled"),
                        ("trait:HW_CPU_X86_AVX", "required"),
                        ("hw:hide_hypervisor_id", "false"),
                    ],
                );
            },
            &[],
        ),
        (
            "an image with a watchdog, UEFI and another machine, and a domain without",
            |cloud| {
                let asked = [
                    ("hw_watchdog_action", "reset"),
                    ("hw_firmware_type", "uefi"),
                    ("hw_machine_type", "pc-q35-9.2"),
                    ("hw_disk_bus", "scsi"),
                    ("hw_vif_model", "e1000"),
                    ("hw_rng_model", "virtio"),
                    ("hw_qemu_guest_agent", "yes"),
                    ("hw_numa_nodes", "2"),
                ];
                with_image(cloud, &asked);
            },
            &["not-as-ordered"],
        ),
        (
            "the image's watchdog goes before the flavor's that is off",
            |cloud| {
                with_specs(cloud, &[("hw:watchdog_action", "disabled")]);
                with_image(cloud, &[("hw_machine_type", "pc"), ("hw_watchdog_action", "pause")]);
            },
            &["not-as-ordered"],
        ),
        (
            "an image whose wishes the flavor overrules, and what leaves no mark",
            |cloud| {
                with_specs(cloud, &[("hw:numa_nodes", "1"), ("hw_rng:allowed", "False")]);
                let asked = [
                    ("hw_machine_type", "pc"),
                    ("hw_cpu_policy", "shared"),
                    ("hw_numa_nodes", "2"),
                    ("hw_rng_model", "virtio"),
                    ("hw_disk_bus", "virtio"),
                    ("hw_vif_model", "virtio"),
                    ("hw_watchdog_action", "disabled"),
                    ("os_distro", "cirros"),
                ];
                with_image(cloud, &asked);
            },
            &[],
        ),
        (
            "the image's watchdog that is off goes before the flavor's",
            |cloud| {
                with_specs(cloud, &[("hw:watchdog_action", "reset")]);
                with_image(cloud, &[("hw_machine_type", "pc"), ("hw_watchdog_action", "disabled")]);
            },
            &[],
        ),
        ("Nova has no machine type recorded", |cloud| with_image(cloud, &[]), &["machine-type"]),
        (
            "the machine type of a server that is off and on no host",
            |cloud| {
                with_image(cloud, &[]);
                cloud.servers[0].status = "SHELVED_OFFLOADED".into();
                cloud.servers[0].host = None;
                cloud.hosts.clear();
                cloud.placement = None;
            },
            &[],
        ),
        ("image properties that Nova does not show", |cloud| cloud.servers[0].image_properties = None, &[]),
        (
            "less memory than ordered",
            |cloud| {
                with_xml(cloud, |xml| xml.replace("<memory unit='KiB'>131072", "<memory unit='KiB'>65536"))
            },
            &["not-as-ordered"],
        ),
    ]);
}

#[test]
fn ports_and_networks() {
    hold(&[
        ("all as it should be", |cloud| with_port(cloud, "cmp1", 1500), &[]),
        ("bound to another host", |cloud| with_port(cloud, "cmp9", 1500), &["port-binding"]),
        (
            "bound to two hosts while it moves",
            |cloud| {
                with_port(cloud, "cmp9", 1500);
                cloud.servers[0].task_state = Some("migrating".into());
                cloud.servers[0].updated = "2026-11-28T06:59:50Z".into();
            },
            &[],
        ),
        (
            "a second binding that is left over",
            |cloud| {
                with_port(cloud, "cmp1", 1500);
                let binding = |host: &str, status: &str| PortBinding {
                    host: host.into(),
                    status: status.into(),
                    vif_type: "ovs".into(),
                };
                let id = cloud.ports.as_ref().expect("ports")[0].id.clone();
                cloud.bindings.insert(id, vec![binding("cmp1", "ACTIVE"), binding("cmp2", "INACTIVE")]);
            },
            &["port-binding"],
        ),
        ("the network's MTU is another than the domain's", |cloud| with_port(cloud, "cmp1", 1450), &["mtu"]),
        (
            "the tap's is less",
            |cloud| {
                with_port(cloud, "cmp1", 1500);
                details(cloud).interfaces.insert("tapb7056ecd-5c".into(), 1400);
            },
            &["mtu"],
        ),
        (
            "a port in the switch of no server",
            |cloud| {
                let port = SwitchPort { name: "tap1".into(), server: Some(NOBODY.into()), port: None };
                details(cloud).switch = Some(vec![port]);
            },
            &["left-over-port"],
        ),
        (
            "the guest's own, and one of no guest",
            |cloud| {
                let own =
                    SwitchPort { name: "tap1".into(), server: Some(cloud.servers[0].id.clone()), port: None };
                details(cloud).switch = Some(vec![own, SwitchPort::default()]);
            },
            &[],
        ),
    ]);
}

#[test]
fn devices_volumes_and_secrets() {
    hold(&[
        (
            "a PCI device that the host has for itself",
            |cloud| {
                details(cloud).pci.insert("0000:3b:02.1".into(), Some("igbvf".into()));
                with_xml(cloud, |xml| xml.replace("</devices>", HOSTDEV));
            },
            &["pci"],
        ),
        (
            "a PCI device that is gone",
            |cloud| with_xml(cloud, |xml| xml.replace("</devices>", HOSTDEV)),
            &["pci"],
        ),
        (
            "a PCI device as it should be",
            |cloud| {
                details(cloud).pci.insert("0000:3b:02.1".into(), Some("vfio-pci".into()));
                with_xml(cloud, |xml| xml.replace("</devices>", HOSTDEV));
            },
            &[],
        ),
        (
            "placement has two booked",
            |cloud| {
                details(cloud).pci.insert("0000:3b:02.1".into(), Some("vfio-pci".into()));
                with_xml(cloud, |xml| xml.replace("</devices>", HOSTDEV));
                let allocations = &mut cloud.placement.as_mut().expect("placement").providers[0].allocations;
                allocations[0].resources.insert("CUSTOM_PCI_8086_1520".into(), 2);
            },
            &["pci"],
        ),
        (
            "Nova has a volume that the domain has not",
            |cloud| cloud.servers[0].volumes = vec![NOBODY.into()],
            &["volume"],
        ),
        (
            "the domain has a volume that Nova has not",
            |cloud| with_xml(cloud, |xml| with_disk_of(xml, NOBODY)),
            &["volume"],
        ),
        (
            "all three have it",
            |cloud| {
                cloud.servers[0].volumes = vec![NOBODY.into()];
                with_xml(cloud, |xml| with_disk_of(xml, NOBODY));
                cloud.volumes = Some(vec![volume(cloud, NOBODY, true)]);
            },
            &[],
        ),
        (
            "Cinder says that it is free",
            |cloud| {
                cloud.servers[0].volumes = vec![NOBODY.into()];
                with_xml(cloud, |xml| with_disk_of(xml, NOBODY));
                cloud.volumes = Some(vec![volume(cloud, NOBODY, false)]);
            },
            &["volume"],
        ),
        (
            "only Cinder says that it is attached",
            |cloud| cloud.volumes = Some(vec![volume(cloud, NOBODY, true)]),
            &["volume"],
        ),
        (
            "the secret of a server that is gone, and those that are needed",
            |cloud| {
                let own = cloud.servers[0].id.clone();
                let secret = |usage: &str, id: &str| Secret {
                    uuid: format!("{usage}-{id}"),
                    usage: usage.into(),
                    id: id.into(),
                };
                host(cloud).libvirt.as_mut().expect("libvirt").secrets =
                    vec![secret("vtpm", NOBODY), secret("vtpm", &own), secret("ceph", "client.nova secret")];
            },
            &["left-over-secret"],
        ),
        (
            "only secrets that are needed",
            |cloud| {
                let (usage, id) = ("vtpm".to_string(), cloud.servers[0].id.clone());
                host(cloud).libvirt.as_mut().expect("libvirt").secrets =
                    vec![Secret { uuid: "s".into(), usage, id }];
            },
            &[],
        ),
    ]);
}

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

/// 100 hosts with 20 guests each: judged by all rules in linear time.
///
/// `./bench rules` runs it; by itself it is not asked for, since it measures.
#[test]
#[ignore = "it measures: ./bench rules"]
#[expect(clippy::print_stdout, reason = "what it measured is for whoever asked")]
fn all_rules_at_scale() {
    // Joining the layers of each guest first, then each rule.
    let seconds = |hosts: usize| {
        let many = many(hosts);
        let begun = std::time::Instant::now();
        let guests = many.guests();
        let mut parts = vec![("joining the layers", begun.elapsed().as_secs_f64())];
        for rule in Rule::all() {
            let begun = std::time::Instant::now();
            let findings = rule.of_cloud(&many, &guests);
            parts.push((rule.name, begun.elapsed().as_secs_f64()));
            assert!(findings.is_empty(), "{:#?}", findings.first());
        }
        parts
    };
    let begun = std::time::Instant::now();
    for _ in 0..2000 {
        let read = (domain(XML), GuestProcess::parse_all(PROCESS));
        assert_eq!(read.1.len(), 1);
    }
    let reading = begun.elapsed().as_secs_f64();
    let (few, many) = (seconds(25), seconds(100));
    let sum = |parts: &[(&str, f64)]| parts.iter().map(|(_, took)| took).sum::<f64>();
    let (quarter, whole) = (sum(&few), sum(&many));
    let mut parts: Vec<(&str, f64, f64)> =
        few.iter().zip(&many).map(|((name, few), (_, many))| (*name, *many, many / few)).collect();
    parts.sort_by(|one, other| other.1.total_cmp(&one.1));
    for (name, took, times) in parts.into_iter().take(5) {
        println!("{name}: {:.0} % of it, {times:.1} times as long", took / whole * 100.0);
    }
    println!("25 hosts, 500 guests: {:.1} ms; 100 hosts, 2,000 guests: {:.1} ms", quarter * 1e3, whole * 1e3);
    println!("four times as much takes {:.1} times as long", whole / quarter);
    println!(
        "reading the XML and the processes of 2,000 guests takes {:.1} ms: judging is {:.2} of it",
        reading * 1e3,
        whole / reading
    );
    assert!(whole < quarter * 8.0, "not linear");
}

fn interrupt(cpus: &str, count: u64, name: &str) -> Interrupt {
    Interrupt { number: 42, cpus: set(cpus), count, name: name.into() }
}

/// The server's image as Nova shows it from microversion 2.98 on.
fn with_image(cloud: &mut CloudSnapshot, properties: &[(&str, &str)]) {
    let pair = |(name, value): &(&str, &str)| ((*name).to_string(), (*value).to_string());
    cloud.servers[0].image_properties = Some(properties.iter().map(pair).collect());
}

/// So many hosts with 20 guests each, all well.
fn many(hosts: usize) -> CloudSnapshot {
    let one = cloud();
    let mut many = CloudSnapshot { servers: vec![], hosts: BTreeMap::new(), ..one.clone() };
    let mut placement = Placement::default();
    let mut hypervisors = Vec::new();
    for number in 0..hosts {
        let name = format!("cmp{number}");
        let provider = format!("cmp{number}-id");
        let mut host = one.hosts["cmp1"].clone();
        host.name.clone_from(&name);
        host.libvirt.as_mut().expect("libvirt").host_uuid = Some(format!("uuid-{number}"));
        let machine = host.machine.as_mut().expect("a machine");
        machine.compute_id = Some(provider.clone());
        machine.sets = Some(CpuSets { dedicated: Some(set("1-20")), shared: Some(set("0")) });
        machine.cpus.online = set("0-21");
        machine.details.as_mut().expect("details").booted = number as i64;
        let (domain, process) = (host.domains.remove(0), host.processes.remove(0));
        let mut allocations = Vec::new();
        for guest in 0..20_u32 {
            let id = format!("{number:08x}-{guest:04x}-4000-8000-000000000000");
            let mut server = one.servers[0].clone();
            (server.id, server.name) = (id.clone(), format!("guest-{number}-{guest}"));
            server.host = Some(name.clone());
            let mut domain = domain.clone();
            let cpus: Cpuset = [guest + 1].into_iter().collect();
            let changed = Arc::make_mut(&mut domain.domain);
            changed.uuid.clone_from(&id);
            changed.cputune.vcpu_pins.insert(0, cpus.clone());
            changed.cputune.emulator_pin = Some(cpus.clone());
            domain.persistent = Some(domain.domain.clone());
            let mut process = (*process).clone();
            process.uuid.clone_from(&id);
            process.threads.iter_mut().for_each(|thread| thread.cpus = cpus.clone());
            host.domains.push(domain);
            host.processes.push(Arc::new(process));
            let held = one.placement.as_ref().expect("placement").providers[0].allocations[0].clone();
            allocations.push(Allocation { consumer: id, provider: provider.clone(), ..held });
            many.servers.push(server);
        }
        let snapshot = &one.placement.as_ref().expect("placement").providers[0];
        let mut found = snapshot.provider.clone();
        (found.id, found.root, found.name) = (provider.clone(), Some(provider.clone()), name.clone());
        placement.providers.push(ProviderSnapshot { provider: found, inventories: vec![], allocations });
        let mut hypervisor = one.hypervisors.as_ref().expect("hypervisors")[0].clone();
        (hypervisor.id, hypervisor.hypervisor_hostname) = (provider, name.clone());
        hypervisor.service.host.clone_from(&name);
        hypervisors.push(hypervisor);
        many.hosts.insert(name, host);
    }
    (many.placement, many.hypervisors) = (Some(placement), Some(hypervisors));
    many
}
