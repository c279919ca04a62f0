//! `smog completion --install`: the script in the file that the shell reads by itself.

use std::path::{Path, PathBuf};

use smog::Error;

use super::{Shell, script};
use crate::output;

/// A file with this line is smog's own: it is written over, and removed.
const MARK: &str = "# Written by `smog completion --install`; `smog completion --uninstall` removes it.";

pub fn install(shell: Option<Shell>) -> Result<(), Error> {
    let shell = shell.map_or_else(shell_of_user, Ok)?;
    let path = place(shell)?;
    let text = text(shell)?;
    match is_ours(&path)? {
        Some(false) => return Err(foreign(&path)),
        Some(true) if std::fs::read_to_string(&path).is_ok_and(|there| there == text) => {
            output::text(&format!("{}: up to date\n", path.display()));
        }
        _ => {
            let folder = path.parent().unwrap_or(Path::new("."));
            let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
            written.map_err(|why| unusable(&path, &format!("cannot be written: {why}")))?;
            output::text(&format!("{}: written\n", path.display()));
        }
    }
    if shell != Shell::Zsh || zshrc_names(&path) {
        output::text(&format!("new {} shells read it\n", shell.name()));
    } else {
        // No folder of the user's own is searched by zsh without this.
        let folder = path.parent().unwrap_or(Path::new(".")).display().to_string();
        output::text(&format!(
            "zsh searches it once this line is in your .zshrc, before `compinit`:\n  fpath=({} $fpath)\n",
            smog::quote(&folder)
        ));
    }
    Ok(())
}

pub fn uninstall(shell: Option<Shell>) -> Result<(), Error> {
    let path = place(shell.map_or_else(shell_of_user, Ok)?)?;
    match is_ours(&path)? {
        None => output::text(&format!("{}: not there\n", path.display())),
        Some(false) => return Err(foreign(&path)),
        Some(true) => {
            let removed = std::fs::remove_file(&path);
            removed.map_err(|why| unusable(&path, &format!("cannot be removed: {why}")))?;
            output::text(&format!("{}: removed\n", path.display()));
        }
    }
    Ok(())
}

/// What the file has. zsh wants its first line as it is, and runs the whole file at the first TAB.
fn text(shell: Shell) -> Result<String, Error> {
    let script = script(shell)?;
    Ok(match (shell, script.split_once('\n')) {
        (Shell::Zsh, Some((first, rest))) => {
            format!("{first}\n{MARK}\n{rest}[[ ${{funcstack[1]}} == _smog ]] && _smog_complete \"$@\"\n")
        }
        _ => format!("{MARK}\n{script}"),
    })
}

/// Whether the file is one of ours; nothing when there is none.
fn is_ours(path: &Path) -> Result<Option<bool>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).lines().any(|line| line == MARK))),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(unusable(path, &format!("cannot be read: {why}"))),
    }
}

/// Where each shell looks for a completion of this user.
fn place(shell: Shell) -> Result<PathBuf, Error> {
    let home = || match std::env::var_os("HOME").filter(|home| !home.is_empty()) {
        Some(home) => Ok(PathBuf::from(home)),
        None => Err(Error::Invalid {
            what: "the place of the completion script".into(),
            why: "HOME is not set".into(),
            hint: None,
        }),
    };
    let below =
        |variable: &str, of_home: &str| match std::env::var_os(variable).filter(|path| !path.is_empty()) {
            Some(path) => Ok(PathBuf::from(path)),
            None => Ok::<_, Error>(home()?.join(of_home)),
        };
    Ok(match shell {
        // bash-completion reads it at the first TAB behind `smog`.
        Shell::Bash => match std::env::var_os("BASH_COMPLETION_USER_DIR").filter(|path| !path.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => below("XDG_DATA_HOME", ".local/share")?.join("bash-completion"),
        }
        .join("completions/smog"),
        Shell::Zsh => below("XDG_DATA_HOME", ".local/share")?.join("zsh/site-functions/_smog"),
        Shell::Fish => below("XDG_CONFIG_HOME", ".config")?.join("fish/completions/smog.fish"),
    })
}

fn shell_of_user() -> Result<Shell, Error> {
    let shell = std::env::var("SHELL").unwrap_or_default();
    let name = shell.rsplit('/').next().unwrap_or_default();
    let known = [Shell::Bash, Shell::Zsh, Shell::Fish].into_iter().find(|known| known.name() == name);
    known.ok_or_else(|| Error::Invalid {
        what: "the shell".into(),
        why: match name {
            "" => "SHELL is not set".into(),
            name => format!("SHELL is `{name}`, which smog has no completion for"),
        },
        hint: Some("name one: bash, zsh or fish".into()),
    })
}

/// Whether the user's .zshrc names the folder, in one of the ways a person would write it.
fn zshrc_names(path: &Path) -> bool {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let folder = std::env::var_os("ZDOTDIR").map_or(home.clone(), PathBuf::from);
    let text = std::fs::read_to_string(folder.join(".zshrc")).unwrap_or_default();
    let whole = path.parent().unwrap_or(path).display().to_string();
    let home = home.display().to_string();
    let short = whole.strip_prefix(&home).unwrap_or(&whole).to_string();
    let ways = [whole, format!("~{short}"), format!("$HOME{short}"), format!("${{HOME}}{short}")];
    text.lines().any(|line| !line.trim_start().starts_with('#') && ways.iter().any(|way| line.contains(way)))
}

fn foreign(path: &Path) -> Error {
    let why = "is not a file that smog wrote".to_string();
    let hint = Some("remove it, or source `smog completion` yourself".into());
    Error::Invalid { what: path.display().to_string(), why, hint }
}

fn unusable(path: &Path, why: &str) -> Error {
    Error::Invalid { what: path.display().to_string(), why: why.into(), hint: None }
}
