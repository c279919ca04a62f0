//! Logs in every form in which people have them: the same exceptions, whole, with their requests.

use std::ops::ControlFlow;
use std::path::Path;

use jiff::tz::TimeZone;
use smog::watch::{Assembler, Level, Record, Scan, Scanned, Wanted, unpack};

fn scan_bytes(bytes: Vec<u8>) -> (Vec<Record>, Result<Scanned, String>) {
    let wanted = Wanted::exceptions().expect("a pattern");
    let scan = Scan::new("cmp1", "x.log", TimeZone::UTC, wanted);
    let mut found = vec![];
    let input = match unpack(std::io::Cursor::new(bytes)) {
        Ok(input) => input,
        Err(why) => return (found, Err(why.to_string())),
    };
    let read = scan.read(input, |record| {
        found.push(record);
        ControlFlow::Continue(())
    });
    (found, read.map_err(|why| why.to_string()))
}

fn scan(text: &str) -> Vec<Record> {
    let (found, read) = scan_bytes(text.as_bytes().to_vec());
    let read = read.expect("it can be read");
    assert_eq!((read.torn, read.recognised), (0, true), "{text}");
    assert_eq!(found, assembled(text.as_bytes()), "line by line: {text}");
    found
}

fn assembled(bytes: &[u8]) -> Vec<Record> {
    let mut assembler = Assembler::new("cmp1", "x.log", TimeZone::UTC);
    let mut records = vec![];
    // However the bytes arrive.
    for piece in bytes.chunks(7) {
        assembler.push(piece, &mut records);
    }
    assembler.finish(&mut records);
    records.retain(Record::is_exception);
    records
}

fn file(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/logs").join(name);
    std::fs::read(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// Each exception in one line: name, whether with its traceback, lines, level, request, server.
fn shown(records: &[Record]) -> Vec<String> {
    let one = |record: &Record| {
        let exception = record.exception.as_ref().expect("an exception");
        let causes: String = exception.causes.iter().map(|cause| format!(" < {}", cause.name)).collect();
        format!(
            "{}{causes} {} {} {} {} {}",
            exception.name,
            if exception.traceback { "traceback" } else { "named" },
            record.text.lines().count(),
            record.level.map_or("-", Level::name),
            record.request_id.as_deref().unwrap_or("-"),
            record.instance.as_deref().unwrap_or("-"),
        )
    };
    records.iter().map(one).collect()
}

/// The records that services logged, in the forms of `cases`, by hand after public files.
#[test]
fn the_cases() {
    let libvirt = "libvirt.libvirtError traceback 5 ERROR req-1 4f2a";
    let value = "ValueError traceback 5 ERROR req-1 4f2a";
    for (name, wanted) in [
        ("devstack-lines.log", &[libvirt][..]),
        ("devstack-short.log", &[libvirt]),
        ("devstack-short-precise.log", &[libvirt]),
        ("devstack-journal-json.log", &[libvirt]),
        ("syslog-dated.log", &[value]),
        ("rsyslog-escaped.log", &[value]),
        ("apache-cu.log", &["ValueError traceback 5 ERROR - -"]),
        (
            "named-libvirterror.log",
            &[
                "libvirt.libvirtError named 1 ERROR req-1 4f2a",
                "nova.exception.NoValidHost named 1 ERROR req-2 -",
                "eventlet.timeout.Timeout named 1 ERROR req-3 -",
                "nova.exception.PortBindingFailed named 1 ERROR req-4 -",
            ],
        ),
        (
            "list-traceback.log",
            &[
                "nova.exception.RescheduledException < nova.exception.RescheduledException traceback 1 ERROR req-1 4f2a",
            ],
        ),
        (
            "oslo-json.log",
            &[
                "KeyError < NoValidHost traceback 16 ERROR req-11111111-2222-3333-4444-555555555555 aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
            ],
        ),
    ] {
        let bytes = file(name);
        let (found, read) = scan_bytes(bytes.clone());
        assert_eq!(read.map(|read| (read.torn, read.recognised)), Ok((0, true)), "{name}");
        assert_eq!(shown(&found), wanted, "{name}");
        assert_eq!(found, assembled(&bytes), "{name}");
    }
    let (found, read) = scan_bytes(file("gz.log"));
    assert!(read.is_ok());
    assert_eq!(found.len(), 1, "gz");
}

/// nova-conductor's log of a guest for which there was no host, saved by the real tools: the same
/// exceptions with the same requests in every form.
#[test]
fn one_fault_in_every_form() {
    let told = |name: &str| {
        let (found, read) = scan_bytes(file(&format!("lab/{name}")));
        assert_eq!(read.map(|read| (read.torn, read.recognised)), Ok((0, true)), "{name}");
        let one = |record: Record| {
            let exception = record.exception.expect("an exception");
            let causes: Vec<_> =
                exception.causes.into_iter().map(|cause| (cause.name, cause.remote)).collect();
            (
                exception.name,
                causes,
                exception.traceback,
                record.level,
                record.request_id,
                record.instance,
                record.pid,
            )
        };
        found.into_iter().map(one).collect::<Vec<_>>()
    };
    let wanted = told("conductor.log");
    assert_eq!(wanted.len(), 3);
    let request = |at: usize| wanted[at].4.as_deref().unwrap_or_default();
    assert_eq!(request(0), "req-5a86b605-a248-4e89-8246-3957e2741e1c");
    assert_eq!((request(0), request(2)), (request(1), "req-69d01c71-1d63-43c1-be52-a762b7537d49"));
    for name in [
        "conductor.log.gz",
        "conductor.log.xz",
        "conductor.log.zst",
        "conductor.log.bz2",
        "utf-16.log",
        "crlf.log",
        "old-mac.log",
        "grep-H.log",
        "grep-Hn.log",
        "journal-cat.log",
        "journal-export.log",
        "journal-json.log",
        "journal-no-hostname.log",
        "journal-short.log",
        "journal-short-full.log",
        "journal-short-iso.log",
        "journal-short-iso-precise.log",
        "journal-short-monotonic.log",
        "journal-short-precise.log",
        "journal-short-unix.log",
        "journal-with-unit.log",
    ] {
        assert_eq!(told(name), wanted, "{name}");
    }
    // A file that was cut short: what is there, and an error.
    for (name, keep) in [
        ("conductor.log.gz", 1100),
        ("conductor.log.xz", 1200),
        ("conductor.log.bz2", 1000),
        ("conductor.log.zst", 1200),
    ] {
        let whole = file(&format!("lab/{name}"));
        let (_, read) = scan_bytes(whole[..keep].to_vec());
        assert!(read.is_err(), "{name}");
    }
    let mut long = file("lab/conductor.log");
    long.extend(b"2026-11-28 03:15:00.000 63 INFO a [-] x\n".repeat(20_000));
    let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &long).expect("packed");
    let mut packed = packed.finish().expect("packed");
    packed.truncate(packed.len() - 100);
    let (found, read) = scan_bytes(packed);
    assert_eq!((found.len(), read.is_err()), (3, true));
}

/// A record of five lines, as nova-compute wrote it.
const DATED: [&str; 5] = [
    "2026-11-24 10:31:40.200 7 ERROR nova.compute.manager [None req-1 u p - - - -] [instance: 4f2a] Failed to build",
    "2026-11-24 10:31:40.200 7 ERROR nova.compute.manager [instance: 4f2a] Traceback (most recent call last):",
    "2026-11-24 10:31:40.200 7 ERROR nova.compute.manager [instance: 4f2a]   File \"a.py\", line 1, in f",
    "2026-11-24 10:31:40.200 7 ERROR nova.compute.manager [instance: 4f2a]     g()",
    "2026-11-24 10:31:40.200 7 ERROR nova.compute.manager [instance: 4f2a] nova.exception.NoValidHost: none",
];

const WANTED: &str = "nova.exception.NoValidHost traceback 5 ERROR req-1 4f2a";

/// devstack's format strings, with their colours (`\e` is ESC).
const COLOURED: [&str; 5] = [
    "\\e[01;31mERROR nova.compute.manager [\\e[01;36mNone req-1 \\e[00;36mdemo demo\\e[01;31m] \\e[01;35m[instance: 4f2a] \\e[01;31mFailed to build\\e[00m",
    "\\e[01;31mERROR nova.compute.manager \\e[01;35m[instance: 4f2a] \\e[00mTraceback (most recent call last):",
    "\\e[01;31mERROR nova.compute.manager \\e[01;35m[instance: 4f2a] \\e[00m  File \"a.py\", line 1, in f",
    "\\e[01;31mERROR nova.compute.manager \\e[01;35m[instance: 4f2a] \\e[00m    g()",
    "\\e[01;31mERROR nova.compute.manager \\e[01;35m[instance: 4f2a] \\e[00mnova.exception.NoValidHost: none",
];

/// Two records in lines that something else made of each line.
fn twice(lines: [&str; 5], around: impl Fn(usize, &str) -> String) -> String {
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        text += &around(number, &line.replace("\\e", "\u{1b}"));
        text.push('\n');
    }
    // Another process wrote in between, and again.
    text += &around(5, "2026-11-24 10:31:40.300 8 INFO nova.service [-] Starting");
    text.push('\n');
    for (number, line) in lines.iter().enumerate() {
        let line = line.replace("\\e", "\u{1b}").replace("10:31:40", "10:31:50").replace("req-1", "req-2");
        text += &around(number + 10, &line);
        text.push('\n');
    }
    text
}

#[test]
fn what_others_put_before_each_line() {
    let second = |number: usize| 40 + number / 10 * 10;
    let micro = |number: usize| 200_000 + number;
    let json = |line: &str| serde_json::to_string(line).expect("a string");
    type Around<'a> = (&'a str, Box<dyn Fn(usize, &str) -> String>);
    let forms: Vec<Around> = vec![
        ("as it is", Box::new(|_, line| line.into())),
        ("CRLF", Box::new(|_, line| format!("{line}\r"))),
        (
            "CRI",
            Box::new(move |n, line| {
                format!("2026-11-24T10:31:{}.{:06}123Z stderr F {line}", second(n), micro(n))
            }),
        ),
        (
            "podman k8s-file",
            Box::new(move |n, line| {
                format!("2026-11-24T11:31:{}.{:06}123+01:00 stdout F {line}", second(n), micro(n))
            }),
        ),
        (
            "logs -t",
            Box::new(move |n, line| format!("2026-11-24T10:31:{}.{:06}123Z {line}", second(n), micro(n))),
        ),
        (
            "docker json-file",
            Box::new(move |n, line| {
                format!(
                    r#"{{"log":{},"stream":"stderr","time":"2026-11-24T10:31:{}.{:06}Z"}}"#,
                    json(&format!("{line}\n")),
                    second(n),
                    micro(n)
                )
            }),
        ),
        ("grep -H", Box::new(|_, line| format!("/var/log/nova/nova-compute.log:{line}"))),
        ("grep -Hn", Box::new(|n, line| format!("nova-compute.log:{}:{line}", n + 1))),
        ("kubectl --prefix", Box::new(|_, line| format!("[pod/nova-compute-0/nova-compute] {line}"))),
        ("compose", Box::new(|_, line| format!("nova_compute-1  | {line}"))),
        ("pasted", Box::new(|_, line| format!("    {line}"))),
        ("quoted", Box::new(|_, line| format!("> > {line}"))),
        (
            "short",
            Box::new(move |n, line| format!("Nov 24 10:31:{} node-1 nova-compute[7]: {line}", second(n))),
        ),
        (
            "short-precise",
            Box::new(move |n, line| {
                format!("Nov 24 10:31:{}.{:06} node-1 nova-compute[7]: {line}", second(n), micro(n))
            }),
        ),
        (
            "short-iso",
            Box::new(move |n, line| {
                format!("2026-11-24T10:31:{}+0000 node-1 nova-compute[7]: {line}", second(n))
            }),
        ),
        (
            "short-iso of systemd 255",
            Box::new(move |n, line| {
                format!("2026-11-24T10:31:{}+00:00 node-1 nova-compute[7]: {line}", second(n))
            }),
        ),
        (
            "short-iso-precise",
            Box::new(move |n, line| {
                format!("2026-11-24T10:31:{}.{:06}+00:00 node-1 nova-compute[7]: {line}", second(n), micro(n))
            }),
        ),
        (
            "short-full",
            Box::new(move |n, line| {
                format!("Tue 2026-11-24 10:31:{} UTC node-1 nova-compute[7]: {line}", second(n))
            }),
        ),
        (
            "short-unix",
            Box::new(move |n, line| {
                format!("17955162{}.{:06} node-1 nova-compute[7]: {line}", 60 + second(n), micro(n))
                    .replace("17955162", "17955162")
            }),
        ),
        (
            "short-monotonic",
            Box::new(move |n, line| {
                format!("[ 12{}.{:06}] node-1 nova-compute[7]: {line}", second(n), micro(n))
            }),
        ),
        (
            "no hostname",
            Box::new(move |n, line| format!("Nov 24 10:31:{} nova-compute[7]: {line}", second(n))),
        ),
        (
            "rsyslog without pid",
            Box::new(move |n, line| {
                format!("2026-11-24T10:31:{}.{:06}+00:00 node-1 nova-compute: {line}", second(n), micro(n))
            }),
        ),
        (
            "with priority",
            Box::new(move |n, line| format!("<11>Nov 24 10:31:{} node-1 nova-compute[7]: {line}", second(n))),
        ),
        (
            "RFC 5424",
            Box::new(move |n, line| {
                format!(
                    "<11>1 2026-11-24T10:31:{}.{:06}Z node-1 nova-compute 7 - - {line}",
                    second(n),
                    micro(n)
                )
            }),
        ),
        (
            "journal json",
            Box::new(move |n, line| {
                format!(
                    r#"{{"__REALTIME_TIMESTAMP":"17955162{}{:06}","MESSAGE":{},"PRIORITY":"6","_PID":"7","_SYSTEMD_UNIT":"x.service"}}"#,
                    60 + second(n),
                    micro(n),
                    json(line)
                )
            }),
        ),
        // From here on: as public collections of logs and tools that carry them have lines.
        (
            "loghub's OpenStack sample",
            Box::new(|n, line| format!("nova-compute.log.1.2017-05-16_13:5{}:31 {line}", n / 10)),
        ),
        ("the file's name alone", Box::new(|_, line| format!("nova-compute.log {line}"))),
        (
            "Zuul's console",
            Box::new(move |n, line| {
                format!("2026-11-24 10:31:{}.{:06} | controller | {line}", second(n), micro(n))
            }),
        ),
        (
            "Zuul's console without a host",
            Box::new(move |n, line| format!("2026-11-24 10:31:{}.{:06} | {line}", second(n), micro(n))),
        ),
        (
            "kubectl --prefix --timestamps",
            Box::new(move |n, line| {
                format!("[pod/nova-0/nova] 2026-11-24T10:31:{}.{:06}123Z {line}", second(n), micro(n))
            }),
        ),
        (
            "Fluent Bit json_lines",
            Box::new(move |n, line| {
                format!(
                    r#"{{"date":17955162{}.{:06},"log":{},"stream":"stderr","time":"2026-11-24T10:31:{}Z","kubernetes":{{"pod_name":"nova-0","host":"node-1","labels":{{"a":"b"}}}}}}"#,
                    60 + second(n),
                    micro(n),
                    json(line),
                    second(n)
                )
            }),
        ),
        (
            "logcli -o jsonl",
            Box::new(move |n, line| {
                format!(
                    r#"{{"labels":{{"host":"node-1","programname":"nova-compute"}},"line":{},"timestamp":"2026-11-24T10:31:{}.{:06}Z"}}"#,
                    json(line),
                    second(n),
                    micro(n)
                )
            }),
        ),
        (
            "hits of Elasticsearch",
            Box::new(move |n, line| {
                format!(
                    r#"{{"_index":"flog","_source":{{"message":{},"@timestamp":"2026-11-24T10:31:{}.{:06}Z","log_level":"INFO","hostname":"node-1"}}}}"#,
                    json(line),
                    second(n),
                    micro(n)
                )
            }),
        ),
        (
            "results of Splunk",
            Box::new(move |n, line| {
                format!(
                    r#"{{"preview":false,"result":{{"_raw":{},"host":"node-1","_time":"2026-11-24T10:31:{}.{:06}Z"}}}}"#,
                    json(line),
                    second(n),
                    micro(n)
                )
            }),
        ),
        (
            "CRI of syslog",
            Box::new(move |n, line| {
                format!(
                    "2026-11-24T10:31:{}.{:06}Z stderr F Nov 24 10:31:{} node-1 nova-compute[7]: {line}",
                    second(n),
                    micro(n),
                    second(n)
                )
            }),
        ),
    ];
    let mut wrong = vec![];
    for (name, around) in forms {
        let second = WANTED.replace("req-1", "req-2");
        // Behind words of an unknown kind only a line with a time shows where the service's own begin.
        let has_no_time = ["loghub's OpenStack sample", "the file's name alone"].contains(&name);
        for (lines, of) in [(DATED, "dated"), (COLOURED, "devstack")] {
            if has_no_time && of == "devstack" {
                continue;
            }
            let text = twice(lines, &around);
            let (found, read) = scan_bytes(text.clone().into_bytes());
            let is_right =
                shown(&found) == [WANTED, second.as_str()] && read.is_ok_and(|read| read.torn == 0);
            if !is_right || found != assembled(text.as_bytes()) {
                wrong.push(format!("{of} lines, {name}: {:#?} of\n{text}", shown(&found)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// journalctl indents the further lines of one entry.
#[test]
fn an_entry_of_several_lines() {
    for prefix in
        ["Nov 24 10:31:40 node-1 nova-compute[7]: ", "2026-11-24T10:31:40+0000 node-1 nova-compute[7]: "]
    {
        let indented = |lines: [&str; 5]| {
            let mut text = format!("{prefix}{}\n", lines[0].replace("\\e", "\u{1b}"));
            for line in &lines[1..] {
                text += &format!("{}{}\n", " ".repeat(prefix.len()), line.replace("\\e", "\u{1b}"));
            }
            text + "Nov 24 10:31:59 node-1 systemd[1]: Started x.\n"
        };
        assert_eq!(shown(&scan(&indented(DATED))), [WANTED]);
        assert_eq!(shown(&scan(&indented(COLOURED))), [WANTED]);
    }
}

#[test]
fn what_the_interpreter_itself_says() {
    let ignored = "Exception ignored in: <function _after_fork at 0x7f>\nTraceback (most recent call last):\n  File \"threading.py\", line 1, in _after_fork\n    assert len(_active) == 1\nAssertionError: \n";
    let ended = "Traceback (most recent call last):\n  File \"x\", line 1\nKeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"x\", line 2\noslo_config.cfg.ConfigFileValueError: b\n";
    let syslog = |text: &str| -> String {
        // journald leaves out empty lines.
        text.lines()
            .filter(|line| !line.is_empty())
            .map(|line| format!("Nov 24 10:31:40 c nova-compute[7]: {line}\n"))
            .collect()
    };
    for text in [ignored.to_string(), syslog(ignored)] {
        assert_eq!(shown(&scan(&text)), ["AssertionError traceback 5 WARNING - -"], "{text}");
    }
    assert_eq!(
        shown(&scan(&syslog(ended))),
        ["oslo_config.cfg.ConfigFileValueError < KeyError traceback 7 ERROR - -"]
    );
}

#[test]
fn json_of_collectors() {
    let trace = r#""traceback":"Traceback (most recent call last):\n  File \"x\", line 1\nKeyError: 'x'""#;
    for text in [
        format!(r#"{{"message":"Failed","time":"2026-11-24 10:31:40","name":"nova.x","level":"ERROR","context":{{"request_id":"req-1"}},{trace}}}"#),
        format!(r#"{{"Payload":"Failed","timestamp":"2026-11-24 10:31:40.200","python_module":"nova.x","log_level":"ERROR","request_id":"req-1","Pid":"7",{trace}}}"#),
        format!("2026-11-24T10:31:40+00:00\tnova\t{{\"message\":\"Failed\",\"level\":\"ERROR\",\"name\":\"nova.x\",\"request_id\":\"req-1\",{trace}}}"),
        r#"{"message":"Failed","asctime":"2026-11-24 10:31:40","msecs":200.0,"name":"nova.x","levelname":"ERROR","context":{"request_id":"req-1"},"traceback":["Traceback (most recent call last):","  File \"x\", line 1","KeyError: 'x'"]}"#.to_string(),
    ] {
        assert_eq!(shown(&scan(&format!("{text}\n"))), ["KeyError traceback 4 ERROR req-1 -"], "{text}");
    }
}

#[test]
fn pieces_of_a_long_line_of_a_container() {
    let text = "2026-11-24T10:31:40.1Z stderr P 2026-11-24 10:31:40.200 7 ERROR nova.x [None req-1 u p - - - -] Fai\n2026-11-24T10:31:40.1Z stderr F led: nova.exception.NoValidHost: none\n";
    assert_eq!(shown(&scan(text)), ["nova.exception.NoValidHost named 1 ERROR req-1 -"]);
}

/// A line of more than 1 MiB stands before the traceback of its record.
#[test]
fn a_traceback_behind_a_long_line() {
    for size in [900_000, 1_100_000, 3_000_000, 9_000_000] {
        for lines in [DATED, COLOURED] {
            let mut text = lines.map(|line| line.replace("\\e", "\u{1b}")).to_vec();
            text[0] += &"x".repeat(size);
            let found = scan(&(text.join("\n") + "\n"));
            assert_eq!(shown(&found), [WANTED], "{size}");
            assert!(
                found[0].text.len() < (1 << 20) + (300 << 10)
                    && found[0].text.len() as u64 + found[0].cut_bytes >= size as u64
            );
        }
        let bare = format!(
            "{}{}\nTraceback (most recent call last):\n  File \"x\", line 1\nKeyError: 'x'\n",
            DATED[0],
            "x".repeat(size)
        );
        assert_eq!(shown(&scan(&bare)), ["KeyError traceback 4 ERROR req-1 4f2a"], "{size}");
    }
    let frames = "2026-11-24 10:31:40.200 7 ERROR nova.compute.manager [instance: 4f2a]   File \"a.py\", line 1, in f\n".repeat(20_000);
    let deep = format!("{}\n{}\n{frames}{}\n", DATED[0], DATED[1], DATED[4]);
    let found = scan(&deep);
    assert_eq!(
        found[0].exception.as_ref().map(|found| found.name.as_str()),
        Some("nova.exception.NoValidHost")
    );
}

#[test]
fn what_is_not_recognised_or_torn_is_said() {
    let (found, read) = scan_bytes(b"one\ntwo\nthree\n".to_vec());
    let read = read.expect("read");
    assert_eq!((found.len(), read.recognised, read.first_line.as_deref()), (0, false, Some("one")));
    let torn = format!("{}\n{}\n{}\n", DATED[0], DATED[1], DATED[2]);
    for text in [torn.clone(), torn.lines().map(|line| format!("Nov 24 10:31:40 n x[7]: {line}\n")).collect()]
    {
        let (found, read) = scan_bytes(text.into_bytes());
        assert_eq!((found.len(), read.expect("read").torn), (0, 1));
    }
}

proptest::proptest! {
    /// No bytes break it, in whatever form: lines of all forms, cut and mixed.
    #[test]
    fn no_input_breaks_it(picks in proptest::collection::vec((0_usize..10, 0_usize..400, 0_u8..=255), 0..40)) {
        let names = ["devstack-short.log", "rsyslog-escaped.log", "oslo-json.log", "devstack-journal-json.log", "apache-cu.log",
            "list-traceback.log", "gz.log", "lab/journal-export.log", "lab/grep-Hn.log", "lab/utf-16.log"];
        let mut bytes = vec![];
        for (name, length, byte) in picks {
            let file = file(names[name]);
            let at = usize::from(byte) % file.len().max(1);
            bytes.extend_from_slice(&file[at.min(length)..(at + length).min(file.len())]);
            bytes.push(if byte % 3 == 0 { b'\n' } else { byte });
        }
        let (found, _) = scan_bytes(bytes.clone());
        if let Ok(mut input) = unpack(std::io::Cursor::new(bytes)) {
            let mut text = vec![];
            if std::io::Read::read_to_end(&mut input, &mut text).is_ok() {
                proptest::prop_assert_eq!(found, assembled(&text));
            }
        }
    }
}

#[test]
fn rabbitmq_before_3_9() {
    let text = "2026-11-24 10:31:40.123 [error] <0.1.0> closing AMQP connection <0.1.0> (10.0.0.1:5 -> 10.0.0.2:5672):\nmissed heartbeats from client, timeout: 60s\n2026-11-24 10:31:41.123 [info] <0.2.0> next\n=ERROR REPORT==== 24-Nov-2026::10:31:42 ===\nclosing\n";
    let mut assembler = Assembler::new("ctl", "x.log", TimeZone::UTC);
    let mut records = vec![];
    assembler.push(text.as_bytes(), &mut records);
    assembler.finish(&mut records);
    let lines: Vec<_> = records
        .iter()
        .map(|record| (record.text.lines().count(), record.level, record.time.is_some()))
        .collect();
    assert_eq!(
        lines,
        [(2, Some(Level::Error), true), (1, Some(Level::Info), true), (2, Some(Level::Error), true)]
    );
}

/// Words of an unknown kind stand before heads of oslo.log: whatever they are, they are the same in
/// every line, or only their numbers change. The forms are as found in public logs.
#[test]
fn words_of_an_unknown_kind_before_every_line() {
    type Around = (&'static str, fn(&str) -> String);
    let forms: [Around; 7] = [
        ("key=value", |line| format!("host=node-1 source=/var/log/nova/nova-compute.log {line}")),
        ("a list of Ansible's", |line| format!("        \"{}\",", line.replace('"', "\\\""))),
        ("stern", |line| format!("nova-compute-default-abc12 nova-compute {line}")),
        ("a boxed terminal", |line| {
            format!("│Mar  5 04:17:54 np0004517961 nova_compute[117833]: {line:<150}│")
        }),
        ("CSV", |line| format!("\"Nov 24, 2026 @ 10:31:40.200\",node-1,\"{line}\"")),
        ("a tab", |line| format!("node-1\tnova\t{line}")),
        ("a count", |line| format!("  17 {line}")),
    ];
    let mut wrong = vec![];
    for (name, around) in forms {
        let text = twice(DATED, |_, line| around(line));
        let (found, read) = scan_bytes(text.clone().into_bytes());
        let second = WANTED.replace("req-1", "req-2");
        if shown(&found) != [WANTED, second.as_str()] || found != assembled(text.as_bytes()) || read.is_err()
        {
            wrong.push(format!("{name}: {:#?} of\n{text}", shown(&found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A traceback whose further lines have no head of their own, behind the same words.
    let bare: String =
        [DATED[0], "Traceback (most recent call last):", "  File \"a.py\", line 1, in f", "KeyError: 'x'"]
            .iter()
            .enumerate()
            .map(|(at, line)| format!("nova.log.{at} {line}\n"))
            .collect();
    assert_eq!(shown(&scan(&bare)), ["KeyError traceback 4 ERROR req-1 4f2a"]);
}

/// Up to 2015 the further lines of a record had the level TRACE (as in a public mail of that year).
#[test]
fn oslo_log_of_2015() {
    let text: String = DATED
        .iter()
        .enumerate()
        .map(
            |(at, line)| {
                if at == 0 { format!("{line}\n") } else { format!("{}\n", line.replace("ERROR", "TRACE")) }
            },
        )
        .collect();
    assert_eq!(shown(&scan(&text)), [WANTED]);
}

/// A file in which nothing is to be seen is not "no exceptions".
#[test]
fn nothing_but_nul_bytes_or_space_is_no_log() {
    let line = format!("{}\n", DATED[0]);
    let nul = |count: usize| vec![0_u8; count];
    for (name, bytes) in [
        ("NUL bytes", nul(5000)),
        ("a sparse file", nul(3 << 20)),
        ("space", vec![b' '; 5000]),
        ("line ends", b"\n\r\n\n".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf\n".to_vec()),
    ] {
        for wanted in [Wanted::exceptions().expect("a pattern"), Wanted::all()] {
            let scan = Scan::new("cmp1", "x.log", TimeZone::UTC, wanted);
            let input = unpack(std::io::Cursor::new(bytes.clone())).expect("text");
            let read = scan.read(input, |_| ControlFlow::Continue(())).expect("read");
            assert_eq!((read.recognised, read.first_line.as_deref()), (false, Some("")), "{name}");
        }
    }
    // Much of nothing before a word, and before a record.
    let (_, read) = scan_bytes([nul(70_000), b"some words\n".to_vec()].concat());
    let read = read.expect("read");
    assert_eq!((read.recognised, read.first_line.as_deref()), (false, Some("some words")));
    let failed = line.replace("Failed to build", "nova.exception.NoValidHost: none");
    for bytes in [
        [nul(70_000), failed.clone().into_bytes()].concat(),
        [b"\xef\xbb\xbf".to_vec(), failed.clone().into_bytes()].concat(),
        failed.trim_end().as_bytes().to_vec(),
        [failed.trim_end().as_bytes(), b" \xe9\xfc\r\n"].concat(),
        failed.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        failed.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    ] {
        let (found, read) = scan_bytes(bytes);
        assert!(read.is_ok_and(|read| read.recognised));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].request_id.as_deref(), Some("req-1"));
    }
    let (_, read) = scan_bytes(vec![]);
    assert_eq!(read.expect("read").first_line, None, "an empty log is one in which nothing happened");
}
