//! What the APIs are asked beyond servers and placement: groups, flavors, ports, networks, volumes.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

use super::super::snapshot::{CloudSnapshot, is_open};
use super::apis::Asks;
use super::{CALLS_AT_ONCE, Scope};
use crate::cloud::{Flavor, Network, Port, PortBinding, ServerGroup, Service, Volume};
use crate::error::Result;

/// At most so many ports are asked for their bindings: those of the newest moves.
const BINDINGS: usize = 500;

/// What was answered; `None` is what was not asked.
#[derive(Default)]
pub(super) struct More {
    groups: Option<Result<Vec<ServerGroup>>>,
    flavors: Option<Result<Vec<Flavor>>>,
    ports: Option<Result<Vec<Port>>>,
    networks: Option<Result<Vec<Network>>>,
    volumes: Option<Result<Vec<Volume>>>,
}

impl Asks<'_> {
    /// All of it at once.
    pub(super) async fn more(self, scope: &Scope) -> More {
        let (cloud, clock) = (self.cloud, self.clock);
        match scope {
            Scope::Cloud => {
                let volumes = async {
                    match cloud.has_service(Service::BlockStorage).await {
                        Ok(true) => Some(clock.time("cinder: volumes", cloud.volumes()).await),
                        _ => None,
                    }
                };
                let (groups, flavors, ports, networks, volumes) = tokio::join!(
                    clock.time("nova: server groups", cloud.server_groups()),
                    clock.time("nova: flavors", cloud.flavors()),
                    clock.time("neutron: ports", cloud.ports()),
                    clock.time("neutron: networks", cloud.networks()),
                    volumes
                );
                More {
                    groups: Some(groups),
                    flavors: Some(flavors),
                    ports: Some(ports),
                    networks: Some(networks),
                    volumes,
                }
            }
            Scope::Guest(server) if server.status != "DELETED" => {
                let volumes = async {
                    match cloud.has_service(Service::BlockStorage).await {
                        Ok(true) => Some(clock.time("cinder: its volumes", cloud.volumes_of(server)).await),
                        _ => None,
                    }
                };
                if server.addresses.is_empty() {
                    return More { volumes: volumes.await, ..More::default() };
                }
                let (ports, networks, volumes) = tokio::join!(
                    clock.time("neutron: its ports", cloud.ports_of(&server.id)),
                    clock.time("neutron: all networks", cloud.networks()),
                    volumes
                );
                More { ports: Some(ports), networks: Some(networks), volumes, ..More::default() }
            }
            Scope::Guest(_) => More::default(),
        }
    }

    /// The bindings of the ports of servers that have moved live, or do: others have one each.
    pub(super) async fn add_bindings(self, snapshot: &mut CloudSnapshot) {
        let moved = snapshot.migrations.iter().flatten();
        let moved = moved.filter(|one| one.migration_type.as_deref() == Some("live-migration"));
        let moved: BTreeSet<&str> =
            moved.filter(|one| !is_open(one)).map(|one| one.server_id.as_str()).collect();
        let ports = snapshot.ports.iter().flatten().filter(|port| moved.contains(port.device_id.as_str()));
        let ids: Vec<String> = ports.map(|port| port.id.clone()).take(BINDINGS).collect();
        if ids.is_empty() {
            return;
        }
        let all = async {
            let asks = ids.into_iter().map(|id| async move { (self.cloud.port_bindings(&id).await, id) });
            let asks: Vec<_> = asks.collect();
            let found: Vec<(Result<Vec<PortBinding>>, String)> =
                stream::iter(asks).buffer_unordered(CALLS_AT_ONCE).collect().await;
            found.into_iter().map(|(answer, id)| Ok((id, answer?))).collect::<Result<BTreeMap<_, _>>>()
        };
        let answer = self.clock.time("neutron: port bindings", all).await;
        snapshot.bindings =
            snapshot.or_unknown("port bindings", "ports with two bindings", answer).unwrap_or_default();
    }
}

impl CloudSnapshot {
    pub(super) fn add_more(&mut self, more: More) {
        self.groups =
            more.groups.and_then(|answer| self.or_unknown("server groups", "affinity of servers", answer));
        self.flavors =
            more.flavors.and_then(|answer| self.or_unknown("flavors", "what flavors ask of filters", answer));
        self.ports =
            more.ports.and_then(|answer| self.or_unknown("neutron's ports", "ports of guests", answer));
        self.networks = more
            .networks
            .and_then(|answer| self.or_unknown("neutron's networks", "MTUs of networks", answer));
        self.volumes =
            more.volumes.and_then(|answer| self.or_unknown("cinder's volumes", "volumes of guests", answer));
    }
}
