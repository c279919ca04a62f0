//! Nova's list of hypervisors where a compute does not answer: from microversion 2.88 on Nova asks
//! each for its uptime, and one that hangs makes the list a 500.

mod fake_cloud;

use fake_cloud::{FakeCloud, Script, connect};

const LIST: &str = "GET /compute/v2.1/os-hypervisors/detail";
const FAULT: &str = r#"{"computeFault": {"code": 500, "message": "Unexpected API Error. MessagingTimeout"}}"#;

fn list() -> Script {
    Script::ok(include_str!("data/api/hypervisors-epoxy.json"))
}

#[tokio::test]
async fn a_list_that_one_compute_breaks_is_had_without_uptimes() {
    let fake = FakeCloud::start(vec![(LIST, Script::status(500).body(FAULT)), (LIST, list())]).await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    assert_eq!(cloud.hypervisors().await.expect("the list").len(), 2);
    let asked = fake.asked_like(LIST);
    assert!(asked[0].contains("openstack-api-version: compute 2.96"), "{asked:#?}");
    assert!(asked[1].contains("openstack-api-version: compute 2.87"), "{asked:#?}");
}

#[tokio::test]
async fn neither_hosts_nor_aggregates_ask_the_computes() {
    let fake = FakeCloud::start(vec![
        (LIST, list()),
        ("GET /compute/v2.1/os-services", Script::ok(r#"{"services": []}"#)),
        (LIST, list()),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let names: Vec<String> =
        cloud.host_list().await.expect("the hosts").into_iter().map(|host| host.name).collect();
    assert_eq!(names, ["cmp1", "cmp2"]);
    // What comes after the list is not scripted here.
    let _ = cloud.create_aggregate_pair("pair", "key", None).await;
    let asked = fake.asked_like(LIST);
    assert_eq!(asked.len(), 2, "{:#?}", fake.asked());
    assert!(asked.iter().all(|call| call.contains("openstack-api-version: compute 2.87")), "{asked:#?}");
}
