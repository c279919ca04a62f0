use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::session::Session;

/// Show a guest: what Nova says, and what libvirt on its host says
#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
}

pub async fn run(args: ShowArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let mut guest = cloud.guest_even_deleted(&args.guest).await?;
    if guest.is_deleted() {
        // There is no domain to look at.
        output::show(&guest, &session.view)?;
        return Ok(ExitCode::Ok);
    }
    let looked = guest.look().await;
    if guest.server.locked {
        guest.locked_by = cloud.who_locked(&guest.server.id).await?;
    }
    output::show(&guest, &session.view)?;
    if session.view.is_for_people() && !guest.server.volumes.is_empty() {
        match guest.volumes().await {
            Ok(volumes) => {
                output::text("\n");
                output::list(&volumes, &session.view)?;
            }
            Err(why) => output::warning_of("its volumes are not shown", &why),
        }
    }
    if let Err(why) = looked {
        output::warning_of("shown without domain", &why);
        return Ok(why.exit_code());
    }
    match guest.contradiction() {
        Some(said) => {
            output::warning(&said);
            Ok(ExitCode::Failed)
        }
        None => Ok(ExitCode::Ok),
    }
}

/// Show which host CPUs and NUMA nodes Nova gave the guest (microversion 2.78)
#[derive(Debug, clap::Args)]
pub struct TopologyArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
}

pub async fn topology(args: TopologyArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guest = cloud.guest(&args.guest).await?;
    let topology = cloud.topology(&guest.server.id).await?;
    if topology.nodes.is_empty() && session.view.is_for_people() {
        output::text(&format!(
            "{}: no NUMA topology: its vCPUs float and its memory is anywhere\n",
            guest.name()
        ));
        return Ok(ExitCode::Ok);
    }
    output::list(&topology.nodes, &session.view)?;
    Ok(ExitCode::Ok)
}

/// List the threads of the guest's QEMU process, as the kernel has them
#[derive(Debug, clap::Args)]
pub struct ThreadsArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
}

pub async fn threads(args: ThreadsArgs, session: &Session) -> Result<ExitCode, Error> {
    let mut guest = session.cloud().await?.guest(&args.guest).await?;
    output::list(&guest.process().await?.threads, &session.view)?;
    Ok(ExitCode::Ok)
}

/// Show what the hypervisor measures (microversion 2.48)
#[derive(Debug, clap::Args)]
pub struct DiagnosticsArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
}

pub async fn diagnostics(args: DiagnosticsArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guest = cloud.guest(&args.guest).await?;
    output::machine(&cloud.diagnostics(&guest.server.id).await?, session.view.form)?;
    Ok(ExitCode::Ok)
}
