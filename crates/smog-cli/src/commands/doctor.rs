use smog::doctor::{Checkup, Health};
use smog::hint::Face;
use smog::{Error, ExitCode};

use crate::args::names;
use crate::output::{self, Painted, style};
use crate::session::Session;

/// Look whether smog can work here: credentials, services, and per host SSH, root, virsh and logs
///
/// The first command to run on a cloud of one's own. Each line says what was seen, or why it does not
/// work and what to do. Nothing is changed. The exit code is 0 when nothing failed (some things may be
/// limited), 1 when something failed, 3 when there is no login, when a host does not answer, or when
/// something could not be looked at.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Look at these hosts only
    #[arg(add = names::hosts())]
    hosts: Vec<String>,
}

pub async fn run(args: DoctorArgs, session: &Session) -> Result<ExitCode, Error> {
    let is_plain = session.view.is_for_people() && session.view.columns.is_empty();
    let mut last = String::new();
    let each = |checkup: &Checkup| {
        if is_plain {
            line(checkup, &mut last);
        }
    };
    let found =
        smog::doctor::diagnose(&session.surroundings, session.options(), &args.hosts, Face::Command, each)
            .await;
    if !is_plain {
        output::list(&found.checkups, &session.view)?;
    } else if !session.quiet {
        let count = |health| found.count(health);
        output::text(&format!(
            "\n{} ok, {} limited, {} failed, {} unknown\n",
            count(Health::Ok),
            count(Health::Limited),
            count(Health::Failed),
            count(Health::Unknown)
        ));
    }
    let bad = found.checkups.iter().filter(|one| matches!(one.health, Health::Failed | Health::Unknown));
    let bad: Vec<String> = bad
        .map(|one| match one.of.as_str() {
            "cloud" => one.what.clone(),
            host => format!("{} of {host}", one.what),
        })
        .collect();
    if !bad.is_empty() {
        output::warning(&format!("this does not work, or could not be looked at: {}", bad.join(", ")));
    }
    Ok(found.exit_code())
}

/// Where what was seen begins.
const INDENT: usize = 26;

/// A checkup as it comes, below the name of whose it is; what to do stands under it.
fn line(checkup: &Checkup, last: &mut String) {
    let mut painted = Painted::default();
    if *last != checkup.of {
        let gap = if last.is_empty() { "" } else { "\n" };
        painted = painted.plain(gap).in_style(style::BOLD, &checkup.of).plain("\n");
        last.clone_from(&checkup.of);
    }
    let health = format!("{:<8}", checkup.health.name());
    let width = output::width().saturating_sub(INDENT).max(40);
    let hint = checkup.hint.as_deref().filter(|_| checkup.health != Health::Ok);
    painted = painted.plain("  ");
    painted = match checkup.health {
        Health::Ok => painted.plain(&health),
        Health::Limited | Health::Unknown => painted.in_style(style::STRONG, &health),
        Health::Failed => painted.in_style(style::BAD, &health),
    };
    painted = painted.plain(&format!(" {:<14} {}\n", checkup.what, hanging(&checkup.seen, width)));
    if let Some(hint) = hint {
        painted = painted.in_style(style::DIM, &format!("{:INDENT$}{}\n", "", hanging(hint, width)));
    }
    output::painted(&painted);
}

/// The text in lines of at most `width` characters, the second and later ones below the first.
fn hanging(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut at = 0;
    for word in text.split_whitespace() {
        let long = word.chars().count();
        if at > 0 && at + 1 + long > width {
            lines.push_str(&format!("\n{:INDENT$}", ""));
            at = 0;
        } else if at > 0 {
            lines.push(' ');
            at += 1;
        }
        lines.push_str(word);
        at += long;
    }
    lines
}
