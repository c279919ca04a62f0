//! The runner: cases in parallel as far as the machines have room, each cleaned up after.

mod attempt;
mod own_project;
mod scene;
mod stop;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub use self::stop::Stop;
use super::event::{Event, OnEvent};
use super::inventory::HostLine;
use super::name::RunId;
use super::outcome::{CaseReport, Outcome, RunReport};
use super::recorder::Logs;
use super::round::Round;
use super::schedule::{Booking, Stage};
use super::settling::Settling;
use super::{Capacity, Case, Change, Claims, Inventory};
use crate::cloud::Cloud;
use crate::config::{Settings, SmogFile, Surroundings};
use crate::environment::{self, Environment};
use crate::error::{Error, Result};
use crate::hint::Face;
use crate::watch::{AllowList, LogsWanted, Plan};

/// Whose the resources of cases are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Isolation {
    /// A project and a user for the run.
    #[default]
    Run,
    /// A project and a user for each case.
    Case,
    /// The caller's own project; only names show what belongs to the run.
    None,
}

/// How to run.
#[derive(Clone)]
pub struct RunOptions {
    /// Number of cases to run at once.
    pub jobs: usize,
    /// Which project the cases use.
    pub isolation: Isolation,
    /// Keep the guests of failed cases for a look; not of those under a changed configuration,
    /// which is restored.
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
    /// Exceptions that fail no case, in addition to the usual noise of OpenStack's services
    /// ([`AllowList::and_usual_noise`]).
    pub allow: AllowList,
    /// How changes of hosts are journaled.
    pub environment: environment::Options,
    /// The face whose words the hints in reports of cases use.
    pub face: Face,
    /// How long cases took before, in seconds, by name: the longest begin first.
    pub expected: HashMap<String, f64>,
}

/// Runs cases on a cloud.
#[derive(Clone)]
pub struct Runner {
    /// The cloud, as the user that runs them: an administrator.
    pub cloud: Cloud,
    /// Where the settings of suites come from.
    pub surroundings: Surroundings,
    /// The settings of the run.
    pub settings: Settings,
    /// How.
    pub options: RunOptions,
    /// Called with what happens.
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
    /// The change of configuration the hosts are under.
    change: Option<String>,
    /// What guests that were kept still have.
    held: Mutex<Vec<Booking>>,
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
        let mut unread = Vec::new();
        if able > 0 {
            let (project, cloud) = match self.options.isolation {
                Isolation::Run => {
                    self.doing("making a project for the run");
                    self.own(&id.prefix()).await.map(|(project, cloud)| (Some(project), cloud))?
                }
                Isolation::Case | Isolation::None => (None, self.cloud.clone()),
            };
            let logs = Arc::new(self.follow_logs(allow.clone()).await);
            let mut run = Run {
                id: id.clone(),
                cloud,
                inventory: Arc::clone(&inventory),
                files,
                logs: Arc::clone(&logs),
                allow,
                change: None,
                held: Mutex::default(),
                begun: Mutex::default(),
            };
            let under: Vec<Option<&'static Change>> =
                cases.iter().map(|case| case.change_on(&inventory)).collect();
            for mut round in Round::of(&under) {
                round.cases.retain(|at| reports[*at].is_none());
                if !round.cases.is_empty() && self.may_begin(&reports) {
                    leaked.extend(self.round(&round, &mut run, cases, &mut reports).await);
                }
            }
            if self.options.isolation == Isolation::Run {
                run.cloud.close().await;
            }
            drop(run);
            if let Ok(logs) = Arc::try_unwrap(logs).map_err(drop) {
                (unattributed, unread) = logs.close().await;
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
            unread,
            allow_unread: false,
            leaked,
            interrupted: self.stop.is_asked(),
        })
    }

    /// Why a case cannot run on this cloud as it is. Cases under a change are asked again
    /// when it is made.
    fn unable(&self, case: &Case, inventory: &Inventory) -> Option<String> {
        if let Some(change) = case.change_on(inventory) {
            let strangers = inventory.hosts.iter().find(|host| change.takes_cpus && host.domains > 0);
            if let Some(host) = strangers {
                return Some(format!(
                    "needs hosts without servers of others, whose CPUs it would change ({}); {} has {}",
                    change.name, host.name, host.domains
                ));
            }
            return (!self.options.prepare).then(|| {
                format!(
                    "needs a changed configuration of the hosts: {}; a run with `prepare` makes it and restores it",
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
            self.all(run, cases, round.cases.clone(), reports).await;
            return Vec::new();
        };
        self.doing(&format!("preparing the hosts: {name}"));
        let plain = Arc::clone(&run.inventory);
        let mut left = Vec::new();
        let broken = |why: &Error| format!("the hosts could not be prepared ({name}): {why}");
        let prepared = async {
            let environment =
                Environment::of_cloud(&self.cloud, &[], self.options.environment.clone()).await?;
            environment.begin(&round.wish(&plain)).await
        };
        match prepared.await {
            Err(why) => self.none_of(round, cases, &broken(&why), reports),
            Ok((prepared, made)) => {
                let looked = match made {
                    Ok(()) => Inventory::look(&self.cloud).await,
                    Err(why) => Err(why),
                };
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
                        run.change = Some(name.clone());
                        self.all(run, cases, able, reports).await;
                        run.change = None;
                    }
                    Err(why) => self.none_of(round, cases, &broken(&why), reports),
                }
                self.doing(&format!("restoring the hosts: {name}"));
                if let Err(why) = prepared.restore().await {
                    left.push(format!("the change `{name}`, still to be restored: {why}"));
                }
                run.inventory = plain;
            }
        }
        left
    }

    /// None of a round's cases can begin.
    fn none_of(&self, round: &Round, cases: &[Case], why: &str, reports: &mut [Option<CaseReport>]) {
        for at in &round.cases {
            let outcome = Outcome::Broken(why.to_string());
            let report = CaseReport { outcome, ..CaseReport::of(&cases[*at], 0) };
            self.tell(Event::CaseEnded { report: &report, ended: 0 });
            reports[*at] = Some(report);
        }
    }

    /// Run these cases, as many at once as there is room for.
    async fn all(
        &self,
        run: &Run,
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
        loop {
            let may_begin = self.may_begin(reports);
            let mut first_waits: Option<(usize, String)> = None;
            let mut at = 0;
            if !waiting.is_empty() {
                settling.look(&self.cloud).await;
            }
            while may_begin && at < waiting.len() && running.len() < self.options.jobs.max(1) {
                let index = waiting[at];
                let booked: Vec<Booking> = running.values().chain(settling.bookings()).cloned().collect();
                match run.stage_for(&capacity, cases[index].claims, booked) {
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
                self.doing("waiting for nova-compute to report its CPUs");
            }
            let ended = tokio::select! {
                ended = futures_util::StreamExt::next(&mut tasks), if !(settles && tasks.is_empty()) => ended,
                () = tokio::time::sleep(Duration::from_secs(1)), if settles => continue,
                () = self.stop.asked(), if settles => continue,
            };
            let Some((index, report)) = ended else {
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
                match report.kept.is_empty() {
                    true => settling.add(booking),
                    false => run.hold(booking),
                }
            }
            let ended = reports.iter().flatten().filter(|report| report.attempts > 0).count() + 1;
            self.tell(Event::CaseEnded { report: &report, ended });
            reports[index] = Some(report);
        }
    }

    /// Whether more cases may begin: nobody has asked to stop, and not too many have failed.
    fn may_begin(&self, reports: &[Option<CaseReport>]) -> bool {
        let failed = reports.iter().flatten().filter(|report| report.is_bad()).count();
        !self.stop.is_asked() && self.options.max_fail.is_none_or(|most| failed < most)
    }

    fn expected(&self, case: &Case) -> f64 {
        self.options.expected.get(case.name).copied().unwrap_or(case.timeout.as_secs_f64() / 10.0)
    }

    async fn follow_logs(&self, noise: AllowList) -> Logs {
        let folder = &self.options.log_dir;
        if !self.options.watch {
            return Logs::start(Plan::default(), folder, noise).await;
        }
        let wanted = LogsWanted {
            // Of smog.yml, with a nova-compute that is up or down, and with any other service of Nova.
            all_services: true,
            follow: true,
            ..LogsWanted::of_section(&self.settings.file.watch)
        };
        let plan = wanted.plan(&self.cloud).await.unwrap_or_else(|why| Plan {
            left_out: vec![("the hosts".into(), why.to_string())],
            ..Plan::default()
        });
        Logs::start(plan, folder, noise).await
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

impl Run {
    /// Hosts for a case, given what runs and what kept guests have: those do not take the cloud
    /// away from a case that wants it alone, but CPUs and pages.
    fn stage_for(
        &self,
        capacity: &Capacity,
        claims: Claims,
        mut booked: Vec<Booking>,
    ) -> std::result::Result<Stage, String> {
        let stage = capacity.stage_for(&claims, &booked)?;
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_empty() {
            return Ok(stage);
        }
        booked.extend(held.iter().cloned());
        let stage = capacity.stage_for(&Claims { alone: false, ..claims }, &booked);
        stage.map_err(|why| format!("{why}, because of the guests that are kept"))
    }

    fn hold(&self, booking: Booking) {
        let claims = Claims { alone: false, ..booking.claims };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.push(Booking { claims, ..booking });
    }
}

fn skipped(case: &Case, why: String) -> CaseReport {
    CaseReport { outcome: Outcome::Skipped(why), ..CaseReport::of(case, 0) }
}

fn not_begun(case: &Case, interrupted: bool) -> CaseReport {
    let outcome = match interrupted {
        true => Outcome::Interrupted,
        false => Outcome::Skipped("not started: too many cases had failed (`max_fail`)".into()),
    };
    CaseReport { outcome, ..CaseReport::of(case, 0) }
}
