//! Answers as no service should give them.

use serde_json::{Value, json};

use crate::fault::{Hostile, Service};
use crate::http::Answer;
use crate::rng::Rng;

/// What a terminal would obey: a title, a cleared screen, a colour, C1 and backspaces.
pub const ESCAPES: &str = "\u{1b}]0;PWNED\u{7}\u{1b}[2J\u{1b}[31mred\u{9b}5m\u{8}\u{7f}";
/// A line of its own that looks like one of smog's, and text that runs backwards.
pub const LINES: &str = "\r\nerror: forged\n\u{202e}desrever\u{2028}line";

/// The error of this status as this service writes it.
pub fn refusal(service: Service, status: u16, message: &str, retry_after: Option<u16>) -> Answer {
    let body = match service {
        Service::Keystone => json!({"error": {"code": status, "message": message, "title": "Fault"}}),
        Service::Nova => json!({"computeFault": {"code": status, "message": message}}),
        Service::Neutron => json!({"NeutronError": {"type": "Fault", "message": message, "detail": ""}}),
        Service::Glance => json!({"message": message, "code": status.to_string(), "title": "Fault"}),
        Service::Placement => json!({"errors": [{"status": status, "title": "Fault", "detail": message}]}),
    };
    let mut answer = Answer::json(status, &body);
    if let Some(seconds) = retry_after {
        answer.headers.push(("Retry-After".into(), seconds.to_string()));
    }
    answer
}

/// A page for people.
pub fn page(status: u16) -> Answer {
    let body =
        "<!DOCTYPE html><html><head><title>It works!</title></head><body><h1>It works!</h1></body></html>";
    Answer {
        status,
        headers: vec![("Content-Type".into(), "text/html; charset=utf-8".into())],
        body: body.as_bytes().to_vec(),
    }
}

/// The same JSON with another type somewhere.
pub fn other_types(body: &[u8], variant: u8) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return b"7".to_vec() };
    let mut rng = Rng::of(u64::from(variant), 1);
    let other = rng.one(&["null", "7", "-1.5e300", "\"text\"", "[]", "{}", "[null]", "true"]);
    let other: Value = serde_json::from_str(other).unwrap_or(Value::Null);
    let depth = rng.below(4);
    replace(&mut value, depth, &other, &mut rng);
    value.to_string().into_bytes()
}

/// Replace one value so many levels below.
fn replace(value: &mut Value, depth: u64, other: &Value, rng: &mut Rng) {
    let below = match value {
        Value::Object(map) if depth > 0 && !map.is_empty() => {
            let at = rng.below(map.len() as u64) as usize;
            map.iter_mut().nth(at).map(|(_, below)| below)
        }
        Value::Array(items) if depth > 0 && !items.is_empty() => {
            let at = rng.below(items.len() as u64) as usize;
            items.get_mut(at)
        }
        _ => None,
    };
    match below {
        Some(below) => replace(below, depth - 1, other, rng),
        None => *value = other.clone(),
    }
}

/// Every `name` with something hostile behind it.
pub fn hostile_names(body: &[u8], how: Hostile) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    let behind = match how {
        Hostile::Escapes => ESCAPES.to_string(),
        Hostile::Lines => LINES.to_string(),
        Hostile::Long => "x".repeat(20_000),
        Hostile::LogFile => return body.to_vec(),
    };
    rename(&mut value, &behind);
    value.to_string().into_bytes()
}

fn rename(value: &mut Value, behind: &str) {
    match value {
        Value::Object(map) => {
            for (key, below) in map.iter_mut() {
                match below {
                    Value::String(text)
                        if ["name", "description", "hypervisor_type"].contains(&key.as_str()) =>
                    {
                        text.push_str(behind);
                    }
                    _ => rename(below, behind),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, behind)),
        _ => {}
    }
}

/// 512 MiB of JSON, compressed by the machine's gzip once.
pub fn bomb() -> &'static [u8] {
    static BOMB: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    BOMB.get_or_init(|| {
        let script = "{ printf '{\"servers\": ['; head -c 536870912 /dev/zero | tr '\\0' ' '; printf ']}'; } | gzip -9";
        let made = std::process::Command::new("sh").args(["-c", script]).output();
        made.map(|made| made.stdout).unwrap_or_default()
    })
}
