//! One case, from its folder to its report: tried, judged by the logs, cleaned up after.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{Timestamp, Zoned};
use tokio::task::JoinSet;

use super::{Isolation, Run, Runner, scene};
use crate::cloud::Cloud;
use crate::error::{Error, Result};
use crate::findings::Check;
use crate::guest::Guest;
use crate::hint::Face;
use crate::testing::case_folder::Folder;
use crate::testing::case_log::{CaseLog, Made};
use crate::testing::name::case_stamp;
use crate::testing::outcome::{CallLine, CaseReport, Outcome};
use crate::testing::recorder::{Asked, Belongs, Cut};
use crate::testing::schedule::{Booking, Stage};
use crate::testing::settling::Settling;
use crate::testing::test::Given;
use crate::testing::{Case, Event, Test, clean};
use crate::wait::Wait;

impl Runner {
    /// Run a case until it passes, or its tries are used up.
    pub(super) async fn one(&self, run: &Run, case: Case, index: usize, stage: Stage) -> (usize, CaseReport) {
        let mut attempt = 1;
        let mut before: Option<CaseReport> = None;
        loop {
            self.tell(Event::CaseBegun { case: &case, stage: &stage, attempt });
            let report = self.attempt(run, case, index, &stage, attempt, before.take()).await;
            let again = report.outcome.is_bad()
                && report.leaked.is_empty()
                && report.kept.is_empty()
                && attempt <= self.options.retries
                && !self.stop.is_asked();
            if !again {
                return (index, report);
            }
            self.tell(Event::CaseAgain { report: &report });
            self.settle(run, &case, &stage).await;
            before = Some(report);
            attempt += 1;
        }
    }

    /// Until Nova has given back what a try had; the next one would find it taken.
    async fn settle(&self, run: &Run, case: &Case, stage: &Stage) {
        let mut settling = Settling::of(&run.inventory);
        settling.add(Booking { claims: case.claims, stage: stage.clone() });
        while !self.stop.is_asked() {
            settling.look(&self.cloud).await;
            if settling.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn attempt(
        &self,
        run: &Run,
        case: Case,
        index: usize,
        stage: &Stage,
        attempt: u32,
        before: Option<CaseReport>,
    ) -> CaseReport {
        let (begun, began) = (Instant::now(), Timestamp::now());
        run.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(index, began);
        let mut report = CaseReport::of(&case, attempt);
        report.stage.clone_from(&stage.hosts);
        report.change.clone_from(&run.change);
        let folder = Folder::make(&self.options.log_dir, &case_stamp(case.method(), &Zoned::now()));
        let calls: Arc<Mutex<Vec<CallLine>>> = Arc::default();
        let log = Arc::new(CaseLog::new(case, self.on_event.clone()));
        let prefix = format!(
            "{}-{index:02}{}",
            run.id.prefix(),
            if attempt > 1 { format!("r{attempt}") } else { String::new() }
        );
        let ended = async {
            let folder = folder.as_ref().map_err(Clone::clone)?;
            let (project, cloud) = match self.options.isolation {
                Isolation::Case => self.own(&prefix).await.map(|(project, cloud)| (Some(project), cloud))?,
                Isolation::Run | Isolation::None => (None, run.cloud.clone()),
            };
            let cloud = cloud.heard_by(heard(&calls));
            let given = Given {
                cloud: cloud.clone(),
                inventory: Arc::clone(&run.inventory),
                settings: run.files.get(case.suite()).cloned().unwrap_or_default(),
                stage: stage.clone(),
                prefix: prefix.clone(),
                environment: self.options.environment.clone(),
            };
            let test = Test::new(case, Arc::clone(&log), given);
            let outcome = self.carry_out(case, test).await;
            Ok::<_, Error>((folder, project, cloud, outcome))
        };
        match ended.await {
            Err(why) => report.outcome = Outcome::Broken(sentence(&why, self.options.face)),
            Ok((folder, project, cloud, outcome)) => {
                report.folder = Some(folder.0.clone());
                let is_time_over =
                    matches!(outcome, Err(Ended::TimeIsOver(_) | Ended::Error(Error::Timeout { .. })));
                report.outcome = verdict(&case, outcome, &log, self.options.face);
                let over_at = Timestamp::now();
                if report.outcome.is_bad()
                    && let Some(because) = scene::stuck(&cloud, &log, is_time_over).await
                {
                    report.meditations =
                        scene::ask_services(&case, run, stage, &log, folder, self, &because).await;
                }
                // What was thrown so far makes the scene worth keeping; the rest comes with the clean-up.
                let asked = asked_of(&case, run, cloud.own_project_id(), began, &calls, &log);
                judge(&mut report, &mut run.logs.cut(asked).await);
                let keep = self.options.keep && attempt > self.options.retries && run.change.is_none();
                let left = Left { case: &case, run, cloud: &cloud, log: &log, prefix: &prefix, keep };
                self.clean_up(left, folder, &mut report).await;
                if let Some(project) = project.filter(|_| report.kept.is_empty()) {
                    cloud.close().await;
                    if let Err(why) = self.cloud.remove_isolated_project(&project, Wait::default()).await {
                        report.leaked.push(format!("project {}: {why}", project.project.name));
                    }
                }
                run.logs.last_words().await;
                let asked = asked_of(&case, run, cloud.own_project_id(), began, &calls, &log);
                let mut cut = run.logs.cut(Asked { folder: Some(folder.0.clone()), ..asked }).await;
                judge(&mut report, &mut cut);
                if self.options.watch {
                    expect(&mut report, &cut, &log);
                }
                if report.outcome.is_bad() {
                    let made = calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    report.traces = scene::traces(&self.cloud, run, &log, &made, began, over_at).await;
                    scene::write_traces(folder, &report.traces);
                    run.logs.write_since(began, folder.0.join("all-records.log")).await;
                }
                write_thrown(folder, &cut);
            }
        }
        let said = std::mem::take(&mut *log.said());
        report.steps = said.steps;
        report.checks = said.checks;
        report.controls = said.controls;
        report.places = said.places;
        report.calls = std::mem::take(&mut *calls.lock().unwrap_or_else(PoisonError::into_inner));
        report.seconds = begun.elapsed().as_secs_f64();
        if let Some(before) = before {
            report.follows(before);
        }
        if let Some(folder) = &report.folder {
            let folder = Folder(folder.clone());
            folder.write_calls(&report.calls);
            if let Ok(text) = serde_json::to_string_pretty(&report) {
                folder.write("case.json", &text);
            }
        }
        let mut begun = run.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.remove(&index);
        run.logs.forget_before(begun.values().min().copied().unwrap_or(Timestamp::now()));
        report
    }

    /// The case itself, in a task of its own: it may panic, hang, or be cut off.
    async fn carry_out(&self, case: Case, mut test: Test) -> Result<(), Ended> {
        let limit = self.options.timeout.unwrap_or(case.timeout);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { (case.run)(&mut test).await });
        let ended = tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(Ok(Ok(()))) | None => Ok(()),
                Some(Ok(Err(why))) => Err(Ended::Error(why)),
                Some(Err(why)) => Err(Ended::Panicked(panic_text(why))),
            },
            () = tokio::time::sleep(limit) => Err(Ended::TimeIsOver(limit)),
            () = self.stop.asked() => Err(Ended::Interrupted),
        };
        // What still runs is cut off, and does nothing any more when the clean-up begins.
        let _ = tokio::time::timeout(Duration::from_secs(5), tasks.shutdown()).await;
        ended
    }

    /// Keep the scene of a failure, and remove what the case made.
    async fn clean_up(&self, left: Left<'_>, folder: &Folder, report: &mut CaseReport) {
        let Left { case, run, cloud, log, prefix, keep } = left;
        // What a case that was cut off had begun on hosts comes to its end first.
        drop(log.changing.lock().await);
        // What was ordered when the case was cut off has a name, but no id here yet.
        let mut moving = Vec::new();
        if let Ok(servers) = cloud.servers_where(&[("name", prefix)]).await {
            let mut said = log.said();
            for server in servers.iter().filter(|server| is_of(prefix, &server.name)) {
                said.domains.extend(server.instance_name.clone());
                if server.status == "MIGRATING" {
                    moving.push(server.id.clone());
                }
                if !said.made.servers.iter().any(|(id, _)| *id == server.id) {
                    said.made.servers.push((server.id.clone(), server.name.clone()));
                }
            }
        }
        let made = log.said().made.clone();
        if report.outcome.is_bad() {
            self.tell(Event::CaseState { case, text: "keeping the scene" });
            let mut guests = Vec::new();
            for (id, _) in &made.servers {
                if let Ok(server) = cloud.server_by_id(id).await {
                    guests.push(Guest::new(cloud, server));
                }
            }
            let hosts = run.inventory.hosts.iter().map(|host| host.host.clone()).collect();
            let scene = folder.write_scene(guests, hosts);
            let _ = tokio::time::timeout(Duration::from_secs(60), scene).await;
            if keep && !made.servers.is_empty() {
                report.kept = made.servers.iter().map(|(_, name)| name.clone()).collect();
                // Hosts and services are restored nevertheless.
                let hosts = Made { undo: made.undo.clone(), ..Default::default() };
                report.leaked = clean::remove_made(cloud, &hosts, Wait::default()).await;
                return;
            }
        }
        self.tell(Event::CaseState { case, text: "cleaning up" });
        for id in moving {
            // Where it does not end, deleting the server says what is wrong.
            let _ = cloud.end_migrations(&id, Wait::default()).await;
        }
        report.leaked = clean::remove_made(cloud, &made, Wait::default()).await;
    }
}

/// What there is to clean up when a case has ended.
struct Left<'a> {
    case: &'a Case,
    run: &'a Run,
    /// The cloud as the case had it.
    cloud: &'a Cloud,
    log: &'a CaseLog,
    /// What the names of its things begin with.
    prefix: &'a str,
    /// Its servers stay when it failed.
    keep: bool,
}

/// What is asked of the logs for a case.
fn asked_of(
    case: &Case,
    run: &Run,
    project: Option<String>,
    began: Timestamp,
    calls: &Mutex<Vec<CallLine>>,
    log: &CaseLog,
) -> Asked {
    let calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
    let said = log.said();
    let belongs = Belongs {
        requests: calls
            .iter()
            .filter_map(|call| call.request_id.clone())
            .chain(said.requests.iter().cloned())
            .collect(),
        servers: said.made.servers.iter().map(|(id, _)| id.clone()).collect(),
        domains: said.domains.clone(),
        all: case.claims.alone,
        project,
    };
    let purpose = said.allowed.to_vec();
    Asked { begin: began, belongs, allow: run.allow.clone(), purpose, folder: None }
}

/// How a case ended that did not end well by itself.
enum Ended {
    Error(Error),
    Panicked(String),
    TimeIsOver(Duration),
    Interrupted,
}

/// Whether a name is of the case with this prefix: `…-10-guest1` is of `…-10`, and
/// `…-100-guest1` is not.
fn is_of(prefix: &str, name: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-'))
}

fn heard(calls: &Arc<Mutex<Vec<CallLine>>>) -> crate::cloud::OnCall {
    let calls = Arc::clone(calls);
    Arc::new(move |call| {
        let line = CallLine {
            at: Timestamp::now(),
            service: call.service.to_string(),
            method: call.method.clone(),
            path: call.path.clone(),
            status: call.status,
            request_id: call.request_id.clone(),
            ms: call.elapsed.as_secs_f64() * 1000.0,
        };
        calls.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    })
}

fn verdict(case: &Case, outcome: Result<(), Ended>, log: &CaseLog, face: Face) -> Outcome {
    let said = log.said();
    let failed = said.checks.iter().filter(|check| !check.holds).count();
    match outcome {
        Err(Ended::Interrupted) => Outcome::Interrupted,
        Err(Ended::Error(why)) if failed == 0 => Outcome::Broken(sentence(&why, face)),
        Err(Ended::Panicked(why)) if failed == 0 => Outcome::Broken(format!("it panicked: {why}")),
        Err(Ended::TimeIsOver(limit)) => {
            let last = said.steps.last().map(|(_, step)| format!(", after: {step}")).unwrap_or_default();
            Outcome::Broken(format!("timed out after {} s{last}", limit.as_secs()))
        }
        _ if failed > 0 => {
            let first =
                said.checks.iter().find(|check| !check.holds).map(ToString::to_string).unwrap_or_default();
            let more = if failed > 1 { format!(" (and {} more)", failed - 1) } else { String::new() };
            Outcome::Failed(format!("{first}{more}"))
        }
        _ => match &said.skipped {
            Some(why) => Outcome::Skipped(why.clone()),
            None if said.checks.is_empty() => Outcome::Broken("it checked nothing".into()),
            None if case.controlled && said.controls == 0 => {
                Outcome::Broken("nothing it checked has a negative control".into())
            }
            None => Outcome::Passed,
        },
    }
}

/// What the logs say makes a case fail that passed by itself.
fn judge(report: &mut CaseReport, cut: &mut Cut) {
    report.thrown.clone_from(&cut.thrown);
    report.allowed = cut.allowed;
    report.records = cut.shown();
    report.record_count = cut.count;
    if report.outcome == Outcome::Passed
        && let Some(first) = cut.thrown.first()
    {
        report.outcome = Outcome::Failed(format!("a service threw {first}"));
    }
    if report.outcome == Outcome::Passed
        && let Some(why) = &cut.lost
    {
        report.outcome =
            Outcome::Broken(format!("its logs are unread, so what was thrown is not known: {why}"));
    }
    report.likely = report.outcome.is_bad().then(|| cut.likely()).flatten();
}

/// Exceptions that are a case's purpose must have been thrown.
fn expect(report: &mut CaseReport, cut: &Cut, log: &CaseLog) {
    let mut said = log.said();
    let checks: Vec<Check> = said.expected.iter().map(|name| cut.tells_of(name)).collect();
    if report.outcome == Outcome::Passed
        && let Some(missing) = checks.iter().find(|check| !check.holds)
    {
        report.outcome = Outcome::Failed(missing.to_string());
    }
    said.checks.extend(checks);
}

fn write_thrown(folder: &Folder, cut: &Cut) {
    if !cut.thrown.is_empty() {
        let lines: Vec<String> = cut.thrown.iter().map(ToString::to_string).collect();
        folder.write("exceptions.log", &(lines.join("\n") + "\n"));
    }
}

/// An error with its hint, in the words of a face, as one paragraph.
fn sentence(why: &Error, face: Face) -> String {
    match why.hint_for(face) {
        Some(hint) => format!("{why}; {hint}"),
        None => why.to_string(),
    }
}

fn panic_text(why: tokio::task::JoinError) -> String {
    if !why.is_panic() {
        return why.to_string();
    }
    let payload = why.into_panic();
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: Case = Case::new("t.Unit.test_any", "", |_| Box::pin(async { Ok(()) }));

    #[test]
    fn an_exception_that_is_the_purpose_must_have_been_thrown() {
        let ended = |thrown: &str| {
            let log = CaseLog::new(CASE, None);
            log.said().expected.push("CPUPinningInvalid".into());
            let cut = Cut::of_classes(&[thrown]);
            let mut report = CaseReport::of(&CASE, 1);
            expect(&mut report, &cut, &log);
            let checks = log.said().checks.len();
            (report.outcome, checks)
        };
        assert_eq!(ended("CPUPinningInvalid"), (Outcome::Passed, 1));
        let (outcome, _) = ended("NoValidHost");
        assert_eq!(
            outcome.why(),
            "exceptions: found NoValidHost, expected CPUPinningInvalid (the logs of all hosts)"
        );
    }

    #[test]
    fn a_case_of_smog_s_own_without_a_negative_control_is_broken() {
        let ended = |case: Case, controls: usize| {
            let log = CaseLog::new(case, None);
            log.said().checks.push(Check::eq("one", &1, &1));
            log.said().controls = controls;
            verdict(&case, Ok(()), &log, Face::Command)
        };
        assert_eq!(ended(CASE, 0), Outcome::Passed);
        assert_eq!(ended(CASE.controlled(), 1), Outcome::Passed);
        assert_eq!(ended(CASE.controlled(), 0).word(), "broken");
        assert!(crate::suites::all().iter().all(|case| case.controlled));
    }

    #[test]
    fn a_hint_is_in_the_words_of_the_face_that_runs_the_case() {
        let ended = |face: Face| {
            let why = Error::NotFound { what: "guest".into(), name: "web".into(), near: vec![] };
            verdict(&CASE, Err(Ended::Error(why)), &CaseLog::new(CASE, None), face).why().to_string()
        };
        assert_eq!(ended(Face::Command), "no guest called `web`; `smog discover` lists the guests");
        assert_eq!(ended(Face::Python), "no guest called `web`; `cloud.discover()` lists the guests");
    }

    #[test]
    fn a_case_cleans_up_its_own_guests_and_no_other_s() {
        let run = "smog-1127-064424-91c7";
        assert!(is_of(&format!("{run}-10"), &format!("{run}-10-guest1")));
        assert!(!is_of(&format!("{run}-10"), &format!("{run}-100-guest1")));
        assert!(!is_of(&format!("{run}-10"), &format!("{run}-10r2-guest1")));
    }
}
