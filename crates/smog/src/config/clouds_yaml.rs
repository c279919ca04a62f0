//! `clouds.yaml` and `secure.yaml`, as openstacksdk reads them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::credentials::{Credentials, Login};
use super::secret::Secret;
use super::{os_variables::bare_interface, yaml};
use crate::error::{Error, Result};
use crate::near::near_or_first;

/// The parts of the file that smog uses; everything else belongs to others.
#[derive(Debug, Deserialize)]
struct File {
    #[serde(default)]
    clouds: BTreeMap<String, Cloud>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Cloud {
    #[serde(default)]
    auth: Auth,
    auth_type: Option<String>,
    region_name: Option<String>,
    interface: Option<String>,
    endpoint_type: Option<String>,
    cacert: Option<String>,
    verify: Option<bool>,
    insecure: Option<bool>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Auth {
    auth_url: Option<String>,
    username: Option<String>,
    user_id: Option<String>,
    password: Option<Secret>,
    token: Option<Secret>,
    project_name: Option<String>,
    tenant_name: Option<String>,
    project_id: Option<String>,
    tenant_id: Option<String>,
    user_domain_name: Option<String>,
    user_domain_id: Option<String>,
    project_domain_name: Option<String>,
    project_domain_id: Option<String>,
    domain_name: Option<String>,
    domain_id: Option<String>,
    application_credential_id: Option<String>,
    application_credential_name: Option<String>,
    application_credential_secret: Option<Secret>,
}

/// The credentials of the cloud `name` in the first file that exists.
pub(super) fn read(places: &[PathBuf], name: &str) -> Result<Credentials> {
    let Some(path) = places.iter().find(|path| path.is_file()) else {
        return Err(Error::Config {
            place: listed(places),
            message: format!("no clouds.yaml here, so there is no cloud `{name}`"),
            hint: Some("OS_CLIENT_CONFIG_FILE names the file; unset OS_CLOUD to use OS_* variables".into()),
        });
    };
    let mut clouds = load(path)?;
    let Some(cloud) = clouds.remove(name) else {
        return Err(Error::NotFound {
            what: format!("cloud in {}", path.display()),
            name: name.into(),
            near: near_or_first(name, clouds.keys().map(String::as_str)),
        });
    };
    credentials(path, name, cloud)
}

/// The credentials of the only cloud, if there is exactly one.
pub(super) fn only(places: &[PathBuf]) -> Result<Option<Credentials>> {
    let Some(path) = places.iter().find(|path| path.is_file()) else { return Ok(None) };
    let mut clouds = load(path)?;
    match (clouds.pop_first(), clouds.is_empty()) {
        (Some((name, cloud)), true) => credentials(path, &name, cloud).map(Some),
        _ => Ok(None),
    }
}

fn load(path: &Path) -> Result<BTreeMap<String, Cloud>> {
    let file: File = yaml::parse(path, &yaml::read_text(path)?)?;
    let mut clouds = file.clouds;
    // secure.yaml lies beside clouds.yaml and adds the secrets.
    let secure = ["secure.yaml", "secure.yml"].map(|name| path.with_file_name(name));
    if let Some(secure) = secure.iter().find(|path| path.is_file()) {
        let file: File = yaml::parse(secure, &yaml::read_text(secure)?)?;
        for (name, from) in file.clouds {
            if let Some(cloud) = clouds.get_mut(&name) {
                cloud.auth.password = from.auth.password.or(cloud.auth.password.take());
                cloud.auth.token = from.auth.token.or(cloud.auth.token.take());
                cloud.auth.application_credential_secret = from
                    .auth
                    .application_credential_secret
                    .or(cloud.auth.application_credential_secret.take());
            }
        }
    }
    Ok(clouds)
}

fn credentials(path: &Path, name: &str, cloud: Cloud) -> Result<Credentials> {
    let Cloud { auth, .. } = cloud;
    let missing = |field: &str| Error::Config {
        place: path.display().to_string(),
        message: format!("cloud `{name}` has no `auth: {field}`"),
        hint: None,
    };
    let auth_url = auth.auth_url.ok_or_else(|| missing("auth_url"))?;
    let login = if let Some(secret) = auth.application_credential_secret {
        Login::ApplicationCredential {
            id: auth.application_credential_id,
            name: auth.application_credential_name,
            username: auth.username,
            user_id: auth.user_id,
            secret,
        }
    } else if let Some(password) = auth.password {
        if auth.username.is_none() && auth.user_id.is_none() {
            return Err(missing("username"));
        }
        Login::Password { username: auth.username, user_id: auth.user_id, password }
    } else if let Some(token) = auth.token {
        Login::Token(token)
    } else {
        match cloud.auth_type.as_deref() {
            None | Some("password" | "v3password") => return Err(missing("password")),
            Some(other) => {
                return Err(Error::Config {
                    place: path.display().to_string(),
                    message: format!("cloud `{name}` logs in by `auth_type: {other}`, which smog cannot"),
                    hint: Some("smog knows passwords, application credentials and tokens".into()),
                });
            }
        }
    };
    Ok(Credentials {
        name: name.into(),
        source: path.display().to_string(),
        auth_url,
        login,
        user_domain_name: auth.user_domain_name.or(auth.domain_name.clone()),
        user_domain_id: auth.user_domain_id.or(auth.domain_id.clone()),
        project_name: auth.project_name.or(auth.tenant_name),
        project_id: auth.project_id.or(auth.tenant_id),
        project_domain_name: auth.project_domain_name.or(auth.domain_name),
        project_domain_id: auth.project_domain_id.or(auth.domain_id),
        domain_name: None,
        domain_id: None,
        system_scope: None,
        trust_id: None,
        region: cloud.region_name,
        interface: cloud.interface.or(cloud.endpoint_type).map(|name| bare_interface(&name)),
        cacert: cloud.cacert,
        verify: cloud.verify.unwrap_or(true) && !cloud.insecure.unwrap_or(false),
        cert: None,
        key: None,
        endpoint_overrides: BTreeMap::new(),
    })
}

fn listed(places: &[PathBuf]) -> String {
    places.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("write");
        }
        dir
    }

    const CLOUDS: &str = "\
base: &base
  region_name: RegionOne
  auth: &auth {auth_url: 'http://192.0.2.1:5000/v3', username: admin, project_name: admin}
clouds:
  lab:
    <<: *base
    auth: {<<: *auth, password: 1234}
  prod:
    <<: *base
";

    #[test]
    fn merge_keys_numeric_passwords_and_secure_yaml() {
        let dir =
            folder(&[("clouds.yaml", CLOUDS), ("secure.yaml", "clouds: {prod: {auth: {password: hush}}}")]);
        let places = [dir.path().join("clouds.yaml")];
        let lab = read(&places, "lab").expect("lab");
        assert_eq!(lab.region.as_deref(), Some("RegionOne"));
        let Login::Password { password, .. } = lab.login else { panic!("{lab:?}") };
        assert_eq!(password.reveal(), "1234");
        let prod = read(&places, "prod").expect("prod");
        assert!(!format!("{prod:?}").contains("hush"), "{prod:?}");
    }

    #[test]
    fn an_unknown_cloud_shows_near_names() {
        let dir = folder(&[("clouds.yaml", CLOUDS)]);
        let error = read(&[dir.path().join("clouds.yaml")], "labb").expect_err("no labb");
        assert_eq!(error.hint().as_deref(), Some("did you mean `lab`?"));
    }

    #[test]
    fn a_broken_file_shows_the_place_and_the_line() {
        let dir = folder(&[("clouds.yaml", "clouds:\n  lab:\n    verify: perhaps\n")]);
        let error = read(&[dir.path().join("clouds.yaml")], "lab").expect_err("broken").to_string();
        assert!(error.contains("clouds.yaml:3:13: "), "{error}");
        assert!(error.contains("    verify: perhaps\n") && error.ends_with('^'), "{error}");
    }
}
