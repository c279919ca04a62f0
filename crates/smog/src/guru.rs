//! Guru Meditation Reports: what a service of OpenStack does at this moment, reported by the service.
//!
//! oslo.reports writes one when it is asked, with the stack of every thread and green thread.
//! [`Host::guru`](crate::host::Host::guru) asks the way the service is configured for, reads the
//! report and groups equal stacks; [`diff`] compares two of them.

mod ask;
mod diff;
mod parse;
mod probe;
mod show;
mod waits;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use diff::{Moved, diff};
pub use parse::parse;

/// What a process said of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Guru {
    /// The host.
    pub host: String,
    /// The service: "nova-compute".
    pub service: String,
    /// The process.
    pub pid: u32,
    /// When it was asked, by the reader's clock.
    pub asked_at: Option<Timestamp>,
    /// How it was asked, and where its report was read.
    pub way: String,
    /// "OpenStack Nova".
    pub product: String,
    /// Its version.
    pub version: String,
    /// Threads and green threads with equal stacks, those that wait for nothing usual first.
    pub stacks: Vec<Stacks>,
    /// The processes, as the report has them.
    pub processes: Vec<String>,
    /// The configuration in use, by section; what is secret is masked.
    pub configuration: BTreeMap<String, BTreeMap<String, String>>,
    /// Sections of the report that smog does not read.
    pub other_sections: Vec<String>,
    /// The report as it stands, with what is secret masked.
    #[serde(skip)]
    pub text: String,
}

/// A native thread, or a green one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A thread of the kernel.
    Thread,
    /// A green thread of eventlet.
    Green,
}

/// Equal stacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stacks {
    /// Of which kind.
    pub kind: Kind,
    /// How many there are.
    pub count: usize,
    /// What they wait in.
    pub waits_in: String,
    /// It is what a service does when it has nothing to do.
    pub idle: bool,
    /// The innermost function of the service's own code.
    pub own: Option<String>,
    /// The frames, the outermost first; none where the report has no traceback.
    pub frames: Vec<Frame>,
}

/// A frame of a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Frame {
    /// The file.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The function.
    pub function: String,
    /// The line's code.
    pub code: String,
}

impl Frame {
    /// The file without the folder of Python's packages.
    pub fn short_file(&self) -> &str {
        let cut = ["/dist-packages/", "/site-packages/"]
            .iter()
            .find_map(|folder| self.file.split_once(folder).map(|(_, rest)| rest));
        cut.unwrap_or(&self.file)
    }
}

impl std::fmt::Display for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} in {}", self.short_file(), self.line, self.function)
    }
}
