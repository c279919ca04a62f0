//! Two reports of one process: what did not move between them.

use serde::Serialize;

use super::{Guru, Stacks};

/// Stacks of two reports.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// "same": it did not move; "new": only in the second report; "gone": only in the first.
    pub state: &'static str,
    /// The stacks; their count is that of those that are so.
    #[serde(flatten)]
    pub stacks: Stacks,
}

/// Compare two reports of one process: first what did not move and is no usual wait.
pub fn diff(first: &Guru, second: &Guru) -> Vec<Moved> {
    let count = |of: &Guru, stacks: &Stacks| {
        let equal =
            of.stacks.iter().filter(|other| other.kind == stacks.kind && other.frames == stacks.frames);
        equal.map(|other| other.count).sum::<usize>()
    };
    let part = |state, stacks: &Stacks, count| {
        (count > 0).then(|| Moved { state, stacks: Stacks { count, ..stacks.clone() } })
    };
    let mut moved = Vec::new();
    for stacks in &second.stacks {
        let before = count(first, stacks);
        moved.extend(part("same", stacks, stacks.count.min(before)));
        moved.extend(part("new", stacks, stacks.count.saturating_sub(before)));
    }
    for stacks in &first.stacks {
        moved.extend(part("gone", stacks, stacks.count.saturating_sub(count(second, stacks))));
    }
    let rank = |state: &str| ["same", "new", "gone"].iter().position(|known| *known == state);
    moved.sort_by_key(|moved| (moved.stacks.idle, rank(moved.state)));
    moved
}
