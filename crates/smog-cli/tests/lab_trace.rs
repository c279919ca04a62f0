//! `smog trace` and `smog host guru` on the lab: where the time of a request went, and what a
//! service does.

mod lab;

use lab::{Guests, eventually, lab, ssh, unique};
use serde_json::Value;

/// The phases have no holes, and their sum is the whole.
#[track_caller]
fn assert_whole(trace: &Value) {
    let number = |value: &Value| value.as_i64().unwrap_or_else(|| panic!("a number in {trace:#}"));
    let mut at = 0;
    for phase in trace["phases"].as_array().expect("phases") {
        assert_eq!(number(&phase["at_us"]), at, "a hole before {phase:#}");
        at += number(&phase["length_us"]);
    }
    assert_eq!(at, number(&trace["length_us"]), "{trace:#}");
}

fn names(trace: &Value) -> Vec<String> {
    let phases = trace["phases"].as_array().expect("phases");
    phases.iter().map(|phase| phase["name"].as_str().unwrap_or_default().to_string()).collect()
}

#[test]
fn a_boot_and_what_was_done_to_it_afterwards() {
    let name = unique("trace");
    let guests = Guests::named(&[&name]);
    let booted = lab().run(&["boot", &name, "--trace", "-o", "json", "-q"]).expect(0).json();
    let create = &booted["trace"];
    assert_whole(create);
    assert_eq!((create["what"].as_str(), create["outcome"].as_str()), (Some("create"), Some("success")));
    let phases = names(create);
    assert_eq!(phases[0], "API: POST /servers");
    for part in ["scheduling: ", "spawn: disks", "QEMU start"] {
        assert!(phases.iter().any(|phase| phase.starts_with(part)), "{part} in {phases:?}");
    }
    // API, scheduler's placement and the compute that it is on are all there.
    let host = booted["guest"]["server"]["host"].as_str().or(booted["guest"]["host"].as_str());
    let host = host.unwrap_or_else(|| panic!("a host in {booted:#}"));
    let of = |service: &str| {
        let phases = create["phases"].as_array().expect("phases");
        phases.iter().find(|phase| phase["service"] == service).map(|phase| phase["host"].clone())
    };
    assert_eq!(of("nova-compute"), Some(host.into()), "{create:#}");
    assert!(of("nova-api").is_some() && of("placement-api").is_some(), "{create:#}");
    let calls = create["calls"].as_array().expect("calls");
    assert!(
        calls.iter().any(|call| call["service"] == "placement-api" && call["length_us"].is_number()),
        "{calls:#?}"
    );
    assert!(!create["spawned"].as_array().expect("spawned").is_empty());
    assert_eq!(create["events"][0]["result"], "Success");
    assert_eq!(create["clocks"].as_object().map(|clocks| clocks.len()), Some(3), "{create:#}");

    // By its request, without any word of the guest: the same.
    let request = create["request_id"].as_str().expect("a request");
    let by_request = lab().run(&["trace", request, "--since", "10m", "-o", "json"]).expect(0).json();
    assert_eq!(by_request["guest"]["name"], name.as_str());
    assert_eq!(by_request["phases"], create["phases"]);

    // Deleted: still there, and the newest action is what is shown.
    let id = create["guest"]["id"].as_str().expect("an id").to_string();
    drop(guests);
    let deleted = lab().run(&["trace", &id, "-o", "json"]).expect(0).json();
    assert_eq!(
        (deleted["what"].as_str(), deleted["guest"]["status"].as_str()),
        (Some("delete"), Some("DELETED"))
    );
    assert_whole(&deleted);
    let text = lab().run(&["trace", &id, "create"]).expect(0).out;
    assert!(text.contains("the whole; * is the longest phase"), "{text}");
}

/// The page's timeline is the trace's; its logs are of this guest, without calls that only look.
#[test]
fn a_guest_explained_has_the_trace_of_its_last_action() {
    let name = unique("page");
    let _guests = Guests::named(&[&name]);
    let flags = ["boot", &name, "-q", "--network", "none", "--ram", "96"];
    lab().run(&flags).expect(0);
    let page = lab().run(&["explain", &name, "server", "-o", "json"]).json();
    let trace = &page["trace"];
    assert_whole(trace);
    assert_eq!(trace["what"], "create", "{trace:#}");
    let known = lab().run(&["trace", &name, "-o", "json"]).expect(0).json();
    assert_eq!(trace["phases"], known["phases"]);
    let text = lab().run(&["explain", &name, "server"]).out;
    assert!(text.contains("the slowest") && text.contains("spawn: disks"), "{text}");
    assert!(text.contains(known["request_id"].as_str().expect("a request")), "{text}");
    let logs = lab().run(&["explain", &name, "logs"]).out;
    assert!(logs.contains("records  ") && logs.contains("instance-"), "{logs}");
    assert!(!logs.contains("rpc_loop") && !logs.contains("\"GET /"), "{logs}");
}

#[test]
fn a_boot_that_fails_shows_how_far_it_came() {
    let name = unique("nohost");
    let _guests = Guests::named(&[&name]);
    let failed = lab().run(&["boot", &name, "--ram", "4096", "--pages", "large", "--trace", "-q"]).expect(1);
    assert!(failed.out.contains(": error, "), "{}", failed.out);
    assert!(failed.out.contains("no host is left"), "{}", failed.out);
    assert!(failed.out.contains("NoValidHost"), "{}", failed.out);
    assert!(failed.err.contains("error: boot of server"), "{}", failed.err);
}

/// Of the cloud's hosts, with what they logged before as the good run.
#[test]
fn a_triage_of_the_cloud_against_what_was_before() {
    let name = unique("triage");
    let _guests = Guests::named(&[&name]);
    let folder = tempfile::tempdir().expect("a folder");
    let good = folder.path().join("good").display().to_string();
    lab().run(&["logs", "--exceptions", "--since", "2h", "--save", &good, "-q"]);
    lab().run(&["boot", &name, "--ram", "4096", "--pages", "large", "-q"]).expect(1);
    let live = |more: &[&str]| {
        let words = [&["triage", "--since", "1m", "-o", "json"], more].concat();
        lab().run(&words).expect(1).json()
    };
    let found = live(&[]);
    assert_eq!(found["of"], "the cloud");
    let group = |of: &Value| {
        let groups = of["groups"].as_array().expect("groups").clone();
        let is_it =
            |group: &&Value| group["exception"].as_str().is_some_and(|name| name.ends_with("NoValidHost"));
        groups.iter().find(is_it).unwrap_or_else(|| panic!("NoValidHost in {of:#}")).clone()
    };
    assert!(group(&found)["in_baseline"].is_null() && group(&found)["hosts"]["ctl"].is_number(), "{found:#}");
    let against = lab().run(&["triage", "--since", "1m", "--baseline", &good, "-o", "json"]).json();
    assert!(against["baseline"].as_str().is_some_and(|names| names.ends_with("good")), "{against:#}");
    assert!(group(&against)["in_baseline"].is_number(), "{against:#}");
    let text = lab().run(&["triage", "--since", "1m", "--baseline", &good]).out;
    assert!(text.contains("NOISE"), "{text}");
}

#[test]
fn what_is_unknown_is_said() {
    let unknown = "req-00000000-0000-4000-8000-000000000000";
    let ran = lab().run(&["trace", unknown, "--since", "1m"]).expect(2);
    assert!(ran.err.contains(unknown) && ran.err.contains("no request in the"), "{}", ran.err);
    lab().run(&["trace", unknown, "create"]).expect(2);
    let ran = lab().run(&["trace", "no-such-guest"]).expect(2);
    assert!(ran.err.contains("no guest called `no-such-guest`"), "{}", ran.err);
}

fn pid(host: &str, unit: &str) -> String {
    ssh(host, &format!("systemctl show -p MainPID --value {unit}")).trim().to_string()
}

#[test]
fn a_service_says_what_it_does_and_lives_on() {
    let before = pid("cmp1", "nova-compute");
    let reports = lab().run(&["host", "guru", "cmp1", "-o", "json", "-q"]).expect(0).json();
    let report = &reports[0];
    assert_eq!(report["pid"].to_string(), before);
    assert_eq!(report["product"], "OpenStack Nova");
    let stacks = report["stacks"].as_array().expect("stacks");
    let waits: Vec<&str> = stacks.iter().filter_map(|stack| stack["waits_in"].as_str()).collect();
    assert!(waits.contains(&"RPC messages"), "{waits:?}");
    assert!(waits.contains(&"the end of the service (its main thread)"), "{waits:?}");
    assert_eq!(report["configuration"]["oslo_reports"]["log_dir"], "None");
    assert_eq!(report["configuration"]["default"]["transport_url"], "***");
    assert!(!reports.to_string().contains("guest:guest@"), "the password of RabbitMQ");
    let text = lab().run(&["host", "guru", "cmp1", "--diff", "1", "-q"]).expect(0).out;
    assert!(text.starts_with("nova-compute on cmp1, process "), "{text}");
    assert!(text.contains("MOVED"), "{text}");
    assert_eq!(pid("cmp1", "nova-compute"), before, "it was asked, and runs on");
}

#[test]
fn a_process_that_would_be_ended_is_not_signalled() {
    // A service that says nothing of signals: SIGUSR2 would end it.
    let unit = unique("deaf");
    ssh("cmp1", &format!("systemd-run --quiet --unit={unit} sleep 120"));
    let before = pid("cmp1", &unit);
    let ran = lab().run(&["host", "guru", "cmp1", &unit, "-q"]);
    let alive = ssh("cmp1", &format!("systemctl is-active {unit} || true"));
    ssh("cmp1", &format!("systemctl stop {unit}"));
    assert_eq!(alive.trim(), "active", "{}", ran.err);
    let ran = ran.expect(2);
    assert!(
        ran.err.contains(&format!("process {before} on host `cmp1`: it does not handle SIGUSR2")),
        "{}",
        ran.err
    );
    // uWSGI's main process would be ended, too.
    let api = pid("ctl", "nova-api");
    let ran = lab().run(&["host", "guru", "ctl", "nova-api", "-q"]).expect(2);
    assert!(ran.err.contains("a WSGI server runs it"), "{}", ran.err);
    assert_eq!(pid("ctl", "nova-api"), api);
    let ran = lab().run(&["host", "guru", "ctl", "nova-nosuch", "-q"]).expect(2);
    assert!(ran.err.contains("`nova-conductor`"), "{}", ran.err);
}

#[test]
fn reports_go_where_the_configuration_says() {
    let folder = format!("/tmp/{}", unique("reports"));
    let trigger = format!("{folder}/trigger");
    ssh(
        "cmp2",
        &format!("mkdir -m 755 {folder}; touch {trigger}; chown -R nova: {folder}; chmod 644 {trigger}"),
    );
    let restore = Restore(folder.clone());
    let options = [
        format!("nova.conf:oslo_reports.log_dir={folder}"),
        format!("nova.conf:oslo_reports.file_event_handler={trigger}"),
    ];
    lab()
        .run(&["prepare", "--yes", "-q", "--host", "cmp2", "--set", &options[0], "--set", &options[1]])
        .expect(0);
    let reports = lab().run(&["host", "guru", "cmp2", "-o", "json", "-q"]).expect(0).json();
    let way = reports[0]["way"].as_str().expect("a way");
    assert!(way.contains(&format!("asked by its file {trigger}")), "{way}");
    // Its name is that of the thread that watches the file: `greenthread.py_gurumeditation_…`.
    assert!(way.contains(&format!("read from {folder}/")) && way.contains("_gurumeditation_"), "{way}");
    assert!(reports[0]["stacks"].as_array().is_some_and(|stacks| stacks.len() > 5), "{reports:#}");
    drop(restore);
    eventually("nova-compute on cmp2 after the restoration", || {
        ssh("cmp2", "systemctl is-active nova-compute || true").trim() == "active"
    });
}

/// Brings the host back, also when the test fails.
struct Restore(String);

impl Drop for Restore {
    fn drop(&mut self) {
        lab().run(&["restore", "--yes", "-q", "--host", "cmp2"]);
        ssh("cmp2", &format!("rm -rf {}", self.0));
    }
}
