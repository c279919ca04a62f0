//! The question before something is changed.

use std::io::IsTerminal;

use smog::{Error, Result};

/// Ask before something is changed.
///
/// # Errors
/// [`Error::Invalid`] without a terminal to ask on.
pub fn confirmed(question: &str, yes: bool) -> Result<bool> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(Error::Invalid {
            what: question.trim_end_matches('?').to_string(),
            why: "there is no terminal to ask on".into(),
            hint: Some("`--yes` answers the question; `--dry-run` shows what would change".into()),
        });
    }
    crate::output::question(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}
