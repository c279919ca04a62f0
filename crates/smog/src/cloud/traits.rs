//! Traits in placement: words for what a provider can do.

use serde::Deserialize;
use serde_json::json;

use super::placement::{Provider, Traits};
use super::{Call, Cloud, Service};
use crate::error::{Error, Result};

/// A provider's traits as placement wants them back.
#[derive(Deserialize)]
struct OfProvider {
    traits: Vec<String>,
    resource_provider_generation: u64,
}

/// How often a provider is asked again that someone else changed in between.
const TRIES: u32 = 5;

impl Cloud {
    /// All traits whose name begins so.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn traits_that_begin(&self, beginning: &str) -> Result<Vec<String>> {
        let call = Call::get(Service::Placement, "/traits").query("name", format!("startswith:{beginning}"));
        Ok(self.placement(call).await?.read::<Traits>("traits")?.traits)
    }

    /// The providers that have a trait; none has one that placement does not know.
    ///
    /// # Errors
    /// As [`Cloud::call`].
    pub async fn providers_with_trait(&self, name: &str) -> Result<Vec<Provider>> {
        let version = self.placement_microversion().await?;
        let call = Call::get(Service::Placement, "/resource_providers").at(version).query("required", name);
        match self.list(call, "resource_providers").await {
            // Placement calls a trait it does not know a bad request.
            Err(Error::Api { status: 400, .. }) => Ok(Vec::new()),
            other => other,
        }
    }

    /// Take a custom trait from every provider, and delete it. Nova never takes back what a
    /// provider.yaml once gave; while such a file is there, nova-compute makes it again.
    ///
    /// # Errors
    /// As [`Cloud::call`]; 409 when a provider's traits keep changing.
    pub async fn remove_trait(&self, name: &str) -> Result<()> {
        for provider in self.providers_with_trait(name).await? {
            self.take_trait(&provider.id, name).await?;
        }
        match self.placement(Call::delete(Service::Placement, format!("/traits/{name}"))).await {
            Ok(_) | Err(Error::NotFound { .. } | Error::Api { status: 404, .. }) => Ok(()),
            Err(why) => Err(why),
        }
    }

    async fn take_trait(&self, provider: &str, name: &str) -> Result<()> {
        let path = format!("/resource_providers/{provider}/traits");
        let mut tries = 0;
        loop {
            let call = Call::get(Service::Placement, path.clone());
            let mut has: OfProvider = self.placement(call).await?.read("a provider's traits")?;
            has.traits.retain(|other| other != name);
            let body = json!({
                "traits": has.traits,
                "resource_provider_generation": has.resource_provider_generation,
            });
            tries += 1;
            match self.placement(Call::put(Service::Placement, path.clone(), body)).await {
                Err(Error::Api { status: 409, .. }) if tries < TRIES => {}
                other => return other.map(drop),
            }
        }
    }
}
