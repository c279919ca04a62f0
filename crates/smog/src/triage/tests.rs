use std::path::Path;

use super::*;
use crate::watch::Offline;

fn thrown(time: &str, request: &str, user: &str, name: &str, function: &str) -> String {
    let head = format!("2026-11-24 {time} 7 ERROR nova.compute.manager");
    format!(
        "{head} [None {request} {user} p - - - -] Failed\n{head} Traceback (most recent call last):\n{head}   File \"/opt/stack/nova/nova/compute/manager.py\", line 12, in {function}\n{head}   File \"/usr/lib/python3/dist-packages/oslo_x/a.py\", line 1, in g\n{head} {name}: x\n"
    )
}

const FIRST: &str = "req-11111111-1111-4111-8111-111111111111";
const SECOND: &str = "req-22222222-2222-4222-8222-222222222222";

fn put(folder: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, bytes).expect("a file");
}

fn saved(folder: &Path) -> Saved {
    Offline { places: vec![folder.into()], ..Offline::default() }.open(None).expect("opened")
}

fn job() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let log = thrown("10:00:00.000", "req-0", "-", "nova.NoiseError", "_periodic")
        + &thrown("10:00:05.000", FIRST, "u", "nova.exception.PortBindingFailed", "_build")
        + &thrown("10:00:06.000", FIRST, "u", "nova.exception.RescheduledException", "_do_build")
        + &thrown("10:00:06.500", "req-0", "-", "nova.NoiseError", "_periodic");
    put(folder.path(), "compute1/logs/nova-compute.log", log);
    let junit = format!(
        r#"<testsuites><testsuite name="x" timestamp="2026-11-24T10:00:00" time="20">
        <testcase classname="a.B" name="test_good" time="4"/>
        <testcase classname="a.B" name="test_bad" time="6"><failure message="AssertionError: ERROR is not ACTIVE">{FIRST}</failure></testcase>
        <testcase classname="a.B" name="test_out" time="10"><skipped/></testcase></testsuite></testsuites>"#
    );
    put(folder.path(), "controller/logs/junit.xml", junit);
    folder
}

#[test]
fn exceptions_tests_and_what_came_first() {
    let folder = job();
    let (triage, up) =
        Triage::of_saved(&saved(folder.path()), None, &Filter::default(), "job").expect("a triage");
    assert_eq!((triage.exceptions, triage.groups.len(), up.sources), (4, 3, 1));
    let noise = &triage.groups[0];
    assert_eq!((noise.count, noise.place.as_str()), (2, "nova/compute/manager.py:_periodic"));
    assert_eq!(noise.hosts.get("compute1"), Some(&2));
    let tests = triage.tests.as_ref().expect("tests");
    assert_eq!((tests.passed, tests.skipped, tests.failed.len()), (1, 1, 1));
    let test = &tests.failed[0];
    assert_eq!(
        (test.name.as_str(), test.message.as_str()),
        ("a.B.test_bad", "AssertionError: ERROR is not ACTIVE")
    );
    assert_eq!(test.began.map(|time| time.to_string()).as_deref(), Some("2026-11-24T10:00:04Z"));
    let ties: Vec<_> = test
        .exceptions
        .iter()
        .map(|tie| (triage.groups[tie.group].short_name(), tie.count, tie.by))
        .collect();
    assert_eq!(
        ties,
        [
            ("PortBindingFailed", 1, By::Request),
            ("RescheduledException", 1, By::Request),
            ("NoiseError", 1, By::Time)
        ]
    );
    let likely = triage.likely.as_ref().expect("a cause");
    assert_eq!(likely.text, "nova.exception.PortBindingFailed: x");
    assert_eq!((likely.host.as_str(), likely.request.as_deref()), ("compute1", Some(FIRST)));
    assert_eq!(triage.exit_code(false), ExitCode::Failed);
    let page = html(&triage);
    for words in ["PortBindingFailed", "a.B.test_bad", "Likely first cause", "File &quot;/opt/stack"] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("<script") && !page.contains("http"), "it loads nothing");
}

#[test]
fn what_a_good_run_has_as_well_is_noise() {
    let (bad, good) = (job(), tempfile::tempdir().expect("a folder"));
    // Another version: the line is another, the function the same.
    let log =
        thrown("09:00:00.000", "req-9", "-", "nova.NoiseError", "_periodic").replace("line 12", "line 99");
    put(good.path(), "compute1/logs/nova-compute.log", &log);
    std::fs::remove_file(bad.path().join("controller/logs/junit.xml")).expect("removed");
    let (triage, _) =
        Triage::of_saved(&saved(bad.path()), Some(&saved(good.path())), &Filter::default(), "job")
            .expect("a triage");
    assert_eq!(
        triage.news().map(Group::short_name).collect::<Vec<_>>(),
        ["PortBindingFailed", "RescheduledException"]
    );
    assert_eq!(triage.groups[2].in_baseline, Some(1));
    assert!(triage.tests.is_none());
    assert_eq!(
        triage.likely.map(|likely| likely.why).as_deref(),
        Some("the earliest exception of a user's request")
    );
    let (same, _) =
        Triage::of_saved(&saved(good.path()), Some(&saved(good.path())), &Filter::default(), "job")
            .expect("a triage");
    assert_eq!((same.exit_code(false), same.likely.is_none()), (ExitCode::Ok, true));
}

/// Recorded from python-subunit 1.4.6, see the tests of `testing::report::subunit`; the status of
/// the end is another, with its sum.
#[test]
fn subunit_and_the_output_of_a_job() {
    let folder = tempfile::tempdir().expect("a folder");
    put(folder.path(), "controller/logs/x.log", thrown("10:00:05.000", SECOND, "u", "AError", "f"));
    let hex = "b32b02166b059be6cee6b28005612e422e630d4a9ae1\
               b329703805612e422e6317746578742f706c61696e3b636861727365743d75746638\
               06726561736f6e0ac3a92062656361757365905bf882";
    let mut stream: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect();
    let mut end = vec![0xb3, 0x2b, 0x06, 0x16, 0x6b, 0x05, 0x9b, 0xe6, 0xce, 0xe6, 0xb2, 0x80, 0x05];
    end.extend(b"a.B.c");
    let sum = crc32fast::hash(&end);
    end.extend(sum.to_be_bytes());
    stream.extend(b"text between\n");
    stream.extend(&end);
    put(folder.path(), "controller/logs/testrepository.subunit", &stream);
    let output = format!(
        "2026-11-24 10:00:07.000000 | controller | {{0}} tempest.api.X.test_y[id-1,smoke] [3.000000s] ... FAILED\n\
         2026-11-24 10:00:07.000001 | controller |\n\
         2026-11-24 10:00:07.000002 | controller |     Traceback (most recent call last):\n\
         2026-11-24 10:00:07.000003 | controller |       File \"x\", line 1, in f\n\
         2026-11-24 10:00:07.000004 | controller |     tempest.lib.exceptions.ServerFault: {SECOND}\n\
         2026-11-24 10:00:08.000000 | controller | {{0}} tempest.api.X.test_z [0.100000s] ... ok\n"
    );
    put(folder.path(), "job-output.txt", output);
    let (triage, _) =
        Triage::of_saved(&saved(folder.path()), None, &Filter::default(), "job").expect("a triage");
    let tests = triage.tests.expect("tests");
    assert_eq!((tests.files.len(), tests.passed), (2, 1));
    let shown: Vec<_> = tests
        .failed
        .iter()
        .map(|test| (test.name.as_str(), test.message.as_str(), test.exceptions.len()))
        .collect();
    assert_eq!(
        shown,
        [
            ("tempest.api.X.test_y", &*format!("tempest.lib.exceptions.ServerFault: {SECOND}"), 1),
            ("a.B.c", "é because", 0),
        ]
    );
    assert_eq!(tests.failed[0].exceptions[0].by, By::Request);
    assert_eq!(tests.failed[0].began.map(|time| time.to_string()).as_deref(), Some("2026-11-24T10:00:04Z"));
}

/// What real tools wrote of the same tests, see tests/data/README.md.
#[test]
fn results_of_real_tools() {
    let of = |file: &str, name: &str| {
        let folder = tempfile::tempdir().expect("a folder");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/results").join(file);
        put(folder.path(), name, std::fs::read(&from).expect("the recorded file"));
        let read = Triage::of_saved(&saved(folder.path()), None, &Filter::default(), "job");
        let tests = read.expect("a triage").0.tests.expect("tests");
        let failed: Vec<String> =
            tests.failed.iter().map(|test| format!("{}: {}", test.name, test.message)).collect();
        let requests: usize = tests.failed.iter().map(|test| test.requests.len()).sum();
        let mut failed = failed;
        failed.sort();
        (failed.join("\n"), tests.passed, tests.skipped, requests)
    };
    let request = "req-2c8a7b0e-7d5c-4f5a-9f6b-0a1b2c3d4e5f";
    let of_stestr = format!(
        "setUpClass (tests.test_x.S): RuntimeError: class setup failed: {request}\n\
         tests.test_x.T.test_bad: AssertionError: server went to ERROR\n\
         tests.test_x.T.test_err: ValueError: boom é ü"
    );
    for (file, name) in [
        ("stestr.subunit", "controller/logs/testrepository.subunit"),
        ("stestr.subunit", "tempest/.stestr/0"),
        ("subunit-junit.xml", "junit.xml"),
        ("stestr-job-output.txt", "job-output.txt"),
    ] {
        assert_eq!(of(file, name), (of_stestr.clone(), 2, 1, 2), "{file} as {name}");
    }
    let request = "req-1c8a7b0e-7d5c-4f5a-9f6b-0a1b2c3d4e5f";
    assert_eq!(
        of("pytest-junit.xml", "junit/test-results.xml"),
        (
            format!(
                "test_pyt.test_b: AssertionError: {request}\n\
                 test_pyt.test_c: failed on setup with \"RuntimeError: setup\"\n\
                 test_pyt.test_f[a b]: AssertionError: assert 'a b' == 'c'"
            ),
            2,
            2,
            1
        )
    );
    // pytest cuts what it says to the width of the terminal.
    let (failed, passed, skipped, _) = of("pytest-job-output.txt", "job-output.txt");
    assert!(failed.contains("test_pyt.py::test_f[a b]: AssertionError: assert 'a b' == 'c'"), "{failed}");
    assert_eq!((failed.lines().count(), passed, skipped), (3, 2, 2));
    // It was killed while the second test ran.
    assert_eq!(
        of("killed.subunit", "x.subunit"),
        ("t2.test_y.Y.test_hangs: it has no end: the results stop while it runs".into(), 1, 0, 0)
    );
}

#[test]
fn a_known_bug_is_named_beside_its_exception() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = thrown("10:00:05.000", FIRST, "u", "NotImplementedError", "rollback")
        .replace("NotImplementedError: x", "NotImplementedError: Cannot load 'vifs' in the base class")
        + &thrown("10:00:06.000", SECOND, "u", "nova.exception.PortBindingFailed", "_build");
    put(folder.path(), "compute1/logs/nova-compute.log", log);
    let (triage, _) =
        Triage::of_saved(&saved(folder.path()), None, &Filter::default(), "job").expect("a triage");
    let bugs: Vec<Option<&str>> =
        triage.groups.iter().map(|group| group.known_bug.as_ref().map(|bug| bug.bug.as_str())).collect();
    assert_eq!(bugs, [Some("LP 1969980"), None]);
    let head = triage.head().join("\n");
    assert!(head.contains("known bugs\n  NotImplementedError: LP 1969980: The roll-back"), "{head}");
    assert!(html(&triage).contains("Known bug LP 1969980"));
}
