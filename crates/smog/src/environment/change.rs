//! One change of a host, with all that is needed to take it back.

use serde::{Deserialize, Serialize};

use super::diff::unified;
use super::image::FileImage;
use crate::host::{ServicePlace, ServiceRole};
use crate::libvirt::Domain;
use crate::redact::xml as masked_xml;

/// One change. Serialized only into journals, as files may hold passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Change {
    /// A file is replaced or made.
    File(FileChange),
    /// A value goes into a file of /sys or /proc.
    Value(ValueChange),
    /// A unit is enabled, disabled, started or stopped.
    Unit(UnitChange),
    /// A virtual machine that is a host itself gets another definition, and is restarted.
    Domain(DomainChange),
}

/// A file is replaced or made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Its path, links followed.
    pub path: String,
    /// What was there; `None` when nothing was.
    pub before: Option<FileImage>,
    /// What will be there.
    pub after: FileImage,
    /// The options that change, for a file of oslo.config.
    pub edits: Vec<OptionEdit>,
    /// A program that makes others see the file (`update-grub`), run after the change
    /// and after it is taken back.
    pub then: Option<String>,
}

/// An option that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionEdit {
    /// The section.
    pub section: String,
    /// The option.
    pub key: String,
    /// Its values in this file before.
    pub before: Vec<String>,
    /// Its values in this file after.
    pub after: Vec<String>,
}

/// A value goes into a file of /sys or /proc.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueChange {
    /// The file.
    pub path: String,
    /// What it said.
    pub before: String,
    /// What it shall say.
    pub after: String,
    /// What it is, for people: "2 MiB pages of NUMA node 0".
    pub what: String,
    /// Whether it only goes from one number to another by 0 (`sriov_numvfs`).
    pub by_zero: bool,
}

/// A unit is enabled, disabled, started or stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitChange {
    /// The unit.
    pub unit: String,
    /// How it was.
    pub before: UnitState,
    /// How it shall be.
    pub after: UnitState,
}

/// A virtual machine that is a host itself gets another definition. It may hold passwords.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainChange {
    /// The domain.
    pub domain: String,
    /// The host it is, by smog's name.
    pub host: String,
    /// The definition there was for its next start, as libvirt gives it.
    pub before: String,
    /// The definition it gets; the same where only a restart is missing.
    pub after: String,
    /// Whether it ran: it is restarted then.
    pub was_running: bool,
    /// Its boot id before, if it ran.
    pub boot_id: Option<String>,
    /// Its nova-compute, if that ran: it is waited for.
    pub service: Option<Restart>,
}

impl DomainChange {
    /// "CPU mode custom (qemu64), 0 NUMA nodes -> CPU mode maximum, 2 NUMA nodes".
    pub fn summary(&self) -> String {
        match self.before == self.after {
            true => format!("not restarted since it has {}", cpu_words(&self.after)),
            false => format!("{} -> {}", cpu_words(&self.before), cpu_words(&self.after)),
        }
    }
}

fn cpu_words(xml: &str) -> String {
    let cpu = Domain::parse(xml, "journal").ok().and_then(|domain| domain.cpu);
    let (mode, model, cells) = match &cpu {
        Some(cpu) => (cpu.mode.as_deref().unwrap_or("custom"), cpu.model.as_deref(), cpu.cells.len()),
        None => ("none", None, 0),
    };
    let model = model.map(|model| format!(" ({model})")).unwrap_or_default();
    format!("CPU mode {mode}{model}, {}", crate::show::counted(cells, "NUMA node"))
}

impl std::fmt::Debug for DomainChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "domain {} ({}), {} bytes of XML", self.domain, self.host, self.after.len())
    }
}

/// How a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitState {
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Whether it runs.
    pub active: bool,
}

/// A service that must read its configuration again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// Which service.
    pub role: ServiceRole,
    /// Where it is on the host.
    pub place: ServicePlace,
}

impl Restart {
    /// The unit, or the container.
    pub fn name(&self) -> &str {
        let container = self.place.container.as_ref().map(|container| container.name.as_str());
        self.place.unit.as_deref().or(container).unwrap_or("?")
    }
}

impl UnitState {
    /// "enabled, active".
    pub fn words(self) -> String {
        let enabled = if self.enabled { "enabled" } else { "disabled" };
        let active = if self.active { "active" } else { "inactive" };
        format!("{enabled}, {active}")
    }
}

impl Change {
    /// What is changed: the path or the unit.
    pub fn target(&self) -> &str {
        match self {
            Change::File(file) => &file.path,
            Change::Value(value) => &value.path,
            Change::Unit(unit) => &unit.unit,
            Change::Domain(domain) => &domain.domain,
        }
    }

    /// The change as a person reads it: a unified diff for a file, one line for the
    /// rest. Secrets are hidden.
    pub fn text(&self, host: &str) -> String {
        match self {
            Change::File(file) => {
                let (from, before) = match &file.before {
                    Some(image) => (format!("{host}:{}", file.path), image.bytes.as_slice()),
                    None => ("/dev/null".to_string(), &b""[..]),
                };
                unified(&from, &format!("{host}:{}", file.path), before, &file.after.bytes)
            }
            Change::Value(value) => {
                format!("{host}:{}\n  {}: {} -> {}\n", value.path, value.what, value.before, value.after)
            }
            Change::Unit(unit) => {
                format!("{host}:{}\n  {} -> {}\n", unit.unit, unit.before.words(), unit.after.words())
            }
            Change::Domain(domain) if domain.before == domain.after => {
                format!(
                    "{host}: domain {} has this definition, and does not run with it yet\n",
                    domain.domain
                )
            }
            Change::Domain(domain) => {
                let name = format!("{host}: domain {}", domain.domain);
                let (before, after) = (masked_xml(&domain.before), masked_xml(&domain.after));
                unified(&name, &name, before.as_bytes(), after.as_bytes())
            }
        }
    }
}
