//! Every way to log in, against the lab's real keystone. What is made for it (a user with
//! a role in a project of its own, application credentials, a TOTP secret, a trust) goes
//! with the user at the end.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use smog::cloud::{Call, IsolatedProject, Options, Service};
use smog::config::{Credentials, Login, Secret, Settings, SmogFile};
use smog::wait::Wait;
use smog::{Cloud, Error, Result};

/// A user of its own, and the administrator who made it.
struct Bench {
    admin: Cloud,
    own: IsolatedProject,
}

impl Bench {
    async fn begin(test: &str) -> Bench {
        let admin = smog::connect().await.expect("the lab must be up: lab/up, then eval \"$(lab/env)\"");
        assert!(admin.lab().is_some(), "this is not a lab of smog's");
        let own = admin
            .isolated_project(&format!("t-login-{}-{test}", std::process::id()))
            .await
            .expect("a project");
        Bench { admin, own }
    }

    async fn end(self) {
        let wait = Wait::up_to(Duration::from_secs(60));
        self.admin.remove_isolated_project(&self.own, wait).await.expect("removed");
    }

    fn credentials(&self) -> Credentials {
        self.own.credentials.clone()
    }

    fn with(&self, login: Login) -> Credentials {
        Credentials { login, ..self.credentials() }
    }

    fn unscoped(&self, login: Login) -> Credentials {
        let mut credentials = self.with(login);
        (credentials.project_id, credentials.project_name) = (None, None);
        (credentials.project_domain_id, credentials.project_domain_name) = (None, None);
        credentials
    }
}

async fn log_in(credentials: Credentials) -> Result<Cloud> {
    log_in_keeping(credentials, None).await
}

async fn log_in_keeping(credentials: Credentials, cache_dir: Option<&Path>) -> Result<Cloud> {
    let settings = Settings {
        credentials,
        file: SmogFile::default(),
        cache_dir: cache_dir.map(Into::into),
        notices: vec![],
    };
    Cloud::connect(&settings, Options::default()).await
}

async fn works(credentials: Credentials) -> Cloud {
    let cloud = log_in(credentials).await.expect("logged in");
    cloud.servers().await.expect("Nova takes the token");
    cloud
}

async fn refused(credentials: Credentials) -> String {
    let why = log_in(credentials).await.expect_err("refused");
    assert!(matches!(why, Error::Auth { .. }), "{why:?}");
    format!("{why} {:?}", why.hint())
}

async fn post(cloud: &Cloud, path: String, body: Value) -> Value {
    cloud.call(Call::post(Service::Identity, path, body)).await.expect("made").body
}

#[tokio::test]
async fn application_credentials_by_id_and_by_name() {
    let bench = Bench::begin("app").await;
    let user = works(bench.credentials()).await;
    let path = format!("/users/{}/application_credentials", bench.own.user.id);
    let made =
        post(&user, path, json!({"application_credential": {"name": "ci", "secret": "s3cret-of-ci"}})).await;
    let id = made["application_credential"]["id"].as_str().expect("an id").to_string();
    let app = |id: Option<&str>, secret: &str| Login::ApplicationCredential {
        id: id.map(Into::into),
        name: Some("ci".into()),
        username: Some(bench.own.user.name.clone()),
        user_id: None,
        secret: Secret::new(secret),
    };
    // The project beside it must not be asked for: the credential has its own.
    let by_id = works(bench.with(app(Some(&id), "s3cret-of-ci"))).await;
    assert_eq!(by_id.own_project_id().as_deref(), Some(bench.own.project.id.as_str()));
    works(bench.with(app(None, "s3cret-of-ci"))).await;
    let text = refused(bench.with(app(Some(&id), "another"))).await;
    assert!(text.contains("application credential `ci`") && !text.contains("another"), "{text}");
    bench.end().await;
}

#[tokio::test]
async fn tokens_scopes_and_none() {
    let bench = Bench::begin("scope").await;
    let password = || bench.credentials().login;
    // Unscoped: keystone only, and the projects there are are named.
    let none = log_in(bench.unscoped(password())).await.expect("logged in");
    if none.own_project_id().is_none() {
        let why = none.servers().await.expect_err("no project");
        let hint = why.hint().unwrap_or_default();
        assert!(hint.contains(&bench.own.project.name), "{why} {hint}");
    }
    // A token, as it is and with a scope.
    let issue = Call::post(
        Service::Identity,
        "/auth/tokens",
        json!({"auth": {"identity": {"methods": ["password"], "password": {"user": {
            "id": bench.own.user.id, "password": match password() {
                Login::Password { password, .. } => password.reveal().to_string(),
                _ => String::new(),
            }}}}, "scope": {"project": {"id": bench.own.project.id}}}}),
    );
    let raw = raw_token(&bench.credentials().auth_url, issue.body.as_ref().expect("a body"));
    let as_it_is = works(bench.unscoped(Login::Token(Secret::new(raw.clone())))).await;
    assert_eq!(as_it_is.own_project_id().as_deref(), Some(bench.own.project.id.as_str()));
    works(bench.with(Login::Token(Secret::new(raw)))).await;
    let text = refused(bench.with(Login::Token(Secret::new("gAAAAnonsense")))).await;
    assert!(text.contains("does not accept the given token"), "{text}");
    // System and domain.
    let text = refused(Credentials { system_scope: Some("all".into()), ..bench.unscoped(password()) }).await;
    assert!(text.contains("for the whole system"), "{text}");
    let role = bench.admin.role("member").await.expect("a role").id;
    for path in [
        format!("/system/users/{}/roles/{role}", bench.own.user.id),
        format!("/domains/default/users/{}/roles/{role}", bench.own.user.id),
    ] {
        let mut call = Call::put(Service::Identity, path, Value::Null);
        call.body = None;
        bench.admin.call(call).await.expect("granted");
    }
    let system = Credentials { system_scope: Some("all".into()), ..bench.unscoped(password()) };
    let system = log_in(system).await.expect("the system");
    assert_eq!(system.own_project_id(), None);
    assert!(!system.service_types().await.expect("a catalog").is_empty());
    let domain = Credentials { domain_id: Some("default".into()), ..bench.unscoped(password()) };
    assert_eq!(log_in(domain).await.expect("the domain").own_project_id(), None);
    // A wrong project is told from a wrong password by its name.
    let text = refused(Credentials {
        project_id: None,
        project_name: Some("no-such-project".into()),
        ..bench.credentials()
    })
    .await;
    assert!(text.contains("project `no-such-project`"), "{text}");
    bench.end().await;
}

/// A token, as another tool would get it.
fn raw_token(auth_url: &str, body: &Value) -> String {
    let ran = std::process::Command::new("curl")
        .args(["-s", "-D", "-", "-o", "/dev/null", "-H", "Content-Type: application/json", "-d"])
        .arg(body.to_string())
        .arg(format!("{auth_url}/auth/tokens"))
        .output()
        .expect("curl");
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let line = text.lines().find(|line| line.to_lowercase().starts_with("x-subject-token:"));
    line.expect("a token").split_once(':').expect("a header").1.trim().to_string()
}

#[tokio::test]
async fn a_trust() {
    let bench = Bench::begin("trust").await;
    let trustor = works(bench.credentials()).await;
    let other = Bench::begin("trustee").await;
    let roles = bench.admin.role_assignments(Some(&bench.own.project.id)).await.expect("roles");
    let role = roles.iter().find(|role| role.who == bench.own.user.name).expect("a role").role.clone();
    let made = post(
        &trustor,
        "/OS-TRUST/trusts".into(),
        json!({"trust": {
            "impersonation": false,
            "project_id": bench.own.project.id,
            "roles": [{"name": role}],
            "trustor_user_id": bench.own.user.id,
            "trustee_user_id": other.own.user.id,
        }}),
    )
    .await;
    let trust = made["trust"]["id"].as_str().expect("an id").to_string();
    let with = |trust: &str| Credentials {
        trust_id: Some(trust.into()),
        ..other.unscoped(other.credentials().login)
    };
    let delegated = works(with(&trust)).await;
    assert_eq!(delegated.own_project_id().as_deref(), Some(bench.own.project.id.as_str()));
    let text = refused(with("nosuch")).await;
    assert!(text.contains("trust `nosuch`"), "{text}");
    other.end().await;
    bench.end().await;
}

#[tokio::test]
async fn a_passcode_and_several_factors() {
    let bench = Bench::begin("totp").await;
    let id = bench.own.user.id.clone();
    let key = b"12345678901234567890";
    let blob = base32(key);
    post(
        &bench.admin,
        "/credentials".into(),
        json!({"credential": {"type": "totp", "blob": blob, "user_id": id}}),
    )
    .await;
    let totp =
        || Login::Totp { username: None, user_id: Some(id.clone()), passcode: Secret::new(passcode(key)) };
    let dir = tempfile::tempdir().expect("a folder");
    let login = match log_in(bench.with(totp())).await {
        Ok(_) => totp(),
        // Keystone's default methods leave TOTP out where [auth]methods does not name it.
        Err(why) => panic!("this keystone takes no TOTP: {why}"),
    };
    let kept = log_in_keeping(bench.with(login.clone()), Some(dir.path())).await.expect("a passcode");
    kept.servers().await.expect("Nova takes the token");
    let text = refused(bench.with(Login::Totp {
        username: None,
        user_id: Some(id.clone()),
        passcode: Secret::new("000000"),
    }))
    .await;
    assert!(text.contains("with the given passcode") && !text.contains("000000"), "{text}");

    let rules = json!({"user": {"options": {
        "multi_factor_auth_enabled": true, "multi_factor_auth_rules": [["password", "totp"]],
    }}});
    bench.admin.call(Call::patch(Service::Identity, format!("/users/{id}"), rules)).await.expect("rules");
    let text = refused(bench.credentials()).await;
    assert!(text.contains("wants more than the password") && text.contains("password and totp"), "{text}");
    works(bench.with(Login::MultiFactor(vec![bench.credentials().login, totp()]))).await;
    bench.end().await;
}

#[tokio::test]
async fn a_kept_token_that_was_revoked_is_renewed_unseen() {
    let bench = Bench::begin("kept").await;
    let dir = tempfile::tempdir().expect("a folder");
    // Nova must not have seen it: its middleware remembers for minutes that a token is good.
    log_in_keeping(bench.credentials(), Some(dir.path())).await.expect("logged in");
    let folder = dir.path().join("smog/tokens");
    let file = std::fs::read_dir(folder).expect("a folder").next().expect("a file").expect("an entry").path();
    let kept: Value = serde_json::from_slice(&std::fs::read(file).expect("kept")).expect("JSON");
    let token = kept["token"].as_str().expect("a token");
    let ran = std::process::Command::new("curl")
        .args(["-s", "-X", "DELETE", "-w", "%{http_code}", "-H", &format!("X-Auth-Token: {token}")])
        .args(["-H", &format!("X-Subject-Token: {token}")])
        .arg(format!("{}/auth/tokens", bench.credentials().auth_url))
        .output()
        .expect("curl");
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "204");
    let calls = Arc::new(Mutex::new(vec![]));
    let heard = calls.clone();
    let settings = Settings {
        credentials: bench.credentials(),
        file: SmogFile::default(),
        cache_dir: Some(dir.path().into()),
        notices: vec![],
    };
    let on_call = Arc::new(move |call: &smog::cloud::CallRecord| {
        heard.lock().expect("calls").push(format!("{} {} {:?}", call.method, call.path, call.status));
    });
    let cloud = Cloud::connect(&settings, Options { on_call: Some(on_call), ..Options::default() }).await;
    cloud.expect("the kept token").servers().await.expect("renewed unseen");
    let calls = calls.lock().expect("calls").clone();
    assert!(calls.iter().any(|call| call == "POST /auth/tokens Some(201)"), "{calls:#?}");
    bench.end().await;
}

/// RFC 6238 with SHA-1, six digits and half a minute, by `openssl`.
fn passcode(key: &[u8]) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let counter = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(counter.path(), (now / 30).to_be_bytes()).expect("written");
    let ran = std::process::Command::new("openssl")
        .args(["dgst", "-sha1", "-mac", "HMAC", "-binary", "-macopt"])
        .arg(format!("hexkey:{}", hex(key)))
        .arg(counter.path())
        .output()
        .expect("openssl");
    let digest = ran.stdout;
    assert_eq!(digest.len(), 20, "{}", String::from_utf8_lossy(&ran.stderr));
    let at = usize::from(digest[19] & 15);
    let number =
        u32::from_be_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]]) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    bits.chunks(5)
        .map(|five| {
            let value = five.iter().fold(0, |value, bit| value << 1 | bit) << (5 - five.len());
            char::from(LETTERS[usize::from(value)])
        })
        .collect()
}
