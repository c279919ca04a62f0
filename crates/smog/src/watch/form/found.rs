//! A service's own head behind words of an unknown kind: a file's name, `host=…`, a quote, what
//! another program put there.

use std::borrow::Cow;

use crate::watch::clock::Clock;
use crate::watch::head::{self, Kind};
use crate::watch::packages::is_module;

/// So far into a line a head is looked for, in bytes.
const FARTHEST: usize = 200;

/// What stands before the services' own lines; it may be another in each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::watch) struct Found {
    /// What it was last.
    last: String,
}

impl Found {
    /// The words before a line, if a head of oslo.log stands behind them.
    pub(super) fn of(text: &str, clock: &Clock) -> Option<Found> {
        let at = head_at(text, clock).filter(|at| *at > 0)?;
        Some(Found { last: text[..at].to_string() })
    }

    /// A line without the words before it.
    pub(super) fn without<'a>(&mut self, text: &'a str, clock: &Clock) -> Cow<'a, str> {
        if let Some(at) = head_at(text, clock) {
            if self.last != text[..at] {
                self.last = text[..at].to_string();
            }
            return without_end(&self.last, &text[at..]);
        }
        // A line without a head has the same words before it, but for numbers (a time, a line's number).
        let same = |(one, other): (u8, u8)| one == other || one.is_ascii_digit() && other.is_ascii_digit();
        let length = self.last.len();
        let is_same = text.is_char_boundary(length)
            && text.len() >= length
            && self.last.bytes().zip(text.bytes()).all(same);
        if is_same { without_end(&self.last, &text[length..]) } else { text.into() }
    }
}

/// Where oslo.log's head with a time and a logger begins.
fn head_at(text: &str, clock: &Clock) -> Option<usize> {
    let bytes = text.as_bytes();
    let last = bytes.len().saturating_sub(19).min(FARTHEST);
    (0..=last).find(|at| {
        let date = &bytes[*at..];
        let is_date = date.len() > 19
            && date[..4].iter().all(u8::is_ascii_digit)
            && (date[4], date[7], date[10], date[13]) == (b'-', b'-', b' ', b':');
        // Before a digit of ASCII a character ends.
        is_date && (*at == 0 || is_border(&text[..*at])) && is_head(&text[*at..], clock)
    })
}

/// What may stand right before a head.
fn is_border(before: &str) -> bool {
    before.ends_with([' ', '\t', '|', '"', '\'', '│', '>', ']', ')', ':', ',', ';', '=', '`', '\u{feff}'])
}

fn is_head(text: &str, clock: &Clock) -> bool {
    head::parse(text, clock).is_some_and(|head| {
        matches!(head.kind, Kind::Oslo | Kind::OsloMore)
            && head.time.is_some()
            && head.level.is_some()
            && head.logger.is_some_and(is_module)
    })
}

/// What was quoted or boxed is closed behind the line, and quotes in it are doubled or escaped.
fn without_end<'a>(before: &str, text: &'a str) -> Cow<'a, str> {
    match before.chars().next_back() {
        Some(quote @ ('"' | '\'' | '`')) => {
            let text = text.strip_suffix(',').unwrap_or(text);
            let text = text.strip_suffix(quote).unwrap_or(text);
            match text.contains('"') {
                true => text.replace("\"\"", "\"").replace("\\\"", "\"").into(),
                false => text.into(),
            }
        }
        _ if before.starts_with('│') => text.trim_end_matches([' ', '│', '┤']).into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_head_behind_a_border_is_found() {
        let clock = jiff::tz::TimeZone::UTC.into();
        let at = |text: &str| Found::of(text, &clock).map(|found| found.last);
        let line = "2026-11-24 10:31:40.200 7 ERROR nova.compute.manager [None req-1 u p] Failed";
        assert_eq!(at(&format!("nova.log.1 {line}")).as_deref(), Some("nova.log.1 "));
        assert_eq!(
            at(&format!("host=a source=\"x\" msg=\"{line}\"")).as_deref(),
            Some("host=a source=\"x\" msg=\"")
        );
        for no_head in [
            line.to_string(),
            format!("x{line}"),
            "at 2026-11-24 10:31:40.200 something went wrong".into(),
            "at 2026-11-24 10:31:40.200 7 ERROR Something [x]".into(),
            format!("{}{line}", "é ".repeat(300)),
        ] {
            assert_eq!(at(&no_head), None, "{no_head}");
        }
    }

    #[test]
    fn what_was_quoted_ends_with_its_quote() {
        let clock = jiff::tz::TimeZone::UTC.into();
        let mut found = Found { last: "    \"".into() };
        assert_eq!(
            found.without("    \"Traceback (most recent call last):\",", &clock),
            "Traceback (most recent call last):"
        );
        assert_eq!(found.without("é", &clock), "é");
        assert_eq!(found.without("    \"  File \\\"a.py\\\", line 1\",", &clock), "  File \"a.py\", line 1");
        assert_eq!(found.without("    \"  File \"\"a.py\"\", line 1\"", &clock), "  File \"a.py\", line 1");
    }
}
