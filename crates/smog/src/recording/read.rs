//! Reading a recording. It may come from anybody: nothing of it is ever written under a name of
//! its own, and what it may hold has limits.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use lzma_rust2::XzReader;

use super::index::{FORMAT, Index, KIND};
use super::logs::unnamed;
use crate::cloud::{Cloud, Options, Tape};
use crate::config::SmogFile;
use crate::error::{Error, Result};
use crate::host::{RecordedAnswer, RecordedLogs};

/// How much a recording may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of the index.
    index: u64,
    /// Bytes of all answers, which are kept in memory.
    answers: u64,
    /// Bytes of all.
    whole: u64,
    /// KiB that xz may want to unpack it.
    memory_kib: u32,
    /// Commas in one answer: each JSON value takes 32 bytes of memory.
    values: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { index: 64 << 20, answers: 2 << 30, whole: 32 << 30, memory_kib: 256 << 10, values: 8 << 20 }
    }
}

#[cfg(test)]
impl Limits {
    pub(super) fn small() -> Limits {
        Limits { index: 64 << 10, answers: 256 << 10, whole: 1 << 20, memory_kib: 64 << 10, values: 1000 }
    }
}

/// A recording that was opened.
#[derive(Debug)]
pub struct Recording {
    /// What is in it.
    pub index: Index,
    tape: Tape,
}

impl Recording {
    pub(super) fn of_tape(index: Index, tape: Tape) -> Recording {
        Recording { index, tape }
    }

    /// What it is, for messages: "a recording of cloud `x`, made 2026-11-28 18:00:00 UTC".
    pub fn words(&self) -> &str {
        &self.tape.of
    }

    /// Open a file that [`Cloud::record`] wrote.
    ///
    /// # Errors
    /// [`Error::Invalid`] that says what is wrong with it: not there, no recording, cut off, of a
    /// newer form, or with something in it that no recording has.
    pub fn open(file: &Path) -> Result<Recording> {
        Recording::open_within(file, Limits::default())
    }

    pub(super) fn open_within(file: &Path, limits: Limits) -> Result<Recording> {
        let broken = |why: String| invalid(file, why);
        let mut archive = archive(file, limits)?;
        let mut members = archive.entries().map_err(|why| broken(plain(&why)))?;
        let first = members.next().ok_or_else(|| broken("it is empty".into()))?;
        let index = index(first, limits).map_err(broken)?;
        let (mut tape, mut logs) = (Tape::new(index.words(), index.at), BTreeMap::new());
        let (mut calls, mut commands) = (None, None);
        let mut room = limits.answers;
        for member in members {
            let member = member.map_err(|why| broken(plain(&why)))?;
            let name = name_of(&member).map_err(broken)?;
            let mut lines = Lines { name: &name, room: &mut room, values: limits.values };
            match name.as_str() {
                "api.jsonl" if calls.is_none() => {
                    let take = |line: String| tape.take_up(line).map_err(|why| crate::json_words(&why));
                    calls = Some(lines.each(member, take).map_err(broken)?);
                }
                "hosts.jsonl" if commands.is_none() => {
                    let take = |line: String| {
                        let line: HostLine =
                            serde_json::from_str(&line).map_err(|why| crate::json_words(&why))?;
                        tape.host(&line.host).take_up(line.answer);
                        Ok(())
                    };
                    commands = Some(lines.each(member, take).map_err(broken)?);
                }
                other => match number(other).and_then(|number| index.hosts.get(number)) {
                    Some(host) if !logs.contains_key(&host.name) => {
                        let kept = spool(member).map_err(|why| broken(format!("{name}: {}", plain(&why))))?;
                        logs.insert(host.name.clone(), kept);
                    }
                    _ => return Err(broken(format!("`{name}` is no part of a recording"))),
                },
            }
        }
        // What is behind the last member has the checksum of all.
        let rest = io::copy(&mut archive.into_inner(), &mut io::sink());
        rest.map_err(|why| broken(plain(&why)))?;
        if calls != Some(index.calls) || commands != Some(index.commands()) {
            return Err(broken("it is not whole: it holds less than its index says".into()));
        }
        for host in &index.hosts {
            let file = logs.remove(&host.name);
            if file.is_none() && host.records > 0 {
                return Err(broken(format!("it is not whole: the logs of {} are missing", host.name)));
            }
            let recorded = RecordedLogs {
                file: file.map(Arc::new),
                since: index.logs_since,
                clock_ahead: host.clock_ahead,
                unread: host.unread.clone(),
                failed: host.logs_failed.clone(),
                of: index.words(),
            };
            tape.logs.insert(host.name.clone(), Arc::new(recorded));
        }
        Ok(Recording { index, tape })
    }

    /// Whether a file is, or was to be, a recording: saved logs and sosreports are none.
    pub fn is_one(file: &Path) -> bool {
        let Ok(mut archive) = archive(file, Limits::default()) else { return false };
        let Ok(mut members) = archive.entries() else { return false };
        match members.next() {
            Some(Ok(first)) => first.path_bytes() == b"index.json".as_slice(),
            // Cut off or damaged: that is said when it is opened.
            _ => true,
        }
    }

    /// When a recording was made, by its first bytes alone; none where it is no recording.
    pub fn time_of(file: &Path) -> Option<Timestamp> {
        let mut archive = archive(file, Limits::default()).ok()?;
        let first = archive.entries().ok()?.next()?;
        index(first, Limits::default()).ok().map(|index| index.at)
    }

    /// What was kept of smog.yml: which hosts there are, and which logs.
    pub fn smog_file(&self) -> SmogFile {
        self.index.smog_yml.file()
    }

    /// A cloud that answers from the recording alone. Nothing is connected, and nothing can be
    /// changed.
    ///
    /// # Errors
    /// [`Error::Parse`] where the recording's login is not of the form it should have.
    pub fn cloud(self, options: Options) -> Result<Cloud> {
        let file = self.smog_file();
        Cloud::of_tape(&self.index.cloud, &self.index.auth_url, self.index.login, &file, self.tape, options)
    }
}

#[derive(serde::Deserialize)]
struct HostLine {
    host: String,
    #[serde(flatten)]
    answer: RecordedAnswer,
}

type Archive = tar::Archive<Limited<XzReader<BufReader<File>>>>;

fn archive(file: &Path, limits: Limits) -> Result<Archive> {
    let opened = File::open(file).and_then(|opened| Ok((opened.metadata()?, opened)));
    let (about, opened) = opened.map_err(|why| invalid(file, why.to_string()))?;
    if !about.is_file() {
        return Err(invalid(file, "it is no file".into()));
    }
    let mut reader = BufReader::with_capacity(256 << 10, opened);
    let begin = reader.fill_buf().map_err(|why| invalid(file, why.to_string()))?;
    if !begin.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
        return Err(invalid(file, "it is no recording of smog (a tar archive, compressed by xz)".into()));
    }
    let reader = XzReader::new_mem_limit(reader, false, limits.memory_kib);
    Ok(tar::Archive::new(Limited { from: reader, left: limits.whole, all: limits.whole }))
}

fn index(member: io::Result<Member<'_>>, limits: Limits) -> std::result::Result<Index, String> {
    let member = member.map_err(|why| plain(&why))?;
    let name = name_of(&member)?;
    if name != "index.json" {
        return Err("it is no recording of smog: it does not begin with `index.json`".into());
    }
    let mut text = Vec::new();
    member.take(limits.index + 1).read_to_end(&mut text).map_err(|why| plain(&why))?;
    if text.len() as u64 > limits.index {
        return Err(format!("its index has more than {} KiB, the limit", limits.index >> 10));
    }
    #[derive(serde::Deserialize)]
    struct Form {
        kind: String,
        format: u32,
        #[serde(default)]
        smog: String,
    }
    let form: Form =
        serde_json::from_slice(&text).map_err(|why| format!("index.json: {}", crate::json_words(&why)))?;
    if form.kind != KIND {
        return Err("it is no recording of smog".into());
    }
    if form.format != FORMAT {
        return Err(format!(
            "it has form {}, made by smog {}; this smog {} reads form {FORMAT}",
            form.format,
            crate::show::visible(&form.smog),
            env!("CARGO_PKG_VERSION")
        ));
    }
    serde_json::from_slice(&text).map_err(|why| format!("index.json: {}", crate::json_words(&why)))
}

type Member<'a> = tar::Entry<'a, Limited<XzReader<BufReader<File>>>>;

/// Only plain files have a place in it; a name says which part it is, and is no path to anywhere.
fn name_of(member: &Member<'_>) -> std::result::Result<String, String> {
    let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
    let name = crate::show::visible(&name).into_owned();
    match member.header().entry_type() {
        tar::EntryType::Regular => Ok(name),
        tar::EntryType::Symlink | tar::EntryType::Link => Err(format!("`{name}` in it is a link")),
        _ => Err(format!("`{name}` in it is no plain file")),
    }
}

/// N of `logs/N.jsonl`.
fn number(name: &str) -> Option<usize> {
    let digits = name.strip_prefix("logs/")?.strip_suffix(".jsonl")?;
    let is_number = digits.len() <= 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// A file without a name, with what is in a member.
fn spool(mut member: impl Read) -> io::Result<File> {
    let mut file = unnamed()?;
    io::copy(&mut member, &mut file)?;
    file.flush()?;
    Ok(file)
}

/// The lines of a member.
struct Lines<'a> {
    name: &'a str,
    room: &'a mut u64,
    values: usize,
}

impl Lines<'_> {
    /// Call `take` for each; how many there are.
    fn each(
        &mut self,
        member: impl Read,
        mut take: impl FnMut(String) -> std::result::Result<(), String>,
    ) -> std::result::Result<usize, String> {
        let name = self.name;
        let mut reader = BufReader::with_capacity(256 << 10, member.take(*self.room + 1));
        let mut count = 0;
        loop {
            let mut line = Vec::new();
            let read =
                reader.read_until(b'\n', &mut line).map_err(|why| format!("{name}: {}", plain(&why)))?;
            if read == 0 {
                return Ok(count);
            }
            count += 1;
            *self.room =
                self.room.checked_sub(read as u64).ok_or("its answers are more than is read of one")?;
            if memchr::memchr_iter(b',', &line).count() > self.values {
                return Err(format!("{name}:{count}: more than {} values", self.values));
            }
            if line.pop() != Some(b'\n') {
                return Err(format!("{name}:{count}: the line is cut off"));
            }
            let line = String::from_utf8(line).map_err(|_| format!("{name}:{count}: it is no UTF-8"))?;
            take(line).map_err(|why| format!("{name}:{count}: {why}"))?;
        }
    }
}

/// Reads no more than a limit.
struct Limited<R> {
    from: R,
    left: u64,
    all: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(to)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::other(format!("unpacked it has more than {} MiB, the limit", self.all >> 20))
        })?;
        Ok(count)
    }
}

/// What is wrong, in words.
fn plain(why: &io::Error) -> String {
    match why.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off".into(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => format!("it is damaged ({why})"),
        _ => why.to_string(),
    }
}

fn invalid(file: &Path, why: String) -> Error {
    let file: PathBuf = file.into();
    Error::Invalid { what: format!("the recording {}", file.display()), why, hint: None }
}
