//! Text within HTML.

use std::fmt;

use crate::show;
use crate::testing::report::words::and_more;

/// So many characters of one text are shown; what is longer is cut and says so.
const MOST: usize = 1500;

/// Text made safe for an element or a quoted attribute.
pub(super) fn esc(text: &str) -> Escaped<'_> {
    Escaped(text)
}

pub(super) struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(MOST) {
            Some((at, _)) => write!(f, "{} … (cut)", show::Escaped(&self.0[..at])),
            None => show::Escaped(self.0).fmt(f),
        }
    }
}

/// A sign for the state of a case, for people who cannot distinguish the colours.
pub(super) fn sign(state: &str) -> &'static str {
    match state {
        "passed" => "✓",
        "failed" => "✗",
        "broken" => "!",
        "leaked" => "◆",
        "flaky" => "~",
        "skipped" => "–",
        "interrupted" => "■",
        _ => "",
    }
}

/// The sign as an element, with a space after it.
pub(super) fn mark(state: &str) -> String {
    match sign(state) {
        "" => String::new(),
        sign => format!("<i class=\"mark\" aria-hidden=\"true\">{sign}</i> "),
    }
}

/// Rows while there is room for them, and how many were left out.
pub(super) fn fill<T>(
    room: &mut usize,
    mut of: impl Iterator<Item = T>,
    row: impl Fn(T) -> String,
) -> (String, usize) {
    let mut text = String::new();
    while let Some(next) = of.next() {
        let row = row(next);
        if row.len() > *room {
            return (text, 1 + of.count());
        }
        *room -= row.len();
        text.push_str(&row);
    }
    (text, 0)
}

/// "… and 3 more checks", or nothing.
pub(super) fn more(left: usize, what: &str) -> String {
    match left {
        0 => String::new(),
        left => {
            format!("<p class=\"more\">{}, in the run's JSON and the case's folder</p>", and_more(left, what))
        }
    }
}
