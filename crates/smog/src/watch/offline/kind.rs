//! What a file of a place is, by its path.

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A log.
    Log,
    /// A log if it begins like one.
    Maybe,
    /// It says something of the host: its name, its zone, the services' configuration.
    Fact,
    /// Results of tests.
    Results,
    /// A tar archive.
    Archive,
    /// None of these.
    Other,
}

/// The endings of compressed files.
pub(super) const PACKED: [&str; 5] = [".gz", ".xz", ".zst", ".bz2", ".lz4"];

/// Files below a log folder that are not texts, and what the tools write that gather logs.
const NO_LOGS: [&str; 12] = [
    "lastlog",
    "wtmp",
    "btmp",
    "faillog",
    "tallylog",
    "sos.log",
    "ui.log",
    "dstat-csv_log",
    "worlddump",
    "README",
    "index",
    "event-filter",
];

/// What a file is, by its path from the place on.
pub(super) fn kind(inside: &str) -> Kind {
    let path = inside.to_lowercase();
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    if is_archive(name) {
        return Kind::Archive;
    }
    let bare = without_packing(name);
    if bare.ends_with(".subunit")
        || bare.contains("subunit")
        || bare == "job-output.txt"
        // The repository of stestr, and of testrepository before it: runs by their numbers.
        || [".stestr", ".testrepository"].iter().any(|repository| folder.rsplit('/').next() == Some(repository))
            && !bare.is_empty()
            && bare.bytes().all(|byte| byte.is_ascii_digit())
        || (bare.ends_with(".xml")
            && ["junit", "result", "test", "pytest", "report"].iter().any(|word| bare.contains(word)))
    {
        return Kind::Results;
    }
    let folders = format!("/{folder}/");
    let has = |part: &str| folders.contains(part);
    let is_conf = bare.ends_with(".conf") || bare.ends_with("_conf.txt") || bare.ends_with(".conf.txt");
    if is_conf && (has("/etc/") || has("/config/") || has("/config-data/"))
        || ["hostname", "timezone", "localtime", "date", "hwclock"].contains(&bare)
        || bare.starts_with("timedatectl")
    {
        return Kind::Fact;
    }
    let stem = without_rotation(bare);
    let is_none = NO_LOGS.iter().any(|none| stem.trim_end_matches(".txt").eq_ignore_ascii_case(none))
        || has("/sos_logs/")
        || has("/sos_reports/")
        || has("/sa/")
        || has("/sysstat/");
    if is_none {
        return Kind::Other;
    }
    let plain = stem.strip_suffix(".txt").unwrap_or(stem);
    // A sosreport has thousands of commands' outputs; logs are those of these.
    const TOOLS: [&str; 4] = ["journalctl", "podman_logs", "docker_logs", "crictl_logs"];
    if has("/sos_commands/") {
        let is_list = plain.contains("--list-boots") || plain.contains("--disk-usage");
        return if TOOLS.iter().any(|tool| plain.starts_with(tool)) && !is_list {
            Kind::Log
        } else {
            Kind::Other
        };
    }
    let is_log = stem.ends_with(".log")
        || plain.ends_with(".log")
        || plain.ends_with("_log")
        || plain.ends_with(".journal")
        || has("/var/log/")
        || plain.starts_with("screen-")
        || plain.starts_with("journal")
        || ["messages", "syslog", "kern", "daemon", "current", "previous"].contains(&plain)
        || ["podman_logs", "docker_logs", "crictl_logs"].iter().any(|tool| plain.starts_with(tool))
        || bare.starts_with("catalina");
    if is_log {
        return Kind::Log;
    }
    if ["/proc/", "/sys/", "/etc/", "/usr/", "/boot/", "/run/", "/lib/"].iter().any(|part| has(part)) {
        return Kind::Other;
    }
    let is_text = !plain.contains('.')
        || stem.ends_with(".txt")
        || [".out", ".err", ".json", ".jsonl", ".ndjson", ".export", ".stderr", ".stdout"]
            .iter()
            .any(|end| stem.ends_with(end));
    if is_text { Kind::Maybe } else { Kind::Other }
}

fn is_archive(name: &str) -> bool {
    let bare = without_packing(name);
    bare.ends_with(".tar") || [".tgz", ".txz", ".tbz", ".tbz2", ".tzst"].iter().any(|end| name.ends_with(end))
}

/// Without the ending of a compressed file.
pub(super) fn without_packing(name: &str) -> &str {
    PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

/// Without what logrotate puts behind a name: `.1`, `-20261124`, `.old`.
fn without_rotation(name: &str) -> &str {
    let is_count =
        |text: &str| !text.is_empty() && text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((before, after)) = name.rsplit_once(['.', '-'])
        && (is_count(after) || after == "old")
        && !before.is_empty()
    {
        return without_packing(before);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is() {
        for (path, wanted) in [
            ("job/controller/logs/screen-n-cpu.txt", Kind::Log),
            ("job/controller/logs/screen-n-cpu.txt.gz", Kind::Log),
            ("job/controller/logs/devstack.journal.xz", Kind::Log),
            ("job/controller/logs/apache/access_log.txt", Kind::Log),
            ("job/controller/logs/libvirt/qemu/instance-00000001_log.txt", Kind::Log),
            ("job/controller/logs/etc/nova/nova_conf.txt", Kind::Fact),
            ("job/controller/logs/testrepository.subunit.gz", Kind::Results),
            ("job/job-output.txt", Kind::Results),
            ("tempest/.stestr/0", Kind::Results),
            ("tempest/.stestr/times.dbm.dat", Kind::Other),
            ("job/job-output.json", Kind::Maybe),
            ("job/controller/logs/tempest_log.txt", Kind::Log),
            ("sosreport-c1-2026-11-24-ab/var/log/nova/nova-compute.log-20261124.gz", Kind::Log),
            ("sosreport-c1-2026-11-24-ab/var/log/messages", Kind::Log),
            ("sosreport-c1-2026-11-24-ab/var/log/lastlog", Kind::Other),
            ("sosreport-c1-2026-11-24-ab/sos_commands/date/date", Kind::Fact),
            ("sosreport-c1-2026-11-24-ab/sos_commands/logs/journalctl_--no-pager_--boot", Kind::Log),
            ("sosreport-c1-2026-11-24-ab/sos_commands/logs/ls_-alZR_.var.log", Kind::Other),
            ("sosreport-c1-2026-11-24-ab/sos_commands/logs/journalctl_--list-boots", Kind::Other),
            ("sosreport-c1-2026-11-24-ab/sos_commands/networking/ip_-s_-d_link", Kind::Other),
            ("sosreport-c1-2026-11-24-ab/etc/nova/nova.conf", Kind::Fact),
            ("sosreport-c1-2026-11-24-ab/sos_logs/sos.log", Kind::Other),
            (
                "must-gather/namespaces/openstack/pods/nova-api-0/nova-api/nova-api/logs/current.log",
                Kind::Log,
            ),
            ("x/sosreport-c1.tar.xz", Kind::Archive),
            ("x/job.tgz", Kind::Archive),
            ("x/nova-compute.log.2.gz", Kind::Log),
            ("x/report", Kind::Maybe),
            ("x/picture.png", Kind::Other),
        ] {
            assert_eq!(kind(path), wanted, "{path}");
        }
    }
}
