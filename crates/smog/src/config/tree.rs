//! Settings as a tree in which every value knows where it was written.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

/// What a value was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A file. Its text is not kept: no error shows any of it, since it may hold a password.
    File { path: PathBuf },
    /// An environment variable.
    Variable(String),
    /// A `--set` flag: the part before `=`, so that no secret is repeated.
    Flag(String),
}

/// The place of a value: the source, and for files line and column (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub source: Arc<Source>,
    pub line: usize,
    pub column: usize,
}

/// One value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub body: Body,
    pub place: Place,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// Nothing was said.
    Null,
    /// A truth value, and how it was written ("yes" is one in YAML).
    Bool(bool, String),
    /// A number as it was written: "0123" and "1e5" may be passwords.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file.
    Map(Vec<Entry>),
}

/// One key of a map with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    pub value: Node,
}

/// Where a setting came from, for people and machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in characters.
        column: usize,
    },
    /// An environment variable, such as `SMOG_LOG_DIR`.
    Variable(String),
    /// A `--set` flag, by its path: `nova.virt_type`.
    Flag(String),
}

impl std::fmt::Display for Origin {
    /// "smog.yml:3", "SMOG_LOG_DIR", "--set nova.virt_type".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) => f.write_str(name),
            Origin::Flag(path) => write!(f, "--set {path}"),
        }
    }
}

impl Place {
    pub(super) fn origin(&self) -> Origin {
        match &*self.source {
            Source::File { path, .. } => {
                Origin::File { path: path.clone(), line: self.line, column: self.column }
            }
            Source::Variable(name) => Origin::Variable(name.clone()),
            Source::Flag(path) => Origin::Flag(path.clone()),
        }
    }
}

impl std::fmt::Display for Place {
    /// As errors begin: "smog.yml:3:5", "SMOG_LOG_DIR", "--set nova.virt_type".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.source {
            Source::File { path, .. } => write!(f, "{}:{}:{}", path.display(), self.line, self.column),
            _ => write!(f, "{}", self.origin()),
        }
    }
}

impl Node {
    /// A text that stands for `anchor`, at its place.
    pub(super) fn of_text(text: &str, anchor: &Node) -> Node {
        Node { body: Body::Text(text.into()), place: anchor.place.clone() }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let Body::Map(entries) = &self.body else { return None };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The scalar as it was written; nothing for lists, maps and null.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.body {
            Body::Text(text) | Body::Number(text) | Body::Bool(_, text) => Some(text),
            Body::Null | Body::List(_) | Body::Map(_) => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.body == Body::Null
    }

    /// Lay `upper` over this: maps key by key, everything else as a whole. What
    /// says nothing (`key:` with no value) leaves what was there.
    pub(super) fn merge(&mut self, upper: Node) {
        match (&mut self.body, upper.body) {
            (_, Body::Null) => {}
            (Body::Map(below), Body::Map(above)) => {
                for entry in above {
                    match below.iter_mut().find(|one| one.key == entry.key) {
                        Some(known) => {
                            // Who gives the value gives the place of the key, too.
                            if !entry.value.is_null() {
                                known.place = entry.place;
                            }
                            known.value.merge(entry.value);
                        }
                        None => below.push(entry),
                    }
                }
            }
            (own, body) => {
                *own = body;
                self.place = upper.place;
            }
        }
    }

    /// Every scalar and every empty list or map below, with its path from here.
    pub(super) fn leaves(&self) -> Vec<(Vec<String>, &Node)> {
        fn walk<'a>(node: &'a Node, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, &'a Node)>) {
            match &node.body {
                Body::Null => {}
                Body::Map(entries) if !entries.is_empty() => {
                    for entry in entries {
                        path.push(entry.key.clone());
                        walk(&entry.value, path, found);
                        path.pop();
                    }
                }
                Body::List(items) if !items.is_empty() => {
                    for (at, item) in items.iter().enumerate() {
                        path.push(at.to_string());
                        walk(item, path, found);
                        path.pop();
                    }
                }
                _ => found.push((path.clone(), node)),
            }
        }
        let mut found = Vec::new();
        walk(self, &mut Vec::new(), &mut found);
        found
    }
}
