//! Whether a command line, perhaps with placeholders in it, is one that smog takes.

use clap::{Arg, Command};

/// Check the words behind `smog`.
pub fn check(root: &Command, words: &[String]) -> Result<(), String> {
    let (mut command, mut given) = (root, 0);
    let mut words = words.iter().map(|word| word.trim_end_matches([',', '.'])).peekable();
    while let Some(word) = words.next() {
        if word == "--" || is_open(word) {
            return Ok(());
        }
        if let Some(flag) = word.strip_prefix("--") {
            let (name, value) =
                flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
            if name == "help" || name == "version" {
                continue;
            }
            let arg = long(command, name).ok_or_else(|| format!("no flag --{name}"))?;
            value_of(arg, value, &mut words)?;
        } else if let Some(letter) = word.strip_prefix('-').and_then(|flags| flags.chars().next()) {
            let arg = command.get_arguments().find(|arg| arg.get_short() == Some(letter));
            let arg = arg.ok_or_else(|| format!("no flag -{letter}"))?;
            if word.len() == 2 {
                value_of(arg, None, &mut words)?;
            }
        } else if command.has_subcommands() {
            if is_placeholder(word) {
                return Ok(());
            }
            command = command.find_subcommand(word).ok_or_else(|| format!("no command `{word}`"))?;
        } else {
            given += 1;
            let most = command
                .get_positionals()
                .map(|arg| arg.get_num_args().map_or(1, |range| range.max_values()))
                .fold(0, usize::saturating_add);
            if given > most {
                return Err(format!("`{word}` is one argument too many"));
            }
            if let (1, Some(arg)) = (given, command.get_positionals().next()) {
                is_possible(arg, word)?;
            }
        }
    }
    Ok(())
}

fn long<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|arg| {
        arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|all| all.contains(&name))
    })
}

/// Take the value of a flag that has one.
fn value_of<'a>(
    arg: &Arg,
    value: Option<&'a str>,
    words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
) -> Result<(), String> {
    if !arg.get_action().takes_values() {
        return Ok(());
    }
    let value = value.or_else(|| words.next_if(|word| !word.starts_with("--")));
    value.map_or(Ok(()), |value| is_possible(arg, value))
}

fn is_possible(arg: &Arg, value: &str) -> Result<(), String> {
    let values = arg.get_possible_values();
    if values.is_empty() || is_placeholder(value) || values.iter().any(|one| one.matches(value, false)) {
        return Ok(());
    }
    Err(format!("`{value}` is no {}", arg.get_id()))
}

/// What stands for more of whatever kind.
fn is_open(word: &str) -> bool {
    word == "…" || word == "..."
}

/// `NAME`, and what a message fills in.
fn is_placeholder(word: &str) -> bool {
    word.contains('…') || word.chars().all(|letter| !letter.is_lowercase())
}
