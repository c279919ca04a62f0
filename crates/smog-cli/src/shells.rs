//! What a shell asks while a person types, and what it gets: one adapter per shell.
//!
//! Names of servers, images and networks are chosen by tenants: a server may be called
//! `web$(reboot)`. Whatever is completed stands in the line as one quoted word, and what no
//! quoting makes harmless to look at (control characters) is not offered at all. bash inserts
//! what it gets as it stands, so it gets quoted words; zsh and fish quote by themselves.

mod words;

use std::ffi::OsString;
use std::io::{Result, Write};
use std::path::Path;

use clap_complete::engine::{CompletionCandidate, complete};
use clap_complete::env::EnvCompleter;
use smog::show::steers;

/// bash: the line up to the cursor comes as it stands.
pub struct Bash;
/// zsh: words come without their quotes.
pub struct Zsh;
/// fish: words come without their quotes, the last one as it stands.
pub struct Fish;

/// All shells that are known.
pub const ALL: &[&dyn EnvCompleter] = &[&Bash, &Fish, &Zsh];

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(&self, var: &str, _: &str, bin: &str, own: &str, to: &mut dyn Write) -> Result<()> {
        let script = r#"_smog_complete() {
    COMPREPLY=()
    local line
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(SMOG_WORDBREAKS="$COMP_WORDBREAKS" VAR=bash COMPLETER -- "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -o nosort -F _smog_complete BIN 2>/dev/null ||
    complete -o bashdefault -F _smog_complete BIN
"#;
        write_script(script, var, bin, own, to)
    }

    fn write_complete(
        &self,
        cmd: &mut clap::Command,
        args: Vec<OsString>,
        here: Option<&Path>,
        to: &mut dyn Write,
    ) -> Result<()> {
        let line = args.first().map(|line| line.to_string_lossy().into_owned()).unwrap_or_default();
        let breaks = std::env::var("SMOG_WORDBREAKS").unwrap_or_else(|_| "\"'@><=;|&(:".into());
        let Some(line) = words::read(&line, &breaks) else { return Ok(()) };
        let mut words: Vec<OsString> = line.words.into_iter().map(OsString::from).collect();
        words.push(line.last.text.clone().into());
        let at = words.len() - 1;
        for (value, _) in offered(complete(cmd, words, at, here)?) {
            if let Some(word) = line.last.completed(&value) {
                writeln!(to, "{word}")?;
            }
        }
        Ok(())
    }
}

impl EnvCompleter for Zsh {
    fn name(&self) -> &'static str {
        "zsh"
    }

    fn is(&self, name: &str) -> bool {
        name == "zsh"
    }

    fn write_registration(&self, var: &str, _: &str, bin: &str, own: &str, to: &mut dyn Write) -> Result<()> {
        let script = r#"#compdef BIN
function _smog_complete() {
    local -a given found dirs other
    local one
    given=("${(@Q)words[1,CURRENT]}")
    given[CURRENT]="${(Q)PREFIX}"
    found=("${(@f)$(VAR=zsh COMPLETER -- "${given[@]}" 2>/dev/null)}")
    for one in "${found[@]}"; do
        [[ -n $one ]] || continue
        if [[ ${one%%:*} == */ ]]; then
            dirs+=("${one/\/:/:}")
        else
            other+=("$one")
        fi
    done
    (( ${#dirs} )) && _describe -V 'values' dirs -S '/' -r '/'
    (( ${#other} )) && _describe -V 'values' other
}
compdef _smog_complete BIN
"#;
        write_script(script, var, bin, own, to)
    }

    fn write_complete(
        &self,
        cmd: &mut clap::Command,
        args: Vec<OsString>,
        here: Option<&Path>,
        to: &mut dyn Write,
    ) -> Result<()> {
        let at = args.len().saturating_sub(1);
        for (value, help) in offered(complete(cmd, args, at, here)?) {
            // `:` ends the value.
            let value = value.replace('\\', "\\\\").replace(':', "\\:");
            let help = help.map(|help| format!(":{}", help.replace('\\', "\\\\"))).unwrap_or_default();
            writeln!(to, "{value}{help}")?;
        }
        Ok(())
    }
}

impl EnvCompleter for Fish {
    fn name(&self) -> &'static str {
        "fish"
    }

    fn is(&self, name: &str) -> bool {
        name == "fish"
    }

    fn write_registration(&self, var: &str, _: &str, bin: &str, own: &str, to: &mut dyn Write) -> Result<()> {
        let script = r#"function _smog_complete
    VAR=fish COMPLETER -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token --cut-at-cursor | string collect --allow-empty) 2>/dev/null
end
complete --keep-order --exclusive --command BIN --arguments '(_smog_complete)'
"#;
        write_script(script, var, bin, own, to)
    }

    fn write_complete(
        &self,
        cmd: &mut clap::Command,
        mut args: Vec<OsString>,
        here: Option<&Path>,
        to: &mut dyn Write,
    ) -> Result<()> {
        let last = args.pop().unwrap_or_default().to_string_lossy().into_owned();
        let Some(last) = words::read(&last, "") else { return Ok(()) };
        // A blank in a quoted word is no end of it; anything else is not one word.
        if !last.words.is_empty() {
            return Ok(());
        }
        args.push(last.last.text.into());
        let at = args.len() - 1;
        for (value, help) in offered(complete(cmd, args, at, here)?) {
            let help = help.map(|help| format!("\t{help}")).unwrap_or_default();
            writeln!(to, "{value}{help}")?;
        }
        Ok(())
    }
}

/// What is offered: words a terminal only shows, each with the first line of its help.
fn offered(all: Vec<CompletionCandidate>) -> impl Iterator<Item = (String, Option<String>)> {
    all.into_iter().filter_map(|one| {
        let value = one.get_value().to_str()?.to_string();
        let help = one.get_help().map(|help| help.to_string().lines().next().unwrap_or_default().to_string());
        (!value.is_empty() && !value.contains(steers)).then_some((value, help))
    })
}

fn write_script(script: &str, var: &str, bin: &str, own: &str, to: &mut dyn Write) -> Result<()> {
    let script = script.replace("BIN", &smog::quote(bin)).replace("VAR", var);
    to.write_all(script.replace("COMPLETER", &smog::quote(own)).as_bytes())
}
