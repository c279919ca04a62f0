use proptest::prelude::*;

use super::*;
use crate::watch::assemble::records;

fn scan(wanted: Wanted) -> Scan {
    Scan::new("cmp1", "/var/log/x.log", jiff::tz::TimeZone::UTC, wanted)
}

fn found(scan: &Scan, log: &[u8], window: usize, block: usize) -> Vec<Record> {
    let mut out = vec![];
    let take = |record| {
        out.push(record);
        ControlFlow::Continue(())
    };
    let scanned = scan.read_sized(log, take, window, block).expect("a slice can be read");
    assert_eq!((scanned.bytes, scanned.records), (log.len() as u64, out.len() as u64));
    out
}

fn exceptions(log: &[u8]) -> Vec<Record> {
    records(log).into_iter().filter(Record::is_exception).collect()
}

const MESSAGES: &[&str] = &[
    "begin",
    "",
    " indented",
    "  File \"a.py\", line 1, in f",
    "Traceback (most recent call last):",
    "Failed: Traceback (most recent call last):",
    "ValueError: x",
    "nova.exception.NoValidHost: No valid host",
    "Timeout",
    "During handling of the above exception, another exception occurred:",
    "it was a KeyError: 'x' again",
    "Error",
];

/// One line in any of the forms, of few processes and times, so that many belong together.
fn line(pids: u32) -> impl Strategy<Value = Vec<u8>> {
    let parts = (0..10_u8, 0..pids, 0..2_u8, 0..3_usize, 0..MESSAGES.len(), 0..24_u8);
    parts.prop_map(|(form, pid, second, level, message, odd)| {
        let message = MESSAGES[message];
        let level = ["INFO", "ERROR", "error"][level];
        let time = format!("2026-11-24 10:00:0{second}.200");
        let mut line = match form {
            0..=1 => format!("{time} {pid} {level} a.b [None req-{pid} u p] {message}"),
            2..=4 => format!("{time} {pid} {level} a.b {message}"),
            5 => format!("[Tue Nov 24 10:00:0{second} 2026] [wsgi:{level}] [pid {pid}:tid 1] {message}"),
            6 => format!("{time}+00:00 [{level}] <0.1.0> {message}"),
            7 => format!("{time}+0000: {pid}: {level} : virThing:1 : {message}"),
            8 => format!("{time}Z|00001|vlog|{}|{message}", ["INFO", "ERR", "EMER"][second as usize]),
            _ => message.to_string(),
        }
        .into_bytes();
        match odd {
            0 => line.insert(0, 0),
            1 => line.push(0xff),
            2 => line.push(b'\r'),
            3 => line.extend([b'x'; 300]),
            4 => line.clear(),
            5 if !line.is_empty() => {
                let at = line.len() / 2;
                line[at] = 0xc3;
            }
            _ => {}
        }
        line
    })
}

fn log() -> impl Strategy<Value = Vec<u8>> {
    let lines = prop_oneof![
        proptest::collection::vec(line(2), 0..60),
        proptest::collection::vec(line(4), 0..120),
        proptest::collection::vec(line(24), 0..200)
    ];
    (lines, any::<bool>()).prop_map(|(lines, ends)| {
        let mut log = lines.join(&b'\n');
        if ends {
            log.push(b'\n');
        }
        log
    })
}

#[test]
fn a_record_is_told_with_its_first_and_last_line() {
    let log = b"\
2026-11-24 10:00:00.100 7 INFO a [-] begin
2026-11-24 10:00:00.200 7 ERROR a [None req-7 u p] seven
2026-11-24 10:00:00.201 8 INFO a [None req-8 u p] it was no Timeout: 8
2026-11-24 10:00:00.200 7 ERROR a Traceback (most recent call last):
2026-11-24 10:00:00.202 8 INFO a [-] on
2026-11-24 10:00:00.200 7 ERROR a SevenError: 7
2026-11-24 10:00:00.300 7 INFO a [-] on
";
    let found = found(&scan(Wanted::exceptions().expect("a pattern")), log, WINDOW, BLOCK);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].request_id.as_deref(), Some("req-7"));
    assert_eq!(found[0].text.lines().count(), 3);
}

#[test]
fn a_line_longer_than_what_is_kept_of_a_log() {
    let mut log = b"2026-11-24 10:00:00.200 7 ERROR a [None req-7 u p] KeyError: ".to_vec();
    log.resize(3 * WINDOW, b'x');
    log.extend(b"\n2026-11-24 10:00:00.200 7 ERROR a Traceback (most recent call last):\n");
    log.extend(b"2026-11-24 10:00:00.300 7 ERROR a [-] ValueError: y\n2026-11-24 10:00:00.300 7 INFO a [-] ");
    log.resize(6 * WINDOW, b'x');
    log.extend(b" KeyError: z");
    let found = found(&scan(Wanted::exceptions().expect("a pattern")), &log, WINDOW, BLOCK);
    assert_eq!(found, exceptions(&log));
    assert_eq!(found.len(), 2);
}

#[test]
fn a_process_that_ended_with_an_error_is_not_waited_for() {
    let mut log = b"2026-11-24 10:00:00.200 7 ERROR a [-] KeyError: x\n".to_vec();
    log.extend(b"2026-11-24 10:00:00.300 8 INFO a [-] on\n".repeat(1000));
    let mut left = None;
    let counted = std::cell::Cell::new(0);
    let input = Counted { rest: &log, read: &counted };
    let take = |record: Record| {
        left = Some((record.message, counted.get()));
        ControlFlow::Continue(())
    };
    scan(Wanted::exceptions().expect("a pattern"))
        .read_sized(input, take, 1000, 100)
        .expect("it can be read");
    let (message, read) = left.expect("one record");
    assert_eq!(message, "KeyError: x");
    assert!(read < 2000, "found after {read} bytes of {}", log.len());
}

struct Counted<'a> {
    rest: &'a [u8],
    read: &'a std::cell::Cell<usize>,
}

impl Read for Counted<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.rest.read(to)?;
        self.read.set(self.read.get() + read);
        Ok(read)
    }
}

#[test]
fn it_stops_when_told_to() {
    let log = b"2026-11-24 10:00:00.200 7 ERROR a [-] KeyError: 1\n".repeat(9);
    let take = |_| ControlFlow::Break(());
    let scan = scan(Wanted::exceptions().expect("a pattern"));
    assert_eq!(scan.read(&log[..], take).expect("a slice can be read").records, 1);
}

#[test]
fn a_wrong_pattern_is_shown() {
    let why = Wanted::matching("(x").expect_err("unclosed").to_string();
    assert!(why.contains("unclosed group"), "{why}");
}

proptest! {
    /// However small the blocks, it reports what the whole log has.
    #[test]
    fn the_same_as_line_by_line(log in log(), block in prop_oneof![1_usize..80, Just(4096)]) {
        let scan = scan(Wanted::exceptions()?);
        prop_assert_eq!(found(&scan, &log, 64 << 10, block), exceptions(&log));
    }

    /// The same for a pattern, as long as a match is within a line.
    #[test]
    fn a_pattern_tells_the_same_as_line_by_line(log in log(), block in 1_usize..80) {
        let scan = scan(Wanted::matching("KeyError|^  File")?);
        let mut expected = records(&log);
        expected.retain(|record| record.text.contains("KeyError") || record.text.lines().any(|line| line.starts_with("  File")));
        prop_assert_eq!(found(&scan, &log, 64 << 10, block), expected);
    }

    /// With less in memory than a record needs it still ends, and reads everything.
    #[test]
    fn no_window_breaks_it(log in log(), window in 1_usize..400, block in 1_usize..80) {
        found(&scan(Wanted::exceptions()?), &log, window, block);
    }

    /// Nor do any bytes.
    #[test]
    fn any_bytes(log in proptest::collection::vec(any::<u8>(), 0..300), block in 1_usize..80) {
        let scan = scan(Wanted::exceptions()?);
        prop_assert_eq!(found(&scan, &log, 64 << 10, block), exceptions(&log));
    }
}
