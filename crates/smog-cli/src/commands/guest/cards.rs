//! A guest's network cards.

use std::time::Duration;

use smog::cloud::Nic;
use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::print::progress::Progress;
use crate::session::Session;

/// List the network interfaces of a guest
#[derive(Debug, clap::Args)]
pub struct CardsArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
}

pub async fn list(args: CardsArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guest = cloud.guest(&args.guest).await?;
    output::list(&cloud.interfaces(&guest.server.id).await?, &session.view)?;
    Ok(ExitCode::Ok)
}

/// Attach a network interface to a running guest
#[derive(Debug, clap::Args)]
pub struct AttachArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
    /// On this network
    #[arg(long, value_name = "NETWORK", add = names::networks(), required_unless_present = "port")]
    network: Option<String>,
    /// With this address
    #[arg(long, value_name = "ADDRESS", requires = "network")]
    address: Option<String>,
    /// With this existing port
    #[arg(long, value_name = "PORT", conflicts_with = "network")]
    port: Option<String>,
}

pub async fn attach(args: AttachArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guest = cloud.guest(&args.guest).await?;
    let nic = Nic { network: args.network, fixed_address: args.address, port: args.port, ..Nic::default() };
    output::show(&cloud.attach_interface(&guest.server.id, &nic).await?, &session.view)?;
    Ok(ExitCode::Ok)
}

/// Detach a network interface from a running guest
#[derive(Debug, clap::Args)]
pub struct DetachArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
    /// The interface: its port's id, its MAC address or its IP address
    #[arg(value_name = "INTERFACE")]
    card: String,
    /// Stop waiting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
}

pub async fn detach(args: DetachArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guest = cloud.guest(&args.guest).await?;
    let card = cloud.interface(&guest.server.id, &args.card).await?;
    let progress = Progress::begin(format!("detaching {}", card.mac), session.quiet);
    let tell = |waiting: smog::wait::Waiting<'_>| progress.state(waiting.last);
    let wait = progress.wait(Duration::from_secs(args.timeout), &tell);
    cloud.detach_interface(&guest.server.id, &card.port_id, wait).await?;
    progress.end();
    session.done(&format!("{}: detached {}", guest.name(), card.mac));
    Ok(ExitCode::Ok)
}
