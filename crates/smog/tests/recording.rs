//! What a recording of the lab says, without the lab: `tests/data/recordings/README.md` has its
//! origin. Snapshots hold what each look makes of the recorded answers.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use smog::cloud::Options;
use smog::findings::AuditRequest;
use smog::recording::Recording;
use smog::topology::Seen;
use smog::watch::{Event, From, LogsWanted};
use smog::why_not::WhyNotRequest;
use smog::{Cloud, Error};

fn recording() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/recordings/lab.tar.xz")
}

fn of(file: &Path) -> Cloud {
    Recording::open(file).expect("a recording").cloud(Options::default()).expect("a cloud")
}

fn cloud() -> Cloud {
    of(&recording())
}

/// As JSON, without how long it took, in which order sources answered, and which rules there are.
fn shown(value: &impl Serialize) -> String {
    fn masked(value: &mut Value) {
        match value {
            Value::Object(object) => {
                for key in ["took_s", "sources", "elapsed_s", "rules"] {
                    object.remove(key);
                }
                object.values_mut().for_each(masked);
            }
            Value::Array(items) => items.iter_mut().for_each(masked),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(value).expect("JSON");
    masked(&mut value);
    serde_json::to_string_pretty(&value).expect("JSON")
}

#[tokio::test]
async fn discover_and_topology() {
    let cloud = cloud();
    let found = cloud.discover().await.expect("guests");
    let lines: Vec<String> = found
        .guests
        .iter()
        .map(|guest| {
            let domain = guest.seen.as_ref().map(|seen| seen.name.clone());
            format!("{} {} {:?} {domain:?}", guest.name(), guest.server.status, guest.server.host)
        })
        .collect();
    insta::assert_snapshot!("recorded-discover", lines.join("\n"));
    let topology = cloud.topology_of(&Seen::All).await.expect("a picture");
    insta::assert_snapshot!("recorded-topology", shown(&topology));
}

#[tokio::test]
async fn explain_of_each_kind_of_guest() {
    let cloud = cloud();
    for name in ["why-a", "why-pin", "why-none", "why-shelf"] {
        let guest = cloud.guest(name).await.expect("a guest");
        let page = cloud.explain(&guest.server, None).await.expect("a page");
        insta::assert_snapshot!(format!("recorded-explain-{name}"), shown(&page));
    }
}

#[tokio::test]
async fn audit_and_why_not() {
    let cloud = cloud();
    let request =
        AuditRequest { logs_back: Some(std::time::Duration::from_secs(60)), ..AuditRequest::default() };
    let audit = cloud.audit(&request).await.expect("an audit");
    insta::assert_snapshot!("recorded-audit", shown(&audit));
    let of_guest = WhyNotRequest { of: Some("why-none".into()), ..WhyNotRequest::default() };
    let of_flavor = WhyNotRequest { flavor: Some("m1.nano".into()), ..WhyNotRequest::default() };
    for (name, request) in [("guest", of_guest), ("flavor", of_flavor)] {
        let why = cloud.why_not(&request).await.expect("an answer");
        insta::assert_snapshot!(format!("recorded-why-not-{name}"), shown(&why));
    }
}

#[tokio::test]
async fn logs_and_trace() {
    let cloud = cloud();
    let guest = cloud.guest("why-pin").await.expect("a guest");
    let logs = LogsWanted { all_services: true, ..LogsWanted::default() };
    let trace = guest.trace(Some("create"), logs.clone()).await.expect("a trace");
    insta::assert_snapshot!("recorded-trace", shown(&trace));
    let since = cloud.now() - jiff::SignedDuration::from_mins(3);
    let wanted = LogsWanted { from: From::Since(since), ..logs };
    let mut watch = wanted.plan(&cloud).await.expect("a plan").watch();
    let mut count = 0;
    while let Some(event) = watch.next().await {
        count += u32::from(matches!(event, Event::Record(_)));
    }
    assert!(count > 1000, "{count} records");
    assert!(watch.unread().is_empty(), "{:?}", watch.unread().lines());
    // What was logged before is not known, and not nothing.
    let wanted = LogsWanted {
        from: From::Since(since - jiff::SignedDuration::from_hours(24)),
        ..LogsWanted::default()
    };
    let mut watch = wanted.plan(&cloud).await.expect("a plan").watch();
    while watch.next().await.is_some() {}
    let lines = watch.unread().lines();
    assert!(
        lines.iter().all(|line| line.contains("what was logged before")) && !lines.is_empty(),
        "{lines:?}"
    );
}

#[tokio::test]
async fn what_was_not_asked_is_said_so() {
    let cloud = cloud();
    let request = WhyNotRequest { flavor: Some("why-no-such".into()), ..WhyNotRequest::default() };
    assert!(matches!(cloud.why_not(&request).await, Err(Error::NotFound { .. })));
    let host = cloud.host("cmp1").await.expect("a host");
    let why = host.read_file("/etc/passwd").await.expect_err("was not read");
    assert!(matches!(why, Error::NotRecorded { .. }), "{why}");
    let why = cloud.provider_usages("00000000-0000-0000-0000-000000000000").await.expect_err("was not asked");
    assert!(matches!(why, Error::NotRecorded { .. }), "{why}");
}

/// The same recording, whose texts of commands were changed: as if another smog had made it.
fn made_by_another(folder: &Path, change: impl Fn(&str) -> String) -> PathBuf {
    let packed = std::fs::File::open(recording()).expect("a file");
    let mut archive = tar::Archive::new(lzma_rust2::XzReader::new(packed, false));
    let file = folder.join("other.tar.xz");
    let to = std::fs::File::create(&file).expect("a file");
    let options = lzma_rust2::XzOptions::with_preset(0);
    let mut tar = tar::Builder::new(lzma_rust2::XzWriter::new(to, options).expect("xz"));
    for member in archive.entries().expect("members") {
        let mut member = member.expect("a member");
        let mut header = member.header().clone();
        let name = member.path().expect("a name").display().to_string();
        let mut text = String::new();
        member.read_to_string(&mut text).expect("text");
        if name == "hosts.jsonl" {
            text = text.lines().map(|line| change(line) + "\n").collect();
        }
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, &name, text.as_bytes()).expect("appended");
    }
    tar.into_inner().expect("tar").finish().expect("xz").flush().expect("written");
    file
}

/// One line of `hosts.jsonl`, changed.
fn line(text: &str, change: impl Fn(&mut Value)) -> String {
    let mut line: Value = serde_json::from_str(text).expect("JSON");
    change(&mut line);
    line.to_string()
}

#[tokio::test]
async fn one_that_another_smog_made_is_still_read() {
    let folder = tempfile::tempdir().expect("a folder");
    // Every command that has a name is asked in other words.
    let other = of(&made_by_another(folder.path(), |text| {
        line(text, |line| {
            if line["look"].is_string() {
                line["command"] =
                    Value::String(format!("{} # as it was", line["command"].as_str().expect("text")));
            }
        })
    }));
    assert_eq!(
        shown(&other.topology_of(&Seen::All).await.expect("one")),
        shown(&cloud().topology_of(&Seen::All).await.expect("one"))
    );
    let otherwise = other.answered_otherwise().join("\n");
    assert!(otherwise.contains("host `cmp2`: ") && otherwise.contains("domains"), "{otherwise}");
    let guest = other.guest("why-pin").await.expect("a guest");
    let page = other.explain(&guest.server, None).await.expect("a page");
    assert!(page.unknown.is_empty(), "{:?}", page.unknown);
    assert!(cloud().answered_otherwise().is_empty());

    // What is needed and was not asked then is said; the rest is shown.
    let less = of(&made_by_another(folder.path(), |text| {
        line(text, |line| {
            if ["details", "links of PCI devices", "guest processes"].iter().any(|look| line["look"] == *look)
            {
                line["look"] = Value::Null;
                line["command"] = Value::String(format!("gone {}", line["command"].as_str().expect("text")));
            }
        })
    }));
    let picture = less.topology_of(&Seen::Host("cmp2".into())).await.expect("a picture").hosts.remove(0);
    let unknown = picture.unknown.join("\n");
    assert!(picture.guests.iter().any(|guest| guest.name == "why-pin"), "{:?}", picture.guests);
    assert!(
        unknown.contains("PCI devices: not recorded")
            && unknown.contains("where threads may run: not recorded"),
        "{unknown}"
    );
}
