//! Reading a YAML file into a type, with errors that show the place.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// No configuration is larger; a log given by mistake may be.
const LARGEST: u64 = 1 << 20;

/// The text of a configuration file.
///
/// # Errors
/// [`Error::Config`]: not there, not readable, larger than 1 MiB, not UTF-8.
pub(super) fn read_text(path: &Path) -> Result<String> {
    let fail = |message: String, hint: Option<&str>| Error::Config {
        place: path.display().to_string(),
        message,
        hint: hint.map(str::to_string),
    };
    let size = std::fs::metadata(path).map_err(|why| fail(plain(&why), None))?.len();
    if size > LARGEST {
        return Err(fail(
            format!("{size} bytes is too large for a configuration file"),
            Some("is it the right file?"),
        ));
    }
    std::fs::read_to_string(path).map_err(|why| fail(plain(&why), None))
}

/// Parse a YAML text; errors name `path`, line and column and show the line.
pub(super) fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|why| {
        let (row, column) =
            why.location().map(|at| (at.line() as usize, at.column() as usize)).unwrap_or((0, 0));
        let mut message = clean(&why.to_string());
        if row > 0
            && let Some(line) = text.lines().nth(row - 1)
        {
            message.push_str(&format!("\n    {line}\n    {}^", " ".repeat(column.saturating_sub(1))));
        }
        let place =
            if row > 0 { format!("{}:{row}:{column}", path.display()) } else { path.display().to_string() };
        Error::Config { place, message, hint: None }
    })
}

/// The parser ends its sentence with the place, which stands in front already.
fn clean(sentence: &str) -> String {
    sentence.split(" at line ").next().unwrap_or(sentence).trim_end_matches('.').to_string()
}

/// "no such file" rather than "No such file or directory (os error 2)".
fn plain(why: &std::io::Error) -> String {
    match why.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::InvalidData => "not UTF-8 text".into(),
        _ => why.to_string(),
    }
}
