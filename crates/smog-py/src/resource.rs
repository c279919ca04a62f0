//! What an API lists, and no class of its own stands for: its fields as attributes.

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;
use smog::show::Show;

use crate::noun::{cells, listing};

/// Something a service listed: a quota, an interface, a migration, a resource provider …
///
/// Its fields are attributes, as `to_dict()` has them; `dir()` and completion know them.
///
/// >>> [(quota.resource, quota.limit) for quota in cloud.quotas()]
#[pyclass(frozen, module = "smog")]
pub struct Resource {
    kind: &'static str,
    fields: Py<PyDict>,
    row: Vec<(&'static str, String)>,
}

impl Resource {
    /// One of the core's.
    pub fn of<T: Serialize + Show>(py: Python<'_>, kind: &'static str, item: &T) -> PyResult<Resource> {
        let fields = crate::data::plain(py, item)?;
        let fields = match fields.bind(py).cast::<PyDict>() {
            Ok(fields) => fields.clone().unbind(),
            Err(_) => PyDict::new(py).unbind(),
        };
        Ok(Resource { kind, fields, row: cells(item) })
    }

    /// Many of them.
    pub fn all<'py, T: Serialize + Show>(
        py: Python<'py>,
        kind: &'static str,
        items: &[T],
    ) -> PyResult<Bound<'py, PyAny>> {
        let items: Vec<Resource> =
            items.iter().map(|item| Resource::of(py, kind, item)).collect::<PyResult<_>>()?;
        listing(py, T::PLURAL, items)
    }
}

#[pymethods]
impl Resource {
    /// What it is: "Quota", "Interface" …
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        match self.fields.bind(py).get_item(name)? {
            Some(value) => Ok(value.unbind()),
            None => Err(PyAttributeError::new_err(format!("{} has no `{name}`", self.kind))),
        }
    }

    fn __dir__(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let mut names = vec!["kind".to_string(), "to_dict".to_string()];
        for name in self.fields.bind(py).keys() {
            names.push(name.extract()?);
        }
        Ok(names)
    }

    /// Its fields as plain data.
    #[pyo3(signature = () -> "dict[str, Any]")]
    fn to_dict(&self, py: Python<'_>) -> Py<PyDict> {
        self.fields.clone_ref(py)
    }

    fn __repr__(&self) -> String {
        let texts: Vec<&str> =
            self.row.iter().map(|(_, text)| text.as_str()).filter(|text| !text.is_empty()).collect();
        smog::show::visible_line(&format!("<{} {}>", self.kind, texts.join(", "))).into_owned()
    }

    fn _row(&self) -> Vec<(&'static str, String)> {
        self.row.clone()
    }

    fn _repr_html_(&self) -> String {
        crate::table::html_pairs(&self.row)
    }
}
