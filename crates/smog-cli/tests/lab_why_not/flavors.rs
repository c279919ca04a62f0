//! What a flavor or an image asks for, and no host has.

use super::*;

#[test]
fn what_a_flavor_asks_for() {
    let two = |name: &'static str, wrong: &[&str], right: &[&str]| {
        let (no, yes) = (unique(&format!("{name}-no")), unique(&format!("{name}-yes")));
        let flavors = (flavor(&no, wrong), flavor(&yes, right));
        (no, yes, flavors)
    };
    let rows = [
        (
            two("vcpu", &["--vcpus", "2"], &[]),
            Row { reason: "VCPU", by: "placement", what: "VCPU", said: "at most 1 VCPU to one server" },
        ),
        (
            two("memory", &["--ram", "30000"], &[]),
            Row { reason: "MEMORY_MB", by: "placement", what: "MEMORY_MB", said: "MiB of memory in all" },
        ),
        (
            two("disk", &["--disk", "17"], &["--disk", "1"]),
            Row { reason: "DISK_GB", by: "placement", what: "DISK_GB", said: "16 GiB of disk in all" },
        ),
        (
            two("pcpu", &["--vcpus", "2", "--pin"], &["--pin"]),
            Row { reason: "PCPU", by: "placement", what: "PCPU", said: "1 PCPU (dedicated CPUs) in all" },
        ),
        (
            two(
                "class",
                &["--extra", "resources:CUSTOM_WHY_NOT=1"],
                &["--extra", "resources:CUSTOM_WHY_NOT=0"],
            ),
            Row {
                reason: "resource class",
                by: "placement",
                what: "CUSTOM_WHY_NOT",
                said: "no CUSTOM_WHY_NOT",
            },
        ),
        (
            two(
                "trait",
                &["--extra", "trait:HW_CPU_X86_3DNOW=required"],
                &["--extra", "trait:HW_CPU_X86_SSE2=required"],
            ),
            Row {
                reason: "required trait",
                by: "placement",
                what: "trait HW_CPU_X86_3DNOW",
                said: "lack the trait HW_CPU_X86_3DNOW",
            },
        ),
        (
            two(
                "forbidden",
                &["--extra", "trait:HW_CPU_X86_SSE2=forbidden"],
                &["--extra", "trait:HW_CPU_X86_3DNOW=forbidden"],
            ),
            Row {
                reason: "forbidden trait",
                by: "placement",
                what: "trait HW_CPU_X86_SSE2",
                said: "have the trait HW_CPU_X86_SSE2",
            },
        ),
        (
            two("pages", &["--ram", "2048", "--pages", "2048"], &["--pages", "2048"]),
            Row { reason: "pages of a size", by: NUMA, what: "pages of 2 MiB", said: "needs 1024 in one" },
        ),
        (
            two("size", &["--ram", "1024", "--pages", "1048576"], &["--pages", "small"]),
            Row {
                reason: "a page size that has no pages",
                by: NUMA,
                what: "pages of 1 GiB",
                said: "pages of 1 GiB",
            },
        ),
        (
            two(
                "ability",
                &["--extra", "capabilities:hypervisor_type=VMware"],
                &["--extra", "capabilities:hypervisor_type=QEMU"],
            ),
            Row {
                reason: "capability",
                by: "ComputeCapabilitiesFilter",
                what: "hypervisor_type",
                said: "have hypervisor_type `QEMU`",
            },
        ),
    ];
    // The resource class must exist, or Nova refuses the flavor's boot for another reason.
    api(&["PUT", "placement", "/resource_classes/CUSTOM_WHY_NOT", "--microversion", "1.7"]);
    let _class = undo(|| {
        drop(lab().run(&[
            "api",
            "-q",
            "DELETE",
            "placement",
            "/resource_classes/CUSTOM_WHY_NOT",
            "--microversion",
            "1.7",
        ]))
    });
    let mut nova = Asked::default();
    for ((no, yes, _flavors), row) in &rows {
        row.shown(&mut nova, &["--flavor", no]);
        fits(row.reason, &["--flavor", yes]);
    }
    nova.settle();
}

#[test]
fn images() {
    let mut nova = Asked::default();
    let image = unique("why-image");
    let id = lab().run(&["image", "list", "-o", "json"]).expect(0).json();
    let cirros =
        id.as_array().expect("images").iter().find(|one| one["name"] == "cirros").expect("cirros").clone();
    assert_eq!(cirros["status"], "active");
    let file = std::env::temp_dir().join(&image);
    std::fs::write(&file, vec![0_u8; 1 << 20]).expect("a file");
    let _file = undo(|| drop(std::fs::remove_file(&file)));
    smog(&["image", "upload", &file.to_string_lossy(), "--name", &image, "--disk-format", "raw", "-q"]);
    let _image = undo(|| drop(lab().run(&["image", "delete", &image, "-q"])));
    let row = |what, said| Row { reason: what, by: "ImagePropertiesFilter", what: "image properties", said };
    let ask = ["--flavor", "m1.nano", "--image", &image];
    smog(&["image", "set", &image, "hypervisor_type=kvm"]);
    row("hypervisor of the image", "run no guests of hypervisor `kvm`").shown(&mut nova, &ask);
    nova.settle();
    smog(&["image", "unset", &image, "hypervisor_type"]);
    smog(&["image", "set", &image, "hw_architecture=ia64"]);
    row("architecture of the image", "run no guests of architecture `ia64`").shown(&mut nova, &ask);
    nova.settle();
    smog(&["image", "set", &image, "hw_architecture=x86_64"]);
    boots("an architecture that is there", &ask);
}

#[test]
fn numa_nodes_of_a_host_with_one() {
    let mut nova = Asked::default();
    // Two vCPUs are only given to one guest where a host has two shared CPUs.
    let hosts = ["--host", "cmp1", "--host", "cmp2"];
    let prepared = lab().run(
        &[
            &[
                "prepare",
                "--yes",
                "--set",
                "nova.conf:compute.cpu_shared_set=0-1",
                "--set",
                "nova.conf:compute.cpu_dedicated_set=",
            ],
            &hosts[..],
        ]
        .concat(),
    );
    let restore = undo(|| drop(lab().run(&["restore", "--yes"])));
    assert_eq!(prepared.code, 0, "{}{}", prepared.out, prepared.err);
    let (no, yes) = (unique("why-two"), unique("why-one"));
    let _flavors =
        (flavor(&no, &["--vcpus", "2", "--numa", "2"]), flavor(&yes, &["--vcpus", "2", "--numa", "1"]));
    eventually("both CPUs in placement", || lab().run(&["why-not", "--flavor", &yes]).code == 0);
    let row = Row { reason: "NUMA nodes", by: NUMA, what: "NUMA nodes", said: "each have 1 NUMA node" };
    row.shown(&mut nova, &["--flavor", &no]);
    nova.settle();
    boots("one NUMA node", &["--flavor", &yes]);
    drop(restore);
    let left = ssh("cmp1", "grep -c '^cpu_dedicated_set = 1' /etc/nova/nova.conf");
    assert_eq!(left.trim(), "1");
}
