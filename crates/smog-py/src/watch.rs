//! Logs of all hosts as one stream: as an iterator, and in the background with a handler.

mod ask;
mod handler;
mod stream;
mod watcher;

pub use ask::LogsAsked;
pub use stream::Watch;
pub use watcher::{Watched, Watcher};
