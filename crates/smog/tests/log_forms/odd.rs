//! Logs that are odd: of interpreters and collectors, of old releases, torn, long or without text.

use super::*;

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
