//! What a service does now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use smog::guru::{Guru as Core, Kind, Moved, Stacks as CoreStacks};

use crate::noun::{Noun, cells, noun};
use crate::table::text_table;

fn kind(stacks: &CoreStacks) -> String {
    match stacks.kind {
        Kind::Thread => "thread".into(),
        Kind::Green => "green".into(),
    }
}

fn frames(stacks: &CoreStacks) -> Vec<String> {
    stacks.frames.iter().map(ToString::to_string).collect()
}

/// The head, and the stacks as a table.
fn text(guru: &Core) -> String {
    let row = |stacks: &CoreStacks| {
        cells(stacks).into_iter().map(|(name, text)| (name.to_string(), text)).collect()
    };
    let table = text_table(guru.stacks.iter().map(row).collect(), 0);
    format!(
        "{} on {}, process {}: {} {}; {}\n{table}",
        guru.service, guru.host, guru.pid, guru.product, guru.version, guru.way
    )
}

noun! {
    /// Threads, or green threads, with equal stacks.
    Stacks of CoreStacks,
    line |it| format!("<Stacks {} × {}: {}>", it.count, kind(it), it.waits_in),
    str |it| frames(it).join("\n"),
    cells cells;
    /// "thread" (of the kernel) or "green" (of eventlet).
    kind: String = kind;
    /// How many there are.
    count: usize = |it| it.count;
    /// What they wait in.
    waits_in: String = |it| it.waits_in.clone();
    /// Whether a service with nothing to do waits so.
    idle: bool = |it| it.idle;
    /// The innermost function of the service's own code.
    own_code: Option<String> = |it| it.own.clone();
    /// The frames, the outermost first.
    frames: Vec<String> = frames;
}

noun! {
    /// Equal stacks of two reports of one process.
    MovedStacks of Moved,
    line |it| format!("<MovedStacks {}: {} × {}: {}>", it.state, it.stacks.count, kind(&it.stacks), it.stacks.waits_in),
    str |it| frames(&it.stacks).join("\n"),
    cells cells;
    /// "same": they did not move; "new": only in the second report; "gone": only in the first.
    state: String = |it| it.state.to_string();
    /// The stacks.
    stacks: Stacks = |it| Stacks::alone(it.stacks.clone());
}

noun! {
    /// A Guru Meditation Report: what each thread of a service does.
    ///
    /// >>> host.guru("nova-compute")[0].stacks[0].waits_in
    /// 'RPC messages'
    Guru of Core,
    line |it| format!("<Guru {} on {}, process {}: {} kinds of stacks>", it.service, it.host, it.pid, it.stacks.len()),
    str text,
    cells |it| vec![
        ("service", it.service.clone()), ("host", it.host.clone()), ("pid", it.pid.to_string()),
        ("stacks", it.stacks.len().to_string()), ("way", it.way.clone()),
    ];
    /// The host.
    host: String = |it| it.host.clone();
    /// The service: "nova-compute".
    service: String = |it| it.service.clone();
    /// The process.
    pid: u32 = |it| it.pid;
    /// When it was asked, by this machine's clock.
    asked_at: Option<Timestamp> = |it| it.asked_at;
    /// How it was asked, and where its report was read.
    way: String = |it| it.way.clone();
    /// The service's version.
    version: String = |it| it.version.clone();
    /// Equal stacks, those that wait for nothing usual first.
    stacks: Vec<Stacks> = |it| it.stacks.iter().cloned().map(Stacks::alone).collect();
    /// The configuration in use, by section; what is secret is masked.
    configuration: BTreeMap<String, BTreeMap<String, String>> = |it| it.configuration.clone();
    /// The report as it stands, with what is secret masked.
    text: String = |it| it.text.clone();
    => {
        /// What moved between this report and a later one of the same process; what did not move and
        /// waits for nothing usual comes first.
        #[pyo3(signature = (later: "Guru") -> "Listing[MovedStacks]")]
        fn diff<'py>(&self, py: pyo3::Python<'py>, later: &Guru) -> pyo3::PyResult<pyo3::Bound<'py, pyo3::PyAny>> {
            if (&self.inner.host, self.inner.pid) != (&later.inner.host, later.inner.pid) {
                let why = format!("process {} on {} is not process {} on {}", later.inner.pid, later.inner.host, self.inner.pid, self.inner.host);
                return Err(crate::errors::unusable(py, "the comparison", why, Some("two reports of one process")));
            }
            let moved = smog::guru::diff(&self.inner, &later.inner);
            crate::noun::listing(py, "stacks", moved.into_iter().map(MovedStacks::alone).collect())
        }
    }
}
