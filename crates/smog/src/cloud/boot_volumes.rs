//! The volumes of a server that is to be booted.

use super::boot_request::volume_size;
use super::{BlockDevice, BlockSource, BootRequest, Cloud, Image};
use crate::error::{Error, Result};

impl Cloud {
    /// The request, with a disk for each volume that it names. Nothing is made: Nova makes new ones,
    /// and deletes them with the server.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a volume that a server has, and for a size that does not hold the image;
    /// [`Error::NotFound`] for an unknown volume, or where the cloud has no block storage service.
    pub(super) async fn with_volumes(&self, request: &BootRequest, image: &Image) -> Result<BootRequest> {
        let mut request = request.clone();
        if request.volumes.is_empty() && request.boot_from_volume.is_none() {
            return Ok(request);
        }
        // Nova would say no in the end, with a server in ERROR.
        self.volume_microversion().await?;
        if let Some(size) = request.boot_from_volume {
            let need = image.needs_disk_gib().max(1);
            if size < need {
                return Err(Error::Invalid {
                    what: format!("a volume of {size} GiB"),
                    why: format!("image `{}` needs {need} GiB", image.name),
                    hint: None,
                });
            }
            request.block_devices.insert(
                0,
                BlockDevice {
                    source: BlockSource::Image(image.id.clone()),
                    on_volume: true,
                    size_gib: Some(size),
                    boot_index: Some(0),
                    ..BlockDevice::default()
                },
            );
        }
        for asked in std::mem::take(&mut request.volumes) {
            let device = match volume_size(&asked) {
                Some(size) => BlockDevice { size_gib: Some(size), ..BlockDevice::default() },
                None => {
                    let volume = self.volume(&asked).await?;
                    if volume.status != "available" && !(volume.multiattach && volume.status == "in-use") {
                        return Err(self.in_use(&volume).await);
                    }
                    BlockDevice {
                        source: BlockSource::Volume(volume.id),
                        keep: true,
                        ..BlockDevice::default()
                    }
                }
            };
            request.block_devices.push(BlockDevice { on_volume: true, ..device });
        }
        Ok(request)
    }
}
