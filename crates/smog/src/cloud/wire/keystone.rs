//! Asking keystone for a token, and saying exactly why there is none.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::auth_request;
use super::exchange::{Failed, Question, Reply, exchange};
use super::retry::{self, Next};
use super::token::{Place, Token};
use super::transport::Peer;
use crate::cloud::gateway::request_id;
use crate::cloud::{CallRecord, Options, fault};
use crate::config::{Credentials, Login, Scope, Secret};
use crate::error::{Error, Result};
use crate::some_of::some_of;

/// A keystone, and how to log in to it.
pub(super) struct Keystone {
    pub credentials: Credentials,
    pub client: reqwest::Client,
    /// Its URL with `/v3` at the end.
    pub root: Url,
    pub options: Options,
}

/// keystone's v3 root: people leave the version out, or name the whole path of a login.
pub(super) fn root(credentials: &Credentials) -> Result<Url> {
    let unusable = |why: &str| Error::Config {
        place: format!("keystone's URL (from {})", credentials.source),
        message: format!("`{}` {why}", without_password(&credentials.auth_url)),
        hint: Some("OS_AUTH_URL or `auth_url:` is such as http://192.0.2.10:5000/v3".into()),
    };
    let mut url = Url::parse(credentials.auth_url.trim()).map_err(|_| unusable("is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(unusable("begins with neither http:// nor https://"));
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/auth/tokens").unwrap_or(path);
    let path = if path.ends_with("/v3") { path.to_string() } else { format!("{path}/v3") };
    url.set_path(&path);
    Ok(url)
}

/// A URL as it may be shown.
pub(super) fn without_password(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else { return url.to_string() };
    if parsed.password().is_none() {
        return url.to_string();
    }
    let _ = parsed.set_password(None);
    parsed.to_string()
}

/// What keystone sends to a user of whom it wants more methods.
#[derive(Deserialize)]
struct Receipt {
    required_auth_methods: Vec<Vec<String>>,
}

impl Keystone {
    /// "keystone at http://…"
    fn name(&self) -> String {
        format!("keystone at {}", without_password(&self.credentials.auth_url))
    }

    pub(super) fn peer(&self) -> Peer {
        Peer { what: self.name(), address_from: self.credentials.source.clone() }
    }

    /// Log in.
    ///
    /// # Errors
    /// [`Error::Auth`] when keystone says no, [`Error::Unreachable`], [`Error::Untrusted`].
    pub(super) async fn log_in(&self) -> Result<Token> {
        let reply = match (&self.credentials.login, self.credentials.scope()) {
            // It brings its own scope: keystone would make an unscoped one of it.
            (Login::Token(token), Scope::Unscoped) => {
                let mut headers = token_header(token)?;
                if let Some(value) = headers.get("x-auth-token").cloned() {
                    headers.insert("x-subject-token", value);
                }
                self.ask(Method::GET, "/auth/tokens", headers, Bytes::new()).await?
            }
            _ => {
                let body = auth_request::body(&self.credentials).to_string();
                self.ask(Method::POST, "/auth/tokens", HeaderMap::new(), body.into()).await?
            }
        };
        let token = reply.headers.get("x-subject-token").and_then(|value| value.to_str().ok());
        match token {
            Some(token) if reply.status.is_success() && !token.trim().is_empty() => {
                Token::of(token, &reply.body, &self.name())
            }
            _ => Err(self.refused(&reply)),
        }
    }

    /// The names of the projects in which the user of this token has a role.
    pub(super) async fn projects(&self, token: &Token) -> Vec<String> {
        #[derive(Deserialize)]
        struct Projects {
            projects: Vec<Place>,
        }
        let Ok(headers) = token_header(&token.value) else { return vec![] };
        let reply = self.ask(Method::GET, "/auth/projects", headers, Bytes::new()).await;
        let projects = reply.ok().and_then(|reply| serde_json::from_slice::<Projects>(&reply.body).ok());
        projects.into_iter().flat_map(|found| found.projects).filter_map(|project| project.name).collect()
    }

    async fn ask(&self, method: Method, path: &str, mut headers: HeaderMap, body: Bytes) -> Result<Reply> {
        let mut url = self.root.clone();
        url.set_path(&format!("{}{path}", self.root.path()));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let question = Question { method, url, headers, body };
        // A passcode that was sent may be spent, whatever became of the answer.
        let is_repeatable =
            question.method == Method::GET || auth_request::is_repeatable(&self.credentials.login);
        let mut tried = 0;
        loop {
            tried += 1;
            let begun = Instant::now();
            let set = "OS_AUTH_URL, or `auth_url:` in clouds.yaml";
            let answered = exchange(&self.client, &question, &self.peer(), set).await;
            self.tell(&question.method, path, answered.as_ref().ok(), begun);
            let wait = match answered {
                Ok(reply) => match retry::next(is_repeatable, reply.status, &reply.headers, tried) {
                    Next::After(delay) => delay,
                    Next::Take | Next::TooLong(_) => return Ok(reply),
                },
                Err(Failed::Transport(why))
                    if is_repeatable && tried < retry::TRIES && !why.is_connect() && !why.is_timeout() =>
                {
                    retry::backoff(tried)
                }
                Err(why) => return Err(why.error(&self.peer())),
            };
            if wait >= retry::LONG_DELAY {
                self.options.tell_notice(&format!("keystone asks to wait {} s", wait.as_secs()));
            }
            tokio::time::sleep(wait).await;
        }
    }

    fn tell(&self, method: &Method, path: &str, reply: Option<&Reply>, begun: Instant) {
        if let Some(tell) = &self.options.on_call {
            tell(&CallRecord {
                service: "identity",
                method: method.to_string(),
                path: path.into(),
                status: reply.map(|reply| reply.status.as_u16()),
                request_id: reply.and_then(|reply| request_id(&reply.headers)),
                elapsed: begun.elapsed(),
            });
        }
    }

    /// Why there is no token in this answer.
    fn refused(&self, reply: &Reply) -> Error {
        let keystone = self.name();
        let login = &self.credentials.login;
        let source = &self.credentials.source;
        // These four are what keystone says of credentials; what else there is (a proxy's 413, a
        // rate limit) is about something else.
        if !matches!(reply.status.as_u16(), 200..400 | 400 | 401 | 403 | 404) {
            return Error::Api {
                service: "identity".into(),
                method: "POST".into(),
                path: "/auth/tokens".into(),
                status: reply.status.as_u16(),
                message: login.hidden_in(&fault::text(&reply.body, reply.status.as_u16())),
                request_id: request_id(&reply.headers),
            };
        }
        if let Ok(receipt) = serde_json::from_slice::<Receipt>(&reply.body) {
            // Keystone keeps them in sets: their order is another one each time.
            let mut rules: Vec<String> = receipt
                .required_auth_methods
                .into_iter()
                .map(|mut methods| {
                    methods.sort();
                    methods.join(" and ")
                })
                .collect();
            rules.sort();
            return Error::Auth {
                message: format!(
                    "{keystone} wants more than the {} of {}: {}",
                    auth_request::shown(login),
                    self.who(),
                    rules.join(", or ")
                ),
                hint: format!(
                    "the credentials come from {source}; OS_AUTH_TYPE=v3multifactor takes several methods \
                     (OS_AUTH_METHODS, `auth_methods:`)"
                )
                .into(),
            };
        }
        let is_keystone = serde_json::from_slice::<Value>(&reply.body)
            .is_ok_and(|body| body.pointer("/error/message").is_some_and(Value::is_string));
        if !is_keystone {
            return Error::Unreachable {
                what: keystone,
                why: format!(
                    "something answers there (HTTP {}), but it is not keystone v3",
                    reply.status.as_u16()
                ),
                hint: format!("the URL comes from {source}; it usually ends in :5000/v3 or /identity/v3")
                    .into(),
            };
        }
        // A service may repeat the request in its error.
        let reason = login.hidden_in(&fault::text(&reply.body, reply.status.as_u16()));
        let scope = auth_request::scope_words(&self.credentials);
        let scope = scope.map(|scope| format!(", for {scope}")).unwrap_or_default();
        let is_unauthorized = reply.status == StatusCode::UNAUTHORIZED || matches!(login, Login::Token(_));
        let sentence = match (is_unauthorized, auth_request::who(&self.credentials)) {
            (true, Some(who)) => {
                format!("does not accept {who} with the given {}{scope}", auth_request::shown(login))
            }
            (true, None) => format!("does not accept the given token{scope}"),
            (false, _) => format!("does not log in {}{scope} ({})", self.who(), reply.status.as_u16()),
        };
        // What keystone says to everybody says nothing.
        let reason = match reason.contains("requires authentication") {
            true => String::new(),
            false => format!(": {reason}"),
        };
        Error::Auth {
            message: format!("{keystone} {sentence}{reason}"),
            hint: format!("the credentials come from {source}: {}", what_to_check(login)).into(),
        }
    }

    fn who(&self) -> String {
        auth_request::who(&self.credentials).unwrap_or_else(|| "the owner of the token".into())
    }

    /// The error for a session whose token is no longer good, where no other can be had.
    pub(super) fn spent(&self, service: &str) -> Error {
        let (why, hint) = match &self.credentials.login {
            Login::Token(_) => (
                "the given token is no longer accepted, and smog has no other way to log in",
                "`openstack token issue` gives another one; a password or an application credential lasts longer",
            ),
            _ => (
                "the session has ended, and its one-time passcode is spent",
                "give a new passcode and start again; an application credential needs none",
            ),
        };
        Error::Auth { message: format!("{service}: {why}"), hint: hint.into() }
    }

    /// The error for a service that wants a project where the token has none.
    pub(super) async fn without_project(&self, token: &Token, service: &str) -> Error {
        let projects = self.projects(token).await;
        let hint = match projects.is_empty() {
            true => format!(
                "name a project with OS_PROJECT_NAME or `project_name:` in {}; this user has a role in none",
                self.credentials.source
            ),
            false => format!("name a project with OS_PROJECT_NAME or `project_name:`: {}", quoted(&projects)),
        };
        Error::Auth {
            message: format!(
                "the credentials of {} from {} name no project, and the {service} service needs one",
                self.who(),
                self.credentials.source
            ),
            hint: hint.into(),
        }
    }
}

/// The first few, in backticks.
fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    some_of(&quoted)
}

fn what_to_check(login: &Login) -> &'static str {
    match login {
        Login::Password { .. } => "check user, password, project and domains",
        Login::ApplicationCredential { .. } => {
            "check id (or name, user and domain) and secret, and that the credential has not expired"
        }
        Login::Token(_) => "tokens expire; `openstack token issue` gives another one",
        Login::Totp { .. } => "check user and domain; a passcode is good for half a minute, and once",
        Login::MultiFactor(_) => {
            "check user, password and domains; a passcode is good for half a minute, and once"
        }
    }
}

/// The header that shows a token; logs never show it.
pub(in crate::cloud) fn token_header(token: &Secret) -> Result<HeaderMap> {
    let mut value = HeaderValue::from_str(token.reveal().trim()).map_err(|_| Error::Auth {
        message: "the token has characters that no token has".into(),
        hint: "a token is one line of letters, digits, - and _".into(),
    })?;
    value.set_sensitive(true);
    let mut headers = HeaderMap::new();
    headers.insert("x-auth-token", value);
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::super::auth_request::tests::credentials;
    use super::*;

    #[test]
    fn keystone_s_url_as_people_write_it() {
        let of = |url: &str| {
            let mut credentials = credentials(Login::Token(Secret::new("t")));
            credentials.auth_url = url.into();
            root(&credentials).map(|url| url.to_string()).map_err(|why| why.to_string())
        };
        for (written, meant) in [
            ("http://k:5000/v3", "http://k:5000/v3"),
            ("http://k:5000/v3/", "http://k:5000/v3"),
            ("http://k:5000", "http://k:5000/v3"),
            ("https://k/identity/", "https://k/identity/v3"),
            (" http://k:5000/v3 ", "http://k:5000/v3"),
            ("http://k:5000/v3/auth/tokens", "http://k:5000/v3"),
        ] {
            assert_eq!(of(written).as_deref(), Ok(meant));
        }
        assert!(of("k:5000/v3").is_err_and(|why| why.contains("begins with neither http:// nor https://")));
        assert!(of("/v3").is_err_and(|why| why.contains("is not a URL")));
    }

    #[test]
    fn a_password_in_the_url_is_not_shown() {
        assert_eq!(without_password("http://u:p@k:5000/v3"), "http://u@k:5000/v3");
        assert_eq!(without_password("http://k:5000/v3"), "http://k:5000/v3");
    }
}
