//! The wire against a scripted cloud on loopback: redirects, limits, kept tokens, moved
//! endpoints, regions, and what keystone refuses. The answers' forms are those of smog's
//! lab (Epoxy) and of keystone's API reference.

mod fake_cloud;

use std::io::Write;

use fake_cloud::{FakeCloud, PASSWORD, Script, connect, connect_as, token_body};
use smog::Error;
use smog::cloud::{Call, Cloud, ImageSource, Service};
use smog::config::{Login, Secret};

const EMPTY: &str = r#"{"servers": []}"#;

fn list() -> Call {
    Call::get(Service::Compute, "/servers/detail")
}

async fn refused(cloud: &Cloud, call: Call) -> Error {
    cloud.call(call).await.expect_err("this call must fail")
}

/// A port at which nobody listens.
fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("its address").port()
}

fn token_of(head: &str) -> Option<&str> {
    head.lines().find_map(|line| line.strip_prefix("x-auth-token: "))
}

#[tokio::test]
async fn a_redirect_of_the_same_origin_keeps_method_body_and_token() {
    for status in [301, 302, 307, 308] {
        let fake = FakeCloud::start(vec![
            ("POST /compute/v2.1/flavors", Script::status(status).header("Location", "/moved/flavors")),
            ("POST /moved/flavors", Script::ok(r#"{"flavor": {}}"#)),
        ])
        .await;
        let cloud = connect(&fake.auth_url()).await.expect("log in");
        let call = Call::post(Service::Compute, "/flavors", serde_json::json!({"flavor": {"name": "f"}}));
        cloud.call(call).await.expect("made where it points");
        let asked = fake.asked_like("POST /moved/flavors");
        assert!(asked.len() == 1 && asked[0].contains("content-length: 23"), "{status}: {asked:#?}");
        assert!(token_of(&asked[0]).is_some(), "{status}: {asked:#?}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_origin_gets_no_token() {
    let other = FakeCloud::start(vec![]).await;
    let fake = FakeCloud::start(vec![
        (
            "GET /compute/v2.1/servers/detail",
            Script::status(302).header("Location", &format!("{}/x", other.url())),
        ),
        (
            "PUT /image/v2/images/i/file",
            Script::status(307).header("Location", &format!("{}/x", other.url())),
        ),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let why = refused(&cloud, list()).await;
    let text = format!("{why} {:?}", why.hint());
    assert!(matches!(why, Error::Untrusted { .. }), "{text}");
    assert!(text.contains(&other.url()) && text.contains("OS_COMPUTE_ENDPOINT_OVERRIDE"), "{text}");
    assert_eq!(other.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn a_login_that_is_redirected_elsewhere_sends_no_password() {
    let other = FakeCloud::start(vec![]).await;
    let to = format!("{}/v3/auth/tokens", other.url());
    let fake =
        FakeCloud::start(vec![("POST /v3/auth/tokens", Script::status(307).header("Location", &to))]).await;
    let why = connect(&fake.auth_url()).await.expect_err("elsewhere");
    assert!(why.hint().is_some_and(|hint| hint.contains("OS_AUTH_URL")), "{why:?}");
    assert_eq!(other.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let script = (0..20)
        .map(|_| {
            (
                "GET /compute/v2.1/servers/detail",
                Script::status(301).header("Location", "/compute/v2.1/servers/detail"),
            )
        })
        .collect();
    let fake = FakeCloud::start(script).await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let why = refused(&cloud, list()).await;
    assert!(why.to_string().contains("more than 5 times"), "{why}");
}

#[tokio::test]
async fn an_image_is_fetched_from_where_its_url_points() {
    let folder = tempfile::tempdir().expect("a folder");
    let mirror = FakeCloud::start(vec![("GET /cirros.img", Script::ok("twelve bytes"))]).await;
    let to = format!("{}/cirros.img", mirror.url());
    let fake = FakeCloud::start(vec![
        ("GET /a", Script::status(302).header("Location", &to)),
        ("GET /b", Script::status(302).header("Location", "file:///etc/passwd")),
    ])
    .await;
    let fetch = async |path: &str| {
        ImageSource::new(format!("{}{path}", fake.url()), folder.path().join("cache")).fetch(&|_| {}).await
    };
    let file = fetch("/a").await.expect("from the mirror");
    assert_eq!(std::fs::read_to_string(file).expect("the file"), "twelve bytes");
    let why = fetch("/b").await.expect_err("a local file");
    assert!(why.to_string().contains("smog does not follow"), "{why}");
}

fn gzip(repeated: &[u8], times: usize) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    (0..times).for_each(|_| to.write_all(repeated).expect("memory"));
    to.finish().expect("memory")
}

#[tokio::test]
async fn answers_have_a_limit_once_they_are_unpacked() {
    let blank = vec![b' '; 1 << 20];
    let list_at = "GET /compute/v2.1/servers/detail";
    let fake = FakeCloud::start(vec![
        (list_at, Script::ok("").bytes(gzip(EMPTY.as_bytes(), 1)).header("Content-Encoding", "gzip")),
        (list_at, Script::ok("").bytes(gzip(&blank, 300)).header("Content-Encoding", "gzip")),
        (list_at, Script::endless()),
        (list_at, Script::ok(&format!("[{}0]", "0,".repeat(9 << 20)))),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    cloud.call(list()).await.expect("compressed, but of a sane size");
    for _ in 0..2 {
        let why = refused(&cloud, list()).await;
        assert!(matches!(why, Error::Parse { .. }), "{why:?}");
        assert!(
            why.to_string().contains("more than 64 MiB") && why.to_string().contains(&fake.url()),
            "{why}"
        );
    }
    let why = refused(&cloud, list()).await;
    assert!(why.to_string().contains("million values"), "{why}");
}

#[tokio::test]
async fn the_reason_of_a_refusal_is_cut() {
    let page = format!("{{\"error\": {{\"message\": \"{}\"}}}}", "x".repeat(500_000));
    let fake =
        FakeCloud::start(vec![("GET /compute/v2.1/servers/detail", Script::status(400).body(&page))]).await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    let text = refused(&cloud, list()).await.to_string();
    assert!(text.len() < 1000 && text.contains("bytes in all"), "{text}");
}

#[tokio::test]
async fn a_web_page_at_nova_s_url_is_named_with_its_url() {
    let page = "<html><head><title>Horizon</title></head></html>";
    for status in [200, 404] {
        let fake = FakeCloud::start(vec![(
            "GET /compute/v2.1/",
            Script::status(status).header("Content-Type", "text/html").body(page),
        )])
        .await;
        let cloud = connect(&fake.auth_url()).await.expect("log in");
        let why = cloud.servers().await.expect_err("a page");
        let text = format!("{why} {:?}", why.hint());
        assert!(text.contains(&format!("{}/compute/v2.1/", fake.url())), "{text}");
        assert!(text.contains("web page (\"Horizon\")") && text.contains("catalog"), "{text}");
    }
}

#[tokio::test]
async fn waits_are_obeyed_announced_and_refused_with_the_number() {
    let list_at = "GET /compute/v2.1/servers/detail";
    let fake = FakeCloud::start(vec![
        (
            list_at,
            Script::status(429)
                .header("Date", "Sun, 06 Nov 1994 08:49:33 GMT")
                .header("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ),
        (list_at, Script::ok(EMPTY)),
        (list_at, Script::status(429).header("Retry-After", "3600")),
        (list_at, Script::status(413)),
        (list_at, Script::status(413).header("Retry-After", "0")),
        (list_at, Script::ok(EMPTY)),
    ])
    .await;
    let (cloud, notices) = connect_as(&fake.auth_url(), None, false, |_| {}).await;
    let cloud = cloud.expect("log in");
    let begun = std::time::Instant::now();
    cloud.call(list()).await.expect("after four seconds");
    assert!((4..8).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    let said = notices.lock().expect("notices").join("\n");
    assert!(said.contains("asks to wait 4 s"), "{said}");
    let why = refused(&cloud, list()).await;
    assert!(why.to_string().contains("asks to wait 3600 s"), "{why}");
    // Nobody waited here, and nobody says so.
    let why = refused(&cloud, list()).await;
    let text = format!("{why} {:?}", why.hint());
    assert!(text.contains("413") && !text.contains("waited"), "{text}");
    cloud.call(list()).await.expect("an old rate limit");
    assert_eq!(fake.count(list_at), 6);
}

#[tokio::test]
async fn a_token_is_kept_and_dropped_when_nova_refuses_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let list_at = "GET /compute/v2.1/servers/detail";
    let fake = FakeCloud::start(vec![(list_at, Script::ok(EMPTY)), (list_at, Script::ok(EMPTY))]).await;
    for _ in 0..2 {
        let (cloud, notices) = connect_as(&fake.auth_url(), Some(dir.path()), false, |_| {}).await;
        cloud.expect("log in").call(list()).await.expect("a list");
        assert_eq!(*notices.lock().expect("notices"), Vec::<String>::new());
    }
    let logins = "POST /v3/auth/tokens";
    assert_eq!(fake.count(logins), 1, "the second command uses the kept token");
    let (cloud, _) = connect_as(&fake.auth_url(), Some(dir.path()), true, |_| {}).await;
    cloud.expect("log in");
    assert_eq!(fake.count(logins), 2, "asked for a new one");
    let (cloud, _) =
        connect_as(&fake.auth_url(), Some(dir.path()), false, |c| c.project_name = Some("other".into()))
            .await;
    cloud.expect("log in");
    assert_eq!(fake.count(logins), 3, "another project is another token");
}

#[tokio::test]
async fn an_endpoint_that_moved_is_found_by_asking_keystone_once_more() {
    let dir = tempfile::tempdir().expect("a folder");
    let gone = format!("http://127.0.0.1:{}", free_port());
    let old = || Script::status(201).header("X-Subject-Token", "old").body(&token_body(&gone));
    let logins = "POST /v3/auth/tokens";
    let list_at = "GET /compute/v2.1/servers/detail";
    let fake = FakeCloud::start(vec![(logins, old()), (list_at, Script::ok(EMPTY))]).await;
    let connect = async || {
        let (cloud, _) = connect_as(&fake.auth_url(), Some(dir.path()), false, |_| {}).await;
        cloud.expect("log in")
    };
    // The catalog of just now is not asked for again.
    let why = refused(&connect().await, list()).await;
    assert!(matches!(&why, Error::Unreachable { .. }), "{why:?}");
    assert!(why.hint().is_some_and(|hint| hint.contains("keystone's catalog")), "{why:?}");
    assert_eq!(fake.count(logins), 1);
    // The kept one is.
    connect().await.call(list()).await.expect("at the new place");
    assert_eq!(fake.count(logins), 2);
}

#[tokio::test]
async fn what_is_down_and_did_not_move_is_asked_for_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let gone = format!("http://127.0.0.1:{}", free_port());
    let down = || Script::status(201).header("X-Subject-Token", "t").body(&token_body(&gone));
    let logins = "POST /v3/auth/tokens";
    let fake = FakeCloud::start(vec![(logins, down()), (logins, down()), (logins, down())]).await;
    for _ in 0..2 {
        let (cloud, _) = connect_as(&fake.auth_url(), Some(dir.path()), false, |_| {}).await;
        let why = refused(&cloud.expect("log in"), list()).await;
        assert!(matches!(&why, Error::Unreachable { .. }), "{why:?}");
    }
    assert_eq!(fake.count(logins), 2);
}

#[tokio::test]
async fn a_token_that_was_given_is_not_renewed() {
    let root = FakeCloud::start(vec![]).await.url();
    let fake = FakeCloud::start(vec![
        ("GET /v3/auth/tokens", Script::ok(&token_body(&root)).header("X-Subject-Token", "given")),
        (
            "GET /v3/auth/tokens",
            Script::status(404).body(r#"{"error": {"message": "Could not find token."}}"#),
        ),
        ("GET /compute/v2.1/servers/detail", Script::status(401)),
    ])
    .await;
    let given = |credentials: &mut smog::config::Credentials| {
        credentials.login = Login::Token(Secret::new("given"));
        credentials.project_name = None;
        credentials.endpoint_overrides.insert("compute".into(), format!("{}/compute/v2.1", fake.url()));
    };
    let (cloud, _) = connect_as(&fake.auth_url(), None, false, given).await;
    let cloud = cloud.expect("the token as it is");
    let head = fake.asked_like("GET /v3/auth/tokens");
    assert!(
        head[0].contains("x-auth-token: given") && head[0].contains("x-subject-token: given"),
        "{head:?}"
    );
    assert_eq!(cloud.own_project_id().as_deref(), Some("p"));
    let why = refused(&cloud, list()).await;
    assert!(why.to_string().contains("the given token is no longer accepted"), "{why}");
    let (late, _) = connect_as(&fake.auth_url(), None, false, given).await;
    let why = late.expect_err("no such token");
    assert!(matches!(&why, Error::Auth { .. }) && why.to_string().contains("the given token"), "{why:?}");
}

#[tokio::test]
async fn a_spent_passcode_is_said_and_not_sent_twice() {
    let list_at = "GET /compute/v2.1/servers/detail";
    let fake = FakeCloud::start(vec![(list_at, Script::status(401))]).await;
    let (cloud, _) = connect_as(&fake.auth_url(), None, false, |credentials| {
        credentials.login =
            Login::Totp { username: Some("admin".into()), user_id: None, passcode: Secret::new("123456") };
    })
    .await;
    let why = refused(&cloud.expect("log in"), list()).await;
    assert!(why.to_string().contains("one-time passcode is spent"), "{why}");
    assert_eq!(fake.count("POST /v3/auth/tokens"), 1);
}

#[tokio::test]
async fn keystone_s_own_reason_is_told() {
    let login = "POST /v3/auth/tokens";
    let said = async |script: Script| {
        let fake = FakeCloud::start(vec![(login, script)]).await;
        let why = connect(&fake.auth_url()).await.expect_err("refused");
        let text = format!("{why} {:?}", why.hint());
        assert!(matches!(why, Error::Auth { .. }) && !text.contains(PASSWORD), "{text}");
        text
    };
    let locked = r#"{"error": {"code": 401, "message": "The account is locked for user: u.", "title": "Unauthorized"}}"#;
    let text = said(Script::status(401).body(locked)).await;
    assert!(text.contains("with the given password, for project `admin`: The account is locked"), "{text}");
    let receipt =
        r#"{"receipt": {"methods": ["password"]}, "required_auth_methods": [["password", "totp"]]}"#;
    let text = said(Script::status(401).body(receipt)).await;
    assert!(text.contains("wants more than the password") && text.contains("password and totp"), "{text}");
    let missing = r#"{"error": {"code": 404, "message": "Could not find trust: t.", "title": "Not Found"}}"#;
    let text = said(Script::status(404).body(missing)).await;
    assert!(text.contains("does not log in user `admin`") && text.contains("Could not find trust"), "{text}");
}

#[tokio::test]
async fn credentials_without_a_project_name_those_there_are() {
    let unscoped = r#"{"token": {"methods": ["password"], "user": {"id": "u", "name": "admin"}, "expires_at": "2099-01-01T00:00:00.000000Z"}}"#;
    let fake = FakeCloud::start(vec![
        ("POST /v3/auth/tokens", Script::status(201).header("X-Subject-Token", "t").body(unscoped)),
        (
            "GET /v3/auth/projects",
            Script::ok(r#"{"projects": [{"id": "1", "name": "demo"}, {"id": "2", "name": "ops"}]}"#),
        ),
    ])
    .await;
    let (cloud, _) = connect_as(&fake.auth_url(), None, false, |c| c.project_name = None).await;
    let why = refused(&cloud.expect("log in"), list()).await;
    assert!(why.hint().is_some_and(|hint| hint.contains("`demo`, `ops`")), "{why:?}");
    assert!(why.to_string().contains("name no project"), "{why}");
}

fn two_regions(root: &str) -> Script {
    let mut body: serde_json::Value = serde_json::from_str(&token_body(root)).expect("JSON");
    for service in body["token"]["catalog"].as_array_mut().expect("a catalog") {
        let mut other = service["endpoints"][0].clone();
        other["region"] = "RegionTwo".into();
        other["region_id"] = "RegionTwo".into();
        service["endpoints"].as_array_mut().expect("endpoints").push(other);
    }
    Script::status(201).header("X-Subject-Token", "t").body(&body.to_string())
}

#[tokio::test]
async fn regions_are_chosen_aloud_and_wrong_ones_refused_with_the_right() {
    let other = FakeCloud::start(vec![("GET /compute/v2.1/servers/detail", Script::ok(EMPTY))]).await;
    let logins = "POST /v3/auth/tokens";
    let fake =
        FakeCloud::start(vec![(logins, two_regions(&other.url())), (logins, two_regions(&other.url()))])
            .await;
    let (cloud, notices) = connect_as(&fake.auth_url(), None, false, |_| {}).await;
    cloud.expect("log in").call(list()).await.expect("in the first region");
    let said = notices.lock().expect("notices").join("\n");
    assert!(said.contains("RegionOne, RegionTwo") && said.contains("RegionOne is used"), "{said}");
    let (cloud, notices) =
        connect_as(&fake.auth_url(), None, false, |c| c.region = Some("regiontwo".into())).await;
    let why = refused(&cloud.expect("log in"), list()).await;
    assert!(why.to_string().contains("its regions are RegionOne, RegionTwo"), "{why}");
    assert_eq!(*notices.lock().expect("notices"), Vec::<String>::new());
}

#[tokio::test]
async fn an_override_takes_the_place_of_the_catalog() {
    let other = FakeCloud::start(vec![("GET /nova/p/v2.1/servers/detail", Script::ok(EMPTY))]).await;
    let fake = FakeCloud::start(vec![]).await;
    let url = format!("{}/nova/%(project_id)s", other.url());
    let (cloud, _) = connect_as(&fake.auth_url(), None, false, |c| {
        c.endpoint_overrides.insert("compute".into(), url);
    })
    .await;
    cloud.expect("log in").call(list()).await.expect("at the override");
}

#[tokio::test]
async fn a_member_sees_their_own_projects_and_what_they_lack() {
    let forbidden = r#"{"error": {"code": 403, "message": "You are not authorized to perform the requested action: identity:list_projects.", "title": "Forbidden"}}"#;
    let policy = r#"{"forbidden": {"code": 403, "message": "Policy doesn't allow os_compute_api:os-services:list to be performed."}}"#;
    let ports = r#"{"forbidden": {"code": 403, "message": "Maximum number of ports exceeded"}}"#;
    let fake = FakeCloud::start(vec![
        ("GET /v3/projects", Script::status(403).body(forbidden)),
        ("GET /v3/auth/projects", Script::ok(r#"{"projects": [{"id": "1", "name": "demo", "enabled": true, "domain_id": "default", "links": {}}]}"#)),
        ("GET /compute/v2.1/os-services", Script::status(403).body(policy)),
        ("GET /compute/v2.1/servers/detail", Script::status(403).body(ports)),
    ])
    .await;
    let cloud = connect(&fake.auth_url()).await.expect("log in");
    assert_eq!(cloud.project("demo").await.expect("their own").id, "1");
    let why = refused(&cloud, Call::get(Service::Compute, "/os-services")).await;
    assert!(
        why.to_string().contains("os-services:list")
            && why.to_string().contains("the roles of `admin` in project `admin`: admin"),
        "{why}"
    );
    let why = refused(&cloud, list()).await;
    assert!(
        why.hint().is_some_and(|hint| hint.contains("quota")) && !why.to_string().contains("roles"),
        "{why:?}"
    );
}
