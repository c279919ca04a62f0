//! A guest's metadata and tags.

use std::collections::BTreeMap;

use smog::{Error, ExitCode};

use crate::args::key_value::{Keys, Pairs, only_keys};
use crate::args::names;
use crate::output;
use crate::session::Session;

/// Set metadata of a guest
#[derive(Debug, clap::Args)]
pub struct SetArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
    #[command(flatten)]
    metadata: Pairs,
}

pub async fn set(args: SetArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let guest = cloud.guest(&args.guest).await?;
    let pairs: BTreeMap<String, String> = args.metadata.pairs.into_iter().collect();
    print(&cloud.set_metadata(&guest.server.id, &pairs).await?, session)
}

/// Remove metadata of a guest
#[derive(Debug, clap::Args)]
pub struct UnsetArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
    #[command(flatten)]
    metadata: Keys,
}

pub async fn unset(args: UnsetArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let mut guest = cloud.guest(&args.guest).await?;
    only_keys("metadata", &args.metadata.keys, guest.server.metadata.keys())?;
    let keys: Vec<&str> = args.metadata.keys.iter().map(String::as_str).collect();
    cloud.unset_metadata(&guest.server.id, &keys).await?;
    guest.refresh().await?;
    print(&guest.server.metadata, session)
}

fn print(pairs: &BTreeMap<String, String>, session: &Session) -> Result<ExitCode, Error> {
    match session.view.is_for_people() {
        true => pairs.iter().for_each(|(key, value)| output::text(&format!("{key}={value}\n"))),
        false => output::machine(pairs, session.view.form)?,
    }
    Ok(ExitCode::Ok)
}

/// Add tags to a guest, or remove them with --remove
#[derive(Debug, clap::Args)]
pub struct TagArgs {
    /// The guest: name, id, or an unambiguous beginning
    #[arg(add = names::guests())]
    guest: String,
    /// Tags
    #[arg(required = true, value_name = "TAG")]
    tags: Vec<String>,
    /// Remove them
    #[arg(long)]
    remove: bool,
}

pub async fn tag(args: TagArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let mut guest = cloud.guest(&args.guest).await?;
    if args.remove {
        only_keys("tag", &args.tags, guest.server.tags.iter())?;
    }
    for tag in &args.tags {
        match args.remove {
            true => cloud.remove_tag(&guest.server.id, tag).await?,
            false => cloud.add_tag(&guest.server.id, tag).await?,
        }
    }
    guest.refresh().await?;
    match session.view.is_for_people() {
        true => guest.server.tags.iter().for_each(|tag| output::text(&format!("{tag}\n"))),
        false => output::machine(&guest.server.tags, session.view.form)?,
    }
    Ok(ExitCode::Ok)
}
