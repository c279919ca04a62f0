//! `smog network …`

use clap::Subcommand;
use smog::cloud::NewSubnet;
use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::session::{Session, in_full};

/// Networks, their subnets and ports
#[derive(Debug, clap::Args)]
pub struct NetworkArgs {
    #[command(subcommand)]
    verb: NetworkVerb,
}

#[derive(Debug, Subcommand)]
enum NetworkVerb {
    /// List networks
    #[command(visible_alias = "ls")]
    List,
    /// Show a network
    Show(One),
    /// Create a network with one subnet
    Create(CreateArgs),
    /// List subnets
    Subnets,
    /// List ports
    Ports,
    /// Delete a network with its subnets
    Delete(One),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The network: name, id, or an unambiguous beginning
    #[arg(add = names::networks())]
    network: String,
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// Its name
    name: String,
    /// The subnet's addresses
    #[arg(long, value_name = "CIDR")]
    cidr: String,
}

pub async fn run(args: NetworkArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    match args.verb {
        NetworkVerb::List => output::list(&cloud.networks().await?, &session.view)?,
        NetworkVerb::Show(args) => output::show(&cloud.any_network(&args.network).await?, &session.view)?,
        NetworkVerb::Subnets => output::list(&cloud.subnets().await?, &session.view)?,
        NetworkVerb::Ports => output::list(&cloud.ports().await?, &session.view)?,
        NetworkVerb::Create(args) => {
            let network = cloud.create_network(&args.name).await?;
            let subnet = NewSubnet { name: args.name.clone(), cidr: args.cidr, ..NewSubnet::default() };
            if let Err(why) = cloud.create_subnet(&network.id, &subnet).await {
                // A network without its subnet was not asked for.
                let _ = cloud.delete_network(&network.id).await;
                return Err(why);
            }
            output::show(&cloud.any_network(&network.id).await?, &session.view)?;
        }
        NetworkVerb::Delete(args) => {
            let network = cloud.any_network(&args.network).await?;
            in_full("network", &args.network, &network.name, &network.id)?;
            cloud.delete_network(&network.id).await?;
            session.done(&format!("{}: deleted", network.name));
        }
    }
    Ok(ExitCode::Ok)
}
