//! What is expected of a guest: what was compared, with what, and whether it held.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::{GuestSnapshot, Rule, rule};

/// One assertion of a case, held or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What is compared: "affinity of vCPU 0".
    pub what: String,
    /// What was found.
    pub found: String,
    /// What should have been.
    pub expected: String,
    /// Where the fact comes from: a file of the kernel, an element of the domain XML, an API call.
    pub source: String,
    /// Whether it holds.
    pub holds: bool,
}

impl Check {
    /// Compare two values for being the same.
    pub fn eq<T: PartialEq + Debug>(what: impl Into<String>, found: &T, expected: &T) -> Check {
        Check {
            what: what.into(),
            found: shown(found),
            expected: shown(expected),
            source: String::new(),
            holds: found == expected,
        }
    }

    /// Something that holds or does not; `found` and `expected` are for people.
    pub fn that(
        what: impl Into<String>,
        holds: bool,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> Check {
        Check {
            what: what.into(),
            found: found.into(),
            expected: expected.into(),
            source: String::new(),
            holds,
        }
    }

    /// The same with where the fact comes from.
    #[must_use]
    pub fn from(self, source: impl Into<String>) -> Check {
        Check { source: source.into(), ..self }
    }
}

impl std::fmt::Display for Check {
    /// "affinity of vCPU 0: found 0-1, expected 1 (/proc/812/task/815/status)"
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: found {}, expected {}", self.what, self.found, self.expected)?;
        if !self.source.is_empty() {
            write!(f, " ({})", self.source)?;
        }
        Ok(())
    }
}

/// What the rules of [`findings`](crate::findings) say of a guest: a check for each of these rules
/// (all that look at one guest alone, when none is named), which fails with its findings.
///
/// A name that is no such rule's is a failed check.
pub fn no_findings(guest: &GuestSnapshot, rules: &[&str]) -> Vec<Check> {
    let of = |rule: &Rule| {
        let found = rule.of_guest(guest);
        let said: Vec<&str> = found.iter().map(|found| found.sentence.as_str()).collect();
        let sources: Vec<&str> =
            found.iter().flat_map(|found| &found.evidence).map(|one| one.source.as_str()).collect();
        let text = if said.is_empty() { "no finding".to_string() } else { said.join("; ") };
        Check::that(rule.name, found.is_empty(), text, "no finding").from(sources.join("; "))
    };
    match rules.is_empty() {
        true => Rule::all().filter(|rule| rule.is_of_guest()).map(of).collect(),
        false => rules
            .iter()
            .map(|name| match rule(name).filter(|rule| rule.is_of_guest()) {
                Some(rule) => of(rule),
                None => Check::that(*name, false, "no rule of this name about one guest", "a rule"),
            })
            .collect(),
    }
}

/// A value as people read it: strings without quotes.
fn shown<T: Debug>(value: &T) -> String {
    let text = format!("{value:?}");
    let text = match text.strip_prefix("Some(").and_then(|text| text.strip_suffix(')')) {
        Some(inner) => inner,
        None if text == "None" => "none",
        None => &text,
    };
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(text) => text.to_string(),
        None => text.to_string(),
    }
}

/// A wrong state of the same kind of facts, which must turn an assertion red. An assertion
/// that stays green for it proves nothing, and fails its case.
pub struct Control<F> {
    /// What is wrong in it: "vCPU 0 not pinned".
    pub what: &'static str,
    /// Makes the facts wrong.
    pub spoil: fn(F) -> F,
}

impl<F> Control<F> {
    /// A control.
    pub const fn new(what: &'static str, spoil: fn(F) -> F) -> Control<F> {
        Control { what, spoil }
    }
}

/// Look at facts and at what controls make of them: the assertion's own checks, a failed
/// check for each control that it does not notice, and how many it does.
pub(crate) fn controlled<F: Clone>(
    facts: &F,
    assertion: impl Fn(&F) -> Vec<Check>,
    controls: &[Control<F>],
) -> (Vec<Check>, usize) {
    let mut checks = assertion(facts);
    let mut noticed = 0;
    // On facts that are wrong already, every control is red and shows nothing.
    if checks.iter().all(|check| check.holds) {
        for control in controls {
            if assertion(&(control.spoil)(facts.clone())).iter().all(|check| check.holds) {
                checks.push(Check::that(
                    format!("negative control: {}", control.what),
                    false,
                    "the assertion still passes on the wrong state",
                    "a failed check",
                ));
            } else {
                noticed += 1;
            }
        }
    }
    (checks, noticed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_one(facts: &u32) -> Vec<Check> {
        vec![Check::eq("number", facts, &1)]
    }

    fn is_anything(_: &u32) -> Vec<Check> {
        vec![Check::that("number", true, "a number", "a number")]
    }

    #[test]
    fn an_assertion_that_cannot_fail_fails() {
        let controls = [Control::new("another number", |number: u32| number + 1)];
        let (checks, noticed) = controlled(&1, is_one, &controls);
        assert!(checks.iter().all(|check| check.holds) && noticed == 1);
        let (checks, noticed) = controlled(&1, is_anything, &controls);
        assert_eq!(noticed, 0);
        let failed: Vec<&Check> = checks.iter().filter(|check| !check.holds).collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].what, "negative control: another number");
    }

    #[test]
    fn a_failed_assertion_is_not_blamed_on_its_controls() {
        let controls = [Control::new("the right number", |_: u32| 1)];
        let (checks, _) = controlled(&2, is_one, &controls);
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].to_string(), "number: found 2, expected 1");
    }
}
