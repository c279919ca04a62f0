//! Long output on a terminal, and pagers that are left early.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cloud::{Cloud, Kind};
use crate::run::{Ran, run, smog};

/// Runs the words on a terminal of 10 lines; types Ctrl-C and return when it reads READY.
const TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 80, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    had = b"READY" in seen
    seen += data
    if b"READY" in seen and not had:
        os.write(fd, b"\x03")
        os.write(fd, b"\n")
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

fn on_terminal(home: &Path, variables: &[(&str, &str)], words: &[&str]) -> Option<(i32, String)> {
    Command::new("python3").arg("--version").output().ok()?;
    let cloud = Cloud::new(Kind::Good);
    let own = smog(home, cloud.port);
    let mut command = Command::new("python3");
    command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("TERM", "xterm").envs(variables.iter().copied()).current_dir(home).stdin(Stdio::null());
    command.args(["-c", TERMINAL, env!("CARGO_BIN_EXE_smog")]).args(words);
    let Ran { code, out, err } = run(command);
    Some((code.unwrap_or(-1), String::from_utf8_lossy(&out).into_owned() + &err))
}

#[test]
fn only_what_does_not_fit_a_terminal_is_paged() {
    let home = tempfile::tempdir().expect("a folder");
    let pager = ("SMOG_PAGER", "cat >paged; echo \"PAGED $LESS\"");
    let ran = |variables: &[(&str, &str)], words: &[&str]| {
        let _ = std::fs::remove_file(home.path().join("paged"));
        on_terminal(home.path(), variables, words)
    };
    let Some((code, shown)) = ran(&[pager], &["licenses"]) else { return };
    assert_eq!((code, shown.trim()), (0, "PAGED FRX"), "long");
    let paged = std::fs::read_to_string(home.path().join("paged")).expect("what the pager got");
    assert!(paged.lines().count() > 1000 && paged.contains("Apache License"), "it is whole");
    let Some((code, shown)) = ran(&[("PAGER", pager.1), ("LESS", "X")], &["licenses"]) else { return };
    assert_eq!((code, shown.trim()), (0, "PAGED X"), "PAGER, and the user's own LESS");
    for (what, variables, words) in [
        ("what fits", &[pager][..], &["guest", "list"][..]),
        ("--no-pager", &[pager], &["licenses", "--no-pager"]),
        ("no pager is wanted", &[("SMOG_PAGER", ""), ("PAGER", pager.1)], &["licenses"]),
        ("JSON", &[pager], &["guest", "list", "-o", "json"]),
    ] {
        let Some((code, shown)) = ran(variables, words) else { return };
        assert!(code == 0 && !shown.contains("PAGED") && shown.len() > 10, "{what}: {code} {shown}");
    }
    let mut piped = smog(home.path(), 1);
    piped.env(pager.0, pager.1).arg("licenses");
    let ran = run(piped);
    assert!(ran.code == Some(0) && ran.out.len() > 50_000, "a pipe is not paged");
}

#[test]
fn a_pager_that_is_left_early_or_interrupted_leaves_no_error() {
    let home = tempfile::tempdir().expect("a folder");
    let Some((code, shown)) = on_terminal(home.path(), &[("SMOG_PAGER", "head -n 1")], &["licenses"]) else {
        return;
    };
    assert!(code == 0 && !shown.contains("error") && shown.lines().count() == 1, "{code} {shown}");
    let pager = "trap : INT; cat >/dev/null; echo READY; read line </dev/tty; echo LEFT";
    let Some((code, shown)) = on_terminal(home.path(), &[("SMOG_PAGER", pager)], &["licenses"]) else {
        return;
    };
    assert!(code == 0 && shown.contains("LEFT") && !shown.contains("error"), "{code} {shown}");
    // One that is not installed.
    let Some((_, shown)) = on_terminal(home.path(), &[("SMOG_PAGER", "no-such-pager")], &["licenses"]) else {
        return;
    };
    assert!(shown.contains("not found"), "{shown}");
}
