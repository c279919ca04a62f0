//! Making, extending and deleting volumes and their snapshots; each is waited for.

use serde::Deserialize;
use serde_json::{Value, json};

use super::volume_work::VolumeWork;
use super::volumes::{Volume, VolumeSnapshot};
use super::{Call, Cloud, Microversion, Service};
use crate::error::{Error, Result};
use crate::hint;
use crate::wait::{self, Seen, Wait};

/// A volume to be made. Its content comes from one source at most; without one it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewVolume {
    /// Its name.
    pub name: String,
    /// Its size in GiB; as large as its source where absent.
    pub size_gib: Option<u64>,
    /// The type by name or id; Cinder's default one when absent.
    pub volume_type: Option<String>,
    /// With the content of this image, by name or id.
    pub image: Option<String>,
    /// With the content of this snapshot, by name or id.
    pub snapshot: Option<String>,
    /// With the content of this volume, by name or id.
    pub source: Option<String>,
    /// The user's own description.
    pub description: Option<String>,
}

impl NewVolume {
    /// An empty one of this name and size in GiB.
    pub fn empty(name: &str, size_gib: u64) -> NewVolume {
        NewVolume { name: name.into(), size_gib: Some(size_gib), ..NewVolume::default() }
    }
}

#[derive(Deserialize)]
struct Shown {
    volume: Volume,
}

#[derive(Deserialize)]
struct ShownSnapshot {
    snapshot: VolumeSnapshot,
}

/// From here on a snapshot of a volume in use needs no `force`, and must not have it.
const NO_FORCE: Microversion = Microversion(3, 66);

impl Cloud {
    /// Make a volume, and wait until it is available. `work` knows it as soon as Cinder has named it.
    ///
    /// # Errors
    /// Unknown names, [`Error::Invalid`] for two sources or a size that does not fit, before anything
    /// is made; a quota ([`Error::Api`], 413); [`Error::Fault`] with Cinder's reason when it ends in
    /// "error": it is kept for a look.
    pub async fn create_volume(&self, new: &NewVolume, work: &VolumeWork, wait: Wait<'_>) -> Result<Volume> {
        let body = self.new_volume_body(new).await?;
        let call = Call::post(Service::BlockStorage, "/volumes", json!({"volume": body}));
        let made = self.storage(call).await?.read::<Shown>("volume")?.volume;
        work.made(&made.id);
        let volume = self.wait_for_volume(&made, "create of", &["available"], wait).await?;
        work.done();
        Ok(volume)
    }

    async fn new_volume_body(&self, new: &NewVolume) -> Result<Value> {
        let invalid =
            |why: String| Error::Invalid { what: format!("volume `{}`", new.name), why, hint: None };
        let sources = [&new.image, &new.snapshot, &new.source];
        if sources.iter().filter(|source| source.is_some()).count() > 1 {
            return Err(invalid(
                "its content comes from an image, a snapshot or a volume, not from two of them".into(),
            ));
        }
        let mut body = json!({"name": new.name});
        let mut least = 1;
        if let Some(asked) = &new.image {
            let image = self.image(asked).await?;
            least = image.needs_disk_gib().max(1);
            body["imageRef"] = json!(image.id);
        }
        if let Some(asked) = &new.snapshot {
            let snapshot = self.volume_snapshot(asked).await?;
            least = snapshot.size_gib;
            body["snapshot_id"] = json!(snapshot.id);
        }
        if let Some(asked) = &new.source {
            let source = self.volume(asked).await?;
            least = source.size_gib;
            body["source_volid"] = json!(source.id);
        }
        let has_source = sources.iter().any(|source| source.is_some());
        let size = match new.size_gib {
            Some(size) if size < least => {
                return Err(invalid(format!("{size} GiB are too small: it needs {least} GiB at least")));
            }
            Some(size) => size,
            None if has_source => least,
            None => return Err(invalid("an empty volume needs a size in GiB".into())),
        };
        body["size"] = json!(size);
        if let Some(asked) = &new.volume_type {
            body["volume_type"] = json!(self.volume_type(asked).await?.id);
        }
        if let Some(description) = &new.description {
            body["description"] = json!(description);
        }
        Ok(body)
    }

    /// Delete a volume, and wait until it is gone. One that is gone already is fine.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a server has it; as [`Cloud::call`], with Cinder's reason when it has
    /// snapshots; [`Error::Fault`].
    pub async fn delete_volume(&self, id: &str, wait: Wait<'_>) -> Result<()> {
        let volume = match self.volume_by_id(id).await {
            Err(Error::NotFound { .. }) => return Ok(()),
            found => found?,
        };
        if !volume.attachments.is_empty() && volume.status == "in-use" {
            return Err(self.in_use(&volume).await);
        }
        match self.storage(Call::delete(Service::BlockStorage, format!("/volumes/{id}"))).await {
            Ok(_) | Err(Error::Api { status: 404, .. }) => {}
            Err(why) => return Err(why),
        }
        wait::until(&format!("volume `{}` to be gone", volume.label()), wait, || async {
            match self.volume_by_id(id).await {
                Err(Error::NotFound { .. }) => Ok(Seen::Done(())),
                Ok(now) if now.status.starts_with("error") => Err(self.volume_fault("delete of", &now).await),
                Ok(now) => Ok(Seen::NotYet(now.status)),
                Err(why) => Err(why),
            }
        })
        .await
    }

    /// Make a volume larger, also while a server has it: the guest then sees the new size.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a size that is not larger; a quota ([`Error::Api`], 413);
    /// [`Error::Fault`] when it ends in "error_extending".
    pub async fn extend_volume(&self, id: &str, size_gib: u64, wait: Wait<'_>) -> Result<Volume> {
        let before = self.volume_by_id(id).await?;
        if size_gib <= before.size_gib {
            return Err(Error::Invalid {
                what: format!("volume `{}`", before.label()),
                why: format!("it has {} GiB already, and a volume only grows", before.size_gib),
                hint: None,
            });
        }
        let body = json!({"os-extend": {"new_size": size_gib}});
        self.storage(Call::post(Service::BlockStorage, format!("/volumes/{id}/action"), body)).await?;
        let what = format!("volume `{}` to have {size_gib} GiB", before.label());
        wait::until(&what, wait, || async {
            let now = self.volume_by_id(id).await?;
            if now.status.starts_with("error") {
                return Err(self.volume_fault("extend of", &now).await);
            }
            let is_done = now.size_gib == size_gib && now.status == before.status;
            Ok(if is_done { Seen::Done(now) } else { Seen::NotYet(now.status) })
        })
        .await
    }

    /// Make a snapshot of a volume, also while a server has it, and wait until it is available.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::Fault`].
    pub async fn snapshot_volume(&self, id: &str, name: &str, wait: Wait<'_>) -> Result<VolumeSnapshot> {
        let mut body = json!({"volume_id": id, "name": name});
        if self.volume_microversion().await? < NO_FORCE {
            body["force"] = json!(true);
        }
        let call = Call::post(Service::BlockStorage, "/snapshots", json!({"snapshot": body}));
        let made = self.storage(call).await?.read::<ShownSnapshot>("snapshot")?.snapshot;
        let path = format!("/snapshots/{}", made.id);
        wait::until(&format!("snapshot `{name}` to be available"), wait, || async {
            let call = Call::get(Service::BlockStorage, path.clone());
            let now = self.storage(call).await?.read::<ShownSnapshot>("snapshot")?.snapshot;
            match now.status.as_str() {
                "available" => Ok(Seen::Done(now)),
                "error" => Err(self.storage_fault(format!("snapshot `{name}`"), &now.id, &now.status).await),
                _ => Ok(Seen::NotYet(now.status)),
            }
        })
        .await
    }

    /// Delete a snapshot, and wait until it is gone. One that is gone already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::Fault`].
    pub async fn delete_volume_snapshot(&self, id: &str, wait: Wait<'_>) -> Result<()> {
        let path = format!("/snapshots/{id}");
        match self.storage(Call::delete(Service::BlockStorage, path.clone())).await {
            Ok(_) => {}
            Err(Error::Api { status: 404, .. }) => return Ok(()),
            Err(why) => return Err(why),
        }
        wait::until(&format!("snapshot `{id}` to be gone"), wait, || async {
            match self.storage(Call::get(Service::BlockStorage, path.clone())).await {
                Err(Error::Api { status: 404, .. }) => Ok(Seen::Done(())),
                Ok(answer) => {
                    let now = answer.read::<ShownSnapshot>("snapshot")?.snapshot;
                    match now.status.starts_with("error") {
                        true => Err(self
                            .storage_fault(format!("delete of snapshot `{id}`"), id, &now.status)
                            .await),
                        false => Ok(Seen::NotYet(now.status)),
                    }
                }
                Err(why) => Err(why),
            }
        })
        .await
    }

    /// Wait for one of these statuses; "error…" ends it with Cinder's reason.
    pub(super) async fn wait_for_volume(
        &self,
        volume: &Volume,
        what: &str,
        wanted: &[&str],
        wait: Wait<'_>,
    ) -> Result<Volume> {
        let waiting = format!("volume `{}` to be {}", volume.label(), wanted.join(" or "));
        wait::until(&waiting, wait, || async {
            let now = self.volume_by_id(&volume.id).await?;
            if wanted.contains(&now.status.as_str()) {
                return Ok(Seen::Done(now));
            }
            match now.status.starts_with("error") {
                true => Err(self.volume_fault(what, &now).await),
                false => Ok(Seen::NotYet(now.status)),
            }
        })
        .await
    }

    async fn volume_fault(&self, what: &str, volume: &Volume) -> Error {
        self.storage_fault(format!("{what} volume `{}`", volume.label()), &volume.id, &volume.status).await
    }

    /// The error for a thing of Cinder in "error": what Cinder says of it to users.
    async fn storage_fault(&self, what: String, id: &str, status: &str) -> Error {
        let call = Call::get(Service::BlockStorage, "/messages").query("resource_uuid", id);
        let said = async { self.storage(call).await.ok()?.body.pointer("/messages/0").cloned() }.await;
        let text = |key: &str| said.as_ref().and_then(|one| one[key].as_str()).map(str::to_string);
        Error::Fault {
            what,
            fault: text("user_message")
                .unwrap_or_else(|| format!("its status is `{status}`, and Cinder gives no reason")),
            host: None,
            request_id: text("request_id"),
            hint: Some("the logs of cinder-scheduler and cinder-volume have the reason".into()),
        }
    }

    /// The error for a volume that a server has.
    pub(super) async fn in_use(&self, volume: &Volume) -> Error {
        let mut names = Vec::new();
        for one in &volume.attachments {
            let server = self.server_by_id(&one.server_id).await;
            names.push(server.map_or_else(|_| one.server_id.clone(), |server| server.name));
        }
        let by = if names.is_empty() { String::new() } else { format!(": `{}` has it", names.join("`, `")) };
        Error::Invalid {
            what: format!("volume `{}`", volume.label()),
            why: format!("it is {}{by}", volume.status),
            hint: match names.is_empty() {
                true => None,
                false => Some(hint::VOLUME_DETACH.with(volume.label()).and(" takes it away")),
            },
        }
    }
}
