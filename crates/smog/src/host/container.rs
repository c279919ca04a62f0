//! Commands inside a container of a host, as kolla and others run Nova and libvirt.

use serde::{Deserialize, Serialize};

/// The program that enters containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// `podman exec`.
    Podman,
    /// `docker exec`.
    Docker,
}

/// A running container on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The program that enters it.
    pub engine: Engine,
    /// Its name, such as `nova_libvirt`.
    pub name: String,
}

impl Engine {
    /// The program's name.
    pub fn program(self) -> &'static str {
        match self {
            Engine::Podman => "podman",
            Engine::Docker => "docker",
        }
    }
}

impl Container {
    /// The words before a command. `--interactive` keeps the leash's standard
    /// input open; user 0 because kolla's images name an unprivileged user.
    pub(crate) fn exec(&self) -> Vec<String> {
        let words = [self.engine.program(), "exec", "--interactive", "--user", "0", &self.name];
        words.map(str::to_string).to_vec()
    }

    /// Whether the engine itself says that there is no such (running) container.
    pub(crate) fn is_gone(&self, exit_code: i32, stderr: &str) -> bool {
        let says = |text: &str| stderr.contains(text);
        matches!(exit_code, 1 | 125 | 126)
            && (says("no container with name")
                || says("No such container")
                || says("no such container")
                || says("is not running")
                || says("container state improper"))
    }
}
