//! A case: one white-box test with its document.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::{Claims, Inventory, Need, Test};
use crate::environment::Wish;
use crate::error::Result;

/// What a case does. An `Err` means that it could not be carried out (the case is
/// *broken*); what it found wrong it says by [`Test::check`] and goes on.
pub type Body = for<'a> fn(&'a mut Test) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// One white-box test. A suite file ends with a table of them.
///
/// ```
/// use smog::testing::{Case, Test};
///
/// async fn boots(t: &mut Test) -> smog::Result<()> {
///     let guest = t.boot(smog::flavor::FlavorSpec::new("")).await?;
///     t.check_eq("status", &guest.server.status, &"ACTIVE".to_string());
///     Ok(())
/// }
///
/// pub const CASES: &[Case] = &[Case::new(
///     "mine.First.test_boots",
///     "A guest boots.\n\nSteps: boot one. Proves that this cloud works at all.",
///     |t| Box::pin(boots(t)),
/// )];
/// assert_eq!(CASES[0].suite(), "mine");
/// ```
#[derive(Clone, Copy)]
pub struct Case {
    /// "suite.Class.test_name".
    pub name: &'static str,
    /// What it does, why, its steps and what it proves; the first line is a summary.
    pub doc: &'static str,
    /// Words to select it by, in addition to its name.
    pub tags: &'static [&'static str],
    /// What must be there; where it is not, the case is skipped and says so.
    pub needs: &'static [Need],
    /// What it takes of the cloud while it runs.
    pub claims: Claims,
    /// The configuration of the hosts it runs under, when it is not the cloud's own.
    pub change: Option<&'static Change>,
    /// Its guests have a port on a network, as servers have that choose nothing. Where a case
    /// has nothing to do with networks, a guest without one is less than half of the work for
    /// Nova and Neutron.
    pub network: bool,
    /// It is broken when none of what it checks has a negative control: a green that was not
    /// seen to turn red proves nothing. smog's own cases are all so.
    pub controlled: bool,
    /// It is cancelled after this time.
    pub timeout: Duration,
    /// What it does.
    pub run: Body,
}

/// A change of the hosts' configuration that cases run under. Cases that name the same
/// change share one preparation and one restoration; so do changes that can be combined with each
/// other.
pub struct Change {
    /// What it is, for people; no other change has this name: "two dedicated CPUs per host".
    pub name: &'static str,
    /// What is wanted of the hosts.
    pub wish: fn(&Inventory) -> Wish,
    /// It is made only where the needs of the case are not met as the hosts are. Otherwise
    /// the case always needs it.
    pub only_where_needed: bool,
    /// It moves CPUs between kinds of guests, which servers of others may have: where a compute
    /// host has any, the cases are skipped.
    pub takes_cpus: bool,
    /// It is nothing to cases that need other changes of which this is true: they share one
    /// preparation. No two of them may set the same option.
    pub beside: bool,
}

impl Case {
    /// A case that needs a compute host and claims one small guest.
    pub const fn new(name: &'static str, doc: &'static str, run: Body) -> Case {
        Case {
            name,
            doc,
            tags: &[],
            needs: &[],
            claims: Claims::ONE_GUEST,
            change: None,
            network: true,
            controlled: false,
            timeout: minutes(5),
            run,
        }
    }

    /// The same with tags.
    pub const fn tags(self, tags: &'static [&'static str]) -> Case {
        Case { tags, ..self }
    }

    /// The same with needs.
    pub const fn needs(self, needs: &'static [Need]) -> Case {
        Case { needs, ..self }
    }

    /// The same with other claims.
    pub const fn claims(self, claims: Claims) -> Case {
        Case { claims, ..self }
    }

    /// The same under a changed configuration.
    pub const fn under(self, change: &'static Change) -> Case {
        Case { change: Some(change), ..self }
    }

    /// The same with guests that have no network, unless it chooses one for a guest.
    pub const fn without_network(self) -> Case {
        Case { network: false, ..self }
    }

    /// The same, broken unless something it checks has a negative control.
    pub const fn controlled(self) -> Case {
        Case { controlled: true, ..self }
    }

    /// The same with another time limit.
    pub const fn timeout(self, timeout: Duration) -> Case {
        Case { timeout, ..self }
    }

    /// The change it has to run under on this cloud; none where it could not run under it either.
    pub fn change_on(&self, inventory: &Inventory) -> Option<&'static Change> {
        let mut of_machines = self.needs.iter().filter(|need| need.is_of_machines());
        if of_machines.any(|need| need.missing(inventory).is_some()) {
            return None;
        }
        self.change.filter(|change| !change.only_where_needed || self.missing(inventory).is_some())
    }

    /// The first need that is not met, for people: of the machines before what a change of
    /// their configuration could bring.
    pub fn missing(&self, inventory: &Inventory) -> Option<String> {
        let (of_machines, others): (Vec<&Need>, Vec<&Need>) =
            self.needs.iter().partition(|need| need.is_of_machines());
        let needs = || of_machines.into_iter().chain(others).find_map(|need| need.missing(inventory));
        // A case without needs still boots its guests somewhere.
        inventory.no_host().filter(|_| self.claims.hosts > 0).or_else(needs)
    }

    /// The part of the name before the first dot.
    pub fn suite(&self) -> &'static str {
        self.name.split('.').next().unwrap_or(self.name)
    }

    /// The part of the name after the last dot.
    pub fn method(&self) -> &'static str {
        self.name.rsplit('.').next().unwrap_or(self.name)
    }

    /// The name without the method: "numa.NUMALargePage".
    pub fn class(&self) -> &'static str {
        self.name.rsplit_once('.').map_or(self.name, |(class, _)| class)
    }

    /// The first line of the document.
    pub fn summary(&self) -> &'static str {
        self.doc.lines().next().unwrap_or_default()
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Case({})", self.name)
    }
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Change({})", self.name)
    }
}

/// So many minutes, where a case table needs a constant.
pub const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}
