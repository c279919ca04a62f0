//! Extra specs of flavors, and which projects see a private one.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::labels::segment;
use super::{Call, Cloud, Microversion, Service};
use crate::error::Result;

#[derive(Deserialize)]
struct Specs {
    extra_specs: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Access {
    flavor_access: Vec<AccessItem>,
}

#[derive(Deserialize)]
struct AccessItem {
    tenant_id: String,
}

impl Cloud {
    /// A flavor's extra specs, asked again.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn extra_specs(&self, flavor_id: &str) -> Result<BTreeMap<String, String>> {
        let path = format!("/flavors/{}/os-extra_specs", segment(flavor_id));
        Ok(self.compute(Call::get(Service::Compute, path)).await?.read::<Specs>("extra specs")?.extra_specs)
    }

    /// Set extra specs, new or changed; the others stay. Returns those that were set.
    ///
    /// # Errors
    /// 400 with the reason for a value Nova does not know (microversion 2.86).
    pub async fn set_extra_specs(
        &self,
        flavor_id: &str,
        specs: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        let path = format!("/flavors/{}/os-extra_specs", segment(flavor_id));
        let call = Call::post(Service::Compute, path, json!({"extra_specs": specs}));
        // From 2.86 on Nova's API knows the largest numbers of sockets, cores and threads only
        // by names (`hw:max_cpu_…`) that its driver does not read (nova/virt/hardware.py).
        let newest = self.compute_microversion().await?;
        let version = match specs.keys().any(|key| key.starts_with("hw:cpu_max_")) {
            true => newest.min(Microversion(2, 85)),
            false => newest,
        };
        Ok(self.call(call.at(version)).await?.read::<Specs>("extra specs")?.extra_specs)
    }

    /// Remove extra specs. A key that is not there is fine.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn unset_extra_specs(&self, flavor_id: &str, keys: &[&str]) -> Result<()> {
        for key in keys {
            let path = format!("/flavors/{}/os-extra_specs/{}", segment(flavor_id), segment(key));
            self.delete(Service::Compute, path).await?;
        }
        Ok(())
    }

    /// The ids of the projects that see a private flavor.
    ///
    /// # Errors
    /// 404 for a public one, which everybody sees.
    pub async fn flavor_access(&self, flavor_id: &str) -> Result<Vec<String>> {
        let path = format!("/flavors/{}/os-flavor-access", segment(flavor_id));
        let access: Access = self.compute(Call::get(Service::Compute, path)).await?.read("flavor access")?;
        Ok(access.flavor_access.into_iter().map(|item| item.tenant_id).collect())
    }

    /// Let a project see a private flavor, or no more.
    ///
    /// # Errors
    /// 409 when it is so already.
    pub async fn set_flavor_access(&self, flavor_id: &str, project_id: &str, allowed: bool) -> Result<()> {
        let verb = if allowed { "addTenantAccess" } else { "removeTenantAccess" };
        let path = format!("/flavors/{}/action", segment(flavor_id));
        let call = Call::post(Service::Compute, path, json!({verb: {"tenant": project_id}}));
        self.compute(call).await.map(drop)
    }
}
