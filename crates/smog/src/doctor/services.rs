//! Each service of the catalog that smog speaks to: where it is, and whether it answers this user.

use serde_json::Value;

use super::{Checkup, Health};
use crate::cloud::{Call, Cloud, Service};
use crate::error::Error;
use crate::hint::Face;

/// A service, a path that shows its version or a list of one entry, and what does not work without it.
struct Needed {
    service: Service,
    path: &'static str,
    without: &'static str,
}

const SERVICES: &[Needed] = &[
    Needed { service: Service::Compute, path: "/", without: "nothing of smog works" },
    Needed {
        service: Service::Placement,
        path: "/",
        without: "why no host takes a guest is not explained, and allocations are not audited",
    },
    Needed { service: Service::Image, path: "/images", without: "no guest boots from an image" },
    Needed {
        service: Service::Network,
        path: "/networks",
        without: "networks, ports and addresses are not shown",
    },
    Needed { service: Service::BlockStorage, path: "/", without: "volumes are not shown" },
];

/// One checkup per service, and one of Nova's own services.
pub(super) async fn look(cloud: &Cloud, face: Face) -> Vec<Checkup> {
    let mut found = Vec::new();
    let services =
        futures_util::future::join_all(SERVICES.iter().map(|needed| look_at(cloud, needed, face))).await;
    found.extend(services);
    found.push(nova_services(cloud, face).await);
    found
}

async fn look_at(cloud: &Cloud, needed: &Needed, face: Face) -> Checkup {
    let (service, what) = (needed.service, needed.service.name());
    let url = match cloud.endpoint(service).await {
        Ok(url) => url,
        Err(why) => {
            // Clouds without volumes are usual; without Nova there is nothing to explore.
            let health = if service == Service::Compute { Health::Failed } else { Health::Limited };
            return Checkup::error("cloud", what, health, &why, face)
                .hint(format!("without it: {}", needed.without));
        }
    };
    match cloud.call(Call::get(service, needed.path).query("limit", "1")).await {
        Ok(answer) => {
            let version = answer.read::<Value>(what).ok().and_then(|body| version(&body));
            let version = version.map(|version| format!(", {version}")).unwrap_or_default();
            Checkup::new("cloud", what, Health::Ok, format!("{url}{version}"))
        }
        Err(why @ Error::Api { status: 401 | 403, .. }) => {
            Checkup::error("cloud", what, Health::Limited, &why, face)
        }
        Err(why) => Checkup::error("cloud", what, Health::Failed, &why, face),
    }
}

/// "microversions 2.1 to 2.100", from a version document.
fn version(body: &Value) -> Option<String> {
    let one = body.get("version").or_else(|| {
        let all = body.get("versions")?.as_array()?;
        all.iter().find(|one| one["status"] == "CURRENT").or_else(|| all.first())
    })?;
    let text = |key: &str| one[key].as_str().filter(|text| !text.is_empty());
    match (text("min_version"), text("version").or(text("max_version"))) {
        (Some(min), Some(max)) => Some(format!("microversions {min} to {max}")),
        _ => text("id").map(str::to_string),
    }
}

async fn nova_services(cloud: &Cloud, face: Face) -> Checkup {
    let what = "nova services";
    let services = match cloud.compute_services().await {
        Ok(services) => services,
        Err(why @ Error::Api { status: 403, .. }) => {
            return Checkup::error("cloud", what, Health::Limited, &why, face)
                .hint("only administrators see hosts, so a host is known only where smog.yml lists it");
        }
        Err(why) => return Checkup::error("cloud", what, Health::Unknown, &why, face),
    };
    let down: Vec<String> = services
        .iter()
        .filter(|one| one.state != "up")
        .map(|one| format!("{} on {} is {}", one.binary, one.host, one.state))
        .collect();
    let computes = services.iter().filter(|one| one.binary == "nova-compute").count();
    let seen = format!("{} up, {computes} of them nova-compute", services.len() - down.len());
    match (services.is_empty(), down.is_empty()) {
        (true, _) => Checkup::new("cloud", what, Health::Failed, "Nova lists no service"),
        (false, true) => Checkup::new("cloud", what, Health::Ok, seen),
        (false, false) => {
            let down = crate::some_of::some_of(&down);
            Checkup::new("cloud", what, Health::Limited, format!("{down}; {seen}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::version;

    /// The documents that Nova 31 and placement 13 of the lab answered at their roots.
    #[test]
    fn versions_of_recorded_documents() {
        let nova =
            json!({"version": {"id": "v2.1", "status": "CURRENT", "version": "2.100", "min_version": "2.1"}});
        assert_eq!(version(&nova).as_deref(), Some("microversions 2.1 to 2.100"));
        let placement = json!({"versions": [{"id": "v1.0", "max_version": "1.39", "min_version": "1.0", "status": "CURRENT"}]});
        assert_eq!(version(&placement).as_deref(), Some("microversions 1.0 to 1.39"));
        let glance = json!({"versions": [{"id": "v2.9", "status": "SUPPORTED"}, {"id": "v2.16", "status": "CURRENT"}]});
        assert_eq!(version(&glance).as_deref(), Some("v2.16"));
        assert_eq!(version(&json!({"images": []})), None);
    }
}
