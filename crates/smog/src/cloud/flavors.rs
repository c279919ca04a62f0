//! Nova flavors.

use crate::hint::{self, Hint};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::images::show_pairs;
use super::lookup::{Named, pick};
use super::{Call, Cloud, Image, Service};
use crate::error::{Error, Result};
use crate::show::{Column, Show};

/// A flavor with its extra specs (microversion 2.61).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Flavor {
    /// Id: a UUID, or what its maker chose.
    pub id: String,
    /// Name; unique.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    #[serde(rename(deserialize = "ram"))]
    pub ram_mib: u64,
    /// Root disk in GiB; 0 means the image's size.
    #[serde(rename(deserialize = "disk"))]
    pub disk_gib: u64,
    /// Extra specs, such as `hw:cpu_policy`.
    #[serde(default)]
    pub extra_specs: BTreeMap<String, String>,
    /// Whether every project sees it.
    #[serde(rename(deserialize = "os-flavor-access:is_public"), default)]
    pub is_public: bool,
    /// A second, empty disk in GiB.
    #[serde(rename(deserialize = "OS-FLV-EXT-DATA:ephemeral"), default)]
    pub ephemeral_gib: u64,
    /// Swap disk in MiB.
    #[serde(rename(deserialize = "swap"), deserialize_with = "number_or_empty", default)]
    pub swap_mib: u64,
    /// Its maker's description (microversion 2.55).
    #[serde(default)]
    pub description: Option<String>,
}

/// Before microversion 2.75, no swap is `""`.
fn number_or_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Ok(serde_json::Value::deserialize(from)?.as_u64().unwrap_or(0))
}

/// A flavor to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFlavor {
    /// Its name.
    pub name: String,
    /// Its id; Nova makes a UUID when absent.
    pub id: Option<String>,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory in MiB.
    pub ram_mib: u64,
    /// Root disk in GiB; 0 means the image's size.
    pub disk_gib: u64,
    /// A second, empty disk in GiB.
    pub ephemeral_gib: u64,
    /// Swap disk in MiB.
    pub swap_mib: u64,
    /// Whether every project sees it.
    pub is_public: bool,
    /// Its description (microversion 2.55).
    pub description: Option<String>,
    /// Extra specs.
    pub extra_specs: BTreeMap<String, String>,
}

impl From<&str> for NewFlavor {
    /// One vCPU, 256 MiB, a disk as large as the image, public.
    fn from(name: &str) -> NewFlavor {
        NewFlavor {
            name: name.into(),
            id: None,
            vcpus: 1,
            ram_mib: 256,
            disk_gib: 0,
            ephemeral_gib: 0,
            swap_mib: 0,
            is_public: true,
            description: None,
            extra_specs: BTreeMap::new(),
        }
    }
}

impl Show for Flavor {
    const PLURAL: &'static str = "flavors";
    const COLUMNS: &'static [Column<Flavor>] = &[
        Column::new("name", |flavor| flavor.name.clone()),
        Column::new("vcpus", |flavor| flavor.vcpus.to_string()),
        Column::new("ram", |flavor| format!("{} MiB", flavor.ram_mib)),
        Column::new("disk", |flavor| format!("{} GiB", flavor.disk_gib)),
        Column::new("extra specs", |flavor| show_pairs(&flavor.extra_specs)),
        Column::wide("swap", |flavor| format!("{} MiB", flavor.swap_mib)),
        Column::wide("ephemeral", |flavor| format!("{} GiB", flavor.ephemeral_gib)),
        Column::wide("public", |flavor| if flavor.is_public { "public".into() } else { "private".into() }),
        Column::wide("description", |flavor| flavor.description.clone().unwrap_or_default()),
        Column::wide("id", |flavor| flavor.id.clone()),
    ];
}

impl Named for Flavor {
    fn id(&self) -> &str {
        &self.id
    }
    fn name(&self) -> &str {
        &self.name
    }
}

impl Flavor {
    /// Whether a server made from `image` can have this flavor.
    pub fn fits(&self, image: &Image) -> bool {
        let disk_fits = self.disk_gib == 0 || self.disk_gib >= image.needs_disk_gib();
        self.ram_mib >= image.min_ram && disk_fits
    }
}

#[derive(Deserialize)]
struct Shown {
    flavor: Flavor,
}

impl Cloud {
    /// All flavors; for an administrator the private ones too.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn flavors(&self) -> Result<Vec<Flavor>> {
        let version = self.compute_microversion().await?;
        let call = Call::get(Service::Compute, "/flavors/detail").at(version);
        self.list(call.query("is_public", "none").query("limit", "1000"), "flavors").await
    }

    /// One flavor by id, name, or an unambiguous beginning of either.
    ///
    /// # Errors
    /// [`Error::NotFound`] with near names, [`Error::Ambiguous`].
    pub async fn flavor(&self, asked: &str) -> Result<Flavor> {
        pick("flavor", asked, self.flavors().await?)
    }

    /// The smallest flavor that fits an image: least memory, then fewest vCPUs, then
    /// least disk. Flavors with extra specs are for a purpose and are left out.
    ///
    /// # Errors
    /// [`Error::Invalid`] when none fits.
    pub async fn smallest_flavor(&self, image: &Image) -> Result<Flavor> {
        let flavors = self.flavors().await?;
        let fitting =
            flavors.into_iter().filter(|flavor| flavor.extra_specs.is_empty() && flavor.fits(image));
        // Nova's default policy gives flavors without a disk to administrators only
        // (`os_compute_api:servers:create:zero_disk_flavor`): others get one with a disk.
        let is_admin = self.is_admin();
        let refused = |flavor: &Flavor| !is_admin && flavor.disk_gib == 0;
        let size = |flavor: &Flavor| (refused(flavor), flavor.ram_mib, flavor.vcpus, flavor.disk_gib);
        fitting.min_by_key(size).ok_or_else(|| Error::Invalid {
            what: format!("image `{}`", image.name),
            why: format!(
                "no plain flavor fits it: it needs {} MiB of memory and {} GiB of disk",
                image.min_ram,
                image.needs_disk_gib()
            ),
            hint: Some(
                Hint::from("name a flavor with ")
                    .and(hint::FLAVOR.hint())
                    .and(", or let smog make one: ")
                    .and(hint::OWN_FLAVOR.hint()),
            ),
        })
    }

    /// Make a public flavor with extra specs. When the extra specs are refused, the
    /// flavor is removed again.
    ///
    /// # Errors
    /// As [`Cloud::call`]; Nova refuses unknown values of `hw:` specs (2.86).
    pub async fn create_flavor(
        &self,
        name: &str,
        vcpus: u32,
        ram_mib: u64,
        disk_gib: u64,
        extra_specs: &BTreeMap<String, String>,
    ) -> Result<Flavor> {
        let extra_specs = extra_specs.clone();
        let new = NewFlavor { vcpus, ram_mib, disk_gib, extra_specs, ..NewFlavor::from(name) };
        self.create_flavor_as(&new).await
    }

    /// Create a flavor with every choice Nova has. When the extra specs are refused, the
    /// flavor is removed again.
    ///
    /// # Errors
    /// As [`Cloud::create_flavor`].
    pub async fn create_flavor_as(&self, new: &NewFlavor) -> Result<Flavor> {
        let mut body = json!({
            "name": new.name,
            "vcpus": new.vcpus,
            "ram": new.ram_mib,
            "disk": new.disk_gib,
            "OS-FLV-EXT-DATA:ephemeral": new.ephemeral_gib,
            "swap": new.swap_mib,
            "os-flavor-access:is_public": new.is_public,
        });
        if let Some(id) = &new.id {
            body["id"] = json!(id);
        }
        if let Some(description) = &new.description {
            body["description"] = json!(description);
        }
        let call = Call::post(Service::Compute, "/flavors", json!({"flavor": body}));
        let mut flavor = match self.compute(call).await {
            Ok(answer) => answer.read::<Shown>("flavor")?.flavor,
            Err(why) if why.leaves_unknown() => self.flavor_all_the_same(&new.name, why).await?,
            Err(why) => return Err(why),
        };
        if new.extra_specs.is_empty() {
            return Ok(flavor);
        }
        if let Err(why) = self.set_extra_specs(&flavor.id, &new.extra_specs).await {
            // Its own failure must not hide the reason.
            let _ = self.delete_flavor(&flavor.id).await;
            return Err(why);
        }
        flavor.extra_specs = new.extra_specs.clone();
        Ok(flavor)
    }

    /// Let a project see and use a private flavor. A project that may already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn give_flavor(&self, id: &str, project_id: &str) -> Result<()> {
        let body = json!({"addTenantAccess": {"tenant": project_id}});
        let call = Call::post(Service::Compute, format!("/flavors/{id}/action"), body);
        match self.compute(call).await {
            Ok(_) | Err(Error::Api { status: 409, .. }) => Ok(()),
            Err(why) => Err(why),
        }
    }

    /// The answer to an order for a flavor was lost: the flavor, when Nova has it.
    async fn flavor_all_the_same(&self, name: &str, why: Error) -> Result<Flavor> {
        match self.flavors().await {
            Ok(flavors) => flavors.into_iter().find(|flavor| flavor.name == name).ok_or(why),
            Err(again) if !again.is_temporary() => Err(why),
            Err(_) => Err(why.while_goes_on(
                format!("whether flavor `{name}` was made is not known"),
                hint::FLAVORS
                    .hint()
                    .and(" shows it, ")
                    .and(hint::FLAVOR_DELETE.with(name))
                    .and(" removes it"),
            )),
        }
    }

    /// Delete a flavor. Servers made from it keep their own copy. One that is gone
    /// already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn delete_flavor(&self, id: &str) -> Result<()> {
        self.delete(Service::Compute, format!("/flavors/{id}")).await
    }
}
