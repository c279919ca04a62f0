//! The small file of the 2015 `nested` command: the computes whose parents are to
//! allow nested virtualisation.

use std::path::Path;

use super::HostKind;
use super::keys::{COMPUTES, Kind, checked, wrong};
use super::tree::{Body, Node};
use super::yaml;
use crate::error::Result;

/// A `computes:` file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComputesFile {
    /// In the order of the file.
    pub computes: Vec<ComputeEntry>,
}

/// One compute of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputeEntry {
    /// The address of the machine it is a guest of; nothing for `none`.
    pub parent: Option<String>,
    /// Its libvirt domain on the parent.
    pub name: Option<String>,
    /// The address SSH connects to.
    pub host: String,
    /// The user to log in as.
    pub user: Option<String>,
    /// `type:`, once `vtype:`.
    pub kind: Option<HostKind>,
    /// Whether it gets its parent's CPU as it is.
    pub passthrough: Option<bool>,
}

impl ComputesFile {
    /// Read and check a file.
    ///
    /// # Errors
    /// [`crate::Error::Config`] with file, line and column.
    pub fn read(path: &Path) -> Result<ComputesFile> {
        let tree = yaml::read_tree(path)?;
        checked(&tree, Kind::Section(COMPUTES), "the file")?;
        let Some(Body::List(items)) = tree.get("computes").map(|node| &node.body) else {
            return Err(wrong(&tree.place, "there are no `computes` here".into(), None));
        };
        Ok(ComputesFile { computes: items.iter().map(entry).collect::<Result<_>>()? })
    }
}

fn entry(node: &Node) -> Result<ComputeEntry> {
    let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_string);
    let Some(host) = text("host") else {
        return Err(wrong(&node.place, "a compute has no `host`, the address SSH connects to".into(), None));
    };
    Ok(ComputeEntry {
        parent: text("parent").filter(|parent| parent != "none"),
        name: text("name"),
        host,
        user: text("user"),
        kind: text("type").or_else(|| text("vtype")).map(|kind| match kind.eq_ignore_ascii_case("vm") {
            true => HostKind::Vm,
            false => HostKind::Baremetal,
        }),
        passthrough: match node.get("passthrough").map(|node| &node.body) {
            Some(Body::Bool(value, _)) => Some(*value),
            _ => None,
        },
    })
}
