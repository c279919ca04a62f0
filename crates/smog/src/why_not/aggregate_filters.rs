//! The filters that look at a host's aggregates. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Reason;
use super::facts::{Asked, Facts};
use super::filters::Look::{self, Out, Passes, Unknown};
use super::filters::Question;
use super::spec_match::matches;
use crate::cloud::Aggregate;

fn aggregates_of<'a>(facts: &'a Facts, host: &str) -> Asked<Vec<&'a Aggregate>> {
    match &facts.aggregates {
        Ok(all) => Ok(all.iter().filter(|one| one.hosts.iter().any(|name| name == host)).collect()),
        Err(why) => Err(format!("host aggregates: {why}")),
    }
}

/// All metadata of a host's aggregates; a value may be a list.
fn metadata(aggregates: &[&Aggregate]) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, value) in aggregates.iter().flat_map(|one| &one.metadata) {
        all.entry(key.clone()).or_default().extend(value.split(',').map(|part| part.trim().to_string()));
    }
    all
}

/// AggregateInstanceExtraSpecsFilter.
pub(super) fn aggregate_specs(Question { wanted, facts, host }: Question<'_>) -> Look {
    const BY: &str = "AggregateInstanceExtraSpecsFilter";
    let specs = wanted.flavor.extra_specs.iter().filter_map(|(key, value)| match key.split_once(':') {
        None => Some((key.as_str(), value)),
        Some(("aggregate_instance_extra_specs", key)) => Some((key, value)),
        Some(_) => None,
    });
    let mut specs = specs.peekable();
    if specs.peek().is_none() {
        return Passes;
    }
    let own = match aggregates_of(facts, host) {
        Ok(own) => metadata(&own),
        Err(why) => return Unknown(why),
    };
    for (key, needs) in specs {
        let has = own.get(key).filter(|values| !values.is_empty());
        if has.is_some_and(|values| values.iter().any(|value| matches(value, needs))) {
            continue;
        }
        let fitting = facts.aggregates.iter().flatten().find(|one| {
            one.metadata
                .get(key)
                .is_some_and(|value| value.split(',').any(|part| matches(part.trim(), needs)))
        });
        let help = match fitting {
            Some(one) => {
                format!("{host} in the aggregate `{}`, which has {key}={}", one.name, one.metadata[key])
            }
            None => format!("{key}={needs} on an aggregate of {host}"),
        };
        let rest = match has {
            None => format!("in no aggregate with `{key}`"),
            Some(values) => format!(
                "in aggregates with {key}={}",
                values.iter().map(String::as_str).collect::<Vec<_>>().join(",")
            ),
        };
        return Out(Reason::new(BY, &format!("aggregate {key}"), "is", rest)
            .wanting(format!("{} wants {key}={needs}", wanted.name))
            .helped(help));
    }
    Passes
}

/// AggregateImagePropertiesIsolation.
pub(super) fn aggregate_image(Question { wanted, facts, host }: Question<'_>) -> Look {
    if wanted.image.is_empty() {
        return Passes;
    }
    let own = match aggregates_of(facts, host) {
        Ok(own) => metadata(&own),
        Err(why) => return Unknown(why),
    };
    let (namespace, separator) = match &facts.scheduler {
        Ok(conf) => (
            conf.get("filter_scheduler", "aggregate_image_properties_isolation_namespace"),
            conf.get("filter_scheduler", "aggregate_image_properties_isolation_separator").unwrap_or("."),
        ),
        Err(_) => (None, "."),
    };
    let is_of = |key: &str| namespace.is_none_or(|name| key.starts_with(&format!("{name}{separator}")));
    for (key, values) in own.iter().filter(|(key, _)| is_of(key)) {
        let Some(value) = wanted.image.get(key).filter(|value| !values.contains(*value)) else { continue };
        let only = values.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        return Out(Reason::new(
            "AggregateImagePropertiesIsolation",
            &format!("aggregate {key}"),
            "is",
            format!("in an aggregate for images with {key}={only}"),
        )
        .wanting(format!("the image has {key}={value}"))
        .helped(format!("{value} among the values of `{key}` of the aggregate, or another image")));
    }
    Passes
}

/// AggregateMultiTenancyIsolation.
pub(super) fn tenants(Question { wanted, facts, host }: Question<'_>) -> Look {
    let own = match aggregates_of(facts, host) {
        Ok(own) => own,
        Err(why) => return Unknown(why),
    };
    let of_tenants = metadata(&own);
    let of_tenants = of_tenants.iter().filter(|(key, _)| key.starts_with("filter_tenant_id"));
    let allowed: BTreeSet<&String> = of_tenants.flat_map(|(_, values)| values).collect();
    let Some(project) = &wanted.project_id else {
        return if allowed.is_empty() { Passes } else { Unknown("the project is not known".into()) };
    };
    if allowed.is_empty() || allowed.contains(project) {
        return Passes;
    }
    let is_isolating = |one: &&&Aggregate| one.metadata.keys().any(|key| key.starts_with("filter_tenant_id"));
    let name = own.iter().find(is_isolating).map(|one| one.name.clone()).unwrap_or_default();
    Out(Reason::new(
        "AggregateMultiTenancyIsolation",
        "project",
        "is",
        format!("in the aggregate `{name}`, which is for other projects"),
    )
    .wanting(format!("the server is of project {project}"))
    .helped(format!("the project's id in `filter_tenant_id` of the aggregate `{name}`")))
}
