//! A trace of recorded records: the phases are the whole, and what was waited for has a name.

use jiff::{SignedDuration, Timestamp};
use smog::cloud::Action;
use smog::trace::{Collector, Known, Trace, TracedGuest};
use smog::watch::{Level, Offline, Record};

const REQUEST: &str = "req-e58f9672-0e0c-4390-9811-01920e26b346";
/// A boot for which there was no host, in tests/data/logs/lab/conductor.log.
const SAVED_REQUEST: &str = "req-5a86b605-a248-4e89-8246-3957e2741e1c";
const SERVER: &str = "4060357c-94a1-4315-a87d-0ddda31ad470";

/// The boot of a server on the lab; see tests/data/README.md.
fn records() -> Vec<Record> {
    let text = include_str!("data/trace/boot-debug.jsonl");
    text.lines().map(|line| serde_json::from_str(line).expect("a recorded record")).collect()
}

fn action() -> Action {
    let text = include_str!("data/trace/boot-action.json");
    let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
    serde_json::from_value(value["instanceAction"].clone()).expect("an action")
}

fn known() -> Known {
    let guest = TracedGuest {
        id: SERVER.into(),
        name: Some("trace-d".into()),
        status: Some("ACTIVE".into()),
        domain: Some("instance-0000000c".into()),
    };
    Known { request_id: REQUEST.into(), guest: Some(guest), action: Some(action()), ..Known::default() }
}

fn trace_of(known: Known, records: &[Record]) -> Trace {
    let mut collector = Collector::new(known);
    for host in ["ctl", "cmp1", "cmp2"] {
        collector.clock(host, 0.01);
    }
    records.iter().for_each(|record| collector.push(record));
    collector.trace()
}

/// The phases begin with the whole, end with it, and have no holes.
fn assert_whole(trace: &Trace) {
    let mut at = 0;
    for phase in &trace.phases {
        assert_eq!(phase.at_us, at, "a hole before {phase:?}");
        at += phase.length_us;
    }
    assert_eq!(at, trace.length_us, "the sum of {:#?}", trace.phases);
    assert_eq!(trace.phases.iter().filter(|phase| phase.critical).count(), 1);
}

#[test]
fn a_boot_from_the_api_to_the_compute() {
    let trace = trace_of(known(), &records());
    assert_whole(&trace);
    assert_eq!((trace.what.as_str(), trace.outcome.as_str()), ("create", "success"));
    // From the API's answer less its time to the release of the build's lock, by the recording.
    assert_eq!(trace.begun.map(|at| at.to_string()).as_deref(), Some("2026-11-28T07:27:28.148062Z"));
    assert_eq!(trace.length_us, 10_101_938);
    let names: Vec<&str> = trace.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(names[0], "API: POST /servers");
    assert!(names.contains(&"scheduling: candidates of placement"), "{names:?}");
    assert!(names.contains(&"QEMU start"), "{names:?}");
    let critical = trace.critical().expect("one is the longest");
    assert_eq!((critical.name.as_str(), critical.host.as_str()), ("spawn: disks", "cmp2"));
    assert!(trace.phases.iter().all(|phase| phase.length_us <= critical.length_us));

    // Both long silences were helpers of oslo.privsep, and the log says so.
    let gaps: Vec<(&str, bool)> =
        trace.gaps.iter().map(|gap| (gap.waited_for.as_str(), gap.measured)).collect();
    assert_eq!(
        gaps,
        [
            ("the start of a privsep helper (nova.privsep.sys_admin_pctxt)", true),
            ("the start of a privsep helper (vif_plug_ovs.privsep.vif_plug)", true)
        ]
    );
    // Placement logs no length; uWSGI's line of the same process has it.
    let placement: Vec<_> = trace.calls.iter().filter(|call| call.service == "placement-api").collect();
    assert_eq!(placement.len(), 6);
    assert!(
        placement.iter().all(|call| call.length_us.is_some() && call.request_id.is_some()),
        "{placement:?}"
    );
    assert!(trace.calls.iter().any(|call| call.service == "glance-api" && call.length_us == Some(26_966)));
    // Neutron's own requests that bear this one's id.
    assert!(trace.spawned.iter().any(|spawned| spawned.services.contains(&"neutron-dhcp-agent".to_string())));
    assert_eq!(trace.events.len(), 1);
    assert!(trace.troubles.is_empty(), "{:?}", trace.troubles);
}

#[test]
fn the_order_in_which_records_come_does_not_matter() {
    let mut backwards = records();
    backwards.reverse();
    let (one, other) = (trace_of(known(), &records()), trace_of(known(), &backwards));
    assert_eq!(one.length_us, other.length_us);
    assert_eq!(one.calls.len(), other.calls.len());
    assert_whole(&other);
}

#[test]
fn the_sum_is_the_whole_whatever_is_missing() {
    let all = records();
    for step in 1..12 {
        for from in 0..step {
            let some: Vec<Record> = all.iter().skip(from).step_by(step).cloned().collect();
            assert_whole(&trace_of(known(), &some));
            assert_whole(&trace_of(Known { action: None, ..known() }, &some));
        }
    }
    // As it is without DEBUG.
    let info: Vec<Record> = all.iter().filter(|record| record.level != Some(Level::Debug)).cloned().collect();
    let trace = trace_of(known(), &info);
    assert_whole(&trace);
    assert!(trace.notes.iter().any(|note| note.contains("no DEBUG")), "{:?}", trace.notes);
}

#[test]
fn nova_s_action_record_alone_is_a_skeleton() {
    let trace = trace_of(known(), &[]);
    assert_whole(&trace);
    assert_eq!(trace.length_us, 10_000_000);
    let names: Vec<&str> = trace.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(
        names,
        ["until the first step that is known", "compute__do_build_and_run_instance (Nova's action record)"]
    );
    assert!(trace.notes.iter().any(|note| note.contains("whole seconds")), "{:?}", trace.notes);
    // And when even that is not there, it says so.
    let nothing = trace_of(Known { action: None, ..known() }, &[]);
    assert_eq!((nothing.phases.len(), nothing.begun), (0, None));
    assert!(nothing.notes.iter().any(|note| note.contains("no record and no event")), "{:?}", nothing.notes);
}

#[test]
fn what_is_under_way_goes_on_until_now() {
    let mut action = action();
    action.events[0].finish_time = None;
    action.events[0].result = None;
    let asked_at: Timestamp = "2026-11-28T07:29:00Z".parse().expect("a time");
    let until: Timestamp = "2026-11-28T07:27:30Z".parse().expect("a time");
    let begun: Vec<Record> =
        records().into_iter().filter(|record| record.time.is_some_and(|time| time < until)).collect();
    let trace = trace_of(Known { action: Some(action), asked_at: Some(asked_at), ..known() }, &begun);
    assert_whole(&trace);
    assert_eq!(trace.outcome, "under way");
    assert_eq!(trace.length_us, 91_851_938);
    assert_eq!(trace.critical().map(|phase| phase.name.as_str()), Some("spawn: disks"));
    assert_eq!(trace.gaps.len(), 1, "{:?}", trace.gaps);
}

fn shifted(records: &[Record], host: &str, by_ms: i64) -> Vec<Record> {
    let mut records = records.to_vec();
    for record in records.iter_mut().filter(|record| record.host == host) {
        record.time = record.time.map(|time| time + SignedDuration::from_millis(by_ms));
    }
    records
}

#[test]
fn clocks_that_are_off_are_put_right_or_said() {
    let all = records();
    let right = trace_of(known(), &all);
    let mut collector = Collector::new(known());
    collector.clock("ctl", 0.0);
    collector.clock("cmp2", 100.0);
    shifted(&all, "cmp2", 100_000).iter().for_each(|record| collector.push(record));
    let corrected = collector.trace();
    assert_eq!(corrected.phases, right.phases);
    assert!(corrected.notes.iter().any(|note| note.contains("cmp2 +100.0 s")), "{:?}", corrected.notes);
    // Nobody measured them, as offline: what cannot be is said.
    let mut collector = Collector::new(known());
    shifted(&all, "cmp2", -5_000).iter().for_each(|record| collector.push(record));
    let doubtful = collector.trace();
    assert_whole(&doubtful);
    let said = |what: &str| doubtful.notes.iter().any(|note| note.contains(what));
    assert!(said("were not measured"), "{:?}", doubtful.notes);
    assert!(said("the clock of cmp2 is at least 4.1"), "{:?}", doubtful.notes);
}

/// A record of nova-compute on cmp2, written by hand.
fn by_hand(at: &str, request: &str, logger: &str, message: &str) -> Record {
    Record {
        host: "cmp2".into(),
        source: "/var/log/nova/nova-compute.log".into(),
        time: Some(at.parse().expect("a time")),
        level: Some(Level::Debug),
        logger: Some(logger.into()),
        request_id: Some(request.into()),
        message: message.into(),
        text: message.into(),
        ..Record::default()
    }
}

/// The records of a resize of the lab (Nova 31.0.0 at INFO, 2026-11-28), shortened by hand.
#[test]
fn a_resize_has_phases_of_its_own() {
    let own = |at: &str, logger: &str, message: &str| {
        by_hand(&format!("2026-11-28T12:29:{at}Z"), REQUEST, logger, message)
    };
    let records = [
        own("54.948", "nova.scheduler.host_manager", "Host filter ignoring hosts: cmp2"),
        own(
            "55.100",
            "oslo.messaging._drivers.impl_rabbit",
            "AMQP server on 10.98.77.10:5672 is unreachable",
        ),
        own(
            "56.200",
            "oslo.messaging._drivers.impl_rabbit",
            "Reconnected to AMQP server on 10.98.77.10:5672",
        ),
        own("56.300", "nova.compute.resource_tracker", "Updating resource usage from migration ca4"),
        own("56.400", "nova.compute.manager", "Migrating"),
        own("59.121", "nova.virt.libvirt.driver", "Instance shutdown successfully after 1 seconds."),
        own(
            "59.200",
            "nova.network.neutron",
            "Updating port b5f14e3f with attributes {'binding:host_id': 'cmp1'}",
        ),
    ];
    let trace = trace_of(Known { request_id: REQUEST.into(), ..Known::default() }, &records);
    assert_whole(&trace);
    let names: Vec<&str> = trace.phases.iter().map(|phase| phase.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "scheduling: filters",
            "resize: claimed on the destination",
            "resize: stopping the guest, moving its disk",
            "the guest is shut down",
        ]
    );
    let waited: Vec<&str> = trace.gaps.iter().map(|gap| gap.waited_for.as_str()).collect();
    assert_eq!(
        waited,
        ["RabbitMQ: the connection is made again", "the guest's shutdown and the copy of its disk"]
    );
}

/// In the words of oslo.concurrency and oslo.messaging; no lab made these.
#[test]
fn waits_for_locks_and_rpc_have_names() {
    let lockutils = "oslo_concurrency.lockutils";
    let own = |at, logger, message| by_hand(at, REQUEST, logger, message);
    let mut records = vec![
        own("2026-11-28T10:00:00Z", "nova.compute.manager", "Starting instance..."),
        own(
            "2026-11-28T10:00:00.1Z",
            lockutils,
            "Acquiring lock \"compute_resources\" by \"nova.x.Tracker.instance_claim\"",
        ),
        by_hand(
            "2026-11-28T10:00:03.299Z",
            "req-other",
            lockutils,
            "Lock \"compute_resources\" \"released\" by \"nova.x.Tracker.update_available\" :: held 4.000s",
        ),
        own(
            "2026-11-28T10:00:03.3Z",
            lockutils,
            "Lock \"compute_resources\" acquired by \"nova.x.Tracker.instance_claim\" :: waited 3.200s",
        ),
        own("2026-11-28T10:00:03.4Z", "nova.compute.claims", "Claim successful on node cmp2"),
    ];
    let mut timeout = own("2026-11-28T10:01:03.4Z", "nova.compute.manager", "Instance failed to spawn");
    timeout.level = Some(Level::Error);
    timeout.text.push_str(
        "\noslo_messaging.exceptions.MessagingTimeout: Timed out waiting for a reply to message ID 7",
    );
    timeout.exception = Some(smog::watch::Exception {
        name: "oslo_messaging.exceptions.MessagingTimeout".into(),
        message: "Timed out waiting for a reply to message ID 7".into(),
        traceback: true,
        ..Default::default()
    });
    timeout.message = "MessagingTimeout: Timed out waiting for a reply to message ID 7".into();
    records.push(timeout);
    let trace = trace_of(Known { request_id: REQUEST.into(), ..Known::default() }, &records);
    assert_whole(&trace);
    assert_eq!(trace.outcome, "error");
    let lock = &trace.locks[0];
    assert_eq!((lock.waited_us, lock.lock.as_str()), (3_200_000, "compute_resources"));
    assert_eq!(lock.held_by.as_deref(), Some("nova.x.Tracker.update_available"));
    assert_eq!(trace.gaps[0].waited_for, "lock `compute_resources`, held by `Tracker.update_available`");
    assert_eq!(trace.gaps[1].waited_for, "an RPC reply that did not come");
    assert_eq!(trace.gaps[1].length_us, 60_000_000);
    assert_eq!(trace.troubles.len(), 1);
    assert_eq!(trace.troubles[0].kind, "RPC time-out");
}

#[test]
fn others_requests_are_not_its_own() {
    let mut records = records();
    let mut other =
        by_hand("2026-11-28T07:27:36Z", "req-reboot", "nova.compute.manager", "Rebooting instance");
    other.instance = Some(SERVER.into());
    other.level = Some(Level::Info);
    records.push(other);
    let others = ["req-reboot".to_string()].into();
    let trace = trace_of(Known { others, ..known() }, &records);
    assert!(trace.phases.iter().all(|phase| !phase.name.starts_with("reboot")), "{:?}", trace.phases);
}

#[test]
fn the_waterfall_fits_its_width() {
    let trace = trace_of(known(), &records());
    for width in [60, 80, 100, 160] {
        let lines = trace.lines(width);
        let first = lines.iter().position(|line| line.text.trim_start().starts_with("AT")).expect("a head");
        let last = lines.iter().position(|line| line.text.contains("the whole")).expect("a sum");
        for line in &lines[first..last] {
            assert!(line.text.chars().count() <= width, "{width}: {}", line.text);
        }
        assert!(!lines[last].text.contains("NOT"), "{}", lines[last].text);
    }
    let text = trace.to_string();
    assert!(text.starts_with("create of trace-d (4060357c"), "{text}");
    assert!(text.contains("█"), "{text}");
}

/// Saved logs of a conductor alone, and a request that they do not know.
#[test]
fn saved_logs_tell_as_much_as_they_have() {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/logs/lab/conductor.log");
    let offline = Offline { places: vec![place.into()], ..Offline::default() };
    let saved = offline.open(None).expect("a log");
    let (trace, _) = Trace::of_saved(&saved, SAVED_REQUEST, None).expect("a request of it");
    assert_whole(&trace);
    assert_eq!(trace.outcome, "error");
    assert!(
        trace.phases.iter().any(|phase| phase.name == "putting the server into ERROR"),
        "{:?}",
        trace.phases
    );
    assert!(
        trace.troubles.iter().any(|trouble| trouble.text.contains("NoValidHost")),
        "{:?}",
        trace.troubles
    );
    let said = |what: &str| trace.notes.iter().any(|note| note.contains(what));
    assert!(
        said("from saved logs") && said("no record of the API call") && said("not measured"),
        "{:?}",
        trace.notes
    );
    let why = Trace::of_saved(&saved, "req-0", None).expect_err("unknown").to_string();
    assert_eq!(why, "no request in these logs called `req-0`");
}
