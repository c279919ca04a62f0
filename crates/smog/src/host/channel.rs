//! One command under way, whatever the wire.

use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::host::Exit;
use crate::host::begin::Before;

/// How the far end came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The command ended.
    Exited(Exit),
    /// The wire was cut; whether the command ended is not known.
    Lost(String),
}

/// The three streams and the end. Dropping it (or only `stdin`) ends the command, see `leash`.
pub(crate) struct Channel {
    pub(crate) stdin: Pin<Box<dyn AsyncWrite + Send>>,
    pub(crate) stdout: Pin<Box<dyn AsyncRead + Send>>,
    pub(crate) stderr: Pin<Box<dyn AsyncRead + Send>>,
    /// What stands before the exit code in standard error, see `leash`; empty for a replay.
    pub(crate) mark: String,
    /// What is said before the command begins, see `begin`; `None` for a replay.
    pub(crate) before: Option<Before>,
    /// To be polled only when both outputs are at their end: it closes the channel.
    pub(crate) ended: Pin<Box<dyn Future<Output = Ended> + Send>>,
    /// The place among the commands of one connection, free again when this is dropped.
    pub(crate) _slot: Option<tokio::sync::OwnedSemaphorePermit>,
}
