//! Cinder: volumes, their types and snapshots, and what they are attached to.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::lookup::{Named, pick};
use super::{Call, Cloud, Microversion, Service};
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// A volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Volume {
    /// UUID; also the serial of the disk in the domain XML.
    pub id: String,
    /// Name; not unique, may be empty.
    #[serde(default)]
    pub name: Option<String>,
    /// "available", "in-use", "attaching", "detaching", "reserved", "error" …
    pub status: String,
    /// Its size in GiB.
    #[serde(rename(deserialize = "size"), default)]
    pub size_gib: u64,
    /// The name of its type.
    #[serde(default)]
    pub volume_type: Option<String>,
    /// Whether a server can boot from it.
    #[serde(default, deserialize_with = "truth")]
    pub bootable: bool,
    /// Whether several servers can have it at once.
    #[serde(default)]
    pub multiattach: bool,
    /// Whether its content is encrypted.
    #[serde(default)]
    pub encrypted: bool,
    /// What it is attached to.
    #[serde(default)]
    pub attachments: Vec<VolumeAttachment>,
    /// The id of the snapshot that it was made of.
    #[serde(default)]
    pub snapshot_id: Option<String>,
    /// The id of the volume that it was made of.
    #[serde(rename(deserialize = "source_volid"), default)]
    pub source_volume_id: Option<String>,
    /// The user's own description.
    #[serde(default)]
    pub description: Option<String>,
    /// The user's own key/value pairs.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// The back end that has it, as Cinder names it: `HOST@BACKEND#POOL` (administrators).
    #[serde(rename(deserialize = "os-vol-host-attr:host"), default)]
    pub host: Option<String>,
    /// The project it belongs to.
    #[serde(rename(deserialize = "os-vol-tenant-attr:tenant_id"), default)]
    pub project_id: Option<String>,
    /// When it was made (UTC, ISO 8601).
    #[serde(rename(deserialize = "created_at"), default)]
    pub created: Option<String>,
}

/// One attachment of a volume, as Cinder has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VolumeAttachment {
    /// The server; empty where something else has it (a host, Cinder itself).
    #[serde(default, deserialize_with = "or_empty")]
    pub server_id: String,
    /// UUID of the attachment.
    #[serde(default)]
    pub attachment_id: Option<String>,
    /// The device's name that Nova gave: `/dev/vdb`.
    #[serde(default)]
    pub device: Option<String>,
    /// The compute host (administrators).
    #[serde(rename(deserialize = "host_name"), default)]
    pub host: Option<String>,
}

/// A type of volumes: which back end, and what is special.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VolumeType {
    /// UUID.
    pub id: String,
    /// Name.
    pub name: String,
    /// Its extra specs (administrators): `volume_backend_name`, `multiattach` …
    #[serde(default)]
    pub extra_specs: BTreeMap<String, String>,
    /// Whether every project may use it.
    #[serde(default)]
    pub is_public: bool,
}

/// A snapshot of a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VolumeSnapshot {
    /// UUID.
    pub id: String,
    /// Name; not unique, may be empty.
    #[serde(default)]
    pub name: Option<String>,
    /// The volume's id.
    pub volume_id: String,
    /// The volume's size in GiB at that time.
    #[serde(rename(deserialize = "size"), default)]
    pub size_gib: u64,
    /// "available", "creating", "error" …
    pub status: String,
    /// When it was made (UTC, ISO 8601).
    #[serde(rename(deserialize = "created_at"), default)]
    pub created: Option<String>,
}

impl Volume {
    /// Its name, or its id where it has none.
    pub fn label(&self) -> &str {
        self.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.id)
    }

    /// Whether Cinder has it attached to this server.
    pub fn is_at(&self, server_id: &str) -> bool {
        self.attachments.iter().any(|one| one.server_id == server_id)
    }
}

/// "true" and "false", as Cinder says `bootable`.
fn truth<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<bool, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Bool(truth) => truth,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    })
}

/// A text that may be null.
fn or_empty<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

impl Named for Volume {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

impl Named for VolumeSnapshot {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

impl Named for VolumeType {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Show for Volume {
    const PLURAL: &'static str = "volumes";
    const COLUMNS: &'static [Column<Volume>] = &[
        Column::new("name", |volume| volume.name.clone().unwrap_or_default()),
        Column::new("status", |volume| volume.status.clone()),
        Column::new("size", |volume| format!("{} GiB", volume.size_gib)),
        Column::new("type", |volume| volume.volume_type.clone().unwrap_or_default()),
        Column::new("bootable", |volume| if volume.bootable { "yes".into() } else { String::new() }),
        Column::new("attached to", |volume| {
            // Cinder says "na" where nobody named a device.
            let at = volume.attachments.iter().map(|one| match &one.device {
                Some(device) if device != "na" => format!("{} as {device}", one.server_id),
                _ => one.server_id.clone(),
            });
            at.collect::<Vec<_>>().join(", ")
        }),
        Column::new("id", |volume| volume.id.clone()),
        Column::wide("multiattach", |volume| if volume.multiattach { "yes".into() } else { String::new() }),
        Column::wide("encrypted", |volume| if volume.encrypted { "yes".into() } else { String::new() }),
        Column::wide("back end", |volume| volume.host.clone().unwrap_or_default()),
        Column::wide("project", |volume| volume.project_id.clone().unwrap_or_default()),
        Column::wide("created", |volume| volume.created.clone().unwrap_or_default()),
        Column::wide("description", |volume| volume.description.clone().unwrap_or_default()),
    ];
}

impl Show for VolumeSnapshot {
    const PLURAL: &'static str = "snapshots";
    const COLUMNS: &'static [Column<VolumeSnapshot>] = &[
        Column::new("name", |one| one.name.clone().unwrap_or_default()),
        Column::new("status", |one| one.status.clone()),
        Column::new("size", |one| format!("{} GiB", one.size_gib)),
        Column::new("volume", |one| one.volume_id.clone()),
        Column::new("id", |one| one.id.clone()),
        Column::wide("created", |one| one.created.clone().unwrap_or_default()),
    ];
}

impl Show for VolumeType {
    const PLURAL: &'static str = "volume types";
    const COLUMNS: &'static [Column<VolumeType>] = &[
        Column::new("name", |one| one.name.clone()),
        Column::new("public", |one| if one.is_public { "yes".into() } else { "no".into() }),
        Column::new("extra specs", |one| {
            let specs = one.extra_specs.iter().map(|(key, value)| format!("{key}={value}"));
            specs.collect::<Vec<_>>().join(" ")
        }),
        Column::new("id", |one| one.id.clone()),
    ];
}

/// The newest microversion of Cinder whose answers smog knows.
const NEWEST_KNOWN: Microversion = Microversion(3, 71);

/// Older than this, a volume in use cannot be extended (Pike, 2017).
const OLDEST: Microversion = Microversion(3, 42);

#[derive(Deserialize)]
struct Shown {
    volume: Volume,
}

#[derive(Deserialize)]
struct Versions {
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Version {
    id: String,
    #[serde(default)]
    version: String,
}

impl Cloud {
    /// The microversion that smog speaks with this cloud's Cinder: the newest both know.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the catalog has no such service, [`Error::TooOld`] for a Cinder
    /// before Pike.
    pub async fn volume_microversion(&self) -> Result<Microversion> {
        let max = self.0.volume_versions.get_or_try_init(|| self.ask_volume_versions()).await?;
        if *max < OLDEST {
            return Err(Error::TooOld {
                feature: "smog's use of volumes".into(),
                need: format!("Cinder's API microversion {OLDEST}"),
                have: max.to_string(),
            });
        }
        Ok((*max).min(NEWEST_KNOWN))
    }

    async fn ask_volume_versions(&self) -> Result<Microversion> {
        let document: Versions =
            self.call(Call::get(Service::BlockStorage, "/")).await?.read("API version document")?;
        let newest = document.versions.into_iter().find(|one| one.id.starts_with("v3"));
        newest.map_or(Ok(Microversion(3, 0)), |one| one.version.parse())
    }

    /// A call to Cinder at the newest microversion both know.
    pub(super) async fn storage(&self, call: Call) -> Result<super::Answer> {
        let version = self.volume_microversion().await?;
        self.call(call.at(version)).await
    }

    /// All volumes: of all projects for administrators.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::NotFound`] where the catalog has no block storage service.
    pub async fn volumes(&self) -> Result<Vec<Volume>> {
        let call = Call::get(Service::BlockStorage, "/volumes/detail").query("all_tenants", "True");
        self.list(call, "volumes").await
    }

    /// One volume by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`].
    pub async fn volume(&self, asked: &str) -> Result<Volume> {
        pick("volume", asked, self.volumes().await?)
    }

    /// One volume by its id.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn volume_by_id(&self, id: &str) -> Result<Volume> {
        let call = Call::get(Service::BlockStorage, format!("/volumes/{id}"));
        match self.storage(call).await {
            Err(Error::Api { status: 404, .. }) => {
                Err(Error::NotFound { what: "volume".into(), name: id.into(), near: vec![] })
            }
            answer => Ok(answer?.read::<Shown>("volume")?.volume),
        }
    }

    /// The types of volumes.
    ///
    /// # Errors
    /// As [`Cloud::volumes`].
    pub async fn volume_types(&self) -> Result<Vec<VolumeType>> {
        self.list(Call::get(Service::BlockStorage, "/types"), "volume_types").await
    }

    /// One type by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`].
    pub async fn volume_type(&self, asked: &str) -> Result<VolumeType> {
        pick("volume type", asked, self.volume_types().await?)
    }

    /// All snapshots of volumes: of all projects for administrators.
    ///
    /// # Errors
    /// As [`Cloud::volumes`].
    pub async fn volume_snapshots(&self) -> Result<Vec<VolumeSnapshot>> {
        let call = Call::get(Service::BlockStorage, "/snapshots/detail").query("all_tenants", "True");
        self.list(call, "snapshots").await
    }

    /// One snapshot by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`].
    pub async fn volume_snapshot(&self, asked: &str) -> Result<VolumeSnapshot> {
        pick("snapshot", asked, self.volume_snapshots().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_volume_as_cinder_says_it() {
        // Of Cinder 26 of the lab, shortened.
        let volume: Volume = serde_json::from_value(json!({
            "id": "146ff61c-8d1f-40cf-880f-3459208590f2", "name": "data", "status": "in-use", "size": 1,
            "volume_type": "ceph", "bootable": "false", "multiattach": false, "encrypted": false,
            "attachments": [
                {"id": "146ff61c-8d1f-40cf-880f-3459208590f2", "server_id": "241db7b4-99ef-46b6-9055-de617e7faac6",
                 "attachment_id": "9ed0d7c4-0f4e-4a43-b5d2-9cd6f4e6ad29", "device": "/dev/vdb", "host_name": "cmp1"},
                {"server_id": null, "attachment_id": "2"},
            ],
            "os-vol-host-attr:host": "ctl@ceph#ceph", "os-vol-tenant-attr:tenant_id": "p",
            "created_at": "2026-11-28T22:28:31.000000", "source_volid": null, "snapshot_id": null,
        }))
        .expect("a volume");
        assert_eq!((volume.label(), volume.size_gib, volume.bootable), ("data", 1, false));
        assert!(volume.is_at("241db7b4-99ef-46b6-9055-de617e7faac6") && !volume.is_at("other"));
        assert_eq!(volume.attachments[1].server_id, "");
        let cells = Volume::COLUMNS.iter().map(|column| (column.cell)(&volume)).take(6).collect::<Vec<_>>();
        assert_eq!(cells[5], "241db7b4-99ef-46b6-9055-de617e7faac6 as /dev/vdb, ");
    }
}
