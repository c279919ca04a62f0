//! What a page shows beyond what the rules judge: actions, image, ports, devices, logs.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::{Duration, Instant};

use super::Topic;
use super::records::{self, Read};
use crate::cloud::{Action, Cloud, Inventory, Network, Port, Server};
use crate::error::{Error, Result};
use crate::findings::{Source, Unknown};
use crate::host::Facts;
use crate::libvirt::GuestDevices;
use crate::trace::{Collector, Known, Trace};

/// What is unknown where some logs were read and others not.
pub(super) const LOGS_OF_A_HOST: &str = "logs of a host";

/// nova-compute gives the console; where it is down, Nova waits a minute and more before it says so.
const CONSOLE_LIMIT: Duration = Duration::from_secs(15);

/// At most so many lines of the console.
const CONSOLE: u32 = 30;

/// What else was asked. `None` is what was not asked, or did not answer (then it is unknown).
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub actions: Option<Vec<Action>>,
    /// The newest action, whole.
    pub trace: Option<Trace>,
    pub image: Option<String>,
    pub ports: Option<Vec<Port>>,
    pub networks: BTreeMap<String, Network>,
    pub devices: Option<GuestDevices>,
    pub facts: Option<Facts>,
    pub console: Option<String>,
    pub traits: Option<Vec<String>>,
    pub inventories: Option<Vec<Inventory>>,
    /// What the logs say about it.
    pub logs: Option<Read>,
    pub unknown: Vec<Unknown>,
    pub sources: Vec<Source>,
}

/// An answer with its name and time; `None` for what was not asked.
struct Timed<T>(Option<(Source, Result<T>)>);

impl<T> Timed<T> {
    fn answer(&self) -> Option<&T> {
        self.0.as_ref()?.1.as_ref().ok()
    }
}

/// An answer that comes within a limit.
async fn within<T>(limit: Duration, ask: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(limit, ask).await.unwrap_or_else(|_| {
        Err(Error::Timeout {
            what: "an answer of nova-compute".into(),
            waited: limit,
            last: "none".into(),
            request_id: None,
        })
    })
}

async fn timed<T>(name: impl Into<String>, is_asked: bool, ask: impl Future<Output = Result<T>>) -> Timed<T> {
    if !is_asked {
        return Timed(None);
    }
    let begun = Instant::now();
    let answer = ask.await;
    Timed(Some((Source { name: name.into(), took: begun.elapsed(), answered: answer.is_ok() }, answer)))
}

impl Extras {
    fn take<T>(&mut self, timed: Timed<T>, concerns: &str) -> Option<T> {
        let (source, answer) = timed.0?;
        let what = source.name.clone();
        self.sources.push(source);
        match answer {
            Ok(found) => Some(found),
            // It is not there: that is an answer, and another rule's matter.
            Err(Error::NotFound { .. } | Error::Api { status: 403 | 404, .. }) => None,
            Err(why) => {
                self.unknown.push(Unknown { what, why: why.to_string(), concerns: concerns.to_string() });
                None
            }
        }
    }
}

/// Ask all of it at once.
pub(super) async fn ask(cloud: &Cloud, server: &Server, topic: Option<Topic>) -> Extras {
    let is_there = server.status != "DELETED";
    let host = server.host.clone().filter(|_| is_there);
    let wants = |of: Topic| topic.is_none_or(|topic| topic == of);
    let name = host.clone().unwrap_or_default();
    let of_host = |what: &str| format!("host {name}: {what}");
    let is_deep = topic == Some(Topic::Logs);
    let reads_logs = is_deep || wants(Topic::Server);
    let actions_and_logs = async {
        let actions = timed("nova: actions", true, actions(cloud, server)).await;
        let known = actions.answer();
        let logs = timed("logs", reads_logs, records::read(cloud, server, known, is_deep)).await;
        (actions, logs)
    };
    let image = async {
        match &server.image {
            Some(id) => cloud.image_name(id).await.map(Some),
            None => Ok(None),
        }
    };
    let ports = async { cloud.ports_of(&server.id).await };
    let devices = async { cloud.host(&name).await?.guest_devices(&server.id).await };
    let facts = async { cloud.host(&name).await?.facts().await };
    let console = within(CONSOLE_LIMIT, cloud.console_log(&server.id, Some(CONSOLE)));
    let provider = async {
        let named = server.hypervisor_hostname.clone().unwrap_or_default();
        let provider = cloud.provider(&named).await?;
        tokio::try_join!(cloud.provider_traits(&provider.id), cloud.inventories(&provider.id))
    };
    let is_on_host = host.is_some();
    let runs = is_on_host
        && matches!(server.status.as_str(), "ACTIVE" | "PAUSED" | "RESCUE" | "VERIFY_RESIZE" | "MIGRATING");
    let ((actions, logs), image, ports, networks, devices, facts, console, provider) = tokio::join!(
        actions_and_logs,
        timed("glance: image", server.image.is_some() && wants(Topic::Server), image),
        timed("neutron: ports", is_there && wants(Topic::Network), ports),
        timed(
            "neutron: networks",
            is_there && wants(Topic::Network) && !server.addresses.is_empty(),
            cloud.networks()
        ),
        timed(
            of_host("taps and disks"),
            is_on_host && (wants(Topic::Network) || wants(Topic::Disk)),
            devices
        ),
        timed(
            of_host("facts"),
            is_on_host && (wants(Topic::Host) || wants(Topic::Memory) || wants(Topic::Cpu)),
            facts
        ),
        timed("nova: console", runs && wants(Topic::Logs), console),
        timed("placement: traits and inventory", is_on_host && topic == Some(Topic::Placement), provider)
    );
    let mut extras = Extras::default();
    let known = extras.take(actions, "what was done to it").and_then(|(actions, known)| {
        extras.actions = Some(actions);
        known
    });
    extras.image = extras.take(image, "its image").flatten();
    extras.ports = extras.take(ports, "its ports");
    let networks = extras.take(networks, "its networks").unwrap_or_default();
    extras.networks = networks.into_iter().map(|network| (network.id.clone(), network)).collect();
    extras.devices = extras.take(devices, "its taps and disks");
    extras.facts = extras.take(facts, "its host");
    extras.console = extras.take(console, "its console");
    if let Some((traits, inventories)) = extras.take(provider, "its provider") {
        extras.traits = Some(traits);
        extras.inventories = Some(inventories);
    }
    extras.logs = extras.take(logs, "records about it");
    if let Some(read) = &mut extras.logs {
        extras.trace = read.trace.take();
        extras.unknown.extend(read.unread.iter().map(|why| Unknown {
            what: LOGS_OF_A_HOST.into(),
            why: why.clone(),
            concerns: "records about it".into(),
        }));
    }
    // Without logs, its phases are the steps of Nova's own record.
    extras.trace = extras.trace.or_else(|| Some(Collector::new(known?).trace()));
    extras
}

/// What was done to it, and what is known of the newest of it.
async fn actions(cloud: &Cloud, server: &Server) -> Result<(Vec<Action>, Option<Known>)> {
    let actions = cloud.actions(&server.id).await?;
    let known = match actions.first() {
        Some(newest) => Some(cloud.known_of(server, &newest.request_id, &actions, Vec::new()).await?),
        None => None,
    };
    Ok((actions, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_console_that_does_not_come_is_not_waited_for() {
        let never = within(Duration::from_millis(5), std::future::pending::<Result<String>>()).await;
        let why = never.expect_err("no answer").to_string();
        assert!(why.contains("nova-compute"), "{why}");
        let console = within(CONSOLE_LIMIT, async { Ok("login:".to_string()) }).await;
        assert_eq!(console.expect("an answer"), "login:");
    }
}
