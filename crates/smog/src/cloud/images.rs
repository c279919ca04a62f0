//! Glance images.

use serde::{Deserialize, Serialize};

use super::lookup::{Named, pick};
use super::{Call, Cloud, Service};
use crate::error::Result;

/// An image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Image {
    /// UUID.
    pub id: String,
    /// Name; not unique, may be absent.
    #[serde(default, deserialize_with = "text_or_none")]
    pub name: String,
    /// "active", "queued" …
    pub status: String,
    /// "raw", "qcow2" …
    #[serde(default)]
    pub disk_format: Option<String>,
    /// Size of the file in bytes.
    #[serde(default)]
    pub size: Option<u64>,
    /// Size of the disk it becomes, in bytes.
    #[serde(default)]
    pub virtual_size: Option<u64>,
    /// The least memory a server needs, in MiB.
    #[serde(default)]
    pub min_ram: u64,
    /// The least root disk a server needs, in GiB.
    #[serde(default)]
    pub min_disk: u64,
}

fn text_or_none<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

impl Named for Image {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Image {
    /// The least root disk it fits, in GiB.
    pub fn needs_disk_gib(&self) -> u64 {
        const GIB: u64 = 1 << 30;
        self.min_disk.max(self.virtual_size.or(self.size).unwrap_or(0).div_ceil(GIB))
    }
}

#[derive(Deserialize)]
struct Listed {
    images: Vec<Image>,
    #[serde(default)]
    next: Option<String>,
}

impl Cloud {
    /// All images the user may see.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn images(&self) -> Result<Vec<Image>> {
        let mut found: Vec<Image> = Vec::new();
        loop {
            let mut call = Call::get(Service::Image, "/images").query("limit", "1000");
            if let Some(last) = found.last() {
                call = call.query("marker", &last.id);
            }
            let page: Listed = self.call(call).await?.read("list of images")?;
            let more = page.next.is_some() && !page.images.is_empty();
            found.extend(page.images);
            if !more {
                return Ok(found);
            }
        }
    }

    /// One image by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`](crate::Error::NotFound) with near names,
    /// [`Error::Ambiguous`](crate::Error::Ambiguous).
    pub async fn image(&self, asked: &str) -> Result<Image> {
        pick("image", asked, self.images().await?)
    }
}
