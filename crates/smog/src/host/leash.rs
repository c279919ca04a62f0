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

use crate::host::Sudo;
use crate::quote::{quote, quote_all};

/// `$1` is the number of bytes of standard input, the rest the command.
///
/// The bytes come first, counted, into a file that has no name any more when
/// the command starts: so a command never sees a cut-off input (half a
/// nova.conf would be worse than none).
const LEASH: &str = r#"PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C; export PATH LC_ALL
n=$1; shift
exec 3<&0
if [ "$n" -gt 0 ]; then
t=$(mktemp -p /dev/shm 2>/dev/null || mktemp) || exit 125
head -c "$n" <&3 >"$t"; exec 4<"$t"; s=$(wc -c <"$t"); rm -f "$t"
if [ "$s" -ne "$n" ]; then echo "smog: standard input was cut off after $s of $n bytes" >&2; exit 125; fi
else exec 4</dev/null; fi
setsid "$@" <&4 3<&- 4<&- &
p=$!
{ cat; kill -TERM -$p || kill -TERM $p; sleep 3; kill -KILL -$p; } <&3 >/dev/null 2>&1 4<&- &
w=$!
exec 3<&- 4<&-
wait $p 2>/dev/null; c=$?
kill $w 2>/dev/null
exit $c"#;

/// The text for the other side's shell.
pub(crate) fn leashed(
    argv: &[String],
    stdin_len: usize,
    sudo: Sudo,
    root: bool,
    container: Option<&[String]>,
) -> String {
    let mut words = vec!["sh", "-c", LEASH, "smog"];
    let stdin_len = stdin_len.to_string();
    words.push(&stdin_len);
    words.extend(argv.iter().map(String::as_str));
    let mut line = quote_all(words);
    if let Some(exec) = container {
        line = format!("{} {line}", quote_all(exec.iter().map(String::as_str)));
    }
    match (sudo, root) {
        (Sudo::Never, _) | (_, false) => line,
        (Sudo::Always, true) => format!("sudo -n -- {line}"),
        // One more process, but no question of its own before the first command.
        (Sudo::Auto, true) => {
            format!("sh -c {} smog {line}", quote("[ \"$(id -u)\" = 0 ] || set -- sudo -n -- \"$@\"; exec \"$@\""))
        }
    }
}
