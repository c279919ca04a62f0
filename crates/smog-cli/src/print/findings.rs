//! Findings for people: a line for each, what each layer says below it, what to do.

use anstyle::{AnsiColor, Style};
use smog::findings::{Finding, Severity, rule};

use crate::output::{self, Painted};

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => AnsiColor::Cyan.on_default(),
    }
}

/// At most so many lines of evidence for one finding; all of them are in the JSON.
const EVIDENCE: usize = 4;

/// One finding, with what it rests on.
fn one(found: &Finding) {
    let place = found.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
    output::text(&format!("  {}{place}: {}\n", found.subject, found.sentence));
    let width = found.evidence.iter().map(|one| one.layer.name().len()).max().unwrap_or(0);
    for one in found.evidence.iter().take(EVIDENCE) {
        output::text(&format!("    {:<width$}  {}  [{}]\n", one.layer.name(), one.said, one.source));
    }
    if found.evidence.len() > EVIDENCE {
        output::text(&format!("    … and {} more\n", found.evidence.len() - EVIDENCE));
    }
}

/// All findings of one rule: its severity and name, each finding, and once what to do and how to
/// see it by hand.
pub fn group(name: &str, found: &[&Finding]) {
    let Some(worst) = found.iter().max_by_key(|one| one.severity) else { return };
    let about = rule(name).map_or("", |rule| rule.about);
    let line = Painted::default()
        .in_style(style(worst.severity), worst.severity.name())
        .plain(&format!(" {name}: {about}"))
        .line_end();
    output::painted(&line);
    found.iter().for_each(|finding| one(finding));
    output::text(&format!("    do: {}\n    see: {}\n", worst.advice, worst.command));
}

/// "2 errors, 1 warning"; "nothing is wrong".
pub fn counts(findings: &[Finding]) -> String {
    let count = |severity| findings.iter().filter(|found| found.severity == severity).count();
    let parts: Vec<String> = Severity::ALL
        .into_iter()
        .filter(|severity| count(*severity) > 0)
        .map(|severity| {
            let (number, name) = (count(severity), severity.name());
            format!("{number} {name}{}", if number == 1 { "" } else { "s" })
        })
        .collect();
    if parts.is_empty() { "nothing is wrong".to_string() } else { parts.join(", ") }
}
