//! Snapshots as Python classes: what a noun has in every face (fields, one line, a row,
//! plain data) is said once, in one macro.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyList;
use smog::show::Show;

use crate::session::Session;

/// The cells of the normal columns of something that can be shown.
pub fn cells<T: Show>(item: &T) -> Vec<(&'static str, String)> {
    let normal = T::COLUMNS.iter().filter(|column| !column.wide);
    normal.map(|column| (column.name, (column.cell)(item))).collect()
}

/// "name value, name value" of the columns that say something: the one line of a noun
/// without a better one.
pub fn line<T: Show>(kind: &str, item: &T) -> String {
    let cells = cells(item).into_iter().filter(|(_, text)| !text.is_empty());
    let texts: Vec<String> = cells.map(|(_, text)| text).collect();
    format!("<{kind} {}>", texts.join(", "))
}

/// A `smog.display.Listing` of classes; `what` is what several are called, for an empty list.
pub fn listing<'py, T>(py: Python<'py>, what: &str, items: Vec<T>) -> PyResult<Bound<'py, PyAny>>
where
    T: IntoPyObject<'py>,
{
    let list = PyList::empty(py);
    for item in items {
        list.append(item)?;
    }
    py.import("smog.display")?.getattr("Listing")?.call1((list, what))
}

/// A noun of the core with what Python shows of it.
pub trait Noun: Sized {
    /// The core's type.
    type Inner;
    /// Of the core's, with the login it came from, if it is asked things later.
    fn make(inner: Self::Inner, session: Option<Arc<Session>>) -> Self;
    /// The login it came from.
    fn session(&self) -> Option<Arc<Session>>;

    /// One that came from a cloud.
    fn of(inner: Self::Inner, session: &Arc<Session>) -> Self {
        Self::make(inner, Some(session.clone()))
    }

    /// One that is never asked things.
    fn alone(inner: Self::Inner) -> Self {
        Self::make(inner, None)
    }
}

/// Many of them.
pub fn listed<'py, N>(
    py: Python<'py>,
    items: Vec<N::Inner>,
    session: &Arc<Session>,
) -> PyResult<Bound<'py, PyAny>>
where
    N: Noun + IntoPyObject<'py>,
    N::Inner: Show,
{
    listing(py, N::Inner::PLURAL, items.into_iter().map(|inner| N::of(inner, session)).collect::<Vec<N>>())
}

/// Defines a class from a noun: `field: type = |noun| expression;` with its document.
macro_rules! noun {
    (
        $(#[doc = $doc:literal])*
        $name:ident of $inner:ty, line $line:expr, str $str:expr, cells $cells:expr;
        $( $(#[doc = $fdoc:literal])* $field:ident : $type:ty = $get:expr; )*
        $( => { $($methods:tt)* } )?
    ) => {
        $(#[doc = $doc])*
        #[pyo3::pyclass(frozen, module = "smog")]
        #[derive(Clone)]
        pub struct $name {
            pub(crate) inner: $inner,
            session: Option<std::sync::Arc<$crate::session::Session>>,
        }

        impl $crate::noun::Noun for $name {
            type Inner = $inner;
            fn make(inner: $inner, session: Option<std::sync::Arc<$crate::session::Session>>) -> $name {
                $name { inner, session }
            }
            fn session(&self) -> Option<std::sync::Arc<$crate::session::Session>> {
                self.session.clone()
            }
        }

        #[pyo3::pymethods]
        impl $name {
            $(
                $(#[doc = $fdoc])*
                #[getter]
                fn $field(&self) -> $type {
                    let get: fn(&$inner) -> $type = $get;
                    get(&self.inner)
                }
            )*

            /// Everything in it as plain data: dicts, lists, strings, numbers.
            #[pyo3(signature = () -> "dict[str, Any]")]
            fn to_dict(&self, py: pyo3::Python<'_>) -> pyo3::PyResult<pyo3::Py<pyo3::PyAny>> {
                $crate::data::plain(py, &self.inner)
            }

            /// The same as JSON text.
            fn to_json(&self) -> pyo3::PyResult<String> {
                $crate::data::json(&self.inner)
            }

            fn __repr__(&self) -> String {
                let line: fn(&$inner) -> String = $line;
                smog::show::visible_line(&line(&self.inner)).into_owned()
            }

            fn __str__(&self) -> String {
                let text: fn(&$inner) -> String = $str;
                text(&self.inner)
            }

            fn _repr_html_(&self) -> String {
                $crate::table::html_pairs(&self._row())
            }

            fn _row(&self) -> Vec<(&'static str, String)> {
                let cells: fn(&$inner) -> Vec<(&'static str, String)> = $cells;
                cells(&self.inner)
            }

            $($($methods)*)?
        }
    };
}
pub(crate) use noun;
