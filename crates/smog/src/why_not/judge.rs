//! Each host in the order in which Nova asks: the API, placement, then the scheduler's filters. Pure.

use super::answer::{HostVerdict, Reason, SOURCE, Verdict};
use super::facts::{Asked, Facts};
use super::filters::{self, DEFAULT, Look, OTHERS, Question};
use super::network;
use super::placement::{self, DISABLED, SHARES};
use super::wanted::{ResourceWish, Wanted};
use crate::findings::NovaConf;

/// What is said of each compute host.
pub(super) fn judge(wanted: &Wanted, wish: &ResourceWish, facts: &Facts) -> Vec<HostVerdict> {
    let mut all: Vec<HostVerdict> =
        facts.computes(wanted).into_iter().map(|host| of_host(wanted, wish, facts, host)).collect();
    all.sort_by(|one, other| (one.verdict, &one.host).cmp(&(other.verdict, &other.host)));
    all
}

fn of_host(wanted: &Wanted, wish: &ResourceWish, facts: &Facts, host: String) -> HostVerdict {
    let (mut reasons, mut unknown) = (Vec::new(), Vec::new());
    reasons.extend(api(wanted, facts, &host));
    let by_placement = by_placement(wanted, wish, facts, &host);
    let is_named = match by_placement {
        Ok(found) => {
            let is_named = found.is_empty();
            reasons.extend(found);
            is_named
        }
        Err(why) => {
            reasons.extend(visible(wanted, wish, facts, &host));
            unknown.push(format!("placement: {why}"));
            true
        }
    };
    let question = Question { wanted, facts, host: &host };
    let (enabled, is_known) = enabled(&facts.scheduler);
    for filter in &enabled {
        match filters::ask(filter, question) {
            Some(Look::Passes) => {}
            Some(Look::Out(reason)) => reasons.push(reason),
            // What needs the host was not asked where placement rules it out.
            Some(Look::Unknown(why)) if is_named => unknown.push(format!("{filter}: {why}")),
            Some(Look::Unknown(_)) => {}
            None => unknown.push(format!("{filter}: smog does not compute this filter")),
        }
    }
    match network::reasons(wanted, facts, &host) {
        Ok(found) => reasons.extend(found),
        Err(why) => unknown.push(why),
    }
    unknown.extend(uncomputed(wanted, &facts.scheduler));
    if let Err(why) = is_known {
        for filter in OTHERS {
            if let Some(Look::Out(reason)) = filters::ask(filter, question) {
                unknown.push(format!("{filter} rules it out, if it is enabled: it {}", reason.sentence));
            }
        }
        unknown.push(format!("which filters are enabled in addition to the default ones: {why}"));
    }
    // Placement and ComputeFilter both say that a service is disabled.
    let mut said = std::collections::BTreeSet::new();
    reasons.retain(|reason: &Reason| said.insert(reason.sentence.clone()));
    let verdict = match (reasons.is_empty(), unknown.is_empty()) {
        (false, _) => Verdict::RuledOut,
        (true, true) => Verdict::Fits,
        (true, false) => Verdict::Unknown,
    };
    HostVerdict { host, verdict, reasons, unknown }
}

/// Options that make Nova ask placement for more than smog does: `[scheduler]` unless said otherwise.
const NARROWING: [&str; 6] = [
    "limit_tenants_to_placement_aggregate",
    "placement_aggregate_required_for_tenants",
    "enable_isolated_aggregate_filtering",
    "query_placement_for_routed_network_aggregates",
    "query_placement_for_image_type_support",
    "image_metadata_prefilter",
];

/// What is configured and not computed.
fn uncomputed(wanted: &Wanted, scheduler: &Asked<NovaConf>) -> Vec<String> {
    let Ok(conf) = scheduler else { return Vec::new() };
    let is_on = |section: &str, key: &str| {
        conf.get(section, key)
            .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on"))
    };
    let mut on: Vec<&str> = NARROWING.into_iter().filter(|key| is_on("scheduler", key)).collect();
    if !wanted.pci_aliases().is_empty() && is_on("filter_scheduler", "pci_in_placement") {
        on.push("pci_in_placement");
    }
    on.into_iter().map(|key| format!("`{key}` is on in nova.conf, which smog does not compute")).collect()
}

/// The scheduler's filters in their order, and whether that is what is configured.
fn enabled(scheduler: &Asked<NovaConf>) -> (Vec<String>, std::result::Result<(), String>) {
    let default = || DEFAULT.map(str::to_string).to_vec();
    match scheduler {
        Ok(conf) => match conf.get("filter_scheduler", "enabled_filters") {
            Some(text) => {
                let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
                (names.map(|name| name.rsplit('.').next().unwrap_or(name).to_string()).collect(), Ok(()))
            }
            None => (default(), Ok(())),
        },
        Err(why) => (default(), Err(why.clone())),
    }
}

/// What Nova refuses before it asks anybody, and the host that a move leaves.
fn api(wanted: &Wanted, facts: &Facts, host: &str) -> Option<Reason> {
    if let (Some(zone), Ok(zones)) = (&wanted.zone, &facts.zones)
        && !zones.iter().any(|one| one.name == *zone)
    {
        let names: Vec<&str> =
            zones.iter().map(|one| one.name.as_str()).filter(|name| *name != "internal").collect();
        let rest = format!("in no availability zone called `{zone}`: there is none");
        return Some(
            Reason::new("nova-api", "availability zone", "is", rest)
                .helped(format!("one of the zones that are there: {}", names.join(", "))),
        );
    }
    let may_stay = wanted.is_resize
        && facts.scheduler.as_ref().is_ok_and(|conf| {
            conf.get("DEFAULT", "allow_resize_to_same_host")
                .is_some_and(|text| text.eq_ignore_ascii_case("true"))
        });
    (wanted.source.as_deref() == Some(host) && !may_stay)
        .then(|| Reason::new("nova-conductor", SOURCE, "is", "the host that the guest leaves"))
}

/// Why placement does not name the host; nothing when it does.
fn by_placement(wanted: &Wanted, wish: &ResourceWish, facts: &Facts, host: &str) -> Asked<Vec<Reason>> {
    let tree = facts.tree(host);
    let named = match &facts.candidates {
        Ok(named) => named,
        // Placement calls a class or a trait that it does not know a bad request, and so does Nova's question end.
        Err(why) if why.contains("No such") => {
            let found = visible(wanted, wish, facts, host);
            let unknown = Reason::new("placement", "request", "is", format!("ruled out: {why}"));
            return Ok(if found.is_empty() { vec![unknown] } else { found });
        }
        Err(why) => return Err(why.clone()),
    };
    if tree.iter().any(|one| named.contains(&one.provider.id)) {
        return Ok(Vec::new());
    }
    if facts.root_of(host).is_some_and(|root| named.contains(root)) {
        return Ok(Vec::new());
    }
    let found = visible(wanted, wish, facts, host);
    if !found.is_empty() {
        return Ok(found);
    }
    let left_out =
        facts.root_of(host).and_then(|root| facts.left_out.get(root)).filter(|parts| !parts.is_empty());
    Ok(vec![match left_out {
        Some(parts) => {
            Reason::new("placement", &parts.join(", "), "does", format!("not provide {}", parts.join(" or ")))
                .wanting(format!("without it, placement names the host for {}", wanted.name))
        }
        None => Reason::new("placement", "request", "is", "not named by placement, for more than one reason"),
    }])
}

/// What can be seen to rule a host out in placement.
pub(super) fn visible(wanted: &Wanted, wish: &ResourceWish, facts: &Facts, host: &str) -> Vec<Reason> {
    let Ok(providers) = &facts.providers else { return Vec::new() };
    let tree = facts.tree(host);
    if tree.is_empty() {
        let reason = Reason::new("placement", "provider", "has", "no resource provider");
        return vec![reason.helped(format!("a nova-compute on {host} that reports to placement"))];
    }
    let sharing: Vec<_> =
        providers.iter().filter(|one| one.traits.iter().any(|name| name == SHARES)).collect();
    let mut found = placement::reasons(wanted, wish, &tree, &sharing);
    found.extend(zone(wanted, facts, host));
    let is_disabled = tree.first().is_some_and(|one| one.traits.iter().any(|name| name == DISABLED));
    if is_disabled {
        let service =
            facts.services.iter().flatten().find(|one| one.binary == "nova-compute" && one.host == host);
        found.push(match service {
            Some(service) if service.status == "enabled" => Reason::new(
                "placement",
                &format!("trait {DISABLED}"),
                "has",
                format!("the trait {DISABLED}, though its service is enabled"),
            )
            .helped(format!("a restart of nova-compute on {host}, which takes the trait away")),
            service => {
                filters::disabled("placement", service.and_then(|one| one.disabled_reason.as_deref()), host)
            }
        });
    }
    found
}

fn zone(wanted: &Wanted, facts: &Facts, host: &str) -> Option<Reason> {
    let zone = wanted.zone.as_ref()?;
    let aggregates = facts.aggregates.as_ref().ok()?;
    let of_zone: Vec<_> =
        aggregates.iter().filter(|one| one.availability_zone.as_ref() == Some(zone)).collect();
    let is_in = of_zone.iter().any(|one| one.hosts.iter().any(|name| name == host));
    (!of_zone.is_empty() && !is_in).then(|| {
        let hosts: Vec<&str> = of_zone.iter().flat_map(|one| &one.hosts).map(String::as_str).collect();
        let others = if hosts.is_empty() { "no host".to_string() } else { hosts.join(", ") };
        Reason::new("placement", "availability zone", "is", format!("not in the availability zone `{zone}`"))
            .wanting(format!("{others} is in it"))
            .helped(format!("{host} in the aggregate `{}`", of_zone[0].name))
    })
}
