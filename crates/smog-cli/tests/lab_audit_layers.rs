//! Rules of `smog audit` about ports, groups, secrets, filters, hosts and logs: all their faults at once on
//! the lab, found by one audit, and by none once they are taken back. And the six wrong states that plain
//! listings call good, held against all four commands that explain.
//!
//! Whoever runs it must be alone on the lab: hosts are changed (and changed back) under it.

mod lab;

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Output, Stdio};

use lab::{Guests, lab, ssh, undo, unique};
use serde_json::Value;

const NOBODY: &str = "5309aaaa-0000-4000-8000-00000000eeee";

/// Each rule with a finding about one of these words, with its sentence.
#[track_caller]
fn findings(about: &[&str]) -> BTreeMap<String, String> {
    let ran = lab().run(&["audit", "--one-look", "-o", "json", "--since", "10m"]);
    assert!(ran.code == 0 || ran.code == 1, "{}\n{}", ran.out, ran.err);
    let found = ran.json()["findings"].as_array().expect("findings").clone();
    let text =
        |one: &Value| format!("{} {} {}", one["subject"]["name"], one["subject"]["id"], one["sentence"]);
    let found = found.iter().filter(|one| about.iter().any(|word| text(one).contains(word)));
    found.map(|one| (one["rule"].as_str().expect("a rule").to_string(), text(one))).collect()
}

#[track_caller]
fn api(args: &[&str]) -> String {
    let mut all = vec!["api", "-q"];
    all.extend(args);
    lab().run(&all).expect(0).out
}

#[track_caller]
fn boot(name: &str, more: &[&str]) -> (String, String) {
    let mut args = vec!["boot", name, "-q", "--ram", "96", "-o", "json"];
    args.extend(more);
    lab().run(&args).expect(0);
    let shown = lab().run(&["guest", "show", name, "-o", "json"]).expect(0).json();
    let text = |key: &str| shown[key].as_str().expect("text").to_string();
    (text("id"), text("instance_name"))
}

#[test]
fn faults_beside_guests_are_found_and_nothing_else() {
    let (a, b) = (unique("lay-net"), unique("lay-bare"));
    let _guests = Guests::named(&[&a, &b]);
    let (id, _) = boot(&a, &["--host", "cmp2"]);
    let (other, bare) = boot(&b, &["--host", "cmp1", "--network", "none"]);
    // Only of ports of servers that have moved live all bindings are asked for.
    lab().run(&["migrate", "-q", &a, "--to", "cmp1"]).expect(0);
    let group = unique("lay-group");
    let uuid = ssh("cmp1", "virsh -r capabilities | sed -n 's/.*<uuid>\\(.*\\)<.uuid>/\\1/p' | head -n 1");
    let uuid = uuid.trim().to_string();
    let bug = "LP 2098892";
    let about =
        [a.as_str(), &b, &id, &other, NOBODY, "tapfeedbeef", &group, "NUMATopologyFilter is not", &uuid, bug];
    assert_eq!(findings(&about), BTreeMap::new(), "healthy");

    // A port in the switch of no server.
    ssh(
        "cmp2",
        &format!(
            "ovs-vsctl add-port br-int tapfeedbeef-01 -- set Interface tapfeedbeef-01 type=internal external_ids:vm-uuid={NOBODY}"
        ),
    );
    let port_of_none = undo(|| drop(ssh("cmp2", "ovs-vsctl del-port br-int tapfeedbeef-01")));

    // A second binding, and a tap that takes less than the network.
    let ports: Value =
        serde_json::from_str(&api(&["GET", "network", &format!("/ports?device_id={id}")])).expect("ports");
    let port = ports["ports"][0]["id"].as_str().expect("a port").to_string();
    // Neutron makes one for services only, and lets administrators read them.
    ssh(
        "ctl",
        &format!(
            "mysql neutron -e \"insert into ml2_port_bindings (port_id, host, vif_type, vnic_type, profile, vif_details, status) values ('{port}', 'cmp2', 'ovs', 'normal', '', '', 'INACTIVE')\""
        ),
    );
    let binding = undo(|| {
        drop(ssh(
            "ctl",
            &format!(
                "mysql neutron -e \"delete from ml2_port_bindings where port_id='{port}' and host='cmp2'\""
            ),
        ));
    });
    let tap = format!("tap{}", &port[..11]);
    ssh("cmp1", &format!("ip link set {tap} mtu 1300"));
    let mtu = undo(|| drop(ssh("cmp1", &format!("ip link set {tap} mtu 1500"))));

    // Two members of a group on one host: Nova refuses to place them so, its database does not.
    let made =
        lab().run(&["server-group", "create", &group, "--policy", "anti-affinity", "-o", "json"]).expect(0);
    let group_id = made.json()["id"].as_str().expect("an id").to_string();
    for member in [&id, &other] {
        ssh(
            "ctl",
            &format!(
                "mysql nova_api -e \"insert into instance_group_member (instance_uuid, group_id) select '{member}', id from instance_groups where uuid='{group_id}'\""
            ),
        );
    }
    let members = undo(|| {
        lab().run(&["server-group", "delete", &group]);
    });

    // A filter that flavors need.
    let flavor = unique("lay-flavor");
    lab().run(&["flavor", "create", &flavor, "--pin"]).expect(0);
    ssh(
        "ctl",
        "cp -p /etc/nova/nova.conf /root/nova.conf.lay; sed -i 's/NUMATopologyFilter,//' /etc/nova/nova.conf",
    );
    let filter = undo(|| {
        ssh("ctl", "mv /root/nova.conf.lay /etc/nova/nova.conf");
        lab().run(&["flavor", "delete", &flavor]);
    });

    // Two hosts with one identity.
    ssh(
        "cmp2",
        &format!(
            "cp -p /etc/libvirt/libvirtd.conf /root/libvirtd.conf.lay; sed -i 's/^host_uuid.*/host_uuid = \"{uuid}\"/' /etc/libvirt/libvirtd.conf; systemctl restart libvirtd"
        ),
    );
    let identity = undo(|| {
        drop(ssh(
            "cmp2",
            "mv /root/libvirtd.conf.lay /etc/libvirt/libvirtd.conf; systemctl restart libvirtd",
        ));
    });

    // A secret of no server; libvirt forgets it when it is restarted.
    ssh(
        "cmp2",
        &format!(
            "echo \"<secret ephemeral='yes'><usage type='vtpm'><name>{NOBODY}</name></usage></secret>\" >/tmp/lay.xml; \
             virsh -q secret-define /tmp/lay.xml; rm /tmp/lay.xml"
        ),
    );
    let secret = undo(|| {
        drop(ssh(
            "cmp2",
            &format!(
                "virsh -q secret-undefine $(virsh -q secret-list | sed -n '/{NOBODY}/s/^ *\\([^ ]*\\).*/\\1/p') || true"
            ),
        ));
    });

    // A known bug in a log.
    ssh(
        "cmp2",
        "echo \"$(date -u '+%F %T.%3N') 7 ERROR nova.compute.manager [-] TypeError: virNodeDeviceLookupByName() argument 2 must be \
         str or None, not Proxy\" >/var/log/nova/nova-lay.log",
    );
    let log = undo(|| drop(ssh("cmp2", "rm -f /var/log/nova/nova-lay.log")));

    // A domain with less memory than was ordered, started by hand before Nova hears that it stopped.
    ssh(
        "cmp1",
        &format!(
            "virsh dumpxml --inactive {bare} | sed \"s/<\\(memory\\|currentMemory\\) unit='KiB'>98304/<\\1 unit='KiB'>81920/\" >/tmp/lay.xml; \
             virsh -q destroy {bare}; virsh -q define /tmp/lay.xml; virsh -q start {bare}; rm /tmp/lay.xml"
        ),
    );

    let found = findings(&about);
    let rules: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    let wanted = BTreeSet::from([
        "left-over-secret",
        "left-over-port",
        "port-binding",
        "mtu",
        "group-broken",
        "filters",
        "host-uuid",
        "known-bug",
        "not-as-ordered",
    ]);
    drop((secret, port_of_none, binding, mtu, members, filter, identity, log));
    lab().run(&["guest", "reboot", &b, "--hard", "-q"]).expect(0);
    assert_eq!(rules, wanted, "{found:#?}");
    assert!(found["group-broken"].contains("are on cmp1") && found["mtu"].contains("1300"), "{found:#?}");
    assert_eq!(findings(&about), BTreeMap::new(), "taken back");
}

/// Real-time policy, an upgraded QEMU, sets that overlap, pages taken by another program, the disk of a
/// volume that Nova does not know, a disk on another bus than the image's, and no machine type recorded.
#[test]
fn faults_of_a_guest_and_its_host_are_found_and_nothing_else() {
    let name = unique("lay-one");
    let _guests = Guests::named(&[&name]);
    let (id, domain) = boot(&name, &["--host", "cmp1", "--network", "none"]);
    let about = [name.as_str(), &id, "cpu_shared_set", "others than guests"];
    assert_eq!(findings(&about), BTreeMap::new(), "healthy");

    let pid = ssh("cmp1", &format!("pgrep -f 'guest={domain},debug-threads' | head -n 1"));
    let pid = pid.trim();
    ssh("cmp1", &format!("chrt -f -p 1 $(grep -l 'CPU 0/' /proc/{pid}/task/*/comm | cut -d/ -f5)"));
    ssh("cmp1", &format!("at=$(readlink /proc/{pid}/exe); cp -a $at $at.lay && mv $at.lay $at"));
    ssh(
        "cmp1",
        "cp -p /etc/nova/nova.conf /root/nova.conf.lay; sed -i 's/^cpu_shared_set.*/cpu_shared_set = 0-1/' /etc/nova/nova.conf",
    );
    let sets = undo(|| drop(ssh("cmp1", "mv /root/nova.conf.lay /etc/nova/nova.conf")));
    // 100 MiB of pages, and no memory of it: MAP_PRIVATE, MAP_ANONYMOUS and MAP_HUGETLB.
    let taker = "import mmap, time; m = mmap.mmap(-1, 100 << 20, flags=0x40022); m.write(b\"x\" * (100 << 20)); time.sleep(120)";
    ssh("cmp1", &format!("python3 -c '{taker}' >/tmp/lay.out 2>&1 & echo $! >/run/lay.pid; sleep 2"));
    let pages = undo(|| drop(ssh("cmp1", "kill $(cat /run/lay.pid); rm -f /run/lay.pid /tmp/lay.out")));
    ssh(
        "cmp1",
        &format!(
            "for n in 1 2; do truncate -s 1M /tmp/lay$n.img; done; \
             virsh -q attach-disk {domain} /tmp/lay1.img vdy --live --subdriver raw --serial {NOBODY}; \
             virsh -q attach-disk {domain} /tmp/lay2.img sdz --live --subdriver raw --targetbus scsi"
        ),
    );
    let disks = undo(|| drop(ssh("cmp1", "rm -f /tmp/lay1.img /tmp/lay2.img")));
    let record = |from: &str, to: &str| {
        let change = format!(
            "update instance_system_metadata set \\`key\\`='{to}' where \\`key\\`='{from}' and instance_uuid='{id}'"
        );
        ssh("ctl", &format!("mysql nova -e \"{change}\""));
    };
    record("image_hw_machine_type", "image_lay_machine_type");
    let recorded = undo(|| record("image_lay_machine_type", "image_hw_machine_type"));

    let found = findings(&about);
    let rules: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    drop((sets, pages, recorded));
    lab().run(&["guest", "reboot", &name, "--hard", "-q"]).expect(0);
    drop(disks);
    let wanted = [
        "realtime",
        "old-qemu",
        "cpu-sets",
        "huge-pages",
        "volume",
        "not-as-ordered",
        "machine-type",
        // By the same changes.
        "not-what-runs",
        "inventory",
    ];
    let own = wanted.iter().copied().filter(|rule| rules.contains(rule)).collect::<BTreeSet<_>>();
    assert_eq!(own.len(), rules.len(), "{found:#?}");
    for rule in &wanted[..7] {
        assert!(rules.contains(rule), "{rule} is not in {found:#?}");
    }
    assert_eq!(findings(&about), BTreeMap::new(), "taken back");
}

/// What several commands print, run at once.
fn at_once(commands: &[&[&str]]) -> Vec<Output> {
    let start = |args: &&[&str]| {
        let mut command = lab().command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("smog")
    };
    let running: Vec<_> = commands.iter().map(start).collect();
    running.into_iter().map(|one| one.wait_with_output().expect("its output")).collect()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A domain destroyed, a stranger, an allocation deleted, the emulator moved off, `vcpupin` and an I/O
/// thread on another's CPU: what each of the four commands says.
#[test]
fn six_wrong_states_are_called_good_by_no_command() {
    let (a, b) = (unique("six-pin"), unique("six-float"));
    let _guests = Guests::named(&[&a, &b]);
    let (id, pinned) = boot(&a, &["--host", "cmp1", "--pin", "--network", "none"]);
    let (_, float) = boot(&b, &["--host", "cmp1", "--network", "none"]);
    let all: [&[&str]; 6] = [
        &["discover"],
        &["pins", &a],
        &["pins", &b],
        &["explain", &a],
        &["explain", &b],
        &["audit", "--one-look", "--since", "0s", "-o", "json"],
    ];
    let healthy = at_once(&all);
    for (args, output) in all.iter().zip(&healthy).take(5) {
        assert_eq!(output.status.code(), Some(0), "healthy: {args:?}\n{}", text(output));
    }

    let main = ssh("cmp1", &format!("pgrep -f 'guest={pinned},debug-threads' | head -n 1"));
    ssh("cmp1", &format!("taskset -pc 0 {}", main.trim()));
    ssh(
        "cmp1",
        &format!(
            "virsh -q vcpupin {float} 0 1 --live; virsh -q iothreadadd {float} 1 --live; virsh -q iothreadpin {float} 1 1 --live"
        ),
    );
    api(&["DELETE", "placement", &format!("/allocations/{id}")]);
    let stranger = "instance-0000fffd";
    ssh(
        "cmp2",
        &format!(
            "echo \"<domain type='qemu'><name>{stranger}</name><uuid>{NOBODY}</uuid><memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os></domain>\" >/tmp/six.xml; virsh -q create --paused /tmp/six.xml; rm /tmp/six.xml"
        ),
    );
    let gone = undo(|| drop(ssh("cmp2", &format!("virsh -q destroy {stranger}"))));
    let said = at_once(&all);
    drop(gone);
    assert!(text(&said[0]).contains(stranger), "discover:\n{}", text(&said[0]));
    // The floating guest's pins are what libvirt says: that they are another's, only the rules know.
    for (at, words) in [(1, "emulator"), (3, "emulator"), (3, "unbooked"), (4, "off-sets")] {
        assert_ne!(said[at].status.code(), Some(0), "{:?}:\n{}", all[at], text(&said[at]));
        assert!(text(&said[at]).contains(words), "{:?}, {words}:\n{}", all[at], text(&said[at]));
    }
    let audit: Value = serde_json::from_slice(&said[5].stdout).expect("an audit");
    let found: BTreeSet<&str> = audit["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter_map(|one| one["rule"].as_str())
        .collect();
    for rule in ["stray-threads", "cpu-twice", "unbooked", "stranger"] {
        assert!(found.contains(rule), "{rule} is not in {found:?}");
    }

    ssh("cmp1", &format!("virsh -q destroy {pinned}"));
    let said = at_once(&all);
    assert!(
        text(&said[0]).contains("libvirt") || text(&said[0]).contains("not running"),
        "{}",
        text(&said[0])
    );
    assert_ne!(said[1].status.code(), Some(0), "pins:\n{}", text(&said[1]));
    assert_eq!(said[3].status.code(), Some(1), "explain:\n{}", text(&said[3]));
    assert!(text(&said[3]).contains("power"), "explain:\n{}", text(&said[3]));
    let audit: Value = serde_json::from_slice(&said[5].stdout).expect("an audit");
    let rules = audit["findings"].as_array().expect("findings").clone();
    assert!(
        rules.iter().any(|one| one["rule"] == "power" && one["subject"]["id"] == id.as_str()),
        "{rules:?}"
    );
}
