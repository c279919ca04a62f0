//! What a connection's login shell does with a command, found out once, when it is made.
//!
//! sshd gives every command to the user's login shell. That may be csh, which takes no line end
//! between quotes, or fish, to which `\\` between quotes is one `\`; it may print a welcome; it
//! may be nologin. So a command travels as one word of letters that no shell looks at, for an
//! `sh` that unpacks it, and a shell that does not start `sh` is refused by its name.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::error::{Error, Result};
use crate::hint::Hint;
use crate::host::channel::Channel;
use crate::host::leash;

/// The longest word Linux takes as one argument.
const LONGEST: usize = (128 << 10) - 256;
/// So much is read of what a login shell says.
const READ: u64 = 64 << 10;

/// How commands are started on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Login {
    /// The shell's place is taken by the command, so that it says nothing after it. A restricted
    /// shell does not allow that.
    exec: bool,
    /// Whether the user is root.
    pub(super) root: bool,
}

/// What a login shell made of a question.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// It ran `sh`: the user's number and the shell.
    Ran { root: bool, shell: String, noise_after: bool },
    /// It did not, and said this.
    Not(String),
}

impl Login {
    /// The text for the login shell that runs `script` with `sh`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for one that is too long or holds a null byte.
    pub(super) fn line(self, script: &str) -> Result<String> {
        let invalid =
            |why: String, hint: Option<Hint>| Error::Invalid { what: "command".to_string(), why, hint };
        if script.contains('\0') {
            return Err(invalid("it holds a null byte".to_string(), None));
        }
        let exec = if self.exec { "exec " } else { "" };
        let words: Vec<String> = packed(script).iter().map(|word| format!(" '{word}'")).collect();
        let line = format!("{exec}sh -c 'eval \"$(printf %b \"$@\")\"' smog{}", words.concat());
        if line.len() > LONGEST {
            return Err(invalid(
                format!("it takes {} KiB on its way, and Linux allows 128", line.len() >> 10),
                Some("give a long script or its data by standard input".to_string().into()),
            ));
        }
        Ok(line)
    }
}

/// `text` as `printf %b` unpacks it, of letters that mean the same between single quotes to
/// every shell: no quote, line end, `!` or byte beyond ASCII.
/// The words are short, as BSD's csh has no room for more than 8 KiB in one.
fn packed(text: &str) -> Vec<String> {
    const WORD: usize = 4000;
    let mut words = vec![String::new()];
    for byte in text.bytes() {
        if words.last().is_none_or(|word| word.len() >= WORD) {
            words.push(String::new());
        }
        let Some(word) = words.last_mut() else { continue };
        match byte {
            b' '..=b'~' if !b"'\\!".contains(&byte) => word.push(char::from(byte)),
            _ => word.push_str(&format!("\\0{byte:03o}")),
        }
    }
    words
}

/// Find out how commands are started; `start` starts a text with the login shell.
///
/// # Errors
/// [`Error::Auth`] with what the shell said, when it starts no command; whatever `start` gives.
pub(super) async fn log_in<F>(
    host: &str,
    user: Option<&str>,
    limit: Duration,
    start: impl Fn(String) -> F,
) -> Result<Login>
where
    F: Future<Output = Result<Channel>>,
{
    let mut said = String::new();
    for exec in [true, false] {
        let mark = leash::mark();
        let word = if exec { "exec " } else { "" };
        let question = format!("{word}sh -c 'printf \"\\n%s%s %s\\n\" {mark} \"$(id -u)\" \"$SHELL\"'");
        match heard(&all(start(question).await?, limit).await, &mark) {
            Heard::Ran { root, noise_after: false, .. } => return Ok(Login { exec, root }),
            Heard::Ran { shell, noise_after: true, .. } => {
                said = format!("`{shell}` prints more after a command has ended");
            }
            Heard::Not(text) => said = text,
        }
    }
    // Only the shell's own name: most shells can print it.
    let name = all(start("echo $SHELL".to_string()).await?, limit).await;
    let name = name.lines().rev().map(str::trim).find(|line| line.starts_with('/') && !line.contains(' '));
    let name = name.map(|name| format!(" `{name}`")).unwrap_or_default();
    let user = user.map(|user| format!(" of {user}")).unwrap_or_default();
    let said: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let said = match said[..] {
        [] => "it says nothing".to_string(),
        [.., last] => last.chars().take(300).collect(),
    };
    Err(Error::Auth {
        message: format!("the login shell{name}{user} on host `{host}` starts no commands: {said}"),
        hint: "smog needs a login shell that starts `sh`: `getent passwd USER` there shows the user's, and \
               `chsh -s /bin/sh USER` changes it"
            .to_string()
            .into(),
    })
}

fn heard(text: &str, mark: &str) -> Heard {
    let answer = text.split_once(mark).and_then(|(_, rest)| rest.split_once('\n'));
    match answer.and_then(|(answer, after)| Some((answer.split_once(' ')?, after))) {
        Some(((user, shell), after)) if user.parse::<u32>().is_ok() => {
            Heard::Ran { root: user == "0", shell: shell.to_string(), noise_after: !after.is_empty() }
        }
        _ => Heard::Not(text.to_string()),
    }
}

/// All a command says on standard error, then on standard output.
async fn all(channel: Channel, limit: Duration) -> String {
    async fn read(stream: impl AsyncRead, limit: Duration) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut stream = std::pin::pin!(stream.take(READ));
        // What came until then is the answer.
        let _ = tokio::time::timeout(limit, stream.read_to_end(&mut bytes)).await;
        bytes
    }
    let Channel { stdin, stdout, stderr, ended, .. } = channel;
    drop(stdin);
    let (out, mut err) = tokio::join!(read(stdout, limit), read(stderr, limit));
    let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
    if !err.is_empty() && !err.ends_with(b"\n") {
        err.push(b'\n');
    }
    err.extend(out);
    String::from_utf8_lossy(&err).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Heard, Login, heard};

    #[test]
    fn any_text_passes_any_shell() {
        let script = "printf '%s\\n' \"it's $HOME\" `id` !x ^y \\\\ %d é ~ \u{7} \t # ; exit 3\n\n# end";
        let line = Login { exec: true, root: true }.line(script).expect("a line");
        assert!(!line.contains('\n') && !line.contains('!') && line.is_ascii(), "{line}");
        let quotes = line.matches('\'').count();
        assert_eq!(quotes, 4, "{line}");
        let show =
            Login { exec: false, root: true }.line(&format!("cat <<'EOF'\n{script}\nEOF\n")).expect("a line");
        for shell in ["sh", "bash", "fish", "tcsh", "bsd-csh", "zsh"] {
            // Those that are installed; `tests/host_logins.rs` has them behind sshd.
            let Ok(output) = std::process::Command::new(shell).args(["-c", &show]).output() else { continue };
            assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{script}\n"), "{shell}: {output:?}");
        }
        assert!(Login { exec: true, root: true }.line(&"\n".repeat(40_000)).is_err());
        assert!(Login { exec: true, root: true }.line("a\0b").is_err());
    }

    #[test]
    fn what_a_login_shell_answers() {
        let ran =
            |shell: &str, noise_after| Heard::Ran { root: false, shell: shell.to_string(), noise_after };
        assert_eq!(heard("Welcome\n\nm-1000 /bin/bash\n", "m-"), ran("/bin/bash", false));
        assert_eq!(heard("\nm-1000 /usr/bin/fish\nbye\n", "m-"), ran("/usr/bin/fish", true));
        for text in ["", "m-", "m-\n", "m-x /bin/sh\n", "This account is currently not available.\n"] {
            assert_eq!(heard(text, "m-"), Heard::Not(text.to_string()));
        }
    }
}
