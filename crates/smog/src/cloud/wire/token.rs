//! A token and what keystone says with it: until when, for whom, where, and the catalog.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::catalog::CatalogService;
use crate::config::Secret;
use crate::error::{Error, Result};

/// A token that expires so soon is not used any more: a call may take its time.
const MARGIN: Duration = Duration::from_secs(60);

/// A catalog that was asked for before this is asked for again when an endpoint is gone.
const FRESH: Duration = Duration::from_secs(20);

/// A token in use.
pub(in crate::cloud) struct Token {
    pub value: Secret,
    pub body: TokenBody,
    /// When this process got it from keystone; none for one from the disk.
    pub obtained: Option<Instant>,
}

/// What keystone says of a token, as far as smog uses it; also the form on disk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::cloud) struct TokenBody {
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    #[serde(default)]
    pub project: Option<Place>,
    #[serde(default)]
    pub domain: Option<Place>,
    #[serde(default)]
    pub system: Option<serde_json::Value>,
    #[serde(default)]
    pub user: Option<Place>,
    #[serde(default)]
    pub roles: Vec<Place>,
    #[serde(default)]
    pub catalog: Vec<CatalogService>,
}

/// Anything with an id and a name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::cloud) struct Place {
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct Document {
    token: TokenBody,
}

impl Token {
    /// From keystone's answer.
    pub(super) fn of(value: &str, body: &[u8], keystone: &str) -> Result<Token> {
        let document: Document = serde_json::from_slice(body).map_err(|why| Error::Parse {
            what: "the token".into(),
            source_of: keystone.into(),
            why: crate::json_words(&why),
        })?;
        Ok(Token { value: Secret::new(value), body: document.token, obtained: Some(Instant::now()) })
    }

    /// Of a recording: it is good for nothing, and never expires.
    pub(super) fn of_tape(login: serde_json::Value, source_of: &str) -> Result<Token> {
        let body: TokenBody = serde_json::from_value(login).map_err(|why| Error::Parse {
            what: "the login".into(),
            source_of: source_of.into(),
            why: crate::json_words(&why),
        })?;
        let body = TokenBody { expires_at: None, ..body };
        Ok(Token { value: Secret::new("recorded"), body, obtained: None })
    }

    /// Whether it expires before a call could end.
    pub(super) fn is_expiring(&self) -> bool {
        let now = Timestamp::now();
        self.body.expires_at.is_some_and(|end| end.duration_since(now).as_secs() < MARGIN.as_secs() as i64)
    }

    /// Whether its catalog may be out of date.
    pub(super) fn is_old(&self) -> bool {
        self.obtained.is_none_or(|when| when.elapsed() > FRESH)
    }

    /// Whether it is good for keystone only.
    pub(super) fn is_unscoped(&self) -> bool {
        self.body.project.is_none() && self.body.domain.is_none() && self.body.system.is_none()
    }

    /// "the roles of `jdoe` in project `demo`: member, reader".
    pub(in crate::cloud) fn roles_words(&self) -> String {
        let name = |place: &Option<Place>| {
            let place = place.as_ref()?;
            place.name.clone().or_else(|| place.id.clone())
        };
        let user = name(&self.body.user).map(|user| format!(" of `{user}`")).unwrap_or_default();
        let place = match (name(&self.body.project), name(&self.body.domain), &self.body.system) {
            (Some(project), _, _) => format!(" in project `{project}`"),
            (None, Some(domain), _) => format!(" in domain `{domain}`"),
            (None, None, Some(_)) => " in the whole system".into(),
            (None, None, None) => String::new(),
        };
        let roles: Vec<&str> = self.body.roles.iter().filter_map(|role| role.name.as_deref()).collect();
        let roles = if roles.is_empty() { "none".to_string() } else { roles.join(", ") };
        format!("the roles{user}{place}: {roles}")
    }
}
