//! A command to run on a host: words or a shell script, and how to run it.

use std::time::Duration;

use crate::quote::quote_all;

/// The time limit of a command that names none.
pub const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The most bytes of output, both streams together, that are kept of a command that names no
/// other limit: 64 MiB.
pub const OUTPUT_LIMIT: usize = 64 << 20;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// A program and its arguments; no shell looks at them.
    Program(Vec<String>),
    /// Text for `sh -c`, and its `$1`, `$2` ….
    Shell {
        /// The script.
        script: String,
        /// Its arguments.
        args: Vec<String>,
    },
}

/// Which exit codes are fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// One of these.
    Codes(Vec<i32>),
    /// Any; the caller looks at [`Output::exit`](crate::host::Output::exit).
    Any,
}

/// A command to run on a [`Host`](crate::host::Host).
///
/// ```
/// use std::time::Duration;
/// use smog::host::Cmd;
///
/// let cmd = Cmd::new("grep").args(["-c", "two words", "/var/log/nova/nova-compute.log"])
///     .expect([0, 1])
///     .time_limit(Duration::from_secs(5));
/// assert_eq!(cmd.line(), "grep -c 'two words' /var/log/nova/nova-compute.log");
/// ```
///
/// A secret has no place in the words or the environment: both are seen by
/// every user of the host in its process list. Pass it by [`stdin`](Cmd::stdin).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cmd {
    /// What is run.
    pub words: Words,
    /// The bytes of its standard input; without any it reads from `/dev/null`.
    pub stdin: Vec<u8>,
    /// Variables added to its environment. `LC_ALL=C` is always there, since
    /// answers are parsed.
    pub env: Vec<(String, String)>,
    /// After this time it is killed on the host, and the run ends in an error.
    pub time_limit: Duration,
    /// When it has written more bytes than this, both streams together, it is ended, and the
    /// run ends in an error. It does not count where the output is read as it comes.
    pub output_limit: usize,
    /// Which exit codes are fine.
    pub expected: Expected,
    /// Run it as root, by `sudo -n` where the user is not root (the default).
    pub root: bool,
    /// It changes nothing, so it may be run again when the connection is lost under way.
    pub repeatable: bool,
    /// What it asks, in words that stay while the text of its script changes from one smog to the
    /// next: a recording finds the answer by them where it does not hold the same text.
    pub(crate) look: Option<String>,
}

impl Cmd {
    /// A program, found by the host's `PATH` or by an absolute path.
    pub fn new(program: impl Into<String>) -> Cmd {
        Cmd::of(Words::Program(vec![program.into()]))
    }

    /// A script for the host's `sh`. Put values into it with [`quote`](crate::quote) only.
    pub fn shell(script: impl Into<String>) -> Cmd {
        Cmd::of(Words::Shell { script: script.into(), args: Vec::new() })
    }

    fn of(words: Words) -> Cmd {
        Cmd {
            words,
            stdin: Vec::new(),
            env: Vec::new(),
            time_limit: TIME_LIMIT,
            output_limit: OUTPUT_LIMIT,
            expected: Expected::Codes(vec![0]),
            root: true,
            repeatable: false,
            look: None,
        }
    }

    /// One more argument; the arguments of a script are its `$1`, `$2` … in the order they come.
    pub fn arg(self, arg: impl Into<String>) -> Cmd {
        self.args([arg])
    }

    /// More arguments.
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Cmd {
        match &mut self.words {
            Words::Program(words) | Words::Shell { args: words, .. } => {
                words.extend(args.into_iter().map(Into::into));
            }
        }
        self
    }

    /// The bytes of its standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Cmd {
        self.stdin = bytes.into();
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Cmd {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Another time limit than [`TIME_LIMIT`].
    pub fn time_limit(mut self, limit: Duration) -> Cmd {
        self.time_limit = limit;
        self
    }

    /// Another limit of bytes than [`OUTPUT_LIMIT`].
    pub fn output_limit(mut self, bytes: usize) -> Cmd {
        self.output_limit = bytes;
        self
    }

    /// The exit codes that are fine, instead of 0 only.
    pub fn expect(mut self, codes: impl IntoIterator<Item = i32>) -> Cmd {
        self.expected = Expected::Codes(codes.into_iter().collect());
        self
    }

    /// Any exit code is fine.
    pub fn any_exit(mut self) -> Cmd {
        self.expected = Expected::Any;
        self
    }

    /// Run it as the user who is logged in, not as root.
    pub fn as_user(mut self) -> Cmd {
        self.root = false;
        self
    }

    /// It changes nothing on the host: run it once more when the connection is
    /// lost while it runs.
    pub fn repeatable(mut self) -> Cmd {
        self.repeatable = true;
        self
    }

    /// What it asks, for recordings of another smog, and for what other tools gathered.
    pub(crate) fn look(mut self, words: impl Into<String>) -> Cmd {
        self.look = Some(words.into());
        self
    }

    /// The words that are executed.
    pub fn argv(&self) -> Vec<String> {
        let mut argv = Vec::new();
        if !self.env.is_empty() {
            argv.push("env".to_string());
            argv.extend(self.env.iter().map(|(name, value)| format!("{name}={value}")));
        }
        match &self.words {
            Words::Program(words) => argv.extend(words.iter().cloned()),
            Words::Shell { script, args } => {
                argv.extend(["sh".to_string(), "-c".to_string(), with_arguments(script, args)]);
            }
        }
        argv
    }

    /// The whole command as a person would type it; a script is its text.
    pub fn text(&self) -> String {
        match &self.words {
            Words::Program(words) => quote_all(words.iter().map(String::as_str)),
            Words::Shell { script, args } => with_arguments(script, args).trim().to_string(),
        }
    }

    /// The same on one line, cut when it is long.
    pub fn line(&self) -> String {
        const LONGEST: usize = 160;
        let text = self.text();
        let first = text.lines().next().unwrap_or_default();
        if first.len() == text.len() && text.chars().count() <= LONGEST {
            return text;
        }
        format!("{}…", first.chars().take(LONGEST).collect::<String>())
    }

    /// The program a person would look for when it is not found.
    pub(crate) fn program(&self) -> Option<&str> {
        match &self.words {
            Words::Program(words) => words.first().map(String::as_str),
            Words::Shell { .. } => None,
        }
    }
}

/// A script that sets its own arguments first: one text, however it is run and recorded.
fn with_arguments(script: &str, args: &[String]) -> String {
    match args.is_empty() {
        true => script.to_string(),
        false => format!("set -- \"$@\" {}\n{script}", quote_all(args.iter().map(String::as_str))),
    }
}

#[cfg(test)]
mod tests {
    use super::Cmd;

    #[test]
    fn arguments_of_a_script_are_quoted() {
        let cmd = Cmd::shell("cat \"$1\"").arg("/tmp/a b");
        assert_eq!(cmd.argv(), ["sh", "-c", "set -- \"$@\" '/tmp/a b'\ncat \"$1\""]);
    }

    #[test]
    fn arguments_of_a_script_keep_their_order() {
        let one_by_one = Cmd::shell("echo \"$1\"").arg("a").arg("b").args(["c"]);
        assert_eq!(one_by_one.argv(), Cmd::shell("echo \"$1\"").args(["a", "b", "c"]).argv());
        assert_eq!(one_by_one.argv()[2], "set -- \"$@\" a b c\necho \"$1\"");
    }

    #[test]
    fn a_long_script_is_cut_for_people() {
        assert_eq!(Cmd::shell("one\ntwo").line(), "one…");
        assert!(Cmd::new("echo").arg("x".repeat(500)).line().chars().count() < 200);
    }

    #[test]
    fn the_environment_goes_through_env() {
        assert_eq!(Cmd::new("id").env("A", "b c").argv(), ["env", "A=b c", "id"]);
    }
}
