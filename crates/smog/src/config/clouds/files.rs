//! Which files are read: the search paths of openstacksdk for `clouds`, `secure` and
//! `clouds-public`, each `.yaml`, `.yml` or `.json`; the first of each that is there counts.

use std::path::{Path, PathBuf};

use crate::config::tree::{Body, Node};
use crate::config::{Surroundings, trust, yaml};
use crate::error::{Error, Result};

/// What was read.
pub(in crate::config) struct Files {
    /// `clouds.yaml` with `secure.yaml` merged into it, whole.
    pub clouds: Option<(PathBuf, Node)>,
    /// `clouds-public.yaml`.
    pub vendors: Option<Node>,
    /// Where `clouds.yaml` was looked for.
    pub places: Vec<PathBuf>,
    /// Files that were passed over, and why.
    pub notices: Vec<String>,
}

/// The file that was found, and where it was looked for.
type Loaded = (Option<(PathBuf, Node)>, Vec<PathBuf>);

/// Read them.
///
/// # Errors
/// [`Error::Config`] for a file that is there and no YAML: openstacksdk takes the next one, but
/// a cloud of the same name in another file is another cloud.
pub(in crate::config) fn read(from: &Surroundings) -> Result<Files> {
    let mut notices = Vec::new();
    let mut load = |name: &str, variable: &str| -> Result<Loaded> {
        let mut places = Vec::new();
        if let Some(named) = from.variables.get(variable).filter(|value| !value.is_empty()) {
            let path = PathBuf::from(named);
            if !path.exists() {
                notices.push(format!(
                    "{variable} names {named}, which is not there; the usual places are searched"
                ));
            }
            places.push(path);
        }
        let named = places.len();
        let folders = from.openstack_folders();
        places.extend(
            folders
                .iter()
                .flat_map(|folder| ["yaml", "yml", "json"].map(|end| folder.join(format!("{name}.{end}")))),
        );
        for (at, path) in places.iter().enumerate().filter(|(_, path)| path.exists()) {
            if at >= named
                && let Some(why) = trust::why_not(path)
            {
                let way = format!("{variable}={}", path.display());
                notices.push(trust::notice(path, &why, &way));
                continue;
            }
            match tree(path) {
                Ok(tree) => return Ok((Some((path.clone(), tree)), places)),
                // As openstacksdk: what the user cannot read is for others.
                Err(Error::Config { message, .. }) if message == yaml::DENIED => {
                    notices.push(format!("{} is passed over: you may not read it", path.display()));
                }
                Err(why) => return Err(why),
            }
        }
        Ok((None, places))
    };
    let (clouds, places) = load("clouds", "OS_CLIENT_CONFIG_FILE")?;
    let (secure, _) = load("secure", "OS_CLIENT_SECURE_FILE")?;
    let (vendors, _) = load("clouds-public", "OS_CLIENT_VENDOR_FILE")?;
    let clouds = match (clouds, secure) {
        (Some((path, mut below)), Some((_, above))) => {
            lay_over(&mut below, above);
            Some((path, below))
        }
        (one, other) => one.or(other),
    };
    Ok(Files { clouds, vendors: vendors.map(|(_, tree)| tree), places, notices })
}

fn tree(path: &Path) -> Result<Node> {
    let tree = yaml::read_forgiving(path)?;
    match tree.body {
        Body::Map(_) | Body::Null => Ok(tree),
        _ => Err(Error::Config {
            place: path.display().to_string(),
            message: "is not a set of keys, so this is not a clouds.yaml".into(),
            hint: Some("a clouds.yaml begins with `clouds:`".into()),
        }),
    }
}

/// Lay `above` over `below`: maps key by key, all else as a whole.
pub(super) fn lay_over(below: &mut Node, above: Node) {
    match (&mut below.body, above.body) {
        (Body::Map(below), Body::Map(above)) => {
            for entry in above {
                match below.iter_mut().find(|one| one.key == entry.key) {
                    Some(known) => lay_over(&mut known.value, entry.value),
                    None => below.push(entry),
                }
            }
        }
        (Body::Map(_), Body::Null) => {}
        (own, body) => *own = body,
    }
}
