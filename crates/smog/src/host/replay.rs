//! A wire that answers from memory: tests of everything above it need no host.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::hex::hex;
use crate::hint;
use crate::host::channel::{Channel, Ended};
use crate::host::{Cmd, Container, Exit, Output};
use crate::redact::{self, Redactor};

/// Recorded answers by command.
///
/// Each command (as [`Cmd::text`] prints it) has a list of answers; the last
/// one repeats. A command that is not known is an error which names it, so a
/// test says what it lacks.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    answers: BTreeMap<String, VecDeque<Output>>,
    asked: Vec<Cmd>,
    /// Of a recording of a cloud: what it is, for messages. Then each command has one answer, its newest.
    of: Option<String>,
    /// Between which times a command was asked and had answered.
    times: BTreeMap<String, (Timestamp, Timestamp)>,
    /// Commands that did not come to an end, with what was said.
    failed: BTreeMap<String, String>,
    /// The commands by what they ask, see [`Cmd::look`].
    looks: BTreeMap<String, String>,
    /// What was answered by a command with another text.
    otherwise: BTreeSet<String>,
}

/// One answer as it stands in a file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub command: String,
    /// What the command asks, where that has a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<String>,
    #[serde(default)]
    pub exit_code: i32,
    #[serde(default)]
    pub stdout: String,
    #[serde(default)]
    pub stderr: String,
    /// When it was asked, and when it had answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<(Timestamp, Timestamp)>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// What a command is called in a record: its text, the container it runs in, and a digest of its
/// input.
fn key(container: Option<&Container>, cmd: &Cmd) -> String {
    let mut key = cmd.text();
    if let Some(container) = container {
        key = format!("in {} {}: {key}", container.engine.program(), container.name);
    }
    if !cmd.stdin.is_empty() {
        key = format!("{key}\n<{}", hex(&Sha256::digest(&cmd.stdin)));
    }
    key
}

/// The same of what it asks: other arguments are in the words themselves.
fn look_key(container: Option<&Container>, cmd: &Cmd) -> Option<String> {
    let look = cmd.look.as_ref()?;
    Some(match container {
        Some(container) => format!("in {}: {look}", container.name),
        None => look.clone(),
    })
}

impl Inner {
    /// The name under which an answer is kept: the command's own, or that of another command
    /// which asks the same.
    fn find(&self, container: Option<&Container>, cmd: &Cmd) -> String {
        // It is kept without secrets, so it is looked for without them.
        let own = redact::text(&key(container, cmd));
        if self.answers.contains_key(&own) || self.failed.contains_key(&own) {
            return own;
        }
        let look = look_key(container, cmd).map(|look| redact::text(&look));
        look.and_then(|look| self.looks.get(&look).cloned()).unwrap_or(own)
    }
}

impl Replay {
    /// No answers yet.
    pub fn new() -> Replay {
        Replay::default()
    }

    /// When `line` is run, it ends well with this on standard output.
    pub fn answer(self, line: impl Into<String>, stdout: impl Into<Vec<u8>>) -> Replay {
        self.answer_with(line, Output::of(stdout))
    }

    /// When `line` is run, this is the whole answer. A second answer for the
    /// same line is given to the second run, and so on.
    pub fn answer_with(self, line: impl Into<String>, output: Output) -> Replay {
        self.lock().answers.entry(line.into()).or_default().push_back(output);
        self
    }

    /// Answers that [`Replay::to_json`] wrote.
    ///
    /// # Errors
    /// [`Error::Parse`] when it is no such text.
    pub fn from_json(text: &str) -> Result<Replay> {
        let answers: Vec<Answer> = serde_json::from_str(text).map_err(|err| Error::Parse {
            what: "recorded answers".to_string(),
            source_of: "JSON".to_string(),
            why: crate::json_words(&err),
        })?;
        let replay = Replay::new();
        Ok(answers.into_iter().fold(replay, |replay, answer| {
            let output = output(&answer);
            replay.answer_with(answer.command, output)
        }))
    }

    /// All answers as JSON text.
    ///
    /// # Errors
    /// [`Error::Parse`], which does not happen.
    pub fn to_json(&self) -> Result<String> {
        let inner = self.lock();
        let mut answers = Vec::new();
        for (command, outputs) in &inner.answers {
            answers.extend(outputs.iter().map(|output| Answer {
                command: command.clone(),
                exit_code: output.exit.code,
                stdout: output.text().into_owned(),
                stderr: output.error_text().into_owned(),
                ..Answer::default()
            }));
        }
        serde_json::to_string_pretty(&answers).map_err(|err| Error::Parse {
            what: "recorded answers".to_string(),
            source_of: "memory".to_string(),
            why: err.to_string(),
        })
    }

    /// One that a recording of a cloud fills, or answers from; `of` says in messages what it is.
    pub(crate) fn of_recording(of: impl Into<String>) -> Replay {
        let inner = Inner { of: Some(of.into()), ..Inner::default() };
        Replay { inner: Arc::new(Mutex::new(inner)) }
    }

    pub(super) fn is_of_recording(&self) -> bool {
        self.lock().of.is_some()
    }

    pub(super) fn note(&self, container: Option<&Container>, cmd: &Cmd, output: &Output) {
        let now = Timestamp::now();
        let begun = now.checked_sub(output.elapsed).unwrap_or(now);
        let mut inner = self.lock();
        if inner.of.is_none() {
            // As tests read it.
            inner.answers.entry(cmd.text()).or_default().push_back(output.clone());
            return;
        }
        let key = key(container, cmd);
        if let Some(look) = look_key(container, cmd) {
            inner.looks.insert(look, key.clone());
        }
        inner.failed.remove(&key);
        inner.times.insert(key.clone(), (begun, now));
        inner.answers.insert(key, VecDeque::from([output.clone()]));
    }

    /// A command did not come to an end. What was answered before stays.
    pub(super) fn note_failure(&self, container: Option<&Container>, cmd: &Cmd, why: &Error) {
        let key = key(container, cmd);
        let mut inner = self.lock();
        if inner.of.is_some() && !inner.answers.contains_key(&key) {
            if let Some(look) = look_key(container, cmd) {
                inner.looks.insert(look, key.clone());
            }
            inner.failed.insert(key, why.to_string());
        }
    }

    /// When a command was asked, and when it had answered, where that was recorded.
    pub(super) fn times(&self, container: Option<&Container>, cmd: &Cmd) -> Option<(Timestamp, Timestamp)> {
        let inner = self.lock();
        inner.times.get(&inner.find(container, cmd)).copied()
    }

    /// All answers, with what is secret removed, one after the other.
    pub(crate) fn each_answer(&self, redactor: &Redactor) -> Vec<Answer> {
        let inner = self.lock();
        let looks: BTreeMap<&String, &String> = inner.looks.iter().map(|(look, key)| (key, look)).collect();
        let look = |command: &String| looks.get(command).map(|look| redactor.text(look));
        let answers = inner.answers.iter().filter_map(|(command, outputs)| {
            let output = outputs.back()?;
            Some(Answer {
                command: redactor.text(command),
                look: look(command),
                exit_code: output.exit.code,
                stdout: redactor.text(&output.text()),
                stderr: redactor.text(&output.error_text()),
                between: inner.times.get(command).copied(),
                failed: None,
            })
        });
        let failed = inner.failed.iter().map(|(command, why)| Answer {
            command: redactor.text(command),
            look: look(command),
            failed: Some(redactor.text(why)),
            ..Answer::default()
        });
        answers.chain(failed).collect()
    }

    /// Take up an answer of a recording.
    pub(crate) fn take_up(&self, answer: Answer) {
        let output = output(&answer);
        let mut inner = self.lock();
        if let Some(look) = answer.look {
            inner.looks.insert(look, answer.command.clone());
        }
        if let Some(why) = answer.failed {
            inner.failed.insert(answer.command, why);
            return;
        }
        if let Some(between) = answer.between {
            inner.times.insert(answer.command.clone(), between);
        }
        inner.answers.insert(answer.command, VecDeque::from([output]));
    }

    /// What was answered by a command whose text is another than this smog's.
    pub(crate) fn answered_otherwise(&self) -> Vec<String> {
        self.lock().otherwise.iter().cloned().collect()
    }

    /// All commands that were asked, in order.
    pub fn asked(&self) -> Vec<Cmd> {
        self.lock().asked.clone()
    }

    /// The recorded answer as if it came over a wire.
    pub(crate) fn open(&self, host: &str, container: Option<&Container>, cmd: &Cmd) -> Result<Channel> {
        let output = self.answer_to(host, container, cmd)?;
        Ok(Channel {
            stdin: Box::pin(tokio::io::sink()),
            stdout: Box::pin(std::io::Cursor::new(output.stdout)),
            stderr: Box::pin(std::io::Cursor::new(output.stderr)),
            mark: String::new(),
            before: None,
            ended: Box::pin(std::future::ready(Ended::Exited(output.exit))),
            _slot: None,
        })
    }

    pub(super) fn answer_to(&self, host: &str, container: Option<&Container>, cmd: &Cmd) -> Result<Output> {
        let mut inner = self.lock();
        if let Some(of) = inner.of.clone() {
            let found = inner.find(container, cmd);
            if found != redact::text(&key(container, cmd)) {
                inner.otherwise.extend(cmd.look.clone());
            }
            if let Some(output) = inner.answers.get(&found).and_then(VecDeque::back) {
                return Ok(output.clone());
            }
            return Err(match inner.failed.get(&found) {
                Some(why) => Error::Unreachable {
                    what: format!("host `{host}`"),
                    why: format!("when it was recorded: {why}"),
                    hint: "a recording holds what was answered then".into(),
                },
                None => Error::NotRecorded {
                    what: format!("`{}` on host `{host}`", cmd.line()),
                    of,
                    hint: hint::RECORD.hint().and(" records it; a recording has what smog's own looks ask"),
                },
            });
        }
        inner.asked.push(cmd.clone());
        let line = cmd.text();
        let Some(queue) = inner.answers.get_mut(&line) else {
            return Err(Error::NotFound {
                what: format!("recorded answer of host {host}"),
                near: crate::near::near(&line, inner.answers.keys().map(String::as_str)),
                name: line,
            });
        };
        let answer = if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() };
        Ok(answer.unwrap_or_else(|| Output::of("")))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // A panic of another test thread while it held the lock leaves plain data.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn output(answer: &Answer) -> Output {
    Output {
        stdout: answer.stdout.clone().into_bytes(),
        stderr: answer.stderr.clone().into_bytes(),
        exit: Exit { code: answer.exit_code },
        elapsed: Duration::ZERO,
    }
}
