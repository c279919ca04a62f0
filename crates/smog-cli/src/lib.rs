//! The `smog` command: parsing and printing only; everything that thinks is in the library.
//!
//! It is a library itself so that a crate of one's own cases can be such a command, with
//! those cases in it: see [`main_with`] and `examples/own-cases`.

mod args;
mod commands;
mod global_args;
mod interrupt;
mod output;
mod password;
mod print;
mod saved_logs;
mod session;
mod shells;
mod version;

use std::process::ExitCode as Process;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use clap_complete::CompleteEnv;
use clap_complete::env::Shells;
use smog::testing::Case;
use smog::{Error, ExitCode};

use commands::CommandLine;
use interrupt::{count_interrupts, interrupted, interrupts};
use output::Form;
use session::Session;

/// The command line as clap knows it: all commands, flags and their help.
pub fn command() -> clap::Command {
    CommandLine::command()
}

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
    CompleteEnv::with_factory(CommandLine::command).shells(Shells(shells::ALL)).complete();
    args::log::take_time_of_recording();
    let parsed = CommandLine::command()
        .try_get_matches()
        .and_then(|matches| Ok((CommandLine::from_arg_matches(&matches)?, is_paged(&matches))));
    let (line, is_paged) = match parsed {
        Ok(parsed) => parsed,
        Err(why) if why.use_stderr() => why.exit(),
        // Help and version are results, and go the way of results.
        Err(why) => {
            let is_verbose = std::env::args_os().any(|word| word == "-v" || word == "--verbose");
            match why.kind() == ErrorKind::DisplayVersion && is_verbose {
                true => output::text(&version::long(cases.len())),
                false => output::help(&why.render().ansi().to_string()),
            }
            let ended = if output::is_gone() { ExitCode::ReaderGone } else { ExitCode::Ok };
            return Process::from(u8::from(code_of(Ok(ended))));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => {
            output::error_text(&format!("cannot start threads: {why}"));
            return Process::from(u8::from(ExitCode::CouldNotRun));
        }
    };
    if is_paged {
        output::begin_paging();
    }
    let ended = runtime.block_on(run(line, cases));
    let ended = match ended {
        // Whoever leaves the pager has seen enough.
        Ok(ExitCode::ReaderGone) | Err(Error::Interrupted { .. }) if output::end_paging() => Ok(ExitCode::Ok),
        ended => {
            output::end_paging();
            ended
        }
    };
    // A command that was given up may still hold a blocking thread.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    Process::from(u8::from(code_of(ended)))
}

/// Whether the command only looks at something, so that a person may want to page its answer.
fn is_paged(matches: &ArgMatches) -> bool {
    const LOOKS: &[&str] = &[
        "discover",
        "xml",
        "pins",
        "explain",
        "audit",
        "why-not",
        "logs",
        "trace",
        "triage",
        "scan",
        "licenses",
        "list",
        "show",
        "schema",
        "providers",
        "inventory",
        "allocations",
        "consumers",
        "traits",
        "rules",
        "actions",
        "migrations",
        "ports",
        "subnets",
        "domains",
        "processes",
        "threads",
        "guru",
    ];
    let (mut inner, mut name) = (matches, "");
    while let Some((word, next)) = inner.subcommand() {
        (inner, name) = (next, word);
    }
    let lists_cases = name == "test" && inner.get_flag("list");
    let is_for_people = matches!(inner.get_one::<Form>("output"), Some(Form::Table | Form::Wide));
    (LOOKS.contains(&name) || lists_cases) && is_for_people && !inner.get_flag("no_pager")
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
        // What was asked for was done, but the result could not be written: that is an error.
        Some(why) => {
            output::error_text(&format!("standard output: {why}"));
            if code == ExitCode::Ok { ExitCode::Failed } else { code }
        }
        None => code,
    }
}

/// Run the command until it ends, or until Ctrl-C (or SIGTERM) asks it to stop; then
/// take back what it had half-made and say what is left.
async fn run(line: CommandLine, cases: Vec<Case>) -> Result<ExitCode, Error> {
    count_interrupts();
    let session = Session::new(&line.global, line.command.suite());
    let ended = tokio::select! {
        ended = line.command.run(&session, cases) => ended,
        () = interrupt_of(&session) => Err(Error::Interrupted { left: session.take_back().await }),
        () = nobody_reads(&session) => Ok(ExitCode::ReaderGone),
        // The first change was shown instead of made: that is what was asked for.
        () = session.change_was_shown() => Ok(ExitCode::Ok),
    };
    session.close().await;
    let is_cut = session.end_of_replay();
    match ended {
        Ok(ExitCode::Ok) if is_cut => Ok(ExitCode::CouldNotRun),
        // Nothing was changed, and (a part of) the answer was not read. What was changed comes to
        // its end, and the exit code says how it went.
        Ok(ExitCode::Ok) | Err(Error::Interrupted { .. }) if output::is_gone() && !session.is_at_work() => {
            Ok(ExitCode::ReaderGone)
        }
        ended => ended,
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
