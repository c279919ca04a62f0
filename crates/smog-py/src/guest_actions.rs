//! The core's table of server actions for Python: `smog/_actions.py` makes the methods of `Guest`
//! from it, and `python/stubs` their stubs.

use std::collections::BTreeMap;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use smog::cloud::server_actions::{ALL, Kind, ServerAction};
use smog::cloud::{Argument, Order};
use smog::config::Secret;
use smog::why_not::WhyNotRequest;

use crate::errors::{to_py, unusable};
use crate::guest::Guest;
use crate::name_of::NameOf;

/// The table: the method's name, the action's, its help, and its parameters (name, help, annotation,
/// whether it must be given, whether its name may be left out).
#[pyfunction]
#[pyo3(signature = () -> "list[dict[str, Any]]")]
pub fn _server_actions(py: Python<'_>) -> PyResult<Vec<Bound<'_, PyDict>>> {
    ALL.into_iter().map(|action| row(py, action)).collect()
}

fn row<'py>(py: Python<'py>, action: &'static ServerAction) -> PyResult<Bound<'py, PyDict>> {
    let parameters = action.parameters.iter().map(|parameter| {
        let dict = PyDict::new(py);
        dict.set_item("name", parameter.name)?;
        dict.set_item("help", parameter.help)?;
        dict.set_item("annotation", annotation(parameter.kind))?;
        dict.set_item("required", parameter.required)?;
        // What it is made from is said first, as in `guest.resize("m1.small")`.
        dict.set_item("positional", matches!(parameter.kind, Kind::Image | Kind::Flavor))?;
        Ok(dict)
    });
    let dict = PyDict::new(py);
    dict.set_item("method", action.method())?;
    dict.set_item("action", action.name)?;
    dict.set_item("help", action.help)?;
    dict.set_item("parameters", parameters.collect::<PyResult<Vec<_>>>()?)?;
    Ok(dict)
}

fn annotation(kind: Kind) -> &'static str {
    match kind {
        Kind::Flag => "bool",
        Kind::Text | Kind::Secret => "str",
        Kind::Image => "str | Image",
        Kind::Flavor => "str | Flavor",
        Kind::Host => "str | Host",
    }
}

/// The order of an action, with Python's keywords.
fn order(py: Python<'_>, action: &str, given: BTreeMap<String, Bound<'_, PyAny>>) -> PyResult<Order> {
    let Some(action) = ServerAction::named(action) else {
        return Err(unusable(py, &format!("action `{action}`"), "there is none such", None));
    };
    let mut order = action.order();
    for (name, value) in given {
        let kind = action.parameters.iter().find(|one| one.name == name).map(|one| one.kind);
        let argument = match kind {
            Some(Kind::Flag) => Argument::Flag(value.is_truthy()?),
            Some(Kind::Secret) => Argument::Secret(Secret::new(value.extract::<String>()?)),
            _ => Argument::Text(value.extract::<NameOf>()?.name()),
        };
        order = order.with(&name, argument);
    }
    order.check().map_err(|error| to_py(py, &error))?;
    Ok(order)
}

#[pymethods]
impl Guest {
    /// Carry out a server action: the methods of the actions' table call it.
    #[pyo3(signature = (action: "str", given: "dict[str, Any]", wait: "bool", timeout: "float") -> "None")]
    fn _carry_out(
        &self,
        py: Python<'_>,
        action: &str,
        given: BTreeMap<String, Bound<'_, PyAny>>,
        wait: bool,
        timeout: f64,
    ) -> PyResult<()> {
        let order = order(py, action, given)?;
        self.ask(py, order.left(&self.name()), move |mut guest, ctx| async move {
            let answer = match wait {
                true => match guest.carry_out(&order, crate::enter::wait(timeout, &ctx.teller())).await {
                    Err(why) => {
                        let asked = WhyNotRequest::of_order(&guest.server.id, &order);
                        Err(guest.cloud().with_why(why, &asked).await)
                    }
                    done => done,
                },
                false => match guest.cloud().clone().give(&guest.server, &order).await {
                    Ok(_) => guest.refresh().await,
                    Err(why) => Err(why),
                },
            };
            (guest, answer)
        })
    }
}
