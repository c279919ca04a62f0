//! One request, whole.

use std::collections::BTreeMap;

use smog::trace::Trace as Core;

use crate::noun::noun;

/// Its head and its phases as the cells of a row.
fn row(trace: &Core) -> Vec<(&'static str, String)> {
    let seconds = |us: i64| format!("{:.3} s", us as f64 / 1e6);
    let mut cells = vec![
        ("what", trace.what.clone()),
        ("outcome", trace.outcome.clone()),
        ("took", seconds(trace.length_us)),
        ("request", trace.request_id.clone()),
    ];
    if let Some(longest) = trace.critical() {
        cells.push(("longest phase", format!("{}, {}", longest.name, seconds(longest.length_us))));
    }
    cells
}

noun! {
    /// One request, whole: phases that add up to it, and what it waited for. `print(trace)` is a waterfall.
    ///
    /// >>> guest.trace("create")
    /// <Trace create: success, 7.358 s, longest: spawn: disks>
    Trace of Core,
    line |it| {
        let longest = it.critical().map(|phase| format!(", longest: {}", phase.name)).unwrap_or_default();
        format!("<Trace {}: {}, {:.3} s{longest}>", it.what, it.outcome, it.length_us as f64 / 1e6)
    },
    str ToString::to_string,
    cells row;
    /// What was asked for: "create", "live-migration", or the API call.
    what: String = |it| it.what.clone();
    /// "success", "error", "under way" or "unknown".
    outcome: String = |it| it.outcome.clone();
    /// Why it failed, as Nova's action record has it.
    fault: Option<String> = |it| it.fault.clone();
    /// The request: "req-…".
    request_id: String = |it| it.request_id.clone();
    /// How long all of it took, in seconds.
    seconds: f64 = |it| it.length_us as f64 / 1e6;
    /// Each phase: seconds after the begin, seconds it took, host, service, what it did.
    phases: Vec<(f64, f64, String, String, String)> = |it| {
        let phases = it.phases.iter().map(|phase| {
            let (at, took) = (phase.at_us as f64 / 1e6, phase.length_us as f64 / 1e6);
            (at, took, phase.host.clone(), phase.service.clone(), phase.name.clone())
        });
        phases.collect()
    };
    /// Silences of more than a second: seconds after the begin, seconds, what was waited for.
    gaps: Vec<(f64, f64, String)> = |it| {
        let gaps = it.gaps.iter();
        gaps.map(|gap| (gap.at_us as f64 / 1e6, gap.length_us as f64 / 1e6, gap.waited_for.clone())).collect()
    };
    /// Exceptions and RPC time-outs it met.
    troubles: Vec<String> = |it| it.troubles.iter().map(|trouble| trouble.text.clone()).collect();
    /// Seconds each host's clock is ahead of this machine's.
    clocks: BTreeMap<String, f64> = |it| it.clocks.clone();
    /// What is not known, or not sure.
    notes: Vec<String> = |it| it.notes.clone();
    /// Hosts and logs that were wanted and not read.
    unread: Vec<String> = |it| it.unread.clone();
}
