//! Places as people have them, made by hand in a folder of each test's own.

use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::archive::Limits;
use super::*;
use crate::exit::ExitCode;
use crate::watch::filter::Filter;
use crate::watch::record::Record;

/// A record with a traceback, as a service's own file has it.
fn native(time: &str, request: &str, name: &str) -> String {
    let head = format!("2026-11-24 {time} 7 ERROR nova.compute.manager");
    format!(
        "{head} [None {request} u p - - - -] Failed\n{head} Traceback (most recent call last):\n{head}   File \"a.py\", line 1, in f\n{head} {name}: x\n"
    )
}

/// The same in a unit's journal as text.
fn journal(host: &str, time: &str, request: &str, name: &str) -> String {
    native(time, request, name)
        .lines()
        .map(|line| format!("Nov 24 {time}456 {host} nova-compute[7]: {line}\n"))
        .collect()
}

struct Place(tempfile::TempDir);

impl Place {
    fn new(files: &[(&str, &[u8])]) -> Place {
        let place = Place(tempfile::tempdir().expect("a folder"));
        files.iter().for_each(|(path, bytes)| place.put(path, bytes));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(vec![]);
    for (path, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // A path that climbs is refused by the builder's own way to set it.
        header.as_gnu_mut().expect("a header").name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *bytes).expect("a member");
    }
    builder.into_inner().expect("an archive")
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    packed.write_all(bytes).expect("packed");
    packed.finish().expect("packed")
}

fn offline(place: &Path) -> Offline {
    Offline { places: vec![place.into()], ..Offline::default() }
}

fn exceptions() -> Filter {
    Filter { exceptions: true, ..Filter::default() }
}

fn read(offline: &Offline, filter: &Filter) -> (Vec<Record>, ReadUp) {
    let saved = offline.open(None).unwrap_or_else(|why| panic!("{why}"));
    let mut records = vec![];
    let up = saved.read(filter, |record| {
        records.push(record);
        ControlFlow::Continue(())
    });
    (records, up.expect("read"))
}

/// Each as "host time exception request".
fn shown(records: &[Record]) -> Vec<String> {
    let one = |record: &Record| {
        format!(
            "{} {} {} {}",
            record.host,
            record.time.map_or("-".into(), |time| time.strftime("%H:%M:%S").to_string()),
            record.exception.as_ref().map_or("-", |found| found.name.as_str()),
            record.request_id.as_deref().unwrap_or("-")
        )
    };
    records.iter().map(one).collect()
}

const JOB: [&str; 3] = [
    "controller 10:00:01 AError req-1",
    "compute1 10:00:02 BError req-2",
    "controller 10:00:03 CError req-3",
];

fn job() -> Vec<(String, Vec<u8>)> {
    let controller = journal("ubuntu", "10:00:01.100", "req-1", "AError")
        + &journal("ubuntu", "10:00:03.100", "req-3", "CError");
    let compute = journal("ubuntu", "10:00:02.100", "req-2", "BError");
    vec![
        ("controller/logs/screen-n-cpu.txt".into(), controller.clone().into_bytes()),
        // The same again, as the whole journal.
        ("controller/logs/devstack.journal.gz".into(), gz(controller.as_bytes())),
        ("compute1/logs/screen-n-cpu.txt.gz".into(), gz(compute.as_bytes())),
        ("controller/logs/stack.html".into(), b"<html>Traceback (most recent call last)".to_vec()),
        ("controller/logs/empty.log".into(), vec![]),
        ("zuul-info/inventory.yaml".into(), b"all:\n".to_vec()),
    ]
}

fn borrowed(files: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect()
}

#[test]
fn a_job_as_folder_as_archive_and_from_standard_input() {
    let files = job();
    let folder = Place::new(&borrowed(&files));
    let (records, up) = read(&offline(folder.0.path()), &exceptions());
    assert_eq!(shown(&records), JOB);
    assert_eq!((up.twice, up.sources, up.exit_code(false, false)), (2, 3, ExitCode::Ok));

    let archive = tar(&borrowed(&files));
    let mut bz = bzip2::write::BzEncoder::new(vec![], bzip2::Compression::fast());
    bz.write_all(&archive).expect("packed");
    let archives =
        [("job.tar", archive.clone()), ("job.tgz", gz(&archive)), ("job.tbz", bz.finish().expect("packed"))];
    for (name, bytes) in archives {
        let place = Place::new(&[(name, &bytes)]);
        assert_eq!(shown(&read(&offline(&place.path(name)), &exceptions()).0), JOB, "{name}");
        // Also where it lies in a folder.
        assert_eq!(shown(&read(&offline(place.0.path()), &exceptions()).0), JOB, "{name} in a folder");
        let saved = offline(Path::new("-")).open(Some(Box::new(Cursor::new(bytes)))).expect("opened");
        let mut records = vec![];
        let up = saved.read(&exceptions(), |record| {
            records.push(record);
            ControlFlow::Continue(())
        });
        assert_eq!(shown(&records), JOB, "{name} from standard input");
        assert!(up.expect("read").troubles.is_empty());
    }
}

#[test]
fn filters_are_those_of_live_logs() {
    let folder = Place::new(&borrowed(&job()));
    let all = offline(folder.0.path());
    let with = |filter: Filter| shown(&read(&all, &filter).0);
    let request = Filter { requests: vec!["req-2".into()], ..Filter::default() };
    assert_eq!(with(request), JOB[1..2]);
    let grep = Filter { patterns: crate::watch::patterns(&["C.*: x$"]).ok(), ..Filter::default() };
    assert_eq!(with(grep), JOB[2..]);
    let times = Filter {
        since: "2026-11-24T10:00:02Z".parse().ok(),
        until: "2026-11-24T10:00:03Z".parse().ok(),
        ..Filter::default()
    };
    assert_eq!(with(times), JOB[1..2]);
    let of_host = Offline { hosts: vec!["compute1".into()], ..all.clone() };
    assert_eq!(shown(&read(&of_host, &exceptions()).0), JOB[1..2]);
    let why =
        Offline { hosts: vec!["compute7".into()], ..all }.open(None).expect_err("no such host").to_string();
    assert!(why.contains("compute7"), "{why}");
}

#[test]
fn a_sosreport_says_its_host_its_zone_and_its_forms() {
    let own = "ERROR|2026-11-24 11:00:02|nova.x|req-2| Failed: nova.exception.NoValidHost: none\n";
    let conf = "[DEFAULT]\nlogging_context_format_string = %(levelname)s|%(asctime)s|%(name)s|%(request_id)s| %(message)s\nlogging_default_format_string = %(levelname)s|%(asctime)s|%(name)s|| %(message)s\nlogging_exception_prefix = %(levelname)s|%(asctime)s|%(name)s|| \n";
    let root = "sosreport-cmp9-2026-11-24-abcdefg";
    let files: Vec<(String, Vec<u8>)> = [
        ("var/log/nova/nova-compute.log", own.as_bytes()),
        ("var/log/neutron/agent.log", native("11:00:01.000", "req-1", "ValueError").as_bytes()),
        ("var/log/messages", b"Nov 24 11:00:03 cmp9 nova-compute[7]: Traceback (most recent call last):\nNov 24 11:00:03 cmp9 nova-compute[7]:   File \"x\", line 1\nNov 24 11:00:03 cmp9 nova-compute[7]: KeyError: 'x'\n"),
        ("sos_commands/date/date", b"Tue Nov 24 11:31:40 CET 2026\n"),
        ("sos_commands/host/hostname", b"cmp9.example.org\n"),
        ("sos_commands/x/nova_status", b"2026-11-24 11:00:01.000 7 ERROR a [-] Failed: NotCountedError: x\n"),
        ("etc/nova/nova.conf", conf.as_bytes()),
    ]
    .map(|(path, bytes)| (format!("{root}/{path}"), bytes.to_vec()))
    .into();
    let wanted = [
        "cmp9.example.org 10:00:01 ValueError req-1",
        "cmp9.example.org 10:00:02 nova.exception.NoValidHost req-2",
        "cmp9.example.org 10:00:03 KeyError -",
    ];
    let place = Place::new(&[("report.tar.gz", &gz(&tar(&borrowed(&files))))]);
    assert_eq!(shown(&read(&offline(&place.path("report.tar.gz")), &exceptions()).0), wanted);
    let folder = Place::new(&borrowed(&files));
    assert_eq!(shown(&read(&offline(folder.0.path()), &exceptions()).0), wanted);
    // What the report says counts more than what was given.
    let other = Offline { zone: TimeZone::get("Asia/Tokyo").ok(), ..offline(&folder.path(root)) };
    assert_eq!(shown(&read(&other, &exceptions()).0), wanted);
    let short = Offline { hosts: vec!["cmp9".into()], ..offline(&folder.path(root)) };
    assert_eq!(read(&short, &exceptions()).0.len(), 3);
}

#[test]
fn mixed_zones_are_one_order() {
    let folder = Place::new(&[
        ("a/var/log/nova/x.log", native("12:00:01.000", "req-1", "AError").as_bytes()),
        ("a/etc/timezone", b"Europe/Helsinki\n"),
        ("b/var/log/nova/x.log", native("05:00:00.000", "req-2", "BError").as_bytes()),
        ("b/sos_commands/date/hwclock", b"2026-11-24 05:31:40.123456-05:00\n"),
        ("c/var/log/nova/x.log", native("10:00:02.000", "req-3", "CError").as_bytes()),
    ]);
    let wanted = ["b 10:00:00 BError req-2", "a 10:00:01 AError req-1", "c 10:00:02 CError req-3"];
    assert_eq!(shown(&read(&offline(folder.0.path()), &exceptions()).0), wanted);
}

#[test]
fn a_time_without_a_year_is_not_after_the_file() {
    let folder = Place::new(&[(
        "h/var/log/messages",
        journal("h", "10:00:01.100", "req-1", "AError").replace("2026-", "2019-").as_bytes(),
    )]);
    let written: jiff::Timestamp = "2019-12-24T00:00:00Z".parse().expect("a time");
    let file =
        std::fs::File::options().write(true).open(folder.path("h/var/log/messages")).expect("the file");
    file.set_modified(written.into()).expect("its time");
    let (records, _) = read(&offline(folder.0.path()), &exceptions());
    assert_eq!(records[0].time.map(|time| time.to_string()).as_deref(), Some("2019-11-24T10:00:01.1Z"));
}

#[test]
fn a_host_is_the_one_its_records_name_where_the_place_says_none() {
    let text = journal("cmp1", "10:00:01.100", "req-1", "AError")
        + &journal("cmp2", "10:00:02.100", "req-2", "BError");
    let folder = Place::new(&[("all.log", text.as_bytes())]);
    let wanted = ["cmp1 10:00:01 AError req-1", "cmp2 10:00:02 BError req-2"];
    assert_eq!(shown(&read(&offline(&folder.path("all.log")), &exceptions()).0), wanted);
    let of_host = Offline { hosts: vec!["cmp2".into()], ..offline(&folder.path("all.log")) };
    assert_eq!(shown(&read(&of_host, &exceptions()).0), wanted[1..]);
    let named = Offline { host: Some("x".into()), ..offline(&folder.path("all.log")) };
    assert_eq!(shown(&read(&named, &exceptions()).0)[0], "x 10:00:01 AError req-1");
}

#[test]
fn a_guest_is_known_from_the_records() {
    let id = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    let line = |time: &str, request: &str, user: &str, rest: &str| {
        format!("2026-11-24 {time} 7 DEBUG nova.x [None {request} {user} p - - - -] {rest}\n")
    };
    let text = line("10:00:01.000", "req-1", "u", &format!("Instance(display_name='web',uuid={id},vcpus=1)"))
        + &line("10:00:02.000", "req-1", "u", "of the same request")
        + &line("10:00:03.000", "req-2", "-", &format!("[instance: {id}] a periodic task"))
        + &line("10:00:04.000", "req-2", "-", "another guest in the same task");
    let folder = Place::new(&[("cmp1/var/log/nova/x.log", text.as_bytes())]);
    let saved = offline(folder.0.path()).open(None).expect("opened");
    for asked in [id, "aaaaaaaa", "web"] {
        let mut filter = Filter::default();
        saved.only_guest(&mut filter, asked).expect("a guest");
        let mut count = 0;
        let up = saved.read(&filter, |_| {
            count += 1;
            ControlFlow::Continue(())
        });
        assert_eq!((count, up.expect("read").records), (3, 3), "{asked}");
    }
    let why = saved.only_guest(&mut Filter::default(), "nobody").expect_err("no such guest").to_string();
    assert!(why.contains("nobody"), "{why}");
}

#[test]
fn what_is_wrong_with_a_place_is_said() {
    let why = |place: &Path| offline(place).open(None).expect_err("nothing to read").to_string();
    let folder = Place::new(&[("empty/x.png", b"x"), ("odd/x.log", b"one\ntwo\n")]);
    assert!(why(&folder.path("none")).contains("no such file"));
    assert!(why(&folder.path("empty")).contains("it contains no log"));
    let (_, up) = read(&offline(&folder.path("odd")), &exceptions());
    assert!(
        up.troubles[0].text().contains("no log form known here; its first line is `one`"),
        "{:?}",
        up.troubles
    );
    assert_eq!(up.exit_code(false, false), ExitCode::Usage);
    // Next to a log that is known it does not matter.
    folder.put("odd/y.log", native("10:00:01.000", "req-1", "AError").as_bytes());
    assert_eq!(read(&offline(&folder.path("odd")), &exceptions()).1.exit_code(false, false), ExitCode::Ok);
    folder.put("odd/z.log", b"\x01\x02\x03\x04binary");
    let up = read(&offline(&folder.path("odd")), &exceptions()).1;
    assert_eq!(
        (up.exit_code(false, false), up.exit_code(false, true)),
        (ExitCode::CouldNotRun, ExitCode::Ok)
    );
}

#[test]
fn a_log_without_times_comes_last_and_whole() {
    let folder = Place::new(&[
        (
            "a/var/log/nova/a.log",
            b"Traceback (most recent call last):\n  File \"x\", line 1\nKeyError: 'x'\n",
        ),
        ("a/var/log/nova/b.log", native("10:00:01.000", "req-1", "AError").as_bytes()),
    ]);
    let wanted = ["a 10:00:01 AError req-1", "a - KeyError -"];
    assert_eq!(shown(&read(&offline(folder.0.path()), &exceptions()).0), wanted);
}

#[test]
fn an_archive_that_climbs_is_cut_short_or_is_a_bomb() {
    let log = native("10:00:01.000", "req-1", "AError");
    let bytes = log.as_bytes();
    let climbing = tar(&[
        ("../../climbed.log", bytes),
        ("a/var/log/nova/../nova/x.log", bytes),
        ("/b/var/log/x.log", bytes),
    ]);
    let place = Place::new(&[("x.tar", &climbing), ("x.tgz", &gz(&climbing))]);
    for name in ["x.tar", "x.tgz"] {
        let (records, up) = read(&offline(&place.path(name)), &exceptions());
        assert_eq!(records.len(), 2, "{name}");
        assert!(
            up.troubles[0].text().contains("climbs out of the archive: `../../climbed.log`"),
            "{:?}",
            up.troubles
        );
        assert_eq!(up.exit_code(false, false), ExitCode::CouldNotRun);
    }
    let long = format!("{log}{}", "2026-11-24 10:00:02.000 7 INFO a [-] x\n".repeat(20_000));
    let whole = tar(&[("a/var/log/x.log", bytes), ("b/var/log/y.log", long.as_bytes())]);
    for (name, bytes) in [("cut.tar", whole.clone()), ("cut.tgz", gz(&whole))] {
        place.put(name, &bytes[..bytes.len() * 2 / 3]);
        let (records, up) = read(&offline(&place.path(name)), &exceptions());
        assert_eq!(shown(&records), ["a 10:00:01 AError req-1", "b 10:00:01 AError req-1"], "{name}");
        assert!(
            up.troubles.iter().any(|trouble| matches!(trouble.what, What::CutShort(_))),
            "{name}: {:?}",
            up.troubles
        );
    }
    let zeros = vec![0; 4 << 20];
    place.put("bomb.tgz", &gz(&tar(&[("a/var/log/x.log", bytes), ("b/var/log/y.log", &zeros)])));
    place.put("many.tgz", &gz(&tar(&vec![("x.png", &b""[..]); 200])));
    for (name, words) in [("bomb.tgz", "as a tar bomb does"), ("many.tgz", "more than 100 members")] {
        let gathered = place::gather(&[place.path(name)], None, Limits::small()).expect("gathered");
        let said = gathered.troubles.iter().map(Trouble::text).collect::<Vec<_>>().join("\n");
        assert!(said.contains(words) && said.contains("unpack it and name the folder"), "{name}: {said}");
    }
    let mut nested = tar(&[("a/var/log/x.log", bytes)]);
    for _ in 0..5 {
        nested = tar(&[("x.tar", &nested)]);
    }
    place.put("nested.tar", &nested);
    let (records, up) = read(&offline(&place.path("nested.tar")), &exceptions());
    assert!(records.is_empty() && up.troubles[0].text().contains("too deep"), "{:?}", up.troubles);
}

#[test]
fn links_pipes_and_other_members_are_not_followed() {
    let folder = Place::new(&[("a/var/log/x.log", native("10:00:01.000", "req-1", "AError").as_bytes())]);
    std::os::unix::fs::symlink("/etc", folder.path("a/var/log/etc")).expect("a link");
    std::os::unix::fs::symlink("x.log", folder.path("a/var/log/y.log")).expect("a link");
    std::os::unix::fs::symlink(folder.0.path(), folder.path("a/var/log/again")).expect("a link");
    let pipe = std::process::Command::new("mkfifo").arg(folder.path("a/var/log/z.log")).status();
    assert!(pipe.expect("mkfifo").success());
    assert_eq!(read(&offline(folder.0.path()), &exceptions()).0.len(), 1);
}

/// Entries of `journalctl -o json` and `-o export`, with the fields of Python's handlers of the journal.
#[test]
fn what_a_journal_leaves_out_is_unread_and_what_it_has_in_fields_counts() {
    let entry = |fields: &str| {
        format!(
            "{{\"__REALTIME_TIMESTAMP\":\"1795516300000000\",\"_PID\":\"7\",\"_HOSTNAME\":\"cmp1\",\"_SYSTEMD_UNIT\":\"nova-compute.service\",\"PRIORITY\":\"3\"{fields}}}\n"
        )
    };
    // Entries of one moment may be lines of one record.
    let begin = entry(r#","MESSAGE":"begin""#).replace("1795516300", "1795516200");
    let traceback = "Traceback (most recent call last):\\n  File \\\"a.py\\\", line 1, in f\\nValueError: x";
    let bytes: Vec<String> =
        "a\u{e4}: nova.exception.OneError: b".bytes().map(|byte| byte.to_string()).collect();
    for (fields, names, unread) in [
        (r#","MESSAGE":null"#.to_string(), vec![], true),
        (r#","MESSAGE":[null,"x"]"#.to_string(), vec![], true),
        (r#","MESSAGE":"Failed","EXCEPTION_TEXT":null"#.to_string(), vec![], true),
        (format!(r#","MESSAGE":"Failed","EXCEPTION_TEXT":"{traceback}""#), vec!["ValueError"], false),
        (format!(r#","MESSAGE":"Failed","EXCEPTION_INFO":"{traceback}","EXCEPTION_TEXT":"{traceback}""#), vec!["ValueError"], false),
        (format!(r#","MESSAGE":null,"EXCEPTION_TEXT":"{traceback}""#), vec!["ValueError"], true),
        (format!(r#","EXCEPTION_TEXT":"{traceback}""#), vec!["ValueError"], false),
        (format!(r#","MESSAGE":"Failed\n{traceback}","EXCEPTION_TEXT":"{traceback}""#), vec!["ValueError"], false),
        (
            r#","MESSAGE":"Failed","EXCEPTION_INFO":"(<class 'nova.exception.NoValidHost'>, NoValidHost('none'), <traceback object at 0x7f>)""#
                .to_string(),
            vec!["nova.exception.NoValidHost"],
            false,
        ),
        (
            r#","MESSAGE":"org.freedesktop.DBus.Error.FileExists: Unit a.service failed to load","PRIORITY":"3""#.to_string(),
            vec![],
            false,
        ),
        (format!(r#","MESSAGE":[{}]"#, bytes.join(",")), vec!["nova.exception.OneError"], false),
        (r#","MESSAGE":["one","two"]"#.to_string(), vec![], false),
        (r#","MESSAGE":[300,-1,"x"]"#.to_string(), vec![], true),
        (String::new(), vec![], false),
    ] {
        let place = Place::new(&[("j.json", (begin.clone() + &entry(&fields)).as_bytes())]);
        let (records, up) = read(&offline(&place.path("j.json")), &exceptions());
        let found: Vec<&str> =
            records.iter().filter_map(|record| Some(record.exception.as_ref()?.name.as_str())).collect();
        assert_eq!(found, names, "{fields}: {records:?}");
        let said: Vec<String> = up.troubles.iter().map(Trouble::text).collect();
        assert_eq!(said.iter().any(|said| said.contains("use `journalctl --all`")), unread, "{fields}: {said:?}");
        let code = if unread { ExitCode::CouldNotRun } else { ExitCode::Ok };
        assert_eq!(up.exit_code(false, false), code, "{fields}");
    }
    // A file that ends within an entry, in both of the journal's forms.
    let export =
        "__CURSOR=a\n__REALTIME_TIMESTAMP=1795516300000000\nMESSAGE=begin\n\n__CURSOR=b\nMESSAGE=Trace";
    let whole = begin.clone() + &entry(r#","MESSAGE":"nova.exception.OneError: b""#);
    let cut = whole.replacen('{', r#"{"__CURSOR":"a","#, 2);
    let cut = &cut[..cut.len() - 20];
    for text in [export, cut] {
        let place = Place::new(&[("j", text.as_bytes())]);
        let (records, up) = read(&offline(&place.path("j")), &Filter::default());
        assert_eq!(records.len(), 1, "{records:?}");
        let said: Vec<String> = up.troubles.iter().map(Trouble::text).collect();
        assert!(said.iter().any(|said| said.contains("cut off")), "{text}: {said:?}");
        assert_eq!(up.exit_code(false, false), ExitCode::CouldNotRun, "{text}");
    }
    let export = format!(
        "__REALTIME_TIMESTAMP=1795516300000000\n_PID=7\nMESSAGE=Failed\nEXCEPTION_TEXT\n{}{}\n\n",
        String::from_utf8_lossy(&(traceback.replace("\\n", "\n").len() as u64).to_le_bytes()),
        traceback.replace("\\n", "\n")
    );
    let place = Place::new(&[("j.export", export.as_bytes())]);
    let (records, _) = read(&offline(&place.path("j.export")), &exceptions());
    assert_eq!(records.len(), 1, "{records:?}");
}

/// A link to itself cannot be read by anyone, root included.
#[test]
fn a_place_that_cannot_be_read_keeps_nobody_from_the_others() {
    let place = Place::new(&[("nova.log", native("10:00:01.000", "req-1", "AError").as_bytes())]);
    let circle = place.path("circle.log");
    std::os::unix::fs::symlink("circle.log", &circle).expect("a link");
    let asked = Offline { places: vec![circle.clone(), place.path("nova.log")], ..Offline::default() };
    let (records, up) = read(&asked, &exceptions());
    assert_eq!(records.len(), 1);
    assert_eq!(up.exit_code(false, false), ExitCode::CouldNotRun);
    assert!(up.troubles[0].text().contains("circle.log` was not read"), "{:?}", up.troubles);
    let (records, up) = read(&offline(&circle), &exceptions());
    assert_eq!((records.len(), up.sources, up.exit_code(true, false)), (0, 0, ExitCode::CouldNotRun));
    let missing: Vec<PathBuf> = (0..30).map(|at| place.path(&format!("missing-{at}"))).collect();
    let error =
        Offline { places: missing, ..Offline::default() }.open(None).expect_err("missing").to_string();
    assert!(error.contains("and 20 more: no such files") && !error.contains("missing-20"), "{error}");
}
