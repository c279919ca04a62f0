//! An authenticated session to one OpenStack. Its methods are in `cloud/`, one file per subject.

mod boot;
mod calls;
mod judge;
mod logs;
mod nouns;
mod parts;
mod volumes;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use smog::Result;

pub use self::calls::ApiCall;
use crate::enter::{Ctx, enter};
use crate::environment::Environment;
use crate::guest::Guest;
use crate::guests::{Guests, discover, guest};
use crate::host::{Host, host};
use crate::hosts::Hosts;
use crate::name_of::NameOf;
use crate::noun::{Noun, listed};
use crate::session::Session;
pub(crate) use volumes::TAKING_BACK;

/// An authenticated session to one OpenStack: what `smog.connect()` gives.
///
/// `cloud.guests` and `cloud.hosts` complete at the prompt; everything with parentheses asks.
/// It may be used from several threads, and in a forked child, where it logs in again.
///
/// >>> cloud = smog.connect()
/// >>> for guest in cloud.discover():
/// ...     print(guest.name, guest.host.name)
#[pyclass(frozen, module = "smog")]
pub struct Cloud {
    pub(crate) session: Arc<Session>,
}

impl Cloud {
    pub fn new(session: Arc<Session>) -> Cloud {
        Cloud { session }
    }

    /// The login behind it.
    pub fn session(&self) -> Arc<Session> {
        self.session.clone()
    }

    /// Ask the cloud something that leaves nothing behind when it is not waited for.
    pub fn ask<T, F>(
        &self,
        py: Python<'_>,
        question: impl FnOnce(smog::Cloud, Ctx) -> F + Send + 'static,
    ) -> PyResult<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let session = self.session.clone();
        enter(py, |ctx| async move {
            let inner = ctx.clone();
            let asked = async { question(session.cloud().await?, inner).await };
            ctx.unless_stopped("the last call may have been made", asked).await
        })
    }

    pub fn listed<'py, N, F>(
        &self,
        py: Python<'py>,
        question: impl FnOnce(smog::Cloud) -> F + Send + 'static,
    ) -> PyResult<Bound<'py, PyAny>>
    where
        N: Noun + IntoPyObject<'py>,
        N::Inner: smog::show::Show + Send + 'static,
        F: Future<Output = Result<Vec<N::Inner>>> + Send + 'static,
    {
        let items = self.ask(py, |cloud, _| question(cloud))?;
        listed::<N>(py, items, &self.session)
    }
}

#[pymethods]
impl Cloud {
    /// Its name in clouds.yaml, or "envvars".
    #[getter]
    fn name(&self) -> String {
        self.session.settings().credentials.name.clone()
    }

    /// Keystone's URL.
    #[getter]
    fn auth_url(&self) -> String {
        self.session.settings().credentials.auth_url.clone()
    }

    /// Whether the user has the admin role. Nothing is asked.
    #[getter]
    fn is_admin(&self) -> bool {
        self.session.cloud_in_hand().is_some_and(|cloud| cloud.is_admin())
    }

    /// The project the user is in.
    #[getter]
    fn project_id(&self) -> Option<String> {
        self.session.cloud_in_hand().and_then(|cloud| cloud.own_project_id())
    }

    /// The settings in use: one line each, with where it comes from.
    #[getter]
    fn settings(&self) -> Vec<(String, String, String)> {
        let entries = self.session.settings().file.entries();
        entries.into_iter().map(|line| (line.setting, line.value, line.from.to_string())).collect()
    }

    /// Guests by name; called, all of them.
    #[getter]
    fn guests(&self) -> Guests {
        Guests::new(&self.session)
    }

    /// Hosts by name; called, all of them.
    #[getter]
    fn hosts(&self) -> Hosts {
        Hosts::new(&self.session)
    }

    /// The last 2000 API calls, the newest last. Nothing is asked.
    #[getter]
    fn calls(&self) -> Vec<ApiCall> {
        let calls =
            self.session.seen(|seen| seen.calls.iter().cloned().collect::<Vec<_>>()).unwrap_or_default();
        calls
            .into_iter()
            .map(|call| ApiCall {
                service: call.service.to_string(),
                method: call.method,
                path: call.path,
                status: call.status,
                request_id: call.request_id,
                elapsed_s: call.elapsed.as_secs_f64(),
            })
            .collect()
    }

    /// Every guest the user may see, or those given (`Guest`, `Server` or id), each joined
    /// with its host and domain. One API call and one command per host.
    ///
    /// Hosts that could not be asked are in `.problems` of the list; their guests are listed
    /// without a domain.
    ///
    /// >>> cloud.discover()
    /// NAME  STATUS  HOST  DOMAIN             LIBVIRT  VCPUS  RAM      PINNED TO  PAGES  ADDRESS
    /// web   ACTIVE  cmp2  instance-00000022  running  1      128 MiB  1          2 MiB  192.168.77.36
    #[pyo3(signature = (guests: "Sequence[Guest | Server | str] | None" = None) -> "Listing[Guest]")]
    fn discover<'py>(&self, py: Python<'py>, guests: Option<Vec<NameOf>>) -> PyResult<Bound<'py, PyAny>> {
        let ids = guests.map(|guests| guests.into_iter().map(NameOf::name).collect());
        discover(py, &self.session, ids)
    }

    /// One guest by name, id, or an unambiguous beginning of either. One API call.
    ///
    /// Raises `NotFound` with near names, `AmbiguityException` with the ids.
    fn guest(&self, py: Python<'_>, name: String) -> PyResult<Guest> {
        guest(py, &self.session, name)
    }

    /// One host by name. Asks Nova only for a host that is not in smog.yml.
    fn host(&self, py: Python<'_>, name: String) -> PyResult<Host> {
        host(py, &self.session, &name)
    }

    /// What `environment` calls, which is made from the table of what can be asked of hosts.
    #[pyo3(signature = (
        settings: "list[str]", wanted: "dict[str, Any]", hosts: "Sequence[str | Host]",
        suite: "str | os.PathLike[str] | None", journal: "str | os.PathLike[str] | None", timeout: "float"
    ) -> "Environment")]
    #[expect(clippy::too_many_arguments, reason = "one call, of what Python's keywords are")]
    fn _environment(
        &self,
        py: Python<'_>,
        settings: Vec<String>,
        wanted: BTreeMap<String, Bound<'_, PyAny>>,
        hosts: Vec<NameOf>,
        suite: Option<PathBuf>,
        journal: Option<PathBuf>,
        timeout: f64,
    ) -> PyResult<Environment> {
        let request = crate::environment::request(py, settings, wanted, suite.is_some())?;
        let suite = suite.map(|path| path.to_string_lossy().into_owned());
        let hosts = hosts.into_iter().map(NameOf::name).collect();
        Environment::new(py, &self.session, request, suite, hosts, journal, timeout)
    }

    /// Close the connections to hosts. They are opened again when needed.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        let session = self.session.clone();
        enter(py, |_| async move {
            session.close().await;
            Ok(())
        })
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    #[pyo3(signature = (*exception: "object") -> "None")]
    fn __exit__(&self, py: Python<'_>, exception: Bound<'_, PyTuple>) -> PyResult<()> {
        let _ = exception;
        self.close(py)
    }

    fn __repr__(&self) -> String {
        format!("<Cloud {} at {}>", self.name(), self.auth_url())
    }
}
