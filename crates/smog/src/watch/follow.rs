//! One host, followed: the far end is started again whenever the connection is lost, at
//! the very byte where it stopped.

mod generation;
mod heard;
mod message;
mod recorded;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::generation::{Generation, Reader};
pub(super) use self::message::Message;
use super::frame::Frames;
use super::journal;
use super::record::Record;
use super::sources::{self, From, Sources};
use super::twice::Twice;
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::hint::{self, Hint};
use crate::host::{Cmd, Host};

const AGENT: &str = include_str!("agent.py");

/// After so long without a byte a record is complete. A program writes one in one piece.
const QUIET: Duration = Duration::from_millis(10);

/// The journal makes entries of a traceback's lines, one after the other.
const QUIET_JOURNAL: Duration = Duration::from_millis(150);

/// A line without its end is waited for so long.
const QUIET_IN_LINE: Duration = Duration::from_secs(2);

/// The far end beats every five seconds; this long without anything is a lost connection.
const SILENCE: Duration = Duration::from_secs(16);

/// The longest pause before the next attempt to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A far end that ends sooner after its beginning has not worked.
const SHORT_LIFE: Duration = Duration::from_secs(3);

/// After so many of them in a row it is not an accident.
const MOST_SHORT_LIVES: u32 = 8;

/// What is said not to be read where there is no log at all.
pub(super) const NO_LOG: &str = "any log";

/// The name of the source that is the journal.
const JOURNAL: &str = "journal";

/// Follow a host until everything is read (when it is not to go on), `to` is closed, or
/// an error that waiting does not fix.
pub(super) async fn run(host: Host, sources: Sources, to: mpsc::Sender<Message>) {
    if let Some(logs) = host.recorded_logs() {
        let ended = recorded::run(host.name(), logs, sources, &to).await;
        let _ = to.send(Message::Ended(ended)).await;
        return;
    }
    let mut follower = Follower {
        host,
        sources,
        to,
        generations: BTreeMap::new(),
        next_id: 0,
        zone: TimeZone::UTC,
        was_up: false,
        all_caught_up: false,
        twice: Twice::default(),
        unreadable: BTreeSet::new(),
        read_any: false,
    };
    let ended = follower.run().await;
    let _ = follower.to.send(Message::Ended(ended)).await;
}

struct Follower {
    host: Host,
    sources: Sources,
    to: mpsc::Sender<Message>,
    /// By the far end's number of this connection.
    generations: BTreeMap<u64, Generation>,
    next_id: u64,
    zone: TimeZone,
    was_up: bool,
    all_caught_up: bool,
    twice: Twice,
    /// Paths that could not be read when they were looked at last.
    unreadable: BTreeSet<String>,
    /// A source was opened.
    read_any: bool,
}

/// The receiver is gone: no more is wanted.
struct Unwanted;

impl Follower {
    async fn run(&mut self) -> Result<()> {
        let mut pause = Duration::from_millis(200);
        let (first, mut short_lives) = (Timestamp::now(), 0);
        loop {
            let begun = Instant::now();
            let why = match self.connection().await {
                Ok(()) => return Ok(()),
                Err(why) => why,
            };
            short_lives = if begun.elapsed() < SHORT_LIFE && self.was_up { short_lives + 1 } else { 0 };
            // A host that never answered in a search is an answer; in following it may come yet.
            // A far end that dies again and again reads nothing, though it answers.
            if !self.sources.follow || !why.is_temporary() || short_lives > MOST_SHORT_LIVES {
                return Err(why);
            }
            // What is written until the host answers is read as well.
            if !self.was_up && self.sources.from == From::End {
                self.sources.from = From::Since(first);
            }
            if self.send(Message::Lost(why.to_string())).await.is_err() {
                return Ok(());
            }
            if begun.elapsed() > Duration::from_secs(5) {
                pause = Duration::from_millis(200);
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.to.closed() => return Ok(()),
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Report records, without those outside the time that is wanted: a compressed part is
    /// read from its beginning.
    async fn tell_records(
        &mut self,
        source: u64,
        mut records: Vec<Record>,
        at: Option<Timestamp>,
    ) -> std::result::Result<(), Unwanted> {
        let since = match self.sources.from {
            From::Since(since) => Some(since),
            From::End | From::Start => None,
        };
        let until = self.sources.until;
        records.retain(|record| {
            record.time.is_none_or(|time| {
                since.is_none_or(|since| time >= since) && until.is_none_or(|until| time <= until)
            })
        });
        // The same in a log file and in the unit's journal is reported once.
        if !self.sources.units.is_empty() && !self.sources.files.is_empty() {
            records.retain(|record| !self.twice.is_second(record));
        }
        self.send(Message::Records { source, records, at }).await
    }

    async fn send(&self, message: Message) -> std::result::Result<(), Unwanted> {
        self.to.send(message).await.map_err(|_| Unwanted)
    }

    /// Start the far end, and read what it sends until it ends.
    async fn connection(&mut self) -> Result<()> {
        let python = r#"for p in python3 /usr/libexec/platform-python; do if command -v "$p" >/dev/null; then exec "$p" -c "$1"; fi; done; echo 'sh: python3: not found' >&2; exit 127"#;
        let resumed: Vec<Generation> = std::mem::take(&mut self.generations).into_values().collect();
        let mut resumed: Vec<Option<Generation>> = resumed.into_iter().map(Some).collect();
        let ask = self.ask(&resumed).to_string();
        let cmd = Cmd::new("sh").args(["-c", python, "smog-watch", AGENT]).stdin(ask).any_exit();
        let line = cmd.line();
        let ended = self.converse(cmd, &mut resumed).await;
        self.keep(&mut resumed);
        ended.map_err(|why| without_script(why, &line))
    }

    async fn converse(&mut self, cmd: Cmd, resumed: &mut [Option<Generation>]) -> Result<()> {
        let started = self.start(cmd).await;
        let mut running = match started {
            Ok(running) => running,
            Err(why) => return Err(why),
        };
        let mut frames = Frames::default();
        let mut heard = Instant::now();
        let ended = loop {
            let quiet = self.generations.values().filter_map(|one| one.quiet).min();
            let next = quiet.unwrap_or(heard + SILENCE).min(heard + SILENCE);
            tokio::select! {
                bytes = running.next_bytes() => {
                    let bytes = match bytes {
                        Ok(Some(bytes)) => bytes,
                        Ok(None) => break running.wait().await.and_then(|exit| self.judged(exit.code)),
                        Err(why) => break Err(why),
                    };
                    frames.push(&bytes);
                    match self.take(&mut frames, resumed).await {
                        // A slow reader may have held this up: that is not the host's silence.
                        Ok(Ok(())) => heard = Instant::now(),
                        Ok(Err(Unwanted)) => { let _ = running.stop().await; return Ok(()); }
                        Err(why) => break Err(why),
                    }
                }
                () = self.to.closed() => { let _ = running.stop().await; return Ok(()); }
                () = tokio::time::sleep_until(next) => {
                    if heard.elapsed() >= SILENCE {
                        // Nothing is heard on this connection any more: the next one is a new one.
                        drop(running);
                        self.host.disconnect().await;
                        break Err(Error::Unreachable {
                            what: format!("host `{}`", self.host.name()),
                            why: format!("nothing was received for {} s", SILENCE.as_secs()),
                            hint: "it is tried again until it answers".into(),
                        });
                    }
                    if self.quiet().await.is_err() { let _ = running.stop().await; return Ok(()); }
                }
            }
        };
        if ended.is_ok() {
            self.finish().await;
        }
        ended
    }

    /// Starting waits for the connection: by then it may no longer be wanted.
    async fn start(&self, cmd: Cmd) -> Result<crate::host::Running> {
        tokio::select! {
            running = self.host.spawn(cmd) => running,
            () = self.to.closed() => Err(Error::Interrupted { left: "nothing".into() }),
        }
    }

    fn judged(&self, code: i32) -> Result<()> {
        if code == 0 && !self.sources.follow {
            return Ok(());
        }
        // It was ended from outside; it is started again.
        Err(Error::Unreachable {
            what: format!("the watching end on host `{}`", self.host.name()),
            why: format!("it ended with exit code {code}"),
            hint: Hint::from("it is started again; ")
                .and(hint::PYTHON_OF_HOST.with(self.host.name()))
                .and(" shows whether Python works there"),
        })
    }

    /// What was not taken up again by the far end is asked for the next time.
    fn keep(&mut self, resumed: &mut Vec<Option<Generation>>) {
        for generation in resumed.drain(..).flatten() {
            // Numbers of a connection that was never made: any that are free.
            let number = (1..).find(|number| !self.generations.contains_key(number));
            self.generations.insert(number.unwrap_or(u64::MAX), generation);
        }
    }

    /// What the far end is asked.
    fn ask(&self, resumed: &[Option<Generation>]) -> serde_json::Value {
        let seconds = |time: Timestamp| time.as_millisecond() as f64 / 1000.0;
        let (from, since) = match self.sources.from {
            From::End => ("end", None),
            From::Start => ("start", None),
            From::Since(time) => ("since", Some(time)),
        };
        let generation = |path: &str| {
            resumed.iter().enumerate().find_map(|(at, one)| {
                one.as_ref().filter(|one| one.path == path && one.ino == 0).map(|one| (at, one))
            })
        };
        let mut commands = vec![];
        if !self.sources.units.is_empty() {
            let old = generation(JOURNAL);
            let cursor = old.and_then(|(_, one)| match &one.reader {
                Reader::Journal(journal) => journal.cursor.clone(),
                Reader::Text(_) => None,
            });
            let words = journal::words(
                &self.sources.units,
                cursor.as_deref(),
                since,
                self.sources.until,
                self.sources.follow,
            );
            commands.push(json!({"name": JOURNAL, "words": words, "old": old.map(|(at, _)| at)}));
        }
        for cmd in &self.sources.commands {
            let name = cmd.line();
            let old = generation(&name);
            commands.push(json!({
                "name": name,
                "words": sources::words(cmd),
                "old": old.map(|(at, _)| at),
                "offset": old.map_or(0, |(_, one)| one.offset),
            }));
        }
        let places: Vec<_> = resumed
            .iter()
            .enumerate()
            .filter_map(|(at, one)| Some((at, one.as_ref().filter(|one| one.ino != 0)?)))
            .map(|(at, one)| {
                json!({
                    "at": at, "path": one.path, "raw": one.raw, "dev": one.dev, "ino": one.ino, "offset": one.offset, "head": one.head,
                    "tail": hex(&one.tail), "live": one.live,
                })
            })
            .collect();
        let files: Vec<&String> = self.sources.files.iter().chain(&self.sources.places).collect();
        json!({
            "files": files, "named": self.sources.files, "units": self.sources.units, "from": from, "since": since.map(seconds),
            "until": self.sources.until.map(seconds), "follow": self.sources.follow, "older": since.is_some(),
            "resume": places, "again": self.was_up, "commands": commands,
        })
    }

    /// All frames that have come whole.
    async fn take(
        &mut self,
        frames: &mut Frames,
        resumed: &mut [Option<Generation>],
    ) -> Result<std::result::Result<(), Unwanted>> {
        loop {
            let frame = frames.next().map_err(|why| self.no_frame(&why))?;
            let Some(frame) = frame else { return Ok(Ok(())) };
            if let Err(unwanted) = self.frame(frame, resumed).await? {
                return Ok(Err(unwanted));
            }
        }
    }

    /// Report the records that are complete because nothing more came.
    async fn quiet(&mut self) -> std::result::Result<(), Unwanted> {
        let now = Instant::now();
        let due: Vec<u64> = self
            .generations
            .iter()
            .filter(|(_, one)| one.quiet.is_some_and(|quiet| quiet <= now))
            .map(|(number, _)| *number)
            .collect();
        self.quiet_these(&due).await
    }

    async fn quiet_all(&mut self) -> std::result::Result<(), Unwanted> {
        let all: Vec<u64> = self.generations.keys().copied().collect();
        self.quiet_these(&all).await
    }

    async fn quiet_these(&mut self, numbers: &[u64]) -> std::result::Result<(), Unwanted> {
        for number in numbers {
            let Some(generation) = self.generations.get_mut(number) else { continue };
            generation.quiet = None;
            let (mut records, mut is_open) = (vec![], false);
            if let Reader::Journal(journal) = &mut generation.reader {
                journal.quiet(&mut records);
                is_open = journal.is_open();
                if is_open {
                    generation.quiet = Some(Instant::now() + QUIET_IN_LINE);
                }
            }
            if let Reader::Text(assembler) = &mut generation.reader {
                // A line without its end may be a writer in mid-word.
                if assembler.is_in_line() && self.sources.follow {
                    generation.quiet = Some(Instant::now() + QUIET_IN_LINE);
                }
                // Nor is a traceback whose last line has not come: the file may be copied and truncated
                // meanwhile.
                if self.sources.follow && !std::mem::replace(&mut generation.waited, true) {
                    assembler.quiet_but_begun(&mut records);
                    is_open = assembler.is_open();
                    if is_open {
                        generation.quiet = Some(Instant::now() + QUIET_IN_LINE);
                    }
                } else {
                    assembler.quiet(&mut records);
                }
            }
            let source = generation.id;
            if !records.is_empty() {
                self.tell_records(source, records, None).await?;
            }
            if !is_open {
                self.send(Message::CaughtUp { source }).await?;
            }
        }
        Ok(())
    }

    /// Everything was read.
    async fn finish(&mut self) {
        for (_, mut generation) in std::mem::take(&mut self.generations) {
            let mut records = vec![];
            generation.reader.finish(&mut records);
            let _ = self.tell_records(generation.id, records, None).await;
            let _ = self.send(Message::CaughtUp { source: generation.id }).await;
        }
    }
}

/// An error that names smog's own script as what was run: the script is not shown.
fn without_script(why: Error, line: &str) -> Error {
    const READER: &str = "smog's reader of logs";
    let plain = |text: String| text.replace(&format!("`{line}`"), READER).replace(line, READER);
    match why {
        Error::Unreachable { what, why, hint } => Error::Unreachable { what, why: plain(why), hint },
        Error::Command { host, command, exit, stderr } => {
            Error::Command { host, command: plain(command), exit, stderr: plain(stderr) }
        }
        other => other,
    }
}
