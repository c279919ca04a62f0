//! Of which host a file is, and what the files of that host say of its zone and its services.

use std::collections::BTreeMap;

use jiff::tz::{Offset, TimeZone};

use super::kind::{self, Kind};
use super::place::Gathered;
use crate::watch::formats::FormatsOfHost;

/// The longest file that is read for what it says of a host.
const LONGEST_FACT: u64 = 1 << 20;

/// What is known of the files of one host.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree {
    pub host: String,
    /// The host is only the name of a folder: what a record says counts more.
    pub weak: bool,
    pub zone: Option<TimeZone>,
    pub formats: FormatsOfHost,
}

/// All hosts' files, by where they begin.
#[derive(Debug, Default)]
pub(super) struct Trees {
    trees: BTreeMap<String, Tree>,
}

impl Trees {
    pub fn of(&self, inside: &str) -> Tree {
        let root = root(inside);
        match self.trees.get(&root.prefix) {
            Some(tree) => tree.clone(),
            None => Tree { host: root.host, weak: root.weak, ..Tree::default() },
        }
    }
}

/// Where a host's files begin, and the host as far as the path says it.
struct Root {
    prefix: String,
    host: String,
    weak: bool,
}

/// Folders that are named for a service or a purpose, not for a host.
const NO_HOSTS: [&str; 43] = [
    "nova",
    "neutron",
    "glance",
    "keystone",
    "placement",
    "cinder",
    "heat",
    "ironic",
    "octavia",
    "barbican",
    "swift",
    "manila",
    "horizon",
    "libvirt",
    "qemu",
    "apache",
    "apache2",
    "httpd",
    "rabbitmq",
    "openvswitch",
    "ovn",
    "mysql",
    "mariadb",
    "kolla",
    "containers",
    "pods",
    "journal",
    "log",
    "logs",
    "var",
    "etc",
    "tempest",
    "ceph",
    "audit",
    "tmp",
    "home",
    "root",
    "downloads",
    "data",
    "services",
    "uwsgi",
    "old",
    "-",
];

fn root(inside: &str) -> Root {
    let parts: Vec<&str> = inside.split('/').collect();
    let folders = &parts[..parts.len() - 1];
    let through = |at: usize| folders[..=at].join("/");
    // The place's own name says less than a folder in it.
    let strong = |at: usize, host: usize| Root {
        prefix: through(at),
        host: folders[host].into(),
        weak: host == 0 && !is_node(folders[host]),
    };
    for (at, folder) in folders.iter().enumerate() {
        if folder.starts_with("sosreport-") {
            return Root { prefix: through(at), host: of_sosreport(folder), weak: false };
        }
    }
    for (at, folder) in folders.iter().enumerate() {
        let next = folders.get(at + 1).copied().unwrap_or_default();
        if *folder == "pods" && at >= 2 && folders[at - 2] == "namespaces" && !next.is_empty() {
            return Root { prefix: through(at + 1), host: next.into(), weak: false };
        }
        if at == 0 {
            continue;
        }
        let before = folders[at - 1];
        if (*folder == "var" && next == "log") || *folder == "sos_commands" {
            return Root { weak: NO_HOSTS.contains(&before), ..strong(at - 1, at - 1) };
        }
        // A job keeps the logs of each node below NODE/logs.
        if *folder == "logs" && !NO_HOSTS.contains(&before) {
            return strong(at, at - 1);
        }
    }
    let at = folders.iter().rposition(|folder| !NO_HOSTS.contains(&folder.to_lowercase().as_str()));
    match at {
        Some(at) => Root { prefix: through(at), host: folders[at].into(), weak: true },
        None => Root { prefix: String::new(), host: "-".into(), weak: true },
    }
}

/// Names that jobs and deployments give to nodes.
fn is_node(name: &str) -> bool {
    ["controller", "compute", "subnode", "primary", "node", "ctl", "cmp", "overcloud", "edpm"]
        .iter()
        .any(|begin| name.starts_with(begin))
}

/// `sosreport-HOST[-LABEL]-2026-11-24-abcdefg`: sos puts the host first.
fn of_sosreport(folder: &str) -> String {
    let name = folder.trim_start_matches("sosreport-");
    let is_date = |parts: &[&str]| {
        parts.len() == 3
            && parts[0].len() == 4
            && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let parts: Vec<&str> = name.split('-').collect();
    match parts.windows(3).position(is_date) {
        Some(at) if at > 0 => parts[..at].join("-"),
        _ => name.into(),
    }
}

/// What all files say of their hosts.
pub(super) fn trees(gathered: &Gathered) -> Trees {
    let mut trees = Trees::default();
    for entry in gathered.entries.iter().filter(|entry| kind::kind(&entry.inside) == Kind::Fact) {
        let root = root(&entry.inside);
        // A configuration file of a job lies below NODE/logs; `etc` alone says no host.
        let Ok(text) = entry.text(LONGEST_FACT) else { continue };
        let rest = entry
            .inside
            .strip_prefix(&root.prefix)
            .unwrap_or(&entry.inside)
            .trim_start_matches('/')
            .to_string();
        let tree = trees.tree(root);
        tree.learn(&rest, &text);
    }
    for (path, target) in &gathered.links {
        if path.ends_with("etc/localtime")
            && let Some((_, name)) = target.split_once("zoneinfo/")
            && let Ok(zone) = TimeZone::get(name)
        {
            trees.tree(root(path)).zone.get_or_insert(zone);
        }
    }
    trees
}

impl Trees {
    fn tree(&mut self, root: Root) -> &mut Tree {
        let tree = || Tree { host: root.host, weak: root.weak, ..Tree::default() };
        self.trees.entry(root.prefix).or_insert_with(tree)
    }
}

impl Tree {
    fn learn(&mut self, rest: &str, text: &str) {
        let name = rest.rsplit('/').next().unwrap_or(rest);
        match name {
            "hostname" => {
                if let Some(host) =
                    text.split_ascii_whitespace().next().filter(|_| !self.weak || rest == "etc/hostname")
                {
                    self.host = host.into();
                    self.weak = false;
                }
            }
            "timezone" => {
                let zone = TimeZone::get(text.trim()).ok();
                self.zone = self.zone.take().or(zone);
            }
            "date" => {
                let zone = of_date(text);
                self.zone = self.zone.take().or(zone);
            }
            "hwclock" => {
                let zone = text.trim().get(19..).and_then(offset);
                self.zone = self.zone.take().or(zone);
            }
            // A zone by its name also knows when summer time begins.
            _ if name.starts_with("timedatectl") => self.zone = of_timedatectl(text).or(self.zone.take()),
            _ => self.formats.learn(rest, text),
        }
    }
}

/// `Time zone: Europe/Berlin (CET, +0100)`
fn of_timedatectl(text: &str) -> Option<TimeZone> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("Time zone: "))?;
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    TimeZone::get(name).ok().or_else(|| offset(rest))
}

/// `Tue Nov 24 10:31:40 CET 2026` and `Tue 24 Nov 2026 10:31:40 AM CET`.
fn of_date(text: &str) -> Option<TimeZone> {
    let line = text.lines().find(|line| line.contains(':'))?;
    let words = line.split_ascii_whitespace();
    words.skip_while(|word| !word.contains(':')).skip(1).find_map(|word| match word {
        "AM" | "PM" => None,
        "UTC" | "GMT" => Some(TimeZone::UTC),
        word if word.starts_with(['+', '-']) => offset(word),
        word => abbreviation(word),
    })
}

/// The offsets of short names that mean one zone only; many mean several (IST, CST).
fn abbreviation(name: &str) -> Option<TimeZone> {
    let zone = match name {
        "CET" | "CEST" => "Europe/Berlin",
        "EET" | "EEST" => "Europe/Helsinki",
        "WET" | "WEST" => "Europe/Lisbon",
        "BST" => "Europe/London",
        "MSK" => "Europe/Moscow",
        "EST" | "EDT" => "America/New_York",
        "CDT" => "America/Chicago",
        "MST" | "MDT" => "America/Denver",
        "PST" | "PDT" => "America/Los_Angeles",
        "JST" => "Asia/Tokyo",
        "KST" => "Asia/Seoul",
        "AEST" | "AEDT" => "Australia/Sydney",
        _ => return None,
    };
    TimeZone::get(zone).ok()
}

/// The first `+01:00` or `+0100` in a text.
fn offset(text: &str) -> Option<TimeZone> {
    let at = text.find(['+', '-'])?;
    let sign = if text[at..].starts_with('-') { -1 } else { 1 };
    let digits: String = text[at + 1..].chars().take(6).filter(char::is_ascii_digit).take(4).collect();
    let number = |range: std::ops::Range<usize>| digits.get(range).unwrap_or("0").parse::<i32>().ok();
    let seconds = sign * (number(0..2)? * 3600 + number(2..4).unwrap_or(0) * 60);
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_path() {
        for (path, host, weak) in [
            ("4f2a/controller/logs/screen-n-cpu.txt", "controller", false),
            ("controller/logs/screen-n-cpu.txt", "controller", false),
            ("job/logs/screen-n-cpu.txt", "job", true),
            ("4f2a/compute1/logs/libvirt/qemu/x_log.txt", "compute1", false),
            ("logs/compute1/logs/screen-n-cpu.txt", "compute1", false),
            ("sosreport-cmp1-2026-11-24-abcdefg/var/log/messages", "cmp1", false),
            ("cases/sosreport-cmp-1-case7-2026-11-24-ab/var/log/messages", "cmp-1-case7", false),
            ("cmp1/var/log/nova/nova-compute.log", "cmp1", false),
            ("x/cmp1/var/log/nova/nova-compute.log", "cmp1", false),
            ("must-gather/namespaces/openstack/pods/nova-api-0/x/x/logs/current.log", "nova-api-0", false),
            ("x/cmp2/nova/nova-compute.log", "cmp2", true),
            ("bundle/nova-compute.log", "bundle", true),
            ("log/nova/nova-compute.log", "-", true),
            ("nova-compute.log", "-", true),
        ] {
            let root = root(path);
            assert_eq!((root.host.as_str(), root.weak), (host, weak), "{path}");
        }
    }

    #[test]
    fn the_zone_of_a_host() {
        let shown = |zone: Option<TimeZone>| {
            let zone = zone.expect("a zone");
            let time: jiff::Timestamp = "2026-11-24T10:00:00Z".parse().expect("a time");
            time.to_zoned(zone).strftime("%H:%M").to_string()
        };
        assert_eq!(shown(of_date("Tue Nov 24 11:31:40 CET 2026\n")), "11:00");
        assert_eq!(shown(of_date("Tue 24 Nov 2026 11:31:40 AM +03 \n")), "13:00");
        assert_eq!(shown(of_date("Tue Nov 24 10:31:40 UTC 2026")), "10:00");
        assert!(of_date("Tue Nov 24 10:31:40 CST 2026").is_none());
        assert_eq!(
            shown(of_timedatectl("  Local time: x\n  Time zone: Asia/Kolkata (IST, +0530)\n")),
            "15:30"
        );
        assert_eq!(shown("2026-11-24 10:31:40.123456-05:00".get(19..).and_then(offset)), "05:00");
    }
}
