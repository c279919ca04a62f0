//! Rules about where guests are: a domain on the host that Nova names, and nowhere else.

use std::collections::BTreeSet;

use super::threads::guest as subject;
use super::{Judge, Proof, Rule, by_id};
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, Layer, Machine, Severity, Subject, is_remote};
use crate::guest::{Sight, Stranger};
use crate::libvirt::DomainState;

/// libvirt's reasons that are worth a word: `(state, reason)`.
fn reason(state: DomainState, reason: u32) -> Option<&'static str> {
    match (state, reason) {
        (DomainState::Paused, 1) => Some("paused by a user"),
        (DomainState::Paused, 2) => Some("paused for a migration"),
        (DomainState::Paused, 5) => Some("paused by an I/O error: its disk is full or gone"),
        (DomainState::Paused, 6) => Some("paused by its watchdog"),
        (DomainState::Paused, 10) => Some("paused after a crash"),
        (DomainState::Paused, 13) => Some("paused by a post-copy migration that failed"),
        (DomainState::ShutOff, 2) => Some("destroyed"),
        (DomainState::ShutOff, 3) => Some("crashed"),
        (DomainState::ShutOff, 6) => Some("failed to start"),
        (DomainState::Crashed, _) => Some("crashed"),
        _ => None,
    }
}

fn power(guest: &GuestSnapshot) -> Vec<Finding> {
    if guest.is_between_hosts() || !guest.is_host_known {
        return Vec::new();
    }
    let state = guest.domain.as_ref().map(|found| found.state);
    let sight = Sight { is_known: true, state, elsewhere: Vec::new() };
    let Some(mut sentence) = sight.contradiction(&guest.server) else { return Vec::new() };
    let why = guest.domain.as_ref().and_then(|found| reason(found.state, found.reason));
    if let Some(why) = why {
        sentence.push_str(&format!(" ({why})"));
    }
    let state = state.map_or("no such domain".to_string(), |state| state.to_string());
    let order = match guest.server.status.as_str() {
        "ACTIVE" => "start it again with a hard reboot by Nova, once it is clear who stopped it",
        _ => "stop or start it by Nova, so that both say the same",
    };
    vec![
        Finding::about(subject(guest), sentence)
            .on(guest.host())
            .saw(Layer::Nova, &guest.server.status, format!("GET /servers/{}", guest.server.id))
            .saw(Layer::Libvirt, state, "virsh domstate --reason")
            .advice(order)
            .command(format!("{}# virsh domstate --reason {}", guest.host(), guest.domain_name())),
    ]
}

fn stranger(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    if !cloud.is_whole {
        return Vec::new();
    }
    let known: BTreeSet<&str> = guests.iter().map(|guest| guest.server.id.as_str()).collect();
    let mut found = Vec::new();
    for host in cloud.hosts.values() {
        for one in &host.domains {
            let uuid = one.domain.uuid.as_str();
            let other = cloud.other_servers.get(uuid).map(String::as_str);
            let is_known = known.contains(uuid) || other.is_some_and(|status| status != "DELETED");
            // What could not be asked for is in the list of what is unknown.
            if is_known || cloud.unknown.iter().any(|unknown| unknown.what.contains(uuid)) {
                continue;
            }
            let stranger = Stranger::of(host.name.clone(), &one.domain, one.state);
            let name = stranger.server_name.clone().unwrap_or_else(|| one.domain.name.clone());
            let said = match other {
                Some(_) => "the server is deleted",
                None => "no such server",
            };
            let finding = Finding::about(Subject::new("domain", name, uuid), stranger.sentence())
                .on(&host.name)
                .saw(Layer::Libvirt, format!("{} ({})", one.domain.name, one.state), "virsh list --all")
                .saw(Layer::Nova, said, format!("GET /servers/{uuid}"))
                .command(format!("{}# virsh dumpxml {}", host.name, one.domain.name));
            found.push(match stranger.is_nova_s {
                true => finding.advice(
                    "it takes CPUs and memory that Nova counts as free: make sure that nobody needs its disk, then virsh destroy and undefine it",
                ),
                false => finding.at_most(Severity::Note).advice("it was started outside Nova, which does not count it"),
            });
        }
    }
    found
}

fn twin(guest: &GuestSnapshot) -> Vec<Finding> {
    if guest.is_between_hosts() {
        return Vec::new();
    }
    let here = guest.domain.as_ref().map(|found| found.state.to_string());
    let finding = |other: &crate::guest::Elsewhere| {
        let nova = guest.server.host.as_deref().unwrap_or("no host");
        let sentence = match &here {
            Some(here) => format!(
                "it has a domain on {nova} ({here}), where Nova says that it is, and another on {} ({})",
                other.host, other.state
            ),
            None => format!(
                "it has a domain on {} ({}), and Nova says that it is on {nova}",
                other.host, other.state
            ),
        };
        Finding::about(Subject::new("guest", &guest.server.name, format!("{}@{}", guest.server.id, other.host)), sentence)
            .on(&other.host)
            .saw(Layer::Nova, format!("on {nova}"), format!("GET /servers/{}", guest.server.id))
            .saw(Layer::Libvirt, format!("{} on {}: {}", other.domain, other.host, other.state), "virsh list --all")
            .advice("two that run at once destroy their disk: find out which one has the newer data, then virsh destroy and undefine the other")
            .command(format!("{}# virsh domstate --reason {}", other.host, other.domain))
    };
    guest.elsewhere.iter().map(finding).collect()
}

/// Whether the folder of guests is the same one on two hosts: on storage that both mount. Where the
/// file systems are not known, the same entries have to do.
pub(super) fn are_one_folder(one: &Machine, other: &Machine) -> bool {
    one.instances == other.instances
        && (one.instances_on.is_empty()
            || one.instances_on == other.instances_on && is_remote(&one.instances_on))
}

fn left_over_files(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    if !cloud.is_whole {
        return Vec::new();
    }
    let by_id = by_id(guests);
    let mut found = Vec::new();
    for host in cloud.hosts.values() {
        let Some(machine) = &host.machine else { continue };
        for entry in &machine.instances {
            let uuid = ["_resize", "_del"]
                .iter()
                .fold(entry.as_str(), |name, end| name.strip_suffix(end).unwrap_or(name));
            let is_uuid = uuid.len() == 36 && uuid.chars().all(|c| c == '-' || c.is_ascii_hexdigit());
            if !is_uuid {
                continue;
            }
            let guest = by_id.get(uuid);
            let is_expected = match guest {
                // With shared storage the folder is seen on every host.
                Some(guest) => {
                    let suffix_is_right = uuid == entry || guest.is_between_hosts();
                    let is_shared = || {
                        let other = cloud.hosts.get(guest.host()).and_then(|other| other.machine.as_ref());
                        other.is_some_and(|other| are_one_folder(machine, other))
                    };
                    suffix_is_right
                        && (guest.host() == host.name
                            || guest.is_between_hosts()
                            || guest.server.host.is_none()
                            || is_shared())
                }
                None => {
                    cloud.other_servers.contains_key(uuid)
                        || host.domains.iter().any(|found| found.domain.uuid == uuid)
                }
            };
            if is_expected {
                continue;
            }
            let path = format!("{}/{entry}", machine.instances_path);
            let whose = guest.map_or("of no server".to_string(), |guest| {
                format!(
                    "of `{}`, which is on {}",
                    guest.server.name,
                    guest.server.host.as_deref().unwrap_or("no host")
                )
            });
            found.push(
                Finding::about(Subject::new("folder", format!("{}:{path}", host.name), format!("{}:{path}", host.name)), format!("{path} is {whose}"))
                    .on(&host.name)
                    .saw(Layer::Files, "it is there", path.clone())
                    .saw(Layer::Nova, whose, format!("GET /servers/{uuid}"))
                    .advice("a migration of that guest to this host fails while it is there: move it away once nobody needs its disk")
                    .command(format!("{}# ls -la {path}", host.name)),
            );
        }
    }
    found
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "power",
        severity: Severity::Error,
        about: "Nova's status is not libvirt's state: ACTIVE without a running domain, SHUTOFF with one",
        source: "osops nova-libvirt-compare",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Libvirt],
        judge: Judge::Guest(power),
    },
    Rule {
        name: "stranger",
        severity: Severity::Error,
        about: "A domain that Nova made and does not know; a note for one that someone else made",
        source: "osops; LP 1285000",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Libvirt],
        judge: Judge::Cloud(stranger),
    },
    Rule {
        name: "twin",
        severity: Severity::Error,
        about: "A guest has a domain on a host where Nova does not say that it is",
        source: "LP 1713783, LP 1764883, LP 1794996, LP 1628606",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Libvirt],
        judge: Judge::Guest(twin),
    },
    Rule {
        name: "left-over-files",
        severity: Severity::Warning,
        about: "A guest's folder on a host where that guest is not",
        source: "LP 1761062 (DestinationDiskExists), LP 1997352",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Files],
        judge: Judge::Cloud(left_over_files),
    },
];
