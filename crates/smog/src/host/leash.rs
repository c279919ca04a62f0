//! The leash: a small script around every command on a host, so that the command
//! ends when we end.
//!
//! Neither sshd, nor `podman exec`, nor a killed parent stops a command on the
//! other side: `tail -F` would go on for ever. So every command runs in a
//! session (process group) of its own, next to a reader of the channel's
//! standard input which stays open as long as we want the command. When the
//! channel closes, because of a time limit, a dropped future, a lost
//! connection or the death of the whole smog process, the reader sees the end
//! of file and ends the group: TERM, and KILL three seconds later. It runs on
//! the inner side of sudo and of containers, so the right to kill is always
//! there.
//!
//! Before the command the leash writes a mark to both streams: what comes before it is not
//! the command's (see `begin`). At the end it writes a mark and the exit code to standard error. SSH
//! returns the exit code too, but to take it means to close the channel, and
//! OpenSSH then throws away what it has not written yet (seen: two of 400
//! short commands lost their output). So the streams are read to their end
//! first; the mark ends the reading where a daemon that the command left
//! behind holds them open.

use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use crate::host::Sudo;
use crate::quote::quote_all;

/// `$1` is the number of bytes of standard input, `$2` the mark of the end, the rest the command.
///
/// The bytes come first, counted, into a file that has no name any more when
/// the command starts: so a command never sees a cut-off input (half a
/// nova.conf would be worse than none).
const LEASH: &str = r#"PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C; export PATH LC_ALL
n=$1; m=$2; shift 2
echo "${m}begin"; echo "${m}begin" >&2
exec 3<&0
if [ "$n" -gt 0 ]; then
t=$(mktemp -p /dev/shm 2>/dev/null || mktemp) || exit 125
head -c "$n" <&3 >"$t"; exec 4<"$t"; s=$(wc -c <"$t"); rm -f "$t"
if [ "$s" -ne "$n" ]; then echo "smog: standard input was cut off after $s of $n bytes" >&2; exit 125; fi
else exec 4</dev/null; fi
setsid "$@" <&4 3<&- 4<&- &
p=$!
{ while read -r x; do :; done; kill -TERM -$p || kill -TERM $p; sleep 3; kill -KILL -$p; } <&3 >/dev/null 2>&1 4<&- &
w=$!
exec 3<&- 4<&-
wait $p 2>/dev/null; c=$?
kill $w 2>/dev/null
echo "$m$c" >&2
exit $c"#;

/// A word that no output holds by accident. The standard library's hash keys
/// come from the system's random numbers.
pub(crate) fn mark() -> String {
    let random = || std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("smog-{:016x}{:016x}-", random(), random())
}

/// The exit code behind the first mark in `bytes`, and the range of mark, code and line end.
pub(crate) fn end(bytes: &[u8], mark: &str) -> Option<(i32, Range<usize>)> {
    if mark.is_empty() {
        return None;
    }
    let start = memchr::memmem::find(bytes, mark.as_bytes())?;
    let code = start + mark.len();
    let length = bytes[code..].iter().position(|byte| *byte == b'\n')?;
    let text = std::str::from_utf8(&bytes[code..code + length]).ok()?;
    Some((text.parse().ok()?, start..code + length + 1))
}

/// As [`end`], where `searched` bytes were looked through before: only what is new is.
pub(crate) fn end_behind(bytes: &[u8], searched: usize, mark: &str) -> Option<(i32, Range<usize>)> {
    let from = searched.saturating_sub(mark.len() + LONGEST_CODE).min(bytes.len());
    let (code, range) = end(&bytes[from..], mark)?;
    Some((code, range.start + from..range.end + from))
}

/// How many of the last bytes may be the beginning of the mark, with what belongs to it.
pub(crate) fn held(bytes: &[u8], mark: &str) -> usize {
    let from = bytes.len().saturating_sub(mark.len() + LONGEST_CODE);
    let may_be = |start: &usize| {
        let rest = &bytes[*start..];
        mark.as_bytes().starts_with(rest) || rest.starts_with(mark.as_bytes())
    };
    (from..bytes.len()).find(may_be).map_or(0, |start| bytes.len() - start)
}

/// An exit code, its sign and the line end.
const LONGEST_CODE: usize = 8;

/// The script for `sh` on the other side.
pub(crate) fn leashed(
    argv: &[String],
    stdin_len: usize,
    mark: &str,
    sudo: Sudo,
    root: bool,
    container: Option<&[String]>,
) -> String {
    let mut words = vec!["sh", "-c", LEASH, "smog"];
    let stdin_len = stdin_len.to_string();
    words.extend([stdin_len.as_str(), mark]);
    words.extend(argv.iter().map(String::as_str));
    let mut line = quote_all(words);
    if let Some(exec) = container {
        line = format!("{} {line}", quote_all(exec.iter().map(String::as_str)));
    }
    // What sudo says is shown, so in English; a password cannot be asked for.
    match (sudo, root) {
        (Sudo::Never, _) | (_, false) => format!("exec {line}"),
        (Sudo::Always, true) => format!("LC_ALL=C; export LC_ALL; exec sudo -n -- {line}"),
        (Sudo::Auto, true) => format!(
            "LC_ALL=C; export LC_ALL; set -- {line}; [ \"$(id -u)\" = 0 ] || set -- sudo -n -- \"$@\"; exec \"$@\""
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::{Command, Stdio};

    use super::{end, end_behind, held, leashed};
    use crate::host::{Container, Engine, Sudo};

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| word.to_string()).collect()
    }

    #[test]
    fn the_mark_is_found_wherever_it_stands() {
        assert_eq!(end(b"err\nm-17\n", "m-"), Some((17, 4..9)));
        assert_eq!(end(b"no line endm-0\nlater", "m-"), Some((0, 11..15)));
        assert_eq!(end(b"m-1", "m-"), None, "the line is not complete yet");
        assert_eq!(end(b"m-x\n", "m-"), None);
        assert_eq!(end(b"", ""), None);
        let long = [vec![b'x'; 1000], b"m-17\n".to_vec()].concat();
        assert_eq!(end_behind(&long, 1003, "m-"), Some((17, 1000..1005)), "it came in two pieces");
        assert_eq!(end_behind(b"m-1\n", 0, "m-"), Some((1, 0..4)));
    }

    #[test]
    fn what_may_be_the_mark_is_held_back() {
        assert_eq!(held(b"text", "m-"), 0);
        assert_eq!(held(b"textm", "m-"), 1);
        assert_eq!(held(b"textm-17", "m-"), 4);
        assert_eq!(held(b"", "m-"), 0);
    }

    /// A stand-in for podman and sudo, which prints how it was called and runs the rest.
    #[test]
    fn it_runs_on_the_inner_side_of_sudo_and_containers() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, shifts) in [("podman", 5), ("sudo", 2)] {
            let path = folder.path().join(name);
            let script = format!(
                "#!/bin/sh\necho \"{name} $1 $2 $3 $4 $5\" | cut -c1-40 >&2\nshift {shifts}\nexec \"$@\"\n"
            );
            std::fs::write(&path, script).expect("writes");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("chmod");
        }
        let container = Container { engine: Engine::Podman, name: "nova_libvirt".to_string() };
        let argv = words(&["sh", "-c", "cat; exit 7"]);
        let line = leashed(&argv, 3, "m-", Sudo::Always, true, Some(&container.exec()));
        let path = std::process::Command::new("sh").args(["-c", "echo $PATH"]).output().expect("sh");
        let path = format!("{}:{}", folder.path().display(), String::from_utf8_lossy(&path.stdout).trim());
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(line)
            .env("PATH", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh");
        let mut stdin = child.stdin.take().expect("stdin");
        std::io::Write::write_all(&mut stdin, b"abc").expect("writes");
        let output = child.wait_with_output().expect("ends");
        drop(stdin);
        assert_eq!(output.stdout, b"m-begin\nabc");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(stderr.contains("sudo -n -- podman exec"), "{stderr}");
        assert!(stderr.contains("podman exec --interactive --user 0 nova_"), "{stderr}");
        assert!(stderr.ends_with("m-7\n") && output.status.code() == Some(7), "{stderr}");
    }

    #[test]
    fn input_that_is_cut_off_starts_nothing() {
        let line = leashed(&words(&["touch", "/tmp/smog-must-not-exist"]), 10, "m-", Sudo::Never, true, None);
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(line)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh");
        std::io::Write::write_all(&mut child.stdin.take().expect("stdin"), b"half").expect("writes");
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(125));
        assert!(String::from_utf8_lossy(&output.stderr).contains("after 4 of 10 bytes"));
        assert!(!std::path::Path::new("/tmp/smog-must-not-exist").exists());
    }
}
