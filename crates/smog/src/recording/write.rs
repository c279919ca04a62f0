//! Writing a recording: whole or not at all.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lzma_rust2::{XzOptions, XzWriter};

use super::index::Index;
use super::logs::{HostLogs, full, unnamed};
use crate::cloud::Tape;
use crate::error::{Error, Result};
use crate::host::RecordedAnswer;
use crate::redact::Redactor;

/// How hard xz works: more takes several times as long and gives little.
const PRESET: u32 = 3;

/// The host whose command it is.
#[derive(serde::Serialize)]
struct Line<'a> {
    host: &'a str,
    #[serde(flatten)]
    answer: RecordedAnswer,
}

/// Say no before anything is asked, where the file could not be written.
pub(super) fn check_folder(file: &Path) -> Result<()> {
    if file.is_dir() {
        return Err(unwritable(file, &io::Error::other("it is a folder")));
    }
    let folder = folder_of(file);
    match std::fs::metadata(folder) {
        Ok(about) if about.is_dir() => Ok(()),
        Ok(_) => Err(unwritable(file, &io::Error::other(format!("{} is no folder", folder.display())))),
        Err(why) => Err(unwritable(file, &why)),
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn unwritable(file: &Path, why: &io::Error) -> Error {
    Error::Invalid { what: format!("the recording {}", file.display()), why: why.to_string(), hint: None }
}

/// Set when nobody waits for the file any more.
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Write it all: compressed into a file without a name, which nothing leaves behind, then copied
/// and renamed.
pub(super) async fn write(
    mut index: Index,
    tape: &Arc<Tape>,
    mut logs: HostLogs,
    redactor: Redactor,
    file: &Path,
) -> Result<Index> {
    for name in tape.hosts() {
        logs.host(&name);
    }
    let given_up = Arc::new(AtomicBool::new(false));
    let _guard = GivenUp(Arc::clone(&given_up));
    let tape = Arc::clone(tape);
    let pack = move || -> io::Result<(Index, File)> {
        let api = tape.each_call(&redactor);
        index.calls = api.len();
        let mut commands = Vec::new();
        let mut files = Vec::new();
        for (name, mut one) in logs.hosts {
            let answers = tape.host(&name).each_answer(&redactor);
            one.index.commands = answers.len();
            for answer in answers {
                commands.push(serde_json::to_string(&Line { host: &name, answer })?);
            }
            files.push(one.file);
            index.hosts.push(one.index);
        }
        let to = XzWriter::new(unnamed()?, XzOptions::with_preset(PRESET))?;
        let mut tar = tar::Builder::new(to);
        let index_text = serde_json::to_string_pretty(&index)?;
        let at = index.at.as_second().unsigned_abs();
        add(&mut tar, "index.json", at, index_text.len() as u64, index_text.as_bytes())?;
        for (name, lines) in [("api.jsonl", &api), ("hosts.jsonl", &commands)] {
            let length: usize = lines.iter().map(|line| line.len() + 1).sum();
            add(&mut tar, name, at, length as u64, Lines::of(lines, &given_up))?;
        }
        for (number, log) in files.into_iter().enumerate() {
            let Some(mut log) = log else { continue };
            let length = log.seek(SeekFrom::End(0))?;
            log.seek(SeekFrom::Start(0))?;
            add(
                &mut tar,
                &format!("logs/{number}.jsonl"),
                at,
                length,
                WhileWanted { from: log, given_up: &given_up },
            )?;
        }
        let mut packed = tar.into_inner()?.finish()?;
        packed.seek(SeekFrom::Start(0))?;
        Ok((index, packed))
    };
    let packed = tokio::task::spawn_blocking(pack).await;
    let packed = packed.unwrap_or_else(|why| Err(io::Error::other(why.to_string())));
    let (index, mut packed) = packed.map_err(|why| full(&why))?;
    // From here on it takes milliseconds: only what is compressed is copied.
    let mut put = || -> io::Result<()> {
        let mut new = tempfile::Builder::new().prefix(".smog-record-").tempfile_in(folder_of(file))?;
        new.as_file().set_permissions(std::fs::Permissions::from_mode(0o600))?;
        io::copy(&mut packed, new.as_file_mut())?;
        new.as_file().sync_all()?;
        new.persist(file).map(drop).map_err(|why| why.error)
    };
    put().map_err(|why| unwritable(file, &why))?;
    Ok(index)
}

fn add(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    at: u64,
    length: u64,
    bytes: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o600);
    header.set_mtime(at);
    header.set_size(length);
    tar.append_data(&mut header, name, bytes)
}

/// Lines as one text.
struct Lines<'a> {
    lines: std::slice::Iter<'a, String>,
    rest: &'a [u8],
    end: bool,
    given_up: &'a AtomicBool,
}

impl<'a> Lines<'a> {
    fn of(lines: &'a [String], given_up: &'a AtomicBool) -> Lines<'a> {
        Lines { lines: lines.iter(), rest: &[], end: false, given_up }
    }
}

impl Read for Lines<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("it was given up"));
        }
        if self.rest.is_empty() {
            if std::mem::take(&mut self.end) {
                self.rest = b"\n";
            } else if let Some(line) = self.lines.next() {
                self.rest = line.as_bytes();
                self.end = true;
            }
        }
        let count = self.rest.len().min(to.len());
        to[..count].copy_from_slice(&self.rest[..count]);
        self.rest = &self.rest[count..];
        Ok(count)
    }
}

struct WhileWanted<'a> {
    from: File,
    given_up: &'a AtomicBool,
}

impl Read for WhileWanted<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("it was given up"));
        }
        self.from.read(to)
    }
}
