//! Booting guests, and what becomes of a boot that is interrupted: the same for every face.

use futures_util::StreamExt;
use futures_util::stream;

use super::Guest;
use crate::cloud::{BootMade, BootRequest, Cloud};
use crate::error::Result;
use crate::wait::Wait;

/// Guests booted at once.
const AT_ONCE: usize = 4;

/// What became of one guest that was to be booted.
#[derive(Debug)]
pub struct Booted {
    /// The name that was asked for.
    pub name: String,
    /// The guest, or why there is none (or none that is ACTIVE).
    pub ended: Result<Guest>,
}

impl Cloud {
    /// Boot a guest and wait up to five minutes until it is ACTIVE.
    ///
    /// `cloud.boot("web")` takes image `cirros`, the smallest flavor that fits it and
    /// network `private`; [`BootRequest`] has the rest.
    ///
    /// # Errors
    /// As [`Cloud::boot_server`].
    pub async fn boot(&self, request: impl Into<BootRequest>) -> Result<Guest> {
        self.boot_guest(&request.into(), &BootMade::default(), Some(Wait::default())).await
    }

    /// Boot a guest; without `wait` it returns when Nova has accepted the request. `made` records
    /// everything as soon as it exists, for [`Cloud::take_back_boot`].
    ///
    /// # Errors
    /// As [`Cloud::boot_server`].
    pub async fn boot_guest(
        &self,
        request: &BootRequest,
        made: &BootMade,
        wait: Option<Wait<'_>>,
    ) -> Result<Guest> {
        let server = match wait {
            Some(wait) => self.boot_server(request, made, wait).await?,
            None => self.order_server(request, made).await?,
        };
        Ok(Guest::new(self, server))
    }

    /// Boot several guests alike, some at once: `web-1`, `web-2` … One that fails stops none of the
    /// others. `made` has one for each; see [`BootRequest::numbered`].
    pub async fn boot_guests(
        &self,
        requests: &[BootRequest],
        made: &[BootMade],
        wait: Option<Wait<'_>>,
        ended: &(dyn Fn(&Booted) + Send + Sync),
    ) -> Vec<Booted> {
        // Collected first: a stream of a closure's futures could not be sent to another thread.
        let works: Vec<_> = requests
            .iter()
            .zip(made)
            .map(|(request, made)| self.boot_one(request, made, wait, ended))
            .collect();
        stream::iter(works).buffered(AT_ONCE).collect().await
    }

    async fn boot_one(
        &self,
        request: &BootRequest,
        made: &BootMade,
        wait: Option<Wait<'_>>,
        ended: &(dyn Fn(&Booted) + Send + Sync),
    ) -> Booted {
        let name = request.name.clone();
        let booted = Booted { name, ended: self.boot_guest(request, made, wait).await };
        ended(&booted);
        booted
    }

    /// Take back boots that were interrupted: the servers and the flavors that were made for them. What
    /// is left, as a sentence. With `keep` the servers stay, and only what has no server goes.
    pub async fn take_back_boots(&self, made: &[BootMade], keep: bool, wait: Wait<'_>) -> String {
        let mut left = Vec::new();
        for made in made {
            let server = self.undo_boot(made).await;
            match server {
                None if made.is_unknown() => {
                    left.push(
                        "whether there is a server of it is not known: the cloud does not answer".into(),
                    );
                }
                None => {
                    left.extend(made.left_flavor().map(|id| format!("flavor `{id}`, made for it, is left")))
                }
                Some(server) if keep => {
                    left.push(format!(
                        "server `{}` ({}) is kept, and Nova continues to boot it",
                        server.name, server.id
                    ));
                }
                Some(server) => {
                    let name = server.name.clone();
                    if let Err(why) = Guest::new(self, server).delete(wait).await {
                        left.push(format!("server `{name}` may be left behind: {why}"));
                    }
                }
            }
        }
        if left.is_empty() { "nothing is left behind".into() } else { left.join("; ") }
    }
}
