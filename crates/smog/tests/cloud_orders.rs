//! Orders to servers against a scripted cloud: what a real one does only now and then.
//! The answers' forms are those of smog's lab (Epoxy).

mod fake_cloud;

use std::time::Duration;

use fake_cloud::{FakeCloud, Script, connect};
use smog::Error;
use smog::cloud::server_actions as actions;
use smog::cloud::{Cloud, Server};
use smog::wait::{SILENT, Wait};

const QUICK: Wait<'static> =
    Wait { timeout: Duration::from_secs(20), every: Duration::from_millis(5), tell: SILENT };

const ID: &str = "58f3b349-c623-47b1-897c-14f8aa011e09";
const SERVER: &str = "GET /compute/v2.1/servers/58f3b349-c623-47b1-897c-14f8aa011e09";
const ORDERED: &str = "POST /compute/v2.1/servers/58f3b349-c623-47b1-897c-14f8aa011e09/action";
const RECORD: &str =
    "GET /compute/v2.1/servers/58f3b349-c623-47b1-897c-14f8aa011e09/os-instance-actions/req-1";

fn server() -> Server {
    serde_json::from_str(include_str!("data/api/server-pinned-epoxy.json")).expect("the recorded server")
}

/// The server with another status and task.
fn edited(status: &str, task: Option<&str>) -> serde_json::Value {
    let mut server: serde_json::Value =
        serde_json::from_str(include_str!("data/api/server-pinned-epoxy.json")).expect("json");
    server["status"] = status.into();
    server["OS-EXT-STS:task_state"] = task.into();
    server
}

fn answer(server: &serde_json::Value) -> Script {
    Script::ok(&serde_json::json!({"server": server}).to_string())
}

fn shown(status: &str, task: Option<&str>) -> Script {
    answer(&edited(status, task))
}

fn accepted() -> Script {
    Script::status(202).header("x-openstack-request-id", "req-1")
}

fn record(result: Option<&str>) -> Script {
    let action = serde_json::json!({"instanceAction": {
        "action": "stop", "request_id": "req-1", "start_time": "2026-11-24T07:54:36.000000", "message": null,
        "events": [{"event": "compute_stop_instance", "result": result, "host": "cmp1"}],
    }});
    Script::ok(&action.to_string())
}

async fn cloud(fake: &FakeCloud) -> Cloud {
    connect(&fake.auth_url()).await.expect("log in")
}

#[tokio::test]
async fn a_resize_no_host_could_take_fails_although_the_server_is_well() {
    let failed = include_str!("data/api/action-resize-failed-epoxy.json");
    let fake = FakeCloud::start(vec![
        (
            "GET /compute/v2.1/flavors/detail",
            Script::ok(r#"{"flavors": [{"id": "f", "name": "huge", "vcpus": 1, "ram": 99, "disk": 0}]}"#),
        ),
        (ORDERED, accepted()),
        (SERVER, shown("RESIZE", Some("resize_prep"))),
        (SERVER, shown("ACTIVE", None)),
        (RECORD, Script::ok(failed)),
    ])
    .await;
    let order = actions::RESIZE.with("flavor", "huge");
    let why = cloud(&fake).await.carry_out(&server(), &order, QUICK).await.expect_err("no host");
    assert_eq!(
        why.to_string(),
        "resize of server `t1` failed: No valid host was found. No valid host found for resize on host `ctl` \
         (request req-52e6f127-bc19-4132-92e2-3bef8c67ab98)"
    );
    assert!(why.hint().is_some_and(|hint| hint.contains("nova-scheduler.log")), "{why:?}");
}

#[tokio::test]
async fn the_fault_is_waited_for_that_nova_writes_after_the_state() {
    let mut broken = edited("ERROR", None);
    broken["fault"] = serde_json::json!(
        {"code": 500, "created": "2026-11-26T16:00:00Z", "message": "No valid host was found."}
    );
    let action = r#"{"instanceActions": [{"action": "create", "request_id": "req-1",
        "start_time": "2026-11-26T16:00:00.000000", "message": "Error"}]}"#;
    let actions = "GET /compute/v2.1/servers/58f3b349-c623-47b1-897c-14f8aa011e09/os-instance-actions";
    let fake = FakeCloud::start(vec![
        (SERVER, shown("ERROR", None)),
        (SERVER, shown("ERROR", None)),
        (SERVER, answer(&broken)),
        (actions, Script::ok(action)),
    ])
    .await;
    let why = cloud(&fake).await.wait_for_status(ID, "ACTIVE", QUICK).await.expect_err("no host");
    assert!(why.to_string().contains("No valid host was found"), "{why}");
    assert_eq!(fake.count(&format!("{SERVER} ")), 3, "looks at the server");
}

#[tokio::test]
async fn an_order_still_under_way_is_waited_for_although_the_status_fits() {
    let fake = FakeCloud::start(vec![
        (ORDERED, accepted()),
        (SERVER, shown("SHUTOFF", None)),
        (RECORD, record(None)),
        (SERVER, shown("SHUTOFF", None)),
        (RECORD, record(Some("Success"))),
        (SERVER, shown("SHUTOFF", None)),
    ])
    .await;
    let stopped = cloud(&fake).await.carry_out(&server(), &actions::STOP, QUICK).await.expect("stopped");
    assert_eq!(stopped.status, "SHUTOFF");
    assert_eq!(fake.count(RECORD), 2, "{:#?}", fake.asked());
}

#[tokio::test]
async fn an_evacuated_server_must_be_elsewhere() {
    let mut moved: serde_json::Value =
        serde_json::from_str(include_str!("data/api/server-pinned-epoxy.json")).expect("json");
    moved["status"] = "SHUTOFF".into();
    moved["OS-EXT-SRV-ATTR:host"] = "cmp2".into();
    let moved = serde_json::json!({"server": moved}).to_string();
    let fake = FakeCloud::start(vec![
        (ORDERED, accepted()),
        (SERVER, shown("SHUTOFF", None)),
        (RECORD, record(Some("Success"))),
        (SERVER, Script::ok(&moved)),
        (RECORD, record(Some("Success"))),
        (SERVER, Script::ok(&moved)),
    ])
    .await;
    let order = actions::EVACUATE.order();
    let moved = cloud(&fake).await.carry_out(&server(), &order, QUICK).await.expect("evacuated");
    assert_eq!(moved.host.as_deref(), Some("cmp2"), "{:#?}", fake.asked());
}

#[tokio::test]
async fn a_server_in_error_tells_its_fault() {
    let mut broken: serde_json::Value =
        serde_json::from_str(include_str!("data/api/server-pinned-epoxy.json")).expect("json");
    broken["status"] = "ERROR".into();
    broken["fault"] = serde_json::json!({"code": 500, "message": "libvirt said no."});
    let broken = serde_json::json!({"server": broken}).to_string();
    let fake = FakeCloud::start(vec![(ORDERED, accepted()), (SERVER, Script::ok(&broken))]).await;
    let why = cloud(&fake).await.carry_out(&server(), &actions::PAUSE, QUICK).await.expect_err("broken");
    assert_eq!(why.to_string(), "pause of server `t1` failed: libvirt said no on host `cmp1`");
}

#[tokio::test]
async fn a_conflict_tells_its_reason() {
    let fault = format!(
        r#"{{"conflictingRequest": {{"code": 409, "message": "Cannot 'pause' instance {ID} while it is in vm_state suspended"}}}}"#
    );
    let fake = FakeCloud::start(vec![(ORDERED, Script::status(409).body(&fault))]).await;
    let why = cloud(&fake).await.carry_out(&server(), &actions::PAUSE, QUICK).await.expect_err("409");
    assert!(why.to_string().ends_with("while it is in vm_state suspended"), "{why}");
}

#[tokio::test]
async fn a_timeout_names_the_request() {
    let wait = Wait { timeout: Duration::ZERO, ..QUICK };
    let fake =
        FakeCloud::start(vec![(ORDERED, accepted()), (SERVER, shown("ACTIVE", Some("pausing")))]).await;
    let why = cloud(&fake).await.carry_out(&server(), &actions::PAUSE, wait).await.expect_err("too late");
    let text = why.to_string();
    assert!(text.contains("ACTIVE (pausing)") && text.ends_with("(request req-1)"), "{text}");
}

#[tokio::test]
async fn an_old_nova_is_not_asked_for_what_it_cannot_do() {
    for (nova, order, sentence) in [
        (
            "2.90",
            actions::UNSHELVE.with("host", "cmp1"),
            "unshelving to a host needs Nova's API microversion 2.91, this cloud has 2.90",
        ),
        (
            "2.76",
            actions::UNSHELVE.with("zone", "nova"),
            "unshelving into an availability zone needs Nova's API microversion 2.77, this cloud has 2.76",
        ),
        (
            "2.72",
            actions::LOCK.with("reason", "x"),
            "a lock's reason needs Nova's API microversion 2.73, this cloud has 2.72",
        ),
    ] {
        let fake = FakeCloud::start_with_nova(nova, vec![]).await;
        let why = cloud(&fake).await.give(&server(), &order).await.expect_err("too old");
        assert!(matches!(why, Error::TooOld { .. }), "{why:?}");
        assert_eq!(why.to_string(), sentence);
        assert_eq!(fake.count("POST /compute"), 0, "nothing was ordered");
    }
}

const MOVES: &str = "GET /compute/v2.1/servers/58f3b349-c623-47b1-897c-14f8aa011e09/migrations";
const ABORT: &str = "DELETE /compute/v2.1/servers/58f3b349-c623-47b1-897c-14f8aa011e09/migrations/7";
const DELETE: &str = "DELETE /compute/v2.1/servers/58f3b349-c623-47b1-897c-14f8aa011e09";

fn moves(status: Option<&str>) -> Script {
    let one = status.map(|status| serde_json::json!({"id": 7, "status": status, "dest_compute": "cmp2"}));
    Script::ok(&serde_json::json!({"migrations": one.into_iter().collect::<Vec<_>>()}).to_string())
}

/// The paths asked for, in order, of these methods.
fn changes(fake: &FakeCloud) -> Vec<String> {
    let firsts = fake.asked().into_iter().filter(|head| head.starts_with("DELETE"));
    firsts
        .map(|head| head.split(' ').nth(1).unwrap_or_default().rsplit('/').next().unwrap_or_default().into())
        .collect()
}

/// Nova deletes a server that moves as well, and then the source keeps an allocation for ever.
#[tokio::test]
async fn a_guest_that_moves_is_deleted_after_its_move_has_ended() {
    let fake = FakeCloud::start(vec![
        // The record is not there yet, then cannot be aborted yet, then is aborted, then closes late.
        (SERVER, shown("MIGRATING", Some("migrating"))),
        (MOVES, moves(None)),
        (SERVER, shown("MIGRATING", Some("migrating"))),
        (MOVES, moves(Some("queued"))),
        (ABORT, Script::status(400).body(r#"{"badRequest": {"message": "no"}}"#)),
        (SERVER, shown("MIGRATING", Some("migrating"))),
        (MOVES, moves(Some("running"))),
        (ABORT, Script::status(202)),
        (SERVER, shown("ACTIVE", None)),
        (MOVES, moves(Some("running"))),
        (SERVER, shown("ACTIVE", None)),
        (MOVES, moves(None)),
        (DELETE, Script::status(204)),
    ])
    .await;
    let cloud = cloud(&fake).await;
    smog::Guest::new(&cloud, server()).delete(QUICK).await.expect("deleted");
    assert_eq!(changes(&fake), ["7", "7", ID]);
}

/// A resize cannot be aborted; a member may not look at migrations at all.
#[tokio::test]
async fn a_resize_is_waited_for_before_the_guest_is_deleted() {
    let forbidden = || Script::status(403).body(r#"{"forbidden": {"message": "Policy doesn't allow it"}}"#);
    let fake = FakeCloud::start(vec![
        (SERVER, shown("RESIZE", Some("resize_migrating"))),
        (MOVES, forbidden()),
        (SERVER, shown("VERIFY_RESIZE", None)),
        (MOVES, forbidden()),
        (DELETE, Script::status(204)),
    ])
    .await;
    let cloud = cloud(&fake).await;
    smog::Guest::new(&cloud, server()).delete(QUICK).await.expect("deleted");
    assert_eq!(changes(&fake), [ID]);
    assert_eq!(fake.count(MOVES), 2, "it looked until the resize was over");
}

#[tokio::test]
async fn several_are_deleted_although_one_is_locked() {
    let other = "11111111-2222-3333-4444-555555555555";
    let second = "GET /compute/v2.1/servers/11111111-2222-3333-4444-555555555555";
    let locked =
        format!(r#"{{"conflictingRequest": {{"code": 409, "message": "Instance {ID} is locked"}}}}"#);
    let fake = FakeCloud::start(vec![
        (SERVER, shown("ACTIVE", None)),
        (MOVES, moves(None)),
        (DELETE, Script::status(409).body(&locked)),
        (second, shown("ACTIVE", None)),
        ("DELETE /compute/v2.1/servers/11111111-2222-3333-4444-555555555555", Script::status(204)),
    ])
    .await;
    let cloud = cloud(&fake).await;
    let guest = |id: &str| {
        let mut server = server();
        server.id = id.into();
        smog::Guest::new(&cloud, server)
    };
    let told = std::sync::Mutex::new(0);
    let all = cloud
        .delete_guests(vec![guest(ID), guest(other), guest(ID)], QUICK, &|_| *told.lock().expect("told") += 1)
        .await;
    assert_eq!((all.len(), *told.lock().expect("told")), (2, 2), "the same guest twice is one");
    let why = all[0].ended.as_ref().expect_err("locked");
    assert!(why.to_string().ends_with("with 409: guest `t1` is locked"), "{why}");
    assert!(why.hint().is_some_and(|hint| hint.contains("`smog guest unlock t1`")), "{:?}", why.hint());
    assert!(all[1].ended.is_ok(), "{:?}", all[1]);
}
