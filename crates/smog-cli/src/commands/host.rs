mod guru;

use std::time::Duration;

use clap::Subcommand;
use smog::host::{Cmd, Connection, Stream};
use smog::{Error, ExitCode};

use crate::args::names;
use crate::output::{self, Form};
use crate::print::progress::Progress;
use crate::session::Session;

/// Hosts
#[derive(Debug, clap::Args)]
pub struct HostArgs {
    #[command(subcommand)]
    verb: HostVerb,
}

#[derive(Debug, Subcommand)]
enum HostVerb {
    /// List the hosts of smog.yml and of Nova
    #[command(visible_alias = "ls")]
    List,
    /// Show a host: CPUs, NUMA nodes, huge pages, kernel, devices, versions
    Show(ShowArgs),
    /// List the QEMU processes of a host, with the affinity of their vCPUs and their memory
    Processes(ShowArgs),
    /// Show how much guest memory fits each NUMA node
    Fit(FitArgs),
    /// Start, stop or reboot a host that is a virtual machine
    Power(PowerArgs),
    Guru(guru::GuruArgs),
    /// List the SSH connections that are kept for later commands
    Connections,
    Disconnect(DisconnectArgs),
    /// Run a command on a host
    Run(RunArgs),
}

/// Show how much guest memory fits each NUMA node of a host now
#[derive(Debug, clap::Args)]
struct FitArgs {
    /// The host, as Nova or smog.yml names it
    #[arg(add = names::hosts())]
    host: String,
    /// Pages behind the memory: small, large, any, or a size such as 2MB
    #[arg(long, value_name = "SIZE", default_value = "small")]
    pages: smog::flavor::PageSize,
    /// Leave this many MiB of each NUMA node free
    #[arg(long, value_name = "MIB", default_value_t = 0)]
    reserve: u64,
}

/// End SSH connections that are kept for later commands
///
/// Commands that run on one of them end first. A connection without a command ends by itself after
/// `ssh: keep:` seconds.
#[derive(Debug, clap::Args)]
struct DisconnectArgs {
    /// The hosts, as Nova or smog.yml names them; all when none is named
    #[arg(add = names::hosts())]
    hosts: Vec<String>,
}

/// Start, stop or reboot an L1 host through libvirt on its parent
///
/// smog.yml names the parent (`parent:`) and the host's libvirt name there (`name:`).
#[derive(Debug, clap::Args)]
struct PowerArgs {
    /// The host, as smog.yml names it
    #[arg(add = names::hosts())]
    host: String,
    /// What to do
    #[arg(value_enum)]
    action: Power,
    /// Stop waiting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Power {
    /// Show whether it is running
    State,
    /// Start it
    On,
    /// Shut it down (ACPI)
    Off,
    /// Power it off at once
    Kill,
    /// Reboot it (ACPI)
    Reboot,
}

/// Asked in one command on the host
#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The host, as Nova or smog.yml names it
    #[arg(add = names::hosts())]
    host: String,
}

/// Run a command on a host, as root
///
/// Several words are a program and its arguments, which no shell looks at. One word with spaces in
/// it is a script for `sh -c`.
#[derive(Debug, clap::Args)]
struct RunArgs {
    /// The host, as Nova or smog.yml names it
    #[arg(add = names::hosts())]
    host: String,
    /// Kill the command after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    /// The command
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

pub async fn run(args: HostArgs, session: &Session) -> Result<ExitCode, Error> {
    match args.verb {
        HostVerb::List => {
            output::list(&session.cloud().await?.host_list().await?, &session.view)?;
            Ok(ExitCode::Ok)
        }
        HostVerb::Show(args) => {
            let facts = session.cloud().await?.host(&args.host).await?.facts().await?;
            output::show(&facts, &session.view)?;
            facts.unknown.iter().for_each(|why| output::warning(&format!("not read: {why}")));
            Ok(if facts.unknown.is_empty() { ExitCode::Ok } else { ExitCode::CouldNotRun })
        }
        HostVerb::Processes(args) => {
            let host = session.cloud().await?.host(&args.host).await?;
            output::list(&host.guest_processes().await?, &session.view)?;
            Ok(ExitCode::Ok)
        }
        HostVerb::Fit(args) => {
            let facts = session.cloud().await?.host(&args.host).await?.facts().await?;
            output::list(&smog::host::fits(&facts.cells, args.pages, args.reserve), &session.view)?;
            Ok(ExitCode::Ok)
        }
        HostVerb::Power(args) => power(args, session).await,
        HostVerb::Guru(args) => guru::run(args, session).await,
        HostVerb::Connections => {
            output::list(&connections(session).await, &session.view)?;
            Ok(ExitCode::Ok)
        }
        HostVerb::Disconnect(args) => disconnect(args, session).await,
        HostVerb::Run(args) => run_command(args, session).await,
    }
}

async fn connections(session: &Session) -> Vec<Connection> {
    match &session.surroundings.runtime_dir {
        Some(folder) => smog::host::connections(folder).await,
        None => vec![],
    }
}

async fn disconnect(args: DisconnectArgs, session: &Session) -> Result<ExitCode, Error> {
    let folder = session.surroundings.runtime_dir.clone().unwrap_or_default();
    let ended = smog::host::disconnect(&folder, &args.hosts).await?;
    ended.iter().for_each(|one| session.done(&format!("{}: disconnected", one.host)));
    if ended.is_empty() {
        session.done("no connection is kept");
    }
    Ok(ExitCode::Ok)
}

async fn power(args: PowerArgs, session: &Session) -> Result<ExitCode, Error> {
    let (parent, domain) = session.cloud().await?.parent_of(&args.host).await?;
    if session.dry_run && !matches!(args.action, Power::State) {
        output::text(&format!(
            "would switch domain {domain} on {}: {}\n",
            parent.name(),
            format!("{:?}", args.action).to_lowercase()
        ));
        return Ok(ExitCode::Ok);
    }
    if !matches!(args.action, Power::State) {
        session.begins_work()?;
    }
    let progress = Progress::begin(format!("{domain} on {}", parent.name()), session.quiet);
    let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
    let wait = progress.wait(Duration::from_secs(args.timeout), &tell);
    match args.action {
        Power::State => {}
        Power::On => parent.start_domain(&domain, wait).await?,
        Power::Off => parent.shutdown_domain(&domain, wait).await?,
        Power::Kill => parent.destroy_domain(&domain, wait).await?,
        Power::Reboot => parent.reboot_domain(&domain).await?,
    }
    progress.end();
    let state = parent.domain_state(&domain).await?;
    output::text(&format!("{}: {state} ({domain} on {})\n", args.host, parent.name()));
    Ok(ExitCode::Ok)
}

async fn run_command(args: RunArgs, session: &Session) -> Result<ExitCode, Error> {
    let host = session.cloud().await?.host(&args.host).await?;
    let limit = Duration::from_secs(args.timeout);
    let cmd = match &args.command[..] {
        [script] if script.contains(char::is_whitespace) => Cmd::shell(script),
        [program, rest @ ..] => Cmd::new(program).args(rest.iter().cloned()),
        [] => return Ok(ExitCode::NothingRan),
    };
    if session.dry_run {
        output::text(&format!("would run on {}: {}\n", host.name(), cmd.line()));
        return Ok(ExitCode::Ok);
    }
    session.leaves(format!("the command on host `{}` was ended", host.name()));
    let cmd = cmd.time_limit(limit).any_exit();
    let exit = match session.view.form {
        // As it comes, and however much it is.
        Form::Table | Form::Wide | Form::Value => {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let pieces = host.run_pieces(cmd, |stream, bytes| {
                let held = if stream == Stream::Out { &mut out } else { &mut err };
                held.extend_from_slice(bytes);
                let whole: Vec<u8> = held.drain(..whole(held)).collect();
                show_piece(stream, &whole);
            });
            let exit = pieces.await;
            show_piece(Stream::Out, &out);
            show_piece(Stream::Err, &err);
            exit?
        }
        form => {
            let output = host.run(cmd).await?;
            output::machine(&output, form)?;
            output.exit
        }
    };
    if exit.is_ok() {
        return Ok(ExitCode::Ok);
    }
    output::warning(&format!("`{}` on host `{}` ended with {}", args.command.join(" "), host.name(), exit));
    Ok(ExitCode::Failed)
}

fn show_piece(stream: Stream, bytes: &[u8]) {
    match stream {
        Stream::Out => output::data(bytes),
        Stream::Err => output::error_output(&String::from_utf8_lossy(bytes)),
    }
}

/// How many of these bytes end with a whole character, and not between `\r` and `\n`.
fn whole(bytes: &[u8]) -> usize {
    let end = bytes.len().saturating_sub(3);
    let cut = (end..bytes.len()).find(|at| match std::str::from_utf8(&bytes[*at..]) {
        Ok(_) => false,
        // Cut off, and not wrong.
        Err(why) => why.valid_up_to() == 0 && why.error_len().is_none(),
    });
    match (cut, bytes.last()) {
        (Some(at), _) => at,
        (None, Some(b'\r')) => bytes.len() - 1,
        (None, _) => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_piece_ends_with_a_whole_character() {
        for (bytes, count) in [
            (&b""[..], 0),
            (b"abc", 3),
            (b"ab\r", 2),
            ("aé".as_bytes(), 3),
            (&"aé".as_bytes()[..2], 1),
            (&"🦀".as_bytes()[..3], 0),
            (&"x🦀".as_bytes()[..2], 1),
            (b"\xff\xff", 2),
        ] {
            assert_eq!(whole(bytes), count, "{bytes:?}");
        }
    }
}
