//! Logging in to the scripted cloud with smog's library.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::sync::{Arc, Mutex};

use smog::Result;
use smog::cloud::{Cloud, Options};
use smog::config::{Credentials, Surroundings};
#[allow(unused_imports, reason = "each test file uses its own part of this")]
pub use smog_fake_cloud::{FakeCloud, PASSWORD, Script, token_body};

/// Log in as an administrator.
pub async fn connect(auth_url: &str) -> Result<Cloud> {
    connect_with(auth_url, &[]).await
}

/// Log in with more `OS_*` variables.
pub async fn connect_with(auth_url: &str, more: &[(&str, &str)]) -> Result<Cloud> {
    let variables = [
        ("OS_AUTH_URL", auth_url),
        ("OS_USERNAME", "admin"),
        ("OS_PASSWORD", PASSWORD),
        ("OS_PROJECT_NAME", "admin"),
    ];
    let variables = variables.iter().chain(more);
    let surroundings = Surroundings {
        variables: variables.map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        current_dir: std::env::temp_dir().join("smog-no-such-folder"),
        ..Surroundings::default()
    };
    let settings = surroundings.settings()?;
    Cloud::connect(&settings, Options { no_token_cache: true, ..Options::default() }).await
}

/// Log in with changed credentials, and keep what smog notices.
pub async fn connect_as(
    auth_url: &str,
    cache: Option<&std::path::Path>,
    refresh_login: bool,
    change: impl FnOnce(&mut Credentials),
) -> (Result<Cloud>, Arc<Mutex<Vec<String>>>) {
    let variables = [
        ("OS_AUTH_URL", auth_url),
        ("OS_USERNAME", "admin"),
        ("OS_PASSWORD", PASSWORD),
        ("OS_PROJECT_NAME", "admin"),
    ];
    let surroundings = Surroundings {
        variables: variables.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        current_dir: std::env::temp_dir().join("smog-no-such-folder"),
        cache_dir: cache.map(Into::into),
        ..Surroundings::default()
    };
    let mut settings = surroundings.settings().expect("settings");
    change(&mut settings.credentials);
    let notices = Arc::new(Mutex::new(vec![]));
    let keep = notices.clone();
    let options = Options {
        on_notice: Some(Arc::new(move |notice: &str| keep.lock().expect("notices").push(notice.to_string()))),
        refresh_login,
        ..Options::default()
    };
    (Cloud::connect(&settings, options).await, notices)
}
