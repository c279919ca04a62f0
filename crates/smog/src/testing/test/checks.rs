//! What a case asserts.

use std::fmt::Debug;

use super::Test;
use crate::findings::{self, Check, Control};

impl Test {
    /// Note a check; the case goes on, held or not.
    pub fn add(&self, check: Check) -> bool {
        let holds = check.holds;
        self.log.said().checks.push(check);
        holds
    }

    /// Check that something holds. `found` and `expected` are for people.
    pub fn check(
        &self,
        what: impl Into<String>,
        holds: bool,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) -> bool {
        self.add(Check::that(what, holds, found, expected))
    }

    /// Check that two values are the same.
    pub fn check_eq<T: PartialEq + Debug>(&self, what: impl Into<String>, found: &T, expected: &T) -> bool {
        self.add(Check::eq(what, found, expected))
    }

    /// Check that Nova's reason for a refusal is that no host fits.
    pub fn check_no_valid_host(&self, reason: &str) -> bool {
        self.check_reason(reason, &["No valid host"], "No valid host was found")
    }

    /// Check that Nova's reason for a refusal has one of these words in it. `expected` is for
    /// people. No reason at all, as when it does not refuse, and another one are seen.
    pub fn check_reason(&self, reason: &str, words: &[&str], expected: &str) -> bool {
        let says = |reason: &String| {
            let holds = words.iter().any(|word| reason.contains(word));
            vec![
                Check::that("Nova's reason", holds, reason, expected)
                    .from("the fault of the server, or Nova's answer"),
            ]
        };
        let controls = [
            Control::new("no refusal", |_: String| String::new()),
            Control::new("another reason", |_: String| "Quota exceeded for cores".to_string()),
        ];
        self.assert(&reason.to_string(), says, &controls)
    }

    /// Check that two values are the same, and that another value would be seen.
    pub fn check_same<T: PartialEq + Debug + Clone>(
        &self,
        what: &str,
        found: &T,
        expected: &T,
        another: Control<T>,
    ) -> bool {
        self.assert(found, |found| vec![Check::eq(what, found, expected)], &[another])
    }

    /// Check facts by an assertion, and the assertion by negative controls: each wrong
    /// state must turn it red, or the case fails.
    pub fn assert<F: Clone>(
        &self,
        facts: &F,
        assertion: impl Fn(&F) -> Vec<Check>,
        controls: &[Control<F>],
    ) -> bool {
        let (checks, noticed) = findings::controlled(facts, assertion, controls);
        let holds = checks.iter().all(|check| check.holds);
        let mut said = self.log.said();
        said.checks.extend(checks);
        said.controls += noticed;
        holds
    }

    /// Exceptions of this class (its last word) are this case's purpose and do not fail it.
    pub fn allow(&self, exception: &str) {
        self.log.said().allowed.push(exception.to_string());
    }

    /// An exception of this class is this case's purpose: it does not fail it, and must be logged
    /// of by the logs when the case has ended. Where the logs are not followed (`--no-watch`),
    /// it cannot be asked for.
    pub fn expect_exception(&self, exception: &str) {
        self.allow(exception);
        self.log.said().expected.push(exception.to_string());
    }
}
