//! Rounds: which cases run under which configuration of the hosts, one after the other.

use super::{Change, Inventory};
use crate::environment::Wish;

/// Cases that run under one configuration.
#[derive(Debug)]
pub(super) struct Round {
    /// What is changed for them; nothing: they run on the cloud as it is.
    pub changes: Vec<&'static Change>,
    /// Which cases, by their place in the run.
    pub cases: Vec<usize>,
}

impl Round {
    /// The rounds of cases, by the change each needs: those without one first, changes that
    /// can be combined (`Change::beside`) together.
    pub fn of(under: &[Option<&'static Change>]) -> Vec<Round> {
        let mut rounds = vec![Round { changes: Vec::new(), cases: Vec::new() }];
        for (at, change) in under.iter().enumerate() {
            let fits = |round: &&mut Round| match change {
                None => round.changes.is_empty(),
                Some(change) => round
                    .changes
                    .iter()
                    .any(|known| known.name == change.name || known.beside && change.beside),
            };
            match (rounds.iter_mut().find(fits), change) {
                (Some(round), change) => {
                    round.cases.push(at);
                    let new = change.filter(|new| round.changes.iter().all(|known| known.name != new.name));
                    round.changes.extend(new);
                }
                (None, change) => {
                    rounds.push(Round { changes: change.iter().copied().collect(), cases: vec![at] });
                }
            }
        }
        rounds.retain(|round| !round.cases.is_empty());
        rounds
    }

    /// What is changed, for people; `None` when nothing is.
    pub fn name(&self) -> Option<String> {
        let names: Vec<&str> = self.changes.iter().map(|change| change.name).collect();
        (!names.is_empty()).then(|| names.join("; "))
    }

    /// What is wanted of the hosts.
    pub fn wish(&self, inventory: &Inventory) -> Wish {
        let wishes = self.changes.iter().map(|change| (change.wish)(inventory));
        wishes.flat_map(|wish| wish.items).fold(Wish::new(), |all, item| all.with(item.target, item.want))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn change(name: &'static str, beside: bool) -> Change {
        Change { name, wish: |_| Wish::new(), only_where_needed: false, takes_cpus: false, beside }
    }

    static CPUS: Change = change("CPUs", false);
    static SCREENS: Change = change("screens", true);
    static FILES: Change = change("files", false);
    static SLOW: Change = change("slow", true);

    #[test]
    fn changes_that_can_be_beside_each_other_share_a_round() {
        let under =
            [Some(&CPUS), None, Some(&SCREENS), Some(&FILES), Some(&SLOW), Some(&CPUS), Some(&SCREENS)];
        let rounds: Vec<(Option<String>, Vec<usize>)> =
            Round::of(&under).into_iter().map(|round| (round.name(), round.cases)).collect();
        let name = |text: &str| Some(text.to_string());
        assert_eq!(
            rounds,
            [
                (None, vec![1]),
                (name("CPUs"), vec![0, 5]),
                (name("screens; slow"), vec![2, 4, 6]),
                (name("files"), vec![3]),
            ]
        );
        assert!(Round::of(&[]).is_empty());
    }
}
