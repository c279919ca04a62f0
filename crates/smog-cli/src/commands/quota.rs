//! `smog quota …`

use clap::Subcommand;
use smog::{Error, ExitCode};

use crate::output;
use crate::session::Session;

/// Quotas
#[derive(Debug, clap::Args)]
pub struct QuotaArgs {
    #[command(subcommand)]
    verb: QuotaVerb,
}

#[derive(Debug, Subcommand)]
enum QuotaVerb {
    /// Show a project's quotas and usage
    Show {
        /// The project: name or id [default: your own]
        project: Option<String>,
    },
    /// Set quotas of a project
    Set {
        /// The project: name or id
        project: String,
        /// Such as instances=10 or port=none
        #[arg(required = true, value_name = "RESOURCE=LIMIT", value_parser = limit)]
        limits: Vec<(String, Option<u64>)>,
    },
    /// Reset a project's quotas to the defaults
    Reset {
        /// The project: name or id
        project: String,
    },
}

fn limit(text: &str) -> Result<(String, Option<u64>), String> {
    match text.split_once('=') {
        Some((resource, "none" | "-1")) => Ok((resource.into(), None)),
        Some((resource, number)) => match number.parse() {
            Ok(number) => Ok((resource.into(), Some(number))),
            Err(_) => Err(format!("`{number}` is neither a number nor `none`")),
        },
        None => Err("not of the form RESOURCE=LIMIT".into()),
    }
}

pub async fn run(args: QuotaArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    let project = match args.verb {
        QuotaVerb::Show { project } => cloud.project_id(project.as_deref()).await?,
        QuotaVerb::Reset { project } => {
            let project = cloud.project_id(Some(&project)).await?;
            cloud.reset_quotas(&project).await?;
            project
        }
        QuotaVerb::Set { project, limits } => {
            let project = cloud.project_id(Some(&project)).await?;
            cloud.set_quotas(&project, &limits).await?;
            project
        }
    };
    output::list(&cloud.quotas(&project).await?, &session.view)?;
    Ok(ExitCode::Ok)
}
