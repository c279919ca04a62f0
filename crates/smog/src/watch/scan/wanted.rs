//! Which records of a log are wanted, and what must be in a line of them.

use jiff::Timestamp;
use regex::bytes::{Regex, RegexBuilder};

use crate::error::Result;
use crate::watch::assemble::{Assembler, Open};
use crate::watch::exception::{MODULES, NAME_ENDS, TRACEBACK};
use crate::watch::filter::{Filter, wrong_pattern};
use crate::watch::level::Level;
use crate::watch::record::Record;

/// Which records of a log are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What a line of each of them holds.
    holds: Option<Regex>,
    exceptions: bool,
    /// What is known of a record before it is read whole says that it is not wanted.
    least: Option<Level>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Wanted {
    /// Those with an exception.
    ///
    /// # Errors
    /// None in practice: the expression is smog's own.
    pub fn exceptions() -> Result<Wanted> {
        let mut literals = vec![regex::escape(TRACEBACK)];
        literals.extend(NAME_ENDS.iter().chain(MODULES).map(|end| regex::escape(end)));
        Ok(Wanted { exceptions: true, ..Wanted::matching(&literals.join("|"))? })
    }

    /// Those with a match of a regular expression within one of their lines.
    ///
    /// # Errors
    /// [`Error::Invalid`] that shows where the expression is wrong.
    pub fn matching(expression: &str) -> Result<Wanted> {
        let holds =
            RegexBuilder::new(expression).multi_line(true).build().map_err(|why| wrong_pattern(&why))?;
        Ok(Wanted { holds: Some(holds), exceptions: false, ..Wanted::all() })
    }

    /// All of them.
    pub fn all() -> Wanted {
        Wanted { holds: None, exceptions: false, least: None, since: None, until: None }
    }

    /// Those which a filter can want, as far as that is seen without reading a record whole: what
    /// is reported may still be more than it wants.
    ///
    /// # Errors
    /// None in practice: the expressions are smog's own.
    pub fn of_filter(filter: &Filter) -> Result<Wanted> {
        let wanted = match filter {
            Filter { exceptions: true, .. } => Wanted::exceptions()?,
            Filter { guest: None, requests, .. } if !requests.is_empty() => {
                let ids: Vec<String> = requests.iter().map(|id| regex::escape(id)).collect();
                Wanted::matching(&ids.join("|"))?
            }
            Filter { guest: Some(guest), requests, .. } => {
                let ids: Vec<String> = requests.iter().chain([guest]).map(|id| regex::escape(id)).collect();
                Wanted::matching(&ids.join("|"))?
            }
            // An expression may match over the end of a line, which a search does not.
            _ => Wanted::all(),
        };
        Ok(Wanted { least: filter.level, since: filter.since, until: filter.until, ..wanted })
    }

    /// Whether a record is certainly not wanted, by its first line.
    fn is_out(&self, open: &Open) -> bool {
        self.least.is_some_and(|least| open.level.is_some_and(|level| level < least))
            || open.time.is_some_and(|time| {
                self.since.is_some_and(|since| time < since) || self.until.is_some_and(|until| time > until)
            })
    }

    /// What a line of each holds, where that is known.
    pub(super) fn holds(&self) -> Option<&Regex> {
        self.holds.as_ref()
    }

    /// Whether only exceptions are wanted.
    pub(super) fn is_of_exceptions(&self) -> bool {
        self.exceptions
    }

    /// A complete record, if it is wanted.
    pub(super) fn judge(&self, assembler: &Assembler, open: Open) -> Found {
        let Some(holds) = &self.holds else {
            // Of other forms the envelope says more.
            return match assembler.form().is_native() && self.is_out(&open) {
                true => Found::Nothing,
                false => Found::Record(Box::new(assembler.record(open))),
            };
        };
        if !open.holds(holds) {
            return Found::Nothing;
        }
        let record = assembler.record(open);
        match self.exceptions {
            true if record.is_exception() => Found::Record(Box::new(record)),
            true if record.text.contains(TRACEBACK) => Found::Torn,
            true => Found::Nothing,
            false => match holds.is_match(record.text.as_bytes()) {
                true => Found::Record(Box::new(record)),
                false => Found::Nothing,
            },
        }
    }
}

/// What a complete record is.
pub(super) enum Found {
    Record(Box<Record>),
    /// A traceback without the exception that ends it.
    Torn,
    Nothing,
}
