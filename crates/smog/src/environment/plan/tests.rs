//! The planner on states written by hand.

use std::collections::BTreeMap;

use super::super::change::{Change, Restart};
use super::super::image::FileImage;
use super::super::state::{HostState, State};
use super::super::wish::{Target, Want, Wish};
use super::{HostPlan, Plan, plan};
use crate::host::{ActiveState, Layout, LayoutKind, Service, ServicePlace, ServiceRole};

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
        layout: Layout { kind: LayoutKind::Debian, places },
        files: BTreeMap::from([
            file(&nova, NOVA),
            file(&own, "[libvirt]\nvirt_type = qemu\n"),
            file(&libvirtd, "#listen_tls = 0\n"),
        ]),
        values: BTreeMap::from([("/proc/sys/vm/swappiness".to_string(), "60".to_string())]),
        units: BTreeMap::from([unit("nova-compute.service"), unit("libvirtd.service")]),
        default_filters: vec!["ComputeFilter".into()],
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
        "because there is no such unit",
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
