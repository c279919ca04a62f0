//! The hosts of an environment with the machines that run on them.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::wish::{Target, Wish};
use crate::error::{Error, Result};
use crate::host::{Host, Machine};

/// So many hosts are worked on at once.
const AT_ONCE: usize = 16;

/// A host that is looked at and changed.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub host: Host,
    /// Whether it is one of the environment's own hosts; else it is only a parent of one.
    pub is_own: bool,
    /// The environment's hosts that are its guests.
    pub machines: Vec<Machine>,
}

/// The hosts, then the parents that are none of them.
pub(super) fn places(hosts: &[Host], machines: &[Machine]) -> Vec<Place> {
    let place = |host: &Host, is_own: bool| Place {
        host: host.clone(),
        is_own,
        machines: machines.iter().filter(|one| one.parent.name() == host.name()).cloned().collect(),
    };
    let mut places: Vec<Place> = hosts.iter().map(|host| place(host, true)).collect();
    for machine in machines {
        if !places.iter().any(|one| one.host.name() == machine.parent.name()) {
            places.push(place(&machine.parent, false));
        }
    }
    places
}

impl Place {
    /// Whether a wish may be about this host, before anyone has looked at it: what is wanted
    /// of parents only says nothing of their guests.
    pub(super) fn is_concerned(&self, wish: &Wish) -> bool {
        wish.items.iter().any(|item| match &item.target {
            _ if item.want.with(|thing| thing.is_of_machines()) => !self.machines.is_empty(),
            Target::Parents => !self.machines.is_empty(),
            Target::Host(name) => self.is_own || name == self.host.name(),
            _ => self.is_own,
        })
    }
}

pub(super) fn place_of(places: &[Place], host: &Host) -> Result<Place> {
    let found = places.iter().find(|place| place.host.name() == host.name());
    found.cloned().ok_or_else(|| Error::NotFound {
        what: "host".into(),
        name: host.name().to_string(),
        near: Vec::new(),
    })
}

/// Do the same on every host, some at once; in the hosts' order.
pub(super) async fn on_each<T, F, W>(hosts: &[Host], what: W) -> Vec<(Host, Result<T>)>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
    W: Fn(Host) -> F,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (at, host) in hosts.iter().enumerate() {
        let (work, places) = (what(host.clone()), places.clone());
        running.spawn(async move {
            let _place = places.acquire_owned().await;
            (at, work.await)
        });
    }
    let mut ended: Vec<(Host, Result<T>)> = Vec::new();
    let mut results: Vec<(usize, Result<T>)> = Vec::new();
    while let Some(joined) = running.join_next().await {
        match joined {
            Ok(result) => results.push(result),
            // A panic is a bug of smog: it is passed on to the caller.
            Err(why) if why.is_panic() => std::panic::resume_unwind(why.into_panic()),
            Err(_) => {}
        }
    }
    results.sort_by_key(|(at, _)| *at);
    ended.extend(results.into_iter().map(|(at, result)| (hosts[at].clone(), result)));
    ended
}
