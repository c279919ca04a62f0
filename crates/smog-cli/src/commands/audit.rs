use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use smog::findings::{
    Audit, AuditRequest, Baseline, Finding, Fix, KnownBugs, Proof, Rule, Severity, junit, prometheus,
};
use smog::show::{Column, Show};
use smog::{Cloud, Error, ExitCode, Result};

use crate::args::log::length;
use crate::output::{self, Form};
use crate::print::confirm::confirmed;
use crate::print::findings::{counts, group};
use crate::session::Session;

/// Check the whole cloud for places where Nova, placement, libvirt and the kernel disagree
///
/// Each rule compares what two layers say. What seems wrong is looked at once more after two seconds,
/// and a guest that Nova is at work on is left out, so that a change under way is no finding. Nothing
/// is changed (but with --fix), and no database is read.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing is wrong (notes do not count), 1 findings, 3 not all could be looked \
                        at (\"unknown\"), whatever was found.\n\
                        A baseline is what `smog audit -o json` printed earlier.\n\
                        --known FILE is a list of entries with bug, title, pattern (a regular expression over a record), \
                        versions, advice and sample (a record that the pattern matches)."
)]
pub struct AuditArgs {
    /// Only this rule; may be repeated
    #[arg(long, value_name = "RULE")]
    rule: Vec<String>,

    /// Only findings of this severity or above
    #[arg(long, value_name = "LEVEL", value_enum)]
    severity: Option<Level>,

    /// Only findings on this host; may be repeated
    #[arg(long, value_name = "HOST", add = crate::args::names::hosts())]
    host: Vec<String>,

    /// Leave out the findings of this earlier audit (JSON)
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// How old an unchanged task state or migration must be to count as stuck
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "10m")]
    stuck_after: Duration,

    /// Report what a single look finds, without looking again
    #[arg(long)]
    one_look: bool,

    /// How far back the logs are searched for known bugs; 0s reads none
    #[arg(long, value_name = "TIME", value_parser = length, default_value = "1h")]
    since: Duration,

    /// Known bugs of your own, in addition to those of smog (YAML)
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,

    /// Also write a JUnit report to this file
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Also write metrics to this file, for a node exporter's textfile folder
    #[arg(long, value_name = "FILE")]
    prometheus: Option<PathBuf>,

    /// Undo the findings of this rule, where that is safe: shows, asks, does, looks again
    #[arg(long, value_name = "RULE", conflicts_with = "rule")]
    fix: Option<String>,

    /// With --fix: do not ask
    #[arg(long, short = 'y', requires = "fix")]
    yes: bool,

    /// List the rules, and look at nothing
    #[arg(long)]
    list: bool,
}

/// A severity, as it is written.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Level {
    Error,
    Warning,
    Note,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Severity {
        match level {
            Level::Error => Severity::Error,
            Level::Warning => Severity::Warning,
            Level::Note => Severity::Note,
        }
    }
}

/// A rule in the list.
#[derive(Serialize)]
struct RuleLine {
    rule: &'static str,
    severity: Severity,
    finds: &'static str,
    known_from: &'static str,
    layers: String,
    shown_by: Proof,
    can_be_fixed: bool,
}

impl Show for RuleLine {
    const PLURAL: &'static str = "rules";
    const COLUMNS: &'static [Column<RuleLine>] = &[
        Column::new("rule", |line| line.rule.to_string()),
        Column::new("severity", |line| line.severity.to_string()),
        Column::new("finds", |line| line.finds.to_string()),
        Column::wide("layers", |line| line.layers.clone()),
        Column::wide("known from", |line| line.known_from.to_string()),
        Column::wide("shown by", |line| format!("{:?}", line.shown_by).to_lowercase()),
        Column::wide("fix", |line| if line.can_be_fixed { "yes".into() } else { String::new() }),
    ];
}

pub async fn run(args: AuditArgs, session: &Session) -> Result<ExitCode> {
    if args.list {
        output::list(&rules(), &session.view)?;
        return Ok(ExitCode::Ok);
    }
    let request = request(&args)?;
    request.resolve()?;
    let cloud = session.cloud().await?;
    let audit = cloud.audit(&request).await?;
    if let Some(path) = &args.junit {
        write(path, &junit(&audit)?)?;
    }
    if let Some(path) = &args.prometheus {
        write(path, &prometheus(&audit))?;
    }
    match session.view.form {
        Form::Json | Form::Yaml => output::machine(&audit, session.view.form)?,
        _ => print(&audit, session),
    }
    match &args.fix {
        Some(_) if !audit.findings.is_empty() => fix(cloud, &request, &audit, args.yes, session).await,
        _ => Ok(audit.exit_code()),
    }
}

fn rules() -> Vec<RuleLine> {
    let line = |rule: &'static Rule| RuleLine {
        rule: rule.name,
        severity: rule.severity,
        finds: rule.about,
        known_from: rule.source,
        layers: rule.layers(),
        shown_by: rule.proof,
        can_be_fixed: Fix::rules().contains(&rule.name),
    };
    Rule::all().map(line).collect()
}

fn request(args: &AuditArgs) -> Result<AuditRequest> {
    let baseline = match &args.baseline {
        Some(path) => Baseline::parse(&read(path)?, &path.display().to_string())?,
        None => Baseline::default(),
    };
    if let Some(rule) = args.fix.as_ref().filter(|rule| !Fix::rules().contains(&rule.as_str())) {
        return Err(Error::Invalid {
            what: format!("--fix {rule}"),
            why: "no finding of this rule can be undone safely by an API".into(),
            hint: Some(format!("there are: {}", Fix::rules().join(", ")).into()),
        });
    }
    Ok(AuditRequest {
        rules: args.rule.iter().chain(&args.fix).cloned().collect(),
        severity: args.severity.map(Severity::from),
        hosts: args.host.clone(),
        baseline,
        stuck_after: Some(args.stuck_after),
        one_look: args.one_look,
        logs_back: Some(args.since),
        bugs: match &args.known {
            Some(path) => KnownBugs::parse(&read(path)?, &path.display().to_string())?,
            None => KnownBugs::default(),
        },
    })
}

fn read(path: &PathBuf) -> Result<String> {
    std::fs::read_to_string(path).map_err(|why| of_file(path, &why))
}

fn of_file(path: &std::path::Path, why: &std::io::Error) -> Error {
    Error::Invalid { what: path.display().to_string(), why: why.to_string(), hint: None }
}

/// Whole or not at all: an exporter may read it at any moment.
fn write(path: &std::path::Path, text: &str) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = path.with_file_name(name);
    std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path)).map_err(|why| of_file(path, &why))
}

fn print(audit: &Audit, session: &Session) {
    for (rule, found) in audit.by_rule() {
        group(rule, &found);
    }
    for unknown in &audit.unknown {
        output::warning(&unknown.to_string());
    }
    if session.verbose() {
        for source in &audit.sources {
            let state = if source.answered { "" } else { "  (no answer)" };
            output::note(&format!("{:>7.0} ms  {}{state}", source.took.as_secs_f64() * 1000.0, source.name));
        }
    }
    if session.quiet {
        return;
    }
    let mut summary = format!(
        "{}: {}, {}, {}, {:.1} s",
        counts(&audit.findings),
        smog::show::counted(audit.guests, "guest"),
        smog::show::counted(audit.hosts, "host"),
        smog::show::counted(audit.rules.len(), "rule"),
        audit.took_s
    );
    if audit.known > 0 || !audit.unused.is_empty() {
        summary.push_str(&format!("; the baseline knows {} more", audit.known));
        if !audit.unused.is_empty() {
            summary.push_str(&format!("; {} entries of it are no longer findings", audit.unused.len()));
        }
    }
    if !audit.unknown.is_empty() {
        summary.push_str("; some of it could not be read");
    }
    output::note(&summary);
}

async fn fix(
    cloud: &Cloud,
    request: &AuditRequest,
    audit: &Audit,
    yes: bool,
    session: &Session,
) -> Result<ExitCode> {
    let fixes: Vec<(&Finding, Fix)> =
        audit.findings.iter().filter_map(|found| Some((found, Fix::of(found)?))).collect();
    if fixes.is_empty() {
        output::note("smog cannot undo any of this");
        return Ok(audit.exit_code());
    }
    output::note("this would be done:");
    for (_, fix) in &fixes {
        output::note(&format!("  {}", fix.sentence));
    }
    if !session.dry_run && !confirmed("do it?", yes)? {
        output::note("nothing was changed");
        return Ok(audit.exit_code());
    }
    for (_, fix) in &fixes {
        cloud.fix(fix).await?;
    }
    let after = cloud.audit(&AuditRequest { one_look: true, ..request.clone() }).await?;
    let left = after
        .findings
        .iter()
        .filter(|found| fixes.iter().any(|(before, _)| before.key() == found.key()))
        .count();
    output::note(&match left {
        0 => format!("done: {} findings are gone", fixes.len()),
        _ => format!("{left} of {} findings are still there", fixes.len()),
    });
    Ok(after.exit_code())
}
