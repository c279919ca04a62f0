//! Boots against a scripted cloud that answers badly in the middle: the server is waited
//! for all the same, or named. The answers' forms are those of smog's lab (Epoxy).

mod fake_cloud;

use std::time::Duration;

use fake_cloud::{FakeCloud, Script, connect};
use smog::cloud::server_actions as actions;
use smog::cloud::{BootMade, BootRequest, FlavorChoice, NetworkChoice};
use smog::wait::{SILENT, Wait};
use smog::{Error, ExitCode};

const QUICK: Wait<'static> =
    Wait { timeout: Duration::from_secs(5), every: Duration::from_millis(5), tell: SILENT };

const ID: &str = "58f3b349-c623-47b1-897c-14f8aa011e09";
const SERVER: &str = "GET /compute/v2.1/servers/58f3b349-c623-47b1-897c-14f8aa011e09";
const SERVERS: &str = "GET /compute/v2.1/servers/detail";
const IMAGES: &str = "GET /image/v2/images";
const FLAVORS: &str = "GET /compute/v2.1/flavors/detail";
const ORDER: &str = "POST /compute/v2.1/servers";
const RECORDED: &str = include_str!("data/api/server-pinned-epoxy.json");

fn images() -> Script {
    Script::ok(
        r#"{"images": [{"id": "i", "name": "cirros", "status": "active", "size": 1, "min_ram": 0, "min_disk": 0}]}"#,
    )
}

fn flavors(names: &[&str]) -> Script {
    let flavors = names.iter().map(
        |name| serde_json::json!({"id": format!("id-{name}"), "name": name, "vcpus": 1, "ram": 128, "disk": 0}),
    );
    Script::ok(&serde_json::json!({"flavors": flavors.collect::<Vec<_>>()}).to_string())
}

fn server(status: &str, task: Option<&str>, boot: Option<&str>) -> serde_json::Value {
    let mut server: serde_json::Value = serde_json::from_str(RECORDED).expect("json");
    server["status"] = status.into();
    server["OS-EXT-STS:task_state"] = task.into();
    if let Some(boot) = boot {
        server["metadata"] = serde_json::json!({"smog:boot": boot});
    }
    server
}

fn shown(status: &str, task: Option<&str>) -> Script {
    Script::ok(&serde_json::json!({"server": server(status, task, None)}).to_string())
}

fn taken() -> Script {
    Script::status(202).body(&serde_json::json!({"server": {"id": ID}}).to_string())
}

fn request() -> BootRequest {
    BootRequest {
        flavor: FlavorChoice::Named("small".into()),
        network: NetworkChoice::None,
        ..BootRequest::from("t1")
    }
}

/// The word by which the server of a boot is found.
fn word(made: &BootMade) -> String {
    let text = format!("{made:?}");
    text.split('"').nth(1).expect("the word").to_string()
}

#[tokio::test]
async fn bad_answers_in_the_polls_of_a_boot_are_not_yet() {
    let fake = FakeCloud::start(vec![
        (IMAGES, images()),
        (FLAVORS, flavors(&["small"])),
        (ORDER, taken()),
        (SERVER, shown("BUILD", Some("scheduling"))),
        (SERVER, Script::status(500).body(r#"{"computeFault": {"code": 500, "message": "no"}}"#)),
        (SERVER, Script::ok(r#"{"server": {"id": "58f3"#)),
        (SERVER, Script::ok("<html>maintenance</html>")),
        (SERVER, shown("ACTIVE", None)),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let booted = cloud.boot_server(&request(), &BootMade::default(), QUICK).await.expect("it boots");
    assert_eq!(booted.status, "ACTIVE");
}

#[tokio::test]
async fn a_boot_that_cannot_be_followed_names_its_server() {
    let mut script = vec![(IMAGES, images()), (FLAVORS, flavors(&["small"])), (ORDER, taken())];
    script.push((SERVER, shown("BUILD", Some("spawning"))));
    script.extend((0..2000).map(|_| (SERVER, Script::status(500))));
    let fake = FakeCloud::start(script).await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let short = Wait { timeout: Duration::from_millis(300), ..QUICK };
    let why = cloud.boot_server(&request(), &BootMade::default(), short).await.expect_err("no end");
    let text = why.to_string();
    assert!(text.contains("last seen: BUILD (spawning)") || text.contains("with 500"), "{text}");
    assert!(text.ends_with(&format!("server `t1` ({ID}) exists and is still building")), "{text}");
    assert!(why.hint().is_some_and(|hint| hint.contains("`smog delete t1`")), "{why:?}");
    assert_eq!(why.exit_code(), ExitCode::Failed);
    assert!(matches!(why.cause(), Error::Timeout { .. }), "{why:?}");
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_found_again() {
    for lost in [Script::hang_up(), Script::status(504), Script::status(202).body(r#"{"server": {"#)] {
        let made = BootMade::default();
        let ours = server("BUILD", Some("scheduling"), Some(&word(&made)));
        let list = serde_json::json!({"servers": [server("ACTIVE", None, Some("other")), ours]});
        let fake = FakeCloud::start(vec![
            (IMAGES, images()),
            (FLAVORS, flavors(&["small"])),
            (ORDER, lost),
            (SERVERS, Script::status(500)),
            (SERVERS, Script::ok(r#"{"servers": []}"#)),
            (SERVERS, Script::ok(&list.to_string())),
            (SERVER, shown("ACTIVE", None)),
        ])
        .await;
        let cloud = connect(&fake.auth_url()).await.expect("log in");
        let booted = cloud.boot_server(&request(), &made, QUICK).await.expect("it boots");
        assert_eq!((booted.status.as_str(), fake.count(ORDER)), ("ACTIVE", 1));
    }
}

#[tokio::test]
async fn an_order_that_nova_did_not_take_leaves_nothing() {
    let fake = FakeCloud::start(vec![
        (IMAGES, images()),
        (FLAVORS, flavors(&["small"])),
        (ORDER, Script::status(500)),
        (SERVERS, Script::ok(r#"{"servers": []}"#)),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let why = cloud.boot_server(&request(), &BootMade::default(), QUICK).await.expect_err("refused");
    assert!(matches!(why, Error::Api { status: 500, .. }), "{why:?}");
}

#[tokio::test]
async fn a_flavor_whose_answer_is_lost_is_found_again() {
    let fake = FakeCloud::start(vec![
        ("POST /compute/v2.1/flavors", Script::hang_up()),
        (FLAVORS, flavors(&["small", "mine"])),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let flavor = cloud.create_flavor("mine", 1, 128, 0, &Default::default()).await.expect("it is there");
    assert_eq!(flavor.id, "id-mine");
}

#[tokio::test]
async fn an_order_to_a_server_says_what_goes_on() {
    let action = "POST /compute/v2.1/servers/58f3b349-c623-47b1-897c-14f8aa011e09/action";
    let known = serde_json::from_value(server("ACTIVE", None, None)).expect("a server");
    let fake = FakeCloud::start(vec![(action, Script::hang_up())]).await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let why = cloud.carry_out(&known, &actions::STOP, QUICK).await.expect_err("lost");
    assert!(why.to_string().contains("whether Nova has taken the stop of server `t1`"), "{why}");

    let mut script = vec![(action, Script::status(202).header("x-openstack-request-id", "req-1"))];
    script.push((SERVER, Script::status(403)));
    let fake = FakeCloud::start(script).await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let why = cloud.carry_out(&known, &actions::STOP, QUICK).await.expect_err("refused");
    assert!(why.to_string().ends_with(&format!("Nova continues the stop of server `t1` ({ID})")), "{why}");
}

fn deleted(id: &str, status: &str) -> serde_json::Value {
    let mut server = server(status, None, None);
    server["id"] = id.into();
    server
}

#[tokio::test]
async fn a_guest_that_was_deleted_is_found_and_several_are_told_apart_by_id() {
    let none = || Script::ok(r#"{"servers": []}"#);
    let list =
        |servers: &[serde_json::Value]| Script::ok(&serde_json::json!({"servers": servers}).to_string());
    let fake = FakeCloud::start(vec![
        (SERVERS, none()),
        (SERVERS, none()),
        (SERVERS, list(&[deleted("a", "DELETED"), deleted("b", "ACTIVE")])),
        (SERVERS, none()),
        (SERVERS, none()),
        (SERVERS, list(&[deleted("a", "DELETED"), deleted("b", "DELETED")])),
        (SERVER, Script::status(404)),
        (SERVERS, list(&[deleted(ID, "DELETED")])),
        (SERVERS, none()),
        (SERVERS, none()),
        (SERVERS, list(&[deleted("b", "ACTIVE")])),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let one = cloud.guest_even_deleted("t1").await.expect("the one that was deleted");
    assert_eq!((one.server.id.as_str(), one.is_deleted()), ("a", true));
    let why = cloud.guest_even_deleted("t1").await.expect_err("two").to_string();
    assert_eq!(why, "2 deleted guests are called `t1`: a, b");
    assert_eq!(cloud.guest_even_deleted(ID).await.expect("by id").server.id, ID);
    let asked = fake.asked_like(SERVERS);
    assert!(
        asked.iter().any(|head| head.contains("deleted=true") && head.contains("uuid=58f3b349")),
        "{asked:#?}"
    );
    // Who may not ask for deleted ones is given the living: none of them is meant.
    let why = cloud.guest_even_deleted("t1").await.expect_err("none").to_string();
    assert_eq!(why, "no guest called `t1`");
}
