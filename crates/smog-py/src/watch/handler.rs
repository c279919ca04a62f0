//! A Python callable as a handler, and a Python file as a log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use smog::watch::{Handler, Verdict};

use crate::noun::Noun;
use crate::nouns::Record;

/// An exception that a handler raised, for the caller that closes the watcher.
pub type Raised = Arc<Mutex<Option<PyErr>>>;

/// Asks a Python callable about each record.
pub struct Callable {
    pub call: Py<PyAny>,
    pub raised: Raised,
}

impl Handler for Callable {
    fn record(&mut self, record: &smog::watch::Record) -> Verdict {
        // The interpreter may be busy: other tasks of this thread go on meanwhile.
        tokio::task::block_in_place(|| {
            Python::attach(|py| {
                let answer = self.call.call1(py, (Record::alone(record.clone()),));
                match answer.and_then(|answer| verdict(answer.bind(py))) {
                    Ok(verdict) => verdict,
                    Err(error) => {
                        let text = error.to_string();
                        if let Ok(mut raised) = self.raised.lock() {
                            *raised = Some(error);
                        }
                        Verdict::Fail(text)
                    }
                }
            })
        })
    }
}

/// `None`, `False`: go on. `True`, `"keep"`: keep it. `"stop"`: keep it and stop. Any other
/// text: keep it, stop, and call the watch failed for this reason.
fn verdict(answer: &Bound<'_, PyAny>) -> PyResult<Verdict> {
    if answer.is_none() {
        return Ok(Verdict::GoOn);
    }
    if let Ok(word) = answer.extract::<String>() {
        return Ok(match word.as_str() {
            "" => Verdict::GoOn,
            "keep" => Verdict::Keep,
            "stop" => Verdict::Stop,
            _ => Verdict::Fail(word),
        });
    }
    Ok(if answer.is_truthy()? { Verdict::Keep } else { Verdict::GoOn })
}

/// Writes to a Python object with `write`.
pub struct File(pub Py<PyAny>);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        tokio::task::block_in_place(|| {
            Python::attach(|py| {
                let text = String::from_utf8_lossy(bytes).into_owned();
                self.0.call_method1(py, "write", (text,)).map_err(|why| io::Error::other(why.to_string()))
            })
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        tokio::task::block_in_place(|| {
            Python::attach(|py| {
                self.0.call_method0(py, "flush").map_err(|why| io::Error::other(why.to_string()))
            })
        })?;
        Ok(())
    }
}
