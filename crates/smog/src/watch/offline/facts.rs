//! What saved files of a host say of the host itself: files of /proc, /sys and /etc, and what
//! commands printed, as sos gathers them.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::archive::Limits;
use super::kind::{self, Kind};
use super::{place, tree};
use crate::error::{Error, Result};

/// The longest file that is read; of a longer one only so much.
const LONGEST: u64 = 4 << 20;
/// Bytes of all of them, which are kept in memory.
const MOST: usize = 512 << 20;

/// The files of one host that are no logs.
#[derive(Debug, Default)]
pub(crate) struct HostFiles {
    /// The host's name.
    pub host: String,
    /// Their texts by their paths on the host, such as "/proc/cmdline"; what commands printed is
    /// below "/sos_commands".
    pub files: BTreeMap<String, String>,
    /// When the newest of them was written.
    pub newest: Option<Timestamp>,
}

/// Read them.
///
/// # Errors
/// As [`Offline::open`](super::Offline::open); [`Error::Invalid`] where they are more than is kept.
pub(crate) fn host_files(places: &Path) -> Result<(Vec<HostFiles>, Vec<String>)> {
    let limits = Limits::default().of_kinds(wanted);
    let gathered = place::gather(&[places.to_path_buf()], None, limits)?;
    let trees = tree::trees(&gathered);
    let mut hosts: BTreeMap<String, HostFiles> = BTreeMap::new();
    let mut troubles: Vec<String> = gathered.troubles.iter().map(super::Trouble::text).collect();
    let mut size = 0;
    for entry in &gathered.entries {
        let Some(path) = on_host(&entry.inside) else { continue };
        let tree = trees.of(&entry.inside);
        let text = match entry.text(LONGEST) {
            Ok(text) => text,
            Err(why) => {
                troubles.push(format!("{}: {why}", entry.shown));
                continue;
            }
        };
        size += text.len();
        if size > MOST {
            return Err(Error::Invalid {
                what: format!("`{}`", places.display()),
                why: format!("what it says of hosts is more than {} MiB", MOST >> 20),
                hint: None,
            });
        }
        let new = || HostFiles { host: tree.host.clone(), ..HostFiles::default() };
        let host = hosts.entry(tree.host.clone()).or_insert_with(new);
        host.newest = host.newest.max(entry.modified);
        host.files.insert(path.to_string(), text);
    }
    Ok((hosts.into_values().collect(), troubles))
}

/// Of a sosreport, what says something of its host; of anything else nothing.
fn wanted(inside: &str) -> Kind {
    match kind::kind(inside) {
        Kind::Archive => Kind::Archive,
        _ if on_host(inside).is_some() => Kind::Fact,
        _ => Kind::Other,
    }
}

/// The path on the host, where it is one of those that are read.
fn on_host(inside: &str) -> Option<&str> {
    // A tree has the host's root right below its own folder, or below a folder of archives in archives.
    let starts =
        ["/proc/", "/sys/", "/etc/", "/usr/lib/os-release", "/run/libvirt/", "/var/lib/", "/sos_commands/"];
    let at = starts.iter().filter_map(|start| inside.find(start)).min()?;
    let path = &inside[at..];
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_read = match path {
        "/proc/cmdline" | "/proc/meminfo" | "/proc/cpuinfo" | "/proc/modules" => true,
        "/proc/sys/kernel/hostname" | "/proc/sys/kernel/osrelease" | "/proc/sys/kernel/random/boot_id" => {
            true
        }
        "/etc/hostname" | "/etc/os-release" | "/usr/lib/os-release" | "/etc/machine-id" => true,
        _ => match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
            ["proc", pid, "status" | "numa_maps"] => is_number(pid),
            ["sys", "devices", "system", "cpu" | "node", ..] => true,
            ["sys", "kernel", "mm", "hugepages" | "transparent_hugepage", ..] => true,
            ["sys", "module", name, "parameters", _] => {
                ["kvm", "vfio", "vhost"].iter().any(|begin| name.starts_with(begin))
            }
            ["etc", "nova" | "libvirt", ..] | ["var", "lib", "openstack" | "config-data", ..] => {
                path.ends_with(".conf")
            }
            ["run", "libvirt", "qemu", name] => name.ends_with(".xml"),
            ["sos_commands", _, name] => ["virsh_-r_", "systemctl_list-unit", "taskset_", "pstree", "uname"]
                .iter()
                .any(|begin| name.starts_with(begin)),
            _ => false,
        },
    };
    is_read.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::on_host;

    #[test]
    fn what_is_read_of_a_tree() {
        for (inside, path) in [
            ("sosreport-cmp1-2026-11-28-abc/proc/cmdline", Some("/proc/cmdline")),
            (
                "x/sosreport-cmp1-2026-11-28-abc/sos_commands/virsh/virsh_-r_dumpxml_i-1",
                Some("/sos_commands/virsh/virsh_-r_dumpxml_i-1"),
            ),
            ("cmp1/etc/nova/nova.conf", Some("/etc/nova/nova.conf")),
            ("cmp1/proc/12/status", Some("/proc/12/status")),
            ("cmp1/proc/12/environ", None),
            ("cmp1/etc/shadow", None),
            ("cmp1/run/libvirt/qemu/i-1.xml", Some("/run/libvirt/qemu/i-1.xml")),
            ("cmp1/var/log/nova/nova-compute.log", None),
        ] {
            assert_eq!(on_host(inside), path, "{inside}");
        }
    }
}
