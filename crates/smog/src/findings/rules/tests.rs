//! Rules on recorded and hand-written states: each red on its own fault, silent without it, and
//! silent while Nova is at work. What the recordings are from: tests/data/README.md.

mod more;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Rule;
use crate::cloud::{Allocation, Hypervisor, Migration, Provider, Server, ServerTopology};
use crate::cpuset::Cpuset;
use crate::findings::*;
use crate::host::{GuestProcess, Policy, Role, ServiceRole};
use crate::libvirt::{Daemon, Domain, DomainState};

const SERVER: &str = include_str!("../../../tests/data/api/server-pinned-epoxy.json");
const XML: &str = include_str!("../../../tests/data/domain/epoxy-pinned.xml");
const PROCESS: &str = include_str!("../../../tests/data/host/epoxy-pinned-process.txt");
const HUGE_XML: &str = include_str!("../../../tests/data/domain/epoxy-huge-pages.xml");
const HUGE_PROCESS: &str = include_str!("../../../tests/data/host/epoxy-huge-pages-process.txt");

fn set(text: &str) -> Cpuset {
    text.parse().expect("a CPU set")
}

fn domain(xml: &str) -> Arc<Domain> {
    Arc::new(Domain::parse(xml, "a recording").expect("domain XML"))
}

fn machine() -> Machine {
    let sets = CpuSets { dedicated: Some(set("1")), shared: Some(set("0")) };
    Machine {
        cpus: CpuMap { online: set("0-1"), ..CpuMap::default() },
        offline: Cpuset::new(),
        memory_kib: 24 << 20,
        conf: None,
        sets: Some(sets),
        compute_id: Some("cmp1-id".into()),
        instances_path: "/var/lib/nova/instances".into(),
        instances: vec!["_base".into()],
        instances_on: "/dev/vda1 ext4".into(),
        services: Vec::new(),
        scheduler: None,
        details: Some(Details { kernel: "6.1".into(), booted: 1, ..Details::default() }),
    }
}

#[test]
fn a_folder_is_one_only_on_storage_that_both_hosts_mount() {
    use super::places::are_one_folder;
    assert!(!are_one_folder(&machine(), &machine()), "two local disks with the same entries");
    let on = |place: &str| Machine { instances_on: place.into(), ..machine() };
    assert!(are_one_folder(&on("192.0.2.1:/instances nfs4"), &on("192.0.2.1:/instances nfs4")));
    assert!(!are_one_folder(&on("192.0.2.1:/instances nfs4"), &on("192.0.2.2:/instances nfs4")));
    assert!(are_one_folder(&on(""), &on("")), "recordings of an earlier smog do not say it");
}

/// The recorded pinned guest on cmp1, all layers agreeing.
fn cloud() -> CloudSnapshot {
    let mut server: Server = serde_json::from_str(SERVER).expect("the recorded server");
    let domain = domain(XML);
    let mut process = GuestProcess::parse_all(PROCESS).remove(0);
    (server.host, server.id) = (Some("cmp1".into()), domain.uuid.clone());
    (server.status, server.task_state, server.power_state) = ("ACTIVE".into(), None, 1);
    server.hypervisor_hostname = None;
    server.flavor.vcpus = 1;
    server.flavor.extra_specs.insert("hw:cpu_policy".into(), "dedicated".into());
    process.uuid.clone_from(&server.id);
    let allocation = Allocation {
        consumer: server.id.clone(),
        provider: "cmp1-id".into(),
        resources: [("PCPU".to_string(), 1), ("MEMORY_MB".to_string(), server.flavor.ram_mib)].into(),
    };
    let hypervisor: Hypervisor = serde_json::from_value(serde_json::json!({
        "id": "cmp1-id", "hypervisor_hostname": "cmp1", "state": "up", "status": "enabled",
        "hypervisor_type": "QEMU", "service": {"host": "cmp1"},
    }))
    .expect("a hypervisor");
    let provider: Provider = serde_json::from_value(serde_json::json!({
        "uuid": "cmp1-id", "name": "cmp1", "generation": 1, "root_provider_uuid": "cmp1-id",
    }))
    .expect("a provider");
    let found = DomainSnapshot {
        domain: domain.clone(),
        persistent: Some(domain),
        state: DomainState::Running,
        reason: 1,
    };
    let host = HostSnapshot {
        name: "cmp1".into(),
        domains: vec![found],
        processes: vec![Arc::new(process)],
        machine: Some(machine()),
        libvirt: Some(Daemon { host_uuid: Some("cmp1-uuid".into()), ..Daemon::default() }),
    };
    CloudSnapshot {
        at: "2026-11-28T07:00:00Z".parse().expect("a time"),
        stuck_after: Duration::from_secs(600),
        is_whole: true,
        servers: vec![server],
        services: Some(Vec::new()),
        hypervisors: Some(vec![hypervisor]),
        aggregates: Some(Vec::new()),
        migrations: Some(Vec::new()),
        placement: Some(Placement {
            providers: vec![ProviderSnapshot {
                provider,
                inventories: Vec::new(),
                allocations: vec![allocation],
            }],
            ..Placement::default()
        }),
        hosts: BTreeMap::from([("cmp1".to_string(), host)]),
        ..CloudSnapshot::default()
    }
}

/// The names of the rules that find something.
fn fired(cloud: &CloudSnapshot) -> Vec<&'static str> {
    let guests = cloud.guests();
    let found: Vec<Finding> = Rule::all().flat_map(|rule| rule.of_cloud(cloud, &guests)).collect();
    for one in &found {
        assert!(!one.sentence.is_empty() && !one.advice.is_empty() && !one.command.is_empty(), "{one:#?}");
        assert!(!one.evidence.is_empty(), "{one:#?}");
    }
    // A baseline can keep each of them apart.
    let keys: BTreeSet<String> = found.iter().map(Finding::key).collect();
    assert_eq!(keys.len(), found.len(), "{keys:#?}");
    let names: BTreeSet<&'static str> = found.iter().map(|one| one.rule).collect();
    names.into_iter().collect()
}

fn host(cloud: &mut CloudSnapshot) -> &mut HostSnapshot {
    cloud.hosts.get_mut("cmp1").expect("the host")
}

fn process(cloud: &mut CloudSnapshot) -> &mut GuestProcess {
    Arc::make_mut(&mut host(cloud).processes[0])
}

fn with_xml(cloud: &mut CloudSnapshot, change: impl Fn(&str) -> String) {
    let changed = domain(&change(XML));
    let found = &mut host(cloud).domains[0];
    (found.domain, found.persistent) = (changed.clone(), Some(changed));
}

#[test]
fn a_healthy_guest_has_no_finding() {
    assert_eq!(fired(&cloud()), Vec::<&str>::new());
}

/// Each fault, and the rules that see it.
#[test]
fn each_fault_fires_its_rule() {
    type Fault = (&'static str, fn(&mut CloudSnapshot), &'static [&'static str]);
    let faults: &[Fault] = &[
        (
            "a vCPU thread moved",
            |cloud| {
                for thread in &mut process(cloud).threads {
                    if matches!(thread.role, Role::Vcpu(_)) {
                        thread.cpus = set("0-1");
                    }
                }
            },
            &["vcpu-affinity"],
        ),
        (
            "the main thread moved",
            |cloud| {
                let pid = process(cloud).pid;
                process(cloud)
                    .threads
                    .iter_mut()
                    .filter(|thread| thread.tid == pid)
                    .for_each(|thread| thread.cpus = set("0"));
            },
            &["stray-threads"],
        ),
        (
            "a vCPU under a real-time policy",
            |cloud| {
                for thread in &mut process(cloud).threads {
                    if matches!(thread.role, Role::Vcpu(_)) {
                        thread.policy = Policy::Fifo;
                    }
                }
            },
            &["realtime"],
        ),
        (
            "its CPU is offline",
            |cloud| {
                let machine = host(cloud).machine.as_mut().expect("a machine");
                (machine.cpus.online, machine.offline) = (set("0"), set("1"));
            },
            &["pinned-cpu-offline"],
        ),
        (
            "declared in huge pages, and in small ones",
            |cloud| {
                with_xml(cloud, |xml| {
                    xml.replace("</currentMemory>", "</currentMemory><memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking>")
                });
            },
            &["pages"],
        ),
        (
            "memory on another NUMA node",
            |cloud| {
                for map in process(cloud).memory.iter_mut().flat_map(|memory| &mut memory.numa_maps) {
                    map.pages = map.pages.iter().map(|(node, pages)| (node + 1, *pages)).collect();
                }
            },
            &["memory-elsewhere"],
        ),
        (
            "another definition from its next start",
            |cloud| {
                let other =
                    domain(&XML.replace("<vcpupin vcpu='0' cpuset='1'/>", "<vcpupin vcpu='0' cpuset='0'/>"));
                host(cloud).domains[0].persistent = Some(other);
            },
            &["persistent-differs"],
        ),
        (
            "the sets are others now",
            |cloud| {
                let sets = CpuSets { dedicated: Some(set("0")), shared: Some(set("1")) };
                host(cloud).machine.as_mut().expect("a machine").sets = Some(sets);
            },
            &["off-sets"],
        ),
        (
            "both sets have one CPU",
            |cloud| {
                let sets = CpuSets { dedicated: Some(set("0-1")), shared: Some(set("0")) };
                host(cloud).machine.as_mut().expect("a machine").sets = Some(sets);
            },
            &["cpu-sets"],
        ),
        (
            "Nova's record has another CPU",
            |cloud| {
                let topology: ServerTopology = serde_json::from_value(serde_json::json!({
                    "nodes": [{"memory_mb": 96, "host_node": 0, "vcpu_set": [0], "cpu_pinning": {"0": 5}}],
                }))
                .expect("a topology");
                let id = cloud.servers[0].id.clone();
                cloud.topologies.insert(id, topology);
            },
            &["topology-record"],
        ),
        (
            "paused by an I/O error",
            |cloud| {
                (host(cloud).domains[0].state, host(cloud).domains[0].reason) = (DomainState::Paused, 5);
            },
            &["power"],
        ),
        (
            "its domain is gone",
            |cloud| {
                host(cloud).domains.clear();
                host(cloud).processes.clear();
            },
            &["power"],
        ),
        (
            "no server of that domain",
            |cloud| {
                cloud.servers.clear();
                cloud.placement.as_mut().expect("placement").providers[0].allocations.clear();
            },
            &["stranger"],
        ),
        (
            "an allocation of no server",
            |cloud| {
                let allocations = &mut cloud.placement.as_mut().expect("placement").providers[0].allocations;
                let more = Allocation { consumer: "nobody".into(), ..allocations[0].clone() };
                allocations.push(more);
            },
            &["orphan-allocation"],
        ),
        (
            "nothing is booked",
            |cloud| {
                cloud.placement.as_mut().expect("placement").providers[0].allocations.clear();
            },
            &["unbooked"],
        ),
        (
            "too much is booked",
            |cloud| {
                let one = &mut cloud.placement.as_mut().expect("placement").providers[0].allocations[0];
                one.resources.insert("PCPU".into(), 3);
            },
            &["booked-otherwise"],
        ),
        (
            "a folder of no server",
            |cloud| {
                let machine = host(cloud).machine.as_mut().expect("a machine");
                machine.instances.push("5309aaaa-0000-4000-8000-00000000cccc".into());
            },
            &["left-over-files"],
        ),
        (
            "a configuration newer than its service",
            |cloud| {
                host(cloud).machine.as_mut().expect("a machine").services.push(RunningService {
                    role: ServiceRole::NovaCompute,
                    unit: "nova-compute.service".into(),
                    started: 1000,
                    files: vec![
                        ("/etc/nova/nova.conf".into(), 1010),
                        ("/etc/nova/nova-compute.conf".into(), 900),
                    ],
                });
            },
            &["not-what-runs"],
        ),
        (
            "another compute_id",
            |cloud| {
                host(cloud).machine.as_mut().expect("a machine").compute_id = Some("other".into());
            },
            &["provider"],
        ),
        (
            "a task that hangs",
            |cloud| {
                cloud.servers[0].task_state = Some("rebooting".into());
                cloud.servers[0].updated = "2026-11-28T06:00:00Z".into();
            },
            &["stuck-task"],
        ),
        (
            "a migration that hangs",
            |cloud| {
                let one: Migration = serde_json::from_value(serde_json::json!({
                "id": 7, "status": "running", "migration_type": "live-migration", "source_compute": "cmp1",
                "dest_compute": "cmp2", "created_at": "2026-11-28T06:00:00.000000",
                "instance_uuid": cloud.servers[0].id,
            })).expect("a migration");
                cloud.migrations = Some(vec![one]);
            },
            &["stuck-migration"],
        ),
    ];
    let mut wrong = Vec::new();
    for (what, fault, rules) in faults {
        let mut cloud = cloud();
        fault(&mut cloud);
        if fired(&cloud) != *rules {
            wrong.push(format!("{what}: {:?} instead of {rules:?}", fired(&cloud)));
        }
        // While Nova is at work on it, its layers differ rightly.
        let of_busy =
            ["vcpu-affinity", "stray-threads", "power", "unbooked", "booked-otherwise", "topology-record"];
        if rules.iter().any(|rule| of_busy.contains(rule)) {
            cloud.servers[0].task_state = Some("migrating".into());
            cloud.servers[0].updated = "2026-11-28T06:59:50Z".into();
            if !fired(&cloud).is_empty() {
                wrong.push(format!("{what}, while Nova is at work: {:?}", fired(&cloud)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_cpu_that_two_guests_may_run_on() {
    let mut both = cloud();
    let mut other = both.servers[0].clone();
    (other.id, other.name) = ("5309aaaa-0000-4000-8000-00000000dddd".into(), "other".into());
    other.flavor.extra_specs.clear();
    let xml = XML.replace(&both.servers[0].id, &other.id).replace("cpuset='1'", "cpuset='0'");
    let found =
        DomainSnapshot { domain: domain(&xml), persistent: None, state: DomainState::Running, reason: 1 };
    let mut process = GuestProcess::parse_all(PROCESS).remove(0);
    process.uuid.clone_from(&other.id);
    process.threads.iter_mut().for_each(|thread| thread.cpus = set("0"));
    let allocation = Allocation {
        consumer: other.id.clone(),
        provider: "cmp1-id".into(),
        resources: [("VCPU".to_string(), 1), ("MEMORY_MB".to_string(), other.flavor.ram_mib)].into(),
    };
    both.placement.as_mut().expect("placement").providers[0].allocations.push(allocation);
    both.servers.push(other);
    host(&mut both).domains.push(found);
    host(&mut both).processes.push(Arc::new(process));
    assert_eq!(fired(&both), Vec::<&str>::new(), "each on its own CPU");

    let mut moved = both.clone();
    let process = Arc::make_mut(&mut host(&mut moved).processes[1]);
    process
        .threads
        .iter_mut()
        .filter(|thread| matches!(thread.role, Role::Vcpu(_)))
        .for_each(|thread| thread.cpus = set("1"));
    let guests = moved.guests();
    let found = rule("cpu-twice").expect("the rule").of_cloud(&moved, &guests);
    assert_eq!(found.len(), 1, "one finding for the pair: {found:#?}");
    assert!(found[0].sentence.contains("vCPU 0 of `other` may run there"), "{}", found[0].sentence);
    // A guest that is booted or moved at this moment is left out.
    moved.servers[1].task_state = Some("spawning".into());
    let guests = moved.guests();
    assert!(rule("cpu-twice").expect("the rule").of_cloud(&moved, &guests).is_empty());
}

#[test]
fn a_host_that_does_not_answer_is_no_absence_of_findings() {
    let mut cloud = cloud();
    cloud.hosts.clear();
    assert_eq!(fired(&cloud), Vec::<&str>::new(), "nothing is known of it, so nothing is wrong with it");
    let guest = &cloud.guests()[0];
    assert!(!guest.is_host_known && guest.domain.is_none());
}

#[test]
fn huge_pages_as_recorded() {
    let mut cloud = cloud();
    let id = cloud.servers[0].id.clone();
    let mut process = GuestProcess::parse_all(HUGE_PROCESS).remove(0);
    process.uuid.clone_from(&id);
    let one = Domain::parse(HUGE_XML, "a recording").expect("domain XML");
    let xml = HUGE_XML.replace(&one.uuid, &id);
    let found = &mut host(&mut cloud).domains[0];
    (found.domain, found.persistent) = (domain(&xml), None);
    host(&mut cloud).processes = vec![Arc::new(process)];
    assert!(!fired(&cloud).contains(&"pages"));
    let larger = xml.replace("<page size='2048' unit='KiB'", "<page size='1048576' unit='KiB'");
    host(&mut cloud).domains[0].domain = domain(&larger);
    assert!(fired(&cloud).contains(&"pages"));
}

/// The balloon as Nova 34 writes it (`LibvirtConfigMemoryBalloon.format_dom`); no such Nova was at hand.
#[test]
fn huge_pages_that_a_guest_gave_back_are_not_free() {
    let mut cloud = cloud();
    let details = host(&mut cloud).machine.as_mut().expect("a machine").details.as_mut().expect("details");
    details.pages = vec![NodePages { node: 0, size_kib: 1 << 20, total: 22, free: 21 }];
    process(&mut cloud).huge_kib = 1 << 20;
    let in_pages = |cloud: &mut CloudSnapshot, balloon: &str| {
        with_xml(cloud, |xml| {
            xml.replace("131072</memory>", "20971520</memory>").replace("<memballoon model='virtio'", balloon).replace(
                "</currentMemory>",
                "</currentMemory><memoryBacking><hugepages><page size='1048576' unit='KiB'/></hugepages></memoryBacking>",
            )
        });
    };
    in_pages(&mut cloud, "<memballoon model='virtio' autodeflate='on' freePageReporting='on'");
    assert!(!fired(&cloud).contains(&"huge-pages"), "{:?}", fired(&cloud));
    in_pages(&mut cloud, "<memballoon model='virtio'");
    assert!(fired(&cloud).contains(&"huge-pages"), "{:?}", fired(&cloud));
}

#[test]
fn names_are_unique_and_plain() {
    let names: Vec<&str> = Rule::all().map(|rule| rule.name).collect();
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    assert_eq!(names.len(), unique.len());
    for one in Rule::all() {
        assert!(one.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", one.name);
        assert!(!one.about.is_empty() && !one.source.is_empty(), "{}", one.name);
    }
    for name in Fix::rules() {
        assert!(rule(name).is_some(), "{name}");
    }
}

#[test]
fn a_baseline_knows_what_an_audit_printed() {
    let mut cloud = cloud();
    cloud.placement.as_mut().expect("placement").providers[0].allocations.clear();
    let selection = AuditRequest::default().resolve().expect("all rules");
    let findings = selection.judge(&cloud);
    assert_eq!(findings.len(), 1);
    let audit = serde_json::json!({"findings": findings}).to_string();
    let baseline = Baseline::parse(&audit, "it").expect("a baseline");
    assert!(baseline.knows(&findings[0]) && baseline.unused(&findings).is_empty());
    assert_eq!(baseline.unused(&[]), [findings[0].key()]);
    assert!(Baseline::parse("{}", "it").is_err() && Baseline::parse("x", "it").is_err());
    let only = AuditRequest { hosts: vec!["cmp2".into()], ..AuditRequest::default() };
    assert!(only.resolve().expect("a selection").judge(&cloud).is_empty());
    assert!(AuditRequest { rules: vec!["no-such".into()], ..AuditRequest::default() }.resolve().is_err());
}
