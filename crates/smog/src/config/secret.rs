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
/// never shown. URLs of databases and message queues carry passwords as well.
pub fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    let word = key.rsplit('.').next().unwrap_or(&key).trim();
    ["pass", "secret", "token", "private_key"].iter().any(|part| key.contains(part))
        || matches!(word, "transport_url" | "connection" | "slave_connection" | "memcache_secret_key")
}
