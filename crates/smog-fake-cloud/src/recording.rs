//! What a real cloud and its hosts have answered, as `data/record.py` writes it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::Script;

/// The answers of a cloud's APIs and hosts.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Recording {
    /// By method and path with its query, such as `GET /compute/v2.1/flavors/detail?limit=1000`.
    pub(crate) api: BTreeMap<String, ApiAnswer>,
    /// By host, then by command: a script's text, or a program and its arguments.
    pub(crate) hosts: BTreeMap<String, BTreeMap<String, HostAnswer>>,
}

/// One answer of an API; `{root}` in it is the cloud's own address.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ApiAnswer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// One answer of a host.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct HostAnswer {
    /// The command's exit code.
    pub exit_code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Recording {
    /// Two guests on the two computes of smog's lab: see `data/README.md`.
    ///
    /// # Panics
    /// When the file in this crate is no recording.
    pub fn two_guests() -> Recording {
        let text = include_str!("../data/two-guests.json");
        serde_json::from_str(text).unwrap_or_else(|why| panic!("data/two-guests.json: {why}"))
    }

    /// The same cloud with nothing in it: every list is empty, and what has a name is not there.
    pub fn emptied(mut self) -> Recording {
        for answer in self.api.values_mut() {
            let Ok(mut body) = serde_json::from_str::<serde_json::Value>(&answer.body) else { continue };
            let Some(object) = body.as_object_mut() else { continue };
            // The catalog and the versions are no things in the cloud.
            if object.contains_key("token") || object.contains_key("version") {
                continue;
            }
            for value in object.values_mut() {
                if let Some(list) = value.as_array_mut() {
                    list.clear();
                }
            }
            answer.body = body.to_string();
        }
        self
    }
}

impl ApiAnswer {
    pub(crate) fn script(&self, root: &str) -> Script {
        let mut script = Script::status(self.status).body(&self.body.replace("{root}", root));
        for (name, value) in &self.headers {
            script = script.header(name, &value.replace("{root}", root));
        }
        script
    }
}
