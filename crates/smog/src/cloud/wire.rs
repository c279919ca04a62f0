//! The wire to an OpenStack: keystone's v3 login, its catalog, and HTTP with limits.
//!
//! smog speaks to keystone itself. The one call there is (`POST /v3/auth/tokens`) is small;
//! the libraries that make it follow redirects with the token in hand, read answers of any
//! size, or do not know all of keystone's methods.

mod auth_request;
mod catalog;
pub(super) mod exchange;
mod keystone;
mod proxy;
pub(super) mod redirect;
pub(super) mod retry;
mod token;
mod token_cache;
pub(super) mod transport;
pub(super) mod trust;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use url::Url;

use self::exchange::{Failed, Question, Reply};
use self::keystone::Keystone;
pub(super) use self::keystone::token_header;
pub(super) use self::token::Token;
use self::token_cache::TokenCache;
use self::transport::Peer;
use super::{Options, Service};
use crate::config::{Credentials, Login};
use crate::error::{Error, Result};

/// A login that lasts: it renews its token, and keeps it on disk between commands.
pub(super) struct Wire {
    keystone: Keystone,
    tls: rustls::ClientConfig,
    files: OnceLock<reqwest::Client>,
    token: RwLock<Arc<Token>>,
    /// One renewal at a time.
    renewing: tokio::sync::Mutex<()>,
    cache: Option<TokenCache>,
    has_noted_region: AtomicBool,
}

/// Where a service is, and who says so.
pub(super) struct Located {
    pub url: Url,
    pub peer: Peer,
    /// What a person sets where the service has moved.
    pub to_set: String,
    /// Keystone's catalog says so: asked again, it may say otherwise.
    pub is_from_catalog: bool,
}

impl Located {
    /// A service of a recording.
    pub(super) fn of_tape(of: &str) -> Located {
        #[expect(clippy::expect_used, reason = "a URL of smog's own")]
        let url = Url::parse("http://recorded.invalid").expect("a URL");
        Located {
            url,
            peer: Peer { what: of.to_string(), address_from: of.to_string() },
            to_set: String::new(),
            is_from_catalog: false,
        }
    }
}

impl Wire {
    /// With this token in hand.
    fn with(keystone: Keystone, tls: rustls::ClientConfig, token: Token, cache: Option<TokenCache>) -> Wire {
        Wire {
            keystone,
            tls,
            files: OnceLock::new(),
            token: RwLock::new(Arc::new(token)),
            renewing: tokio::sync::Mutex::new(()),
            cache,
            has_noted_region: AtomicBool::new(false),
        }
    }

    /// Log in, or take the token that is on disk.
    pub(super) async fn open(
        credentials: &Credentials,
        cache_dir: Option<&Path>,
        options: &Options,
    ) -> Result<Wire> {
        let (keystone, tls) = reached_by(credentials, options)?;
        // A token that was given is kept by who gave it.
        let keeps = !options.no_token_cache && !matches!(credentials.login, Login::Token(_));
        let cache = cache_dir.filter(|_| keeps).map(|dir| TokenCache::of(dir, credentials));
        let kept = match &cache {
            Some(cache) if !options.refresh_login => cache.load().unwrap_or_else(|why| {
                options.tell_notice(&why);
                None
            }),
            _ => None,
        };
        let token = match kept {
            Some(token) => token,
            None => {
                let token = keystone.log_in().await?;
                keep(cache.as_ref(), &token, options);
                token
            }
        };
        let uses_tls = keystone.root.scheme() == "https"
            || token.body.catalog.iter().flat_map(|of| &of.endpoints).any(|at| at.url.starts_with("https:"));
        if !credentials.verify && uses_tls {
            options.tell_notice(credentials.unchecked.as_deref().unwrap_or(
                "certificates are not checked: anybody between here and the cloud can read the password",
            ));
        }
        Ok(Wire::with(keystone, tls, token, cache))
    }

    /// Of a recording: it knows who looked and the catalog of then, and connects to nothing.
    ///
    /// # Errors
    /// [`Error::Parse`] where `login` is not what [`Cloud::taped_login`](super::Cloud) gave.
    pub(super) fn of_tape(
        credentials: &Credentials,
        login: serde_json::Value,
        options: &Options,
    ) -> Result<Wire> {
        let (keystone, tls) = reached_by(credentials, options)?;
        let token = Token::of_tape(login, &credentials.source)?;
        // The region was named when it was recorded.
        Ok(Wire { has_noted_region: AtomicBool::new(true), ..Wire::with(keystone, tls, token, None) })
    }

    /// The token as it is.
    pub(super) fn token_in_hand(&self) -> Arc<Token> {
        match self.token.read() {
            Ok(token) => Arc::clone(&token),
            Err(poisoned) => Arc::clone(&poisoned.into_inner()),
        }
    }

    /// A token that is good for a while: one that is about to expire is renewed.
    pub(super) async fn token(&self) -> Arc<Token> {
        let token = self.token_in_hand();
        if token.is_expiring() && self.can_renew() {
            // Where this fails, the service says whether the old one is still good.
            let _ = self.renew(&token, "keystone").await;
            return self.token_in_hand();
        }
        token
    }

    fn can_renew(&self) -> bool {
        auth_request::is_repeatable(&self.keystone.credentials.login)
    }

    /// Log in again, unless another task has done so since `stale` was taken.
    ///
    /// # Errors
    /// As logging in; [`Error::Auth`] where the credentials were good for one login only.
    pub(super) async fn renew(&self, stale: &Arc<Token>, asked_by: &str) -> Result<()> {
        let _turn = self.renewing.lock().await;
        if !Arc::ptr_eq(&self.token_in_hand(), stale) {
            return Ok(());
        }
        if let Some(cache) = &self.cache {
            cache.forget();
        }
        if !self.can_renew() {
            return Err(self.keystone.spent(asked_by));
        }
        let token = self.keystone.log_in().await?;
        keep(self.cache.as_ref(), &token, &self.keystone.options);
        let mut place = match self.token.write() {
            Ok(place) => place,
            Err(poisoned) => poisoned.into_inner(),
        };
        *place = Arc::new(token);
        Ok(())
    }

    /// Ask keystone for the catalog again, if the one of `stale` may be out of date.
    /// Whether there is another one now.
    pub(super) async fn ask_catalog_again(&self, stale: &Arc<Token>) -> bool {
        stale.is_old() && self.can_renew() && self.renew(stale, "keystone").await.is_ok()
    }

    /// Where a service is.
    ///
    /// # Errors
    /// [`Error::NotFound`] and [`Error::Invalid`] for what the catalog lacks,
    /// [`Error::Auth`] for a token without a project.
    pub(super) async fn locate(&self, service: Service) -> Result<Located> {
        let credentials = &self.keystone.credentials;
        if let Some(url) = overridden(credentials, service) {
            let from = format!("the {} endpoint override of {}", service.name(), credentials.source);
            return self.located(service, &url, from, false);
        }
        if service == Service::Identity {
            return Ok(Located {
                url: self.keystone.root.clone(),
                peer: self.keystone.peer(),
                to_set: "OS_AUTH_URL, or `auth_url:` in clouds.yaml".into(),
                is_from_catalog: false,
            });
        }
        let token = self.token_in_hand();
        match self.locate_in(&token, service) {
            Err(_) if token.is_unscoped() && token.body.catalog.is_empty() => {
                Err(self.keystone.without_project(&token, service.name()).await)
            }
            // Added meanwhile?
            Err(_) if self.ask_catalog_again(&token).await => self.locate_in(&self.token_in_hand(), service),
            located => located,
        }
    }

    fn locate_in(&self, token: &Token, service: Service) -> Result<Located> {
        let credentials = &self.keystone.credentials;
        let region = credentials.region.as_deref().filter(|region| !region.is_empty());
        let interface = credentials.interface.as_deref().unwrap_or("public");
        let chosen = catalog::choose(&token.body.catalog, service, region, interface, &credentials.source)?;
        if let Some(using) = chosen.region
            && !chosen.among.is_empty()
            && !self.has_noted_region.swap(true, Ordering::Relaxed)
        {
            self.keystone.options.tell_notice(&format!(
                "this cloud has several regions ({}) and none is named: {using} is used \
                 (OS_REGION_NAME or `region_name:` names one)",
                crate::some_of::some_of(&chosen.among)
            ));
        }
        let region = chosen.region.map(|region| format!(" of {region}")).unwrap_or_default();
        self.located(service, chosen.url, format!("keystone's catalog{region}"), true)
    }

    fn located(&self, service: Service, url: &str, from: String, is_from_catalog: bool) -> Result<Located> {
        let token = self.token_in_hand();
        let project = token.body.project.as_ref().and_then(|project| project.id.as_deref()).unwrap_or("");
        let filled = ["%(project_id)s", "%(tenant_id)s", "$(project_id)s", "$(tenant_id)s"]
            .iter()
            .fold(url.trim().to_string(), |url, mark| url.replace(mark, project));
        let url = Url::parse(&filled).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Error::Invalid {
            what: format!("URL `{}` of the {} service", keystone::without_password(&filled), service.name()),
            why: "it begins with neither http:// nor https://".into(),
            hint: Some(format!("it comes from {from}").into()),
        })?;
        let variable = service.name().to_uppercase().replace('-', "_");
        let key = service.name().replace('-', "_");
        Ok(Located {
            peer: Peer {
                what: format!("the {} service at {}", service.name(), url.origin().ascii_serialization()),
                address_from: from,
            },
            to_set: format!("OS_{variable}_ENDPOINT_OVERRIDE, or `{key}_endpoint_override:` in clouds.yaml"),
            url,
            is_from_catalog,
        })
    }

    /// Ask, and read the answer.
    pub(super) async fn exchange(
        &self,
        question: &Question,
        located: &Located,
    ) -> std::result::Result<Reply, Failed> {
        exchange::exchange(&self.keystone.client, question, &located.peer, &located.to_set).await
    }

    /// A client for files of any size.
    pub(super) fn file_client(&self) -> Result<&reqwest::Client> {
        if let Some(client) = self.files.get() {
            return Ok(client);
        }
        let client = exchange::file_client(self.tls.clone())?;
        Ok(self.files.get_or_init(|| client))
    }
}

/// Keystone as these credentials reach it, and whom TLS trusts.
fn reached_by(credentials: &Credentials, options: &Options) -> Result<(Keystone, rustls::ClientConfig)> {
    let tls = trust::of_cloud(credentials)?;
    let keystone = Keystone {
        credentials: credentials.clone(),
        client: exchange::client(tls.clone())?,
        root: keystone::root(credentials)?,
        options: options.clone(),
    };
    Ok((keystone, tls))
}

fn keep(cache: Option<&TokenCache>, token: &Token, options: &Options) {
    if let Some(Err(why)) = cache.map(|cache| cache.keep(token)) {
        options.tell_notice(&why);
    }
}

/// The URL that replaces the catalog's, by any of the service's names.
fn overridden(credentials: &Credentials, service: Service) -> Option<String> {
    let overrides = &credentials.endpoint_overrides;
    let found = overrides.iter().find(|(kind, _)| {
        let kind = kind.to_lowercase().replace('_', "-");
        service.types().iter().any(|name| name.replace('_', "-") == kind)
    });
    found.map(|(_, url)| url.clone()).filter(|url| !url.trim().is_empty())
}
