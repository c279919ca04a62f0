//! What was there, on disk before anything is changed.
//!
//! A journal is two files: the body, written once before the first change, and the
//! marks, one line for each beginning and end of a step. Both lie on the machine smog
//! runs on (`FOLDER/RUN/HOST.json`, `HOST.marks`) and on the host itself
//! (`/var/lib/smog/journal/RUN.json`, `RUN.marks`); either is enough to restore.
//!
//! Restoring does not trust the marks: it compares what is there with what was there
//! and with what smog wrote. The marks say which services may run with the changed files.

use crate::hint::{self, Hint};
use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::change::{Change, Restart};
use super::lock::Owner;
use crate::error::{Error, Result};

/// One run's changes of one host. It may hold passwords: it is written for root alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The form of this file.
    pub version: u32,
    /// Who made it.
    pub owner: Owner,
    /// The host, by the name smog knew it by.
    pub host: String,
    /// The changes, in the order they are made.
    pub changes: Vec<Change>,
    /// The services that are restarted after them.
    pub restarts: Vec<Restart>,
}

/// What the marks say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Steps that were about to be made.
    pub begun: BTreeSet<usize>,
    /// Steps that were made.
    pub done: BTreeSet<usize>,
    /// Steps that were taken back, or left to who changed them.
    pub undone: BTreeSet<usize>,
    /// Services that were about to be restarted.
    pub restarting: BTreeSet<String>,
    /// Services that run with the old files again.
    pub back: BTreeSet<String>,
    /// Whether everything was made and verified.
    pub prepared: bool,
}

/// One mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark<'a> {
    /// A step is about to be made.
    Begun(usize),
    /// It was made.
    Done(usize),
    /// It was taken back.
    Undone(usize),
    /// A service is about to be restarted.
    Restarting(&'a str),
    /// It runs with the old files again.
    Back(&'a str),
    /// All was made and verified.
    Prepared,
}

/// The version this smog writes and reads.
pub const VERSION: u32 = 1;

impl Mark<'_> {
    /// As it stands in the file, without the line end.
    pub fn line(&self) -> String {
        match self {
            Mark::Begun(step) => format!("begun {step}"),
            Mark::Done(step) => format!("done {step}"),
            Mark::Undone(step) => format!("undone {step}"),
            Mark::Restarting(unit) => format!("restarting {}", one_line(unit)),
            Mark::Back(unit) => format!("back {}", one_line(unit)),
            Mark::Prepared => "prepared".to_string(),
        }
    }
}

impl Marks {
    /// Read marks; a line that was cut off by a crash, or one not known, is passed over.
    pub fn parse(text: &str) -> Marks {
        let mut marks = Marks::default();
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            let step = rest.parse::<usize>();
            match (verb, step) {
                ("begun", Ok(step)) => {
                    marks.begun.insert(step);
                }
                ("done", Ok(step)) => {
                    marks.done.insert(step);
                }
                ("undone", Ok(step)) => {
                    marks.undone.insert(step);
                }
                ("restarting", _) => {
                    marks.restarting.insert(rest.to_string());
                    marks.back.remove(rest);
                }
                ("back", _) => {
                    marks.back.insert(rest.to_string());
                }
                ("prepared", _) => marks.prepared = true,
                _ => {}
            }
        }
        marks
    }

    /// What either says.
    #[must_use]
    pub fn and(mut self, other: Marks) -> Marks {
        self.begun.extend(other.begun);
        self.done.extend(other.done);
        self.undone.extend(other.undone);
        self.restarting.extend(other.restarting);
        self.back.extend(other.back);
        self.prepared |= other.prepared;
        self
    }
}

impl Journal {
    /// The run it is of.
    pub fn run(&self) -> &str {
        &self.owner.run
    }

    /// Its text.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|why| Error::Parse {
            what: "journal".into(),
            source_of: "smog".into(),
            why: why.to_string(),
        })
    }

    /// Read its text.
    ///
    /// # Errors
    /// [`Error::Parse`], also for one a newer smog wrote.
    pub fn from_json(text: &str, place: &str) -> Result<Journal> {
        let unread = |why: String| Error::Parse { what: "journal".into(), source_of: place.into(), why };
        let journal: Journal = serde_json::from_str(text).map_err(|why| unread(crate::json_words(&why)))?;
        if journal.version != VERSION {
            let newer = journal.version;
            return Err(unread(format!("its form is {newer}, this smog knows {VERSION}")));
        }
        journal.strange().map_or(Ok(()), |why| Err(unread(why)))?;
        Ok(journal)
    }

    /// What in it no smog writes. A journal comes from a host, and what it names becomes paths
    /// and arguments, here and there.
    fn strange(&self) -> Option<String> {
        if !is_run(self.run()) {
            return Some(format!("`{}` is not a run of smog", shown(self.run())));
        }
        let plain = |text: &str| !text.is_empty() && text.len() <= 4096 && !text.contains(char::is_control);
        if !plain(&self.host) || self.host.contains('/') {
            return Some(format!("`{}` is not a host name", shown(&self.host)));
        }
        let bad = self.changes.iter().find_map(|change| {
            let fine = match change {
                Change::File(file) => plain(&file.path) && is_whole_path(&file.path),
                Change::Value(value) => plain(&value.path) && is_whole_path(&value.path),
                Change::Unit(unit) => plain(&unit.unit) && !unit.unit.contains('/'),
                Change::Domain(domain) => plain(&domain.domain),
            };
            (!fine).then(|| change.target().to_string())
        });
        if let Some(bad) = bad {
            return Some(format!("`{}` is not something smog changes", shown(&bad)));
        }
        let bad = self.restarts.iter().find(|restart| !plain(restart.name()));
        bad.map(|restart| format!("`{}` is not a service name", shown(restart.name())))
    }
}

/// A mark is one line, whatever a unit is called.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// Whether a text can be a run's id: it is part of paths and of commands.
pub(super) fn is_run(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (1..=64).contains(&text.len()) && text.chars().all(plain) && !text.starts_with('-')
}

/// Absolute, and every part of it a name.
fn is_whole_path(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
}

/// The beginning of a strange text, on one line.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(80).collect()
}

/// The journals on the machine smog runs on.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The journals in this folder, which need not be there yet.
    pub fn new(folder: impl Into<PathBuf>) -> Store {
        Store { folder: folder.into() }
    }

    /// Write a journal: when this returns, it is on the disk.
    ///
    /// # Errors
    /// [`Error::Config`] with the path, when the disk or the rights do not allow it.
    pub fn write(&self, journal: &Journal) -> Result<()> {
        crate::record_folder(&self.folder)?;
        let path = self.body(journal.run(), &journal.host);
        let text = journal.to_json()?;
        self.made(&path, || {
            let folder = path.parent().unwrap_or(&self.folder);
            let mut builder = std::fs::DirBuilder::new();
            builder.recursive(true).mode(0o700).create(folder)?;
            let temporary = path.with_extension("tmp");
            let written = (|| {
                // One that exists is left from a crash: nothing else writes into this folder.
                let _ = std::fs::remove_file(&temporary);
                let mut file = private().create_new(true).open(&temporary)?;
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
                std::fs::rename(&temporary, &path)
            })();
            if written.is_err() {
                // On a full disk most of all: half a journal is useless.
                let _ = std::fs::remove_file(&temporary);
                let _ = std::fs::remove_dir(folder);
            }
            written?;
            sync_folder(folder)?;
            sync_folder(&self.folder)
        })
    }

    /// Add a mark: when this returns, it is on the disk.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn mark(&self, run: &str, host: &str, mark: Mark<'_>) -> Result<()> {
        let path = self.body(run, host).with_extension("marks");
        if !self.body(run, host).exists() {
            // A restore from another machine than the one it was made on.
            return Ok(());
        }
        self.made(&path, || {
            let is_new = !path.exists();
            let mut file = private().create(true).append(true).open(&path)?;
            // After a line that a crash cut off, a new one.
            let text = std::fs::read(&path)?;
            let glue = if text.is_empty() || text.ends_with(b"\n") { "" } else { "\n" };
            file.write_all(format!("{glue}{}\n", mark.line()).as_bytes())?;
            file.sync_data()?;
            if is_new { sync_folder(path.parent().unwrap_or(&self.folder)) } else { Ok(()) }
        })
    }

    /// All journals with their marks, and the files that cannot be read, with the reason.
    pub fn all(&self) -> (Vec<(Journal, Marks)>, Vec<Error>) {
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for run in entries(&self.folder) {
            for path in
                entries(&run).into_iter().filter(|path| path.extension().is_some_and(|it| it == "json"))
            {
                let place = path.display().to_string();
                let read = std::fs::read_to_string(&path).map_err(|why| self.unusable(&path, &why));
                let read = read.and_then(|text| Journal::from_json(&text, &place));
                match read.and_then(|journal| self.in_its_place(journal, &path)) {
                    Ok(journal) => {
                        let marks = std::fs::read_to_string(path.with_extension("marks")).unwrap_or_default();
                        found.push((journal, Marks::parse(&marks)));
                    }
                    Err(why) => unread.push(why),
                }
            }
        }
        (found, unread)
    }

    /// The runs that have a journal here.
    pub fn runs(&self) -> BTreeSet<String> {
        let runs = entries(&self.folder).into_iter().filter(|run| {
            entries(run).iter().any(|path| path.extension().is_some_and(|extension| extension == "json"))
        });
        runs.filter_map(|run| Some(run.file_name()?.to_str()?.to_string())).collect()
    }

    /// A journal lies where its run and host say, or it would never be found again.
    fn in_its_place(&self, journal: Journal, path: &Path) -> Result<Journal> {
        match self.body(journal.run(), &journal.host) == path {
            true => Ok(journal),
            false => Err(Error::Parse {
                what: "journal".into(),
                source_of: path.display().to_string(),
                why: format!("it is the one of run {} and host {}", journal.run(), journal.host),
            }),
        }
    }

    /// Remove a journal: when this returns, it is gone from the disk.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn remove(&self, run: &str, host: &str) -> Result<()> {
        let path = self.body(run, host);
        if !path.exists() {
            return Ok(());
        }
        self.made(&path, || {
            let folder = path.parent().unwrap_or(&self.folder);
            // The body first: marks without it are nothing.
            std::fs::remove_file(&path)?;
            for other in ["marks", "tmp"] {
                let _ = std::fs::remove_file(path.with_extension(other));
            }
            sync_folder(folder)?;
            // Not when another host's journal is in it.
            let _ = std::fs::remove_dir(folder);
            Ok(())
        })
    }

    fn body(&self, run: &str, host: &str) -> PathBuf {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let host: String = host.chars().map(plain).collect();
        // Runs are checked where they are read; here nothing can lead out of the folder.
        let run: String = run.chars().map(plain).map(|c| if c == '.' { '_' } else { c }).collect();
        self.folder.join(run).join(format!("{host}.json"))
    }

    fn made(&self, path: &Path, how: impl FnOnce() -> std::io::Result<()>) -> Result<()> {
        how().map_err(|why| self.unusable(path, &why))
    }

    fn unusable(&self, path: &Path, why: &std::io::Error) -> Error {
        Error::Config {
            place: path.display().to_string(),
            message: format!("the journal cannot be kept: {why}"),
            hint: Some(
                Hint::from("nothing is changed without a journal; ")
                    .and(hint::JOURNAL.hint())
                    .and(" names another folder"),
            ),
        }
    }
}

fn private() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests;
