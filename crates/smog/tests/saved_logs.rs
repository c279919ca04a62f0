//! One run with two known faults, saved in every form by the real tools: the exceptions that
//! `smog logs` found live are found in each, with their requests.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use smog::triage::Triage;
use smog::watch::{Filter, Offline, Record, Saved};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/logs/saved")
}

/// Exception, its causes, and request.
type Found = BTreeSet<(String, Vec<String>, String)>;

fn found(saved: &Saved) -> (Found, Vec<String>) {
    let (mut found, mut hosts) = (Found::new(), BTreeSet::new());
    let filter = Filter { exceptions: true, ..Filter::default() };
    let mut count = 0;
    let up = saved.read(&filter, |record: Record| {
        let exception = record.exception.unwrap_or_default();
        let causes = exception.causes.into_iter().map(|cause| cause.name).collect();
        found.insert((exception.name, causes, record.request_id.unwrap_or_default()));
        hosts.insert(record.host);
        count += 1;
        ControlFlow::Continue(())
    });
    let up = up.expect("read");
    assert_eq!((up.troubles, up.records), (vec![], found.len() as u64), "told once each");
    assert_eq!(count, found.len());
    (found, hosts.into_iter().collect())
}

/// What `smog logs --exceptions` told live, from `live.json`; of one host or of all.
fn live(host: Option<&str>) -> Found {
    let text = std::fs::read_to_string(folder().join("live.json")).expect("the live answer");
    let mut wanted = Found::new();
    for line in text.lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("a record");
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_string();
        if host.is_none_or(|host| text("host") == host) {
            let causes = record["causes"].as_array().cloned().unwrap_or_default();
            let causes = causes.iter().filter_map(|cause| cause.as_str().map(str::to_string)).collect();
            wanted.insert((text("exception"), causes, text("request_id")));
        }
    }
    wanted
}

fn saved(names: &[&str]) -> Saved {
    let places = names.iter().map(|name| folder().join(name)).collect();
    Offline { places, ..Offline::default() }.open(None).expect("opened")
}

const REPORTS: [&str; 2] =
    ["sosreport-ctl-2026-11-28-fhiagfk.tar.xz", "sosreport-cmp2-2026-11-28-expmykr.tar.xz"];

#[test]
fn every_form_tells_what_the_live_logs_told() {
    assert_eq!(live(None).len(), 3);
    for (names, of, hosts) in [
        (&["nova-conductor.log", "nova-compute.log"][..], None, &["-"][..]),
        (&REPORTS, None, &["cmp2", "ctl"]),
        (&["job.tgz"], None, &["compute1", "controller"]),
        (&["var-log.tar.zst"], None, &["cmp2", "ctl"]),
        (&["compute-journal-json.bz2"], Some("cmp2"), &["cmp2"]),
    ] {
        let (told, on) = found(&saved(names));
        assert_eq!((told, on), (live(of), hosts.iter().map(|host| host.to_string()).collect()), "{names:?}");
    }
    // The same from standard input.
    let bytes = std::fs::read(folder().join("job.tgz")).expect("the job");
    let input = Offline { places: vec!["-".into()], ..Offline::default() };
    let opened = input.open(Some(Box::new(Cursor::new(bytes)))).expect("opened");
    assert_eq!(found(&opened).0, live(None));
}

#[test]
fn the_triage_of_the_reports() {
    let (triage, up) = Triage::of_saved(&saved(&REPORTS), None, &Filter::default(), "x").expect("a triage");
    assert!(up.troubles.is_empty());
    assert_eq!(triage.hosts, ["cmp2", "ctl"]);
    let shown: Vec<_> =
        triage.groups.iter().map(|group| (group.short_name(), group.place.as_str(), group.count)).collect();
    assert_eq!(
        shown,
        [
            ("NoValidHost", "nova/scheduler/manager.py:select_destinations", 2),
            ("InvalidDiskInfo", "nova/privsep/qemu.py:unprivileged_qemu_img_info", 1),
        ]
    );
    let likely = triage.likely.expect("a cause");
    assert_eq!(
        (likely.host.as_str(), likely.request.as_deref()),
        ("ctl", Some("req-6a581fc3-1110-44b0-87c2-3fc56274612f"))
    );
}
