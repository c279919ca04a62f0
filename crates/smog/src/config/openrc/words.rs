//! The lines of an openrc file that need no shell: assignments, `export`, `declare -x`, `unset`
//! and `echo`, with bash's quoting. Everything else stops the reading and says where.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

/// Why the reading stops.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stop {
    /// The line, from 1.
    pub line: usize,
    /// What stands there, without any text of the file.
    pub what: String,
    /// Whether bash may read it.
    pub for_shell: bool,
}

/// The `OS_*` variables, as bash has them after it has read the text.
pub(super) fn parse(text: &str, home: Option<&Path>) -> Result<BTreeMap<String, String>, Stop> {
    let mut reader = Reader {
        chars: text.chars().peekable(),
        line: 1,
        variables: BTreeMap::new(),
        unset: BTreeSet::new(),
        home: home.map(|home| home.display().to_string()),
        prints: false,
        assigns: true,
    };
    while reader.statement()? {}
    let mut variables = reader.variables;
    variables.retain(|name, _| name.starts_with("OS_"));
    Ok(variables)
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
    variables: BTreeMap<String, String>,
    unset: BTreeSet<String>,
    home: Option<String>,
    /// Within `echo`, whose words do not matter.
    prints: bool,
    /// Within assignments, where an unknown variable makes a wrong value.
    assigns: bool,
}

/// A word after quotes and variables.
#[derive(Default)]
struct Word {
    text: String,
    /// The length of the name in `NAME=value`.
    name: Option<usize>,
    /// Whether bash might unfold braces in it.
    braces: bool,
    /// Whether a part of it was quoted.
    quoted: bool,
}

type Step<T> = Result<T, Stop>;

impl Reader<'_> {
    /// Read one statement; false at the end.
    fn statement(&mut self) -> Step<bool> {
        loop {
            match self.chars.peek() {
                None => return Ok(false),
                Some(' ' | '\t' | '\n') => {
                    self.next();
                }
                Some('#') => self.comment(),
                Some(';') => return Err(self.stop("a `;` with nothing before it")),
                Some(_) => break,
            }
        }
        let mut words: Vec<Word> = Vec::new();
        self.prints = false;
        self.assigns = true;
        loop {
            match self.chars.peek() {
                None | Some('\n') => break,
                Some(';') => {
                    self.next();
                    if self.chars.peek() == Some(&';') {
                        return Err(self.stop("`;;`"));
                    }
                    break;
                }
                Some(' ' | '\t') => {
                    self.next();
                }
                Some('#') => self.comment(),
                Some(_) => {
                    let Some(word) = self.word()? else { continue };
                    // Assignments without a command count at once, for the next on the line.
                    if let (Some(name), true) = (word.name, words.iter().all(|word| word.name.is_some())) {
                        self.assign(&word.text[..name], &word.text[name + 1..]);
                    }
                    if words.is_empty() && word.name.is_none() {
                        self.prints = matches!(word.text.as_str(), "echo" | ":");
                        self.assigns = matches!(word.text.as_str(), "export" | "declare" | "typeset");
                    }
                    words.push(word);
                }
            }
        }
        self.run(&words)?;
        Ok(true)
    }

    fn run(&mut self, words: &[Word]) -> Step<()> {
        let Some(command) = words.iter().position(|word| word.name.is_none()) else { return Ok(()) };
        if command > 0 {
            return Err(self.stop("a command behind an assignment"));
        }
        let (command, words) = (words[0].text.as_str(), &words[1..]);
        match command {
            "export" | "declare" | "typeset" => {
                for word in words {
                    if word.braces {
                        return Err(self.stop("a brace"));
                    }
                    let flags = word.text.strip_prefix('-').filter(|_| word.name.is_none());
                    match (flags, word.name) {
                        (Some(flags), _)
                            if command != "export"
                                && !flags.is_empty()
                                && flags.chars().all(|c| "gx".contains(c)) => {}
                        (Some(_), _) => return Err(self.stop(&format!("an option of `{command}`"))),
                        (None, Some(name)) => {
                            let (name, value) =
                                (word.text[..name].to_string(), word.text[name + 1..].to_string());
                            self.assign(&name, &value);
                        }
                        (None, None) if is_name(&word.text) => {}
                        (None, None) => {
                            return Err(self.stop(&format!("a word of `{command}` that is not a name")));
                        }
                    }
                }
                Ok(())
            }
            "unset" => {
                for word in words.iter().filter(|word| word.text != "-v") {
                    if !is_name(&word.text) {
                        return Err(self.stop("a word of `unset` that is not a name"));
                    }
                    self.variables.remove(&word.text);
                    self.unset.insert(word.text.clone());
                }
                Ok(())
            }
            "echo" | ":" | "true" => Ok(()),
            "read" => Err(self.stop("`read`")),
            "." | "source" => Err(self.stop("a file that is sourced")),
            "if" | "[" | "[[" | "for" | "while" | "case" | "function" => {
                Err(self.stop(&format!("`{command}`")))
            }
            _ => Err(self.stop("a command")),
        }
    }

    fn assign(&mut self, name: &str, value: &str) {
        self.unset.remove(name);
        self.variables.insert(name.into(), value.into());
    }

    /// A word, or nothing where only a continued line stood.
    fn word(&mut self) -> Step<Option<Word>> {
        let mut word = Word::default();
        let mut any = false;
        // Where `~` means the home: at the value's beginning, and behind its colons.
        let mut tilde = false;
        while let Some(&c) = self.chars.peek() {
            let mut tilde_next = false;
            match c {
                ' ' | '\t' | '\n' | ';' => break,
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') => {
                            any = any || !word.text.is_empty();
                            continue;
                        }
                        Some(c) => word.text.push(c),
                        None => word.text.push('\\'),
                    }
                    word.quoted = true;
                }
                '\'' => {
                    self.next();
                    word.quoted = true;
                    loop {
                        match self.next() {
                            Some('\'') => break,
                            Some(c) => word.text.push(c),
                            None => return Err(self.never("a quote that is not closed")),
                        }
                    }
                }
                '"' => {
                    self.next();
                    word.quoted = true;
                    self.double_quoted(&mut word.text)?;
                }
                '$' => {
                    self.next();
                    if matches!(self.chars.peek(), Some('\'' | '"')) {
                        return Err(self.stop("`$'…'`"));
                    }
                    self.dollar(&mut word.text)?;
                    word.quoted = true;
                }
                '`' => return Err(self.stop("a command in backquotes")),
                '&' | '|' | '<' | '>' | '(' | ')' => return Err(self.stop(&format!("`{c}`"))),
                '=' if word.name.is_none() && !word.quoted && is_name(&word.text) => {
                    self.next();
                    word.name = Some(word.text.len());
                    word.text.push('=');
                    tilde_next = true;
                }
                '=' if word.name.is_none() && !word.quoted && word.text.ends_with(['+', ']']) => {
                    return Err(self.stop("an assignment to a part"));
                }
                '~' if tilde || word.text.is_empty() && !word.quoted => {
                    self.next();
                    match (self.chars.peek(), &self.home) {
                        (None | Some('/' | ':' | ' ' | '\t' | '\n' | ';'), Some(home)) => {
                            word.text.push_str(home)
                        }
                        _ => return Err(self.stop("`~`")),
                    }
                }
                ':' => {
                    self.next();
                    word.text.push(':');
                    tilde_next = word.name.is_some();
                }
                '\0' => return Err(self.never("a NUL byte")),
                _ => {
                    self.next();
                    word.braces |= matches!(c, '{' | '}');
                    word.text.push(c);
                }
            }
            any = true;
            tilde = tilde_next;
        }
        Ok(any.then_some(word))
    }

    fn double_quoted(&mut self, text: &mut String) -> Step<()> {
        loop {
            match self.next() {
                None => return Err(self.never("a quote that is not closed")),
                Some('"') => return Ok(()),
                Some('\\') => match self.next() {
                    Some('\n') => {}
                    Some(c @ ('$' | '`' | '"' | '\\')) => text.push(c),
                    Some(c) => text.extend(['\\', c]),
                    None => return Err(self.never("a quote that is not closed")),
                },
                Some('`') => return Err(self.stop("a command in backquotes")),
                Some('$') => self.dollar(text)?,
                Some(c) => text.push(c),
            }
        }
    }

    /// What follows a `$`.
    fn dollar(&mut self, text: &mut String) -> Step<()> {
        match self.chars.peek() {
            Some('(') => Err(self.stop("`$(…)`")),
            Some('{') => {
                self.next();
                let name = self.name();
                if self.next() != Some('}') || !is_name(&name) {
                    return Err(self.stop("`${…}` with more than a name"));
                }
                self.variable(&name, text)
            }
            Some(c) if c.is_ascii_alphabetic() || *c == '_' => {
                let name = self.name();
                self.variable(&name, text)
            }
            Some(c @ ('$' | '!' | '?' | '#' | '@' | '*' | '-' | '0'..='9')) if !self.prints => {
                let what = format!("`${c}` is a parameter of the shell, hardly a part of a value");
                Err(self.never(&what))
            }
            _ => {
                text.push('$');
                Ok(())
            }
        }
    }

    fn variable(&mut self, name: &str, text: &mut String) -> Step<()> {
        const OF_BASH: [&str; 5] = ["PWD", "HOSTNAME", "UID", "EUID", "BASH_SOURCE"];
        match self.variables.get(name) {
            Some(value) => text.push_str(value),
            None if self.unset.contains(name) || self.prints => {}
            None if name == "HOME" && self.home.is_some() => {
                text.push_str(self.home.as_deref().unwrap_or_default());
            }
            None if !self.assigns => return Err(self.stop("a variable in a command")),
            None if OF_BASH.contains(&name) => return Err(self.stop("a variable of bash")),
            None => return Err(self.never(&format!("`${name}` is used, which no line before sets"))),
        }
        Ok(())
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        name
    }

    fn comment(&mut self) {
        while self.chars.next_if(|c| *c != '\n').is_some() {}
    }

    fn next(&mut self) -> Option<char> {
        let c = self.chars.next();
        self.line += usize::from(c == Some('\n'));
        c
    }

    fn stop(&self, what: &str) -> Stop {
        Stop { line: self.line, what: what.into(), for_shell: true }
    }

    fn never(&self, what: &str) -> Stop {
        Stop { line: self.line, what: what.into(), for_shell: false }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
