//! Where libvirt is on a host: on the machine itself, or in a container.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::error::{Error, Result};
use crate::host::{Cmd, Container, Engine, Host, ServiceRole, Words};

/// Where `virsh` runs. Clones of a host share what was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct LibvirtPlace {
    /// The container that smog.yml names.
    named: Option<String>,
    /// What was found: `Some(None)` when libvirt is in no container.
    found: Arc<OnceCell<Option<Container>>>,
    /// The host's own program for libvirt, where it is another than `virsh`.
    program: Arc<OnceCell<&'static str>>,
}

const VIRSH: &str = "virsh";

impl Host {
    /// The command with the program that asks libvirt here: a snap's own, where that was found.
    pub(crate) fn with_libvirt_program(&self, cmd: Cmd) -> Cmd {
        let Some(own) = self.libvirt.program.get() else { return cmd };
        let words = match cmd.words {
            Words::Program(mut words) => {
                words
                    .iter_mut()
                    .take(1)
                    .filter(|word| *word == VIRSH)
                    .for_each(|word| *word = own.to_string());
                Words::Program(words)
            }
            Words::Shell { script, args } => {
                Words::Shell { script: format!("{VIRSH}() {{ {own} \"$@\"; }}\n{script}"), args }
            }
        };
        Cmd { words, ..cmd }
    }

    /// The same host, whose libvirt is in a container of this name (`container:` of smog.yml).
    pub fn with_libvirt_in(&self, container: impl Into<String>) -> Host {
        let libvirt = LibvirtPlace { named: Some(container.into()), ..LibvirtPlace::default() };
        Host { libvirt, ..self.clone() }
    }

    /// The host on which `virsh` runs, as far as it is known: the inside of a container that is
    /// named or was found, else the host itself.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the named container does not run here; otherwise as [`Host::run`].
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
        // A host that does not report its layout is asked again by the next command.
        let layout = self.layout().await.ok()?;
        let container = layout.place(ServiceRole::Libvirt).and_then(|place| place.container.clone());
        self.libvirt.found.set(container).ok();
        if layout.virsh() != VIRSH {
            self.libvirt.program.set(layout.virsh()).ok();
            return Some(self.outside());
        }
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
                // Not `NotFound`, which callers take for a domain that is not there.
                return Err(Error::Invalid {
                    what: format!("`container: {name}` of host `{}` in smog.yml", self.name()),
                    why: "no container of that name runs there".into(),
                    hint: Some(
                        "`podman ps` or `docker ps` there lists them; without `container:`, smog looks for libvirt's by itself"
                            .into(),
                    ),
                });
            }
        };
        Ok(Container { engine, name: name.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use crate::host::{Cmd, Host};

    #[test]
    fn a_snaps_virsh_stands_for_virsh() {
        let host = Host::local("cmp1");
        let list = || Cmd::new("virsh").args(["list", "--all"]);
        assert_eq!(host.with_libvirt_program(list()).line(), "virsh list --all");
        host.libvirt.program.set("openstack-hypervisor.virsh").expect("was not set");
        assert_eq!(host.with_libvirt_program(list()).line(), "openstack-hypervisor.virsh list --all");
        let script = host.with_libvirt_program(Cmd::shell("virsh list")).line();
        assert!(script.contains("virsh() { openstack-hypervisor.virsh \"$@\"; }"), "{script}");
        assert_eq!(host.with_libvirt_program(Cmd::new("ls")).line(), "ls");
    }
}
