//! Logging in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use smog::config::Surroundings;

use crate::cloud::Cloud;
use crate::enter::enter;
use crate::errors::to_py;
use crate::session::Session;

/// Log in to a cloud: by its name in clouds.yaml, or as the environment says (`OS_*`
/// variables, `OS_CLOUD`, smog.yml), or with a user and a password.
///
/// `rc` is a keystonerc/openrc file, `config` the one smog.yml to read, `settings` overrules
/// values of it (`{"nova.virt_type": "kvm"}`), and `suite` (a name or a path) lays the file of a
/// suite over it, its hosts and credentials included. With `auth_url`, `username`, `password` and
/// `project_name` (or `tenant_name`) nothing else decides who logs in where.
///
/// Raises `AuthError` when keystone says no, `Unreachable`, `ConfigException`.
///
/// >>> cloud = smog.connect("lab")
/// >>> cloud
/// <Cloud lab at http://10.0.0.10:5000/v3>
#[pyfunction]
#[pyo3(signature = (
    cloud: "str | None" = None, *, rc: "str | os.PathLike[str] | None" = None,
    config: "str | os.PathLike[str] | None" = None, settings: "dict[str, object] | None" = None,
    suite: "str | os.PathLike[str] | None" = None,
    auth_url: "str | None" = None, username: "str | None" = None, password: "str | None" = None,
    project_name: "str | None" = None, tenant_name: "str | None" = None,
    user_domain_name: "str | None" = None, project_domain_name: "str | None" = None
) -> "Cloud")]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn connect(
    py: Python<'_>,
    cloud: Option<String>,
    rc: Option<PathBuf>,
    config: Option<PathBuf>,
    settings: Option<BTreeMap<String, Bound<'_, PyAny>>>,
    suite: Option<PathBuf>,
    auth_url: Option<String>,
    username: Option<String>,
    password: Option<String>,
    project_name: Option<String>,
    tenant_name: Option<String>,
    user_domain_name: Option<String>,
    project_domain_name: Option<String>,
) -> PyResult<Cloud> {
    let mut surroundings = Surroundings {
        os_cloud: cloud,
        rc_file: rc,
        config_file: config,
        sets: sets(settings)?,
        suite: suite.map(|path| path.to_string_lossy().into_owned()),
        ..Surroundings::of_process()
    };
    let named = [
        ("OS_AUTH_URL", auth_url),
        ("OS_USERNAME", username),
        ("OS_PASSWORD", password),
        ("OS_PROJECT_NAME", project_name.or(tenant_name)),
    ];
    if named.iter().any(|(_, value)| value.is_some()) {
        with_login(&mut surroundings, named, user_domain_name, project_domain_name);
    }
    // An openrc file may run for a while: Ctrl-C ends it.
    let give_up = || Python::attach(|py| py.check_signals().is_err());
    let settings = Surroundings { give_up: Some(Arc::new(give_up)), ..surroundings.clone() }.settings();
    let settings = settings.map_err(|error| match error {
        smog::Error::Interrupted { .. } => pyo3::exceptions::PyKeyboardInterrupt::new_err(()),
        error => to_py(py, &error),
    })?;
    let session = enter(py, |ctx| async move {
        ctx.unless_stopped("nothing was changed", Session::open(surroundings, settings)).await
    })?;
    Ok(Cloud::new(Arc::new(session)))
}

/// What is named takes the place of the variable; a login that is whole leaves none of the others.
fn with_login(
    surroundings: &mut Surroundings,
    named: [(&str, Option<String>); 4],
    user_domain: Option<String>,
    project_domain: Option<String>,
) {
    let variables = &mut surroundings.variables;
    if named.iter().all(|(_, value)| value.is_some()) {
        variables.retain(|name, _| {
            !name.starts_with("OS_") || matches!(name.as_str(), "OS_CACERT" | "OS_REGION_NAME")
        });
    }
    variables.remove("OS_CLOUD");
    let mut set = |name: &str, value: String| variables.insert(name.to_string(), value);
    for (name, value) in named {
        if let Some(value) = value {
            set(name, value);
        }
    }
    set("OS_USER_DOMAIN_NAME", user_domain.unwrap_or_else(|| "Default".into()));
    set("OS_PROJECT_DOMAIN_NAME", project_domain.unwrap_or_else(|| "Default".into()));
}

/// `{"nova.virt_type": "kvm"}` as `--set` takes it.
fn sets(settings: Option<BTreeMap<String, Bound<'_, PyAny>>>) -> PyResult<Vec<String>> {
    let pairs = settings.unwrap_or_default().into_iter();
    pairs.map(|(path, value)| Ok(format!("{path}={}", value.str()?.to_str()?))).collect()
}

/// The version of the core.
#[pyfunction]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Of `names`, those that look like `asked`, best first: "did you mean".
#[pyfunction]
pub fn near(asked: &str, names: Vec<String>) -> Vec<String> {
    smog::near(asked, names.iter().map(String::as_str))
}
