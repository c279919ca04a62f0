//! Lines in which a service logs an API call: Nova's and placement's request logs, eventlet's
//! and Neutron's, and uWSGI's, which has no request id but the time that it took.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::Regex;

/// A call, as a line has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Access {
    pub client: String,
    pub method: String,
    pub path: String,
    pub status: u16,
    pub bytes: Option<u64>,
    /// How long it took, in microseconds.
    pub length_us: Option<i64>,
}

/// `IP "GET /path" status: 200 len: 10 microversion: 1.2 time: 0.1`,
/// `IP - - [date] "GET /path HTTP/1.1" 200 10 0.1`,
/// `IP "GET /path HTTP/1.1" status: 200  len: 10 time: 0.1`.
static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"^(\S+) (?:- - \[[^\]]*\] )?"([A-Z]+) (\S+)(?: HTTP/[\d.]+)?" (?:status: )?(\d{3})\s+(?:len: )?(\d+|-)(.*)"#,
    )
    .ok()
});

/// `[pid: 256|app: 0|req: 8/16] IP () {34 vars in 8 bytes} [date] GET /path => generated 2 bytes in
/// 13 msecs (HTTP/1.1 200) …`
static UWSGI: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^\[pid: \d+\|[^\]]*\] (\S+) .*?\] ([A-Z]+) (\S+) => generated (\d+) bytes in (\d+) msecs \(HTTP/\S+ (\d{3})\)",
    )
    .ok()
});

/// The call that a message of a service is about.
pub(super) fn access(message: &str) -> Option<Access> {
    let found = LINE.as_ref()?.captures(message)?;
    let rest = found[6].trim();
    let time = match rest.rsplit_once("time: ") {
        Some((_, time)) => time.parse::<f64>().ok(),
        None => rest.parse::<f64>().ok(),
    };
    Some(Access {
        client: found[1].to_string(),
        method: found[2].to_string(),
        path: found[3].to_string(),
        status: found[4].parse().ok()?,
        bytes: found[5].parse().ok(),
        length_us: time.map(micros),
    })
}

/// A line of uWSGI's, whose time is in whole seconds.
#[derive(Debug, Clone)]
pub(super) struct Uwsgi {
    pub host: String,
    pub pid: Option<u32>,
    pub at: Timestamp,
    pub access: Access,
    /// It is some call's already.
    pub taken: bool,
}

/// The call that a line of uWSGI is about.
pub(super) fn uwsgi(message: &str) -> Option<Access> {
    if !message.starts_with("[pid: ") {
        return None;
    }
    let found = UWSGI.as_ref()?.captures(message)?;
    Some(Access {
        client: found[1].to_string(),
        method: found[2].to_string(),
        path: found[3].to_string(),
        status: found[6].parse().ok()?,
        bytes: found[4].parse().ok(),
        length_us: found[5].parse::<i64>().ok().map(|ms| ms * 1000),
    })
}

/// Seconds as microseconds.
pub(super) fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_call() {
        // Recorded from the lab (Epoxy on Debian 13); the fourth is neutron.wsgi's form, written after its source.
        let nova = access(
            "10.98.77.1 \"POST /v2.1/servers\" status: 202 len: 374 microversion: 2.100 time: 0.460663",
        )
        .expect("nova's");
        assert_eq!(
            (nova.method.as_str(), nova.status, nova.length_us, nova.bytes),
            ("POST", 202, Some(460_663), Some(374))
        );
        let placement = access("10.98.77.10 \"PUT /allocations/0f67\" status: 204 len: 0 microversion: 1.36")
            .expect("placement's");
        assert_eq!((placement.path.as_str(), placement.length_us), ("/allocations/0f67", None));
        let glance = access(
            "10.98.77.10 - - [28/Nov/2026 07:26:25] \"GET /v2/images/8918e720 HTTP/1.1\" 200 1126 0.014565",
        )
        .expect("glance's");
        assert_eq!(
            (glance.path.as_str(), glance.length_us, glance.client.as_str()),
            ("/v2/images/8918e720", Some(14_565), "10.98.77.10")
        );
        let neutron = access("10.0.0.1 \"POST /v2.0/ports HTTP/1.1\" status: 201  len: 1126 time: 1.5")
            .expect("neutron's");
        assert_eq!((neutron.status, neutron.length_us), (201, Some(1_500_000)));
        let uwsgi = uwsgi(
            "[pid: 257|app: 0|req: 824/1642] 10.98.77.10 () {38 vars in 858 bytes} [Sat Nov 28 07:26:25 2026] \
             PUT /allocations/0f67 => generated 0 bytes in 77 msecs (HTTP/1.1 204) 4 headers in 180 bytes (1 \
             switches on core 0)",
        )
        .expect("uWSGI's");
        assert_eq!(
            (uwsgi.path.as_str(), uwsgi.length_us, uwsgi.status),
            ("/allocations/0f67", Some(77_000), 204)
        );
        assert_eq!(access("Claim successful on node cmp2"), None);
    }
}
