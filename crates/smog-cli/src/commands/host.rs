use std::time::Duration;

use clap::Subcommand;
use smog::host::Cmd;
use smog::{Error, ExitCode};

use crate::output::{self, Form};
use crate::session::Session;

/// The machines below the cloud
#[derive(Debug, clap::Args)]
pub struct HostArgs {
    #[command(subcommand)]
    verb: HostVerb,
}

#[derive(Debug, Subcommand)]
enum HostVerb {
    /// Run a command on a host
    Run(RunArgs),
}

/// Run a command on a host, as root
///
/// Several words are a program and its arguments, which no shell looks at. One word with spaces in
/// it is a script for `sh -c`.
#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The host, as Nova or smog.yml names it
    host: String,
    /// Kill it after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    /// The command
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

pub async fn run(args: HostArgs, session: &Session) -> Result<ExitCode, Error> {
    match args.verb {
        HostVerb::Run(args) => run_command(args, session).await,
    }
}

async fn run_command(args: RunArgs, session: &Session) -> Result<ExitCode, Error> {
    let host = session.cloud().await?.host(&args.host).await?;
    let limit = Duration::from_secs(args.timeout);
    let cmd = match &args.command[..] {
        [script] if script.contains(char::is_whitespace) => Cmd::shell(script),
        [program, rest @ ..] => Cmd::new(program).args(rest.iter().cloned()),
        [] => return Ok(ExitCode::NothingRan),
    };
    session.leaves(format!("the command on host `{}` was ended", host.name()));
    let output = host.run(cmd.time_limit(limit).any_exit()).await?;
    match session.form {
        Form::Table | Form::Wide => {
            output::bytes(&output.stdout);
            eprint!("{}", output.error_text());
        }
        form => output::machine(&output, form)?,
    }
    if output.exit.is_ok() {
        return Ok(ExitCode::Ok);
    }
    output::warning(&format!(
        "`{}` on host `{}` ended with {}",
        args.command.join(" "),
        host.name(),
        output.exit
    ));
    Ok(ExitCode::Failed)
}
