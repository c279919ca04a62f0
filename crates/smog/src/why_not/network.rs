//! Neutron: whether a port of a network can be bound on a host. Nova does not ask before it has chosen a
//! host; where the binding fails it tries the next one, and ends in "No valid host" when none is left.

use super::answer::Reason;
use super::facts::{Asked, Facts};
use super::wanted::Wanted;
use crate::cloud::NetworkAgent;

/// Agents that bind ports, as Neutron names their kinds.
const BINDS: [&str; 3] = ["Open vSwitch agent", "Linux bridge agent", "OVN Controller agent"];

/// Why no port can be bound on a host; `Err` for what is not known.
pub(super) fn reasons(wanted: &Wanted, facts: &Facts, host: &str) -> Asked<Vec<Reason>> {
    if wanted.networks.is_empty() {
        return Ok(Vec::new());
    }
    let agents = facts.agents.as_ref().map_err(|why| format!("Neutron's agents: {why}"))?;
    let here: Vec<&NetworkAgent> =
        agents.iter().filter(|one| one.host == host && BINDS.contains(&one.kind.as_str())).collect();
    let reason = |verb, rest: String| Reason::new("neutron", "port binding", verb, rest);
    let Some(first) = here.first() else {
        let found = reason("has", "no agent of Neutron's that binds ports".into());
        return Ok(vec![found.helped(format!("an agent of Neutron's on {host}"))]);
    };
    let works = |one: &&&NetworkAgent| one.alive && one.admin_state_up;
    if here.iter().find(works).is_none() {
        let state = if first.alive { "switched off" } else { "down" };
        let found = reason("has", format!("only a network agent that is {state} ({})", first.kind));
        return Ok(vec![found.helped(format!("the {} on {host} up again", first.kind))]);
    }
    let mut found = Vec::new();
    for network in &wanted.networks {
        // OVN knows mappings of its own, which its agent does not show here.
        if here.iter().any(|one| one.kind.starts_with("OVN")) {
            continue;
        }
        let kind = network.kind.as_deref().unwrap_or_default();
        let reach = here.iter().filter(|one| works(one)).map(|one| &one.reaches);
        let (is_reached, what) = match (kind, &network.physical_network) {
            ("flat" | "vlan", Some(physical)) => (
                reach.clone().any(|one| one.physical_networks.contains(physical)),
                format!("the physical network `{physical}`"),
            ),
            ("vxlan" | "gre" | "geneve", _) => {
                (reach.clone().any(|one| one.tunnels.contains(kind)), format!("{kind} tunnels"))
            }
            ("local", _) => (true, String::new()),
            _ => return Err(format!("the kind of network `{}` is not shown to this user", network.name)),
        };
        if !is_reached {
            found.push(
                reason("does", format!("not reach network `{}`: its agent lacks {what}", network.name))
                    .helped(format!("{what} in the configuration of the network agent on {host}")),
            );
        }
    }
    Ok(found)
}
