//! The rule about server groups.

use std::collections::BTreeMap;

use super::{Judge, Proof, Rule, by_id};
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, Layer, Severity, Subject};

fn group_broken(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    let guests = by_id(guests);
    let mut found = Vec::new();
    for group in cloud.groups.iter().flatten() {
        let mut on: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let members = group.members.iter().filter_map(|id| guests.get(id.as_str()));
        for guest in members.filter(|guest| guest.has_place() && !guest.is_between_hosts()) {
            on.entry(guest.host()).or_default().push(&guest.server.name);
        }
        let most = group.rules.get("max_server_per_host").and_then(serde_json::Value::as_u64).unwrap_or(1);
        let names =
            |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let about = |sentence: String, host: Option<&str>| {
            let finding = Finding::about(Subject::new("server group", &group.name, &group.id), sentence)
                .saw(Layer::Nova, format!("policy {}", group.policy), "GET /os-server-groups?all_projects=true")
                .saw(
                    Layer::Nova,
                    on.iter().map(|(host, members)| format!("{host}: {}", names(members))).collect::<Vec<_>>().join("; "),
                    "GET /servers/detail",
                )
                .advice("it was booted or moved in parallel with another member, or to a named host: migrate one of them")
                .command(format!("openstack server group show {}", group.id));
            match host {
                Some(host) => finding.part(host).on(host),
                None => finding,
            }
        };
        match group.policy.as_str() {
            "anti-affinity" => {
                for (host, members) in on.iter().filter(|(_, members)| members.len() as u64 > most) {
                    let sentence = format!(
                        "its policy is anti-affinity, at most {most} per host, and {} are on {host}",
                        names(members)
                    );
                    found.push(about(sentence, Some(host)));
                }
            }
            "affinity" if on.len() > 1 => {
                let hosts: Vec<&str> = on.keys().copied().collect();
                let sentence =
                    format!("its policy is affinity, and its members are on {}", hosts.join(" and "));
                found.push(about(sentence, None));
            }
            _ => {}
        }
    }
    found
}

pub(super) const RULES: &[Rule] = &[Rule {
    name: "group-broken",
    severity: Severity::Warning,
    about: "The members of a server group are not where its policy (affinity, anti-affinity) lets them be",
    source: "LP 1821755, LP 1735407; osops antiaffinitycheck",
    proof: Proof::Lab,
    layers: &[Layer::Nova],
    judge: Judge::Cloud(group_broken),
}];
