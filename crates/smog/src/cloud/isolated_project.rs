//! A project of its own for one test run, and its removal with all that is in it.

use std::io::Read;

use super::{Cloud, Project, ServerFilter, User};
use crate::config::{Credentials, Login, Secret};
use crate::error::{Error, Result};
use crate::hex::hex;
use crate::wait::Wait;

/// A project made for one run, with one user who works in it.
#[derive(Debug, Clone, PartialEq)]
pub struct IsolatedProject {
    /// The project.
    pub project: Project,
    /// Its user.
    pub user: User,
    /// What the user logs in with.
    pub credentials: Credentials,
}

/// The role its user gets.
const ROLE: &str = "member";

impl Cloud {
    /// Create a project and a user with role `member` in it, both called `smog-RUN`
    /// (administrators). When it fails half-way, what was made is removed.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 when the run has one already;
    /// [`Error::NotFound`] when the cloud has no role `member`.
    pub async fn isolated_project(&self, run: &str) -> Result<IsolatedProject> {
        let name = format!("smog-{run}");
        let role = self.role(ROLE).await?;
        let password = new_password()?;
        let project = self.create_project(&name, "made by smog for one run", None).await?;
        let user = match self.create_user(&name, &password, Some(&project.id), None).await {
            Ok(user) => user,
            Err(why) => {
                // Its own failure must not hide the reason.
                let _ = self.delete_project(&project.id).await;
                return Err(why);
            }
        };
        if let Err(why) = self.grant_role(&role.id, &user.id, &project.id).await {
            let _ = self.delete_user(&user.id).await;
            let _ = self.delete_project(&project.id).await;
            return Err(why);
        }
        let credentials = self.credentials_of(&project, &user, password);
        Ok(IsolatedProject { project, user, credentials })
    }

    /// Remove an isolated project with everything in it, as
    /// [`Cloud::remove_project_with_contents`].
    ///
    /// # Errors
    /// As there.
    pub async fn remove_isolated_project(&self, isolated: &IsolatedProject, wait: Wait<'_>) -> Result<()> {
        self.remove_project_with_contents(&isolated.project, Some(&isolated.user), wait).await
    }

    /// Remove a project with its servers, ports, networks, security groups, images, server
    /// groups and quotas, then its user and itself.
    ///
    /// # Errors
    /// The first item that could not be removed; the rest is tried nevertheless, but
    /// project and user are kept, so that it can be tried once more.
    pub async fn remove_project_with_contents(
        &self,
        project: &Project,
        user: Option<&User>,
        wait: Wait<'_>,
    ) -> Result<()> {
        let id = project.id.as_str();
        self.remove_servers_of(id, wait).await?;
        let mut first: Result<()> = Ok(());
        for port in self.ports().await?.iter().filter(|port| port.project_id == id) {
            first = first.and(self.delete_port(&port.id).await);
        }
        for network in self.networks().await?.iter().filter(|network| network.project_id == id) {
            first = first.and(self.delete_network(&network.id).await);
        }
        for group in self.security_groups().await?.iter().filter(|group| group.project_id == id) {
            first = first.and(self.delete_security_group(&group.id).await);
        }
        for group in self.server_groups().await?.iter().filter(|group| group.project_id == id) {
            first = first.and(self.delete_server_group(&group.id).await);
        }
        for image in self.images().await?.iter().filter(|image| image.owner.as_deref() == Some(id)) {
            first = first.and(self.delete_image(&image.id).await);
        }
        first = first.and(self.reset_quotas(id).await);
        first?;
        if let Some(user) = user {
            self.delete_user(&user.id).await?;
        }
        self.delete_project(id).await
    }

    async fn remove_servers_of(&self, project_id: &str, wait: Wait<'_>) -> Result<()> {
        let filter = ServerFilter { project: Some(project_id.into()), ..ServerFilter::default() };
        let servers = self.servers_matching(&filter).await?;
        // A cloud that ignores the filter must not cost anyone a server.
        let own: Vec<_> = servers.into_iter().filter(|server| server.project_id == project_id).collect();
        for server in own.iter().filter(|server| server.is_moving()) {
            self.end_migrations(&server.id, wait).await?;
        }
        for server in &own {
            self.delete_server(&server.id).await?;
        }
        for server in &own {
            self.wait_until_gone(&server.id, wait).await?;
        }
        Ok(())
    }

    fn credentials_of(&self, project: &Project, user: &User, password: Secret) -> Credentials {
        let own = &self.0.credentials;
        Credentials {
            name: project.name.clone(),
            source: format!("isolated project `{}`", project.name),
            login: Login::Password { username: None, user_id: Some(user.id.clone()), password },
            user_domain_name: None,
            user_domain_id: Some(user.domain_id.clone()),
            project_name: None,
            project_id: Some(project.id.clone()),
            project_domain_name: None,
            project_domain_id: None,
            domain_name: None,
            domain_id: None,
            system_scope: None,
            trust_id: None,
            ..own.clone()
        }
    }
}

/// 32 random hexadecimal digits.
fn new_password() -> Result<Secret> {
    let mut bytes = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut from| from.read_exact(&mut bytes));
    read.map_err(|why| Error::Invalid {
        what: "new password".into(),
        why: format!("no random bytes from /dev/urandom: {why}"),
        hint: None,
    })?;
    Ok(Secret::new(hex(&bytes)))
}
