//! The nouns of a cloud: servers, flavors, images, networks, aggregates, projects and the others.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pyo3::prelude::*;
use smog::cloud::{NewFlavor, NewImage, NewRule};
use smog::config::Secret;

use super::Cloud;
use super::boot::FlavorAsked;
use crate::errors::unusable;
use crate::name_of::NameOf;
use crate::noun::Noun;
use crate::nouns::{
    Aggregate, ComputeService, Flavor, Hypervisor, Image, KeyPair, Network, Project, Server, ServerGroup,
    User,
};

#[pymethods]
impl Cloud {
    /// All servers the user may see, of Nova alone. `filters` are Nova's own
    /// (`status="ERROR"`, `host="cmp1"` …). One API call for each thousand.
    #[pyo3(signature = (**filters: "str") -> "Listing[Server]")]
    fn servers<'py>(
        &self,
        py: Python<'py>,
        filters: Option<BTreeMap<String, String>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.listed::<Server, _>(py, |cloud| async move {
            let filters = filters.unwrap_or_default();
            let pairs: Vec<(&str, &str)> =
                filters.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            cloud.servers_where(&pairs).await
        })
    }

    /// One server, of Nova alone. One API call.
    fn server(&self, py: Python<'_>, name: String) -> PyResult<Server> {
        let server = self.ask(py, |cloud, _| async move { cloud.server(&name).await })?;
        Ok(Server::of(server, &self.session))
    }

    /// All flavors. One API call.
    #[pyo3(signature = () -> "Listing[Flavor]")]
    fn flavors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.listed::<Flavor, _>(py, |cloud| async move { cloud.flavors().await })
    }

    /// One flavor by name or id. One API call.
    fn flavor(&self, py: Python<'_>, name: String) -> PyResult<Flavor> {
        let flavor = self.ask(py, |cloud, _| async move { cloud.flavor(&name).await })?;
        Ok(Flavor::of(flavor, &self.session))
    }

    /// Create a flavor, of a name or of a `FlavorSpec`. Two API calls.
    ///
    /// >>> cloud.create_flavor("small", vcpus=1, ram_mib=128, extra_specs={"hw:cpu_policy": "dedicated"})
    /// >>> cloud.create_flavor(FlavorSpec("lp").pages("large"))
    #[pyo3(signature = (
        spec: "str | FlavorSpec", *, vcpus: "int" = 1, ram_mib: "int" = 256, disk_gib: "int" = 0,
        extra_specs: "dict[str, str] | None" = None, public: "bool" = true
    ) -> "Flavor")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn create_flavor(
        &self,
        py: Python<'_>,
        spec: FlavorAsked,
        vcpus: u32,
        ram_mib: u64,
        disk_gib: u64,
        extra_specs: Option<BTreeMap<String, String>>,
        public: bool,
    ) -> PyResult<Flavor> {
        let mut new = match &spec {
            FlavorAsked::Spec(spec) => {
                let spec = &spec.get().spec;
                NewFlavor {
                    vcpus: spec.vcpus,
                    ram_mib: spec.ram_mib,
                    disk_gib: spec.disk_gib,
                    extra_specs: spec.extra_specs().map_err(|error| crate::errors::to_py(py, &error))?,
                    ..NewFlavor::from(spec.name.as_str())
                }
            }
            FlavorAsked::Name(name) => {
                NewFlavor { vcpus, ram_mib, disk_gib, ..NewFlavor::from(name.as_str()) }
            }
            FlavorAsked::Thing(flavor) => {
                let like = &flavor.get().inner;
                return Err(unusable(py, &format!("flavor `{}`", like.name), "it is there already", None));
            }
        };
        new.is_public = public;
        new.extra_specs.extend(extra_specs.unwrap_or_default());
        let flavor = self.ask(py, |cloud, _| async move { cloud.create_flavor_as(&new).await })?;
        Ok(Flavor::of(flavor, &self.session))
    }

    /// All images. One API call per page.
    #[pyo3(signature = () -> "Listing[Image]")]
    fn images<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.listed::<Image, _>(py, |cloud| async move { cloud.images().await })
    }

    /// One image by name or id. One API call.
    fn image(&self, py: Python<'_>, name: String) -> PyResult<Image> {
        Ok(Image::of(self.ask(py, |cloud, _| async move { cloud.image(&name).await })?, &self.session))
    }

    /// Make an image from a file; `disk_format` is seen from the file when absent.
    #[pyo3(signature = (
        name: "str", path: "str | os.PathLike[str]", *, disk_format: "str | None" = None,
        container_format: "str | None" = None, visibility: "str | None" = None,
        properties: "dict[str, str] | None" = None
    ) -> "Image")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn upload_image(
        &self,
        py: Python<'_>,
        name: String,
        path: PathBuf,
        disk_format: Option<String>,
        container_format: Option<String>,
        visibility: Option<String>,
        properties: Option<BTreeMap<String, String>>,
    ) -> PyResult<Image> {
        let new = NewImage {
            name,
            disk_format,
            container_format,
            visibility,
            properties: properties.unwrap_or_default(),
            ..NewImage::default()
        };
        let image = self.ask(py, |cloud, ctx| async move {
            let tell =
                |so_far: smog::cloud::Transfer| ctx.tell(format!("sent {} MiB", so_far.done_bytes >> 20));
            cloud.upload_image(new, &path, &tell).await
        })?;
        Ok(Image::of(image, &self.session))
    }

    /// Set properties of an image, and keep the others it has. One API call.
    #[pyo3(signature = (image: "str | Image", **properties: "str") -> "Image")]
    fn set_image_properties(
        &self,
        py: Python<'_>,
        image: NameOf,
        properties: Option<BTreeMap<String, String>>,
    ) -> PyResult<Image> {
        let (asked, properties) = (image.name(), properties.unwrap_or_default());
        let image = self.ask(py, |cloud, _| async move {
            let image = cloud.image(&asked).await?;
            cloud.set_image_properties(&image.id, &properties).await
        })?;
        Ok(Image::of(image, &self.session))
    }

    /// Delete an image. Two API calls.
    #[pyo3(signature = (image: "str | Image") -> "None")]
    fn delete_image(&self, py: Python<'_>, image: NameOf) -> PyResult<()> {
        let asked = image.name();
        self.ask(py, |cloud, _| async move {
            let image = cloud.image(&asked).await?;
            cloud.delete_image(&image.id).await
        })
    }

    /// All networks. One API call per page.
    #[pyo3(signature = () -> "Listing[Network]")]
    fn networks<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.listed::<Network, _>(py, |cloud| async move { cloud.networks().await })
    }

    /// One network by name or id. One API call.
    fn network(&self, py: Python<'_>, name: String) -> PyResult<Network> {
        Ok(Network::of(self.ask(py, |cloud, _| async move { cloud.network(&name).await })?, &self.session))
    }

    /// All hypervisors. One API call.
    #[pyo3(signature = () -> "Listing[Hypervisor]")]
    fn hypervisors<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.listed::<Hypervisor, _>(py, |cloud| async move { cloud.hypervisors().await })
    }

    /// All compute services. One API call.
    #[pyo3(signature = () -> "Listing[ComputeService]")]
    fn services<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.listed::<ComputeService, _>(py, |cloud| async move { cloud.compute_services().await })
    }

    /// All host aggregates. One API call.
    #[pyo3(signature = () -> "Listing[Aggregate]")]
    fn aggregates<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.listed::<Aggregate, _>(py, |cloud| async move { cloud.aggregates().await })
    }

    /// One aggregate by name or id. One API call.
    fn aggregate(&self, py: Python<'_>, name: String) -> PyResult<Aggregate> {
        Ok(Aggregate::of(
            self.ask(py, |cloud, _| async move { cloud.aggregate(&name).await })?,
            &self.session,
        ))
    }

    /// Create an aggregate with metadata and hosts.
    #[pyo3(signature = (
        name: "str", *, metadata: "dict[str, str] | None" = None, hosts: "Sequence[str | Host]" = vec![],
        availability_zone: "str | None" = None
    ) -> "Aggregate")]
    fn create_aggregate(
        &self,
        py: Python<'_>,
        name: String,
        metadata: Option<BTreeMap<String, String>>,
        hosts: Vec<NameOf>,
        availability_zone: Option<String>,
    ) -> PyResult<Aggregate> {
        let hosts: Vec<String> = hosts.into_iter().map(NameOf::name).collect();
        let aggregate = self.ask(py, |cloud, _| async move {
            let metadata = metadata.unwrap_or_default();
            let mut made = cloud.create_aggregate(&name, availability_zone.as_deref(), &metadata).await?;
            for host in hosts {
                made = cloud.add_aggregate_host(&made.id, &host).await?;
            }
            Ok(made)
        })?;
        Ok(Aggregate::of(aggregate, &self.session))
    }

    /// Add a host to an aggregate, or take it out (`remove=True`). Two API calls.
    #[pyo3(signature = (aggregate: "str | Aggregate", host: "str | Host", *, remove: "bool" = false) -> "Aggregate")]
    fn change_aggregate(
        &self,
        py: Python<'_>,
        aggregate: NameOf,
        host: NameOf,
        remove: bool,
    ) -> PyResult<Aggregate> {
        let (asked, host) = (aggregate.name(), host.name());
        let aggregate = self.ask(py, move |cloud, _| async move {
            let found = cloud.aggregate(&asked).await?;
            match remove {
                true => cloud.remove_aggregate_host(&found.id, &host).await,
                false => cloud.add_aggregate_host(&found.id, &host).await,
            }
        })?;
        Ok(Aggregate::of(aggregate, &self.session))
    }

    /// One host (a random one when absent) in `NAME_true`, all others in `NAME_false`, with
    /// the metadata `key` = "true" and "false".
    #[pyo3(signature = (name: "str", key: "str", *, host: "str | Host | None" = None) -> "tuple[Aggregate, Aggregate]")]
    fn create_aggregate_pair(
        &self,
        py: Python<'_>,
        name: String,
        key: String,
        host: Option<NameOf>,
    ) -> PyResult<(Aggregate, Aggregate)> {
        let host = host.map(NameOf::name);
        let pair = self.ask(py, |cloud, _| async move {
            cloud.create_aggregate_pair(&name, &key, host.as_deref()).await
        })?;
        Ok((Aggregate::of(pair.with, &self.session), Aggregate::of(pair.without, &self.session)))
    }

    /// Take the hosts out of an aggregate and delete it.
    #[pyo3(signature = (aggregate: "str | Aggregate") -> "None")]
    fn delete_aggregate(&self, py: Python<'_>, aggregate: NameOf) -> PyResult<()> {
        let asked = aggregate.name();
        self.ask(
            py,
            |cloud, _| async move { cloud.delete_aggregate(&cloud.aggregate(&asked).await?.id).await },
        )
    }

    /// All server groups. One API call per page.
    #[pyo3(signature = () -> "Listing[ServerGroup]")]
    fn server_groups<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.listed::<ServerGroup, _>(py, |cloud| async move { cloud.server_groups().await })
    }

    /// Create a server group: "affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity".
    #[pyo3(signature = (name, policy, *, max_per_host = None))]
    fn create_server_group(
        &self,
        py: Python<'_>,
        name: String,
        policy: String,
        max_per_host: Option<u32>,
    ) -> PyResult<ServerGroup> {
        let group = self.ask(py, move |cloud, _| async move {
            cloud.create_server_group(&name, &policy, max_per_host).await
        })?;
        Ok(ServerGroup::of(group, &self.session))
    }

    /// Delete a server group. Two API calls.
    #[pyo3(signature = (group: "str | ServerGroup") -> "None")]
    fn delete_server_group(&self, py: Python<'_>, group: NameOf) -> PyResult<()> {
        let asked = group.name();
        self.ask(py, |cloud, _| async move {
            let found = cloud.server_group(&asked).await?;
            cloud.delete_server_group(&found.id).await
        })
    }

    /// All key pairs of the user. One API call.
    #[pyo3(signature = () -> "Listing[KeyPair]")]
    fn key_pairs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.listed::<KeyPair, _>(py, |cloud| async move { cloud.key_pairs().await })
    }

    /// Register a public key. One API call.
    fn import_key_pair(&self, py: Python<'_>, name: String, public_key: String) -> PyResult<KeyPair> {
        let pair = self.ask(py, |cloud, _| async move { cloud.import_key_pair(&name, &public_key).await })?;
        Ok(KeyPair::of(pair, &self.session))
    }

    /// Delete a key pair. One API call.
    fn delete_key_pair(&self, py: Python<'_>, name: String) -> PyResult<()> {
        self.ask(py, |cloud, _| async move { cloud.delete_key_pair(&name).await })
    }

    /// Let something in: a rule of a security group (the project's default one when absent).
    /// Returns the rule's id.
    #[pyo3(signature = (
        group: "str" = "default".to_string(), *, protocol: "str | None" = None, ports: "tuple[int, int] | None" = None,
        cidr: "str | None" = None
    ) -> "str")]
    fn add_security_rule(
        &self,
        py: Python<'_>,
        group: String,
        protocol: Option<String>,
        ports: Option<(u16, u16)>,
        cidr: Option<String>,
    ) -> PyResult<String> {
        let rule = NewRule { protocol, ports, remote_ip_prefix: cidr, ..NewRule::default() };
        self.ask(py, |cloud, _| async move {
            let group = cloud.own_security_group(&group).await?;
            Ok(cloud.add_security_rule(&group.id, &rule).await?.id)
        })
    }

    /// All projects. One API call.
    #[pyo3(signature = () -> "Listing[Project]")]
    fn projects<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.listed::<Project, _>(py, |cloud| async move { cloud.projects().await })
    }

    /// Create a project. One API call.
    #[pyo3(signature = (name, *, description = String::new()))]
    fn create_project(&self, py: Python<'_>, name: String, description: String) -> PyResult<Project> {
        let project =
            self.ask(py, |cloud, _| async move { cloud.create_project(&name, &description, None).await })?;
        Ok(Project::of(project, &self.session))
    }

    /// Delete a project. Two API calls.
    #[pyo3(signature = (project: "str | Project") -> "None")]
    fn delete_project(&self, py: Python<'_>, project: NameOf) -> PyResult<()> {
        let asked = project.name();
        self.ask(py, |cloud, _| async move {
            let found = cloud.project(&asked).await?;
            cloud.delete_project(&found.id).await
        })
    }

    /// All users. One API call.
    #[pyo3(signature = () -> "Listing[User]")]
    fn users<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.listed::<User, _>(py, |cloud| async move { cloud.users().await })
    }

    /// Make a user, in a project with a role when they are given.
    #[pyo3(signature = (name: "str", password: "str", *, project: "str | Project | None" = None, role: "str | None" = None) -> "User")]
    fn create_user(
        &self,
        py: Python<'_>,
        name: String,
        password: String,
        project: Option<NameOf>,
        role: Option<String>,
    ) -> PyResult<User> {
        let (project, password) = (project.map(NameOf::name), Secret::new(password));
        let user = self.ask(py, |cloud, _| async move {
            let project = match &project {
                Some(asked) => Some(cloud.project(asked).await?.id),
                None => None,
            };
            let user = cloud.create_user(&name, &password, project.as_deref(), None).await?;
            if let (Some(project), Some(role)) = (&project, &role) {
                let role = cloud.role(role).await?;
                cloud.grant_role(&role.id, &user.id, project).await?;
            }
            Ok(user)
        })?;
        Ok(User::of(user, &self.session))
    }

    /// Delete a user. Two API calls.
    #[pyo3(signature = (user: "str | User") -> "None")]
    fn delete_user(&self, py: Python<'_>, user: NameOf) -> PyResult<()> {
        let asked = user.name();
        self.ask(py, |cloud, _| async move {
            let found = cloud.user(&asked).await?;
            cloud.delete_user(&found.id).await
        })
    }
}
