//! Guests that were deleted: what Nova's database has kept of them.

use super::Guest;
use crate::cloud::Cloud;
use crate::error::{Error, Result};

impl Cloud {
    /// One guest, also one that was deleted; see [`Cloud::server_even_deleted`].
    ///
    /// # Errors
    /// As [`Cloud::server_even_deleted`].
    pub async fn guest_even_deleted(&self, asked: &str) -> Result<Guest> {
        let server = self.server_even_deleted(asked).await.map_err(|why| match why {
            Error::NotFound { name, near, .. } => Error::NotFound { what: "guest".into(), name, near },
            Error::Ambiguous { what, name, ids } => {
                Error::Ambiguous { what: what.replace("server", "guest"), name, ids }
            }
            other => other,
        })?;
        Ok(Guest::new(self, server))
    }
}
