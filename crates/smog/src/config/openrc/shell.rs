//! Running an openrc file in bash.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::config::Surroundings;

/// So long a file may take: it may ask a password store, but no person.
const LIMIT: Duration = Duration::from_secs(20);

/// How often smog looks whether it has ended, or is to be cancelled.
const LOOK: Duration = Duration::from_millis(20);

/// Bytes of what bash says on standard error.
const LARGEST_SAID: u64 = 64 << 10;

/// Bytes of variables that are read back.
const LARGEST: u64 = 1 << 20;

/// Source the file, and print every `OS_*` variable at the end, also where the file exits.
/// `read` without an input of its own gets the known password, or is noted down. The trap notes
/// each line before it is run, so that the last one is known where the file stops early (it is one
/// line itself, as bash counts; the script's own `.` comes again when a function exits).
const SCRIPT: &str = r#"
exec 3>&1 >/dev/null
__smog_password=$SMOG_RC_PASSWORD
__smog_known=$SMOG_RC_KNOWN
unset SMOG_RC_PASSWORD SMOG_RC_KNOWN
__smog_file=$1
__smog_asked= __smog_line= __smog_in= __smog_word= __smog_end=
__smog_dump() {
  local __smog_name __smog_status=$?
  for __smog_name in ${!OS_@}; do printf '%s\0%s\0' "$__smog_name" "${!__smog_name}" >&3; done
  printf 'asked\0%s\0status\0%s\0line\0%s\0in\0%s\0word\0%s\0returned\0%s\0end\0\0' \
    "$__smog_asked" "$__smog_status" "$__smog_line" "$__smog_in" "$__smog_word" "$__smog_end" >&3
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
set -T
set --   # `source FILE` gives it none: DevStack's file reads a user and a project from them
trap 'case ${BASH_SOURCE[0]-}:$BASH_COMMAND in *:". \"\$__smog_file\"") ;; "$__smog_file":*) __smog_line=$LINENO __smog_in=${FUNCNAME[0]-} __smog_word=${BASH_COMMAND%%[ ;]*} ;; esac' DEBUG
. "$__smog_file"
__smog_end=$?
# The file may have a trap of its own in the place of ours.
__smog_dump
trap - EXIT
"#;

/// What a run gave.
pub(super) struct Ran {
    pub variables: BTreeMap<String, String>,
    /// What it asked for and did not get.
    pub asked: Vec<String>,
    /// Where it stopped before its end, and failed.
    pub stopped: Option<Stopped>,
    /// Lines in which a command was not found: what it was to give is missing.
    pub not_found: Vec<usize>,
}

/// Where a file stopped.
pub(super) struct Stopped {
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// Why, as a sentence without any text of the file but names.
    pub why: String,
}

/// Why there is no answer.
pub(super) enum Failed {
    /// As the end of a sentence.
    Unread(String),
    /// It was cancelled.
    GivenUp,
}

/// Whether what was asked for is the password.
pub(super) fn is_password(asked: &str) -> bool {
    asked == "PASSWORD"
}

/// Run it: no input, a clean environment, a time limit. What the file prints is not shown: it
/// may hold what the file holds. Whatever it has started is ended with it.
pub(super) fn run(path: &Path, from: &Surroundings, password: Option<&str>) -> Result<Ran, Failed> {
    let unread = |why: String| Failed::Unread(why);
    let absolute =
        std::path::absolute(path).map_err(|why| unread(format!("and its path is unusable: {why}")))?;
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-c", SCRIPT, "bash"]);
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
    // A group of its own: Ctrl-C reaches smog, which ends all of it.
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|_| unread("and bash is not installed here".into()))?;
    let mut child = Group(child);
    // More than the limit closes the pipe, and bash ends.
    let out = reader(child.0.stdout.take(), LARGEST);
    let said = reader(child.0.stderr.take(), LARGEST_SAID);
    let status = child.ended(from)?;
    drop(child);
    let values = written(&out, |bytes| bytes.ends_with(END));
    let text = String::from_utf8(values).map_err(|_| unread("and bash's values are not UTF-8".into()))?;
    let said = String::from_utf8_lossy(&written(&said, |_| false)).into_owned();
    let (mut pairs, mut variables) = (text.split('\0'), BTreeMap::new());
    while let (Some(name), Some(value)) = (pairs.next(), pairs.next()) {
        variables.insert(name.to_string(), value.to_string());
    }
    if variables.remove("end").is_none() {
        let how = if status.code().is_some() { "" } else { ": it was killed" };
        return Err(unread(format!("and bash did not come to the file's end{how}")));
    }
    let mut take = |name: &str| variables.remove(name).unwrap_or_default();
    let asked = take("asked").split_whitespace().map(str::to_string).collect();
    let last = Last {
        status: take("status"),
        line: take("line").parse().ok(),
        in_function: !matches!(take("in").as_str(), "" | "source"),
        word: take("word"),
        returned: take("returned"),
    };
    let said = Said { text: &said, file: &absolute.display().to_string() };
    Ok(Ran {
        stopped: last.stopped(&said),
        not_found: said.lines_with("command not found"),
        asked,
        variables,
    })
}

/// bash, and whatever it has started; both end with this.
struct Group(Child);

impl Group {
    /// Wait until bash has ended by itself.
    fn ended(&mut self, from: &Surroundings) -> Result<ExitStatus, Failed> {
        let begun = Instant::now();
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) => {}
                Err(why) => return Err(Failed::Unread(format!("and bash could not be waited for: {why}"))),
            }
            if from.give_up.as_ref().is_some_and(|give_up| give_up()) {
                return Err(Failed::GivenUp);
            }
            if begun.elapsed() > LIMIT {
                let limit = LIMIT.as_secs();
                return Err(Failed::Unread(format!("and bash was not done with the file in {limit} s")));
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The group has bash's number as long as anyone is in it.
        if let Some(group) = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.0.wait();
    }
}

/// What the script writes last.
const END: &[u8] = b"end\0\0";

/// A pipe whose other end has ended may be held open by what went into the background with a
/// session of its own (an agent): after so long without a byte nothing more comes.
const SILENCE: Duration = Duration::from_millis(200);

/// Read a pipe, so that its writer never waits.
fn reader(from: Option<impl Read + Send + 'static>, most: u64) -> Receiver<Vec<u8>> {
    let (to, pieces) = std::sync::mpsc::channel();
    if let Some(from) = from {
        std::thread::spawn(move || {
            let (mut from, mut piece) = (from.take(most), vec![0; 16 << 10]);
            while let Ok(length @ 1..) = from.read(&mut piece) {
                if to.send(piece[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
    }
    pieces
}

/// All that was written by one that has ended.
fn written(pieces: &Receiver<Vec<u8>>, is_whole: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !is_whole(&bytes)
        && let Ok(piece) = pieces.recv_timeout(SILENCE)
    {
        bytes.extend(piece);
    }
    bytes
}

/// What bash said on standard error: `FILE: line 3: NAME: unbound variable`.
struct Said<'a> {
    text: &'a str,
    file: &'a str,
}

impl Said<'_> {
    /// The lines of the file of which it says this, and what stands between.
    fn of<'s>(&'s self, what: &'s str) -> impl Iterator<Item = (usize, &'s str)> {
        self.text.lines().filter_map(move |line| {
            let (number, said) = line.strip_prefix(self.file)?.strip_prefix(": line ")?.split_once(": ")?;
            Some((number.parse().ok()?, &said[..said.find(what)?]))
        })
    }

    fn lines_with(&self, what: &str) -> Vec<usize> {
        self.of(what).map(|(line, _)| line).collect()
    }
}

/// What is known of the last line that was run.
struct Last {
    status: String,
    line: Option<usize>,
    in_function: bool,
    word: String,
    /// How the file returned to the script; empty where it did not.
    returned: String,
}

impl Last {
    /// Where and why the file stopped; none where it came to its end, or stopped without a failure.
    fn stopped(&self, said: &Said<'_>) -> Option<Stopped> {
        if let Some((line, _)) = said.of("syntax error").next() {
            return Some(Stopped { line: Some(line), why: "bash finds a syntax error here".into() });
        }
        if self.returned.is_empty() {
            if let Some((line, name)) = said.of(": unbound variable").last() {
                let why = format!("`set -u` ends the file here: `${name}` is not set");
                return Some(Stopped { line: Some(line), why });
            }
            let why = match (self.status.as_str(), self.word.as_str()) {
                ("0", _) => return None,
                (status, "exit") => format!("`exit` ends the file here, with {status}"),
                (status, _) => format!("`set -e` ends the file here: a command failed with {status}"),
            };
            return Some(Stopped { line: self.line, why });
        }
        let returns = self.word == "return" && !self.in_function && self.returned != "0";
        let why = format!("`return` ends the file here, with {}", self.returned);
        returns.then_some(Stopped { line: self.line, why })
    }
}
