//! A keystonerc/openrc file (`--rc FILE`), read as bash would read it.
//!
//! Assignments are read here. A file that needs a shell (`$(…)`, `${X:-d}`, `if`, `. file`) is
//! run by a real bash with a clean environment and a time limit: the user named it, as for
//! `source`. It is not run where others can write it. No line is ever passed over in silence.

mod shell;
mod words;

use crate::hint::{self, Hint};
use std::collections::BTreeMap;
use std::path::Path;

use self::shell::{Failed, Stopped};
use self::words::Stop;
use super::{Surroundings, trust, yaml};
use crate::error::{Error, Result};

/// What an openrc file says.
pub(super) struct Openrc {
    /// Its `OS_*` variables.
    pub variables: BTreeMap<String, String>,
    /// Notices for people.
    pub notices: Vec<String>,
    /// Whether it asks for a password that is not known yet.
    pub asks: bool,
}

/// What to do about a variable that is not there.
pub(super) fn add_it(variable: &str) -> Hint {
    Hint::from(format!("add {variable} to the file, or ")).and(source_it("it"))
}

/// Let the shell read the file, whose name is `file`.
fn source_it(file: &str) -> Hint {
    Hint::from(format!("`source` {file} and leave ")).and(hint::RC.hint()).and(" out")
}

/// Read a file; `from` has the password for one that asks for it.
///
/// # Errors
/// [`Error::Config`] with the line, for what neither smog nor bash can read, and for a file
/// that is not an openrc file.
pub(super) fn read(path: &Path, from: &Surroundings) -> Result<Openrc> {
    let text = yaml::read_text(path)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut notices = Vec::new();
    let is_windows = text.contains('\r');
    if is_windows {
        let whose = if text.contains("\r\n") { "Windows line ends" } else { "line ends of an old Mac" };
        notices.push(format!(
            "{} has {whose}; bash would take each as a part of the value, smog does not",
            path.display()
        ));
    }
    let at = |line: usize| format!("{}:{line}", path.display());
    let of_another_shell = |error: Error| match other_shell(text) {
        None => error,
        Some((line, shell, word)) => Error::Config {
            place: at(line),
            message: format!("`{word}` is for {shell}, and smog reads files for bash and sh"),
            hint: Some(
                source_it(&format!("the file in {shell}"))
                    .and(", or write each variable as `export NAME=VALUE`"),
            ),
        },
    };
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let parsed = words::parse(&lines, from.home_dir.as_deref());
    let found = match parsed.map_err(|stop| of_a_command(stop, &lines)) {
        Ok(variables) => Openrc { variables, notices, asks: false },
        Err(Stop { line, what, for_shell: false }) => {
            return Err(of_another_shell(Error::Config {
                place: at(line),
                message: what,
                hint: Some(source_it("the file").and(", or put the value into single quotes")),
            }));
        }
        Err(Stop { line, what, for_shell: true }) => {
            if other_shell(text).is_some() {
                return Err(of_another_shell(Error::Config { place: at(line), message: what, hint: None }));
            }
            let refused = |why: &str| Error::Config {
                place: at(line),
                message: format!("{what} needs a shell, {why}"),
                hint: Some(source_it("the file")),
            };
            if is_windows {
                return Err(refused("and bash cannot read a file with these line ends"));
            }
            if let Some(why) = trust::why_not(path) {
                return Err(refused(&format!("and smog runs no file that others may have written: {why}")));
            }
            let known = from.password.clone().map(|password| password.reveal().to_string());
            let password = known.or_else(|| from.variables.get("OS_PASSWORD").cloned());
            let ran = shell::run(path, from, password.filter(|password| !password.is_empty()).as_deref());
            let ran = ran.map_err(|why| match why {
                Failed::Unread(why) => refused(&why),
                Failed::GivenUp => Error::Interrupted { left: "nothing was changed".into() },
            })?;
            // Half of a file's variables may be another login.
            if let Some(Stopped { line, why }) = ran.stopped {
                return Err(Error::Config {
                    place: line.map_or_else(|| path.display().to_string(), at),
                    message: why,
                    hint: Some(
                        Hint::from(
                            "what follows in the file is not read, so smog does not log in with the rest: fix the \
                             line, or ",
                        )
                        .and(source_it("the file")),
                    ),
                });
            }
            for line in ran.not_found {
                notices.push(format!(
                    "{}: a command in it was not found, so what it gives is missing",
                    at(line)
                ));
            }
            if let Some(other) = ran.asked.iter().find(|name| !shell::is_password(name)) {
                return Err(refused(&format!("and it asks for {other}, which smog does not know")));
            }
            notices.push(format!("{}: {what} needs a shell, so bash has run the file", at(line)));
            Openrc { variables: ran.variables, notices, asks: !ran.asked.is_empty() }
        }
    };
    if !found.variables.contains_key("OS_AUTH_URL") {
        return Err(Error::Config {
            place: path.display().to_string(),
            message: "no line sets OS_AUTH_URL, so this is not an openrc file".into(),
            hint: Some("openrc files have lines such as `export OS_AUTH_URL=http://…`".into()),
        });
    }
    Ok(found)
}

/// A parameter of the shell in a command, as in DevStack's `if [[ -n "$1" ]]`, is a part of no value.
fn of_a_command(stop: Stop, text: &str) -> Stop {
    const COMMANDS: [&str; 8] = ["if", "for", "while", "until", "case", "source", ".", "[["];
    let line = text.lines().nth(stop.line.saturating_sub(1)).unwrap_or_default();
    let first = line.split_whitespace().next().unwrap_or_default();
    match COMMANDS.iter().find(|command| **command == first) {
        Some(command) => Stop { what: format!("`{command}`"), for_shell: true, ..stop },
        None => stop,
    }
}

/// The first line that sets a variable as another shell does: its number, the shell, its word.
fn other_shell(text: &str) -> Option<(usize, &'static str, &'static str)> {
    text.lines().enumerate().find_map(|(at, line)| {
        let line = line.trim_start();
        let lower = line.to_ascii_lowercase();
        let mut words = line.split_whitespace();
        let (first, second, third) =
            (words.next()?, words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let is_name = |word: &str| word.starts_with("OS_") && !word.contains('=');
        let (shell, word) = match first {
            "setenv" if is_name(second) => ("csh", "setenv"),
            // bash's `set -x` takes no name.
            "set" if second.starts_with('-') && second.contains('x') && is_name(third) => ("fish", "set -x"),
            _ if lower.starts_with("set os_") && line.contains('=') => ("cmd.exe", "set"),
            _ if lower.starts_with("$env:os_") => ("PowerShell", "$env:"),
            _ if lower.starts_with("$env.os_") => ("nushell", "$env."),
            _ => return None,
        };
        Some((at + 1, shell, word))
    })
}

#[cfg(test)]
mod tests;
