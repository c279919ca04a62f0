//! A wire that answers from memory: tests of everything above it need no host.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::channel::{Channel, Ended};
use crate::host::{Cmd, Exit, Output};

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
}

/// One answer as it stands in a file.
#[derive(Serialize, Deserialize)]
struct Answer {
    command: String,
    #[serde(default)]
    exit_code: i32,
    stdout: String,
    #[serde(default)]
    stderr: String,
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
            let Answer { command, exit_code, stdout, stderr } = answer;
            let output = Output {
                stdout: stdout.into_bytes(),
                stderr: stderr.into_bytes(),
                exit: Exit { code: exit_code },
                elapsed: Duration::ZERO,
            };
            replay.answer_with(command, output)
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
            }));
        }
        serde_json::to_string_pretty(&answers).map_err(|err| Error::Parse {
            what: "recorded answers".to_string(),
            source_of: "memory".to_string(),
            why: err.to_string(),
        })
    }

    pub(super) fn note(&self, cmd: &Cmd, output: &Output) {
        self.lock().answers.entry(cmd.text()).or_default().push_back(output.clone());
    }

    /// All commands that were asked, in order.
    pub fn asked(&self) -> Vec<Cmd> {
        self.lock().asked.clone()
    }

    /// The recorded answer as if it came over a wire.
    pub(crate) fn open(&self, host: &str, cmd: &Cmd) -> Result<Channel> {
        let output = self.answer_to(host, cmd)?;
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

    fn answer_to(&self, host: &str, cmd: &Cmd) -> Result<Output> {
        let mut inner = self.lock();
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
