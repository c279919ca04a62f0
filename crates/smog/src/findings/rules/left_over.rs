//! The rules about what nobody needs any more: secrets of libvirt, attachments of volumes.

use super::devices::is_uuid;
use super::{Judge, Proof, Rule, by_id};
use crate::findings::{CloudSnapshot, Finding, GuestSnapshot, Layer, Severity, Subject};

fn left_over_secret(cloud: &CloudSnapshot, guests: &[GuestSnapshot]) -> Vec<Finding> {
    if !cloud.is_whole {
        return Vec::new();
    }
    let guests = by_id(guests);
    let mut found = Vec::new();
    for host in cloud.hosts.values() {
        for secret in host.libvirt.iter().flat_map(|daemon| &daemon.secrets).filter(|one| is_uuid(&one.id)) {
            let (what, is_needed) = match secret.usage.as_str() {
                "vtpm" => {
                    let has_domain = host.domains.iter().any(|one| one.domain.uuid == secret.id);
                    let is_moving =
                        guests.get(secret.id.as_str()).is_some_and(|guest| guest.is_between_hosts());
                    let is_known =
                        cloud.other_servers.get(&secret.id).is_some_and(|status| status != "DELETED");
                    (format!("the vTPM of server {}", secret.id), has_domain || is_moving || is_known)
                }
                "volume" => {
                    let has_disk = host.domains.iter().any(|one| one.domain.xml().contains(&secret.id));
                    (format!("volume {}", secret.id), has_disk)
                }
                _ => continue,
            };
            if is_needed {
                continue;
            }
            found.push(
                Finding::about(
                    Subject::new(
                        "secret",
                        format!("{}:{}", host.name, secret.uuid),
                        format!("{}:{} {}", host.name, secret.usage, secret.id),
                    ),
                    format!("libvirt keeps a secret for {what}, which no domain here has"),
                )
                .on(&host.name)
                .saw(Layer::Libvirt, format!("{} {}", secret.usage, secret.id), "virsh secret-list")
                .saw(
                    Layer::Nova,
                    guests.get(secret.id.as_str()).map_or("no such server here".to_string(), |guest| {
                        format!(
                            "`{}` on {}",
                            guest.server.name,
                            guest.server.host.as_deref().unwrap_or("no host")
                        )
                    }),
                    "GET /servers/detail",
                )
                .advice("whoever is root on that host can read it: virsh secret-undefine")
                .command(format!("{}# virsh secret-dumpxml {}", host.name, secret.uuid)),
            );
        }
    }
    found
}

/// Cinder has a volume attached to a server that there is not.
fn left_over_attachment(cloud: &CloudSnapshot, _: &[GuestSnapshot]) -> Vec<Finding> {
    if !cloud.is_whole {
        return Vec::new();
    }
    let is_there = |id: &str| {
        cloud.servers.iter().any(|server| server.id == id)
            || cloud.other_servers.get(id).is_some_and(|status| status != "DELETED")
    };
    let mut found = Vec::new();
    for volume in cloud.volumes.iter().flatten() {
        for one in
            volume.attachments.iter().filter(|one| is_uuid(&one.server_id) && !is_there(&one.server_id))
        {
            let attachment = one.attachment_id.as_deref().unwrap_or("?");
            found.push(
                Finding::about(
                    Subject::new("volume", volume.id.clone(), volume.label()),
                    format!("Cinder has it attached to server {}, which there is not", one.server_id),
                )
                .part(attachment)
                .saw(
                    Layer::Cinder,
                    format!("{}, attachment {attachment}", volume.status),
                    "GET /volumes/detail",
                )
                .saw(Layer::Nova, "no such server", "GET /servers/detail")
                .advice(
                    "nobody can use it: delete the attachment, after a look that no host has the volume open",
                )
                .command(format!(
                    "openstack --os-volume-api-version 3.27 volume attachment delete {attachment}"
                )),
            );
        }
    }
    found
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "left-over-attachment",
        severity: Severity::Warning,
        about: "Cinder has a volume attached to a server that there is not",
        source: "LP 2019078",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Cinder],
        judge: Judge::Cloud(left_over_attachment),
    },
    Rule {
        name: "left-over-secret",
        severity: Severity::Warning,
        about: "libvirt keeps the secret of a vTPM or a volume that no domain of that host has",
        source: "nova eb18e1d62e",
        proof: Proof::Lab,
        layers: &[Layer::Nova, Layer::Libvirt],
        judge: Judge::Cloud(left_over_secret),
    },
];
