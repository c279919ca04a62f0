//! The core's values as plain Python data.

use std::collections::{BTreeMap, BTreeSet};

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde::Serialize;
use serde_json::Value;
use smog::Cpuset;

use crate::errors::unusable;

/// Anything that can be serialized, as dicts, lists, strings and numbers.
pub fn plain<T: Serialize>(py: Python<'_>, value: &T) -> PyResult<Py<PyAny>> {
    let value = serde_json::to_value(value)
        .map_err(|why| pyo3::exceptions::PyValueError::new_err(why.to_string()))?;
    to_python(py, &value)
}

/// The same as JSON text.
pub fn json<T: Serialize>(value: &T) -> PyResult<String> {
    serde_json::to_string_pretty(value)
        .map_err(|why| pyo3::exceptions::PyValueError::new_err(why.to_string()))
}

/// JSON as Python data.
pub fn to_python(py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
    match value {
        Value::Null => Ok(py.None()),
        Value::Bool(value) => value.into_py_any(py),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => number.into_py_any(py),
            (_, Some(number)) => number.into_py_any(py),
            _ => number.as_f64().into_py_any(py),
        },
        Value::String(text) => text.into_py_any(py),
        Value::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(to_python(py, item)?)?;
            }
            list.into_py_any(py)
        }
        Value::Object(pairs) => {
            let dict = PyDict::new(py);
            for (key, value) in pairs {
                dict.set_item(key, to_python(py, value)?)?;
            }
            dict.into_py_any(py)
        }
    }
}

/// Python data as JSON, by Python's own `json`.
pub fn to_json(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    let text: String = value.py().import("json")?.call_method1("dumps", (value,))?.extract()?;
    serde_json::from_str(&text).map_err(|why| unusable(value.py(), "the body", smog::json_words(&why), None))
}

/// A CPU set as Python's set of numbers.
pub fn cpus(set: &Cpuset) -> BTreeSet<u32> {
    set.iter().collect()
}

/// CPU sets by number.
pub fn cpus_by_number(sets: &BTreeMap<u32, Cpuset>) -> BTreeMap<u32, BTreeSet<u32>> {
    sets.iter().map(|(number, set)| (*number, cpus(set))).collect()
}

/// CPUs as a person gives them: `"0-3,8"`, one number, or numbers.
pub struct CpusAsked(Cpuset);

impl<'a, 'py> FromPyObject<'a, 'py> for CpusAsked {
    type Error = PyErr;

    fn extract(asked: pyo3::Borrowed<'a, 'py, PyAny>) -> PyResult<CpusAsked> {
        if let Ok(text) = asked.extract::<String>() {
            return text.parse().map(CpusAsked).map_err(|error| crate::errors::to_py(asked.py(), &error));
        }
        if let Ok(cpu) = asked.extract::<u32>() {
            return Ok(CpusAsked(Cpuset::from_iter([cpu])));
        }
        let numbers: PyResult<Vec<u32>> = asked.try_iter()?.map(|one| one?.extract()).collect();
        Ok(CpusAsked(numbers?.into_iter().collect()))
    }
}

impl CpusAsked {
    /// The set.
    pub fn set(self) -> Cpuset {
        self.0
    }
}
