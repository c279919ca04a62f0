//! One host, followed: the far end is started again whenever the connection is lost, at
//! the very byte where it stopped.

use crate::hint::{self, Hint};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::assemble::Assembler;
use super::frame::{Found, Frame, Frames, Hello, Lost, Opened, Unreadable};
use super::journal::{self, Journal};
use super::record::Record;
use super::sources::{self, From, Sources};
use super::twice::Twice;
use crate::error::{Error, Result};
use crate::hex::hex;
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

/// Bytes of a file's beginning by which it is known, as at the far end.
const HEAD: usize = 256;

/// Bytes kept of what was read last, to find the place again.
const TAIL: usize = 64;

/// What one host's follower tells.
#[derive(Debug)]
pub(super) enum Told {
    /// Connected for the first time; how far the host's clock is ahead.
    Up { clock_ahead: f64 },
    /// The connection is lost, or could not be made yet.
    Lost(String),
    /// Connected again.
    Back,
    /// Records of a source, in its order. `at` is how far its times have come.
    Records { source: u64, records: Vec<Record>, at: Option<Timestamp> },
    /// A source has begun: it is behind until it says otherwise.
    Begun { source: u64 },
    /// Everything of a source so far is told; or the source has ended.
    CaughtUp { source: u64 },
    /// Everything of the host is told once.
    AllCaughtUp,
    /// Bytes that nobody will see.
    Dropped { source: String, bytes: Option<u64>, why: String },
    /// A file that cannot be read; `absent` when it was named and is not there.
    Unreadable { path: String, why: String, absent: bool },
    /// What was named is there, or what could not be read is read now.
    Readable { path: String },
    /// The end, by an error or because everything was read.
    Ended(Result<()>),
}

/// One generation of a file, or a command.
#[derive(Debug)]
struct Generation {
    /// Its number for the face, the same over connections.
    id: u64,
    path: String,
    /// The path's bytes in hexadecimal, where they are no UTF-8.
    raw: Option<String>,
    dev: u64,
    ino: u64,
    offset: u64,
    /// The beginning of the file: tells it from others after it was renamed or copied.
    head: String,
    tail: Vec<u8>,
    /// It is what the path is now, not an earlier generation.
    live: bool,
    reader: Reader,
    at: Option<Timestamp>,
    /// When its open records are complete.
    quiet: Option<Instant>,
}

#[derive(Debug)]
enum Reader {
    Text(Box<Assembler>),
    Journal(Box<Journal>),
}

impl Reader {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Record>) {
        match self {
            Reader::Text(assembler) => assembler.push(bytes, out),
            Reader::Journal(journal) => journal.push(bytes, out),
        }
    }

    fn finish(&mut self, out: &mut Vec<Record>) {
        match self {
            Reader::Text(assembler) => assembler.finish(out),
            Reader::Journal(journal) => journal.finish(out),
        }
    }
}

/// A far end that ends sooner after its beginning has not worked.
const SHORT_LIFE: Duration = Duration::from_secs(3);

/// After so many of them in a row it is no accident.
const MOST_SHORT_LIVES: u32 = 8;

/// What is said not to be read where there is no log at all.
pub(super) const NO_LOG: &str = "any log";

/// The name of the source that is the journal.
const JOURNAL: &str = "journal";

/// Follow a host until everything is read (when it is not to go on), `to` is closed, or
/// an error that waiting does not mend.
pub(super) async fn run(host: Host, sources: Sources, to: mpsc::Sender<Told>) {
    let mut follower = Follower {
        host,
        sources,
        to,
        generations: BTreeMap::new(),
        next_id: 0,
        zone: TimeZone::UTC,
        was_up: false,
        told_all: false,
        twice: Twice::default(),
        unreadable: BTreeSet::new(),
        read_any: false,
    };
    let ended = follower.run().await;
    let _ = follower.to.send(Told::Ended(ended)).await;
}

struct Follower {
    host: Host,
    sources: Sources,
    to: mpsc::Sender<Told>,
    /// By the far end's number of this connection.
    generations: BTreeMap<u64, Generation>,
    next_id: u64,
    zone: TimeZone,
    was_up: bool,
    told_all: bool,
    twice: Twice,
    /// Paths that could not be read when they were looked at last.
    unreadable: BTreeSet<String>,
    /// A source was opened.
    read_any: bool,
}

/// The receiver has gone: nobody wants more.
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
            if self.tell(Told::Lost(why.to_string())).await.is_err() {
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

    /// Tell records, without those outside the time that is wanted: a compressed part is
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
        // The same in a log file and in the unit's journal is told once.
        if !self.sources.units.is_empty() && !self.sources.files.is_empty() {
            records.retain(|record| !self.twice.is_second(record));
        }
        self.tell(Told::Records { source, records, at }).await
    }

    async fn tell(&self, told: Told) -> std::result::Result<(), Unwanted> {
        self.to.send(told).await.map_err(|_| Unwanted)
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

    /// Starting waits for the connection: nobody may want it any more by then.
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

    async fn frame(
        &mut self,
        frame: Frame,
        resumed: &mut [Option<Generation>],
    ) -> Result<std::result::Result<(), Unwanted>> {
        match frame.kind {
            b'H' => {
                let hello: Hello = self.read(&frame)?;
                self.zone = zone(&hello);
                let told = if self.was_up { Told::Back } else { Told::Up { clock_ahead: ahead(hello.now) } };
                self.was_up = true;
                return Ok(self.tell(told).await);
            }
            b'O' => {
                let opened: Opened = self.read(&frame)?;
                self.read_any = true;
                if (self.unreadable.remove(&opened.path) || self.unreadable.remove(NO_LOG))
                    && self.tell(Told::Readable { path: opened.path.clone() }).await.is_err()
                {
                    return Ok(Err(Unwanted));
                }
                let source = self.open(frame.source, frame.offset, opened, resumed);
                return Ok(self.tell(Told::Begun { source }).await);
            }
            b'D' => return self.data(frame).await,
            b'C' => {
                if let Some(generation) = self.generations.get_mut(&frame.source) {
                    let quiet = match generation.reader {
                        Reader::Text(_) => QUIET,
                        Reader::Journal(_) => QUIET_JOURNAL,
                    };
                    generation.quiet = Some(Instant::now() + quiet);
                    let (open, source) = (is_open(&generation.reader), generation.id);
                    if !open {
                        generation.quiet = None;
                        return Ok(self.tell(Told::CaughtUp { source }).await);
                    }
                }
            }
            b'R' => {
                if let Some(mut generation) = self.generations.remove(&frame.source) {
                    let mut records = vec![];
                    generation.reader.finish(&mut records);
                    let source = generation.id;
                    if let Err(unwanted) = self.tell_records(source, records, None).await {
                        return Ok(Err(unwanted));
                    }
                    return Ok(self.tell(Told::CaughtUp { source }).await);
                }
            }
            b'A' if !self.told_all => {
                self.told_all = true;
                if !self.read_any && self.unreadable.is_empty() {
                    let why = "none is in the usual places".to_string();
                    self.unreadable.insert(NO_LOG.into());
                    let told = Told::Unreadable { path: NO_LOG.into(), why, absent: false };
                    if self.tell(told).await.is_err() {
                        return Ok(Err(Unwanted));
                    }
                }
                // What is open then is told with the quiet that follows.
                if self.quiet_all().await.is_err() {
                    return Ok(Err(Unwanted));
                }
                return Ok(self.tell(Told::AllCaughtUp).await);
            }
            b'L' => {
                let lost: Lost = self.read(&frame)?;
                let told = Told::Dropped { source: lost.path, bytes: lost.bytes, why: lost.why };
                return Ok(self.tell(told).await);
            }
            b'E' => {
                let Unreadable { path, why, absent } = self.read(&frame)?;
                self.unreadable.insert(path.clone());
                return Ok(self.tell(Told::Unreadable { path, why, absent }).await);
            }
            b'F' => {
                let Found { path } = self.read(&frame)?;
                return Ok(self.tell(Told::Readable { path }).await);
            }
            _ => {}
        }
        Ok(Ok(()))
    }

    fn open(&mut self, number: u64, offset: u64, opened: Opened, resumed: &mut [Option<Generation>]) -> u64 {
        // Whatever was known of the path until now is an earlier generation.
        let is_current = opened.why != "older";
        if is_current && opened.ino != 0 {
            for one in self.generations.values_mut().filter(|one| one.path == opened.path) {
                one.live = false;
            }
        }
        let old = opened.old.and_then(|at| resumed.get_mut(at)).and_then(Option::take);
        let generation = match old {
            Some(mut old) => {
                old.dev = opened.dev;
                old.ino = opened.ino;
                if let Reader::Journal(journal) = &mut old.reader {
                    journal.again();
                }
                old
            }
            None => {
                self.next_id += 1;
                let reader = match opened.path == JOURNAL && opened.ino == 0 {
                    true => {
                        let formats = self.sources.formats.of_log(JOURNAL);
                        Reader::Journal(Box::new(Journal::new(self.host.name(), self.zone.clone(), formats)))
                    }
                    false => {
                        let assembler =
                            Assembler::new(self.host.name(), opened.path.clone(), self.zone.clone());
                        let formats = self.sources.formats.of_log(&opened.path);
                        Reader::Text(Box::new(assembler.with_formats(formats)))
                    }
                };
                Generation {
                    id: self.next_id,
                    path: opened.path,
                    raw: opened.raw,
                    dev: opened.dev,
                    ino: opened.ino,
                    offset,
                    head: opened.head,
                    tail: unhex(&opened.tail),
                    live: is_current,
                    reader,
                    at: None,
                    quiet: None,
                }
            }
        };
        let id = generation.id;
        self.generations.insert(number, generation);
        id
    }

    async fn data(&mut self, frame: Frame) -> Result<std::result::Result<(), Unwanted>> {
        let Some(behind) = frame.offset.checked_add(frame.payload.len() as u64) else {
            return Err(self.no_frame(&format!("byte {} of a source", frame.offset)));
        };
        let Some(generation) = self.generations.get_mut(&frame.source) else { return Ok(Ok(())) };
        let mut records = vec![];
        generation.reader.push(&frame.payload, &mut records);
        generation.offset = behind;
        // A file that was empty when it was opened is known by its first bytes from now on.
        if frame.offset.checked_mul(2) == Some(generation.head.len() as u64)
            && generation.head.len() < 2 * HEAD
        {
            let room = HEAD - generation.head.len() / 2;
            generation.head += &hex(&frame.payload[..frame.payload.len().min(room)]);
        }
        let keep = TAIL.saturating_sub(frame.payload.len()).min(generation.tail.len());
        generation.tail.drain(..generation.tail.len() - keep);
        let from = frame.payload.len().saturating_sub(TAIL);
        generation.tail.extend_from_slice(&frame.payload[from..]);
        generation.quiet = None;
        generation.at = records.iter().filter_map(|record| record.time).max().max(generation.at);
        let (source, at) = (generation.id, generation.at);
        if let Reader::Journal(journal) = &mut generation.reader {
            for (bytes, why) in journal.lost() {
                if self.tell(Told::Dropped { source: JOURNAL.into(), bytes, why }).await.is_err() {
                    return Ok(Err(Unwanted));
                }
            }
        }
        if records.is_empty() {
            return Ok(Ok(()));
        }
        Ok(self.tell_records(source, records, at).await)
    }

    /// Tell the records that are complete because nothing came any more.
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
                assembler.quiet(&mut records);
            }
            let source = generation.id;
            if !records.is_empty() {
                self.tell_records(source, records, None).await?;
            }
            if !is_open {
                self.tell(Told::CaughtUp { source }).await?;
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
            let _ = self.tell(Told::CaughtUp { source: generation.id }).await;
        }
    }

    fn read<'a, T: serde::Deserialize<'a>>(&self, frame: &'a Frame) -> Result<T> {
        serde_json::from_slice(&frame.payload).map_err(|why| self.no_frame(&crate::json_words(&why)))
    }

    fn no_frame(&self, why: &str) -> Error {
        Error::Parse {
            what: "a frame".into(),
            source_of: format!("the watching end on host `{}`", self.host.name()),
            why: why.into(),
        }
    }
}

fn is_open(reader: &Reader) -> bool {
    match reader {
        Reader::Text(assembler) => assembler.is_open() || assembler.is_in_line(),
        Reader::Journal(journal) => journal.is_open(),
    }
}

/// An error in which smog's own script stands as what was run: nobody wants to read that.
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

/// The host's zone: by its name where this machine knows it, so that summer time is right.
fn zone(hello: &Hello) -> TimeZone {
    let named = TimeZone::get(&hello.zone).ok().filter(|_| !hello.zone.is_empty());
    named.or_else(|| Offset::from_seconds(hello.offset).ok().map(TimeZone::fixed)).unwrap_or(TimeZone::UTC)
}

fn ahead(now: f64) -> f64 {
    now - Timestamp::now().as_millisecond() as f64 / 1000.0
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().collect();
    let pairs = digits.chunks_exact(2).filter_map(|pair| std::str::from_utf8(pair).ok());
    pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follower() -> (Follower, mpsc::Receiver<Told>) {
        let (to, told) = mpsc::channel(100);
        let follower = Follower {
            host: Host::local("here"),
            sources: Sources::usual(),
            to,
            generations: BTreeMap::new(),
            next_id: 0,
            zone: TimeZone::UTC,
            was_up: false,
            told_all: false,
            twice: Twice::default(),
            unreadable: BTreeSet::new(),
            read_any: false,
        };
        (follower, told)
    }

    fn frame(kind: u8, source: u64, offset: u64, payload: &str) -> Frame {
        Frame { kind, source, offset, payload: payload.as_bytes().to_vec() }
    }

    const OPENED: &str =
        r#"{"path": "/x", "dev": 1, "ino": 2, "old": null, "head": "zz\u00e9", "tail": "", "why": "start"}"#;

    #[tokio::test]
    async fn a_lying_far_end_is_an_error_and_no_panic() {
        let (mut follower, _told) = follower();
        for number in [0, u64::MAX] {
            let opened = frame(b'O', number, u64::MAX, OPENED);
            assert!(follower.frame(opened, &mut []).await.is_ok());
            let data = frame(b'D', number, u64::MAX, "a line\n");
            let why = follower.frame(data, &mut []).await.map(drop).expect_err("no such place");
            assert!(matches!(why, Error::Parse { .. }), "{why:?}");
        }
        for offset in [u64::MAX / 2, u64::MAX - 7, 1 << 63] {
            let _ = follower.frame(frame(b'D', 0, offset, "x\n"), &mut []).await;
        }
        let far = r#"{"now": 1e308, "zone": "../../etc/passwd", "offset": 2147483647}"#;
        for (kind, payload) in
            [(b'H', far), (b'H', "{}"), (b'L', "[]"), (b'E', "nonsense"), (b'C', ""), (b'R', "x"), (b'Z', "")]
        {
            let _ = follower.frame(frame(kind, u64::MAX, u64::MAX, payload), &mut []).await;
        }
        let mut kept: Vec<Option<Generation>> =
            std::mem::take(&mut follower.generations).into_values().map(Some).collect();
        follower.open(u64::MAX, 0, serde_json::from_str(OPENED).expect("opened"), &mut []);
        follower.keep(&mut kept);
        let _ = follower.ask(&[]);
    }

    #[test]
    fn nobody_reads_smog_s_own_script() {
        let line = format!("sh -c 'for p in python3 …' smog-watch '{AGENT}'");
        let lost = Error::Unreachable {
            what: "host `a`".into(),
            why: format!("the connection was lost while `{line}` ran: closed"),
            hint: Hint::default(),
        };
        let said = without_script(lost, &line).to_string();
        assert_eq!(
            said,
            "no answer from host `a`: the connection was lost while smog's reader of logs ran: closed"
        );
        let command = Error::Command {
            host: "a".into(),
            command: line.clone(),
            exit: "exit code 1".into(),
            stderr: "x".into(),
        };
        assert!(!without_script(command, &line).to_string().contains("import"));
    }
}
