//! Checksums of image files.

use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256, Sha512};

use crate::error::{Error, Result};
use crate::hex::hex;

/// What a file must hash to: "sha256:…", "sha512:…", or the digits alone, whose number
/// says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checksum {
    /// "sha256" or "sha512".
    pub algorithm: &'static str,
    /// Lower-case hexadecimal digits.
    pub digits: String,
}

impl std::fmt::Display for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.digits)
    }
}

impl std::str::FromStr for Checksum {
    type Err = Error;

    fn from_str(text: &str) -> Result<Checksum> {
        let invalid = |why: &str| Error::Invalid {
            what: format!("checksum `{text}`"),
            why: why.into(),
            hint: Some("give `sha256:` or `sha512:` and the hexadecimal digits".into()),
        };
        let (named, digits) = match text.trim().split_once(':') {
            Some((name, digits)) => (Some(name.to_lowercase().replace('-', "")), digits.trim()),
            None => (None, text.trim()),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(invalid("not hexadecimal digits"));
        }
        let algorithm = match digits.len() {
            64 => "sha256",
            128 => "sha512",
            32 => return Err(invalid("MD5 is not safe for verifying a file")),
            _ => return Err(invalid("neither the length of SHA-256 nor of SHA-512")),
        };
        if named.is_some_and(|named| named != algorithm) {
            return Err(invalid("the digits do not have that algorithm's length"));
        }
        Ok(Checksum { algorithm, digits: digits.to_lowercase() })
    }
}

/// A running hash.
#[derive(Clone)]
pub(super) enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    pub fn new(checksum: &Checksum) -> Hasher {
        match checksum.algorithm {
            "sha512" => Hasher::Sha512(Sha512::new()),
            _ => Hasher::Sha256(Sha256::new()),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub fn digits(self) -> String {
        match self {
            Hasher::Sha256(hasher) => hex(&hasher.finalize()),
            Hasher::Sha512(hasher) => hex(&hasher.finalize()),
        }
    }
}

/// Feed a file to a hasher; for large files, off the async threads.
pub(super) async fn feed(mut hasher: Hasher, file: &Path) -> std::io::Result<Hasher> {
    let file = file.to_path_buf();
    let fed = tokio::task::spawn_blocking(move || {
        let mut from = std::fs::File::open(file)?;
        let mut chunk = vec![0; 1 << 20];
        loop {
            match std::io::Read::read(&mut from, &mut chunk)? {
                0 => return Ok(hasher),
                count => hasher.update(&chunk[..count]),
            }
        }
    });
    fed.await.map_err(std::io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_checksum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let checksum: Checksum = format!("SHA-256:{}", empty.to_uppercase()).parse().expect("a checksum");
        assert_eq!(checksum.to_string(), format!("sha256:{empty}"));
        assert_eq!(Hasher::new(&checksum).digits(), empty);
        let bare: Checksum = empty.parse().expect("bare digits");
        assert_eq!(bare, checksum);
        for wrong in ["", "sha256:", "sha512:ab", "xyz", &format!("sha512:{empty}"), &empty[..32]] {
            assert!(wrong.parse::<Checksum>().is_err(), "{wrong}");
        }
    }
}
