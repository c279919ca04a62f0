//! `smog flavor …`

use std::collections::BTreeMap;

use clap::Subcommand;
use smog::cloud::NewFlavor;
use smog::{Error, ExitCode};

use crate::args::key_value::{Keys, Pairs, only_keys};
use crate::args::names;
use crate::args::spec::SpecArgs;
use crate::output;
use crate::session::{Session, in_full};

/// Flavors and their extra specs
#[derive(Debug, clap::Args)]
pub struct FlavorArgs {
    #[command(subcommand)]
    verb: FlavorVerb,
}

#[derive(Debug, Subcommand)]
enum FlavorVerb {
    /// List flavors
    #[command(visible_alias = "ls")]
    List,
    /// Show a flavor with its extra specs
    Show(One),
    /// Create a flavor; contradictions are refused before Nova sees them
    Create(CreateArgs),
    /// Set extra specs
    Set(SetArgs),
    /// Remove extra specs
    Unset(UnsetArgs),
    /// Delete flavors; guests keep their own copy
    Delete(Many),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The flavor: name, id, or an unambiguous beginning
    #[arg(add = names::flavors())]
    flavor: String,
}

#[derive(Debug, clap::Args)]
struct Many {
    /// The flavors: full names or ids
    #[arg(required = true, add = names::flavors())]
    flavors: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// Its name
    name: String,
    /// Only print the extra specs it would have
    #[arg(long)]
    specs_only: bool,
    /// Visible to your own project only; otherwise to every project
    #[arg(long)]
    private: bool,
    #[command(flatten)]
    spec: SpecArgs,
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    specs: Pairs,
}

#[derive(Debug, clap::Args)]
struct UnsetArgs {
    #[command(flatten)]
    one: One,
    #[command(flatten)]
    specs: Keys,
}

pub async fn run(args: FlavorArgs, session: &Session) -> Result<ExitCode, Error> {
    match args.verb {
        FlavorVerb::List => {
            let mut flavors = session.cloud().await?.flavors().await?;
            flavors.sort_by(|one, other| {
                (one.ram_mib, one.vcpus, &one.name).cmp(&(other.ram_mib, other.vcpus, &other.name))
            });
            output::list(&flavors, &session.view)?;
        }
        FlavorVerb::Show(args) => {
            output::show(&session.cloud().await?.flavor(&args.flavor).await?, &session.view)?;
        }
        FlavorVerb::Create(args) => create(args, session).await?,
        FlavorVerb::Set(args) => {
            let cloud = session.cloud().await?;
            let flavor = cloud.flavor(&args.one.flavor).await?;
            let specs: BTreeMap<String, String> = args.specs.pairs.into_iter().collect();
            cloud.set_extra_specs(&flavor.id, &specs).await?;
            output::show(&cloud.flavor(&flavor.id).await?, &session.view)?;
        }
        FlavorVerb::Unset(args) => {
            let cloud = session.cloud().await?;
            let flavor = cloud.flavor(&args.one.flavor).await?;
            only_keys("extra spec", &args.specs.keys, flavor.extra_specs.keys())?;
            let keys: Vec<&str> = args.specs.keys.iter().map(String::as_str).collect();
            cloud.unset_extra_specs(&flavor.id, &keys).await?;
            output::show(&cloud.flavor(&flavor.id).await?, &session.view)?;
        }
        FlavorVerb::Delete(args) => {
            let cloud = session.cloud().await?;
            let mut flavors = Vec::new();
            for asked in &args.flavors {
                let flavor = cloud.flavor(asked).await?;
                in_full("flavor", asked, &flavor.name, &flavor.id)?;
                flavors.push(flavor);
            }
            let work = |flavor: smog::cloud::Flavor| {
                (flavor.name, async move { cloud.delete_flavor(&flavor.id).await })
            };
            return crate::print::several::deleted(flavors.into_iter().map(work).collect(), session).await;
        }
    }
    Ok(ExitCode::Ok)
}

async fn create(args: CreateArgs, session: &Session) -> Result<(), Error> {
    let spec = args.spec.spec(&args.name)?;
    let specs = spec.extra_specs()?;
    if args.specs_only {
        match session.view.is_for_people() {
            true => specs.iter().for_each(|(key, value)| output::text(&format!("{key}={value}\n"))),
            false => output::machine(&specs, session.view.form)?,
        }
        return Ok(());
    }
    let cloud = session.cloud().await?;
    let new = NewFlavor {
        vcpus: spec.vcpus,
        ram_mib: spec.ram_mib,
        disk_gib: spec.disk_gib,
        extra_specs: specs,
        is_public: !args.private,
        ..NewFlavor::from(spec.name.as_str())
    };
    let flavor = cloud.create_flavor_as(&new).await?;
    if let Some(project) = cloud.own_project_id().filter(|_| args.private) {
        cloud.give_flavor(&flavor.id, &project).await?;
    }
    output::show(&flavor, &session.view)
}
