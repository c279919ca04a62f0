//! Where placement would take the resources from, and what changes when parts of the question are left out.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

use super::facts::{AT_ONCE, Facts, ask};
use super::placement::DISABLED;
use super::wanted::{ResourceWish, Wanted};
use crate::cloud::{Aggregate, CandidateQuery, Cloud, Microversion};
use crate::error::Result;

/// What may be left out of the question, to see whether it is the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Class(String, String),
    Trait(String, String),
    Zone,
    Disabled,
}

impl Part {
    /// In a sentence.
    fn words(&self, wish: &ResourceWish) -> String {
        match self {
            Part::Class(suffix, class) => {
                let amount = wish.groups.get(suffix).and_then(|ask| ask.resources.get(class)).copied();
                super::placement::counted(class, amount.unwrap_or(0))
            }
            Part::Trait(_, name) => format!("the trait {name}"),
            Part::Zone => "the availability zone (by the aggregates that placement knows)".into(),
            Part::Disabled => format!("the trait {DISABLED}"),
        }
    }
}

/// Where placement would take the resources from: the ids of the providers. With `in_tree` only a host's,
/// and with a part left out.
pub(super) async fn candidates(
    cloud: &Cloud,
    wanted: &Wanted,
    wish: &ResourceWish,
    facts: &Facts,
    only: Option<(&str, &Part)>,
) -> Result<BTreeSet<String>> {
    let without = only.map(|(_, part)| part);
    let mut query = CandidateQuery::default();
    for (suffix, group) in &wish.groups {
        let is_left_out = |part: Part| without == Some(&part);
        let resources: BTreeMap<String, u64> = group
            .resources
            .iter()
            .filter(|(class, _)| !is_left_out(Part::Class(suffix.clone(), (*class).clone())))
            .map(|(class, amount)| (class.clone(), *amount))
            .collect();
        let stays = |name: &&String| !is_left_out(Part::Trait(suffix.clone(), (*name).clone()));
        let required = group.required.iter().filter(stays).cloned();
        let forbidden = group.forbidden.iter().filter(stays).map(|name| format!("!{name}"));
        let traits: Vec<String> = required.chain(forbidden).collect();
        if suffix.is_empty() {
            (query.resources, query.traits) = (resources, traits);
            continue;
        }
        let resources: Vec<String> =
            resources.iter().map(|(class, amount)| format!("{class}:{amount}")).collect();
        if !resources.is_empty() {
            query.more.push((format!("resources{suffix}"), resources.join(",")));
        }
        if !traits.is_empty() {
            query.more.push((format!("required{suffix}"), traits.join(",")));
        }
    }
    let suffixed = wish.groups.keys().filter(|suffix| !suffix.is_empty()).count();
    match &wish.policy {
        Some(policy) if suffixed > 0 => query.more.push(("group_policy".into(), policy.clone())),
        None if suffixed > 1 => query.more.push(("group_policy".into(), "none".into())),
        _ => {}
    }
    if without != Some(&Part::Disabled) {
        match cloud.placement_microversion().await? >= Microversion(1, 35) {
            true => query.more.push(("root_required".into(), format!("!{DISABLED}"))),
            false => query.traits.push(format!("!{DISABLED}")),
        }
    }
    let zone = zone_aggregates(wanted, facts);
    if !zone.is_empty() && without != Some(&Part::Zone) {
        query.more.push(("member_of".into(), format!("in:{}", zone.join(","))));
    }
    let root = only.map(|(root, _)| root).or_else(|| facts.root_of(wanted.host.as_deref()?));
    if let Some(root) = root {
        query.more.push(("in_tree".into(), root.to_string()));
    }
    let found = cloud.allocation_candidates(&query).await?;
    Ok(found.into_iter().flat_map(|one| one.resources.into_keys()).collect())
}

/// The UUIDs of the aggregates that make the zone; none for the default zone, which is no restriction.
fn zone_aggregates(wanted: &Wanted, facts: &Facts) -> Vec<String> {
    let Some(zone) = &wanted.zone else { return Vec::new() };
    let of_zone = |one: &&Aggregate| one.availability_zone.as_ref() == Some(zone);
    facts.aggregates.iter().flatten().filter(of_zone).filter_map(|one| one.uuid.clone()).collect()
}

/// Hosts that are asked for with parts left out, and parts of a question: else it takes too long.
const LEFT_OUT: (usize, usize) = (4, 24);

/// For hosts that placement does not name though nothing visible rules them out: which single part of
/// the question it hangs on.
pub(super) async fn left_out(
    cloud: &Cloud,
    wanted: &Wanted,
    wish: &ResourceWish,
    facts: &Facts,
    hosts: &[String],
) -> BTreeMap<String, Vec<String>> {
    let mut parts: Vec<Part> = Vec::new();
    for (suffix, group) in &wish.groups {
        parts.extend(group.resources.keys().map(|class| Part::Class(suffix.clone(), class.clone())));
        let traits = group.required.iter().chain(&group.forbidden);
        parts.extend(traits.map(|name| Part::Trait(suffix.clone(), name.clone())));
    }
    parts.extend([Part::Disabled]);
    if !zone_aggregates(wanted, facts).is_empty() {
        parts.push(Part::Zone);
    }
    parts.truncate(LEFT_OUT.1);
    let is_open = |host: &&String| {
        facts.candidates.is_ok() && super::judge::visible(wanted, wish, facts, host).is_empty()
    };
    let mut found = BTreeMap::new();
    for host in hosts.iter().filter(is_open).take(LEFT_OUT.0) {
        let Some(root) = facts.root_of(host) else { continue };
        let asks: Vec<_> = parts
            .iter()
            .map(|part| async move {
                let without = candidates(cloud, wanted, wish, facts, Some((root, part))).await;
                without.is_ok_and(|found| !found.is_empty()).then(|| part.words(wish))
            })
            .collect();
        let all = async { Ok(stream::iter(asks).buffered(AT_ONCE).collect::<Vec<Option<String>>>().await) };
        let reasons = ask(all).await.unwrap_or_default().into_iter().flatten().collect();
        found.insert(root.to_string(), reasons);
    }
    found
}
