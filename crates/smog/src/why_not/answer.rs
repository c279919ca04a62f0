//! The answer: for each host the first thing that rules it out, by how much, and what would help.

use serde::Serialize;

use super::limits::Refusal;
use crate::exit::ExitCode;
use crate::findings::Unknown;
use crate::show::{Column, Show};

/// Whether a host can take the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing rules it out.
    Fits,
    /// Something rules it out.
    RuledOut,
    /// Something could not be read, and nothing else rules it out.
    Unknown,
}

/// One thing that rules a host out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Who rules it out: "placement", or a filter of the scheduler.
    pub by: String,
    /// By what: "PCPU", "trait HW_CPU_X86_AVX2", "service".
    pub what: String,
    /// How much the host has, in the unit of `what`.
    pub has: Option<u64>,
    /// How much is needed, likewise.
    pub needs: Option<u64>,
    /// About the host, without its name: "has 0 of 1 PCPU free; flavor `big` needs 2".
    pub sentence: String,
    /// What would help.
    pub helps: Vec<String>,
    #[serde(skip)]
    verb: &'static str,
    #[serde(skip)]
    rest: String,
    #[serde(skip)]
    wanted: String,
}

impl Reason {
    /// "has" and "0 of 1 PCPU free".
    pub(super) fn new(by: &str, what: &str, verb: &'static str, rest: impl Into<String>) -> Reason {
        let rest = rest.into();
        Reason {
            by: by.into(),
            what: what.into(),
            has: None,
            needs: None,
            sentence: format!("{verb} {rest}"),
            helps: Vec::new(),
            verb,
            rest,
            wanted: String::new(),
        }
    }

    /// What is wanted instead: "flavor `big` needs 2".
    pub(super) fn wanting(mut self, wanted: impl Into<String>) -> Reason {
        self.wanted = wanted.into();
        self.sentence = format!("{} {}; {}", self.verb, self.rest, self.wanted);
        self
    }

    pub(super) fn by_how_much(mut self, has: u64, needs: u64) -> Reason {
        (self.has, self.needs) = (Some(has), Some(needs));
        self
    }

    pub(super) fn helped(mut self, help: impl Into<String>) -> Reason {
        self.helps.push(help.into());
        self
    }

    /// The same with other words for parts of its sentences.
    pub(super) fn renamed(mut self, name: &dyn Fn(&str) -> String) -> Reason {
        for text in [&mut self.rest, &mut self.sentence, &mut self.wanted].into_iter().chain(&mut self.helps)
        {
            *text = name(text);
        }
        self
    }

    /// "cmp1 and cmp2 each have 0 of 1 PCPU free; flavor `big` needs 2".
    fn about(&self, hosts: &[&str]) -> String {
        let verb = match (hosts.len(), self.verb) {
            (1, verb) => verb.to_string(),
            (_, "has") if self.has.is_some() => "each have".into(),
            (_, "has") => "have".into(),
            (_, "is") => "are".into(),
            (_, "does") => "do".into(),
            (_, other) => other.strip_suffix('s').unwrap_or(other).to_string(),
        };
        let wanted = match self.wanted.as_str() {
            "" => String::new(),
            wanted => format!("; {wanted}"),
        };
        format!("{} {verb} {}{wanted}", listed(hosts), self.rest)
    }
}

/// What is said of one compute host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostVerdict {
    /// The host.
    pub host: String,
    /// Whether it can take the server.
    pub verdict: Verdict,
    /// What rules it out, in the order in which Nova asks: the first one is the reason.
    pub reasons: Vec<Reason>,
    /// What could not be looked at.
    pub unknown: Vec<String>,
}

impl HostVerdict {
    /// The first thing that rules it out, or what is not known.
    pub fn words(&self) -> String {
        match (self.verdict, self.reasons.first(), self.unknown.first()) {
            (Verdict::RuledOut, Some(reason), _) => reason.sentence.clone(),
            (Verdict::Unknown, _, Some(unknown)) => unknown.clone(),
            _ => String::new(),
        }
    }
}

impl Show for HostVerdict {
    const PLURAL: &'static str = "hosts";
    const COLUMNS: &'static [Column<HostVerdict>] = &[
        Column::new("host", |one| one.host.clone()),
        Column::new("verdict", |one| match one.verdict {
            Verdict::Fits => "fits".into(),
            Verdict::RuledOut => "ruled out".into(),
            Verdict::Unknown => "unknown".into(),
        }),
        Column::new("by", |one| match one.verdict {
            Verdict::RuledOut => one.reasons.first().map(|reason| reason.by.clone()).unwrap_or_default(),
            _ => String::new(),
        }),
        Column::new("why", HostVerdict::words),
        Column::wide("also", |one| {
            let more = one.reasons.iter().skip(1).map(|reason| reason.sentence.clone());
            more.collect::<Vec<_>>().join(" | ")
        }),
    ];
}

/// What the scheduler logged about a request that found no host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SchedulerLog {
    /// The request.
    pub request_id: String,
    /// The filter that left no host; none where placement named none.
    pub filter: Option<String>,
    /// Whether placement named no host.
    pub placement_had_none: bool,
    /// Each filter with the hosts before and after it.
    pub filters: Vec<FilterCount>,
}

/// One filter of the scheduler, and how many hosts it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FilterCount {
    /// "NUMATopologyFilter".
    pub name: String,
    /// Hosts before it.
    pub before: u64,
    /// Hosts after it.
    pub after: u64,
}

impl SchedulerLog {
    /// "NUMATopologyFilter left none of 2 hosts".
    pub fn words(&self) -> String {
        let Some(filter) = &self.filter else { return "placement named no host".into() };
        match self.filters.iter().find(|one| one.name == *filter) {
            Some(one) if one.before == 1 => format!("{filter} removed the last host"),
            Some(one) => format!("{filter} removed the last {} hosts", one.before),
            None => format!("{filter} removed the last host"),
        }
    }
}

/// Why no host, or which one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhyNot {
    /// What was asked for: "flavor `big`, image `cirros`".
    pub asked: String,
    /// The answer in one sentence.
    pub sentence: String,
    /// The limits of the project that refuse it: Nova does not even look for a host then.
    pub refused: Vec<Refusal>,
    /// All compute hosts, those that fit first.
    pub hosts: Vec<HostVerdict>,
    /// What would help, each of them.
    pub helps: Vec<String>,
    /// What the scheduler logged, where the question is about a request.
    pub scheduler_log: Option<SchedulerLog>,
    /// What should be known about the answer.
    pub notes: Vec<String>,
    /// What could not be read.
    pub unknown: Vec<Unknown>,
    /// How long it took, in seconds.
    pub took_s: f64,
}

impl WhyNot {
    /// Whether no limit of the project refuses the server, and a host can take it.
    pub fn fits(&self) -> bool {
        self.refused.is_empty() && self.hosts.iter().any(|host| host.verdict == Verdict::Fits)
    }

    /// 0: a host fits; 1: none does, or the project's limits refuse it; 3: it is not known of some, and none of the others does.
    pub fn exit_code(&self) -> ExitCode {
        let is_unknown =
            self.hosts.is_empty() || self.hosts.iter().any(|host| host.verdict == Verdict::Unknown);
        match (self.fits(), is_unknown) {
            _ if !self.refused.is_empty() => ExitCode::Failed,
            (true, _) => ExitCode::Ok,
            (false, false) => ExitCode::Failed,
            (false, true) => ExitCode::CouldNotRun,
        }
    }
}

/// What of a host that a move leaves rules it out.
pub(super) const SOURCE: &str = "source";

/// So many reasons stand in the sentence.
const GROUPS: usize = 3;

/// The answer in one sentence: limits first, as Nova looks at them before any host.
pub(super) fn sentence_with(refused: &[Refusal], about_hosts: String) -> String {
    if refused.is_empty() {
        return about_hosts;
    }
    let said: Vec<String> = refused.iter().map(Refusal::words).collect();
    format!(
        "Nova refuses it before it looks for a host: {}. With a larger quota: {about_hosts}",
        said.join("; ")
    )
}

/// The answer about hosts in one sentence: those with the same reason together, the largest group first.
pub(super) fn sentence(hosts: &[HostVerdict]) -> String {
    let of = |verdict| -> Vec<&str> {
        hosts.iter().filter(|one| one.verdict == verdict).map(|one| one.host.as_str()).collect()
    };
    let (fitting, unknown) = (of(Verdict::Fits), of(Verdict::Unknown));
    if !fitting.is_empty() {
        let verb = if fitting.len() == 1 { "fits" } else { "fit" };
        return format!("{} {verb}", listed(&fitting));
    }
    let mut groups: Vec<(&Reason, Vec<&str>)> = Vec::new();
    for one in hosts.iter().filter(|one| one.verdict == Verdict::RuledOut) {
        let Some(reason) = one.reasons.first() else { continue };
        match groups.iter_mut().find(|(other, _)| other.sentence == reason.sentence) {
            Some((_, names)) => names.push(&one.host),
            None => groups.push((reason, vec![&one.host])),
        }
    }
    // That a guest does not go where it is, is no news.
    groups.sort_by_key(|(reason, names)| (reason.what == SOURCE, std::cmp::Reverse(names.len())));
    let more: usize = groups.iter().skip(GROUPS).map(|(_, names)| names.len()).sum();
    let mut parts: Vec<String> =
        groups.iter().take(GROUPS).map(|(reason, names)| reason.about(names)).collect();
    if more > 0 {
        parts.push(format!("{more} more hosts have other reasons"));
    }
    if !unknown.is_empty() {
        parts.push(format!("whether {} could take it is not known", listed(&unknown)));
    }
    match parts.is_empty() {
        true => "there is no compute host".into(),
        false => parts.join(". "),
    }
}

/// "cmp1, cmp2 and cmp3"; of many the first ones.
fn listed(hosts: &[&str]) -> String {
    match hosts {
        [] => String::new(),
        [one] => (*one).to_string(),
        [first @ .., last] if hosts.len() <= 4 => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more hosts", hosts[..3].join(", "), hosts.len() - 3),
    }
}
