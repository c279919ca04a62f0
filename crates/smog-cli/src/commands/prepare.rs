use std::time::Instant;

use serde::Serialize;
use smog::environment::{Environment, Evidence, Wish};
use smog::{Error, ExitCode};

use crate::args::environment::EnvironmentArgs;
use crate::args::wish::WishArgs;
use crate::commands::check::{HostReport, nothing_wanted, reports};
use crate::output;
use crate::print::confirm::confirmed;
use crate::session::Session;

/// Configure hosts: show the changes, ask, apply them, and wait until services are ready
///
/// Every original is saved first, here and on the host: `smog restore`
/// brings it back from any machine. Values of secret options are not shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    smog prepare --filters NUMATopologyFilter,PciPassthroughFilter\n  \
    smog prepare --set cmp1/nova.conf:compute.cpu_dedicated_set=2-7 --huge-pages cmp1/2M=512@0\n  \
    smog --dry-run prepare --set nova.conf:libvirt.virt_type=kvm")]
pub struct PrepareArgs {
    #[command(flatten)]
    pub wish: WishArgs,
    #[command(flatten)]
    environment: EnvironmentArgs,
    #[command(flatten)]
    how: How,
}

#[derive(Serialize)]
struct Report {
    run: Option<String>,
    hosts: Vec<HostReport>,
    evidence: Vec<Evidence>,
}

pub async fn run(args: PrepareArgs, session: &Session) -> Result<ExitCode, Error> {
    let wish = args.wish.wish(session)?;
    if wish.is_empty() {
        return Err(nothing_wanted());
    }
    let command = format!("smog prepare {}", args.wish.words(session));
    let environment = args.environment.environment(session, &command).await?;
    carry_out(&environment, &wish, args.how, session).await
}

/// What Ctrl-C leaves: nothing, or with `keep` what was changed until then.
async fn interrupted(environment: &Environment, keep: bool) -> Error {
    if keep {
        let left = "what was changed until now, if anything, is in the journal: `smog restore` restores it";
        return Error::Interrupted { left: left.into() };
    }
    output::note("interrupted: undoing the changes; press Ctrl-C again to leave at once");
    let taken_back = environment.take_back_unfinished().await;
    Error::Interrupted { left: taken_back.words("`smog restore` continues") }
}

/// How a plan is carried out.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct How {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Apply what is possible, although some of it is not
    #[arg(long)]
    pub partly: bool,
    /// When interrupted, keep the changes made so far; `smog restore` restores it
    #[arg(long)]
    pub keep: bool,
}

/// Show the plan, ask, make it true.
pub async fn carry_out(
    environment: &Environment,
    wish: &Wish,
    How { yes, partly, keep }: How,
    session: &Session,
) -> Result<ExitCode, Error> {
    let plan = environment.check(wish).await?;
    let for_people = session.view.is_for_people();
    if for_people {
        output::text(&plan.to_string());
    }
    let cannot = plan.cannot();
    if !plan.has_changes() || session.dry_run {
        if !for_people {
            let report = Report { run: None, hosts: reports(&plan), evidence: vec![] };
            output::machine(&report, session.view.form)?;
        } else if !plan.has_changes() && cannot.is_empty() {
            session.done("the hosts match already; nothing was changed");
        }
        return Ok(if cannot.is_empty() { ExitCode::Ok } else { ExitCode::Failed });
    }
    if !cannot.is_empty() && !partly {
        return Err(Error::Fault {
            what: "preparing".into(),
            fault: format!(
                "some of this is not possible; nothing was changed:\n    {}",
                cannot.join("\n    ")
            ),
            host: None,
            request_id: None,
            hint: Some("leave that out, or apply the rest with `--partly`".into()),
        });
    }
    if !confirmed("make these changes?", yes)? {
        session.done("nothing was changed");
        return Ok(ExitCode::NothingRan);
    }
    session.begins_work()?;
    session.leaves("what was changed until now, if anything, is in the journal: `smog restore` restores it");
    let begun = Instant::now();
    session.ends_itself();
    let applied = tokio::select! {
        applied = environment.apply(&plan, wish) => applied,
        () = crate::interrupt::interrupted() => return Err(interrupted(environment, keep).await),
    };
    let prepared = match applied {
        Ok(prepared) => prepared,
        Err(why) => {
            // Only what a journal says was changed.
            let left = environment.outstanding().await;
            let is_own = |one: &smog::environment::Outstanding| one.journal.owner.pid == std::process::id();
            match left.journals.iter().any(is_own) {
                true => output::warning(
                    "what was changed until now is in the journal: `smog restore` restores it",
                ),
                false if left.errors.is_empty() => output::warning("nothing was changed"),
                false => {}
            }
            return Err(why);
        }
    };
    if for_people {
        session.done(&format!(
            "prepared in {:.1} s; undo with `smog restore` (run {})",
            begun.elapsed().as_secs_f64(),
            prepared.run
        ));
    } else {
        let report = Report { run: Some(prepared.run), hosts: reports(&plan), evidence: prepared.evidence };
        output::machine(&report, session.view.form)?;
    }
    Ok(ExitCode::Ok)
}
