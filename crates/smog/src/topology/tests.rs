//! Pictures of hosts written by hand: none of the machines exists.

use std::collections::BTreeMap;

use super::*;
use crate::findings::{CpuMap, CpuSets};
use crate::host::{Cell, CpuPlace, Cpus, Facts, GuestProcess, Host, Replay, Role, Thread};
use crate::libvirt::{Domain, DomainState, Sighting};

const LAB: &str = include_str!("../../tests/data/host/epoxy-cmp1-facts.json");

fn set(text: &str) -> Cpuset {
    text.parse().expect("a CPU set")
}

/// A machine of so many sockets and cores; the second threads of all cores come behind the first ones.
async fn machine(sockets: u32, cores: u32, pci: bool) -> Facts {
    let mut facts =
        Host::replay("x", Replay::from_json(LAB).expect("a recording")).facts().await.expect("facts");
    let all = sockets * cores;
    let place = |id: u32| CpuPlace {
        id,
        socket: Some(id % all / cores),
        die: Some(0),
        core: Some(id % cores),
        siblings: Cpuset::from([id % all, id % all + all]),
    };
    facts.cpus = Cpus {
        online: (0..2 * all).collect(),
        offline: Cpuset::new(),
        isolated: (4..all).collect(),
        nohz_full: Cpuset::new(),
        smt_active: Some(true),
        list: (0..2 * all).map(place).collect(),
    };
    let pool = |size_kib, total, free| PagePool { size_kib, total, free, reserved: None, surplus: 0 };
    facts.cells = (0..sockets)
        .map(|node| Cell {
            id: node,
            cpus: (node * cores..(node + 1) * cores)
                .chain(node * cores + all..(node + 1) * cores + all)
                .collect(),
            memory_kib: 263_921_600,
            free_kib: 31_457_280,
            distances: BTreeMap::new(),
            pages: vec![pool(2048, 4096, 512), pool(1_048_576, 128, 32)],
        })
        .collect();
    facts.seen_at = "2026-11-24T10:31:40Z".parse().expect("a time");
    if !pci {
        facts.pci.clear();
    }
    facts
}

fn guest(name: &str, uuid: &str, vcpus: &[Cpuset]) -> (Sighting, GuestProcess) {
    let xml = format!(
        "<domain type='kvm'><name>instance-{uuid}</name><uuid>{uuid}</uuid><memory unit='KiB'>8388608</memory>\
         <vcpu>{}</vcpu><os><type>hvm</type></os></domain>",
        vcpus.len()
    );
    let mut domain = Domain::parse(&xml, "by hand").expect("a domain");
    domain.nova = Some(crate::libvirt::NovaMetadata { name: Some(name.into()), ..nova() });
    let thread = |tid, role, cpus: &Cpuset| Thread {
        tid,
        name: String::new(),
        role,
        cpus: cpus.clone(),
        cells: set("0"),
        policy: crate::host::Policy::Other,
        rt_priority: 0,
        last_cpu: None,
        cgroup: None,
    };
    let mut threads = vec![thread(1, Role::Emulator, &set("0-3"))];
    threads.extend((0_u32..).zip(vcpus).map(|(vcpu, cpus)| thread(vcpu + 2, Role::Vcpu(vcpu), cpus)));
    let process = GuestProcess {
        pid: 1,
        name: format!("instance-{uuid}"),
        uuid: uuid.into(),
        command_line: vec![],
        rss_kib: 0,
        huge_kib: 8_388_608,
        locked_kib: 0,
        threads,
        memory: None,
    };
    (Sighting { domain, state: DomainState::Running }, process)
}

fn nova() -> crate::libvirt::NovaMetadata {
    let xml = "<domain type='kvm'><name>x</name><uuid>1</uuid><memory>1</memory><vcpu>1</vcpu><os><type>hvm</type></os>\
               <metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'><nova:name>x</nova:name>\
               </nova:instance></metadata></domain>";
    Domain::parse(xml, "by hand").expect("a domain").nova.expect("Nova's element")
}

fn picture(facts: &Facts, sets: Option<&CpuSets>, guests: Vec<(Sighting, GuestProcess)>) -> HostPicture {
    let (domains, processes): (Vec<_>, Vec<_>) = guests.into_iter().unzip();
    HostPicture::of(&HostFacts {
        host: "big1",
        facts,
        cpus: &CpuMap::default(),
        sets,
        domains: &domains,
        processes: &processes,
    })
}

fn text(picture: &HostPicture, how: &Drawing) -> String {
    lines(picture, how).iter().map(|line| line.text() + "\n").collect()
}

/// Four sockets, 256 CPUs, three guests.
async fn big() -> HostPicture {
    let facts = machine(4, 32, true).await;
    let sets = CpuSets { dedicated: Some(set("8-127,136-255")), shared: Some(set("4-7,132-135")) };
    let pinned: Vec<Cpuset> = (8..24).map(|cpu| Cpuset::from([cpu])).collect();
    let floating = vec![set("4-7,132-135"); 4];
    let guests = vec![
        guest("web", "2", &floating),
        guest("db", "1", &pinned),
        guest("twin", "3", &[set("9"), set("137")]),
    ];
    picture(&facts, Some(&sets), guests)
}

#[tokio::test]
async fn a_host_of_four_sockets_and_256_cpus_stays_readable() {
    let big = big().await;
    let how = Drawing { width: 100, ascii: false, of: Some("1".into()) };
    insta::assert_snapshot!(text(&big, &how));
    for (width, ascii) in [(60, false), (80, true), (100, false), (200, false)] {
        let drawn = text(&big, &Drawing { width, ascii, of: None });
        let widest = drawn.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(width), "{width}: {widest:?}\n{drawn}");
        assert!(!ascii || drawn.is_ascii(), "{drawn}");
        for cpu in 0..256 {
            assert!(drawn.contains(&format!("{cpu}")), "CPU {cpu}");
        }
    }
    assert!(text(&big, &how).lines().count() < 70);
}

#[tokio::test]
async fn a_small_host_in_ascii() {
    let mut facts = machine(1, 2, false).await;
    facts.cpus.offline = set("4-5");
    let sets = CpuSets { dedicated: Some(set("1,3")), shared: Some(set("0")) };
    let guests = vec![guest("a", "1", &[set("1")]), guest("b", "2", &[set("0-3")])];
    insta::assert_snapshot!(text(
        &picture(&facts, Some(&sets), guests),
        &Drawing { width: 72, ascii: true, of: None }
    ));
}

#[tokio::test]
async fn roles_are_nova_s_and_unknown_ones_are_said() {
    let facts = machine(1, 2, false).await;
    let roles = |sets: Option<&CpuSets>| -> Vec<CpuRole> {
        let picture = picture(&facts, sets, vec![]);
        picture.nodes[0].cores.iter().flat_map(|core| &core.cpus).map(|cpu| cpu.role).collect()
    };
    use CpuRole::*;
    // Cores are 0,2 and 1,3.
    assert_eq!(roles(Some(&CpuSets::default())), [Shared; 4]);
    assert_eq!(
        roles(Some(&CpuSets { dedicated: Some(set("1")), shared: Some(set("0")) })),
        [Shared, Host, Dedicated, Host]
    );
    assert_eq!(
        roles(Some(&CpuSets { dedicated: Some(set("1")), shared: None })),
        [Host, Host, Dedicated, Host]
    );
    assert_eq!(roles(None), [Unknown; 4]);
    assert!(
        text(&picture(&facts, None, vec![]), &Drawing { width: 80, ..Drawing::default() })
            .contains("unknown")
    );
}

#[tokio::test]
async fn siblings_are_one_core_and_guests_sit_where_the_kernel_lets_them() {
    let facts = machine(2, 2, true).await;
    let guests = vec![guest("a", "1", &[set("1"), set("5")])];
    let of = picture(&facts, None, guests);
    let ids = |core: &CorePicture| core.cpus.iter().map(|cpu| cpu.id).collect::<Vec<_>>();
    let cores: Vec<Vec<u32>> = of.nodes.iter().flat_map(|node| &node.cores).map(ids).collect();
    assert_eq!(cores, [vec![0, 4], vec![1, 5], vec![2, 6], vec![3, 7]]);
    let one = &of.nodes[0].cores[1];
    assert_eq!(
        (one.cpus[0].guests[0].vcpus.clone(), one.cpus[1].guests[0].vcpus.clone()),
        (set("0"), set("1"))
    );
    assert!(of.nodes[1].cores.iter().flat_map(|core| &core.cpus).all(|cpu| cpu.guests.is_empty()));
    assert!(of.guests[0].is_pinned());
}

#[tokio::test]
async fn only_a_move_is_a_difference() {
    let facts = machine(1, 2, false).await;
    let of = |host: HostPicture| Topology { guest: None, state: None, hosts: vec![host], unreached: vec![] };
    let before = of(picture(&facts, None, vec![guest("a", "1", &[set("1")])]));
    let mut later = before.clone();
    later.hosts[0].at = Timestamp::now();
    later.hosts[0].nodes[0].free_kib = 1;
    assert!(!later.differs_from(&before));
    assert!(of(picture(&facts, None, vec![guest("a", "1", &[set("0")])])).differs_from(&before));
    assert!(Topology { state: Some("a: MIGRATING".into()), ..before.clone() }.differs_from(&before));
}

#[tokio::test]
async fn a_page_is_whole_and_names_do_not_steer_it() {
    let facts = machine(1, 2, false).await;
    let guests = vec![guest("<b>&\"x\"", "1", &[set("1")])];
    let host = HostPicture { unknown: vec!["a <script>".into()], ..picture(&facts, None, guests) };
    let of = Topology {
        guest: Some("1".into()),
        state: Some("<i>".into()),
        hosts: vec![host],
        unreached: vec!["x & y".into()],
    };
    let page = html(&of);
    for outside in ["<script", "http://", "https://", "@import", "url(", "src=", "<link", "<b>&\"x", "<i>: "]
    {
        assert!(!page.contains(outside), "{outside}");
    }
    let body = page.split_once("<body>").and_then(|(_, rest)| rest.split_once("</body>")).expect("a body").0;
    let body = format!("<main>{}</main>", body.replace("<br>", "<br/>"));
    if let Err(why) = roxmltree::Document::parse(&body) {
        panic!("{why}");
    }
    let big = Topology { guest: None, state: None, hosts: vec![big().await], unreached: vec![] };
    let page = html(&big);
    assert!(page.len() < 120_000, "{}", page.len());
    // For a look in a browser.
    let _ = std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/topology-256-cpus.html"), page);
}
