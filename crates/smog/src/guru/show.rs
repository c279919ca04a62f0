//! Columns of tables.

use super::{Kind, Moved, Stacks};
use crate::show::{Column, Show};

fn kind(stacks: &Stacks) -> String {
    match stacks.kind {
        Kind::Thread => "thread".into(),
        Kind::Green => "green".into(),
    }
}

fn frames(stacks: &Stacks) -> String {
    let frames: Vec<String> = stacks.frames.iter().rev().map(ToString::to_string).collect();
    frames.join(" < ")
}

fn own(stacks: &Stacks) -> String {
    stacks.own.clone().unwrap_or_default()
}

impl Show for Stacks {
    const PLURAL: &'static str = "stacks";
    const COLUMNS: &'static [Column<Stacks>] = &[
        Column::new("count", |stacks| stacks.count.to_string()),
        Column::new("kind", kind),
        Column::new("idle", |stacks| if stacks.idle { "yes".into() } else { "no".into() }),
        Column::new("waits in", |stacks| stacks.waits_in.clone()),
        Column::new("own code", own),
        Column::wide("stack", frames),
    ];
}

impl Show for Moved {
    const PLURAL: &'static str = "stacks";
    const COLUMNS: &'static [Column<Moved>] = &[
        Column::new("moved", |moved| match moved.state {
            "same" if !moved.stacks.idle => "NO".into(),
            "same" => "no".into(),
            other => other.into(),
        }),
        Column::new("count", |moved| moved.stacks.count.to_string()),
        Column::new("kind", |moved| kind(&moved.stacks)),
        Column::new("idle", |moved| if moved.stacks.idle { "yes".into() } else { "no".into() }),
        Column::new("waits in", |moved| moved.stacks.waits_in.clone()),
        Column::new("own code", |moved| own(&moved.stacks)),
        Column::wide("stack", |moved| frames(&moved.stacks)),
    ];
}
