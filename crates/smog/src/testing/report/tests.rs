//! Each report of the run made by hand: whole, as a snapshot; and without what matters.

use super::fixture::{self, at};
use super::*;
use crate::error::Error;
use crate::testing::{CaseReport, Outcome, RunReport};

fn lines_of(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The run with another way for a case.
fn with(index: usize, change: impl FnOnce(&mut CaseReport)) -> RunReport {
    let mut run = fixture::run();
    change(&mut run.cases[index]);
    run
}

#[test]
fn the_text_of_a_terminal() {
    insta::assert_snapshot!(summary_text(&fixture::run(), 2));
}

#[test]
fn the_text_says_when_all_is_well_and_when_nothing_ran() {
    let mut run = fixture::run();
    run.unattributed.clear();
    run.unread.clear();
    run.cases.truncate(1);
    assert_eq!(summary_text(&run, 0), "PASSED   1 case in 63.2 s: 1 passed (run 1124-141502-3fa9)\n");
    run.cases.clear();
    assert_eq!(summary_text(&run, 3), "NOTHING  ran of 0 cases in 63.2 s (run 1124-141502-3fa9)\n");
    run.leaked.push("project smog-1124-141502-3fa9".into());
    assert!(summary_text(&run, 0).contains("\nFAILED "), "{}", summary_text(&run, 0));
}

#[test]
fn the_junit_file() {
    let mut run = fixture::run();
    run.leaked.push("project smog-1124-141502-3fa9: in use".into());
    insta::assert_snapshot!(junit(&run).expect("XML"));
}

#[test]
fn junit_tells_failure_error_skip_flaky_and_leaks() {
    let xml = junit(&fixture::run()).expect("XML");
    let tree = roxmltree::Document::parse(&xml).expect("XML");
    let inside = |method: &str| -> Vec<String> {
        let case = tree.descendants().find(|node| node.attribute("name") == Some(method)).expect("the case");
        case.children()
            .filter(|node| node.is_element() && node.tag_name().name() != "system-out")
            .map(|node| format!("{} {}", node.tag_name().name(), node.attribute("type").unwrap_or_default()))
            .collect()
    };
    assert_eq!(inside("test_pinned"), [""; 0]);
    assert_eq!(inside("test_simple"), ["failure failed"]);
    assert_eq!(inside("test_vfat"), ["flakyError broken"]);
    assert_eq!(inside("test_one_gib"), ["skipped "]);
    assert_eq!(inside("test_passive"), ["error broken"]);
    assert_eq!(inside("test_serial"), ["error leaked"]);
    assert!(xml.contains("message=\"needs 1024 MiB"), "a skip says why");
}

#[test]
fn json_of_the_run() {
    insta::assert_snapshot!(json_lines(&fixture::run()));
}

#[test]
fn json_has_a_line_each_and_its_promised_keys() {
    let lines = lines_of(&json_lines(&fixture::run()));
    let types: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(types, ["run", "case", "case", "case", "case", "case", "case", "case", "summary"]);
    assert_eq!(lines[2]["checks"][1]["found"], "0-7");
    assert_eq!(lines[2]["places"][0]["vcpus"][0], "0-7");
    assert_eq!(lines[3]["earlier"][0]["outcome"], "broken");
    assert_eq!((&lines[7]["outcome"], &lines[7]["state"]), (&"passed".into(), &"leaked".into()));
    assert_eq!((&lines[8]["exit_code"], &lines[8]["failed"]), (&1.into(), &1.into()));
}

#[test]
fn notes_for_github() {
    insta::assert_snapshot!(annotations(&fixture::run(), Flavor::GitHub));
}

#[test]
fn a_text_cannot_end_a_github_command() {
    let run = with(1, |case| {
        case.name = "a.B,c:d".into();
        case.checks.clear();
        case.outcome = Outcome::Failed("100% of\r\n::error::it".into());
    });
    let text = annotations(&run, Flavor::GitHub);
    let first = text.lines().next().unwrap_or_default();
    let begin = "::error title=failed a.B%2Cc%3Ad::100%25 of%0D%0A::error::it%0A";
    assert!(first.starts_with(begin), "{first}");
}

#[test]
fn sections_for_gitlab() {
    let text = annotations(&fixture::run(), Flavor::GitLab);
    insta::assert_snapshot!(text.replace('\x1b', "ESC").replace('\r', "CR"));
}

#[test]
fn the_page_has_what_matters_of_each_case() {
    let page = html(&fixture::run());
    let parts = [
        "<b>likely first cause</b> libvirt.libvirtError: cannot set CPU affinity",
        "<td>libvirt.libvirtError: cannot set CPU affinity",
        "/proc/812/task/815/status",
        "req-77aa0e0e-6d0b-4c3e-9d43-1f3c9bf4f0aa",
        "1890 ms",
        "<h3>Trace: create of  <small>success, 4.0 s in all, request",
        "<tr class=\"longest\"><td class=\"secs\">1.0 s</td><td class=\"secs\">3.0 s</td>",
        "<i style=\"margin-left:25.0%;width:75.0%\"></i>",
        "build: &lt;claimed&gt;",
        "<td>the start of a privsep helper</td>",
        "boot guest `&lt;b&gt;&amp;`",
        "<dd>1 host, all dedicated CPUs, 256 MiB</dd>",
        "claims: 1 host, all dedicated CPUs, 256 MiB\nunder: two dedicated CPUs per host</title>",
        "<dd>two dedicated CPUs per host</dd>",
        "y=\"18\">cmp2 · 2 NUMA nodes, both simulated</text>",
        ">3 D</text>",
        ">6 S</text>",
        ">v1</text>",
        "64 MiB in huge pages",
        "v0 on 2, v1 on 3",
        "v0-1 on 0-7",
        "href=\"#case-1\"",
        "log/test_simple-2026-11-24-14-15-28",
        "server smog-1124-141502-3fa9-06-a: still deleting",
        "oslo_messaging.exceptions.MessagingTimeout",
        "needs 1024 MiB of free 1 GiB pages",
        "<td>WARNING</td><td>CPU &lt;2&gt; is in use</td>",
        "the gravest of 41 records",
        "<small>and 3 negative controls</small>",
        "<li>net1: no answer</li>",
    ];
    for part in parts {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<b>&`"), "what a case says is text");
    assert_eq!(page.matches("v0-1</text>").count(), 1, "vCPUs that float are one bar");
    assert_eq!(page.matches("on cmp1 after").count(), 2 * 2, "a place is drawn once while it is the same");
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = html(&fixture::run());
    for outside in ["<script", "http://", "https://", "@import", "url(", "src=", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn the_page_is_well_formed() {
    let page = html(&fixture::run());
    let body = page.split_once("<main>").and_then(|(_, rest)| rest.split_once("</main>")).expect("a main").0;
    // Elements without an end are written as HTML has them; everything else must close.
    let body = format!("<main>{}</main>", body.replace("<br>", "<br/>").replace(" hidden>", ">"));
    let body = body.replace(" open>", ">");
    if let Err(why) = roxmltree::Document::parse(&body) {
        let row = why.pos().row as usize;
        panic!("{why}: {:?}", body.lines().nth(row - 1));
    }
}

#[test]
fn a_page_of_many_loud_cases_on_large_hosts_stays_small() {
    let mut run = fixture::run();
    run.hosts[0].cpus = "0-255".parse().expect("CPUs");
    run.hosts[0].dedicated = "8-255".parse().expect("CPUs");
    let mut loud = run.cases[1].clone();
    let (check, thrown) = (loud.checks[1].clone(), loud.thrown[0].clone());
    loud.checks.extend(std::iter::repeat_n(check, 200));
    loud.thrown.extend(std::iter::repeat_n(thrown, 50));
    loud.steps.extend((0..500).map(|second| (f64::from(second), "x".repeat(5000))));
    let mut place = loud.places[0].clone();
    place.vcpus = (8..72).map(|cpu| crate::cpuset::Cpuset::from([cpu])).collect();
    for after in 0..20 {
        place.huge_mib = after;
        loud.places.push(place.clone());
    }
    loud.claims = "y".repeat(300);
    run.cases = (0..300)
        .map(|index| CaseReport {
            name: format!("loud.Case.test_{index}"),
            began: at(f64::from(index)),
            ..loud.clone()
        })
        .collect();
    let page = html(&run);
    assert!(page.len() < 3_000_000, "{}", page.len());
    assert!(page.contains("does not hold"), "what failed stays");
    assert!(page.contains("more steps, in the run"), "what is left out is counted");
}

#[test]
fn a_stored_run_comes_back_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut run = fixture::run();
    run.cases[4].outcome = Outcome::Interrupted;
    assert_eq!(last(folder.path()).expect("no run yet"), None);
    let path = store(&run, folder.path()).expect("stored");
    assert_eq!(path, folder.path().join("runs/1124-141502-3fa9/run.json"));
    assert_eq!(load(&path).expect("loaded"), run);
    assert_eq!(last(folder.path()).expect("loaded"), Some(run));
    let files: Vec<_> = std::fs::read_dir(folder.path().join("runs")).expect("a folder").collect();
    assert_eq!(files.len(), 2, "nothing half written is left: {files:?}");
}

#[test]
fn a_damaged_run_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = store(&fixture::run(), folder.path()).expect("stored");
    let text = std::fs::read_to_string(&path).expect("stored");
    std::fs::write(&path, &text[..text.len() / 2]).expect("written");
    match last(folder.path()) {
        Err(Error::Config { place, message, .. }) => {
            assert_eq!(place, path.display().to_string());
            assert!(message.starts_with("is not a stored run: it ends too early"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    std::fs::write(folder.path().join("runs/last"), "../../etc\n").expect("written");
    match last(folder.path()) {
        Err(Error::Config { place, .. }) => assert!(place.ends_with("runs/last"), "{place}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_run_again_is_all_that_did_not_end_well() {
    let run = with(4, |case| case.outcome = Outcome::Interrupted);
    assert_eq!(
        run.failed_names(),
        [
            "numa.NUMAVCPUPinningTest.test_simple",
            "numa.NUMALargePage.test_one_gib_strict",
            "evacuate.Evacuate.test_passive",
            "sanity.Console.test_serial"
        ]
    );
}

#[test]
fn what_was_cut_off_is_no_pass_and_what_never_began_no_failure() {
    let mut run = fixture::run();
    run.interrupted = true;
    run.cases.truncate(2);
    for case in &mut run.cases {
        case.outcome = Outcome::Interrupted;
    }
    run.cases[1].attempts = 0;
    let xml = junit(&run).expect("XML");
    assert!(xml.contains("<error message=\"the run was interrupted\" type=\"interrupted\">"), "{xml}");
    assert!(xml.contains("<skipped message=\"the run was interrupted before it began\""), "{xml}");
    let text = summary_text(&run, 0);
    assert_eq!(text.matches("INTERRUPTED").count(), 2, "the case that ran, and the run: {text}");
    assert!(text.ends_with("2 interrupted (run 1124-141502-3fa9)\n"), "{text}");
    assert!(html(&run).contains("<span class=\"word interrupted\">"), "the page says it at its head");
}
