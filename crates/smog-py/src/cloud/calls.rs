//! API calls as they are: any call, and those that were made.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use smog::cloud::{Call, Service};

use super::Cloud;
use crate::data::{to_json, to_python};
use crate::errors::unusable;

/// One API call as it was made.
#[pyclass(frozen, get_all, module = "smog")]
pub struct ApiCall {
    /// "compute", "image", "network", "placement", "identity".
    pub(super) service: String,
    /// HTTP method.
    pub(super) method: String,
    /// Path below the service's root.
    pub(super) path: String,
    /// HTTP status; none when no answer came.
    pub(super) status: Option<u16>,
    /// The request id to look for in logs.
    pub(super) request_id: Option<String>,
    /// How long it took, in seconds.
    pub(super) elapsed_s: f64,
}

#[pymethods]
impl ApiCall {
    fn __repr__(&self) -> String {
        let status = self.status.map_or("no answer".to_string(), |status| status.to_string());
        format!(
            "<ApiCall {} {} {}: {status}, {:.0} ms>",
            self.service,
            self.method,
            self.path,
            self.elapsed_s * 1e3
        )
    }

    fn _row(&self) -> Vec<(&'static str, String)> {
        vec![
            ("service", self.service.clone()),
            ("method", self.method.clone()),
            ("path", self.path.clone()),
            ("status", self.status.map_or(String::new(), |status| status.to_string())),
            ("ms", format!("{:.0}", self.elapsed_s * 1e3)),
            ("request", self.request_id.clone().unwrap_or_default()),
        ]
    }
}

#[pymethods]
impl Cloud {
    /// Any call smog has no word for; the answer's body as it came.
    ///
    /// `service` is "compute", "image", "network", "placement" or "identity"; the newest
    /// microversion both sides know is sent unless one is named.
    ///
    /// >>> cloud.call("compute", "GET", "/os-hypervisors/statistics", microversion="2.1")
    #[pyo3(signature = (
        service: "str", method: "str", path: "str", *, body: "Any" = None,
        query: "dict[str, str] | None" = None, microversion: "str | None" = None
    ) -> "Any")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn call(
        &self,
        py: Python<'_>,
        service: &str,
        method: &str,
        path: String,
        body: Option<Bound<'_, PyAny>>,
        query: Option<BTreeMap<String, String>>,
        microversion: Option<String>,
    ) -> PyResult<Py<PyAny>> {
        let service = match service {
            "compute" => Service::Compute,
            "image" => Service::Image,
            "network" => Service::Network,
            "placement" => Service::Placement,
            "identity" => Service::Identity,
            other => {
                let known = "compute, image, network, placement or identity";
                return Err(unusable(
                    py,
                    &format!("service `{other}`"),
                    "smog does not know it",
                    Some(known),
                ));
            }
        };
        let mut call = Call::get(service, path);
        call.method = method
            .to_uppercase()
            .parse()
            .map_err(|_| unusable(py, &format!("method `{method}`"), "HTTP has none such", None))?;
        call.body = body.map(|body| to_json(&body)).transpose()?;
        call.query = query.unwrap_or_default().into_iter().collect();
        let version = microversion
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| crate::errors::to_py(py, &error))?;
        let answer = self.ask(py, move |cloud, _| async move {
            call.microversion = match (version, service) {
                (Some(version), _) => Some(version),
                (None, Service::Compute) => Some(cloud.compute_microversion().await?),
                (None, Service::Placement) => Some(cloud.placement_microversion().await?),
                (None, _) => None,
            };
            cloud.call(call).await
        })?;
        to_python(py, &answer.body)
    }
}
