//! The files of images: to glance and from it.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::checksum::{Checksum, Hasher};
use super::transfer::{OnTransfer, unusable};
use super::{Call, Cloud, Image, Service};
use crate::error::{Error, Result};
use crate::wait::{self, Seen, Wait};

/// An image to be made.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewImage {
    /// Its name.
    pub name: String,
    /// "raw", "qcow2" …; seen from the file when absent.
    pub disk_format: Option<String>,
    /// "bare" when absent.
    pub container_format: Option<String>,
    /// "public", "private", "shared" or "community"; glance's default (shared) when absent.
    pub visibility: Option<String>,
    /// The least memory a server needs, in MiB.
    pub min_ram_mib: u64,
    /// The least root disk a server needs, in GiB.
    pub min_disk_gib: u64,
    /// Further properties: `hw_numa_nodes`, `os_distro` …
    pub properties: BTreeMap<String, String>,
}

impl From<&str> for NewImage {
    fn from(name: &str) -> NewImage {
        NewImage { name: name.into(), ..NewImage::default() }
    }
}

impl Cloud {
    /// Make an image from a file. When the file does not arrive whole, the image is
    /// removed again.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::Invalid`] when the file cannot be read;
    /// [`Error::Fault`] when glance does not make it active.
    pub async fn upload_image(
        &self,
        image: impl Into<NewImage>,
        file: &Path,
        tell: OnTransfer<'_>,
    ) -> Result<Image> {
        let wished = image.into();
        let disk_format = match &wished.disk_format {
            Some(format) => format.clone(),
            None => disk_format(file)?.to_string(),
        };
        let mut body = json!({
            "name": wished.name,
            "disk_format": disk_format,
            "container_format": wished.container_format.as_deref().unwrap_or("bare"),
            "min_ram": wished.min_ram_mib,
            "min_disk": wished.min_disk_gib,
        });
        if let Some(visibility) = &wished.visibility {
            body["visibility"] = json!(visibility);
        }
        for (key, value) in &wished.properties {
            body[key] = Value::String(value.clone());
        }
        let image: Image = self.call(Call::post(Service::Image, "/images", body)).await?.read("new image")?;
        let sent = match self.send_image(&image.id, file, tell).await {
            Ok(()) => self.wait_for_image(&image.id, Wait::default()).await,
            Err(why) => Err(why),
        };
        if sent.is_err() {
            // Its own failure must not hide the reason.
            let _ = self.delete_image(&image.id).await;
        }
        sent
    }

    async fn send_image(&self, id: &str, file: &Path, tell: OnTransfer<'_>) -> Result<()> {
        let call =
            Call { body: None, ..Call::put(Service::Image, format!("/images/{id}/file"), Value::Null) };
        self.send_file(&call, file, tell).await
    }

    /// Wait until an image is active.
    ///
    /// # Errors
    /// [`Error::Fault`] when it was killed or deleted, [`Error::Timeout`].
    pub async fn wait_for_image(&self, id: &str, wait: Wait<'_>) -> Result<Image> {
        wait::until(&format!("image `{id}` to become active"), wait, || async {
            let image = self.image_by_id(id).await?;
            match image.status.as_str() {
                "active" => Ok(Seen::Done(image)),
                "killed" | "deleted" | "pending_delete" => Err(Error::Fault {
                    what: format!("image `{}`", image.name),
                    fault: format!("glance calls it {}", image.status),
                    host: None,
                    request_id: None,
                    hint: Some("glance-api.log on the controller has the reason".into()),
                }),
                status => Ok(Seen::NotYet(status.into())),
            }
        })
        .await
    }

    /// Write an image's file to `to`, and compare it with the hash glance knows.
    /// `to` is there whole, or not at all.
    ///
    /// # Errors
    /// As [`Cloud::call`]; [`Error::Invalid`] when the file cannot be written or its
    /// hash is wrong.
    pub async fn download_image(&self, image: &Image, to: &Path, tell: OnTransfer<'_>) -> Result<()> {
        let checksum = known_hash(image);
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let part = tempfile::Builder::new()
            .prefix(".smog-image-")
            .permissions(std::fs::Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(|why| unusable(to, &why))?
            .into_temp_path();
        let mut hasher = checksum.as_ref().map(Hasher::new);
        let call = Call::get(Service::Image, format!("/images/{}/file", image.id));
        self.receive_file(&call, &part, &mut hasher, tell).await?;
        if let (Some(hasher), Some(checksum)) = (hasher, checksum) {
            let found = hasher.digits();
            if found != checksum.digits {
                return Err(Error::Invalid {
                    what: format!("file of image `{}`", image.name),
                    why: format!("its {} is {found}, glance says {}", checksum.algorithm, checksum.digits),
                    hint: Some("it was damaged on the way or in glance's store: try once more".into()),
                });
            }
        }
        part.persist(to).map_err(|why| unusable(to, &why.error))
    }
}

/// The hash glance keeps, if smog can compute it.
fn known_hash(image: &Image) -> Option<Checksum> {
    let (algorithm, digits) = (image.hash_algorithm.as_deref()?, image.hash.as_deref()?);
    format!("{algorithm}:{digits}").parse().ok()
}

/// The format that a disk image's first bytes show; "raw" when they show none.
fn disk_format(file: &Path) -> Result<&'static str> {
    let mut head = Vec::new();
    let open = std::fs::File::open(file).map_err(|why| unusable(file, &why))?;
    open.take(40_000).read_to_end(&mut head).map_err(|why| unusable(file, &why))?;
    Ok(match &head[..] {
        head if head.starts_with(b"QFI\xfb") => "qcow2",
        head if head.starts_with(b"KDMV") || head.starts_with(b"# Disk DescriptorFile") => "vmdk",
        head if head.starts_with(b"vhdxfile") => "vhdx",
        head if head.starts_with(b"conectix") => "vhd",
        head if head.get(32_769..32_774) == Some(b"CD001") => "iso",
        _ => "raw",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_first_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("disk");
        let mut iso = vec![0; 32_769];
        iso.extend(b"CD001");
        for (bytes, format) in [
            (b"QFI\xfb\0\0\0\x03".to_vec(), "qcow2"),
            (iso, "iso"),
            (b"\xeb\x63".to_vec(), "raw"),
            (vec![], "raw"),
        ] {
            std::fs::write(&file, bytes).expect("a file");
            assert_eq!(disk_format(&file).expect("a format"), format);
        }
        assert!(disk_format(&folder.path().join("none")).is_err());
    }
}
