//! Services of a host: systemd units, and when they are really ready.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::host::{Cmd, Host};
use crate::wait::{Seen, Wait, until};

/// A service counts as ready when it has been active with the same main process
/// for so long: one that dies at its first look at the configuration does not.
const STEADY: Duration = Duration::from_millis(1500);

/// `ActiveState` of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ActiveState {
    /// It runs.
    Active,
    /// It reads its configuration again.
    Reloading,
    /// It does not run.
    Inactive,
    /// It ended badly.
    Failed,
    /// It starts, or waits to be started again.
    Activating,
    /// It stops.
    Deactivating,
    /// A word smog does not know.
    Unknown,
}

/// A systemd unit, as `systemctl show` has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Service {
    /// The unit's name: `nova-compute.service`.
    pub unit: String,
    /// `ActiveState`.
    pub active: ActiveState,
    /// `SubState`: `running`, `exited`, `auto-restart`, `dead` …
    pub sub: String,
    /// `MainPID`.
    pub main_pid: Option<u32>,
    /// `ActiveEnterTimestamp`: active since.
    pub since: Option<jiff::Timestamp>,
    /// `UnitFileState`: `enabled`, `disabled`, `masked`, `static`.
    pub enabled: String,
    /// `NRestarts`: how often systemd started it again by itself.
    pub restarts: u32,
}

impl Service {
    /// Whether it is active.
    pub fn is_active(&self) -> bool {
        self.active == ActiveState::Active
    }

    /// For people: "active (running), process 4711".
    pub fn summary(&self) -> String {
        let state = format!("{:?} ({})", self.active, self.sub).to_lowercase();
        match self.main_pid {
            Some(pid) => format!("{state}, process {pid}"),
            None => state,
        }
    }
}

impl Host {
    /// A service.
    ///
    /// # Errors
    /// [`Error::NotFound`] when this unit does not exist; otherwise as [`Host::run`].
    pub async fn service(&self, unit: &str) -> Result<Service> {
        let found = self.services([unit]).await?;
        found.into_iter().next().ok_or_else(|| Error::NotFound {
            what: format!("service on host {}", self.name()),
            name: unit.to_string(),
            near: Vec::new(),
        })
    }

    /// Several services in one command; those that do not exist are left out.
    ///
    /// # Errors
    /// As [`Host::run`].
    pub async fn services<'a>(&self, units: impl IntoIterator<Item = &'a str>) -> Result<Vec<Service>> {
        let properties = "--property=Id,LoadState,ActiveState,SubState,MainPID,ActiveEnterTimestamp,UnitFileState,NRestarts";
        let cmd = Cmd::new("systemctl").args(["show", properties, "--"]).args(units).env("TZ", "UTC");
        let output = self.run(cmd.repeatable()).await?;
        Ok(parse_show(&output.text()))
    }

    /// Start a service and wait until it is ready. One that is active is left alone.
    ///
    /// # Errors
    /// [`Error::Fault`] with the end of its journal when it fails;
    /// [`Error::Timeout`]; otherwise as [`Host::service`].
    pub async fn start_service(&self, unit: &str, wait: Wait<'_>) -> Result<Service> {
        let before = self.service(unit).await?;
        if before.is_active() {
            return Ok(before);
        }
        self.systemctl("start", unit, wait).await?;
        self.ready(unit, None, wait).await
    }

    /// Restart a service and wait until it is really ready: active, with another
    /// main process than before, for more than a moment.
    ///
    /// # Errors
    /// As [`Host::start_service`].
    pub async fn restart_service(&self, unit: &str, wait: Wait<'_>) -> Result<Service> {
        let before = self.service(unit).await?;
        self.systemctl("restart", unit, wait).await?;
        self.ready(unit, before.main_pid, wait).await
    }

    /// Stop a service and wait until it is down. One that is down is left alone.
    ///
    /// # Errors
    /// As [`Host::start_service`].
    pub async fn stop_service(&self, unit: &str, wait: Wait<'_>) -> Result<Service> {
        self.service(unit).await?;
        self.systemctl("stop", unit, wait).await?;
        let what = format!("service `{unit}` on host `{}` to stop", self.name());
        until(&what, wait, || async {
            let now = self.service(unit).await?;
            let down = matches!(now.active, ActiveState::Inactive | ActiveState::Failed);
            Ok(if down { Seen::Done(now) } else { Seen::NotYet(now.summary()) })
        })
        .await
    }

    /// Wait until a service is ready: active with the same main process, other
    /// than `not_pid`, for more than a moment.
    ///
    /// # Errors
    /// As [`Host::start_service`].
    pub async fn wait_for_service(&self, unit: &str, wait: Wait<'_>) -> Result<Service> {
        self.ready(unit, None, wait).await
    }

    async fn ready(&self, unit: &str, not_pid: Option<u32>, wait: Wait<'_>) -> Result<Service> {
        let what = format!("service `{unit}` on host `{}` to be ready", self.name());
        let steady: Mutex<Option<(Option<u32>, Instant)>> = Mutex::new(None);
        let wait = Wait { every: wait.every.min(Duration::from_millis(300)), ..wait };
        let ready = until(&what, wait, || async {
            let now = self.service(unit).await?;
            let mut since = steady.lock().unwrap_or_else(PoisonError::into_inner);
            let renewed = not_pid.is_none() || now.main_pid != not_pid;
            if now.active == ActiveState::Failed {
                return Ok(Seen::Done(Err(now)));
            }
            if !(now.is_active() && renewed) {
                *since = None;
                return Ok(Seen::NotYet(now.summary()));
            }
            match *since {
                Some((pid, seen)) if pid == now.main_pid => {
                    if seen.elapsed() >= STEADY {
                        return Ok(Seen::Done(Ok(now)));
                    }
                }
                _ => *since = Some((now.main_pid, Instant::now())),
            }
            Ok(Seen::NotYet(format!("{}, just started", now.summary())))
        })
        .await?;
        match ready {
            Ok(service) => Ok(service),
            Err(service) => Err(self.fault_of(unit, &service.summary()).await),
        }
    }

    async fn systemctl(&self, verb: &str, unit: &str, wait: Wait<'_>) -> Result<()> {
        let cmd = Cmd::new("systemctl").args([verb, "--", unit]).time_limit(wait.timeout);
        match self.run(cmd).await {
            Ok(_) => Ok(()),
            Err(Error::Command { exit, stderr, .. }) if exit.starts_with("exit code") => {
                let said = stderr.lines().next().unwrap_or_default();
                Err(self.fault_of(unit, &format!("`systemctl {verb}`: {said}")).await)
            }
            Err(error) => Err(error),
        }
    }

    /// A failed service with the end of its journal.
    async fn fault_of(&self, unit: &str, state: &str) -> Error {
        let cmd = Cmd::new("journalctl").args(["-u", unit, "-n", "12", "--no-pager", "-o", "cat"]).any_exit();
        let log = self.run(cmd).await.map(|output| output.text().trim_end().to_string()).unwrap_or_default();
        let indented: String = log.lines().map(|line| format!("\n    {line}")).collect();
        Error::Fault {
            what: format!("service `{unit}`"),
            fault: format!("{state}{indented}"),
            host: Some(self.name().to_string()),
            request_id: None,
            hint: Some(
                format!("`journalctl -u {unit}` on the host has more; its own log file may have the reason")
                    .into(),
            ),
        }
    }
}

/// The blocks `systemctl show` prints, one a unit, blank lines between.
fn parse_show(text: &str) -> Vec<Service> {
    let blocks = text
        .split("\n\n")
        .map(|block| block.lines().filter_map(|line| line.split_once('=')).collect::<BTreeMap<&str, &str>>());
    blocks
        .filter(|block| block.get("LoadState").is_some_and(|state| *state != "not-found"))
        .filter_map(|block| {
            let value = |key: &str| block.get(key).copied().unwrap_or_default();
            let unit = block.get("Id")?.to_string();
            let active = match value("ActiveState") {
                "active" => ActiveState::Active,
                "reloading" | "refreshing" => ActiveState::Reloading,
                "inactive" => ActiveState::Inactive,
                "failed" => ActiveState::Failed,
                "activating" => ActiveState::Activating,
                "deactivating" => ActiveState::Deactivating,
                _ => ActiveState::Unknown,
            };
            Some(Service {
                unit,
                active,
                sub: value("SubState").to_string(),
                main_pid: value("MainPID").parse().ok().filter(|pid| *pid != 0),
                since: timestamp(value("ActiveEnterTimestamp")),
                enabled: value("UnitFileState").to_string(),
                restarts: value("NRestarts").parse().unwrap_or(0),
            })
        })
        .collect()
}

/// `Tue 2026-11-24 07:01:33 UTC`
fn timestamp(text: &str) -> Option<jiff::Timestamp> {
    let time = jiff::civil::DateTime::strptime("%a %Y-%m-%d %H:%M:%S UTC", text).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::{ActiveState, parse_show};

    #[test]
    fn units_as_systemctl_shows_them() {
        // systemd 257 (Debian 13); the second unit does not exist.
        let text = "MainPID=247\nNRestarts=1\nId=nova-compute.service\nLoadState=loaded\nActiveState=active\n\
                    SubState=running\nUnitFileState=enabled\nActiveEnterTimestamp=Tue 2026-11-24 07:01:48 UTC\n\n\
                    MainPID=0\nNRestarts=0\nId=nope.service\nLoadState=not-found\nActiveState=inactive\n\n\
                    MainPID=0\nId=x.service\nLoadState=loaded\nActiveState=activating\nSubState=auto-restart\n\
                    ActiveEnterTimestamp=\n";
        let services = parse_show(text);
        assert_eq!(services.len(), 2);
        let nova = &services[0];
        assert!(nova.is_active());
        assert_eq!((nova.main_pid, nova.restarts, nova.enabled.as_str()), (Some(247), 1, "enabled"));
        assert_eq!(nova.since.expect("a time").to_string(), "2026-11-24T07:01:48Z");
        assert_eq!(nova.summary(), "active (running), process 247");
        assert_eq!(
            (services[1].active, services[1].main_pid, services[1].since),
            (ActiveState::Activating, None, None)
        );
    }
}
