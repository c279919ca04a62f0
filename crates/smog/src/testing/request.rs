//! What a person asks of a run of tests, and what it comes to: the same for every face.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::report;
use super::run::{Isolation, RunOptions};
use super::select::{Selection, select};
use super::{Case, RunReport};
use crate::config::{SmogFile, Surroundings};
use crate::environment;
use crate::error::{Error, Result};
use crate::hint::{self, Face};
use crate::watch::LogQuery;

/// Which cases are run, and how. A face only fills it in.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Paths, globs, names of classes or tests; all cases when empty.
    pub patterns: Vec<String>,
    /// An expression of words in names and tags.
    pub words: Option<String>,
    /// Tags; any of them.
    pub tags: Vec<String>,
    /// Whole names.
    pub names: Option<Vec<String>>,
    /// Only the cases that failed in the last run.
    pub failed: bool,
    /// The part of so many: (1, 4) is the first quarter.
    pub partition: Option<(usize, usize)>,
    /// Number of cases to run at once.
    pub jobs: usize,
    /// Which project the cases use.
    pub isolation: Isolation,
    /// Keep the guests of failed cases.
    pub keep: bool,
    /// Try a failed case so many times more.
    pub retries: u32,
    /// Run each case this many times.
    pub repeat: usize,
    /// Begin no more cases after so many failed.
    pub max_fail: Option<usize>,
    /// A time limit for each case, instead of its own.
    pub timeout: Option<Duration>,
    /// Change the configuration of hosts for the cases that need it, and restore it.
    pub prepare: bool,
    /// Follow the logs of all hosts.
    pub watch: bool,
    /// Exceptions that are not findings, as in [`LogQuery::allow`].
    pub allow: Vec<String>,
    /// A log that was not read does not fail the run.
    pub allow_unread: bool,
    /// Where folders of cases are written. When absent: where smog.yml says, or next to the journals.
    pub log_dir: Option<PathBuf>,
    /// The face whose words the hints in reports of cases use.
    pub face: Face,
}

impl Default for RunRequest {
    /// All cases, four at once, in a project of the run's own, logs followed, no host changed.
    fn default() -> RunRequest {
        RunRequest {
            patterns: vec![],
            words: None,
            tags: vec![],
            names: None,
            failed: false,
            partition: None,
            jobs: 4,
            isolation: Isolation::Run,
            keep: false,
            retries: 0,
            repeat: 1,
            max_fail: None,
            timeout: None,
            prepare: false,
            watch: true,
            allow: vec![],
            allow_unread: false,
            log_dir: None,
            face: Face::Command,
        }
    }
}

/// What a [`RunRequest`] came to.
#[derive(Debug)]
pub struct RunPlan {
    /// The cases that are chosen, each once.
    pub cases: Vec<Case>,
    /// Where folders of cases are written.
    pub log_dir: PathBuf,
    /// What a person should know: what failed before and is no case any more, a last run that
    /// cannot be read.
    pub notices: Vec<String>,
    expected: HashMap<String, f64>,
}

impl RunRequest {
    /// Where folders of cases are written.
    ///
    /// # Errors
    /// As [`Surroundings::log_folder`].
    pub fn log_dir(&self, file: &SmogFile, surroundings: &Surroundings) -> Result<PathBuf> {
        match self.log_dir.as_ref().or(file.log_dir.as_ref()) {
            Some(dir) => Ok(dir.clone()),
            None => surroundings.log_folder(),
        }
    }

    /// Choose the cases, with what is known of the last run.
    ///
    /// # Errors
    /// As [`select`]; [`Error::Invalid`] when the last run is asked for and there is none.
    pub fn resolve(&self, cases: &[Case], file: &SmogFile, surroundings: &Surroundings) -> Result<RunPlan> {
        let log_dir = self.log_dir(file, surroundings)?;
        let mut notices = Vec::new();
        let last = match report::last(&log_dir) {
            // It would only have shown how long cases take.
            Err(why) if !self.failed => {
                notices.push(format!("the last run cannot be read: {why}"));
                None
            }
            other => other?,
        };
        let names = match (&self.names, self.failed) {
            (Some(names), _) => Some(names.clone()),
            (None, false) => None,
            (None, true) => {
                let failed = last.as_ref().ok_or_else(|| no_last_run(&log_dir))?.failed_names();
                // The last run may have been of other cases, or of an older smog.
                let (known, gone): (Vec<String>, Vec<String>) =
                    failed.into_iter().partition(|name| cases.iter().any(|case| case.name == name));
                if !gone.is_empty() {
                    let gone = crate::some_of::some_of(&gone);
                    notices
                        .push(format!("failed in the last run, but no case has this name any more: {gone}"));
                }
                Some(known)
            }
        };
        let selection = Selection {
            patterns: self.patterns.clone(),
            words: self.words.clone(),
            tags: self.tags.clone(),
            names,
            partition: self.partition,
        };
        let cases = select(cases, &selection)?;
        Ok(RunPlan { cases, log_dir, notices, expected: last.as_ref().map(expected).unwrap_or_default() })
    }

    /// How the runner works; `environment` is how changes of hosts are journaled.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong entry of the allow-list.
    pub fn options(
        &self,
        plan: &RunPlan,
        file: &SmogFile,
        environment: environment::Options,
    ) -> Result<RunOptions> {
        let allow = LogQuery { allow: self.allow.clone(), ..LogQuery::default() };
        Ok(RunOptions {
            jobs: self.jobs.max(1),
            isolation: self.isolation,
            keep: self.keep,
            retries: self.retries,
            max_fail: self.max_fail,
            timeout: self.timeout,
            prepare: self.prepare,
            watch: self.watch,
            log_dir: plan.log_dir.clone(),
            allow: allow.allow_list(&file.watch)?,
            environment,
            face: self.face,
            expected: plan.expected.clone(),
        })
    }
}

impl RunPlan {
    /// The cases as they are run, each so many times.
    pub fn repeated(&self, times: usize) -> Vec<Case> {
        self.cases.iter().flat_map(|case| std::iter::repeat_n(*case, times.max(1))).collect()
    }

    /// The configurations that hosts are changed to for these cases, each once.
    pub fn configurations(&self) -> Vec<&'static str> {
        let mut names: Vec<&str> =
            self.cases.iter().filter_map(|case| case.change.map(|change| change.name)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// There is no last run to ask.
pub fn no_last_run(log_dir: &Path) -> Error {
    Error::Invalid {
        what: "the last run".into(),
        why: format!("there is none in {}", log_dir.display()),
        hint: Some(hint::LOG_DIR.hint().and(" names the folder of an earlier one")),
    }
}

/// How long each case took in the last run.
fn expected(last: &RunReport) -> HashMap<String, f64> {
    let ran = last.cases.iter().filter(|case| case.attempts > 0);
    ran.map(|case| (case.name.clone(), case.seconds)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_chooses_cases_and_the_folder() {
        let dir = tempfile::tempdir().expect("a folder");
        let cases = [
            Case::new("numa.A.test_a", "", |_| Box::pin(async { Ok(()) })),
            Case::new("pci.B.test_b", "", |_| Box::pin(async { Ok(()) })),
        ];
        let (file, around) = (SmogFile::default(), Surroundings::default());
        let of = |request: RunRequest| {
            let request = RunRequest { log_dir: Some(dir.path().to_path_buf()), ..request };
            request.resolve(&cases, &file, &around)
        };
        let plan = of(RunRequest { patterns: vec!["numa".into()], ..RunRequest::default() }).expect("a plan");
        assert!(!plan.cases.is_empty() && plan.cases.iter().all(|case| case.suite() == "numa"));
        assert_eq!(plan.repeated(2).len(), 2 * plan.cases.len());
        assert_eq!(plan.log_dir, dir.path());
        let why = of(RunRequest { failed: true, ..RunRequest::default() }).expect_err("there is no last run");
        let said = |face| why.hint_for(face).unwrap_or_default();
        assert_eq!(said(Face::Command), "`--log-dir DIR` names the folder of an earlier one");
        assert_eq!(said(Face::Python), "`log_dir=DIR` names the folder of an earlier one");
        let wrong = RunRequest { allow: vec![String::new()], ..RunRequest::default() };
        assert!(wrong.options(&plan, &file, environment::Options::new("x", "x", "x")).is_err());
    }
}
