//! Clouds in many forms, held against what openstacksdk makes of them: tests/data/clouds has
//! its recorded answers, how they were recorded, and the differences that are on purpose.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::config::{Credentials, Login, SmogFile, Surroundings};
use crate::error::{Error, Result};

fn data(name: &str) -> Value {
    let path = format!("{}/tests/data/clouds/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("a file of the tests")).expect("JSON")
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Folder {
        let dir = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("write");
        }
        Folder(dir)
    }

    fn read(&self, cloud: &str, variables: &[(&str, &str)]) -> Result<(Credentials, Vec<String>)> {
        let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let from = Surroundings {
            variables,
            current_dir: self.0.path().into(),
            home_dir: Some(PathBuf::from("/home/u")),
            os_cloud: Some(cloud.into()),
            ..Surroundings::default()
        };
        from.credentials(&SmogFile::default())
    }
}

/// As the recording has it.
fn plain(found: &Credentials) -> Value {
    let mut fields: BTreeMap<&str, Option<String>> = BTreeMap::from([
        ("auth_url", Some(found.auth_url.clone())),
        ("project_name", found.project_name.clone()),
        ("project_id", found.project_id.clone()),
        ("user_domain_name", found.user_domain_name.clone()),
        ("user_domain_id", found.user_domain_id.clone()),
        ("project_domain_name", found.project_domain_name.clone()),
        ("project_domain_id", found.project_domain_id.clone()),
        ("domain_name", found.domain_name.clone()),
        ("domain_id", found.domain_id.clone()),
        ("system_scope", found.system_scope.clone()),
        ("trust_id", found.trust_id.clone()),
        ("region", found.region.clone()),
        ("interface", Some(found.interface.clone().unwrap_or("public".into()))),
        ("cacert", found.cacert.clone().filter(|_| found.verify)),
        ("cert", found.cert.clone()),
        ("key", found.key.clone()),
        ("compute", found.endpoint_overrides.get("compute").cloned()),
    ]);
    add_login(&found.login, &mut fields);
    let mut all = serde_json::Map::new();
    for (name, value) in fields {
        all.extend(value.map(|value| (name.to_string(), Value::from(value))));
    }
    all.insert("verify".into(), found.verify.into());
    all.into()
}

fn add_login(login: &Login, fields: &mut BTreeMap<&str, Option<String>>) {
    match login {
        Login::Password { username, user_id, password } => {
            fields.extend([("username", username.clone()), ("user_id", user_id.clone())]);
            fields.insert("password", Some(password.reveal().into()));
        }
        Login::Totp { username, user_id, passcode } => {
            fields.extend([("username", username.clone()), ("user_id", user_id.clone())]);
            fields.insert("passcode", Some(passcode.reveal().into()));
        }
        Login::Token(token) => drop(fields.insert("token", Some(token.reveal().into()))),
        Login::ApplicationCredential { id, name, username, user_id, secret } => {
            fields.extend([("username", username.clone()), ("user_id", user_id.clone())]);
            fields.insert("application_credential_id", id.clone());
            fields.insert("application_credential_name", name.clone());
            fields.insert("application_credential_secret", Some(secret.reveal().into()));
        }
        Login::MultiFactor(methods) => methods.iter().for_each(|method| add_login(method, fields)),
    }
}

#[test]
fn every_form_is_read_as_openstacksdk_reads_it_or_differs_on_purpose() {
    let (recorded, differences) = (data("recorded.json"), data("differences.json"));
    let cases = recorded["cases"].as_array().expect("cases");
    assert!(cases.len() >= 60, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let name = case["name"].as_str().expect("a name");
        let pairs = |key: &str| -> Vec<(String, String)> {
            let object = case[key].as_object().expect("an object");
            object
                .iter()
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().into()))
                .collect()
        };
        let (files, variables) = (pairs("files"), pairs("variables"));
        let files: Vec<(&str, &str)> =
            files.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let folder = Folder::with(&files);
        let (smog, said) = match folder.read("c", &variables) {
            Ok((found, _)) => (plain(&found), String::new()),
            Err(why) => (json!({"error": true}), why.to_string()),
        };
        let mut sdk = case["sdk"].clone();
        if sdk.get("error").is_some() {
            sdk = json!({"error": true});
        }
        let is_on_purpose = differences.get(name).is_some();
        if (smog == sdk) == is_on_purpose {
            wrong.push(format!("{name} (on purpose: {is_on_purpose})\n  smog {smog} {said}\n  sdk  {sdk}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

const CLOUD: &str = "clouds:\n  c:\n    auth: {auth_url: 'http://192.0.2.1:5000/v3', username: u, password: filepw, project_name: pr}\n";

#[test]
fn a_file_s_password_goes_to_no_other_keystone() {
    let folder = Folder::with(&[("clouds.yaml", CLOUD)]);
    let other = ("OS_AUTH_URL", "http://192.0.2.9/v3");
    let why = folder.read("c", &[other]).expect_err("refused");
    assert!(why.to_string().contains("names another keystone"), "{why}");
    assert!(!why.to_string().contains("filepw"), "{why}");
    folder.read("c", &[("OS_AUTH_URL", "http://192.0.2.1:5000/v3/")]).expect("the same one");
    let (found, notices) = folder.read("c", &[other, ("OS_PASSWORD", "q")]).expect("its own password");
    assert_eq!(found.auth_url, "http://192.0.2.9/v3");
    assert!(notices.iter().any(|notice| notice.contains("OS_AUTH_URL overrules")), "{notices:?}");
}

#[test]
fn variables_name_their_own_cloud_and_the_source_names_them() {
    let folder = Folder::with(&[("clouds.yaml", CLOUD)]);
    let variables = [("OS_AUTH_URL", "http://v/v3"), ("OS_USERNAME", "v"), ("OS_PASSWORD", "q")];
    let (found, _) = folder.read("envvars", &variables).expect("the variables");
    assert_eq!((found.name.as_str(), found.auth_url.as_str()), ("envvars", "http://v/v3"));
    let (found, _) = folder.read("c", &[("OS_PROJECT_NAME", "x")]).expect("laid over");
    assert!(found.source.ends_with("clouds.yaml and OS_PROJECT_NAME"), "{}", found.source);
    let why = folder.read("labb", &[]).expect_err("no such cloud");
    assert!(matches!(why, Error::NotFound { .. }), "{why}");
}

#[test]
fn what_smog_cannot_do_is_refused_by_name() {
    for (kind, said) in [
        ("v3oidcpassword", "`auth_type: v3oidcpassword`"),
        ("v3kerberos", "`auth_type: v3kerberos`"),
        ("none", "`auth_type: none`"),
        ("v2password", "`auth_type: v2password`"),
    ] {
        let folder = Folder::with(&[("clouds.yaml", &format!("{CLOUD}    auth_type: {kind}\n"))]);
        let why = folder.read("c", &[]).expect_err(kind).to_string();
        assert!(why.contains(said) && !why.contains("filepw"), "{why}");
    }
    let folder =
        Folder::with(&[("clouds.yaml", "clouds: {c: {profile: nosuch, auth: {username: u, password: p}}}")]);
    let why = folder.read("c", &[]).expect_err("unknown").to_string();
    assert!(why.contains("a profile that neither smog nor clouds-public.yaml knows"), "{why}");
}

#[test]
fn files_of_others_are_passed_over_and_said() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::with(&[("clouds.yaml", CLOUD)]);
    let path = folder.0.path().join("clouds.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).expect("chmod");
    let why = folder.read("c", &[]).expect_err("not read");
    let hint = why.hint().unwrap_or_default();
    assert!(hint.contains("clouds.yaml is not read: everybody can write it"), "{hint}");
    let named = ("OS_CLIENT_CONFIG_FILE", path.to_str().expect("UTF-8"));
    folder.read("c", &[named]).expect("named, so read");
}

#[test]
fn secrets_are_in_no_error_of_a_broken_file() {
    for text in [
        "clouds:\n  c:\n    auth: {auth_url: 'http://k', username: u, password: s3cr3tPW\n",
        "clouds:\n  c:\n    auth: {auth_url: 'http://k', username: u, password: s3cr3tPW}}\n",
        "clouds:\n  c:\n    auth: {auth_url: 'http://k', username: u, password: [s3cr3tPW]}\n",
        "clouds:\n  c:\n    auth: {auth_url: 'http://k', username: u, password: *s3cr3tPW}\n",
        "clouds:\n  c:\n    auth: {auth_url: 'http://k', username: u, password: \"a\\s3cr3tPW\"}\n",
        "clouds:\n  c:\n    auth: {auth_url: 'http://k', username: u, password: @s3cr3tPW}\n",
        "clouds:\n  c:\n    auth: {auth_url: 'http://k', username: u, password: 's3cr3tPW}\n",
        "clouds:\n  c:\n    auth: s3cr3tPW\n",
        "clouds:\n  c: s3cr3tPW\n",
        "clouds:\n  c:\n    verify: s3cr3tPW\n    auth: {auth_url: 'http://k', username: u, password: p}\n",
        "export OS_PASSWORD='s3cr3tPW'\n",
        "clouds:\n\tc: s3cr3tPW\n",
        "clouds:\n  c:\n   auth:\n    password: s3cr3tPW\n   username\n",
        "- s3cr3tPW\n",
    ] {
        let folder = Folder::with(&[("clouds.yaml", text)]);
        let why = folder.read("c", &[]).expect_err(text);
        let said = format!("{why} {:?}", why.hint());
        assert!(!said.contains("s3cr3tPW"), "{text}\n{said}");
        assert!(said.contains("clouds.yaml"), "{said}");
    }
}
