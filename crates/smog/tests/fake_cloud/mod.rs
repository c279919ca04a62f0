//! A cloud of scripted answers on loopback, one connection per request. It can do
//! what HTTP mocking libraries cannot: hang up in mid-request.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smog::Result;
use smog::cloud::{Cloud, Options};
use smog::config::{Credentials, Surroundings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One answer.
#[derive(Debug, Clone)]
pub struct Script {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    hang_up: bool,
    endless: bool,
    delay: Duration,
}

pub const PASSWORD: &str = "4b6b6e5db1054988";

/// Log in as an administrator.
pub async fn connect(auth_url: &str) -> Result<Cloud> {
    connect_with(auth_url, &[]).await
}

/// Log in with more `OS_*` variables.
pub async fn connect_with(auth_url: &str, more: &[(&str, &str)]) -> Result<Cloud> {
    let variables = [
        ("OS_AUTH_URL", auth_url),
        ("OS_USERNAME", "admin"),
        ("OS_PASSWORD", PASSWORD),
        ("OS_PROJECT_NAME", "admin"),
    ];
    let variables = variables.iter().chain(more);
    let surroundings = Surroundings {
        variables: variables.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        current_dir: std::env::temp_dir().join("smog-no-such-folder"),
        ..Surroundings::default()
    };
    let settings = surroundings.settings()?;
    Cloud::connect(&settings, Options { no_token_cache: true, ..Options::default() }).await
}

/// Log in with changed credentials, and keep what smog notices.
pub async fn connect_as(
    auth_url: &str,
    cache: Option<&std::path::Path>,
    refresh_login: bool,
    change: impl FnOnce(&mut Credentials),
) -> (Result<Cloud>, Arc<Mutex<Vec<String>>>) {
    let variables = [
        ("OS_AUTH_URL", auth_url),
        ("OS_USERNAME", "admin"),
        ("OS_PASSWORD", PASSWORD),
        ("OS_PROJECT_NAME", "admin"),
    ];
    let surroundings = Surroundings {
        variables: variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        current_dir: std::env::temp_dir().join("smog-no-such-folder"),
        cache_dir: cache.map(Into::into),
        ..Surroundings::default()
    };
    let mut settings = surroundings.settings().expect("settings");
    change(&mut settings.credentials);
    let notices = Arc::new(Mutex::new(vec![]));
    let keep = notices.clone();
    let options = Options {
        on_notice: Some(Arc::new(move |notice: &str| keep.lock().expect("notices").push(notice.to_string()))),
        refresh_login,
        ..Options::default()
    };
    (Cloud::connect(&settings, options).await, notices)
}

impl Script {
    pub fn status(status: u16) -> Script {
        Script {
            status,
            headers: vec![],
            body: vec![],
            hang_up: false,
            endless: false,
            delay: Duration::ZERO,
        }
    }

    pub fn ok(body: &str) -> Script {
        Script::status(200).body(body)
    }

    /// Close the connection instead of answering.
    pub fn hang_up() -> Script {
        Script { hang_up: true, ..Script::status(0) }
    }

    /// A body that never ends.
    pub fn endless() -> Script {
        Script { endless: true, ..Script::ok("[") }
    }

    /// A body of bytes.
    pub fn bytes(mut self, body: Vec<u8>) -> Script {
        self.body = body;
        self
    }

    /// Answer only after so long.
    pub fn after(mut self, delay: Duration) -> Script {
        self.delay = delay;
        self
    }

    pub fn body(mut self, body: &str) -> Script {
        self.body = body.as_bytes().to_vec();
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Script {
        self.headers.push((name.into(), value.into()));
        self
    }
}

pub struct FakeCloud {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

struct State {
    port: u16,
    nova: String,
    script: Mutex<VecDeque<(String, Script)>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakeCloud {
    pub async fn start(script: Vec<(&str, Script)>) -> FakeCloud {
        FakeCloud::start_with_nova("2.96", script).await
    }

    /// With this newest compute microversion.
    pub async fn start_with_nova(nova: &str, script: Vec<(&str, Script)>) -> FakeCloud {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let asked = Arc::new(Mutex::new(vec![]));
        let script = script.into_iter().map(|(to, answer)| (to.to_string(), answer)).collect();
        let state =
            Arc::new(State { port, nova: nova.into(), script: Mutex::new(script), asked: asked.clone() });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, state.clone()));
            }
        });
        FakeCloud { port, asked }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn auth_url(&self) -> String {
        format!("{}/v3", self.url())
    }

    /// Every request's head, lower case but for its first line.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("asked").clone()
    }

    pub fn asked_like(&self, beginning: &str) -> Vec<String> {
        self.asked().into_iter().filter(|head| head.starts_with(beginning)).collect()
    }

    pub fn count(&self, beginning: &str) -> usize {
        self.asked_like(beginning).len()
    }
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    let Some(head) = read_request(&mut stream).await else { return };
    state.asked.lock().expect("asked").push(head.clone());
    let answer = state.answer(&head);
    if answer.hang_up {
        return;
    }
    tokio::time::sleep(answer.delay).await;
    let length =
        if answer.endless { String::new() } else { format!("Content-Length: {}\r\n", answer.body.len()) };
    let mut text = format!("HTTP/1.1 {} X\r\nConnection: close\r\n{length}", answer.status);
    if !answer.headers.iter().any(|(name, _)| name == "Content-Type") {
        text.push_str("Content-Type: application/json\r\n");
    }
    for (name, value) in &answer.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let _ = stream.write_all(format!("{text}\r\n").as_bytes()).await;
    let _ = stream.write_all(&answer.body).await;
    let more = [b' '; 1 << 16];
    while answer.endless && stream.write_all(&more).await.is_ok() {}
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut seen = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).await.ok()?;
        if count == 0 {
            return None;
        }
        seen.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let (first, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let headers = headers.to_lowercase();
        let length =
            headers.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        if body.len() >= length {
            return Some(format!("{first}\n{headers}"));
        }
    }
}

impl State {
    fn answer(&self, head: &str) -> Script {
        let mut script = self.script.lock().expect("script");
        if let Some(at) = script.iter().position(|(to, _)| is_for(head, to)) {
            return script.remove(at).expect("it is there").1;
        }
        let root = format!("http://127.0.0.1:{}", self.port);
        match head {
            head if is_for(head, "POST /v3/auth/tokens") => {
                let token = format!("token-{}", self.asked.lock().expect("asked").len());
                Script::status(201).header("X-Subject-Token", &token).body(&token_body(&root))
            }
            head if is_for(head, "GET /v3/") || is_for(head, "GET /v3") => Script::ok(&format!(
                r#"{{"version": {{"id": "v3.14", "status": "stable", "links": [{{"rel": "self", "href": "{root}/v3/"}}]}}}}"#
            )),
            head if is_for(head, "GET /compute/v2.1/") => Script::ok(&format!(
                r#"{{"version": {{"id": "v2.1", "status": "CURRENT", "version": "{}", "min_version": "2.1"}}}}"#,
                self.nova
            )),
            _ => Script::status(404).body("<html>nothing here</html>"),
        }
    }
}

/// The method and the whole path, without the query.
fn is_for(head: &str, to: &str) -> bool {
    head.strip_prefix(to).is_some_and(|rest| rest.starts_with([' ', '?']))
}

pub fn token_body(root: &str) -> String {
    let endpoint = |kind: &str, path: &str| {
        serde_json::json!({"type": kind, "name": kind, "id": kind, "endpoints": [
            {"id": kind, "interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": format!("{root}{path}")}
        ]})
    };
    serde_json::json!({"token": {
        "methods": ["password"],
        "user": {"domain": {"id": "default", "name": "Default"}, "id": "u", "name": "admin", "password_expires_at": null},
        "audit_ids": ["a"],
        "expires_at": "2099-01-01T00:00:00.000000Z",
        "issued_at": "2026-01-01T00:00:00.000000Z",
        "project": {"domain": {"id": "default", "name": "Default"}, "id": "p", "name": "admin"},
        "is_domain": false,
        "roles": [{"id": "r", "name": "admin"}],
        "catalog": [endpoint("compute", "/compute/v2.1"), endpoint("image", "/image"), endpoint("network", "/network")],
    }})
    .to_string()
}
