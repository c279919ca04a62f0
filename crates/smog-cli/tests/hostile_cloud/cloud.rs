//! A cloud that answers nonsense, of one kind at a time.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::good::good;

/// What the cloud answers to everything but the log-in and the documents of versions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Good,
    /// A web page with status 200.
    Page,
    Empty,
    Failed,
    CutShort,
    /// A list where an object should be.
    List,
    Huge,
    Nulls,
    Control,
    Endless,
}

pub const HOSTILE: &[Kind] = &[
    Kind::Page,
    Kind::Empty,
    Kind::Failed,
    Kind::CutShort,
    Kind::List,
    Kind::Huge,
    Kind::Nulls,
    Kind::Control,
    Kind::Endless,
];

pub struct Cloud {
    pub port: u16,
    pub asked: Arc<AtomicUsize>,
}

impl Cloud {
    pub fn new(kind: Kind) -> Cloud {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = count.clone();
                std::thread::spawn(move || serve(stream, port, kind, &count));
            }
        });
        Cloud { port, asked }
    }
}

fn serve(mut stream: TcpStream, port: u16, kind: Kind, asked: &AtomicUsize) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
    let (mut seen, mut chunk) = (vec![], [0; 8192]);
    loop {
        let Ok(count @ 1..) = stream.read(&mut chunk) else { return };
        seen.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&seen).to_lowercase();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if seen.len() >= head.len() + 4 + length.unwrap_or(0) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&seen).into_owned();
    let mut words = text.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, media_type, body) = answer(method, path, port, kind, asked);
    let head = format!(
        "HTTP/1.1 {status} X\r\nConnection: close\r\nX-Subject-Token: t\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}

fn answer(
    method: &str,
    path: &str,
    port: u16,
    kind: Kind,
    asked: &AtomicUsize,
) -> (u16, &'static str, String) {
    let root = format!("http://127.0.0.1:{port}");
    let (bare, query) = path.split_once('?').unwrap_or((path, ""));
    const JSON: &str = "application/json";
    match (method, bare) {
        ("POST", "/v3/auth/tokens") => return (201, JSON, token(&root)),
        ("GET", "/compute/v2.1/") => {
            let version = json!({"version": {"id": "v2.1", "status": "CURRENT", "version": "2.96", "min_version": "2.1"}});
            return (200, JSON, version.to_string());
        }
        ("GET", "/placement/") => {
            let version = json!({"versions": [{"id": "v1.0", "max_version": "1.39", "min_version": "1.0"}]});
            return (200, JSON, version.to_string());
        }
        _ => {}
    }
    let number = asked.fetch_add(1, Ordering::Relaxed);
    let mut good = good(bare);
    match kind {
        Kind::Good => {}
        Kind::Page => return (200, "text/html", "<html><title>Log in</title>\x1b[31m</html>".into()),
        Kind::Empty => return (200, JSON, String::new()),
        Kind::Failed => return (500, "text/plain", "it \x1b[31mbroke\u{9b}2J\nTraceback".into()),
        Kind::CutShort => {
            let text = good.to_string();
            return (200, JSON, text[..text.floor_char_boundary(text.len() / 2)].into());
        }
        Kind::List => return (200, JSON, "[1, [2], {\"a\": null}]".into()),
        Kind::Huge => change(&mut good, &|value| {
            if value.is_number() {
                *value = serde_json::from_str("99999999999999999999999999").unwrap_or_else(|_| json!(1e300));
            }
        }),
        Kind::Nulls => change(&mut good, &|value| {
            if !value.is_array() && !value.is_object() {
                *value = Value::Null;
            }
        }),
        Kind::Control => change(&mut good, &|value| {
            if let Value::String(text) = value
                && !text.contains("://")
                && !is_id(text)
            {
                text.push_str("\u{1b}[31m\u{7}\u{9b}2J\r\n\u{202e}");
            }
        }),
        // Always the same page, and always another one behind it.
        Kind::Endless => {
            if let Value::Object(object) = &mut good {
                let key = object.keys().next().cloned().unwrap_or_default();
                let next = json!([{"rel": "next", "href": format!("{root}{path}")}]);
                object.insert(format!("{key}_links"), next);
                object.insert("next".into(), json!(format!("{bare}?again")));
                object.insert("links".into(), json!({"next": format!("{root}{path}")}));
            }
            // A command that reads pages without end is stopped by this.
            if number > 3000 || query.len() > 10_000 {
                return (500, "text/plain", "too many pages were asked for".into());
            }
        }
    }
    (200, JSON, good.to_string())
}

fn is_id(text: &str) -> bool {
    text.len() == 36 || text.starts_with("20") || text.chars().all(|c| c.is_ascii_uppercase())
}

fn change(value: &mut Value, by: &dyn Fn(&mut Value)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, by)),
        Value::Object(fields) => fields.values_mut().for_each(|item| change(item, by)),
        leaf => by(leaf),
    }
}

fn token(root: &str) -> String {
    let endpoint = |kind: &str, path: &str| {
        json!({"type": kind, "name": kind, "id": kind, "endpoints": [
            {"id": kind, "interface": "public", "region": "RegionOne", "region_id": "RegionOne", "url": format!("{root}{path}")}
        ]})
    };
    json!({"token": {
        "methods": ["password"], "expires_at": "2099-01-01T00:00:00.000000Z", "issued_at": "2026-01-01T00:00:00.000000Z",
        "user": {"domain": {"id": "default", "name": "Default"}, "id": "u", "name": "admin"},
        "project": {"domain": {"id": "default", "name": "Default"}, "id": "p", "name": "admin"},
        "roles": [{"id": "r", "name": "admin"}],
        "catalog": [endpoint("compute", "/compute/v2.1"), endpoint("image", "/image"), endpoint("network", "/network"),
            endpoint("placement", "/placement")],
    }})
    .to_string()
}
