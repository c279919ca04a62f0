//! Volumes of the block storage service: listed, made, extended, deleted.

use std::time::Duration;

use pyo3::prelude::*;
use smog::Error;
use smog::cloud::{NewVolume, VolumeWork};
use smog::wait::Wait;

use super::Cloud;
use crate::enter::{enter, wait};
use crate::resource::Resource;

/// An interrupted work is taken back within this time.
pub(crate) const TAKING_BACK: Duration = Duration::from_secs(60);

#[pymethods]
impl Cloud {
    /// All volumes: of all projects for administrators. One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn volumes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Resource::all(py, "Volume", &self.ask(py, |cloud, _| async move { cloud.volumes().await })?)
    }

    /// One volume by name, id, or an unambiguous beginning of either. One API call.
    fn volume(&self, py: Python<'_>, name: String) -> PyResult<Resource> {
        Resource::of(py, "Volume", &self.ask(py, |cloud, _| async move { cloud.volume(&name).await })?)
    }

    /// The types of volumes. One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn volume_types<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Resource::all(py, "VolumeType", &self.ask(py, |cloud, _| async move { cloud.volume_types().await })?)
    }

    /// The snapshots of volumes. One API call.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn volume_snapshots<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.ask(py, |cloud, _| async move { cloud.volume_snapshots().await })?;
        Resource::all(py, "VolumeSnapshot", &found)
    }

    /// Create a volume and wait until it is available: empty, or with the content of an `image`, a
    /// `snapshot` or a volume (`source`). Ctrl-C takes it back.
    ///
    /// Raises `Fault` with Cinder's reason, `NotFound`, `ArgumentError` for a size that does not fit.
    ///
    /// >>> cloud.create_volume("data", 1)
    #[pyo3(signature = (
        name: "str", size: "int | None" = None, *, volume_type: "str | None" = None, image: "str | None" = None,
        snapshot: "str | None" = None, source: "str | None" = None, description: "str | None" = None,
        timeout: "float" = 300.0
    ) -> "Resource")]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn create_volume(
        &self,
        py: Python<'_>,
        name: String,
        size: Option<u64>,
        volume_type: Option<String>,
        image: Option<String>,
        snapshot: Option<String>,
        source: Option<String>,
        description: Option<String>,
        timeout: f64,
    ) -> PyResult<Resource> {
        let new = NewVolume { name, size_gib: size, volume_type, image, snapshot, source, description };
        let session = self.session();
        let made = enter(py, |ctx| async move {
            let cloud = session.cloud().await?;
            let (work, tell) = (VolumeWork::default(), ctx.teller());
            match ctx.unless_stopped("", cloud.create_volume(&new, &work, wait(timeout, &tell))).await {
                Err(Error::Interrupted { .. }) => {
                    ctx.tell("interrupted: what was begun is undone");
                    let left = cloud.take_back_volumes(&work, Wait::up_to(TAKING_BACK)).await;
                    Err(Error::Interrupted { left: left.unwrap_or_else(|| "nothing was changed".into()) })
                }
                ended => ended,
            }
        })?;
        Resource::of(py, "Volume", &made)
    }

    /// Make a volume larger, also while a guest has it, and wait until it is.
    #[pyo3(signature = (volume: "str", size: "int", *, timeout: "float" = 300.0) -> "Resource")]
    fn extend_volume(&self, py: Python<'_>, volume: String, size: u64, timeout: f64) -> PyResult<Resource> {
        let now = self.ask(py, move |cloud, ctx| async move {
            let tell = ctx.teller();
            cloud.extend_volume(&cloud.volume(&volume).await?.id, size, wait(timeout, &tell)).await
        })?;
        Resource::of(py, "Volume", &now)
    }

    /// Delete a volume and wait until it is gone.
    #[pyo3(signature = (volume: "str", *, timeout: "float" = 300.0) -> "None")]
    fn delete_volume(&self, py: Python<'_>, volume: String, timeout: f64) -> PyResult<()> {
        self.ask(py, move |cloud, ctx| async move {
            let tell = ctx.teller();
            cloud.delete_volume(&cloud.volume(&volume).await?.id, wait(timeout, &tell)).await
        })
    }

    /// Make a snapshot of a volume, also while a guest has it, and wait until it is available.
    #[pyo3(signature = (volume: "str", name: "str", *, timeout: "float" = 300.0) -> "Resource")]
    fn snapshot_volume(
        &self,
        py: Python<'_>,
        volume: String,
        name: String,
        timeout: f64,
    ) -> PyResult<Resource> {
        let made = self.ask(py, move |cloud, ctx| async move {
            let tell = ctx.teller();
            cloud.snapshot_volume(&cloud.volume(&volume).await?.id, &name, wait(timeout, &tell)).await
        })?;
        Resource::of(py, "VolumeSnapshot", &made)
    }

    /// Delete a snapshot of a volume and wait until it is gone.
    #[pyo3(signature = (snapshot: "str", *, timeout: "float" = 300.0) -> "None")]
    fn delete_volume_snapshot(&self, py: Python<'_>, snapshot: String, timeout: f64) -> PyResult<()> {
        self.ask(py, move |cloud, ctx| async move {
            let tell = ctx.teller();
            let found = cloud.volume_snapshot(&snapshot).await?;
            cloud.delete_volume_snapshot(&found.id, wait(timeout, &tell)).await
        })
    }
}
