//! The hosts of a cloud, by name or as a list.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyIterator;

use crate::enter::enter;
use crate::host::{Host, host};
use crate::noun::listed;
use crate::session::Session;

/// `cloud.hosts`: by name, or all of them when called.
///
/// >>> cloud.hosts["cmp1"].facts()
/// >>> cloud.hosts()
#[pyclass(frozen, module = "smog")]
pub struct Hosts {
    session: Arc<Session>,
}

impl Hosts {
    pub fn new(session: &Arc<Session>) -> Hosts {
        Hosts { session: session.clone() }
    }
}

#[pymethods]
impl Hosts {
    /// Every host of Nova and of smog.yml with its state. One API call.
    #[pyo3(signature = () -> "Listing[HostLine]")]
    fn __call__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let session = self.session.clone();
        let lines = enter(py, |ctx| async move {
            let cloud = session.cloud().await?;
            let lines = ctx.unless_stopped("nothing was changed", cloud.host_list()).await?;
            session.seen(|seen| seen.hosts = lines.iter().map(|line| line.name.clone()).collect());
            Ok(lines)
        })?;
        listed::<crate::nouns::HostLine>(py, lines, &self.session)
    }

    /// One host. Asks Nova only for a host that is not in smog.yml.
    fn __getitem__(&self, py: Python<'_>, name: String) -> PyResult<Host> {
        host(py, &self.session, &name)
    }

    /// The names of all hosts. At most one API call.
    fn names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let session = self.session.clone();
        enter(py, |ctx| async move {
            let cloud = session.cloud().await?;
            let names = ctx.unless_stopped("nothing was changed", cloud.host_names()).await?;
            session.seen(|seen| seen.hosts = names.clone());
            Ok(names)
        })
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        let hosts: Vec<Host> =
            self.names(py)?.iter().map(|name| Host::of_cloud(name, &self.session)).collect();
        hosts.into_pyobject(py)?.try_iter()
    }

    fn _ipython_key_completions_(&self) -> Vec<String> {
        let listed = self.session.settings().file.hosts.iter().filter_map(|host| host.name.clone());
        let mut names: Vec<String> = listed.collect();
        names.extend(self.session.seen(|seen| seen.hosts.clone()).unwrap_or_default());
        names.sort();
        names.dedup();
        names
    }

    fn __repr__(&self) -> String {
        let names = self._ipython_key_completions_();
        format!("<Hosts {}; call it to ask Nova>", names.join(", "))
    }
}
