//! What a file holds, what it must not hold, and files that others made.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use lzma_rust2::{XzOptions, XzReader, XzWriter};
use serde_json::{Value, json};

use super::index::{Index, IndexHost, KIND};
use super::logs::{HostLogs, OneHost, line};
use super::read::{Limits, Recording};
use super::write::write;
use crate::cloud::{Call, Options, Service, Tape};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::host::{Cmd, RecordedAnswer};
use crate::redact::Redactor;
use crate::watch::Record;

/// In every secret that is planted below.
const PLANTED: &str = "PlantedSecret";
/// The password of who records.
const PASSWORD: &str = "Own-PlantedSecret";

fn index() -> Index {
    let value = json!({
        "kind": KIND, "format": 1, "smog": "2.0.0", "cloud": "lab", "auth_url": "http://192.0.2.1:5000/v3",
        "begun": "2026-11-28T18:00:00Z", "at": "2026-11-28T18:01:00Z", "logs_since": "2026-11-28T17:00:00Z",
        "guests": [], "only_hosts": [], "hosts": [], "calls": 0, "unread": [],
        "smog_yml": {"hosts": [{"role": "computes", "name": "cmp1", "host": "192.0.2.2", "container": null, "sudo": null}]},
        "login": {"roles": [{"name": "admin"}], "catalog": []},
    });
    serde_json::from_value(value).expect("an index")
}

fn taped() -> Arc<Tape> {
    let tape = Tape::new("a recording", index().at);
    let server = json!({"server": {
        "id": "1", "name": "web", "adminPass": format!("a {PLANTED}"),
        "OS-EXT-SRV-ATTR:user_data": format!("b {PLANTED}"),
        "console": format!("http://h:6080/vnc.html?path=%3Ftoken%3D{PLANTED}"),
        "connection": format!("mysql://nova:{PLANTED}@db/nova"),
        "key": format!("-----BEGIN RSA PRIVATE KEY-----\n{PLANTED}\n-----END RSA PRIVATE KEY-----"),
        "said": format!("logged in with {PASSWORD}."),
    }});
    let call =
        json!({"call": "compute GET /servers/1", "status": 200, "request_id": "req-1", "body": server});
    tape.take_up(call.to_string()).expect("a call");
    let answer = |command: &str, stdout: String, stderr: String| RecordedAnswer {
        command: command.into(),
        stdout,
        stderr,
        ..RecordedAnswer::default()
    };
    let conf = format!(
        "/etc/nova/nova.conf:password = {PLANTED}\n/etc/nova/nova.conf:transport_url = rabbit://u:{PLANTED}@h:5672/\n\
         virt_type = kvm\n"
    );
    let ceph =
        format!("rbd:vms/x:id=nova:key=AQ{PLANTED}PlantedSecretPlantedSec== <graphics passwd='{PLANTED}'/>");
    let token = format!("X-Auth-Token: gAAAAAB{PLANTED}{PLANTED} is bad");
    let host = tape.host("cmp1");
    host.take_up(answer("cat /etc/nova/nova.conf", conf, token));
    host.take_up(answer("virsh dumpxml x", ceph, String::new()));
    Arc::new(tape)
}

fn logs(redactor: &Redactor) -> HostLogs {
    let mut file = tempfile::tempfile().expect("a file");
    let record = Record {
        host: "cmp1".into(),
        source: "/var/log/nova/nova-compute.log".into(),
        time: Some("2026-11-28T17:30:00Z".parse().expect("a time")),
        message: format!("auth {{'password': '{PLANTED}'}}"),
        text: format!("2026-11-28 17:30:00 auth {{'password': '{PLANTED}'}} and {PASSWORD}"),
        ..Record::default()
    };
    writeln!(file, "{}", line(&record, redactor)).expect("written");
    let index = IndexHost { name: "cmp1".into(), records: 1, ..IndexHost::default() };
    let hosts = [("cmp1".to_string(), OneHost { index, file: Some(file) })].into();
    HostLogs { hosts, unread: vec![] }
}

async fn written(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("cloud.tar.xz");
    let redactor = Redactor::of_words([PASSWORD], &["lab"]);
    write(index(), &taped(), logs(&redactor), redactor, &file).await.expect("a file");
    file
}

fn unpacked(file: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let packed = std::fs::File::open(file).expect("a file");
    XzReader::new(packed, false).read_to_end(&mut bytes).expect("unpacks");
    bytes
}

#[tokio::test]
async fn no_planted_secret_is_in_the_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(folder.path()).await;
    let text = String::from_utf8_lossy(&unpacked(&file)).into_owned();
    assert!(!text.contains("PlantedSecret"), "{text}");
    for kept in ["virt_type = kvm", "\"web\"", "req-1", "nova-compute.log", "logged in with (hidden)."] {
        assert!(text.contains(kept), "{kept}: {text}");
    }
    assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o7777, 0o600);
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[tokio::test]
async fn a_recording_answers_what_it_holds_and_says_what_it_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = Recording::open(&written(folder.path()).await).expect("opens");
    assert_eq!((recording.index.calls, recording.index.commands(), recording.index.records()), (1, 2, 1));
    let cloud = recording.cloud(Options::default()).expect("a cloud");
    assert!(cloud.is_admin());
    let get = |path: &str| Call::get(Service::Compute, path);
    let answer = cloud.call(get("/servers/1")).await.expect("an answer");
    assert_eq!(
        (answer.body["server"]["name"].as_str(), answer.request_id.as_deref()),
        (Some("web"), Some("req-1"))
    );
    let why = cloud.call(get("/servers/2")).await.expect_err("was not asked");
    assert!(matches!(why, Error::NotRecorded { .. }), "{why}");
    assert_eq!(why.exit_code(), ExitCode::CouldNotRun);
    let change = Call::post(Service::Compute, "/servers", Value::Null);
    let why = cloud.call(change).await.expect_err("a change");
    assert!(why.to_string().contains("nothing can be changed"), "{why}");
    let host = cloud.host("cmp1").await.expect("the host of smog.yml");
    let output = host.run(Cmd::new("cat").arg("/etc/nova/nova.conf")).await.expect("an answer");
    assert!(output.text().contains("password = (hidden)"), "{}", output.text());
    let why = host.run(Cmd::new("reboot")).await.expect_err("was not asked");
    assert!(matches!(why, Error::NotRecorded { .. }), "{why}");
}

/// A file made by hand: members with their types.
fn made(file: &Path, members: &[(&str, tar::EntryType, &[u8])]) {
    let packed = std::fs::File::create(file).expect("a file");
    let mut tar = tar::Builder::new(XzWriter::new(packed, XzOptions::with_preset(0)).expect("xz"));
    for (name, kind, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // As hostile makers do, past the checks of `set_path`.
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, *bytes).expect("a member");
    }
    tar.into_inner().expect("tar").finish().expect("xz");
}

fn why(file: &Path) -> String {
    Recording::open_within(file, Limits::small()).expect_err("is refused").to_string()
}

#[tokio::test]
async fn broken_and_hostile_files_are_refused_in_words() {
    use tar::EntryType::{Directory, Link, Regular, Symlink};
    let folder = tempfile::tempdir().expect("a folder");
    let good = written(folder.path()).await;
    let file = folder.path().join("x");
    let index_text = |change: &dyn Fn(&mut Value)| {
        let mut value = serde_json::to_value(index()).expect("JSON");
        change(&mut value);
        value.to_string().into_bytes()
    };
    let plain = index_text(&|_| {});
    let head = ("index.json", Regular, plain.as_slice());

    let bytes = std::fs::read(&good).expect("bytes");
    for cut in [0, 3, 40, bytes.len() / 2, bytes.len() - 30] {
        std::fs::write(&file, &bytes[..cut]).expect("written");
        let said = why(&file);
        assert!(
            ["cut off", "damaged", "no recording", "empty"].iter().any(|word| said.contains(word)),
            "{cut}: {said}"
        );
    }
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 0xff;
    std::fs::write(&file, &flipped).expect("written");
    assert!(!why(&file).is_empty());

    let newer = index_text(&|value| value["format"] = json!(2));
    made(&file, &[("index.json", Regular, &newer)]);
    assert!(why(&file).contains("it has form 2, made by smog 2.0.0"), "{}", why(&file));
    let other = index_text(&|value| value["kind"] = json!("x"));
    for members in
        [vec![("index.json", Regular, other.as_slice())], vec![("sos_reports/x", Regular, &b"x"[..])]]
    {
        made(&file, &members);
        assert!(why(&file).contains("it is no recording of smog"), "{}", why(&file));
    }
    for (member, said) in [
        (("../../x", Regular, &b"x"[..]), "`../../x` is no part of a recording"),
        (("/etc/passwd", Regular, &b"x"[..]), "is no part of a recording"),
        (("logs/7.jsonl", Regular, &b""[..]), "is no part of a recording"),
        (("logs/-1.jsonl", Regular, &b""[..]), "is no part of a recording"),
        (("api.jsonl", Symlink, &b""[..]), "is a link"),
        (("hosts.jsonl", Link, &b""[..]), "is a link"),
        (("logs", Directory, &b""[..]), "is no plain file"),
        (("api.jsonl", Regular, &b"{}"[..]), "api.jsonl:1: the line is cut off"),
        (("api.jsonl", Regular, &b"{\"a\":1}\n"[..]), "api.jsonl:1: "),
        (("hosts.jsonl", Regular, &b"\xff\n"[..]), "it is no UTF-8"),
    ] {
        made(&file, &[head, member]);
        assert!(why(&file).contains(said), "{}", why(&file));
    }
    made(&file, &[head]);
    assert!(why(&file).contains("it is not whole"), "{}", why(&file));

    // A bomb: a small file that unpacks to much.
    let spaces = vec![b' '; 300 << 10];
    made(&file, &[head, ("api.jsonl", Regular, &spaces)]);
    assert!(why(&file).contains("its answers are more than is read of one"), "{}", why(&file));
    let hosts = index_text(&|value| {
        value["hosts"] = json!([{"name": "a", "commands": 0, "records": 1,
        "clock_ahead": 0.0, "logs_failed": null, "unread": []}])
    });
    let zeros = vec![b'\n'; 2 << 20];
    made(&file, &[("index.json", Regular, &hosts), ("logs/0.jsonl", Regular, &zeros)]);
    assert!(std::fs::metadata(&file).expect("a file").len() < 10_000);
    assert!(why(&file).contains("unpacked it has more than 1 MiB, the limit"), "{}", why(&file));
    let commas = [b"{\"call\":\"".as_slice(), &[b','; 2000], b"\"}\n"].concat();
    made(&file, &[head, ("api.jsonl", Regular, &commas)]);
    assert!(why(&file).contains("api.jsonl:1: more than 1000 values"), "{}", why(&file));

    assert!(why(folder.path()).contains("it is no file"));
    assert!(why(&folder.path().join("none")).contains("No such file"));
    std::fs::write(&file, "plain text").expect("written");
    assert!(why(&file).contains("it is no recording of smog"));
}
