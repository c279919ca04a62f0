//! The runner: cases in parallel as far as the machines have room, each cleaned up after.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{Timestamp, Zoned};
use tokio::task::JoinSet;

use super::event::{Event, OnEvent};
use super::inventory::HostLine;
use super::name::{RunId, case_stamp};
use super::outcome::{CallLine, CaseReport, Outcome, RunReport};
use super::recorder::{Belongs, Cut, Folder, Logs};
use super::round::Round;
use super::schedule::{Booking, Stage};
use super::settling::Settling;
use super::test::{CaseLog, Given};
use super::{Capacity, Case, Change, Inventory, Test, clean};
use crate::cloud::{Cloud, IsolatedProject, Options, Service};
use crate::config::{Settings, SmogFile, Surroundings};
use crate::environment::{self, Environment};
use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::wait::Wait;
use crate::watch::{AllowList, Sources};

/// Whose the resources of cases are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Isolation {
    /// A project and a user for the run.
    #[default]
    Run,
    /// A project and a user for each case.
    Case,
    /// The caller's own project; only names tell what belongs to the run.
    None,
}

/// How to run.
#[derive(Clone)]
pub struct RunOptions {
    /// At most so many cases at once.
    pub jobs: usize,
    /// Whose the resources are.
    pub isolation: Isolation,
    /// Keep the guests of failed cases for a look.
    pub keep: bool,
    /// Try a failed case so many times more; one that passes then is *flaky*.
    pub retries: u32,
    /// Begin no more cases after so many failed.
    pub max_fail: Option<usize>,
    /// A time limit for each case, instead of its own.
    pub timeout: Option<Duration>,
    /// Change the configuration of hosts for cases that need it, and restore it.
    /// Otherwise they are skipped.
    pub prepare: bool,
    /// Follow the logs of all hosts; an exception fails the case it belongs to.
    pub watch: bool,
    /// Where folders of cases and reports of runs are written.
    pub log_dir: PathBuf,
    /// Exceptions that fail no case, besides the usual noise of OpenStack's services
    /// ([`AllowList::and_usual_noise`]).
    pub allow: AllowList,
    /// How changes of hosts are journaled.
    pub environment: environment::Options,
    /// How long cases took before, in seconds, by name: the longest begin first.
    pub expected: HashMap<String, f64>,
}

/// A request to stop: cases are cut off, everything is cleaned up.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<tokio::sync::Notify>, Arc<std::sync::atomic::AtomicBool>);

impl Stop {
    /// Ask for it.
    pub fn stop(&self) {
        self.1.store(true, std::sync::atomic::Ordering::SeqCst);
        self.0.notify_waiters();
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        self.1.load(std::sync::atomic::Ordering::SeqCst)
    }

    async fn asked(&self) {
        loop {
            // Enlisted before the look, so that no notice is missed between the two.
            let notified = self.0.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.is_asked() {
                return;
            }
            notified.await;
        }
    }
}

/// Runs cases on a cloud.
#[derive(Clone)]
pub struct Runner {
    /// The cloud, as whoever runs them: an administrator.
    pub cloud: Cloud,
    /// Where the settings of suites come from.
    pub surroundings: Surroundings,
    /// The settings of the run.
    pub settings: Settings,
    /// How.
    pub options: RunOptions,
    /// Told what happens.
    pub on_event: Option<OnEvent>,
    /// Asks it to stop.
    pub stop: Stop,
}

/// What all cases of a run share.
struct Run {
    id: RunId,
    /// The cloud as the run's own user.
    cloud: Cloud,
    inventory: Arc<Inventory>,
    files: BTreeMap<String, SmogFile>,
    logs: Arc<Logs>,
    /// Exceptions that fail no case.
    allow: AllowList,
    /// When each running case began: what is older than all of them is forgotten.
    begun: Mutex<BTreeMap<usize, Timestamp>>,
}

impl Runner {
    /// Run the cases; returns when everything is cleaned up.
    ///
    /// # Errors
    /// What keeps the run from beginning: the cloud does not answer, a project cannot be
    /// made. What goes wrong in a case stands in its report.
    pub async fn run(&self, cases: &[Case]) -> Result<RunReport> {
        let (begun, began) = (Instant::now(), Timestamp::now());
        let id = RunId::new()?;
        let allow = self.options.allow.clone().and_usual_noise()?;
        self.doing("looking at the cloud");
        let inventory = Arc::new(Inventory::look(&self.cloud).await?);
        let mut files = BTreeMap::new();
        for case in cases {
            if !files.contains_key(case.suite()) {
                files.insert(case.suite().to_string(), self.surroundings.suite_file(case.suite())?);
            }
        }
        let mut reports: Vec<Option<CaseReport>> = Vec::new();
        for case in cases {
            reports.push(self.unable(case, &inventory).map(|why| skipped(case, why)));
        }
        let able = reports.iter().filter(|report| report.is_none()).count();
        self.tell(Event::Begun { run: &id, inventory: &inventory, cases: able });
        for report in reports.iter().flatten() {
            self.tell(Event::CaseEnded { report, ended: 0 });
        }
        let mut leaked = Vec::new();
        let mut unattributed = Vec::new();
        if able > 0 {
            let project = self.project(&id).await?;
            let logs = Arc::new(self.follow_logs(&inventory).await);
            let mut run = Run {
                id: id.clone(),
                cloud: match &project {
                    Some(project) => self.cloud_of(project).await?,
                    None => self.cloud.clone(),
                },
                inventory: Arc::clone(&inventory),
                files,
                logs: Arc::clone(&logs),
                allow: allow.clone(),
                begun: Mutex::default(),
            };
            let under: Vec<Option<&'static Change>> =
                cases.iter().map(|case| case.change_on(&inventory)).collect();
            for mut round in Round::of(&under) {
                round.cases.retain(|at| reports[*at].is_none());
                if !round.cases.is_empty() && !self.stop.is_asked() {
                    leaked.extend(self.round(&round, &mut run, cases, &mut reports).await);
                }
            }
            if self.options.isolation == Isolation::Run {
                run.cloud.close().await;
            }
            drop(run);
            let mut allow = allow;
            if let Ok(logs) = Arc::try_unwrap(logs).map_err(drop) {
                unattributed = logs.close(&mut allow).await.0;
            }
            leaked.extend(self.sweep(&id, project.as_ref(), &reports).await);
        }
        let cases: Vec<CaseReport> = cases
            .iter()
            .zip(reports)
            .map(|(case, report)| report.unwrap_or_else(|| not_begun(case, self.stop.is_asked())))
            .collect();
        self.tell(Event::Ended { elapsed: begun.elapsed() });
        Ok(RunReport {
            run: id,
            cloud: self.cloud.name().to_string(),
            began,
            seconds: begun.elapsed().as_secs_f64(),
            jobs: self.options.jobs,
            hosts: inventory.hosts.iter().map(HostLine::from).collect(),
            cases,
            unattributed,
            leaked,
            interrupted: self.stop.is_asked(),
        })
    }

    /// Why a case cannot run on this cloud as it is. Cases under a change are asked again
    /// when it is made.
    fn unable(&self, case: &Case, inventory: &Inventory) -> Option<String> {
        if let Some(change) = case.change_on(inventory) {
            return (!self.options.prepare).then(|| {
                format!(
                    "needs a changed configuration of the hosts: {}; `--prepare` makes it and restores it",
                    change.name
                )
            });
        }
        case.missing(inventory)
    }

    /// Run the cases of a round; what is left of its changes.
    async fn round(
        &self,
        round: &Round,
        run: &mut Run,
        cases: &[Case],
        reports: &mut [Option<CaseReport>],
    ) -> Vec<String> {
        let Some(name) = round.name() else {
            self.all(run, None, cases, round.cases.clone(), reports).await;
            return Vec::new();
        };
        self.doing(&format!("preparing the hosts: {name}"));
        let plain = Arc::clone(&run.inventory);
        let mut left = Vec::new();
        let broken = |why: &Error| format!("the hosts could not be prepared ({name}): {why}");
        let prepared = async {
            let environment =
                Environment::of_cloud(&self.cloud, &[], self.options.environment.clone()).await?;
            let prepared = environment.prepare(&round.wish(&plain)).await?;
            Ok((prepared, Inventory::look(&self.cloud).await))
        };
        match prepared.await {
            Err(why) => {
                for at in &round.cases {
                    let mut report = CaseReport::of(&cases[*at], 0);
                    report.outcome = Outcome::Broken(broken(&why));
                    reports[*at] = Some(report);
                }
                left.push(format!(
                    "what was prepared before it failed: `smog restore --list` shows it ({why})"
                ));
            }
            Ok((prepared, looked)) => {
                match looked {
                    Ok(inventory) => {
                        run.inventory = Arc::new(inventory);
                        let mut able = Vec::new();
                        for at in &round.cases {
                            match cases[*at].missing(&run.inventory) {
                                Some(why) => {
                                    let report = skipped(&cases[*at], why);
                                    self.tell(Event::CaseEnded { report: &report, ended: 0 });
                                    reports[*at] = Some(report);
                                }
                                None => able.push(*at),
                            }
                        }
                        self.all(run, Some(&name), cases, able, reports).await;
                    }
                    Err(why) => {
                        for at in &round.cases {
                            let mut report = CaseReport::of(&cases[*at], 0);
                            report.outcome = Outcome::Broken(broken(&why));
                            reports[*at] = Some(report);
                        }
                    }
                }
                self.doing(&format!("restoring the hosts: {name}"));
                if let Err(why) = prepared.restore().await {
                    left.push(format!("the change `{name}`: {why}; `smog restore` tries again"));
                }
                run.inventory = plain;
            }
        }
        left
    }

    /// Run these cases, as many at once as there is room for.
    async fn all(
        &self,
        run: &Run,
        change: Option<&str>,
        cases: &[Case],
        mut waiting: Vec<usize>,
        reports: &mut [Option<CaseReport>],
    ) {
        let capacity = Capacity::of(&run.inventory);
        waiting.sort_by(|one, other| {
            let key = |at: &usize| (cases[*at].claims.alone, -self.expected(&cases[*at]));
            key(one).partial_cmp(&key(other)).unwrap_or(std::cmp::Ordering::Equal)
        });
        let run = &run;
        let mut running: HashMap<usize, Booking> = HashMap::new();
        let mut settling = Settling::of(&run.inventory);
        let mut tasks = futures_util::stream::FuturesUnordered::new();
        let mut failed = 0;
        loop {
            let may_begin = !self.stop.is_asked() && self.options.max_fail.is_none_or(|most| failed < most);
            let mut first_waits: Option<(usize, String)> = None;
            let mut at = 0;
            if !waiting.is_empty() {
                settling.look(&self.cloud).await;
            }
            while may_begin && at < waiting.len() && running.len() < self.options.jobs.max(1) {
                let index = waiting[at];
                let booked: Vec<Booking> = running.values().chain(settling.bookings()).cloned().collect();
                match capacity.stage_for(&cases[index].claims, &booked) {
                    Ok(stage) => {
                        waiting.remove(at);
                        running.insert(index, Booking { claims: cases[index].claims, stage: stage.clone() });
                        tasks.push(self.one(run, cases[index], index, stage));
                    }
                    Err(why) => {
                        first_waits.get_or_insert((index, why));
                        at += 1;
                    }
                }
            }
            if let Some((index, why)) = &first_waits {
                self.tell(Event::Waiting { case: &cases[*index], why, count: waiting.len() });
            }
            let settles = may_begin && first_waits.is_some() && !settling.is_empty();
            if settles && tasks.is_empty() {
                self.doing("waiting for nova-compute to count its CPUs anew");
            }
            let ended = tokio::select! {
                ended = futures_util::StreamExt::next(&mut tasks), if !(settles && tasks.is_empty()) => ended,
                () = tokio::time::sleep(Duration::from_secs(1)), if settles => continue,
                () = self.stop.asked(), if settles => continue,
            };
            let Some((index, mut report)) = ended else {
                // Nothing runs, and nothing can begin: the case asks for more than there is.
                if may_begin && let Some((index, why)) = first_waits {
                    let mut report = CaseReport::of(&cases[index], 0);
                    report.outcome = Outcome::Skipped(format!("this cloud has no room for it: {why}"));
                    reports[index] = Some(report);
                    waiting.retain(|other| *other != index);
                    continue;
                }
                break;
            };
            if let Some(booking) = running.remove(&index) {
                settling.add(booking);
            }
            report.change = change.map(str::to_string);
            failed += usize::from(report.is_bad());
            let ended = reports.iter().flatten().filter(|report| report.attempts > 0).count() + 1;
            self.tell(Event::CaseEnded { report: &report, ended });
            reports[index] = Some(report);
        }
    }

    fn expected(&self, case: &Case) -> f64 {
        self.options.expected.get(case.name).copied().unwrap_or(case.timeout.as_secs_f64() / 10.0)
    }

    /// Run a case until it passes, or its tries are used up.
    async fn one(&self, run: &Run, case: Case, index: usize, stage: Stage) -> (usize, CaseReport) {
        let mut attempt = 1;
        let mut earlier = Vec::new();
        loop {
            self.tell(Event::CaseBegun { case: &case, stage: &stage, attempt });
            let mut report = self.attempt(run, case, index, &stage, attempt).await;
            report.attempts = attempt;
            report.earlier.clone_from(&earlier);
            report.flaky = attempt > 1 && report.outcome == Outcome::Passed;
            let again = report.outcome.is_bad()
                && report.leaked.is_empty()
                && report.kept.is_empty()
                && attempt <= self.options.retries
                && !self.stop.is_asked();
            if !again {
                return (index, report);
            }
            self.tell(Event::CaseAgain { report: &report });
            earlier.push(report.outcome);
            attempt += 1;
        }
    }

    async fn attempt(&self, run: &Run, case: Case, index: usize, stage: &Stage, attempt: u32) -> CaseReport {
        let (begun, began) = (Instant::now(), Timestamp::now());
        run.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(index, began);
        let mut report = CaseReport::of(&case, attempt);
        report.stage.clone_from(&stage.hosts);
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
            let project = match self.options.isolation {
                Isolation::Case => Some(self.project_named(&prefix).await?),
                Isolation::Run | Isolation::None => None,
            };
            let cloud = match &project {
                Some(project) => self.cloud_of(project).await?,
                None => run.cloud.clone(),
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
            Err(why) => report.outcome = Outcome::Broken(sentence(&why)),
            Ok((folder, project, cloud, outcome)) => {
                report.folder = Some(folder.0.clone());
                report.outcome = verdict(outcome, &log);
                // What was thrown so far makes the scene worth keeping; the rest comes with the clean-up.
                judge(&mut report, &self.cut_logs(&case, run, cloud.own_project_id(), began, &calls, &log));
                self.clean_up(&case, run, &cloud, project.as_ref(), &log, &prefix, folder, &mut report).await;
                let cut = self.cut_logs(&case, run, cloud.own_project_id(), began, &calls, &log);
                judge(&mut report, &cut);
                write_folder(folder, &report, &cut);
            }
        }
        let said = std::mem::take(&mut *log.said());
        report.steps = said.steps;
        report.checks = said.checks;
        report.places = said.places;
        report.calls = std::mem::take(&mut *calls.lock().unwrap_or_else(PoisonError::into_inner));
        report.likely = report.outcome.is_bad().then(|| likely(&report)).flatten();
        report.seconds = begun.elapsed().as_secs_f64();
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
        tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(Ok(Ok(()))) | None => Ok(()),
                Some(Ok(Err(why))) => Err(Ended::Error(why)),
                Some(Err(why)) => Err(Ended::Panicked(panic_text(why))),
            },
            () = tokio::time::sleep(limit) => Err(Ended::TimeIsOver(limit)),
            () = self.stop.asked() => Err(Ended::Interrupted),
        }
        // Dropping the set cuts off what still runs.
    }

    /// Keep the scene of a failure, and remove what the case made.
    #[expect(clippy::too_many_arguments, reason = "one call, of everything a case has")]
    async fn clean_up(
        &self,
        case: &Case,
        run: &Run,
        cloud: &Cloud,
        project: Option<&IsolatedProject>,
        log: &CaseLog,
        prefix: &str,
        folder: &Folder,
        report: &mut CaseReport,
    ) {
        // What was ordered when the case was cut off has a name, but no id here yet.
        if let Ok(servers) = cloud.servers_where(&[("name", prefix)]).await {
            let mut said = log.said();
            for server in servers.iter().filter(|server| server.name.starts_with(prefix)) {
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
            if self.options.keep && !made.servers.is_empty() {
                report.kept = made.servers.iter().map(|(_, name)| name.clone()).collect();
                // Hosts and services are taken back all the same.
                let hosts = super::test::Made { undo: made.undo.clone(), ..Default::default() };
                report.leaked = clean::remove_made(cloud, &hosts, Wait::default()).await;
                return;
            }
        }
        self.tell(Event::CaseState { case, text: "cleaning up" });
        report.leaked = clean::remove_made(cloud, &made, Wait::default()).await;
        if let Some(project) = project {
            cloud.close().await;
            if let Err(why) = self.cloud.remove_isolated_project(project, Wait::default()).await {
                report.leaked.push(format!("project {}: {why}", project.project.name));
            }
        }
    }

    fn cut_logs(
        &self,
        case: &Case,
        run: &Run,
        project: Option<String>,
        began: Timestamp,
        calls: &Mutex<Vec<CallLine>>,
        log: &CaseLog,
    ) -> Cut {
        let calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        let said = log.said();
        let belongs = Belongs {
            requests: calls.iter().filter_map(|call| call.request_id.clone()).collect(),
            servers: said.made.servers.iter().map(|(id, _)| id.clone()).collect(),
            all: case.claims.alone,
            project,
        };
        run.logs.cut(began, &belongs, &mut run.allow.clone(), &said.allowed)
    }

    async fn follow_logs(&self, inventory: &Inventory) -> Logs {
        if !self.options.watch {
            return Logs::start(Vec::new());
        }
        let mut hosts = Vec::new();
        let computes = inventory.hosts.iter().map(|compute| &compute.host);
        for host in computes.chain(&inventory.controllers) {
            let sources = Sources::detect(host).await.unwrap_or_else(|_| Sources::usual());
            hosts.push((host.clone(), sources));
        }
        Logs::start(hosts)
    }

    async fn project(&self, id: &RunId) -> Result<Option<IsolatedProject>> {
        if self.options.isolation != Isolation::Run {
            return Ok(None);
        }
        self.doing("making a project for the run");
        self.project_named(&id.prefix()).await.map(Some)
    }

    /// A project and user of this name, without limits; the user is an administrator too,
    /// because placing servers on hosts needs one.
    async fn project_named(&self, name: &str) -> Result<IsolatedProject> {
        let word = name.strip_prefix("smog-").unwrap_or(name);
        let project = self.cloud.isolated_project(word).await?;
        let ready = async {
            let admin = self.cloud.role("admin").await?;
            self.cloud.grant_role(&admin.id, &project.user.id, &project.project.id).await?;
            for resource in ["instances", "cores", "ram", "server_groups", "server_group_members"] {
                self.cloud.set_quota(&project.project.id, Service::Compute, resource, None).await?;
            }
            Ok(())
        };
        match ready.await {
            Ok(()) => Ok(project),
            Err(why) => {
                let _ = self.cloud.remove_isolated_project(&project, Wait::default()).await;
                Err(why)
            }
        }
    }

    async fn cloud_of(&self, project: &IsolatedProject) -> Result<Cloud> {
        let settings = Settings { credentials: project.credentials.clone(), ..self.settings.clone() };
        Cloud::connect(&settings, Options { no_token_cache: true, ..Options::default() }).await
    }

    /// Remove the run's project and whatever else bears its id; what could not be removed.
    async fn sweep(
        &self,
        id: &RunId,
        project: Option<&IsolatedProject>,
        reports: &[Option<CaseReport>],
    ) -> Vec<String> {
        let kept: BTreeSet<&String> = reports.iter().flatten().flat_map(|report| &report.kept).collect();
        if !kept.is_empty() {
            return Vec::new();
        }
        self.doing("removing what the run made");
        let mut left = Vec::new();
        if let Some(project) = project
            && let Err(why) = self.cloud.remove_isolated_project(project, Wait::default()).await
        {
            left.push(format!("project {}: {why}", project.project.name));
        }
        match clean::Leftovers::of(&self.cloud).await {
            Ok(leftovers) => {
                left.extend(leftovers.of_run(id).remove(&self.cloud, Wait::default()).await.left);
            }
            Err(why) => left.push(format!("what is left is not known: {why}")),
        }
        left
    }

    fn tell(&self, event: Event<'_>) {
        if let Some(tell) = &self.on_event {
            tell(event);
        }
    }

    fn doing(&self, text: &str) {
        self.tell(Event::Doing { text });
    }
}

/// How a case ended that did not end well by itself.
enum Ended {
    Error(Error),
    Panicked(String),
    TimeIsOver(Duration),
    Interrupted,
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

fn verdict(outcome: Result<(), Ended>, log: &CaseLog) -> Outcome {
    let said = log.said();
    let failed = said.checks.iter().filter(|check| !check.holds).count();
    match outcome {
        Err(Ended::Interrupted) => Outcome::Interrupted,
        Err(Ended::Error(why)) if failed == 0 => Outcome::Broken(sentence(&why)),
        Err(Ended::Panicked(why)) if failed == 0 => Outcome::Broken(format!("it panicked: {why}")),
        Err(Ended::TimeIsOver(limit)) => {
            let last = said.steps.last().map(|(_, step)| format!(", after: {step}")).unwrap_or_default();
            Outcome::Broken(format!("its time is over ({} s){last}", limit.as_secs()))
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
            None => Outcome::Passed,
        },
    }
}

/// What the logs say makes a case fail that passed by itself.
fn judge(report: &mut CaseReport, cut: &Cut) {
    report.thrown.clone_from(&cut.thrown);
    report.allowed = cut.allowed;
    if report.outcome == Outcome::Passed
        && let Some(first) = cut.thrown.first()
    {
        report.outcome = Outcome::Failed(format!("a service threw {first}"));
    }
}

/// The likely first cause: the earliest exception of the case's own requests, by its root.
fn likely(report: &CaseReport) -> Option<String> {
    let first = report.thrown.iter().min_by_key(|thrown| thrown.at)?;
    // A cause that says the same says nothing.
    Some(match first.cause.as_ref().filter(|cause| !cause.contains(first.message.trim())) {
        Some(cause) => format!("{cause}, which became {first}"),
        None => first.to_string(),
    })
}

fn write_folder(folder: &Folder, report: &CaseReport, cut: &Cut) {
    folder.write_records("records.log", &cut.own);
    if report.outcome.is_bad() {
        folder.write_records("all-records.log", &cut.all);
    }
    if !cut.thrown.is_empty() {
        let lines: Vec<String> = cut.thrown.iter().map(ToString::to_string).collect();
        folder.write("exceptions.log", &(lines.join("\n") + "\n"));
    }
}

/// An error with its way out, one paragraph.
fn sentence(why: &Error) -> String {
    match why.hint() {
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

fn skipped(case: &Case, why: String) -> CaseReport {
    CaseReport { outcome: Outcome::Skipped(why), ..CaseReport::of(case, 0) }
}

fn not_begun(case: &Case, interrupted: bool) -> CaseReport {
    let outcome = match interrupted {
        true => Outcome::Interrupted,
        false => Outcome::Skipped("not begun: too many cases have failed before".into()),
    };
    CaseReport { outcome, ..CaseReport::of(case, 0) }
}
