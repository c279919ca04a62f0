//! Keystone: projects, users, roles, and who has which role where.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lookup::{Named, pick};
use super::{Call, Cloud, Service};
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// A project, once called a tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// Id.
    pub id: String,
    /// Name; unique in its domain.
    pub name: String,
    /// Its description.
    #[serde(default)]
    pub description: String,
    /// Whether it can be used.
    pub enabled: bool,
    /// Its domain's id.
    pub domain_id: String,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Id.
    pub id: String,
    /// Name; unique in its domain.
    pub name: String,
    /// Whether they can log in.
    pub enabled: bool,
    /// Their domain's id.
    pub domain_id: String,
    /// The project they work in when they name none.
    #[serde(default)]
    pub default_project_id: Option<String>,
}

/// A role: "admin", "member", "reader" …
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A role someone has somewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoleAssignment {
    /// The role's name.
    pub role: String,
    /// The user's or group's name.
    pub who: String,
    /// The project's or domain's name, or "system".
    pub scope: String,
}

impl Named for Project {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for User {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for Role {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

fn state(enabled: bool) -> String {
    if enabled { "enabled".into() } else { "disabled".into() }
}

impl Show for Project {
    const PLURAL: &'static str = "projects";
    const COLUMNS: &'static [Column<Project>] = &[
        Column::new("name", |project| project.name.clone()),
        Column::new("state", |project| state(project.enabled)),
        Column::new("description", |project| project.description.clone()),
        Column::new("id", |project| project.id.clone()),
        Column::wide("domain", |project| project.domain_id.clone()),
    ];
}

impl Show for User {
    const PLURAL: &'static str = "users";
    const COLUMNS: &'static [Column<User>] = &[
        Column::new("name", |user| user.name.clone()),
        Column::new("state", |user| state(user.enabled)),
        Column::new("id", |user| user.id.clone()),
        Column::wide("project", |user| user.default_project_id.clone().unwrap_or_default()),
        Column::wide("domain", |user| user.domain_id.clone()),
    ];
}

impl Show for Role {
    const PLURAL: &'static str = "roles";
    const COLUMNS: &'static [Column<Role>] =
        &[Column::new("name", |role| role.name.clone()), Column::new("id", |role| role.id.clone())];
}

impl Show for RoleAssignment {
    const PLURAL: &'static str = "role assignments";
    const COLUMNS: &'static [Column<RoleAssignment>] = &[
        Column::new("role", |assignment| assignment.role.clone()),
        Column::new("who", |assignment| assignment.who.clone()),
        Column::new("scope", |assignment| assignment.scope.clone()),
    ];
}

#[derive(Deserialize)]
struct OneProject {
    project: Project,
}

#[derive(Deserialize)]
struct OneUser {
    user: User,
}

impl Service {
    /// Whether a type of the catalog, or one of its aliases, is among these.
    pub(crate) fn is_among<'a>(kind: &str, known: impl Iterator<Item = &'a str> + Clone) -> bool {
        let all = [
            Service::Compute,
            Service::Image,
            Service::Network,
            Service::Placement,
            Service::Identity,
            Service::BlockStorage,
        ];
        let aliases = all.into_iter().map(Service::types).find(|types| types.contains(&kind));
        known.clone().any(|one| one == kind || aliases.is_some_and(|types| types.contains(&one)))
    }
}

impl Cloud {
    /// All projects; for who may not list them, those in which this user has a role.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn projects(&self) -> Result<Vec<Project>> {
        match self.list(Call::get(Service::Identity, "/projects"), "projects").await {
            Err(Error::Api { status: 403, .. }) => {
                self.list(Call::get(Service::Identity, "/auth/projects"), "projects").await
            }
            listed => listed,
        }
    }

    /// One project by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub async fn project(&self, asked: &str) -> Result<Project> {
        pick("project", asked, self.projects().await?)
    }

    /// The id of the project this session works in; none for a session without one.
    pub fn own_project_id(&self) -> Option<String> {
        self.0.wire.token_in_hand().body.project.clone()?.id
    }

    /// Whether this session has the role `admin`, which Nova's default policies ask for.
    pub fn is_admin(&self) -> bool {
        let token = self.0.wire.token_in_hand();
        token
            .body
            .roles
            .iter()
            .any(|role| role.name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("admin")))
    }

    /// Create a project in the default domain, or in another.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 when the name is taken.
    pub async fn create_project(
        &self,
        name: &str,
        description: &str,
        domain: Option<&str>,
    ) -> Result<Project> {
        let domain = domain.unwrap_or("default");
        let body = json!({"project": {"name": name, "description": description, "domain_id": domain}});
        let call = Call::post(Service::Identity, "/projects", body);
        Ok(self.call(call).await?.read::<OneProject>("project")?.project)
    }

    /// Delete a project. What other services keep for it stays: empty it first. One
    /// that is gone already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn delete_project(&self, id: &str) -> Result<()> {
        self.delete(Service::Identity, format!("/projects/{id}")).await
    }

    /// All users (administrators).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn users(&self) -> Result<Vec<User>> {
        self.list(Call::get(Service::Identity, "/users"), "users").await
    }

    /// One user by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub async fn user(&self, asked: &str) -> Result<User> {
        pick("user", asked, self.users().await?)
    }

    /// Make a user in the default domain, or in another.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 when the name is taken.
    pub async fn create_user(
        &self,
        name: &str,
        password: &Secret,
        project_id: Option<&str>,
        domain: Option<&str>,
    ) -> Result<User> {
        let mut user = json!({
            "name": name,
            "password": password.reveal(),
            "domain_id": domain.unwrap_or("default"),
        });
        if let Some(project) = project_id {
            user["default_project_id"] = json!(project);
        }
        let call = Call::post(Service::Identity, "/users", json!({"user": user}));
        Ok(self.call(call).await?.read::<OneUser>("user")?.user)
    }

    /// Delete a user. One that is gone already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn delete_user(&self, id: &str) -> Result<()> {
        self.delete(Service::Identity, format!("/users/{id}")).await
    }

    /// The types of all services in the catalog: "compute", "volumev3" …
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn service_types(&self) -> Result<BTreeSet<String>> {
        // What came with the token: keystone gives no catalog of its own to system scope.
        Ok(self.0.wire.token().await.body.catalog.iter().map(|service| service.kind.clone()).collect())
    }

    /// Whether the catalog has a service.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn has_service(&self, service: Service) -> Result<bool> {
        Ok(self.service_types().await?.iter().any(|kind| service.types().contains(&kind.as_str())))
    }

    /// All roles (administrators).
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn roles(&self) -> Result<Vec<Role>> {
        self.list(Call::get(Service::Identity, "/roles"), "roles").await
    }

    /// One role by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound), [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub async fn role(&self, asked: &str) -> Result<Role> {
        pick("role", asked, self.roles().await?)
    }

    /// Give a user a role in a project. Twice is the same as once.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn grant_role(&self, role_id: &str, user_id: &str, project_id: &str) -> Result<()> {
        let path = format!("/projects/{project_id}/users/{user_id}/roles/{role_id}");
        let call = Call { body: None, ..Call::put(Service::Identity, path, Value::Null) };
        self.call(call).await.map(drop)
    }

    /// Take a role in a project from a user. One they do not have is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn revoke_role(&self, role_id: &str, user_id: &str, project_id: &str) -> Result<()> {
        let path = format!("/projects/{project_id}/users/{user_id}/roles/{role_id}");
        self.delete(Service::Identity, path).await
    }

    /// Who has which role where; of one project when its id is given.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn role_assignments(&self, project_id: Option<&str>) -> Result<Vec<RoleAssignment>> {
        let mut call = Call::get(Service::Identity, "/role_assignments").query("include_names", "true");
        if let Some(project) = project_id {
            call = call.query("scope.project.id", project);
        }
        let found: Vec<Value> = self.list(call, "role_assignments").await?;
        Ok(found.iter().map(role_assignment).collect())
    }
}

fn role_assignment(found: &Value) -> RoleAssignment {
    let name = |paths: &[&str]| {
        let first = paths.iter().find_map(|path| found.pointer(path)?.as_str());
        first.unwrap_or_default().to_string()
    };
    let scope = match found.pointer("/scope/system") {
        Some(_) => "system".into(),
        None => name(&["/scope/project/name", "/scope/domain/name"]),
    };
    RoleAssignment { role: name(&["/role/name"]), who: name(&["/user/name", "/group/name"]), scope }
}
