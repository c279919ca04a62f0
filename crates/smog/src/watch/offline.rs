//! Logs that were saved: a folder, a tar archive, a sosreport, a must-gather, the folder of a CI
//! job, a file, or standard input, read as the hosts' own logs are.
//!
//! [`place`] finds the files of a place, [`kind`] says what a file is by its path, [`tree`] of
//! which host it is and in which zone, [`read`] makes records of all in the order of time.

mod archive;
mod entry;
mod facts;
mod guest;
mod kind;
mod place;
mod read;
#[cfg(test)]
mod tests;
mod tree;
mod trouble;

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;

use self::entry::{Bytes, Entry};
pub(crate) use self::facts::{HostFiles, host_files};
pub use self::read::ReadUp;
pub use self::trouble::{Trouble, What};
use super::clock::Clock;
use super::formats::Formats;
use crate::error::{Error, Result};

/// Which saved logs are to be read.
#[derive(Debug, Clone, Default)]
pub struct Offline {
    /// Folders, archives and files; `-` is the input given to [`Offline::open`].
    pub places: Vec<PathBuf>,
    /// The zone of times that name none, where the place does not say it; none: UTC.
    pub zone: Option<TimeZone>,
    /// Only of these hosts; empty: of all.
    pub hosts: Vec<String>,
    /// The host of all files, whatever their places say.
    pub host: Option<String>,
}

/// What was found in the places: nothing of a log is read yet but its beginning.
#[derive(Debug)]
pub struct Saved {
    sources: Vec<Source>,
    results: Vec<Entry>,
    troubles: Vec<Trouble>,
    hosts: Vec<String>,
}

/// One log of a place.
#[derive(Debug)]
pub struct Source {
    /// Where it is, behind the archive's name and a colon when it is in one.
    pub path: String,
    /// The host it is of; "-" where the place does not say.
    pub host: String,
    /// As many bytes as the file has, compressed or not; 0 where that is not known.
    pub size: u64,
    /// How its times are read.
    pub clock: Clock,
    bytes: Bytes,
    formats: Option<Arc<Formats>>,
    /// The host that a record names counts more.
    own_hosts: bool,
    /// It was named itself.
    named: bool,
}

impl Offline {
    /// Find the logs of the places. `input` is what `-` means.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a place that is not there, cannot be read or has no log in it;
    /// [`Error::NotFound`] for a host of which there is none.
    pub fn open(&self, input: Option<Box<dyn Read + Send>>) -> Result<Saved> {
        let gathered = place::gather(&self.places, input, archive::Limits::default())?;
        let trees = tree::trees(&gathered);
        let mut saved =
            Saved { sources: vec![], results: vec![], troubles: gathered.troubles, hosts: vec![] };
        for entry in gathered.entries {
            match kind::kind(&entry.inside) {
                kind::Kind::Results => saved.results.push(entry),
                _ if entry.named => saved.push(self, &trees, entry),
                kind::Kind::Log if entry.size > 0 => saved.push(self, &trees, entry),
                kind::Kind::Maybe if entry.size > 0 && entry.begins_as_log() => {
                    saved.push(self, &trees, entry);
                }
                _ => {}
            }
        }
        if saved.sources.is_empty() && saved.results.is_empty() && saved.troubles.is_empty() {
            let places: Vec<String> =
                self.places.iter().map(|place| format!("`{}`", place.display())).collect();
            return Err(Error::Invalid {
                what: crate::some_of::some_of(&places),
                why: "it contains no log".into(),
                hint: Some(
                    "smog looks for *.log, screen-*.txt, journals, messages, and files that begin as a log does; \
                     a file that is named itself is read in any case"
                        .into(),
                ),
            });
        }
        saved.sources.sort_by(|one, other| (&one.host, &one.path).cmp(&(&other.host, &other.path)));
        saved.only(&self.hosts)?;
        Ok(saved)
    }
}

impl Saved {
    fn push(&mut self, asked: &Offline, trees: &tree::Trees, entry: Entry) {
        let tree = trees.of(&entry.inside);
        let zone = tree.zone.clone().or_else(|| asked.zone.clone()).unwrap_or(TimeZone::UTC);
        let is_known = asked.host.is_some() || (!tree.weak && !entry.named);
        let host = match &asked.host {
            Some(host) => host.clone(),
            // A file that is named itself says nothing by its folder.
            None if entry.named => "-".into(),
            None => tree.host.clone(),
        };
        self.sources.push(Source {
            formats: tree.formats.of_log(&entry.inside),
            path: entry.shown,
            host,
            size: entry.size,
            clock: Clock { zone, latest: entry.modified },
            bytes: entry.bytes,
            own_hosts: !is_known,
            named: entry.named,
        });
    }

    /// Leave out what is of other hosts. Where records say their host, they are looked at later.
    fn only(&mut self, hosts: &[String]) -> Result<()> {
        // Where nothing could be read, that is what is said.
        if hosts.is_empty() || self.sources.is_empty() {
            return Ok(());
        }
        for host in hosts {
            if !self.sources.iter().any(|source| source.own_hosts || is_host(&source.host, host)) {
                let mut near: Vec<String> = self.hosts();
                near.dedup();
                return Err(Error::NotFound { what: "host in these logs".into(), name: host.clone(), near });
            }
        }
        self.hosts = hosts.to_vec();
        self.sources
            .retain(|source| source.own_hosts || hosts.iter().any(|host| is_host(&source.host, host)));
        Ok(())
    }

    /// The hosts, as far as the places say them.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = self.sources.iter().map(|source| source.host.clone()).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// The logs that are read.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Files of the results of tests: where they are.
    pub fn results(&self) -> Vec<&str> {
        self.results.iter().map(|entry| entry.shown.as_str()).collect()
    }

    /// The same, with their bytes; what cannot be opened is left out.
    pub(crate) fn open_results(&self) -> impl Iterator<Item = (String, Box<dyn Read + Send>)> + '_ {
        self.results.iter().filter_map(|entry| {
            let bare = entry.bytes.open().and_then(super::unpack::bare).ok()?;
            Some((entry.shown.clone(), bare.whole))
        })
    }

    /// What of the places is not read.
    pub fn troubles(&self) -> &[Trouble] {
        &self.troubles
    }
}

/// Whether a host is meant: by its name, or by its first label.
fn is_host(host: &str, asked: &str) -> bool {
    host == asked || (!asked.contains('.') && host.split('.').next() == Some(asked))
}
