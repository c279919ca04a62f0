//! What a cloud answers, kept: calls of the APIs by what they ask, and the hosts' answers by host.
//! A [`Cloud`] of a recording answers from it alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::gateway::{Answer, Call};
use super::refusal::Patience;
use super::wire::exchange::Reply;
use super::wire::{Located, Wire};
use super::{Cloud, Inner, Options};
use crate::config::{Credentials, Login, Secret, SmogFile};
use crate::error::{Error, Result};
use crate::hint;
use crate::host::{Host, RecordedLogs, Replay};
use crate::redact::{self, Redactor};

/// One call and its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TapedCall {
    /// What is asked, see [`key`].
    pub call: String,
    /// HTTP status; none where no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `x-openstack-request-id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The body, without what is secret.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
    /// Why no answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// The answers of a cloud and its hosts. While it records, clones of a cloud share it.
#[derive(Debug)]
pub(crate) struct Tape {
    /// "a recording of cloud `x`, made 2026-11-28 18:00:00 UTC".
    pub of: String,
    /// The newest time in it.
    pub at: Timestamp,
    /// By what is asked: a [`TapedCall`] as JSON, which takes less room than as a value.
    calls: Mutex<BTreeMap<String, String>>,
    hosts: Mutex<BTreeMap<String, Replay>>,
    /// Logs by host. While it records, none is read through it.
    pub logs: BTreeMap<String, Arc<RecordedLogs>>,
}

/// What a call is called on the tape: "compute GET /servers/detail?a=b @2.96".
pub(super) fn key(call: &Call) -> String {
    let mut query: Vec<String> = call.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    query.extend(call.encoded_query.clone());
    query.sort();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let version = call.microversion.map(|version| format!(" @{version}")).unwrap_or_default();
    let body = call.body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
    format!("{} {} {}{query}{version}{body}", call.service.name(), call.method, call.path)
}

/// Whether a call only looks: a GET, or the one action of a server that gives its console's output.
fn is_a_look(call: &Call) -> bool {
    let is_console = |body: &Value| body.get("os-getConsoleOutput").is_some();
    call.method == Method::GET || (call.method == Method::POST && call.body.as_ref().is_some_and(is_console))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panicking task leaves are whole entries.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tape {
    /// An empty one.
    pub(crate) fn new(of: impl Into<String>, at: Timestamp) -> Tape {
        Tape { of: of.into(), at, calls: Mutex::default(), hosts: Mutex::default(), logs: BTreeMap::new() }
    }

    /// The answers of a host.
    pub(crate) fn host(&self, name: &str) -> Replay {
        lock(&self.hosts).entry(name.to_string()).or_insert_with(|| Replay::of_recording(&self.of)).clone()
    }

    /// The names of all hosts that were asked.
    pub(crate) fn hosts(&self) -> Vec<String> {
        lock(&self.hosts).keys().cloned().collect()
    }

    /// Take up a call of a file: a [`TapedCall`] as JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn take_up(&self, line: String) -> serde_json::Result<()> {
        #[derive(Deserialize)]
        struct Name {
            call: String,
        }
        let name: Name = serde_json::from_str(&line)?;
        lock(&self.calls).insert(name.call, line);
        Ok(())
    }

    /// All calls as lines of JSON, without what is secret.
    pub(crate) fn each_call(&self, redactor: &Redactor) -> Vec<String> {
        let redacted = |line: &String| {
            let call: TapedCall = serde_json::from_str(line).ok()?;
            let call = TapedCall {
                call: redactor.text(&call.call),
                body: redactor.json(&call.body),
                failed: call.failed.as_ref().map(|why| redactor.text(why)),
                ..call
            };
            serde_json::to_string(&call).ok()
        };
        lock(&self.calls).values().filter_map(redacted).collect()
    }

    fn insert(&self, taped: &TapedCall, over: bool) {
        let Ok(line) = serde_json::to_string(taped) else { return };
        let mut calls = lock(&self.calls);
        if over || !calls.contains_key(&taped.call) {
            calls.insert(taped.call.clone(), line);
        }
    }

    pub(super) fn note(&self, call: &Call, reply: &Reply) {
        if !is_a_look(call) {
            return;
        }
        let call = key(call);
        let body = match serde_json::from_slice(&reply.body) {
            Ok(body) => body,
            Err(_) if reply.body.is_empty() => Value::Null,
            Err(_) => Value::String(String::from_utf8_lossy(&reply.body).into_owned()),
        };
        let taped = TapedCall {
            call,
            status: Some(reply.status.as_u16()),
            request_id: super::gateway::request_id(&reply.headers),
            body,
            failed: None,
        };
        self.insert(&taped, true);
    }

    /// No answer came. One that came before stays.
    pub(super) fn note_failure(&self, call: &Call, why: &Error) {
        let call = key(call);
        let failed = Some(why.to_string());
        let taped = TapedCall { call, status: None, request_id: None, body: Value::Null, failed };
        self.insert(&taped, false);
    }

    fn reply(&self, call: &Call) -> Result<Reply> {
        // It is kept without secrets, so it is looked for without them.
        let line = lock(&self.calls).get(&redact::text(&key(call))).cloned();
        let taped: Option<TapedCall> = match line.map(|line| serde_json::from_str(&line)) {
            None => None,
            Some(Ok(taped)) => Some(taped),
            Some(Err(why)) => {
                return Err(Error::Parse {
                    what: format!("the answer to {} {}", call.method, call.path),
                    source_of: self.of.clone(),
                    why: crate::json_words(&why),
                });
            }
        };
        let what = || format!("{} {} of the {} service", call.method, call.path, call.service.name());
        let Some(taped) = taped else {
            return Err(Error::NotRecorded {
                what: what(),
                of: self.of.clone(),
                hint: hint::RECORD.hint().and(" records it; a recording has what smog's own looks ask"),
            });
        };
        let status = taped.status.and_then(|status| StatusCode::from_u16(status).ok());
        let Some(status) = status else {
            return Err(Error::Unreachable {
                what: format!("the {} service", call.service.name()),
                why: format!("when it was recorded: {}", taped.failed.unwrap_or_default()),
                hint: "a recording holds what was answered then".into(),
            });
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(Ok(id)) = taped.request_id.map(HeaderValue::try_from) {
            headers.insert("x-openstack-request-id", id);
        }
        let body = if taped.body.is_null() { vec![] } else { taped.body.to_string().into_bytes() };
        let url = Located::of_tape(&self.of).url;
        Ok(Reply { status, headers, body: body.into(), url })
    }
}

/// What of a session is kept with a recording: who looked, and the catalog.
pub(crate) type TapedLogin = Value;

impl Cloud {
    /// The same session, whose answers, and those of its hosts, are also kept on a tape. Logs are
    /// not read through it: they are recorded by themselves.
    pub(crate) fn taped(&self, tape: Arc<Tape>) -> Cloud {
        Cloud(Arc::clone(&self.0), self.1.clone(), Some(tape))
    }

    /// What is kept of the login: roles, project and catalog, and no token.
    pub(crate) fn taped_login(&self) -> TapedLogin {
        let body = &self.0.wire.token_in_hand().body;
        redact::json(&serde_json::to_value(body).unwrap_or_default())
    }

    /// What hides this session's own secrets as well.
    pub(crate) fn redactor(&self) -> Redactor {
        let credentials = &self.0.credentials;
        let token = self.0.wire.token_in_hand();
        let names = [
            Some(credentials.name.as_str()),
            Some(credentials.user()),
            credentials.project_name.as_deref(),
            credentials.user_domain_name.as_deref(),
            credentials.project_domain_name.as_deref(),
        ];
        let names: Vec<&str> = names.into_iter().flatten().collect();
        let words = credentials.login.secrets().into_iter().chain([token.value.reveal()]);
        Redactor::of_words(words, &names)
    }

    /// A session that answers from a tape alone: nothing is connected.
    ///
    /// # Errors
    /// [`Error::Parse`] where what it holds of the login is not of the form it should have.
    pub(crate) fn of_tape(
        name: &str,
        auth_url: &str,
        login: TapedLogin,
        file: &SmogFile,
        tape: Tape,
        mut options: Options,
    ) -> Result<Cloud> {
        // Nothing is sent, so nothing has to be checked.
        let login_of_tape = Login::Token(Secret::new("recorded"));
        let credentials =
            Credentials { verify: false, ..Credentials::new(name, &tape.of, auth_url, login_of_tape) };
        options.no_token_cache = true;
        let on_call = options.on_call.clone();
        let wire = Wire::of_tape(&credentials, login, &options)?;
        let inner = Inner {
            wire,
            credentials,
            options,
            recorded: Some(Arc::new(tape)),
            ssh: file.ssh.clone(),
            lab: file.lab.clone(),
            listed_hosts: file.hosts.clone(),
            compute_versions: tokio::sync::OnceCell::new(),
            volume_versions: tokio::sync::OnceCell::new(),
            placement_version: tokio::sync::OnceCell::new(),
            hosts: Mutex::default(),
        };
        Ok(Cloud(Arc::new(inner), on_call, None))
    }

    /// What this is, when it is a recording: "a recording of cloud `x`, made 2026-11-28 18:00:00 UTC".
    pub fn recording_of(&self) -> Option<&str> {
        self.0.recorded.as_ref().map(|tape| tape.of.as_str())
    }

    /// The time it is for this cloud: now; for a recording, when it was made.
    pub fn now(&self) -> Timestamp {
        self.0.recorded.as_ref().map_or_else(Timestamp::now, |tape| tape.at)
    }

    /// Refuse a change, when this is a recording.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub(super) fn is_changeable(&self, what: &str) -> Result<()> {
        match &self.0.recorded {
            None => Ok(()),
            Some(tape) => Err(Error::Invalid {
                what: what.to_string(),
                why: format!(
                    "this is {}: nothing can be changed, and nothing is asked of the cloud",
                    tape.of
                ),
                hint: Some("without the recording, the same command asks the cloud itself".into()),
            }),
        }
    }

    /// The answer on the tape, when this is a recording.
    pub(super) fn taped_answer(&self, call: &Call) -> Option<Result<Answer>> {
        let tape = self.0.recorded.as_ref()?;
        if !is_a_look(call) {
            let what = format!("{} {} of the {} service", call.method, call.path, call.service.name());
            return Some(self.is_changeable(&what).map(|()| self.empty_answer(call)));
        }
        let begun = std::time::Instant::now();
        let reply = match tape.reply(call) {
            Ok(reply) => reply,
            Err(why) => return Some(Err(why)),
        };
        self.tell_call(call, Some(reply.status.as_u16()), super::gateway::request_id(&reply.headers), begun);
        Some(self.finish(call, &Located::of_tape(&tape.of), reply, &Patience::default()))
    }

    fn empty_answer(&self, call: &Call) -> Answer {
        Answer { body: Value::Null, request_id: None, service: call.service, location: None }
    }

    /// A host as this session reaches it: recorded, taped, or itself.
    pub(super) fn of_tapes(&self, host: Host) -> Host {
        let Some(tape) = &self.2 else { return host };
        let record = tape.host(host.name());
        host.noted_in(record).with_logs(Arc::new(RecordedLogs::none()))
    }

    /// Who logged in where; of a recording, without a secret.
    pub fn credentials(&self) -> &Credentials {
        &self.0.credentials
    }

    /// The hosts that a recording holds answers of; none where this is no recording.
    pub fn recorded_hosts(&self) -> Vec<String> {
        self.0.recorded.as_ref().map(|tape| tape.hosts()).unwrap_or_default()
    }

    /// What a recording answered by commands of another smog than this one, host by host: what this one
    /// asks for more is not in it. It is known when it has been asked for.
    pub fn answered_otherwise(&self) -> Vec<String> {
        let Some(tape) = &self.0.recorded else { return vec![] };
        let of_host = |host: String| {
            let looks = tape.host(&host).answered_otherwise();
            (!looks.is_empty()).then(|| format!("host `{host}`: {}", looks.join(", ")))
        };
        tape.hosts().into_iter().filter_map(of_host).collect()
    }

    /// The recorded host of this name.
    pub(super) fn host_on_tape(&self, name: &str) -> Option<Host> {
        let tape = self.0.recorded.as_ref()?;
        let logs = tape.logs.get(name).cloned().unwrap_or_else(|| {
            Arc::new(RecordedLogs {
                failed: Some(format!("its logs were not recorded (this is {})", tape.of)),
                ..RecordedLogs::none()
            })
        });
        Some(Host::replay(name, tape.host(name)).with_logs(logs))
    }
}
