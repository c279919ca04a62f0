//! A guest: what Nova says of a server, the host it is on, and what libvirt says
//! of its domain, joined.

mod boot;
mod deleted;
mod deletion;
mod discover;
mod recorded;
mod sight;
mod stranger;
mod volumes;

use crate::hint::{self, Hint};
use std::collections::BTreeSet;

use serde::{Serialize, Serializer};

use crate::cloud::{Cloud, Fault, LiveMigration, LockedBy, OWN_FLAVOR, Order, Server};
use crate::cpuset::Cpuset;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::libvirt::Domain;
use crate::show::{self, Column, Show};
use crate::wait::Wait;

pub use boot::Booted;
pub use deletion::Deleted;
pub use discover::{Discovery, HostProblem};
pub use sight::{Elsewhere, Sight};
pub use stranger::Stranger;
pub use volumes::GuestVolume;

/// A server, its host and its domain.
///
/// `server` and `seen` are what was seen last; every method with parentheses asks
/// again. A guest that was moved meanwhile, by smog or by anyone else, is found at
/// its new host.
#[derive(Debug, Clone)]
pub struct Guest {
    /// What Nova said.
    pub server: Server,
    /// What libvirt said on the host that Nova names, when the guest was discovered.
    pub seen: Option<Domain>,
    /// The domain's state there, and the domains of it on other hosts.
    pub sight: Sight,
    /// Who locked it, once [`Cloud::who_locked`] was asked.
    pub locked_by: Option<LockedBy>,
    cloud: Cloud,
}

impl Guest {
    /// Join a server with its cloud; nothing is asked.
    pub fn new(cloud: &Cloud, server: Server) -> Guest {
        Guest { server, seen: None, sight: Sight::default(), locked_by: None, cloud: cloud.clone() }
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
        match self.server.host.as_deref() {
            Some(name) => self.cloud.host(name).await,
            None => Err(self.without_host()),
        }
    }

    fn without_host(&self) -> Error {
        let state = self.server.state();
        let (why, hint) = match self.server.status.as_str() {
            "SHELVED_OFFLOADED" => (
                "it is SHELVED_OFFLOADED: it is on no host, and has no domain".to_string(),
                Some(hint::GUEST_UNSHELVE.with(self.name()).and(" starts it again")),
            ),
            _ if !self.cloud.is_admin() => (
                format!("Nova names no host for it (status {state})"),
                Some(Hint::from("hosts are shown to administrators")),
            ),
            "ERROR" => {
                let fault = self.server.fault.as_ref().map(|fault| format!(": {}", fault.message));
                let fault = fault.unwrap_or_default();
                (format!("it is ERROR and was never on a host{fault}"), None)
            }
            _ => (
                format!("Nova names no host for it (status {state})"),
                Some(Hint::from("it has a host as soon as the scheduler has chosen one")),
            ),
        };
        Error::Invalid { what: format!("guest `{}`", self.name()), why, hint }
    }

    /// Its libvirt domain, read from the host it is on now.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when the host that Nova names has no such domain;
    /// [`Error::NotFound`] for the same while Nova is at work on the server; the host's own
    /// errors.
    pub async fn domain(&mut self) -> Result<Domain> {
        let found = self.host().await?.domain(&self.server.id).await;
        let domain = match found {
            Err(Error::NotFound { .. }) => {
                let before = self.server.host.clone();
                self.refresh().await?;
                if self.server.host == before {
                    return Err(self.without_domain(found));
                }
                self.host().await?.domain(&self.server.id).await?
            }
            other => other?,
        };
        self.seen = Some(domain.clone());
        Ok(domain)
    }

    fn without_domain(&self, found: Result<Domain>) -> Error {
        let sight = Sight { is_known: true, ..Sight::default() };
        match (sight.contradiction(&self.server), found) {
            (Some(why), _) => Error::Mismatch {
                what: format!("guest `{}`", self.name()),
                why,
                hint: Some(
                    Hint::from("it was undefined there: ")
                        .and(hint::GUEST_REBOOT_HARD.with(self.name()))
                        .and(" defines it again"),
                ),
            },
            (None, Err(why)) => why,
            (None, Ok(domain)) => Error::NotFound { what: "domain".into(), name: domain.name, near: vec![] },
        }
    }

    /// The domain XML as libvirt has it now: `virsh dumpxml`.
    ///
    /// # Errors
    /// As [`Guest::domain`].
    pub async fn dumpxml(&mut self) -> Result<String> {
        Ok(self.domain().await?.xml().to_string())
    }

    /// Live-migrate to `to`, or to the scheduler's choice; afterwards this same
    /// object knows the new host.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown host, [`Error::Fault`] with Nova's reason,
    /// [`Error::Timeout`].
    pub async fn live_migrate(&mut self, to: Option<&str>, wait: Wait<'_>) -> Result<()> {
        let how = LiveMigration { host: to.map(str::to_string), ..LiveMigration::default() };
        self.live_migrate_with(&how, wait).await
    }

    /// The same with every choice Nova has.
    ///
    /// # Errors
    /// As [`Guest::live_migrate`].
    pub async fn live_migrate_with(&mut self, how: &LiveMigration, wait: Wait<'_>) -> Result<()> {
        let host = match &how.host {
            Some(host) => Some(self.cloud.compute_host_called(host).await?),
            None => None,
        };
        let how = LiveMigration { host, ..how.clone() };
        self.server = self.cloud.live_migrate_with(&self.server, &how, wait).await?;
        (self.seen, self.sight) = (None, Sight::default());
        Ok(())
    }

    /// Give an order (start, resize, shelve …) and wait until it is done.
    ///
    /// # Errors
    /// As [`Cloud::carry_out`].
    pub async fn carry_out(&mut self, order: impl Into<Order>, wait: Wait<'_>) -> Result<()> {
        self.server = self.cloud.carry_out(&self.server, order, wait).await?;
        (self.seen, self.sight) = (None, Sight::default());
        Ok(())
    }

    /// Wait for a status such as "ACTIVE"; "DELETED" is a server that is gone.
    ///
    /// # Errors
    /// As [`Cloud::wait_for_status`] and [`Cloud::wait_until_gone`].
    pub async fn wait_for(&mut self, status: &str, wait: Wait<'_>) -> Result<()> {
        if status == "DELETED" {
            self.cloud.wait_until_gone(&self.server.id, wait).await?;
            self.server.status = status.to_string();
            return Ok(());
        }
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

    /// Whether it was deleted: what is shown of it is what Nova's database has kept.
    pub fn is_deleted(&self) -> bool {
        self.server.status == "DELETED"
    }

    /// Its first address.
    pub fn address(&self) -> Option<&str> {
        self.server.addresses.values().flatten().next().map(|address| address.addr.as_str())
    }
}

impl Serialize for Guest {
    /// The server's fields; under `domain` what libvirt said on the host that Nova names (`null`
    /// if unasked, or if it has none), and under `libvirt` its state there, the domains of the
    /// guest on other hosts, and what contradicts Nova.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Libvirt<'a> {
            asked: bool,
            state: Option<String>,
            elsewhere: &'a [Elsewhere],
            contradiction: Option<String>,
        }
        #[derive(Serialize)]
        struct Shape<'a> {
            #[serde(flatten)]
            server: &'a Server,
            domain: &'a Option<Domain>,
            xml: Option<&'a str>,
            libvirt: Libvirt<'a>,
            locked_by: &'a Option<LockedBy>,
        }
        let libvirt = Libvirt {
            asked: self.sight.is_known,
            state: self.sight.state.map(|state| state.to_string()),
            elsewhere: &self.sight.elsewhere,
            contradiction: self.contradiction(),
        };
        let xml = self.seen.as_ref().map(Domain::xml);
        let (server, domain, locked_by) = (&self.server, &self.seen, &self.locked_by);
        Shape { server, domain, xml, libvirt, locked_by }.serialize(to)
    }
}

impl Show for Guest {
    const PLURAL: &'static str = "guests";
    const COLUMNS: &'static [Column<Guest>] = &[
        Column::new("name", |guest| guest.server.name.clone()),
        Column::new("status", |guest| guest.server.state()),
        Column::new("host", |guest| guest.server.host.clone().unwrap_or_default()),
        Column::new("domain", |guest| guest.seen.as_ref().map(|seen| seen.name.clone()).unwrap_or_default()),
        Column::new("libvirt", |guest| guest.sight.words()),
        Column::new("vcpus", |guest| guest.server.flavor.vcpus.to_string()),
        Column::new("ram", |guest| format!("{} MiB", guest.server.flavor.ram_mib)),
        Column::new("pinned to", |guest| guest.seen.as_ref().map(pins).unwrap_or_default()),
        Column::new("pages", |guest| guest.seen.as_ref().map(pages).unwrap_or_default()),
        Column::new("address", |guest| guest.address().unwrap_or_default().to_string()),
        Column::wide("fault", |guest| guest.server.fault.as_ref().map(Fault::words).unwrap_or_default()),
        Column::wide("locked", lock),
        Column::only_wide("fault details", |guest| {
            guest.server.fault.as_ref().and_then(|fault| fault.details.clone()).unwrap_or_default()
        }),
        Column::wide("flavor", |guest| guest.server.flavor.name.clone()),
        Column::wide("instance name", |guest| guest.server.instance_name.clone().unwrap_or_default()),
        Column::wide("id", |guest| guest.server.id.clone()),
        Column::wide("project", |guest| guest.server.project_id.clone()),
        Column::wide("created", |guest| guest.server.created.clone()),
    ];
}

/// "locked by jdoe (2026-11-28T02:40:11): maintenance tonight"
fn lock(guest: &Guest) -> String {
    let words = guest.server.lock_words();
    match &guest.locked_by {
        Some(by) if !words.is_empty() => {
            let user = by.user.as_deref().unwrap_or(&by.user_id);
            let reason = words.strip_prefix("locked").unwrap_or_default();
            format!("locked by {user} ({}){reason}", by.at)
        }
        _ => words,
    }
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
