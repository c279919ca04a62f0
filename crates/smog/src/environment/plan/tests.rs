//! The planner on states written by hand.

mod own_files;

use std::collections::BTreeMap;

use super::super::change::{Change, Restart};
use super::super::image::FileImage;
use super::super::machine_state::MachineState;
use super::super::state::{BootTool, HostState, State};
use super::super::storage::StorageState;
use super::super::things::{SharedWish, Want};
use super::super::wish::{Target, Wish};
use super::{HostPlan, Plan, plan};
use crate::host::{ActiveState, Layout, LayoutKind, Service, ServicePlace, ServiceRole};
use crate::libvirt::{Domain, HostCpu};

const NOVA: &str = "[DEFAULT]\ndebug = false\n[libvirt]\nvirt_type = qemu\n[placement]\npassword = p\n";

/// A compute whose nova-compute.conf says the virt_type too, as Debian's does.
fn compute() -> HostState {
    let (nova, own) = ("/etc/nova/nova.conf".to_string(), "/etc/nova/nova-compute.conf".to_string());
    let place = |unit: &str, config: &[&String]| ServicePlace {
        unit: Some(unit.to_string()),
        config: config.iter().map(|path| path.to_string()).collect(),
        ..ServicePlace::default()
    };
    let libvirtd = "/etc/libvirt/libvirtd.conf".to_string();
    let places = BTreeMap::from([
        (ServiceRole::NovaCompute, place("nova-compute.service", &[&nova, &own])),
        (ServiceRole::Libvirt, place("libvirtd.service", &[&libvirtd])),
    ]);
    let unit = |name: &str| {
        let service = Service {
            unit: name.to_string(),
            active: ActiveState::Active,
            sub: "running".into(),
            main_pid: Some(7),
            since: None,
            enabled: "enabled".into(),
            restarts: 0,
        };
        (name.to_string(), service)
    };
    let file = |path: &String, text: &str| (path.clone(), (path.clone(), Some(FileImage::new(text))));
    HostState {
        name: "cmp1".into(),
        configs: places.iter().map(|(role, place)| (*role, place.config.clone())).collect(),
        layout: Layout { kind: LayoutKind::Debian, places, other_units: Vec::new() },
        files: BTreeMap::from([
            file(&nova, NOVA),
            file(&own, "[libvirt]\nvirt_type = qemu\n"),
            file(&libvirtd, "#listen_tls = 0\n"),
        ]),
        values: BTreeMap::from([("/proc/sys/vm/swappiness".to_string(), "60".to_string())]),
        units: BTreeMap::from([unit("nova-compute.service"), unit("libvirtd.service")]),
        default_filters: vec!["ComputeFilter".into()],
        known_filters: vec!["ComputeFilter".into(), "NUMATopologyFilter".into(), "RamFilter".into()],
        container: Some("systemd-nspawn".into()),
        boot_tool: None,
        storage: None,
        facts: None,
        is_own: true,
        machines: Vec::new(),
        is_parent: false,
    }
}

fn controller() -> HostState {
    let nova = "/etc/nova/nova.conf".to_string();
    let mut state = compute();
    state.name = "ctl".into();
    let place = |unit: &str| ServicePlace {
        unit: Some(unit.to_string()),
        config: vec![nova.clone()],
        ..ServicePlace::default()
    };
    state.layout.places = BTreeMap::from([
        (ServiceRole::NovaApi, place("nova-api.service")),
        (ServiceRole::NovaScheduler, place("nova-scheduler.service")),
    ]);
    state.configs = state.layout.places.iter().map(|(role, place)| (*role, place.config.clone())).collect();
    let mut units = state.units.clone();
    for (at, name) in ["nova-api.service", "nova-scheduler.service"].into_iter().enumerate() {
        let mut unit = units.values().nth(at).expect("a unit").clone();
        unit.unit = name.to_string();
        units.insert(name.to_string(), unit);
    }
    state.units = units;
    state
}

fn planned(wish: &Wish) -> Plan {
    plan(&State { hosts: vec![compute(), controller()] }, wish).expect("a plan")
}

/// The text a file will have.
fn text(plan: &HostPlan, path: &str) -> String {
    let file = plan.changes.iter().find_map(|change| match change {
        Change::File(file) if file.path == path => Some(file.after.bytes.clone()),
        _ => None,
    });
    String::from_utf8(file.unwrap_or_default()).expect("text")
}

fn setting(text: &str) -> Wish {
    Wish::new().with_setting(text).expect("a setting")
}

#[test]
fn an_option_is_changed_where_it_counts() {
    let plan = planned(&setting("nova.conf:libvirt.virt_type=kvm"));
    let host = &plan.hosts[0];
    assert_eq!(host.changes.len(), 1);
    assert_eq!(text(host, "/etc/nova/nova-compute.conf"), "[libvirt]\nvirt_type = kvm\n");
    assert_eq!(host.restarts.iter().map(Restart::name).collect::<Vec<_>>(), ["nova-compute.service"]);
    assert!(host.notes[0].contains("read after nova.conf"), "{:?}", host.notes);
    assert!(plan.hosts[1].is_ready(), "not of the controller");

    let plan = planned(&setting("nova.conf:DEFAULT.debug=true"));
    assert!(text(&plan.hosts[0], "/etc/nova/nova.conf").contains("debug = true"));
    // The named file and no other, and what overrules it is said.
    let plan = planned(&setting("cmp1//etc/nova/nova.conf:libvirt.virt_type=kvm"));
    assert!(text(&plan.hosts[0], "/etc/nova/nova.conf").contains("virt_type = kvm"));
    assert!(plan.hosts[0].notes[0].contains("overrules"), "{:?}", plan.hosts[0].notes);
}

#[test]
fn what_is_so_already_changes_nothing() {
    let wish = setting("nova.conf:libvirt.virt_type=qemu").with_sysctl("vm.swappiness=60").expect("a sysctl");
    let plan = planned(&wish);
    assert!(plan.is_ready() && !plan.has_changes(), "{plan}");
}

#[test]
fn missing_filters_are_added_to_the_list_that_counts() {
    let wish = Wish::new().with_filters(["ComputeFilter", "NUMATopologyFilter"]);
    let plan = planned(&wish);
    let ctl = &plan.hosts[1];
    assert!(
        text(ctl, "/etc/nova/nova.conf")
            .ends_with("[filter_scheduler]\nenabled_filters = ComputeFilter,NUMATopologyFilter\n")
    );
    // nova-api reads the file too, but not this section.
    assert_eq!(ctl.restarts.iter().map(Restart::name).collect::<Vec<_>>(), ["nova-scheduler.service"]);
    assert!(plan.hosts[0].is_ready());
    let mut old = controller();
    let image = FileImage::new("[DEFAULT]\nscheduler_default_filters = RamFilter, ComputeFilter\n");
    old.files.insert("/etc/nova/nova.conf".into(), ("/etc/nova/nova.conf".into(), Some(image)));
    let plan = super::plan(&State { hosts: vec![old] }, &wish).expect("a plan");
    let new = text(&plan.hosts[0], "/etc/nova/nova.conf");
    assert_eq!(new, "[DEFAULT]\nscheduler_default_filters = RamFilter, ComputeFilter, NUMATopologyFilter\n");
}

#[test]
fn a_filter_that_nova_does_not_have_is_refused() {
    let plan = |text: &str, name: &str| {
        let mut host = controller();
        host.files
            .insert("/etc/nova/nova.conf".into(), ("/etc/nova/nova.conf".into(), Some(FileImage::new(text))));
        super::plan(&State { hosts: vec![host] }, &Wish::new().with_filters([name])).expect("a plan")
    };
    let refused = plan("[DEFAULT]\n", "NUMATopologyFilterr");
    assert!(!refused.has_changes());
    assert!(
        refused.cannot()[0].ends_with(
            "its Nova has no filter called `NUMATopologyFilterr`; did you mean `NUMATopologyFilter`?"
        ),
        "{:?}",
        refused.cannot()
    );
    // Custom filters: only Nova knows their names.
    let own = "[filter_scheduler]\navailable_filters = nova.scheduler.filters.all_filters\navailable_filters = mine.filters\n";
    assert!(plan(own, "MyFilter").has_changes());
    assert!(plan("[DEFAULT]\n", "mine.filters.MyFilter").has_changes());
}

#[test]
fn libvirt_is_restarted_before_nova_compute() {
    let plan = planned(&setting("libvirtd.conf:listen_tls=1"));
    let names: Vec<&str> = plan.hosts[0].restarts.iter().map(Restart::name).collect();
    assert_eq!(names, ["libvirtd.service", "nova-compute.service"]);
    assert_eq!(text(&plan.hosts[0], "/etc/libvirt/libvirtd.conf"), "#listen_tls = 0\nlisten_tls = 1\n");
}

#[test]
fn what_cannot_be_had_is_said() {
    let wish = Wish::new()
        .with(Target::Computes, Want::KernelWord("intel_iommu=on".into()))
        .with(Target::Host("cmp9".into()), Want::NestedKvm)
        .with_setting("nope.conf:a.b=c")
        .and_then(|wish| wish.with_sysctl("vm.nope=1"))
        .and_then(|wish| wish.with_service("nope=disabled"))
        .expect("a wish");
    let plan = planned(&wish);
    assert!(!plan.is_ready() && !plan.has_changes());
    let said = plan.cannot().join("\n");
    for part in [
        "no host here is called `cmp9`",
        "because it is a container (systemd-nspawn)",
        "because no service here reads a file called nope.conf",
        "because there is no /proc/sys/vm/nope",
        "because this unit does not exist",
    ] {
        assert!(said.contains(part), "{part} in:\n{said}");
    }
}

#[test]
fn the_plan_shows_no_secret() {
    let shown = planned(&setting("nova.conf:placement.password=hunter2")).to_string();
    assert!(
        shown.contains("+password = (hidden)") && !shown.contains("hunter2") && !shown.contains("= p\n"),
        "{shown}"
    );
    assert!(
        !format!("{:?}", planned(&setting("nova.conf:DEFAULT.debug=true")).hosts[0].changes[0])
            .contains("password")
    );
}

#[test]
fn a_unit_that_shall_stop_is_not_restarted() {
    let wish = setting("nova.conf:DEFAULT.debug=true").with_service("nova-compute=inactive").expect("a wish");
    let plan = planned(&wish);
    assert!(plan.hosts[0].restarts.is_empty(), "{plan}");
    assert!(
        matches!(plan.hosts[0].changes.last(), Some(Change::Unit(unit)) if unit.before.enabled && !unit.after.active)
    );
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_with_its_line() {
    let mut state = compute();
    let broken = FileImage::new("[DEFAULT]\nnonsense\n");
    state.files.insert("/etc/nova/nova.conf".into(), ("/etc/nova/nova.conf".into(), Some(broken)));
    let error = plan(&State { hosts: vec![state] }, &setting("nova.conf:DEFAULT.debug=true"));
    let text = error.expect_err("is broken").to_string();
    assert!(text.contains("/etc/nova/nova.conf:2"), "{text}");
}

/// A parent with one L1, which runs; the definition is the two-level test's.
fn parent(kind: &str, modes: &[&str]) -> HostState {
    let xml = format!(
        "<domain type='{kind}'>\n  <name>l1</name>\n  <uuid>u</uuid>\n  <memory unit='KiB'>1572864</memory>\n  \
         <vcpu>4</vcpu>\n  <cpu mode='custom' match='exact' check='none'>\n    <model fallback='allow'>qemu64</model>\n  \
         </cpu>\n  <devices>\n    <graphics type='vnc' passwd='o-secret'/>\n  </devices>\n</domain>\n"
    );
    let machine = MachineState {
        host: "cmp1".into(),
        domain: "l1".into(),
        is_compute: true,
        running: Some(Domain::parse(xml.clone(), "here").expect("a domain")),
        definition: xml,
        cpu_modes: modes.iter().map(|mode| mode.to_string()).collect(),
        host_cpu: HostCpu {
            model: Some("EPYC".into()),
            vendor: Some("AMD".into()),
            features: vec!["svm".into(), "x2apic".into()],
            ..HostCpu::default()
        },
        boot_id: Some("b".into()),
        silent: None,
        service: None,
    };
    HostState { name: "l0".into(), is_own: false, is_parent: true, machines: vec![machine], ..compute() }
}

const KVM: &[&str] = &["host-passthrough", "maximum", "host-model", "custom"];
const TCG: &[&str] = &["maximum", "host-model", "custom"];

fn machine_plan(parent: HostState, cpu: &str, cells: Option<&str>) -> Plan {
    let mut wish = Wish::new().with_machine_cpu(cpu).expect("a mode");
    if let Some(cells) = cells {
        wish = wish.with_machine_cells(cells).expect("cells");
    }
    plan(&State { hosts: vec![compute(), parent] }, &wish).expect("a plan")
}

fn domain(plan: &Plan) -> &crate::environment::DomainChange {
    let Some(Change::Domain(domain)) = plan.hosts[1].changes.first() else { panic!("no domain: {plan}") };
    domain
}

#[test]
fn a_machine_s_cpu_and_cells_are_one_change_of_its_parent() {
    let plan = machine_plan(parent("kvm", KVM), "cmp1/host-passthrough", Some("2"));
    assert!(plan.is_ready() == plan.hosts[1].changes.is_empty() && plan.hosts[0].changes.is_empty());
    let change = domain(&plan);
    assert!(change.was_running && change.after.contains("<cpu mode='host-passthrough'>"), "{}", change.after);
    assert!(
        change.after.contains("<cell id='1' cpus='2-3' memory='786432' unit='KiB'/>"),
        "{}",
        change.after
    );
    assert!(change.after.contains("passwd='o-secret'"), "a console keeps its password");
    let shown = plan.to_string();
    assert!(shown.contains("restarts cmp1 (domain l1): what runs in it ends"), "{shown}");
    assert!(!shown.contains("o-secret") && !format!("{change:?}").contains("o-secret"), "{shown}");
}

#[test]
fn the_exact_cpu_is_the_parent_s_own_and_host_model_brings_nesting() {
    let exact = machine_plan(parent("kvm", KVM), "exact", None);
    let text = &domain(&exact).after;
    for part in
        ["<model fallback='forbid'>EPYC</model>", "<vendor>AMD</vendor>", "name='svm'", "name='x2apic'"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let model = machine_plan(parent("kvm", KVM), "host-model", None);
    assert!(domain(&model).after.contains("<feature policy='require' name='svm'/>"));
    // The parent's flags are not the emulator's.
    let emulated = machine_plan(parent("qemu", TCG), "exact", None);
    assert!(!domain(&emulated).after.contains("<feature"), "{}", domain(&emulated).after);
}

#[test]
fn a_machine_that_is_as_wanted_is_left_alone() {
    let mut parent = parent("qemu", TCG);
    let after = domain(&machine_plan(parent.clone(), "maximum", Some("2"))).after.clone();
    parent.machines[0].definition = after.clone();
    // Defined, but not restarted since: only that is missing.
    let stale = machine_plan(parent.clone(), "maximum", Some("2"));
    assert_eq!(domain(&stale).before, domain(&stale).after);
    parent.machines[0].running = Some(Domain::parse(after, "here").expect("a domain"));
    assert!(machine_plan(parent, "maximum", Some("2")).is_ready());
}

#[test]
fn what_a_machine_cannot_have_is_said() {
    let cannot = |parent: HostState, cpu: &str, cells: Option<&str>| {
        let plan = machine_plan(parent, cpu, cells);
        assert!(plan.hosts.iter().all(|host| host.changes.is_empty()), "{plan}");
        plan.cannot().join("\n")
    };
    let tcg = cannot(parent("qemu", TCG), "host-passthrough", None);
    assert!(tcg.contains("without KVM") && tcg.contains("`maximum` comes nearest"), "{tcg}");
    let mut cells = parent("kvm", KVM);
    cells.machines[0].running = None;
    let wish = Wish::new().with_machine_cells("5").expect("cells");
    let many = plan(&State { hosts: vec![cells] }, &wish).expect("a plan").cannot().join("");
    assert!(many.contains("4 vCPUs and 1536 MiB, too little for 5 NUMA nodes"), "{many}");
    let mut silent = parent("kvm", KVM);
    silent.machines[0].silent = Some("no answer".into());
    assert!(cannot(silent, "maximum", None).contains("it does not answer now (no answer)"));
    let nowhere =
        plan(&State { hosts: vec![compute()] }, &Wish::new().with_machine_cpu("exact").expect("a mode"));
    assert!(nowhere.expect("a plan").cannot()[0].contains("a guest of another"));
    assert!(Wish::new().with_machine_cpu("host-pasthrough").expect_err("a typo").hint().is_some());
}

#[test]
fn a_parent_without_kvm_whose_machines_are_emulated_is_no_fault() {
    let facts = |mut state: HostState| {
        let text = include_str!("../../../tests/data/host/epoxy-cmp1-facts.json");
        let replay = crate::host::Replay::from_json(text).expect("a recording");
        let host = crate::host::Host::replay("l0", replay);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        state.facts = Some(runtime.block_on(host.facts()).expect("facts"));
        state
    };
    let wish = Wish::new().with(Target::Parents, Want::NestedKvm);
    let planned = |state| plan(&State { hosts: vec![state] }, &wish).expect("a plan");
    let emulated = planned(facts(parent("qemu", TCG)));
    assert!(emulated.is_ready() && emulated.hosts[0].notes[0].contains("has no KVM"), "{emulated}");
    assert!(planned(facts(parent("kvm", KVM))).cannot()[0].contains("neither kvm_intel nor kvm_amd"));
}

/// What `storage::look` printed on the lab's hosts, whose kernel has no NFS; and by hand, what
/// hosts with it print.
const NO_NFS: &str = "folder=yes\nentries=0\nmounted=\nuid=64060\n";
const NFS: &str = "client_kernel=yes\nserver_kernel=yes\nclient_program=yes\nserver_program=yes\nfolder=yes\nentries=0\nmounted=\nuid=64060\n";

fn shared(server: &str, client: &str) -> Plan {
    let with = |mut state: HostState, text: &str| {
        state.storage = Some(StorageState::parse(text));
        let nfs = state.units.values().next().expect("a unit").clone();
        let unit = "nfs-server.service".to_string();
        state.units.insert(unit.clone(), Service { unit, active: ActiveState::Inactive, ..nfs });
        state
    };
    let folder = "/var/lib/nova/instances".to_string();
    let wish = SharedWish { server: "ctl".into(), address: "192.0.2.10".into(), folder };
    let wish = Wish::new().with(Target::All, Want::SharedInstances(wish));
    plan(&State { hosts: vec![with(compute(), client), with(controller(), server)] }, &wish).expect("a plan")
}

#[test]
fn computes_mount_what_the_controller_exports() {
    let plan = shared(NFS, NFS);
    let (cmp, ctl) = (&plan.hosts[0], &plan.hosts[1]);
    assert!(plan.cannot().is_empty(), "{plan}");
    assert!(
        text(cmp, "/etc/fstab")
            .ends_with("192.0.2.10:/var/lib/nova/instances /var/lib/nova/instances nfs4 rw,_netdev 0 0\n")
    );
    let Some(Change::File(fstab)) = cmp.changes.first() else { panic!("{plan}") };
    let then = fstab.then.clone().unwrap_or_default();
    assert!(then.contains("mount /var/lib/nova/instances") && then.contains("umount"), "{then}");
    assert!(text(ctl, "/etc/exports.d/smog.exports").contains("/var/lib/nova/instances *(rw,"));
    assert!(matches!(ctl.changes.last(), Some(Change::Unit(unit)) if unit.after.active), "{plan}");
    // It is mounted already: nothing to do.
    let mounted = NFS.replace("mounted=", "mounted=192.0.2.10:/var/lib/nova/instances");
    assert!(shared(NFS, &mounted).hosts[0].is_ready());
}

#[test]
fn why_a_folder_cannot_be_shared_is_said() {
    let said = |server: &str, client: &str| {
        let plan = shared(server, client);
        assert!(plan.hosts[0].changes.is_empty(), "{plan}");
        plan.cannot().join("\n")
    };
    let lab = said(NO_NFS, NO_NFS);
    assert!(lab.contains("its kernel cannot mount NFS") && lab.contains("there is no nfsd"), "{lab}");
    assert!(said(NO_NFS, NFS).contains("ctl cannot share it"));
    assert!(said(NFS, &NFS.replace("entries=0", "entries=2")).contains("2 servers have their disks in"));
    assert!(said(NFS, &NFS.replace("uid=64060", "uid=162")).contains("has number 162 here and 64060 on ctl"));
    assert!(said(NFS, &NFS.replace("client_program=yes", "")).contains("mount.nfs is missing"));
    assert!(said(NFS, &NFS.replace("mounted=", "mounted=/dev/sdb1")).contains("/dev/sdb1 is mounted there"));
}

fn kernel_plan(tool: Option<BootTool>, words: &[&str]) -> Plan {
    let mut state = compute();
    (state.container, state.boot_tool) = (None, tool);
    for path in ["/etc/smog-kernel-command-line", "/etc/default/grub.d/smog.cfg"] {
        state.files.insert(path.into(), (path.into(), None));
    }
    let defaults = FileImage::new("GRUB_CMDLINE_LINUX=\"quiet\"\n");
    state.files.insert("/etc/default/grub".into(), ("/etc/default/grub".into(), Some(defaults)));
    let wish = words
        .iter()
        .fold(Wish::new(), |wish, word| wish.with(Target::Computes, Want::KernelWord(word.to_string())));
    plan(&State { hosts: vec![state] }, &wish).expect("a plan")
}

#[test]
fn the_command_line_is_changed_by_the_boot_loader_s_own_tool() {
    let words = ["intel_iommu=on", "hugepagesz=1G"];
    let programs = |plan: &Plan| match plan.hosts[0].changes.first() {
        Some(Change::File(file)) => file.then.clone().unwrap_or_default(),
        _ => panic!("{plan}"),
    };
    let debian = kernel_plan(Some(BootTool::UpdateGrub), &words);
    assert_eq!(programs(&debian), "update-grub", "once for both");
    let fedora = kernel_plan(Some(BootTool::Grubby), &words);
    assert!(
        text(&fedora.hosts[0], "/etc/smog-kernel-command-line").ends_with("intel_iommu=on\nhugepagesz=1G\n")
    );
    for word in words {
        for verb in ["--args", "--remove-args"] {
            let program = format!("grubby --update-kernel=ALL {verb}='{word}'");
            assert!(programs(&fedora).contains(&program), "{program} in {}", programs(&fedora));
        }
    }
    let suse = kernel_plan(Some(BootTool::Mkconfig), &words);
    assert_eq!(
        text(&suse.hosts[0], "/etc/default/grub"),
        "GRUB_CMDLINE_LINUX=\"quiet intel_iommu=on hugepagesz=1G\"\n"
    );
    assert_eq!(programs(&suse), "grub2-mkconfig -o /boot/grub2/grub.cfg");
    assert_eq!(suse.hosts[0].reboot.len(), 2);
    assert!(kernel_plan(None, &words).cannot()[0].contains("nor grubby, nor grub2-mkconfig"));
    assert!(
        kernel_plan(Some(BootTool::Grubby), &["a=$(reboot)"]).cannot()[0].contains("shell metacharacters")
    );
}
