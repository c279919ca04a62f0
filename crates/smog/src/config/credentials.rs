//! Who talks to which cloud.

use super::secret::Secret;

/// How the user proves who they are.
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
        /// `OS_APPLICATION_CREDENTIAL_SECRET`.
        secret: Secret,
    },
    /// An existing token.
    Token(Secret),
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
    /// `OS_REGION_NAME`.
    pub region: Option<String>,
    /// Catalog interface: "public" (default), "internal" or "admin".
    pub interface: Option<String>,
    /// A file with the certificates to trust.
    pub cacert: Option<String>,
    /// Whether certificates are checked.
    pub verify: bool,
}

impl Credentials {
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
        match &self.login {
            Login::Password { username, user_id, .. } => {
                username.as_deref().or(user_id.as_deref()).unwrap_or("?")
            }
            Login::ApplicationCredential { id, name, .. } => name.as_deref().or(id.as_deref()).unwrap_or("?"),
            Login::Token(_) => "(token)",
        }
    }
}
