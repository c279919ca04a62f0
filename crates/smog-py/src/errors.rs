//! The core's error as a Python exception. The tree itself is written in Python
//! (`smog.errors`): under abi3 a Rust type cannot subclass an exception before 3.12.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use smog::Error;
use smog::hint::{self, Face};

/// The exception of an error, with `.host`, `.request_id` and `.hint`.
pub fn to_py(py: Python<'_>, error: &Error) -> PyErr {
    made(py, error).unwrap_or_else(|failed| failed)
}

fn made(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let more = PyDict::new(py);
    let class = match error.cause() {
        Error::NotFound { what, name, near } => {
            more.set_item("what", what)?;
            more.set_item("name", name)?;
            more.set_item("near", smog::near(name, near.iter().map(String::as_str)))?;
            "NotFound"
        }
        Error::Ambiguous { what, name, ids } => {
            more.set_item("what", what)?;
            more.set_item("name", name)?;
            more.set_item("ids", ids)?;
            "AmbiguityException"
        }
        Error::Api { service, method, path, status, message, request_id } => {
            more.set_item("service", service)?;
            more.set_item("method", method)?;
            more.set_item("path", path)?;
            more.set_item("status", status)?;
            more.set_item("message", message)?;
            more.set_item("request_id", request_id)?;
            "ApiError"
        }
        Error::Auth { .. } => "AuthError",
        Error::TooOld { need, have, .. } => {
            more.set_item("need", need)?;
            more.set_item("have", have)?;
            "TooOld"
        }
        Error::Unreachable { .. } => "Unreachable",
        Error::Untrusted { .. } => "Untrusted",
        Error::Command { host, command, exit, stderr } => {
            more.set_item("host", host)?;
            more.set_item("command", command)?;
            more.set_item("exit", exit)?;
            more.set_item("stderr", stderr)?;
            "CommandException"
        }
        Error::Missing { host, program, .. } => {
            more.set_item("host", host)?;
            more.set_item("program", program)?;
            "MissingProgram"
        }
        Error::Timeout { waited, last, request_id, .. } => {
            more.set_item("waited_s", waited.as_secs_f64())?;
            more.set_item("last", last)?;
            more.set_item("request_id", request_id)?;
            "Timeout"
        }
        Error::Fault { what, fault, host, request_id, .. } => {
            more.set_item("fault", fault)?;
            more.set_item("host", host)?;
            more.set_item("request_id", request_id)?;
            if what.starts_with("boot of") { "BootException" } else { "Fault" }
        }
        Error::Config { place, .. } => {
            more.set_item("place", place)?;
            "ConfigException"
        }
        Error::Parse { .. } => "ParseError",
        Error::Unread { lines } => {
            more.set_item("lines", lines)?;
            "Unread"
        }
        Error::Invalid { .. } => "ArgumentError",
        Error::Mismatch { .. } => "Fault",
        Error::Interrupted { left } => {
            more.set_item("left", left)?;
            "Interrupted"
        }
        _ => "SmogError",
    };
    more.set_item("hint", error.hint_for(Face::Python))?;
    more.set_item("temporary", error.is_temporary())?;
    more.set_item("exit_code", error.exit_code() as u8)?;
    let class = py.import("smog.errors")?.getattr(class)?;
    Ok(PyErr::from_value(class.call((smog::show::visible(&error.to_string()),), Some(&more))?))
}

/// An argument that is of no use, said as the core says it.
pub fn unusable(py: Python<'_>, what: &str, why: impl Into<String>, hint: Option<&str>) -> PyErr {
    let error = Error::Invalid { what: what.into(), why: why.into(), hint: hint.map(Into::into) };
    to_py(py, &error)
}

/// What hints of the core name: a command line or flag, and its form in Python.
#[pyfunction]
#[pyo3(name = "_hints")]
pub fn hints() -> Vec<(String, String)> {
    hint::ALL.iter().map(|one| (one.words(Face::Command, None), one.words(Face::Python, None))).collect()
}
