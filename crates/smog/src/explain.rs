//! One guest, all layers, on one page: what each says, where they disagree, and what could not be
//! looked at. `smog explain`.

mod extras;
mod page;
mod places;
mod records;
mod threads;
mod timeline;

use std::str::FromStr;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use serde::Serialize;

use crate::cloud::{Cloud, Server};
use crate::error::{Error, Result};
use crate::exit::ExitCode;
use crate::findings::{CloudSnapshot, Finding, Rule, Scope, Source, Unknown, exit_code};
use crate::trace::Trace;

/// A part of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// What Nova says, and what was done last.
    Server,
    /// What placement has booked.
    Placement,
    /// libvirt's domain and QEMU's threads, against CPUs.
    Cpu,
    /// Memory: pages and NUMA nodes.
    Memory,
    /// The host it is on.
    Host,
    /// Ports and tap devices.
    Network,
    /// Disks and their backing chains.
    Disk,
    /// What the logs and its console say.
    Logs,
}

impl Topic {
    /// All, in the order of the page.
    pub const ALL: [Topic; 8] = [
        Topic::Server,
        Topic::Placement,
        Topic::Cpu,
        Topic::Memory,
        Topic::Host,
        Topic::Network,
        Topic::Disk,
        Topic::Logs,
    ];

    /// "cpu", "memory" …
    pub fn name(self) -> &'static str {
        match self {
            Topic::Server => "server",
            Topic::Placement => "placement",
            Topic::Cpu => "cpu",
            Topic::Memory => "memory",
            Topic::Host => "host",
            Topic::Network => "network",
            Topic::Disk => "disk",
            Topic::Logs => "logs",
        }
    }
}

impl FromStr for Topic {
    type Err = Error;

    fn from_str(text: &str) -> Result<Topic> {
        Topic::ALL.into_iter().find(|topic| topic.name() == text).ok_or_else(|| Error::NotFound {
            what: "topic".into(),
            name: text.into(),
            near: Topic::ALL.iter().map(|topic| topic.name().to_string()).collect(),
        })
    }
}

/// One line of the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is of: "vCPU 0".
    pub what: String,
    /// What is said of it.
    pub said: String,
    /// The command, file or call it came from.
    pub source: String,
    /// Whether layers disagree in it.
    pub wrong: bool,
    /// Whether it is only shown where its topic is asked for.
    pub deep: bool,
}

impl Line {
    fn new(what: impl Into<String>, said: impl Into<String>, source: impl Into<String>) -> Line {
        Line { what: what.into(), said: said.into(), source: source.into(), wrong: false, deep: false }
    }

    fn wrong_if(mut self, is: bool) -> Line {
        self.wrong = is;
        self
    }

    fn deep(mut self) -> Line {
        self.deep = true;
        self
    }

    fn unknown(what: impl Into<String>, why: impl Into<String>) -> Line {
        Line::new(what, format!("unknown: {}", why.into()), "")
    }
}

/// One part of the page.
#[derive(Debug, Clone, Serialize)]
pub struct Section {
    /// Its topic.
    pub topic: Topic,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A guest explained.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The page.
    pub sections: Vec<Section>,
    /// The last action, whole: its phases, what they waited for, what went wrong; none where the user
    /// may not see actions, and for a guest without one.
    pub trace: Option<Trace>,
    /// Where layers disagree, the gravest first.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub unknown: Vec<Unknown>,
    /// What was asked, and how long each took.
    pub sources: Vec<Source>,
    /// How long all of it took, in seconds.
    pub took_s: f64,
}

impl Explanation {
    /// What could not be looked at goes before what is wrong; notes change nothing.
    pub fn exit_code(&self) -> ExitCode {
        exit_code(&self.findings, &self.unknown)
    }

    /// Whether the layers agree, and one of them itself reports an error: a fault, a failed action.
    pub fn tells_of_errors(&self) -> bool {
        self.findings.is_empty()
            && self.sections.iter().flat_map(|section| &section.lines).any(|line| line.wrong)
    }
}

impl Cloud {
    /// Explain a server, whatever its state: every layer is asked at once, what disagrees is marked,
    /// and what does not answer is named as unknown. `topic` goes deeper into one part.
    ///
    /// # Errors
    /// Only those of reading the server: all else is in [`Explanation::unknown`].
    pub async fn explain(&self, server: &Server, topic: Option<Topic>) -> Result<Explanation> {
        let begun = Instant::now();
        let mut server = server.clone();
        self.add_faults(std::slice::from_mut(&mut server)).await?;
        let server = &server;
        // Ten minutes without a change is stuck, as in an audit.
        let stuck_after = Duration::from_secs(600);
        let scope = Scope::Guest(Box::new(server.clone()));
        let snapshot = CloudSnapshot::take(self, &scope, stuck_after);
        // Boxed: the type of all of it together is too deep for the compilers of those who await it.
        let extras = extras::ask(self, server, topic).boxed();
        let (snapshot, extras) = tokio::join!(snapshot, extras);
        let mut snapshot = snapshot?;
        // A host that does not answer is one line, not one for each thing that was asked of it.
        let is_said = |one: &Unknown| {
            let host = one.what.strip_prefix("host ").and_then(|rest| rest.split(':').next());
            host.is_some_and(|host| {
                snapshot.unknown.iter().any(|other| other.what == format!("host `{host}`"))
            })
        };
        let more: Vec<Unknown> = extras.unknown.iter().filter(|one| !is_said(one)).cloned().collect();
        snapshot.unknown.extend(more);
        snapshot.sources.extend(extras.sources.iter().cloned());
        if server.status == "DELETED" {
            // Nova's record is all there is: nothing else can be asked.
            snapshot.unknown.clear();
        }
        let guests = snapshot.guests();
        let mut findings: Vec<Finding> =
            Rule::all().flat_map(|rule| rule.of_cloud(&snapshot, &guests)).collect();
        // Of what is wrong on its host, only what is about it.
        findings.retain(|found| found.subject.id.contains(&server.id) || found.subject.kind == "migration");
        findings.sort_by_key(|found| (std::cmp::Reverse(found.severity), found.rule));
        let sections = guests.first().map(|guest| page::sections(guest, &snapshot, &extras, &findings));
        let mut sections = sections.unwrap_or_default();
        match topic {
            Some(topic) => sections.retain(|section| section.topic == topic),
            None => sections.iter_mut().for_each(|section| section.lines.retain(|line| !line.deep)),
        }
        sections.retain(|section| !section.lines.is_empty());
        Ok(Explanation {
            name: server.name.clone(),
            id: server.id.clone(),
            sections,
            trace: extras.trace,
            findings,
            unknown: snapshot.unknown,
            sources: snapshot.sources,
            took_s: begun.elapsed().as_secs_f64(),
        })
    }
}
