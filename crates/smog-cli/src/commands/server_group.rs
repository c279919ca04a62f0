//! `smog server-group …`

use clap::Subcommand;
use smog::{Error, ExitCode};

use crate::output;
use crate::session::{Session, in_full};

/// Server groups
#[derive(Debug, clap::Args)]
pub struct ServerGroupArgs {
    #[command(subcommand)]
    verb: ServerGroupVerb,
}

#[derive(Debug, Subcommand)]
enum ServerGroupVerb {
    /// List server groups
    #[command(visible_alias = "ls")]
    List,
    /// Show a server group
    Show(One),
    /// Create a server group
    Create(CreateArgs),
    /// Delete a server group; its guests stay
    Delete(One),
}

#[derive(Debug, clap::Args)]
struct One {
    /// The server group: name, id, or an unambiguous beginning
    #[arg(add = crate::args::names::server_groups())]
    group: String,
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// Its name
    name: String,
    /// affinity, anti-affinity, soft-affinity or soft-anti-affinity
    #[arg(long, value_name = "POLICY", default_value = "affinity")]
    policy: String,
    /// Maximum number of its guests per host (anti-affinity)
    #[arg(long, value_name = "COUNT")]
    max_per_host: Option<u32>,
}

pub async fn run(args: ServerGroupArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    match args.verb {
        ServerGroupVerb::List => output::list(&cloud.server_groups().await?, &session.view)?,
        ServerGroupVerb::Show(args) => output::show(&cloud.server_group(&args.group).await?, &session.view)?,
        ServerGroupVerb::Create(args) => {
            let group = cloud.create_server_group(&args.name, &args.policy, args.max_per_host).await?;
            output::show(&group, &session.view)?;
        }
        ServerGroupVerb::Delete(args) => {
            let group = cloud.server_group(&args.group).await?;
            in_full("server group", &args.group, &group.name, &group.id)?;
            cloud.delete_server_group(&group.id).await?;
            session.done(&format!("{}: deleted", group.name));
        }
    }
    Ok(ExitCode::Ok)
}
