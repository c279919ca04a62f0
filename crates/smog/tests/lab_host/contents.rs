//! What is on a host: files, services, facts and domains.

use super::*;

#[tokio::test]
async fn files_keep_their_owner() {
    let lab = lab();
    let host = host(&lab, "cmp1");
    let path = format!("/var/lib/nova/smog test {}.conf", std::process::id());
    host.write_file_with_mode(&path, "one\n", 0o640).await.expect("writes");
    host.run(Cmd::new("chown").args(["nova:nova", &path])).await.expect("chown");
    host.write_file(&path, "two\n").await.expect("writes");
    let stat = host.stat(&path).await.expect("looks").expect("is there");
    assert_eq!((stat.user.as_str(), stat.group.as_str(), stat.mode), ("nova", "nova", 0o640));
    assert_eq!(host.read_text(&path).await.expect("reads"), "two\n");
    let found = host.glob("/var/lib/nova/smog test *").await.expect("looks");
    assert_eq!(found, std::slice::from_ref(&path));
    assert_eq!(host.glob("/var/lib/nova/.smog-*").await.expect("looks"), Vec::<String>::new());
    host.remove_file(&path).await.expect("removes");
}

#[tokio::test]
async fn a_service_is_ready_when_it_stays() {
    let lab = lab();
    let host = host(&lab, "cmp2");
    let unit = |name: &str, start: &str| (format!("smog-test-{name}.service"), start.to_string());
    let units = [
        unit("fine", "/bin/sleep 57121"),
        unit("dies", "/bin/sh -c 'sleep 0.4; echo no such option >&2; exit 1'"),
        unit("slow", "/bin/sh -c 'exec sleep 57122'"),
    ];
    for (name, start) in &units {
        let text = format!("[Service]\nExecStart={start}\n");
        host.write_file(&format!("/run/systemd/system/{name}"), text).await.expect("writes");
    }
    host.run(Cmd::new("systemctl").arg("daemon-reload")).await.expect("reloads");

    let wait = Wait::up_to(Duration::from_secs(20));
    let fine = host.start_service("smog-test-fine.service", wait).await.expect("starts");
    assert!(fine.is_active() && fine.main_pid.is_some() && fine.since.is_some());
    let again = host.start_service("smog-test-fine.service", wait).await.expect("is up");
    assert_eq!(again.main_pid, fine.main_pid, "what is up is left alone");
    let new = host.restart_service("smog-test-fine.service", wait).await.expect("restarts");
    assert_ne!(new.main_pid, fine.main_pid);
    let down = host.stop_service("smog-test-fine.service", wait).await.expect("stops");
    assert!(!down.is_active() && down.main_pid.is_none());

    let error = host.start_service("smog-test-dies.service", wait).await.expect_err("dies");
    let text = error.to_string();
    assert!(matches!(error, Error::Fault { .. }) && text.contains("no such option"), "{text}");
    let error = host.start_service("smog-test-none.service", wait).await.expect_err("is not there");
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");

    let list = host
        .services(["smog-test-fine.service", "smog-test-none.service", "ssh.service"])
        .await
        .expect("asks");
    assert_eq!(list.len(), 2);
    let remove = "systemctl stop 'smog-test-*'; systemctl reset-failed 'smog-test-*'; rm -f /run/systemd/system/smog-test-*; systemctl daemon-reload";
    host.run(Cmd::shell(remove).any_exit()).await.expect("cleans up");
}

#[tokio::test]
async fn facts_layout_and_packages() {
    let lab = lab();
    let host = host(&lab, "cmp1");
    let facts = host.facts().await.expect("facts");
    assert_eq!(facts.hostname, "cmp1");
    assert_eq!(facts.os_id.as_deref(), Some("debian"));
    assert!(facts.libvirt_version.is_some() && facts.qemu_version.is_some());
    assert!(facts.cells.iter().all(|cell| cell.memory_kib > 0 && cell.pool(2048).is_some()));
    let capabilities = host.capabilities().await.expect("capabilities");
    let of_libvirt: Vec<_> = capabilities.cells.iter().map(|cell| (cell.id, cell.cpuset())).collect();
    let of_kernel: Vec<_> = facts.cells.iter().map(|cell| (cell.id, cell.cpus.clone())).collect();
    assert_eq!(of_libvirt, of_kernel, "libvirt and /sys say the same of the cells");
    let other = self::host(&lab, "cmp2").facts().await.expect("facts");
    assert!(facts.shares_kernel_with(&other), "the lab's hosts are containers of one machine");

    use smog::host::{LayoutKind, ServiceRole};
    let layout = host.layout().await.expect("a layout");
    assert_eq!(layout.kind, LayoutKind::Debian);
    let nova = layout.place(ServiceRole::NovaCompute).expect("nova-compute");
    assert_eq!(nova.unit.as_deref(), Some("nova-compute.service"));
    assert!(nova.config.iter().any(|path| path == "/etc/nova/nova.conf"));
    assert!(layout.place(ServiceRole::NovaApi).is_none(), "masked there");
    let controller = self::host(&lab, "ctl").layout().await.expect("a layout");
    assert!(controller.place(ServiceRole::NovaApi).is_some());
    assert!(controller.place(ServiceRole::NovaCompute).is_none());

    let packages = host.packages(["nova-compute", "no-such-package"]).await.expect("asks");
    assert_eq!(packages.keys().collect::<Vec<_>>(), ["nova-compute"]);
}

#[tokio::test]
async fn domains_and_their_processes_agree() {
    let lab = lab();
    let mut seen = 0;
    for name in ["cmp1", "cmp2"] {
        let host = host(&lab, name);
        let simulated = host.facts().await.expect("facts").lab.is_some_and(|lab| lab.simulated_cells > 0);
        let lines = host.list_domains().await.expect("a list");
        let domains = host.domains().await.expect("domains");
        assert_eq!(lines.len(), domains.len());
        for domain in &domains {
            assert_eq!(host.domain(&domain.uuid).await.expect("by id").name, domain.name);
            if host.domain_state(&domain.name).await.expect("a state") != DomainState::Running {
                continue;
            }
            seen += 1;
            let process = host.guest_process(&domain.name).await.expect("a process");
            assert_eq!(process.uuid, domain.uuid);
            // Simulated cells: the XML has the CPUs asked for, the kernel the machine's own.
            if domain.is_pinned() && !simulated {
                assert_eq!(process.vcpu_affinity(), domain.vcpu_pins(), "{}", domain.name);
            }
            let huge = process.memory.as_ref().expect("memory").huge_kib().values().sum::<u64>();
            assert_eq!(huge > 0, domain.has_huge_pages(), "{}", domain.name);
            assert!(huge == 0 || huge >= domain.memory_kib);
        }
        let error = host.domain("instance-no-such").await.expect_err("is not there");
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
        assert!(host.start_domain("instance-no-such", Wait::default()).await.is_err());
    }
    eprintln!("looked at {seen} running domains");
    assert_eq!(quote("x"), "x");
}

#[tokio::test]
async fn a_domain_is_edited_defined_and_switched() {
    let lab = lab();
    let host = host(&lab, "cmp2");
    let name = format!("smog-test-{}", std::process::id());
    let xml = format!(
        "<domain type='qemu'>\n  <name>{name}</name>\n  <memory unit='MiB'>16</memory>\n  <vcpu>1</vcpu>\n  \
         <os><type arch='x86_64'>hvm</type></os>\n</domain>"
    );
    host.define_domain(&xml).await.expect("defines");
    let defined = host.domain_xml(&name, Dump { inactive: true, ..Dump::default() }).await.expect("dumps");
    let edited = DomainEdit::new(defined)
        .and_then(|edit| edit.set_text(&["currentMemory"], "8192"))
        .and_then(|edit| edit.insert(&[], "<title>smog's own</title>"))
        .expect("edits");
    host.define_domain(edited.xml()).await.expect("defines again");
    let domain = host.domain(&name).await.expect("is there");
    assert_eq!((domain.current_memory_kib, domain.nova), (8192, None));

    let wait = Wait::up_to(Duration::from_secs(20));
    host.start_domain(&name, wait).await.expect("starts");
    assert_eq!(host.domain_state(&name).await.expect("a state"), DomainState::Running);
    host.start_domain(&name, wait).await.expect("runs already");
    let process = host.guest_process(&name).await.expect("a process");
    assert_eq!(process.uuid, domain.uuid);
    assert!(process.vcpu(0).is_some());
    let error =
        host.shutdown_domain(&name, Wait::up_to(Duration::from_secs(1))).await.expect_err("has no ACPI");
    assert!(matches!(&error, Error::Timeout { last, .. } if last == "running"), "{error:?}");
    host.destroy_domain(&name, wait).await.expect("is switched off");
    assert_eq!(host.domain_state(&name).await.expect("a state"), DomainState::ShutOff);
    assert!(matches!(host.guest_process(&name).await, Err(Error::NotFound { .. })));

    let refused =
        host.define_domain("<domain type='qemu'><name>x</name></domain>").await.expect_err("lacks all");
    assert!(matches!(refused, Error::Command { .. }), "{refused:?}");
    host.run(Cmd::new("virsh").args(["undefine", &name])).await.expect("cleans up");
    let error = host.domain(&name).await.expect_err("is gone");
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}
