//! Cores that guests share, and orders that Nova did not carry out.

use super::*;

#[test]
fn cores_and_orders() {
    hold(&[
        (
            "isolate, and its sibling is another guest's",
            |cloud| {
                with_specs(cloud, &[("hw:cpu_thread_policy", "isolate")]);
                details(cloud).siblings = vec![set("0-1")];
                let mut other = cloud.servers[0].clone();
                (other.id, other.name) = (NOBODY.into(), "other".into());
                other.flavor.extra_specs.remove("hw:cpu_thread_policy");
                let xml = XML.replace(&cloud.servers[0].id, NOBODY).replace("cpuset='1'", "cpuset='0'");
                let mut process = (*host(cloud).processes[0]).clone();
                process.uuid = NOBODY.into();
                process.threads.iter_mut().for_each(|thread| thread.cpus = set("0"));
                host(cloud).processes.push(Arc::new(process));
                let found = DomainSnapshot {
                    domain: domain(&xml),
                    persistent: None,
                    state: DomainState::Running,
                    reason: 1,
                };
                host(cloud).domains.push(found);
                let mut allocation =
                    cloud.placement.as_ref().expect("placement").providers[0].allocations[0].clone();
                allocation.consumer = NOBODY.into();
                cloud.placement.as_mut().expect("placement").providers[0].allocations.push(allocation);
                machine_of(cloud).sets = Some(CpuSets { dedicated: Some(set("0-1")), shared: None });
                machine_of(cloud).cpus.online = set("0-2");
                cloud.servers.push(other);
            },
            &["sibling-used"],
        ),
        (
            "isolate, and its sibling is free",
            |cloud| {
                with_specs(cloud, &[("hw:cpu_thread_policy", "isolate")]);
                details(cloud).siblings = vec![set("0-1")];
            },
            &[],
        ),
        (
            "require, without siblings",
            |cloud| with_specs(cloud, &[("hw:cpu_thread_policy", "require")]),
            &["sibling-used"],
        ),
        (
            "require, with siblings",
            |cloud| {
                with_specs(cloud, &[("hw:cpu_thread_policy", "require")]);
                details(cloud).siblings = vec![set("0-1")];
            },
            &[],
        ),
        (
            "a daemon on an isolated CPU",
            |cloud| {
                details(cloud).isolated = set("1");
                details(cloud).programs = vec![Program { pid: 7, name: "daemon".into(), cpus: set("0-1") }];
            },
            &["intruder"],
        ),
        (
            "interrupts of a network card on an isolated CPU",
            |cloud| {
                details(cloud).isolated = set("1");
                details(cloud).interrupts = vec![interrupt("1", 12, "eth0-TxRx-1")];
            },
            &["intruder"],
        ),
        (
            "interrupts elsewhere, none so far, of a device passed through; and where nothing is isolated",
            |cloud| {
                details(cloud).isolated = set("1");
                details(cloud).interrupts = vec![
                    interrupt("0", 12, "eth0-TxRx-0"),
                    interrupt("1", 0, "nvme0q2"),
                    interrupt("1", 12, "vfio-msix[0](0000:3b:02.1)"),
                ];
            },
            &[],
        ),
        (
            "interrupts, and nothing is isolated",
            |cloud| details(cloud).interrupts = vec![interrupt("1", 12, "eth0-TxRx-1")],
            &[],
        ),
        (
            "a daemon, and nothing is isolated; the guest itself on an isolated CPU",
            |cloud| {
                let pid = process(cloud).pid;
                details(cloud).programs = vec![
                    Program { pid: 7, name: "daemon".into(), cpus: set("0") },
                    Program { pid, name: "qemu".into(), cpus: set("1") },
                ];
                details(cloud).isolated = set("1");
            },
            &[],
        ),
        (
            "QEMU was upgraded",
            |cloud| {
                let pid = process(cloud).pid;
                details(cloud).replaced.insert(pid);
            },
            &["old-qemu"],
        ),
        (
            "a flavor with a watchdog, a vIOMMU and two NUMA nodes, and a domain without",
            |cloud| {
                let specs =
                    [("hw:watchdog_action", "reset"), ("hw:viommu_model", "auto"), ("hw:numa_nodes", "2")];
                with_specs(cloud, &specs);
            },
            &["not-as-ordered"],
        ),
        (
            "a flavor with huge pages, and a domain without",
            |cloud| with_specs(cloud, &[("hw:mem_page_size", "large")]),
            &["not-as-ordered"],
        ),
        (
            "what leaves no mark, and what is off",
            |cloud| {
                with_specs(
                    cloud,
                    &[
                        ("hw:mem_page_size", "small"),
                        ("hw:watchdog_action", "disabled"),
                        ("trait:HW_CPU_X86_AVX", "required"),
                        ("hw:hide_hypervisor_id", "false"),
                    ],
                );
            },
            &[],
        ),
        (
            "an image with a watchdog, UEFI and another machine, and a domain without",
            |cloud| {
                let asked = [
                    ("hw_watchdog_action", "reset"),
                    ("hw_firmware_type", "uefi"),
                    ("hw_machine_type", "pc-q35-9.2"),
                    ("hw_disk_bus", "scsi"),
                    ("hw_vif_model", "e1000"),
                    ("hw_rng_model", "virtio"),
                    ("hw_qemu_guest_agent", "yes"),
                    ("hw_numa_nodes", "2"),
                ];
                with_image(cloud, &asked);
            },
            &["not-as-ordered"],
        ),
        (
            "the image's watchdog goes before the flavor's that is off",
            |cloud| {
                with_specs(cloud, &[("hw:watchdog_action", "disabled")]);
                with_image(cloud, &[("hw_machine_type", "pc"), ("hw_watchdog_action", "pause")]);
            },
            &["not-as-ordered"],
        ),
        (
            "an image whose wishes the flavor overrules, and what leaves no mark",
            |cloud| {
                with_specs(cloud, &[("hw:numa_nodes", "1"), ("hw_rng:allowed", "False")]);
                let asked = [
                    ("hw_machine_type", "pc"),
                    ("hw_cpu_policy", "shared"),
                    ("hw_numa_nodes", "2"),
                    ("hw_rng_model", "virtio"),
                    ("hw_disk_bus", "virtio"),
                    ("hw_vif_model", "virtio"),
                    ("hw_watchdog_action", "disabled"),
                    ("os_distro", "cirros"),
                ];
                with_image(cloud, &asked);
            },
            &[],
        ),
        (
            "the image's watchdog that is off goes before the flavor's",
            |cloud| {
                with_specs(cloud, &[("hw:watchdog_action", "reset")]);
                with_image(cloud, &[("hw_machine_type", "pc"), ("hw_watchdog_action", "disabled")]);
            },
            &[],
        ),
        ("Nova has no machine type recorded", |cloud| with_image(cloud, &[]), &["machine-type"]),
        (
            "the machine type of a server that is off and on no host",
            |cloud| {
                with_image(cloud, &[]);
                cloud.servers[0].status = "SHELVED_OFFLOADED".into();
                cloud.servers[0].host = None;
                cloud.hosts.clear();
                cloud.placement = None;
            },
            &[],
        ),
        ("image properties that Nova does not show", |cloud| cloud.servers[0].image_properties = None, &[]),
        (
            "less memory than ordered",
            |cloud| {
                with_xml(cloud, |xml| xml.replace("<memory unit='KiB'>131072", "<memory unit='KiB'>65536"))
            },
            &["not-as-ordered"],
        ),
    ]);
}
