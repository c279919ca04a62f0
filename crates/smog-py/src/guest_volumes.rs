//! A guest's volumes.

use pyo3::prelude::*;
use smog::Error;
use smog::cloud::{AttachVolume, VolumeWork};
use smog::wait::Wait;

use crate::cloud::TAKING_BACK;
use crate::enter::{enter, wait};
use crate::guest::Guest;
use crate::resource::Resource;

#[pymethods]
impl Guest {
    /// Its volumes: for each what Nova (`nova`), Cinder (`cinder`) and the domain (`disk`) have; the row
    /// says whether they agree.
    #[pyo3(signature = () -> "Listing[Resource]")]
    fn volumes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.ask(py, "nothing was changed".into(), |mut guest, _| async move {
            let found = guest.volumes().await;
            (guest, found)
        })?;
        Resource::all(py, "GuestVolume", &found)
    }

    /// Attach a volume, by name or id, and wait until both Nova and Cinder say so. Ctrl-C takes it back.
    ///
    /// Raises `ArgumentError` for a volume that another guest has, `Fault` when Nova gives up.
    ///
    /// >>> guest.attach_volume("data")
    #[pyo3(signature = (
        volume: "str", *, delete_with_guest: "bool" = false, tag: "str | None" = None, timeout: "float" = 300.0
    ) -> "Resource")]
    fn attach_volume(
        &self,
        py: Python<'_>,
        volume: String,
        delete_with_guest: bool,
        tag: Option<String>,
        timeout: f64,
    ) -> PyResult<Resource> {
        let how = AttachVolume { device: None, delete_on_termination: delete_with_guest, tag };
        let (session, server) = (self.session().clone(), self.look(|server, _| server.clone()));
        let (server, attached) = enter(py, |ctx| async move {
            let cloud = session.cloud().await?;
            let mut guest = smog::Guest::new(&cloud, server);
            let (work, tell) = (VolumeWork::default(), ctx.teller());
            let attach = guest.attach_volume_with(&volume, &how, &work, wait(timeout, &tell));
            match ctx.unless_stopped("", attach).await {
                Err(Error::Interrupted { .. }) => {
                    ctx.tell("interrupted: what was begun is undone");
                    let left = cloud.take_back_volumes(&work, Wait::up_to(TAKING_BACK)).await;
                    Err(Error::Interrupted { left: left.unwrap_or_else(|| "nothing was changed".into()) })
                }
                ended => Ok((guest.server.clone(), ended?)),
            }
        })?;
        self.learned(server);
        Resource::of(py, "ServerVolume", &attached)
    }

    /// Take a volume away, by its name, id or device, and wait until it is free.
    #[pyo3(signature = (volume: "str", *, timeout: "float" = 300.0) -> "None")]
    fn detach_volume(&self, py: Python<'_>, volume: String, timeout: f64) -> PyResult<()> {
        self.ask(py, "Nova continues to detach the volume".into(), move |mut guest, ctx| async move {
            let tell = ctx.teller();
            let ended = guest.detach_volume(&volume, wait(timeout, &tell)).await;
            (guest, ended)
        })
    }
}
