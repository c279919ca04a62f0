//! A flavor: how much a guest gets, and what of.

use std::collections::BTreeMap;

use pyo3::prelude::*;

use crate::enter::enter;
use crate::errors::unusable;
use crate::noun::{Noun, cells, noun};

noun! {
    /// A flavor with its extra specs.
    ///
    /// >>> cloud.flavor("m1.tiny").ram_mib
    /// 512
    Flavor of smog::cloud::Flavor,
    line |it| {
        let specs: Vec<String> = it.extra_specs.iter().map(|(key, value)| format!(", {key}={value}")).collect();
        format!("<Flavor {}, {} vCPU, {} MiB, {} GiB{}>", it.name, it.vcpus, it.ram_mib, it.disk_gib, specs.concat())
    },
    str |it| it.name.clone(),
    cells cells;
    /// Id: a UUID, or what its maker chose.
    id: String = |it| it.id.clone();
    /// Name; unique.
    name: String = |it| it.name.clone();
    /// Virtual CPUs.
    vcpus: u32 = |it| it.vcpus;
    /// Memory in MiB.
    ram_mib: u64 = |it| it.ram_mib;
    /// Memory in MiB, as novaclient calls it.
    ram: u64 = |it| it.ram_mib;
    /// Root disk in GiB; 0 means the image's size.
    disk_gib: u64 = |it| it.disk_gib;
    /// Root disk in GiB, as novaclient calls it.
    disk: u64 = |it| it.disk_gib;
    /// Extra specs as they were seen, such as `hw:cpu_policy`.
    extra_specs: BTreeMap<String, String> = |it| it.extra_specs.clone();
    /// Whether every project sees it.
    is_public: bool = |it| it.is_public;
    => {
        /// The extra specs Nova has now. One API call.
        fn get_keys(&self, py: Python<'_>) -> PyResult<BTreeMap<String, String>> {
            let (session, id) = (self.login(py)?, self.inner.id.clone());
            enter(py, |ctx| async move {
                let cloud = session.cloud().await?;
                ctx.unless_stopped("nothing was changed", cloud.extra_specs(&id)).await
            })
        }

        /// Set extra specs, and keep the others it has; returns all. One API call.
        fn set_keys(&self, py: Python<'_>, specs: BTreeMap<String, String>) -> PyResult<BTreeMap<String, String>> {
            let (session, id) = (self.login(py)?, self.inner.id.clone());
            enter(py, |ctx| async move {
                let cloud = session.cloud().await?;
                cloud.set_extra_specs(&id, &specs).await?;
                ctx.unless_stopped("the extra specs are set", cloud.extra_specs(&id)).await
            })
        }

        /// Remove extra specs. One API call each.
        fn unset_keys(&self, py: Python<'_>, keys: Vec<String>) -> PyResult<()> {
            let (session, id) = (self.login(py)?, self.inner.id.clone());
            enter(py, |ctx| async move {
                let cloud = session.cloud().await?;
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                ctx.unless_stopped("some may be removed", cloud.unset_extra_specs(&id, &keys)).await
            })
        }

        /// Delete it. One API call; guests made from it live on.
        fn delete(&self, py: Python<'_>) -> PyResult<()> {
            let (session, id) = (self.login(py)?, self.inner.id.clone());
            enter(py, |ctx| async move {
                let cloud = session.cloud().await?;
                ctx.unless_stopped("it may be deleted", cloud.delete_flavor(&id)).await
            })
        }
    }
}

impl Flavor {
    fn login(&self, py: Python<'_>) -> PyResult<std::sync::Arc<crate::session::Session>> {
        self.session().ok_or_else(|| unusable(py, "the flavor", "it belongs to no cloud", None))
    }
}
