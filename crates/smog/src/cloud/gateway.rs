//! The one way to an API: pinned version, retries, fault text, request id, timing.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::refusal::{self, Patience};
use super::wire::exchange::{Failed, Question, Reply};
use super::wire::retry::{self, Next};
use super::wire::{Located, Token, token_header};
use super::{Cloud, Microversion, page};
use crate::error::{Error, Result};
use crate::json_words;

/// A service of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Nova.
    Compute,
    /// Glance.
    Image,
    /// Neutron.
    Network,
    /// Placement.
    Placement,
    /// Keystone.
    Identity,
    /// Cinder.
    BlockStorage,
}

impl Service {
    /// Its type in the catalog.
    pub fn name(self) -> &'static str {
        match self {
            Service::Compute => "compute",
            Service::Image => "image",
            Service::Network => "network",
            Service::Placement => "placement",
            Service::Identity => "identity",
            Service::BlockStorage => "block-storage",
        }
    }

    /// The path of its API version, for catalogs that name only the host.
    fn version_path(self) -> Option<&'static str> {
        match self {
            Service::Compute => Some("v2.1"),
            Service::Image => Some("v2"),
            Service::Network => Some("v2.0"),
            Service::Identity | Service::BlockStorage => Some("v3"),
            Service::Placement => None,
        }
    }

    /// The types under which catalogs have it: the official one and its aliases
    /// (OpenStack's service-types-authority).
    pub(super) fn types(self) -> &'static [&'static str] {
        match self {
            Service::Compute => &["compute", "computev21", "compute_legacy"],
            Service::Image => &["image"],
            Service::Network => &["network"],
            Service::Placement => &["placement"],
            Service::Identity => &["identity"],
            Service::BlockStorage => &["block-storage", "block-store", "volumev3", "volume", "volumev2"],
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which service.
    pub service: Service,
    /// HTTP method.
    pub method: Method,
    /// Path below the service's root, beginning with `/`.
    pub path: String,
    /// Query parameters, as they are meant; the wire's encoding is added.
    pub query: Vec<(String, String)>,
    /// A query that is encoded already, and is sent as it stands before `query`.
    pub encoded_query: Option<String>,
    /// The microversion to send; none means the service's oldest.
    pub microversion: Option<Microversion>,
    /// JSON body.
    pub body: Option<Value>,
    /// The body's media type, where it is not plain `application/json`.
    pub content_type: Option<&'static str>,
}

impl Call {
    /// A GET.
    pub fn get(service: Service, path: impl Into<String>) -> Call {
        Call::new(Method::GET, service, path)
    }

    /// A POST with a JSON body.
    pub fn post(service: Service, path: impl Into<String>, body: Value) -> Call {
        Call { body: Some(body), ..Call::new(Method::POST, service, path) }
    }

    /// A PUT with a JSON body.
    pub fn put(service: Service, path: impl Into<String>, body: Value) -> Call {
        Call { body: Some(body), ..Call::new(Method::PUT, service, path) }
    }

    /// A PATCH with a JSON body.
    pub fn patch(service: Service, path: impl Into<String>, body: Value) -> Call {
        Call { body: Some(body), ..Call::new(Method::PATCH, service, path) }
    }

    /// A DELETE.
    pub fn delete(service: Service, path: impl Into<String>) -> Call {
        Call::new(Method::DELETE, service, path)
    }

    fn new(method: Method, service: Service, path: impl Into<String>) -> Call {
        let path = path.into();
        Call {
            service,
            method,
            path,
            query: vec![],
            encoded_query: None,
            microversion: None,
            body: None,
            content_type: None,
        }
    }

    /// With this media type for the body.
    pub fn content_type(mut self, media_type: &'static str) -> Call {
        self.content_type = Some(media_type);
        self
    }

    /// With a query parameter.
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Call {
        self.query.push((name.into(), value.into()));
        self
    }

    /// With a query that is encoded already: `name=a%20b&limit=1`.
    pub fn encoded_query(mut self, query: impl Into<String>) -> Call {
        self.encoded_query = Some(query.into());
        self
    }

    /// With a microversion.
    pub fn at(mut self, version: Microversion) -> Call {
        self.microversion = Some(version);
        self
    }

    /// Doing it twice is the same as doing it once.
    pub(super) fn is_idempotent(&self) -> bool {
        matches!(self.method, Method::GET | Method::PUT | Method::DELETE | Method::HEAD)
    }
}

/// A successful answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The JSON body, `null` when there was none.
    pub body: Value,
    /// `x-openstack-request-id`.
    pub request_id: Option<String>,
    /// The service, for messages.
    pub service: Service,
    /// The HTTP `Location`, where a created thing stands.
    pub location: Option<String>,
}

impl Answer {
    /// The body as a type. `what` names it in the error.
    ///
    /// # Errors
    /// [`Error::Parse`].
    pub fn read<T: DeserializeOwned>(self, what: &str) -> Result<T> {
        serde_json::from_value(self.body).map_err(|why| Error::Parse {
            what: what.into(),
            source_of: format!("the {} service", self.service.name()),
            why: json_words(&why),
        })
    }
}

/// One try of one call, as passed to [`Options::on_call`](super::Options::on_call).
/// It carries no header and no body, so no secret.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// Service type.
    pub service: &'static str,
    /// HTTP method.
    pub method: String,
    /// Path below the service's root.
    pub path: String,
    /// HTTP status; none when no answer came.
    pub status: Option<u16>,
    /// `x-openstack-request-id`.
    pub request_id: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Cloud {
    /// Make a call.
    ///
    /// 429 and 503 are tried again after the service's own Retry-After; a reset
    /// connection, 502 and 504 are tried again for idempotent calls. An expired
    /// token is renewed and the call repeated. Where a service of a catalog that was
    /// kept does not answer, keystone is asked once whether it has moved.
    ///
    /// # Errors
    /// [`Error::Api`] with the service's reason, [`Error::Unreachable`],
    /// [`Error::Untrusted`], [`Error::TooOld`] for a microversion it does not know.
    pub async fn call(&self, call: Call) -> Result<Answer> {
        if let Some(tell) = &self.0.options.instead_of_changes
            && call.method != Method::GET
        {
            tell(&call);
            // What comes after it would build on an answer that there is none of.
            return std::future::pending().await;
        }
        if let Some(answer) = self.taped_answer(&call) {
            return answer;
        }
        if let Some(ask) = &self.0.options.before_changes
            && call.method != Method::GET
        {
            ask()?;
        }
        let answer = self.ask(&call).await;
        if let (Some(tape), Err(why)) = (&self.2, &answer) {
            tape.note_failure(&call, why);
        }
        answer
    }

    async fn ask(&self, call: &Call) -> Result<Answer> {
        let mut patience = Patience::default();
        let (mut has_renewed, mut has_looked) = (false, false);
        loop {
            patience.tried += 1;
            let token = self.0.wire.token().await;
            let located = self.0.wire.locate(call.service).await?;
            match self.try_once(call, &token, &located).await? {
                Ok(reply) if reply.status == StatusCode::UNAUTHORIZED && !has_renewed => {
                    has_renewed = true;
                    patience.tried -= 1;
                    self.0.wire.renew(&token, &located.peer.what).await?;
                }
                Ok(reply) => {
                    match retry::next(call.is_idempotent(), reply.status, &reply.headers, patience.tried) {
                        Next::After(delay) => self.wait(&located, delay, &mut patience).await,
                        Next::TooLong(delay) => {
                            patience.too_long = Some(delay);
                            return self.finish(call, &located, reply, &patience);
                        }
                        Next::Take => return self.finish(call, &located, reply, &patience),
                    }
                }
                // A refused connection is an answer of sorts: nothing was done.
                Err(Failed::Transport(why)) if why.is_connect() => {
                    let may_have_moved = located.is_from_catalog && !has_looked;
                    has_looked = true;
                    if !may_have_moved || !self.0.wire.ask_catalog_again(&token).await {
                        return Err(Failed::Transport(why).error(&located.peer));
                    }
                    patience.tried -= 1;
                }
                // A reset one is uwsgi closing a kept-alive connection under us.
                Err(Failed::Transport(why))
                    if call.is_idempotent() && patience.tried < retry::TRIES && !why.is_timeout() =>
                {
                    tokio::time::sleep(retry::backoff(patience.tried)).await;
                }
                Err(why) => return Err(why.error(&located.peer)),
            }
        }
    }

    /// Wait as a service asks, and say so when it is long.
    pub(super) async fn wait(&self, located: &Located, delay: Duration, patience: &mut Patience) {
        patience.waited += delay;
        if delay >= retry::LONG_DELAY {
            let what = &located.peer.what;
            self.0.options.tell_notice(&format!("{what} asks to wait {} s", delay.as_secs()));
        }
        tokio::time::sleep(delay).await;
    }

    /// Delete what may be gone already.
    pub(super) async fn delete(&self, service: Service, path: String) -> Result<()> {
        let mut call = Call::delete(service, path);
        if service == Service::Compute {
            call = call.at(self.compute_microversion().await?);
        }
        match self.call(call).await {
            Ok(_) | Err(Error::Api { status: 404, .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// A call to Nova at the newest microversion both know.
    pub(super) async fn compute(&self, call: Call) -> Result<Answer> {
        let version = self.compute_microversion().await?;
        self.call(call.at(version)).await
    }

    async fn try_once(
        &self,
        call: &Call,
        token: &Token,
        located: &Located,
    ) -> Result<std::result::Result<Reply, Failed>> {
        let begun = Instant::now();
        let mut headers = token_header(&token.value)?;
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(version) = call.microversion {
            // Cinder's name for itself in this header is the old one.
            let name = if call.service == Service::BlockStorage { "volume" } else { call.service.name() };
            if let Ok(value) = HeaderValue::from_str(&format!("{name} {version}")) {
                headers.insert("openstack-api-version", value);
            }
        }
        let body = match &call.body {
            Some(body) => {
                let media_type = HeaderValue::from_static(call.content_type.unwrap_or("application/json"));
                headers.insert(header::CONTENT_TYPE, media_type);
                body.to_string().into_bytes()
            }
            None => vec![],
        };
        let url = url_of(call, &located.url);
        let question = Question { method: call.method.clone(), url, headers, body: body.into() };
        let answered = self.0.wire.exchange(&question, located).await;
        let (status, request_id) = match &answered {
            Ok(reply) => (Some(reply.status.as_u16()), request_id(&reply.headers)),
            Err(_) => (None, None),
        };
        self.tell_call(call, status, request_id, begun);
        Ok(answered)
    }

    pub(super) fn tell_call(
        &self,
        call: &Call,
        status: Option<u16>,
        request_id: Option<String>,
        begun: Instant,
    ) {
        if let Some(tell) = &self.1 {
            tell(&CallRecord {
                service: call.service.name(),
                method: call.method.to_string(),
                path: call.path.clone(),
                status,
                request_id,
                elapsed: begun.elapsed(),
            });
        }
    }

    pub(super) fn finish(
        &self,
        call: &Call,
        located: &Located,
        reply: Reply,
        patience: &Patience,
    ) -> Result<Answer> {
        if let Some(tape) = &self.2 {
            tape.note(call, &reply);
        }
        if !reply.status.is_success() {
            if reply.status.is_client_error()
                && call.path == "/"
                && page::is_page(&reply.headers, &reply.body)
            {
                return Err(page::error(&reply, &located.peer));
            }
            let token = self.0.wire.token_in_hand();
            return Err(refusal::error(call, reply.status, &reply.headers, &reply.body, &token, patience));
        }
        let body = match reply.body.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&reply.body).map_err(|why| {
                if page::is_page(&reply.headers, &reply.body) {
                    return page::error(&reply, &located.peer);
                }
                Error::Parse {
                    what: format!("the answer to `{} {}`", call.method, call.path),
                    source_of: located.peer.what.clone(),
                    why: json_words(&why),
                }
            })?,
        };
        let location = reply.headers.get(header::LOCATION);
        Ok(Answer {
            body,
            request_id: request_id(&reply.headers),
            service: call.service,
            location: location.and_then(|value| value.to_str().ok()).map(str::to_string),
        })
    }
}

/// The URL of a call below a service's root, to which the version is added where the
/// catalog names only the host.
pub(super) fn url_of(call: &Call, endpoint: &url::Url) -> url::Url {
    let mut url = endpoint.clone();
    let mut root = url.path().trim_end_matches('/').to_string();
    let is_version = |part: &str| {
        let number = part.strip_prefix('v').unwrap_or_default();
        number.starts_with(|c: char| c.is_ascii_digit())
    };
    if let Some(version) = call.service.version_path()
        && !root.split('/').any(is_version)
    {
        root.push('/');
        root.push_str(version);
    }
    // Cinder's endpoints may end with the project's id, below which there is no version document.
    if call.service == Service::BlockStorage
        && call.path == "/"
        && let Some(at) = root.split('/').position(is_version)
    {
        root = root.split('/').take(at + 1).collect::<Vec<_>>().join("/");
    }
    url.set_path(&format!("{root}{}", call.path));
    if let Some(query) = &call.encoded_query {
        url.set_query(Some(query));
    }
    if !call.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&call.query);
    }
    url
}

pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    // Real ones have 40 characters.
    let id = headers.get("x-openstack-request-id")?.to_str().ok()?;
    Some(id.chars().take(80).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(call: Call, endpoint: &str) -> String {
        url_of(&call, &endpoint.parse().expect("a URL")).to_string()
    }

    #[test]
    fn a_query_that_is_encoded_is_sent_as_it_stands() {
        let endpoint = "http://nova:8774/v2.1";
        let raw =
            Call::get(Service::Compute, "/servers").encoded_query("name=a%20b&changes-since=2026%3A&x=a+b");
        assert_eq!(
            url(raw.clone(), endpoint),
            "http://nova:8774/v2.1/servers?name=a%20b&changes-since=2026%3A&x=a+b"
        );
        assert_eq!(
            url(raw.query("limit", "a b"), endpoint),
            "http://nova:8774/v2.1/servers?name=a%20b&changes-since=2026%3A&x=a+b&limit=a+b"
        );
        let meant = Call::get(Service::Compute, "/servers").query("name", "a%20b");
        assert_eq!(url(meant, endpoint), "http://nova:8774/v2.1/servers?name=a%2520b");
        let spaced = Call::get(Service::Compute, "/a%2Fb").encoded_query("name=a b");
        assert_eq!(url(spaced, endpoint), "http://nova:8774/v2.1/a%2Fb?name=a%20b");
    }

    #[test]
    fn the_version_is_added_where_the_catalog_has_none() {
        let get = || Call::get(Service::Image, "/images");
        assert_eq!(url(get(), "http://glance:9292"), "http://glance:9292/v2/images");
        assert_eq!(url(get(), "http://host/image/v2/"), "http://host/image/v2/images");
        assert_eq!(url(get(), "http://host/vgpu"), "http://host/vgpu/v2/images");
        let volumes = |path| Call::get(Service::BlockStorage, path);
        assert_eq!(url(volumes("/types"), "http://cinder:8776/v3/f00"), "http://cinder:8776/v3/f00/types");
        assert_eq!(url(volumes("/"), "http://cinder:8776/v3/f00"), "http://cinder:8776/v3/");
        assert_eq!(url(volumes("/"), "http://cinder:8776"), "http://cinder:8776/v3/");
        let placement = Call::get(Service::Placement, "/traits");
        assert_eq!(url(placement, "http://host/placement"), "http://host/placement/traits");
    }
}
