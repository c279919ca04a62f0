//! Why a request got no answer, in sentences.

use std::error::Error as StdError;

use rustls::{AlertDescription, CertificateError};

use super::{proxy, trust};
use crate::error::Error;
use crate::some_of::some_of;

/// Who was asked, and where the address came from, for sentences.
pub(in crate::cloud) struct Peer {
    /// "keystone at http://…", "the compute service at http://…".
    pub what: String,
    /// "the OS_* variables", "keystone's catalog".
    pub address_from: String,
}

/// The error for a request without an answer.
pub(in crate::cloud) fn error(why: &reqwest::Error, peer: &Peer) -> Error {
    let proxy = why.url().and_then(proxy::of);
    if let Some(tls) = tls(why) {
        return match (of_tls(tls, peer), proxy) {
            (Error::Untrusted { what, why, hint }, Some(proxy)) => {
                Error::Untrusted { what, why, hint: hint.and(format!("; {proxy} is in between")) }
            }
            (error, _) => error,
        };
    }
    let text = deepest(why);
    let lower = text.to_lowercase();
    if let Some(proxy) = proxy {
        return proxy.error(peer, &lower, why);
    }
    let (why, hint) = if why.is_timeout() {
        let hint = "the service may be overloaded, or a firewall drops the packets";
        ("no answer in time".to_string(), hint.to_string())
    } else if lower.contains("tls handshake eof") {
        let hint = format!(
            "the address comes from {}; a service that does not speak TLS has one with http://",
            peer.address_from
        );
        ("it ended the connection in the TLS handshake".to_string(), hint)
    } else if lower.contains("invalid http version") {
        let hint = format!("the address comes from {}; does it begin with https://?", peer.address_from);
        ("what answers there does not speak plain HTTP".to_string(), hint)
    } else {
        (text, format!("the address comes from {}: check it, and that the service runs", peer.address_from))
    };
    Error::Unreachable { what: peer.what.clone(), why, hint: hint.into() }
}

fn of_tls(why: &rustls::Error, peer: &Peer) -> Error {
    const NAME_IT: &str = "name the authority's certificate with OS_CACERT or `cacert:` in clouds.yaml \
                           (`verify: false` turns the check off)";
    const NAME_THE_CLIENT: &str = "OS_CERT and OS_KEY, or `cert:` and `key:` in clouds.yaml, name the \
                                   client's certificate and its key";
    const NO_NAMES: &str = "a name in the subject (CN) alone has not counted since RFC 6125: the server needs a new \
                            certificate with a subjectAltName (`openssl req -addext subjectAltName=DNS:HOST`); \
                            `verify: false` turns the check off";
    let untrusted = |why: String, hint: &str| Error::Untrusted {
        what: peer.what.clone(),
        why,
        hint: hint.to_string().into(),
    };
    let address = format!("the address comes from {}: check its host", peer.address_from);
    match why {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            untrusted("no known authority signed its certificate".into(), NAME_IT)
        }
        _ if trust::is_authority(why) => untrusted("it signed its certificate itself".into(), NAME_IT),
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => untrusted(
            format!("its certificate has expired on {}", day(not_after.as_secs())),
            "it needs a new certificate; is this machine's clock right?",
        ),
        rustls::Error::InvalidCertificate(CertificateError::NotValidYetContext { not_before, .. }) => {
            untrusted(
                format!("its certificate is not valid before {}", day(not_before.as_secs())),
                "is this machine's clock right?",
            )
        }
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            expected,
            presented,
        }) => untrusted(
            match presented.is_empty() {
                true => format!(
                    "its certificate names no host (it has no subjectAltName), so not `{}`",
                    expected.to_str()
                ),
                false => format!(
                    "its certificate is for {}, not for `{}`",
                    some_of(&presented.iter().map(|name| bare(name)).collect::<Vec<_>>()),
                    expected.to_str()
                ),
            },
            if presented.is_empty() { NO_NAMES } else { &address },
        ),
        rustls::Error::InvalidCertificate(other) => {
            untrusted(format!("its certificate cannot be used: {}", plain(&other.to_string())), NAME_IT)
        }
        rustls::Error::AlertReceived(alert) if wants_client(*alert) => untrusted(
            format!(
                "it refuses the client's certificate, or wants one (TLS alert: {})",
                plain(&format!("{alert:?}"))
            ),
            NAME_THE_CLIENT,
        ),
        rustls::Error::InvalidMessage(_) => Error::Unreachable {
            what: peer.what.clone(),
            why: "what answers there does not speak TLS".into(),
            hint: format!("the address comes from {}; does it begin with http://?", peer.address_from).into(),
        },
        other => Error::Unreachable {
            what: peer.what.clone(),
            why: format!("TLS failed: {}", plain(&other.to_string())),
            hint: format!("the address comes from {}", peer.address_from).into(),
        },
    }
}

/// The name in `DnsName("nova.example")`, as the library shows what a certificate is for.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_string()
}

/// What a library says, without the names of its types: "Other(OtherError(UnsupportedCertVersion))"
/// is "unsupported cert version".
pub(super) fn plain(said: &str) -> String {
    let mut text = said;
    while let Some(inner) =
        ["Other(", "OtherError("].iter().find_map(|begin| text.strip_prefix(begin)?.strip_suffix(')'))
    {
        text = inner;
    }
    let text = text.split(" {").next().unwrap_or(text);
    let words = text.split(' ').map(|word| {
        let capitals = word.chars().filter(char::is_ascii_uppercase).count();
        let is_type = word.chars().all(char::is_alphanumeric)
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.contains(|c: char| c.is_ascii_lowercase())
            && (capitals > 1 || word == text);
        match is_type {
            true => word.chars().enumerate().fold(String::new(), |mut words, (at, c)| {
                if c.is_ascii_uppercase() && at > 0 {
                    words.push(' ');
                }
                words.push(c.to_ascii_lowercase());
                words
            }),
            false => word.to_string(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn wants_client(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
    )
}

fn day(seconds: u64) -> String {
    let second = i64::try_from(seconds).ok().and_then(|second| jiff::Timestamp::from_second(second).ok());
    second.map_or_else(|| "an unknown day".into(), |when| when.strftime("%Y-%m-%d").to_string())
}

/// What rustls said, wherever in the chain: an `io::Error` hides it from `source()`.
fn tls<'a>(why: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    chain(why).into_iter().find_map(|why| {
        why.downcast_ref::<rustls::Error>().or_else(|| {
            let inner = why.downcast_ref::<std::io::Error>()?.get_ref()?;
            inner.downcast_ref::<rustls::Error>().or_else(|| tls(inner))
        })
    })
}

/// The last error of the chain: the cause, without the layers' own words.
pub(in crate::cloud) fn deepest(why: &(dyn StdError + 'static)) -> String {
    chain(why).last().map(ToString::to_string).unwrap_or_default()
}

fn chain<'a>(why: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let (mut chain, mut next) = (vec![], Some(why));
    while let Some(why) = next {
        chain.push(why);
        next = why.source();
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_type_of_a_library_is_named() {
        for (said, plainly) in [
            ("Other(OtherError(UnsupportedCertVersion))", "unsupported cert version"),
            ("BadEncoding", "bad encoding"),
            ("Revoked", "revoked"),
            ("received fatal alert: HandshakeFailure", "received fatal alert: handshake failure"),
            ("UnhandledCriticalExtension { oid: [1, 2] }", "unhandled critical extension"),
            (
                "peer closed connection without TLS close_notify",
                "peer closed connection without TLS close_notify",
            ),
        ] {
            assert_eq!(plain(said), plainly);
        }
        assert_eq!(bare("DnsName(\"nova.example\")"), "nova.example");
        assert_eq!(bare("IpAddress(192.0.2.1)"), "192.0.2.1");
        assert_eq!(bare("nova.example"), "nova.example");
    }
}
