//! A guest: what Nova says of a server, the host it is on, and what libvirt says
//! of its domain, joined.

mod discover;
mod effective;

use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use crate::cloud::{Cloud, OWN_FLAVOR, Order, Server};
use crate::cpuset::Cpuset;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::libvirt::Domain;
use crate::show::{self, Column, Show};
use crate::wait::Wait;

pub use discover::{Discovery, HostProblem};
pub use effective::Compared;

/// A server, its host and its domain.
///
/// `server` and `seen` are what was seen last; every method with parentheses asks
/// again. A guest that was moved meanwhile, by smog or by anyone else, is found at
/// its new host.
#[derive(Debug, Clone)]
pub struct Guest {
    /// What Nova said.
    pub server: Server,
    /// What libvirt said, when the guest was discovered.
    pub seen: Option<Domain>,
    cloud: Cloud,
}

impl Guest {
    /// Join a server with its cloud; nothing is asked.
    pub fn new(cloud: &Cloud, server: Server) -> Guest {
        Guest { server, seen: None, cloud: cloud.clone() }
    }

    /// The cloud it is of.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// The server's name.
    pub fn name(&self) -> &str {
        &self.server.name
    }

    /// Ask Nova again: status, host, addresses.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the server is gone.
    pub async fn refresh(&mut self) -> Result<()> {
        self.server = self.cloud.server_by_id(&self.server.id).await?;
        Ok(())
    }

    /// The compute host it is on.
    ///
    /// # Errors
    /// [`Error::Invalid`] when Nova names none: it is not scheduled yet, shelved, or
    /// the user may not see hosts.
    pub async fn host(&self) -> Result<Host> {
        let name = self.server.host.as_deref().ok_or_else(|| Error::Invalid {
            what: format!("guest `{}`", self.name()),
            why: format!("Nova names no host for it (status {})", self.server.state()),
            hint: Some("hosts are shown to administrators, for servers that have been scheduled".into()),
        })?;
        self.cloud.host(name).await
    }

    /// Its libvirt domain, read from the host it is on now.
    ///
    /// # Errors
    /// [`Error::NotFound`] when neither the host known nor the one Nova names now has
    /// it; the host's own errors.
    pub async fn domain(&mut self) -> Result<Domain> {
        let found = self.host().await?.domain(&self.server.id).await;
        let domain = match found {
            Err(Error::NotFound { .. }) => {
                let before = self.server.host.clone();
                self.refresh().await?;
                if self.server.host == before {
                    return found;
                }
                self.host().await?.domain(&self.server.id).await?
            }
            other => other?,
        };
        self.seen = Some(domain.clone());
        Ok(domain)
    }

    /// The domain XML as libvirt has it now: `virsh dumpxml`.
    ///
    /// # Errors
    /// As [`Guest::domain`].
    pub async fn dumpxml(&mut self) -> Result<String> {
        Ok(self.domain().await?.xml().to_string())
    }

    /// Live-migrate to `to`, or to where the scheduler likes; afterwards this same
    /// object knows the new host.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown host, [`Error::Fault`] with Nova's reason,
    /// [`Error::Timeout`].
    pub async fn live_migrate(&mut self, to: Option<&str>, wait: Wait<'_>) -> Result<()> {
        if let Some(host) = to {
            self.cloud.check_compute_host(host).await?;
        }
        self.server = self.cloud.live_migrate(&self.server, to, wait).await?;
        self.seen = None;
        Ok(())
    }

    /// Give an order (start, resize, shelve …) and wait until it is done.
    ///
    /// # Errors
    /// As [`Cloud::carry_out`].
    pub async fn carry_out(&mut self, order: &Order, wait: Wait<'_>) -> Result<()> {
        self.server = self.cloud.carry_out(&self.server, order, wait).await?;
        self.seen = None;
        Ok(())
    }

    /// Wait for a status such as "ACTIVE".
    ///
    /// # Errors
    /// As [`Cloud::wait_for_status`].
    pub async fn wait_for(&mut self, status: &str, wait: Wait<'_>) -> Result<()> {
        self.server = self.cloud.wait_for_status(&self.server.id, status, wait).await?;
        Ok(())
    }

    /// The last lines of its serial console.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn console(&self, lines: Option<u32>) -> Result<String> {
        self.cloud.console_log(&self.server.id, lines).await
    }

    /// Delete it, wait until it is gone, and delete the flavor smog made for it. A move of it
    /// ends first (see [`Cloud::end_migrations`]). [`Cloud::delete_guests`] deletes several.
    ///
    /// # Errors
    /// [`Error::Fault`] when Nova cannot, [`Error::Timeout`].
    pub async fn delete(&self, wait: Wait<'_>) -> Result<()> {
        self.cloud.delete_server_and_wait(&self.server, wait).await?;
        match self.server.metadata.get(OWN_FLAVOR) {
            Some(flavor) => self.cloud.delete_own_flavor(flavor).await,
            None => Ok(()),
        }
    }

    /// Its first address.
    pub fn address(&self) -> Option<&str> {
        self.server.addresses.values().flatten().next().map(|address| address.addr.as_str())
    }
}

impl Serialize for Guest {
    /// The server's fields, and under `domain` what libvirt said (`null` if unasked).
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shape<'a> {
            #[serde(flatten)]
            server: &'a Server,
            domain: &'a Option<Domain>,
            xml: Option<&'a str>,
        }
        Shape { server: &self.server, domain: &self.seen, xml: self.seen.as_ref().map(Domain::xml) }
            .serialize(to)
    }
}

impl Show for Guest {
    const COLUMNS: &'static [Column<Guest>] = &[
        Column::new("name", |guest| guest.server.name.clone()),
        Column::new("status", |guest| guest.server.state()),
        Column::new("host", |guest| guest.server.host.clone().unwrap_or_default()),
        Column::new("domain", |guest| guest.server.instance_name.clone().unwrap_or_default()),
        Column::new("vcpus", |guest| guest.server.flavor.vcpus.to_string()),
        Column::new("ram", |guest| format!("{} MiB", guest.server.flavor.ram_mib)),
        Column::new("pinned to", |guest| guest.seen.as_ref().map(pins).unwrap_or_default()),
        Column::new("pages", |guest| guest.seen.as_ref().map(pages).unwrap_or_default()),
        Column::new("address", |guest| guest.address().unwrap_or_default().to_string()),
        Column::wide("flavor", |guest| guest.server.flavor.name.clone()),
        Column::wide("id", |guest| guest.server.id.clone()),
        Column::wide("project", |guest| guest.server.project_id.clone()),
        Column::wide("created", |guest| guest.server.created.clone()),
    ];
}

/// The CPUs of all vCPUs together, of a guest whose vCPUs have one each: "2-3".
fn pins(domain: &Domain) -> String {
    if !domain.is_pinned() {
        return String::new();
    }
    domain.vcpu_pins().values().fold(Cpuset::new(), |all, cpus| all.union(cpus)).to_string()
}

/// "2 MiB" for a domain backed by huge pages; empty for one that is not.
fn pages(domain: &Domain) -> String {
    let declared = domain.memory_backing.huge_pages.iter().flatten();
    let sizes: BTreeSet<String> =
        declared.map(|pages| pages.size_kib.map_or("default".into(), show::kib)).collect();
    sizes.into_iter().collect::<Vec<_>>().join(", ")
}
