//! What others put before each line of a log, known or not.

use super::*;

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
