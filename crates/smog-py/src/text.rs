//! Texts read without asking anyone: configuration files, YAML, log lines.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use pyo3::prelude::*;
use smog::Error;
use smog::watch::Assembler;

use crate::data::to_python;
use crate::errors::to_py;
use crate::noun::Noun;
use crate::nouns::Record;

/// A file of oslo.config, such as nova.conf, edited without touching the rest of it:
/// comments, order and blanks stay. Each edit gives a new one.
///
/// >>> conf = OsloConfig(host.read("/etc/nova/nova.conf"))
/// >>> conf.get("libvirt", "virt_type")
/// 'qemu'
/// >>> conf.set("libvirt", "virt_type", "kvm").text
#[pyclass(frozen, module = "smog")]
pub struct OsloConfig(smog::oslo::OsloConfig);

#[pymethods]
impl OsloConfig {
    /// Read a file's text; `place` names it in errors. Raises `ConfigException` with the line
    /// for what oslo.config refuses too.
    #[new]
    #[pyo3(signature = (text, place = "the text given"))]
    fn new(py: Python<'_>, text: String, place: &str) -> PyResult<OsloConfig> {
        smog::oslo::OsloConfig::parse(text, place).map(OsloConfig).map_err(|error| to_py(py, &error))
    }

    /// The whole text.
    #[getter]
    fn text(&self) -> &str {
        self.0.text()
    }

    /// The sections, each once, in their order.
    #[getter]
    fn sections(&self) -> Vec<String> {
        self.0.sections().into_iter().map(str::to_string).collect()
    }

    /// An option's value, or `None` when it is not set.
    fn get(&self, section: &str, key: &str) -> Option<String> {
        self.0.get(section, key).map(str::to_string)
    }

    /// All values of an option, for multi-valued ones.
    fn get_all(&self, section: &str, key: &str) -> Vec<String> {
        self.0.get_all(section, key).into_iter().map(str::to_string).collect()
    }

    /// The same file with an option set.
    fn set(&self, py: Python<'_>, section: &str, key: &str, value: &str) -> PyResult<OsloConfig> {
        self.0.set(section, key, value).map(OsloConfig).map_err(|error| to_py(py, &error))
    }

    /// The same file without an option.
    fn remove(&self, py: Python<'_>, section: &str, key: &str) -> PyResult<OsloConfig> {
        self.0.remove(section, key).map(OsloConfig).map_err(|error| to_py(py, &error))
    }

    fn __str__(&self) -> &str {
        self.0.text()
    }

    fn __repr__(&self) -> String {
        format!("<OsloConfig [{}]>", self.0.sections().join("] ["))
    }
}

/// A YAML file as plain data: anchors, aliases and merge keys resolved.
#[pyfunction]
#[pyo3(signature = (path: "str | os.PathLike[str]") -> "Any")]
pub fn read_yaml(py: Python<'_>, path: PathBuf) -> PyResult<Py<PyAny>> {
    let place = path.display().to_string();
    let unusable = |message: String| to_py(py, &Error::Config { place: place.clone(), message, hint: None });
    let text = std::fs::read_to_string(&path).map_err(|why| unusable(why.to_string()))?;
    let value: serde_json::Value = serde_saphyr::from_str(&text).map_err(|why| unusable(why.to_string()))?;
    to_python(py, &value)
}

/// The records of a log's text, each with its whole traceback. Times without an offset are UTC.
///
/// >>> smog.records(open("nova-compute.log").read())[-1].exception
#[pyfunction]
#[pyo3(signature = (text, *, host = "", source = ""))]
pub fn records(text: &str, host: &str, source: &str) -> Vec<Record> {
    let mut assembler = Assembler::new(host, source, TimeZone::UTC);
    let mut found = vec![];
    assembler.push(text.as_bytes(), &mut found);
    assembler.finish(&mut found);
    found.into_iter().map(Record::alone).collect()
}

/// A word as a shell takes it for one word.
#[pyfunction]
pub fn quote(word: &str) -> String {
    smog::quote(word)
}
