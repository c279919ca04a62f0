//! Services of a controller that share no file: kolla's, and the conductors of DevStack.

use super::*;

/// A controller whose services have files of their own.
fn controller_with(files: &[(ServiceRole, &str, &str)]) -> HostState {
    let mut state = controller();
    let unit = state.units.values().next().expect("a unit").clone();
    let place = |unit: &str, file: &str| ServicePlace {
        unit: Some(unit.to_string()),
        config: vec![file.to_string()],
        ..ServicePlace::default()
    };
    state.layout.places = files.iter().map(|(role, unit, file)| (*role, place(unit, file))).collect();
    state.configs = state.layout.places.iter().map(|(role, place)| (*role, place.config.clone())).collect();
    let unit_of = |name: &str| (name.to_string(), Service { unit: name.to_string(), ..unit.clone() });
    state.units = files.iter().map(|(_, name, _)| unit_of(name)).collect();
    for (_, _, file) in files {
        state.files.insert(file.to_string(), (file.to_string(), Some(FileImage::new("[DEFAULT]\n"))));
    }
    state
}

/// The files a wish changes, and the units it restarts.
fn changed(state: HostState, wish: &str) -> (Vec<String>, Vec<String>) {
    let plan = plan(&State { hosts: vec![state] }, &setting(wish)).expect("a plan");
    let files = plan.hosts[0].changes.iter().filter_map(|change| match change {
        Change::File(file) => Some(file.path.clone()),
        _ => None,
    });
    (files.collect(), plan.hosts[0].restarts.iter().map(|one| one.name().to_string()).collect())
}

#[test]
fn every_service_that_has_such_a_file_is_taken() {
    use ServiceRole::{NovaCellConductor, NovaConductor, NovaScheduler};
    let devstack = || {
        controller_with(&[
            (NovaScheduler, "devstack@n-sch.service", "/etc/nova/nova.conf"),
            (NovaConductor, "devstack@n-super-cond.service", "/etc/nova/nova.conf"),
            (NovaCellConductor, "devstack@n-cond-cell1.service", "/etc/nova/nova_cell1.conf"),
        ])
    };
    let both = ["/etc/nova/nova.conf".to_string(), "/etc/nova/nova_cell1.conf".to_string()];
    let (files, units) = changed(devstack(), "nova.conf:conductor.workers=2");
    assert_eq!(files, both);
    assert_eq!(units, ["devstack@n-super-cond.service", "devstack@n-cond-cell1.service"]);
    let (files, units) = changed(devstack(), "ctl/nova.conf:DEFAULT.debug=true");
    assert_eq!((files.as_slice(), units.len()), (&both[..], 3));
    // By the name of its own file, one of them.
    let (files, units) = changed(devstack(), "ctl/nova_cell1.conf:DEFAULT.debug=true");
    assert_eq!(
        (files.as_slice(), units.as_slice()),
        (&both[1..], &["devstack@n-cond-cell1.service".to_string()][..])
    );
    // kolla's services share none.
    let kolla = || {
        controller_with(&[
            (NovaScheduler, "kolla-nova_scheduler-container.service", "/etc/kolla/nova-scheduler/nova.conf"),
            (NovaConductor, "kolla-nova_conductor-container.service", "/etc/kolla/nova-conductor/nova.conf"),
        ])
    };
    let (files, units) = changed(kolla(), "nova.conf:conductor.workers=2");
    assert_eq!(files, ["/etc/kolla/nova-conductor/nova.conf"]);
    assert_eq!(units, ["kolla-nova_conductor-container.service"]);
    let (files, _) = changed(kolla(), "nova.conf:scheduler.workers=2");
    assert_eq!(files, ["/etc/kolla/nova-scheduler/nova.conf"]);
    assert_eq!(changed(kolla(), "ctl/nova.conf:DEFAULT.debug=true").0.len(), 2);
}
