//! A guest: server, host and domain, joined.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smog::cloud::LiveMigration;
use smog::why_not::WhyNotRequest;
use smog::{Error, Result};

use crate::data::plain;
use crate::enter::{Ctx, enter, wait};
use crate::errors::{to_py, unusable};
use crate::host::Host;
use crate::name_of::NameOf;
use crate::noun::{Noun, cells, listed};
use crate::nouns::{Compared, Domain, GuestProcess, Server, Trace, WhyNot};
use crate::session::Session;

/// A server, its host and its domain, joined.
///
/// Attributes are what was seen last; methods ask again, and what they learn is seen in
/// the attributes afterwards. `with cloud.boot("web") as guest:` deletes it at the end.
///
/// >>> guest.name, guest.status, guest.host.name
/// ('web', 'ACTIVE', 'cmp1')
#[pyclass(frozen, module = "smog")]
pub struct Guest {
    id: String,
    session: Arc<Session>,
    now: Mutex<(smog::cloud::Server, Option<smog::libvirt::Domain>)>,
    sight: Mutex<smog::guest::Sight>,
}

impl Guest {
    /// A guest as it was seen.
    pub fn new(
        server: smog::cloud::Server,
        seen: Option<smog::libvirt::Domain>,
        session: &Arc<Session>,
    ) -> Guest {
        Guest {
            id: server.id.clone(),
            session: session.clone(),
            now: Mutex::new((server, seen)),
            sight: Mutex::default(),
        }
    }

    /// The same of the core's.
    pub fn of(guest: smog::Guest, session: &Arc<Session>) -> Guest {
        let sight = guest.sight;
        Guest { sight: Mutex::new(sight), ..Guest::new(guest.server, guest.seen, session) }
    }

    pub fn look<T>(&self, look: impl FnOnce(&smog::cloud::Server, Option<&smog::libvirt::Domain>) -> T) -> T {
        // A poisoned lock still holds a whole snapshot: it is replaced at once or not at all.
        let now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        look(&now.0, now.1.as_ref())
    }

    /// The login it came from.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Keep what Nova said; the domain is to be read again.
    pub fn learned(&self, server: smog::cloud::Server) {
        if let Ok(mut now) = self.now.lock() {
            *now = (server, None);
        }
    }

    fn sight(&self) -> smog::guest::Sight {
        self.sight.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// The core's guest for a shown row or a question.
    fn with_core<T>(&self, cloud: &smog::Cloud, look: impl FnOnce(smog::Guest) -> T) -> T {
        let guest = self.look(|server, seen| {
            let mut guest = smog::Guest::new(cloud, server.clone());
            guest.seen = seen.cloned();
            guest.sight = self.sight();
            guest
        });
        look(guest)
    }

    /// Ask something of the guest and keep what was learned; `left` is what goes on when
    /// the caller does not wait for the answer.
    pub fn ask<T, F>(
        &self,
        py: Python<'_>,
        left: String,
        question: impl FnOnce(smog::Guest, Ctx) -> F + Send + 'static,
    ) -> PyResult<T>
    where
        T: Send + 'static,
        F: Future<Output = (smog::Guest, Result<T>)> + Send + 'static,
    {
        let session = self.session.clone();
        let (server, seen) = self.look(|server, seen| (server.clone(), seen.cloned()));
        let was = self.sight();
        let (guest, sight, answer) = enter(py, |ctx| async move {
            let cloud = session.cloud().await?;
            let mut guest = smog::Guest::new(&cloud, server);
            guest.sight = was;
            guest.seen = seen;
            let inner = ctx.clone();
            let work = async move {
                let (guest, answer) = question(guest, inner).await;
                Ok(((guest.server, guest.seen), guest.sight, answer))
            };
            ctx.unless_stopped(left, work).await
        })?;
        if let Ok(mut now) = self.sight.lock() {
            *now = sight;
        }
        if let Ok(mut now) = self.now.lock() {
            *now = guest;
        }
        answer.map_err(|error| to_py(py, &error))
    }
}

#[pymethods]
impl Guest {
    /// UUID of the server, and of the domain.
    #[getter]
    fn id(&self) -> String {
        self.id.clone()
    }

    /// Name; not unique.
    #[getter]
    pub fn name(&self) -> String {
        self.look(|server, _| server.name.clone())
    }

    /// libvirt's state of the domain on the host that Nova names, as it was seen last: "running",
    /// "shut off", "no domain", also with the other side of a move; "" when it was not asked.
    #[getter]
    fn libvirt_state(&self) -> String {
        self.sight().words()
    }

    /// What libvirt says that contradicts Nova, as it was seen last; `None` when nothing does.
    #[getter]
    fn contradiction(&self) -> Option<String> {
        let sight = self.sight();
        self.look(|server, _| sight.contradiction(server))
    }

    /// "ACTIVE", "BUILD", "ERROR", "SHUTOFF" …
    #[getter]
    fn status(&self) -> String {
        self.look(|server, _| server.status.clone())
    }

    /// What Nova said.
    #[getter]
    fn server(&self) -> Server {
        Server::of(self.look(|server, _| server.clone()), &self.session)
    }

    /// The same, by the original's name.
    #[getter]
    fn instance(&self) -> Server {
        self.server()
    }

    /// What libvirt said, if it was asked.
    #[getter]
    fn seen(&self) -> Option<Domain> {
        self.look(|_, seen| seen.cloned()).map(Domain::alone)
    }

    /// The compute host it was on when seen last. Nothing is asked.
    ///
    /// Raises `ArgumentError` when Nova named none: it is not scheduled yet, or the user may
    /// not see hosts.
    #[getter]
    fn host(&self, py: Python<'_>) -> PyResult<Host> {
        match self.look(|server, _| server.host.clone()) {
            Some(name) => Ok(Host::of_cloud(&name, &self.session)),
            None => Err(unusable(
                py,
                &format!("guest `{}`", self.name()),
                format!("Nova names no host for it (status {})", self.status()),
                Some(
                    "hosts are shown to administrators, for servers that have been scheduled; `refresh()` asks again",
                ),
            )),
        }
    }

    /// The hypervisor's own name, often the host's long name.
    #[getter]
    fn hypername(&self) -> Option<String> {
        self.look(|server, _| server.hypervisor_hostname.clone())
    }

    /// The libvirt domain's name: "instance-0000002a".
    #[getter]
    fn virt_name(&self) -> Option<String> {
        self.look(|server, _| server.instance_name.clone())
    }

    /// Its first address.
    #[getter]
    fn address(&self) -> Option<String> {
        self.look(|server, _| server.addresses.values().flatten().next().map(|one| one.addr.clone()))
    }

    /// The user's own key/value pairs.
    #[getter]
    fn metadata(&self) -> BTreeMap<String, String> {
        self.look(|server, _| server.metadata.clone())
    }

    /// Why its status is ERROR: one sentence.
    #[getter]
    fn fault(&self) -> Option<String> {
        self.look(|server, _| server.fault.as_ref().map(|fault| fault.message.clone()))
    }

    /// Ask Nova again: status, host, addresses. One API call. Returns the guest itself.
    ///
    /// Raises `NotFound` when it is gone.
    fn refresh<'py>(slf: PyRef<'py, Self>, py: Python<'py>) -> PyResult<PyRef<'py, Self>> {
        slf.ask(py, "nothing was changed".into(), |mut guest, _| async move {
            let answer = guest.refresh().await;
            (guest, answer)
        })?;
        Ok(slf)
    }

    /// The same, by novaclient's name. One API call.
    fn get<'py>(slf: PyRef<'py, Self>, py: Python<'py>) -> PyResult<PyRef<'py, Self>> {
        Self::refresh(slf, py)
    }

    /// Its libvirt domain, read from the host it is on now. One command.
    fn domain(&self, py: Python<'_>) -> PyResult<Domain> {
        let domain = self.ask(py, "nothing was changed".into(), |mut guest, _| async move {
            let answer = guest.domain().await;
            (guest, answer)
        });
        Ok(Domain::alone(domain?))
    }

    /// The domain XML as libvirt has it now. One command. `flags` 1 shows secrets in the
    /// original and is not needed: smog never shows them.
    #[pyo3(signature = (flags = 0))]
    fn dumpxml(&self, py: Python<'_>, flags: u32) -> PyResult<String> {
        let _ = flags;
        Ok(self.domain(py)?.inner.xml().to_string())
    }

    /// Move it while it runs, to `to` or to the scheduler's choice; returns when it is
    /// there, and `guest.host` is the new one.
    ///
    /// Raises `NotFound` for an unknown host, `Fault` with Nova's reason, `Timeout` after
    /// `timeout` seconds. Ctrl-C stops the waiting; the move goes on.
    ///
    /// >>> guest.live_migrate()
    /// >>> guest.host.name
    /// 'cmp2'
    #[pyo3(signature = (to: "str | Host | None" = None, *, block: "bool | None" = None, timeout: "float" = 300.0) -> "None")]
    fn live_migrate(
        &self,
        py: Python<'_>,
        to: Option<NameOf>,
        block: Option<bool>,
        timeout: f64,
    ) -> PyResult<()> {
        let left = format!("Nova continues to move `{}`", self.name());
        let how = LiveMigration { host: to.map(NameOf::name), block: block.into() };
        self.ask(py, left, move |mut guest, ctx| async move {
            let answer = match guest.live_migrate_with(&how, wait(timeout, &ctx.teller())).await {
                Err(why) => {
                    let asked = WhyNotRequest::of_live_migration(&guest.server.id, &how);
                    Err(guest.cloud().with_why(why, &asked).await)
                }
                done => done,
            };
            (guest, answer)
        })
    }

    /// Wait for a status such as "ACTIVE", or "DELETED" until it is gone.
    ///
    /// Raises `Fault` when it goes to ERROR meanwhile, `Timeout` with the last state.
    #[pyo3(signature = (status, *, timeout = 300.0))]
    fn wait_for(&self, py: Python<'_>, status: String, timeout: f64) -> PyResult<()> {
        self.ask(py, "nothing was changed".into(), move |mut guest, ctx| async move {
            let answer = guest.wait_for(&status, wait(timeout, &ctx.teller())).await;
            (guest, answer)
        })
    }

    /// What the domain XML declares, and what the kernel does. Two commands.
    ///
    /// >>> guest.compare()
    /// WHAT      DECLARED  KERNEL  AGREES
    /// vCPU 0    CPU 1     CPU 1   yes
    #[pyo3(signature = () -> "Listing[Compared]")]
    fn compare<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let rows = self.ask(py, "nothing was changed".into(), |mut guest, _| async move {
            let answer = guest.compare().await;
            (guest, answer)
        })?;
        listed::<Compared>(py, rows, &self.session)
    }

    /// What every layer says of it, and where they disagree: the page of `smog explain`. All layers
    /// are asked at once.
    ///
    /// A dict with `sections` (each a `topic` and its `lines`), `findings` and `unknown`; `topic`
    /// ("server", "placement", "cpu", "memory", "host", "network", "disk", "logs") goes deeper into
    /// one part.
    ///
    /// >>> [line["said"] for line in guest.explain("cpu")["sections"][0]["lines"] if line["wrong"]]
    /// []
    #[pyo3(signature = (topic: "str | None" = None) -> "dict[str, Any]")]
    fn explain(&self, py: Python<'_>, topic: Option<String>) -> PyResult<Py<PyAny>> {
        let topic = topic.map(|name| name.parse()).transpose();
        let topic = topic.map_err(|error| crate::errors::to_py(py, &error))?;
        let page = self.ask(py, "nothing was changed".into(), move |mut guest, _| async move {
            let answer = match guest.refresh().await {
                Ok(()) => guest.cloud().explain(&guest.server, topic).await,
                Err(why) => Err(why),
            };
            (guest, answer)
        })?;
        plain(py, &page)
    }

    /// Its QEMU process: threads with their CPUs, memory by cell and page size. Two commands.
    fn process(&self, py: Python<'_>) -> PyResult<GuestProcess> {
        let process = self.ask(py, "nothing was changed".into(), |mut guest, _| async move {
            let answer = guest.process().await;
            (guest, answer)
        });
        Ok(GuestProcess::alone(process?))
    }

    /// Whether its memory is declared to be in huge pages *and* is. Two commands.
    fn verify_hugepage(&self, py: Python<'_>) -> PyResult<bool> {
        self.ask(py, "nothing was changed".into(), |mut guest, _| async move {
            let answer = guest.verify_huge_pages().await;
            (guest, answer)
        })
    }

    /// The last lines of its serial console, or all that Nova kept. One API call.
    #[pyo3(signature = (lines = None))]
    fn console(&self, py: Python<'_>, lines: Option<u32>) -> PyResult<String> {
        self.ask(py, "nothing was changed".into(), move |guest, _| async move {
            let answer = guest.console(lines).await;
            (guest, answer)
        })
    }

    /// Delete it, wait until it is gone, and delete the flavor smog made for it.
    #[pyo3(signature = (*, timeout = 300.0))]
    fn delete(&self, py: Python<'_>, timeout: f64) -> PyResult<()> {
        let left = format!("Nova continues to delete `{}`", self.name());
        self.ask(py, left, move |guest, ctx| async move {
            let answer = guest.delete(wait(timeout, &ctx.teller())).await;
            (guest, answer)
        })
    }

    /// What was done to it, whole: the newest action, or the newest one of this name ("create",
    /// "reboot" …) or request. From Nova's action record and the logs of all hosts.
    ///
    /// >>> print(guest.trace("create"))
    #[pyo3(signature = (action: "str | None" = None) -> "Trace")]
    fn trace(&self, py: Python<'_>, action: Option<String>) -> PyResult<Trace> {
        let left = "nothing was changed".to_string();
        let logs = crate::watch::logs_of_traces(&self.session);
        let trace = self.ask(py, left, move |guest, _| async move {
            let answer = guest.trace(action.as_deref(), logs).await;
            (guest, answer)
        })?;
        Ok(Trace::of(trace, &self.session))
    }

    /// Why no host takes it, or where it could move to; with `flavor`, resized.
    ///
    /// >>> guest.why_not(flavor="big")
    /// <WhyNot guest `web`, flavor `big`: cmp2 fits>
    #[pyo3(signature = (*, flavor: "str | Flavor | None" = None, host: "str | Host | None" = None) -> "WhyNot")]
    fn why_not(&self, py: Python<'_>, flavor: Option<NameOf>, host: Option<NameOf>) -> PyResult<WhyNot> {
        let (flavor, host) = (flavor.map(NameOf::name), host.map(NameOf::name));
        let answer = self.ask(py, "nothing was changed".into(), move |guest, _| async move {
            let of = Some(guest.server.id.clone());
            let request = WhyNotRequest { of, flavor, host, reads_log: true, ..WhyNotRequest::default() };
            let answer = guest.cloud().why_not(&request).await;
            (guest, answer)
        })?;
        Ok(WhyNot::of(answer, &self.session))
    }

    /// Everything seen of it as plain data; under `domain` what libvirt said.
    #[pyo3(signature = () -> "dict[str, Any]")]
    fn to_dict(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        match self.session.cloud_in_hand() {
            Some(cloud) => self.with_core(&cloud, |guest| crate::data::plain(py, &guest)),
            None => self.look(|server, _| crate::data::plain(py, server)),
        }
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*exception: "object") -> "None")]
    fn __exit__(&self, py: Python<'_>, exception: Bound<'_, PyTuple>) -> PyResult<()> {
        let _ = exception;
        let left = format!("Nova continues to delete `{}`", self.name());
        self.ask(py, left, move |guest, ctx| async move {
            let answer = match guest.delete(wait(300.0, &ctx.teller())).await {
                // Someone deleted it inside the block already.
                Err(Error::NotFound { .. }) => Ok(()),
                other => other,
            };
            (guest, answer)
        })
    }

    fn __repr__(&self) -> String {
        self.look(|server, seen| {
            let on = server.host.as_ref().map(|host| format!(" on {host}")).unwrap_or_default();
            let mut more = vec![format!("{} vCPU", server.flavor.vcpus)];
            if let Some(domain) = seen {
                if domain.is_pinned() {
                    let pins = domain.vcpu_pins();
                    let all = pins.values().fold(smog::Cpuset::new(), |all, cpus| all.union(cpus));
                    more[0].push_str(&format!(" pinned to {all}"));
                }
                if !domain.cells().is_empty() {
                    more.push(match domain.cells().len() {
                        1 => "1 NUMA node".into(),
                        count => format!("{count} NUMA nodes"),
                    });
                }
                let sizes = domain.memory_backing.huge_pages.iter().flatten();
                more.extend(sizes.map(|pages| match pages.size_kib {
                    Some(kib) => format!("{} pages", smog::show::kib(kib)),
                    None => "huge pages".to_string(),
                }));
            }
            format!("<Guest {} {}{on}, {}>", server.name, server.state(), more.join(", "))
        })
    }

    fn __str__(&self) -> String {
        self.name()
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Guest>().is_ok_and(|other| other.get().id == self.id)
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.id.hash(&mut hasher);
        hasher.finish()
    }

    fn _repr_html_(&self) -> String {
        crate::table::html_pairs(&self._row())
    }

    fn _row(&self) -> Vec<(&'static str, String)> {
        match self.session.cloud_in_hand() {
            Some(cloud) => self.with_core(&cloud, |guest| cells(&guest)),
            None => self.look(|server, _| cells(server)),
        }
    }
}
