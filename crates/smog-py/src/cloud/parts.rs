//! Placement, quotas, security groups, services, networks and files of images.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyo3::prelude::*;
use smog::Error;
use smog::cloud::{Checksum, ImageSource, NewImage, Transfer};
use smog::hint;
use smog::testing::Leftovers;
use smog::wait::Wait;

use super::Cloud;
use crate::name_of::NameOf;
use crate::noun::Noun;
use crate::nouns::{ComputeService, Image, KeyPair};
use crate::resource::Resource;

/// What runs, or one of them, left behind.
async fn left_by(cloud: &smog::Cloud, run: Option<&str>) -> smog::Result<Leftovers> {
    let left = Leftovers::of(cloud).await?;
    match run {
        Some(run) => left.of_named_run(run),
        None => Ok(left),
    }
}

#[pymethods]
impl Cloud {
    /// The resource providers of placement. One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn providers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Resource::all(py, "Provider", &self.ask(py, |cloud, _| async move { cloud.providers().await })?)
    }

    /// What a resource provider (a host) has of each resource class, and what is used. Three API calls.
    #[pyo3(signature = (provider: "str | Host") -> "Listing[Resource]")]
    fn inventory<'py>(&self, py: Python<'py>, provider: NameOf) -> PyResult<Bound<'py, PyAny>> {
        let asked = provider.name();
        let found = self
            .ask(py, |cloud, _| async move { cloud.inventories(&cloud.provider(&asked).await?.id).await })?;
        Resource::all(py, "Inventory", &found)
    }

    /// The traits of a resource provider (a host). Two API calls.
    #[pyo3(signature = (provider: "str | Host") -> "list[str]")]
    fn traits(&self, py: Python<'_>, provider: NameOf) -> PyResult<Vec<String>> {
        let asked = provider.name();
        self.ask(py, |cloud, _| async move { cloud.provider_traits(&cloud.provider(&asked).await?.id).await })
    }

    /// Who holds resources of a provider (a host): servers and moves.
    #[pyo3(signature = (provider: "str | Host") -> "Listing[Resource]")]
    fn consumers<'py>(&self, py: Python<'py>, provider: NameOf) -> PyResult<Bound<'py, PyAny>> {
        let asked = provider.name();
        let found =
            self.ask(py, |cloud, _| async move { cloud.holdings_at(&cloud.provider(&asked).await?).await })?;
        Resource::all(py, "Allocation", &found)
    }

    /// The SSH connections that are kept for later commands and prompts of this user.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn connections<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let folder = self.session().surroundings().runtime_dir.clone().unwrap_or_default();
        let found = self.ask(py, |_, _| async move { Ok(smog::host::connections(&folder).await) })?;
        Resource::all(py, "Connection", &found)
    }

    /// End kept SSH connections: those to these hosts, or all. Commands that run on one end first.
    #[pyo3(signature = (*hosts: "str | Host") -> "Listing[Resource]")]
    fn disconnect<'py>(&self, py: Python<'py>, hosts: Vec<NameOf>) -> PyResult<Bound<'py, PyAny>> {
        let folder = self.session().surroundings().runtime_dir.clone().unwrap_or_default();
        let hosts: Vec<String> = hosts.into_iter().map(NameOf::name).collect();
        let ended = self.ask(py, |_, _| async move { smog::host::disconnect(&folder, &hosts).await })?;
        Resource::all(py, "Connection", &ended)
    }

    /// What runs of `smog test` left behind in the cloud, one line each (`run`: only this run's).
    #[pyo3(signature = (run: "str | None" = None) -> "list[str]")]
    fn leftovers(&self, py: Python<'_>, run: Option<String>) -> PyResult<Vec<String>> {
        self.ask(py, |cloud, _| async move { Ok(left_by(&cloud, run.as_deref()).await?.lines()) })
    }

    /// Remove what runs of `smog test` left behind in the cloud (`run`: only this run's), as `smog clean`
    /// does. Returns what was removed, one line each. A run that is still at work loses its guests.
    ///
    /// Raises `Fault` with what could not be removed, `NotFound` for a text that is not a run's id.
    #[pyo3(signature = (run: "str | None" = None) -> "list[str]")]
    fn clean(&self, py: Python<'_>, run: Option<String>) -> PyResult<Vec<String>> {
        self.ask(py, |cloud, ctx| async move {
            let tell = ctx.teller();
            let wait = Wait { tell: &tell, ..Wait::default() };
            let swept = left_by(&cloud, run.as_deref()).await?.remove(&cloud, wait).await;
            if swept.left.is_empty() {
                return Ok(swept.removed);
            }
            Err(Error::Fault {
                what: "removing what runs left behind".into(),
                fault: swept.left.join("\n"),
                host: None,
                request_id: None,
                hint: Some(hint::CLEAN.hint().and(" tries again")),
            })
        })
    }

    /// The quotas of a project, the own one when absent: limit and use.
    #[pyo3(signature = (project: "str | Project | None" = None) -> "Listing[Resource]")]
    fn quotas<'py>(&self, py: Python<'py>, project: Option<NameOf>) -> PyResult<Bound<'py, PyAny>> {
        let asked = project.map(NameOf::name);
        let found = self.ask(py, |cloud, _| async move {
            cloud.quotas(&cloud.project_id(asked.as_deref()).await?).await
        })?;
        Resource::all(py, "Quota", &found)
    }

    /// Set quotas of a project (`None`: without limit); a wrong name sets nothing.
    ///
    /// >>> cloud.set_quotas("demo", instances=10, port=None)
    #[pyo3(signature = (project: "str | Project", **limits: "int | None") -> "Listing[Resource]")]
    fn set_quotas<'py>(
        &self,
        py: Python<'py>,
        project: NameOf,
        limits: Option<BTreeMap<String, Option<u64>>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let asked = project.name();
        let found = self.ask(py, |cloud, _| async move {
            let project = cloud.project_id(Some(&asked)).await?;
            let limits: Vec<_> = limits.unwrap_or_default().into_iter().collect();
            cloud.set_quotas(&project, &limits).await?;
            cloud.quotas(&project).await
        })?;
        Resource::all(py, "Quota", &found)
    }

    /// Reset a project's quotas to the defaults.
    #[pyo3(signature = (project: "str | Project") -> "None")]
    fn reset_quotas(&self, py: Python<'_>, project: NameOf) -> PyResult<()> {
        let asked = project.name();
        self.ask(
            py,
            |cloud, _| async move { cloud.reset_quotas(&cloud.project_id(Some(&asked)).await?).await },
        )
    }

    /// All security groups. One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn security_groups<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.ask(py, |cloud, _| async move { cloud.security_groups().await })?;
        Resource::all(py, "SecurityGroup", &found)
    }

    /// The rules of a security group. One API call.
    #[pyo3(signature = (group: "str" = "default".to_string()) -> "Listing[Resource]")]
    fn security_rules<'py>(&self, py: Python<'py>, group: String) -> PyResult<Bound<'py, PyAny>> {
        let found = self.ask(py, |cloud, _| async move { cloud.own_security_group(&group).await })?;
        Resource::all(py, "SecurityRule", &found.rules)
    }

    /// Create a security group. One API call.
    #[pyo3(signature = (name, *, description = String::new()))]
    fn create_security_group(&self, py: Python<'_>, name: String, description: String) -> PyResult<Resource> {
        let made =
            self.ask(py, |cloud, _| async move { cloud.create_security_group(&name, &description).await })?;
        Resource::of(py, "SecurityGroup", &made)
    }

    /// Delete a security group. Two API calls.
    fn delete_security_group(&self, py: Python<'_>, group: String) -> PyResult<()> {
        self.ask(py, |cloud, _| async move {
            cloud.delete_security_group(&cloud.security_group(&group).await?.id).await
        })
    }

    /// Remove a rule of a security group, by its id. One API call.
    fn remove_security_rule(&self, py: Python<'_>, rule: String) -> PyResult<()> {
        self.ask(py, |cloud, _| async move { cloud.delete_security_rule(&rule).await })
    }

    /// Create a key pair: what Nova keeps of it, and the private key, which is kept nowhere.
    fn create_key_pair(&self, py: Python<'_>, name: String) -> PyResult<(KeyPair, String)> {
        let (pair, private) = self.ask(py, |cloud, _| async move { cloud.create_key_pair(&name).await })?;
        Ok((KeyPair::of(pair, &self.session()), private.reveal().to_string()))
    }

    /// Enable the compute service of a host: it takes new guests. Two API calls.
    #[pyo3(signature = (host: "str | Host") -> "ComputeService")]
    fn enable_service(&self, py: Python<'_>, host: NameOf) -> PyResult<ComputeService> {
        let asked = host.name();
        let service = self.ask(py, |cloud, _| async move {
            cloud.enable_service(&cloud.compute_service(&asked).await?.id).await
        })?;
        Ok(ComputeService::of(service, &self.session()))
    }

    /// Disable the compute service of a host: it takes no new guests. Two API calls.
    #[pyo3(signature = (host: "str | Host", *, reason: "str | None" = None) -> "ComputeService")]
    fn disable_service(
        &self,
        py: Python<'_>,
        host: NameOf,
        reason: Option<String>,
    ) -> PyResult<ComputeService> {
        let asked = host.name();
        let service = self.ask(py, |cloud, _| async move {
            cloud.disable_service(&cloud.compute_service(&asked).await?.id, reason.as_deref()).await
        })?;
        Ok(ComputeService::of(service, &self.session()))
    }

    /// Force the compute service of a host down, so that its guests can be evacuated (`down=False`: up
    /// again). Two API calls.
    #[pyo3(signature = (host: "str | Host", *, down: "bool" = true) -> "ComputeService")]
    fn force_service_down(&self, py: Python<'_>, host: NameOf, down: bool) -> PyResult<ComputeService> {
        let asked = host.name();
        let service = self.ask(py, move |cloud, _| async move {
            cloud.force_down(&cloud.compute_service(&asked).await?.id, down).await
        })?;
        Ok(ComputeService::of(service, &self.session()))
    }

    /// All subnets. One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn subnets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Resource::all(py, "Subnet", &self.ask(py, |cloud, _| async move { cloud.subnets().await })?)
    }

    /// All ports. One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn ports<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Resource::all(py, "Port", &self.ask(py, |cloud, _| async move { cloud.ports().await })?)
    }

    /// The availability zones. One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn availability_zones<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.ask(py, |cloud, _| async move { cloud.availability_zones().await })?;
        Resource::all(py, "AvailabilityZone", &found)
    }

    /// Make an image of what a URL (http, https or file) has. It is kept in `cache` for the next time;
    /// `checksum` is `sha256:…` or `sha512:…`.
    #[pyo3(signature = (
        name: "str", url: "str", *, cache: "str | os.PathLike[str]", checksum: "str | None" = None,
        disk_format: "str | None" = None, visibility: "str" = "private".to_string(),
        properties: "dict[str, str] | None" = None
    ) -> "Image")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn fetch_image(
        &self,
        py: Python<'_>,
        name: String,
        url: String,
        cache: PathBuf,
        checksum: Option<String>,
        disk_format: Option<String>,
        visibility: String,
        properties: Option<BTreeMap<String, String>>,
    ) -> PyResult<Image> {
        let checksum: Option<Checksum> = checksum
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| crate::errors::to_py(py, &error))?;
        let new = NewImage {
            name,
            disk_format,
            visibility: Some(visibility),
            properties: properties.unwrap_or_default(),
            ..NewImage::default()
        };
        let image = self.ask(py, |cloud, ctx| async move {
            let tell = |so_far: Transfer| ctx.tell(format!("{} MiB", so_far.done_bytes >> 20));
            let mut source = ImageSource::new(&url, cache);
            if let Some(checksum) = checksum {
                source = source.with_checksum(checksum);
            }
            let file = source.fetch(&tell).await?;
            cloud.upload_image(new, &file, &tell).await
        })?;
        Ok(Image::of(image, &self.session()))
    }

    /// Write an image to a file.
    #[pyo3(signature = (image: "str | Image", path: "str | os.PathLike[str]") -> "None")]
    fn download_image(&self, py: Python<'_>, image: NameOf, path: PathBuf) -> PyResult<()> {
        let asked = image.name();
        self.ask(py, |cloud, ctx| async move {
            let image = cloud.image(&asked).await?;
            let tell = |so_far: Transfer| ctx.tell(format!("{} MiB", so_far.done_bytes >> 20));
            cloud.download_image(&image, &path, &tell).await
        })
    }
}
