//! The rule about filters that flavors need.

use std::collections::BTreeSet;

use super::{Judge, Proof, Rule};
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, Layer, Severity, Subject};

/// Nova's own default of `enabled_filters` (2025.1).
const DEFAULT: &str = "ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,ServerGroupAntiAffinityFilter,\
                       ServerGroupAffinityFilter";

/// Keys of flavors, and the filter without which the scheduler does not look at them.
const NEEDS: &[(&str, &[&str])] = &[
    ("NUMATopologyFilter", &["hw:cpu_policy", "hw:numa_nodes", "hw:mem_page_size", "hw:cpu_dedicated_mask"]),
    ("PciPassthroughFilter", &["pci_passthrough:alias"]),
    ("AggregateInstanceExtraSpecsFilter", &["aggregate_instance_extra_specs:"]),
];

fn filters(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let Some(flavors) = &cloud.flavors else { return Vec::new() };
    let mut found = Vec::new();
    for host in cloud.hosts.values() {
        let Some(conf) = host.machine.as_ref().and_then(|machine| machine.scheduler.as_ref()) else {
            continue;
        };
        let set = conf.get("filter_scheduler", "enabled_filters");
        let enabled: BTreeSet<&str> = set.unwrap_or(DEFAULT).split(',').map(str::trim).collect();
        let mut wrong: Vec<(&str, String, Vec<&str>, &str)> = Vec::new();
        for (filter, keys) in NEEDS.iter().filter(|(filter, _)| !enabled.contains(filter)) {
            let asks = |key: &String| keys.iter().any(|wanted| key.starts_with(wanted));
            let asking = flavors.iter().filter(|flavor| flavor.extra_specs.keys().any(asks));
            let asking: Vec<&str> = asking.map(|flavor| flavor.name.as_str()).collect();
            if !asking.is_empty() {
                let said = format!("{filter} is not enabled, which {} of the flavors need", asking.len());
                wrong.push((filter, said, asking, "enable the filter, and restart nova-scheduler: without it such servers land on hosts that cannot run them"));
            }
        }
        if ["AggregateInstanceExtraSpecsFilter", "ComputeCapabilitiesFilter"]
            .iter()
            .all(|one| enabled.contains(one))
        {
            let asking =
                flavors.iter().filter(|flavor| flavor.extra_specs.keys().any(|key| !key.contains(':')));
            let asking: Vec<&str> = asking.map(|flavor| flavor.name.as_str()).collect();
            if !asking.is_empty() {
                let said = "ComputeCapabilitiesFilter takes keys of flavors without a scope for its own, and rules out every host".to_string();
                wrong.push((
                    "unscoped",
                    said,
                    asking,
                    "write such keys with their scope: aggregate_instance_extra_specs:KEY",
                ));
            }
        }
        for (part, said, flavors, advice) in wrong {
            let shown: Vec<String> = flavors.iter().take(4).map(|name| format!("`{name}`")).collect();
            let more =
                if flavors.len() > 4 { format!(" and {} more", flavors.len() - 4) } else { String::new() };
            let shown = format!("{}{more}", shown.join(", "));
            found.push(
                Finding::about(Subject::named("host", &host.name), format!("{said} ({shown})"))
                    .part(part)
                    .on(&host.name)
                    .saw(
                        Layer::Files,
                        format!("enabled_filters = {}", set.unwrap_or("(not set)")),
                        "nova.conf, [filter_scheduler]",
                    )
                    .saw(Layer::Nova, format!("flavors {shown}"), "GET /flavors/detail")
                    .advice(advice)
                    .command(format!("{}# grep -n enabled_filters /etc/nova/nova.conf", host.name)),
            );
        }
    }
    found
}

pub(super) const RULES: &[Rule] = &[Rule {
    name: "filters",
    severity: Severity::Warning,
    about: "The scheduler lacks a filter that flavors need, or two filters claim the same keys of them",
    source: "LP 1279719; risu",
    proof: Proof::Lab,
    layers: &[Layer::Nova, Layer::Files],
    judge: Judge::Cloud(filters),
}];
