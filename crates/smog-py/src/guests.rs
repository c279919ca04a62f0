//! `cloud.guests`: by name, or all of them when called.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyIterator;

use crate::enter::enter;
use crate::guest::Guest;
use crate::noun::listing;
use crate::session::Session;

/// `cloud.guests`: by name, or all of them when called.
///
/// >>> cloud.guests()
/// >>> cloud.guests["web"].dumpxml()
#[pyclass(frozen, module = "smog")]
pub struct Guests {
    session: Arc<Session>,
}

impl Guests {
    pub fn new(session: &Arc<Session>) -> Guests {
        Guests { session: session.clone() }
    }
}

/// Every guest, or those with these ids, joined with their domains; in `.problems` the hosts that
/// could not be asked, in `.strangers` domains of no server, in `.contradictions` what libvirt says
/// that contradicts Nova.
pub fn discover<'py>(
    py: Python<'py>,
    session: &Arc<Session>,
    ids: Option<Vec<String>>,
) -> PyResult<Bound<'py, PyAny>> {
    let login = session.clone();
    let found = enter(py, |ctx| async move {
        let cloud = login.cloud().await?;
        let looked = async {
            match ids {
                None => cloud.discover().await,
                Some(ids) => cloud.discover_some(&ids).await,
            }
        };
        ctx.unless_stopped("nothing was changed", looked).await
    })?;
    let names = found.guests.iter().map(|guest| guest.server.name.clone()).collect();
    session.seen(|seen| seen.guests = names);
    let problems: Vec<(String, String)> =
        found.problems.iter().map(|problem| (problem.host.clone(), problem.error.to_string())).collect();
    let (strangers, contradictions) = (
        found.strangers.iter().map(smog::guest::Stranger::sentence).collect::<Vec<_>>(),
        found.contradictions(),
    );
    let guests = listing(
        py,
        <smog::Guest as smog::show::Show>::PLURAL,
        found.guests.into_iter().map(|guest| Guest::of(guest, session)).collect(),
    )?;
    guests.setattr("problems", problems)?;
    guests.setattr("strangers", strangers)?;
    guests.setattr("contradictions", contradictions)?;
    Ok(guests)
}

#[pymethods]
impl Guests {
    /// Every guest the user may see, with its host and domain. One API call, one command
    /// per host. Hosts that could not be asked are in `.problems`.
    #[pyo3(signature = () -> "Listing[Guest]")]
    fn __call__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        discover(py, &self.session, None)
    }

    /// One guest by name, id, or an unambiguous beginning of either. One API call.
    fn __getitem__(&self, py: Python<'_>, name: String) -> PyResult<Guest> {
        guest(py, &self.session, name)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        discover(py, &self.session, None)?.try_iter()
    }

    fn _ipython_key_completions_(&self) -> Vec<String> {
        self.session.seen(|seen| seen.guests.clone()).unwrap_or_default()
    }

    fn __repr__(&self) -> String {
        match self._ipython_key_completions_() {
            names if names.is_empty() => "<Guests; call it to ask Nova and the hosts>".into(),
            names => {
                format!("<Guests {}; call it to ask again>", smog::show::visible_line(&names.join(", ")))
            }
        }
    }
}

/// One guest; only Nova is asked.
pub fn guest(py: Python<'_>, session: &Arc<Session>, asked: String) -> PyResult<Guest> {
    let login = session.clone();
    let guest = enter(py, |ctx| async move {
        let cloud = login.cloud().await?;
        ctx.unless_stopped("nothing was changed", cloud.guest(&asked)).await
    })?;
    session.seen(|seen| {
        if !seen.guests.contains(&guest.server.name) {
            seen.guests.push(guest.server.name.clone());
        }
    });
    Ok(Guest::of(guest, session))
}
