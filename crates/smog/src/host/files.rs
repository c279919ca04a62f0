//! Files of a host: read, write atomically, look, remove.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::host::replace::{REPLACE, WALK};
use crate::host::{Cmd, Host, Output};
use crate::quote::quote;

/// The exit code our scripts give for "no such file".
const ABSENT: i32 = 44;

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A device, a socket, a pipe.
    Special,
}

/// What `stat` says of a path itself (a link is not followed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileStat {
    /// What it is.
    pub kind: FileKind,
    /// The permission bits, such as `0o640`.
    pub mode: u32,
    /// The size in bytes.
    pub size_bytes: u64,
    /// The owner's name, or number when it has no name.
    pub user: String,
    /// The group's name, or number.
    pub group: String,
    /// When its content changed last.
    pub modified: jiff::Timestamp,
}

impl Host {
    /// The bytes of a file.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not there; otherwise as [`Host::run`].
    pub async fn read_file(&self, path: &str) -> Result<Vec<u8>> {
        let cmd = Cmd::shell("[ -e \"$1\" ] || exit 44\nexec cat -- \"$1\"").arg(path).repeatable();
        let output = self.run(cmd.expect([0, ABSENT])).await?;
        self.present(path, output).map(|output| output.stdout)
    }

    /// The text of a file; bytes that are not UTF-8 become `�`.
    ///
    /// # Errors
    /// As [`Host::read_file`].
    pub async fn read_text(&self, path: &str) -> Result<String> {
        let bytes = self.read_file(path).await?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned()))
    }

    /// Replace a file's content: readers see the old or the new, never half of
    /// it, and after a power cut it is one of both. Owner, mode, ACL and SELinux
    /// context stay; a link stays, and what it points to is written, if root made the
    /// link or it leads to a file of its maker's. A new file gets mode 0644 and
    /// belongs to root. No other user of the host can redirect this write.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the folder is not there; [`Error::Command`]
    /// with the reason when it cannot be written (a file that is mounted into a
    /// container cannot be replaced there: write it on the machine itself).
    pub async fn write_file(&self, path: &str, content: impl Into<Vec<u8>>) -> Result<()> {
        self.write(path, content.into(), "").await
    }

    /// As [`Host::write_file`], and set the mode, for a new file and for one that is there.
    ///
    /// # Errors
    /// As [`Host::write_file`].
    pub async fn write_file_with_mode(
        &self,
        path: &str,
        content: impl Into<Vec<u8>>,
        mode: u32,
    ) -> Result<()> {
        self.write(path, content.into(), &format!("{mode:o}")).await
    }

    async fn write(&self, path: &str, content: Vec<u8>, mode: &str) -> Result<()> {
        let script = format!(
            "{WALK}{REPLACE}{}",
            r#"walk "$1" || exit 1
[ -d "$q" ] && { echo "$q is a folder" >&2; exit 1; }
p=$q d=${q%/*} b=${q##*/} mode=$2; [ -d "${d:-/}" ] || exit 44
stand "${d:-/}" || exit 1
old=
if [ -e "./$b" ] || [ -L "./$b" ]; then
[ -f "./$b" ] && [ ! -L "./$b" ] || { echo "$p is not a regular file" >&2; exit 1; }
exec 3<"./$b"; [ "$(readlink /proc/self/fd/3)" = "$p" ] || { echo "$p was replaced while smog read it" >&2; exit 1; }
old=yes; theirs "$(stat -Lc %u /proc/self/fd/3)" "$1" || exit 1
else theirs "$(stat -c %u .)" "$1" || exit 1; fi
dress() {
[ -n "$old" ] || chmod 0644 -- "$1" || return 1
[ -z "$mode" ] || chmod "$mode" -- "$1"
}
replace "$b" .smog"#
        );
        let output =
            self.run(Cmd::shell(script).args([path, mode]).stdin(content).expect([0, ABSENT])).await?;
        self.present(path, output).map(|_| ())
    }

    /// Whether there is anything at a path.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub async fn exists(&self, path: &str) -> Result<bool> {
        Ok(self.stat(path).await?.is_some())
    }

    /// What is at a path; `None` when nothing is.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub async fn stat(&self, path: &str) -> Result<Option<FileStat>> {
        let script =
            "[ -e \"$1\" ] || [ -L \"$1\" ] || exit 44\nexec stat -c '%f %s %Y %U %G %u %g' -- \"$1\"";
        let output = self.run(Cmd::shell(script).arg(path).expect([0, ABSENT]).repeatable()).await?;
        if output.exit.code == ABSENT {
            return Ok(None);
        }
        parse_stat(&output.text()).map(Some).ok_or_else(|| Error::Parse {
            what: format!("stat of {path}"),
            source_of: format!("host `{}`", self.name()),
            why: output.text().trim().to_string(),
        })
    }

    /// The paths that match a pattern with `*`, `?` and `[…]`, sorted. Anything
    /// else in it (blanks, quotes, `$`) stands for itself.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub async fn glob(&self, pattern: &str) -> Result<Vec<String>> {
        let pattern = glob_words(pattern);
        let script = format!(
            "for f in {pattern}; do if [ -e \"$f\" ] || [ -L \"$f\" ]; then printf '%s\\0' \"$f\"; fi; done"
        );
        let output = self.run(Cmd::shell(script).repeatable()).await?;
        Ok(output.text().split_terminator('\0').map(str::to_string).collect())
    }

    /// Remove a file. One that is not there is fine.
    ///
    /// # Errors
    /// [`Error::Command`] when it is a folder or cannot be removed.
    pub async fn remove_file(&self, path: &str) -> Result<()> {
        self.run(Cmd::new("rm").args(["-f", "--", path])).await.map(|_| ())
    }

    fn present(&self, path: &str, output: Output) -> Result<Output> {
        match output.exit.code {
            ABSENT => Err(Error::NotFound {
                what: format!("file on host {}", self.name()),
                name: path.to_string(),
                near: Vec::new(),
            }),
            _ => Ok(output),
        }
    }
}

fn parse_stat(text: &str) -> Option<FileStat> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [mode, size, modified, user, group, uid, gid] = words[..] else { return None };
    let bits = u32::from_str_radix(mode, 16).ok()?;
    let kind = match bits & 0o170_000 {
        0o100_000 => FileKind::File,
        0o040_000 => FileKind::Folder,
        0o120_000 => FileKind::Link,
        _ => FileKind::Special,
    };
    let named =
        |name: &str, number: &str| if name == "UNKNOWN" { number.to_string() } else { name.to_string() };
    Some(FileStat {
        kind,
        mode: bits & 0o7777,
        size_bytes: size.parse().ok()?,
        user: named(user, uid),
        group: named(group, gid),
        modified: jiff::Timestamp::from_second(modified.parse().ok()?).ok()?,
    })
}

/// A pattern as shell text in which only the wildcards are special.
fn glob_words(pattern: &str) -> String {
    let (mut text, mut plain) = (String::new(), String::new());
    for letter in pattern.chars() {
        if "*?[]".contains(letter) {
            if !plain.is_empty() {
                text.push_str(&quote(&std::mem::take(&mut plain)));
            }
            text.push(letter);
        } else {
            plain.push(letter);
        }
    }
    if !plain.is_empty() || text.is_empty() {
        text.push_str(&quote(&plain));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{FileKind, glob_words, parse_stat};

    #[test]
    fn only_wildcards_are_special_in_a_pattern() {
        assert_eq!(glob_words("/var/log/nova/*.log"), "/var/log/nova/*.log");
        assert_eq!(glob_words("/a b/$(id)/?[0-9]"), "'/a b/$(id)/'?[0-9]");
    }

    #[test]
    fn stat_lines() {
        let stat = parse_stat("81a0 123 1764000000 root nova 0 64055\n").expect("stat");
        assert_eq!((stat.kind, stat.mode, stat.size_bytes), (FileKind::File, 0o640, 123));
        assert_eq!(parse_stat("41ed 0 1764000000 UNKNOWN root 1234 0").expect("stat").user, "1234");
        assert!(parse_stat("nonsense").is_none());
    }
}
