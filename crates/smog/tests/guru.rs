//! Guru Meditation Reports: read, grouped and compared; a process that would be ended is left alone.

use smog::guru::{Guru, Kind, diff, parse};

/// See tests/data/README.md.
const JOURNAL: &str = include_str!("data/guru/nova-compute-journal.txt");

fn report() -> Guru {
    parse(JOURNAL).expect("a recorded report")
}

#[test]
fn equal_stacks_are_one_group_with_what_they_wait_in() {
    let guru = report();
    assert_eq!((guru.product.as_str(), guru.version.as_str()), ("OpenStack Nova", "31.0.0"));
    let pool = guru.stacks.iter().find(|stacks| stacks.waits_in == "work for eventlet's pool of threads");
    let pool = pool.expect("the pool of threads");
    assert_eq!((pool.kind, pool.count, pool.idle), (Kind::Thread, 3, true));
    let innermost = pool.frames.last().expect("a frame");
    assert_eq!((innermost.function.as_str(), innermost.line), ("wait", 359));
    assert_eq!(innermost.code, "waiter.acquire()");
    let count =
        |kind| guru.stacks.iter().filter(|stacks| stacks.kind == kind).map(|stacks| stacks.count).sum();
    let (threads, green): (usize, usize) = (count(Kind::Thread), count(Kind::Green));
    assert_eq!((threads, green), (5, JOURNAL.matches(" Green Thread  ").count()));
    assert!(guru.stacks.iter().any(|stacks| stacks.waits_in == "RPC messages"));
    assert_eq!(guru.processes.len(), 1);
    // Nova was idle, so nothing is unusual.
    let unusual: Vec<&str> =
        guru.stacks.iter().filter(|stacks| !stacks.idle).map(|stacks| stacks.waits_in.as_str()).collect();
    assert!(unusual.is_empty(), "{unusual:?}");
}

#[test]
fn a_file_has_empty_lines_and_says_the_same() {
    let spaced = JOURNAL.replace("------\n", "------\n\n").replace("\n====", "\n\n\n====");
    let (journal, file) = (report(), parse(&format!("something before\n{spaced}")).expect("a report"));
    assert_eq!(journal.stacks, file.stacks);
    assert_eq!(journal.configuration, file.configuration);
}

#[test]
fn secrets_are_masked_in_the_text_too() {
    let with = JOURNAL.replace(
        "  auth_strategy = keystone",
        "  auth_strategy = keystone\n  admin_password = geheim\n  url = http://nova:geheim@10.0.0.1/\n  password_length = 12",
    );
    let guru = parse(&with).expect("a report");
    assert!(!guru.text.contains("geheim"), "{}", guru.text);
    assert!(!serde_json::to_string(&guru).expect("JSON").contains("geheim"));
    let api = &guru.configuration["api"];
    assert_eq!(api["admin_password"], "***");
    assert_eq!((api["auth_strategy"].as_str(), api["password_length"].as_str()), ("keystone", "12"));
    assert_eq!(guru.configuration["api_database"]["connection"], "***");
}

#[test]
fn what_did_not_move_is_told_from_what_did() {
    let first = report();
    // In the second report a green thread that polled for messages waits for a lock.
    let lock =
        "/usr/lib/python3/dist-packages/oslo_concurrency/lockutils.py:409 in inner\n    `with lock(name):`\n";
    let one = JOURNAL.rfind("------                        Green Thread").expect("a green thread");
    let begin = one + JOURNAL[one..].find('\n').expect("a line") + 1;
    let second = parse(&format!("{}{lock}{}", &JOURNAL[..begin], &JOURNAL[begin..])).expect("a report");
    let moved = diff(&first, &second);
    let states = |state: &str| moved.iter().filter(|moved| moved.state == state).count();
    assert_eq!((states("new"), states("gone")), (1, 1), "{moved:?}");
    let new = moved.iter().find(|moved| moved.state == "new").expect("one is new");
    assert_eq!((new.stacks.waits_in.as_str(), new.stacks.idle), ("a lock of oslo.concurrency", false));
    let all: usize = moved.iter().filter(|moved| moved.state != "gone").map(|moved| moved.stacks.count).sum();
    assert_eq!(all, second.stacks.iter().map(|stacks| stacks.count).sum::<usize>());
    // The same report twice: nothing moved.
    assert!(diff(&first, &first).iter().all(|moved| moved.state == "same"));
}

#[test]
fn what_is_no_report_is_said() {
    let why = parse("Nov 28 nova-compute[1]: something else\n").expect_err("no report").to_string();
    assert!(why.contains("no title"), "{why}");
}
