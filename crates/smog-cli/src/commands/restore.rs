use std::path::PathBuf;

use serde::Serialize;
use smog::config::ComputesFile;
use smog::environment::{Alive, Environment, Listing, OnConflict, RestoreOptions, Restored};
use smog::show::{Column, Show};
use smog::{Error, ExitCode};

use crate::args::environment::EnvironmentArgs;
use crate::commands::nested::machines;
use crate::output;
use crate::print::confirm::confirmed;
use crate::session::Session;

/// Undo what `smog prepare` changed: every byte, owner, mode, page count and service
///
/// Works from any machine: the journal lies on the hosts too. May be interrupted and run again. What
/// someone else changed since is shown and not touched, unless a flag says how.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  smog restore --list\n  smog restore --yes\n  \
    smog restore --run 20261124-112233-4f --host cmp1 --merge")]
pub struct RestoreArgs {
    /// Only show what is outstanding
    #[arg(long)]
    list: bool,
    /// Only the parents of this `computes:` file, as `smog nested` changed them
    #[arg(long, value_name = "FILE")]
    computes: Option<PathBuf>,
    /// Use the hosts of this suite's file, as `smog prepare --suite` did
    #[arg(long, value_name = "NAME")]
    pub suite: Option<String>,
    /// Only this run
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    #[command(flatten)]
    environment: EnvironmentArgs,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Keep what someone else changed since
    #[arg(long, group = "conflict")]
    keep: bool,
    /// Restore the original, discarding other people's later changes
    #[arg(long, group = "conflict")]
    force: bool,
    /// Undo only smog's options in files that someone else changed since (such as nova.conf)
    #[arg(long, group = "conflict")]
    merge: bool,
    /// Break this host's lock; make sure that no other smog is running there
    #[arg(long, value_name = "HOST", add = crate::args::names::hosts())]
    break_lock: Vec<String>,
}

/// One journal or lock, as listed.
#[derive(Debug, Clone, Serialize)]
struct Line {
    run: String,
    host: String,
    state: String,
    made: String,
    by: String,
    journal: String,
    changes: Vec<String>,
    command: String,
}

impl Show for Line {
    const PLURAL: &'static str = "changes to restore";
    const COLUMNS: &'static [Column<Line>] = &[
        Column::new("run", |line| line.run.clone()),
        Column::new("host", |line| line.host.clone()),
        Column::new("state", |line| line.state.clone()),
        Column::new("made", |line| line.made.clone()),
        Column::new("by", |line| line.by.clone()),
        Column::new("changes", |line| line.changes.join(", ")),
        Column::wide("journal", |line| line.journal.clone()),
        Column::wide("command", |line| line.command.clone()),
    ];
}

pub async fn run(args: RestoreArgs, session: &Session) -> Result<ExitCode, Error> {
    let environment = match &args.computes {
        None => args.environment.environment_for_restore(session).await?,
        // What `smog nested` changed needs no cloud to be brought back.
        Some(path) => {
            let options = args.environment.options(session, "smog restore")?;
            let computes = ComputesFile::read(path)?;
            let machines = machines(&computes, &session.smog_file()?, &args.environment.hosts);
            Environment::of_hosts(vec![], None, options).with_parents(machines).among_others()
        }
    };
    let listing = environment.outstanding().await;
    let chosen = lines(&listing, args.run.as_deref());
    if args.list {
        match chosen.is_empty() && session.view.is_for_people() {
            true => session.done("nothing is outstanding"),
            false => output::list(&chosen, &session.view)?,
        }
        return ended(&listing.errors, ExitCode::Ok);
    }
    if chosen.is_empty() {
        if let Some(run) = &args.run {
            listing.check_run(run)?;
        }
        session.done("nothing is outstanding: nothing was changed");
        return ended(&listing.errors, ExitCode::Ok);
    }
    if session.view.is_for_people() && !session.quiet {
        output::list(&chosen, &session.view)?;
    }
    if session.dry_run {
        return ended(&listing.errors, ExitCode::Ok);
    }
    if !confirmed("restore the originals?", args.yes)? {
        session.done("nothing was changed");
        return Ok(ExitCode::NothingRan);
    }
    session.begins_work()?;
    session.leaves("what was not restored is still in the journal: `smog restore` continues");
    let on_conflict = match (args.keep, args.force, args.merge) {
        (true, _, _) => OnConflict::Keep,
        (_, true, _) => OnConflict::Force,
        (_, _, true) => OnConflict::Merge,
        _ => OnConflict::Refuse,
    };
    let how = RestoreOptions { on_conflict, break_locks: args.break_lock };
    let (restored, errors) = environment.restore(&listing, args.run.as_deref(), &how).await;
    let conflicts = restored.iter().any(|one| !one.conflicts.is_empty());
    match session.view.is_for_people() {
        true => restored.iter().for_each(|one| say(one, session)),
        false => output::machine(&restored, session.view.form)?,
    }
    let all: Vec<Error> = listing.errors.into_iter().chain(errors).collect();
    ended(&all, if conflicts { ExitCode::Failed } else { ExitCode::Ok })
}

/// Print every error; the exit code is the last one's.
fn ended(errors: &[Error], code: ExitCode) -> Result<ExitCode, Error> {
    match errors.split_last() {
        None => Ok(code),
        Some((last, others)) => {
            others.iter().for_each(output::error);
            Err(last.clone())
        }
    }
}

fn say(one: &Restored, session: &Session) {
    for conflict in &one.conflicts {
        output::warning(&format!(
            "{}: someone else changed {} since; it is left as it is",
            one.host, conflict.target
        ));
        output::text(&conflict.three_way);
        let merge = if conflict.can_merge { " or --merge (undoes smog's options only)" } else { "" };
        output::note(&format!("  use --keep (keeps it), --force (restores the original){merge}"));
    }
    for target in &one.kept {
        session.done(&format!("{}: {target} is kept as someone else changed it", one.host));
    }
    if one.conflicts.is_empty() {
        session.done(&format!("{}: run {} is undone", one.host, one.run));
    }
}

/// The state of what a smog works on, or left, that cannot be seen from here.
const ELSEWHERE: &str = "locked from another machine or container";

fn lines(listing: &Listing, run: Option<&str>) -> Vec<Line> {
    let is_chosen = |one: &str| run.is_none_or(|run| run == one);
    let owner = |owner: &smog::environment::Owner| {
        (owner.since.strftime("%Y-%m-%d %H:%M:%S").to_string(), format!("{}@{}", owner.user, owner.machine))
    };
    let journals = listing.journals.iter().filter(|one| is_chosen(one.journal.run())).map(|one| {
        let (made, by) = owner(&one.journal.owner);
        let lock = listing
            .locks
            .iter()
            .find(|(host, lock)| host.name() == one.host.name() && lock.run == one.journal.run());
        let done = || format!("{} of {} done", one.marks.done.len(), one.journal.changes.len());
        let state = match (one.marks.prepared, lock.map(|(_, lock)| listing.alive(lock))) {
            (_, Some(Alive::Yes)) => "at work".to_string(),
            (true, _) => "prepared".to_string(),
            // Nobody here can see whether it is at work or was killed.
            (false, Some(Alive::Unknown)) => format!("{ELSEWHERE} ({})", done()),
            (false, _) => format!("interrupted ({})", done()),
        };
        let place = match (one.here, one.there) {
            (true, true) => "here and on the host",
            (true, false) => "here only",
            (false, _) => "on the host only",
        };
        Line {
            run: one.journal.run().to_string(),
            host: one.host.name().to_string(),
            state,
            made,
            by,
            journal: place.to_string(),
            changes: one.journal.changes.iter().map(|change| change.target().to_string()).collect(),
            command: one.journal.owner.command.clone(),
        }
    });
    let known: Vec<Line> = journals.collect();
    let locks = listing.locks.iter().filter(|(host, lock)| {
        is_chosen(&lock.run) && !known.iter().any(|line| line.run == lock.run && line.host == host.name())
    });
    let locks: Vec<Line> = locks
        .map(|(host, lock)| {
            let (made, by) = owner(lock);
            let state = match listing.alive(lock) {
                Alive::Yes => "locked",
                Alive::No => "locked by a smog that died",
                Alive::Unknown => ELSEWHERE,
            };
            Line {
                run: lock.run.clone(),
                host: host.name().to_string(),
                state: state.to_string(),
                made,
                by,
                journal: "lock only".to_string(),
                changes: vec![],
                command: lock.command.clone(),
            }
        })
        .collect();
    known.into_iter().chain(locks).collect()
}
