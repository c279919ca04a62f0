//! Guests of a recording that has no answers of Nova's: what a host's libvirt said is all there is.

use crate::cloud::Cloud;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::libvirt::Sighting;

impl Cloud {
    /// A domain on a host of a recording, by the server's name or id or by libvirt's own name; none
    /// where this is no recording, or where no host of it has such a domain.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] where several servers have this name; [`Error::NotRecorded`] where the domains
    /// of no host were recorded.
    pub async fn recorded_domain(&self, asked: &str) -> Result<Option<(Host, Sighting)>> {
        let mut found: Vec<(Host, Sighting)> = Vec::new();
        let (mut unknown, mut read) = (None, false);
        for name in self.recorded_hosts() {
            let host = self.host(&name).await?;
            match host.domains_with_states().await {
                Ok(domains) => {
                    read = true;
                    let here = domains.sightings.into_iter().filter(|seen| is_called(seen, asked));
                    found.extend(here.map(|seen| (host.clone(), seen)));
                }
                Err(why) => unknown = Some(why),
            }
        }
        match (found.len(), unknown) {
            (0, Some(why)) if !read => Err(why),
            (0 | 1, _) => Ok(found.pop()),
            _ => {
                let ids = found.iter().map(|(_, seen)| seen.domain.uuid.clone()).collect();
                Err(Error::Ambiguous { what: "guest".into(), name: asked.into(), ids })
            }
        }
    }
}

fn is_called(seen: &Sighting, asked: &str) -> bool {
    let domain = &seen.domain;
    let nova = domain.nova.as_ref().and_then(|nova| nova.name.as_deref());
    domain.name == asked || domain.uuid == asked || nova == Some(asked)
}
