//! What of saved logs could not be read or judged.

use crate::exit::ExitCode;

/// Something that could not be read or judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The file, or the place.
    pub path: String,
    /// What is with it.
    pub what: What,
    /// The file was named itself, not found in a folder or an archive.
    pub named: bool,
}

/// What is with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It is no text: what it is.
    NoText(String),
    /// Reading failed: what was read of it is from before that place.
    CutShort(String),
    /// It was left out, with the reason.
    LeftOut(String),
    /// No line of it begins a record of a known form: its first line.
    NoForm(String),
    /// So many tracebacks end before the line that names the exception.
    Torn(u64),
    /// So many entries of a journal are without their message.
    WithoutMessage(u64),
}

impl Trouble {
    /// The sentence for people.
    pub fn text(&self) -> String {
        let path = &self.path;
        match &self.what {
            What::NoText(why) => format!("`{path}` was not read: {why}"),
            What::CutShort(why) => {
                format!("`{path}` could not be read to its end: {why}; what is shown of it is from before")
            }
            What::LeftOut(why) => format!("`{path}` was not read: {why}"),
            What::NoForm(first) if first.is_empty() => {
                format!("`{path}`: no log form known here; there is nothing in it but space or NUL bytes")
            }
            What::NoForm(first) => {
                let first: String = first.chars().take(100).flat_map(char::escape_debug).collect();
                format!("`{path}`: no log form known here; its first line is `{first}`")
            }
            What::WithoutMessage(count) => {
                let entries = if *count == 1 { "entry has" } else { "entries have" };
                format!(
                    "`{path}`: {count} {entries} no message that can be read: the file is cut off there, or journalctl \
                     has left long messages out: use `journalctl --all`"
                )
            }
            What::Torn(1) => {
                format!("`{path}`: 1 traceback ends before the line that names the exception")
            }
            What::Torn(count) => {
                format!("`{path}`: {count} tracebacks end before the line that names the exception")
            }
        }
    }

    /// Whether something that is wanted was not read.
    pub fn is_unread(&self) -> bool {
        matches!(self.what, What::NoText(_) | What::CutShort(_) | What::LeftOut(_) | What::WithoutMessage(_))
    }

    /// How a command ends by this alone. In a folder there may be files that are not logs; a file
    /// that was named is meant to be one.
    pub fn exit_code(&self) -> ExitCode {
        match (&self.what, self.named) {
            (What::NoText(_) | What::NoForm(_), true) => ExitCode::Usage,
            (What::NoForm(_), false) => ExitCode::Ok,
            (What::Torn(_), true) => ExitCode::Failed,
            (What::Torn(_), false) => ExitCode::Ok,
            (What::NoText(_) | What::CutShort(_) | What::LeftOut(_) | What::WithoutMessage(_), _) => {
                ExitCode::CouldNotRun
            }
        }
    }
}
