//! The runner on the real cloud, with cases made up for it: every way a case can end, what
//! is cleaned up, what is left alone. Needs the lab; runs one test at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use smog::cloud::{BootRequest, Cloud, FlavorChoice, LiveMigration, NewFlavor, Options};
use smog::config::{Settings, Surroundings};
use smog::environment::{OptionWish, Target, Want, Wish};
use smog::flavor::{FlavorSpec, PageSize};
use smog::testing::{
    CallLine, Capacity, Case, CaseReport, Change, Claims, Control, Event, Inventory, Isolation, Leftovers,
    Need, RunOptions, RunReport, Runner, Stop, Test,
};
use smog::wait::Wait;
use smog::watch::AllowList;
use smog::{Error, ExitCode, Result};

struct Bench {
    runner: Runner,
    folder: tempfile::TempDir,
}

async fn bench() -> Bench {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let surroundings = Surroundings::of_process();
    let settings: Settings = surroundings.settings().expect("the lab's settings");
    let cloud = Cloud::connect(&settings, Options::default()).await.expect("the lab's cloud");
    let journal: PathBuf = folder.path().join("journal");
    let options = RunOptions {
        jobs: 4,
        isolation: Isolation::Run,
        keep: false,
        retries: 0,
        max_fail: None,
        timeout: None,
        prepare: false,
        watch: false,
        log_dir: folder.path().to_path_buf(),
        allow: AllowList::default(),
        environment: smog::environment::Options::new(journal, "a test", "lab_runner"),
        face: smog::hint::Face::Command,
        expected: std::collections::HashMap::new(),
    };
    let runner = Runner { cloud, surroundings, settings, options, on_event: None, stop: Stop::default() };
    Bench { runner, folder }
}

fn of<'a>(report: &'a RunReport, name: &str) -> &'a CaseReport {
    report
        .cases
        .iter()
        .find(|case| case.name == name)
        .unwrap_or_else(|| panic!("no case {name}: {report:#?}"))
}

fn small() -> FlavorSpec {
    FlavorSpec::new("").vcpus(1).ram_mib(96).disk_gib(0)
}

async fn passes(t: &mut Test) -> Result<()> {
    t.check_eq("one", &1, &1);
    Ok(())
}

async fn fails_twice(t: &mut Test) -> Result<()> {
    t.check_eq("one", &1, &2);
    t.check_eq("two", &2, &2);
    t.check_eq("three", &3, &4);
    Ok(())
}

async fn checks_nothing(_: &mut Test) -> Result<()> {
    Ok(())
}

async fn breaks(t: &mut Test) -> Result<()> {
    t.check_eq("one", &1, &1);
    t.cloud.flavor("no-such-flavor").await.map(drop)
}

async fn panics(t: &mut Test) -> Result<()> {
    t.check_eq("one", &1, &1);
    panic!("on purpose")
}

async fn hangs(t: &mut Test) -> Result<()> {
    t.step("hang");
    std::future::pending::<()>().await;
    Ok(())
}

async fn skips(t: &mut Test) -> Result<()> {
    t.skip("on purpose")
}

async fn holds_what_cannot_fail(t: &mut Test) -> Result<()> {
    let nothing = |_: &u32| vec![smog::testing::Check::that("anything", true, "a", "a")];
    t.assert(&1, nothing, &[Control::new("another number", |number: u32| number + 1)]);
    Ok(())
}

const WAYS: &[Case] = &[
    Case::new("t.Way.test_passes", "Passes.", |t| Box::pin(passes(t))),
    Case::new("t.Way.test_fails_twice", "Fails.", |t| Box::pin(fails_twice(t))),
    Case::new("t.Way.test_checks_nothing", "Checks nothing.", |t| Box::pin(checks_nothing(t))),
    Case::new("t.Way.test_breaks", "Breaks.", |t| Box::pin(breaks(t))),
    Case::new("t.Way.test_panics", "Panics.", |t| Box::pin(panics(t))),
    Case::new("t.Way.test_hangs", "Hangs.", |t| Box::pin(hangs(t))).timeout(Duration::from_secs(2)),
    Case::new("t.Way.test_skips", "Skips.", |t| Box::pin(skips(t))),
    Case::new("t.Way.test_cannot_fail", "Asserts what cannot fail.", |t| Box::pin(holds_what_cannot_fail(t))),
    Case::new("t.Way.test_needs_too_much", "Needs 99 hosts.", |t| Box::pin(passes(t)))
        .needs(&[Need::ComputeHosts(99)]),
    Case::new("t.Way.test_needs_volumes", "Needs Cinder.", |t| Box::pin(passes(t)))
        .needs(&[Need::Service("volumev3")]),
];

#[tokio::test]
async fn every_way_a_case_can_end_is_told_as_what_it_is() {
    let bench = bench().await;
    let runner = Runner {
        options: RunOptions { isolation: Isolation::None, ..bench.runner.options.clone() },
        ..bench.runner.clone()
    };
    let report = runner.run(WAYS).await.expect("a run");
    let way = |name: &str| {
        let case = of(&report, &format!("t.Way.test_{name}"));
        (case.outcome.word(), case.outcome.why().to_string())
    };
    assert_eq!(way("passes"), ("passed", String::new()));
    let (word, why) = way("fails_twice");
    assert!(word == "failed" && why == "one: found 1, expected 2 (and 1 more)", "{why}");
    assert_eq!(way("checks_nothing"), ("broken", "it checked nothing".into()));
    let (word, why) = way("breaks");
    assert!(word == "broken" && why.contains("no-such-flavor"), "{why}");
    assert_eq!(way("panics"), ("broken", "it panicked: on purpose".into()));
    let (word, why) = way("hangs");
    assert!(word == "broken" && why == "timed out after 2 s, after: hang", "{why}");
    assert_eq!(way("skips"), ("skipped", "on purpose".into()));
    let (word, why) = way("cannot_fail");
    assert!(word == "failed" && why.starts_with("negative control: another number"), "{why}");
    let (word, why) = way("needs_too_much");
    assert!(word == "skipped" && why.starts_with("needs 99 compute hosts; this cloud has 2"), "{why}");
    let (word, why) = way("needs_volumes");
    let told =
        "needs service `volumev3`; the cloud's catalog has compute, identity, image, network, placement";
    assert_eq!((word, why.as_str()), ("skipped", told));
    assert_eq!(report.exit_code(), ExitCode::Failed);
    // Each that ran has a folder with its report.
    let folders = std::fs::read_dir(bench.folder.path()).expect("the folder").filter_map(|entry| entry.ok());
    let reports = folders.filter(|entry| entry.path().join("case.json").is_file()).count();
    assert_eq!(reports, 8);

    let only_skips: Vec<Case> = WAYS.iter().filter(|case| case.name.contains("needs_too")).copied().collect();
    let report = runner.run(&only_skips).await.expect("a run");
    assert_eq!(report.exit_code(), ExitCode::NothingRan, "skipped is not passed");
}

static OTHER_CPUS: Change = Change { name: "other CPUs", takes_cpus: true, ..NOTHING };

static NOTHING: Change = Change {
    name: "nothing",
    wish: |_| Wish::new(),
    only_where_needed: false,
    takes_cpus: false,
    beside: false,
};

#[tokio::test]
async fn after_too_many_failures_no_case_begins_under_another_configuration_either() {
    let bench = bench().await;
    let options = RunOptions { isolation: Isolation::None, prepare: true, ..bench.runner.options.clone() };
    let cases = [
        Case::new("t.Few.test_fails", "", |t| Box::pin(fails_twice(t))),
        Case::new("t.Few.test_changed", "", |t| Box::pin(passes(t))).under(&NOTHING),
    ];
    for (max_fail, ended) in [(None, "passed"), (Some(1), "skipped")] {
        let options = RunOptions { max_fail, ..options.clone() };
        let report = Runner { options, ..bench.runner.clone() }.run(&cases).await.expect("a run");
        let changed = of(&report, "t.Few.test_changed");
        assert_eq!(changed.outcome.word(), ended, "{max_fail:?}: {}", changed.outcome.why());
    }
}

fn no_such_driver(_: &Inventory) -> Wish {
    let option = OptionWish {
        file: "nova.conf".into(),
        section: "DEFAULT".into(),
        key: "compute_driver".into(),
        values: vec!["no_such.Driver".into()],
    };
    Wish::new().with(Target::Computes, Want::Option(option))
}

static NO_SUCH_DRIVER: Change = Change { name: "no such driver", wish: no_such_driver, ..NOTHING };

#[tokio::test]
async fn hosts_that_could_not_be_prepared_are_as_before() {
    let bench = bench().await;
    let mut options = RunOptions { prepare: true, ..bench.runner.options.clone() };
    options.environment.timeout = Duration::from_secs(20);
    let case = Case::new("t.Bad.test_changed", "", |t| Box::pin(passes(t))).under(&NO_SUCH_DRIVER);
    let report = Runner { options, ..bench.runner.clone() }.run(&[case]).await.expect("a run");
    let case = of(&report, "t.Bad.test_changed");
    assert!(case.outcome.why().contains("could not be prepared"), "{}", case.outcome.why());
    assert_eq!(report.leaked, Vec::<String>::new());
    hosts_are_whole(&bench, "not prepared").await;
}

/// Nothing of the hosts is to be taken back, and all of Nova's services are up.
async fn hosts_are_whole(bench: &Bench, when: &str) {
    let journals = std::fs::read_dir(bench.folder.path().join("journal")).map(|all| all.count());
    assert!(matches!(journals, Ok(0) | Err(_)), "{when}: {journals:?}");
    let services = bench.runner.cloud.compute_services().await.expect("services");
    let up = services.iter().all(|service| service.state == "up" && !service.forced_down);
    assert!(up, "{when}: {services:?}");
}

static TRIES: AtomicU32 = AtomicU32::new(0);

async fn passes_at_the_second_try(t: &mut Test) -> Result<()> {
    t.check_eq("try", &TRIES.fetch_add(1, Ordering::SeqCst), &1);
    Ok(())
}

#[tokio::test]
async fn a_case_that_passes_when_tried_again_is_flaky() {
    let bench = bench().await;
    let runner = Runner {
        options: RunOptions { isolation: Isolation::None, retries: 2, ..bench.runner.options.clone() },
        ..bench.runner.clone()
    };
    let case = Case::new("t.Flaky.test_second_try", "", |t| Box::pin(passes_at_the_second_try(t)));
    let report = runner.run(&[case]).await.expect("a run");
    let case = of(&report, "t.Flaky.test_second_try");
    assert_eq!((case.outcome.word(), case.flaky, case.attempts), ("passed", true, 2));
    assert!(case.earlier.len() == 1 && case.earlier[0].folder.is_some(), "{case:?}");
    let kept =
        std::fs::read_to_string(case.folder.as_ref().expect("a folder").join("case.json")).expect("json");
    assert!(kept.contains(r#""flaky": true"#), "{kept}");
}

/// Boots, and asks for pages that are not there: the conductor throws.
async fn throws(t: &mut Test) -> Result<()> {
    let spec = small().ram_mib(64 * 1024).pages(PageSize::Large);
    let request = BootRequest { flavor: FlavorChoice::Made(Box::new(spec)), ..BootRequest::default() };
    // Not by `refused`, which allows the exception.
    let refused = t.boot_request(request).await;
    t.check("the boot", matches!(refused, Err(Error::Fault { .. })), "an error", "a fault");
    Ok(())
}

async fn throws_on_purpose(t: &mut Test) -> Result<()> {
    t.allow("NoValidHost");
    throws(t).await
}

#[tokio::test]
async fn an_exception_of_a_case_s_requests_fails_it_and_no_other() {
    let bench = bench().await;
    let runner = Runner {
        options: RunOptions { watch: true, ..bench.runner.options.clone() },
        ..bench.runner.clone()
    };
    let cases = [
        Case::new("t.Throw.test_throws", "", |t| Box::pin(throws(t))),
        Case::new("t.Throw.test_on_purpose", "", |t| Box::pin(throws_on_purpose(t))),
        Case::new("t.Throw.test_beside", "", |t| Box::pin(passes(t))),
    ];
    let report = runner.run(&cases).await.expect("a run");
    let thrown = of(&report, "t.Throw.test_throws");
    assert_eq!(thrown.outcome.word(), "failed", "{thrown:#?}");
    assert!(thrown.outcome.why().contains("NoValidHost"), "{}", thrown.outcome.why());
    assert!(thrown.thrown.iter().all(|thrown| thrown.request_id.is_some()) && thrown.likely.is_some());
    let purpose = of(&report, "t.Throw.test_on_purpose");
    assert!(purpose.outcome.word() == "passed" && purpose.allowed > 0, "{purpose:#?}");
    assert_eq!(of(&report, "t.Throw.test_beside").outcome.word(), "passed");
    let folder = thrown.folder.clone().expect("a folder");
    for file in ["records.log", "all-records.log", "exceptions.log", "calls.jsonl", "case.json"] {
        assert!(folder.join(file).is_file(), "no {file} in {}", folder.display());
    }
    let facts = std::fs::read_dir(folder.join("facts")).expect("facts of the hosts").count();
    assert!(facts >= 2, "facts of {facts} hosts");
}

async fn makes_much_and_fails(t: &mut Test) -> Result<()> {
    let guest = t.boot(small()).await?;
    t.server_group("affinity").await?;
    t.aggregate_pair("mess").await?;
    t.image_of("raw", &[0; 4096]).await?;
    t.check_eq("host", &guest.server.host, &Some("nowhere".to_string()));
    Ok(())
}

/// The server that was moving when its case ended.
static MOVING: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());

async fn ends_while_its_guest_moves(t: &mut Test) -> Result<()> {
    let host = t.host(0)?.name.clone();
    let request = BootRequest {
        flavor: FlavorChoice::Made(Box::new(small())),
        host: Some(host),
        ..BootRequest::default()
    };
    let guest = t.boot_request(request).await?;
    *MOVING.lock().expect("the id") = guest.server.id.clone();
    t.cloud.order_live_migration(&guest.server, &LiveMigration::default()).await?;
    t.check_eq("one", &1, &1);
    Ok(())
}

#[tokio::test]
async fn a_guest_that_moves_when_its_case_ends_leaves_nothing_booked() {
    let bench = bench().await;
    let case = Case::new("t.Mess.test_moves", "", |t| Box::pin(ends_while_its_guest_moves(t)))
        .claims(Claims::TWO_HOSTS)
        .without_network();
    let report = bench.runner.run(&[case]).await.expect("a run");
    let id = MOVING.lock().expect("the id").clone();
    let cloud = &bench.runner.cloud;
    // Deleted while it moves, a server can stay booked for ever; so its move is ended before.
    let calls = &report.cases[0].calls;
    let place = |wanted: &dyn Fn(&CallLine) -> bool| calls.iter().position(wanted);
    let looked = place(&|call| call.path == format!("/servers/{id}/migrations"));
    let deleted = place(&|call| call.method == "DELETE" && call.path == format!("/servers/{id}"));
    assert!(looked.is_some() && looked < deleted, "{looked:?} {deleted:?} {calls:#?}");
    assert_eq!(cloud.allocations(&id).await.expect("what is booked"), []);
    assert!(report.leaked.is_empty() && report.cases[0].leaked.is_empty(), "{report:#?}");
}

#[tokio::test]
async fn cpus_of_strangers_are_not_given_away() {
    let bench = bench().await;
    let cloud = &bench.runner.cloud;
    let host = Inventory::look(cloud).await.expect("the cloud").hosts[0].name.clone();
    let request = BootRequest {
        flavor: FlavorChoice::Made(Box::new(small().pinned())),
        host: Some(host.clone()),
        ..BootRequest::from(format!("stranger-{}", std::process::id()).as_str())
    };
    let stranger = cloud.boot(request).await.expect("a stranger's pinned server");
    let looked = Inventory::look(cloud).await;
    let made = stranger.server.flavor.name.clone();
    stranger.delete(Wait::default()).await.expect("the stranger's end");
    if let Ok(flavor) = cloud.flavor(&made).await {
        cloud.delete_flavor(&flavor.id).await.expect("the flavor's end");
    }

    let inventory = looked.expect("the cloud with a stranger");
    let missing = Need::DedicatedCpusOn(1, 2).missing(&inventory).expect("one of two hosts is full");
    assert_eq!(missing, "needs 1 free dedicated CPUs on each of 2 hosts; 1 have so many");
    let stage = Capacity::of(&inventory).stage_for(&Claims::ONE_GUEST.dedicated(1), &[]);
    assert_ne!(stage.expect("the other host").hosts, [host]);
    let free = Inventory::look(cloud).await.expect("the cloud without it");
    assert_eq!(Need::DedicatedCpusOn(1, 2).missing(&free), None);
}

#[tokio::test]
async fn a_run_removes_all_it_made_and_nothing_of_strangers() {
    let bench = bench().await;
    let cloud = &bench.runner.cloud;
    // Strangers: a server, a flavor, an aggregate, one of them with a name like smog's own.
    let name = format!("smog-stranger-{}", std::process::id());
    let flavor = cloud
        .create_flavor_as(&NewFlavor { ram_mib: 96, ..NewFlavor::from(name.as_str()) })
        .await
        .expect("a stranger's flavor");
    let aggregate = cloud.create_aggregate(&name, None, &Default::default()).await.expect("an aggregate");
    let request =
        BootRequest { flavor: FlavorChoice::Named(flavor.id.clone()), ..BootRequest::from(name.as_str()) };
    let stranger = cloud.boot(request).await;

    let case = Case::new("t.Mess.test_makes_much", "", |t| Box::pin(makes_much_and_fails(t)))
        .claims(Claims::TWO_HOSTS);
    let changed = Case::new("t.Mess.test_takes_cpus", "", |t| Box::pin(passes(t))).under(&OTHER_CPUS);
    let options = RunOptions { prepare: true, ..bench.runner.options.clone() };
    let report = Runner { options, ..bench.runner.clone() }.run(&[case, changed]).await;

    let still = (
        cloud.server(&name).await.map(|server| server.status),
        cloud.flavor(&flavor.id).await.is_ok(),
        cloud.aggregate(&aggregate.id).await.is_ok(),
    );
    let left = Leftovers::of(cloud).await.expect("what is left");
    if let Ok(stranger) = &stranger {
        stranger.delete(Wait::default()).await.expect("the stranger's end");
    }
    cloud.delete_aggregate(&aggregate.id).await.expect("the aggregate's end");
    cloud.delete_flavor(&flavor.id).await.expect("the flavor's end");

    let report = report.expect("a run");
    let changed = &of(&report, "t.Mess.test_takes_cpus").outcome;
    assert!(changed.word() == "skipped" && changed.why().contains("servers of others"), "{changed:?}");
    let case = of(&report, "t.Mess.test_makes_much");
    assert_eq!(case.outcome.word(), "failed", "{case:#?}");
    assert!(case.leaked.is_empty() && report.leaked.is_empty(), "{report:#?}");
    let folder = case.folder.clone().expect("a folder");
    let xml = std::fs::read_dir(folder.join("xml")).expect("domain XML of the failure").count();
    assert_eq!(xml, 1, "the scene was kept before it was cleaned");
    assert_eq!(left.of_run(&report.run).lines(), Vec::<String>::new());
    assert!(matches!(still, (Ok(ref status), true, true) if status == "ACTIVE"), "{still:?}");
}

async fn boots_and_hangs(t: &mut Test) -> Result<()> {
    t.boot(small()).await?;
    t.step("hang");
    std::future::pending::<()>().await;
    Ok(())
}

#[tokio::test]
async fn a_run_that_is_asked_to_stop_cleans_up() {
    let bench = bench().await;
    let stop = bench.runner.stop.clone();
    let at_hang = stop.clone();
    let runner = Runner {
        on_event: Some(Arc::new(move |event| {
            if let Event::CaseState { text: "hang", .. } = event {
                at_hang.stop();
            }
        })),
        ..bench.runner.clone()
    };
    let cases = [
        Case::new("t.Stop.test_hangs", "", |t| Box::pin(boots_and_hangs(t))),
        Case::new("t.Stop.test_waits", "", |t| Box::pin(boots_and_hangs(t))).claims(Claims::ALONE),
    ];
    let report = runner.run(&cases).await.expect("a run");
    assert!(report.interrupted && report.exit_code() == ExitCode::Interrupted);
    assert_eq!(of(&report, "t.Stop.test_hangs").outcome.word(), "interrupted");
    assert_eq!(of(&report, "t.Stop.test_waits").outcome.word(), "interrupted");
    let left = Leftovers::of(&runner.cloud).await.expect("what is left").of_run(&report.run);
    assert_eq!(left.lines(), Vec::<String>::new());
}

async fn loses_a_host(t: &mut Test) -> Result<()> {
    let host = t.host(0)?.name.clone();
    t.step("begin");
    t.cut_off(&host).await?;
    t.step("cut off");
    t.bring_back().await
}

/// Asked to stop in the middle of a change of a host, a run carries it out and takes it back.
#[tokio::test]
async fn a_host_is_whole_again_wherever_a_run_is_stopped() {
    for said in ["begin", "cut off"] {
        let bench = bench().await;
        let stop = bench.runner.stop.clone();
        let runner = Runner {
            on_event: Some(Arc::new(move |event| {
                if let Event::CaseState { text, .. } = event
                    && text == said
                {
                    let stop = stop.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(400)).await;
                        stop.stop();
                    });
                }
            })),
            ..bench.runner.clone()
        };
        let case =
            Case::new("t.Stop.test_loses_a_host", "", |t| Box::pin(loses_a_host(t))).claims(Claims::ALONE);
        let report = runner.run(&[case]).await.expect("a run");
        let case = of(&report, "t.Stop.test_loses_a_host");
        assert_eq!(case.outcome.word(), "interrupted", "after `{said}`: {}", case.outcome.why());
        assert!(case.leaked.is_empty() && report.leaked.is_empty(), "after `{said}`: {report:#?}");
        hosts_are_whole(&bench, said).await;
        let left = Leftovers::of(&runner.cloud).await.expect("what is left").of_run(&report.run);
        assert_eq!(left.lines(), Vec::<String>::new());
    }
}
