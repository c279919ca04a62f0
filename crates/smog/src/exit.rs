//! Exit codes of the `smog` command, public so that scripts and faces share them.

/// How a `smog` command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// All went well.
    Ok = 0,
    /// It ran, and it failed (or left something behind).
    Failed = 1,
    /// The command line, a name in it or a configuration file is wrong.
    Usage = 2,
    /// It could not run: cloud, host or credentials.
    CouldNotRun = 3,
    /// Nothing was selected, so nothing ran.
    NothingRan = 4,
    /// Stopped by Ctrl-C or a signal.
    Interrupted = 130,
    /// The reader of standard output went away (`smog … | head`) before it had everything,
    /// and nothing was changed: as of a program that SIGPIPE ends.
    ReaderGone = 141,
}

impl From<ExitCode> for u8 {
    fn from(code: ExitCode) -> u8 {
        code as u8
    }
}
