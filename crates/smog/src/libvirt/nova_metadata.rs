//! Nova's own element in `<metadata>`: which server a domain belongs to.

use std::collections::BTreeMap;

use roxmltree::Node;
use serde::Serialize;

use super::element::{Flaw, attr, child, child_text, children, number_text, text};

/// The namespace without its version: 1.0 before Wallaby, 1.1 since.
const NAMESPACE: &str = "http://openstack.org/xmlns/libvirt/nova/";

/// `<nova:instance>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NovaMetadata {
    /// `<nova:package version=…>`: the version of nova-compute that started it.
    pub package_version: Option<String>,
    /// `<nova:name>`: the server's display name.
    pub name: Option<String>,
    /// `<nova:creationTime>`, when this XML was made, in UTC as Nova writes it: `2026-11-24 07:05:56`.
    pub creation_time: Option<String>,
    /// `<nova:flavor>`.
    pub flavor: Option<NovaFlavor>,
    /// `<nova:owner>`.
    pub owner: Option<NovaOwner>,
    /// `<nova:root>`: `image` and its id.
    pub root_image: Option<String>,
    /// `<nova:ports>`.
    pub ports: Vec<NovaPort>,
}

/// `<nova:flavor>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NovaFlavor {
    /// Its name.
    pub name: Option<String>,
    /// Its id, since 2025.2.
    pub id: Option<String>,
    /// `<nova:memory>` in MiB.
    pub ram_mib: Option<u64>,
    /// `<nova:disk>` in GiB.
    pub disk_gib: Option<u64>,
    /// `<nova:swap>` in MiB.
    pub swap_mib: Option<u64>,
    /// `<nova:ephemeral>` in GiB.
    pub ephemeral_gib: Option<u64>,
    /// `<nova:vcpus>`.
    pub vcpus: Option<u32>,
    /// `<nova:extraSpecs>`, since 2025.2; empty before.
    pub extra_specs: BTreeMap<String, String>,
}

/// `<nova:owner>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NovaOwner {
    /// The user's id.
    pub user_id: Option<String>,
    /// The user's name.
    pub user: Option<String>,
    /// The project's id.
    pub project_id: Option<String>,
    /// The project's name.
    pub project: Option<String>,
}

/// `<nova:port>`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NovaPort {
    /// Neutron's port id.
    pub id: Option<String>,
    /// Its addresses.
    pub addresses: Vec<String>,
}

impl NovaMetadata {
    /// The element in a domain's `<metadata>`, if Nova made the domain.
    pub(super) fn read(metadata: Node<'_, '_>) -> Result<Option<NovaMetadata>, Flaw> {
        let is_nova = |node: &Node<'_, '_>| {
            node.tag_name().name() == "instance"
                && node.tag_name().namespace().is_some_and(|uri| uri.starts_with(NAMESPACE))
        };
        let Some(node) = metadata.children().find(is_nova) else { return Ok(None) };
        let owner = child(node, "owner").map(|owner| {
            let part = |name| child(owner, name);
            NovaOwner {
                user_id: part("user").and_then(|node| attr(node, "uuid")),
                user: part("user").and_then(text),
                project_id: part("project").and_then(|node| attr(node, "uuid")),
                project: part("project").and_then(text),
            }
        });
        let root = child(node, "root").filter(|root| root.attribute("type") == Some("image"));
        let ports = child(node, "ports").into_iter().flat_map(|ports| children(ports, "port"));
        Ok(Some(NovaMetadata {
            package_version: child(node, "package").and_then(|node| attr(node, "version")),
            name: child_text(node, "name"),
            creation_time: child_text(node, "creationTime"),
            flavor: child(node, "flavor").map(flavor).transpose()?,
            owner,
            root_image: root.and_then(|root| attr(root, "uuid")),
            ports: ports
                .map(|port| NovaPort {
                    id: attr(port, "uuid"),
                    addresses: children(port, "ip").filter_map(|ip| attr(ip, "address")).collect(),
                })
                .collect(),
        }))
    }
}

fn flavor(node: Node<'_, '_>) -> Result<NovaFlavor, Flaw> {
    let number = |name| child(node, name).map(number_text::<u64>).transpose().map(Option::flatten);
    let specs = child(node, "extraSpecs").into_iter().flat_map(|specs| children(specs, "extraSpec"));
    Ok(NovaFlavor {
        name: attr(node, "name"),
        id: attr(node, "id"),
        ram_mib: number("memory")?,
        disk_gib: number("disk")?,
        swap_mib: number("swap")?,
        ephemeral_gib: number("ephemeral")?,
        vcpus: child(node, "vcpus").map(number_text).transpose()?.flatten(),
        extra_specs: specs
            .filter_map(|spec| Some((attr(spec, "name")?, text(spec).unwrap_or_default())))
            .collect(),
    })
}
