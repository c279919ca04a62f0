//! `--set PATH=VALUE` and `SMOG_…` variables.

use crate::hint::{self, Hint};
use std::sync::Arc;

use super::keys::FILE;
use super::sections::ConfOption;
use super::tree::{Body, Node, Place, Source};
use super::yaml;
use crate::error::{Error, Result};

/// One value for one path.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub path: Vec<String>,
    /// The value as given.
    pub raw: String,
    /// Only the place matters; [`Assignment::value`] reads it.
    pub value: Node,
}

impl Assignment {
    fn new(path: Vec<String>, raw: &str, source: Source) -> Assignment {
        let place = Place { source: Arc::new(source), line: 1, column: 1 };
        Assignment { path, raw: raw.into(), value: Node { body: Body::Null, place } }
    }

    /// The value as YAML.
    pub(super) fn value(&self) -> Result<Node> {
        yaml::value_tree(&self.raw, (*self.value.place.source).clone())
    }
}

/// `--set hosts.computes.0.host=10.0.0.5`
pub(super) fn flag(text: &str) -> Result<Assignment> {
    match text.split_once('=') {
        Some((path, value)) if !path.is_empty() && path.split('.').all(|part| !part.is_empty()) => Ok(
            Assignment::new(path.split('.').map(str::to_string).collect(), value, Source::Flag(path.into())),
        ),
        _ => Err(Error::Config {
            place: "--set".into(),
            message: "is not of the form PATH=VALUE".into(),
            hint: Some(Hint::from("such as ").and(hint::SETTING.hint())),
        }),
    }
}

/// `--set nova.conf:libvirt.virt_type=kvm`: an option of a file on the hosts. Without a
/// section it is of `DEFAULT`.
pub(super) fn conf_option(text: &str) -> Result<Option<ConfOption>> {
    let Some((key, value)) = text.split_once('=') else { return Ok(None) };
    let Some((file, option)) = key.split_once(':').filter(|(file, _)| file.ends_with(".conf")) else {
        return Ok(None);
    };
    let (section, option) = option.rsplit_once('.').unwrap_or(("DEFAULT", option));
    if section.is_empty() || option.is_empty() {
        return Err(Error::Config {
            place: format!("--set {key}"),
            message: "names no option".into(),
            hint: Some(Hint::from("such as ").and(hint::CONF_OPTION.hint())),
        });
    }
    let [file, section, option, value] = [file, section, option, value].map(str::to_string);
    Ok(Some(ConfOption { file, section, option, value }))
}

/// `SMOG_LOG_DIR` is `log_dir`, `SMOG_NOVA__VIRT_TYPE` is `nova.virt_type`: the path in
/// capitals, two underscores for each dot. Other `SMOG_…` variables are not settings;
/// an empty one says nothing.
pub(super) fn variable(name: &str, value: &str) -> Result<Option<Assignment>> {
    let Some(path) = name.strip_prefix("SMOG_").filter(|_| !value.is_empty()) else { return Ok(None) };
    let mut path: Vec<String> = path.split("__").map(str::to_lowercase).collect();
    if !FILE.iter().any(|key| key.name == path[0]) {
        return Ok(None);
    }
    // OS_* variables are written in capitals.
    if path[0] == "credentials" {
        path.iter_mut().skip(1).for_each(|part| *part = part.to_uppercase());
    }
    Ok(Some(Assignment::new(path, value, Source::Variable(name.into()))))
}
