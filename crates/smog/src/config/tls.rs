//! Whether certificates are checked, and against which authority: `verify`, `insecure`,
//! `cacert`, `cert`, `key`.

use std::path::Path;

use super::fields::{Fields, Speaker};
use crate::error::{Error, Result};

/// What was decided.
pub(super) struct Tls {
    pub cacert: Option<String>,
    pub verify: bool,
    pub cert: Option<String>,
    pub key: Option<String>,
    /// Said once per command.
    pub notice: Option<String>,
}

/// What `verify` says.
enum Verify {
    On,
    Off,
    Authority(String),
}

/// As openstacksdk: `insecure` overrules `verify`, `cacert` overrules a path in `verify`, and
/// `~` is the user's home. Words are stricter: one that is neither true nor false nor a path is
/// refused, so that no misspelt word turns the check off.
///
/// # Errors
/// [`Error::Config`] for such a word.
pub(super) fn of(fields: &Fields, speaker: &Speaker<'_>, home: Option<&Path>) -> Result<Tls> {
    let path = |name: &str| fields.outside(name).map(|path| expanded(&path, home));
    let insecure = match fields.outside("insecure") {
        None => false,
        Some(word) => truth(&word).ok_or_else(|| unknown("insecure", "true or false", speaker))?,
    };
    let verify = match fields.outside("verify") {
        None => Verify::On,
        Some(word) => match truth(&word) {
            Some(true) => Verify::On,
            Some(false) => Verify::Off,
            None if is_path(&word) => Verify::Authority(expanded(&word, home)),
            None => return Err(unknown("verify", "true, false or the path of a CA's certificate", speaker)),
        },
    };
    let off = insecure || matches!(verify, Verify::Off);
    let cacert = match (path("cacert"), verify) {
        (Some(cacert), _) => Some(cacert),
        (None, Verify::Authority(path)) => Some(path),
        (None, _) => None,
    };
    let because = speaker.key(if insecure { "insecure" } else { "verify" });
    let ignored = if cacert.is_some() { ", and the CA is not used" } else { "" };
    let notice = format!(
        "certificates are not checked ({because}): anybody between here and the cloud can read the password{ignored}"
    );
    Ok(Tls { cacert, verify: !off, cert: path("cert"), key: path("key"), notice: off.then_some(notice) })
}

/// A word for true or false, in any case.
fn truth(word: &str) -> Option<bool> {
    match word.to_lowercase().as_str() {
        "1" | "t" | "true" | "y" | "yes" | "on" => Some(true),
        "0" | "f" | "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn is_path(word: &str) -> bool {
    word.contains('/')
        || [".pem", ".crt", ".cer", ".cert"].iter().any(|end| word.to_lowercase().ends_with(end))
}

/// `~` and `~/…` are in the user's home.
pub(super) fn expanded(path: &str, home: Option<&Path>) -> String {
    match (path.strip_prefix('~'), home) {
        (Some(""), Some(home)) => home.display().to_string(),
        (Some(rest), Some(home)) if rest.starts_with('/') => {
            home.join(rest.trim_start_matches('/')).display().to_string()
        }
        _ => path.to_string(),
    }
}

fn unknown(key: &str, expected: &str, speaker: &Speaker<'_>) -> Error {
    // The word itself may be anything that stood in a file; it is not shown.
    match speaker {
        Speaker::Cloud { .. } => speaker.wrong(&format!("has a `{key}` that is not {expected}"), None),
        Speaker::Variables { .. } => speaker.wrong(&format!("{} must be {expected}", speaker.key(key)), None),
    }
}
