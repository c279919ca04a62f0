//! Which records are wanted.

use jiff::Timestamp;
use regex::{RegexSet, RegexSetBuilder};

use super::level::Level;
use super::record::Record;
use crate::cloud::Cloud;
use crate::error::{Error, Result};
use crate::guest::Guest;

/// Which records are wanted: those that meet every condition given.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// At least this grave. What has no level is not.
    pub level: Option<Level>,
    /// Any of these patterns is in the record.
    pub patterns: Option<RegexSet>,
    /// Of one of these requests, or naming it.
    pub requests: Vec<String>,
    /// Of this server (its UUID), or naming it, or of one of `requests`.
    pub guest: Option<String>,
    /// Only records with an exception.
    pub exceptions: bool,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Not after this time.
    pub until: Option<Timestamp>,
}

/// Regular expressions as one set: one pass for all of them.
///
/// # Errors
/// [`Error::Invalid`] that shows where the expression is wrong.
pub fn patterns<S: AsRef<str>>(expressions: &[S]) -> Result<RegexSet> {
    RegexSetBuilder::new(expressions).multi_line(true).build().map_err(|why| wrong_pattern(&why))
}

/// What is said of an expression that cannot be read.
pub(super) fn wrong_pattern(why: &regex::Error) -> Error {
    Error::Invalid {
        what: "the pattern".into(),
        why: why.to_string(),
        hint: Some(
            "the form is that of Rust's regex crate, nearly Perl's; `\\[` means a bracket itself".into(),
        ),
    }
}

impl Filter {
    /// Only what is of this guest (name or id; one that was deleted too): what names it, and
    /// what the requests did that acted on it. The guest.
    ///
    /// # Errors
    /// As [`Cloud::guest_even_deleted`].
    pub async fn of_guest(&mut self, cloud: &Cloud, asked: &str) -> Result<Guest> {
        let guest = cloud.guest_even_deleted(asked).await?;
        let actions = cloud.actions(&guest.server.id).await?;
        self.requests.extend(actions.into_iter().map(|action| action.request_id));
        self.guest = Some(guest.server.id.clone());
        Ok(guest)
    }

    /// Whether a record is wanted.
    pub fn wants(&self, record: &Record) -> bool {
        if self.level.is_some_and(|least| record.level.is_none_or(|level| level < least)) {
            return false;
        }
        if self.exceptions && !record.is_exception() {
            return false;
        }
        if let Some(time) = record.time
            && (self.since.is_some_and(|since| time < since) || self.until.is_some_and(|until| time > until))
        {
            return false;
        }
        if self.patterns.as_ref().is_some_and(|patterns| !patterns.is_match(&record.text)) {
            return false;
        }
        let of_requests = || self.requests.iter().any(|request| record.belongs_to(request));
        match &self.guest {
            Some(id) => record.instance.as_deref() == Some(id) || record.text.contains(id) || of_requests(),
            None => self.requests.is_empty() || of_requests(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            level: Some(Level::Warning),
            request_id: Some("req-1".into()),
            instance: Some("ab".into()),
            text: "first\nsecond line".into(),
            ..Record::default()
        }
    }

    #[test]
    fn every_condition_must_hold() {
        let wants = |filter: Filter| filter.wants(&record());
        assert!(wants(Filter::default()));
        assert!(wants(Filter { level: Some(Level::Warning), ..Filter::default() }));
        assert!(!wants(Filter { level: Some(Level::Error), ..Filter::default() }));
        assert!(!wants(Filter { exceptions: true, ..Filter::default() }));
        assert!(wants(Filter { patterns: patterns(&["nothing", "^second"]).ok(), ..Filter::default() }));
        assert!(!wants(Filter { patterns: patterns(&["nothing"]).ok(), ..Filter::default() }));
        assert!(wants(Filter { requests: vec!["req-0".into(), "req-1".into()], ..Filter::default() }));
        assert!(!wants(Filter { requests: vec!["req-2".into()], ..Filter::default() }));
        assert!(wants(Filter {
            guest: Some("ab".into()),
            requests: vec!["req-2".into()],
            ..Filter::default()
        }));
        assert!(!wants(Filter { guest: Some("cd".into()), ..Filter::default() }));
    }

    #[test]
    fn a_wrong_pattern_is_shown() {
        let why = patterns(&["(x"]).expect_err("unclosed").to_string();
        assert!(why.contains("unclosed group"), "{why}");
    }
}
