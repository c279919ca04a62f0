use std::os::unix::process::CommandExt;
use std::process::Command;

use smog::{Error, ExitCode};

use crate::session::Session;

/// Open a Python prompt with cloud, hosts and guests() defined
///
/// IPython where it is installed, else Python's own. The prompt comes with the Python
/// package of smog: `pip install smog` (or `pip install .` in its source) brings both.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct ShellArgs {
    /// Python's own prompt, also where IPython is installed
    #[arg(long)]
    plain: bool,
    /// The Python to use [default: the one next to this command, else python3]
    #[arg(long, value_name = "PATH", env = "SMOG_PYTHON")]
    python: Option<std::path::PathBuf>,
}

pub fn run(args: ShellArgs, session: &Session) -> Result<ExitCode, Error> {
    if session.replay().is_some() {
        return Err(Error::Invalid {
            what: "smog shell --replay".into(),
            why: "the Python prompt cannot read recordings yet".into(),
            hint: Some(
                "the commands can: `smog --replay FILE explain GUEST`, `audit`, `topology`, `logs` …".into(),
            ),
        });
    }
    let python = args.python.unwrap_or_else(beside);
    let found = Command::new(&python).args(["-c", "import smog.shell"]).output();
    let has_package = found.is_ok_and(|output| output.status.success());
    if !has_package {
        return Err(Error::Missing {
            host: "localhost".into(),
            program: "smog (the Python package)".into(),
            hint: format!(
                "`{} -m pip install smog` (in its source: `pip install .`); `--python PATH` or SMOG_PYTHON names \
                 another Python",
                python.display()
            ).into(),
        });
    }
    let mut command = Command::new(&python);
    command.args(["-m", "smog.shell"]);
    if args.plain {
        command.arg("--plain");
    }
    let asked = &session.surroundings;
    if let Some(cloud) = &asked.os_cloud {
        command.args(["--os-cloud", cloud]);
    }
    for (flag, path) in [("--rc", &asked.rc_file), ("--config", &asked.config_file)] {
        if let Some(path) = path {
            command.arg(flag).arg(path);
        }
    }
    for set in &asked.sets {
        command.args(["--set", set]);
    }
    let why = command.exec();
    Err(Error::Invalid { what: format!("`{}`", python.display()), why: why.to_string(), hint: None })
}

/// The Python of the environment this command is installed in.
pub(super) fn beside() -> std::path::PathBuf {
    let own = std::env::current_exe().ok();
    let python = own.and_then(|own| Some(own.parent()?.join("python3")));
    python.filter(|python| python.exists()).unwrap_or_else(|| "python3".into())
}
