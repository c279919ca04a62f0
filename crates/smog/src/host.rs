//! A machine smog runs commands on: this one, one behind SSH, or a container on either.
//!
//! Everything white-box goes through here: `virsh`, /proc and /sys, files and
//! services. Ask several questions in one command ([`Host::ask`]); the way to
//! the host is the expensive part.

mod batch;
mod begin;
mod cells;
mod channel;
mod cmd;
mod container;
mod cpus;
mod dump;
mod facts;
mod facts_show;
mod files;
mod fit;
mod guest_process;
mod kept;
mod kernel;
mod layout;
mod leash;
mod libvirt_place;
mod local;
mod login;
mod machine;
mod memory_maps;
mod of_file;
mod output;
mod packages;
mod pci;
mod pci_address;
mod recorded_logs;
pub(crate) mod replace;
mod replay;
mod run;
mod running;
mod services;
mod ssh;
mod ssh_options;
mod ssh_refusal;
mod threads;
mod threads_show;

pub use batch::{Answers, Ask, Batch};
pub use cells::{Cell, Memory, PagePool};
pub use cmd::{Cmd, Expected, OUTPUT_LIMIT, TIME_LIMIT, Words};
pub use container::{Container, Engine};
pub use cpus::{CpuPlace, Cpus};
pub use facts::{Facts, LabMarker};
pub use files::{FileKind, FileStat};
pub use fit::{Fit, fits};
pub use guest_process::GuestProcess;
pub use kept::{Connection, KeepConnections, connections, disconnect};
pub use kernel::{CommandLine, Kernel, NestedKvm};
pub use layout::{Layout, LayoutKind, ServicePlace, ServiceRole};
pub use machine::Machine;
pub use memory_maps::{HugeMap, MemoryMaps, NumaMap, parse_numa_maps, parse_smaps};
pub use output::{Exit, Output};
#[cfg(test)]
pub(crate) use pci::recorded_igb;
pub use pci::{PciDevice, Sriov};
pub use pci_address::PciAddress;
pub(crate) use recorded_logs::RecordedLogs;
pub(crate) use replay::Answer as RecordedAnswer;
pub use replay::Replay;
pub use running::{Line, Running, Stream};
pub use services::{ActiveState, Service};
pub use ssh_options::SshOptions;
pub use threads::{Cgroup, Policy, Role, Thread};

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::config::HostEntry;
use crate::error::Result;
use crate::host::begin::{Before, FromMark};
use crate::host::channel::Channel;

/// Whether commands become root by `sudo -n`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sudo {
    /// When the user on the host is not root.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A machine smog runs commands on. Clones are cheap and share one connection,
/// which is made when the first command needs it.
#[derive(Debug, Clone)]
pub struct Host {
    name: String,
    sudo: Sudo,
    container: Option<Container>,
    libvirt: libvirt_place::LibvirtPlace,
    wire: Arc<Wire>,
    recorder: Option<Replay>,
    /// Its logs as they were recorded: they are read in place of the host's own.
    logs: Option<Arc<RecordedLogs>>,
}

/// The way to a host.
#[derive(Debug)]
enum Wire {
    Local,
    Ssh(Box<ssh::Ssh>),
    Replay(Replay),
}

impl Host {
    /// This machine.
    pub fn local(name: impl Into<String>) -> Host {
        Host::of(name, Wire::Local)
    }

    /// A machine behind SSH; nothing is connected yet.
    pub fn ssh(name: impl Into<String>, options: SshOptions) -> Host {
        Host::of(name, Wire::Ssh(Box::new(ssh::Ssh::new(options))))
    }

    /// A host made of recorded answers, for tests.
    pub fn replay(name: impl Into<String>, replay: Replay) -> Host {
        Host::of(name, Wire::Replay(replay))
    }

    /// Whether it is a host of a recording.
    pub(crate) fn is_recorded(&self) -> bool {
        matches!(&*self.wire, Wire::Replay(replay) if replay.is_of_recording())
    }

    fn of(name: impl Into<String>, wire: Wire) -> Host {
        Host {
            name: name.into(),
            sudo: Sudo::default(),
            container: None,
            libvirt: libvirt_place::LibvirtPlace::default(),
            wire: Arc::new(wire),
            recorder: None,
            logs: None,
        }
    }

    /// The same host, whose answers are also noted in this record.
    pub(crate) fn noted_in(&self, record: Replay) -> Host {
        Host { recorder: Some(record), ..self.clone() }
    }

    /// The same host with these logs in place of its own.
    pub(crate) fn with_logs(&self, logs: Arc<RecordedLogs>) -> Host {
        Host { logs: Some(logs), ..self.clone() }
    }

    /// Its logs, where they come from a recording.
    pub(crate) fn recorded_logs(&self) -> Option<Arc<RecordedLogs>> {
        self.logs.clone()
    }

    /// The same host as its entry in smog.yml says beyond its address: `sudo` and `container`.
    pub(crate) fn of_entry(&self, entry: &HostEntry) -> Host {
        let sudo = match entry.sudo.as_deref() {
            Some("always") => Sudo::Always,
            Some("never") => Sudo::Never,
            _ => Sudo::Auto,
        };
        let host = self.with_sudo(sudo);
        match &entry.container {
            Some(name) => host.with_libvirt_in(name),
            None => host,
        }
    }

    /// The same host over the same connection, with another way to become root.
    pub fn with_sudo(&self, sudo: Sudo) -> Host {
        Host { sudo, ..self.clone() }
    }

    /// The inside of a container on this host, over the same connection.
    pub fn inside(&self, container: Container) -> Host {
        Host { container: Some(container), ..self.clone() }
    }

    /// The machine itself, when this is the inside of a container on it.
    pub fn outside(&self) -> Host {
        Host { container: None, ..self.clone() }
    }

    /// The same host, and a record of all answers it gives from now on, for [`Host::replay`].
    pub fn recording(&self) -> (Host, Replay) {
        let record = Replay::new();
        (Host { recorder: Some(record.clone()), ..self.clone() }, record)
    }

    /// The name it is known by to smog (Nova's host name, or the one in smog.yml).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The container, when this is the inside of one.
    pub fn container(&self) -> Option<&Container> {
        self.container.as_ref()
    }

    /// The SSH address, for a host behind SSH.
    pub fn address(&self) -> Option<&str> {
        match &*self.wire {
            Wire::Ssh(ssh) => Some(&ssh.options.address),
            Wire::Local | Wire::Replay(_) => None,
        }
    }

    /// How it is reached, for people: "this machine", "ssh 10.0.0.11", "podman nova_libvirt on ssh 10.0.0.11".
    pub fn way(&self) -> String {
        let wire = match &*self.wire {
            Wire::Local => "this machine".to_string(),
            Wire::Ssh(ssh) => format!("ssh {}", ssh.options.address),
            Wire::Replay(_) => "recorded answers".to_string(),
        };
        match &self.container {
            Some(container) => format!("{} {} on {wire}", container.engine.program(), container.name),
            None => wire,
        }
    }

    /// Make the connection now, where there is one to make, or fail within `connect_timeout`: TCP,
    /// SSH's banner and the log-in together, on whichever address.
    ///
    /// # Errors
    /// As [`Host::run`]; [`Error::Unreachable`](crate::Error::Unreachable) after that time.
    pub async fn connect(&self) -> Result<()> {
        match &*self.wire {
            Wire::Ssh(ssh) => ssh.connected(&self.name).await,
            Wire::Local | Wire::Replay(_) => Ok(()),
        }
    }

    /// Let go of the connection: one that is not kept ends. Not needed: the last clone's drop does it
    /// too.
    pub async fn close(&self) {
        if let Wire::Ssh(ssh) = &*self.wire {
            ssh.close().await;
        }
    }

    /// End the connection, also one that is kept; the next command connects again.
    pub async fn disconnect(&self) {
        if let Wire::Ssh(ssh) = &*self.wire {
            ssh.disconnect().await;
        }
    }

    /// The control socket of the SSH connection while there is one: `ssh -O check -S PATH x` looks at it.
    pub async fn control_socket(&self) -> Option<PathBuf> {
        match &*self.wire {
            Wire::Ssh(ssh) => ssh.control_socket().await,
            Wire::Local | Wire::Replay(_) => None,
        }
    }

    /// Start a command; the channel closing ends it. A `long` one must not take the last places.
    async fn open(&self, cmd: &Cmd, long: bool) -> Result<Channel> {
        if let Wire::Replay(replay) = &*self.wire {
            return replay.open(&self.name, self.container.as_ref(), cmd);
        }
        let exec = self.container.as_ref().map(Container::exec);
        let mark = leash::mark();
        let script =
            |sudo: Sudo| leash::leashed(&cmd.argv(), cmd.stdin.len(), &mark, sudo, cmd.root, exec.as_deref());
        let channel = match &*self.wire {
            Wire::Ssh(ssh) => {
                let script = |is_root: bool| match (self.sudo, is_root) {
                    // The log-in has shown who the user is, so no command asks again.
                    (Sudo::Auto, true) => script(Sudo::Never),
                    (Sudo::Auto, false) => script(Sudo::Always),
                    (sudo, _) => script(sudo),
                };
                // On the heap: the futures of those who run commands would be too deep for the compiler.
                Box::pin(ssh.open(&self.name, script, long)).await?
            }
            Wire::Local | Wire::Replay(_) => local::open(&self.name, &script(self.sudo))?,
        };
        let before = Before::new(cmd.root && self.sudo != Sudo::Never);
        Ok(Channel {
            stdout: FromMark::behind(channel.stdout, &mark, &before, 0),
            stderr: FromMark::behind(channel.stderr, &mark, &before, 1),
            mark,
            before: Some(before),
            ..channel
        })
    }
}
