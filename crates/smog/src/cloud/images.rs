//! Glance images.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lookup::{Named, pick};
use super::{Call, Cloud, Service};
use crate::error::{Error, Result};
use crate::show::{self, Column, Show};

/// An image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Wire")]
#[non_exhaustive]
pub struct Image {
    /// UUID.
    pub id: String,
    /// Name; not unique, may be absent.
    pub name: String,
    /// "active", "queued" …
    pub status: String,
    /// "raw", "qcow2" …
    pub disk_format: Option<String>,
    /// "bare", "ova" …
    pub container_format: Option<String>,
    /// "public", "private", "shared" or "community".
    pub visibility: String,
    /// The project that owns it.
    pub owner: Option<String>,
    /// Size of the file in bytes.
    pub size: Option<u64>,
    /// Size of the disk it becomes, in bytes.
    pub virtual_size: Option<u64>,
    /// The least memory a server needs, in MiB.
    pub min_ram: u64,
    /// The least root disk a server needs, in GiB.
    pub min_disk: u64,
    /// Whether it is kept from deletion.
    pub protected: bool,
    /// "sha512" …
    pub hash_algorithm: Option<String>,
    /// The hash of the file, hexadecimal digits.
    pub hash: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// When it was made (UTC, ISO 8601).
    pub created_at: String,
    /// Its further properties: `hw_numa_nodes`, `os_distro` …
    pub properties: BTreeMap<String, String>,
}

/// As glance sends it: its properties stand among its fields.
#[derive(Deserialize)]
struct Wire {
    id: String,
    name: Option<String>,
    status: String,
    disk_format: Option<String>,
    container_format: Option<String>,
    #[serde(default)]
    visibility: String,
    owner: Option<String>,
    size: Option<u64>,
    virtual_size: Option<u64>,
    #[serde(default)]
    min_ram: u64,
    #[serde(default)]
    min_disk: u64,
    #[serde(default)]
    protected: bool,
    #[serde(rename = "os_hash_algo")]
    hash_algorithm: Option<String>,
    #[serde(rename = "os_hash_value")]
    hash: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    created_at: String,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// Fields of glance's own that are not properties.
const OWN_FIELDS: &[&str] =
    &["checksum", "direct_url", "file", "locations", "os_hidden", "schema", "self", "stores", "updated_at"];

impl From<Wire> for Image {
    fn from(wire: Wire) -> Image {
        let properties = wire.rest.into_iter().filter_map(|(key, value)| match value {
            Value::String(text) if !OWN_FIELDS.contains(&key.as_str()) => Some((key, text)),
            _ => None,
        });
        Image {
            id: wire.id,
            name: wire.name.unwrap_or_default(),
            status: wire.status,
            disk_format: wire.disk_format,
            container_format: wire.container_format,
            visibility: wire.visibility,
            owner: wire.owner,
            size: wire.size,
            virtual_size: wire.virtual_size,
            min_ram: wire.min_ram,
            min_disk: wire.min_disk,
            protected: wire.protected,
            hash_algorithm: wire.hash_algorithm,
            hash: wire.hash,
            tags: wire.tags,
            created_at: wire.created_at,
            properties: properties.collect(),
        }
    }
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

impl Show for Image {
    const PLURAL: &'static str = "images";
    const COLUMNS: &'static [Column<Image>] = &[
        Column::new("name", |image| image.name.clone()),
        Column::new("status", |image| image.status.clone()),
        Column::new("format", |image| image.disk_format.clone().unwrap_or_default()),
        Column::new("size", |image| {
            image.size.map(|size| show::kib(size.div_ceil(1024))).unwrap_or_default()
        }),
        Column::new("visibility", |image| image.visibility.clone()),
        Column::wide("min ram", |image| format!("{} MiB", image.min_ram)),
        Column::wide("min disk", |image| format!("{} GiB", image.min_disk)),
        Column::wide("properties", |image| show_pairs(&image.properties)),
        Column::new("id", |image| image.id.clone()),
        Column::wide("owner", |image| image.owner.clone().unwrap_or_default()),
        Column::wide("created", |image| image.created_at.clone()),
    ];
}

/// "a=1, b=2"
pub(super) fn show_pairs(pairs: &BTreeMap<String, String>) -> String {
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}

impl Cloud {
    /// All images the user may see.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn images(&self) -> Result<Vec<Image>> {
        self.list(Call::get(Service::Image, "/images").query("limit", "1000"), "images").await
    }

    /// One image by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`].
    pub async fn image(&self, asked: &str) -> Result<Image> {
        pick("image", asked, self.images().await?)
    }

    /// One image by its UUID.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn image_by_id(&self, id: &str) -> Result<Image> {
        match self.call(Call::get(Service::Image, format!("/images/{id}"))).await {
            Err(Error::Api { status: 404, .. }) => {
                Err(Error::NotFound { what: "image".into(), name: id.into(), near: vec![] })
            }
            other => other?.read("image"),
        }
    }

    /// The name of a server's image, as people know it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the image was deleted; servers outlive their image.
    pub async fn image_name(&self, id: &str) -> Result<String> {
        Ok(self.image_by_id(id).await?.name)
    }

    /// Set properties, new or changed; the others stay.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn set_image_properties(
        &self,
        id: &str,
        properties: &BTreeMap<String, String>,
    ) -> Result<Image> {
        // To glance, "add" of what is there replaces it.
        let steps = properties
            .iter()
            .map(|(key, value)| json!({"op": "add", "path": pointer(key), "value": value}))
            .collect();
        self.patch_image(id, steps).await
    }

    /// Remove properties. One that is not there is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn unset_image_properties(&self, id: &str, keys: &[&str]) -> Result<Image> {
        let image = self.image_by_id(id).await?;
        let there = keys.iter().filter(|key| image.properties.contains_key(**key));
        let steps: Vec<Value> = there.map(|key| json!({"op": "remove", "path": pointer(key)})).collect();
        match steps.is_empty() {
            true => Ok(image),
            false => self.patch_image(id, steps).await,
        }
    }

    async fn patch_image(&self, id: &str, steps: Vec<Value>) -> Result<Image> {
        let call = Call::patch(Service::Image, format!("/images/{id}"), Value::Array(steps));
        self.call(call.content_type("application/openstack-images-v2.1-json-patch")).await?.read("image")
    }

    /// Delete an image. One that is gone already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 403 for a protected one.
    pub async fn delete_image(&self, id: &str) -> Result<()> {
        self.delete(Service::Image, format!("/images/{id}")).await
    }
}

/// A key as a JSON pointer.
fn pointer(key: &str) -> String {
    format!("/{}", key.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_image_and_its_properties() {
        let text = include_str!("../../tests/data/api/image-epoxy.json");
        let image: Image = serde_json::from_str(text).expect("the recorded image");
        assert_eq!((image.status.as_str(), image.disk_format.as_deref()), ("active", Some("raw")));
        assert_eq!(image.size, Some(16_777_216));
        assert_eq!(image.hash_algorithm.as_deref(), Some("sha512"));
        assert_eq!(image.properties["hw_rng_model"], "virtio");
        assert!(!image.properties.contains_key("schema") && !image.properties.contains_key("checksum"));
    }

    #[test]
    fn keys_are_quoted_as_json_pointers() {
        assert_eq!(pointer("hw:a/b~c"), "/hw:a~1b~0c");
    }
}
