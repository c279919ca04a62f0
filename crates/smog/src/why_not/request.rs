//! What a person asks, and what it comes to.

use std::collections::BTreeMap;

use serde_json::Value;

use super::limits::Charge;
use super::wanted::{Wanted, WantedFlavor};
use crate::cloud::server_actions::Kind;
use crate::cloud::{
    Action, BootRequest, Call, Cloud, Flavor, FlavorChoice, Image, LiveMigration, Order, Server, ServerGroup,
    Service,
};
use crate::error::{Error, Result};
use crate::trace::TraceWanted;
use crate::watch::LogsWanted;

/// What no host was found for, or what a host is looked for. A face only fills it in.
#[derive(Debug, Clone, Default)]
pub struct WhyNotRequest {
    /// A guest (name, id, or an unambiguous beginning) or a request ("req-…") that found no host.
    pub of: Option<String>,
    /// Flavor by name or id; of a guest: the one it shall get.
    pub flavor: Option<String>,
    /// Image by name or id.
    pub image: Option<String>,
    /// Only this compute host.
    pub host: Option<String>,
    /// Server group by name or id.
    pub group: Option<String>,
    /// Availability zone.
    pub zone: Option<String>,
    /// Networks by name or id, one for each port.
    pub networks: Vec<String>,
    /// Scheduler hints, as of a [`BootRequest`].
    pub hints: BTreeMap<String, Value>,
    /// The root disk is a volume: the flavor's disk is not asked of placement.
    pub boots_from_volume: bool,
    /// Whether the scheduler's log is read for a request that found no host.
    pub reads_log: bool,
}

/// A request that found no host.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub request_id: String,
    pub action: Action,
}

/// What it comes to.
pub(super) struct Resolved {
    pub wanted: Wanted,
    /// "flavor `big`, image `cirros`".
    pub asked: String,
    pub failed: Option<Failed>,
    pub notes: Vec<String>,
}

impl WhyNotRequest {
    /// Why this boot found no host: the server it left, and what was asked for in addition to its flavor.
    pub fn of_boot(server_id: Option<&str>, request: &BootRequest) -> WhyNotRequest {
        let flavor = match (&request.flavor, server_id) {
            (FlavorChoice::Named(name), None) => Some(name.clone()),
            _ => None,
        };
        WhyNotRequest {
            of: server_id.map(str::to_string),
            flavor,
            image: request.image.clone().filter(|_| server_id.is_none()),
            host: request.host.clone(),
            group: request.server_group.clone(),
            zone: request.availability_zone.clone(),
            networks: Vec::new(),
            hints: request.hints.clone(),
            boots_from_volume: request.boots_from_volume(),
            reads_log: false,
        }
    }

    /// Why this order to a server found no host.
    pub fn of_order(server_id: &str, order: &Order) -> WhyNotRequest {
        WhyNotRequest {
            of: Some(server_id.to_string()),
            flavor: order.text_of(Kind::Flavor).map(str::to_string),
            image: order.text_of(Kind::Image).map(str::to_string),
            host: order.text_of(Kind::Host).map(str::to_string),
            ..WhyNotRequest::default()
        }
    }

    /// Why this live migration found no host.
    pub fn of_live_migration(server_id: &str, how: &LiveMigration) -> WhyNotRequest {
        let (of, host) = (Some(server_id.to_string()), how.host.clone());
        WhyNotRequest { of, host, ..WhyNotRequest::default() }
    }

    /// Look everything up that has a name.
    ///
    /// # Errors
    /// [`Error::Invalid`] when nothing is asked for, and for a failed resize without the flavor, which
    /// Nova does not record; [`Error::NotFound`] and [`Error::Ambiguous`] for names.
    pub(super) async fn resolve(&self, cloud: &Cloud) -> Result<Resolved> {
        let mut resolved = match &self.of {
            Some(of) => self.of_guest(cloud, of).await?,
            None => self.of_flavor(cloud).await?,
        };
        let wanted = &mut resolved.wanted;
        if let Some(host) = &self.host {
            let host = cloud.compute_host_called(host).await?;
            wanted.host = Some(host.clone());
            resolved.asked.push_str(&format!(", host `{host}`"));
        }
        if let Some(zone) = &self.zone {
            wanted.zone = Some(zone.clone());
            resolved.asked.push_str(&format!(", availability zone `{zone}`"));
        }
        if let Some(group) = &self.group {
            let group = cloud.server_group(group).await?;
            resolved.asked.push_str(&format!(", server group `{}`", group.name));
            if !wanted.groups.iter().any(|one| one.id == group.id) {
                wanted.groups.push(group);
            }
        }
        for network in &self.networks {
            let network = cloud.network(network).await?;
            resolved.asked.push_str(&format!(", network `{}`", network.name));
            wanted.networks.push(network);
        }
        for (name, value) in &self.hints {
            match name.as_str() {
                "same_host" => wanted.same_host.extend(texts(value)),
                "different_host" => wanted.different_host.extend(texts(value)),
                "group" => {
                    for group in texts(value) {
                        wanted.groups.push(cloud.server_group(&group).await?);
                    }
                }
                _ => resolved.notes.push(format!("the scheduler hint `{name}` is not judged")),
            }
        }
        // A server that is there counts already.
        if wanted.guest.is_none()
            && let Some(group) = wanted.groups.first()
        {
            wanted.charge.group = Some((group.name.clone(), group.members.len() as u64));
        }
        Ok(resolved)
    }

    async fn of_flavor(&self, cloud: &Cloud) -> Result<Resolved> {
        let image = match &self.image {
            Some(image) => Some(cloud.image(image).await?),
            None => None,
        };
        let flavor = match (&self.flavor, &image) {
            (Some(flavor), _) => cloud.flavor(flavor).await?,
            (None, Some(image)) => cloud.smallest_flavor(image).await?,
            (None, None) => {
                return Err(Error::Invalid {
                    what: "why-not".into(),
                    why: "there is nothing to look for".into(),
                    hint: Some("name a guest or a request that found no host, or a flavor".into()),
                });
            }
        };
        let flavor_disk = flavor.disk_gib;
        let mut wanted = Wanted {
            name: format!("flavor `{}`", flavor.name),
            project_id: cloud.own_project_id(),
            boots_from_volume: self.boots_from_volume,
            charge: Charge {
                instances: 1,
                cores: u64::from(flavor.vcpus),
                ram_mib: flavor.ram_mib,
                ..Charge::default()
            },
            flavor: of_list(&flavor),
            ..Wanted::default()
        };
        let mut asked = wanted.name.clone();
        if let Some(image) = image {
            asked.push_str(&format!(", image `{}`", image.name));
            wanted.add_image(image);
        }
        let has_image_disk = flavor_disk == 0 && !self.boots_from_volume;
        let notes = match has_image_disk && !cloud.is_admin() {
            true => vec![
                "Nova lets only administrators boot a flavor without disk from an image (policy zero_disk_flavor)"
                    .into(),
            ],
            false => Vec::new(),
        };
        Ok(Resolved { wanted, asked, failed: None, notes })
    }

    async fn of_guest(&self, cloud: &Cloud, of: &str) -> Result<Resolved> {
        let (server, request) = match of.starts_with("req-") {
            true => {
                let logs = LogsWanted { all_services: true, ..LogsWanted::default() };
                let wanted = TraceWanted { of: of.to_string(), logs, ..TraceWanted::default() };
                let guest = cloud.trace(&wanted).await?.guest.ok_or_else(|| Error::NotFound {
                    what: "guest in the logs of request".into(),
                    name: of.to_string(),
                    near: vec![],
                })?;
                (cloud.guest_even_deleted(&guest.id).await?.server, Some(of))
            }
            false => (cloud.guest_even_deleted(of).await?.server, None),
        };
        let mut notes = Vec::new();
        let actions = cloud.actions(&server.id).await?;
        let action = match request {
            Some(id) => actions.iter().find(|one| one.request_id == id),
            None => actions.first(),
        };
        let failed = action
            .filter(|one| one.failure().is_some())
            .map(|one| Failed { request_id: one.request_id.clone(), action: one.clone() });
        let is_resize = failed.as_ref().is_some_and(|failed| failed.action.action == "resize");
        if is_resize && self.flavor.is_none() {
            return Err(Error::Invalid {
                what: format!("guest `{}`", server.name),
                why: "its last action is a resize that failed, and Nova does not record to which flavor"
                    .into(),
                hint: Some("name the flavor as well".into()),
            });
        }
        let (name, flavor) = match &self.flavor {
            Some(flavor) => {
                let flavor = cloud.flavor(flavor).await?;
                (format!("flavor `{}`", flavor.name), of_list(&flavor))
            }
            None => (format!("guest `{}`", server.name), of_server(cloud, &server).await?),
        };
        let mut asked = format!("guest `{}`", server.name);
        if let Some(failed) = &failed {
            let at = failed.action.began().map(|at| at.strftime(" at %Y-%m-%d %H:%M:%S UTC").to_string());
            asked.push_str(&format!(" ({}{})", failed.action.action, at.unwrap_or_default()));
        }
        if self.flavor.is_some() {
            asked.push_str(&format!(", {name}"));
        }
        let is_placed = server.host.is_some() && server.status != "ERROR" || is_moved(failed.as_ref());
        let mut wanted = Wanted {
            name,
            project_id: Some(server.project_id.clone()),
            boots_from_volume: server.image.is_none(),
            source: server.host.clone().filter(|_| is_placed),
            is_resize: self.flavor.is_some(),
            zone: zone_of(&server),
            groups: groups_of(cloud, &server, &mut notes).await,
            charge: charge_of_resize(cloud, &server, &flavor, self.flavor.is_some()),
            guest: Some(server.id.clone()),
            flavor,
            ..Wanted::default()
        };
        let image = match &self.image {
            Some(image) => Some(cloud.image(image).await?),
            None => match &server.image {
                Some(id) => match cloud.image_by_id(id).await {
                    Ok(image) => Some(image),
                    Err(why) => {
                        notes.push(format!("the properties of its image are not known: {why}"));
                        None
                    }
                },
                None => None,
            },
        };
        if let Some(image) = image {
            wanted.add_image(image);
        }
        Ok(Resolved { wanted, asked, failed, notes })
    }
}

impl Wanted {
    fn add_image(&mut self, image: Image) {
        self.disk_format = image.disk_format;
        self.image = image.properties;
    }
}

/// Whether what failed was a move of a server that has a host.
fn is_moved(failed: Option<&Failed>) -> bool {
    const MOVES: [&str; 4] = ["resize", "migrate", "live-migration", "evacuate"];
    failed.is_some_and(|failed| MOVES.contains(&failed.action.action.as_str()))
}

/// What a resize adds: the more of CPUs and memory. A server that is there counts already.
fn charge_of_resize(cloud: &Cloud, server: &Server, new: &WantedFlavor, is_resize: bool) -> Charge {
    if !is_resize {
        return Charge::default();
    }
    let is_own = cloud.own_project_id().as_ref() == Some(&server.project_id);
    Charge {
        project_id: (!is_own).then(|| server.project_id.clone()),
        cores: new.vcpus.saturating_sub(u64::from(server.flavor.vcpus)),
        ram_mib: new.ram_mib.saturating_sub(server.flavor.ram_mib),
        ..Charge::default()
    }
}

/// The zone that was asked for, where Nova says it.
fn zone_of(server: &Server) -> Option<String> {
    let pinned = server.pinned_availability_zone.clone();
    let of_failed = server.availability_zone.clone().filter(|_| server.host.is_none());
    pinned.or(of_failed).filter(|zone| !zone.is_empty())
}

async fn groups_of(cloud: &Cloud, server: &Server, notes: &mut Vec<String>) -> Vec<ServerGroup> {
    if server.server_groups.is_empty() {
        return Vec::new();
    }
    match cloud.server_groups().await {
        Ok(all) => all.into_iter().filter(|one| server.server_groups.contains(&one.id)).collect(),
        Err(why) => {
            notes.push(format!("its server groups are not known: {why}"));
            Vec::new()
        }
    }
}

fn of_list(flavor: &Flavor) -> WantedFlavor {
    WantedFlavor {
        vcpus: u64::from(flavor.vcpus),
        ram_mib: flavor.ram_mib,
        disk_gib: flavor.disk_gib,
        ephemeral_gib: flavor.ephemeral_gib,
        swap_mib: flavor.swap_mib,
        extra_specs: flavor.extra_specs.clone(),
    }
}

/// The flavor inside a server, with the disks that [`Server`] does not have.
async fn of_server(cloud: &Cloud, server: &Server) -> Result<WantedFlavor> {
    let version = cloud.compute_microversion().await?;
    let call = Call::get(Service::Compute, format!("/servers/{}", server.id)).at(version);
    let shown = cloud.call(call).await.map(|answer| answer.body).unwrap_or_default();
    let number = |key: &str| {
        let value = shown.pointer(&format!("/server/flavor/{key}"));
        value.and_then(Value::as_u64).unwrap_or(0)
    };
    Ok(WantedFlavor {
        vcpus: u64::from(server.flavor.vcpus),
        ram_mib: server.flavor.ram_mib,
        disk_gib: server.flavor.disk_gib,
        ephemeral_gib: number("ephemeral"),
        swap_mib: number("swap"),
        extra_specs: server.flavor.extra_specs.clone(),
    })
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_string).collect(),
        _ => Vec::new(),
    }
}
