//! A value that never shows itself.

use serde::Deserialize;

/// A password, token or application-credential secret. Neither `Debug` nor
/// `Display` nor serialization shows it; only [`Secret::reveal`] returns it.
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
    const WORDS: [&str; 7] = ["pass", "secret", "token", "private_key", "transport_url", "apikey", "pwd"];
    // `fixed_key`, `api_key`, `encryption_key`: a key that is hidden for nothing hides no more
    // than a path.
    const ENDS: [&str; 5] = ["connection", "_key", "_keys", "_pw", "bindpw"];
    const WHOLE: [&str; 2] = ["kek", "pw"];
    // Words that only sound alike.
    const HARMLESS: [&str; 4] = ["passthrough", "bypass", "passive", "tpm_secret_security"];
    const HARMLESS_ENDS: [&str; 6] =
        ["_timeout", "_enabled", "send_service_user_token", "public_key", "authorized_keys", "host_keys"];
    let key = key.to_lowercase().replace('-', "_");
    let mut word = key.rsplit('.').next().unwrap_or(&key).trim().to_string();
    HARMLESS.iter().for_each(|harmless| word = word.replace(harmless, ""));
    let sounds = WORDS.iter().any(|secret| word.contains(secret))
        || ENDS.iter().any(|end| word.ends_with(end))
        || WHOLE.contains(&word.as_str());
    sounds && !HARMLESS_ENDS.iter().any(|end| word.ends_with(end))
}

/// A value with every `user:password@` in it hidden, whatever its key: of one URL, of each of a
/// list (`rabbit://a:p@h1,b:p@h2`), of one without a scheme. What is unclear is hidden.
pub fn without_passwords(value: &str) -> String {
    if !value.contains('@') {
        return value.to_string();
    }
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`');
    value.split_inclusive(is_end).map(hidden_in).collect()
}

/// One word: a URL, or several with commas.
fn hidden_in(word: &str) -> String {
    let Some(last) = word.rfind('@') else { return word.to_string() };
    let (mut text, mut rest) = (String::new(), &word[..=last]);
    // Up to each `@`, the password begins at the first colon behind the scheme. A comma or an
    // `@` may be a part of it: then what is left has no colon, and is hidden as well.
    while let Some(at) = rest.find('@') {
        let (part, more) = (&rest[..at], &rest[at + 1..]);
        let begin = part.find("://").map_or(0, |scheme| scheme + 3);
        match part[begin..].find(':') {
            Some(colon) => text.push_str(&format!("{}:(hidden)@", &part[..begin + colon])),
            None if text.ends_with("(hidden)@") => {}
            None => text.push_str(&format!("{part}@")),
        }
        rest = more;
    }
    text + rest + &word[last + 1..]
}

#[cfg(test)]
mod tests {
    use super::{is_secret, without_passwords};

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
            "key_manager.fixed_key",
            "api_key",
            "nova.apikey",
            "X-Api-Key",
            "encryption_keys",
            "bindpw",
            "OS_PASSCODE",
            "simple_crypto_plugin.kek",
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
            "ssh.key",
            "public_key",
            "ssh_authorized_keys",
            "key_name",
        ] {
            assert!(!is_secret(open), "{open}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_hidden_under_any_key() {
        for (value, shown) in [
            ("http://me:pw@h/", "http://me:(hidden)@h/"),
            ("rabbit://a:p1@h1:5672,b:p2@h2:5672/v", "rabbit://a:(hidden)@h1:(hidden)@h2:5672/v"),
            ("rabbit://a:p1@h1,b:p2@h2/", "rabbit://a:(hidden)@h1,b:(hidden)@h2/"),
            ("nova://a:p@ss@h", "nova://a:(hidden)@h"),
            ("u:pw@h", "u:(hidden)@h"),
            ("mysql+pymysql://u:p,w@h/d?charset=utf8", "mysql+pymysql://u:(hidden)@h/d?charset=utf8"),
            ("one http://a:b@c two http://d:e@f", "one http://a:(hidden)@c two http://d:(hidden)@f"),
            ("[\"http://a:b@c\", \"x\"]", "[\"http://a:(hidden)@c\", \"x\"]"),
            ("root@host", "root@host"),
            ("ssh://root@host:22/x", "ssh://root@host:22/x"),
            ("http://h:5000/v3", "http://h:5000/v3"),
        ] {
            assert_eq!(without_passwords(value), shown, "{value}");
        }
    }
}
