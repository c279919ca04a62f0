//! One run made by hand, with a case for each way to end, for the tests of all reports.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::cpuset::Cpuset;
use crate::testing::inventory::HostLine;
use crate::testing::{
    CallLine, CaseReport, Check, LogLine, Meditation, Outcome, Place, RunId, RunReport, StackLine, Thrown,
    Try,
};
use crate::trace::{Gap, Phase, Trace};

pub(super) fn run() -> RunReport {
    RunReport {
        run: RunId("1124-141502-3fa9".into()),
        cloud: "lab".into(),
        began: at(0.0),
        seconds: 63.25,
        jobs: 4,
        hosts: vec![host("cmp1", "0-7", "2-5", "6-7", 0), host("cmp2", "0-3", "2-3", "0-1", 2)],
        cases: vec![
            passed(),
            failed(),
            flaky(),
            skipped("numa.NUMALargePage.test_one_gib"),
            skipped("numa.NUMALargePage.test_one_gib_strict"),
            broken(),
            leaked(),
        ],
        unread: vec!["net1: no answer".into()],
        allow_unread: false,
        unattributed: vec![Thrown {
            at: Some(at(31.5)),
            host: "cmp2".into(),
            source: "nova-compute.log".into(),
            request_id: None,
            name: "oslo_messaging.exceptions.MessagingTimeout".into(),
            message: "Timed out waiting for a reply".into(),
            cause: None,
        }],
        leaked: Vec::new(),
        interrupted: false,
    }
}

pub(super) fn at(seconds: f64) -> Timestamp {
    let begin: Timestamp = "2026-11-24T14:15:02Z".parse().expect("a time");
    begin + jiff::SignedDuration::from_millis((seconds * 1000.0) as i64)
}

fn cpus(list: &str) -> Cpuset {
    list.parse().expect("a list of CPUs")
}

fn host(name: &str, all: &str, dedicated: &str, shared: &str, simulated: u32) -> HostLine {
    HostLine {
        name: name.into(),
        cpus: cpus(all),
        dedicated: cpus(dedicated),
        shared: cpus(shared),
        cells: 2,
        simulated_cells: simulated,
    }
}

fn case(name: &str, doc: &str, outcome: Outcome, began: f64, seconds: f64, stage: &[&str]) -> CaseReport {
    CaseReport {
        outcome,
        began: at(began),
        seconds,
        claims: "1 host, 256 MiB".into(),
        stage: stage.iter().map(ToString::to_string).collect(),
        ..CaseReport::named(name, doc, 1)
    }
}

fn call(at_seconds: f64, method: &str, path: &str, status: Option<u16>, ms: f64) -> CallLine {
    CallLine {
        at: at(at_seconds),
        service: "compute".into(),
        method: method.into(),
        path: path.into(),
        status,
        request_id: Some("req-0f5c5e0e-6d0b-4c3e-9d43-1f3c9bf4f0aa".into()),
        ms,
    }
}

fn place(after: f64, guest: &str, host: &str, vcpus: &[&str], huge_mib: u64) -> Place {
    let vcpus: Vec<Cpuset> = vcpus.iter().map(|list| cpus(list)).collect();
    let pinned = vcpus.iter().all(|cpus| cpus.len() == 1);
    Place { after, guest: guest.into(), host: host.into(), vcpus, pinned, huge_mib, cells: 2 }
}

fn passed() -> CaseReport {
    CaseReport {
        claims: "2 hosts, 2 dedicated CPUs, 128 MiB".into(),
        steps: vec![(0.1, "boot guest `a`".into()), (14.5, "live-migrate guest `a`".into())],
        checks: vec![
            Check::that("host of the guest", true, "cmp2", "not cmp1").from("compute API"),
            Check::eq("affinity of vCPU 0", &"2", &"2").from("/proc/812/task/815/status"),
        ],
        calls: vec![
            call(0.4, "POST", "/servers", Some(202), 312.4),
            call(14.5, "POST", "/servers/6d1f/action", Some(202), 1890.0),
            call(3.0, "GET", "/servers/6d1f", Some(200), 41.2),
        ],
        places: vec![
            place(3.2, "a", "cmp1", &["2", "3"], 64),
            place(9.0, "a", "cmp1", &["2", "3"], 64),
            place(21.0, "a", "cmp2", &["2", "3"], 64),
        ],
        ..case(
            "live_migration.LiveMigration.test_pinned",
            "A pinned guest is pinned again where it moves.\n\nSteps: boot it, move it.",
            Outcome::Passed,
            0.5,
            26.0,
            &["cmp1", "cmp2"],
        )
    }
}

fn trace() -> Trace {
    let phase = |at_us, length_us, name: &str| Phase {
        at_us,
        length_us,
        host: "cmp1".into(),
        service: "nova-compute".into(),
        name: name.into(),
        critical: length_us > 2_000_000,
    };
    Trace {
        what: "create".into(),
        request_id: "req-5b5ab4d7-0e7c-4b0f-9f2c-9b1d2f4c6d11".into(),
        outcome: "success".into(),
        length_us: 4_000_000,
        phases: vec![phase(0, 1_000_000, "build: <claimed>"), phase(1_000_000, 3_000_000, "spawn: disks")],
        gaps: vec![Gap {
            at_us: 1_000_000,
            length_us: 2_500_000,
            waited_for: "the start of a privsep helper".into(),
            measured: true,
            before: "cmp1 nova-compute: Creating image(s)".into(),
            after: "the end".into(),
        }],
        ..Trace::default()
    }
}

fn meditation() -> Meditation {
    let line = |waits_in: &str, idle, still| StackLine {
        count: 1,
        waits_in: waits_in.into(),
        idle,
        still: Some(still),
        frames: vec!["nova/virt/libvirt/guest.py:12 in launch".into(), "<threading>.py:9 in run".into()],
    };
    Meditation {
        host: "cmp1".into(),
        service: "nova-compute".into(),
        pid: 812,
        because: "guest `b` is spawning for 60 s".into(),
        missing: None,
        stacks: vec![line("a <lock>", false, true), line("RPC messages", true, true)],
        more: 3,
    }
}

fn no_meditation() -> Meditation {
    Meditation {
        host: "cmp2".into(),
        service: "nova-compute".into(),
        because: "guest `b` is spawning for 60 s".into(),
        missing: Some("no answer from host `cmp2`".into()),
        ..Meditation::default()
    }
}

fn failed() -> CaseReport {
    CaseReport {
        claims: "1 host, all dedicated CPUs, 256 MiB".into(),
        change: Some("two dedicated CPUs per host".into()),
        steps: vec![(0.1, "boot guest `<b>&`".into()), (12.0, "read the threads' affinity".into())],
        checks: vec![
            Check::eq("status", &"ACTIVE", &"ACTIVE").from("compute API"),
            Check::eq("affinity of vCPU 0", &"0-7", &"2").from("/proc/812/task/815/status"),
            Check::eq("affinity of vCPU 1", &"0-7", &"3").from("/proc/812/task/816/status"),
        ],
        thrown: vec![Thrown {
            at: Some(at(38.2)),
            host: "cmp1".into(),
            source: "nova-compute.log".into(),
            request_id: Some("req-77aa0e0e-6d0b-4c3e-9d43-1f3c9bf4f0aa".into()),
            name: "nova.exception.CPUPinningInvalid".into(),
            message: "CPU set to pin [2, 3] must be a subset of free CPU set [4]".into(),
            cause: Some("libvirt.libvirtError: cannot set CPU affinity: Invalid argument".into()),
        }],
        allowed: 1,
        controls: 3,
        records: vec![LogLine {
            at: Some(at(37.9)),
            host: "cmp1".into(),
            source: "nova-compute.log".into(),
            level: "WARNING".into(),
            text: "CPU <2> is in use".into(),
        }],
        record_count: 41,
        traces: vec![trace()],
        meditations: vec![meditation(), no_meditation()],
        places: vec![place(11.0, "b", "cmp1", &["0-7", "0-7"], 0), place(11.0, "gone", "cmp9", &["1"], 0)],
        kept: vec!["smog-1124-141502-3fa9-01-b".into()],
        folder: Some(PathBuf::from("log/test_simple-2026-11-24-14-15-28")),
        likely: Some("libvirt.libvirtError: cannot set CPU affinity: Invalid argument".into()),
        ..case(
            "numa.NUMAVCPUPinningTest.test_simple",
            "A guest's vCPUs are pinned one to one.",
            Outcome::Failed(
                "affinity of vCPU 0: found 0-7, expected 2 (/proc/812/task/815/status) (and 1 more)".into(),
            ),
            27.0,
            14.4,
            &["cmp1"],
        )
    }
}

fn flaky() -> CaseReport {
    CaseReport {
        flaky: true,
        attempts: 2,
        earlier: vec![Try {
            outcome: Outcome::Broken("gave up waiting for server `c` to become ACTIVE after 30 s".into()),
            folder: None,
        }],
        checks: vec![Check::eq("config drive", &"vfat", &"vfat")],
        ..case(
            "sanity.ConfigDrive.test_vfat",
            "The config drive is there.",
            Outcome::Passed,
            28.0,
            9.0,
            &["cmp2"],
        )
    }
}

fn skipped(name: &str) -> CaseReport {
    let why = "needs 1024 MiB of free 1 GiB pages on one host; the most are 0, on cmp1";
    CaseReport { attempts: 0, ..case(name, "Pages of 1 GiB.", Outcome::Skipped(why.into()), 0.0, 0.0, &[]) }
}

fn broken() -> CaseReport {
    CaseReport {
        leaked: vec!["flavor smog-1124-141502-3fa9-05-f: in use".into()],
        folder: Some(PathBuf::from("log/test_passive-2026-11-24-14-15-42")),
        ..case(
            "evacuate.Evacuate.test_passive",
            "A guest is rebuilt elsewhere when its host is cut off.",
            Outcome::Broken("no answer from host `cmp2`: connection refused; is it up?".into()),
            40.0,
            20.0,
            &["cmp1", "cmp2"],
        )
    }
}

fn leaked() -> CaseReport {
    CaseReport {
        checks: vec![Check::eq("consoles", &2, &2)],
        leaked: vec!["server smog-1124-141502-3fa9-06-a: still deleting".into()],
        ..case(
            "sanity.Console.test_serial",
            "The serial console answers.",
            Outcome::Passed,
            42.0,
            6.5,
            &["cmp1"],
        )
    }
}
