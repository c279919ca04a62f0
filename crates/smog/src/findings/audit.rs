//! Judging a cloud by the rules, with a second look at what seems wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde::Serialize;

use super::{
    Baseline, BugSeen, CloudSnapshot, Finding, KnownBugs, Rule, Scope, Severity, Source, Unknown, rule,
};
use crate::cloud::Cloud;
use crate::error::{Error, Result};
use crate::exit::ExitCode;
use crate::near::near;

/// A bad verdict is looked at once more after so long: what changes at this moment is not a finding.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// How old an unchanged task state or migration must be to count as stuck.
const STUCK_AFTER: Duration = Duration::from_secs(600);

/// How far back logs are searched for known bugs.
const LOGS_BACK: Duration = Duration::from_secs(3600);

/// What is asked of an audit.
#[derive(Debug, Clone, Default)]
pub struct AuditRequest {
    /// Only these rules; all, when none is named.
    pub rules: Vec<String>,
    /// Only findings of this severity or above.
    pub severity: Option<Severity>,
    /// Only findings on these hosts; all, when none is named.
    pub hosts: Vec<String>,
    /// Findings that are known, and are left out.
    pub baseline: Baseline,
    /// How old an unchanged task state or migration must be to count as stuck [default: 10 minutes].
    pub stuck_after: Option<Duration>,
    /// Report what a single look finds, without looking again.
    pub one_look: bool,
    /// How far back logs are searched for known bugs [default: 1 hour]; zero reads none.
    pub logs_back: Option<Duration>,
    /// Known bugs of one's own, in addition to those of smog.
    pub bugs: KnownBugs,
}

/// A request whose names are checked.
#[derive(Clone)]
pub struct Selection {
    /// The rules.
    pub rules: Vec<&'static Rule>,
    severity: Severity,
    hosts: BTreeSet<String>,
    stuck_after: Duration,
    logs_back: Duration,
    bugs: KnownBugs,
}

/// What an audit found.
#[derive(Debug, Clone, Serialize)]
pub struct Audit {
    /// What is wrong, the gravest first; what the baseline knows is not among it.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub unknown: Vec<Unknown>,
    /// How many findings the baseline knows.
    pub known: usize,
    /// Entries of the baseline that are not findings any more.
    pub unused: Vec<String>,
    /// The names of the rules it was judged by.
    pub rules: Vec<&'static str>,
    /// How many guests were looked at.
    pub guests: usize,
    /// How many hosts answered.
    pub hosts: usize,
    /// When it was looked at.
    pub at: jiff::Timestamp,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// What was asked, and how long each took (of the last look).
    pub sources: Vec<Source>,
}

impl AuditRequest {
    /// Check the names.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a rule that there is not; as [`KnownBugs::with`].
    pub fn resolve(&self) -> Result<Selection> {
        let named = |name: &String| {
            rule(name).ok_or_else(|| Error::NotFound {
                what: "rule".into(),
                name: name.clone(),
                near: near(name, Rule::all().map(|rule| rule.name)),
            })
        };
        let rules: Vec<&'static Rule> = match self.rules.is_empty() {
            true => Rule::all().collect(),
            false => self.rules.iter().map(named).collect::<Result<_>>()?,
        };
        Ok(Selection {
            rules,
            severity: self.severity.unwrap_or(Severity::Note),
            hosts: self.hosts.iter().cloned().collect(),
            stuck_after: self.stuck_after.unwrap_or(STUCK_AFTER),
            logs_back: self.logs_back.unwrap_or(LOGS_BACK),
            bugs: KnownBugs::bundled().with(&self.bugs)?,
        })
    }
}

impl Selection {
    /// What these rules find in a snapshot, the gravest first, then by rule and subject.
    pub fn judge(&self, cloud: &CloudSnapshot) -> Vec<Finding> {
        let guests = cloud.guests();
        let mut all: Vec<Finding> =
            self.rules.iter().flat_map(|rule| rule.of_cloud(cloud, &guests)).collect();
        all.retain(|found| found.severity >= self.severity);
        if !self.hosts.is_empty() {
            all.retain(|found| found.host.as_ref().is_some_and(|host| self.hosts.contains(host)));
        }
        all.sort_by(|one, other| {
            let order =
                |found: &Finding| (std::cmp::Reverse(found.severity), found.rule, found.subject.name.clone());
            order(one).cmp(&order(other))
        });
        all
    }
}

impl Cloud {
    /// Judge the whole cloud by the rules. Nothing is changed, and no database is read.
    ///
    /// What seems wrong is looked at once more after two seconds.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a rule or host that there is not; as [`CloudSnapshot::take`];
    /// [`Error::Api`] with 403 for users who are not administrators.
    pub async fn audit(&self, request: &AuditRequest) -> Result<Audit> {
        let begun = Instant::now();
        let selection = request.resolve()?;
        if !self.is_admin() {
            return Err(Error::Auth {
                message: "an audit needs an administrator: others do not see hosts, placement and migrations"
                    .into(),
                hint: "log in as an administrator, or look at a guest of yours alone".into(),
            });
        }
        let take = || CloudSnapshot::take(self, &Scope::Cloud, selection.stuck_after);
        let (snapshot, logs) = tokio::join!(take(), selection.look_at_logs(self));
        let mut snapshot = snapshot?;
        logs.add_to(&mut snapshot);
        for host in &selection.hosts {
            let mut names = snapshot.services.iter().flatten().map(|service| service.host.as_str());
            if snapshot.services.is_some() && !names.any(|name| name == host) {
                let names = snapshot.services.iter().flatten().map(|service| service.host.as_str());
                return Err(Error::NotFound {
                    what: "host".into(),
                    name: host.clone(),
                    near: near(host, names),
                });
            }
        }
        let mut findings = selection.judge(&snapshot);
        let is_new = |found: &Finding| !request.baseline.knows(found);
        // A recording says the same again.
        let looks_again = !request.one_look && self.recording_of().is_none();
        if looks_again && findings.iter().any(|found| is_new(found) && found.severity > Severity::Note) {
            tokio::time::sleep(SECOND_LOOK).await;
            let first: BTreeSet<String> = findings.iter().map(Finding::key).collect();
            // What stands in logs does not go away.
            snapshot = take().await?;
            logs.add_to(&mut snapshot);
            findings = selection.judge(&snapshot);
            findings.retain(|found| first.contains(&found.key()));
        }
        let (known, new): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|found| request.baseline.knows(found));
        let unused = request.baseline.unused(&known);
        Ok(Audit {
            unknown: of_hosts(snapshot.unknown, &selection.hosts),
            known: known.len(),
            unused,
            rules: selection.rules.iter().map(|rule| rule.name).collect(),
            guests: snapshot.servers.len(),
            hosts: snapshot.hosts.len(),
            at: snapshot.at,
            took_s: begun.elapsed().as_secs_f64(),
            sources: snapshot.sources,
            findings: new,
        })
    }
}

/// What the logs showed.
#[derive(Default)]
struct Logs {
    bugs: Vec<BugSeen>,
    unknown: Vec<Unknown>,
    source: Option<Source>,
}

impl Logs {
    fn add_to(&self, snapshot: &mut CloudSnapshot) {
        snapshot.bugs.clone_from(&self.bugs);
        // A host that does not answer is one line.
        let is_said = |one: &Unknown| {
            let host = one.what.split('`').nth(1);
            host.is_some_and(|host| {
                snapshot.unknown.iter().any(|other| other.what == format!("host `{host}`"))
            })
        };
        let new: Vec<Unknown> = self.unknown.iter().filter(|one| !is_said(one)).cloned().collect();
        snapshot.unknown.extend(new);
        snapshot.sources.extend(self.source.clone());
    }
}

impl Selection {
    async fn look_at_logs(&self, cloud: &Cloud) -> Logs {
        if self.logs_back.is_zero() || !self.rules.iter().any(|rule| rule.name == "known-bug") {
            return Logs::default();
        }
        let begun = Instant::now();
        // Boxed: its type is too deep for the compilers of those who await it.
        let answer = self.bugs.in_logs(cloud, self.logs_back).boxed().await;
        let source = Some(Source { name: "logs".into(), took: begun.elapsed(), answered: answer.is_ok() });
        let concerns = "known bugs in the logs";
        let unread = |what: String, why: String| Unknown { what, why, concerns: concerns.into() };
        match answer {
            Ok((bugs, lines)) => {
                let unknown = lines.into_iter().map(|line| match line.split_once(": ") {
                    Some((what, why)) => unread(what.into(), why.into()),
                    None => unread("logs".into(), line),
                });
                Logs { bugs, unknown: unknown.collect(), source }
            }
            Err(why) => Logs { bugs: vec![], unknown: vec![unread("logs".into(), why.to_string())], source },
        }
    }
}

/// Where only some hosts are asked for, others need not answer.
fn of_hosts(unknown: Vec<Unknown>, hosts: &BTreeSet<String>) -> Vec<Unknown> {
    let is_of_other = |one: &Unknown| {
        one.what.contains('`')
            && !hosts.is_empty()
            && !hosts.iter().any(|host| one.what.contains(&format!("`{host}`")))
    };
    unknown.into_iter().filter(|one| !is_of_other(one)).collect()
}

/// What could not be looked at goes before what is wrong. Notes change nothing.
pub(crate) fn exit_code(findings: &[Finding], unknown: &[Unknown]) -> ExitCode {
    let is_wrong = findings.iter().any(|found| found.severity > Severity::Note);
    match (unknown.is_empty(), is_wrong) {
        (false, _) => ExitCode::CouldNotRun,
        (true, true) => ExitCode::Failed,
        (true, false) => ExitCode::Ok,
    }
}

impl Audit {
    /// Nothing could stay unseen, and nothing is wrong: ok. What could not be looked at goes
    /// before what is wrong. Notes change nothing.
    pub fn exit_code(&self) -> ExitCode {
        exit_code(&self.findings, &self.unknown)
    }

    /// The findings by rule, the gravest first.
    pub fn by_rule(&self) -> Vec<(&'static str, Vec<&Finding>)> {
        let mut order: Vec<&'static str> = Vec::new();
        let mut groups: BTreeMap<&'static str, Vec<&Finding>> = BTreeMap::new();
        for found in &self.findings {
            if !order.contains(&found.rule) {
                order.push(found.rule);
            }
            groups.entry(found.rule).or_default().push(found);
        }
        order.into_iter().map(|name| (name, groups.remove(name).unwrap_or_default())).collect()
    }
}
