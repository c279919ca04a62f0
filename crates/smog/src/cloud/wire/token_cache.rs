//! Tokens on disk, so that the next command need not log in: one file for each question to
//! keystone, readable by the user alone.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::auth_request;
use super::token::{Token, TokenBody};
use crate::config::{Credentials, Secret};
use crate::hex::hex;

/// The form of the files; another one is not read.
const FORM: u32 = 1;

/// A token with its catalog is some KiB.
const LARGEST: u64 = 4 << 20;

/// Files that nobody has written for so long are removed when another one is written.
const OLDEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// The file of one login.
pub(super) struct TokenCache {
    folder: PathBuf,
    file: PathBuf,
    secrets: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    form: u32,
    /// Random, so that equal secrets do not look equal.
    salt: String,
    /// The salted digest of the secrets: a changed password is not answered from the disk.
    secrets: String,
    token: String,
    body: TokenBody,
}

impl TokenCache {
    /// The place of these credentials below the user's cache folder.
    ///
    /// Its name is a digest of keystone's URL, the user, the methods, the scope and the
    /// trust, without any secret.
    pub(super) fn of(cache_dir: &Path, credentials: &Credentials) -> TokenCache {
        let folder = cache_dir.join("smog/tokens");
        let mut asked = auth_request::body(credentials);
        without_secrets(&mut asked);
        // Who shows another certificate may be another one to keystone.
        let key = format!("{}\n{}\n{asked}", credentials.auth_url, credentials.cert.as_deref().unwrap_or(""));
        let file = folder.join(format!("{}.json", &hex(&Sha256::digest(key))[..32]));
        let secrets = auth_request::secrets(&credentials.login).join("\0");
        TokenCache { folder, file, secrets }
    }

    /// The token that is there, if it may be used.
    ///
    /// # Errors
    /// A sentence when the folder or the file is not the user's own.
    pub(super) fn load(&self) -> Result<Option<Token>, String> {
        if std::fs::symlink_metadata(&self.folder).is_err() {
            return Ok(None);
        }
        self.own_folder()?;
        let Ok(found) = std::fs::symlink_metadata(&self.file) else { return Ok(None) };
        if !found.is_file() || found.uid() != crate::private_folder::me() || found.mode() & 0o077 != 0 {
            return Err(format!(
                "the token in {} is not used: the file is not this user's own",
                self.file.display()
            ));
        }
        let mut text = String::new();
        let read =
            std::fs::File::open(&self.file).and_then(|file| file.take(LARGEST).read_to_string(&mut text));
        let Some(kept) = read.ok().and_then(|_| serde_json::from_str::<Kept>(&text).ok()) else {
            return Ok(None);
        };
        if kept.form != FORM || kept.secrets != salted(&kept.salt, &self.secrets) {
            return Ok(None);
        }
        let token = Token { value: Secret::new(kept.token), body: kept.body, obtained: None };
        Ok(Some(token).filter(|token| !token.is_expiring()))
    }

    /// Keep a token, where the folder can be had.
    ///
    /// # Errors
    /// A sentence when it cannot; the token still works.
    pub(super) fn keep(&self, token: &Token) -> Result<(), String> {
        let failed = |why: String| format!("the token is not kept in {}: {why}", self.folder.display());
        self.own_folder()?;
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|why| failed(why.to_string()))?;
        let salt = hex(&salt);
        let kept = Kept {
            form: FORM,
            secrets: salted(&salt, &self.secrets),
            salt,
            token: token.value.reveal().to_string(),
            body: token.body.clone(),
        };
        let text = serde_json::to_vec(&kept).map_err(|why| failed(why.to_string()))?;
        // It is 0600 from the first byte, and the others see the old file or the new one.
        tempfile::NamedTempFile::new_in(&self.folder)
            .and_then(|mut file| file.write_all(&text).map(|()| file))
            .and_then(|file| file.persist(&self.file).map_err(|why| why.error))
            .map_err(|why| failed(why.to_string()))?;
        self.remove_old();
        Ok(())
    }

    /// Remove the token: it is no longer good.
    pub(super) fn forget(&self) {
        let _ = std::fs::remove_file(&self.file);
    }

    fn own_folder(&self) -> Result<(), String> {
        crate::private_folder(&self.folder).map_err(|why| format!("tokens are not kept: {why}"))
    }

    fn remove_old(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let age = entry.metadata().ok().and_then(|found| found.modified().ok()?.elapsed().ok());
            if age.is_some_and(|age| age > OLDEST) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn salted(salt: &str, secrets: &str) -> String {
    hex(&Sha256::new().chain_update(salt).chain_update([0]).chain_update(secrets).finalize())
}

/// Passwords, passcodes, secrets and the id of a token, which is the token.
fn without_secrets(asked: &mut serde_json::Value) {
    match asked {
        serde_json::Value::Object(fields) => {
            for secret in ["password", "passcode", "secret"] {
                if fields.get(secret).is_some_and(serde_json::Value::is_string) {
                    fields.remove(secret);
                }
            }
            if let Some(token) = fields.get_mut("token") {
                *token = serde_json::Value::Null;
            }
            fields.values_mut().for_each(without_secrets);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(without_secrets),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::Instant;

    use super::super::auth_request::tests::credentials;
    use super::*;
    use crate::config::Login;

    fn password(secret: &str) -> Login {
        Login::Password { username: Some("jdoe".into()), user_id: None, password: Secret::new(secret) }
    }

    fn token(expires_in_seconds: i64) -> Token {
        let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(expires_in_seconds);
        let body = TokenBody { expires_at: Some(end), ..TokenBody::default() };
        Token { value: Secret::new("gAAAA"), body, obtained: Some(Instant::now()) }
    }

    fn loaded(cache: &TokenCache) -> Option<String> {
        cache.load().expect("our own").map(|token| token.value.reveal().to_string())
    }

    #[test]
    fn a_kept_token_is_the_user_s_own_and_shows_no_secret() {
        let dir = tempfile::tempdir().expect("a folder");
        let cache = TokenCache::of(dir.path(), &credentials(password("4b6b6e5db1054988")));
        assert!(loaded(&cache).is_none());
        cache.keep(&token(3600)).expect("kept");
        assert_eq!(loaded(&cache).as_deref(), Some("gAAAA"));
        let mode = |path: &Path| std::fs::metadata(path).expect("there").mode() & 0o7777;
        assert_eq!((mode(&cache.folder), mode(&cache.file)), (0o700, 0o600));
        assert_eq!(mode(&dir.path().join("smog")), 0o700);
        let text = std::fs::read_to_string(&cache.file).expect("the file");
        assert!(!text.contains("4b6b6e5db1054988"), "{text}");
        cache.forget();
        assert!(loaded(&cache).is_none());
    }

    #[test]
    fn another_question_is_another_file_and_another_password_no_answer() {
        let dir = tempfile::tempdir().expect("a folder");
        let first = credentials(password("p"));
        let cache = TokenCache::of(dir.path(), &first);
        cache.keep(&token(3600)).expect("kept");
        let other = TokenCache::of(dir.path(), &credentials(password("q")));
        assert_eq!(other.file, cache.file, "no secret in a file's name");
        assert!(loaded(&other).is_none(), "another password");
        let mut changed = first.clone();
        changed.region = Some("RegionTwo".into());
        assert_eq!(TokenCache::of(dir.path(), &changed).file, cache.file, "a token is good in all regions");
        let changes: [fn(&mut Credentials); 6] = [
            |c| c.auth_url = "http://192.0.2.11:5000/v3".into(),
            |c| c.project_name = Some("demo".into()),
            |c| c.project_id = Some("p1".into()),
            |c| c.system_scope = Some("all".into()),
            |c| c.trust_id = Some("t".into()),
            |c| c.user_domain_id = Some("other".into()),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut changed = first.clone();
            change(&mut changed);
            assert!(loaded(&TokenCache::of(dir.path(), &changed)).is_none(), "change {number}");
        }
    }

    #[test]
    fn a_token_that_expires_soon_is_not_used() {
        let dir = tempfile::tempdir().expect("a folder");
        let cache = TokenCache::of(dir.path(), &credentials(password("p")));
        cache.keep(&token(20)).expect("kept");
        assert!(loaded(&cache).is_none());
    }

    #[test]
    fn what_others_could_have_written_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let cache = TokenCache::of(dir.path(), &credentials(password("p")));
        cache.keep(&token(3600)).expect("kept");
        let set = |path: &Path, mode: u32| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
        };
        set(&cache.file, 0o644);
        assert!(cache.load().err().is_some_and(|why| why.contains("not this user's own")));
        set(&cache.file, 0o600);
        // Our own folder is closed again.
        set(&cache.folder, 0o777);
        assert_eq!(loaded(&cache).as_deref(), Some("gAAAA"));
        assert_eq!(std::fs::metadata(&cache.folder).expect("there").mode() & 0o777, 0o700);
        let away = dir.path().join("away");
        std::fs::rename(&cache.file, &away).expect("moved");
        std::os::unix::fs::symlink(&away, &cache.file).expect("a link");
        assert!(cache.load().is_err(), "a link");
        std::fs::remove_file(&cache.file).expect("removed");
        // Damaged ones are no reason to stop.
        std::fs::write(&cache.file, "{\"form\": 1").expect("written");
        set(&cache.file, 0o600);
        assert!(loaded(&cache).is_none());
    }
}
