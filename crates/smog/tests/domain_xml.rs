//! Domains and capabilities, read from recorded and hand-written XML (see `data/README.md`).

use std::collections::BTreeMap;

use smog::libvirt::{Capabilities, DiskSource, Domain, HostdevSource};
use smog::{Cpuset, Error};

const PINNED: &str = include_str!("data/domain/epoxy-pinned.xml");
const HUGE_PAGES: &str = include_str!("data/domain/epoxy-huge-pages.xml");
const BY_HAND: &str = include_str!("data/domain/by-hand-two-cells.xml");

#[track_caller]
fn domain(xml: &str) -> Domain {
    Domain::parse(xml, "a test").expect("a domain")
}

fn set(text: &str) -> Cpuset {
    text.parse().expect("a CPU set")
}

#[test]
fn a_pinned_server_of_the_lab() {
    let domain = domain(PINNED);
    assert_eq!(domain.name, "instance-00000001");
    assert_eq!(domain.uuid, "58f3b349-c623-47b1-897c-14f8aa011e09");
    assert_eq!((domain.id, domain.kind.as_str()), (Some(1), "qemu"));
    assert_eq!((domain.memory_kib, domain.vcpus.count), (131_072, 1));
    assert_eq!(domain.vcpu_pins(), BTreeMap::from([(0, set("1"))]));
    assert!(domain.is_pinned());
    assert_eq!(domain.cputune.emulator_pin, Some(set("1")));
    assert!(!domain.has_huge_pages());
    let numatune = domain.numatune.as_ref().expect("numatune");
    assert_eq!((numatune.mode.as_deref(), &numatune.cells), (Some("strict"), &Some(set("0"))));
    assert_eq!(numatune.mem_nodes[0].cells, set("0"));
    let interface = &domain.devices.interfaces[0];
    assert_eq!(interface.kind, "ethernet");
    assert_eq!((interface.target.as_deref(), interface.mtu), (Some("tapb7056ecd-5c"), Some(1500)));
    assert!(domain.console_log().expect("a log").ends_with("/console.log"));
    let nova = domain.nova.as_ref().expect("Nova's element");
    assert_eq!(nova.name.as_deref(), Some("t1"));
    assert_eq!(nova.package_version.as_deref(), Some("31.0.0"));
    assert_eq!(nova.flavor.as_ref().expect("flavor").ram_mib, Some(128));
    assert_eq!(nova.ports[0].addresses, ["192.168.78.44"]);
    assert_eq!(domain.xml(), PINNED, "the text stays byte for byte");
}

#[test]
fn huge_pages_of_the_lab() {
    let domain = domain(HUGE_PAGES);
    assert!(domain.has_huge_pages());
    assert_eq!(domain.memory_backing.huge_page_kib(0), Some(2048));
    assert_eq!(domain.memory_backing.huge_page_kib(1), None, "cell 1 is not in the nodeset");
    assert_eq!(domain.cells()[0].mem_access.as_deref(), Some("shared"));
    assert_eq!(domain.nova.expect("nova").ports, []);
}

#[test]
fn a_shared_server_of_the_lab() {
    let domain = domain(include_str!("data/domain/epoxy-shared-port.xml"));
    assert!(domain.cputune.vcpu_pins.is_empty() && !domain.is_pinned());
    assert_eq!(domain.vcpu_pins(), BTreeMap::from([(0, set("0"))]), "the set of <vcpu>");
    assert_eq!((domain.cells().len(), domain.numatune), (0, None));
}

#[test]
fn everything_that_is_typed() {
    let domain = domain(BY_HAND);
    assert_eq!((domain.memory_kib, domain.current_memory_kib), (6 << 20, 4 << 20), "units are read");
    assert_eq!((domain.vcpus.count, domain.vcpus.current), (6, 4));
    assert_eq!(domain.vcpus.cpus, Some(set("2-3,10-15")));
    let pins = ["2", "10", "3", "11", "12", "13"].map(set);
    assert_eq!(domain.vcpu_pins(), (0..).zip(pins).collect(), "pins between other elements are all read");
    assert_eq!(domain.cputune.iothread_pins, BTreeMap::from([(1, set("0"))]));
    let sched = &domain.cputune.vcpu_sched[0];
    assert_eq!(
        (sched.vcpus.clone(), sched.scheduler.as_str(), sched.priority),
        (set("2-5"), "fifo", Some(1))
    );
    let tune = &domain.cputune;
    assert_eq!((tune.shares, tune.period_us, tune.quota_us), (Some(2048), Some(100_000), Some(-1)));
    assert_eq!(domain.iothreads, 2);

    let backing = &domain.memory_backing;
    assert_eq!((backing.huge_page_kib(0), backing.huge_page_kib(1)), (Some(1 << 20), Some(2048)));
    assert!(backing.locked && backing.no_share_pages && backing.discard);
    assert_eq!((backing.source.as_deref(), backing.access.as_deref()), (Some("memfd"), Some("shared")));

    let cpu = domain.cpu.as_ref().expect("cpu");
    assert_eq!(cpu.mode.as_deref(), Some("host-passthrough"));
    assert_eq!(cpu.topology.expect("topology").vcpus(), 6);
    assert_eq!(cpu.features[0].name, "vmx");
    let cells = domain.cells();
    assert_eq!((cells[0].memory_kib, cells[1].memory_kib), (2 << 20, 4 << 20));
    assert_eq!((cells[1].cpus.clone(), cells[0].distances[1]), (set("2-5"), (1, 21)));
    let mem_nodes = &domain.numatune.as_ref().expect("numatune").mem_nodes;
    assert_eq!((mem_nodes[1].guest_cell, mem_nodes[1].mode.as_deref()), (1, Some("preferred")));

    let features = &domain.features;
    assert!(features.acpi && features.apic && features.smm && features.kvm_hidden);
    assert_eq!(features.pmu, Some(false));
    assert!(features.hyperv["relaxed"] && !features.hyperv["vapic"]);
    assert!(domain.os.secure_boot);
    assert_eq!(domain.os.boot, ["network", "hd"]);
    assert_eq!(domain.clock.as_ref().expect("clock").timers[1].present, Some(false));
    assert_eq!(domain.launch_security.as_ref().expect("sev").policy.as_deref(), Some("0x0037"));

    let devices = &domain.devices;
    let rbd = DiskSource::Network("rbd".to_string(), "vms/9d6c1d9a_disk".to_string());
    assert_eq!(devices.disks[0].source, Some(rbd));
    assert!(devices.disks[1].read_only);
    assert_eq!(devices.disks[2].source, Some(DiskSource::Block("/dev/dm-3".to_string())));
    let vf = &devices.interfaces[0];
    assert_eq!(vf.host_pci.expect("address of the host").to_string(), "0000:3b:02.1");
    assert_eq!(vf.vlan, Some(101));
    let tap = &devices.interfaces[1];
    assert_eq!(
        (tap.source.as_deref(), tap.port_id.as_deref(), tap.queues),
        (Some("br-int"), Some("port-2"), Some(4))
    );
    assert!(matches!(devices.hostdevs[0].source, HostdevSource::Pci(address) if address.bus == 0xaf));
    assert!(matches!(&devices.hostdevs[1].source, HostdevSource::Mdev(uuid) if uuid.starts_with("5c0e8f1e")));
    assert!(matches!(&devices.hostdevs[2].source, HostdevSource::Other(kind) if kind == "usb"));
    assert_eq!(devices.watchdog.as_ref().expect("watchdog").action.as_deref(), Some("reset"));
    assert_eq!(devices.rngs[0].rate_period_ms, Some(1000));
    assert_eq!(devices.tpm.as_ref().expect("tpm").version.as_deref(), Some("2.0"));
    assert_eq!(devices.videos[0].vram_kib, Some(16384));
    assert_eq!(domain.console_log(), Some("/var/lib/nova/instances/9d6c1d9a/console.log"));

    let nova = domain.nova.as_ref().expect("nova");
    assert_eq!(nova.name.as_deref(), Some("rt & co"));
    let flavor = nova.flavor.as_ref().expect("flavor");
    assert_eq!((flavor.id.as_deref(), flavor.extra_specs["hw:numa_nodes"].as_str()), (Some("f-42"), "2"));
    assert_eq!(nova.ports[0].addresses, ["10.0.0.5", "fd00::5"]);
}

/// The assertions the suites stand on must go red when the fact is not there.
#[test]
fn a_lost_pin_shows() {
    let lost = PINNED.replace("<vcpupin vcpu='0' cpuset='1'/>", "");
    assert_ne!(lost, PINNED);
    assert!(!domain(&lost).is_pinned());
    assert_eq!(domain(&lost).vcpu_pins(), BTreeMap::new());

    let wide = PINNED.replace("<vcpupin vcpu='0' cpuset='1'/>", "<vcpupin vcpu='0' cpuset='0-1'/>");
    assert!(!domain(&wide).is_pinned(), "a pin to two CPUs is none");
    let of_another = PINNED.replace("<vcpupin vcpu='0'", "<vcpupin vcpu='1'");
    assert!(!domain(&of_another).is_pinned(), "the pin of another vCPU is none");

    let one_lost = BY_HAND.replace("<vcpupin vcpu='4' cpuset='12'/>", "");
    assert!(domain(BY_HAND).is_pinned() && !domain(&one_lost).is_pinned());
    assert_eq!(domain(&one_lost).vcpu_pins()[&4], set("2-3,10-15"), "the set of <vcpu> holds then");
    let twice = BY_HAND.replace("<vcpupin vcpu='4' cpuset='12'/>", "<vcpupin vcpu='4' cpuset='13'/>");
    assert!(!domain(&twice).is_pinned(), "two vCPUs on one CPU are not pinned");

    let no_pages = HUGE_PAGES.replace("<page size='2048' unit='KiB' nodeset='0'/>", "");
    assert_eq!(domain(&no_pages).memory_backing.huge_page_kib(0), None);
    let plain = HUGE_PAGES.replace("hugepages>", "otherpages>");
    assert!(!domain(&plain).has_huge_pages());
}

/// `<domain>` with the least libvirt writes, and this inside.
fn small(inside: &str) -> Domain {
    domain(&format!(
        "<domain type='kvm'><name>a</name><uuid>u</uuid><memory unit='KiB'>2097152</memory>{inside}</domain>"
    ))
}

#[test]
fn a_page_for_named_cells_goes_before_the_one_for_all() {
    let default = "<page size='2048' unit='KiB'/>";
    let named = "<page size='1' unit='G' nodeset='1'/>";
    for pages in [format!("{default}{named}"), format!("{named}{default}")] {
        let backing = small(&format!("<memoryBacking><hugepages>{pages}</hugepages></memoryBacking>"));
        let sizes = [0, 1, 2].map(|cell| backing.memory_backing.huge_page_kib(cell));
        assert_eq!(sizes, [Some(2048), Some(1 << 20), Some(2048)], "{pages}");
    }
    // No page for a cell that nobody names.
    let backing = small(&format!("<memoryBacking><hugepages>{named}</hugepages></memoryBacking>"));
    assert_eq!(backing.memory_backing.huge_page_kib(0), None);
}

#[test]
fn units_are_read_whatever_their_case() {
    let domain = domain(
        "<domain type='kvm'><name>a</name><uuid>u</uuid><memory unit='gib'>2</memory>\
         <currentMemory unit='MB'>1024</currentMemory></domain>",
    );
    assert_eq!((domain.memory_kib, domain.current_memory_kib), (2 << 20, 1_000_000));
}

/// s390x has no serial port: Nova writes `<console>` with an SCLP target, and its log there.
#[test]
fn the_console_log_of_s390x() {
    let log = "<log file='/var/lib/nova/instances/u/console.log' append='off'/>";
    let domain = small(&format!(
        "<devices><console type='pty'><source path='/dev/pts/3'/>{log}<target type='sclp' port='0'/></console></devices>"
    ));
    assert_eq!(domain.console_log(), Some("/var/lib/nova/instances/u/console.log"));
    // Old Nova on s390x: a file, as `<console type='file'>`.
    let domain = small(
        "<devices><console type='file'><source path='/c.log'/><target type='sclp'/></console></devices>",
    );
    assert_eq!(domain.console_log(), Some("/c.log"));
    // Where both are there, the serial port's is Nova's.
    let domain = small(
        "<devices><console type='pty'><log file='/b'/></console><serial type='pty'><log file='/a'/></serial></devices>",
    );
    assert_eq!(domain.console_log(), Some("/a"));
}

#[test]
fn several_tpms_and_watchdogs() {
    let domain = small(
        "<devices><tpm model='spapr-tpm-proxy'><backend type='passthrough'/></tpm>\
         <tpm model='tpm-spapr'><backend type='emulator' version='2.0'/></tpm>\
         <watchdog model='itco' action='reset'/><watchdog model='i6300esb' action='pause'/></devices>",
    );
    let devices = &domain.devices;
    let tpms: Vec<(&str, Option<&str>)> =
        devices.tpms.iter().map(|tpm| (tpm.model.as_str(), tpm.version.as_deref())).collect();
    assert_eq!(tpms, [("spapr-tpm-proxy", None), ("tpm-spapr", Some("2.0"))]);
    let models: Vec<&str> = devices.watchdogs.iter().map(|one| one.model.as_str()).collect();
    assert_eq!(models, ["itco", "i6300esb"]);
    assert_eq!(devices.watchdog.as_ref().map(|one| one.model.as_str()), Some("itco"));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (from, to, place) in [
        (
            "<vcpupin vcpu='0' cpuset='1'/>",
            "<vcpupin vcpu='0' cpuset='x'/>",
            "line 32, column 5: `cpuset` is `x`",
        ),
        (
            "<vcpupin vcpu='0' cpuset='1'/>",
            "<vcpupin cpuset='1'/>",
            "line 32, column 5: <vcpupin> lacks `vcpu`",
        ),
        ("<memory unit='KiB'>131072", "<memory unit='parsec'>131072", "`parsec` is not a unit"),
        ("<vcpu placement='static'>1", "<vcpu placement='static'>many", "<vcpu> is `many`"),
        (
            "<vcpu placement='static'>1",
            "<vcpu placement='static'>4294967295",
            "more than any domain can have",
        ),
        (
            "<topology sockets='1'",
            "<topology sockets='4294967295'",
            "line 62, column 5: <topology> describes more vCPUs than any domain can have",
        ),
        ("cores='1' threads='1'", "cores='65536' threads='65536'", "more vCPUs than any domain can have"),
        ("<uuid>", "<nouuid>", "nouuid"),
        ("</domain>", "", "never closed"),
        ("<domain ", "<domainsnapshot ", "domainsnapshot"),
    ] {
        let broken = PINNED.replacen(from, to, 1);
        assert_ne!(broken, PINNED, "{from}");
        let error = Domain::parse(broken, "host `cmp1`").expect_err(to);
        assert!(matches!(error, Error::Parse { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(place) && text.contains("domain XML from host `cmp1`"), "{text}");
    }
}

#[test]
fn capabilities_of_the_lab_and_of_two_sockets() {
    let text = include_str!("data/capabilities/epoxy-cmp1.xml");
    let lab = Capabilities::parse(text, "a test").expect("capabilities");
    assert_eq!(lab.cells[0].cpuset(), set("0-1"));
    assert!(lab.cells[0].pages.contains(&(2048, 1024)));
    assert!(!lab.has_kvm(), "the lab has TCG only");
    assert_eq!(lab.iommu, Some(false));
    let own = lab.guests.iter().find(|guest| guest.arch == "x86_64").expect("x86_64");
    assert!(own.machines.iter().any(|machine| machine == "q35"));

    let text = include_str!("data/capabilities/by-hand-two-sockets.xml");
    let two = Capabilities::parse(text, "a test").expect("capabilities");
    assert!(two.has_kvm());
    assert_eq!(two.cpu.page_sizes_kib, [4, 2048, 1 << 20]);
    assert_eq!(two.cells[1].cpuset(), set("1,3,5,7"));
    assert_eq!(two.cells[0].cpus[0].siblings, set("0,4"));
    let offline = &two.cells[1].cpus[3];
    assert_eq!((offline.socket, offline.siblings.clone()), (None, set("7")));
    assert_eq!(two.cells[0].distances, [(0, 10), (1, 21)]);
    assert_eq!(two.guests[0].machines, ["pc-q35-rhel9.4.0", "q35"]);
}
