//! The scripted cloud: HTTP on loopback, one connection per request.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{Recording, Script};

/// A cloud that answers from a script; what is asked without one is answered from a recording,
/// else with 404. A log-in always succeeds, unless the script says otherwise.
#[derive(Debug)]
pub struct FakeCloud {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

struct State {
    port: u16,
    nova: String,
    script: Mutex<VecDeque<(String, Script)>>,
    recording: Recording,
    /// What everything but the log-in and the versions is answered with, if anything.
    refusal: Option<Script>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakeCloud {
    /// Answers from this script: a method and a path without its query, and the answer, which is
    /// given once. Several answers for the same question are given in their order.
    pub async fn start(script: Vec<(&str, Script)>) -> FakeCloud {
        FakeCloud::start_with_nova("2.96", script).await
    }

    /// With this newest compute microversion.
    pub async fn start_with_nova(nova: &str, script: Vec<(&str, Script)>) -> FakeCloud {
        FakeCloud::begin(nova, script, Recording::default(), None).await
    }

    /// Answers as recorded; with `refusal` everything but the log-in gets that answer.
    pub async fn recorded(recording: Recording, refusal: Option<Script>) -> FakeCloud {
        FakeCloud::begin("2.100", vec![], recording, refusal).await
    }

    async fn begin(
        nova: &str,
        script: Vec<(&str, Script)>,
        recording: Recording,
        refusal: Option<Script>,
    ) -> FakeCloud {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let asked = Arc::new(Mutex::new(vec![]));
        let script = script.into_iter().map(|(to, answer)| (to.to_string(), answer)).collect();
        let state = Arc::new(State {
            port,
            nova: nova.into(),
            script: Mutex::new(script),
            recording,
            refusal,
            asked: asked.clone(),
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, state.clone()));
            }
        });
        FakeCloud { port, asked }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its keystone.
    pub fn auth_url(&self) -> String {
        format!("{}/v3", self.url())
    }

    /// Every request's head, lower case but for its first line.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("asked").clone()
    }

    /// Those whose head begins so.
    pub fn asked_like(&self, beginning: &str) -> Vec<String> {
        self.asked().into_iter().filter(|head| head.starts_with(beginning)).collect()
    }

    /// How many of them there are.
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
            head if self.is_recorded(head)
                && (self.refusal.is_none() || is_for(head, "POST /v3/auth/tokens")) =>
            {
                self.recorded_answer(head, &root)
            }
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
            head => self.refusal.clone().unwrap_or_else(|| self.recorded_answer(head, &root)),
        }
    }
}

impl State {
    fn is_recorded(&self, head: &str) -> bool {
        question(head).is_some_and(|question| self.recording.api.contains_key(question))
    }

    fn recorded_answer(&self, head: &str, root: &str) -> Script {
        match question(head).and_then(|question| self.recording.api.get(question)) {
            Some(answer) => answer.script(root),
            None => Script::status(404).body("<html>nothing here</html>"),
        }
    }
}

/// The method and the path with its query.
fn question(head: &str) -> Option<&str> {
    head.lines().next()?.strip_suffix(" HTTP/1.1")
}

/// The method and the whole path, without the query.
fn is_for(head: &str, to: &str) -> bool {
    head.strip_prefix(to).is_some_and(|rest| rest.starts_with([' ', '?']))
}

/// The answer to a log-in: an administrator, and a catalog of all services at `root`.
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
