//! Which case may start now, and on which hosts: pure decisions on values.

use super::{Amount, Capacity, Claims, Machine};

/// The hosts a case has for itself and its claims; the first one is where its guests begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stage {
    /// Nova's names of hosts.
    pub hosts: Vec<String>,
}

/// A running case, as the schedule sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// What it claims.
    pub claims: Claims,
    /// Where.
    pub stage: Stage,
}

impl Capacity {
    /// Hosts for these claims, given what runs already; or what the case waits for.
    ///
    /// # Errors
    /// What is taken, for people: "all dedicated CPUs of cmp1+cmp2 are taken".
    pub fn stage_for(&self, claims: &Claims, running: &[Booking]) -> Result<Stage, String> {
        if running.iter().any(|booking| booking.claims.alone) {
            return Err("a case that has the cloud alone".into());
        }
        if claims.alone && !running.is_empty() {
            return Err("all others to end: it has the cloud alone".into());
        }
        let memory: u64 = self.machines.iter().map(|machine| machine.memory_mib).sum();
        let taken: u64 = running.iter().map(|booking| booking.claims.memory_mib).sum();
        if taken + claims.memory_mib > memory && !running.is_empty() {
            return Err(format!("{} MiB of memory; {taken} of {memory} MiB are taken", claims.memory_mib));
        }
        let mut why = String::new();
        let mut stage = Stage::default();
        // Hosts that fewer cases begin on come first, so that guests spread; last those where
        // Nova has no CPU left for a pinned one.
        let mut hosts: Vec<(&Machine, &str)> = self
            .machines
            .iter()
            .flat_map(|machine| machine.hosts.iter().map(move |host| (machine, host.as_str())))
            .collect();
        hosts.sort_by_key(|(machine, host)| {
            let full = !claims.dedicated.is_none() && machine.full.iter().any(|full| full == host);
            let begun = running
                .iter()
                .filter(|booking| booking.stage.hosts.first().is_some_and(|first| first == host))
                .count();
            (full, begun)
        });
        // A host that could never hold the claims is no stage while others could: what is let
        // through below when nobody has any would be refused there.
        let could = |(machine, host): &(&Machine, &str)| machine.could_hold(claims, host);
        if hosts.iter().filter(|it| could(it)).count() >= claims.hosts {
            hosts.retain(could);
        }
        for (machine, host) in hosts {
            if stage.hosts.len() == claims.hosts {
                break;
            }
            stage.hosts.push(host.to_string());
            if let Err(full) = machine.has_room(claims, &stage, running) {
                stage.hosts.pop();
                why = full;
            }
        }
        // Where there are fewer hosts than asked for, the case's needs have said so.
        let enough = claims.hosts.min(self.hosts().count());
        if stage.hosts.len() >= enough { Ok(stage) } else { Err(why) }
    }
}

impl Machine {
    /// Whether claims on these hosts fit on the machine with what already runs there.
    fn has_room(&self, claims: &Claims, stage: &Stage, running: &[Booking]) -> Result<(), String> {
        if !claims.is_of_hosts() {
            return Ok(());
        }
        let name = self.hosts.join("+");
        let here: Vec<(&Claims, u64)> = running
            .iter()
            .map(|booking| (&booking.claims, self.hosts_of(&booking.stage)))
            .filter(|(_, hosts)| *hosts > 0)
            .collect();
        // A guest that moves between two hosts of one machine takes the same CPUs there and back.
        let cpus = room(
            claims.dedicated,
            self.dedicated.len() as u64,
            here.iter().map(|(claims, _)| claims.dedicated),
        );
        cpus.map_err(|()| format!("dedicated CPUs of {name}"))?;
        let on = |amount: Amount, hosts: u64| match amount {
            Amount::Some(mib) => Amount::Some(mib * hosts),
            Amount::All => Amount::All,
        };
        let pages = room(
            on(claims.pages_mib, self.hosts_of(stage)),
            self.pages_mib,
            here.iter().map(|(claims, hosts)| on(claims.pages_mib, *hosts)),
        );
        pages.map_err(|()| format!("huge pages of {name}"))
    }

    /// Whether one of its hosts could hold the claims if nobody else had any.
    fn could_hold(&self, claims: &Claims, host: &str) -> bool {
        let has = |wanted: Amount, all: u64| match wanted {
            Amount::Some(some) => some <= all,
            Amount::All => all > 0,
        };
        let has_cpus = claims.dedicated.is_none()
            || has(claims.dedicated, self.dedicated.len() as u64)
                && !self.full.iter().any(|full| full == host);
        has_cpus && (claims.pages_mib.is_none() || has(claims.pages_mib, self.pages_mib))
    }

    fn hosts_of(&self, stage: &Stage) -> u64 {
        self.hosts.iter().filter(|host| stage.hosts.contains(host)).count() as u64
    }
}

/// Whether an amount is available next to others. What exceeds the total is let through when
/// nobody else has any: the case's needs, or Nova, say what is wrong then.
fn room(wanted: Amount, all: u64, taken: impl Iterator<Item = Amount>) -> Result<(), ()> {
    if wanted.is_none() {
        return Ok(());
    }
    let mut sum = 0;
    for amount in taken {
        match amount {
            Amount::All => return Err(()),
            Amount::Some(some) => sum += some,
        }
    }
    match wanted {
        _ if sum == 0 => Ok(()),
        Amount::Some(some) if sum + some <= all => Ok(()),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(hosts: &[&str], dedicated: &str, pages_mib: u64) -> Machine {
        Machine {
            hosts: hosts.iter().map(|host| host.to_string()).collect(),
            full: Vec::new(),
            dedicated: dedicated.parse().expect("a CPU set"),
            pages_mib,
            memory_mib: 4096,
        }
    }

    /// Two hosts on one kernel, as smog's lab: CPU 1 is the dedicated one of both.
    fn lab() -> Capacity {
        Capacity { machines: vec![machine(&["cmp1", "cmp2"], "1", 1024)] }
    }

    fn two_machines() -> Capacity {
        Capacity { machines: vec![machine(&["cmp1"], "2-3", 1024), machine(&["cmp2"], "2-3", 1024)] }
    }

    fn booked(
        capacity: &Capacity,
        claims: Claims,
        running: &mut Vec<Booking>,
    ) -> Result<Vec<String>, String> {
        let stage = capacity.stage_for(&claims, running)?;
        running.push(Booking { claims, stage: stage.clone() });
        Ok(stage.hosts)
    }

    #[test]
    fn guests_without_claims_spread_over_hosts() {
        let (capacity, mut running) = (lab(), vec![]);
        assert_eq!(booked(&capacity, Claims::ONE_GUEST, &mut running), Ok(vec!["cmp1".to_string()]));
        assert_eq!(booked(&capacity, Claims::ONE_GUEST, &mut running), Ok(vec!["cmp2".to_string()]));
    }

    #[test]
    fn hosts_that_share_a_kernel_share_its_cpus() {
        let (capacity, mut running) = (lab(), vec![]);
        let pinned = Claims::ONE_GUEST.dedicated(1);
        assert!(booked(&capacity, pinned, &mut running).is_ok());
        assert_eq!(booked(&capacity, pinned, &mut running), Err("dedicated CPUs of cmp1+cmp2".into()));
        // With kernels of their own, each host has its two.
        let (capacity, mut running) = (two_machines(), vec![]);
        for _ in 0..4 {
            assert!(booked(&capacity, pinned, &mut running).is_ok());
        }
        assert!(booked(&capacity, pinned, &mut running).is_err());
    }

    #[test]
    fn a_pinned_guest_begins_where_strangers_have_left_a_cpu() {
        let mut machine = machine(&["cmp1", "cmp2"], "", 1024);
        machine.full = vec!["cmp1".into()];
        let capacity = Capacity { machines: vec![machine] };
        let pinned = Claims::ONE_GUEST.dedicated(1);
        assert_eq!(booked(&capacity, pinned, &mut vec![]), Ok(vec!["cmp2".to_string()]));
        assert_eq!(booked(&capacity, Claims::ONE_GUEST, &mut vec![]), Ok(vec!["cmp1".to_string()]));
    }

    #[test]
    fn a_host_without_what_is_claimed_is_no_stage_while_another_has_it() {
        let none = Machine { full: vec!["cmp1".into()], ..machine(&["cmp1"], "", 0) };
        let capacity = Capacity { machines: vec![none, machine(&["cmp2"], "2-3", 1024)] };
        let pinned = Claims::ONE_GUEST.dedicated(1);
        let mut running = vec![];
        for _ in 0..2 {
            assert_eq!(booked(&capacity, pinned, &mut running), Ok(vec!["cmp2".to_string()]));
        }
        assert_eq!(booked(&capacity, pinned, &mut running), Err("dedicated CPUs of cmp2".into()), "it waits");
        let huge = Claims::ONE_GUEST.pages_mib(64);
        assert_eq!(booked(&capacity, huge, &mut running), Ok(vec!["cmp2".to_string()]));
        // Where none has it, the case's needs or Nova say so.
        assert!(booked(&capacity, Claims::TWO_HOSTS.dedicated(1), &mut vec![]).is_ok());
    }

    #[test]
    fn and_its_pages() {
        let (capacity, mut running) = (lab(), vec![]);
        let moving = Claims::TWO_HOSTS.pages_mib(256);
        assert!(booked(&capacity, moving, &mut running).is_ok(), "512 of 1024 MiB");
        assert!(booked(&capacity, moving, &mut running).is_ok(), "1024 of 1024 MiB");
        assert_eq!(booked(&capacity, moving, &mut running), Err("huge pages of cmp1+cmp2".into()));
    }

    #[test]
    fn all_of_something_waits_for_everybody_who_has_some() {
        let (capacity, mut running) = (lab(), vec![]);
        let all = Claims::TWO_HOSTS.all_pages();
        assert!(booked(&capacity, Claims::ONE_GUEST.pages_mib(64), &mut running).is_ok());
        assert_eq!(booked(&capacity, all, &mut running), Err("huge pages of cmp1+cmp2".into()));
        assert!(booked(&capacity, Claims::ONE_GUEST, &mut running).is_ok(), "others go on");
        running.remove(0);
        assert!(booked(&capacity, all, &mut running).is_ok());
        assert!(booked(&capacity, Claims::ONE_GUEST.pages_mib(64), &mut running).is_err());
    }

    #[test]
    fn alone_is_alone() {
        let (capacity, mut running) = (lab(), vec![]);
        assert!(booked(&capacity, Claims::ONE_GUEST, &mut running).is_ok());
        assert!(booked(&capacity, Claims::ALONE, &mut running).is_err());
        running.clear();
        assert!(booked(&capacity, Claims::ALONE, &mut running).is_ok());
        assert!(booked(&capacity, Claims::ONE_GUEST, &mut running).is_err());
    }

    #[test]
    fn what_is_more_than_there_is_runs_when_nobody_else_has_any() {
        let (capacity, mut running) = (lab(), vec![]);
        let many = Claims::ONE_GUEST.dedicated(5);
        assert!(booked(&capacity, many, &mut running).is_ok(), "its needs skip it, or Nova refuses it");
        assert!(booked(&capacity, Claims::ONE_GUEST.dedicated(1), &mut running).is_err());
    }

    #[test]
    fn memory_is_counted() {
        let (capacity, mut running) = (lab(), vec![]);
        assert!(booked(&capacity, Claims::ONE_GUEST.memory_mib(4000), &mut running).is_ok());
        assert!(booked(&capacity, Claims::ONE_GUEST, &mut running).is_err());
    }
}
