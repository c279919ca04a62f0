//! Logs in every form in which people have them: the same exceptions, whole, with their requests.

mod odd;
mod prefixes;

use std::ops::ControlFlow;
use std::path::Path;

use jiff::tz::TimeZone;
use smog::watch::{Assembler, Level, Record, Scan, Scanned, Wanted, unpack};

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
