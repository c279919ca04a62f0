//! `smog test` and `smog clean` as a person types them, on the real cloud.

mod lab;

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use lab::{ids, lab, unique};

#[test]
fn the_list_says_what_runs_here_and_why_not() {
    let listed = lab().run(&["test", "--list", "-o", "json", "numa", "live_migration"]).expect(0).json();
    let line = |name: &str| {
        let lines = listed.as_array().expect("a list");
        lines.iter().find(|line| line["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    assert!(line("numa.NUMALargePage.test_large_pages")["skipped_because"].is_null());
    let smt = line("numa.NUMAVCPUPinningTest.test_threads_require");
    assert_eq!(smt["skipped_because"], "needs CPUs with siblings (SMT); no host has them");
    let changed = line("live_migration.LiveMigrationTest.test_abort");
    assert_eq!(changed["change"], "live migration at 1 MiB/s");
    let long = lab().run(&["test", "--list", "--long", "numa.NUMALargePage.test_large_pages"]).expect(0);
    assert!(long.out.contains("    Steps: split the hosts by an aggregate"), "{}", long.out);
}

#[test]
fn a_run_passes_and_its_reports_are_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (junit, html, json, logs) = (file("junit.xml"), file("page.html"), file("lines.json"), file("log"));
    let args = [
        "test",
        "sanity.SanityTest.test_lock",
        "test_threads_require",
        "--log-dir",
        &logs,
        "--junit",
        &junit,
        "--html",
        &html,
        "--json",
        &json,
    ];
    let ran = lab().run(&args).expect(0);
    assert!(ran.out.contains("A server can be locked and unlocked."), "its document: {}", ran.out);
    assert!(ran.out.contains("PASS") && ran.out.contains("1 passed, 1 skipped"), "{}", ran.out);
    let text = |path: &str| std::fs::read_to_string(path).expect("a report");
    assert!(text(&junit).contains("sanity.SanityTest") && text(&html).contains("test_lock"));
    assert!(text(&json).lines().count() >= 4, "{}", text(&json));
    let last = lab().run(&["test", "--last", "--log-dir", &logs]).expect(0);
    assert!(last.out.contains("1 passed, 1 skipped"), "{}", last.out);
    let again = file("again.xml");
    lab().run(&["test", "--last", "--log-dir", &logs, "--junit", &again]).expect(0);
    assert_eq!(text(&again), text(&junit), "a report can be had later");
    lab().run(&["test", "--failed", "--log-dir", &logs]).expect(4);
}

#[test]
fn nothing_ran_is_not_success_and_a_typo_is_told() {
    lab().run(&["test", "test_threads_require"]).expect(4);
    let typo = lab().run(&["test", "numa.NUMALargePages"]).expect(2);
    assert!(typo.err.contains("did you mean") && typo.err.contains("numa.NUMALargePage"), "{}", typo.err);
    lab().run(&["test", "-k", "numa and"]).expect(2);
    lab().run(&["test", "--partition", "5/4"]).expect(2);
    lab().run(&["test", "--max-fail", "0"]).expect(2);
    // It has no meaning here: a change is made on all hosts that cases may come to.
    lab().run(&["test", "--host", "cmp1"]).expect(2);
    let dry = lab().run(&["--dry-run", "test", "--prepare", "--isolate", "none", "test_abort"]).expect(0);
    assert!(dry.out.contains("LiveMigrationTest.test_abort") && !dry.out.contains("PASS"), "{}", dry.out);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let list = folder.path().join("list").display().to_string();
    std::fs::write(&list, "# the quick ones\nsanity.SanityTest.test_lok\n").expect("a list");
    let typo = lab().run(&["test", "--load-list", &list]).expect(2);
    assert!(typo.err.contains("did you mean") && typo.err.contains("test_lock"), "{}", typo.err);
    let nowhere = folder.path().join("no/junit.xml").display().to_string();
    let early = lab().run(&["test", "sanity.SanityTest.test_lock", "--junit", &nowhere]).expect(2);
    assert!(early.err.contains("its folder is not there") && early.out.is_empty(), "{}", early.err);
    let asks = lab().run(&["test", "--prepare", "live_migration.LiveMigrationTest.test_abort"]).expect(2);
    assert!(asks.err.contains("there is no terminal to ask on"), "{}", asks.err);
}

/// A run of a case that goes on: its process, its id, and the rest of its output.
fn begun(case: &str, log_dir: &str) -> (Child, String, Lines<BufReader<ChildStdout>>) {
    let mut child = lab()
        .command(&["test", case, "--log-dir", log_dir])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("smog test");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let first = lines.next().expect("a line").expect("text");
    let run = first.trim().strip_prefix("run ").and_then(|rest| rest.split(':').next()).expect("a run");
    (child, run.to_string(), lines)
}

#[test]
fn what_a_killed_run_leaves_is_removed_by_clean_and_nothing_else() {
    // A stranger whose name is like smog's own.
    let stranger = format!("smog-{}", unique("stranger"));
    lab().run(&["flavor", "create", &stranger, "--ram", "96"]).expect(0);
    let logs = tempfile::tempdir().expect("a temporary folder");
    let log_dir = logs.path().display().to_string();
    // Its output is read until the end of this test.
    let (mut child, run, _lines) = begun("sanity.SanityTest.test_server_actions", &log_dir);
    // Until its guest is there.
    let guest = format!("smog-{run}-00-guest2");
    lab::eventually("the run's guest", || !ids(&guest).is_empty());
    child.kill().expect("SIGKILL");
    child.wait().expect("its end");

    let asks = lab().run(&["clean", "--run", &run]).expect(2);
    assert!(
        asks.out.contains(&format!("server {guest}")) && asks.out.contains("project smog-"),
        "{}",
        asks.out
    );
    lab().run(&["clean", "--run", &run, "--yes"]).expect(0);
    let again = lab().run(&["clean", "--run", &run]).expect(0);
    assert!(again.out.contains("nothing is left"), "{}", again.out);
    assert!(ids(&guest).is_empty());
    let kept = lab().run(&["flavor", "show", &stranger]);
    lab().run(&["flavor", "delete", "--yes", &stranger]);
    assert_eq!(kept.code, 0, "the stranger's flavor is gone: {}", kept.err);
}

#[test]
fn ctrl_c_ends_a_run_and_leaves_nothing() {
    let logs = tempfile::tempdir().expect("a temporary folder");
    let log_dir = logs.path().display().to_string();
    let (mut child, run, lines) = begun("sanity.SanityTest.test_server_actions", &log_dir);
    let guest = format!("smog-{run}-00-guest2");
    lab::eventually("the run's guest", || !ids(&guest).is_empty());
    let pid = child.id().to_string();
    let killed = std::process::Command::new("kill").args(["-INT", &pid]).status().expect("kill");
    assert!(killed.success());
    let said: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("its end").code(), Some(130), "{said:#?}");
    assert!(
        said.iter().any(|line| line.contains("INTERRUPTED") && line.contains("1 interrupted")),
        "{said:#?}"
    );
    let left = lab().run(&["clean", "--run", &run]).expect(0);
    assert!(left.out.contains("nothing is left"), "{}", left.out);
}

#[test]
fn a_case_whose_time_is_over_is_kept_for_a_look() {
    let logs = tempfile::tempdir().expect("a temporary folder");
    let log_dir = logs.path().display().to_string();
    // It takes longer than that, and has its guest long before.
    let page = logs.path().join("page.html").display().to_string();
    let limits = ["--timeout", "8", "--keep", "--log-dir", &log_dir, "--html", &page];
    let case = ["test", "machine.UefiTest.test_uefi_boot_and_rebuild"];
    let ran = lab().run(&[case.as_slice(), &limits].concat()).expect(1);
    assert!(ran.out.contains("BROKEN") && ran.out.contains("timed out after 8 s"), "{}", ran.out);
    // What nova-compute did then is in the report, folded.
    let page = std::fs::read_to_string(&page).expect("a page");
    assert!(page.contains("<b>Guru Meditation Report</b> of nova-compute on cmp"), "{page}");
    assert!(page.contains("it timed out") && page.contains("RPC messages"), "{page}");
    let hint = ran.out.lines().find_map(|line| line.split("kept, look: smog ").nth(1));
    let show: Vec<&str> = hint.unwrap_or_else(|| panic!("no hint: {}", ran.out)).split_whitespace().collect();
    let shown = lab().run(&show).expect(0);
    let run = show[2].strip_prefix("smog-").and_then(|rest| rest.split("-00-").next()).expect("a run");
    assert!(ran.out.contains(&format!("smog clean --run {run}")), "how it ends: {}", ran.out);
    lab().run(&["clean", "--run", run, "--yes"]).expect(0);
    assert!(shown.out.contains(show[2]), "{}", shown.out);
    assert!(ids(show[2]).is_empty(), "clean has removed it");
}

#[test]
fn each_of_several_runs_of_a_case_can_have_a_project_of_its_own() {
    let logs = tempfile::tempdir().expect("a temporary folder");
    let log_dir = logs.path().display().to_string();
    let case = ["test", "numa.NUMATopologyTest.test_extra_nodes", "--repeat", "2", "--isolate", "case", "-q"];
    let ran = lab().run(&[case.as_slice(), &["--log-dir", &log_dir]].concat()).expect(0);
    assert!(ran.out.contains("2 passed"), "{}", ran.out);
    assert!(!ran.out.contains("Steps:"), "-q prints no documents: {}", ran.out);
    let run = ran.out.split("(run ").nth(1).and_then(|rest| rest.split(')').next()).expect("a run");
    let left = lab().run(&["clean", "--run", run]).expect(0);
    assert!(left.out.contains("nothing is left"), "{}", left.out);
    // A case's names bear its number, so that two projects were made and are gone.
    let projects = lab().run(&["project", "list"]).expect(0);
    assert!(!projects.out.contains(run), "{}", projects.out);
}

#[test]
fn a_host_that_a_killed_run_had_cut_off_comes_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().display().to_string();
    let services = || {
        let services = lab().run(&["service", "list", "-o", "json"]).expect(0).json();
        services.as_array().expect("a list").clone()
    };
    let down = || services().iter().filter(|service| service["forced_down"] == true).count();
    let case = "evacuate.EvacuateTest.test_evacuate_active";
    let mut child = lab()
        .command(&["test", case, "--log-dir", &path, "--journal", &path])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("smog test");
    lab::eventually("a host that is forced down", || down() == 1);
    child.kill().expect("SIGKILL");
    child.wait().expect("its end");

    let told = lab().run(&["clean"]);
    let restored = lab().run(&["restore", "--yes", "--journal", &path]);
    // Nova keeps a host down until it has given up what was evacuated.
    lab::eventually("a clean cloud", || lab().run(&["clean", "--yes"]).code == 0);
    assert!(told.out.contains("forced down: nova-compute of cmp"), "{}", told.out);
    assert!(restored.code == 0 && restored.out.contains("nova-compute.service"), "{restored:?}");
    assert_eq!(down(), 0);
    let is_up = |service: &serde_json::Value| service["state"] == "up";
    lab::eventually("all compute services up", || services().iter().all(is_up));
}

#[test]
fn a_run_whose_reader_goes_away_is_stopped_and_cleaned_up() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().display().to_string();
    let (mut child, run, lines) = begun("sanity.SanityTest.test_lock", &path);
    drop(lines);
    assert_eq!(child.wait().expect("its end").code(), Some(141));
    let last = lab().run(&["test", "--last", "--log-dir", &path]).expect(130);
    assert!(last.out.contains("1 interrupted") && last.out.contains(&run), "{}", last.out);
    let left = lab().run(&["clean", "--run", &run]).expect(0);
    assert!(left.out.contains("nothing is left"), "{}", left.out);
}
