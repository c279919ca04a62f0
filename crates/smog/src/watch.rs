//! Watching logs: every host's at once, records instead of lines, exceptions caught whole.
//!
//! [`Watch`] follows files, journals and commands on many hosts and yields [`Record`]s in
//! the order of time. A [`Watcher`] does so in the background and lets a [`Handler`]
//! decide about each.

mod allow;
mod assemble;
mod clock;
mod exception;
mod filter;
mod follow;
mod form;
mod formats;
mod frame;
mod framed;
mod handler;
mod head;
mod in_order;
mod journal;
mod json_form;
mod level;
mod merge;
mod offline;
mod packages;
mod plan;
mod query;
mod record;
mod save;
mod scan;
mod sources;
mod stamp;
mod twice;
mod unpack;
mod unread;
mod watcher;

pub use allow::{Allow, AllowList, AllowUse};
pub use assemble::Assembler;
pub use clock::{Clock, zone};
pub use exception::{Cause, Exception};
pub use filter::{Filter, patterns};
pub use formats::{Formats, FormatsOfHost};
pub use handler::{Exceptions, Handler, Patterns, Verdict};
pub(crate) use head::without_colours;
pub use in_order::InOrder;
pub use level::Level;
pub use merge::{Event, Watch};
pub(crate) use offline::{HostFiles, host_files};
pub use offline::{Offline, ReadUp, Saved, Trouble, What};
pub(crate) use packages::is_own_file;
pub use plan::{LogsWanted, Plan};
pub use query::{LogQuery, LogSearch};
pub use record::Record;
pub use save::Save;
pub use scan::{Scan, Scanned, Wanted};
pub use sources::{From, Sources};
pub use unpack::unpack;
pub use unread::Unread;
pub(crate) use watcher::LAST_WORDS;
pub use watcher::{Watched, Watcher, Watchers, problem_text};
