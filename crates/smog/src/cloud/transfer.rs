//! Files to and from a service: streamed, of any size, with progress.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream;
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::checksum::Hasher;
use super::gateway::{refused, request_id, retry_delay};
use super::{Call, Cloud, Service, session};
use crate::error::{Error, Result};

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// Bytes moved so far.
    pub done_bytes: u64,
    /// Bytes in all, when known.
    pub total_bytes: Option<u64>,
}

/// Called as a file moves on, at most ten times a second, and once at its end.
pub type OnTransfer<'a> = &'a (dyn Fn(Transfer) + Send + Sync);

/// Bytes moved at a time.
const CHUNK: usize = 1 << 18;

/// A transfer that moves nothing for so long is given up.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(90);

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

impl Cloud {
    /// Send a file as the body of `call`. An expired token is renewed and the file
    /// sent once more from its begin; 429 and 503 are obeyed.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::Invalid`] when the file cannot be read.
    pub(super) async fn send_file(&self, call: &Call, file: &Path, tell: OnTransfer<'_>) -> Result<()> {
        let mut tried = 0;
        loop {
            tried += 1;
            let (status, headers, body) = self.send_once(call, file, tell).await?;
            if status.is_success() {
                return Ok(());
            }
            if status == StatusCode::UNAUTHORIZED && tried == 1 {
                self.renew_token(call.service).await?;
            } else if let Some(delay) = retry_delay(call, status, &headers, tried) {
                tokio::time::sleep(delay).await;
            } else {
                return Err(refused(call, status, &headers, &body));
            }
        }
    }

    async fn send_once(
        &self,
        call: &Call,
        file: &Path,
        tell: OnTransfer<'_>,
    ) -> Result<(StatusCode, http::HeaderMap, bytes::Bytes)> {
        let begun = Instant::now();
        let open = tokio::fs::File::open(file).await.map_err(|why| unusable(file, &why))?;
        let total = open.metadata().await.map_err(|why| unusable(file, &why))?.len();
        let moved = Arc::new(AtomicU64::new(0));
        let body = reqwest::Body::wrap_stream(chunks(open, moved.clone()));
        let (url, request) = self.file_request(call).await?;
        let request = request
            .header(http::header::CONTENT_TYPE, "application/octet-stream")
            .header(http::header::CONTENT_LENGTH, total)
            .body(body);
        let mut answer = std::pin::pin!(request.send());
        let (mut last, mut last_move) = (0, Instant::now());
        let answered = loop {
            tokio::select! {
                answered = &mut answer => break answered,
                () = tokio::time::sleep(TELL_EVERY) => {}
            }
            let now = moved.load(Ordering::Relaxed);
            if now != last {
                (last, last_move) = (now, Instant::now());
                tell(Transfer { done_bytes: now, total_bytes: Some(total) });
            }
            // When all is sent the service may still be copying it to its store.
            let patience = if now == total { LONGEST_SILENCE * 10 } else { LONGEST_SILENCE };
            if last_move.elapsed() > patience {
                return Err(silent(call, &url));
            }
        };
        let response = answered.map_err(|why| self.file_failed(call, &url, &why))?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.tell_call(call, Some(status.as_u16()), request_id(&headers), begun);
        if status.is_success() {
            tell(Transfer { done_bytes: total, total_bytes: Some(total) });
        }
        let body = response.bytes().await.map_err(|why| self.file_failed(call, &url, &why))?;
        Ok((status, headers, body))
    }

    /// Write the body of the answer to `call` into a file, and its bytes to `hasher`.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::Invalid`] when the file cannot be written.
    pub(super) async fn receive_file(
        &self,
        call: &Call,
        file: &Path,
        hasher: &mut Option<Hasher>,
        tell: OnTransfer<'_>,
    ) -> Result<()> {
        let mut tried = 0;
        loop {
            tried += 1;
            let begun = Instant::now();
            let (url, request) = self.file_request(call).await?;
            let sent = tokio::time::timeout(LONGEST_SILENCE, request.send()).await;
            let response =
                sent.map_err(|_| silent(call, &url))?.map_err(|why| self.file_failed(call, &url, &why))?;
            let (status, headers) = (response.status(), response.headers().clone());
            self.tell_call(call, Some(status.as_u16()), request_id(&headers), begun);
            if status.is_success() {
                let mut to = tokio::fs::File::create(file).await.map_err(|why| unusable(file, &why))?;
                let failed = |why: PourFailed| match why {
                    PourFailed::Wire(why) => self.file_failed(call, &url, &why),
                    PourFailed::Silence => silent(call, &url),
                    PourFailed::Disk(why) => unusable(file, &why),
                };
                return pour(response, &mut to, hasher, 0, tell).await.map_err(failed);
            }
            if status == StatusCode::UNAUTHORIZED && tried == 1 {
                self.renew_token(call.service).await?;
            } else if let Some(delay) = retry_delay(call, status, &headers, tried) {
                tokio::time::sleep(delay).await;
            } else {
                let body = response.bytes().await.unwrap_or_default();
                return Err(refused(call, status, &headers, &body));
            }
        }
    }

    async fn file_request(&self, call: &Call) -> Result<(url::Url, reqwest::RequestBuilder)> {
        let url = self.url(call).await?;
        let client =
            self.0.files.get_or_try_init(|| async { session::file_client(&self.0.credentials) }).await?;
        let mut request = client.request(call.method.clone(), url.clone());
        if let Some(token) = self.0.session.get_auth_token() {
            let mut value = http::HeaderValue::from_str(token.expose_secret()).map_err(|_| Error::Auth {
                message: "keystone's token is no text".into(),
                hint: "log in again".into(),
            })?;
            value.set_sensitive(true);
            request = request.header("x-auth-token", value);
        }
        Ok((url, request))
    }

    /// A small question through the gateway, which renews an expired token.
    async fn renew_token(&self, service: Service) -> Result<()> {
        let path = match service {
            Service::Image => "/images",
            _ => "/",
        };
        self.call(Call::get(service, path).query("limit", "1")).await.map(drop)
    }

    fn file_failed(&self, call: &Call, url: &url::Url, why: &reqwest::Error) -> Error {
        session::from_transport(why, &service_at(call, url), &self.0.credentials)
    }
}

pub(super) enum PourFailed {
    Wire(reqwest::Error),
    Silence,
    Disk(std::io::Error),
}

/// Pour an answer's body into an open file, from `already` bytes on.
pub(super) async fn pour(
    mut response: reqwest::Response,
    to: &mut tokio::fs::File,
    hasher: &mut Option<Hasher>,
    already: u64,
    tell: OnTransfer<'_>,
) -> Result<(), PourFailed> {
    let total_bytes = response.content_length().map(|rest| already + rest);
    let mut done_bytes = already;
    let mut told = Instant::now();
    loop {
        let chunk = tokio::time::timeout(LONGEST_SILENCE, response.chunk()).await;
        let chunk = chunk.map_err(|_| PourFailed::Silence)?.map_err(PourFailed::Wire)?;
        let Some(chunk) = chunk else { break };
        to.write_all(&chunk).await.map_err(PourFailed::Disk)?;
        if let Some(hasher) = hasher {
            hasher.update(&chunk);
        }
        done_bytes += chunk.len() as u64;
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            tell(Transfer { done_bytes, total_bytes });
        }
    }
    to.flush().await.map_err(PourFailed::Disk)?;
    tell(Transfer { done_bytes, total_bytes });
    Ok(())
}

/// A file's bytes as a stream that counts what was taken.
fn chunks(
    file: tokio::fs::File,
    moved: Arc<AtomicU64>,
) -> impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> {
    stream::try_unfold((file, moved), |(mut file, moved)| async move {
        let mut chunk = vec![0; CHUNK];
        let count = file.read(&mut chunk).await?;
        if count == 0 {
            return Ok(None);
        }
        chunk.truncate(count);
        moved.fetch_add(count as u64, Ordering::Relaxed);
        Ok(Some((bytes::Bytes::from(chunk), (file, moved))))
    })
}

fn service_at(call: &Call, url: &url::Url) -> String {
    format!("the {} service at {}", call.service.name(), url.origin().ascii_serialization())
}

fn silent(call: &Call, url: &url::Url) -> Error {
    Error::Unreachable {
        what: service_at(call, url),
        why: format!("the file did not move on for {} s", LONGEST_SILENCE.as_secs()),
        hint: "the service may be overloaded, or its store full".into(),
    }
}

/// A local file that cannot be used.
pub(super) fn unusable(file: &Path, why: &std::io::Error) -> Error {
    Error::Invalid { what: format!("file `{}`", file.display()), why: why.to_string(), hint: None }
}
