//! Logs of all hosts as one stream: as an iterator, and in the background with a handler.

mod ask;
mod handler;
mod stream;
mod watcher;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

pub use ask::{LogsAsked, logs_of_traces};
pub use stream::Watch;
pub use watcher::{Watched, Watcher};

/// Whether a `with` block ends by an exception of its own, which must not be hidden.
fn is_under_way(exception: &Bound<'_, PyTuple>) -> bool {
    exception.get_item(0).is_ok_and(|class| !class.is_none())
}
