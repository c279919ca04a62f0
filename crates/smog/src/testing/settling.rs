//! What ended cases took, and nova-compute still counts as taken.
//!
//! When a guest with CPUs or pages of a host has moved, the move's claim on the other host
//! is dropped only when that host counts again; a case that begins before finds "no valid
//! host" on a free one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::{Booking, Claims, Inventory};
use crate::cloud::{Cloud, Server};
use crate::error::Result;

/// Bookings of ended cases that are not given back yet.
pub(super) struct Settling {
    bookings: Vec<(Booking, Instant)>,
    /// A host that counts otherwise for so long is let through: something else is on it.
    longest: Duration,
}

impl Settling {
    /// For the hosts there are.
    pub fn of(inventory: &Inventory) -> Settling {
        let longest = inventory.hosts.iter().map(|host| host.first_count_after + 2 * host.counts_every);
        Settling {
            bookings: Vec::new(),
            longest: longest.max().unwrap_or_default() + Duration::from_secs(10),
        }
    }

    /// A case has ended that had this booking.
    pub fn add(&mut self, booking: Booking) {
        if booking.claims.hosts > 1 && booking.claims.is_of_hosts() {
            let claims = Claims { alone: false, ..booking.claims };
            self.bookings.push((Booking { claims, ..booking }, Instant::now() + self.longest));
        }
    }

    /// What others must still stay away from.
    pub fn bookings(&self) -> impl Iterator<Item = &Booking> {
        self.bookings.iter().map(|(booking, _)| booking)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.bookings.is_empty()
    }

    /// Ask Nova, and drop the bookings whose hosts count what is really there.
    pub async fn look(&mut self, cloud: &Cloud) {
        self.bookings.retain(|(_, until)| *until > Instant::now());
        if self.bookings.is_empty() {
            return;
        }
        // A cloud that does not answer is asked again at the next look.
        let hosts: BTreeSet<String> =
            self.bookings().flat_map(|booking| booking.stage.hosts.iter().cloned()).collect();
        if let Ok((counted, servers)) = ask(cloud, &hosts).await {
            self.bookings.retain(|(booking, _)| {
                !booking.stage.hosts.iter().all(|host| agrees(host, &counted, &servers))
            });
        }
    }
}

/// The count first: what leaves a host in between is then in the count only.
async fn ask(cloud: &Cloud, hosts: &BTreeSet<String>) -> Result<(BTreeMap<String, u64>, Vec<Server>)> {
    let counted = cloud.vcpus_used().await?;
    let mut servers = Vec::new();
    for host in hosts {
        servers.extend(cloud.servers_where(&[("host", host)]).await?);
    }
    Ok((counted, servers))
}

/// Whether a host's count is that of the servers on it.
fn agrees(host: &str, counted: &BTreeMap<String, u64>, servers: &[Server]) -> bool {
    let there = servers.iter().filter(|server| server.host.as_deref() == Some(host));
    counted.get(host).copied() == Some(there.map(|server| u64::from(server.flavor.vcpus)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Stage;

    /// The server of `server-full-epoxy.json`, on another host.
    fn server_on(host: &str) -> Server {
        let text = include_str!("../../tests/data/api/server-full-epoxy.json");
        let mut body: serde_json::Value = serde_json::from_str(text).expect("json");
        body["server"]["OS-EXT-SRV-ATTR:host"] = host.into();
        serde_json::from_value(body["server"].take()).expect("a server")
    }

    #[test]
    fn a_host_agrees_when_it_counts_what_is_there() {
        let counted = BTreeMap::from([("cmp1".to_string(), 0), ("cmp2".to_string(), 1)]);
        assert!(agrees("cmp1", &counted, &[]));
        assert!(!agrees("cmp2", &counted, &[]), "its guest has moved on; the count is old");
        assert!(agrees("cmp2", &counted, &[server_on("cmp2")]));
        assert!(!agrees("cmp1", &counted, &[server_on("cmp1")]), "not counted yet");
        assert!(!agrees("cmp3", &counted, &[]), "Nova does not know it");
    }

    #[test]
    fn only_what_may_linger_is_kept() {
        let booking = |claims| Booking { claims, stage: Stage::default() };
        let mut settling = Settling { bookings: Vec::new(), longest: Duration::from_secs(60) };
        settling.add(booking(Claims::ONE_GUEST.dedicated(1)));
        settling.add(booking(Claims::TWO_HOSTS));
        assert!(settling.is_empty());
        settling.add(booking(Claims::ALONE.dedicated(1)));
        let kept: Vec<&Booking> = settling.bookings().collect();
        assert!(kept.len() == 1 && !kept[0].claims.alone, "others may begin meanwhile");
    }
}
