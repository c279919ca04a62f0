use super::*;
use proptest::prelude::*;

const PREFIXED: &str = "\
2026-11-24 10:00:00.100 7 INFO nova.compute [None req-1 u p] begin
2026-11-24 10:00:00.200 7 ERROR nova.compute [None req-1 u p] [instance: ab] Failed: ValueError: x
2026-11-24 10:00:00.200 7 ERROR nova.compute [instance: ab] Traceback (most recent call last):
2026-11-24 10:00:00.200 7 ERROR nova.compute [instance: ab]   File \"a.py\", line 1, in f
2026-11-24 10:00:00.200 7 ERROR nova.compute [instance: ab] ValueError: x
2026-11-24 10:00:00.200 7 ERROR nova.compute [instance: ab] 
2026-11-24 10:00:00.300 7 INFO nova.compute [None req-1 u p] end
";

#[test]
fn prefixed_lines_belong_to_the_record_before() {
    let records = records(PREFIXED.as_bytes());
    assert_eq!(records.len(), 3);
    let failed = &records[1];
    assert_eq!(failed.text.lines().count(), 5);
    assert_eq!(failed.request_id.as_deref(), Some("req-1"));
    assert_eq!(failed.instance.as_deref(), Some("ab"));
    let exception = failed.exception.as_ref().expect("its exception");
    assert_eq!((exception.name.as_str(), exception.traceback), ("ValueError", true));
}

#[test]
fn bare_lines_belong_to_the_record_before() {
    let text = "2026-11-24 10:00:00.100 7 ERROR a [-] no\nTraceback (most recent call last):\n  File \"a\", line 1\nKeyError: 'x'\n2026-11-24 10:00:00.200 7 INFO a [-] yes\n";
    let records = records(text.as_bytes());
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].exception.as_ref().map(|found| found.name.as_str()), Some("KeyError"));
}

#[test]
fn two_processes_in_one_file() {
    let text = "\
2026-11-24 10:00:00.200 7 ERROR a [None req-7 u p] seven
2026-11-24 10:00:00.201 8 ERROR a [None req-8 u p] eight
2026-11-24 10:00:00.200 7 ERROR a Traceback (most recent call last):
2026-11-24 10:00:00.201 8 ERROR a Traceback (most recent call last):
2026-11-24 10:00:00.200 7 ERROR a SevenError: 7
2026-11-24 10:00:00.201 8 ERROR a EightError: 8
2026-11-24 10:00:00.300 7 INFO a [-] on
2026-11-24 10:00:00.300 8 INFO a [-] on
";
    let records = records(text.as_bytes());
    let thrown: Vec<_> = records
        .iter()
        .filter_map(|record| Some((record.request_id.clone()?, record.exception.as_ref()?.name.clone())))
        .collect();
    assert_eq!(thrown, [("req-7".into(), "SevenError".into()), ("req-8".into(), "EightError".into())]);
    assert_eq!(records.len(), 4);
}

#[test]
fn two_errors_in_one_millisecond() {
    let head = "2026-11-24 10:00:00.200 7 ERROR a ";
    let lines = [
        "[None req-1 u p] one",
        "Traceback (most recent call last):",
        "  File \"x\", line 1",
        "OneError: 1",
        "[None req-2 u p] two",
        "Traceback (most recent call last):",
        "  File \"x\", line 1",
        "TwoError: 2",
    ];
    let text: String = lines.iter().map(|line| format!("{head}{line}\n")).collect();
    let records = records(text.as_bytes());
    let thrown: Vec<_> = records
        .iter()
        .filter_map(|record| Some((record.request_id.clone()?, record.exception.as_ref()?.name.clone())))
        .collect();
    assert_eq!(thrown, [("req-1".into(), "OneError".into()), ("req-2".into(), "TwoError".into())]);
}

#[test]
fn apache_writes_the_time_on_every_line() {
    let head = "[Tue Nov 24 10:31:40.123456 2026] [wsgi:error] [pid 12:tid 13] ";
    let lines = [
        "mod_wsgi: failed",
        "Traceback (most recent call last):",
        "  File \"x\", line 1",
        "KeyError: 1",
        "next",
    ];
    let text: String = lines.iter().map(|line| format!("{head}{line}\n")).collect();
    let records = records(text.as_bytes());
    let counts: Vec<_> = records.iter().map(|record| record.text.lines().count()).collect();
    assert_eq!(counts, [1, 3, 1], "{records:#?}");
    assert_eq!(records[1].exception.as_ref().map(|found| found.name.as_str()), Some("KeyError"));
}

#[test]
fn a_log_without_times_is_a_record_a_line() {
    let records =
        records(b"one\ntwo\nTraceback (most recent call last):\n  File \"x\", line 1\nKeyError: 1\nthree\n");
    let counts: Vec<_> = records.iter().map(|record| record.text.lines().count()).collect();
    assert_eq!(counts, [1, 4, 1], "{records:#?}");
}

#[test]
fn a_line_of_ten_mebibytes_is_cut_and_counted() {
    let mut text = b"2026-11-24 10:00:00.100 7 INFO a [-] ".to_vec();
    text.resize(10 << 20, b'x');
    text.extend(b"\n2026-11-24 10:00:00.100 7 INFO a [-] next\n");
    let records = records(&text);
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].text.len() as u64 + records[0].cut_bytes, 10 << 20);
    assert_eq!(records[0].text.len(), LONGEST_RECORD);
    assert_eq!(records[1].message, "next");
}

#[test]
fn no_bytes_break_it() {
    let records = records(b"\xff\xfe\x00\n2026-11-24 10:00:00.100 7 INFO a [-] \xc3(\n\x00\x00\x002026-11-24 10:00:01.100 7 INFO a [-] b\n");
    assert_eq!(records.len(), 3);
    assert_eq!(records[2].message, "b");
}

proptest! {
    /// However the bytes arrive, the records are the same, and no byte of a log is lost.
    #[test]
    fn the_pieces_do_not_matter(cuts in proptest::collection::vec(1_usize..40, 1..60)) {
        let whole = records(PREFIXED.as_bytes());
        let mut assembler = Assembler::new("cmp1", "/var/log/x.log", jiff::tz::TimeZone::UTC);
        let (mut out, mut at) = (vec![], 0);
        for cut in cuts {
            let end = (at + cut).min(PREFIXED.len());
            assembler.push(&PREFIXED.as_bytes()[at..end], &mut out);
            at = end;
        }
        assembler.push(&PREFIXED.as_bytes()[at..], &mut out);
        assembler.finish(&mut out);
        let text: String = out.iter().map(|record| format!("{}\n", record.text)).collect();
        prop_assert_eq!(text, PREFIXED);
        prop_assert_eq!(out, whole);
    }

    /// Nothing panics, whatever the bytes.
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        records(&bytes);
    }

    /// Nothing panics, whatever stands in the place of other words in lines of all forms.
    #[test]
    fn any_words(which in 0_usize..8, words in proptest::collection::vec("[\\[\\]A-Za-z0-9:|é� -]{0,12}", 1..8)) {
        let beginnings = ["2026-11-24 10:00:00.200 ", "2026-11-24 10:00:00.200+0000: ", "[pid: 1|", "Nov 24 10:31:40 ",
            "[Tue Nov 24 10:31:40 2026] ", "2026-11-24T10:31:40Z|", "10.0.0.1 - - [24/Nov/2026:10:31:40 ", "Nov "];
        records(format!("{}{}\n", beginnings[which], words.join(" ")).as_bytes());
    }

    /// Nothing panics on mutations of real lines either.
    #[test]
    fn lines_with_bytes_changed(at in 0_usize..500, byte in any::<u8>()) {
        let mut text = PREFIXED.as_bytes().to_vec();
        let at = at % text.len();
        text[at] = byte;
        records(&text);
    }
}
