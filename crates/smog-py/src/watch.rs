//! Logs of all hosts as one stream: as an iterator, and in the background with a handler.

mod handler;
mod stream;
mod watcher;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smog::watch::{LogQuery, LogSearch, LogsWanted};

use crate::session::Session;

pub use stream::Watch;
pub use watcher::{Watched, Watcher};

/// What a query comes to, with this login.
async fn resolve(query: &LogQuery, session: &Session) -> smog::Result<LogSearch> {
    query.resolve(&session.settings().file, session.cloud().await).await
}

/// What is said when the hosts of smog.yml are read instead.
fn without_cloud(search: &LogSearch) -> Option<String> {
    search.without_cloud.as_ref().map(|why| format!("continuing with the hosts of smog.yml: {why}"))
}

/// The logs of all hosts, as smog.yml has them.
pub fn logs_of_traces(session: &Session) -> LogsWanted {
    LogsWanted { all_services: true, ..LogsWanted::of_section(&session.settings().file.watch) }
}

/// Whether a `with` block ends by an exception of its own, which must not be hidden.
pub fn is_under_way(exception: &Bound<'_, PyTuple>) -> bool {
    exception.get_item(0).is_ok_and(|class| !class.is_none())
}
