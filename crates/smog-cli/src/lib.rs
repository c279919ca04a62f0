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

use std::process::ExitCode as Process;

use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;
use clap_complete::env::Shells;
use smog::testing::Case;
use smog::{Error, ExitCode};

use commands::CommandLine;
use interrupt::{count_interrupts, interrupted, interrupts};
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
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(why) if why.use_stderr() => why.exit(),
        // Help and version are results, and go the way of results.
        Err(why) => {
            output::help(&why.render().ansi().to_string());
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
    let ended = runtime.block_on(run(line, cases));
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
    match ended {
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
