//! One question and its answer: redirects followed where they may be, the body with a limit.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::proxy::{self, Proxies};
use super::redirect::{self, Redirect};
use super::transport::{self, Peer};
use crate::error::{Error, Result};

/// One API request may take this long; Nova's synchronous calls wait for an RPC
/// reply of up to 60 s (`[DEFAULT]rpc_response_timeout`).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(70);

/// An answer may have so many bytes, uncompressed.
pub(in crate::cloud) const ANSWER_LIMIT: usize = 64 << 20;

/// And so many commas: each JSON value takes 32 bytes of memory, however short its text.
const VALUES_LIMIT: usize = 8 << 20;

/// Of an answer that is an error, this is enough to say why.
const REFUSAL_LIMIT: usize = 1 << 20;

/// What is asked.
pub(in crate::cloud) struct Question {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A whole answer.
pub(in crate::cloud) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Where it came from in the end.
    pub url: Url,
}

/// Why there is no answer.
pub(in crate::cloud) enum Failed {
    /// The connection failed.
    Transport(reqwest::Error),
    /// There is one, which is not to be used.
    Refused(Error),
}

impl Failed {
    /// The error in sentences.
    pub(in crate::cloud) fn error(self, peer: &Peer) -> Error {
        match self {
            Failed::Transport(why) => transport::error(&why, peer),
            Failed::Refused(error) => error,
        }
    }
}

/// Ask, follow redirects that stay with the same service, and read the whole answer.
/// `to_set` is what a person sets where the service has moved.
pub(in crate::cloud) async fn exchange(
    client: &reqwest::Client,
    question: &Question,
    peer: &Peer,
    to_set: &str,
) -> std::result::Result<Reply, Failed> {
    let (mut method, mut url) = (question.method.clone(), question.url.clone());
    let mut body = question.body.clone();
    for _ in 0..=redirect::LONGEST_CHAIN {
        let request = client
            .request(method.clone(), url.clone())
            .headers(question.headers.clone())
            .timeout(REQUEST_TIMEOUT)
            .body(body.clone());
        let response = request.send().await.map_err(Failed::Transport)?;
        match redirect::of(&method, &url, response.status(), response.headers()) {
            Redirect::To(to, by) => {
                if by != method {
                    body = Bytes::new();
                }
                (url, method) = (to, by);
            }
            Redirect::Nowhere => return Err(Failed::Refused(nowhere(peer))),
            Redirect::Elsewhere(to) => return Err(Failed::Refused(elsewhere(peer, &to, to_set))),
            Redirect::None => {
                let (status, headers) = (response.status(), response.headers().clone());
                let body = read(response, peer).await?;
                let reply = Reply { status, headers, body, url };
                return match proxy::refusal(&reply, peer) {
                    Some(error) => Err(Failed::Refused(error)),
                    None => Ok(reply),
                };
            }
        }
    }
    Err(Failed::Refused(circle(peer)))
}

/// The error for a redirect to where the token may not go.
pub(in crate::cloud) fn elsewhere(peer: &Peer, to: &Url, to_set: &str) -> Error {
    let to = to.origin().ascii_serialization();
    Error::Untrusted {
        what: peer.what.clone(),
        why: format!("it redirects to {to}, another server, which is sent neither token nor password"),
        hint: format!(
            "if the service has moved there, say so: {to_set}; this address comes from {}",
            peer.address_from
        )
        .into(),
    }
}

/// The error for a redirect that leads to no service.
pub(in crate::cloud) fn nowhere(peer: &Peer) -> Error {
    Error::Unreachable {
        what: peer.what.clone(),
        why: "it redirects, but names no address on the web".into(),
        hint: format!("the address comes from {}", peer.address_from).into(),
    }
}

/// The error for redirects without end.
pub(in crate::cloud) fn circle(peer: &Peer) -> Error {
    Error::Unreachable {
        what: peer.what.clone(),
        why: format!("it redirects more than {} times in a row", redirect::LONGEST_CHAIN),
        hint: format!("the address comes from {}", peer.address_from).into(),
    }
}

async fn read(response: reqwest::Response, peer: &Peer) -> std::result::Result<Bytes, Failed> {
    let is_success = response.status().is_success();
    let limit = if is_success { ANSWER_LIMIT } else { REFUSAL_LIMIT };
    let (body, is_whole) = read_up_to(response, limit).await.map_err(Failed::Transport)?;
    if is_success && !is_whole {
        return Err(Failed::Refused(too_large(peer, &format!("{} MiB", ANSWER_LIMIT >> 20))));
    }
    if is_success && memchr::memchr_iter(b',', &body).count() > VALUES_LIMIT {
        return Err(Failed::Refused(too_large(peer, &format!("{} million values", VALUES_LIMIT >> 20))));
    }
    Ok(body.into())
}

fn too_large(peer: &Peer, limit: &str) -> Error {
    Error::Parse {
        what: "an answer".into(),
        source_of: peer.what.clone(),
        why: format!("it has more than {limit}, the limit of smog for one answer"),
    }
}

/// The body, uncompressed, as far as it goes, and whether that is all of it.
pub(in crate::cloud) async fn read_up_to(
    mut response: reqwest::Response,
    limit: usize,
) -> reqwest::Result<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, true))
}

/// A client for API calls.
pub(super) fn client(tls: rustls::ClientConfig) -> Result<reqwest::Client> {
    build(bare(tls)?.connect_timeout(Duration::from_secs(20)))
}

/// A client for files of any size: no limit on the whole. The caller watches for
/// silence (reqwest's `read_timeout` counts from the request's begin, uploads included).
pub(in crate::cloud) fn file_client(tls: rustls::ClientConfig) -> Result<reqwest::Client> {
    build(bare(tls)?.connect_timeout(Duration::from_secs(20)).no_gzip())
}

/// Proxies are those of the environment (`proxy.rs`). It follows no redirect: smog looks first.
fn bare(tls: rustls::ClientConfig) -> Result<reqwest::ClientBuilder> {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .proxy(Proxies::of_process()?.of_client())
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("smog/", env!("CARGO_PKG_VERSION")));
    Ok(builder)
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client> {
    builder.build().map_err(|why| Error::Config {
        place: "the HTTP client".into(),
        message: transport::deepest(&why),
        hint: Some("check the proxy variables (HTTP_PROXY, HTTPS_PROXY, NO_PROXY)".into()),
    })
}
