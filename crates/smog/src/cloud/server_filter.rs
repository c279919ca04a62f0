//! Which servers a list is about.

use serde::Deserialize;
use serde_json::Value;

use super::paging::Pages;
use super::{Call, Cloud, Server, Service};
use crate::error::{Error, Result};

/// Which servers to list. The default is every one the user may see.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerFilter {
    /// Part of the name: a regular expression of Nova's database, matched anywhere.
    pub name: Option<String>,
    /// "ACTIVE", "ERROR" …
    pub status: Option<String>,
    /// The compute host (administrators).
    pub host: Option<String>,
    /// The availability zone.
    pub availability_zone: Option<String>,
    /// The flavor's id.
    pub flavor: Option<String>,
    /// The image's id.
    pub image: Option<String>,
    /// Part of an address: a regular expression.
    pub address: Option<String>,
    /// The project's id (administrators).
    pub project: Option<String>,
    /// The user's id (administrators).
    pub user: Option<String>,
    /// Every one of these tags.
    pub tags: Vec<String>,
    /// Locked or not (microversion 2.73).
    pub locked: Option<bool>,
    /// Changed since this time (ISO 8601).
    pub changed_since: Option<String>,
    /// The deleted ones instead, as long as the database keeps them (administrators).
    pub deleted: bool,
    /// Only the user's own project, for an administrator too.
    pub own_project: bool,
    /// Sorted by this key of Nova's ("created_at", "display_name" …) instead of newest first.
    pub sort_key: Option<String>,
    /// With `sort_key`: smallest first.
    pub ascending: bool,
    /// Any other of Nova's query parameters.
    pub more: Vec<(String, String)>,
}

/// One page of a list of servers.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerPage {
    /// The servers.
    pub servers: Vec<Server>,
    /// What to give as `after` for the next page; none on the last one.
    pub next: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    servers: Vec<Server>,
    #[serde(default)]
    servers_links: Vec<Value>,
}

/// Nova's own default limit (`[api]max_limit`).
const PAGE: u32 = 1000;

impl ServerFilter {
    fn query(&self) -> Vec<(String, String)> {
        let named = [
            ("name", &self.name),
            ("status", &self.status),
            ("host", &self.host),
            ("availability_zone", &self.availability_zone),
            ("flavor", &self.flavor),
            ("image", &self.image),
            ("ip", &self.address),
            ("project_id", &self.project),
            ("user_id", &self.user),
            ("changes-since", &self.changed_since),
            ("sort_key", &self.sort_key),
        ];
        let mut query: Vec<(String, String)> =
            named.into_iter().filter_map(|(key, value)| Some((key.to_string(), value.clone()?))).collect();
        if self.sort_key.is_some() {
            let direction = if self.ascending { "asc" } else { "desc" };
            query.push(("sort_dir".into(), direction.into()));
        }
        if !self.tags.is_empty() {
            query.push(("tags".into(), self.tags.join(",")));
        }
        if let Some(locked) = self.locked {
            query.push(("locked".into(), locked.to_string()));
        }
        if self.deleted {
            query.push(("deleted".into(), "true".into()));
        }
        query.extend(self.more.iter().cloned());
        query
    }
}

impl Cloud {
    /// Servers that match, page by page until the last.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn servers_matching(&self, filter: &ServerFilter) -> Result<Vec<Server>> {
        let (mut found, mut pages): (Vec<Server>, _) = (Vec::new(), Pages::default());
        let mut after = None;
        loop {
            let page = self.servers_page(filter, after.as_deref(), PAGE).await?;
            let more = page.next.is_some();
            after = pages.next(page.servers.len(), more, page.next).map_err(unreadable)?;
            found.extend(page.servers);
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// One page of at most `size` servers that match, after the server of id `after`.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::TooOld`] for `locked` before microversion 2.73.
    pub async fn servers_page(
        &self,
        filter: &ServerFilter,
        after: Option<&str>,
        size: u32,
    ) -> Result<ServerPage> {
        if filter.locked.is_some() {
            self.needs_compute("a list by lock", super::Microversion(2, 73)).await?;
        }
        if filter.own_project {
            return self.ask_servers(filter, after, size, false).await;
        }
        match self.ask_servers(filter, after, size, true).await {
            // Nova's default policy lets only administrators look across projects.
            Err(Error::Api { status: 403, .. }) => self.ask_servers(filter, after, size, false).await,
            other => other,
        }
    }

    async fn ask_servers(
        &self,
        filter: &ServerFilter,
        after: Option<&str>,
        size: u32,
        all_projects: bool,
    ) -> Result<ServerPage> {
        let mut call = Call::get(Service::Compute, "/servers/detail").query("limit", size.to_string());
        if all_projects {
            call = call.query("all_tenants", "1");
        }
        call.query.extend(filter.query());
        if let Some(after) = after {
            call = call.query("marker", after);
        }
        let page: Listed = self.compute(call).await?.read("list of servers")?;
        let more = page.servers_links.iter().any(|link| link["rel"] == "next");
        let last = page.servers.last().map(|last| last.id.clone());
        let next = Pages::default().next(page.servers.len(), more, last).map_err(unreadable)?;
        if next.is_some() && next.as_deref() == after {
            return Err(unreadable(
                "its pages go in a circle: the next one begins where this one did".into(),
            ));
        }
        Ok(ServerPage { servers: page.servers, next })
    }
}

fn unreadable(why: String) -> Error {
    Error::Parse { what: "list of servers".into(), source_of: "the compute service".into(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_a_filter() {
        assert!(ServerFilter::default().query().is_empty());
        let filter = ServerFilter {
            host: Some("cmp1".into()),
            tags: vec!["a".into(), "b".into()],
            sort_key: Some("created_at".into()),
            locked: Some(true),
            ..ServerFilter::default()
        };
        let query: Vec<String> =
            filter.query().into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(query, ["host=cmp1", "sort_key=created_at", "sort_dir=desc", "tags=a,b", "locked=true"]);
    }
}
