//! What a rule finds.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know; it never changes an exit code.
    Note,
    /// Something that should not be, and harms later or under load.
    Warning,
    /// Something is wrong now.
    Error,
}

impl Severity {
    /// All, the gravest first.
    pub const ALL: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Note];

    /// "error", "warning", "note".
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

impl std::str::FromStr for Severity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Severity, Error> {
        Severity::ALL.into_iter().find(|severity| severity.name() == text).ok_or_else(|| Error::NotFound {
            what: "severity".into(),
            name: text.into(),
            near: Severity::ALL.iter().map(|severity| severity.name().to_string()).collect(),
        })
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Where a fact was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// Nova's API.
    Nova,
    /// Placement's API.
    Placement,
    /// Neutron's API.
    Neutron,
    /// libvirt on a compute host.
    Libvirt,
    /// The kernel of a host.
    Kernel,
    /// Files of a host.
    Files,
    /// Cinder's API.
    Cinder,
    /// Logs of services.
    Logs,
}

impl Layer {
    /// "nova", "libvirt" …
    pub fn name(self) -> &'static str {
        match self {
            Layer::Nova => "nova",
            Layer::Placement => "placement",
            Layer::Neutron => "neutron",
            Layer::Libvirt => "libvirt",
            Layer::Kernel => "kernel",
            Layer::Files => "files",
            Layer::Cinder => "cinder",
            Layer::Logs => "logs",
        }
    }
}

/// What one layer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// The layer.
    pub layer: Layer,
    /// What it says: "vCPU 0 is pinned to CPU 1".
    pub said: String,
    /// Where that stands: an element of the domain XML, a file, an API call.
    pub source: String,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subject {
    /// "guest", "host", "provider", "consumer", "domain", "migration", "aggregate".
    pub kind: &'static str,
    /// Its name, for people.
    pub name: String,
    /// Its id: what stays the same from one audit to the next.
    pub id: String,
}

impl Subject {
    /// A subject whose name is its id.
    pub fn named(kind: &'static str, name: impl Into<String>) -> Subject {
        let name = name.into();
        Subject { kind, id: name.clone(), name }
    }

    /// A subject with a name and an id.
    pub fn new(kind: &'static str, name: impl Into<String>, id: impl Into<String>) -> Subject {
        Subject { kind, name: name.into(), id: id.into() }
    }
}

impl std::fmt::Display for Subject {
    /// "guest `web-1`".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)
    }
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name: "cpu-twice".
    pub rule: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// Which of several things about the subject that this rule can find; the same in each audit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The host it is on, by Nova's name.
    pub host: Option<String>,
    /// What is wrong, in one sentence.
    pub sentence: String,
    /// What each layer says.
    pub evidence: Vec<Evidence>,
    /// What to do about it.
    pub advice: String,
    /// The command that shows it by hand; with "HOST# " before it when it is run on that host.
    pub command: String,
}

impl Finding {
    /// A finding; the rule's name and severity are filled in by the rule.
    pub(super) fn about(subject: Subject, sentence: impl Into<String>) -> Finding {
        Finding {
            rule: "",
            severity: Severity::Error,
            subject,
            part: None,
            host: None,
            sentence: sentence.into(),
            evidence: Vec::new(),
            advice: String::new(),
            command: String::new(),
        }
    }

    /// Which of several things about the subject this is: nothing that is another one tomorrow (a
    /// thread's number, a time).
    pub(super) fn part(mut self, part: impl Into<String>) -> Finding {
        self.part = Some(part.into());
        self
    }

    pub(super) fn on(mut self, host: impl Into<String>) -> Finding {
        self.host = Some(host.into());
        self
    }

    pub(super) fn saw(mut self, layer: Layer, said: impl Into<String>, source: impl Into<String>) -> Finding {
        self.evidence.push(Evidence { layer, said: said.into(), source: source.into() });
        self
    }

    pub(super) fn advice(mut self, advice: impl Into<String>) -> Finding {
        self.advice = advice.into();
        self
    }

    pub(super) fn command(mut self, command: impl Into<String>) -> Finding {
        self.command = command.into();
        self
    }

    /// As grave as this at most, whatever the rule's severity is.
    pub(super) fn at_most(mut self, severity: Severity) -> Finding {
        self.severity = severity;
        self
    }

    /// What stays the same from one audit to the next: "cpu-twice guest ID", with its part behind it.
    pub fn key(&self) -> String {
        key(self.rule, self.subject.kind, &self.subject.id, self.part.as_deref())
    }
}

/// What a finding is known by from one audit to the next.
pub(super) fn key(rule: &str, kind: &str, id: &str, part: Option<&str>) -> String {
    match part {
        Some(part) => format!("{rule} {kind} {id} {part}"),
        None => format!("{rule} {kind} {id}"),
    }
}

/// What could not be looked at, so that nothing is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// What: "host `cmp3`", "placement".
    pub what: String,
    /// Why not.
    pub why: String,
    /// What is unknown for that: "17 guests on it".
    pub concerns: String,
}

impl std::fmt::Display for Unknown {
    /// "unknown for 17 guests: host `cmp3`: connection refused"
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "unknown for {}: {}: {}", self.concerns, self.what, self.why)
    }
}
