//! Where libvirt is on a host: on the machine itself, or in a container.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::error::{Error, Result};
use crate::host::{Cmd, Container, Engine, Host, ServiceRole};

/// Where `virsh` runs. Clones of a host share what was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct LibvirtPlace {
    /// The container that smog.yml names.
    named: Option<String>,
    /// What was found: `Some(None)` when libvirt is in no container.
    found: Arc<OnceCell<Option<Container>>>,
}

impl Host {
    /// The same host, whose libvirt is in a container of this name (`container:` of smog.yml).
    pub fn with_libvirt_in(&self, container: impl Into<String>) -> Host {
        let libvirt = LibvirtPlace { named: Some(container.into()), found: Arc::default() };
        Host { libvirt, ..self.clone() }
    }

    /// The host on which `virsh` runs, as far as it is known: the inside of a container that is
    /// named or was found, else the host itself.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the named container does not run here; otherwise as [`Host::run`].
    pub(crate) async fn libvirt_place(&self) -> Result<Host> {
        let place = &self.libvirt;
        let container = match (&self.container, &place.named) {
            // The caller has chosen.
            (Some(_), _) => return Ok(self.clone()),
            (None, Some(name)) => {
                place.found.get_or_try_init(|| async { self.running_container(name).await.map(Some) }).await?
            }
            (None, None) => place.found.get().unwrap_or(&None),
        };
        Ok(container.clone().map_or_else(|| self.clone(), |container| self.inside(container)))
    }

    /// The inside of the container that libvirt runs in, when there is one and it was not known
    /// yet: found by the layout of the deployment.
    pub(crate) async fn find_libvirt_container(&self) -> Option<Host> {
        if self.container.is_some() || self.libvirt.named.is_some() || self.libvirt.found.initialized() {
            return None;
        }
        // A host that does not tell its layout is asked again by the next command.
        let layout = self.layout().await.ok()?;
        let container = layout.place(ServiceRole::Libvirt).and_then(|place| place.container.clone());
        self.libvirt.found.set(container).ok();
        let inside = layout.virsh_host(self);
        inside.container().is_some().then_some(inside)
    }

    /// A running container by its name, with the engine that has it.
    async fn running_container(&self, name: &str) -> Result<Container> {
        let script = "for e in podman docker; do \
                      [ \"$($e container inspect -f '{{.State.Running}}' \"$1\" 2>/dev/null)\" = true ] && echo $e && exit; \
                      done; exit 0";
        let output = self.outside().run(Cmd::shell(script).arg(name).repeatable()).await?;
        let engine = match output.text().trim() {
            "podman" => Engine::Podman,
            "docker" => Engine::Docker,
            _ => {
                return Err(Error::NotFound {
                    what: "running container".into(),
                    name: format!("{name} on {}", self.name()),
                    near: Vec::new(),
                });
            }
        };
        Ok(Container { engine, name: name.to_string() })
    }
}
