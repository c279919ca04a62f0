//! Nova flavors.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::lookup::{Named, pick};
use super::{Call, Cloud, Image, Service};
use crate::error::{Error, Result};

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
struct Listed {
    flavors: Vec<Flavor>,
    #[serde(default)]
    flavors_links: Vec<serde_json::Value>,
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
        let mut found: Vec<Flavor> = Vec::new();
        loop {
            let mut call = Call::get(Service::Compute, "/flavors/detail")
                .at(version)
                .query("is_public", "none")
                .query("limit", "1000");
            if let Some(last) = found.last() {
                call = call.query("marker", &last.id);
            }
            let page: Listed = self.call(call).await?.read("list of flavors")?;
            let more = !page.flavors_links.is_empty() && !page.flavors.is_empty();
            found.extend(page.flavors);
            if !more {
                return Ok(found);
            }
        }
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
        let fitting = flavors.into_iter().filter(|flavor| flavor.extra_specs.is_empty() && flavor.fits(image));
        fitting.min_by_key(|flavor| (flavor.ram_mib, flavor.vcpus, flavor.disk_gib)).ok_or_else(|| Error::Invalid {
            what: format!("image `{}`", image.name),
            why: format!(
                "no plain flavor fits it: it needs {} MiB of memory and {} GiB of disk",
                image.min_ram,
                image.needs_disk_gib()
            ),
            hint: Some("name a flavor with `--flavor`, or let smog make one: `--vcpus 1 --ram 256`".into()),
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
        let version = self.compute_microversion().await?;
        let body = json!({"flavor": {"name": name, "vcpus": vcpus, "ram": ram_mib, "disk": disk_gib}});
        let call = Call::post(Service::Compute, "/flavors", body).at(version);
        let mut flavor = self.call(call).await?.read::<Shown>("flavor")?.flavor;
        if extra_specs.is_empty() {
            return Ok(flavor);
        }
        let path = format!("/flavors/{}/os-extra_specs", flavor.id);
        let call = Call::post(Service::Compute, path, json!({"extra_specs": extra_specs})).at(version);
        if let Err(why) = self.call(call).await {
            // Its own failure must not hide the reason.
            let _ = self.delete_flavor(&flavor.id).await;
            return Err(why);
        }
        flavor.extra_specs = extra_specs.clone();
        Ok(flavor)
    }

    /// Delete a flavor. Servers made from it keep their own copy. One that is gone
    /// already is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn delete_flavor(&self, id: &str) -> Result<()> {
        match self.call(Call::delete(Service::Compute, format!("/flavors/{id}"))).await {
            Ok(_) | Err(Error::Api { status: 404, .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }
}
