//! A recording: everything smog reads of a cloud, in one file without secrets, that answers the same
//! questions later and elsewhere.
//!
//! [`Cloud::record`] runs smog's own looks (discover, explain, audit, topology, why-not …) and keeps
//! what the two wires answered them: calls of the APIs, and commands on hosts; logs are kept as
//! records. [`Recording::open`] reads such a file, and [`Recording::cloud`] is a [`Cloud`] that
//! answers from it alone: whatever was not asked then is
//! [`Error::NotRecorded`](crate::Error::NotRecorded), and nothing can be changed.
//!
//! The file is a tar archive, compressed by xz: `index.json` (what, when, and what could not be
//! read), `api.jsonl` (a call per line), `hosts.jsonl` (a command per line) and `logs/N.jsonl` (a
//! record per line of the N-th host of the index).

mod index;
mod logs;
mod look;
mod processes;
mod read;
mod saved;
#[cfg(test)]
mod tests;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub use index::{Index, IndexHost};
pub use read::Recording;

use crate::cloud::{Cloud, Tape};
use crate::config::SmogFile;
use crate::error::{Error, Result};

/// What is to be recorded. A face only fills it in.
#[derive(Debug, Clone, Default)]
pub struct RecordRequest {
    /// Only these guests: names, ids, or unambiguous beginnings of either; empty: all.
    pub guests: Vec<String>,
    /// Only these hosts, and the guests on them; empty: all.
    pub hosts: Vec<String>,
    /// How far back logs are recorded; none: one hour.
    pub since: Option<Duration>,
    /// Called with what is being asked.
    pub tell: Option<TellFn>,
}

/// Called with a few words for a person who waits.
#[derive(Clone)]
pub struct TellFn(Arc<dyn Fn(&str) + Send + Sync>);

impl TellFn {
    /// Call this.
    pub fn new(tell: impl Fn(&str) + Send + Sync + 'static) -> TellFn {
        TellFn(Arc::new(tell))
    }
}

impl std::fmt::Debug for TellFn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TellFn")
    }
}

/// So far back logs are recorded when nothing is said.
const HOUR: Duration = Duration::from_secs(3600);

impl Cloud {
    /// Record all that smog can read, and write it to `file`, which is replaced in one step and
    /// which only the user can read. Nothing of the cloud is changed. What could not be read is in
    /// [`Index::unread`].
    ///
    /// # Errors
    /// [`Error::NotFound`] for a guest or host that there is not, as [`Cloud::servers`], and
    /// [`Error::Invalid`] where the file cannot be written. Then, and when the future is dropped,
    /// no file is left behind.
    pub async fn record(&self, smog: &SmogFile, request: &RecordRequest, file: &Path) -> Result<Index> {
        if let Some(of) = self.recording_of() {
            return Err(Error::Invalid {
                what: "recording".into(),
                why: format!("this is {of} already"),
                hint: None,
            });
        }
        write::check_folder(file)?;
        let begun = Timestamp::now();
        let back = request.since.unwrap_or(HOUR);
        let since = begun - SignedDuration::try_from(back).unwrap_or(SignedDuration::from_hours(1));
        let tape = Arc::new(Tape::new("", begun));
        let taped = self.taped(Arc::clone(&tape));
        let mut unread = look::Unread::default();
        let whom = look::whom(&taped, request).await?;
        let tell = |text: &str| request.tell.iter().for_each(|tell| (tell.0)(text));
        look::all(&taped, &whom, &mut unread, &tell).await;
        // What was logged after this is not read.
        let mut index = Index::of(self, smog, request, begun, since);
        tell("logs");
        let redactor = self.redactor();
        let logs = logs::record(self, smog, &whom, since, &redactor).await?;
        unread.0.extend(logs.unread.iter().cloned());
        index.unread = unread.lines(&redactor);
        tell("writing");
        write::write(index, &tape, logs, redactor, file).await
    }
}
