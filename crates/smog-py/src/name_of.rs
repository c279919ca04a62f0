//! What a Python user may name: by a text, or by the thing itself.

use pyo3::prelude::*;

/// Something by its name, or the thing itself.
#[derive(FromPyObject)]
pub enum NameOf {
    /// Its name or id.
    Name(String),
    /// Itself: its id, or its name where it has none.
    #[pyo3(transparent)]
    Thing(Py<PyAny>),
}

impl NameOf {
    /// The id or name.
    pub fn name(self) -> String {
        match self {
            NameOf::Name(name) => name,
            NameOf::Thing(thing) => Python::attach(|py| {
                let of = |attribute: &str| thing.bind(py).getattr(attribute).ok()?.extract::<String>().ok();
                of("id").or_else(|| of("name")).unwrap_or_else(|| thing.bind(py).to_string())
            }),
        }
    }
}
