//! `OS_*` variables, from the environment, a keystonerc file or smog_config.yml.
//!
//! Old spellings (`OS_TENANT_NAME`, `OS_ENDPOINT_TYPE`, `OS_INSECURE`) mean what
//! they meant.

use std::collections::BTreeMap;

use super::credentials::{Credentials, Login};
use super::secret::Secret;
use crate::error::{Error, Result};

/// Credentials out of a set of `OS_*` variables. `source` is named in errors.
pub(super) fn credentials(variables: &BTreeMap<String, String>, source: &str) -> Result<Credentials> {
    let get = |names: &[&str]| {
        names.iter().find_map(|name| variables.get(*name)).filter(|value| !value.is_empty()).cloned()
    };
    let missing = |name: &str| Error::Auth {
        message: format!("{source} have no {name}"),
        hint: format!("set {name}, or name a cloud of clouds.yaml with `--os-cloud NAME`"),
    };
    let auth_url = get(&["OS_AUTH_URL"]).ok_or_else(|| missing("OS_AUTH_URL"))?;
    let username = get(&["OS_USERNAME"]);
    let user_id = get(&["OS_USER_ID"]);
    let login = if let Some(secret) = get(&["OS_APPLICATION_CREDENTIAL_SECRET"]) {
        let id = get(&["OS_APPLICATION_CREDENTIAL_ID"]);
        let name = get(&["OS_APPLICATION_CREDENTIAL_NAME"]);
        if id.is_none() && name.is_none() {
            return Err(missing("OS_APPLICATION_CREDENTIAL_ID"));
        }
        Login::ApplicationCredential { id, name, username, user_id, secret: Secret::new(secret) }
    } else if let Some(password) = get(&["OS_PASSWORD"]) {
        if username.is_none() && user_id.is_none() {
            return Err(missing("OS_USERNAME"));
        }
        Login::Password { username, user_id, password: Secret::new(password) }
    } else if let Some(token) = get(&["OS_TOKEN", "OS_AUTH_TOKEN"]) {
        Login::Token(Secret::new(token))
    } else {
        return Err(missing("OS_PASSWORD"));
    };
    let insecure = get(&["OS_INSECURE"]).is_some_and(|value| is_true(&value));
    let verify = get(&["OS_VERIFY"]).is_none_or(|value| is_true(&value));
    Ok(Credentials {
        name: "envvars".into(),
        source: source.into(),
        auth_url,
        login,
        user_domain_name: get(&["OS_USER_DOMAIN_NAME", "OS_DEFAULT_DOMAIN_NAME"]),
        user_domain_id: get(&["OS_USER_DOMAIN_ID", "OS_DEFAULT_DOMAIN_ID"]),
        project_name: get(&["OS_PROJECT_NAME", "OS_TENANT_NAME"]),
        project_id: get(&["OS_PROJECT_ID", "OS_TENANT_ID"]),
        project_domain_name: get(&["OS_PROJECT_DOMAIN_NAME", "OS_DEFAULT_DOMAIN_NAME"]),
        project_domain_id: get(&["OS_PROJECT_DOMAIN_ID", "OS_DEFAULT_DOMAIN_ID"]),
        domain_name: get(&["OS_DOMAIN_NAME"]),
        domain_id: get(&["OS_DOMAIN_ID"]),
        system_scope: get(&["OS_SYSTEM_SCOPE"]),
        trust_id: get(&["OS_TRUST_ID"]),
        region: get(&["OS_REGION_NAME"]),
        interface: get(&["OS_INTERFACE", "OS_ENDPOINT_TYPE"]).map(|name| bare_interface(&name)),
        cacert: get(&["OS_CACERT"]),
        verify: verify && !insecure,
        cert: get(&["OS_CERT"]),
        key: get(&["OS_KEY"]),
        endpoint_overrides: BTreeMap::new(),
    })
}

/// "publicURL" is the old spelling of "public".
pub(super) fn bare_interface(name: &str) -> String {
    name.strip_suffix("URL").unwrap_or(name).to_string()
}

fn is_true(value: &str) -> bool {
    matches!(value.to_lowercase().as_str(), "1" | "true" | "yes" | "on")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn the_introduction_s_four_variables_are_enough() {
        let mut found = credentials(
            &variables(&[
                ("OS_USERNAME", "admin"),
                ("OS_TENANT_NAME", "admin"),
                ("OS_PASSWORD", "4b6b6e5db1054988"),
                ("OS_AUTH_URL", "http://192.0.2.30:5000/v2.0/"),
            ]),
            "test",
        )
        .expect("credentials");
        let notices = found.use_keystone_v3();
        assert_eq!(found.auth_url, "http://192.0.2.30:5000/v3");
        assert_eq!(found.project_name.as_deref(), Some("admin"));
        assert_eq!(found.user_domain_id.as_deref(), Some("default"));
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(!format!("{found:?}").contains("4b6b6e5db1054988"), "a password in Debug");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = credentials(&variables(&[("OS_AUTH_URL", "http://k")]), "the OS_* variables")
            .expect_err("no password");
        assert_eq!(error.to_string(), "the OS_* variables have no OS_PASSWORD");
    }

    #[test]
    fn old_spellings_mean_what_they_meant() {
        let found = credentials(
            &variables(&[
                ("OS_USERNAME", "u"),
                ("OS_PASSWORD", "p"),
                ("OS_AUTH_URL", "http://k/v3"),
                ("OS_ENDPOINT_TYPE", "internalURL"),
                ("OS_INSECURE", "true"),
            ]),
            "test",
        )
        .expect("credentials");
        assert_eq!(found.interface.as_deref(), Some("internal"));
        assert!(!found.verify);
    }
}
