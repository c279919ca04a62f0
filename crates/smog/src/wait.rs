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

/// A wait in progress, as passed to the face that shows it.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// What is waited for.
    pub what: &'a str,
    /// The last state seen.
    pub last: &'a str,
    /// Since when it is waited for.
    pub elapsed: Duration,
}

/// How to wait: how long, how often to look, who is notified.
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

/// Notifies nobody.
pub const SILENT: &(dyn Fn(Waiting<'_>) + Send + Sync) = &|_| {};

impl Wait<'_> {
    /// Wait this long, and notify nobody.
    pub fn up_to(timeout: Duration) -> Wait<'static> {
        Wait { timeout, every: Duration::from_millis(500), tell: SILENT }
    }
}

impl Default for Wait<'_> {
    /// Five minutes, a look every half second, and nobody is notified.
    fn default() -> Self {
        Wait::up_to(Duration::from_secs(300))
    }
}

/// Whether the next look may do better: the cloud or host does not answer, fails inside, or
/// an answer of its API came half.
fn may_pass(why: &Error) -> bool {
    // "the compute service at http://…"; an answer that is too large will be so again.
    let is_service = |of: &str| of.starts_with("the ") && of.contains(" service");
    let is_half =
        matches!(why, Error::Parse { what, source_of, .. } if is_service(source_of) && what != "an answer");
    why.is_temporary() || is_half
}

/// Look until `probe` returns [`Seen::Done`], or the time is up. A look that fails with an error
/// that may pass (no answer, a 500, half an answer) counts as "not yet".
///
/// # Errors
/// The probe's own error ends the wait at once where another look would not help;
/// [`Error::Timeout`] carries `what` and the last state, with the error where the last
/// look failed. The caller that knows the request id adds it.
pub async fn until<T, F, P>(what: &str, wait: Wait<'_>, mut probe: P) -> Result<T>
where
    P: FnMut() -> F,
    F: Future<Output = Result<Seen<T>>>,
{
    let begun = Instant::now();
    let mut state: Option<String> = None;
    loop {
        let looked = Instant::now();
        let last = match probe().await {
            Ok(Seen::Done(value)) => return Ok(value),
            Ok(Seen::NotYet(last)) => {
                state = Some(last.clone());
                last
            }
            Err(why) if may_pass(&why) => match &state {
                Some(state) => format!("{state}, then: {why}"),
                None => why.to_string(),
            },
            Err(why) => return Err(why),
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

    fn looks(answers: Vec<Result<Seen<u8>>>) -> impl FnMut() -> std::future::Ready<Result<Seen<u8>>> {
        let mut answers = answers.into_iter();
        move || std::future::ready(answers.next().unwrap_or(Ok(Seen::NotYet("BUILD".into()))))
    }

    fn api(status: u16) -> Error {
        let (service, method) = ("compute".into(), "GET".into());
        Error::Api { service, method, path: "/x".into(), status, message: "no".into(), request_id: None }
    }

    fn half() -> Error {
        let (what, why) = ("the answer to `GET /x`".into(), "EOF while parsing".into());
        Error::Parse { what, source_of: "the compute service".into(), why }
    }

    #[tokio::test]
    async fn an_error_that_may_pass_is_not_yet() {
        let wait = Wait { every: Duration::from_millis(1), ..Wait::up_to(Duration::from_secs(5)) };
        let lost =
            Error::Unreachable { what: "the compute service".into(), why: "reset".into(), hint: "".into() };
        let answers = vec![Err(api(500)), Err(api(503)), Err(half()), Err(lost), Ok(Seen::Done(7))];
        assert_eq!(until("it", wait, looks(answers)).await.ok(), Some(7));
        for (why, said) in [(api(403), "403"), (api(404), "404")] {
            let ended = until("it", wait, looks(vec![Err(why), Ok(Seen::Done(7))])).await;
            assert!(ended.expect_err("no look helps").to_string().contains(said));
        }
    }

    #[tokio::test]
    async fn a_timeout_tells_the_error_of_the_last_look() {
        let wait = Wait { every: Duration::from_millis(1), ..Wait::up_to(Duration::from_millis(20)) };
        let mut first = Some(Ok(Seen::NotYet("BUILD (spawning)".to_string())));
        let ended: Result<()> = until("it", wait, || {
            let answer = first.take().unwrap_or_else(|| Err(api(500)));
            async move { answer }
        })
        .await;
        let text = ended.expect_err("must time out").to_string();
        assert!(text.ends_with("BUILD (spawning), then: compute refused `GET /x` with 500: no"), "{text}");
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
