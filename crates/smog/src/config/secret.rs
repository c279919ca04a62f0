//! A value that never shows itself.

use serde::Deserialize;

/// A password, token or application-credential secret. Neither `Debug` nor
/// `Display` nor serialization shows it; [`Secret::reveal`] is the only way out.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hide a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The hidden text, for the wire only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

/// YAML writes passwords as numbers and truth values too; all are text here.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        String::deserialize(from).map(Secret)
    }
}

/// Whether what stands under this key (a setting, a variable, a nova.conf option) is
/// never shown; of a dotted key the last word counts. URLs of databases and message
/// queues carry passwords as well.
pub fn is_secret(key: &str) -> bool {
    const WORDS: [&str; 5] = ["pass", "secret", "token", "private_key", "transport_url"];
    // Words that only sound alike.
    const HARMLESS: [&str; 3] = ["passthrough", "bypass", "passive"];
    const HARMLESS_ENDS: [&str; 3] = ["_timeout", "_enabled", "send_service_user_token"];
    let key = key.to_lowercase();
    let mut word = key.rsplit('.').next().unwrap_or(&key).trim().to_string();
    HARMLESS.iter().for_each(|harmless| word = word.replace(harmless, ""));
    (WORDS.iter().any(|secret| word.contains(secret)) || word.ends_with("connection"))
        && !HARMLESS_ENDS.iter().any(|end| word.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn what_is_secret_and_what_only_sounds_so() {
        for secret in [
            "password",
            "keystone_authtoken.password",
            "OS_PASSWORD",
            "OS_APPLICATION_CREDENTIAL_SECRET",
            "metadata_proxy_shared_secret",
            "api_database.connection",
            "slave_connection",
            "DEFAULT.transport_url",
            "auth_token",
            "private_key",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for open in [
            "nova.host_passthrough",
            "keystone_authtoken.auth_url",
            "service_user.send_service_user_token",
            "max_connections",
            "OS_APPLICATION_CREDENTIAL_ID",
            "token_timeout",
            "cpu_mode",
        ] {
            assert!(!is_secret(open), "{open}");
        }
    }
}
