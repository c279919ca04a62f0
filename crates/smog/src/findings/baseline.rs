//! What is known already: the findings of an earlier audit.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Finding;
use crate::error::{Error, Result};

/// Findings that are known, by rule, subject and part: what `smog audit -o json` printed earlier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline(BTreeSet<String>);

impl Baseline {
    /// Read an audit in JSON.
    ///
    /// # Errors
    /// [`Error::Parse`] when it is no such thing.
    pub fn parse(text: &str, source_of: &str) -> Result<Baseline> {
        let wrong = |why: String| Error::Parse { what: "baseline".into(), source_of: source_of.into(), why };
        let value: Value = serde_json::from_str(text).map_err(|why| wrong(crate::json_words(&why)))?;
        let findings = value.get("findings").and_then(Value::as_array);
        let findings =
            findings.ok_or_else(|| wrong("it has no `findings`: it is not an audit in JSON".into()))?;
        let key = |finding: &Value| {
            let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_string);
            let subject = finding.get("subject")?;
            let (rule, kind, id) =
                (text(finding.get("rule"))?, text(subject.get("kind"))?, text(subject.get("id"))?);
            let part = text(finding.get("part"));
            Some(super::finding::key(&rule, &kind, &id, part.as_deref()))
        };
        let keys: Option<BTreeSet<String>> = findings.iter().map(key).collect();
        keys.map(Baseline).ok_or_else(|| wrong("a finding lacks `rule` or `subject`".into()))
    }

    /// Whether a finding is known.
    pub fn knows(&self, finding: &Finding) -> bool {
        self.0.contains(&finding.key())
    }

    /// Its entries that are none of these findings.
    pub fn unused(&self, found: &[Finding]) -> Vec<String> {
        let found: BTreeSet<String> = found.iter().map(Finding::key).collect();
        self.0.difference(&found).cloned().collect()
    }
}
