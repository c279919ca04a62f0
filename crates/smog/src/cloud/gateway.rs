//! The one way to an API: pinned version, retries, fault text, request id, timing.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use openstack_sdk::RestError;
use openstack_sdk::api::{ApiError, AsyncClient};
use openstack_sdk::types::ServiceType;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Cloud, Microversion, fault, session};
use crate::error::{Error, Result};

/// Tries in all, for what may be tried again.
const TRIES: u32 = 5;

/// A service's Retry-After is obeyed up to this long.
const LONGEST_DELAY: Duration = Duration::from_secs(60);

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
        }
    }

    /// The path of its API version, for catalogs that name only the host.
    fn version_path(self) -> Option<&'static str> {
        match self {
            Service::Compute => Some("v2.1"),
            Service::Image => Some("v2"),
            Service::Network => Some("v2.0"),
            Service::Identity => Some("v3"),
            Service::Placement => None,
        }
    }

    fn sdk_type(self) -> ServiceType {
        match self {
            Service::Compute => ServiceType::Compute,
            Service::Image => ServiceType::Image,
            Service::Network => ServiceType::Network,
            Service::Placement => ServiceType::Placement,
            Service::Identity => ServiceType::Identity,
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
    /// Query parameters.
    pub query: Vec<(String, String)>,
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
        Call { service, method, path, query: vec![], microversion: None, body: None, content_type: None }
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

    /// With a microversion.
    pub fn at(mut self, version: Microversion) -> Call {
        self.microversion = Some(version);
        self
    }

    /// Doing it twice is the same as doing it once.
    fn is_idempotent(&self) -> bool {
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
            why: why.to_string(),
        })
    }
}

/// One try of one call, as told to [`Options::on_call`](super::Options::on_call).
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

enum Tried {
    Answered(http::Response<bytes::Bytes>),
    NotAnswered(Error, Again),
}

#[derive(PartialEq)]
enum Again {
    Never,
    IfIdempotent,
}

impl Cloud {
    /// Make a call.
    ///
    /// 429 and 503 are tried again after the service's own Retry-After; a reset
    /// connection, 502 and 504 are tried again for idempotent calls. An expired
    /// token is renewed and the call repeated by the SDK.
    ///
    /// # Errors
    /// [`Error::Api`] with the service's reason, [`Error::Unreachable`],
    /// [`Error::Untrusted`], [`Error::TooOld`] for a microversion it does not know.
    pub async fn call(&self, call: Call) -> Result<Answer> {
        if let Some(tell) = &self.0.options.instead_of_changes
            && call.method != Method::GET
        {
            tell(&call);
            return Err(Error::Interrupted { left: "nothing was changed".into() });
        }
        if let Some(ask) = &self.0.options.before_changes
            && call.method != Method::GET
        {
            ask()?;
        }
        let mut tried = 0;
        loop {
            tried += 1;
            match self.try_once(&call).await? {
                Tried::NotAnswered(_, Again::IfIdempotent) if call.is_idempotent() && tried < TRIES => {
                    tokio::time::sleep(backoff(tried)).await;
                }
                Tried::NotAnswered(why, _) => return Err(why),
                Tried::Answered(response) => {
                    match retry_delay(&call, response.status(), response.headers(), tried) {
                        Some(delay) => tokio::time::sleep(delay).await,
                        None => return finish(&call, &response),
                    }
                }
            }
        }
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

    async fn try_once(&self, call: &Call) -> Result<Tried> {
        let begun = Instant::now();
        let url = self.url(call).await?;
        let mut request = http::Request::builder()
            .method(call.method.clone())
            .uri(url.as_str())
            .header(http::header::ACCEPT, "application/json");
        if let Some(version) = call.microversion {
            request = request.header("OpenStack-API-Version", format!("{} {version}", call.service.name()));
        }
        let body = match &call.body {
            Some(body) => {
                let media_type = call.content_type.unwrap_or("application/json");
                request = request.header(http::header::CONTENT_TYPE, media_type);
                body.to_string().into_bytes()
            }
            None => vec![],
        };
        let answered = self.0.session.rest_async(request, body).await;
        let (status, request_id) = match &answered {
            Ok(response) => (Some(response.status().as_u16()), request_id(response.headers())),
            Err(_) => (None, None),
        };
        self.tell_call(call, status, request_id, begun);
        Ok(match answered {
            Ok(response) => Tried::Answered(response),
            Err(why) => self.not_answered(call, &url, &why),
        })
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

    fn not_answered(&self, call: &Call, url: &url::Url, why: &ApiError<RestError>) -> Tried {
        let what = format!("the {} service at {}", call.service.name(), url.origin().ascii_serialization());
        let Some(transport) = session::cause::<reqwest::Error>(why) else {
            let error = Error::Unreachable { what, why: why.to_string(), hint: "see the message".into() };
            return Tried::NotAnswered(error, Again::Never);
        };
        let error = session::from_transport(transport, &what, &self.0.credentials);
        // A refused connection is an answer of sorts; a reset one is uwsgi closing a
        // kept-alive connection under us.
        let again = match &error {
            Error::Unreachable { .. } if !transport.is_connect() && !transport.is_timeout() => {
                Again::IfIdempotent
            }
            _ => Again::Never,
        };
        Tried::NotAnswered(error, again)
    }

    pub(super) async fn url(&self, call: &Call) -> Result<url::Url> {
        let endpoint = AsyncClient::get_service_endpoint(&self.0.session, &call.service.sdk_type(), None)
            .await
            .map_err(|_| Error::NotFound {
                what: "service in the cloud's catalog".into(),
                name: call.service.name().into(),
                near: vec![],
            })?;
        let mut url = endpoint.url().clone();
        let mut root = url.path().trim_end_matches('/').to_string();
        if let Some(version) = call.service.version_path()
            && !root
                .split('/')
                .any(|part| part.starts_with('v') && part[1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            root.push('/');
            root.push_str(version);
        }
        url.set_path(&format!("{root}{}", call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }
}

/// How long to wait before the next try, or nothing to take this answer.
pub(super) fn retry_delay(
    call: &Call,
    status: StatusCode,
    headers: &http::HeaderMap,
    tried: u32,
) -> Option<Duration> {
    if tried >= TRIES {
        return None;
    }
    let asked = headers
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    match status {
        // Not done: the rate limiter stands before the service.
        StatusCode::TOO_MANY_REQUESTS => Some(asked.unwrap_or(backoff(tried)).min(LONGEST_DELAY)),
        StatusCode::SERVICE_UNAVAILABLE if asked.is_some() || call.is_idempotent() => {
            Some(asked.unwrap_or(backoff(tried)).min(LONGEST_DELAY))
        }
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT if call.is_idempotent() => Some(backoff(tried)),
        _ => None,
    }
}

/// 0.2, 0.4, 0.8, 1.6 s.
pub(super) fn backoff(tried: u32) -> Duration {
    Duration::from_millis(100 << tried.min(6))
}

fn finish(call: &Call, response: &http::Response<bytes::Bytes>) -> Result<Answer> {
    let status = response.status();
    if !status.is_success() {
        return Err(refused(call, response.status(), response.headers(), response.body()));
    }
    let body = match response.body().is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(response.body()).map_err(|why| Error::Parse {
            what: format!("the answer to `{} {}`", call.method, call.path),
            source_of: format!("the {} service", call.service.name()),
            why: why.to_string(),
        })?,
    };
    let location = response.headers().get(http::header::LOCATION);
    Ok(Answer {
        body,
        request_id: request_id(response.headers()),
        service: call.service,
        location: location.and_then(|value| value.to_str().ok()).map(str::to_string),
    })
}

/// The error for an answer that is not a success.
pub(super) fn refused(call: &Call, status: StatusCode, headers: &http::HeaderMap, body: &[u8]) -> Error {
    let status = status.as_u16();
    let message = fault::text(body, status);
    match (status, call.microversion) {
        (406, Some(version)) => Error::TooOld {
            feature: format!("`{} {}`", call.method, call.path),
            need: format!("microversion {version} of the {} service", call.service.name()),
            have: "an older one".into(),
        },
        (401, _) => Error::Auth {
            message: format!("the {} service does not accept the token: {message}", call.service.name()),
            hint: "log in again; the project or user may have been disabled meanwhile".into(),
        },
        _ => Error::Api {
            service: call.service.name().into(),
            method: call.method.to_string(),
            path: call.path.clone(),
            status,
            message,
            request_id: request_id(headers),
        },
    }
}

pub(super) fn request_id(headers: &http::HeaderMap) -> Option<String> {
    let header = headers.get("x-openstack-request-id")?;
    header.to_str().ok().map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, headers: &[(&str, &str)]) -> http::Response<bytes::Bytes> {
        let builder = http::Response::builder().status(status);
        let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        builder.body(bytes::Bytes::new()).expect("a response")
    }

    fn delay(call: &Call, answer: &http::Response<bytes::Bytes>, tried: u32) -> Option<Duration> {
        retry_delay(call, answer.status(), answer.headers(), tried)
    }

    #[test]
    fn rate_limits_are_obeyed_and_bounded() {
        let post = Call::post(Service::Compute, "/servers", Value::Null);
        assert_eq!(delay(&post, &response(429, &[("retry-after", "7")]), 1), Some(Duration::from_secs(7)));
        assert_eq!(delay(&post, &response(429, &[("retry-after", "9999")]), 1), Some(LONGEST_DELAY));
        assert_eq!(delay(&post, &response(429, &[("retry-after", "7")]), TRIES), None);
    }

    #[test]
    fn only_idempotent_calls_are_repeated_after_an_unclear_failure() {
        let get = Call::get(Service::Compute, "/servers");
        let post = Call::post(Service::Compute, "/servers", Value::Null);
        assert!(delay(&get, &response(504, &[]), 1).is_some());
        assert!(delay(&post, &response(504, &[]), 1).is_none());
        assert!(delay(&post, &response(503, &[]), 1).is_none());
        assert!(delay(&post, &response(503, &[("retry-after", "1")]), 1).is_some());
        assert!(delay(&get, &response(409, &[]), 1).is_none());
    }
}
