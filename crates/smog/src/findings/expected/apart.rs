//! What must be on different CPUs or NUMA nodes of a host.

use crate::cpuset::Cpuset;
use crate::findings::{Check, Control, Seen};

/// The threads of two guests have no CPU in common.
pub fn on_cpus_apart(both: &(Seen, Seen)) -> Vec<Check> {
    let of = |seen: &Seen| seen.affinity().into_values().fold(Cpuset::new(), |all, cpus| all.union(&cpus));
    let (one, other) = (of(&both.0), of(&both.1));
    vec![
        Check::that(
            "CPUs of the two guests",
            one.is_disjoint(&other),
            format!("{one} and {other}"),
            "none in common",
        )
        .from("/proc/PID/task/TID/status, Cpus_allowed_list"),
    ]
}

/// Controls of [`on_cpus_apart`].
pub const ON_ONE_CPU: &[Control<(Seen, Seen)>] =
    &[Control::new("both on one CPU", |(one, _)| (one.clone(), one))];

/// The guest's two NUMA nodes are bound to two different ones of its host.
pub fn on_nodes_apart(seen: &Seen) -> Vec<Check> {
    let nodes = seen.domain().numatune.iter().flat_map(|tune| &tune.mem_nodes);
    let mut cells: Vec<String> = nodes.map(|node| node.cells.to_string()).collect();
    cells.sort();
    cells.dedup();
    vec![
        Check::that("NUMA nodes of the host", cells.len() == 2, cells.join(" and "), "two different ones")
            .from("domain XML, <numatune><memnode>"),
    ]
}

/// Controls of [`on_nodes_apart`].
pub const ON_ONE_NODE: &[Control<Seen>] = &[Control::new("both in one NUMA node", |seen| {
    seen.with_xml(|xml| xml.replace("mode='strict' nodeset='1'", "mode='strict' nodeset='0'"))
})];
