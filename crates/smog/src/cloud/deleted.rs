//! Servers that were deleted: Nova's database keeps them until `nova-manage db archive_deleted_rows`.

use super::lookup::{is_uuid, pick};
use super::servers::escaped;
use super::{Cloud, Server, ServerFilter};
use crate::error::{Error, Result};

/// The status of a server that is gone.
pub(crate) const DELETED: &str = "DELETED";

impl Cloud {
    /// Servers that were deleted, the newest first, as long as Nova's database keeps them
    /// (administrators): all that match.
    ///
    /// # Errors
    /// As [`Cloud::servers_matching`].
    pub async fn deleted_servers(&self, filter: &ServerFilter) -> Result<Vec<Server>> {
        let mut servers = self.servers_matching(&ServerFilter { deleted: true, ..filter.clone() }).await?;
        // Who may not ask for them is given the living ones.
        servers.retain(|server| server.status == DELETED);
        Ok(servers)
    }

    /// One server by id, name, or an unambiguous beginning of either; when there is none, one
    /// that was deleted, with status "DELETED".
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names of those that live, [`Error::Ambiguous`] with the
    /// ids, also when several of this name were deleted.
    pub async fn server_even_deleted(&self, asked: &str) -> Result<Server> {
        let not_found = match self.server(asked).await {
            Err(Error::NotFound { what, name, near }) => Error::NotFound { what, name, near },
            other => return other,
        };
        let filter = match is_uuid(asked) {
            // A recording has the list, and not the answer for each name.
            _ if self.recording_of().is_some() => ServerFilter::default(),
            true => ServerFilter { more: vec![("uuid".into(), asked.into())], ..ServerFilter::default() },
            false => ServerFilter { name: Some(format!("^{}", escaped(asked))), ..ServerFilter::default() },
        };
        let deleted = match self.deleted_servers(&filter).await {
            Ok(deleted) => deleted,
            Err(why @ Error::NotRecorded { .. }) => return Err(why),
            Err(why) if why.is_temporary() => return Err(why),
            Err(_) => return Err(not_found),
        };
        match pick("deleted server", asked, deleted) {
            Err(Error::NotFound { .. }) => Err(not_found),
            other => other,
        }
    }
}
