//! How a cloud logs in: `auth_type` and the fields it needs.

use super::credentials::Login;
use super::fields::{Fields, Speaker};
use super::secret::Secret;
use crate::error::{Error, Result};

/// The names of `auth_type` that smog supports, for hints.
const SUPPORTED: &str = "smog supports password, v3password, token, v3token, v3applicationcredential, v3totp and \
     v3multifactor; `openstack token issue` gives a token for `auth_type: v3token`";

/// Whether smog supports the `auth_type`: said before anything else that may be wrong.
///
/// # Errors
/// [`Error::Config`] where it does not.
pub(super) fn check(fields: &Fields, speaker: &Speaker<'_>) -> Result<()> {
    const KINDS: [&str; 7] =
        ["password", "v3password", "token", "v3token", "v3totp", "v3applicationcredential", "v3multifactor"];
    match fields.auth_type() {
        Some(kind) if !KINDS.contains(&kind.as_str()) => Err(unsupported(&kind, "auth_type", speaker)),
        _ => Ok(()),
    }
}

/// The login that these fields describe.
///
/// Without `auth_type` it is a password, as in openstacksdk; where there is none, what there is.
///
/// # Errors
/// [`Error::Config`] for an `auth_type` that smog does not support; what [`Speaker::missing`]
/// makes for a field that is needed and not there.
pub(super) fn of(fields: &Fields, speaker: &Speaker<'_>) -> Result<Login> {
    let has = |name: &str| fields.field(name).is_some();
    let kind = match fields.auth_type() {
        Some(kind) => kind,
        None if has("password") && (has("username") || has("user_id")) => "password".into(),
        None if has("application_credential_secret") => "v3applicationcredential".into(),
        None if has("password") => "password".into(),
        None if has("token") => "token".into(),
        None if has("passcode") => "v3totp".into(),
        None => "password".into(),
    };
    if kind != "v3multifactor" {
        return single(&kind, "auth_type", fields, speaker);
    }
    let methods = fields.auth_methods();
    if methods.is_empty() {
        return Err(speaker.missing("auth_methods"));
    }
    let methods = methods.iter().map(|method| single(method, "auth_methods", fields, speaker));
    Ok(Login::MultiFactor(methods.collect::<Result<_>>()?))
}

/// The fields that hold the secrets of a login.
pub(super) fn secrets(login: &Login) -> Vec<&'static str> {
    match login {
        Login::Password { .. } => vec!["password"],
        Login::ApplicationCredential { .. } => vec!["application_credential_secret"],
        Login::Totp { .. } => vec!["passcode"],
        Login::Token(_) => vec!["token"],
        Login::MultiFactor(methods) => methods.iter().flat_map(secrets).collect(),
    }
}

fn single(kind: &str, key: &str, fields: &Fields, speaker: &Speaker<'_>) -> Result<Login> {
    let field = |name: &str| fields.field(name);
    let secret = |name: &str| field(name).map(Secret::new).ok_or_else(|| speaker.missing(name));
    let user = || match (field("username"), field("user_id")) {
        (None, None) => Err(speaker.missing("username")),
        found => Ok(found),
    };
    Ok(match kind {
        "password" | "v3password" => {
            let password = secret("password")?;
            let (username, user_id) = user()?;
            Login::Password { username, user_id, password }
        }
        "token" | "v3token" => Login::Token(secret("token")?),
        "v3totp" => {
            let passcode = secret("passcode")?;
            let (username, user_id) = user()?;
            Login::Totp { username, user_id, passcode }
        }
        "v3applicationcredential" => {
            let secret = secret("application_credential_secret")?;
            let [id, name] = ["application_credential_id", "application_credential_name"].map(field);
            if id.is_none() && name.is_none() {
                return Err(speaker.missing("application_credential_id"));
            }
            let [username, user_id] = ["username", "user_id"].map(field);
            if id.is_none() && username.is_none() && user_id.is_none() {
                return Err(speaker.missing("username"));
            }
            Login::ApplicationCredential { id, name, username, user_id, secret }
        }
        other => return Err(unsupported(other, key, speaker)),
    })
}

/// Refused by its name, before anything is sent.
fn unsupported(kind: &str, key: &str, speaker: &Speaker<'_>) -> Error {
    let is_word = kind.len() <= 40
        && kind.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.'));
    // What is no such word may be anything, a password too.
    let message = match (speaker, is_word) {
        (Speaker::Cloud { .. }, true) => {
            format!("logs in by `{key}: {kind}`, which smog does not support")
        }
        (Speaker::Cloud { .. }, false) => format!("has an unknown `{key}`"),
        (Speaker::Variables { .. }, true) => {
            format!("{} is `{kind}`, which smog does not support", speaker.key(key))
        }
        (Speaker::Variables { .. }, false) => {
            format!("{} is not a way to log in that smog knows", speaker.key(key))
        }
    };
    let hint = match kind {
        "v2password" | "v2token" => "keystone's v2.0 API is no longer supported: `password` logs in to v3",
        "none" | "None" | "noauth" | "admin_token" | "token_endpoint" | "http_basic" => {
            "smog needs keystone's catalog, which this way to log in does without"
        }
        _ => SUPPORTED,
    };
    speaker.wrong(&message, Some(hint))
}
