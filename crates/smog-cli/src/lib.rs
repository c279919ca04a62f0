//! The `smog` command: parsing and printing only; everything that thinks is in the library.
//!
//! It is a library itself so that a crate of one's own cases can be such a command, with
//! those cases in it: see [`main_with`] and `examples/own-cases`.

mod args;
mod commands;
mod finding_print;
mod hosts_environment;
mod log_args;
mod names;
mod output;
mod pairs;
mod progress;
mod record_print;
mod saved_logs;
mod session;
mod several;
mod shells;
mod spec_args;
mod test_list;
mod test_print;
mod thrown;
mod wish_args;

use std::process::ExitCode as Process;

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;
use clap_complete::env::Shells;
use smog::testing::Case;
use smog::{Error, ExitCode};
use tokio::signal::unix::SignalKind;

use args::{Args, Verb};
use session::Session;

/// The command `smog`, with the bundled suites.
pub fn main() -> Process {
    main_with(smog::suites::all())
}

/// The command `smog`, whose `smog test` runs these cases.
///
/// ```no_run
/// use smog::testing::{Case, Test};
///
/// const CASES: &[Case] = &[];
///
/// fn main() -> std::process::ExitCode {
///     smog_cli::main_with(CASES.to_vec())
/// }
/// ```
pub fn main_with(cases: Vec<Case>) -> Process {
    // A shell asks what could come next: `COMPLETE=bash smog` and the like.
    CompleteEnv::with_factory(Args::command).shells(Shells(shells::ALL)).complete();
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            output::error_text(&format!("cannot start threads: {why}"));
            return Process::from(u8::from(ExitCode::CouldNotRun));
        }
    };
    let ended = runtime.block_on(run(args, cases));
    // A command that was given up may still hold a blocking thread.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    Process::from(u8::from(code_of(ended)))
}

/// What was wrong is said; the exit code.
fn code_of(ended: Result<ExitCode, Error>) -> ExitCode {
    let code = match ended {
        Ok(code) => code,
        Err(why) => {
            output::error(&why);
            return why.exit_code();
        }
    };
    match output::failure() {
        // What was asked for was done, and could not be told: that is not all well.
        Some(why) if code == ExitCode::Ok => {
            output::error_text(&format!("standard output: {why}"));
            ExitCode::Failed
        }
        _ => code,
    }
}

/// Run the command until it ends, or until Ctrl-C (or SIGTERM) asks it to stop; then
/// take back what it had half-made and say what is left.
async fn run(args: Args, cases: Vec<Case>) -> Result<ExitCode, Error> {
    count_interrupts();
    let session = Session::new(&args);
    let ended = tokio::select! {
        ended = dispatch(args.verb, &session, cases) => ended,
        () = interrupt_of(&session) => Err(Error::Interrupted { left: session.take_back().await }),
        () = nobody_reads(&session) => Ok(ExitCode::ReaderGone),
    };
    session.close().await;
    match ended {
        // Nothing was changed, and nobody saw (all of) the answer. What was changed comes to
        // its end, and the exit code says how it went.
        Ok(ExitCode::Ok) | Err(Error::Interrupted { .. }) if output::is_gone() && !session.is_at_work() => {
            Ok(ExitCode::ReaderGone)
        }
        // The first change was shown instead of made: that is what was asked for.
        Err(Error::Interrupted { .. }) if session.dry_run => Ok(ExitCode::Ok),
        ended => ended,
    }
}

async fn dispatch(verb: Verb, session: &Session, cases: Vec<Case>) -> Result<ExitCode, Error> {
    match verb {
        Verb::Boot(args) => commands::boot::run(args, session).await,
        Verb::Discover(args) => commands::discover::run(args, session).await,
        Verb::Xml(args) => commands::xml::run(args, session).await,
        Verb::Pins(args) => commands::pins::run(args, session).await,
        Verb::Audit(args) => commands::audit::run(args, session).await,
        Verb::Explain(args) => commands::explain::run(args, session).await,
        Verb::Migrate(args) => commands::migrate::run(args, session).await,
        Verb::Delete(args) => commands::delete::run(args, session).await,
        Verb::Guest(args) => commands::guest::run(args, session).await,
        Verb::Host(args) => commands::host::run(args, session).await,
        Verb::Flavor(args) => commands::flavor::run(args, session).await,
        Verb::Image(args) => commands::image::run(args, session).await,
        Verb::Network(args) => commands::network::run(args, session).await,
        Verb::Service(args) => commands::service::run(args, session).await,
        Verb::Aggregate(args) => commands::aggregate::run(args, session).await,
        Verb::ServerGroup(args) => commands::server_group::run(args, session).await,
        Verb::Keypair(args) => commands::keypair::run(args, session).await,
        Verb::SecurityGroup(args) => commands::security_group::run(args, session).await,
        Verb::Hypervisor(args) => commands::hypervisor::run(args, session).await,
        Verb::Placement(args) => commands::placement::run(args, session).await,
        Verb::Quota(args) => commands::quota::run(args, session).await,
        Verb::Project(args) => commands::project::run(args, session).await,
        Verb::Watch(args) => commands::watch::run(args, session).await,
        Verb::Logs(args) => commands::logs::run(args, session).await,
        Verb::Trace(args) => commands::trace::run(args, session).await,
        Verb::Scan(args) => commands::scan::run(args, session).await,
        Verb::Api(args) => commands::api::run(args, session).await,
        Verb::Config(args) => commands::config::run(args, session).await,
        Verb::Check(args) => commands::check::run(args, session).await,
        Verb::Prepare(args) => commands::prepare::run(args, session).await,
        Verb::Nested(args) => commands::nested::run(args, session).await,
        Verb::Restore(args) => commands::restore::run(args, session).await,
        Verb::Shell(args) => commands::shell::run(args, session),
        Verb::Test(args) => commands::test::run(args, session, cases).await,
        Verb::Clean(args) => commands::clean::run(args, session).await,
        Verb::Completion(args) => commands::completion::run(args),
        Verb::Licenses => Ok(commands::licenses::run()),
        Verb::RefreshNames => names::refresh().await,
    }
}

/// The interrupt that ends the command from outside: the second one where the command
/// takes the first as its own way to end.
async fn interrupt_of(session: &Session) {
    interrupted().await;
    if session.is_ending_itself() {
        interrupts(2).await;
    }
}

/// The reader of standard output went away, and nothing was begun that must come to its end.
async fn nobody_reads(session: &Session) {
    output::reader_gone().await;
    if session.is_at_work() || session.is_ending_itself() {
        std::future::pending::<()>().await;
    }
}

/// How many times the command was asked to end.
static INTERRUPTS: std::sync::LazyLock<tokio::sync::watch::Sender<usize>> =
    std::sync::LazyLock::new(|| tokio::sync::watch::Sender::new(0));

/// Ctrl-C, SIGTERM, or the end of the terminal (unless nohup has it ignored) came, also
/// before anyone waited for it.
pub(crate) async fn interrupted() {
    interrupts(1).await;
}

async fn interrupts(count: usize) {
    // The sender lives as long as the process.
    let _ = INTERRUPTS.subscribe().wait_for(|come| *come >= count).await;
}

/// Count interrupts from now on. One that comes while nobody waits is not lost.
fn count_interrupts() {
    let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
    if !hangup_is_ignored() {
        kinds.push(SignalKind::hangup());
    }
    for kind in kinds {
        // Registered here, and not when the task first runs.
        let Ok(mut signal) = tokio::signal::unix::signal(kind) else { continue };
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                INTERRUPTS.send_modify(|come| *come += 1);
            }
        });
    }
}

/// Whether this process was started with SIGHUP ignored, which a handler would undo. Looked
/// at once, before there is one.
fn hangup_is_ignored() -> bool {
    static IGNORED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *IGNORED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 != 0)
    })
}
