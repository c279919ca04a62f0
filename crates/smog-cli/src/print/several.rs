//! Several things asked of at once: one that fails does not stop the others, and each is named.

use std::future::Future;

use futures_util::StreamExt;
use futures_util::stream;
use smog::{Error, ExitCode, Result};

use crate::output;
use crate::session::Session;

/// So many at once.
const AT_ONCE: usize = 8;

/// Delete things, each with its name.
pub async fn deleted<W: Future<Output = Result<()>>>(
    works: Vec<(String, W)>,
    session: &Session,
) -> Result<ExitCode> {
    let ended = works.into_iter().map(|(name, work)| async move { (name, work.await) });
    let mut ended = stream::iter(ended).buffered(AT_ONCE);
    let (mut failed, mut count) = (vec![], 0);
    while let Some((name, result)) = ended.next().await {
        count += 1;
        match result {
            Ok(()) => session.done(&format!("{name}: deleted")),
            Err(why) => failed.push((name, why)),
        }
    }
    summed_up(failed, count)
}

/// Each failure with its name, and the exit code: that of the error where only one thing was
/// asked for.
pub fn summed_up(mut failed: Vec<(String, Error)>, count: usize) -> Result<ExitCode> {
    if count == 1
        && let Some((_, why)) = failed.pop()
    {
        return Err(why);
    }
    for (name, why) in &failed {
        output::error_of(name, why);
    }
    Ok(if failed.is_empty() { ExitCode::Ok } else { ExitCode::Failed })
}
