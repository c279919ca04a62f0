//! A guest's volumes: what Nova, Cinder and the domain say of each, and attaching and taking away.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Guest;
use crate::cloud::{AttachVolume, ServerVolume, Volume, VolumeWork, is_uuid};
use crate::error::Result;
use crate::libvirt::{Disk, DiskSource};
use crate::show::{Column, Show};
use crate::wait::Wait;

/// One volume of a guest: three answers that must agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GuestVolume {
    /// The volume's id.
    pub id: String,
    /// What Nova's block device mapping has; none when Nova does not have it.
    pub nova: Option<ServerVolume>,
    /// What Cinder says of the volume; none when Cinder has no such volume.
    pub cinder: Option<Volume>,
    /// Whether Cinder has it attached to this guest.
    pub is_attached_in_cinder: bool,
    /// The disk of the domain; none when it has no such disk, or there is no domain to look at.
    pub disk: Option<Disk>,
    /// Whether a domain was seen.
    pub has_domain: bool,
}

impl GuestVolume {
    /// Only the domain has it: for negative controls.
    pub(crate) fn left_in_domain(id: &str) -> GuestVolume {
        GuestVolume {
            id: id.into(),
            nova: None,
            cinder: None,
            is_attached_in_cinder: false,
            disk: Some(Disk {
                device: "disk".into(),
                source: None,
                format: None,
                cache: None,
                target: None,
                bus: None,
                read_only: false,
                serial: Some(id.into()),
            }),
            has_domain: true,
        }
    }

    /// What does not agree, one sentence each; none when all that was seen agrees.
    pub fn disagreements(&self) -> Vec<&'static str> {
        let mut wrong = Vec::new();
        match (&self.nova, &self.cinder) {
            (Some(_), None) => wrong.push("Cinder has no such volume"),
            (Some(_), Some(_)) if !self.is_attached_in_cinder => {
                wrong.push("Cinder does not have it attached")
            }
            (Some(nova), Some(cinder)) => {
                let ids = cinder.attachments.iter().filter_map(|one| one.attachment_id.as_deref());
                let mut ids = ids.peekable();
                if let (Some(id), true) = (&nova.attachment_id, ids.peek().is_some())
                    && !ids.any(|other| other == id)
                {
                    wrong.push("Cinder has another attachment");
                }
            }
            (None, _) if self.is_attached_in_cinder => wrong.push("Nova does not have it"),
            _ => {}
        }
        match (&self.nova, &self.disk) {
            (Some(_), None) if self.has_domain => wrong.push("the domain has no such disk"),
            (None, Some(_)) => wrong.push("the domain has its disk"),
            _ => {}
        }
        wrong
    }
}

impl Show for GuestVolume {
    const PLURAL: &'static str = "volumes";
    const COLUMNS: &'static [Column<GuestVolume>] = &[
        Column::new("volume", |one| one.cinder.as_ref().map_or(one.id.as_str(), Volume::label).to_string()),
        Column::new("size", |one| {
            one.cinder.as_ref().map(|it| format!("{} GiB", it.size_gib)).unwrap_or_default()
        }),
        Column::new("nova", |one| match &one.nova {
            Some(nova) => nova.device.clone().unwrap_or_else(|| "attached".into()),
            None => "no".into(),
        }),
        Column::new("cinder", |one| match (&one.cinder, one.is_attached_in_cinder) {
            (None, _) => "no such volume".into(),
            (Some(cinder), true) => format!("{}, attached", cinder.status),
            (Some(cinder), false) => format!("{}, not attached", cinder.status),
        }),
        Column::new("domain", |one| match &one.disk {
            Some(disk) => {
                let bus = disk.bus.as_deref().unwrap_or("?");
                format!("{} ({bus})", disk.target.as_deref().unwrap_or("?"))
            }
            None if one.has_domain => "no such disk".into(),
            None => "no domain".into(),
        }),
        Column::new("agree", |one| match one.disagreements()[..] {
            [] => "yes".into(),
            ref wrong => format!("no: {}", wrong.join("; ")),
        }),
        Column::wide("source", |one| match one.disk.as_ref().and_then(|disk| disk.source.as_ref()) {
            Some(DiskSource::File(path) | DiskSource::Block(path)) => path.clone(),
            Some(DiskSource::Network(protocol, name)) => format!("{protocol}:{name}"),
            Some(DiskSource::Other(kind)) => kind.clone(),
            None => String::new(),
        }),
        Column::wide("cache", |one| {
            one.disk.as_ref().and_then(|disk| disk.cache.clone()).unwrap_or_default()
        }),
        Column::wide("deleted with it", |one| {
            match one.nova.as_ref().and_then(|nova| nova.delete_on_termination) {
                Some(true) => "yes".into(),
                Some(false) => "no".into(),
                None => String::new(),
            }
        }),
        Column::wide("id", |one| one.id.clone()),
    ];
}

impl Guest {
    /// Its volumes, as Nova, Cinder and the domain have them. The domain is read again where the guest
    /// is on a host.
    ///
    /// # Errors
    /// As [`Cloud::server_volumes`](crate::Cloud::server_volumes) and [`Cloud::volumes`](crate::Cloud::volumes);
    /// a host's own errors.
    pub async fn volumes(&mut self) -> Result<Vec<GuestVolume>> {
        self.refresh().await?;
        let cloud = self.cloud.clone();
        let (nova, cinder) =
            tokio::try_join!(cloud.server_volumes(&self.server.id), cloud.volumes_of(&self.server))?;
        let domain = match self.server.host {
            Some(_) => Some(self.domain().await?),
            None => None,
        };
        let has_domain = domain.is_some();
        let mut all: BTreeMap<String, GuestVolume> = BTreeMap::new();
        let empty = |id: &str| GuestVolume {
            id: id.to_string(),
            nova: None,
            cinder: None,
            is_attached_in_cinder: false,
            disk: None,
            has_domain,
        };
        for one in nova {
            let id = one.volume_id.clone();
            all.entry(id.clone()).or_insert_with(|| empty(&id)).nova = Some(one);
        }
        for disk in domain.map(|domain| domain.devices.disks).unwrap_or_default() {
            if let Some(id) = disk.serial.clone().filter(|id| is_uuid(id)) {
                all.entry(id.clone()).or_insert_with(|| empty(&id)).disk = Some(disk);
            }
        }
        for one in cinder {
            let entry = all.entry(one.id.clone()).or_insert_with(|| empty(&one.id));
            entry.is_attached_in_cinder = one.is_at(&self.server.id);
            entry.cinder = Some(one);
        }
        let mut volumes: Vec<GuestVolume> = all.into_values().collect();
        volumes.sort_by(|one, other| {
            let device = |it: &GuestVolume| it.nova.as_ref().and_then(|nova| nova.device.clone());
            (device(one), &one.id).cmp(&(device(other), &other.id))
        });
        Ok(volumes)
    }

    /// Attach a volume, by name or id, and wait until Nova and Cinder say that it is.
    ///
    /// # Errors
    /// As [`Cloud::attach_volume`](crate::Cloud::attach_volume).
    pub async fn attach_volume(&mut self, volume: &str, wait: Wait<'_>) -> Result<ServerVolume> {
        self.attach_volume_with(volume, &AttachVolume::default(), &VolumeWork::default(), wait).await
    }

    /// The same with every choice Nova has; `work` is for
    /// [`Cloud::take_back_volumes`](crate::Cloud::take_back_volumes).
    ///
    /// # Errors
    /// As [`Guest::attach_volume`].
    pub async fn attach_volume_with(
        &mut self,
        volume: &str,
        how: &AttachVolume,
        work: &VolumeWork,
        wait: Wait<'_>,
    ) -> Result<ServerVolume> {
        let volume = self.cloud.volume(volume).await?;
        let attached = self.cloud.attach_volume(&self.server, &volume, how, work, wait).await?;
        self.refresh().await?;
        self.seen = None;
        Ok(attached)
    }

    /// Take a volume away, by its name, id or device, and wait until nobody has it there.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) with the volumes that it has; as
    /// [`Cloud::detach_volume`](crate::Cloud::detach_volume).
    pub async fn detach_volume(&mut self, volume: &str, wait: Wait<'_>) -> Result<()> {
        let volume = self.cloud.volume_of(&self.server, volume).await?;
        self.cloud.detach_volume(&self.server, &volume, wait).await?;
        self.refresh().await?;
        self.seen = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// All three have it.
    fn agreed() -> GuestVolume {
        let nova = json!({"volumeId": "v", "device": "/dev/vdb", "attachment_id": "a"});
        let cinder = json!({"id": "v", "status": "in-use", "size": 1,
                            "attachments": [{"server_id": "s", "attachment_id": "a"}]});
        let xml = "<domain type='qemu'><name>i</name><uuid>s</uuid><memory>1</memory>\
                   <devices><disk type='network' device='disk'>\
                   <source protocol='rbd' name='volumes/volume-v'/><target dev='vdb' bus='virtio'/>\
                   <serial>v</serial></disk></devices></domain>";
        let domain = crate::libvirt::Domain::parse(xml, "a test").expect("a domain");
        GuestVolume {
            id: "v".into(),
            nova: Some(serde_json::from_value(nova).expect("Nova's")),
            cinder: Some(serde_json::from_value(cinder).expect("Cinder's")),
            is_attached_in_cinder: true,
            disk: domain.devices.disks.into_iter().next(),
            has_domain: true,
        }
    }

    #[test]
    fn three_answers_agree_or_it_is_said_who_does_not() {
        assert!(agreed().disagreements().is_empty());
        let off = GuestVolume { disk: None, has_domain: false, ..agreed() };
        assert!(off.disagreements().is_empty(), "without a domain two are compared");
        let wrong = |change: fn(&mut GuestVolume)| {
            let mut one = agreed();
            change(&mut one);
            one.disagreements().join("; ")
        };
        assert_eq!(wrong(|one| one.disk = None), "the domain has no such disk");
        assert_eq!(wrong(|one| one.cinder = None), "Cinder has no such volume");
        assert_eq!(wrong(|one| one.is_attached_in_cinder = false), "Cinder does not have it attached");
        assert_eq!(wrong(|one| one.nova = None), "Nova does not have it; the domain has its disk");
        let other = |one: &mut GuestVolume| {
            one.nova.as_mut().expect("Nova's").attachment_id = Some("b".into());
        };
        assert_eq!(wrong(other), "Cinder has another attachment");
    }
}
