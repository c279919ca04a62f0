//! Booting a guest: defaults, the order, the wait, and what a failure leaves.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::{Call, Cloud, Flavor, Image, Microversion, Server, Service};
use crate::error::{Error, Result};
use crate::flavor::FlavorSpec;
use crate::guest::Guest;
use crate::wait::Wait;

/// The metadata key that names the flavor smog made for a server, so that it is
/// deleted with it.
pub(crate) const OWN_FLAVOR: &str = "smog:flavor";

/// Every resource smog makes on its own account is named so.
const OWN_PREFIX: &str = "smog-";

/// Which flavor a server gets.
#[derive(Debug, Clone, Default)]
pub enum FlavorChoice {
    /// The smallest plain one that fits the image.
    #[default]
    Smallest,
    /// By name or id.
    Named(String),
    /// Made for this server, and deleted with it.
    Made(FlavorSpec),
}

/// Which network a server gets.
#[derive(Debug, Clone, Default)]
pub enum NetworkChoice {
    /// The one called `private`.
    #[default]
    Private,
    /// By name or id.
    Named(String),
    /// No network at all.
    None,
}

/// What to boot.
#[derive(Debug, Clone, Default)]
pub struct BootRequest {
    /// The server's name.
    pub name: String,
    /// Image by name or id; `cirros` when absent.
    pub image: Option<String>,
    /// The flavor.
    pub flavor: FlavorChoice,
    /// The network.
    pub network: NetworkChoice,
    /// Ask for this compute host; the scheduler still checks it (microversion 2.74).
    pub host: Option<String>,
}

impl From<&str> for BootRequest {
    /// A guest of this name with every default.
    fn from(name: &str) -> BootRequest {
        BootRequest { name: name.into(), ..BootRequest::default() }
    }
}

/// What a boot has made so far, to be removed if it is given up half-way.
#[derive(Debug, Default)]
pub struct BootMade {
    flavor: Mutex<Option<String>>,
    server: Mutex<Option<String>>,
}

impl BootMade {
    /// The server's id, once Nova gave one.
    pub fn server(&self) -> Option<String> {
        self.server.lock().ok().and_then(|id| id.clone())
    }

    fn flavor(&self) -> Option<String> {
        self.flavor.lock().ok().and_then(|id| id.clone())
    }

    fn note(slot: &Mutex<Option<String>>, id: &str) {
        if let Ok(mut slot) = slot.lock() {
            *slot = Some(id.to_string());
        }
    }
}

impl Cloud {
    /// Boot a guest and wait up to five minutes until it is ACTIVE.
    ///
    /// `cloud.boot("web")` takes image `cirros`, the smallest flavor that fits it and
    /// network `private`; [`BootRequest`] has the rest.
    ///
    /// # Errors
    /// As [`Cloud::boot_server`].
    pub async fn boot(&self, request: impl Into<BootRequest>) -> Result<Guest> {
        let server = self.boot_server(&request.into(), &BootMade::default(), Wait::default()).await?;
        Ok(Guest::new(self, server))
    }

    /// Order a server; returns when Nova has taken the order. `made` is told of
    /// everything as soon as it exists.
    ///
    /// # Errors
    /// Unknown or ambiguous names, a flavor too small for the image, a quota that is
    /// used up ([`Error::Api`], 403) — all before anything is left behind.
    pub async fn order_server(&self, request: &BootRequest, made: &BootMade) -> Result<Server> {
        // All questions first, so that a wrong name leaves nothing behind.
        let (image, network) = tokio::try_join!(
            self.image(request.image.as_deref().unwrap_or("cirros")),
            self.network_of(&request.network)
        )?;
        if let Some(host) = &request.host {
            self.check_compute_host(host).await?;
        }
        let flavor = self.flavor_of(&request.flavor, &image, made).await?;
        let ordered = self.order(request, &image, &flavor, network.as_deref(), made).await;
        if ordered.is_err() && made.server().is_none() {
            self.undo_boot(made).await;
        }
        ordered
    }

    /// Order a server and wait until it is ACTIVE.
    ///
    /// # Errors
    /// As [`Cloud::order_server`]; [`Error::Fault`] when the server goes to ERROR: it
    /// is kept for a look, and deleted by [`Guest::delete`](crate::Guest::delete).
    pub async fn boot_server(&self, request: &BootRequest, made: &BootMade, wait: Wait<'_>) -> Result<Server> {
        let server = self.order_server(request, made).await?;
        self.wait_for_status(&server.id, "ACTIVE", wait).await.map_err(|why| match why {
            Error::Fault { fault, host, request_id, hint, .. } => {
                Error::Fault { what: format!("boot of server `{}`", request.name), fault, host, request_id, hint }
            }
            other => other,
        })
    }

    /// Remove what an interrupted boot has made before there was a server.
    pub async fn undo_boot(&self, made: &BootMade) {
        if made.server().is_none()
            && let Some(flavor) = made.flavor()
        {
            // Nothing to tell: the caller already reports why the boot ended.
            let _ = self.delete_flavor(&flavor).await;
        }
    }

    /// Delete a flavor smog made for a server. One that is gone, or that does not
    /// bear smog's name any more, is left alone.
    pub(crate) async fn delete_own_flavor(&self, id: &str) -> Result<()> {
        let flavors = self.flavors().await?;
        match flavors.iter().find(|flavor| flavor.id == id) {
            Some(flavor) if flavor.name.starts_with(OWN_PREFIX) => self.delete_flavor(id).await,
            _ => Ok(()),
        }
    }

    async fn order(
        &self,
        request: &BootRequest,
        image: &Image,
        flavor: &Flavor,
        network: Option<&str>,
        made: &BootMade,
    ) -> Result<Server> {
        let mut version = self.compute_microversion().await?;
        let mut metadata = BTreeMap::new();
        if matches!(request.flavor, FlavorChoice::Made(_)) {
            metadata.insert(OWN_FLAVOR, flavor.id.clone());
        }
        let mut server = json!({
            "name": request.name,
            "imageRef": image.id,
            "flavorRef": flavor.id,
            "networks": network.map_or(json!("none"), |id| json!([{"uuid": id}])),
            "metadata": metadata,
        });
        if let Some(host) = &request.host {
            version = self.needs_compute("`--host`", Microversion(2, 74)).await?.max(version);
            server["host"] = Value::String(host.clone());
        }
        let call = Call::post(Service::Compute, "/servers", json!({"server": server})).at(version);
        let answer = self.call(call).await?;
        let id = answer.body.pointer("/server/id").and_then(Value::as_str).ok_or_else(|| Error::Parse {
            what: "the new server's id".into(),
            source_of: "the compute service".into(),
            why: "there is none in the answer".into(),
        })?;
        BootMade::note(&made.server, id);
        self.server_by_id(id).await
    }

    async fn network_of(&self, choice: &NetworkChoice) -> Result<Option<String>> {
        let name = match choice {
            NetworkChoice::None => return Ok(None),
            NetworkChoice::Private => "private",
            NetworkChoice::Named(name) => name,
        };
        Ok(Some(self.network(name).await?.id))
    }

    async fn flavor_of(&self, choice: &FlavorChoice, image: &Image, made: &BootMade) -> Result<Flavor> {
        let flavor = match choice {
            FlavorChoice::Smallest => return self.smallest_flavor(image).await,
            FlavorChoice::Named(name) => self.flavor(name).await?,
            FlavorChoice::Made(spec) => {
                let specs = spec.extra_specs()?;
                let name = format!("{OWN_PREFIX}{}", unique());
                let flavor = self.create_flavor(&name, spec.vcpus, spec.ram_mib, spec.disk_gib, &specs).await?;
                BootMade::note(&made.flavor, &flavor.id);
                flavor
            }
        };
        if !flavor.fits(image) {
            self.undo_boot(made).await;
            return Err(Error::Invalid {
                what: format!("flavor `{}`", flavor.name),
                why: format!(
                    "too small for image `{}`, which needs {} MiB of memory and {} GiB of disk",
                    image.name,
                    image.min_ram,
                    image.needs_disk_gib()
                ),
                hint: None,
            });
        }
        Ok(flavor)
    }
}

/// A name part no one else has: time and process.
fn unique() -> String {
    let now = jiff::Timestamp::now().as_millisecond();
    format!("{now:x}-{:x}", std::process::id())
}
