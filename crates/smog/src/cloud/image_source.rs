//! An image file from a URL: fetched once, checked, kept in a folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_RANGE, ETAG, IF_RANGE, LOCATION, RANGE};
use sha2::{Digest, Sha256};

use super::checksum::{Checksum, Hasher, feed};
use super::transfer::{LONGEST_SILENCE, OnTransfer, PourFailed, pour, unusable};
use super::wire::retry::backoff;
use super::wire::transport::{self, Peer};
use super::wire::{exchange, trust};
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::wait::{self, Seen, Wait};

/// Tries in all to get the whole of a file; each goes on where the last one ended.
const TRIES: u32 = 4;

/// So many redirects in a row are followed.
const LONGEST_CHAIN: usize = 10;

/// Another process may be fetching the same file: wait for it this long.
const LONGEST_TURN: Duration = Duration::from_secs(3600);

/// An image file somewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageSource {
    /// `http://…`, `https://…` or `file:///…`.
    pub url: String,
    /// What it must hash to.
    pub checksum: Option<Checksum>,
    /// The folder fetched files are kept in; made when it is not there.
    pub cache_dir: PathBuf,
}

impl ImageSource {
    /// The file behind `url`, kept in `cache_dir`, unchecked.
    pub fn new(url: impl Into<String>, cache_dir: impl Into<PathBuf>) -> ImageSource {
        ImageSource { url: url.into(), checksum: None, cache_dir: cache_dir.into() }
    }

    /// The same, which must hash to this.
    pub fn with_checksum(mut self, checksum: Checksum) -> ImageSource {
        self.checksum = Some(checksum);
        self
    }

    /// Have the file on this machine, and say where.
    ///
    /// A file in the cache is taken without asking the network, after its checksum
    /// was compared; a broken download goes on where it ended if the server can do
    /// that for the same file, else begins again. A `file:` URL is checked and used
    /// where it is.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a wrong checksum (nothing of it is left in the cache), a URL
    /// smog cannot fetch, or a folder it cannot write; [`Error::Api`] when the server
    /// refuses; [`Error::Unreachable`].
    pub async fn fetch(&self, tell: OnTransfer<'_>) -> Result<PathBuf> {
        let url = self.parsed()?;
        if url.scheme() == "file" {
            let file = url.to_file_path().map_err(|()| self.invalid("no local path"))?;
            tokio::fs::metadata(&file).await.map_err(|why| unusable(&file, &why))?;
            self.check(&file).await?;
            return Ok(file);
        }
        crate::private_folder(&self.cache_dir)?;
        let file = self.cached(&url);
        if self.is_cached(&file).await? {
            return Ok(file);
        }
        let part = with_suffix(&file, ".part");
        let _turn = turn(&with_suffix(&file, ".lock")).await?;
        // The task that waited before may have fetched it.
        if self.is_cached(&file).await? {
            return Ok(file);
        }
        self.download(&url, &part, tell).await?;
        if let Err(wrong) = self.check(&part).await {
            remove(&part).await;
            remove(&with_suffix(&part, ".etag")).await;
            return Err(wrong);
        }
        tokio::fs::rename(&part, &file).await.map_err(|why| unusable(&file, &why))?;
        remove(&with_suffix(&part, ".etag")).await;
        Ok(file)
    }

    fn parsed(&self) -> Result<url::Url> {
        let url = url::Url::parse(&self.url).map_err(|why| self.invalid(&why.to_string()))?;
        match url.scheme() {
            "http" | "https" | "file" => Ok(url),
            other => Err(self.invalid(&format!("smog fetches http, https and file URLs, not `{other}`"))),
        }
    }

    fn invalid(&self, why: &str) -> Error {
        Error::Invalid { what: format!("URL `{}`", self.shown()), why: why.into(), hint: None }
    }

    /// The URL without a password in it.
    fn shown(&self) -> String {
        let Ok(mut url) = url::Url::parse(&self.url) else { return self.url.clone() };
        match url.password().is_some() && url.set_password(None).is_ok() {
            true => url.to_string(),
            false => self.url.clone(),
        }
    }

    /// "1f2e3d4c-cirros.img": the URL's fingerprint keeps equal names apart.
    fn cached(&self, url: &url::Url) -> PathBuf {
        let name = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
        let digest = Sha256::digest(self.url.as_bytes());
        let key = hex(&digest[..4]);
        self.cache_dir.join(format!("{key}-{name}"))
    }

    /// Whether the cache has it. A cached file that does not match is dropped.
    async fn is_cached(&self, file: &Path) -> Result<bool> {
        if !tokio::fs::try_exists(file).await.map_err(|why| unusable(file, &why))? {
            return Ok(false);
        }
        if self.check(file).await.is_ok() {
            return Ok(true);
        }
        remove(file).await;
        Ok(false)
    }

    async fn check(&self, file: &Path) -> Result<()> {
        let Some(checksum) = &self.checksum else { return Ok(()) };
        let fed = feed(Hasher::new(checksum), file).await.map_err(|why| unusable(file, &why))?;
        let found = fed.digits();
        if found == checksum.digits {
            return Ok(());
        }
        Err(Error::Invalid {
            what: format!("file from `{}`", self.shown()),
            why: format!("its {} is {found}, not {}", checksum.algorithm, checksum.digits),
            hint: Some(
                "the file was changed, or another one stands there: compare with its publisher's".into(),
            ),
        })
    }

    async fn download(&self, url: &url::Url, part: &Path, tell: OnTransfer<'_>) -> Result<()> {
        let client = exchange::file_client(trust::of_system()?)?;
        let mut tried = 0;
        loop {
            tried += 1;
            match self.download_once(&client, url, part, tell).await {
                Err(why) if why.is_temporary() && tried < TRIES => {
                    tokio::time::sleep(backoff(tried)).await;
                }
                ended => return ended,
            }
        }
    }

    /// Ask for the file, or for its rest, and follow redirects: no token goes along, so they
    /// may lead to other servers, as mirrors do, but not from https to http, where anybody
    /// in between could change a file that has no checksum.
    async fn ask(
        &self,
        client: &reqwest::Client,
        url: &url::Url,
        rest: Option<(u64, String)>,
    ) -> Result<(reqwest::Response, url::Url)> {
        let mut url = url.clone();
        for _ in 0..=LONGEST_CHAIN {
            let mut request = client.get(url.clone());
            if let Some((have, etag)) = &rest {
                request = request.header(RANGE, format!("bytes={have}-")).header(IF_RANGE, etag);
            }
            let sent = tokio::time::timeout(LONGEST_SILENCE, request.send()).await;
            let response = sent
                .map_err(|_| unreachable(&url, "no answer in time".into()))?
                .map_err(|why| failed(&url, &why))?;
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
            let Some(to) = location.filter(|_| is_redirect).and_then(|to| url.join(to).ok()) else {
                return Ok((response, url));
            };
            let gives_up_tls = url.scheme() == "https" && to.scheme() != "https" && self.checksum.is_none();
            if !matches!(to.scheme(), "http" | "https") || gives_up_tls {
                let to = format!("{}://{}", to.scheme(), to.host_str().unwrap_or_default());
                return Err(Error::Invalid {
                    what: format!("URL `{}`", self.shown()),
                    why: format!("it redirects to {to}, which smog does not follow"),
                    hint: gives_up_tls
                        .then(|| "from https to plain http only a file with a checksum is fetched".into()),
                });
            }
            url = to;
        }
        Err(unreachable(&url, format!("it redirects more than {LONGEST_CHAIN} times in a row")))
    }

    async fn download_once(
        &self,
        client: &reqwest::Client,
        url: &url::Url,
        part: &Path,
        tell: OnTransfer<'_>,
    ) -> Result<()> {
        let etag_file = with_suffix(part, ".etag");
        let have = tokio::fs::metadata(part).await.map(|found| found.len()).unwrap_or(0);
        let etag = tokio::fs::read_to_string(&etag_file).await.ok().filter(|_| have > 0);
        let (response, url) = self.ask(client, url, etag.map(|etag| (have, etag))).await?;
        let url = &url;
        let status = response.status();
        let goes_on = status == StatusCode::PARTIAL_CONTENT && begins_at(&response) == Some(have);
        if status == StatusCode::RANGE_NOT_SATISFIABLE || (status == StatusCode::PARTIAL_CONTENT && !goes_on)
        {
            remove(part).await;
            return Err(unreachable(url, "it cannot go on with what was fetched before".into()));
        }
        if !status.is_success() {
            return Err(refused(url, status));
        }
        let mut to = match goes_on {
            true => tokio::fs::OpenOptions::new().append(true).open(part).await,
            false => tokio::fs::File::create(part).await,
        }
        .map_err(|why| unusable(part, &why))?;
        if !goes_on {
            // A weak tag does not promise the same bytes.
            match response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()) {
                Some(tag) if !tag.starts_with("W/") => {
                    tokio::fs::write(&etag_file, tag).await.map_err(|why| unusable(&etag_file, &why))?;
                }
                _ => remove(&etag_file).await,
            }
        }
        let already = if goes_on { have } else { 0 };
        pour(response, &mut to, &mut None, already, tell).await.map_err(|why| match why {
            PourFailed::Wire(why) => failed(url, &why),
            PourFailed::Silence => unreachable(url, "the file did not move on".into()),
            PourFailed::Disk(why) => unusable(part, &why),
        })
    }
}

fn failed(url: &url::Url, why: &reqwest::Error) -> Error {
    let what = url.origin().ascii_serialization();
    transport::error(why, &Peer { what, address_from: "the image's URL".into() })
}

/// "bytes 100-199/200" begins at 100.
fn begins_at(response: &reqwest::Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

fn unreachable(url: &url::Url, why: String) -> Error {
    Error::Unreachable {
        what: url.origin().ascii_serialization(),
        why,
        hint: "check the URL, and the proxy variables if this machine needs a proxy".into(),
    }
}

fn refused(url: &url::Url, status: StatusCode) -> Error {
    Error::Api {
        service: url.host_str().unwrap_or("the server").to_string(),
        method: "GET".into(),
        path: url.path().into(),
        status: status.as_u16(),
        message: status.canonical_reason().unwrap_or("no reason given").into(),
        request_id: None,
    }
}

/// Take turns with other processes; the turn ends when the file is dropped.
async fn turn(lock: &Path) -> Result<std::fs::File> {
    let file = std::fs::File::create(lock).map_err(|why| unusable(lock, &why))?;
    let what = format!("another process's download (lock `{}`) to end", lock.display());
    let wait = Wait { every: Duration::from_millis(200), ..Wait::up_to(LONGEST_TURN) };
    wait::until(&what, wait, || async {
        match file.try_lock() {
            Ok(()) => Ok(Seen::Done(())),
            Err(std::fs::TryLockError::WouldBlock) => Ok(Seen::NotYet("still running".into())),
            Err(std::fs::TryLockError::Error(why)) => Err(unusable(lock, &why)),
        }
    })
    .await?;
    Ok(file)
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// Remove a file that may be gone.
async fn remove(file: &Path) {
    let _ = tokio::fs::remove_file(file).await;
}
