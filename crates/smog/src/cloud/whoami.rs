//! As whom smog is logged in, and where the services are.

use super::{Cloud, Service};
use crate::error::Result;

impl Cloud {
    /// For people: "the roles of `admin` in project `demo`: admin, member", as keystone's token has it.
    pub fn whoami(&self) -> String {
        self.0.wire.token_in_hand().roles_words()
    }

    /// Keystone's URL, as the credentials have it.
    pub fn auth_url(&self) -> &str {
        &self.0.credentials.auth_url
    }

    /// The URL of a service: of an endpoint override, else of keystone's catalog.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) when the catalog has no such service.
    pub async fn endpoint(&self, service: Service) -> Result<String> {
        Ok(self.0.wire.locate(service).await?.url.to_string())
    }
}
