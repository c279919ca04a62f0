//! What a sosreport says of its host, as a recording: shown by a tree written by hand, whose names of
//! files are those of sos' plugins (`smog_fake_cloud::sosreport`).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use smog::cloud::Options;
use smog::recording::Recording;
use smog::topology::{CpuRole, HostPicture, Seen};
use smog::{Cloud, Error};
use smog_fake_cloud::sosreport;

fn cloud(place: &Path) -> Cloud {
    Recording::of_saved(place).expect("a host").cloud(Options::default()).expect("a cloud")
}

async fn picture(place: &Path) -> HostPicture {
    let found = cloud(place).topology_of(&Seen::All).await.expect("a picture");
    assert!(found.unreached.is_empty(), "{:?}", found.unreached);
    found.hosts.into_iter().next().expect("a host")
}

#[tokio::test]
async fn the_topology_of_its_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let tree = sosreport(folder.path(), "1").expect("a tree");
    let host = picture(&tree).await;
    assert_eq!((host.host.as_str(), host.nodes.len(), host.sockets), ("cmp1", 2, 2));
    assert_eq!((host.nodes[1].memory_kib, host.nodes[1].free_kib), (32_921_600, 12_000_000));
    let guest = &host.guests[0];
    assert_eq!((guest.name.as_str(), guest.state.as_str()), ("t1", "running"));
    assert_eq!((guest.vcpus.len(), guest.vcpus[0].to_string().as_str()), (1, "1"));
    let cpu = host.nodes[1].cores[0].cpus[0].clone();
    assert_eq!((cpu.id, cpu.role, cpu.guests.len()), (1, CpuRole::Dedicated, 1));
    // What sos does not gather is said.
    let unknown = host.unknown.join("\n");
    assert!(unknown.contains("PCI devices: not recorded") && !unknown.contains("threads"), "{unknown}");

    let facts = cloud(&tree).host("cmp1").await.expect("a host").facts().await.expect("facts");
    assert_eq!(
        (facts.kernel.release.as_str(), facts.kernel.machine.as_str()),
        ("5.14.0-503.el9.x86_64", "x86_64")
    );
    assert_eq!((facts.qemu_version.as_deref(), facts.os_id.as_deref()), (Some("9.0.0"), Some("centos")));
}

#[tokio::test]
async fn its_domains_and_where_their_threads_may_run() {
    let folder = tempfile::tempdir().expect("a folder");
    for (on, agrees) in [("1", true), ("0-6", false)] {
        let tree = sosreport(folder.path(), on).expect("a tree");
        for name in ["t1", "instance-00000001"] {
            let (host, domain, rows) =
                cloud(&tree).recorded_pins(name).await.expect("rows").expect("a domain");
            assert_eq!((host.name(), domain.name.as_str()), ("cmp1", "instance-00000001"));
            let vcpu = rows.iter().find(|row| row.what == "vCPU 0").expect("a row");
            assert_eq!((vcpu.agrees, vcpu.kernel.contains(on)), (agrees, true), "{rows:?}");
            assert!(rows.iter().any(|row| row.what == "memory" && row.agrees), "{rows:?}");
        }
    }
    let tree = sosreport(folder.path(), "1").expect("a tree");
    assert!(cloud(&tree).recorded_domain("none").await.expect("asked").is_none());
    // What Nova says is not in it.
    let why = cloud(&tree).servers().await.expect_err("no API");
    assert!(matches!(why, Error::NotRecorded { .. }), "{why}");

    fs::remove_file(tree.join("sos_commands/virsh/taskset_instance-00000001")).expect("removed");
    let why = cloud(&tree).recorded_pins("t1").await.expect_err("not gathered");
    assert!(matches!(why, Error::NotRecorded { .. }), "{why}");
    let unknown = picture(&tree).await.unknown.join("\n");
    assert!(unknown.contains("where threads may run: not recorded"), "{unknown}");
    assert!(unknown.contains("where the threads of `instance-00000001` may run: not recorded"), "{unknown}");

    fs::remove_file(tree.join("sos_commands/virsh/virsh_-r_dumpxml_instance-00000001")).expect("removed");
    let unknown = picture(&tree).await.unknown.join("\n");
    assert!(unknown.contains("a guest: not recorded: the XML of `instance-00000001`"), "{unknown}");
}

#[tokio::test]
async fn archives_that_are_cut_or_mean_harm() {
    let folder = tempfile::tempdir().expect("a folder");
    let tree = sosreport(folder.path(), "1").expect("a tree");
    let base = tree.file_name().expect("a name").to_str().expect("text");
    let pack = |name: &str, more: &[&str]| {
        let file = folder.path().join(name);
        let mut tar = Command::new("tar");
        tar.current_dir(folder.path()).args(["-cJf", name, base]).args(more);
        assert!(tar.output().expect("tar runs").status.success());
        file
    };
    let whole = pack("whole.tar.xz", &[]);
    assert_eq!(picture(&whole).await.guests, picture(&tree).await.guests);

    let bytes = fs::read(&whole).expect("bytes");
    let cut = folder.path().join("cut.tar.xz");
    fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
    match Recording::of_saved(&cut) {
        Ok(recording) => assert!(!recording.index.unread.is_empty(), "what is missing is said"),
        Err(why) => assert!(why.to_string().contains("cut"), "{why}"),
    }

    // Another configuration by a path that climbs, and one by a link out of the tree.
    fs::create_dir_all(folder.path().join("other")).expect("a folder");
    fs::write(folder.path().join("other/nova.conf"), "[compute]\ncpu_dedicated_set = 0-6\n")
        .expect("written");
    let hostile =
        pack("climbs.tar.xz", &["-P", "--transform", "s,^other/,../../etc/nova/,", "other/nova.conf"]);
    let found = Recording::of_saved(&hostile).expect("the rest");
    assert!(
        found.index.unread.iter().any(|line| line.contains("climbs out of the archive")),
        "{:?}",
        found.index.unread
    );
    let host = picture(&hostile).await;
    assert_eq!(host.nodes[0].cores[0].cpus[0].role, CpuRole::Shared);

    fs::remove_file(tree.join("etc/nova/nova.conf")).expect("removed");
    symlink(folder.path().join("other/nova.conf"), tree.join("etc/nova/nova.conf")).expect("a link");
    let host = picture(&tree).await;
    assert_eq!(host.nodes[0].cores[0].cpus[0].role, CpuRole::Unknown);
    assert!(host.unknown.join("\n").contains("its configuration was not found"), "{:?}", host.unknown);

    // A file that is too long is cut, and so cannot be read.
    let xml = tree.join("sos_commands/virsh/virsh_-r_dumpxml_instance-00000001");
    let long = fs::read_to_string(&xml).expect("XML").replacen(
        "<os>",
        &format!("<!--{}--><os>", "x".repeat(5 << 20)),
        1,
    );
    fs::write(&xml, long).expect("written");
    let host = picture(&tree).await;
    assert!(host.guests.is_empty() && host.unknown.join("\n").contains("a guest: "), "{:?}", host.unknown);
}

#[test]
fn logs_alone_say_nothing_of_a_host() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("cmp1/var/log/nova/nova-compute.log");
    fs::create_dir_all(log.parent().expect("a folder")).expect("made");
    fs::write(&log, "2026-11-28 20:00:00.000 1200 INFO nova.compute.manager [-] started\n").expect("written");
    let why = Recording::of_saved(folder.path()).expect_err("no facts");
    assert!(matches!(&why, Error::NotRecorded { what, .. } if what == "anything but logs"), "{why}");
}
