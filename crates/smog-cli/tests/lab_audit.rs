//! Each rule of `smog audit` on its own fault, made on the lab, and silent without it.
//!
//! Whoever runs it must be alone on the lab: hosts are changed (and changed back) under it.

mod lab;

use std::collections::BTreeSet;

use lab::{Guests, Undo, lab, ssh, undo, unique};
use serde_json::{Value, json};

/// The rules with a finding whose subject or sentence has one of these words.
#[track_caller]
fn findings(about: &[&str], more: &[&str]) -> BTreeSet<String> {
    // An hour of logs takes longer than all the rest, and no fault here is in them.
    let mut args = vec!["audit", "--one-look", "-o", "json", "--since", "0s"];
    args.extend(more);
    let ran = lab().run(&args);
    assert!(ran.code == 0 || ran.code == 1, "{}\n{}", ran.out, ran.err);
    let audit = ran.json();
    let found = audit["findings"].as_array().expect("findings").clone();
    let is_about = |one: &&Value| {
        let text = format!("{} {} {}", one["subject"]["name"], one["subject"]["id"], one["sentence"]);
        about.iter().any(|word| text.contains(word))
    };
    found.iter().filter(is_about).map(|one| one["rule"].as_str().expect("a rule").to_string()).collect()
}

/// The fault is found by these rules and no other, and by none once it is taken back.
#[track_caller]
fn fires(what: &str, about: &[&str], rules: &[&str], more: &[&str], taken_back: Undo<'_>) {
    let found = findings(about, more);
    let wanted: BTreeSet<String> = rules.iter().map(|rule| rule.to_string()).collect();
    drop(taken_back);
    assert_eq!(found, wanted, "{what}");
    assert_eq!(findings(about, more), BTreeSet::new(), "{what}, taken back");
}

/// Call an API, without a word.
#[track_caller]
fn api(args: &[&str]) -> String {
    let mut all = vec!["api", "-q"];
    all.extend(args);
    lab().run(&all).expect(0).out
}

struct Booted {
    id: String,
    domain: String,
    host: String,
}

#[track_caller]
fn boot(name: &str, more: &[&str]) -> Booted {
    let mut args = vec!["boot", name, "-q", "--network", "none", "--ram", "96", "-o", "json"];
    args.extend(more);
    lab().run(&args).expect(0);
    let shown = lab().run(&["guest", "show", name, "-o", "json"]).expect(0).json();
    let text = |key: &str| shown[key].as_str().expect("text").to_string();
    Booted { id: text("id"), domain: text("instance_name"), host: text("host") }
}

/// The main thread of a domain's QEMU.
fn pid(guest: &Booted) -> String {
    ssh(&guest.host, &format!("pgrep -f 'guest={},debug-threads' | head -n 1", guest.domain))
        .trim()
        .to_string()
}

fn tiny(name: &str, uuid: &str) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>16</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64'>hvm</type></os></domain>"
    )
}

#[test]
fn threads_that_somebody_moved() {
    let (a, b) = (unique("aud-pin"), unique("aud-float"));
    let _guests = Guests::named(&[&a, &b]);
    let one = boot(&a, &["--host", "cmp1", "--pin"]);
    let other = boot(&b, &["--host", "cmp1"]);
    let about = [a.as_str(), b.as_str()];
    assert_eq!(findings(&about, &[]), BTreeSet::new(), "healthy");
    let virsh = |words: &str| ssh("cmp1", &format!("virsh -q {words}"));

    let main = pid(&one);
    ssh("cmp1", &format!("taskset -pc 0 {main}"));
    let back = undo(|| drop(ssh("cmp1", &format!("taskset -pc 1 {main}"))));
    fires("emulator thread moved off", &about, &["stray-threads"], &[], back);

    let tid =
        ssh("cmp1", &format!("grep -l '^CPU 0/' /proc/{main}/task/*/comm | cut -d/ -f5")).trim().to_string();
    ssh("cmp1", &format!("taskset -pc 0 {tid}"));
    let back = undo(|| drop(ssh("cmp1", &format!("taskset -pc 1 {tid}"))));
    fires("vCPU thread moved", &about, &["vcpu-affinity"], &[], back);

    virsh(&format!("vcpupin {} 0 1 --live", other.domain));
    let back = undo(|| {
        // Both definitions have the pin now: as they were, libvirt has no word for it.
        drop(virsh(&format!("vcpupin {} 0 0 --live --config", other.domain)));
    });
    fires("vcpupin onto another's CPU", &about, &["cpu-twice", "off-sets", "persistent-differs"], &[], back);

    virsh(&format!("iothreadadd {} 1 --live", other.domain));
    virsh(&format!("iothreadpin {} 1 1 --live", other.domain));
    let back = undo(|| drop(virsh(&format!("iothreaddel {} 1 --live", other.domain))));
    fires("I/O thread pinned onto another's CPU", &about, &["cpu-twice", "persistent-differs"], &[], back);

    virsh(&format!("iothreadadd {} 1 --live", one.domain));
    let back = undo(|| drop(virsh(&format!("iothreaddel {} 1 --live", one.domain))));
    fires("I/O thread without a pin", &about, &["iothread", "persistent-differs"], &[], back);

    virsh(&format!("vcpupin {} 0 0 --live", one.domain));
    let back = undo(|| drop(virsh(&format!("vcpupin {} 0 1 --live", one.domain))));
    fires(
        "pinned to another CPU by hand",
        &about,
        &["off-sets", "persistent-differs", "topology-record"],
        &[],
        back,
    );

    ssh(
        "cmp1",
        "cp -p /etc/nova/nova.conf /root/nova.conf.aud; sed -i 's/^cpu_dedicated_set.*/cpu_dedicated_set = /; s/^cpu_shared_set.*/cpu_shared_set = 1/' /etc/nova/nova.conf",
    );
    let back = undo(|| drop(ssh("cmp1", "mv /root/nova.conf.aud /etc/nova/nova.conf")));
    fires("sets changed under running guests", &about, &["off-sets"], &[], back);
}

#[test]
fn places_of_guests() {
    let name = unique("aud-place");
    let _guests = Guests::named(&[&name]);
    let guest = boot(&name, &["--host", "cmp1"]);
    let about = [name.as_str(), guest.id.as_str()];
    assert_eq!(findings(&about, &[]), BTreeSet::new(), "healthy");

    let xml = tiny("instance-0000fffe", "5309aaaa-0000-4000-8000-00000000fffe");
    ssh("cmp2", &format!("echo \"{xml}\" >/tmp/aud.xml; virsh -q create --paused /tmp/aud.xml"));
    let back = undo(|| drop(ssh("cmp2", "virsh -q destroy instance-0000fffe; rm -f /tmp/aud.xml")));
    fires("stranger domain", &["instance-0000fffe"], &["stranger"], &[], back);

    let xml = tiny("aud-twin", &guest.id);
    ssh("cmp2", &format!("echo \"{xml}\" >/tmp/aud.xml; virsh -q create --paused /tmp/aud.xml"));
    let back = undo(|| drop(ssh("cmp2", "virsh -q destroy aud-twin; rm -f /tmp/aud.xml")));
    fires("the same guest on two hosts", &about, &["twin"], &[], back);

    let folder = format!("/var/lib/nova/instances/{}", guest.id);
    ssh("cmp2", &format!("mkdir {folder}"));
    let back = undo(|| drop(ssh("cmp2", &format!("rmdir {folder}"))));
    fires("folder left over", &about, &["left-over-files"], &[], back);

    ssh("cmp1", &format!("virsh -q destroy {}", guest.domain));
    let back = undo(|| {
        // Nova hears of it and says SHUTOFF; then both say the same.
        lab::eventually("SHUTOFF", || {
            lab().run(&["guest", "show", &name, "-q", "-o", "json"]).json()["status"] == "SHUTOFF"
        });
    });
    fires("domain destroyed", &about, &["power"], &[], back);
}

#[test]
fn what_placement_says() {
    let name = unique("aud-booked");
    let _guests = Guests::named(&[&name]);
    let guest = boot(&name, &["--host", "cmp1"]);
    let about = [name.as_str(), guest.id.as_str()];
    assert_eq!(findings(&about, &[]), BTreeSet::new(), "healthy");
    let path = format!("/allocations/{}", guest.id);
    let before: Value = serde_json::from_str(&api(&["GET", "placement", &path])).expect("allocations");
    let providers = lab().run(&["placement", "providers", "-o", "json"]).expect(0).json();
    let provider = |name: &str| {
        let all = providers.as_array().expect("providers");
        let found = all.iter().find(|one| one["name"].as_str().is_some_and(|found| found.starts_with(name)));
        found.and_then(|one| one["id"].as_str()).expect("a provider").to_string()
    };
    let (cmp1, cmp2) = (provider("cmp1"), provider("cmp2"));
    // What is put must not have the generations that an answer has, and wants the consumer's.
    let put = |allocations: Value, consumer: &str, generation: Value| {
        let body = json!({
            "allocations": allocations, "project_id": before["project_id"], "user_id": before["user_id"],
            "consumer_generation": generation, "consumer_type": "INSTANCE",
        });
        api(&["PUT", "placement", &format!("/allocations/{consumer}"), "--body", &body.to_string()])
    };
    let now = || {
        let found: Value = serde_json::from_str(&api(&["GET", "placement", &path])).expect("allocations");
        found["consumer_generation"].clone()
    };
    let resources = before["allocations"][&cmp1]["resources"].clone();
    let as_before = || json!({cmp1.as_str(): {"resources": resources}});

    api(&["DELETE", "placement", &path]);
    let back = undo(|| drop(put(as_before(), &guest.id, Value::Null)));
    fires("allocation deleted", &about, &["unbooked"], &[], back);

    put(
        json!({cmp1.as_str(): {"resources": resources}, cmp2.as_str(): {"resources": {"MEMORY_MB": 1}}}),
        &guest.id,
        now(),
    );
    let back = undo(|| drop(put(as_before(), &guest.id, now())));
    fires("booked on two hosts", &about, &["booked-twice"], &[], back);

    let mut more = resources.clone();
    more["MEMORY_MB"] = json!(97);
    put(json!({cmp1.as_str(): {"resources": more}}), &guest.id, now());
    let back = undo(|| drop(put(as_before(), &guest.id, now())));
    fires("booked otherwise than its flavor", &about, &["booked-otherwise"], &[], back);

    let orphan = "5309aaaa-0000-4000-8000-00000000aaaa";
    put(json!({cmp2.as_str(): {"resources": {"MEMORY_MB": 1}}}), orphan, Value::Null);
    let back =
        undo(|| drop(lab().run(&["api", "-q", "DELETE", "placement", &format!("/allocations/{orphan}")])));
    assert_eq!(findings(&[orphan], &[]), BTreeSet::from(["orphan-allocation".to_string()]));
    // Its own fix takes it away, and only then is there nothing to fix.
    let fixed = lab().run(&["audit", "--fix", "orphan-allocation", "--yes", "--one-look"]).expect(0);
    assert!(fixed.err.contains("done: 1 findings are gone"), "{}", fixed.err);
    assert_eq!(findings(&[orphan], &[]), BTreeSet::new());
    drop(back);

    let made = "5309aaaa-0000-4000-8000-00000000bbbb";
    let body = json!({"name": "aud-provider", "uuid": made}).to_string();
    api(&["POST", "placement", "/resource_providers", "--body", &body]);
    let back = undo(|| drop(api(&["DELETE", "placement", &format!("/resource_providers/{made}")])));
    fires("provider without a compute", &["aud-provider"], &["provider"], &[], back);

    let inventory = format!("/resource_providers/{cmp2}/inventories/PCPU");
    let was: Value = serde_json::from_str(&api(&["GET", "placement", &inventory])).expect("an inventory");
    let set = |total: u64| {
        let now: Value = serde_json::from_str(&api(&["GET", "placement", &inventory])).expect("an inventory");
        let mut body = was.clone();
        body["total"] = json!(total);
        body["resource_provider_generation"] = now["resource_provider_generation"].clone();
        api(&["PUT", "placement", &inventory, "--body", &body.to_string()])
    };
    let total = was["total"].as_u64().expect("a total");
    set(total + 2);
    let back = undo(|| drop(set(total)));
    fires("inventory changed", &["PCPU"], &["inventory"], &[], back);

    let traits = format!("/resource_providers/{cmp2}/traits");
    let was: Value = serde_json::from_str(&api(&["GET", "placement", &traits])).expect("traits");
    let set = |more: Option<&str>| {
        let now: Value = serde_json::from_str(&api(&["GET", "placement", &traits])).expect("traits");
        let mut list = was["traits"].as_array().expect("traits").clone();
        list.extend(more.map(|name| json!(name)));
        let body =
            json!({"traits": list, "resource_provider_generation": now["resource_provider_generation"]});
        api(&["PUT", "placement", &traits, "--body", &body.to_string()])
    };
    set(Some("COMPUTE_STATUS_DISABLED"));
    let back = undo(|| drop(set(None)));
    fires("disabled in placement only", &["disabled in placement"], &["disabled"], &[], back);

    let aggregate = unique("aud-agg");
    lab().run(&["aggregate", "create", &aggregate]).expect(0);
    let _aggregate = undo(|| {
        lab().run(&["aggregate", "remove-host", &aggregate, "cmp2"]);
        lab().run(&["aggregate", "delete", &aggregate]);
    });
    lab().run(&["aggregate", "add-host", &aggregate, "cmp2"]).expect(0);
    assert_eq!(findings(&[&aggregate], &[]), BTreeSet::new(), "an aggregate of Nova's is mirrored");
    let shown = lab().run(&["aggregate", "show", &aggregate, "-o", "json"]).expect(0).json();
    let members = format!("/resource_providers/{cmp2}/aggregates");
    let mut now: Value = serde_json::from_str(&api(&["GET", "placement", &members])).expect("aggregates");
    now["aggregates"].as_array_mut().expect("a list").retain(|one| *one != shown["uuid"]);
    api(&["PUT", "placement", &members, "--body", &now.to_string()]);
    assert_eq!(findings(&[&aggregate], &[]), BTreeSet::from(["aggregates".to_string()]));
    let fixed = lab().run(&["audit", "--fix", "aggregates", "--yes", "--one-look"]).expect(0);
    assert!(fixed.err.contains("are gone"), "{}", fixed.err);
    assert_eq!(findings(&[&aggregate], &[]), BTreeSet::new());
}

#[test]
fn files_and_services() {
    let about = ["nova-compute"];
    assert_eq!(findings(&about, &["--host", "cmp2"]), BTreeSet::new(), "healthy");
    ssh("cmp2", "cp -p /etc/nova/nova.conf /root/nova.conf.aud; touch /etc/nova/nova.conf");
    let back = undo(|| drop(ssh("cmp2", "mv /root/nova.conf.aud /etc/nova/nova.conf")));
    fires("nova.conf newer than nova-compute", &about, &["not-what-runs"], &["--host", "cmp2"], back);
    ssh(
        "cmp2",
        "cp -p /etc/nova/nova.conf /root/nova.conf.aud; sed -i 's/^send_service_user_token.*/send_service_user_token = False/' /etc/nova/nova.conf",
    );
    let back = undo(|| drop(ssh("cmp2", "mv /root/nova.conf.aud /etc/nova/nova.conf")));
    fires("no service token", &about, &["not-what-runs", "service-token"], &["--host", "cmp2"], back);

    // What cannot be looked at is no absence of findings.
    let smog = lab();
    let broken = smog
        .run(&["audit", "--set", "hosts.computes.1.host=127.0.0.9", "--one-look", "-o", "json"])
        .expect(3);
    let unknown = broken.json()["unknown"].as_array().expect("a list").clone();
    assert!(
        unknown.iter().any(|one| one["what"].as_str().is_some_and(|what| what.contains("cmp2"))),
        "{unknown:?}"
    );
    let none = lab().run(&["audit", "--rule", "cpu-twise"]).expect(2);
    assert!(none.err.contains("did you mean `cpu-twice`"), "{}", none.err);
}

#[test]
fn moves_and_what_is_stuck() {
    let name = unique("aud-move");
    let _guests = Guests::named(&[&name]);
    let guest = boot(&name, &["--host", "cmp1"]);
    let about = [name.as_str()];
    // A migration is not a finding, at any moment of it.
    let mut moves = lab().command(&["migrate", "-q", &name, "--to", "cmp2"]).spawn().expect("smog migrate");
    let mut looks = 0;
    while moves.try_wait().expect("a state").is_none() {
        assert_eq!(findings(&about, &[]), BTreeSet::new(), "look {looks} during a migration");
        looks += 1;
    }
    assert!(looks > 0, "the migration was over before the first look");
    assert_eq!(findings(&about, &[]), BTreeSet::new(), "after the migration");

    // A nova-compute that hangs lets a move hang.
    let main = "$(systemctl show -p MainPID --value nova-compute)";
    let signal = |word: &str| ssh("cmp1", &format!("pkill -{word} -P {main} ; kill -{word} {main}"));
    signal("STOP");
    let back = undo(|| drop(signal("CONT")));
    let body = r#"{"os-migrateLive": {"host": "cmp1", "block_migration": "auto"}}"#;
    api(&["POST", "compute", &format!("/servers/{}/action", guest.id), "--body", body]);
    std::thread::sleep(std::time::Duration::from_secs(8));
    let found = findings(&about, &["--stuck-after", "3s"]);
    let patient = findings(&about, &[]);
    drop(back);
    assert_eq!(found, BTreeSet::from(["stuck-migration".to_string(), "stuck-task".to_string()]));
    assert_eq!(patient, BTreeSet::new(), "within its time, nothing is stuck");
    lab::eventually("rest", || findings(&about, &["--stuck-after", "3s"]).is_empty());
}
