//! The stream against what the Python library python-subunit 1.4.6 wrote and read.

use super::*;
use crate::testing::report::fixture;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Recorded from `subunit.StreamResultToBytes` of python-subunit 1.4.6, for the same events.
#[test]
fn packets_are_those_of_the_python_library() {
    let at: Timestamp = "2026-11-24T14:15:02.25Z".parse().expect("a time");
    let mut stream = Vec::new();
    Packet::about("a.B.c").status(IN_PROGRESS, at).write(&mut stream);
    attach(&mut stream, "a.B.c", "reason", "é because");
    Packet { tags: &["flaky"], ..Packet::about("a.B.c").status(SUCCESS, at) }.write(&mut stream);
    let recorded = "b32b02166b059be6cee6b28005612e422e630d4a9ae1\
                    b329703805612e422e6317746578742f706c61696e3b636861727365743d75746638\
                    06726561736f6e0ac3a92062656361757365905bf882\
                    b32b831d6b059be6cee6b28005612e422e630105666c616b79034e068b";
    assert_eq!(hex(&stream), recorded);

    let mut long = Vec::new();
    attach(&mut long, "a.B.c", "x", &"x".repeat(20_000));
    assert_eq!((long.len(), hex(&long[long.len() - 4..]).as_str()), (20_045, "95a8ff76"));
}

/// Recorded from `subunit.ByteStreamToStreamResult` of python-subunit 1.4.6, which read the
/// stream of this run: its calls of `status`, a line each.
const DECODED: &str = "\
2026-11-24T14:15:02.5Z live_migration.LiveMigration.test_pinned inprogress
- live_migration.LiveMigration.test_pinned document
2026-11-24T14:15:28.5Z live_migration.LiveMigration.test_pinned success
2026-11-24T14:15:29Z numa.NUMAVCPUPinningTest.test_simple inprogress
- numa.NUMAVCPUPinningTest.test_simple document
- numa.NUMAVCPUPinningTest.test_simple traceback
2026-11-24T14:15:43.4Z numa.NUMAVCPUPinningTest.test_simple fail
2026-11-24T14:15:30Z sanity.ConfigDrive.test_vfat inprogress
- sanity.ConfigDrive.test_vfat document
2026-11-24T14:15:39Z sanity.ConfigDrive.test_vfat success flaky
2026-11-24T14:15:02Z numa.NUMALargePage.test_one_gib inprogress
- numa.NUMALargePage.test_one_gib reason
2026-11-24T14:15:02Z numa.NUMALargePage.test_one_gib skip
2026-11-24T14:15:02Z numa.NUMALargePage.test_one_gib_strict inprogress
- numa.NUMALargePage.test_one_gib_strict reason
2026-11-24T14:15:02Z numa.NUMALargePage.test_one_gib_strict skip
2026-11-24T14:15:42Z evacuate.Evacuate.test_passive inprogress
- evacuate.Evacuate.test_passive document
- evacuate.Evacuate.test_passive traceback
2026-11-24T14:16:02Z evacuate.Evacuate.test_passive fail
2026-11-24T14:15:44Z sanity.Console.test_serial inprogress
- sanity.Console.test_serial document
- sanity.Console.test_serial traceback
2026-11-24T14:15:50.5Z sanity.Console.test_serial fail
";

#[test]
fn the_stream_is_what_the_python_library_read() {
    assert_eq!(decode(&subunit(&fixture::run())), DECODED);
}

#[test]
fn what_is_left_of_the_run_is_a_failing_test() {
    let mut run = fixture::run();
    run.cases.clear();
    run.leaked.push("project smog-1124-141502-3fa9".into());
    let decoded = decode(&subunit(&run));
    assert_eq!(
        decoded,
        "2026-11-24T14:16:05.25Z run.leaks inprogress\n- run.leaks traceback\n2026-11-24T14:16:05.25Z run.leaks fail\n"
    );
}

#[test]
fn a_long_text_is_cut_into_packets_that_a_reader_takes() {
    let mut stream = Vec::new();
    attach(&mut stream, "a.B.c", "document", &"x".repeat(5 << 20));
    assert_eq!(decode(&stream).lines().count(), 5);
}

/// Packets as lines, in the form of [`DECODED`]; every length and checksum is looked at.
fn decode(mut stream: &[u8]) -> String {
    let mut lines = String::new();
    while !stream.is_empty() {
        let (length, _) = number_at(stream, 3);
        let (packet, rest) = stream.split_at(length);
        let (content, sum) = packet.split_at(length - 4);
        assert_eq!((content[0], crc32fast::hash(content).to_be_bytes().as_slice()), (SIGNATURE, sum));
        lines += &line(content);
        lines.push('\n');
        stream = rest;
    }
    lines
}

fn line(packet: &[u8]) -> String {
    let flags = u16::from_be_bytes([packet[1], packet[2]]);
    let (_, mut at) = number_at(packet, 3);
    let mut time = "-".to_string();
    if flags & HAS_TIME != 0 {
        let second = u32::from_be_bytes(packet[at..at + 4].try_into().expect("four bytes"));
        let (nanosecond, next) = number_at(packet, at + 4);
        time = Timestamp::new(second.into(), nanosecond as i32).expect("a time").to_string();
        at = next;
    }
    let text = |at: &mut usize| {
        let (length, from) = number_at(packet, *at);
        *at = from + length;
        String::from_utf8_lossy(&packet[from..*at]).into_owned()
    };
    let mut words = vec![time, text(&mut at)];
    if flags & 7 != 0 {
        words.push(["", "", "inprogress", "success", "", "skip", "fail"][usize::from(flags & 7)].into());
    }
    if flags & HAS_TAGS != 0 {
        let (count, next) = number_at(packet, at);
        at = next;
        words.extend((0..count).map(|_| text(&mut at)));
    }
    if flags & HAS_FILE != 0 {
        assert_eq!(text(&mut at), TEXT);
        words.push(text(&mut at));
    }
    words.join(" ")
}

/// A number, and where it ends.
fn number_at(bytes: &[u8], at: usize) -> (usize, usize) {
    let more = usize::from(bytes[at] >> 6);
    let first = usize::from(bytes[at] & 0x3f);
    let value = bytes[at + 1..=at + more].iter().fold(first, |value, byte| value << 8 | usize::from(*byte));
    (value, at + 1 + more)
}
