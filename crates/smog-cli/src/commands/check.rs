use serde::Serialize;
use smog::environment::{Plan, Restart};
use smog::{Error, ExitCode};

use crate::args::environment::EnvironmentArgs;
use crate::args::wish::WishArgs;
use crate::output;
use crate::session::Session;

/// Check whether hosts are ready, and print the command that prepares them
///
/// Changes nothing. Exit code 0: all are ready; 1: something is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    smog check --filters NUMATopologyFilter --huge-pages 2M=256\n  \
    smog check --set nova.conf:libvirt.virt_type=kvm --host cmp1")]
pub struct CheckArgs {
    #[command(flatten)]
    pub wish: WishArgs,
    #[command(flatten)]
    environment: EnvironmentArgs,
}

/// One host, for machines.
#[derive(Serialize)]
pub struct HostReport {
    host: String,
    ready: bool,
    missing: Vec<String>,
    restarts: Vec<String>,
    reboot: Vec<String>,
    cannot: Vec<String>,
    notes: Vec<String>,
}

pub async fn run(args: CheckArgs, session: &Session) -> Result<ExitCode, Error> {
    let wish = args.wish.wish(session)?;
    if wish.is_empty() {
        return Err(nothing_wanted());
    }
    let environment = args.environment.environment(session, "smog check").await?;
    let plan = environment.check(&wish).await?;
    if !session.view.is_for_people() {
        output::machine(&reports(&plan), session.view.form)?;
        return Ok(if plan.is_ready() { ExitCode::Ok } else { ExitCode::Failed });
    }
    for host in reports(&plan) {
        let state = match (host.ready, host.missing.is_empty()) {
            (true, _) => "ready",
            (false, false) => "not ready",
            (false, true) if host.cannot.is_empty() => "needs a reboot",
            (false, true) => "cannot be made ready",
        };
        output::text(&format!("{}: {state}\n", host.host));
        let lines = host.missing.iter().chain(&host.reboot).chain(&host.cannot).chain(&host.notes);
        lines.for_each(|line| output::text(&format!("  {line}\n")));
    }
    plan.nowhere.iter().for_each(|line| output::text(&format!("{line}\n")));
    if plan.has_changes() {
        let hosts: String = args.environment.hosts.iter().map(|host| format!(" --host {host}")).collect();
        output::text(&format!("to prepare it: smog prepare {}{hosts}\n", args.wish.words(session)));
    }
    Ok(if plan.is_ready() { ExitCode::Ok } else { ExitCode::Failed })
}

pub fn nothing_wanted() -> Error {
    Error::Invalid {
        what: "what is wanted".into(),
        why: "nothing was named".into(),
        hint: Some("`nova:` in smog.yml, `--suite`, `--set nova.conf:libvirt.virt_type=kvm`, `--filters`, `--huge-pages` and others say it; `--help` lists them".into()),
    }
}

/// Each host's part of a plan.
pub fn reports(plan: &Plan) -> Vec<HostReport> {
    let report = |host: &smog::environment::HostPlan| HostReport {
        host: host.host.clone(),
        ready: host.is_ready(),
        missing: host.changes.iter().flat_map(missing).collect(),
        restarts: host
            .restarts
            .iter()
            .map(Restart::name)
            .map(str::to_string)
            .chain(host.machines())
            .collect(),
        reboot: host.reboot.iter().map(|why| format!("takes effect after a reboot: {why}")).collect(),
        cannot: host
            .cannot
            .iter()
            .map(|one| format!("cannot {} here, because {}", one.what, one.why))
            .collect(),
        notes: host.notes.iter().map(|note| format!("note: {note}")).collect(),
    };
    plan.hosts.iter().map(report).collect()
}

/// A change in a line or two: what there is, what is wanted.
fn missing(change: &smog::environment::Change) -> Vec<String> {
    use smog::config::is_secret;
    use smog::environment::Change;
    match change {
        Change::File(file) if !file.edits.is_empty() => file
            .edits
            .iter()
            .map(|edit| {
                let text = |values: &[String]| match values {
                    [] => "not set".to_string(),
                    _ if is_secret(&edit.key) => "(hidden)".to_string(),
                    values => values.join(" | "),
                };
                if let ([before], [after]) = (&edit.before[..], &edit.after[..])
                    && edit.key.ends_with("filters")
                {
                    let on: Vec<&str> = before.split(',').map(str::trim).collect();
                    let missing: Vec<&str> =
                        after.split(',').map(str::trim).filter(|one| !on.contains(one)).collect();
                    return format!(
                        "{}: [{}]{} lacks {}",
                        file.path,
                        edit.section,
                        edit.key,
                        missing.join(", ")
                    );
                }
                let (before, after) = (text(&edit.before), text(&edit.after));
                format!("{}: [{}]{} is {before}, should be {after}", file.path, edit.section, edit.key)
            })
            .collect(),
        Change::File(file) => vec![format!("{} is not as wanted", file.path)],
        Change::Value(value) => vec![format!("{}: {}, should be {}", value.what, value.before, value.after)],
        Change::Domain(domain) => {
            vec![format!("domain {} (host {}): {}", domain.domain, domain.host, domain.summary())]
        }
        Change::Unit(unit) => {
            vec![format!("{} is {}, should be {}", unit.unit, unit.before.words(), unit.after.words())]
        }
    }
}
