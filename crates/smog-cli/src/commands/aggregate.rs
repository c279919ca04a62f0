//! `smog aggregate …`

use std::collections::BTreeMap;

use clap::Subcommand;
use smog::{Error, ExitCode};

use crate::args::key_value::{Keys, Pairs, key_and_value, only_keys};
use crate::args::names;
use crate::output;
use crate::session::{Session, in_full};

/// Host aggregates
#[derive(Debug, clap::Args)]
pub struct AggregateArgs {
    #[command(subcommand)]
    verb: AggregateVerb,
}

#[derive(Debug, Subcommand)]
enum AggregateVerb {
    /// List aggregates
    #[command(visible_alias = "ls")]
    List,
    /// Show an aggregate
    Show(One),
    /// Create an aggregate
    Create(CreateArgs),
    /// Add a host to an aggregate
    AddHost(HostArgs),
    /// Remove a host from an aggregate
    RemoveHost(HostArgs),
    /// Set metadata
    Set(SetArgs),
    /// Remove metadata
    Unset(UnsetArgs),
    /// Delete an aggregate, after removing its hosts
    Delete(One),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The aggregate: name or id
    #[arg(add = names::aggregates())]
    aggregate: String,
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// Its name
    name: String,
    /// Set its availability zone
    #[arg(long, value_name = "NAME")]
    zone: Option<String>,
    /// Metadata; may be given several times
    #[arg(long = "property", value_name = "KEY=VALUE", value_parser = key_and_value)]
    properties: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
struct HostArgs {
    #[command(flatten)]
    one: One,
    /// The compute host
    #[arg(add = names::hosts())]
    host: String,
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    properties: Pairs,
}

#[derive(Debug, clap::Args)]
struct UnsetArgs {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    properties: Keys,
}

pub async fn run(args: AggregateArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let shown = match args.verb {
        AggregateVerb::List => {
            output::list(&cloud.aggregates().await?, &session.view)?;
            return Ok(ExitCode::Ok);
        }
        AggregateVerb::Delete(args) => {
            let aggregate = cloud.aggregate(&args.aggregate).await?;
            in_full("aggregate", &args.aggregate, &aggregate.name, &aggregate.id)?;
            cloud.delete_aggregate(&aggregate.id).await?;
            session.done(&format!("{}: deleted", aggregate.name));
            return Ok(ExitCode::Ok);
        }
        AggregateVerb::Show(args) => cloud.aggregate(&args.aggregate).await?,
        AggregateVerb::Create(args) => {
            let properties: BTreeMap<String, String> = args.properties.into_iter().collect();
            cloud.create_aggregate(&args.name, args.zone.as_deref(), &properties).await?
        }
        AggregateVerb::AddHost(args) => {
            let aggregate = cloud.aggregate(&args.one.aggregate).await?;
            cloud.add_aggregate_host(&aggregate.id, &args.host).await?
        }
        AggregateVerb::RemoveHost(args) => {
            let aggregate = cloud.aggregate(&args.one.aggregate).await?;
            cloud.remove_aggregate_host(&aggregate.id, &args.host).await?
        }
        AggregateVerb::Set(args) => {
            let aggregate = cloud.aggregate(&args.one.aggregate).await?;
            let pairs = args.properties.pairs.into_iter().map(|(key, value)| (key, Some(value))).collect();
            cloud.set_aggregate_metadata(&aggregate.id, &pairs).await?
        }
        AggregateVerb::Unset(args) => {
            let aggregate = cloud.aggregate(&args.one.aggregate).await?;
            only_keys("property", &args.properties.keys, aggregate.metadata.keys())?;
            let pairs = args.properties.keys.into_iter().map(|key| (key, None)).collect();
            cloud.set_aggregate_metadata(&aggregate.id, &pairs).await?
        }
    };
    output::show(&shown, &session.view)?;
    Ok(ExitCode::Ok)
}
