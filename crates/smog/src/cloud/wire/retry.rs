//! When an answer is asked for again, and after how long.

use std::time::Duration;

use http::{StatusCode, header};
use jiff::Timestamp;

/// Tries in all, for what may be tried again.
pub(in crate::cloud) const TRIES: u32 = 5;

/// A service's Retry-After is obeyed up to this long; one that asks for more is refused
/// with the number, as nobody wants to wait for it in silence.
pub(in crate::cloud) const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// A wait so long is announced.
pub(in crate::cloud) const LONG_DELAY: Duration = Duration::from_secs(3);

/// What to do with an answer.
#[derive(Debug, PartialEq)]
pub(in crate::cloud) enum Next {
    /// Take it.
    Take,
    /// Ask again after so long.
    After(Duration),
    /// The service asks for a longer wait than smog makes.
    TooLong(Duration),
}

/// Whether to take this answer to the `tried`-th try.
pub(in crate::cloud) fn next(
    is_idempotent: bool,
    status: StatusCode,
    headers: &http::HeaderMap,
    tried: u32,
) -> Next {
    let asked = retry_after(headers, Timestamp::now());
    let may = match status {
        // Not done: the rate limiter stands before the service. 413 is what limiters said
        // before there was 429, and with a time only.
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::PAYLOAD_TOO_LARGE => asked.is_some(),
        StatusCode::SERVICE_UNAVAILABLE => asked.is_some() || is_idempotent,
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => is_idempotent,
        _ => false,
    };
    let delay = asked.unwrap_or(backoff(tried));
    match (may, delay > LONGEST_DELAY) {
        (false, _) => Next::Take,
        (true, true) => Next::TooLong(delay),
        (true, false) if tried >= TRIES => Next::Take,
        (true, false) => Next::After(delay),
    }
}

/// 0.2, 0.4, 0.8, 1.6 s.
pub(in crate::cloud) fn backoff(tried: u32) -> Duration {
    Duration::from_millis(100 << tried.min(6))
}

/// A number of seconds, or a date (RFC 9110, 10.2.3), which counts from the answer's own
/// `Date`, as clocks differ.
fn retry_after(headers: &http::HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let asked = text(header::RETRY_AFTER)?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| Some(jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp());
    let from = text(header::DATE).and_then(date).unwrap_or(now);
    let wait = date(asked)?.duration_since(from);
    Some(Duration::from_secs(u64::try_from(wait.as_secs()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> http::HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            let name: header::HeaderName = name.parse().expect("a name");
            (name, value.parse().expect("a value"))
        };
        pairs.iter().map(pair).collect()
    }

    fn decide(is_idempotent: bool, status: u16, pairs: &[(&str, &str)], tried: u32) -> Next {
        next(is_idempotent, StatusCode::from_u16(status).expect("a status"), &headers(pairs), tried)
    }

    #[test]
    fn rate_limits_are_obeyed_and_long_ones_refused() {
        let seven = Next::After(Duration::from_secs(7));
        for status in [429, 413, 503] {
            assert_eq!(decide(false, status, &[("retry-after", "7")], 1), seven, "{status}");
        }
        assert_eq!(decide(false, 429, &[("retry-after", "7")], TRIES), Next::Take);
        let hour = Next::TooLong(Duration::from_secs(3600));
        assert_eq!(decide(false, 429, &[("retry-after", "3600")], 1), hour);
        // Too much was sent: it would be again.
        assert_eq!(decide(true, 413, &[], 1), Next::Take);
    }

    #[test]
    fn a_date_counts_from_the_answer_s_own() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:30 GMT");
        let after = ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(decide(false, 429, &[date, after], 1), Next::After(Duration::from_secs(7)));
        // Long past.
        assert_eq!(decide(false, 429, &[after], 1), Next::After(Duration::ZERO));
    }

    #[test]
    fn only_idempotent_calls_are_repeated_after_an_unclear_failure() {
        assert!(matches!(decide(true, 504, &[], 1), Next::After(_)));
        assert_eq!(decide(false, 504, &[], 1), Next::Take);
        assert_eq!(decide(false, 503, &[], 1), Next::Take);
        assert_eq!(decide(true, 409, &[], 1), Next::Take);
    }
}
