//! How a case ended, and everything that a report shows of it.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Case;
use super::inventory::HostLine;
use super::meditation::Meditation;
use super::name::RunId;
use crate::cpuset::Cpuset;
use crate::exit::ExitCode;
use crate::findings::Check;
use crate::trace::Trace;

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "why")]
pub enum Outcome {
    /// Everything it checked holds, and nothing threw.
    Passed,
    /// Something it checked does not hold, or a service threw. The report's `checks` and
    /// `thrown` say what.
    Failed(String),
    /// It cannot run here, for this reason.
    Skipped(String),
    /// It could not be carried out: a call failed, it timed out, it panicked.
    Broken(String),
    /// The run was interrupted.
    Interrupted,
}

impl Outcome {
    /// One word: "passed", "failed", "skipped", "broken", "interrupted".
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed(_) => "failed",
            Outcome::Skipped(_) => "skipped",
            Outcome::Broken(_) => "broken",
            Outcome::Interrupted => "interrupted",
        }
    }

    /// Whether it is something to be looked at.
    pub fn is_bad(&self) -> bool {
        matches!(self, Outcome::Failed(_) | Outcome::Broken(_))
    }

    /// The sentence that goes with it.
    pub fn why(&self) -> &str {
        match self {
            Outcome::Failed(why) | Outcome::Skipped(why) | Outcome::Broken(why) => why,
            Outcome::Passed | Outcome::Interrupted => "",
        }
    }
}

/// A try of a case that was made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Try {
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Its folder.
    #[serde(default)]
    pub folder: Option<PathBuf>,
}

/// One API call of a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallLine {
    /// When it ended.
    pub at: Timestamp,
    /// Service type.
    pub service: String,
    /// HTTP method.
    pub method: String,
    /// Path below the service's root.
    pub path: String,
    /// HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// `x-openstack-request-id`.
    pub request_id: Option<String>,
    /// How long it took, in milliseconds.
    pub ms: f64,
}

/// An exception in a log, during a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Thrown {
    /// When.
    pub at: Option<Timestamp>,
    /// The host it was logged on.
    pub host: String,
    /// The log.
    pub source: String,
    /// The request it belongs to.
    pub request_id: Option<String>,
    /// Its class.
    pub name: String,
    /// What it says.
    pub message: String,
    /// Its first cause, where it names one.
    pub cause: Option<String>,
}

impl std::fmt::Display for Thrown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        write!(f, " ({} {}", self.host, self.source)?;
        if let Some(request) = &self.request_id {
            write!(f, ", request {request}")?;
        }
        f.write_str(")")
    }
}

/// A record of a log, as reports show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: Option<Timestamp>,
    /// The host it was logged on.
    pub host: String,
    /// The log.
    pub source: String,
    /// "INFO", "WARNING" …; empty where the log has none.
    pub level: String,
    /// Its message, at most 400 characters of it.
    pub text: String,
}

/// Where a guest was seen, as the kernel has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Seconds after the case began.
    pub after: f64,
    /// The guest.
    pub guest: String,
    /// The host.
    pub host: String,
    /// CPUs each vCPU thread may run on, by vCPU.
    pub vcpus: Vec<Cpuset>,
    /// Whether each vCPU is pinned.
    pub pinned: bool,
    /// Memory in huge pages, in MiB.
    pub huge_mib: u64,
    /// NUMA nodes of the guest.
    pub cells: usize,
}

/// Everything about one case of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// "suite.Class.test_name".
    pub name: String,
    /// Its document.
    pub doc: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// It failed, and passed when tried again.
    pub flaky: bool,
    /// How often it was tried.
    pub attempts: u32,
    /// How its earlier tries ended, when it was tried again.
    #[serde(default)]
    pub earlier: Vec<Try>,
    /// When it began: its first try.
    pub began: Timestamp,
    /// How long it took, with its clean-up and all its tries, in seconds.
    pub seconds: f64,
    /// What it claimed, for people.
    pub claims: String,
    /// The hosts of its stage.
    pub stage: Vec<String>,
    /// The change of configuration it ran under.
    pub change: Option<String>,
    /// What it did: seconds after its begin, and a sentence.
    pub steps: Vec<(f64, String)>,
    /// What it found.
    pub checks: Vec<Check>,
    /// How many negative controls turned one of its assertions red.
    #[serde(default)]
    pub controls: usize,
    /// What the services threw meanwhile on its account.
    pub thrown: Vec<Thrown>,
    /// How many exceptions were allowed by the list.
    pub allowed: u64,
    /// What the logs of all hosts have of its requests and servers: the gravest records, in
    /// the order of time, and at most 40. All of them are in its folder.
    #[serde(default)]
    pub records: Vec<LogLine>,
    /// How many records there are in all.
    #[serde(default)]
    pub record_count: usize,
    /// Its API calls.
    pub calls: Vec<CallLine>,
    /// Where the time of its guests' actions went, where it ended badly: of each guest what
    /// failed or had not ended, else what was done last.
    #[serde(default)]
    pub traces: Vec<Trace>,
    /// The Guru Meditation Reports of services, where it timed out or a task was stuck.
    #[serde(default)]
    pub meditations: Vec<Meditation>,
    /// Where its guests were.
    pub places: Vec<Place>,
    /// What it made and could not remove.
    pub leaked: Vec<String>,
    /// What was kept for a look, by name.
    pub kept: Vec<String>,
    /// Its folder with records, domain XML, facts.
    pub folder: Option<PathBuf>,
    /// The likely first cause of its failure.
    pub likely: Option<String>,
}

impl CaseReport {
    /// The report of a case that has done nothing yet, in its so many-th attempt (0: none).
    pub fn of(case: &Case, attempts: u32) -> CaseReport {
        CaseReport { claims: case.claims.to_string(), ..CaseReport::named(case.name, case.doc, attempts) }
    }

    pub(super) fn named(name: &str, doc: &str, attempts: u32) -> CaseReport {
        CaseReport {
            name: name.into(),
            doc: doc.into(),
            outcome: Outcome::Passed,
            flaky: false,
            attempts,
            earlier: Vec::new(),
            began: Timestamp::now(),
            seconds: 0.0,
            claims: String::new(),
            stage: Vec::new(),
            change: None,
            steps: Vec::new(),
            checks: Vec::new(),
            controls: 0,
            thrown: Vec::new(),
            allowed: 0,
            records: Vec::new(),
            record_count: 0,
            calls: Vec::new(),
            traces: Vec::new(),
            meditations: Vec::new(),
            places: Vec::new(),
            leaked: Vec::new(),
            kept: Vec::new(),
            folder: None,
            likely: None,
        }
    }

    /// It is the next try after this one.
    pub(super) fn follows(&mut self, before: CaseReport) {
        self.flaky = self.outcome == Outcome::Passed;
        self.seconds += self.began.duration_since(before.began).as_secs_f64();
        self.began = before.began;
        self.earlier = before.earlier;
        self.earlier.push(Try { outcome: before.outcome, folder: before.folder });
    }

    /// Whether it makes the run fail.
    pub fn is_bad(&self) -> bool {
        self.outcome.is_bad() || !self.leaked.is_empty()
    }

    /// The part of the name before the first dot.
    pub fn suite(&self) -> &str {
        self.name.split('.').next().unwrap_or(&self.name)
    }

    /// The checks that do not hold.
    pub fn failed_checks(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| !check.holds)
    }
}

/// Everything about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// Its id.
    pub run: RunId,
    /// The cloud's name.
    pub cloud: String,
    /// When it began.
    pub began: Timestamp,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Number of cases to run at once.
    pub jobs: usize,
    /// The compute hosts.
    pub hosts: Vec<HostLine>,
    /// The cases, in the order they were asked for.
    pub cases: Vec<CaseReport>,
    /// Exceptions during the run that belong to no case's request or server.
    pub unattributed: Vec<Thrown>,
    /// Logs that were not read, or only in part: what was thrown there is not known.
    #[serde(default)]
    pub unread: Vec<String>,
    /// Logs that were not read do not keep the run from being a success.
    #[serde(default)]
    pub allow_unread: bool,
    /// What is left of the run itself: its project, its user.
    pub leaked: Vec<String>,
    /// The run was interrupted.
    pub interrupted: bool,
}

impl RunReport {
    /// How many ended in this way.
    pub fn count(&self, word: &str) -> usize {
        self.cases.iter().filter(|case| case.outcome.word() == word).count()
    }

    /// 0 when everything that ran passed, 1 when something failed or leaked, 3 when a log that
    /// is wanted was not read (but for `allow_unread`), 4 when nothing ran, 130 when it was
    /// interrupted.
    pub fn exit_code(&self) -> ExitCode {
        if self.interrupted {
            ExitCode::Interrupted
        } else if !self.leaked.is_empty() || self.cases.iter().any(CaseReport::is_bad) {
            ExitCode::Failed
        } else if self.count("passed") == 0 {
            ExitCode::NothingRan
        } else if !self.unread.is_empty() && !self.allow_unread {
            ExitCode::CouldNotRun
        } else {
            ExitCode::Ok
        }
    }
}
