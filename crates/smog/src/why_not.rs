//! Why no host: for each compute host the first thing that rules it out, by how much, and what would help.
//!
//! [`WhyNotRequest`] is what is asked, [`WhyNot`] the answer. Placement itself says which hosts it would
//! name (`GET /allocation_candidates`, with parts left out where the reason cannot be seen); the
//! scheduler's filters are computed from what the APIs, nova.conf and libvirt say. No debug log is needed.
//! What could not be read is unknown, and never fits.

mod aggregate_filters;
mod answer;
mod candidates;
mod facts;
mod filters;
mod judge;
mod limits;
mod log;
mod network;
mod numa;
mod pci_filter;
mod placement;
mod request;
mod spec_match;
#[cfg(test)]
mod tests;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::FutureExt;

pub use answer::{FilterCount, HostVerdict, Reason, SchedulerLog, Verdict, WhyNot};
pub use limits::Refusal;
pub use request::WhyNotRequest;

use crate::cloud::Cloud;
use crate::error::{Error, Result};
use crate::findings::Unknown;
use facts::Facts;

/// A failed boot, migration or resize is explained within this time, or not at all.
const WITHIN: Duration = Duration::from_secs(10);

/// So many things that would help are named.
const HELPS: usize = 5;

impl Cloud {
    /// Why no host takes a server, or which one would. Nothing is changed.
    ///
    /// # Errors
    /// Unknown names, and [`Error::Invalid`] for a question about nothing. What cannot be read is not an
    /// error: it is in [`WhyNot::unknown`].
    pub async fn why_not(&self, request: &WhyNotRequest) -> Result<WhyNot> {
        // Boxed: its type is too deep for the compilers of those who await it.
        self.ask_why_not(request).boxed().await
    }

    async fn ask_why_not(&self, request: &WhyNotRequest) -> Result<WhyNot> {
        let begun = Instant::now();
        let request::Resolved { wanted, asked, failed, mut notes } = request.resolve(self).await?;
        let wish = wanted.resources();
        let log = async {
            match &failed {
                Some(failed) if request.reads_log => {
                    log::read(self, failed).await.map_err(|why| why.to_string())
                }
                _ => Ok(None),
            }
        };
        let (facts, log) = tokio::join!(facts::gather(self, &wanted, &wish), log);
        let hosts = judge::judge(&wanted, &wish, &facts);
        let hosts = self.with_names(hosts, &facts).await;
        let mut unknown = unknown(&facts);
        let log = log.unwrap_or_else(|why| {
            let (what, concerns) = ("the scheduler's log".to_string(), "what it logged then".to_string());
            unknown.push(Unknown { what, why, concerns });
            None
        });
        let refused = limits::refusals(&wanted.charge, &facts.limits);
        let about_hosts = match hosts.is_empty() && facts.hypervisors.is_err() && facts.services.is_err() {
            true if is_hidden(&facts) => {
                "hosts are shown to administrators only: nothing else is against it".into()
            }
            true => "which hosts there are is not known".into(),
            false => answer::sentence(&hosts),
        };
        let mut helps = helps(&hosts);
        helps.splice(0..0, refused.iter().map(Refusal::help));
        let mut answer = WhyNot {
            asked,
            sentence: answer::sentence_with(&refused, about_hosts),
            helps,
            refused,
            hosts,
            scheduler_log: log,
            notes: Vec::new(),
            unknown,
            took_s: 0.0,
        };
        if answer.fits() && failed.is_some() {
            notes.push(format!(
                "this is how it is now, not then; a host or scheduler hints that were asked for are in no \
                 API: name them as well{}",
                answer
                    .scheduler_log
                    .as_ref()
                    .map(|log| format!("; then, {}", log.words()))
                    .unwrap_or_default()
            ));
        }
        let lacks_pcpus =
            answer.hosts.iter().filter_map(|host| host.reasons.first()).any(|one| one.what == "PCPU");
        let filter = answer.scheduler_log.as_ref().and_then(|log| log.filter.as_deref());
        if lacks_pcpus && filter == Some("NUMATopologyFilter") {
            notes.push(
                "for PCPU, Nova asks placement a second time, with VCPU instead: NUMATopologyFilter removes the \
                 hosts that this names"
                    .into(),
            );
        }
        answer.notes = notes;
        answer.took_s = begun.elapsed().as_secs_f64();
        Ok(answer)
    }

    /// The error of a boot or a move, with the reason instead of a hint where Nova found no valid host. It
    /// takes ten seconds at most; where the reason cannot be found in that time, or by this user, the
    /// error stays as it is.
    pub async fn with_why(&self, error: Error, request: &WhyNotRequest) -> Error {
        if !is_no_valid_host(&error) {
            return error;
        }
        match tokio::time::timeout(WITHIN, self.why_not(request)).await {
            Ok(Ok(answer))
                if answer.hosts.iter().any(|host| host.verdict == Verdict::RuledOut) || answer.fits() =>
            {
                with_hint(error, &hint(&answer))
            }
            _ => error,
        }
    }

    /// The verdicts with the names of the guests that stand in them as ids.
    async fn with_names(&self, hosts: Vec<HostVerdict>, facts: &Facts) -> Vec<HostVerdict> {
        let texts =
            hosts.iter().flat_map(|one| &one.reasons).flat_map(|one| one.helps.iter().chain([&one.sentence]));
        let ids: BTreeSet<String> = texts.flat_map(|text| marked_ids(text)).collect();
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for id in ids {
            let listed = facts.servers.iter().flatten().find(|one| one.id == id).map(|one| one.name.clone());
            let name = match listed {
                Some(name) => Some(name),
                None if names.len() < 16 => self.server_by_id(&id).await.ok().map(|one| one.name),
                None => None,
            };
            names.insert(id.clone(), name.map_or(format!("consumer {id}"), |name| format!("guest `{name}`")));
        }
        let name = |text: &str| {
            names.iter().fold(text.to_string(), |text, (id, name)| text.replace(&placement::marked(id), name))
        };
        hosts
            .into_iter()
            .map(|one| HostVerdict {
                reasons: one.reasons.into_iter().map(|reason| reason.renamed(&name)).collect(),
                ..one
            })
            .collect()
    }
}

/// The ids that are marked in a sentence.
fn marked_ids(text: &str) -> Vec<String> {
    let parts = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
    parts.map(|(id, _)| id.to_string()).collect()
}

/// What of the first reasons would help; the same of several hosts once.
fn helps(hosts: &[HostVerdict]) -> Vec<String> {
    if hosts.iter().any(|host| host.verdict == Verdict::Fits) {
        return Vec::new();
    }
    let mut helps: Vec<String> = Vec::new();
    // What a single thing rules out is the nearest to a fit.
    let mut ruled_out: Vec<&HostVerdict> =
        hosts.iter().filter(|host| host.verdict == Verdict::RuledOut).collect();
    ruled_out.sort_by_key(|host| host.reasons.len());
    for help in ruled_out.iter().filter_map(|host| host.reasons.first()).flat_map(|reason| &reason.helps) {
        if !helps.contains(help) {
            helps.push(help.clone());
        }
    }
    helps.truncate(HELPS);
    helps
}

/// Whether hosts are hidden from this user.
fn is_hidden(facts: &Facts) -> bool {
    facts.hypervisors.as_ref().is_err_and(|why| why == facts::ROLES)
}

fn unknown(facts: &Facts) -> Vec<Unknown> {
    let of = |what: &str, concerns: &str, why: Option<&String>| {
        why.filter(|why| *why != facts::NOT_ASKED).map(|why| Unknown {
            what: what.into(),
            why: why.clone(),
            concerns: concerns.into(),
        })
    };
    let sources = [
        of("nova's services", "whether hosts take guests", facts.services.as_ref().err()),
        of("nova's hypervisors", "which hosts there are", facts.hypervisors.as_ref().err()),
        of("host aggregates", "aggregates and zones", facts.aggregates.as_ref().err()),
        of("placement", "resources and traits", facts.providers.as_ref().err()),
        of("nova's servers", "what other guests hold", facts.servers.as_ref().err()),
        of("the project's limits", "the project's instances, cores and memory", facts.limits.as_ref().err()),
        of("neutron's agents", "ports of the networks", facts.agents.as_ref().err()),
        of("nova.conf of the controller", "which filters are enabled", facts.scheduler.as_ref().err()),
    ];
    let hosts = facts.hosts.iter().filter_map(|(name, host)| {
        let why = host.conf.as_ref().err().or(host.capabilities.as_ref().err())?;
        of(&format!("host `{name}`"), "its NUMA nodes, pages and CPUs", Some(why))
    });
    let all = sources.into_iter().flatten().chain(hosts);
    // What a user's roles hide is one thing, however many calls it shows in.
    let (hidden, mut rest): (Vec<Unknown>, Vec<Unknown>) = all.partition(|one| one.why == facts::ROLES);
    if !hidden.is_empty() {
        let what: Vec<String> = hidden.into_iter().map(|one| one.what).collect();
        let concerns = "all hosts".into();
        rest.insert(0, Unknown { what: what.join(", "), why: facts::ROLES.into(), concerns });
    }
    rest
}

/// Whether Nova found no host.
fn is_no_valid_host(error: &Error) -> bool {
    match error.cause() {
        Error::Fault { fault, .. } => fault.contains("No valid host"),
        Error::Api { message, .. } => message.contains("No valid host"),
        _ => false,
    }
}

/// The answer as a hint: the sentence, and what would help.
fn hint(answer: &WhyNot) -> String {
    match (answer.fits(), answer.helps.as_slice()) {
        (true, _) => format!("{} now: try again", answer.sentence),
        (false, []) => answer.sentence.clone(),
        (false, helps) => format!("{}. What would help: {}", answer.sentence, helps.join("; or ")),
    }
}

fn with_hint(error: Error, text: &str) -> Error {
    match error {
        Error::Fault { what, fault, host, request_id, .. } => {
            Error::Fault { what, fault, host, request_id, hint: Some(text.into()) }
        }
        Error::Api { service, method, path, message, request_id, .. } => Error::Fault {
            what: format!("{service}: {method} {path}"),
            fault: message,
            host: None,
            request_id,
            hint: Some(text.into()),
        },
        Error::GoesOn { error, left, hint } => {
            Error::GoesOn { error: Box::new(with_hint(*error, text)), left, hint }
        }
        other => other,
    }
}
