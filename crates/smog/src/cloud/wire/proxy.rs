//! The proxy between smog and a service, for sentences: which one, and which variable names it.

use http::StatusCode;
use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::exchange::Reply;
use super::transport::Peer;
use crate::cloud::page;
use crate::error::Error;

/// A proxy, as the environment names it.
pub(super) struct Proxy {
    /// Its URL, without user and password.
    url: String,
    variable: &'static str,
}

/// "the proxy http://192.0.2.1:3128 (of HTTPS_PROXY)"
impl std::fmt::Display for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the proxy {} (of {})", self.url, self.variable)
    }
}

/// The proxy through which the HTTP client asks this URL: it reads the same variables in the same way.
pub(super) fn of(url: &Url) -> Option<Proxy> {
    let uri: http::Uri = url.as_str().parse().ok()?;
    let used = Matcher::from_env().intercept(&uri)?;
    let mut shown = Url::parse(&used.uri().to_string()).ok()?;
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    Some(Proxy { url: shown.as_str().trim_end_matches('/').to_string(), variable: variable(url.scheme()) })
}

/// The variable that counts for a scheme, in the order in which the client looks at them.
#[expect(clippy::disallowed_methods, reason = "the HTTP client reads these itself; here they are only named")]
fn variable(scheme: &str) -> &'static str {
    let names: &[&'static str] = match scheme {
        "https" => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    let set = names.iter().find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    set.copied().unwrap_or("the environment")
}

impl Proxy {
    /// The error for a request that got no answer through it; `said` is the cause, in small letters.
    pub(super) fn error(&self, peer: &Peer, said: &str, why: &reqwest::Error) -> Error {
        if said.contains("proxy authorization required") {
            return self.wants_login(peer);
        }
        let sentence = if said.contains("unsuccessful") {
            format!("{self} refuses to connect to it")
        } else if why.is_timeout() {
            format!("no answer in time through {self}")
        } else if why.is_connect() {
            format!("{self} does not answer: {said}")
        } else {
            format!("no answer through {self}: {said}")
        };
        self.unreachable(peer, sentence)
    }

    fn wants_login(&self, peer: &Peer) -> Error {
        Error::Unreachable {
            what: peer.what.clone(),
            why: format!("{self} wants a user and a password, or other ones (HTTP 407)"),
            hint: format!("{} may be http://USER:PASSWORD@HOST:PORT; {NO_PROXY}", self.variable).into(),
        }
    }

    fn unreachable(&self, peer: &Peer, why: String) -> Error {
        let hint = format!("check {}, and that the proxy may reach the service; {NO_PROXY}", self.variable);
        Error::Unreachable { what: peer.what.clone(), why, hint: hint.into() }
    }
}

const NO_PROXY: &str = "NO_PROXY names hosts that are asked directly";

/// The error for an answer that is the proxy's own, where there is one in between and it says no.
pub(super) fn refusal(reply: &Reply, peer: &Peer) -> Option<Error> {
    match reply.status {
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Some(match of(&reply.url) {
            Some(proxy) => proxy.wants_login(peer),
            None => Error::Unreachable {
                what: peer.what.clone(),
                why: "a proxy before it wants a user and a password (HTTP 407)".into(),
                hint: format!("the address comes from {}; no proxy variable is set", peer.address_from)
                    .into(),
            },
        }),
        StatusCode::FORBIDDEN if page::is_page(&reply.headers, &reply.body) => {
            let proxy = of(&reply.url)?;
            Some(proxy.unreachable(peer, format!("{proxy} answers HTTP 403, or what is behind it")))
        }
        _ => None,
    }
}
