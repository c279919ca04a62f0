//! The rule about known bugs, which the logs show.

use super::{Judge, Proof, Rule};
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, Layer, Severity, Subject};

fn known_bug(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    let mut found = Vec::new();
    for seen in &cloud.bugs {
        let bug = &seen.bug;
        let times = if seen.count == 1 { "once".into() } else { format!("{} times", seen.count) };
        let last = seen.last.map_or(String::new(), |last| format!(", last at {}", last.strftime("%FT%TZ")));
        let about = bug.url().map_or(String::new(), |url| format!("; see {url}"));
        found.push(
            Finding::about(
                Subject::new("bug", &bug.bug, format!("{}@{}", bug.bug, seen.host)),
                format!("{} ({times}{last}); repaired in: {}", bug.title, bug.versions),
            )
            .on(&seen.host)
            .saw(Layer::Logs, &seen.line, &seen.source)
            .advice(format!("{}{about}", bug.advice))
            .command(format!(
                "smog logs --host {} --since 1h --grep '{}'",
                seen.host,
                bug.pattern.replace('\'', ".")
            )),
        );
    }
    found
}

pub(super) const RULES: &[Rule] = &[Rule {
    name: "known-bug",
    severity: Severity::Warning,
    about: "The logs of a host show a bug that is known (a file of your own adds to the list)",
    source: "the entries of known.yml, each with its number",
    proof: Proof::Lab,
    layers: &[Layer::Logs],
    judge: Judge::Cloud(known_bug),
}];
