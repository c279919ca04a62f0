//! The rules. Each file ends with its table; this one puts the tables together.

mod booked;
mod bugs;
mod config;
mod cores;
mod devices;
mod groups;
mod hosts;
mod kernel;
mod left_over;
mod moves;
mod network;
mod ordered;
mod places;
mod providers;
mod record;
mod scheduler;
mod threads;

use std::collections::BTreeMap;

use super::{CloudSnapshot, Finding, GuestSnapshot, Layer, Severity};

/// One rule.
pub struct Rule {
    /// Its name: "cpu-twice".
    pub name: &'static str,
    /// How grave its findings are at most.
    pub severity: Severity,
    /// What it finds, in one sentence.
    pub about: &'static str,
    /// Public bugs and documents it is known from.
    pub source: &'static str,
    /// What it was seen to fire on.
    pub proof: Proof,
    /// The layers that it holds against each other.
    pub layers: &'static [Layer],
    /// The judge.
    pub judge: Judge,
}

/// What a rule was seen to fire on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// Its own fault, made on a real OpenStack; silent there before and after.
    Lab,
    /// Only recorded or hand-written states in unit tests.
    Recording,
}

/// What a rule looks at.
pub enum Judge {
    /// One guest that Nova is not at work on.
    Guest(fn(&GuestSnapshot) -> Vec<Finding>),
    /// One guest, whatever is done to it.
    AnyGuest(fn(&GuestSnapshot, &CloudSnapshot) -> Vec<Finding>),
    /// All of what was seen, with every guest.
    Cloud(fn(&CloudSnapshot, &[GuestSnapshot]) -> Vec<Finding>),
}

/// All rules, in the order of their subjects: threads and CPUs, records, places, devices and networks,
/// what is booked, providers, groups, moves, configuration, hosts, logs.
pub const RULES: &[&[Rule]] = &[
    threads::RULES,
    kernel::RULES,
    cores::RULES,
    record::RULES,
    ordered::RULES,
    places::RULES,
    left_over::RULES,
    devices::RULES,
    network::RULES,
    booked::RULES,
    providers::RULES,
    groups::RULES,
    moves::RULES,
    config::RULES,
    scheduler::RULES,
    hosts::RULES,
    bugs::RULES,
];

impl Rule {
    /// All rules.
    pub fn all() -> impl Iterator<Item = &'static Rule> {
        RULES.iter().copied().flatten()
    }

    /// What it finds about one guest; nothing for a rule about more than a guest.
    pub fn of_guest(&self, guest: &GuestSnapshot) -> Vec<Finding> {
        match self.judge {
            Judge::Guest(judge) if !guest.is_busy() => self.stamped(judge(guest)),
            _ => Vec::new(),
        }
    }

    /// What it finds in all of what was seen; `guests` are those of the snapshot.
    pub fn of_cloud(&self, cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
        match self.judge {
            Judge::Guest(_) => guests.iter().flat_map(|guest| self.of_guest(guest)).collect(),
            Judge::AnyGuest(judge) => {
                self.stamped(guests.iter().flat_map(|guest| judge(guest, cloud)).collect())
            }
            Judge::Cloud(judge) => self.stamped(judge(cloud, guests)),
        }
    }

    /// "nova, libvirt"
    pub fn layers(&self) -> String {
        self.layers.iter().map(|layer| layer.name()).collect::<Vec<_>>().join(", ")
    }

    /// Whether it looks at one guest alone.
    pub fn is_of_guest(&self) -> bool {
        matches!(self.judge, Judge::Guest(_))
    }

    fn stamped(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let stamp = |found: Finding| Finding {
            rule: self.name,
            severity: found.severity.min(self.severity),
            ..found
        };
        findings.into_iter().map(stamp).collect()
    }
}

/// The rule of this name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    Rule::all().find(|rule| rule.name == name)
}

/// The guests by their servers' ids.
fn by_id(guests: &[GuestSnapshot]) -> BTreeMap<&str, &GuestSnapshot> {
    guests.iter().map(|guest| (guest.server.id.as_str(), guest)).collect()
}

#[cfg(test)]
mod tests;
