//! Files to and from a service: streamed, of any size, with progress.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream;
use http::StatusCode;
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::checksum::Hasher;
use super::gateway::{request_id, url_of};
use super::refusal::{self, Patience};
use super::wire::exchange::{circle, elsewhere, nowhere, read_up_to};
use super::wire::redirect::{self, Redirect};
use super::wire::retry::{self, Next};
use super::wire::{Located, Token, token_header, transport};
use super::{Call, Cloud};
use crate::error::{Error, Result};

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Transfer {
    /// Bytes moved so far.
    pub done_bytes: u64,
    /// Bytes in all, when known.
    pub total_bytes: Option<u64>,
}

/// Called as a file moves on, at most ten times per second, and once at its end.
pub type OnTransfer<'a> = &'a (dyn Fn(Transfer) + Send + Sync);

/// Bytes moved at a time.
const CHUNK: usize = 1 << 18;

/// A transfer that moves nothing for so long is aborted.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(90);

/// Of a refusal, this is enough to say why.
const REFUSAL_LIMIT: usize = 1 << 20;

/// How often progress is reported.
const TELL_EVERY: Duration = Duration::from_millis(100);

impl Cloud {
    /// Send a file as the body of `call`. An expired token is renewed and the file
    /// sent once more from its begin; 429 and 503 are obeyed.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::Invalid`] when the file cannot be read.
    pub(super) async fn send_file(&self, call: &Call, file: &Path, tell: OnTransfer<'_>) -> Result<()> {
        self.is_changeable(&format!("sending a file to the {} service", call.service.name()))?;
        let mut begun = Begun::default();
        loop {
            let located = self.0.wire.locate(call.service).await?;
            let token = self.0.wire.token().await;
            let url = begun.at(call, &located);
            let (status, headers, body) = self.send_once(call, &url, &located, &token, file, tell).await?;
            if status.is_success() {
                return Ok(());
            }
            self.after_refusal(call, &located, &token, &mut begun, (status, &headers, &body)).await?;
        }
    }

    /// What to do after an answer that is not a success: come back to ask again, or fail.
    async fn after_refusal(
        &self,
        call: &Call,
        located: &Located,
        token: &Arc<Token>,
        begun: &mut Begun,
        (status, headers, body): (StatusCode, &http::HeaderMap, &[u8]),
    ) -> Result<()> {
        let url = begun.at(call, located);
        match redirect::of(&call.method, &url, status, headers) {
            Redirect::To(_, _) if begun.redirects >= redirect::LONGEST_CHAIN => {
                return Err(circle(&located.peer));
            }
            Redirect::To(to, _) => {
                begun.redirects += 1;
                begun.redirected = Some(to);
                return Ok(());
            }
            Redirect::Nowhere => return Err(nowhere(&located.peer)),
            Redirect::Elsewhere(to) => return Err(elsewhere(&located.peer, &to, &located.to_set)),
            Redirect::None => {}
        }
        if status == StatusCode::UNAUTHORIZED && !begun.has_renewed {
            begun.has_renewed = true;
            return self.0.wire.renew(token, &located.peer.what).await;
        }
        begun.patience.tried += 1;
        match retry::next(call.is_idempotent(), status, headers, begun.patience.tried) {
            Next::After(delay) => {
                self.wait(located, delay, &mut begun.patience).await;
                Ok(())
            }
            Next::TooLong(delay) => {
                begun.patience.too_long = Some(delay);
                Err(refusal::error(call, status, headers, body, token, &begun.patience))
            }
            Next::Take => Err(refusal::error(call, status, headers, body, token, &begun.patience)),
        }
    }

    async fn send_once(
        &self,
        call: &Call,
        url: &url::Url,
        located: &Located,
        token: &Token,
        file: &Path,
        tell: OnTransfer<'_>,
    ) -> Result<(StatusCode, http::HeaderMap, Vec<u8>)> {
        let begun = Instant::now();
        let open = tokio::fs::File::open(file).await.map_err(|why| unusable(file, &why))?;
        let total = open.metadata().await.map_err(|why| unusable(file, &why))?.len();
        let moved = Arc::new(AtomicU64::new(0));
        let body = reqwest::Body::wrap_stream(chunks(open, moved.clone()));
        let request = self
            .file_request(call, url, token)?
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
                return Err(silent(&located.peer));
            }
        };
        let response = answered.map_err(|why| transport::error(&why, &located.peer))?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.tell_call(call, Some(status.as_u16()), request_id(&headers), begun);
        if status.is_success() {
            tell(Transfer { done_bytes: total, total_bytes: Some(total) });
        }
        let body = read_up_to(response, REFUSAL_LIMIT).await;
        Ok((status, headers, body.map_err(|why| transport::error(&why, &located.peer))?.0))
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
        self.is_changeable(&format!(
            "a file of the {} service, which no recording holds",
            call.service.name()
        ))?;
        let mut begun = Begun::default();
        loop {
            let asked = Instant::now();
            let located = self.0.wire.locate(call.service).await?;
            let token = self.0.wire.token().await;
            let url = begun.at(call, &located);
            let request = self.file_request(call, &url, &token)?;
            let sent = tokio::time::timeout(LONGEST_SILENCE, request.send()).await;
            let failed = |why: reqwest::Error| transport::error(&why, &located.peer);
            let response = sent.map_err(|_| silent(&located.peer))?.map_err(failed)?;
            let (status, headers) = (response.status(), response.headers().clone());
            self.tell_call(call, Some(status.as_u16()), request_id(&headers), asked);
            if status.is_success() {
                let mut to = tokio::fs::File::create(file).await.map_err(|why| unusable(file, &why))?;
                let failed = |why: PourFailed| match why {
                    PourFailed::Wire(why) => transport::error(&why, &located.peer),
                    PourFailed::Silence => silent(&located.peer),
                    PourFailed::Disk(why) => unusable(file, &why),
                };
                return pour(response, &mut to, hasher, 0, tell).await.map_err(failed);
            }
            let body = read_up_to(response, REFUSAL_LIMIT).await.unwrap_or_default().0;
            self.after_refusal(call, &located, &token, &mut begun, (status, &headers, &body)).await?;
        }
    }

    fn file_request(&self, call: &Call, url: &url::Url, token: &Token) -> Result<reqwest::RequestBuilder> {
        let client = self.0.wire.file_client()?;
        Ok(client.request(call.method.clone(), url.clone()).headers(token_header(&token.value)?))
    }
}

/// How far the tries of one transfer are.
#[derive(Default)]
struct Begun {
    patience: Patience,
    has_renewed: bool,
    redirects: usize,
    redirected: Option<url::Url>,
}

impl Begun {
    fn at(&self, call: &Call, located: &Located) -> url::Url {
        self.redirected.clone().unwrap_or_else(|| url_of(call, &located.url))
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
    let mut reported = Instant::now();
    loop {
        let chunk = tokio::time::timeout(LONGEST_SILENCE, response.chunk()).await;
        let chunk = chunk.map_err(|_| PourFailed::Silence)?.map_err(PourFailed::Wire)?;
        let Some(chunk) = chunk else { break };
        to.write_all(&chunk).await.map_err(PourFailed::Disk)?;
        if let Some(hasher) = hasher {
            hasher.update(&chunk);
        }
        done_bytes += chunk.len() as u64;
        if reported.elapsed() >= TELL_EVERY {
            reported = Instant::now();
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

fn silent(peer: &transport::Peer) -> Error {
    Error::Unreachable {
        what: peer.what.clone(),
        why: format!("the file did not move on for {} s", LONGEST_SILENCE.as_secs()),
        hint: "the service may be overloaded, or its store full".into(),
    }
}

/// A local file that cannot be used.
pub(super) fn unusable(file: &Path, why: &std::io::Error) -> Error {
    Error::Invalid { what: format!("file `{}`", file.display()), why: why.to_string(), hint: None }
}
