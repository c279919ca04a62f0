//! What a host has for a shared folder of servers' disks (NFS), in one command.

use crate::host::Cmd;

/// Prints `key=value` lines: kernel, programs, the folder and what is mounted there.
const SCRIPT: &str = r#"d=$1
# What is loaded, or what modprobe would load: its word alone, without a module, is none.
has() { grep -qw "$1" /proc/filesystems || modprobe -n -v "$1" 2>/dev/null | grep -q "^insmod"; }
has nfs || has nfs4 && echo client_kernel=yes
has nfsd && echo server_kernel=yes
command -v mount.nfs >/dev/null && echo client_program=yes
command -v exportfs >/dev/null && echo server_program=yes
[ -d "$d" ] && echo folder=yes
echo "entries=$(ls -A -- "$d" 2>/dev/null | grep -cE '^[0-9a-f]{8}-[0-9a-f-]{27}$')"
echo "mounted=$(findmnt -n -o SOURCE --mountpoint "$d" 2>/dev/null | tail -n 1)"
echo "uid=$(id -u nova 2>/dev/null)"
exit 0"#;

/// What was found of one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorageState {
    /// Whether its kernel can mount NFS.
    pub client_kernel: bool,
    /// Whether its kernel can serve NFS.
    pub server_kernel: bool,
    /// Whether `mount.nfs` is there.
    pub client_program: bool,
    /// Whether `exportfs` is there.
    pub server_program: bool,
    /// Whether the folder is there.
    pub folder: bool,
    /// So many servers have their disks in it.
    pub entries: u64,
    /// What is mounted there: "192.0.2.10:/var/lib/nova/instances".
    pub mounted: Option<String>,
    /// The number of the user nova.
    pub uid: Option<u32>,
}

pub(super) fn look(folder: &str) -> Cmd {
    Cmd::shell(SCRIPT).arg(folder)
}

impl StorageState {
    /// Read what the command printed; what it did not print is not there.
    pub(super) fn parse(text: &str) -> StorageState {
        let value = |key: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            found.map(str::trim).filter(|value| !value.is_empty())
        };
        let is = |key: &str| value(key) == Some("yes");
        StorageState {
            client_kernel: is("client_kernel"),
            server_kernel: is("server_kernel"),
            client_program: is("client_program"),
            server_program: is("server_program"),
            folder: is("folder"),
            entries: value("entries").and_then(|count| count.parse().ok()).unwrap_or(0),
            mounted: value("mounted").map(str::to_string),
            uid: value("uid").and_then(|uid| uid.parse().ok()),
        }
    }
}
