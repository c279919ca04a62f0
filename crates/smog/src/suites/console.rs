//! What the guest itself says on its serial console. The guest of smog's lab prints a
//! report of what it sees, and ticks; other images do not, and then there is nothing to read.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::host::Cmd;
use crate::testing::Check;
use crate::testing::{Seen, Test};

/// A guest's report of itself: `name: value` for each fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Report {
    facts: BTreeMap<String, String>,
}

const BEGIN: &str = "=== smog-guest report begin ===";
const END: &str = "=== smog-guest report end ===";

impl Report {
    /// The last whole report on a console.
    pub(super) fn last(console: &str) -> Option<Report> {
        let end = console.rfind(END)?;
        let begin = console[..end].rfind(BEGIN)? + BEGIN.len();
        let lines = console[begin..end].lines().filter_map(|line| line.trim().split_once(": "));
        let mut facts = BTreeMap::new();
        for (name, value) in lines {
            // Of lines that repeat, the first is kept.
            facts.entry(name.to_string()).or_insert_with(|| value.to_string());
        }
        Some(Report { facts })
    }

    /// A fact.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.facts.get(name).map(String::as_str)
    }

    /// The number a fact begins with: 2 of "2 (online 0-1)".
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }

    /// A `key=value` of a fact: ("topology", "cores").
    pub(super) fn part(&self, name: &str, key: &str) -> Option<u64> {
        let mut words = self.get(name)?.split_whitespace();
        words.find_map(|word| word.strip_prefix(key)?.strip_prefix('=')?.parse().ok())
    }
}

/// The last tick on a console: "tick 7 uptime 70.12" is 7.
pub(super) fn last_tick(console: &str) -> Option<u64> {
    let line = console.lines().rev().find(|line| line.starts_with("tick "))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Whether the suite's image is one that reports and ticks. Where it is not, the case says
/// that the guest itself was not asked.
pub(super) async fn reports(t: &Test) -> Result<bool> {
    let image = t.image().await?;
    // The lab gives its guest both names.
    let does = t.cloud.lab().is_some() && matches!(image.name.as_str(), "cirros" | "smog-guest");
    if !does {
        t.step(format!("what the guest itself sees is not checked: image `{}` does not report", image.name));
    }
    Ok(does)
}

/// Types a line into the serial port of a guest on its host, and reads until a line matches.
const TALK: &str = r#"exec 3<>"/dev/tcp/$1/$2" || exit 1
printf '\n%s\n' "$3" >&3
timeout 60 sed "/$4/q" <&3"#;

/// Type a line into the serial port of a guest, which is a TCP port (`[serial_console]`), and
/// read until a line matches `until` (a basic regular expression); what was read. The guest's
/// shell is there when it has reported once.
pub(super) async fn talk(t: &Test, seen: &Seen, line: &str, until: &str) -> Result<String> {
    let serial = seen.domain().devices.serials.first().and_then(|serial| serial.address.clone());
    let (address, port) = serial.ok_or_else(|| Error::Invalid {
        what: format!("the serial port of `{}`", seen.domain().name),
        why: "it is not a TCP port".into(),
        hint: Some("`[serial_console]enabled` makes it one for guests that boot later".into()),
    })?;
    t.step(format!("type into port {port} on {}", seen.host()));
    let words = ["-c", TALK, "bash", &address, &port.to_string(), line, until].map(str::to_string);
    let talk = Cmd::new("bash").args(words).time_limit(Duration::from_secs(90));
    Ok(t.cloud.host(seen.host()).await?.outside().run(talk).await?.text().to_string())
}

/// Wait for the guest's report.
pub(super) async fn report(t: &Test, guest: &Guest) -> Result<Report> {
    t.step(format!("read the report of `{}` on its console", guest.name()));
    t.console_until(guest, "its report", Report::last).await
}

/// Wait for a tick later than `after`; its number.
pub(super) async fn tick_after(t: &Test, guest: &Guest, after: u64) -> Result<u64> {
    t.step(format!("wait for `{}` to count on", guest.name()));
    t.console_until(guest, &format!("a tick after {after}"), |text| {
        last_tick(text).filter(|tick| *tick > after)
    })
    .await
}

/// The guest's own view of its cells, CPUs and memory is the domain's.
pub(super) fn guest_sees(report: &Report, cells: usize, vcpus: u32) -> Vec<Check> {
    vec![
        Check::eq("NUMA nodes the guest sees", &report.number("numa nodes"), &Some(cells as u64))
            .from("the guest's console"),
        Check::eq("CPUs the guest sees", &report.number("cpus"), &Some(u64::from(vcpus)))
            .from("the guest's console"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the guest of the lab prints it (lab/image/README.md).
    const CONSOLE: &str = "[    0.4] kernel\r\n=== smog-guest report begin ===\r\nboot_id: 420c\r\ncpus: 2 (online 0-1)\r\n\
        topology: sockets=2 cores=1 threads=1\r\nnuma nodes: 2\r\n=== smog-guest report end ===\r\n\
        tick 1 uptime 10.00\r\ntick 12 uptime 120.00\r\n";

    #[test]
    fn a_report_and_ticks() {
        let report = Report::last(CONSOLE).expect("a report");
        assert_eq!(report.number("cpus"), Some(2));
        assert_eq!(report.part("topology", "sockets"), Some(2));
        assert_eq!(report.part("topology", "dies"), None);
        assert_eq!(report.get("boot_id"), Some("420c"));
        assert_eq!(last_tick(CONSOLE), Some(12));
        assert_eq!(Report::last("=== smog-guest report begin ===\ncpus: 1"), None, "not whole yet");
        assert_eq!(last_tick("login:"), None);
    }
}
