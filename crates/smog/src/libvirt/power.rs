//! The state of a domain, and switching it on and off.

use serde::Serialize;

use crate::error::Result;
use crate::host::{Cmd, Host};
use crate::wait::{Seen, Wait, until};

/// The state of a domain, by libvirt's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainState {
    /// 0: none.
    NoState,
    /// 1: it runs.
    Running,
    /// 2: it waits for a resource.
    Blocked,
    /// 3: it is paused.
    Paused,
    /// 4: it is being shut down.
    ShuttingDown,
    /// 5: it is off.
    ShutOff,
    /// 6: it crashed.
    Crashed,
    /// 7: the guest suspended itself.
    PmSuspended,
    /// A number smog does not know.
    Unknown(u32),
}

impl DomainState {
    /// The state of libvirt's number.
    pub fn of(number: u32) -> DomainState {
        match number {
            0 => DomainState::NoState,
            1 => DomainState::Running,
            2 => DomainState::Blocked,
            3 => DomainState::Paused,
            4 => DomainState::ShuttingDown,
            5 => DomainState::ShutOff,
            6 => DomainState::Crashed,
            7 => DomainState::PmSuspended,
            number => DomainState::Unknown(number),
        }
    }
}

impl std::fmt::Display for DomainState {
    /// As `virsh list` names it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            DomainState::NoState => "no state",
            DomainState::Running => "running",
            DomainState::Blocked => "idle",
            DomainState::Paused => "paused",
            DomainState::ShuttingDown => "in shutdown",
            DomainState::ShutOff => "shut off",
            DomainState::Crashed => "crashed",
            DomainState::PmSuspended => "pmsuspended",
            DomainState::Unknown(number) => return write!(f, "state {number}"),
        };
        f.write_str(name)
    }
}

impl Host {
    /// The state of one domain.
    ///
    /// # Errors
    /// As [`Host::domain`].
    pub async fn domain_state(&self, name_or_uuid: &str) -> Result<DomainState> {
        let line = self.domain_line(name_or_uuid).await?;
        Ok(line.state)
    }

    /// Switch a domain on and wait until it runs. One that runs already is left alone.
    ///
    /// # Errors
    /// As [`Host::domain`]; [`Error::Timeout`](crate::Error::Timeout).
    pub async fn start_domain(&self, name_or_uuid: &str, wait: Wait<'_>) -> Result<()> {
        if self.domain_state(name_or_uuid).await? != DomainState::Running {
            self.virsh(["start", name_or_uuid], name_or_uuid).await?;
        }
        self.reached(name_or_uuid, DomainState::Running, wait).await
    }

    /// Power it off at once, and wait until it is off. One that is off already is left alone.
    ///
    /// # Errors
    /// As [`Host::start_domain`].
    pub async fn destroy_domain(&self, name_or_uuid: &str, wait: Wait<'_>) -> Result<()> {
        if self.domain_state(name_or_uuid).await? != DomainState::ShutOff {
            self.virsh(["destroy", name_or_uuid], name_or_uuid).await?;
        }
        self.reached(name_or_uuid, DomainState::ShutOff, wait).await
    }

    /// Ask the guest to shut down, and wait until it is off. A guest that does
    /// not listen to ACPI ends in a timeout; [`Host::destroy_domain`] is then the way.
    ///
    /// # Errors
    /// As [`Host::start_domain`].
    pub async fn shutdown_domain(&self, name_or_uuid: &str, wait: Wait<'_>) -> Result<()> {
        if self.domain_state(name_or_uuid).await? != DomainState::ShutOff {
            self.virsh(["shutdown", name_or_uuid], name_or_uuid).await?;
        }
        self.reached(name_or_uuid, DomainState::ShutOff, wait).await
    }

    /// Ask the guest to restart. libvirt does not report when it has: who knows
    /// the machine from inside waits with [`Host::wait_for_new_boot`].
    ///
    /// # Errors
    /// As [`Host::domain`].
    pub async fn reboot_domain(&self, name_or_uuid: &str) -> Result<()> {
        self.virsh(["reboot", name_or_uuid], name_or_uuid).await.map(|_| ())
    }

    /// Reboot this host itself (`systemctl reboot`), and wait until it is up again; its new boot id.
    ///
    /// # Errors
    /// As [`Host::run`] and [`Host::wait_for_new_boot`].
    pub async fn reboot(&self, wait: Wait<'_>) -> Result<String> {
        let before = self.boot_id(wait.timeout).await?;
        match self.run(Cmd::new("systemctl").arg("reboot").any_exit()).await {
            // The connection goes down with the host.
            Err(why) if why.is_temporary() => {}
            ended => {
                ended?;
            }
        }
        self.wait_for_new_boot(&before, wait).await
    }

    /// Wait until this host runs a command.
    ///
    /// # Errors
    /// As [`Host::wait_for_new_boot`].
    pub async fn wait_until_up(&self, wait: Wait<'_>) -> Result<()> {
        self.wait_for_new_boot("", wait).await.map(drop)
    }

    async fn boot_id(&self, limit: std::time::Duration) -> Result<String> {
        let cmd = Cmd::new("cat").arg("/proc/sys/kernel/random/boot_id").time_limit(limit);
        Ok(self.run(cmd.repeatable()).await?.text().trim().to_string())
    }

    /// Wait until this host has another boot id than `before` (see
    /// `Facts::boot_id`): it went down and is up again.
    ///
    /// # Errors
    /// [`Error::Timeout`](crate::Error::Timeout); what is wrong with the way to
    /// the host meanwhile is reported as its last state.
    pub async fn wait_for_new_boot(&self, before: &str, wait: Wait<'_>) -> Result<String> {
        let what = format!("host `{}` to come up again", self.name());
        until(&what, wait, || async {
            let limit = std::time::Duration::from_secs(10);
            Ok(match self.boot_id(limit).await {
                Ok(now) if now == before => Seen::NotYet("still up as before".to_string()),
                Ok(now) => Seen::Done(now),
                Err(error) => {
                    // A connection to the machine as it was would hang; the next look connects again.
                    self.disconnect().await;
                    Seen::NotYet(error.to_string())
                }
            })
        })
        .await
    }

    async fn reached(&self, name: &str, state: DomainState, wait: Wait<'_>) -> Result<()> {
        let what = format!("domain `{name}` on host `{}` to be {state}", self.name());
        until(&what, wait, || async {
            let now = self.domain_state(name).await?;
            Ok(if now == state { Seen::Done(()) } else { Seen::NotYet(now.to_string()) })
        })
        .await
    }
}
