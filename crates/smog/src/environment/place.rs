//! The hosts of an environment with the machines that run on them.

use super::wish::{Target, Want, Wish};
use crate::host::{Host, Machine};

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
        wish.items.iter().any(|item| match (&item.want, &item.target) {
            (Want::Machine(_), _) | (_, Target::Parents) => !self.machines.is_empty(),
            (_, Target::Host(name)) => self.is_own || name == self.host.name(),
            _ => self.is_own,
        })
    }
}
