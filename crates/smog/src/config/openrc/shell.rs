//! Running an openrc file in bash.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::config::Surroundings;

/// Seconds a file may take: it may ask a password store, but nobody.
const LIMIT: &str = "20";

/// Bytes of variables that are read back.
const LARGEST: u64 = 1 << 20;

/// Source the file, and print every `OS_*` variable at the end, also where the file exits.
/// `read` without an input of its own gets the known password, or is noted down.
const SCRIPT: &str = r#"
exec 3>&1 >/dev/null
__smog_password=$SMOG_RC_PASSWORD
__smog_known=$SMOG_RC_KNOWN
unset SMOG_RC_PASSWORD SMOG_RC_KNOWN
__smog_asked=
__smog_dump() {
  local __smog_name
  for __smog_name in ${!OS_@}; do printf '%s\0%s\0' "$__smog_name" "${!__smog_name}" >&3; done
  printf 'asked\0%s\0end\0\0' "$__smog_asked" >&3
}
trap __smog_dump EXIT
read() {
  [ /dev/stdin -ef /dev/null ] || { builtin read "$@"; return; }
  local __smog_arg __smog_rest __smog_takes= __smog_secret= __smog_names=
  for __smog_arg in "$@"; do
    if [ -n "$__smog_takes" ]; then __smog_takes=; continue; fi
    case $__smog_arg in
      -?*)
        __smog_rest=${__smog_arg:1}
        while [ -n "$__smog_rest" ]; do
          case ${__smog_rest:0:1} in
            s) __smog_secret=1 ;;
            [adinNptu]) [ ${#__smog_rest} -gt 1 ] || __smog_takes=1; break ;;
          esac
          __smog_rest=${__smog_rest:1}
        done ;;
      *) __smog_names="$__smog_names $__smog_arg" ;;
    esac
  done
  for __smog_arg in ${__smog_names:-REPLY}; do
    case $__smog_secret$__smog_arg in
      1*|*PASS*|*SECRET*|*pass*|*secret*)
        if [ -n "$__smog_known" ]; then printf -v "$__smog_arg" %s "$__smog_password"; continue; fi
        __smog_asked="$__smog_asked PASSWORD" ;;
      *) __smog_asked="$__smog_asked $__smog_arg" ;;
    esac
    printf -v "$__smog_arg" %s ''
  done
}
. "$1"
"#;

/// What a run gave.
pub(super) struct Ran {
    pub variables: BTreeMap<String, String>,
    /// What it asked for and did not get.
    pub asked: Vec<String>,
}

/// Whether what was asked for is the password.
pub(super) fn is_password(asked: &str) -> bool {
    asked == "PASSWORD"
}

/// Run it: no input, a clean environment, a time limit. What the file prints is not shown: it
/// may hold what the file holds.
///
/// # Errors
/// Why there is no answer, as the end of a sentence.
pub(super) fn run(path: &Path, from: &Surroundings, password: Option<&str>) -> Result<Ran, String> {
    let absolute = std::path::absolute(path).map_err(|why| format!("and its path is unusable: {why}"))?;
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", LIMIT, "bash", "--noprofile", "--norc", "-c", SCRIPT, "bash"]);
    command.arg(&absolute).env_clear();
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("SMOG_RC_PASSWORD", password.unwrap_or_default());
    command.env("SMOG_RC_KNOWN", if password.is_some() { "yes" } else { "" });
    if let Some(home) = &from.home_dir {
        command.env("HOME", home);
    }
    if from.current_dir.is_dir() {
        command.current_dir(&from.current_dir);
    }
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.map_err(|_| "and neither bash nor `timeout` is installed here".to_string())?;
    let mut bytes = Vec::new();
    if let Some(out) = child.stdout.take() {
        // More than the limit closes the pipe, and bash ends.
        let _ = out.take(LARGEST).read_to_end(&mut bytes);
    }
    let status = child.wait().map_err(|why| format!("and bash could not be waited for: {why}"))?;
    if matches!(status.code(), Some(124 | 137)) {
        return Err(format!("and bash was not done with the file in {LIMIT} s"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "and bash's values are not UTF-8".to_string())?;
    let mut pairs = text.split('\0');
    let (mut variables, mut asked, mut is_whole) = (BTreeMap::new(), Vec::new(), false);
    while let (Some(name), Some(value)) = (pairs.next(), pairs.next()) {
        match name {
            "asked" => asked = value.split_whitespace().map(str::to_string).collect(),
            "end" => is_whole = true,
            _ => drop(variables.insert(name.to_string(), value.to_string())),
        }
    }
    match is_whole {
        true => Ok(Ran { variables, asked }),
        false => Err("and bash did not come to the file's end".into()),
    }
}
