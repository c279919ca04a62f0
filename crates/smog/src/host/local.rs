//! The wire to this machine itself.

use std::process::Stdio;

use crate::error::{Error, Result};
use crate::host::Exit;
use crate::host::channel::{Channel, Ended};

/// Start `line` with this machine's `sh`.
pub(crate) fn open(host: &str, line: &str) -> Result<Channel> {
    let failed = |err: std::io::Error| Error::Unreachable {
        what: format!("host `{host}` (this machine)"),
        why: format!("cannot start `sh`: {err}"),
        hint: "the limit of processes or of memory may be reached: see `ulimit -u`".to_string().into(),
    };
    let mut child = tokio::process::Command::new("sh")
        .arg("-c")
        .arg(line)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Not kill_on_drop: the leash ends the command, and its shell after it.
        // A Ctrl-C on our terminal is ours to answer, not the command's.
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed(std::io::Error::other("no pipes")));
    };
    Ok(Channel {
        stdin: Box::pin(stdin),
        stdout: Box::pin(stdout),
        stderr: Box::pin(stderr),
        mark: String::new(),
        before: None,
        ended: Box::pin(async move {
            match child.wait().await {
                Ok(status) => {
                    use std::os::unix::process::ExitStatusExt;
                    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1);
                    Ended::Exited(Exit { code })
                }
                Err(err) => Ended::Lost(err.to_string()),
            }
        }),
        _slot: None,
    })
}
