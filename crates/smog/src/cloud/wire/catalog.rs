//! Keystone's catalog: which URL a service has, in which region, at which interface.

use serde::{Deserialize, Serialize};

use crate::cloud::Service;
use crate::error::{Error, Result};
use crate::some_of::some_of;

/// A service of the catalog.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::cloud) struct CatalogService {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
}

/// One of its endpoints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::cloud) struct Endpoint {
    pub interface: String,
    #[serde(default)]
    pub region: Option<String>,
    #[serde(default)]
    pub region_id: Option<String>,
    #[serde(default)]
    pub url: String,
}

impl Endpoint {
    fn region(&self) -> Option<&str> {
        self.region_id.as_deref().or(self.region.as_deref()).filter(|name| !name.is_empty())
    }

    fn is_in(&self, region: &str) -> bool {
        self.region_id.as_deref() == Some(region) || self.region.as_deref() == Some(region)
    }
}

/// An endpoint, and what a person should know of how it was chosen.
#[derive(Debug, PartialEq)]
pub(super) struct Chosen<'a> {
    pub url: &'a str,
    pub region: Option<&'a str>,
    /// Regions among which smog chose, because none was named.
    pub among: Vec<&'a str>,
}

/// The URL of a service.
///
/// A region that was named counts exactly as the catalog writes it. Without one, it is
/// the first in which Nova is, for all services alike: keystone's order decides, as it
/// does for OpenStack's own clients.
///
/// # Errors
/// [`Error::NotFound`] for a service that the catalog lacks, [`Error::Invalid`] for a
/// region or an interface that it lacks, with those there are.
pub(super) fn choose<'a>(
    catalog: &'a [CatalogService],
    service: Service,
    region: Option<&str>,
    interface: &str,
    source: &str,
) -> Result<Chosen<'a>> {
    let all = regions(catalog.iter().flat_map(|service| &service.endpoints));
    if let Some(asked) = region
        && !catalog.iter().flat_map(|service| &service.endpoints).any(|endpoint| endpoint.is_in(asked))
    {
        return Err(Error::Invalid {
            what: format!("region `{asked}`"),
            why: match all.is_empty() {
                true => "the cloud's catalog names no region".into(),
                false => {
                    format!("the cloud's catalog has no such region; its regions are {}", some_of(&all))
                }
            },
            hint: Some(format!("the region comes from {source}; upper and lower case matter").into()),
        });
    }
    let endpoints = service
        .types()
        .iter()
        .find_map(|kind| {
            let mut same = catalog.iter().filter(|service| service.kind == *kind).peekable();
            same.peek()?;
            Some(same.flat_map(|service| &service.endpoints).collect::<Vec<_>>())
        })
        .filter(|endpoints| !endpoints.is_empty())
        .ok_or_else(|| Error::NotFound {
            what: "service in the cloud's catalog".into(),
            name: service.name().into(),
            near: vec![],
        })?;
    let home = match region {
        Some(asked) => Some(asked),
        None => first_region(catalog, interface),
    };
    let in_home: Vec<&Endpoint> = match home {
        Some(home) => endpoints.iter().copied().filter(|endpoint| endpoint.is_in(home)).collect(),
        None => endpoints.clone(),
    };
    let here = match (in_home.is_empty(), region) {
        (false, _) => in_home,
        (true, None) => endpoints.clone(),
        (true, Some(asked)) => {
            return Err(Error::Invalid {
                what: format!("region `{asked}`"),
                why: format!(
                    "the {} service has no endpoint in it, but in {}",
                    service.name(),
                    some_of(&regions(endpoints.iter().copied()))
                ),
                hint: Some(format!("the region comes from {source}").into()),
            });
        }
    };
    let Some(found) = here.iter().find(|endpoint| endpoint.interface == interface) else {
        let there: Vec<&str> = distinct(here.iter().map(|endpoint| endpoint.interface.as_str()));
        return Err(Error::Invalid {
            what: format!("interface `{interface}`"),
            why: format!(
                "the catalog has no such endpoint of the {} service; there are: {}",
                service.name(),
                some_of(&there)
            ),
            hint: Some(format!("the interface comes from {source}").into()),
        });
    };
    let among = match region {
        Some(_) => vec![],
        None => regions(endpoints.iter().copied().filter(|endpoint| endpoint.interface == interface)),
    };
    Ok(Chosen {
        url: &found.url,
        region: found.region(),
        among: if among.len() > 1 { among } else { vec![] },
    })
}

fn first_region<'a>(catalog: &'a [CatalogService], interface: &str) -> Option<&'a str> {
    let kinds = Service::Compute.types();
    let compute = catalog.iter().filter(|service| kinds.contains(&service.kind.as_str()));
    compute
        .flat_map(|service| &service.endpoints)
        .find(|endpoint| endpoint.interface == interface)
        .and_then(Endpoint::region)
}

fn regions<'a>(endpoints: impl Iterator<Item = &'a Endpoint>) -> Vec<&'a str> {
    distinct(endpoints.filter_map(Endpoint::region))
}

/// Each once, in the order of the catalog.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    names.fold(vec![], |mut seen, name| {
        if !seen.contains(&name) {
            seen.push(name);
        }
        seen
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(kind: &str, endpoints: &[(&str, &str, &str)]) -> CatalogService {
        let endpoint = |(region, interface, url): &(&str, &str, &str)| Endpoint {
            interface: interface.to_string(),
            region: Some(region.to_string()),
            region_id: Some(region.to_string()),
            url: url.to_string(),
        };
        CatalogService { kind: kind.into(), endpoints: endpoints.iter().map(endpoint).collect() }
    }

    fn two_regions() -> Vec<CatalogService> {
        vec![
            service("network", &[("RegionTwo", "public", "n2"), ("RegionOne", "public", "n1")]),
            service(
                "compute",
                &[
                    ("RegionOne", "public", "c1"),
                    ("RegionOne", "internal", "i1"),
                    ("RegionTwo", "public", "c2"),
                ],
            ),
            service("image", &[("RegionTwo", "public", "g2")]),
            service("volumev3", &[("RegionOne", "public", "v1")]),
        ]
    }

    fn url(service: Service, region: Option<&str>, interface: &str) -> std::result::Result<String, String> {
        let catalog = two_regions();
        choose(&catalog, service, region, interface, "the OS_* variables")
            .map(|chosen| chosen.url.to_string())
            .map_err(|why| why.to_string())
    }

    #[test]
    fn a_region_counts_exactly_and_those_there_are_are_named() {
        assert_eq!(url(Service::Compute, Some("RegionTwo"), "public").as_deref(), Ok("c2"));
        assert_eq!(
            url(Service::Compute, Some("regionone"), "public"),
            Err("region `regionone`: the cloud's catalog has no such region; its regions are RegionTwo, \
                 RegionOne"
                .into())
        );
        assert_eq!(
            url(Service::Image, Some("RegionOne"), "public"),
            Err("region `RegionOne`: the image service has no endpoint in it, but in RegionTwo".into())
        );
    }

    #[test]
    fn without_a_region_all_services_are_those_of_nova_s_first() {
        assert_eq!(url(Service::Compute, None, "public").as_deref(), Ok("c1"));
        // Not n2, which stands first for itself.
        assert_eq!(url(Service::Network, None, "public").as_deref(), Ok("n1"));
        // What is only elsewhere is better than nothing.
        assert_eq!(url(Service::Image, None, "public").as_deref(), Ok("g2"));
        let catalog = two_regions();
        let chosen = choose(&catalog, Service::Compute, None, "public", "x").expect("c1");
        assert_eq!((chosen.region, chosen.among), (Some("RegionOne"), vec!["RegionOne", "RegionTwo"]));
        let named = choose(&catalog, Service::Compute, Some("RegionOne"), "public", "x").expect("c1");
        assert!(named.among.is_empty());
    }

    #[test]
    fn an_interface_that_is_not_there_is_named_with_those_there_are() {
        assert_eq!(url(Service::Compute, None, "internal").as_deref(), Ok("i1"));
        assert_eq!(
            url(Service::Compute, Some("RegionOne"), "admin"),
            Err("interface `admin`: the catalog has no such endpoint of the compute service; there are: \
                 public, internal"
                .into())
        );
    }

    #[test]
    fn services_are_found_by_their_official_aliases() {
        assert_eq!(url(Service::BlockStorage, None, "public").as_deref(), Ok("v1"));
        assert_eq!(
            url(Service::Placement, None, "public"),
            Err("no service in the cloud's catalog called `placement`".into())
        );
    }
}
