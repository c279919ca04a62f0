//! A guest's history, metadata, tags, interfaces, and what Nova and the hypervisor measure of it.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use smog::cloud::Nic;

use crate::guest::Guest;
use crate::name_of::NameOf;
use crate::resource::Resource;

/// A question leaves nothing behind.
const NOTHING: &str = "nothing was changed";

#[pymethods]
impl Guest {
    /// What was done to it, by which requests, the newest first; one API call per action.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn actions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.ask(py, NOTHING.into(), |guest, _| async move {
            let found = guest.cloud().actions_with_events(&guest.server.id).await;
            (guest, found)
        })?;
        Resource::all(py, "Action", &found)
    }

    /// List its migrations, the newest first. One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn migrations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.ask(py, NOTHING.into(), |guest, _| async move {
            let found = guest.cloud().migrations(&guest.server.id).await;
            (guest, found)
        })?;
        Resource::all(py, "Migration", &found)
    }

    /// Its live migrations that are running, with how far they are. One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn running_migrations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.ask(py, NOTHING.into(), |guest, _| async move {
            let found = guest.cloud().running_migrations(&guest.server.id).await;
            (guest, found)
        })?;
        Resource::all(py, "RunningMigration", &found)
    }

    /// Abort its running live migration; it stays where it is. Raises `ArgumentError` when there is none.
    fn abort_migration(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, "the migration may be aborted".into(), |guest, _| async move {
            let answer = guest.cloud().abort_live_migration(&guest.server).await;
            (guest, answer)
        })
    }

    /// Force its running live migration to complete: it is paused until its memory is copied.
    fn force_complete_migration(&self, py: Python<'_>) -> PyResult<()> {
        self.ask(py, "the migration may be forced to complete".into(), |guest, _| async move {
            let answer = guest.cloud().force_complete_live_migration(&guest.server).await;
            (guest, answer)
        })
    }

    /// Set metadata, and keep what else it has; returns all. One API call.
    ///
    /// >>> guest.set_metadata(role="web")
    #[pyo3(signature = (**pairs: "str") -> "dict[str, str]")]
    fn set_metadata(
        &self,
        py: Python<'_>,
        pairs: Option<BTreeMap<String, String>>,
    ) -> PyResult<BTreeMap<String, String>> {
        self.ask(py, "the metadata may be set".into(), |mut guest, _| async move {
            let set = guest.cloud().clone().set_metadata(&guest.server.id, &pairs.unwrap_or_default()).await;
            if let Ok(all) = &set {
                guest.server.metadata.clone_from(all);
            }
            (guest, set)
        })
    }

    /// Remove metadata. One API call per key, and one to look again.
    #[pyo3(signature = (*keys: "str") -> "None")]
    fn unset_metadata(&self, py: Python<'_>, keys: Vec<String>) -> PyResult<()> {
        self.ask(py, "some of it may be removed".into(), |mut guest, _| async move {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let cloud = guest.cloud().clone();
            let answer = match cloud.unset_metadata(&guest.server.id, &keys).await {
                Ok(()) => guest.refresh().await,
                Err(why) => Err(why),
            };
            (guest, answer)
        })
    }

    /// Its tags as seen last.
    #[getter]
    fn tags(&self) -> Vec<String> {
        self.look(|server, _| server.tags.to_vec())
    }

    /// Add tags. One API call per tag, and one to look again.
    #[pyo3(signature = (*tags: "str") -> "None")]
    fn add_tags(&self, py: Python<'_>, tags: Vec<String>) -> PyResult<()> {
        self.change_tags(py, tags, false)
    }

    /// Remove tags. One API call per tag, and one to look again.
    #[pyo3(signature = (*tags: "str") -> "None")]
    fn remove_tags(&self, py: Python<'_>, tags: Vec<String>) -> PyResult<()> {
        self.change_tags(py, tags, true)
    }

    /// Its network interfaces. One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn interfaces<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.ask(py, NOTHING.into(), |guest, _| async move {
            let found = guest.cloud().interfaces(&guest.server.id).await;
            (guest, found)
        })?;
        Resource::all(py, "Interface", &found)
    }

    /// Add an interface while it runs: on a network, perhaps with an address, or with an existing port.
    #[pyo3(signature = (
        network: "str | Network | None" = None, *, address: "str | None" = None, port: "str | None" = None
    ) -> "Resource")]
    fn attach_interface(
        &self,
        py: Python<'_>,
        network: Option<NameOf>,
        address: Option<String>,
        port: Option<String>,
    ) -> PyResult<Resource> {
        let nic = Nic { network: network.map(NameOf::name), fixed_address: address, port, ..Nic::default() };
        let made = self.ask(py, "the interface may be added".into(), |guest, _| async move {
            let made = guest.cloud().attach_interface(&guest.server.id, &nic).await;
            (guest, made)
        })?;
        Resource::of(py, "Interface", &made)
    }

    /// Remove an interface while it runs, by its port's id, its MAC or an address, and wait until it is
    /// gone.
    #[pyo3(signature = (interface, *, timeout = 60.0))]
    fn detach_interface(&self, py: Python<'_>, interface: String, timeout: f64) -> PyResult<()> {
        self.ask(py, "Nova continues to remove the interface".into(), move |guest, ctx| async move {
            let answer = async {
                let found = guest.cloud().interface(&guest.server.id, &interface).await?;
                let tell = ctx.teller();
                let wait = crate::enter::wait(timeout, &tell);
                guest.cloud().detach_interface(&guest.server.id, &found.port_id, wait).await
            };
            let answer = answer.await;
            (guest, answer)
        })
    }

    /// What the hypervisor measures: CPU time, disk and network bytes. One API call.
    #[pyo3(signature = () -> "dict[str, Any]")]
    fn diagnostics(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let found = self.ask(py, NOTHING.into(), |guest, _| async move {
            let found = guest.cloud().diagnostics(&guest.server.id).await;
            (guest, found)
        })?;
        crate::data::plain(py, &found)
    }

    /// Which CPUs and NUMA nodes of the host Nova gave it (microversion 2.78). One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn topology<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.ask(py, NOTHING.into(), |guest, _| async move {
            let found = guest.cloud().topology(&guest.server.id).await;
            (guest, found)
        })?;
        Resource::all(py, "NumaNode", &found.nodes)
    }

    /// What placement holds for it. Two API calls.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn allocations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.ask(py, NOTHING.into(), |guest, _| async move {
            let found = guest.cloud().holdings_of(&guest.server).await;
            (guest, found)
        })?;
        Resource::all(py, "Allocation", &found)
    }
}

impl Guest {
    fn change_tags(&self, py: Python<'_>, tags: Vec<String>, remove: bool) -> PyResult<()> {
        self.ask(py, "some of them may be changed".into(), move |mut guest, _| async move {
            let cloud = guest.cloud().clone();
            let answer = async {
                for tag in &tags {
                    match remove {
                        true => cloud.remove_tag(&guest.server.id, tag).await?,
                        false => cloud.add_tag(&guest.server.id, tag).await?,
                    }
                }
                guest.refresh().await
            };
            let answer = answer.await;
            (guest, answer)
        })
    }
}
