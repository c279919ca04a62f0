//! Files, variables and flags laid over each other.

use crate::hint::Hint;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::keys::{FILE, Kind, checked, nearest, wrong};
use super::secret::{is_secret, without_passwords};
use super::sections::ConfOption;
use super::set::{self, Assignment};
use super::tree::{Body, Node, Origin, Place, Source};
use super::{SmogFile, Surroundings, trust, yaml};
use crate::error::Result;
use crate::near;
use crate::show::{Column, Show};

/// The layers of one [`SmogFile`].
#[derive(Clone, Default)]
pub(super) struct Layers {
    files: Vec<Node>,
    paths: Vec<PathBuf>,
    current_dir: PathBuf,
    over: Vec<Assignment>,
    pub conf_options: Vec<ConfOption>,
    /// Files that were passed over, and why.
    pub notices: Vec<String>,
    home_dir: Option<PathBuf>,
    /// Where sockets lie.
    pub runtime_dir: Option<PathBuf>,
}

/// The files' text may hold passwords.
impl std::fmt::Debug for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Layers({:?})", self.paths)
    }
}

/// One setting, its value, and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SettingLine {
    /// Its path: "hosts.computes.0.host".
    pub setting: String,
    /// Its value; "(hidden)" for a secret.
    pub value: String,
    /// Where it was written.
    pub from: Origin,
}

impl Show for SettingLine {
    const PLURAL: &'static str = "settings";
    const COLUMNS: &'static [Column<SettingLine>] = &[
        Column::new("setting", |line| line.setting.clone()),
        Column::new("value", |line| line.value.clone()),
        Column::new("from", |line| line.from.to_string()),
    ];
}

impl Layers {
    pub(super) fn of_file(path: &Path) -> Result<Layers> {
        let mut layers = Layers::default();
        layers.add(path)?;
        Ok(layers)
    }

    pub(super) fn of(from: &Surroundings) -> Result<Layers> {
        let (paths, notices) = from.smog_paths();
        let home_dir = from.home_dir.clone();
        let current_dir = from.current_dir.clone();
        let runtime_dir = from.runtime_dir.clone();
        let mut layers = Layers { current_dir, home_dir, runtime_dir, notices, ..Layers::default() };
        for path in paths {
            layers.add(&path)?;
        }
        for (name, value) in &from.variables {
            layers.over.extend(set::variable(name, value)?);
        }
        for text in &from.sets {
            match set::conf_option(text)? {
                Some(option) => layers.conf_options.push(option),
                None => layers.over.push(set::flag(text)?),
            }
        }
        Ok(layers)
    }

    pub(super) fn path(&self) -> Option<PathBuf> {
        self.paths.last().cloned()
    }

    /// With the file of a suite on top. It may have sections of its own, which its tests read;
    /// one that looks like a section of smog.yml is a typo nevertheless.
    pub(super) fn with_suite(&self, path: &Path) -> Result<Layers> {
        let mut layers = self.clone();
        let mut tree = yaml::read_tree(path)?;
        if let Body::Map(entries) = &mut tree.body {
            let is_known = |name: &str| FILE.iter().any(|key| key.name == name);
            let names = || FILE.iter().map(|key| key.name);
            entries.retain(|entry| is_known(&entry.key) || !near(&entry.key, names()).is_empty());
        }
        layers.add_tree(tree, path)?;
        Ok(layers)
    }

    /// The user's home, for `~` in credentials.
    pub(super) fn home(&self) -> Option<&Path> {
        self.home_dir.as_deref()
    }

    /// The file of a suite, if there is one. A path is taken as it stands; a file that is only
    /// found must be the user's or root's, and the notice says when it is not.
    pub(super) fn suite_path(&self, name: &str) -> (Option<PathBuf>, Option<String>) {
        if name.contains('/') || name.ends_with(".yml") || name.ends_with(".yaml") {
            return (Some(self.current_dir.join(name)), None);
        }
        let file = format!("{name}.yml");
        let mut places = vec![self.current_dir.join(&file), self.current_dir.join("configs").join(&file)];
        places.extend(
            self.paths.iter().rev().filter_map(|path| Some(path.parent()?.join("suites").join(&file))),
        );
        let Some(path) = places.into_iter().find(|path| path.is_file() && !self.paths.contains(path)) else {
            return (None, None);
        };
        match trust::why_not(&path) {
            None => (Some(path), None),
            Some(why) => {
                let way = format!("--suite {}", path.display());
                (None, Some(trust::notice(&path, &why, &way)))
            }
        }
    }

    /// Every layer is checked by itself, so that a typo is reported even where a later
    /// layer overrules it.
    fn add(&mut self, path: &Path) -> Result<()> {
        self.add_tree(yaml::read_tree(path)?, path)
    }

    fn add_tree(&mut self, tree: Node, path: &Path) -> Result<()> {
        checked(&tree, Kind::Section(FILE), "the file")?;
        self.files.push(tree);
        self.paths.push(path.into());
        Ok(())
    }

    fn merged(&self) -> Result<Node> {
        let nowhere = Place { source: Arc::new(Source::Flag(String::new())), line: 0, column: 0 };
        let mut tree = Node { body: Body::Map(vec![]), place: nowhere };
        for file in &self.files {
            let mut file = file.clone();
            one_login(&mut tree, &mut file);
            tree.merge(file);
        }
        for assignment in &self.over {
            assignment.apply(&mut tree)?;
        }
        Ok(tree)
    }

    pub(super) fn smog_file(self) -> Result<SmogFile> {
        let tree = self.merged()?;
        SmogFile::of_tree(&tree, self)
    }

    pub(super) fn entries(&self) -> Vec<SettingLine> {
        let Ok(tree) = self.merged() else { return vec![] };
        let lines = tree.leaves().into_iter().map(|(path, node)| SettingLine {
            value: match &node.body {
                _ if path.iter().any(|part| is_secret(part)) => "(hidden)".into(),
                Body::List(_) => "[]".into(),
                Body::Map(_) => "{}".into(),
                _ => without_passwords(node.text().unwrap_or_default()),
            },
            setting: path.join("."),
            from: node.place.origin(),
        });
        let options = self.conf_options.iter().map(|one| {
            let setting = format!("{}:{}.{}", one.file, one.section, one.option);
            let value =
                if is_secret(&one.option) { "(hidden)".into() } else { without_passwords(&one.value) };
            SettingLine { from: Origin::Flag(setting.clone()), setting, value }
        });
        lines.chain(options).collect()
    }
}

/// A layer that names another login does not get the password of the one below: that
/// would be sent to the upper one's URL.
fn one_login(below: &mut Node, above: &mut Node) {
    // "The main file's" says nothing of its own.
    if let Body::Map(entries) = &mut above.body {
        entries.retain(|entry| {
            entry.key != "credentials"
                || !matches!(&entry.value.body, Body::Text(word) if word == "smog" || word == "master")
        });
    }
    let own_login = above.get("credentials").is_some_and(|own| own.get("OS_AUTH_URL").is_some());
    let own_cloud = above.get("cloud").is_some_and(|cloud| !cloud.is_null());
    if let Body::Map(entries) = &mut below.body
        && (own_login || own_cloud)
    {
        entries.retain(|entry| entry.key != "credentials" && entry.key != "cloud");
    }
}

impl Assignment {
    fn apply(&self, tree: &mut Node) -> Result<()> {
        let fail = |message: String, hint: Option<Hint>| wrong(&self.value.place, message, hint);
        let mut node = tree;
        let mut kind = Kind::Section(FILE);
        let mut rest = self.path.as_slice();
        let mut done: Vec<&str> = Vec::new();
        while let Some((part, more)) = rest.split_first() {
            let inside = if done.is_empty() { String::new() } else { format!(" in `{}`", done.join(".")) };
            if let Kind::Many(one) = kind {
                match part.parse::<usize>() {
                    Err(_) if !matches!(node.body, Body::List(_)) => {
                        kind = *one;
                        continue;
                    }
                    // A single host is the first of its role.
                    Ok(_) if matches!(node.body, Body::Map(_)) => {
                        let only = node.clone();
                        node.body = Body::List(vec![only]);
                    }
                    _ => {}
                }
                kind = Kind::List(one);
            }
            match kind {
                Kind::List(one) => {
                    if node.is_null() {
                        node.body = Body::List(vec![]);
                    }
                    let Body::List(items) = &mut node.body else {
                        return Err(fail(format!("`{}` is not a list", done.join(".")), None));
                    };
                    let count = items.len();
                    let at = part.parse::<usize>().ok().filter(|at| *at <= count).ok_or_else(|| {
                        fail(format!("no entry `{part}`{inside}: there are {count}, counted from 0"), None)
                    })?;
                    if at == count {
                        items.push(Node { body: Body::Null, place: self.value.place.clone() });
                    }
                    node = &mut items[at];
                    kind = *one;
                    done.push(part);
                    rest = more;
                }
                Kind::Section(_) | Kind::Map(_) | Kind::Credentials => {
                    // What has values and no sections below may have dots in its keys.
                    let values = matches!(kind, Kind::Credentials | Kind::Map(Kind::Text | Kind::Scalars));
                    let name = if values { rest.join(".") } else { part.clone() };
                    let next = match kind {
                        Kind::Section(keys) => match keys.iter().find(|key| key.name == name) {
                            Some(known) => known.kind,
                            None => {
                                let message = format!("no key `{name}`{inside}");
                                return Err(fail(message, Some(nearest(&name, keys).into())));
                            }
                        },
                        Kind::Map(one) => *one,
                        _ => Kind::Text,
                    };
                    if !matches!(node.body, Body::Map(_)) {
                        node.body = Body::Map(vec![]);
                        node.place = self.value.place.clone();
                    }
                    let Body::Map(entries) = &mut node.body else {
                        return Err(fail(format!("`{}` has no keys", done.join(".")), None));
                    };
                    let at = match entries.iter().position(|entry| entry.key == name) {
                        Some(at) => at,
                        None => {
                            // `hosts.compute.…` where `hosts.computes` is meant.
                            let plural = |entry: &&super::tree::Entry| {
                                entry.key == format!("{name}s") || name == format!("{}s", entry.key)
                            };
                            if let Some(near) = entries.iter().find(plural).filter(|_| done == ["hosts"]) {
                                let hint = Some(format!("did you mean `{}`?", near.key).into());
                                return Err(fail(format!("no key `{name}`{inside}"), hint));
                            }
                            let place = self.value.place.clone();
                            let value = Node { body: Body::Null, place: place.clone() };
                            entries.push(super::tree::Entry { key: name.clone(), place, value });
                            entries.len() - 1
                        }
                    };
                    node = &mut entries[at].value;
                    kind = next;
                    done.push(part);
                    rest = if values { &[] } else { more };
                }
                _ => {
                    let message =
                        format!("`{}` is a single value, there is no `{part}` in it", done.join("."));
                    return Err(fail(message, None));
                }
            }
        }
        // Text is taken as it stands: a password may hold what YAML would read as its own.
        let value = match (kind, &self.raw) {
            (Kind::Text, raw) if !raw.starts_with(['"', '\'', '[', '{']) => {
                Node { body: Body::Text(raw.clone()), place: self.value.place.clone() }
            }
            _ => self.value()?,
        };
        let name = self.path.last().map_or("", String::as_str);
        let _: Value = checked(&value, kind, name)?;
        *node = value;
        Ok(())
    }
}
