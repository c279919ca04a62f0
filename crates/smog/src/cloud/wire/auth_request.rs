//! What keystone is asked for: the body of `POST /v3/auth/tokens`.

use serde_json::{Map, Value, json};

use crate::config::{Credentials, Login, Scope};

/// The request that logs in with these credentials.
pub(super) fn body(credentials: &Credentials) -> Value {
    let mut identity = Map::new();
    let mut methods = Vec::new();
    add(&credentials.login, credentials, &mut methods, &mut identity);
    // An application credential carries its own scope; keystone refuses a second one.
    let has_own_scope = methods.contains(&"application_credential");
    identity.insert("methods".into(), json!(methods));
    let mut auth = json!({ "identity": identity });
    if !has_own_scope && let Some(scope) = scope(&credentials.scope()) {
        auth["scope"] = scope;
    }
    json!({ "auth": auth })
}

fn add(login: &Login, of: &Credentials, methods: &mut Vec<&'static str>, identity: &mut Map<String, Value>) {
    let (method, value) = match login {
        Login::Password { username, user_id, password } => {
            let mut user = user(username, user_id, of);
            user["password"] = json!(password.reveal());
            ("password", json!({ "user": user }))
        }
        Login::Totp { username, user_id, passcode } => {
            let mut user = user(username, user_id, of);
            user["passcode"] = json!(passcode.reveal());
            ("totp", json!({ "user": user }))
        }
        Login::Token(token) => ("token", json!({ "id": token.reveal() })),
        Login::ApplicationCredential { id: Some(id), secret, .. } => {
            ("application_credential", json!({ "id": id, "secret": secret.reveal() }))
        }
        Login::ApplicationCredential { id: None, name, username, user_id, secret } => (
            "application_credential",
            json!({ "name": name, "secret": secret.reveal(), "user": user(username, user_id, of) }),
        ),
        Login::MultiFactor(logins) => {
            logins.iter().for_each(|login| add(login, of, methods, identity));
            return;
        }
    };
    if !methods.contains(&method) {
        methods.push(method);
    }
    identity.insert(method.into(), value);
}

/// An id is unique in the cloud, a name only in its domain.
fn user(name: &Option<String>, id: &Option<String>, of: &Credentials) -> Value {
    match (id, name) {
        (Some(id), _) => json!({ "id": id }),
        (None, name) => named(name, &of.user_domain_id, &of.user_domain_name),
    }
}

fn named(name: &Option<String>, domain_id: &Option<String>, domain_name: &Option<String>) -> Value {
    match domain(domain_id, domain_name) {
        Some(domain) => json!({ "name": name, "domain": domain }),
        None => json!({ "name": name }),
    }
}

fn domain(id: &Option<String>, name: &Option<String>) -> Option<Value> {
    match (id, name) {
        (Some(id), _) => Some(json!({ "id": id })),
        (None, Some(name)) => Some(json!({ "name": name })),
        (None, None) => None,
    }
}

fn scope(scope: &Scope) -> Option<Value> {
    match scope {
        Scope::Project { id: Some(id), .. } => Some(json!({ "project": { "id": id } })),
        Scope::Project { id: None, name, domain_id, domain_name } => {
            Some(json!({ "project": named(name, domain_id, domain_name) }))
        }
        Scope::Domain { id, name } => Some(json!({ "domain": domain(id, name)? })),
        Scope::System => Some(json!({ "system": { "all": true } })),
        Scope::Trust(id) => Some(json!({ "OS-TRUST:trust": { "id": id } })),
        Scope::Unscoped => None,
    }
}

/// What a login shows keystone, in words: "password", "token" …
pub(super) fn shown(login: &Login) -> String {
    match login {
        Login::Password { .. } => "password".into(),
        Login::ApplicationCredential { .. } => "secret".into(),
        Login::Totp { .. } => "passcode".into(),
        Login::Token(_) => "token".into(),
        Login::MultiFactor(logins) => logins.iter().map(shown).collect::<Vec<_>>().join(" and "),
    }
}

/// Who logs in, in words.
pub(super) fn who(credentials: &Credentials) -> Option<String> {
    match &credentials.login {
        Login::ApplicationCredential { .. } => {
            Some(format!("application credential `{}`", credentials.user()))
        }
        Login::Token(_) => None,
        Login::Password { .. } | Login::Totp { .. } | Login::MultiFactor(_) => {
            Some(format!("user `{}`", credentials.user()))
        }
    }
}

/// The scope that is asked for, in words: "project `demo`".
pub(super) fn scope_words(credentials: &Credentials) -> Option<String> {
    let name = |id: Option<String>, name: Option<String>| name.or(id).unwrap_or_else(|| "?".into());
    match credentials.scope() {
        Scope::Project { id, name: called, .. } => Some(format!("project `{}`", name(id, called))),
        Scope::Domain { id, name: called } => Some(format!("domain `{}`", name(id, called))),
        Scope::System => Some("the whole system".into()),
        Scope::Trust(id) => Some(format!("trust `{id}`")),
        Scope::Unscoped => None,
    }
}

/// Whether the same login works a second time: a passcode is spent, and a token that has
/// expired gets no other one.
pub(super) fn is_repeatable(login: &Login) -> bool {
    match login {
        Login::Password { .. } | Login::ApplicationCredential { .. } => true,
        Login::Totp { .. } | Login::Token(_) => false,
        Login::MultiFactor(logins) => logins.iter().all(is_repeatable),
    }
}

/// The secrets of a login, for comparing two logins.
pub(super) fn secrets(login: &Login) -> Vec<&str> {
    match login {
        Login::Password { password: secret, .. }
        | Login::ApplicationCredential { secret, .. }
        | Login::Totp { passcode: secret, .. }
        | Login::Token(secret) => vec![secret.reveal()],
        Login::MultiFactor(logins) => logins.iter().flat_map(secrets).collect(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::Secret;

    pub(in crate::cloud::wire) fn credentials(login: Login) -> Credentials {
        let envvars = "the OS_* variables";
        Credentials {
            user_domain_id: Some("default".into()),
            ..Credentials::new("envvars", envvars, "http://192.0.2.10:5000/v3", login)
        }
    }

    fn password() -> Login {
        Login::Password { username: Some("jdoe".into()), user_id: None, password: Secret::new("p") }
    }

    fn totp() -> Login {
        Login::Totp { username: None, user_id: Some("u1".into()), passcode: Secret::new("123456") }
    }

    #[test]
    fn each_method_as_keystone_wants_it() {
        let jdoe = json!({"name": "jdoe", "domain": {"id": "default"}});
        let app = |id: Option<&str>| Login::ApplicationCredential {
            id: id.map(Into::into),
            name: Some("ci".into()),
            username: Some("jdoe".into()),
            user_id: None,
            secret: Secret::new("s"),
        };
        for (login, identity) in [
            (
                password(),
                json!({"methods": ["password"], "password": {"user": {"name": "jdoe", "domain": {"id": "default"}, "password": "p"}}}),
            ),
            (totp(), json!({"methods": ["totp"], "totp": {"user": {"id": "u1", "passcode": "123456"}}})),
            (Login::Token(Secret::new("t")), json!({"methods": ["token"], "token": {"id": "t"}})),
            (
                app(Some("a1")),
                json!({"methods": ["application_credential"], "application_credential": {"id": "a1", "secret": "s"}}),
            ),
            (
                app(None),
                json!({"methods": ["application_credential"], "application_credential": {"name": "ci", "secret": "s", "user": jdoe}}),
            ),
            (
                Login::MultiFactor(vec![password(), totp()]),
                json!({
                    "methods": ["password", "totp"],
                    "password": {"user": {"name": "jdoe", "domain": {"id": "default"}, "password": "p"}},
                    "totp": {"user": {"id": "u1", "passcode": "123456"}},
                }),
            ),
        ] {
            assert_eq!(body(&credentials(login)), json!({"auth": {"identity": identity}}));
        }
    }

    #[test]
    fn each_scope_as_keystone_wants_it() {
        let scoped = |change: fn(&mut Credentials)| {
            let mut credentials = credentials(password());
            change(&mut credentials);
            body(&credentials)["auth"]["scope"].clone()
        };
        assert_eq!(scoped(|_| {}), Value::Null);
        assert_eq!(scoped(|c| c.project_id = Some("p1".into())), json!({"project": {"id": "p1"}}));
        assert_eq!(
            scoped(|c| (c.project_name, c.project_domain_name) = (Some("demo".into()), Some("D".into()))),
            json!({"project": {"name": "demo", "domain": {"name": "D"}}})
        );
        assert_eq!(scoped(|c| c.domain_name = Some("D".into())), json!({"domain": {"name": "D"}}));
        assert_eq!(scoped(|c| c.system_scope = Some("all".into())), json!({"system": {"all": true}}));
        assert_eq!(scoped(|c| c.trust_id = Some("t1".into())), json!({"OS-TRUST:trust": {"id": "t1"}}));
    }

    #[test]
    fn an_application_credential_among_several_methods_keeps_its_own_scope() {
        let app = Login::ApplicationCredential {
            id: Some("a1".into()),
            name: None,
            username: None,
            user_id: None,
            secret: Secret::new("s"),
        };
        let mut credentials = credentials(Login::MultiFactor(vec![app, totp()]));
        credentials.project_id = Some("p1".into());
        assert_eq!(body(&credentials)["auth"]["scope"], Value::Null);
    }
}
