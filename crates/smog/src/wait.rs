//! Waiting on a condition: a deadline, a last state for the message, progress on the way.
//!
//! Nothing in smog sleeps "long enough"; everything that takes time is waited
//! for here.

use std::future::Future;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// What one look at the world said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen<T> {
    /// The condition holds.
    Done(T),
    /// Not yet; the state for people, such as "BUILD (spawning)".
    NotYet(String),
}

/// A wait in progress, as told to whoever shows it.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// What is waited for.
    pub what: &'a str,
    /// The last state seen.
    pub last: &'a str,
    /// Since when it is waited for.
    pub elapsed: Duration,
}

/// How to wait: how long, how often to look, whom to tell.
#[derive(Clone, Copy)]
pub struct Wait<'a> {
    /// Give up after this time.
    pub timeout: Duration,
    /// Look this often; less often where a look takes long, so that asking a busy cloud
    /// does not make it busier: the pause is twice the time of the look then, 3 s at most.
    pub every: Duration,
    /// Called after each look that said "not yet".
    pub tell: &'a (dyn Fn(Waiting<'_>) + Send + Sync),
}

/// The longest pause between two looks that is made only because a look takes long.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Tells nobody.
pub const SILENT: &(dyn Fn(Waiting<'_>) + Send + Sync) = &|_| {};

impl Wait<'_> {
    /// Wait this long, telling nobody.
    pub fn up_to(timeout: Duration) -> Wait<'static> {
        Wait { timeout, every: Duration::from_millis(500), tell: SILENT }
    }
}

impl Default for Wait<'_> {
    /// Five minutes, a look every half second, telling nobody.
    fn default() -> Self {
        Wait::up_to(Duration::from_secs(300))
    }
}

/// Look until `probe` says [`Seen::Done`], or the time is over.
///
/// # Errors
/// The probe's own error ends the wait at once; [`Error::Timeout`] carries
/// `what` and the last state. Whoever knows the request id adds it.
pub async fn until<T, F, P>(what: &str, wait: Wait<'_>, mut probe: P) -> Result<T>
where
    P: FnMut() -> F,
    F: Future<Output = Result<Seen<T>>>,
{
    let begun = Instant::now();
    loop {
        let looked = Instant::now();
        let last = match probe().await? {
            Seen::Done(value) => return Ok(value),
            Seen::NotYet(last) => last,
        };
        let elapsed = begun.elapsed();
        if elapsed >= wait.timeout {
            return Err(Error::Timeout {
                what: what.to_string(),
                waited: wait.timeout,
                last,
                request_id: None,
            });
        }
        (wait.tell)(Waiting { what, last: &last, elapsed });
        let pause = wait.every.max((2 * looked.elapsed()).min(LONGEST_PAUSE));
        tokio::time::sleep(pause.min(wait.timeout - elapsed)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ends_at_once_when_the_condition_holds() {
        let mut looks = 0;
        let value = until("three looks", Wait { every: Duration::from_millis(1), ..Wait::default() }, || {
            looks += 1;
            let seen = if looks == 3 { Seen::Done(looks) } else { Seen::NotYet(format!("look {looks}")) };
            async move { Ok(seen) }
        })
        .await;
        assert_eq!(value.ok(), Some(3));
    }

    #[tokio::test]
    async fn a_timeout_tells_the_last_state() {
        let wait = Wait { every: Duration::from_millis(1), ..Wait::up_to(Duration::from_millis(5)) };
        let ended: Result<()> =
            until("server `web` to become ACTIVE", wait, || async { Ok(Seen::NotYet("BUILD".into())) }).await;
        let text = ended.expect_err("must time out").to_string();
        assert!(
            text.contains("server `web` to become ACTIVE") && text.ends_with("last seen: BUILD"),
            "{text}"
        );
    }
}
