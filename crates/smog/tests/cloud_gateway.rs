//! The gateway against a scripted cloud on loopback: what a real one does only now
//! and then (expired tokens, rate limits, resets, odd catalogs). The answers' forms
//! are those of smog's lab (Epoxy).

mod fake_cloud;

use fake_cloud::{FakeCloud, PASSWORD, Script, connect};
use smog::cloud::{Call, Cloud, Microversion, Service};
use smog::{Error, Result};

async fn failing(connected: Result<Cloud>) -> Error {
    match connected {
        Err(why) => why,
        Ok(cloud) => cloud.servers().await.expect_err("this cloud must fail"),
    }
}

fn server(id: &str) -> String {
    include_str!("data/api/server-pinned-epoxy.json").replace("58f3b349-c623-47b1-897c-14f8aa011e09", id)
}

#[tokio::test]
async fn an_expired_token_is_renewed_unseen() {
    let fake = FakeCloud::start(vec![
        (
            "GET /compute/v2.1/servers/detail",
            Script::status(401).body(r#"{"error": {"message": "token expired"}}"#),
        ),
        ("GET /compute/v2.1/servers/detail", Script::ok(&format!(r#"{{"servers": [{}]}}"#, server("a")))),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let servers = cloud.servers().await.expect("the list, in spite of the expired token");
    assert_eq!(servers.len(), 1);
    assert_eq!(fake.count("POST /v3/auth/tokens"), 2, "{:#?}", fake.asked());
}

#[tokio::test]
async fn a_token_that_expires_between_two_pages_loses_nothing() {
    let first =
        format!(r#"{{"servers": [{}], "servers_links": [{{"rel": "next", "href": "x"}}]}}"#, server("a"));
    let fake = FakeCloud::start(vec![
        ("GET /compute/v2.1/servers/detail", Script::ok(&first)),
        ("GET /compute/v2.1/servers/detail", Script::status(401)),
        ("GET /compute/v2.1/servers/detail", Script::ok(&format!(r#"{{"servers": [{}]}}"#, server("b")))),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let ids: Vec<String> =
        cloud.servers().await.expect("both pages").into_iter().map(|server| server.id).collect();
    assert_eq!(ids, ["a", "b"]);
    let pages = fake.asked_like("GET /compute/v2.1/servers/detail");
    assert!(pages.last().is_some_and(|page| page.contains("marker=a")), "{pages:#?}");
    // The microversion must survive the renewal: the newest both know, on every page.
    assert!(pages.iter().all(|page| page.contains("openstack-api-version: compute 2.96")), "{pages:#?}");
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_even_for_a_post() {
    let fake = FakeCloud::start(vec![
        ("POST /compute/v2.1/flavors", Script::status(429).header("Retry-After", "0")),
        (
            "POST /compute/v2.1/flavors",
            Script::ok(r#"{"flavor": {"id": "1", "name": "f", "vcpus": 1, "ram": 128, "disk": 0}}"#),
        ),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    cloud.create_flavor("f", 1, 128, 0, &Default::default()).await.expect("made at the second try");
    assert_eq!(fake.count("POST /compute/v2.1/flavors"), 2);
}

#[tokio::test]
async fn an_overloaded_service_is_asked_again_but_an_order_is_not_given_twice() {
    let fake = FakeCloud::start(vec![
        ("GET /compute/v2.1/servers/detail", Script::status(503)),
        ("GET /compute/v2.1/servers/detail", Script::ok(r#"{"servers": []}"#)),
        ("POST /compute/v2.1/flavors", Script::status(503).body("overloaded")),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    assert!(cloud.servers().await.expect("at the second try").is_empty());
    let error = cloud.create_flavor("f", 1, 128, 0, &Default::default()).await.expect_err("503");
    assert!(
        matches!(&error, Error::Api { status: 503, message, .. } if message == "overloaded"),
        "{error:?}"
    );
    assert!(error.is_temporary());
    assert_eq!(fake.count("POST /compute/v2.1/flavors"), 1);
}

#[tokio::test]
async fn a_reset_connection_is_tried_again_for_questions_only() {
    let fake = FakeCloud::start(vec![
        ("GET /compute/v2.1/servers/detail", Script::hang_up()),
        ("GET /compute/v2.1/servers/detail", Script::ok(r#"{"servers": []}"#)),
        ("POST /compute/v2.1/flavors", Script::hang_up()),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    cloud.servers().await.expect("at the second try");
    let error = cloud.create_flavor("f", 1, 128, 0, &Default::default()).await.expect_err("no answer");
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(fake.count("POST /compute/v2.1/flavors"), 1);
}

#[tokio::test]
async fn a_conflict_tells_the_reason_and_the_request() {
    let fault = r#"{"conflictingRequest": {"code": 409, "message": "Cannot 'os-migrateLive' instance x while it is in vm_state stopped"}}"#;
    let fake = FakeCloud::start(vec![(
        "POST /compute/v2.1/servers/x/action",
        Script::status(409).body(fault).header("x-openstack-request-id", "req-1"),
    )])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let call = Call::post(Service::Compute, "/servers/x/action", serde_json::json!({"os-migrateLive": {}}));
    let error = cloud.call(call.at(Microversion(2, 30))).await.expect_err("409");
    assert_eq!(
        error.to_string(),
        "compute refused `POST /servers/x/action` with 409: Cannot 'os-migrateLive' instance x while it is in \
         vm_state stopped (request req-1)"
    );
}

#[tokio::test]
async fn a_wrong_password_names_the_user_and_the_source_but_not_the_password() {
    let fault = r#"{"error": {"code": 401, "message": "The request you have made requires authentication.", "title": "Unauthorized"}}"#;
    let fake = FakeCloud::start(vec![("POST /v3/auth/tokens", Script::status(401).body(fault))]).await;
    let error = failing(connect(&fake.auth_url()).await).await;
    let text = format!("{error} {:?} {error:?}", error.hint());
    assert!(matches!(error, Error::Auth { .. }), "{text}");
    assert!(text.contains("does not accept user `admin`") && text.contains("the OS_* variables"), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
}

#[tokio::test]
async fn a_keystone_that_is_not_there_and_one_that_is_something_else() {
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        free.local_addr().expect("its address").port()
    };
    let gone = failing(connect(&format!("http://127.0.0.1:{port}/v3")).await).await;
    assert!(matches!(&gone, Error::Unreachable { why, .. } if why.contains("refused")), "{gone:?}");

    let fake = FakeCloud::start(vec![]).await;
    let other = failing(connect(&format!("{}/dashboard", fake.url())).await).await;
    assert!(
        matches!(&other, Error::Unreachable { why, .. } if why.contains("it is not keystone")),
        "{other:?}"
    );
}

#[tokio::test]
async fn a_nova_from_before_rocky_says_what_is_needed() {
    let fake = FakeCloud::start_with_nova("2.60", vec![]).await;
    let error = failing(connect(&fake.auth_url()).await).await;
    assert_eq!(error.to_string(), "smog needs Nova's API microversion 2.61, this cloud has 2.60");
}

#[tokio::test]
async fn a_service_that_the_catalog_lacks_is_named() {
    let fake = FakeCloud::start(vec![]).await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let error = cloud.call(Call::get(Service::Placement, "/")).await.expect_err("no placement");
    assert_eq!(error.to_string(), "no service in the cloud's catalog called `placement`");
}

#[tokio::test]
async fn a_plain_user_sees_their_own_servers() {
    let forbidden = r#"{"forbidden": {"code": 403, "message": "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed."}}"#;
    let fake = FakeCloud::start(vec![
        ("GET /compute/v2.1/servers/detail", Script::status(403).body(forbidden)),
        ("GET /compute/v2.1/servers/detail", Script::ok(&format!(r#"{{"servers": [{}]}}"#, server("mine")))),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    assert_eq!(cloud.servers().await.expect("their own").len(), 1);
    let asked = fake.asked_like("GET /compute/v2.1/servers/detail");
    assert!(asked[0].contains("all_tenants=1") && !asked[1].contains("all_tenants"), "{asked:#?}");
}

/// Found by a campaign of injected faults: an index into an answer that is not an object panicked.
#[tokio::test]
async fn an_answer_of_another_type_is_an_error_and_no_crash() {
    for body in
        ["true", "3", "[]", "null", r#""text""#, r#"{"servers": {"a": 1}, "keypair": [], "metadata": 1}"#]
    {
        let fake = FakeCloud::start(vec![
            ("GET /compute/v2.1/servers/detail", Script::ok(body)),
            ("POST /compute/v2.1/os-keypairs", Script::ok(body)),
            ("POST /compute/v2.1/servers/s/metadata", Script::ok(body)),
        ])
        .await;
        let cloud = connect(&fake.auth_url()).await.expect("log in");
        let list = cloud.servers().await;
        assert!(matches!(list, Err(Error::Parse { .. })), "{body}: {list:?}");
        let made = cloud.create_key_pair("k").await.map(|_| ());
        assert!(matches!(made, Err(Error::Parse { .. })), "{body}: {made:?}");
        let pairs = cloud.set_metadata("s", &std::collections::BTreeMap::new()).await;
        // What cannot be read is not "no metadata".
        assert!(matches!(pairs, Err(Error::Parse { .. })), "{body}: {pairs:?}");
    }
}

/// What a proxy says of the request is not said of user and password.
#[tokio::test]
async fn a_login_that_fails_for_another_reason_does_not_blame_the_password() {
    for status in [405, 409, 413, 418] {
        let refused = Script::status(status).body(r#"{"error": {"message": "not here", "code": 1}}"#);
        let fake = FakeCloud::start(vec![("POST /v3/auth/tokens", refused)]).await;
        let error = failing(connect(&fake.auth_url()).await).await;
        let said = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(said.contains(&status.to_string()) && !said.contains("password"), "{said}");
    }
}
