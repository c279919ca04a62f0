//! How grave a record is.

use serde::{Deserialize, Serialize};

/// The level of a record, as oslo.log names it; other programs' words are put in their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Every step.
    Trace,
    /// For developers.
    Debug,
    /// The normal course.
    Info,
    /// Something to look at.
    Warning,
    /// Something failed.
    Error,
    /// The program cannot go on.
    Critical,
}

impl Level {
    /// The level of a word in any case: "WARN", "warning", "emerg", "Note" …
    pub fn of(word: &str) -> Option<Level> {
        const WORDS: &[(&str, Level)] = &[
            ("info", Level::Info),
            ("debug", Level::Debug),
            ("warning", Level::Warning),
            ("error", Level::Error),
            ("critical", Level::Critical),
            ("trace", Level::Trace),
            ("warn", Level::Warning),
            ("err", Level::Error),
            ("notice", Level::Info),
            ("note", Level::Info),
            ("audit", Level::Info),
            ("dbg", Level::Debug),
            ("crit", Level::Critical),
            ("fatal", Level::Critical),
            ("emer", Level::Critical),
            ("emerg", Level::Critical),
            ("alert", Level::Critical),
        ];
        WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, level)| *level)
    }

    /// The level of a syslog priority, 0 (emergency) to 7 (debug).
    pub fn of_priority(priority: u8) -> Level {
        match priority {
            0..=2 => Level::Critical,
            3 => Level::Error,
            4 => Level::Warning,
            5 | 6 => Level::Info,
            _ => Level::Debug,
        }
    }

    /// Its name: "ERROR".
    pub fn name(self) -> &'static str {
        match self {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
            Level::Critical => "CRITICAL",
        }
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn words_of_many_programs() {
        assert_eq!(Level::of("WARN"), Some(Level::Warning));
        assert_eq!(Level::of("Note"), Some(Level::Info));
        assert_eq!(Level::of("emer"), Some(Level::Critical));
        assert_eq!(Level::of("nova"), None);
        assert!(Level::Error > Level::Warning);
    }
}
