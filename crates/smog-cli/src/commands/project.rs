//! `smog project …`

use clap::Subcommand;
use smog::{Error, ExitCode};

use crate::output;
use crate::session::{Session, in_full};

/// Projects, users and roles
#[derive(Debug, clap::Args)]
pub struct ProjectArgs {
    #[command(subcommand)]
    verb: ProjectVerb,
}

#[derive(Debug, Subcommand)]
enum ProjectVerb {
    /// List projects
    #[command(visible_alias = "ls")]
    List,
    /// List users
    Users,
    /// List the role assignments of a project
    Roles {
        /// The project: name or id
        project: String,
    },
    /// Create a project
    Create {
        /// Its name
        name: String,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
    },
    /// Delete a project; what it owns is not deleted with it
    Delete {
        /// The project: full name or id
        project: String,
    },
}

pub async fn run(args: ProjectArgs, session: &Session) -> Result<ExitCode, Error> {
    let cloud = session.cloud().await?;
    match args.verb {
        ProjectVerb::List => output::list(&cloud.projects().await?, &session.view)?,
        ProjectVerb::Users => output::list(&cloud.users().await?, &session.view)?,
        ProjectVerb::Roles { project } => {
            let project = cloud.project(&project).await?;
            output::list(&cloud.role_assignments(Some(&project.id)).await?, &session.view)?;
        }
        ProjectVerb::Create { name, description } => {
            output::show(&cloud.create_project(&name, &description, None).await?, &session.view)?;
        }
        ProjectVerb::Delete { project: asked } => {
            let project = cloud.project(&asked).await?;
            in_full("project", &asked, &project.name, &project.id)?;
            cloud.delete_project(&project.id).await?;
            session.done(&format!("{}: deleted", project.name));
        }
    }
    Ok(ExitCode::Ok)
}
