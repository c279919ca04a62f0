//! Who talks to which cloud.

use std::collections::BTreeMap;

use super::secret::Secret;

/// How the user proves who they are: one of keystone's authentication methods, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// User name (or id) and password.
    Password {
        /// `OS_USERNAME`, or nothing when the id is given.
        username: Option<String>,
        /// `OS_USER_ID`.
        user_id: Option<String>,
        /// `OS_PASSWORD`.
        password: Secret,
    },
    /// An application credential by id, or by name with its owner's name.
    ApplicationCredential {
        /// `OS_APPLICATION_CREDENTIAL_ID`.
        id: Option<String>,
        /// `OS_APPLICATION_CREDENTIAL_NAME`.
        name: Option<String>,
        /// `OS_USERNAME`, needed with a name.
        username: Option<String>,
        /// `OS_USER_ID`, in place of the user's name.
        user_id: Option<String>,
        /// `OS_APPLICATION_CREDENTIAL_SECRET`.
        secret: Secret,
    },
    /// A time-based one-time password (`auth_type: v3totp`).
    Totp {
        /// `OS_USERNAME`, or nothing when the id is given.
        username: Option<String>,
        /// `OS_USER_ID`.
        user_id: Option<String>,
        /// `OS_PASSCODE`.
        passcode: Secret,
    },
    /// An existing token.
    Token(Secret),
    /// Several methods in one request (`auth_type: v3multifactor`), in the order of
    /// `auth_methods`; none of them is itself a `MultiFactor`.
    MultiFactor(Vec<Login>),
}

/// What a token is good for; keystone takes exactly one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// A project, by id, or by name with its domain.
    Project {
        /// `OS_PROJECT_ID`.
        id: Option<String>,
        /// `OS_PROJECT_NAME`.
        name: Option<String>,
        /// `OS_PROJECT_DOMAIN_ID`.
        domain_id: Option<String>,
        /// `OS_PROJECT_DOMAIN_NAME`.
        domain_name: Option<String>,
    },
    /// A domain (`OS_DOMAIN_ID`, `OS_DOMAIN_NAME` without a project).
    Domain {
        /// `OS_DOMAIN_ID`.
        id: Option<String>,
        /// `OS_DOMAIN_NAME`.
        name: Option<String>,
    },
    /// The whole deployment (`OS_SYSTEM_SCOPE=all`).
    System,
    /// What a trust delegates (`OS_TRUST_ID`).
    Trust(String),
    /// None is asked for: an application credential and a token bring their own, and a
    /// user without a project gets a token that is good for keystone only.
    Unscoped,
}

/// Everything needed to open a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// A name for people: the cloud's name, or "envvars".
    pub name: String,
    /// Where they were read from, for messages.
    pub source: String,
    /// Keystone's URL.
    pub auth_url: String,
    /// How to log in.
    pub login: Login,
    /// `OS_USER_DOMAIN_NAME`.
    pub user_domain_name: Option<String>,
    /// `OS_USER_DOMAIN_ID`.
    pub user_domain_id: Option<String>,
    /// `OS_PROJECT_NAME`, once `OS_TENANT_NAME`.
    pub project_name: Option<String>,
    /// `OS_PROJECT_ID`, once `OS_TENANT_ID`.
    pub project_id: Option<String>,
    /// `OS_PROJECT_DOMAIN_NAME`.
    pub project_domain_name: Option<String>,
    /// `OS_PROJECT_DOMAIN_ID`.
    pub project_domain_id: Option<String>,
    /// `OS_DOMAIN_NAME`: the domain a token is scoped to, where no project is named.
    pub domain_name: Option<String>,
    /// `OS_DOMAIN_ID`.
    pub domain_id: Option<String>,
    /// `OS_SYSTEM_SCOPE`: `all` is the only value keystone knows.
    pub system_scope: Option<String>,
    /// `OS_TRUST_ID`.
    pub trust_id: Option<String>,
    /// `OS_REGION_NAME`.
    pub region: Option<String>,
    /// Catalog interface: "public" (default), "internal" or "admin".
    pub interface: Option<String>,
    /// A file with the certificates to trust.
    pub cacert: Option<String>,
    /// Whether certificates are checked.
    pub verify: bool,
    /// Why they are not, for people: said once, when a session begins.
    pub unchecked: Option<String>,
    /// A file with the client's certificate (`OS_CERT`).
    pub cert: Option<String>,
    /// A file with the private key of `cert` (`OS_KEY`), where it is not in the same file.
    pub key: Option<String>,
    /// URLs that replace the catalog's, by service type (`compute_endpoint_override`,
    /// `OS_COMPUTE_ENDPOINT_OVERRIDE`).
    pub endpoint_overrides: BTreeMap<String, String>,
}

impl Credentials {
    /// These alone, from nowhere else: unscoped, with certificates checked as the system does.
    pub(crate) fn new(name: &str, source: &str, auth_url: &str, login: Login) -> Credentials {
        Credentials {
            name: name.into(),
            source: source.into(),
            auth_url: auth_url.into(),
            login,
            user_domain_name: None,
            user_domain_id: None,
            project_name: None,
            project_id: None,
            project_domain_name: None,
            project_domain_id: None,
            domain_name: None,
            domain_id: None,
            system_scope: None,
            trust_id: None,
            region: None,
            interface: None,
            cacert: None,
            verify: true,
            unchecked: None,
            cert: None,
            key: None,
            endpoint_overrides: BTreeMap::new(),
        }
    }

    /// The scope to ask keystone for.
    pub fn scope(&self) -> Scope {
        if self.login.has_own_scope() {
            // The credential carries its own scope; keystone refuses a second one.
            return Scope::Unscoped;
        }
        if let Some(trust) = &self.trust_id {
            return Scope::Trust(trust.clone());
        }
        if self.project_id.is_some() || self.project_name.is_some() {
            return Scope::Project {
                id: self.project_id.clone(),
                name: self.project_name.clone(),
                domain_id: self.project_domain_id.clone(),
                domain_name: self.project_domain_name.clone(),
            };
        }
        if self.domain_id.is_some() || self.domain_name.is_some() {
            return Scope::Domain { id: self.domain_id.clone(), name: self.domain_name.clone() };
        }
        if self.system_scope.is_some() {
            return Scope::System;
        }
        Scope::Unscoped
    }

    /// Bring the 2015 form up to date: a keystone v2.0 URL becomes v3, and a user
    /// and project without a domain are taken from the default one. Returns the
    /// notices a person should see.
    pub(crate) fn use_keystone_v3(&mut self) -> Vec<String> {
        let mut notices = Vec::new();
        let bare = self.auth_url.trim_end_matches('/');
        if let Some(root) = bare.strip_suffix("/v2.0") {
            let new = format!("{root}/v3");
            notices.push(format!(
                "keystone's v2.0 API is gone; using `{new}` instead of `{}` (from {})",
                self.auth_url, self.source
            ));
            self.auth_url = new;
        }
        if self.user_domain_id.is_none() && self.user_domain_name.is_none() {
            self.user_domain_id = Some("default".into());
        }
        if self.project_domain_id.is_none()
            && self.project_domain_name.is_none()
            && self.project_name.is_some()
        {
            self.project_domain_id = Some("default".into());
        }
        notices
    }

    /// The user as messages name them.
    pub fn user(&self) -> &str {
        self.login.user()
    }
}

impl Login {
    /// A text of any origin without the secrets of this login.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        self.secrets().into_iter().filter(|secret| !secret.is_empty()).fold(
            text.to_string(),
            |text, secret| {
                // In JSON it may have escapes.
                let quoted = serde_json::to_string(secret).unwrap_or_default();
                text.replace(secret, "(hidden)").replace(quoted.trim_matches('"'), "(hidden)")
            },
        )
    }

    /// Its secrets, for what hides them.
    pub(crate) fn secrets(&self) -> Vec<&str> {
        match self {
            Login::Password { password: secret, .. }
            | Login::ApplicationCredential { secret, .. }
            | Login::Totp { passcode: secret, .. }
            | Login::Token(secret) => vec![secret.reveal()],
            Login::MultiFactor(methods) => methods.iter().flat_map(Login::secrets).collect(),
        }
    }

    /// Whether the login brings a scope of its own, so that none is asked for.
    pub(super) fn has_own_scope(&self) -> bool {
        matches!(self, Login::ApplicationCredential { .. })
    }

    fn user(&self) -> &str {
        match self {
            Login::Password { username, user_id, .. } | Login::Totp { username, user_id, .. } => {
                username.as_deref().or(user_id.as_deref()).unwrap_or("?")
            }
            Login::ApplicationCredential { id, name, .. } => name.as_deref().or(id.as_deref()).unwrap_or("?"),
            Login::Token(_) => "(token)",
            Login::MultiFactor(methods) => methods.first().map_or("?", Login::user),
        }
    }
}
