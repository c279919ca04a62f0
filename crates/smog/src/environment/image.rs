//! A file as it was: every byte, owner, group, mode.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::hex::hex;
use crate::host::replace::WALK;
use crate::host::{Cmd, Output};

/// What a file was when it was looked at. Serialized only into journals, as it may hold passwords.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileImage {
    /// Its bytes.
    #[serde(with = "base64_text")]
    pub bytes: Vec<u8>,
    /// The permission bits.
    pub mode: u32,
    /// The owner's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The SELinux context, where there is one.
    pub context: Option<String>,
}

impl fmt::Debug for FileImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, mode {:o}, owner {}:{}", self.bytes.len(), self.mode, self.uid, self.gid)
    }
}

impl FileImage {
    /// A new file of root's, readable by all.
    pub fn new(bytes: impl Into<Vec<u8>>) -> FileImage {
        FileImage { bytes: bytes.into(), mode: 0o644, uid: 0, gid: 0, context: None }
    }

    /// Its bytes' SHA-256, as `sha256sum` writes it.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(&self.bytes))
    }
}

/// What stands for "there is no such file" where a digest is expected.
pub const ABSENT: &str = "absent";

/// The digest of a file that may not be there.
pub fn digest(image: Option<&FileImage>) -> String {
    image.map_or_else(|| ABSENT.to_string(), FileImage::digest)
}

/// Looks at a file: a line with its real path, mode, owner and context, then its
/// bytes, all of one and the same open file. Exit code 44 when it is not there.
pub(super) fn look(path: &str) -> Cmd {
    let script = format!(
        "{WALK}{}",
        r#"walk "$1" || exit 1
[ -f "$q" ] || exit 44
p=$q d=${q%/*} b=${q##*/}
stand "${d:-/}" && [ -f "./$b" ] && [ ! -L "./$b" ] && exec 3<"./$b" && [ "$(readlink /proc/self/fd/3)" = "$p" ] ||
{ echo "$1 was replaced while smog read it" >&2; exit 1; }
s=$(stat -Lc '%f %u %g' /proc/self/fd/3) || exit 1
o=${s#* }; theirs "${o% *}" "$1" || exit 1
c=$(stat -Lc %C /proc/self/fd/3 2>/dev/null)
printf '%s\n%s\n%s\n' "$p" "$s" "${c:-?}"; exec cat <&3"#
    );
    Cmd::shell(script).arg(path).expect([0, 44])
}

/// The answer to [`look`]: the real path and the file; `None` when it is not there.
pub(super) fn read(path: &str, host: &str, output: &Output) -> Result<Option<(String, FileImage)>> {
    if output.exit.code == 44 {
        return Ok(None);
    }
    let mut parts = output.stdout.splitn(4, |byte| *byte == b'\n');
    let mut line = || parts.next().map(|line| String::from_utf8_lossy(line).into_owned());
    let parsed = (|| {
        let (real, stat, context) = (line()?, line()?, line()?);
        let mut words = stat.split(' ');
        let mode = u32::from_str_radix(words.next()?, 16).ok()? & 0o7777;
        let (uid, gid) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let context = Some(context).filter(|context| !context.is_empty() && context != "?");
        Some((real, mode, uid, gid, context))
    })();
    let rest = parts.next();
    match (parsed, rest) {
        (Some((real, mode, uid, gid, context)), Some(bytes)) => {
            Ok(Some((real, FileImage { bytes: bytes.to_vec(), mode, uid, gid, context })))
        }
        _ => Err(Error::Parse {
            what: format!("file {path}"),
            source_of: format!("host `{host}`"),
            why: output.error_text().trim().to_string(),
        }),
    }
}

/// Bytes as text in a journal.
mod base64_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}
