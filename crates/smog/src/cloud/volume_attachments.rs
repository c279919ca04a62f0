//! Attaching volumes to servers and taking them away: Nova is asked, and Cinder must say so, too.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::volume_work::VolumeWork;
use super::volumes::Volume;
use super::{Call, Cloud, Microversion, Server, Service};
use crate::error::{Error, Result};
use crate::hint;
use crate::show::{Column, Show};
use crate::wait::{self, Seen, Wait};

/// A volume of a server, as Nova's block device mapping has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServerVolume {
    /// The volume's id.
    #[serde(rename(deserialize = "volumeId"))]
    pub volume_id: String,
    /// The device's name: `/dev/vdb`. A guest may call it otherwise.
    #[serde(default)]
    pub device: Option<String>,
    /// Cinder's id of the attachment (microversion 2.89).
    #[serde(default)]
    pub attachment_id: Option<String>,
    /// Whether Nova deletes the volume with the server (microversion 2.79).
    #[serde(default)]
    pub delete_on_termination: Option<bool>,
    /// The tag that the guest sees in its metadata (microversion 2.70).
    #[serde(default)]
    pub tag: Option<String>,
}

impl Show for ServerVolume {
    const PLURAL: &'static str = "volumes";
    const COLUMNS: &'static [Column<ServerVolume>] = &[
        Column::new("volume", |one| one.volume_id.clone()),
        Column::new("device", |one| one.device.clone().unwrap_or_default()),
        Column::new("deleted with it", |one| match one.delete_on_termination {
            Some(true) => "yes".into(),
            Some(false) => "no".into(),
            None => String::new(),
        }),
        Column::new("attachment", |one| one.attachment_id.clone().unwrap_or_default()),
        Column::wide("tag", |one| one.tag.clone().unwrap_or_default()),
    ];
}

/// How a volume is attached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachVolume {
    /// Under this name, which few hypervisors obey: `/dev/vdb`.
    pub device: Option<String>,
    /// Let Nova delete the volume with the server (microversion 2.79).
    pub delete_on_termination: bool,
    /// A tag that the guest sees in its metadata (microversion 2.49).
    pub tag: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "volumeAttachments")]
    volumes: Vec<ServerVolume>,
}

/// An order whose answer nobody waited for shows within this time.
const TAKEN_AFTER: Duration = Duration::from_secs(3);

impl Cloud {
    /// The volumes of a server, as Nova has them.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn server_volumes(&self, server_id: &str) -> Result<Vec<ServerVolume>> {
        let call = Call::get(Service::Compute, format!("/servers/{server_id}/os-volume_attachments"));
        Ok(self.compute(call).await?.read::<Listed>("list of a server's volumes")?.volumes)
    }

    /// Cinder's volumes of a server: those that Nova names, and those that Cinder has attached to it.
    ///
    /// # Errors
    /// As [`Cloud::volumes`].
    pub async fn volumes_of(&self, server: &Server) -> Result<Vec<Volume>> {
        #[derive(Deserialize)]
        struct Attachment {
            volume_id: String,
        }
        let version = self.volume_microversion().await?;
        let call = Call::get(Service::BlockStorage, "/attachments")
            .query("instance_id", &server.id)
            .query("all_tenants", "True")
            .at(version);
        let attached: Vec<Attachment> = self.list(call, "attachments").await?;
        let mut ids = server.volumes.clone();
        ids.extend(attached.into_iter().map(|one| one.volume_id));
        ids.sort();
        ids.dedup();
        let mut volumes = Vec::new();
        for id in ids {
            match self.volume_by_id(&id).await {
                Err(Error::NotFound { .. }) => {}
                found => volumes.push(found?),
            }
        }
        Ok(volumes)
    }

    /// Attach a volume to a server, and wait until Cinder says that it is. `work` knows it from the
    /// beginning.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a volume that another server has (and that is not for several), or that
    /// Cinder is at work on, before anything is asked; [`Error::Fault`] when Nova gives up: then the
    /// volume is free again.
    pub async fn attach_volume(
        &self,
        server: &Server,
        volume: &Volume,
        how: &AttachVolume,
        work: &VolumeWork,
        wait: Wait<'_>,
    ) -> Result<ServerVolume> {
        let volume = self.volume_by_id(&volume.id).await?;
        let is_free = volume.status == "available" || (volume.multiattach && volume.status == "in-use");
        if !is_free || volume.is_at(&server.id) {
            return Err(self.in_use(&volume).await);
        }
        let mut body = json!({"volumeId": volume.id});
        if let Some(device) = &how.device {
            body["device"] = json!(device);
        }
        if how.delete_on_termination {
            self.needs_compute("a volume that is deleted with its server", Microversion(2, 79)).await?;
            body["delete_on_termination"] = json!(true);
        }
        if let Some(tag) = &how.tag {
            body["tag"] = json!(tag);
        }
        let path = format!("/servers/{}/os-volume_attachments", server.id);
        work.attaches(&server.id, &volume.id);
        let asked = self.compute(Call::post(Service::Compute, path, json!({"volumeAttachment": body}))).await;
        let request_id = match asked {
            Ok(answer) => answer.request_id,
            Err(why) if why.leaves_unknown() => {
                return Err(why.while_goes_on(
                    format!("whether Nova attaches volume `{}` is not known", volume.label()),
                    hint::GUEST_VOLUMES.with(&server.name).and(" shows it"),
                ));
            }
            Err(why) => {
                work.done();
                return Err(why);
            }
        };
        let what = format!("volume `{}` to be attached to `{}`", volume.label(), server.name);
        let attached = wait::until(&what, wait, || async {
            let now = self.volume_by_id(&volume.id).await?;
            if now.status == "in-use" && now.is_at(&server.id) {
                let volumes = self.server_volumes(&server.id).await?;
                if let Some(found) = volumes.into_iter().find(|one| one.volume_id == volume.id) {
                    return Ok(Seen::Done(Some(found)));
                }
            }
            let has_ended = now.status == "available" || now.status.starts_with("error");
            if has_ended
                && !self.server_volumes(&server.id).await?.iter().any(|one| one.volume_id == volume.id)
            {
                return Ok(Seen::Done(None));
            }
            Ok(Seen::NotYet(now.status))
        })
        .await
        .map_err(|why| super::nic::with_request(why, request_id.clone()))?;
        work.done();
        attached.ok_or_else(|| {
            let what = format!("attach of volume `{}` to `{}`", volume.label(), server.name);
            gave_up(server, what, "the volume is free again", request_id)
        })
    }

    /// The volume of a server that is meant: by its id, its name or its device.
    ///
    /// # Errors
    /// [`Error::Invalid`] with those that it has.
    pub async fn volume_of(&self, server: &Server, asked: &str) -> Result<Volume> {
        let has = self.server_volumes(&server.id).await?;
        let by_device = |one: &&super::ServerVolume| {
            one.device
                .as_deref()
                .is_some_and(|device| device == asked || device.strip_prefix("/dev/") == Some(asked))
        };
        if let Some(found) =
            has.iter().find(|one| one.volume_id == asked).or_else(|| has.iter().find(by_device))
        {
            return self.volume_by_id(&found.volume_id).await;
        }
        let mut names = Vec::new();
        for one in &has {
            let volume = self.volume_by_id(&one.volume_id).await?;
            if volume.name.as_deref() == Some(asked) || (asked.len() >= 4 && volume.id.starts_with(asked)) {
                return Ok(volume);
            }
            names.push(volume.label().to_string());
        }
        let has =
            if names.is_empty() { "it has none".into() } else { format!("it has `{}`", names.join("`, `")) };
        Err(Error::Invalid {
            what: format!("guest `{}`", server.name),
            why: format!("it has no volume `{asked}`: {has}"),
            hint: None,
        })
    }

    /// Take a volume away from a server, and wait until neither Nova nor Cinder has it there.
    ///
    /// # Errors
    /// As [`Cloud::call`], with Nova's reason for the disk that the server boots from;
    /// [`Error::Fault`] when Nova gives up: then the server still has it.
    pub async fn detach_volume(&self, server: &Server, volume: &Volume, wait: Wait<'_>) -> Result<()> {
        let path = format!("/servers/{}/os-volume_attachments/{}", server.id, volume.id);
        let request_id = self.compute(Call::delete(Service::Compute, path)).await?.request_id;
        let what = format!("volume `{}` to be detached from `{}`", volume.label(), server.name);
        let gone = wait::until(&what, wait, || async {
            let now = match self.volume_by_id(&volume.id).await {
                // It was deleted with its attachment.
                Err(Error::NotFound { .. }) => return Ok(Seen::Done(true)),
                found => found?,
            };
            if now.is_at(&server.id) {
                // Nova sets "detaching" before it answers.
                return Ok(match now.status.as_str() {
                    "in-use" | "error_detaching" => Seen::Done(false),
                    _ => Seen::NotYet(now.status),
                });
            }
            let left = self.server_volumes(&server.id).await?.iter().any(|one| one.volume_id == volume.id);
            Ok(if left {
                Seen::NotYet("free in Cinder, and attached in Nova".into())
            } else {
                Seen::Done(true)
            })
        })
        .await
        .map_err(|why| super::nic::with_request(why, request_id.clone()))?;
        if gone {
            return Ok(());
        }
        let what = format!("detach of volume `{}` from `{}`", volume.label(), server.name);
        Err(gave_up(server, what, "the guest still has it", request_id))
    }

    /// Undo an attachment that may still be under way.
    pub(super) async fn undo_attach(&self, server_id: &str, volume_id: &str, wait: Wait<'_>) -> Result<()> {
        let begun = Instant::now();
        let short = Wait { every: Duration::from_millis(300), ..wait };
        // Nova may still take the order, and detaches nothing that it is attaching.
        let what = format!("volume `{volume_id}` to be attached or free");
        let settled = wait::until(&what, short, || async {
            let now = self.volume_by_id(volume_id).await?;
            Ok(match now.status.as_str() {
                "in-use" if now.is_at(server_id) => Seen::Done(true),
                "available" | "in-use" if begun.elapsed() >= TAKEN_AFTER => Seen::Done(false),
                _ => Seen::NotYet(now.status),
            })
        });
        match settled.await? {
            true => {
                let (server, volume) =
                    (self.server_by_id(server_id).await?, self.volume_by_id(volume_id).await?);
                self.detach_volume(&server, &volume, wait).await
            }
            false => Ok(()),
        }
    }
}

/// Nova took the order and did not carry it out: what is so now, and where the reason is.
fn gave_up(server: &Server, what: String, now: &str, request_id: Option<String>) -> Error {
    let hint = match &request_id {
        Some(id) => hint::EXCEPTIONS_OF_REQUEST.with(id).and(" shows the traceback that nova-compute logged"),
        None => hint::GUEST_ACTIONS.with(&server.name).and(" shows how it ended"),
    };
    let fault = format!("Nova gave up, and {now}");
    Error::Fault { what, fault, host: server.host.clone(), request_id, hint: Some(hint) }
}
