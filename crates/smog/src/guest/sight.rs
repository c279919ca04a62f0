//! What libvirt has of a guest, on any host, compared with what Nova says about it.

use serde::Serialize;

use super::Guest;
use crate::cloud::{Cloud, MigrationFilter, Server};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::libvirt::{DomainState, Sighting};

/// What libvirt has of a guest, in addition to the domain itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sight {
    /// Whether the host that Nova names was asked, and answered.
    pub is_known: bool,
    /// libvirt's state of the domain there; `None` when it has no such domain, or was not asked.
    pub state: Option<DomainState>,
    /// Domains of this UUID on other hosts: both sides of a move, or what was left behind.
    pub elsewhere: Vec<Elsewhere>,
}

/// A domain of a guest on a host that is not the one Nova names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Elsewhere {
    /// The host.
    pub host: String,
    /// The domain's name.
    pub domain: String,
    /// Its state there.
    #[serde(serialize_with = "as_virsh_says")]
    pub state: DomainState,
}

/// "shut off", as virsh names a state.
pub(super) fn as_virsh_says<S: serde::Serializer>(state: &DomainState, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(state)
}

impl Sight {
    /// "running", "no domain", "shut off, also on cmp1 (paused)"; empty when nobody was asked.
    pub fn words(&self) -> String {
        let here = match (self.is_known, self.state) {
            (_, Some(state)) => state.to_string(),
            (true, None) => "no domain".into(),
            (false, None) => String::new(),
        };
        let others = self.elsewhere.iter().map(|other| format!("{} ({})", other.host, other.state));
        let others: Vec<String> = others.collect();
        match (here.is_empty(), others.is_empty()) {
            (_, true) => here,
            (true, false) => format!("on {}", others.join(", ")),
            (false, false) => format!("{here}, also on {}", others.join(", ")),
        }
    }

    /// What contradicts Nova, one sentence; `None` when nothing does, when nobody was asked, and
    /// while Nova is at work on the server.
    pub fn contradiction(&self, server: &Server) -> Option<String> {
        if server.task_state.is_some() || server.is_moving() {
            return None;
        }
        let host = server.host.as_deref().unwrap_or_default();
        let (status, domain) = (&server.status, server.instance_name.as_deref().unwrap_or("no name"));
        let here = match self.state {
            _ if !self.is_known || host.is_empty() => None,
            None if has_domain(server) => {
                Some(format!("Nova says {status} on {host}, but libvirt there has no domain `{domain}`"))
            }
            Some(state) if !fits(server, state) => {
                Some(format!("Nova says {status}, but libvirt on {host} has its domain {state}"))
            }
            _ => None,
        };
        // The source keeps its domain, shut off, until the resize is confirmed or reverted.
        let is_expected = |other: &Elsewhere| {
            status == "VERIFY_RESIZE" && matches!(other.state, DomainState::ShutOff | DomainState::NoState)
        };
        let other = self.elsewhere.iter().find(|other| !is_expected(other)).map(|other| {
            let place = if host.is_empty() { "no host".into() } else { format!("`{host}`") };
            format!(
                "libvirt on {} has a domain of it ({}), while Nova says {status} on {place}",
                other.host, other.state
            )
        });
        match (here, other) {
            (Some(here), Some(other)) => Some(format!("{here}; {other}")),
            (here, other) => here.or(other),
        }
    }
}

/// Whether a server of this status has a domain on its host.
fn has_domain(server: &Server) -> bool {
    matches!(
        server.status.as_str(),
        "ACTIVE" | "PAUSED" | "SHUTOFF" | "SUSPENDED" | "RESCUE" | "VERIFY_RESIZE" | "PASSWORD" | "REBOOT"
    )
}

/// Whether libvirt's state is one that a server of this status may have.
fn fits(server: &Server, state: DomainState) -> bool {
    use DomainState::{Blocked, NoState, Paused, PmSuspended, Running, ShutOff, ShuttingDown};
    // A guest that goes down by itself is not down yet, and Nova hears of it afterwards.
    let runs = matches!(state, Running | Blocked | ShuttingDown | NoState);
    match server.status.as_str() {
        // A guest may suspend itself: Nova then says ACTIVE, with the power state 7.
        "ACTIVE" if server.power_state == 7 => runs || state == PmSuspended,
        "ACTIVE" | "RESCUE" | "PASSWORD" => runs,
        "PAUSED" => state == Paused,
        "SHUTOFF" | "SUSPENDED" | "SHELVED" | "SOFT_DELETED" => state == ShutOff,
        // A server that was off is resized too, and stays off.
        "VERIFY_RESIZE" => match server.power_state {
            1 => runs,
            4 => state == ShutOff,
            _ => true,
        },
        // BUILD, ERROR, REBUILD …: anything.
        _ => true,
    }
}

impl Guest {
    /// What libvirt says of it that Nova does not, as it was seen last.
    pub fn contradiction(&self) -> Option<String> {
        self.sight.contradiction(&self.server)
    }

    /// Look at its domain on the host that Nova names, and while it moves, or waits for the
    /// confirmation of a resize, on the other host too. What contradicts Nova is looked at twice,
    /// so that something which changes at this moment is not a contradiction.
    ///
    /// # Errors
    /// The hosts' own; [`Error::NotFound`] when the server is gone. A domain that is not there is
    /// no error: see [`Guest::sight`].
    pub async fn look(&mut self) -> Result<()> {
        self.look_once().await?;
        if self.contradiction().is_some() {
            self.refresh().await?;
            self.look_once().await?;
        }
        Ok(())
    }

    async fn look_once(&mut self) -> Result<()> {
        (self.seen, self.sight) = (None, Sight::default());
        let Some(named) = self.server.host.clone() else { return Ok(()) };
        if let Some(found) = sighting(&self.cloud.host(&named).await?, &self.server.id).await? {
            self.sight.state = Some(found.state);
            self.seen = Some(found.domain);
        }
        self.sight.is_known = true;
        for other in self.cloud.other_sides(&self.server).await? {
            let host = self.cloud.host(&other).await?;
            if let Some(found) = sighting(&host, &self.server.id).await? {
                let (domain, state) = (found.domain.name, found.state);
                self.sight.elsewhere.push(Elsewhere { host: other, domain, state });
            }
        }
        Ok(())
    }
}

async fn sighting(host: &Host, uuid: &str) -> Result<Option<Sighting>> {
    match host.sighting(uuid).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound { what, .. }) if what.starts_with("domain") => Ok(None),
        Err(why) => Err(why),
    }
}

impl Cloud {
    /// The other hosts of the move a server is in, or of the resize it waits for the
    /// confirmation of; none for users who may not see migrations.
    pub(super) async fn other_sides(&self, server: &Server) -> Result<Vec<String>> {
        if !server.is_moving() && server.status != "VERIFY_RESIZE" {
            return Ok(Vec::new());
        }
        let filter = MigrationFilter { server: Some(server.id.clone()), ..MigrationFilter::default() };
        let newest = match self.migrations_matching(&filter).await {
            Ok(found) => found.into_iter().next(),
            Err(Error::Api { status: 403, .. }) => None,
            Err(why) => return Err(why),
        };
        let Some(newest) = newest.filter(|one| !one.has_ended()) else { return Ok(Vec::new()) };
        let mut sides: Vec<String> =
            [newest.source_compute, newest.dest_compute].into_iter().flatten().collect();
        sides.retain(|side| Some(side) != server.host.as_ref());
        sides.dedup();
        Ok(sides)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(status: &str, task: Option<&str>, power: u8) -> Server {
        let text = include_str!("../../tests/data/api/server-pinned-epoxy.json");
        let mut server: Server = serde_json::from_str(text).expect("the recorded server");
        server.status = status.into();
        server.task_state = task.map(str::to_string);
        server.power_state = power;
        server
    }

    fn sight(state: Option<DomainState>) -> Sight {
        Sight { is_known: true, state, elsewhere: Vec::new() }
    }

    #[test]
    fn states_that_contradict_nova() {
        use DomainState::*;
        for (status, power, state, fits) in [
            ("ACTIVE", 1, Some(Running), true),
            ("ACTIVE", 1, Some(Blocked), true),
            ("ACTIVE", 1, Some(ShutOff), false),
            ("ACTIVE", 1, Some(Paused), false),
            ("ACTIVE", 1, Some(Crashed), false),
            ("ACTIVE", 1, Some(PmSuspended), false),
            ("ACTIVE", 7, Some(PmSuspended), true),
            ("ACTIVE", 1, None, false),
            ("PAUSED", 3, Some(Paused), true),
            ("PAUSED", 3, Some(Running), false),
            ("SHUTOFF", 4, Some(ShutOff), true),
            ("SHUTOFF", 4, Some(Running), false),
            ("SHUTOFF", 4, None, false),
            ("SUSPENDED", 4, Some(ShutOff), true),
            ("RESCUE", 1, Some(ShutOff), false),
            ("VERIFY_RESIZE", 1, Some(Running), true),
            ("VERIFY_RESIZE", 1, Some(ShutOff), false),
            ("VERIFY_RESIZE", 4, Some(ShutOff), true),
            ("SHELVED", 4, Some(ShutOff), true),
            ("SHELVED", 4, Some(Running), false),
            ("ERROR", 0, None, true),
            ("ERROR", 1, Some(Running), true),
            ("BUILD", 0, None, true),
        ] {
            let said = sight(state).contradiction(&server(status, None, power));
            assert_eq!(said.is_none(), fits, "{status}, power {power}, {state:?}: {said:?}");
            // Nothing is judged while Nova is at work on it.
            assert_eq!(sight(state).contradiction(&server(status, Some("powering-off"), power)), None);
        }
        let said = sight(Some(ShutOff)).contradiction(&server("ACTIVE", None, 1));
        assert_eq!(said.as_deref(), Some("Nova says ACTIVE, but libvirt on cmp1 has its domain shut off"));
        assert_eq!(Sight::default().contradiction(&server("ACTIVE", None, 1)), None, "nobody was asked");
    }

    #[test]
    fn the_other_side_of_a_move_is_no_contradiction_and_what_is_left_behind_is() {
        let other = |state| Elsewhere { host: "cmp2".into(), domain: "instance-00000001".into(), state };
        let both = |state| Sight { elsewhere: vec![other(state)], ..sight(Some(DomainState::Running)) };
        let off = both(DomainState::ShutOff);
        assert_eq!(off.words(), "running, also on cmp2 (shut off)");
        assert_eq!(off.contradiction(&server("VERIFY_RESIZE", None, 1)), None);
        assert!(off.contradiction(&server("ACTIVE", None, 1)).is_some());
        let twice = both(DomainState::Running);
        assert!(twice.contradiction(&server("VERIFY_RESIZE", None, 1)).is_some(), "it runs twice");
        assert_eq!(twice.contradiction(&server("MIGRATING", Some("migrating"), 1)), None);
        let mut shelved = server("SHELVED_OFFLOADED", None, 4);
        shelved.host = None;
        let left = Sight { elsewhere: vec![other(DomainState::ShutOff)], ..Sight::default() };
        assert_eq!(
            left.contradiction(&shelved).as_deref(),
            Some(
                "libvirt on cmp2 has a domain of it (shut off), while Nova says SHELVED_OFFLOADED on no host"
            )
        );
        assert_eq!(left.words(), "on cmp2 (shut off)");
    }
}
