//! `OS_*` variables, from the environment, an openrc file or smog.yml.
//!
//! Old spellings (`OS_TENANT_NAME`, `OS_ENDPOINT_TYPE`, `OS_INSECURE`) mean what they meant.

use crate::hint::{self, Hint};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::credentials::Credentials;
use super::fields::{Fields, Speaker};
use super::tree::{Body, Node, Place, Source};
use crate::error::Result;

/// What to do about a variable that is not there, where the user can set one.
pub(super) fn set_it(variable: &str) -> Hint {
    Hint::from(format!("set {variable}, or name a cloud of clouds.yaml with ")).and(hint::CLOUD.hint())
}

/// Variables as fields: `OS_AUTH_URL` is `auth_url`. An empty one says nothing.
pub(super) fn fields(variables: &BTreeMap<String, String>) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in variables {
        let Some(key) = name.strip_prefix("OS_").filter(|_| !value.is_empty()) else { continue };
        let place = Place { source: Arc::new(Source::Variable(name.clone())), line: 1, column: 1 };
        fields.rest.insert(key.to_lowercase(), Node { body: Body::Text(value.clone()), place });
    }
    fields
}

/// Credentials from a set of `OS_*` variables, and notices for people. `source` is
/// named in errors; `hint` says what to do about a missing one.
///
/// # Errors
/// [`crate::Error::Auth`] for a missing variable, [`crate::Error::Config`] for one that cannot
/// be used.
pub(super) fn credentials(
    variables: &BTreeMap<String, String>,
    source: &str,
    hint: fn(&str) -> Hint,
    home: Option<&Path>,
) -> Result<(Credentials, Vec<String>)> {
    fields(variables).credentials("envvars", source, &Speaker::Variables { source, hint }, home)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::config::{Login, Scope};

    fn read(pairs: &[(&str, &str)]) -> Result<Credentials> {
        let variables = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        credentials(&variables, "the OS_* variables", set_it, Some(Path::new("/home/u"))).map(|found| found.0)
    }

    fn with(more: &[(&str, &str)]) -> Result<Credentials> {
        let user = [("OS_USERNAME", "u"), ("OS_PASSWORD", "p"), ("OS_AUTH_URL", "http://k/v3")];
        read(&[&user, more].concat())
    }

    #[test]
    fn the_introduction_s_four_variables_are_enough() {
        let mut found = read(&[
            ("OS_USERNAME", "admin"),
            ("OS_TENANT_NAME", "admin"),
            ("OS_PASSWORD", "4b6b6e5db1054988"),
            ("OS_AUTH_URL", "http://192.0.2.30:5000/v2.0/"),
        ])
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
        let error = read(&[("OS_AUTH_URL", "http://k")]).expect_err("no password");
        assert_eq!(error.to_string(), "the OS_* variables have no OS_PASSWORD");
    }

    #[test]
    fn old_spellings_mean_what_they_meant() {
        let found =
            with(&[("OS_ENDPOINT_TYPE", "internalURL"), ("OS_INSECURE", "true")]).expect("credentials");
        assert_eq!(found.interface.as_deref(), Some("internal"));
        assert!(!found.verify);
    }

    #[test]
    fn verify_never_fails_open() {
        for (word, verify, cacert) in [
            ("true", true, None),
            ("YES", true, None),
            ("y", true, None),
            ("1", true, None),
            ("False", false, None),
            ("n", false, None),
            ("0", false, None),
            ("off", false, None),
            ("/etc/ca.pem", true, Some("/etc/ca.pem")),
            ("~/ca.pem", true, Some("/home/u/ca.pem")),
            ("ca.pem", true, Some("ca.pem")),
            ("../ca", true, Some("../ca")),
        ] {
            let found = with(&[("OS_VERIFY", word)]).expect(word);
            assert_eq!((found.verify, found.cacert.as_deref()), (verify, cacert), "{word}");
        }
        for word in ["flase", "none", "never", "2", "-", "disable"] {
            let said = with(&[("OS_VERIFY", word)]).expect_err(word).to_string();
            assert!(said.contains("OS_VERIFY must be true, false or the path"), "{said}");
        }
        for word in ["flase", "/etc/ca.pem"] {
            let said = with(&[("OS_INSECURE", word)]).expect_err(word).to_string();
            assert!(said.contains("OS_INSECURE must be true or false"), "{said}");
        }
        let found = with(&[("OS_INSECURE", "false")]).expect("checked");
        assert!(found.verify);
        let found = with(&[("OS_INSECURE", "true"), ("OS_VERIFY", "true")]).expect("unchecked");
        assert!(!found.verify, "insecure is the most aggressive setting, so it wins");
    }

    #[test]
    fn unchecked_certificates_are_said() {
        let variables =
            [("OS_AUTH_URL", "http://k"), ("OS_USERNAME", "u"), ("OS_PASSWORD", "p"), ("OS_VERIFY", "no")]
                .map(|(name, value)| (name.to_string(), value.to_string()));
        let (found, notices) =
            credentials(&variables.into(), "the OS_* variables", set_it, None).expect("credentials");
        assert!(notices.is_empty(), "{notices:?}");
        let said = found.unchecked.unwrap_or_default();
        assert!(said.contains("certificates are not checked (OS_VERIFY)"), "{said}");
    }

    #[test]
    fn every_kind_of_login_smog_supports() {
        let found = with(&[("OS_AUTH_TYPE", "v3totp"), ("OS_PASSCODE", "1234")]).expect("totp");
        assert!(matches!(found.login, Login::Totp { .. }), "{found:?}");
        let both = [
            ("OS_AUTH_TYPE", "v3multifactor"),
            ("OS_AUTH_METHODS", "v3password,v3totp"),
            ("OS_PASSCODE", "1"),
        ];
        let Login::MultiFactor(methods) = with(&both).expect("both").login else { panic!("no multifactor") };
        assert!(matches!(methods[..], [Login::Password { .. }, Login::Totp { .. }]), "{methods:?}");
        let found = with(&[("OS_AUTH_TYPE", "token"), ("OS_TOKEN", "t")]).expect("token");
        assert_eq!(found.login, Login::Token(crate::config::Secret::new("t")));
        let app = [("OS_AUTH_TYPE", "v3applicationcredential"), ("OS_APPLICATION_CREDENTIAL_SECRET", "s")];
        let said = with(&app).expect_err("no id").to_string();
        assert!(said.contains("OS_APPLICATION_CREDENTIAL_ID"), "{said}");
        let app = [&app[..], &[("OS_APPLICATION_CREDENTIAL_ID", "i")]].concat();
        let found = with(&app).expect("application credential");
        assert!(matches!(found.login, Login::ApplicationCredential { .. }), "{found:?}");
        assert_eq!(found.scope(), Scope::Unscoped);
    }

    #[test]
    fn other_kinds_are_refused_by_name() {
        for kind in
            ["v3oidcpassword", "v3samlpassword", "v2password", "none", "admin_token", "http_basic", "x"]
        {
            let error = with(&[("OS_AUTH_TYPE", kind)]).expect_err(kind);
            assert!(error.to_string().contains(&format!("OS_AUTH_TYPE is `{kind}`")), "{error}");
            assert!(matches!(error, Error::Config { .. }));
        }
        let said = with(&[("OS_AUTH_TYPE", "Hush PW!")]).expect_err("no word").to_string();
        assert!(!said.contains("Hush"), "{said}");
    }

    #[test]
    fn a_scope_is_one() {
        let found = with(&[("OS_SYSTEM_SCOPE", "all")]).expect("system");
        assert_eq!(found.scope(), Scope::System);
        let found = with(&[("OS_DOMAIN_NAME", "d")]).expect("domain");
        assert_eq!(found.scope(), Scope::Domain { id: None, name: Some("d".into()) });
        let found = with(&[("OS_TRUST_ID", "t")]).expect("trust");
        assert_eq!(found.scope(), Scope::Trust("t".into()));
        let found = with(&[("OS_DOMAIN_NAME", "d"), ("OS_PROJECT_NAME", "p")]).expect("project");
        assert_eq!((found.user_domain_name.as_deref(), found.domain_name), (Some("d"), None));
        let said =
            with(&[("OS_SYSTEM_SCOPE", "all"), ("OS_PROJECT_NAME", "p")]).expect_err("two").to_string();
        assert!(said.contains("two scopes: a project and the system"), "{said}");
        assert!(with(&[("OS_SYSTEM_SCOPE", "some")]).is_err());
    }

    #[test]
    fn endpoint_overrides_and_client_certificates() {
        let found = with(&[
            ("OS_COMPUTE_ENDPOINT_OVERRIDE", "http://n/v2.1"),
            ("OS_BLOCK_STORAGE_ENDPOINT_OVERRIDE", "http://c"),
            ("OS_CERT", "~/c.pem"),
            ("OS_KEY", "k.pem"),
        ])
        .expect("credentials");
        assert_eq!(found.endpoint_overrides["compute"], "http://n/v2.1");
        assert_eq!(found.endpoint_overrides["block-storage"], "http://c");
        assert_eq!((found.cert.as_deref(), found.key.as_deref()), (Some("/home/u/c.pem"), Some("k.pem")));
    }
}
