//! What a case makes; it is removed after the case.

use std::collections::BTreeMap;

use super::Test;
use crate::cloud::{
    Aggregate, AggregatePair, BootRequest, Flavor, FlavorChoice, Image, NetworkChoice, NewFlavor, NewImage,
    NewVolume, ServerGroup, Volume, VolumeSnapshot, VolumeWork,
};
use crate::error::{Error, Result};
use crate::flavor::FlavorSpec;
use crate::guest::Guest;

impl Test {
    /// A name for something this case makes.
    pub fn fresh_name(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{}-{what}{}", self.prefix, self.count)
    }

    /// A flavor, removed with the case. Its name is chosen here.
    ///
    /// # Errors
    /// As [`Cloud::create_flavor`].
    pub async fn flavor(&mut self, spec: FlavorSpec) -> Result<Flavor> {
        let name = self.fresh_name("flavor");
        self.log.state(&format!("making flavor `{name}`"));
        // Not public: no other project may use it.
        let new = NewFlavor {
            name,
            vcpus: spec.vcpus,
            ram_mib: spec.ram_mib,
            disk_gib: spec.disk_gib,
            extra_specs: spec.extra_specs()?,
            is_public: false,
            ..NewFlavor::from("")
        };
        let flavor = self.cloud.create_flavor_as(&new).await?;
        self.log.said().made.flavors.push(flavor.id.clone());
        Ok(flavor)
    }

    /// The suite's image: the one `cirros:` of its settings names, when there is such a one.
    ///
    /// # Errors
    /// As [`Cloud::image`].
    pub async fn image(&self) -> Result<Image> {
        match &self.settings.cirros.name {
            Some(name) => match self.cloud.image(name).await {
                Err(Error::NotFound { .. }) => self.cloud.image("cirros").await,
                other => other,
            },
            None => self.cloud.image("cirros").await,
        }
    }

    /// The suite's image once more with properties, removed with the case.
    ///
    /// # Errors
    /// As [`Cloud::download_image`] and [`Cloud::upload_image`].
    pub async fn image_with(&mut self, properties: &[(&str, &str)]) -> Result<Image> {
        let source = self.image().await?;
        let folder = temporary_folder()?;
        let file = folder.path().join("image");
        self.cloud.download_image(&source, &file, &|_| {}).await?;
        let properties = properties.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        self.upload(source.disk_format.clone(), properties, &file).await
    }

    /// An image of these bytes, removed with the case.
    ///
    /// # Errors
    /// As [`Cloud::upload_image`].
    pub async fn image_of(&mut self, disk_format: &str, bytes: &[u8]) -> Result<Image> {
        let folder = temporary_folder()?;
        let file = folder.path().join("image");
        std::fs::write(&file, bytes).map_err(no_folder)?;
        self.upload(Some(disk_format.to_string()), BTreeMap::new(), &file).await
    }

    async fn upload(
        &mut self,
        disk_format: Option<String>,
        properties: BTreeMap<String, String>,
        file: &std::path::Path,
    ) -> Result<Image> {
        let name = self.fresh_name("image");
        self.log.state(&format!("making image `{name}`"));
        let new = NewImage { name, disk_format, properties, ..NewImage::default() };
        let image = self.cloud.upload_image(new, file, &|_| {}).await?;
        self.log.said().made.images.push(image.id.clone());
        Ok(image)
    }

    /// Boot a guest of this flavor and wait until it is ACTIVE. Where the case claims CPUs
    /// or pages it goes to the first host of the stage, else to the scheduler's choice.
    ///
    /// # Errors
    /// As [`Cloud::boot_server`].
    pub async fn boot(&mut self, spec: FlavorSpec) -> Result<Guest> {
        let flavor = self.flavor(spec).await?;
        self.boot_flavor(&flavor).await
    }

    /// The same with a flavor that is there.
    ///
    /// # Errors
    /// As [`Cloud::boot_server`].
    pub async fn boot_flavor(&mut self, flavor: &Flavor) -> Result<Guest> {
        let request =
            BootRequest { flavor: FlavorChoice::Named(flavor.id.clone()), ..BootRequest::default() };
        self.boot_request(request).await
    }

    /// The same with everything else chosen. The name, and (without one) the image, network
    /// and host are chosen here.
    ///
    /// # Errors
    /// As [`Cloud::boot_server`].
    pub async fn boot_request(&mut self, request: BootRequest) -> Result<Guest> {
        let guest = self.order(request).await?;
        let server = self.cloud.wait_for_status(&guest.server.id, "ACTIVE", self.wait()).await?;
        Ok(Guest::new(&self.cloud, server))
    }

    /// Order a guest, and return when Nova has taken the order.
    ///
    /// # Errors
    /// As [`Cloud::order_server`].
    pub async fn order(&mut self, request: BootRequest) -> Result<Guest> {
        let mut request = request;
        if request.name.is_empty() {
            request.name = self.fresh_name("guest");
        }
        if request.image.is_none() {
            request.image = Some(self.image().await?.id);
        }
        if request.host.is_none() && request.availability_zone.is_none() && self.case.claims.is_of_hosts() {
            request.host = self.stage.hosts.first().cloned();
        }
        if !self.case.network && request.network == NetworkChoice::Private && request.nics.is_empty() {
            request.network = NetworkChoice::None;
        }
        if let FlavorChoice::Made(spec) = &request.flavor {
            let flavor = self.flavor(spec.as_ref().clone()).await?;
            request.flavor = FlavorChoice::Named(flavor.id);
        }
        self.step(format!("boot `{}`", request.name));
        let made = crate::cloud::BootMade::default();
        let ordered = self.cloud.order_server(&request, &made).await;
        if let Some(id) = made.server() {
            self.log.said().made.servers.push((id, request.name.clone()));
        }
        Ok(Guest::new(&self.cloud, ordered?))
    }

    /// Boot what must be refused, at once or by the scheduler or on the host: the reason
    /// Nova gives. A guest that boots nevertheless fails the case.
    ///
    /// # Errors
    /// What is no refusal: the cloud does not answer, a name is unknown.
    pub async fn refused(&mut self, what: &str, request: BootRequest) -> Result<String> {
        // The conductor logs it with a traceback; here it is what is wanted.
        self.allow("NoValidHost");
        match self.boot_request(request).await {
            Ok(guest) => {
                let host = guest.server.host.clone().unwrap_or_default();
                self.check(what, false, format!("it boots, on {host}"), "Nova refuses it");
                Ok(String::new())
            }
            Err(Error::Fault { fault, .. }) => Ok(fault),
            Err(Error::Api { status, message, .. }) if status < 500 => Ok(message),
            Err(why) => Err(why),
        }
    }

    /// Two aggregates that split the hosts, removed with the case: the first host of the
    /// stage has `KEY=true`, all others `KEY=false`. Returned with the key, which is this
    /// case's alone: others split the hosts in their own ways meanwhile.
    ///
    /// # Errors
    /// As [`Cloud::create_aggregate`].
    pub async fn aggregate_pair(&mut self, what: &str) -> Result<(AggregatePair, String)> {
        let key = self.fresh_name(what);
        self.step(format!("make aggregates `{key}_true` and `{key}_false`"));
        let hosts: Vec<String> = self.inventory.hosts.iter().map(|host| host.name.clone()).collect();
        let one = self.stage.hosts.first().cloned().unwrap_or_default();
        let with =
            self.aggregate(&format!("{key}_true"), &[(&key, "true")], std::slice::from_ref(&one)).await?;
        let others: Vec<String> = hosts.into_iter().filter(|host| *host != one).collect();
        let without = self.aggregate(&format!("{key}_false"), &[(&key, "false")], &others).await?;
        Ok((AggregatePair { with, without }, key))
    }

    /// An aggregate with these hosts, removed with the case.
    ///
    /// # Errors
    /// As [`Cloud::create_aggregate`].
    pub async fn aggregate(
        &mut self,
        name: &str,
        metadata: &[(&str, &str)],
        hosts: &[String],
    ) -> Result<Aggregate> {
        let metadata: BTreeMap<String, String> =
            metadata.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let mut aggregate = self.cloud.create_aggregate(name, None, &metadata).await?;
        self.log.said().made.aggregates.push(aggregate.id.clone());
        for host in hosts {
            aggregate = self.cloud.add_aggregate_host(&aggregate.id, host).await?;
        }
        Ok(aggregate)
    }

    /// A volume, removed with the case. Its name is chosen here where it has none.
    ///
    /// # Errors
    /// As [`Cloud::create_volume`].
    pub async fn volume(&mut self, new: NewVolume) -> Result<Volume> {
        let mut new = new;
        if new.name.is_empty() {
            new.name = self.fresh_name("volume");
        }
        self.step(format!("make volume `{}`", new.name));
        let volume = self.cloud.create_volume(&new, &VolumeWork::default(), self.wait()).await;
        // What ends in "error" is removed as well.
        if let Ok(all) = self.cloud.volumes().await {
            let mut said = self.log.said();
            all.iter().filter(|one| one.name.as_deref() == Some(&new.name)).for_each(|one| {
                said.made.volumes.push(one.id.clone());
            });
        }
        volume
    }

    /// A snapshot of a volume, removed with the case.
    ///
    /// # Errors
    /// As [`Cloud::snapshot_volume`].
    pub async fn volume_snapshot(&mut self, volume_id: &str) -> Result<VolumeSnapshot> {
        let name = self.fresh_name("snapshot");
        self.step(format!("make snapshot `{name}`"));
        let snapshot = self.cloud.snapshot_volume(volume_id, &name, self.wait()).await?;
        self.log.said().made.snapshots.push(snapshot.id.clone());
        Ok(snapshot)
    }

    /// A server group, removed with the case.
    ///
    /// # Errors
    /// As [`Cloud::create_server_group`].
    pub async fn server_group(&mut self, policy: &str) -> Result<ServerGroup> {
        let name = self.fresh_name("group");
        self.step(format!("make server group `{name}` ({policy})"));
        let group = self.cloud.create_server_group(&name, policy, None).await?;
        self.log.said().made.groups.push(group.id.clone());
        Ok(group)
    }

    /// The name of a custom trait that hosts will get, removed from placement with the case.
    pub fn fresh_trait(&mut self) -> String {
        let name = format!("CUSTOM_{}", self.fresh_name("trait").to_uppercase().replace('-', "_"));
        self.log.said().made.traits.push(name.clone());
        name
    }
}

fn temporary_folder() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(no_folder)
}

fn no_folder(why: std::io::Error) -> Error {
    Error::Invalid { what: "a temporary folder for an image".into(), why: why.to_string(), hint: None }
}
