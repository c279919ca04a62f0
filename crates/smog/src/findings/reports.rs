//! An audit for machines: JUnit, and Prometheus' text format for a node exporter's textfile folder.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Audit, Finding, Severity, rule};
use crate::error::{Error, Result};

/// One test per rule, which fails with its findings; what could not be looked at is an error.
///
/// # Errors
/// [`Error::Parse`] when it cannot be written.
pub fn junit(audit: &Audit) -> Result<String> {
    let mut report = Report::new("smog audit");
    let mut suite = TestSuite::new("audit");
    for name in &audit.rules {
        let found: Vec<&Finding> =
            audit.findings.iter().filter(|one| one.rule == *name && one.severity > Severity::Note).collect();
        let mut status = TestCaseStatus::success();
        if !found.is_empty() {
            status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let lines: Vec<String> = found.iter().map(|one| line(one)).collect();
            status.set_message(rule(name).map_or("", |rule| rule.about)).set_description(lines.join("\n"));
        }
        let mut case = TestCase::new(*name, status);
        case.set_classname("audit");
        suite.add_test_case(case);
    }
    for one in &audit.unknown {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(one.to_string());
        let mut case = TestCase::new(format!("unknown: {}", one.what), status);
        case.set_classname("audit");
        suite.add_test_case(case);
    }
    report.add_test_suite(suite);
    report.to_string().map_err(|why| Error::Parse {
        what: "JUnit report".into(),
        source_of: "smog".into(),
        why: why.to_string(),
    })
}

/// "guest `web` on cmp1: sentence"
fn line(found: &Finding) -> String {
    match &found.host {
        Some(host) => format!("{} on {host}: {}", found.subject, found.sentence),
        None => format!("{}: {}", found.subject, found.sentence),
    }
}

/// Gauges: findings by rule and severity (0 where a rule found nothing), what is unknown, when.
pub fn prometheus(audit: &Audit) -> String {
    let mut text = String::from(
        "# HELP smog_audit_findings Findings of smog audit, by rule.\n# TYPE smog_audit_findings gauge\n",
    );
    for name in &audit.rules {
        let severity = rule(name).map_or(Severity::Error, |rule| rule.severity);
        let mut counts: Vec<(Severity, usize)> = vec![(severity, 0)];
        for found in audit.findings.iter().filter(|one| one.rule == *name) {
            match counts.iter_mut().find(|(severity, _)| *severity == found.severity) {
                Some((_, count)) => *count += 1,
                None => counts.push((found.severity, 1)),
            }
        }
        for (severity, count) in counts {
            text.push_str(&format!(
                "smog_audit_findings{{rule=\"{name}\",severity=\"{severity}\"}} {count}\n"
            ));
        }
    }
    let gauges = [
        ("smog_audit_unknown", "What smog audit could not look at.", audit.unknown.len() as f64),
        ("smog_audit_known", "Findings that the baseline knows.", audit.known as f64),
        ("smog_audit_guests", "Guests that were checked.", audit.guests as f64),
        ("smog_audit_duration_seconds", "How long smog audit took.", audit.took_s),
        ("smog_audit_timestamp_seconds", "When smog audit looked.", audit.at.as_second() as f64),
    ];
    for (name, help, value) in gauges {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n"));
    }
    text
}
