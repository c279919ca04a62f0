//! What has to change so that what is there becomes what is wanted. Pure: a function of both.

mod draft;
mod files;
#[cfg(test)]
mod tests;
mod values;

use std::fmt;

use serde::Serialize;

use super::change::{Change, Restart};
use super::state::State;
use super::wish::{Target, Wish};
use crate::error::Result;

pub(super) use draft::{Draft, MachineDraft};
pub(super) use values::same_value;

/// The changes of all hosts.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Each host, also those with nothing to do.
    pub hosts: Vec<HostPlan>,
    /// Wants that are for no host at all, with the reason.
    pub nowhere: Vec<String>,
}

/// The changes of one host, in the order they are made.
#[derive(Debug, Clone, Default)]
pub struct HostPlan {
    /// The host.
    pub host: String,
    /// What changes.
    pub changes: Vec<Change>,
    /// The services that must read their configuration again.
    pub restarts: Vec<Restart>,
    /// Why the host must boot again before all of it holds.
    pub reboot: Vec<String>,
    /// What cannot be had here, and why.
    pub cannot: Vec<Cannot>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// Something that cannot be had on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cannot {
    /// What was wanted.
    pub what: String,
    /// Why not.
    pub why: String,
}

impl Plan {
    /// Whether there is nothing to change (and nothing that cannot be had).
    pub fn is_ready(&self) -> bool {
        self.nowhere.is_empty() && self.hosts.iter().all(HostPlan::is_ready)
    }

    /// Whether there is anything to change.
    pub fn has_changes(&self) -> bool {
        self.hosts.iter().any(|host| !host.changes.is_empty())
    }

    /// Everything that cannot be had: "cmp1: …, because …".
    pub fn cannot(&self) -> Vec<String> {
        let of_hosts = self.hosts.iter().flat_map(|host| {
            host.cannot
                .iter()
                .map(|one| format!("{}: cannot {} here, because {}", host.host, one.what, one.why))
        });
        self.nowhere.iter().cloned().chain(of_hosts).collect()
    }
}

impl HostPlan {
    /// Whether there is nothing to change here, nothing to boot for, and nothing that cannot be had.
    pub fn is_ready(&self) -> bool {
        self.changes.is_empty() && self.cannot.is_empty() && self.reboot.is_empty()
    }

    /// The machines on this host that are restarted: "restarts l1 (domain l1): …".
    pub fn machines(&self) -> Vec<String> {
        let changes = self.changes.iter().filter_map(|change| match change {
            Change::Domain(domain) if domain.was_running => Some(domain),
            _ => None,
        });
        changes
            .map(|one| format!("restarts {} (domain {}): what runs in it ends", one.host, one.domain))
            .collect()
    }

    pub(super) fn cannot(&mut self, what: impl Into<String>, why: impl Into<String>) {
        let cannot = Cannot { what: what.into(), why: why.into() };
        if !self.cannot.contains(&cannot) {
            self.cannot.push(cannot);
        }
    }
}

/// For people: diffs, values, restarts, reboots, what cannot be had. Secrets are hidden.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for host in &self.hosts {
            for change in &host.changes {
                write!(f, "{}", change.text(&host.host))?;
            }
            for note in &host.notes {
                writeln!(f, "{}: note: {note}", host.host)?;
            }
            if !host.restarts.is_empty() {
                let names: Vec<&str> = host.restarts.iter().map(Restart::name).collect();
                writeln!(f, "{}: restarts {}", host.host, names.join(", "))?;
            }
            for machine in host.machines() {
                writeln!(f, "{}: {machine}", host.host)?;
            }
            for why in &host.reboot {
                writeln!(f, "{}: takes effect after a reboot of the host: {why}", host.host)?;
            }
        }
        for cannot in self.cannot() {
            writeln!(f, "{cannot}")?;
        }
        Ok(())
    }
}

/// What has to change.
///
/// # Errors
/// [`Error::Config`](crate::Error::Config) for a file oslo.config could not read either;
/// [`Error::Invalid`](crate::Error::Invalid) for a value a line cannot hold.
pub fn plan(state: &State, wish: &Wish) -> Result<Plan> {
    let mut hosts: Vec<Draft<'_>> = state.hosts.iter().map(|host| Draft::of(host, &state.hosts)).collect();
    let mut nowhere = Vec::new();
    for item in &wish.items {
        let mut is_for_any = false;
        let (of_machines, of_kernel) = item.want.with(|thing| (thing.is_of_machines(), thing.is_of_kernel()));
        for (at, draft) in hosts.iter_mut().enumerate() {
            let is_for = match of_machines {
                true => draft.state.machines.iter().any(|one| one.is_for(&item.target)),
                false => draft.state.is_for(&item.target),
            };
            if !is_for {
                continue;
            }
            is_for_any = true;
            let twin = of_kernel.then(|| twin_before(state, &item.target, at)).flatten();
            match twin {
                Some(name) => {
                    let note =
                        format!("shares its kernel with {name}: pages and kernel settings are counted there");
                    if !draft.plan.notes.contains(&note) {
                        draft.plan.notes.push(note);
                    }
                }
                None => item.want.with(|thing| thing.plan(&item.target, draft))?,
            }
        }
        if !is_for_any {
            nowhere.push(format!(
                "{}: no host here {}",
                item.want.with(|thing| thing.name()),
                match &item.target {
                    Target::Host(name) if of_machines => {
                        format!("is called `{name}` and a guest of another (`parent:` in smog.yml)")
                    }
                    _ if of_machines => {
                        "is a guest of another (`parent:` and `name:` in smog.yml say which is)".into()
                    }
                    Target::Parents => "has a `parent:` in smog.yml".to_string(),
                    Target::Host(name) => format!("is called `{name}`"),
                    Target::Computes => "runs nova-compute".into(),
                    Target::Controllers => "runs nova-scheduler or nova-api".into(),
                    Target::All => "is known".to_string(),
                }
            ));
        }
    }
    Ok(Plan { hosts: hosts.into_iter().map(Draft::finish).collect(), nowhere })
}

/// An earlier host that shares this one's kernel and gets the same want.
fn twin_before<'a>(state: &'a State, target: &Target, at: usize) -> Option<&'a str> {
    let own = state.hosts[at].facts.as_ref()?;
    let before = state.hosts[..at].iter().filter(|host| host.is_for(target));
    before
        .filter(|host| host.facts.as_ref().is_some_and(|facts| facts.shares_kernel_with(own)))
        .map(|host| host.name.as_str())
        .next()
}
