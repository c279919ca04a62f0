//! `smog placement …`

use clap::Subcommand;
use smog::cloud::{Holding, explain_holdings};
use smog::{Error, ExitCode};

use crate::args::names;
use crate::output;
use crate::session::Session;

/// Placement: resource providers and allocations
#[derive(Debug, clap::Args)]
pub struct PlacementArgs {
    #[command(subcommand)]
    verb: PlacementVerb,
}

#[derive(Debug, Subcommand)]
enum PlacementVerb {
    /// List resource providers, as trees
    Providers,
    /// Show a provider's inventory and usage per resource class
    Inventory(One),
    /// A provider's traits
    Traits(One),
    /// Show a guest's allocations per provider
    Allocations {
        /// The guest: name, id, or an unambiguous beginning
        #[arg(add = names::guests())]
        guest: String,
    },
    /// Show the consumers of a provider
    Consumers(One),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The resource provider: name, id, or an unambiguous beginning
    #[arg(add = names::hosts())]
    provider: String,
}

pub async fn run(args: PlacementArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    match args.verb {
        PlacementVerb::Providers => output::list(&cloud.providers().await?, &session.view)?,
        PlacementVerb::Inventory(args) => {
            let provider = cloud.provider(&args.provider).await?;
            output::list(&cloud.inventories(&provider.id).await?, &session.view)?;
        }
        PlacementVerb::Traits(args) => {
            let provider = cloud.provider(&args.provider).await?;
            let traits = cloud.provider_traits(&provider.id).await?;
            match session.view.is_for_people() {
                true => traits.iter().for_each(|name| output::text(&format!("{name}\n"))),
                false => output::machine(&traits, session.view.form)?,
            }
        }
        PlacementVerb::Allocations { guest } => {
            let guest = cloud.guest(&guest).await?;
            list(&cloud.holdings_of(&guest.server).await?, session)?;
        }
        PlacementVerb::Consumers(args) => {
            let provider = cloud.provider(&args.provider).await?;
            list(&cloud.holdings_at(&provider).await?, session)?;
        }
    }
    Ok(ExitCode::Ok)
}

/// The holdings, and below them what is unusual about them.
fn list(holdings: &[Holding], session: &Session) -> Result<(), Error> {
    output::list(holdings, &session.view)?;
    for said in explain_holdings(holdings).iter().filter(|_| !session.quiet) {
        output::note(&format!("note: {said}"));
    }
    Ok(())
}
