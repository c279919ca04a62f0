//! A sosreport of a compute, written by hand: the names of files are those that sos' own plugins give
//! (`virsh`, `libvirt`, `process`, `numa`, `processor`, `systemd`), what is in them is of the core's
//! test data. No real sosreport was at hand.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Two sockets, SMT, one CPU offline.
const HOST: &str = include_str!("../../smog/tests/data/host/by-hand-two-sockets.dump");
/// One pinned guest, `t1`.
const DOMAIN: &str = include_str!("../../smog/tests/data/domain/epoxy-pinned.xml");

/// Write the tree below `folder`; its own folder. The guest `t1` (instance-00000001) has its vCPU
/// pinned to CPU 1, where `vcpu_on` is what the kernel says.
///
/// # Errors
/// Those of writing.
pub fn sosreport(folder: &Path, vcpu_on: &str) -> io::Result<PathBuf> {
    let root = folder.join("sosreport-cmp1-2026-11-28-abcdefg");
    let write = |path: &str, text: &str| {
        let file = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(file.parent().unwrap_or(&root))?;
        fs::write(file, text)
    };
    let mut files: Vec<(String, String)> = Vec::new();
    // sos gathers no /sys/bus/pci, and of /proc/sys the boot's id alone.
    for line in HOST.lines().filter(|line| !line.contains("/bus/pci/") && !line.contains("/kernel/os")) {
        let Some((path, value)) = line.split_once(':') else { continue };
        match files.last_mut() {
            Some((last, text)) if last == path => *text += &format!("{value}\n"),
            _ => files.push((path.into(), format!("{value}\n"))),
        }
    }
    for (path, text) in &files {
        write(path, text)?;
    }
    let cpuinfo: String =
        (0..7).map(|cpu| format!("processor\t: {cpu}\nvendor_id\t: GenuineIntel\n\n")).collect();
    let status = "Name:\tqemu-kvm\nVmLck:\t       0 kB\nVmRSS:\t  160000 kB\nCpus_allowed_list:\t1\n\
                  Mems_allowed_list:\t0\nHugetlbPages:\t       0 kB\n";
    let state = format!(
        "<domstatus state='running' reason='booted' pid='367'>\n  <vcpus>\n    <vcpu id='0' pid='371'/>\n  </vcpus>\n{DOMAIN}</domstatus>\n"
    );
    let affinity = format!(
        "pid 367's current affinity list: 1\npid 370's current affinity list: 1\npid 371's current affinity list: {vcpu_on}\n"
    );
    for (path, text) in [
        ("etc/hostname", "cmp1\n"),
        ("etc/nova/nova.conf", "[DEFAULT]\n[compute]\ncpu_dedicated_set = 1\ncpu_shared_set = 0\n"),
        ("proc/cpuinfo", &cpuinfo),
        ("proc/367/status", status),
        ("proc/367/numa_maps", "7f0000000000 bind:0 anon=32768 dirty=32768 N0=32768 kernelpagesize_kB=4\n"),
        ("run/libvirt/qemu/instance-00000001.xml", &state),
        (
            "sos_commands/kernel/uname_-a",
            "Linux cmp1 5.14.0-503.el9.x86_64 #1 SMP PREEMPT_DYNAMIC x86_64 x86_64 x86_64 GNU/Linux\n",
        ),
        (
            "sos_commands/systemd/systemctl_list-unit-files",
            "UNIT FILE STATE PRESET\nopenstack-nova-compute.service enabled disabled\nlibvirtd.service enabled enabled\n",
        ),
        (
            "sos_commands/systemd/systemctl_list-units",
            "  UNIT LOAD ACTIVE SUB DESCRIPTION\n● openstack-nova-compute.service loaded active running OpenStack Nova Compute Server\n",
        ),
        (
            "sos_commands/virsh/virsh_-r_list_--all",
            " Id   Name                State\n-----------------------------------\n 1    instance-00000001   running\n\n",
        ),
        ("sos_commands/virsh/virsh_-r_dumpxml_instance-00000001", DOMAIN),
        (
            "sos_commands/virsh/virsh_-r_version",
            "Using library: libvirt 10.0.0\nRunning hypervisor: QEMU 9.0.0\n",
        ),
        ("sos_commands/virsh/taskset_instance-00000001", &affinity),
        (
            "sos_commands/process/pstree_-lp",
            "systemd(1)-+-qemu-kvm(367)-+-{IO mon_iothread}(370)\n           |               `-{CPU 0/KVM}(371)\n",
        ),
        (
            "var/log/nova/nova-compute.log",
            "2026-11-28 20:00:00.000 1200 INFO nova.compute.manager [-] started\n",
        ),
    ] {
        write(path, text)?;
    }
    Ok(root)
}
